//! Floats that were written down as decimals, as the integers they are: `v = i / 10^e`.
//!
//! The division is the IEEE one, which gives back exactly the float that parsing the decimal gave. Values that are only
//! near a decimal (sums and means of decimals) keep their distance from it in units of the last place; the few that are
//! not near (NaN, infinities, -0.0, others) are kept as they are, beside. (Afroozeh, Kuffó and Boncz, "ALP: Adaptive
//! Lossless floating-Point Compression", 2023, for decimals as integers with exceptions.)
//!
//! Layout: a head byte (bits 0–4 `e`, bit 5 distances follow, bit 6 exceptions follow, bit 7 set), the integers, the
//! distances (both by `ints`), the exceptions: a count, then position (from the one before) and eight bytes each.

use super::DecodeError;
use super::ints::{self, Lines};
use super::reader::Reader;
use super::varint::{put, width};

/// Set in every head byte, so that a column can tell a decimal image from its other forms.
pub const DECIMAL: u8 = 1 << 7;
const DISTANCES: u8 = 1 << 5;
const EXCEPTIONS: u8 = 1 << 6;
const EXPONENT: u8 = 31;

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// No value is taken for a decimal of more digits after the point than this.
const MOST_DIGITS: u8 = 15;
/// An inexact value's integer and distance together must stay below this many bits to be worth it.
const NEAR: u32 = 40;
/// Adding and subtracting 1.5 · 2^52 rounds to the nearest integer.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// 2^51: below it the rounding is right.
const ROUNDABLE: f64 = 2_251_799_813_685_248.0;
/// 2^62: integers below it convert without saturation.
const CONVERTIBLE: f64 = 4_611_686_018_427_387_904.0;

/// 10^e.
#[inline]
pub fn power(exponent: u8) -> f64 {
    POWERS[usize::from(exponent).min(POWERS.len() - 1)]
}

/// 10^e as an integer; 0 when it exceeds 64 bits.
#[inline]
pub fn scale(exponent: u8) -> i64 {
    10i64.checked_pow(u32::from(exponent)).unwrap_or(0)
}

/// The integer next to `value · 10^e` and the distance of `value` from it, when both are small.
#[inline]
fn fit(value: f64, exponent: u8) -> Option<(i64, i64)> {
    let power = power(exponent);
    let scaled = value * power;
    if scaled.abs() < ROUNDABLE {
        let rounded = (scaled + ROUND) - ROUND;
        let integer = rounded as i64;
        let distance = ulps(value, rounded / power);
        let near = || integer != 0 && width(integer.unsigned_abs()) + width(distance.unsigned_abs()) <= NEAR;
        return (distance == 0 || near()).then_some((integer, distance));
    }
    let whole = exponent == 0 && value.abs() < CONVERTIBLE;
    (whole && (value as i64 as f64).to_bits() == value.to_bits()).then_some((value as i64, 0))
}

/// How many floats `value` is above `other`, both of one sign.
#[inline]
pub fn ulps(value: f64, other: f64) -> i64 {
    (value.to_bits() as i64).wrapping_sub(other.to_bits() as i64)
}

/// The float that is `distance` floats above `other`.
#[inline]
pub fn offset(other: f64, distance: i64) -> f64 {
    f64::from_bits((other.to_bits() as i64).wrapping_add(distance) as u64)
}

fn smallest_exponent(value: f64, from: u8) -> Option<u8> {
    (from..=MOST_DIGITS).find(|&exponent| fit(value, exponent).is_some())
}

/// What makes floats out of integers: distances in units of the last place, and exceptions.
#[derive(Default)]
pub struct Corrections {
    distances: Vec<i64>,
    inexact: bool,
    exceptions: Vec<(u32, u64)>,
}

impl Corrections {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.distances.clear();
        self.exceptions.clear();
        self.inexact = false;
    }

    /// The next value is this far from what its integer says.
    #[inline]
    pub fn push(&mut self, distance: i64) {
        self.distances.push(distance);
        self.inexact |= distance != 0;
    }

    /// The next value is kept as it is.
    pub fn push_exception(&mut self, value: f64) {
        self.exceptions.push((self.distances.len() as u32, value.to_bits()));
        self.distances.push(0);
    }

    /// How many exceptions there are.
    pub fn exceptions(&self) -> usize {
        self.exceptions.len()
    }

    /// The bits of the head byte that say what [`Self::write`] will write.
    pub fn head(&self) -> u8 {
        let distances = if self.inexact { DISTANCES } else { 0 };
        distances | if self.exceptions.is_empty() { 0 } else { EXCEPTIONS }
    }

    /// Appends what [`correct`] reads.
    pub fn write(&self, scratch: &mut ints::Scratch, out: &mut Vec<u8>) {
        if self.inexact {
            ints::encode(&self.distances, Lines::Skip, scratch, out);
        }
        if !self.exceptions.is_empty() {
            put(out, self.exceptions.len() as u64);
            let mut last = 0;
            for &(row, bits) in &self.exceptions {
                put(out, u64::from(row - last));
                out.extend_from_slice(&bits.to_le_bytes());
                last = row;
            }
        }
    }
}

/// A column of floats as integers.
#[derive(Default)]
pub struct Image {
    /// Digits after the point.
    pub exponent: u8,
    /// The values times `10^exponent`; at an exception, some number that packs well.
    pub integers: Vec<i64>,
    corrections: Corrections,
}

