//! One column of floats, on its own.
//!
//! The first byte says which form the rest has; the encoder takes the first that serves: all bits equal; decimals
//! (`decimal`) when they take at most six bytes a value; integers that sort as the floats do (`ints`); the plain bits,
//! or those grouped by byte and compressed (`shuffled`). Tag 4 is kept free for the format of the pco crate.

use super::DecodeError;
use super::decimal::{self, DECIMAL, Head, Image};
use super::ints::{self, Lines};
use super::reader::Reader;
use super::shuffled;
use super::varint::put;

const CONSTANT: u8 = 0;
const ORDERED: u8 = 1;
const PLAIN: u8 = 2;
const SHUFFLED: u8 = 3;

/// Memory of the encoder and the decoder.
#[derive(Default)]
pub struct Scratch {
    /// The decimal image of the column that [`encode`] wrote last; meaningful only when it said so.
    pub image: Image,
    /// For integer streams.
    pub ints: ints::Scratch,
    /// For decoded integers.
    pub integers: Vec<i64>,
    /// For a second stream of them.
    pub distances: Vec<i64>,
    shuffled: shuffled::Scratch,
}

/// Appends `values`; none makes no bytes. Says whether it wrote the decimal image that is now in `scratch`.
pub fn encode(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) -> bool {
    if encode_constant(values, out) {
        return false;
    }
    if scratch.image.make(values, 0) {
        return encode_image(values, None, scratch, out) == Form::Decimals;
    }
    encode_inexact(values, scratch, out);
    false
}

/// Appends `values` when they are all the same, or none at all.
pub fn encode_constant(values: &[f64], out: &mut Vec<u8>) -> bool {
    let Some(first) = values.first() else { return true };
    let constant = values.iter().all(|v| v.to_bits() == first.to_bits());
    if constant {
        out.push(CONSTANT);
        put(out, first.to_bits().swap_bytes());
    }
    constant
}

/// How [`encode_image`] wrote a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// By its decimal image.
    Decimals,
    /// By its decimal image, with other integers for its own.
    Others,
    /// Otherwise.
    Inexact,
}

/// Appends `values`, whose image is in `scratch`: as decimals when that takes at most six bytes a value, else as what
/// is smallest. `others` may stand for the image's integers where that is smaller.
pub fn encode_image(values: &[f64], others: Option<&[i64]>, scratch: &mut Scratch, out: &mut Vec<u8>) -> Form {
    let start = out.len();
    let Scratch { image, ints, .. } = scratch;
    image.write(&image.integers, ints, out);
    let mut form = Form::Decimals;
    if let Some(others) = others {
        let own = out.len();
        image.write(others, ints, out);
        form = keep_smaller(out, start, own, Form::Decimals, Form::Others);
    }
    if out.len() - start > 6 * values.len() {
        let own = out.len();
        encode_inexact(values, scratch, out);
        form = keep_smaller(out, start, own, form, Form::Inexact);
    }
    form
}

/// Of two encodings, from `start` and from `middle` on, leaves the smaller.
pub fn keep_smaller<T>(out: &mut Vec<u8>, start: usize, middle: usize, first: T, second: T) -> T {
    if out.len() - middle < middle - start {
        out.drain(start..middle);
        second
    } else {
        out.truncate(middle);
        first
    }
}

/// Appends values that are no decimals.
pub fn encode_inexact(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let start = out.len();
    let ordered = &mut scratch.integers;
    ordered.clear();
    ordered.extend(values.iter().map(|v| flip(v.to_bits() as i64)));
    out.push(ORDERED);
    ints::encode(ordered, Lines::Skip, &mut scratch.ints, out);
    let taken = out.len() - start;
    let plain = 1 + 8 * values.len();
    if taken < plain && !repeats(values) {
        return;
    }
    let compressed = shuffled::compress(values, &mut scratch.shuffled);
    if 1 + compressed.len() < taken.min(plain) {
        out.truncate(start);
        out.push(SHUFFLED);
        out.extend_from_slice(compressed);
    } else if plain <= taken {
        out.truncate(start);
        out.push(PLAIN);
        put_plain(values, out);
    }
}

/// Between the bits of a float, as a signed number, and a number that sorts as the float does; its own inverse.
#[inline]
fn flip(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// Whether a sample of the values repeats itself, so that LZ4 may find something that differences do not.
fn repeats(values: &[f64]) -> bool {
    const SAMPLES: usize = 16;
    let mut sample = [0; SAMPLES];
    let n = values.len().min(SAMPLES);
    for (i, slot) in sample[..n].iter_mut().enumerate() {
        *slot = values[i * values.len() / n].to_bits();
    }
    sample[..n].sort_unstable();
    sample[..n].windows(2).any(|pair| pair[0] == pair[1])
}

/// Appends the values' bits, little-endian.
pub fn put_plain(values: &[f64], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + 8 * values.len(), 0);
    let (words, _) = out[start..].as_chunks_mut::<8>();
    for (word, value) in words.iter_mut().zip(values) {
        *word = value.to_bits().to_le_bytes();
    }
}

