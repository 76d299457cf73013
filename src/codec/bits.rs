//! Bit packing: `n` numbers of `width` bits each, least significant bit first, without gaps.
//!
//! Thirty-two numbers of any width fill whole bytes (`4 * width` of them), which is what [`unpack`] is made for: for
//! each width there is one straight-line routine whose offsets and shifts are constants.

/// How many numbers are packed and unpacked together.
pub const BLOCK: usize = 32;

/// How many bytes `n` numbers of `width` bits take.
#[inline]
pub fn packed_length(n: usize, width: u32) -> usize {
    (n * width as usize).div_ceil(8)
}

/// Appends the low `width` bits of each value; all higher bits must be zero.
#[inline]
pub fn pack(values: &[u64], width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (mut word, mut filled) = (0u64, 0u32);
    for &value in values {
        word |= value << filled;
        filled += width;
        if filled >= u64::BITS {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= u64::BITS;
            word = if filled == 0 { 0 } else { value >> (width - filled) };
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..filled.div_ceil(8) as usize]);
}

#[allow(clippy::inline_always, reason = "offsets and shifts must become constants")]
#[inline(always)]
fn load(bytes: &[u8], offset: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[offset..offset + 8]);
    u64::from_le_bytes(word)
}

/// The number at `index` of a block; `BYTES` is `4 * WIDTH` and at least 8. Loads never leave the block: at its end
/// they are moved back, and shift accordingly.
#[allow(clippy::inline_always, reason = "offsets and shifts must become constants")]
#[inline(always)]
fn number<const WIDTH: usize, const BYTES: usize>(block: &[u8; BYTES], index: usize) -> i64 {
    let bit = index * WIDTH;
    let mask = u64::MAX >> (64 - WIDTH);
    let offset = (bit / 64 * 8).min(BYTES - 8);
    let shift = bit - offset * 8;
    let low = load(block, offset) >> shift;
    if shift + WIDTH <= 64 {
        return (low & mask) as i64;
    }
    let next = (offset + 8).min(BYTES - 8);
    let high = load(block, next) >> ((offset + 8 - next) * 8);
    ((low | high << (64 - shift)) & mask) as i64
}

macro_rules! unrolled {
    ($out:ident, $block:ident, $width:ident, $bytes:ident: $($index:literal)*) => {
        $( $out[$index] = number::<$width, $bytes>($block, $index); )*
    };
}

fn unpack_block<const WIDTH: usize, const BYTES: usize>(bytes: &[u8], out: &mut [i64; BLOCK]) {
    let Some(block) = bytes.first_chunk::<BYTES>() else {
        return;
    };
    unrolled!(out, block, WIDTH, BYTES:
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
}

fn unpack_single_bits(bytes: &[u8], out: &mut [i64; BLOCK]) {
    let Some(block) = bytes.first_chunk() else { return };
    let bits = u32::from_le_bytes(*block);
    for (i, slot) in out.iter_mut().enumerate() {
        *slot = i64::from(bits >> i & 1);
    }
}

macro_rules! by_width {
    ($width:ident, $bytes:ident, $out:ident: $($w:literal)*) => {
        match $width {
            0 => $out.fill(0),
            1 => unpack_single_bits($bytes, $out),
            $( $w => unpack_block::<$w, { $w * 4 }>($bytes, $out), )*
            _ => {}
        }
    };
}

/// Unpacks a block of 32 numbers of `width` bits (at most 64) from the first `4 * width` bytes.
///
/// The caller has checked both: with fewer bytes or a greater width, nothing is written.
#[inline]
pub fn unpack(bytes: &[u8], width: u32, out: &mut [i64; BLOCK]) {
    by_width!(width, bytes, out:
        2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40
        41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_bytes() {
        let mut out = Vec::new();
        pack(&[1, 2, 3, 4, 5], 3, &mut out);
        assert_eq!(out, [0b1101_0001, 0b0101_1000]);
        pack(&[u64::MAX], 64, &mut out);
        assert_eq!(out[2..], [0xff; 8]);
    }

    proptest! {
        #[test]
        fn every_width_comes_back(values in prop::array::uniform32(any::<u64>())) {
            for width in 0..=64 {
                let cut = values.map(|v| if width == 0 { 0 } else { v >> (64 - width) });
                let mut out = Vec::new();
                pack(&cut, width, &mut out);
                prop_assert_eq!(out.len(), packed_length(BLOCK, width));
                let mut back = [-1; BLOCK];
                unpack(&out, width, &mut back);
                prop_assert_eq!(back.map(|v| v as u64), cut);
            }
        }
    }
}
