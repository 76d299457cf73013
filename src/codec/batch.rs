//! A journal batch: what one push carried, for many metrics at once.
//!
//! Keys and timestamps are lists of small numbers (differences of keys, differences of differences of timestamps), each
//! list either plain varints or (number, how often) pairs, whichever is shorter: neighbouring metrics at one time cost
//! next to nothing, and so does one metric at regular times. Values are plain bits, or compressed when the caller wants it
//! and it helps. Unlike chunks, batches carry their own length: a count is believed only as far as the bytes can
//! bear it, four measures to a byte.
//!
//! Layout: a head byte (bit 0 keys as pairs, bit 1 timestamps as pairs, bit 2 values compressed), the count as a varint,
//! keys, timestamps, values, and zeros up to a quarter of a byte per measure.

use super::column::{get_plain, put_plain};
use super::reader::Reader;
use super::varint::{put, unzigzag, zigzag};
use super::{DecodeError, shuffled};

const KEY_PAIRS: u8 = 1 << 0;
const TIME_PAIRS: u8 = 1 << 1;
const COMPRESSED: u8 = 1 << 2;
/// No more measures than this in a byte.
const DENSEST: usize = 4;

/// Appends a batch to `out`. The three slices are equally long; `compress` favours size over speed.
///
/// Any content comes back as it was; it is small when the keys do not decrease.
pub fn encode_batch(keys: &[u64], timestamps: &[i64], values: &[f64], compress: bool, out: &mut Vec<u8>) {
    debug_assert!(keys.len() == timestamps.len() && keys.len() == values.len());
    let start = out.len();
    out.reserve(24 + 10 * keys.len());
    out.push(0);
    put(out, keys.len() as u64);
    let mut head = 0;
    if put_numbers(|| key_steps(keys), out) {
        head |= KEY_PAIRS;
    }
    if put_numbers(|| time_steps(timestamps), out) {
        head |= TIME_PAIRS;
    }
    if compress && put_compressed(values, out) {
        head |= COMPRESSED;
    } else {
        put_plain(values, out);
    }
    let least = start + keys.len().div_ceil(DENSEST);
    if out.len() < least {
        out.resize(least, 0);
    }
    out[start] = head;
}

/// Differences of the keys; the first is from 0.
fn key_steps(keys: &[u64]) -> impl Iterator<Item = u64> {
    let mut last = 0;
    keys.iter().map(move |&key| key.wrapping_sub(std::mem::replace(&mut last, key)))
}

/// The first timestamp, then what each difference differs from the one before, zigzagged.
fn time_steps(timestamps: &[i64]) -> impl Iterator<Item = u64> {
    let (mut last, mut step) = (0i64, 0i64);
    let mut first = true;
    timestamps.iter().map(move |&time| {
        let difference = time.wrapping_sub(std::mem::replace(&mut last, time));
        let change = difference.wrapping_sub(step);
        step = if std::mem::take(&mut first) { 0 } else { difference };
        zigzag(change)
    })
}

/// Appends a list of numbers; true when as pairs.
fn put_numbers<I: Iterator<Item = u64>>(numbers: impl Fn() -> I, out: &mut Vec<u8>) -> bool {
    let (mut count, mut changes, mut last) = (0usize, 0usize, None);
    for number in numbers() {
        count += 1;
        changes += usize::from(last != Some(number));
        last = Some(number);
    }
    let pairs = 2 * changes < count;
    if pairs {
        put_pairs(numbers(), out);
    } else {
        numbers().for_each(|number| put(out, number));
    }
    pairs
}

fn put_pairs(numbers: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    let (mut last, mut often) = (0, 0u64);
    for number in numbers {
        if number != last && often > 0 {
            put(out, last);
            put(out, often);
            often = 0;
        }
        last = number;
        often += 1;
    }
    put(out, last);
    put(out, often);
}

/// Appends the compressed values, with their length before them; false when that does not help.
fn put_compressed(values: &[f64], out: &mut Vec<u8>) -> bool {
    let mut scratch = shuffled::Scratch::default();
    let compressed = shuffled::compress(values, &mut scratch);
    let helps = compressed.len() + 4 < 8 * values.len();
    if helps {
        put(out, compressed.len() as u64);
        out.extend_from_slice(compressed);
    }
    helps
}

/// Appends the measures of a batch to `keys`, `timestamps` and `values`.
///
/// # Errors
///
/// When the bytes are no batch. What was appended until then is taken back.
pub fn decode_batch(
    bytes: &[u8],
    keys: &mut Vec<u64>,
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    let starts = (keys.len(), timestamps.len(), values.len());
    let decoded = decode(bytes, keys, timestamps, values);
    if decoded.is_err() {
        keys.truncate(starts.0);
        timestamps.truncate(starts.1);
        values.truncate(starts.2);
    }
    decoded
}

