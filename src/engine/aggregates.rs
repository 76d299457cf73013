//! Writing aggregates in chunks of a good size.

use std::collections::BTreeSet;

use crate::codec::{Scratch, encode_aggregates};
use crate::error::Result;
use crate::segment::{Chunk, SegmentWriter};
use crate::types::{AggregateBlock, AggregateColumn, AggregationMethod};

/// Rows per chunk, at most: small enough that a day of minutes decodes little beside itself, large enough that the entry
/// and headers of a chunk weigh nothing. A split of 3,600 rows is eight of them.
pub(super) const CHUNK_ROWS: usize = 450;

/// What a row of so many columns takes, at most: up to ten bytes a number, and a bit for whether it is there.
pub(super) fn row_bytes(columns: u64) -> u64 {
    11 * (columns + 1)
}

/// What chunks of so many rows take besides, at most: the segment's entries of them, and what each says of its columns.
pub(super) fn chunk_bytes(rows: u64, columns: u64) -> u64 {
    rows.div_ceil(CHUNK_ROWS as u64) * (128 + 24 * columns)
}

/// A segment of aggregates being written.
pub(super) struct AggregateWriter {
    writer: SegmentWriter,
    chunk_rows: usize,
    scratch: Scratch,
    bytes: Vec<u8>,
}

impl AggregateWriter {
    /// Writes to `writer`.
    pub(super) fn new(writer: SegmentWriter, chunk_rows: usize) -> Self {
        AggregateWriter { writer, chunk_rows, scratch: Scratch::default(), bytes: Vec::new() }
    }

    /// The segment.
    pub(super) fn into_inner(self) -> SegmentWriter {
        self.writer
    }

    /// Writes the rows of one archive of one metric, in chunks of equal size.
    pub(super) fn write(&mut self, metric: u64, granularity: i64, block: &AggregateBlock) -> Result<()> {
        let rows = block.rows();
        let chunks = rows.div_ceil(self.chunk_rows);
        for i in 0..chunks {
            let (start, end) = (rows * i / chunks, rows * (i + 1) / chunks);
            if chunks == 1 {
                self.write_chunk(metric, granularity, block)?;
            } else {
                self.write_chunk(metric, granularity, &part(block, start, end))?;
            }
        }
        Ok(())
    }

    fn write_chunk(&mut self, metric: u64, granularity: i64, block: &AggregateBlock) -> Result<()> {
        let (Some(&first), Some(&last)) = (block.timestamps.first(), block.timestamps.last()) else { return Ok(()) };
        self.bytes.clear();
        let front = encode_aggregates(block, granularity, &mut self.scratch, &mut self.bytes);
        let rows = block.rows() as u32;
        self.writer.add(&Chunk { metric, granularity, first, last, rows, bytes: &self.bytes, front })
    }

    /// Writes a chunk that is encoded already.
    pub(super) fn copy(&mut self, chunk: &Chunk<'_>) -> Result<()> {
        self.writer.add(chunk)
    }
}

/// Rows `start..end` of a block.
pub(super) fn part(block: &AggregateBlock, start: usize, end: usize) -> AggregateBlock {
    let columns = block.columns.iter().map(|column| AggregateColumn {
        method: column.method,
        values: column.values[start..end].to_vec(),
        present: column.present.as_ref().map(|present| present[start..end].to_vec()),
    });
    AggregateBlock { timestamps: block.timestamps[start..end].to_vec(), columns: columns.collect() }
}

/// Appends the rows of `more`, which come later; false, and nothing done, when its columns are other ones.
pub(super) fn append(block: &mut AggregateBlock, more: &AggregateBlock) -> bool {
    if block.timestamps.is_empty() {
        *block = more.clone();
        return true;
    }
    let alike = block.columns.len() == more.columns.len()
        && block.columns.iter().zip(&more.columns).all(|(a, b)| a.method == b.method)
        && block.timestamps.last() < more.timestamps.first();
    if alike {
        let rows = block.rows();
        for (column, more_column) in block.columns.iter_mut().zip(&more.columns) {
            append_presence(column, rows, more_column);
            column.values.extend_from_slice(&more_column.values);
        }
        block.timestamps.extend_from_slice(&more.timestamps);
    }
    alike
}

/// The rows of a block whose time `keep` accepts.
pub(super) fn retain(block: &AggregateBlock, keep: impl Fn(i64) -> bool) -> AggregateBlock {
    let rows: Vec<usize> = (0..block.rows()).filter(|row| keep(block.timestamps[*row])).collect();
    let columns = block.columns.iter().map(|column| AggregateColumn {
        method: column.method,
        values: rows.iter().map(|row| column.values[*row]).collect(),
        present: column.present.as_ref().map(|present| rows.iter().map(|row| present[*row]).collect()),
    });
    AggregateBlock { timestamps: rows.iter().map(|row| block.timestamps[*row]).collect(), columns: columns.collect() }
}

