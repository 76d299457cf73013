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

    #[test]
    fn nans_are_the_same_everywhere() {
        let signalling = f64::from_bits(0xfff0_0000_0000_0007);
        assert_eq!(plus_zero(signalling).to_bits(), 0xfff8_0000_0000_0007);
        assert_eq!(quotient(0.0, 0.0).to_bits(), 0x7ff8_0000_0000_0000);
        assert_eq!(quotient(f64::INFINITY, f64::NEG_INFINITY).to_bits(), 0x7ff8_0000_0000_0000);
        assert_eq!(plus_zero(-0.0).to_bits(), 0);
        assert_eq!(quotient(1.0, 4.0), 0.25);
    }
}
