//! Whole rows of stored archives, for whoever changes what is stored: all methods of a group at once.
//!
//! Queries read one method at a time, and only what is asked for ([`crate::query`]); this reads everything that is there,
//! whether or not retention still shows it. It must never be on the way of a query.

use std::ops::Range;

use super::aggregates::{interleave, retain};
use crate::codec::{Scratch, decode_aggregates};
use crate::error::Result;
use crate::query::{Segment, View, hidden};
use crate::segment::{Entry, Whole};
use crate::types::AggregateBlock;

/// The rows of an archive of a metric whose starts lie in `starts`.
pub(super) fn rows(view: &View, metric: u64, granularity: i64, starts: &Range<i64>) -> Result<AggregateBlock> {
    if starts.start >= starts.end {
        return Ok(AggregateBlock::default());
    }
    let mut blocks = Vec::new();
    for (segment, entry) in &view.chunks(metric, granularity, starts)? {
        blocks.push(live(view, segment, entry, starts)?);
    }
    Ok(interleave(&blocks))
}

/// The start of the archive's last row in `starts`.
pub(super) fn last(view: &View, metric: u64, granularity: i64, starts: &Range<i64>) -> Result<Option<i64>> {
    if starts.start >= starts.end {
        return Ok(None);
    }
    let mut chunks = view.chunks(metric, granularity, starts)?;
    chunks.sort_by_key(|(_, entry)| entry.last);
    let mut found: Option<i64> = None;
    for (segment, entry) in chunks.iter().rev() {
        if found.is_some_and(|start| entry.last <= start) {
            break;
        }
        found = found.max(live(view, segment, entry, starts)?.timestamps.last().copied());
    }
    Ok(found)
}

/// What of a chunk lies in `starts` and was not deleted.
fn live(view: &View, segment: &Segment, entry: &Entry, starts: &Range<i64>) -> Result<AggregateBlock> {
    let erased = view.erased.of(entry.metric, entry.granularity);
    let (number, granularity) = (segment.name.number(), entry.granularity);
    let mut block = AggregateBlock::default();
    let mut scratch = Scratch::default();
    segment.reader.read(&[*entry], &mut Whole::default(), &mut |entry, chunk| {
        let whole = decode_aggregates(chunk, entry.rows as usize, granularity, &mut scratch)
            .map_err(|error| segment.reader.damaged(entry, error.to_string()))?;
        block = retain(&whole, |start| starts.contains(&start) && !hidden(erased, number, start));
        Ok(())
    })?;
    Ok(block)
}