fn decode(
    bytes: &[u8],
    keys: &mut Vec<u64>,
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    let head = reader.byte()?;
    if head & !(KEY_PAIRS | TIME_PAIRS | COMPRESSED) != 0 {
        return Err(DecodeError("an unknown kind of batch"));
    }
    let count = reader.count(bytes.len().saturating_mul(DENSEST))?;
    keys.reserve(count);
    let mut key = 0u64;
    get_numbers(&mut reader, count, head & KEY_PAIRS != 0, |step| {
        key = key.wrapping_add(step);
        keys.push(key);
    })?;
    timestamps.reserve(count);
    let (mut time, mut step, mut first) = (0i64, 0i64, true);
    get_numbers(&mut reader, count, head & TIME_PAIRS != 0, |change| {
        step = step.wrapping_add(unzigzag(change));
        time = time.wrapping_add(step);
        timestamps.push(time);
        if std::mem::take(&mut first) {
            step = 0;
        }
    })?;
    decode_values(&mut reader, count, head & COMPRESSED != 0, values)?;
    let padding = reader.rest();
    let expected = padding.is_empty() || bytes.len() == count.div_ceil(DENSEST);
    if expected && padding.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(DecodeError("bytes are left over")) }
}

fn decode_values(
    reader: &mut Reader<'_>,
    count: usize,
    compressed: bool,
    values: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    if compressed {
        let length = reader.count(8 * count)?;
        shuffled::decompress(reader.take(length)?, count, &mut shuffled::Scratch::default(), values)
    } else {
        get_plain(reader.take(8 * count)?, count, values)
    }
}

/// Reads `count` numbers that were written plainly or as pairs.
fn get_numbers(
    reader: &mut Reader<'_>,
    count: usize,
    pairs: bool,
    mut each: impl FnMut(u64),
) -> Result<(), DecodeError> {
    let mut left = count;
    while left > 0 {
        let number = reader.varint()?;
        let often = if pairs { reader.count(left)? } else { 1 };
        if often == 0 {
            return Err(DecodeError("a number is there no times"));
        }
        (0..often).for_each(|_| each(number));
        left -= often;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::{Random, hostile, mutate, same_bits};
    use proptest::prelude::*;

    fn round_trip(keys: &[u64], timestamps: &[i64], values: &[f64], compress: bool) -> Vec<u8> {
        let mut bytes = vec![7];
        encode_batch(keys, timestamps, values, compress, &mut bytes);
        let (mut k, mut t, mut v) = (vec![1], vec![2], vec![3.0]);
        decode_batch(&bytes[1..], &mut k, &mut t, &mut v).unwrap();
        assert_eq!((&k[1..], &t[1..]), (keys, timestamps));
        assert!(same_bits(&v[1..], values));
        bytes.split_off(1)
    }

    #[test]
    fn golden() {
        assert_eq!(round_trip(&[], &[], &[], false), [0, 0]);
        assert_eq!(round_trip(&[3], &[-5], &[1.0], true), [0, 1, 3, 9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        let bytes = round_trip(&[3, 3, 3, 3, 3], &[10, 20, 30, 40, 50], &[0.0; 5], false);
        assert_eq!(bytes[..12], [3, 5, 3, 1, 0, 4, 20, 2, 0, 3, 0, 0]);
        assert_eq!(bytes.len(), 50);
    }

    #[test]
    fn sizes() {
        let now = 1_700_000_000_000_000_000;
        assert!(round_trip(&[1 << 34], &[now], &[0.1], true).len() <= 24);
        let n = 50_000;
        let values: Vec<f64> = (0..n).map(|i| f64::from(i).sin()).collect();
        let consecutive: Vec<u64> = (500..500 + n as u64).collect();
        let regular: Vec<i64> = (0..i64::from(n)).map(|i| now + i * 10_000_000_000).collect();
        assert!(round_trip(&consecutive, &vec![now; n as usize], &values, false).len() <= 8 * n as usize + 40);
        assert!(round_trip(&vec![9; n as usize], &regular, &values, false).len() <= 8 * n as usize + 40);
        let flat = vec![0.5; n as usize];
        assert!(round_trip(&consecutive, &regular, &flat, true).len() <= n as usize / 4 + 1);
    }

    #[test]
    fn damage_changes_nothing_on_error_and_allocates_little() {
        let mut random = Random(3);
        let keys: Vec<u64> = (0..600).map(|i| i / 3).collect();
        let times: Vec<i64> = (0..600).map(|_| random.below(1 << 40) as i64).collect();
        let values: Vec<f64> = (0..600).map(|i| f64::from(i % 9)).collect();
        for compress in [false, true] {
            let bytes = round_trip(&keys, &times, &values, compress);
            mutate(&bytes, 20_000, |bytes| {
                let (mut k, mut t, mut v) = (vec![1], vec![2], vec![3.0]);
                if decode_batch(bytes, &mut k, &mut t, &mut v).is_err() {
                    assert!(k.len() == 1 && t.len() == 1 && v.len() == 1);
                }
                assert!(v.capacity() <= 8 * bytes.len() + 8 && k.capacity() <= 8 * bytes.len() + 8);
            });
        }
    }

    proptest! {
        #[test]
        fn any_batch_comes_back(
            values in hostile(200), keys in prop::collection::vec(any::<u64>(), 200), shift in 0u32..64,
            times in prop::collection::vec(any::<i64>(), 200), regular: bool, compress: bool,
        ) {
            let n = values.len();
            let mut keys: Vec<u64> = keys[..n].iter().map(|k| k >> shift).collect();
            keys.sort_unstable();
            let times: Vec<i64> = times[..n].iter().zip(0..).map(|(t, i)| if regular { i * 10 } else { *t }).collect();
            round_trip(&keys, &times, &values, compress);
        }
    }
}
