//! All segments together, series by series: what no segment can say by itself.
//!
//! Entries of all segments are gone through side by side in the order of metrics; of each segment one block of entries is in
//! memory. So nothing here depends on how many metrics there are.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::iter::Peekable;
use std::sync::Arc;

use super::{Finding, FindingKind, Ground, Walk};
use crate::carbonara;
use crate::codec::{Scratch, decode_aggregates};
use crate::error::{Corruption, Result};
use crate::indexer::{Indexer, KnownKey};
use crate::segment::{Cursor, Entry, MEASURES, STATE, SegmentReader};
use crate::types::SeriesState;

/// So many keys are read from the index at once.
const KEYS: usize = 4096;

/// A chunk, and the segment that has it.
type Placed = (Entry, Arc<SegmentReader>);

/// Compares the chunks of each metric with each other and with the index.
pub(super) fn compare(ground: &Ground<'_>, index_is_readable: bool, walk: &mut Walk<'_>) -> Result<()> {
    let index = ground.index.filter(|_| index_is_readable);
    let granularities = granularities(index)?;
    let mut known = Keys { index, after: 0, page: Vec::new().into_iter().peekable() };
    let mut chunks = Side::new(ground);
    let mut of_metric = Vec::new();
    while chunks.next_metric(&mut of_metric) {
        let Some((first, _)) = of_metric.first() else { continue };
        let metric = first.metric;
        walk.report.metrics += 1;
        let found = known.find(metric)?;
        if found.is_none() && index.is_some() && !ground.deleted.contains(&metric) {
            let what = "segments have data of a metric that the index does not know";
            report(FindingKind::UnknownMetric, what.to_owned(), of_metric.first(), walk);
        }
        let state = latest_state(&of_metric);
        if let Some(state) = state {
            compare_state(&state, found, &of_metric, walk);
        } else if !of_metric.iter().any(|(entry, _)| entry.granularity == STATE) {
            let what = "segments have data of a metric, and not the state of its series";
            report(FindingKind::State, what.to_owned(), of_metric.first(), walk);
        }
        let kept = found.and_then(|key| granularities.get(&key.policy));
        compare_archives(state.as_ref(), kept.map(Vec::as_slice), &of_metric, walk);
    }
    Ok(())
}

fn report(kind: FindingKind, what: String, at: Option<&Placed>, walk: &mut Walk<'_>) {
    let Some((entry, reader)) = at else { return };
    walk.report.add(Finding::new(kind, Corruption::new(reader.path(), entry.offset, what)).of_chunk(entry));
}

/// The granularities of each policy.
fn granularities(index: Option<&Indexer>) -> Result<HashMap<u32, Vec<i64>>> {
    let Some(index) = index else { return Ok(HashMap::new()) };
    let policies = index.archive_policies()?.into_iter();
    let of =
        |policy: &crate::types::ArchivePolicy| policy.definitions().iter().map(|d| d.granularity().nanos()).collect();
    Ok(policies.map(|stored| (stored.id, of(&stored.policy))).collect())
}

/// The latest state of a series that can be read; `None` when a later one cannot.
fn latest_state(chunks: &[Placed]) -> Option<SeriesState> {
    let mut latest: Option<SeriesState> = None;
    let mut bytes = Vec::new();
    for (entry, reader) in chunks.iter().filter(|(entry, _)| entry.granularity == STATE) {
        let mut found = None;
        let read = reader.read(std::slice::from_ref(entry), &mut bytes, &mut |_, chunk| {
            found = SeriesState::from_bytes(chunk);
            Ok(())
        });
        match found.filter(|_| read.is_ok()) {
            Some(state) if latest.is_none_or(|known| known.sequence <= state.sequence) => latest = Some(state),
            Some(_) => {}
            None => latest = None,
        }
    }
    latest
}

fn compare_state(state: &SeriesState, known: Option<KnownKey>, chunks: &[Placed], walk: &mut Walk<'_>) {
    let at = chunks.iter().rev().find(|(entry, _)| entry.granularity == STATE);
    if let Some(known) = known.filter(|known| known.policy != state.policy) {
        let what = format!("its state says archive policy {}, and the index says {}", state.policy, known.policy);
        report(FindingKind::State, what, at, walk);
    }
    let beyond = chunks.iter().find(|(entry, _)| entry.granularity == MEASURES && entry.last > state.newest);
    if beyond.is_some() && state.newest >= 0 && known.is_some_and(|known| known.active) {
        let what = format!("raw measures are newer than {} ns, which the state calls the newest", state.newest);
        report(FindingKind::State, what, beyond, walk);
    }
}

