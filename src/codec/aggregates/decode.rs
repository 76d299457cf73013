//! Reading a chunk of aggregates: everything, or one method with only what it derives from.

use super::Parts;
use super::chunk::{Buffers, Chunk};
use super::directory::{Directory, Rows};
use crate::codec::reader::Reader;
use crate::codec::{DecodeError, Scratch, check_rows, column, grid};
use crate::types::{AggregateBlock, AggregateColumn, AggregationMethod, Points};

/// Reads a whole chunk.
///
/// Columns come back as they were encoded, with two conventions: a value that is absent is 0.0, and
/// [`AggregateColumn::present`] is `None` where no value is absent.
///
/// # Errors
///
/// When the bytes are no such chunk.
pub fn decode_aggregates(
    bytes: &[u8],
    rows: usize,
    granularity: i64,
    scratch: &mut Scratch,
) -> Result<AggregateBlock, DecodeError> {
    decode_sound_aggregates(bytes, rows, granularity, &[], scratch)
}

/// Reads a chunk without the methods that [`Parts::damaged`](super::Parts::damaged) says cannot be read.
///
/// # Errors
///
/// When the other bytes are no such chunk.
pub fn decode_sound_aggregates(
    bytes: &[u8],
    rows: usize,
    granularity: i64,
    damaged: &[AggregationMethod],
    scratch: &mut Scratch,
) -> Result<AggregateBlock, DecodeError> {
    check_rows(rows)?;
    let Scratch { column, aggregates, times } = scratch;
    let mut reader = Reader::new(bytes);
    aggregates.directory.read(&mut reader)?;
    let mut block = AggregateBlock::default();
    grid::decode(&mut reader, rows, granularity, times, &mut block.timestamps)?;
    let mut chunk = Chunk::new(&aggregates.directory, reader, rows, column, &mut aggregates.buffers)?;
    let mut present = Vec::new();
    for entry in aggregates.directory.entries.iter().filter(|entry| !damaged.contains(&entry.method)) {
        let there = chunk.mark(entry, &mut present)?;
        let mut values = Vec::with_capacity(rows);
        chunk.values(entry, there, &mut values)?;
        let column = if there == rows {
            AggregateColumn { method: entry.method, values, present: None }
        } else {
            AggregateColumn { method: entry.method, values: spread(&values, &present), present: Some(present.clone()) }
        };
        block.columns.push(column);
    }
    Ok(block)
}

/// The values in their rows, 0.0 in the others.
fn spread(values: &[f64], present: &[bool]) -> Vec<f64> {
    let mut values = values.iter();
    present.iter().map(|has| if *has { values.next().copied().unwrap_or(0.0) } else { 0.0 }).collect()
}

/// Appends the points of one method to `out`: only the rows in which it has a value. False when the chunk does not
/// hold the method.
///
/// # Errors
///
/// When the bytes are no such chunk. What was appended until then is taken back.
#[cfg(any(test, feature = "internals"))]
pub fn decode_aggregate(
    bytes: &[u8],
    rows: usize,
    granularity: i64,
    method: AggregationMethod,
    scratch: &mut Scratch,
    out: &mut Points,
) -> Result<bool, DecodeError> {
    let mut parts = Parts::default();
    parts.of(bytes, method)?;
    decode_opened(&parts, bytes, rows, granularity, scratch, out)
}

/// Appends the points of a chunk and method to `out`: those that `parts` was [asked](Parts::of) about last, so that what the front
/// says is not read twice. Only the rows in which there is a value; false when the chunk does not hold the method, or nothing was
/// asked. Of parts that were not named then, the bytes may be anything.
///
/// # Errors
///
/// When the bytes are no such chunk. What was appended until then is taken back.
pub fn decode_opened(
    parts: &Parts,
    bytes: &[u8],
    rows: usize,
    granularity: i64,
    scratch: &mut Scratch,
    out: &mut Points,
) -> Result<bool, DecodeError> {
    check_rows(rows)?;
    let Some((directory, head, method)) = parts.opened() else { return Ok(false) };
    let Scratch { column, aggregates, times } = scratch;
    let mut reader = Reader::new(bytes);
    reader.take(head)?;
    let ask = Ask { directory, reader, rows, granularity, method };
    let spare = Spare { column, buffers: &mut aggregates.buffers, present: &mut aggregates.present, times };
    decode_one(ask, spare, out)
}

/// A chunk behind its directory, in which the columns are wanted that the method takes.
struct Ask<'a> {
    directory: &'a Directory,
    reader: Reader<'a>,
    rows: usize,
    granularity: i64,
    method: AggregationMethod,
}

/// Memory of the reading.
struct Spare<'a> {
    column: &'a mut column::Scratch,
    buffers: &'a mut Buffers,
    present: &'a mut Vec<bool>,
    times: &'a mut Vec<i64>,
}

/// What is appended until an error is taken back.
fn decode_one(ask: Ask<'_>, spare: Spare<'_>, out: &mut Points) -> Result<bool, DecodeError> {
    let (starts, values) = (out.starts.len(), out.values.len());
    let decoded = append(ask, spare, out);
    if decoded.is_err() {
        out.starts.truncate(starts);
        out.values.truncate(values);
    }
    decoded
}

fn append(ask: Ask<'_>, spare: Spare<'_>, out: &mut Points) -> Result<bool, DecodeError> {
    let Ask { directory, mut reader, rows, granularity, method } = ask;
    let Spare { column, buffers, present, times } = spare;
    let Some(entry) = directory.find(method) else {
        return Ok(false);
    };
    let start = out.starts.len();
    grid::decode_starts(&mut reader, rows, granularity, times, &mut out.starts)?;
    let mut chunk = Chunk::new(directory, reader, rows, column, buffers)?;
    let there = chunk.mark(entry, present)?;
    chunk.values(entry, there, &mut out.values)?;
    if entry.rows != Rows::All {
        let list = out.starts.list();
        let mut end = start;
        for (row, _) in present.iter().enumerate().filter(|(_, has)| **has) {
            list[end] = list[start + row];
            end += 1;
        }
        list.truncate(end);
    }
    Ok(true)
}
