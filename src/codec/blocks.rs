//! Small unsigned numbers in blocks of 32, each block with the bit width that suits it.
//!
//! A few large numbers in a block do not widen it: the block is then *patched*, its packed area holds only the low bits
//! of all numbers, and a list after it gives position and high bits of the few. (Zukowski et al., "Super-Scalar RAM-CPU
//! Cache Compression", 2006; Lemire and Boytsov, "Decoding billions of integers per second", 2015.)
//!
//! Layout: the blocks' width bytes (one for all when `uniform`), then for each block its packed numbers and, when bit 7
//! of its width byte is set, a count and that many (position, varint of the high bits).

use super::DecodeError;
use super::bits::{BLOCK, pack, packed_length, unpack};
use super::reader::Reader;
use super::varint::{put, width};

const PATCHED: u8 = 0x80;

/// How a sequence will be written, and what that costs.
#[derive(Default)]
pub struct Plan {
    widths: Vec<u8>,
    /// Bits that [`Plan::write`] will take, its width bytes included.
    pub cost: usize,
    /// Whether one width byte stands for all blocks; the caller stores it.
    pub uniform: bool,
}

impl Plan {
    /// Chooses each block's width for `values`.
    pub fn make(&mut self, values: &[u64]) {
        self.widths.clear();
        let (mut packed, mut widest) = (0, 0);
        for block in values.chunks(BLOCK) {
            let (byte, bits, full) = best_width(block);
            self.widths.push(byte);
            packed += bits as usize;
            widest = widest.max(full);
        }
        self.cost = packed + 8 * self.widths.len();
        self.uniform = self.widths.windows(2).all(|pair| pair[0] == pair[1]);
        if self.uniform {
            self.cost = packed + 8;
        } else if values.len() * widest as usize + 8 <= self.cost {
            self.cost = values.len() * widest as usize + 8;
            self.uniform = true;
            self.widths.fill(widest as u8);
        }
    }

    /// Appends `values`, for which this plan was made.
    pub fn write(&self, values: &[u64], out: &mut Vec<u8>) {
        out.extend_from_slice(if self.uniform { &self.widths[..self.widths.len().min(1)] } else { &self.widths });
        for (block, &byte) in values.chunks(BLOCK).zip(&self.widths) {
            if byte & PATCHED == 0 {
                pack(block, u32::from(byte), out);
            } else {
                write_patched(block, u32::from(byte & !PATCHED), out);
            }
        }
    }
}

/// Width byte and cost in bits of the cheapest way to write a block, and the width of its largest number.
fn best_width(block: &[u64]) -> (u8, u32, u32) {
    let n = block.len() as u32;
    let full = width(block.iter().fold(0, |all, &x| all | x));
    let mut best = (full as u8, n * full, full);
    if full <= 2 {
        return best;
    }
    let mut of_width = [0u8; 65];
    for &x in block {
        of_width[width(x) as usize] += 1;
    }
    let mut patches = 0;
    for narrow in (0..full).rev() {
        patches += u32::from(of_width[narrow as usize + 1]);
        if patches > n / 4 {
            break;
        }
        let cost = n * narrow + 8 + patches * (8 + 8 * (full - narrow).div_ceil(7));
        if cost < best.1 {
            best = (narrow as u8 | PATCHED, cost, full);
        }
    }
    best
}

fn write_patched(block: &[u64], narrow: u32, out: &mut Vec<u8>) {
    let mask = (1u64 << narrow) - 1;
    let mut low = [0; BLOCK];
    for (slot, &x) in low.iter_mut().zip(block) {
        *slot = x & mask;
    }
    pack(&low[..block.len()], narrow, out);
    out.push(block.iter().filter(|&&x| x > mask).count() as u8);
    for (i, &x) in block.iter().enumerate().filter(|(_, x)| **x > mask) {
        out.push(i as u8);
        put(out, x >> narrow);
    }
}

/// Reads `n` numbers into `out`, replacing what is there.
pub fn read(reader: &mut Reader<'_>, n: usize, uniform: bool, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    let blocks = n.div_ceil(BLOCK);
    let widths = reader.take(if uniform { blocks.min(1) } else { blocks })?;
    // Every block is written whole: what was in its place need not be cleared.
    out.resize(blocks * BLOCK, 0);
    let (chunks, _) = out.as_chunks_mut::<BLOCK>();
    let last = blocks.wrapping_sub(1);
    for (i, chunk) in chunks.iter_mut().enumerate() {
        let byte = widths[if uniform { 0 } else { i }];
        let rows = if i == last { n - i * BLOCK } else { BLOCK };
        read_block(reader, byte, rows, chunk)?;
    }
    out.truncate(n);
    Ok(())
}

#[inline]
fn read_block(reader: &mut Reader<'_>, byte: u8, rows: usize, out: &mut [i64; BLOCK]) -> Result<(), DecodeError> {
    let narrow = u32::from(byte & !PATCHED);
    if narrow > 64 {
        return Err(DecodeError("a bit width exceeds 64"));
    }
    let packed = reader.take(packed_length(rows, narrow))?;
    if rows == BLOCK {
        unpack(packed, narrow, out);
    } else {
        let mut padded = [0; 8 * BLOCK];
        padded[..packed.len()].copy_from_slice(packed);
        unpack(&padded, narrow, out);
    }
    if byte & PATCHED != 0 { read_patches(reader, narrow, rows, out) } else { Ok(()) }
}

fn read_patches(reader: &mut Reader<'_>, narrow: u32, rows: usize, out: &mut [i64; BLOCK]) -> Result<(), DecodeError> {
    for _ in 0..reader.byte()? {
        let position = usize::from(reader.byte()?);
        let high = reader.varint()?;
        if position >= rows || narrow >= 64 || width(high) + narrow > 64 {
            return Err(DecodeError("a patch lies outside its block"));
        }
        out[position] |= (high << narrow) as i64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[u64]) -> usize {
        let mut plan = Plan::default();
        plan.make(values);
        let mut out = Vec::new();
        plan.write(values, &mut out);
        assert!(out.len() * 8 <= plan.cost + 7 * values.len().div_ceil(BLOCK), "the plan was too hopeful");
        let mut back = vec![7];
        let mut reader = Reader::new(&out);
        read(&mut reader, values.len(), plan.uniform, &mut back).unwrap();
        reader.finish().unwrap();
        assert!(back.iter().map(|&x| x as u64).eq(values.iter().copied()));
        out.len()
    }

    #[test]
    fn outliers_do_not_widen_a_block() {
        let mut values = vec![1u64; 64];
        values[40] = u64::MAX >> 1;
        assert!(round_trip(&values) <= 2 + 4 + 4 + 12);
        assert_eq!(round_trip(&[0; 320]), 1);
        assert_eq!(round_trip(&[3; 320]), 81);
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(
            values in prop::collection::vec((any::<u64>(), 0u32..64, 0u32..64), 1..200),
            usual in 0u32..64,
        ) {
            let values: Vec<u64> = values
                .into_iter()
                .map(|(x, shift, odd)| if odd < 3 { x >> shift } else { x >> usual })
                .collect();
            round_trip(&values);
        }
    }
}
