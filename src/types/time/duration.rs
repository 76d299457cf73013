//! Lengths of time as people write them: `5 minutes`, `1h30m`, `2 days, 4:13:02`, `00:05:00`.
//!
//! The grammar is that of the Python package pytimeparse, which Gnocchi uses. Unlike there, fractions of minutes and
//! longer units are not cut to seconds: everything is exact to the nanosecond.

use super::decimal::{self, Decimal};
use super::{SECOND, Unreadable};

const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// The units in the order in which a text may name them, each at most once.
const UNITS: [(i64, &[&str]); 5] = [
    (WEEK, &["w", "wk", "wks", "week", "weeks"]),
    (DAY, &["d", "dy", "dys", "day", "days"]),
    (HOUR, &["h", "hr", "hrs", "hour", "hours"]),
    (MINUTE, &["m", "min", "mins", "minute", "minutes"]),
    (SECOND, &["s", "sec", "secs", "second", "seconds"]),
];

/// A number and the nanoseconds of its unit.
type Term = (Decimal, i64);

/// The length that `text` says, in nanoseconds: negative when it begins with `-`.
pub(super) fn parse(text: &str) -> Result<i64, Unreadable> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text).trim_start();
    if unsigned.is_empty() {
        return Err(Unreadable::Syntax);
    }
    let terms = units(unsigned).or_else(|| clock(unsigned)).ok_or(Unreadable::Syntax)?;
    let magnitude = decimal::nanos(&terms)?;
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// Numbers with units, longest unit first; after weeks and days also a clock with hours.
fn units(text: &str) -> Option<Vec<Term>> {
    let mut terms: Vec<Term> = Vec::new();
    let mut rest = text;
    let mut longest = 0;
    while !rest.is_empty() {
        let Some((number, unit, after)) = number_with_unit(rest) else {
            let after_days = !terms.is_empty() && longest <= 2;
            let clock = if after_days { clock_of_hours(rest)? } else { return None };
            terms.extend(clock);
            return Some(terms);
        };
        if unit < longest {
            return None;
        }
        longest = unit + 1;
        let (nanos, _) = UNITS[unit];
        terms.push((number, nanos));
        rest = if nanos == SECOND { after } else { without_separator(after) };
    }
    Some(terms)
}

/// The number and the unit (its place in [`UNITS`]) with which `text` begins, and what follows.
fn number_with_unit(text: &str) -> Option<(Decimal, usize, &str)> {
    let (number, rest) = split_where(text, |c| !c.is_ascii_digit() && c != '.');
    let (name, rest) = split_where(rest.trim_start(), |c| !c.is_ascii_alphabetic());
    let unit = UNITS.iter().position(|(_, names)| names.iter().any(|known| name.eq_ignore_ascii_case(known)))?;
    Some((Decimal::plain(number)?, unit, rest.trim_start()))
}

fn split_where(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

/// What follows at most one `,` or `/`.
fn without_separator(text: &str) -> &str {
    text.strip_prefix([',', '/']).unwrap_or(text).trim_start()
}

/// A clock that stands alone: `:SS`, `MM:SS`, `H:MM:SS` or `D:HH:MM:SS`, where `D-` will do too.
fn clock(text: &str) -> Option<Vec<Term>> {
    let (head, seconds) = text.rsplit_once(':')?;
    let Some((head, minutes)) = head.rsplit_once(':') else {
        let minutes = match head.len() {
            0 => None,
            1 | 2 => Some((integer(head)?, MINUTE)),
            _ => return None,
        };
        return Some(minutes.into_iter().chain([seconds_of(seconds)?]).collect());
    };
    match head.rsplit_once([':', '-']) {
        None => clock_of_hours(text),
        Some((days, hours)) => Some(vec![
            (integer(days)?, DAY),
            (two_digits(hours)?, HOUR),
            (two_digits(minutes)?, MINUTE),
            seconds_of(seconds)?,
        ]),
    }
}

/// `H:MM:SS` with any number of hours.
fn clock_of_hours(text: &str) -> Option<Vec<Term>> {
    let (head, seconds) = text.rsplit_once(':')?;
    let (hours, minutes) = head.split_once(':')?;
    Some(vec![(integer(hours)?, HOUR), (two_digits(minutes)?, MINUTE), seconds_of(seconds)?])
}

/// Two digits, and a fraction when a point and at least one digit follow.
fn seconds_of(text: &str) -> Option<Term> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    two_digits(whole)?;
    integer(fraction)?;
    Some((Decimal::plain(text)?, SECOND))
}

fn two_digits(text: &str) -> Option<Decimal> {
    if text.len() == 2 { integer(text) } else { None }
}

fn integer(text: &str) -> Option<Decimal> {
    if text.contains('.') { None } else { Decimal::plain(text) }
}
