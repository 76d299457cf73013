//! Which rows there are: group starts on the grid of a granularity, and rows of a chunk that have a value.
//!
//! Group starts are multiples of the granularity, mostly all of them in a row: then first and count say everything. With
//! gaps it is a bitmap or a list of runs, whichever is shorter. Starts that lie on no grid are kept as plain
//! timestamps, so that nothing an encoder is given can be lost.
//!
//! Layout of starts: a mode byte; in units of the granularity the zigzag varint of the first start; then, for a bitmap,
//! the span as a varint and the bits (LSB first); for runs, (rows missing, rows there) pairs of varints until all rows are
//! there. Layout of a set of rows: a byte that says bitmap or runs, and the same, for all rows of the chunk.

use super::DecodeError;
use super::ints;
use super::reader::Reader;
use super::timestamps;
use super::varint::{put, put_signed};

const FULL: u8 = 0;
const BITMAP: u8 = 1;
const RUNS: u8 = 2;
const FREE: u8 = 3;

const OFF: DecodeError = DecodeError("group starts exceed the range of time");
const SHAPE: DecodeError = DecodeError("rows and runs do not fit together");

/// Appends group starts.
pub fn encode(starts: &[i64], granularity: i64, scratch: &mut ints::Scratch, out: &mut Vec<u8>) {
    let (Some(&first), Some(&last)) = (starts.first(), starts.last()) else {
        return;
    };
    if granularity <= 0 || starts.iter().any(|start| start % granularity != 0) {
        out.push(FREE);
        return timestamps::encode(starts, scratch, out);
    }
    let origin = first / granularity;
    let span = (last / granularity).wrapping_sub(origin) as u64 + 1;
    if span == starts.len() as u64 {
        out.push(FULL);
        return put_signed(out, origin);
    }
    let places = || starts.iter().map(move |start| (start / granularity - origin) as u64);
    let mode = out.len();
    out.push(RUNS);
    put_signed(out, origin);
    let content = out.len();
    put_runs(places(), out);
    if span.div_ceil(8) < (out.len() - content) as u64 {
        out.truncate(content);
        out[mode] = BITMAP;
        put(out, span);
        put_bitmap(places(), span as usize, out);
    }
}

/// Appends pairs (missing, there) for ascending places.
fn put_runs(places: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    let (mut end, mut there) = (0, 0);
    for place in places {
        if place != end || there == 0 {
            if there > 0 {
                put(out, there);
            }
            put(out, place - end);
            there = 0;
        }
        there += 1;
        end = place + 1;
    }
    if there > 0 {
        put(out, there);
    }
}

fn put_bitmap(places: impl Iterator<Item = u64>, span: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + span.div_ceil(8), 0);
    for place in places {
        out[start + place as usize / 8] |= 1 << (place % 8);
    }
}

/// Appends `rows` group starts to `out`.
pub fn decode(
    reader: &mut Reader<'_>,
    rows: usize,
    granularity: i64,
    spare: &mut Vec<i64>,
    out: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    let mode = reader.byte()?;
    if mode == FREE {
        timestamps::decode(reader, rows, spare)?;
        out.extend_from_slice(spare);
        return Ok(());
    }
    if granularity <= 0 {
        return Err(DecodeError("a granularity must be positive"));
    }
    let origin = reader.signed()?;
    let end = out.len() + rows;
    match mode {
        FULL => put_starts(origin, rows as u64, granularity, out)?,
        BITMAP => decode_bitmap(reader, origin, rows, granularity, out)?,
        RUNS => {
            let mut place = origin;
            while out.len() < end {
                place = skip(place, reader.varint()?)?;
                let there = reader.count(end - out.len())? as u64;
                put_starts(place, there, granularity, out)?;
                place = skip(place, there)?;
                if there == 0 {
                    return Err(SHAPE);
                }
            }
        }
        _ => return Err(DecodeError("an unknown kind of group starts")),
    }
    if out.len() == end { Ok(()) } else { Err(SHAPE) }
}

fn skip(place: i64, by: u64) -> Result<i64, DecodeError> {
    place.checked_add_unsigned(by).ok_or(OFF)
}

/// Appends `there` consecutive group starts.
fn put_starts(place: i64, there: u64, granularity: i64, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    let last = skip(place, there.saturating_sub(1))?;
    let first = place.checked_mul(granularity).ok_or(OFF)?;
    last.checked_mul(granularity).ok_or(OFF)?;
    out.extend((0..there as i64).map(|i| first + i * granularity));
    Ok(())
}

fn decode_bitmap(
    reader: &mut Reader<'_>,
    origin: i64,
    rows: usize,
    granularity: i64,
    out: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    let span = reader.varint()?;
    let bitmap = reader.take(usize::try_from(span.div_ceil(8)).map_err(|_| OFF)?)?;
    let there: usize = bitmap.iter().map(|byte| byte.count_ones() as usize).sum();
    let last = skip(origin, span)?.checked_mul(granularity);
    let (Some(first), Some(_)) = (origin.checked_mul(granularity), last) else {
        return Err(OFF);
    };
    if there != rows {
        return Err(SHAPE);
    }
    for (&byte, place) in bitmap.iter().zip((0i64..).step_by(8)) {
        let mut bits = byte;
        while bits != 0 {
            let bit = i64::from(bits.trailing_zeros());
            out.push(first.wrapping_add((place + bit).wrapping_mul(granularity)));
            bits &= bits - 1;
        }
    }
    Ok(())
}