/// Appends the values whose bits are `bytes`.
pub fn get_plain(bytes: &[u8], n: usize, out: &mut Vec<f64>) -> Result<(), DecodeError> {
    let (words, odd) = bytes.as_chunks::<8>();
    if words.len() != n || !odd.is_empty() {
        return Err(DecodeError("a plain column has another length"));
    }
    out.extend(words.iter().map(|word| f64::from_bits(u64::from_le_bytes(*word))));
    Ok(())
}

/// Appends the `n` values that `bytes` hold; all bytes must be used.
pub fn decode(bytes: &[u8], n: usize, scratch: &mut Scratch, out: &mut Vec<f64>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    if n == 0 {
        return reader.finish();
    }
    if bytes.first().is_some_and(|head| head & DECIMAL != 0) {
        let start = out.len();
        let head = Head::read(&mut reader)?;
        ints::decode(&mut reader, n, &mut scratch.integers)?;
        head.to_floats(&scratch.integers, out);
        return decimal::correct(reader, head, &mut out[start..], &mut scratch.distances);
    }
    match reader.byte()? {
        CONSTANT => {
            let value = f64::from_bits(reader.varint()?.swap_bytes());
            out.resize(out.len() + n, value);
            reader.finish()
        }
        ORDERED => {
            let start = out.len();
            // Of values that are not negative the numbers are the bits.
            if ints::decode_bits(&mut reader, n, &mut scratch.integers, out)? {
                out[start..].iter_mut().for_each(|x| *x = f64::from_bits(flip(x.to_bits() as i64) as u64));
            }
            reader.finish()
        }
        PLAIN => get_plain(reader.rest(), n, out),
        SHUFFLED => shuffled::decompress(reader.rest(), n, &mut scratch.shuffled, out),
        _ => Err(DecodeError("an unknown form of column")),
    }
}

/// The value that all of a column are that was written as one.
pub fn decode_constant(bytes: &[u8]) -> Option<f64> {
    let mut reader = Reader::new(bytes);
    let is_constant = reader.byte().ok()? == CONSTANT;
    let value = f64::from_bits(reader.varint().ok()?.swap_bytes());
    (is_constant && reader.finish().is_ok()).then_some(value)
}

/// Reads the integers of a column that was written as decimals, and their exponent.
pub fn decode_integers(bytes: &[u8], n: usize, out: &mut Vec<i64>) -> Result<u8, DecodeError> {
    let mut reader = Reader::new(bytes);
    let head = Head::read(&mut reader)?;
    ints::decode(&mut reader, n, out)?;
    Ok(head.exponent())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::{hostile, mutate, same_bits};
    use proptest::prelude::*;

    fn round_trip(values: &[f64]) -> Vec<u8> {
        let mut bytes = vec![9];
        let mut scratch = Scratch::default();
        encode(values, &mut scratch, &mut bytes);
        let mut back = vec![0.25];
        decode(&bytes[1..], values.len(), &mut scratch, &mut back).unwrap();
        assert!(same_bits(&back[1..], values));
        bytes.split_off(1)
    }

    #[test]
    fn each_form_has_its_use() {
        let noise = |i: u32| f64::from_bits(u64::from(i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(i));
        let made = |f: &dyn Fn(u32) -> f64| (0..100).map(f).collect::<Vec<_>>();
        assert_eq!(round_trip(&made(&|_| f64::NAN))[0], CONSTANT);
        assert_eq!(round_trip(&made(&|i| f64::from(i % 7) / 10.0))[0], DECIMAL | 1);
        assert_eq!(round_trip(&made(&|i| f64::from(i + 1).sqrt()))[0], ORDERED);
        assert_eq!(round_trip(&made(&noise))[0], PLAIN);
        assert_eq!(round_trip(&made(&|i| noise(i % 3)))[0], SHUFFLED);
        assert!(round_trip(&[]).is_empty());
    }

    #[test]
    fn golden() {
        assert_eq!(round_trip(&[1.0, 1.0]), [CONSTANT, 0xbf, 0xe0, 3]);
        assert_eq!(round_trip(&[0.1, 0.2, 0.4]), [DECIMAL | 1, 17, 2, 2, 0b11_01_00]);
    }

    #[test]
    fn damage_gives_errors_or_other_values() {
        let columns: [Vec<f64>; 4] = [
            (0..400).map(|i| f64::from(i % 37) / 4.0).collect(),
            (0..400).map(|i| f64::from(i).sin()).collect(),
            (0..400).map(|i| f64::from(i % 3).sin()).collect(),
            (0..400).map(|i| if i % 50 == 0 { f64::NAN } else { f64::from(i) * 0.1 }).collect(),
        ];
        let mut scratch = Scratch::default();
        for values in columns {
            let bytes = round_trip(&values);
            let mut back = Vec::new();
            mutate(&bytes, 5_000, |bytes| {
                back.clear();
                let _ = decode(bytes, values.len(), &mut scratch, &mut back);
                assert!(back.capacity() <= 4 * values.len());
            });
        }
    }

    proptest! {
        #[test]
        fn any_values_come_back(values in hostile(300)) {
            round_trip(&values);
        }
    }
}
