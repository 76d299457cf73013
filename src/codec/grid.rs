//! Which rows there are: group starts on the grid of a granularity, and rows of a chunk that have a value.
//!
//! Group starts are multiples of the granularity, mostly all of them in a row, or every n-th when the metric is
//! measured more rarely: then first, stride and count say everything. With gaps it is a bitmap, a list of runs or a
//! list of places, whichever is shortest. Starts that lie on no grid are kept as plain timestamps, so that nothing an
//! encoder is given can be lost.

use super::DecodeError;
use super::ints::{self, Lines};
use super::reader::Reader;
use super::timestamps;
use super::varint::{put, put_signed};
use crate::types::Starts;

const FULL: u8 = 0;
const BITMAP: u8 = 1;
const RUNS: u8 = 2;
const PLACES: u8 = 3;
const FREE: u8 = 4;
/// Flag: the stride follows.
const STRIDE: u8 = 1 << 3;

const RANGE: DecodeError = DecodeError("group starts exceed the range of time");
const SHAPE: DecodeError = DecodeError("rows and runs do not fit together");

/// Appends group starts, which ascend strictly.
pub fn encode(starts: &[i64], granularity: i64, scratch: &mut ints::Scratch, out: &mut Vec<u8>) {
    let Some(&first) = starts.first() else { return };
    if granularity <= 0 || first % granularity != 0 {
        return encode_free(starts, scratch, out);
    }
    if let Some(unit) = even_distance(starts, granularity) {
        return put_head(FULL, first, unit, granularity, out);
    }
    let Some(mut places) = places(starts, granularity) else {
        return encode_free(starts, scratch, out);
    };
    let stride = places.iter().fold(0, |divisor, &place| ints::gcd(divisor, place as u64)).max(1) as i64;
    for place in &mut places {
        *place /= stride;
    }
    let mode = out.len();
    put_head(RUNS, first, granularity.wrapping_mul(stride), granularity, out);
    let content = out.len();
    put_runs(places.iter().map(|&place| place as u64), out);
    let runs = out.len();
    ints::encode(&places, Lines::Skip, scratch, out);
    let listed = out.len() - runs;
    let span = places.last().map_or(0, |&last| last as u64 + 1);
    if span.div_ceil(8) <= (runs - content).min(listed) as u64 {
        out.truncate(content);
        put(out, span);
        put_bitmap(places.iter().map(|&place| place as u64), span as usize, out);
        out[mode] = out[mode] & STRIDE | BITMAP;
    } else if listed < runs - content {
        out.drain(content..runs);
        out[mode] = out[mode] & STRIDE | PLACES;
    } else {
        out.truncate(runs);
    }
}

fn encode_free(starts: &[i64], scratch: &mut ints::Scratch, out: &mut Vec<u8>) {
    out.push(FREE);
    timestamps::encode(starts, scratch, out);
}

fn put_head(mode: u8, first: i64, unit: i64, granularity: i64, out: &mut Vec<u8>) {
    out.push(if unit == granularity { mode } else { mode | STRIDE });
    put_signed(out, first / granularity);
    if unit != granularity {
        put(out, (unit / granularity) as u64);
    }
}

/// The distance of neighbours when it is the same everywhere and fits the granularity.
fn even_distance(starts: &[i64], granularity: i64) -> Option<i64> {
    let unit = if starts.len() < 2 { granularity } else { starts[1].checked_sub(starts[0])? };
    let even = starts.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) != unit).count() == 0;
    (even && unit > 0 && unit % granularity == 0).then_some(unit)
}

