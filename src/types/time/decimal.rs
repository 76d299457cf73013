//! Numbers as they are written, without a float between the text and its nanoseconds.
//!
//! A [`Decimal`] holds the digits; [`nanos`] multiplies sums of them by units exactly and cuts below the nanosecond.

use super::Unreadable;

/// Fraction digits beyond this place cannot reach a nanosecond, in whatever unit.
const LAST_PLACE: i64 = 40;

/// Digits and where their decimal point is: before `digits[point]`, however far outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    /// A number of digits and at most one point: `12`, `1.5`, `.5`, `5.`.
    pub(super) fn plain(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let valid = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let digits = digits.into_iter().map(|digit| digit.wrapping_sub(b'0')).collect();
        valid.then_some(Decimal { digits, point: whole.len() as i64 })
    }

    /// The digit at place `place` behind the point; the first is place 1.
    fn fraction_digit(&self, place: i64) -> u128 {
        let index = self.point.saturating_add(place - 1);
        usize::try_from(index).ok().and_then(|index| self.digits.get(index)).copied().unwrap_or(0).into()
    }

    /// How many places behind the point there are.
    fn places(&self) -> i64 {
        (self.digits.len() as i64).saturating_sub(self.point).max(0)
    }

    /// What stands before the point.
    fn whole(&self) -> Option<u128> {
        if self.digits.iter().all(|digit| *digit == 0) {
            return Some(0);
        }
        let mut whole: u128 = 0;
        for index in 0..self.point.max(0) {
            let digit = self.digits.get(index as usize).copied().unwrap_or(0);
            whole = whole.checked_mul(10)?.checked_add(digit.into())?;
        }
        Some(whole)
    }
}

/// The sum of `terms`, each a number of units of so many nanoseconds, cut below the nanosecond.
///
/// Exact: from the last place to the first, what carries over is the whole part of what all later places amount to.
pub(super) fn nanos(terms: &[(Decimal, i64)]) -> Result<i64, Unreadable> {
    let places = terms.iter().map(|(number, _)| number.places()).max().unwrap_or(0);
    let mut sum: u128 = 0;
    for place in (1..=places).rev() {
        let column: u128 = terms.iter().map(|(number, unit)| number.fraction_digit(place) * *unit as u128).sum();
        sum = (sum + column) / 10;
    }
    for (number, unit) in terms {
        let whole = number.whole().and_then(|whole| whole.checked_mul(*unit as u128));
        sum = whole.and_then(|whole| sum.checked_add(whole)).ok_or(Unreadable::Range)?;
    }
    i64::try_from(sum).map_err(|_| Unreadable::Range)
}

/// A number with its sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) negative: bool,
    pub(super) magnitude: Decimal,
}

/// A number in any form that Python's `float` reads: sign, fraction, exponent, `_` between digits.
///
/// `None` when the text is none, so that it may mean something else.
pub(super) fn number(text: &str) -> Option<Result<Number, Unreadable>> {
    let text = text.trim();
    let (negative, unsigned) = match text.strip_prefix(['+', '-']) {
        Some(unsigned) => (text.starts_with('-'), unsigned),
        None => (false, text),
    };
    if ["nan", "inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name)) {
        return Some(Err(Unreadable::NotFinite));
    }
    let magnitude = unsigned_number(unsigned)?;
    Some(Ok(Number { negative, magnitude }))
}

fn unsigned_number(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
        None => (text, 0),
    };
    let parts = mantissa.split('.').map(without_underscores).collect::<Option<Vec<_>>>()?;
    let mut number = Decimal::plain(&parts.join("."))?;
    number.point = number.point.saturating_add(exponent);
    if number.point < -LAST_PLACE {
        number = Decimal { digits: Vec::new(), point: 0 };
    }
    Some(number)
}

fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = without_underscores(digits)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse().unwrap_or(i64::MAX / 2);
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// The digits without the `_` between them; `None` when one stands elsewhere than between two.
fn without_underscores(digits: &str) -> Option<String> {
    let misplaced = digits.contains('_') && digits.split('_').any(str::is_empty);
    (!misplaced).then(|| digits.replace('_', ""))
}

/// A float as nanoseconds: its shortest decimal (what its writer meant), to the nearest nanosecond.
pub(super) fn nanos_of_float(seconds: f64) -> Result<i64, Unreadable> {
    if !seconds.is_finite() {
        return Err(Unreadable::NotFinite);
    }
    let shortest = format!("{:?}", seconds.abs());
    let number = unsigned_number(&shortest).ok_or(Unreadable::Syntax)?;
    let half = Decimal { digits: vec![5], point: 0 };
    let magnitude = nanos(&[(number, super::SECOND), (half, 1)])?;
    Ok(if seconds < 0.0 { -magnitude } else { magnitude })
}