/// Aggregates: each group once, of a granularity that the policy has, and none that the series does not call sealed.
fn compare_archives(state: Option<&SeriesState>, kept: Option<&[i64]>, chunks: &[Placed], walk: &mut Walk<'_>) {
    let mut before: Option<&Placed> = None;
    for placed in chunks.iter().filter(|(entry, _)| entry.granularity > 0) {
        let (entry, reader) = placed;
        let granularity = entry.granularity;
        if kept.is_some_and(|kept| !kept.contains(&granularity)) {
            let what = "an archive that the metric's archive policy does not have".to_owned();
            report(FindingKind::Inconsistent, what, Some(placed), walk);
        }
        let unsealed = state.is_some_and(|state| entry.last >= carbonara::first_open(state.stored_until, granularity));
        if unsealed {
            let what = "aggregates of groups that the state of the series does not call sealed".to_owned();
            report(FindingKind::State, what, Some(placed), walk);
        }
        let same = before.filter(|(other, _)| other.granularity == granularity);
        if let Some((other, other_reader)) = same
            && other.last >= entry.first
        {
            // Within one segment it was noticed there. Between the rows of one segment those of another may lie.
            let before = times(other, other_reader);
            if !Arc::ptr_eq(other_reader, reader)
                && let Some(twice) = times(entry, reader).iter().find(|time| before.binary_search(time).is_ok())
            {
                let what = format!("aggregates of {twice} ns are in {} too", other_reader.path().display());
                report(FindingKind::Overlap, what, Some(placed), walk);
            }
            if other.last > entry.last {
                continue;
            }
        }
        before = Some(placed);
    }
}

/// Which chunk a cursor is at, and the number of the cursor: the least comes first.
type Head = Reverse<((u64, i64, i64), usize)>;

/// The starts of the groups in a chunk; none when it cannot be read, which was reported.
fn times(entry: &Entry, reader: &SegmentReader) -> Vec<i64> {
    let (mut scratch, mut bytes, mut times) = (Scratch::default(), Vec::new(), Vec::new());
    let read = reader.read(std::slice::from_ref(entry), &mut bytes, &mut |entry, chunk| {
        if let Ok(block) = decode_aggregates(chunk, entry.rows as usize, entry.granularity, &mut scratch) {
            times = block.timestamps;
        }
        Ok(())
    });
    if read.is_ok() { times } else { Vec::new() }
}

/// The entries of all segments side by side.
struct Side {
    cursors: Vec<Cursor>,
    heap: BinaryHeap<Head>,
}

impl Side {
    fn new(ground: &Ground<'_>) -> Self {
        let segments = ground.segments.iter().filter_map(|(_, segment)| segment.as_ref());
        let cursors: Vec<Cursor> = segments.map(|segment| Cursor::new(Arc::clone(&segment.reader))).collect();
        let heads = cursors.iter().enumerate();
        let heap = heads.filter_map(|(i, cursor)| Some(Reverse((cursor.entry()?.key(), i)))).collect();
        Side { cursors, heap }
    }

    /// Takes all chunks of the metric that comes next, in order; of equal keys, those of older segments first.
    fn next_metric(&mut self, out: &mut Vec<Placed>) -> bool {
        out.clear();
        let Some(metric) = self.heap.peek().map(|Reverse(((metric, ..), _))| *metric) else { return false };
        while let Some(Reverse((key, i))) = self.heap.peek().copied().filter(|Reverse((key, _))| key.0 == metric) {
            self.heap.pop();
            let Some(cursor) = self.cursors.get_mut(i) else { continue };
            if let Some(entry) = cursor.entry() {
                out.push((*entry, Arc::clone(cursor.reader())));
            }
            cursor.advance();
            // A segment that is out of order was reported; here it must not go back.
            if let Some(next) = cursor.entry().map(Entry::key) {
                self.heap.push(Reverse((next.max(key), i)));
            }
        }
        true
    }
}

/// The keys that the index knows, read page by page as the walk comes to them.
struct Keys<'a> {
    index: Option<&'a Indexer>,
    after: u64,
    page: Peekable<std::vec::IntoIter<KnownKey>>,
}

impl Keys<'_> {
    fn find(&mut self, key: u64) -> Result<Option<KnownKey>> {
        let Some(index) = self.index else { return Ok(None) };
        loop {
            while self.page.next_if(|known| known.key < key).is_some() {}
            if let Some(known) = self.page.peek() {
                return Ok(Some(*known).filter(|known| known.key == key));
            }
            let page = index.keys(self.after.max(key.saturating_sub(1)), KEYS)?;
            match page.last() {
                Some(last) => self.after = last.key,
                None => return Ok(None),
            }
            self.page = page.into_iter().peekable();
        }
    }
}