/// Appends which rows have a value.
pub fn encode_rows(present: &[bool], out: &mut Vec<u8>) {
    let places = || present.iter().zip(0u64..).filter(|(has, _)| **has).map(|(_, place)| place);
    let mode = out.len();
    out.push(RUNS);
    put_runs(places(), out);
    if present.len().div_ceil(8) < out.len() - mode - 1 {
        out.truncate(mode);
        out.push(BITMAP);
        put_bitmap(places(), present.len(), out);
    }
}

/// Appends to `out` which of `rows` rows have a value, and ends the reading.
pub fn decode_rows(bytes: &[u8], rows: usize, out: &mut Vec<bool>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    let end = out.len() + rows;
    match reader.byte()? {
        BITMAP => {
            let bitmap = reader.take(rows.div_ceil(8))?;
            out.extend((0..rows).map(|row| bitmap[row / 8] >> (row % 8) & 1 != 0));
        }
        RUNS => {
            while !reader.is_empty() {
                let missing = reader.count(end - out.len())?;
                out.resize(out.len() + missing, false);
                let there = reader.count(end - out.len())?;
                out.resize(out.len() + there, true);
            }
            out.resize(end, false);
        }
        _ => return Err(DecodeError("an unknown kind of row set")),
    }
    reader.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::mutate;
    use proptest::prelude::*;

    fn round_trip(starts: &[i64], granularity: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(starts, granularity, &mut ints::Scratch::default(), &mut bytes);
        let mut reader = Reader::new(&bytes);
        let mut back = vec![-7];
        decode(&mut reader, starts.len(), granularity, &mut Vec::new(), &mut back).unwrap();
        reader.finish().unwrap();
        assert_eq!(back[1..], *starts);
        bytes
    }

    #[test]
    fn golden() {
        assert_eq!(round_trip(&[120, 180, 240], 60), [FULL, 4]);
        assert_eq!(round_trip(&[-60, 0, 18_000, 18_060], 60), [RUNS, 1, 0, 2, 0xab, 2, 2]);
        assert_eq!(round_trip(&[0, 120, 240, 360], 60), [BITMAP, 0, 7, 0b101_0101]);
        assert_eq!(round_trip(&[1, 2], 60)[0], FREE);
        let mut rows = Vec::new();
        encode_rows(&[false, true, true], &mut rows);
        assert_eq!(rows, [BITMAP, 0b110]);
        encode_rows(&[false; 9], &mut rows);
        encode_rows(&[[false; 9], [true; 9], [true; 9]].concat(), &mut rows);
        assert_eq!(rows[2..], [RUNS, RUNS, 9, 18]);
    }

    #[test]
    fn starts_outside_of_time_are_refused() {
        for mode in [FULL, BITMAP, RUNS] {
            let mut bytes = vec![mode];
            put_signed(&mut bytes, i64::MAX / 2);
            bytes.extend_from_slice(&[2, 3, 3, 3]);
            assert!(decode(&mut Reader::new(&bytes), 2, 60, &mut Vec::new(), &mut Vec::new()).is_err());
        }
        assert!(decode(&mut Reader::new(&[FULL, 0]), 2, 0, &mut Vec::new(), &mut Vec::new()).is_err());
    }

    #[test]
    fn damage_allocates_no_more_than_the_rows() {
        let starts: Vec<i64> = (0..3000).filter(|i| i * i % 11 != 4).map(|i| i * 60).collect();
        let bytes = round_trip(&starts, 60);
        mutate(&bytes, 10_000, |bytes| {
            let mut out = Vec::new();
            let _ = decode(&mut Reader::new(bytes), starts.len(), 60, &mut Vec::new(), &mut out);
            assert!(out.capacity() <= 2 * starts.len());
            let mut present = Vec::new();
            let _ = decode_rows(bytes, 3000, &mut present);
            assert!(present.capacity() <= 6000);
        });
    }

    proptest! {
        #[test]
        fn any_starts_come_back(
            gaps in prop::collection::vec(prop_oneof![5 => Just(1i64), 1 => 1i64..100_000], 1..200),
            first in -1_000_000_000i64..1_000_000_000,
            granularity in 1i64..100_000,
            shift in 0i64..2,
        ) {
            let mut place = first;
            let starts: Vec<i64> = gaps.iter().map(|gap| { place += gap; place * granularity + shift }).collect();
            round_trip(&starts, granularity);
        }

        #[test]
        fn any_rows_come_back(rows in prop::collection::vec(any::<bool>(), 1..200), often: bool) {
            let rows: Vec<bool> = rows.iter().zip(0..).map(|(has, i)| *has || (often && i % 16 != 3)).collect();
            let mut bytes = Vec::new();
            encode_rows(&rows, &mut bytes);
            let mut back = vec![true];
            decode_rows(&bytes, rows.len(), &mut back).unwrap();
            prop_assert_eq!(&back[1..], &rows[..]);
        }
    }
}
