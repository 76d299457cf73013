//! Arithmetic that encoder and decoder must do alike, on every machine.
//!
//! IEEE arithmetic is the same everywhere but for the bits of a NaN. So these functions say themselves which NaN
//! comes out; the encoder compares with what was really there.

const QUIET: u64 = 1 << 51;

/// `sum / count`.
#[inline]
pub fn quotient(sum: f64, count: f64) -> f64 {
    defined(sum, sum / count)
}

/// Makes of each sum its quotient by one count: the same bits as [`quotient`] makes of each.
pub fn quotients(sums: &mut [f64], count: f64) {
    // Of numbers and a count like this no quotient is a NaN. Looking at all of them, other than stopping at the first, is done
    // several at a time.
    let plain = count.is_finite() && count != 0.0 && !sums.iter().fold(false, |any, sum| any | sum.is_nan());
    if !plain {
        for sum in sums.iter_mut() {
            *sum = quotient(*sum, count);
        }
    } else if let Some(inverse) = exact_inverse(count) {
        for sum in sums.iter_mut() {
            *sum *= inverse;
        }
    } else {
        for sum in sums.iter_mut() {
            *sum /= count;
        }
    }
}

/// `1.0 / count` where that is exact: a product by it then rounds the same number as the division does, in less time.
fn exact_inverse(count: f64) -> Option<f64> {
    const MANTISSA: u64 = (1 << 52) - 1;
    let inverse = 1.0 / count;
    let is_power = |x: f64| x.is_normal() && x.to_bits() & MANTISSA == 0;
    (is_power(count) && is_power(inverse)).then_some(inverse)
}

/// `value + 0.0`: what a sum that begins at +0.0 makes of one value.
#[inline]
pub fn plus_zero(value: f64) -> f64 {
    defined(value, value + 0.0)
}

/// `result`, where that is a number; else the NaN that `operand` is, quiet, or the one NaN.
#[inline]
fn defined(operand: f64, result: f64) -> f64 {
    if !result.is_nan() {
        result
    } else if operand.is_nan() {
        f64::from_bits(operand.to_bits() | QUIET)
    } else {
        f64::from_bits(0x7ff8_0000_0000_0000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::{Random, SPECIAL, same_bits};

    #[test]
    fn nans_are_the_same_everywhere() {
        let signalling = f64::from_bits(0xfff0_0000_0000_0007);
        assert_eq!(plus_zero(signalling).to_bits(), 0xfff8_0000_0000_0007);
        assert_eq!(quotient(0.0, 0.0).to_bits(), 0x7ff8_0000_0000_0000);
        assert_eq!(quotient(f64::INFINITY, f64::NEG_INFINITY).to_bits(), 0x7ff8_0000_0000_0000);
        assert_eq!(plus_zero(-0.0).to_bits(), 0);
        assert_eq!(quotient(1.0, 4.0), 0.25);
    }

    #[test]
    fn many_quotients_are_those_of_each() {
        let mut random = Random(3);
        let tiny = f64::MIN_POSITIVE;
        let powers = [1.0, 2.0, 0.5, -4.0, 2f64.powi(60), 2f64.powi(1023), 2f64.powi(-1022), tiny / 4.0];
        let others = [0.0, -0.0, 3.0, 6.0, 60.0, 3600.0, 0.1, f64::INFINITY, f64::NAN, f64::MAX, f64::from_bits(5)];
        for count in powers.into_iter().chain(others) {
            let numbers: Vec<f64> =
                (0..40).map(|_| random.normal() * 2f64.powi(random.below(2000) as i32 - 1000)).collect();
            let odd: Vec<f64> = (0..40).map(|_| f64::from_bits(random.next())).chain(SPECIAL).collect();
            let subnormal: Vec<f64> = (0..40).map(|_| f64::from_bits(random.next() >> 12)).collect();
            for sums in [numbers, odd, subnormal] {
                let each: Vec<f64> = sums.iter().map(|sum| quotient(*sum, count)).collect();
                let mut all = sums;
                quotients(&mut all, count);
                assert!(same_bits(&all, &each), "by {count:e}");
            }
        }
    }
}