/// The rows of several blocks in order of time, where they lie between one another. A group is stored once; should it be there
/// twice all the same, the first counts.
pub(super) fn interleave(blocks: &[AggregateBlock]) -> AggregateBlock {
    let rows = blocks
        .iter()
        .enumerate()
        .flat_map(|(of, block)| block.timestamps.iter().enumerate().map(move |(row, timestamp)| (*timestamp, of, row)));
    let mut rows: Vec<(i64, usize, usize)> = rows.collect();
    rows.sort_unstable();
    rows.dedup_by_key(|(timestamp, ..)| *timestamp);
    let methods: BTreeSet<u8> = blocks.iter().flat_map(|b| b.columns.iter().map(|column| column.method.id())).collect();
    let mut columns = Vec::with_capacity(methods.len());
    for method in methods.into_iter().filter_map(AggregationMethod::from_id) {
        let of_block: Vec<Option<&AggregateColumn>> = blocks.iter().map(|block| block.column(method)).collect();
        let value = |(_, of, row): &(i64, usize, usize)| {
            of_block.get(*of).copied().flatten().filter(|column| column.has(*row)).map(|column| column.values[*row])
        };
        let found: Vec<Option<f64>> = rows.iter().map(value).collect();
        let present = found.iter().any(Option::is_none).then(|| found.iter().map(Option::is_some).collect());
        let values = found.into_iter().map(Option::unwrap_or_default).collect();
        columns.push(AggregateColumn { method, values, present });
    }
    AggregateBlock { timestamps: rows.into_iter().map(|(timestamp, ..)| timestamp).collect(), columns }
}

fn append_presence(column: &mut AggregateColumn, rows: usize, more: &AggregateColumn) {
    match (&mut column.present, &more.present) {
        (None, None) => {}
        (Some(present), None) => present.resize(rows + more.values.len(), true),
        (None, Some(later)) => {
            let mut present = vec![true; rows];
            present.extend_from_slice(later);
            column.present = Some(present);
        }
        (Some(present), Some(later)) => present.extend_from_slice(later),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(timestamps: &[i64], present: Option<Vec<bool>>) -> AggregateBlock {
        let values = timestamps.iter().map(|t| *t as f64).collect();
        let column = AggregateColumn { method: AggregationMethod::MAX, values, present };
        AggregateBlock { timestamps: timestamps.to_vec(), columns: vec![column] }
    }

    #[test]
    fn appended_parts_are_the_whole() {
        let whole = block(&[1, 2, 3, 5], Some(vec![true, false, true, true]));
        for at in 0..=4 {
            let mut first = part(&whole, 0, at);
            assert!(at == 4 || append(&mut first, &part(&whole, at, 4)));
            assert_eq!(first, whole);
        }
        let mut plain = block(&[1], None);
        assert!(append(&mut plain, &block(&[2, 3], Some(vec![false, true]))));
        assert_eq!(plain.columns[0].present, Some(vec![true, false, true]));
        assert!(append(&mut plain, &block(&[4], None)));
        assert_eq!(plain.columns[0].present, Some(vec![true, false, true, true]));
    }

    #[test]
    fn interleaved_rows_come_in_order_with_what_each_has() {
        let mut other = block(&[2, 5], Some(vec![true, false]));
        other.columns.push(AggregateColumn { method: AggregationMethod::COUNT, values: vec![7.0, 8.0], present: None });
        let whole = interleave(&[block(&[1, 3], None), other]);
        assert_eq!(whole.timestamps, [1, 2, 3, 5]);
        let max = whole.column(AggregationMethod::MAX).unwrap();
        assert_eq!(
            (&max.values[..], max.present.clone()),
            (&[1.0, 2.0, 3.0, 0.0][..], Some(vec![true, true, true, false]))
        );
        let count = whole.column(AggregationMethod::COUNT).unwrap();
        assert_eq!(count.present, Some(vec![false, true, false, true]));
        assert_eq!(count.values[1], 7.0);
        assert!(whole.columns.is_sorted_by_key(|column| column.method.id()));
    }

    #[test]
    fn retained_rows_keep_their_values() {
        let mut whole = block(&[1, 2, 3, 5], Some(vec![true, false, true, true]));
        // What is written where there is no value.
        whole.columns[0].values[1] = 0.0;
        let odd = retain(&whole, |t| t % 2 == 1);
        assert_eq!(odd.timestamps, [1, 3, 5]);
        assert_eq!((&odd.columns[0].values[..], &odd.columns[0].present), (&[1.0, 3.0, 5.0][..], &Some(vec![true; 3])));
        let even = retain(&whole, |t| t % 2 == 0);
        assert_eq!(interleave(&[odd, AggregateBlock::default(), even]), whole);
    }

    #[test]
    fn rows_that_do_not_follow_are_not_appended() {
        let mut rows = block(&[5], None);
        assert!(!append(&mut rows, &block(&[5], None)));
        assert_eq!(rows, block(&[5], None));
    }
}
