//! Numbers in as few bytes as they need: LEB128 varints, least significant group first, and zigzag for signed ones.

/// How many bits `x` needs; 0 for 0.
#[inline]
pub fn width(x: u64) -> u32 {
    u64::BITS - x.leading_zeros()
}

/// Maps signed to unsigned so that small magnitudes stay small: 0, -1, 1, -2 become 0, 1, 2, 3.
#[inline]
pub fn zigzag(x: i64) -> u64 {
    ((x << 1) ^ (x >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub fn unzigzag(x: u64) -> i64 {
    (x >> 1) as i64 ^ -((x & 1) as i64)
}

/// Appends `x` in 1 to 10 bytes.
#[inline]
pub fn put(out: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

/// Appends a signed number, zigzagged.
#[inline]
pub fn put_signed(out: &mut Vec<u8>, x: i64) {
    put(out, zigzag(x));
}

/// How many bytes [`put`] takes for `x`.
#[inline]
pub fn length(x: u64) -> usize {
    width(x | 1).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::reader::Reader;
    use proptest::prelude::*;

    #[test]
    fn known_bytes() {
        for (x, bytes) in [(0u64, &[0u8][..]), (127, &[127]), (128, &[0x80, 1]), (300, &[0xac, 2])] {
            let mut out = Vec::new();
            put(&mut out, x);
            assert_eq!(out, bytes);
        }
        assert_eq!([0, -1, 1, i64::MIN, i64::MAX].map(zigzag), [0, 1, 2, u64::MAX, u64::MAX - 1]);
    }

    #[test]
    fn what_is_too_long_or_cut_is_refused() {
        assert!(Reader::new(&[0xff; 11]).varint().is_err());
        assert!(Reader::new(&[0x80, 0x80]).varint().is_err());
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).varint().is_err());
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).varint().unwrap(), u64::MAX);
    }

    proptest! {
        #[test]
        fn round_trip(x: u64, shift in 0u32..64) {
            let x = x >> shift;
            let mut out = Vec::new();
            put(&mut out, x);
            prop_assert_eq!(out.len(), length(x));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint().unwrap(), x);
            prop_assert!(reader.finish().is_ok());
            prop_assert_eq!(unzigzag(zigzag(x as i64)), x as i64);
        }
    }
}