impl Image {
    /// Makes the image of `values` with at least `digits` digits after the point; false when too few of them are decimals.
    pub fn make(&mut self, values: &[f64], digits: u8) -> bool {
        let Some(mut exponent) = sampled_exponent(values, digits) else {
            return false;
        };
        loop {
            match self.fill(values, exponent) {
                Fill::Done => return true,
                Fill::Finer(finer) => exponent = finer,
                Fill::Hopeless => return false,
            }
        }
    }

    fn fill(&mut self, values: &[f64], exponent: u8) -> Fill {
        self.exponent = exponent;
        self.integers.clear();
        self.corrections.clear();
        let (mut last, mut finer) = (0, 0);
        for &value in values {
            if let Some((integer, distance)) = fit(value, exponent) {
                last = integer;
                self.corrections.push(distance);
            } else {
                if let Some(exponent) = smallest_exponent(value, exponent + 1) {
                    finer += 1;
                    if finer > values.len() / 32 {
                        return Fill::Finer(exponent);
                    }
                }
                self.corrections.push_exception(value);
                if self.corrections.exceptions() > values.len() / 16 + 1 {
                    return Fill::Hopeless;
                }
            }
            self.integers.push(last);
        }
        Fill::Done
    }

    /// Appends the image; `integers` stand for its own, which the reader can make of them.
    pub fn write(&self, integers: &[i64], scratch: &mut ints::Scratch, out: &mut Vec<u8>) {
        write_with(self.exponent, &self.corrections, integers, scratch, out);
    }
}

/// Appends integers over `10^exponent` and what corrects them.
pub fn write_with(
    exponent: u8,
    corrections: &Corrections,
    integers: &[i64],
    scratch: &mut ints::Scratch,
    out: &mut Vec<u8>,
) {
    out.push(DECIMAL | exponent | corrections.head());
    ints::encode(integers, Lines::Skip, scratch, out);
    corrections.write(scratch, out);
}

enum Fill {
    Done,
    /// Enough values have more digits.
    Finer(u8),
    /// Too many values are no decimals.
    Hopeless,
}

/// The exponent that suits sixteen values spread over the column; none when more than two of them are no decimals.
fn sampled_exponent(values: &[f64], digits: u8) -> Option<u8> {
    let samples = values.len().min(16);
    let (mut exponent, mut odd) = (digits, 0);
    for i in 0..samples {
        let value = values[i * values.len() / samples];
        match smallest_exponent(value, exponent) {
            Some(finer) => exponent = finer,
            None => odd += 1,
        }
    }
    (odd * 8 <= samples).then_some(exponent)
}

/// The head byte of an image, checked.
#[derive(Clone, Copy)]
pub struct Head(u8);

impl Head {
    /// Reads the head byte.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let byte = reader.byte()?;
        if byte & DECIMAL == 0 || usize::from(byte & EXPONENT) >= POWERS.len() {
            return Err(DecodeError("no head of decimals"));
        }
        Ok(Head(byte))
    }

    /// Digits after the point.
    pub fn exponent(self) -> u8 {
        self.0 & EXPONENT
    }
}

/// Appends the floats that `integers` are at `exponent`.
pub fn to_floats(integers: &[i64], exponent: u8, out: &mut Vec<f64>) {
    if exponent == 0 {
        out.extend(integers.iter().map(|&i| i as f64));
    } else {
        let power = power(exponent);
        out.extend(integers.iter().map(|&i| i as f64 / power));
    }
}

/// Reads what makes `values` exact, and ends the reading. `spare` is for the distances.
pub fn correct(reader: Reader<'_>, head: Head, values: &mut [f64], spare: &mut Vec<i64>) -> Result<(), DecodeError> {
    let mut reader = reader;
    if head.0 & DISTANCES != 0 {
        ints::decode(&mut reader, values.len(), spare)?;
        for (value, &distance) in values.iter_mut().zip(spare.iter()) {
            *value = offset(*value, distance);
        }
    }
    if head.0 & EXCEPTIONS != 0 {
        let mut row = 0;
        for _ in 0..reader.count(values.len())? {
            row += reader.count(values.len())?;
            let bits = reader.word()?;
            *values.get_mut(row).ok_or(DecodeError("an exception lies outside its column"))? = f64::from_bits(bits);
        }
    }
    reader.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(values: &[f64]) -> Option<Image> {
        let mut image = Image::default();
        image.make(values, 0).then_some(image)
    }

    #[test]
    fn decimals_are_integers() {
        let made = image(&[0.25, 1.5, -3.0, 0.01]).unwrap();
        assert_eq!((made.exponent, &made.integers[..]), (2, &[25, 150, -300, 1][..]));
        assert_eq!(made.corrections.head(), 0);
    }

    #[test]
    fn sums_of_decimals_are_near() {
        let made = image(&[0.1 + 0.2, 0.7 + 0.1, 0.4]).unwrap();
        assert_eq!((made.exponent, &made.integers[..]), (1, &[3, 8, 4][..]));
        assert_eq!(made.corrections.head(), DISTANCES);
    }

    #[test]
    fn what_is_no_decimal_is_an_exception_or_refused() {
        let mut values = vec![1.5; 40];
        (values[3], values[20]) = (-0.0, f64::NAN);
        let made = image(&values).unwrap();
        assert_eq!(made.corrections.exceptions, [(3, (-0.0f64).to_bits()), (20, f64::NAN.to_bits())]);
        assert!(image(&(1..100).map(|i| f64::from(i).sqrt()).collect::<Vec<_>>()).is_none());
        assert!(image(&[f64::NAN; 30]).is_none());
    }

    #[test]
    fn large_integers_are_exact() {
        let values = [9_007_199_254_740_993.0, 2f64.powi(61), -(2f64.powi(60))];
        assert_eq!(image(&values).unwrap().integers, values.map(|v| v as i64));
    }
}
