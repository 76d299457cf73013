//! Reading a chunk of aggregates: everything, or one method with only what it derives from.

use super::Parts;
use super::chunk::Chunk;
use super::directory::Rows;
use crate::codec::reader::Reader;
use crate::codec::{DecodeError, Scratch, check_rows, grid};
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
    let (starts, values) = (out.starts.len(), out.values.len());
    let decoded = append(parts, bytes, rows, granularity, scratch, out);
    if decoded.is_err() {
        out.starts.truncate(starts);
        out.values.truncate(values);
    }
    decoded
}

fn append(
    parts: &Parts,
    bytes: &[u8],
    rows: usize,
    granularity: i64,
    scratch: &mut Scratch,
    out: &mut Points,
) -> Result<bool, DecodeError> {
    let Some((directory, head, method)) = parts.opened() else { return Ok(false) };
    let Scratch { column, aggregates, times } = scratch;
    let mut reader = Reader::new(bytes);
    reader.take(head)?;
    let Some(entry) = directory.find(method) else {
        return Ok(false);
    };
    let start = out.starts.len();
    grid::decode_starts(&mut reader, rows, granularity, times, &mut out.starts)?;
    let mut chunk = Chunk::new(directory, reader, rows, column, &mut aggregates.buffers)?;
    let there = chunk.mark(entry, &mut aggregates.present)?;
    chunk.values(entry, there, &mut out.values)?;
    if entry.rows != Rows::All {
        let list = out.starts.list();
        let mut end = start;
        for (row, _) in aggregates.present.iter().enumerate().filter(|(_, has)| **has) {
            list[end] = list[start + row];
            end += 1;
        }
        list.truncate(end);
    }
    Ok(true)
}