/// How many granularities each start lies after the first; none when one lies between, or further than 64 bits tell.
fn places(starts: &[i64], granularity: i64) -> Option<Vec<i64>> {
    let place = |&start: &i64| {
        let distance = start.checked_sub(starts[0])?;
        (distance % granularity == 0).then_some(distance / granularity)
    };
    starts.iter().map(place).collect()
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

/// Where the places are in time.
#[derive(Clone, Copy)]
struct Line {
    first: i64,
    unit: i64,
}

impl Line {
    fn read(reader: &mut Reader<'_>, strides: bool, granularity: i64) -> Result<Self, DecodeError> {
        let origin = reader.signed()?;
        let stride = if strides { reader.varint()? } else { 1 };
        let unit = i64::try_from(stride).ok().and_then(|stride| granularity.checked_mul(stride));
        match (origin.checked_mul(granularity), unit) {
            (Some(first), Some(unit)) if unit > 0 => Ok(Line { first, unit }),
            _ => Err(RANGE),
        }
    }

    fn at(self, place: i64) -> i64 {
        self.first.wrapping_add(place.wrapping_mul(self.unit))
    }

    /// Whether all places up to `last` are in the range of time.
    fn check(self, last: u64) -> Result<(), DecodeError> {
        let last = i64::try_from(last).ok().and_then(|last| last.checked_mul(self.unit));
        last.and_then(|last| self.first.checked_add(last)).map(|_| ()).ok_or(RANGE)
    }
}

/// Appends `rows` group starts to `out`.
pub fn decode_starts(
    reader: &mut Reader<'_>,
    rows: usize,
    granularity: i64,
    spare: &mut Vec<i64>,
    out: &mut Starts,
) -> Result<(), DecodeError> {
    let mut ahead = reader.clone();
    let head = ahead.byte()?;
    if head & !STRIDE != FULL || granularity <= 0 || rows == 0 {
        return decode(reader, rows, granularity, spare, out.list());
    }
    let line = Line::read(&mut ahead, head & STRIDE != 0, granularity)?;
    line.check(rows as u64 - 1)?;
    out.extend_even(line.first, line.unit, rows);
    *reader = ahead;
    Ok(())
}

/// Appends `rows` group starts to `out`, one by one.
pub fn decode(
    reader: &mut Reader<'_>,
    rows: usize,
    granularity: i64,
    spare: &mut Vec<i64>,
    out: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    let head = reader.byte()?;
    if head == FREE {
        timestamps::decode(reader, rows, spare)?;
        out.extend_from_slice(spare);
        return Ok(());
    }
    if granularity <= 0 {
        return Err(DecodeError("a granularity must be positive"));
    }
    let line = Line::read(reader, head & STRIDE != 0, granularity)?;
    match head & !STRIDE {
        FULL => put_starts(line, 0, rows as u64, out),
        BITMAP => decode_bitmap(reader, line, rows, out),
        RUNS => decode_runs(reader, line, rows, out),
        PLACES => {
            timestamps::decode(reader, rows, spare)?;
            let (first, last) = (spare.first().copied().unwrap_or(0), spare.last().copied().unwrap_or(0));
            line.check(if first < 0 { u64::MAX } else { last as u64 })?;
            out.extend(spare.iter().map(|&place| line.at(place)));
            Ok(())
        }
        _ => Err(DecodeError("an unknown kind of group starts")),
    }
}

/// Appends `there` (at least one) consecutive group starts.
fn put_starts(line: Line, place: u64, there: u64, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    line.check(place.checked_add(there - 1).ok_or(RANGE)?)?;
    let first = line.at(place as i64);
    out.extend((0..there as i64).map(|i| first.wrapping_add(i.wrapping_mul(line.unit))));
    Ok(())
}

fn decode_runs(reader: &mut Reader<'_>, line: Line, rows: usize, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    let (mut left, mut place) = (rows, 0u64);
    while left > 0 {
        place = place.checked_add(reader.varint()?).ok_or(RANGE)?;
        let there = reader.count(left)?;
        if there == 0 {
            return Err(SHAPE);
        }
        put_starts(line, place, there as u64, out)?;
        place += there as u64;
        left -= there;
    }
    Ok(())
}

fn decode_bitmap(reader: &mut Reader<'_>, line: Line, rows: usize, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    let span = reader.varint()?;
    line.check(span)?;
    let bitmap = reader.take(usize::try_from(span.div_ceil(8)).map_err(|_| RANGE)?)?;
    if bitmap.iter().map(|byte| byte.count_ones() as usize).sum::<usize>() != rows {
        return Err(SHAPE);
    }
    for (&byte, place) in bitmap.iter().zip((0i64..).step_by(8)) {
        let mut bits = byte;
        while bits != 0 {
            out.push(line.at(place + i64::from(bits.trailing_zeros())));
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
        assert_eq!(round_trip(&[0, 120, 240, 360], 60), [FULL | STRIDE, 0, 2]);
        assert_eq!(round_trip(&[0, 120, 240, 360, 600], 60), [BITMAP | STRIDE, 0, 2, 6, 0b10_1111]);
        assert_eq!(round_trip(&[60], 60), [FULL, 2]);
        let strewn: Vec<i64> = (0..40).map(|i| (i * 30 + i * i % 17) * 60).collect();
        assert_eq!(round_trip(&strewn, 60)[0], PLACES);
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
        for mode in [FULL, BITMAP, RUNS, PLACES] {
            let mut bytes = vec![mode];
            put_signed(&mut bytes, i64::MAX / 60);
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
            stride in 1i64..20,
            shift in 0i64..2,
        ) {
            let mut place = first;
            let mut next = |gap: &i64| { place += gap * stride; place * granularity + shift };
            let starts: Vec<i64> = gaps.iter().map(&mut next).collect();
            round_trip(&starts, granularity);
        }

        #[test]
        fn any_times_come_back(times in prop::collection::btree_set(any::<i64>(), 1..50), granularity: i64) {
            round_trip(&times.into_iter().collect::<Vec<_>>(), granularity);
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
