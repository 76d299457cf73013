//! Writing a chunk of aggregates.

use super::directory::Directory;
use super::family::Family;
use super::presence;
use crate::codec::{Scratch, check_rows, grid};
use crate::types::AggregateBlock;

/// Appends a chunk of aggregates to `out`.
///
/// The block has 1 to [`MAX_ROWS`](crate::codec::MAX_ROWS) rows, whose starts ascend strictly, and its columns ascend
/// by method, each with as many values as there are rows; what breaks this cannot be decoded. Starts should be
/// multiples of `granularity` (ns); others come back too, but take more bytes.
///
/// ```
/// use gnocchetti::internals::codec::{Points, Scratch, decode_aggregate, encode_aggregates};
/// use gnocchetti::{AggregateBlock, AggregateColumn, AggregationMethod};
///
/// let (granularity, method) = (60_000_000_000, AggregationMethod::MAX);
/// let column = AggregateColumn { method, values: vec![1.5, 4.0], present: None };
/// let block = AggregateBlock { timestamps: vec![0, granularity], columns: vec![column] };
/// let (mut scratch, mut bytes, mut out) = (Scratch::default(), Vec::new(), Points::default());
/// encode_aggregates(&block, granularity, &mut scratch, &mut bytes);
/// assert!(decode_aggregate(&bytes, 2, granularity, method, &mut scratch, &mut out)?);
/// assert_eq!(out.values, [1.5, 4.0]);
/// # Ok::<(), gnocchetti::internals::codec::DecodeError>(())
/// ```
pub fn encode_aggregates(block: &AggregateBlock, granularity: i64, scratch: &mut Scratch, out: &mut Vec<u8>) {
    debug_assert!(check_rows(block.rows()).is_ok());
    debug_assert!(block.columns.windows(2).all(|pair| pair[0].method < pair[1].method));
    debug_assert!(block.columns.iter().all(|column| column.values.len() == block.rows()));
    let (sources, sets) = presence::sort_out(block);
    let mut streams = std::mem::take(&mut scratch.aggregates.streams);
    streams.clear();
    let mut directory = Directory::default();
    for set in sets {
        let start = streams.len();
        grid::encode_rows(set, &mut streams);
        directory.sets.push(start..streams.len());
    }
    let sets_end = streams.len();
    let rates = sources.partition_point(|source| !source.method.is_rate());
    for family in [&sources[..rates], &sources[rates..]] {
        Family::new(family, &mut scratch.column, &mut streams).write(&mut directory);
    }
    directory.write(out);
    grid::encode(&block.timestamps, granularity, &mut scratch.column.ints, out);
    out.extend_from_slice(&streams[..sets_end]);
    for entry in &directory.entries {
        out.extend_from_slice(&streams[entry.stream.clone()]);
    }
    scratch.aggregates.streams = streams;
}
