//! Floats grouped by byte (all lowest bytes, then all second ones, …) and compressed with LZ4's block format.
//!
//! The size after decompression is always known from elsewhere; LZ4's own size prefix is never used, because it is
//! what a hostile file would lie about.

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

use super::DecodeError;

/// Memory of both directions.
#[derive(Default)]
pub struct Scratch {
    groups: Vec<u8>,
    compressed: Vec<u8>,
}

/// The compressed bytes of `values`.
pub fn compress<'a>(values: &[f64], scratch: &'a mut Scratch) -> &'a [u8] {
    let Scratch { groups, compressed } = scratch;
    groups.clear();
    groups.resize(8 * values.len(), 0);
    for (byte, group) in groups.chunks_exact_mut(values.len().max(1)).enumerate() {
        for (slot, value) in group.iter_mut().zip(values) {
            *slot = (value.to_bits() >> (8 * byte)) as u8;
        }
    }
    compressed.resize(get_maximum_output_size(groups.len()), 0);
    match compress_into(groups, compressed) {
        Ok(length) => &compressed[..length],
        Err(_) => unreachable!("the output has the size that the compressor asks for"),
    }
}

/// Appends the `n` values that `bytes` hold.
pub fn decompress(bytes: &[u8], n: usize, scratch: &mut Scratch, out: &mut Vec<f64>) -> Result<(), DecodeError> {
    let groups = &mut scratch.groups;
    groups.clear();
    groups.resize(8 * n, 0);
    match decompress_into(bytes, groups) {
        Ok(length) if length == 8 * n => {}
        _ => return Err(DecodeError("a compressed column is damaged")),
    }
    let start = out.len();
    out.resize(start + n, 0.0);
    gather(groups, &mut out[start..]);
    Ok(())
}

/// Puts the bytes of each value together again.
fn gather(groups: &[u8], values: &mut [f64]) {
    let n = values.len();
    let mut parts = [&groups[..0]; 8];
    for (byte, part) in parts.iter_mut().enumerate() {
        *part = &groups[byte * n..(byte + 1) * n];
    }
    for (i, value) in values.iter_mut().enumerate() {
        *value = f64::from_bits(u64::from_le_bytes(parts.map(|part| part[i])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::{hostile, same_bits};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_come_back(values in hostile(100)) {
            let mut scratch = Scratch::default();
            let bytes = compress(&values, &mut scratch).to_vec();
            let mut back = vec![0.5];
            decompress(&bytes, values.len(), &mut scratch, &mut back).unwrap();
            prop_assert!(same_bits(&back[1..], &values));
            prop_assert!(decompress(&bytes, values.len() + 1, &mut scratch, &mut back).is_err());
            prop_assert!(decompress(&bytes, values.len() - 1, &mut scratch, &mut back).is_err());
        }
    }
}
