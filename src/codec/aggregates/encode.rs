//! Writing a chunk of aggregates.

use super::directory::{Directory, Entry};
use super::family::Family;
use super::parts::LONGEST_FRONT;
use super::presence;
use crate::codec::{Scratch, check_rows, crc, grid, ints};
use crate::types::{AggregateBlock, AggregationMethod};

/// A shorter stream is not worth a checksum and a read of its own: copying and verifying it takes less than a call.
const PART_BYTES: usize = 1 << 10;

/// Appends a chunk of aggregates to `out`. Returns the length of its front: how many of its bytes the caller keeps a checksum
/// of. Those behind have their own, see [`Parts`](super::Parts).
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
pub fn encode_aggregates(block: &AggregateBlock, granularity: i64, scratch: &mut Scratch, out: &mut Vec<u8>) -> usize {
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
    split(&mut directory, &streams);
    let begin = out.len();
    let mut front = put(&directory, block, granularity, (&streams, sets_end), &mut scratch.column.ints, out);
    if front > LONGEST_FRONT {
        out.truncate(begin);
        directory.entries.iter_mut().for_each(|entry| entry.part = None);
        front = put(&directory, block, granularity, (&streams, sets_end), &mut scratch.column.ints, out);
    }
    scratch.aggregates.streams = streams;
    front
}

/// Makes parts of the long streams. That of the sum (where there is none, of the mean) stays in the front: it is asked for most,
/// and one read gives both.
fn split(directory: &mut Directory, streams: &[u8]) {
    let has_bytes = |method: &AggregationMethod| directory.find(*method).is_some_and(|entry| !entry.stream.is_empty());
    let kept = [AggregationMethod::SUM, AggregationMethod::MEAN].into_iter().find(has_bytes);
    let long = |entry: &&mut Entry| Some(entry.method) != kept && entry.stream.len() >= PART_BYTES;
    for entry in directory.entries.iter_mut().filter(long) {
        entry.part = Some(crc(&streams[entry.stream.clone()]));
    }
}

/// Appends the chunk; how long its front is.
fn put(
    directory: &Directory,
    block: &AggregateBlock,
    granularity: i64,
    (streams, sets_end): (&[u8], usize),
    ints: &mut ints::Scratch,
    out: &mut Vec<u8>,
) -> usize {
    let begin = out.len();
    directory.write(out);
    grid::encode(&block.timestamps, granularity, ints, out);
    out.extend_from_slice(&streams[..sets_end]);
    let (parts, front): (Vec<&Entry>, Vec<&Entry>) = directory.entries.iter().partition(|entry| entry.part.is_some());
    for entry in front {
        out.extend_from_slice(&streams[entry.stream.clone()]);
    }
    let front = out.len() - begin;
    for entry in parts {
        out.extend_from_slice(&streams[entry.stream.clone()]);
    }
    front
}
