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
use crate::head::Run;
use crate::indexer::{Indexer, KnownKey};
use crate::query::{Erasure, Erasures, Segment, cut, hidden, touched};
use crate::segment::{Cursor, Entry, MEASURES, STATE, Whole};
use crate::types::SeriesState;

/// So many keys are read from the index at once.
const KEYS: usize = 4096;

/// A chunk, the segment that has it, and that one's place among all.
type Placed = (Entry, Arc<Segment>, usize);

/// Compares the chunks of each metric with each other and with the index.
pub(super) fn compare(ground: &Ground<'_>, index_is_readable: bool, walk: &mut Walk<'_>) -> Result<()> {
    let index = ground.index.filter(|_| index_is_readable);
    let granularities = granularities(index)?;
    let mut known = Keys { index, after: 0, page: Vec::new().into_iter().peekable() };
    let mut chunks = Side::new(ground);
    let mut of_metric = Vec::new();
    while chunks.next_metric(&mut of_metric) {
        let Some((first, ..)) = of_metric.first() else { continue };
        let metric = first.metric;
        walk.report.metrics += 1;
        let found = known.find(metric)?;
        let is_unknown = found.is_none() && index.is_some() && !ground.deleted.contains(&metric);
        if is_unknown && !of_metric.iter().all(|(_, segment, _)| (ground.is_gone)(metric, segment.reader.path())) {
            let what = "segments have data of a metric that the index does not know";
            report(FindingKind::UnknownMetric, what.to_owned(), of_metric.first(), walk);
        }
        let state = latest_state(&of_metric);
        // Of a deleted metric, merges leave out the state with the raw measures, and archives keep its rows for a while.
        let is_deleted = ground.deleted.contains(&metric) || found.is_some_and(|key| !key.active);
        if let Some(state) = state {
            compare_state(&state, found, &of_metric, &ground.erased, walk);
        } else if !is_deleted && !of_metric.iter().any(|(entry, ..)| entry.granularity == STATE) {
            let what = "segments have data of a metric, and not the state of its series";
            report(FindingKind::State, what.to_owned(), of_metric.first(), walk);
        }
        let kept = found.and_then(|key| granularities.get(&key.policy));
        compare_archives(state.as_ref(), kept.map(Vec::as_slice), &of_metric, &ground.erased, walk);
    }
    Ok(())
}

fn report(kind: FindingKind, what: String, at: Option<&Placed>, walk: &mut Walk<'_>) {
    let Some((entry, segment, _)) = at else { return };
    walk.report.add(Finding::new(kind, Corruption::new(segment.reader.path(), entry.offset, what)).of_chunk(entry));
}

/// The granularities of each policy.
fn granularities(index: Option<&Indexer>) -> Result<HashMap<u32, Vec<i64>>> {
    let Some(index) = index else { return Ok(HashMap::new()) };
    let policies = index.archive_policies()?.into_iter();
    let of =
        |policy: &crate::types::ArchivePolicy| policy.definitions().iter().map(|d| d.granularity().nanos()).collect();
    Ok(policies.map(|stored| (stored.id, of(&stored.policy))).collect())
}

/// The latest state of a series that can be read; `None` when a later one cannot. Which one is later goes by the segments:
/// after a deletion the newest measure is an older one.
fn latest_state(chunks: &[Placed]) -> Option<SeriesState> {
    let mut latest: Option<SeriesState> = None;
    let mut whole = Whole::default();
    let mut states: Vec<&Placed> = chunks.iter().filter(|(entry, ..)| entry.granularity == STATE).collect();
    states.sort_by_key(|(.., at)| *at);
    for (entry, segment, _) in states {
        let mut found = None;
        let read = segment.reader.read(std::slice::from_ref(entry), &mut whole, &mut |_, chunk| {
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

fn compare_state(
    state: &SeriesState,
    known: Option<KnownKey>,
    chunks: &[Placed],
    erased: &Erasures,
    walk: &mut Walk<'_>,
) {
    let at = chunks.iter().rev().find(|(entry, ..)| entry.granularity == STATE);
    if let Some(known) = known.filter(|known| known.policy != state.policy) {
        let what = format!("its state says archive policy {}, and the index says {}", state.policy, known.policy);
        report(FindingKind::State, what, at, walk);
    }
    // Of what is sealed the newest aggregates may have been deleted, and the raw measures not be rewritten yet.
    let newest = state.newest.max(state.stored_until - 1);
    let is_beyond = |(entry, segment, _): &&Placed| {
        let of = erased.of(entry.metric, MEASURES);
        entry.granularity == MEASURES && entry.last > newest && last_left(entry, segment, of) > Some(newest)
    };
    let beyond = chunks.iter().find(is_beyond);
    if beyond.is_some() && known.is_some_and(|known| known.active) {
        let what = format!("raw measures are newer than {newest} ns, and nothing newer is known by the state");
        report(FindingKind::State, what, beyond, walk);
    }
}

/// Aggregates: each group once, of a granularity that the policy has, and none that the series does not call sealed.
fn compare_archives(
    state: Option<&SeriesState>,
    kept: Option<&[i64]>,
    chunks: &[Placed],
    erased: &Erasures,
    walk: &mut Walk<'_>,
) {
    let mut before: Option<&Placed> = None;
    for placed in chunks.iter().filter(|(entry, ..)| entry.granularity > 0) {
        let (entry, segment, at) = placed;
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
        let same = before.filter(|(other, ..)| other.granularity == granularity);
        if let Some((other, other_segment, other_at)) = same
            && other.last >= entry.first
        {
            // Within one segment it was noticed there. Between the rows of one segment those of another may lie.
            let before = times(other, other_segment, erased);
            if other_at != at
                && let Some(twice) =
                    times(entry, segment, erased).iter().find(|time| before.binary_search(time).is_ok())
            {
                let what = format!("aggregates of {twice} ns are in {} too", other_segment.reader.path().display());
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

/// The starts of the groups in a chunk that were not deleted; none when it cannot be read, which was reported.
fn times(entry: &Entry, segment: &Segment, erased: &Erasures) -> Vec<i64> {
    let (number, erased) = (segment.name.number(), erased.of(entry.metric, entry.granularity));
    let (mut scratch, mut whole, mut times) = (Scratch::default(), Whole::default(), Vec::new());
    let read = segment.reader.read(std::slice::from_ref(entry), &mut whole, &mut |entry, chunk| {
        if let Ok(block) = decode_aggregates(chunk, entry.rows as usize, entry.granularity, &mut scratch) {
            times = block.timestamps;
            times.retain(|time| !hidden(erased, number, *time));
        }
        Ok(())
    });
    if read.is_ok() { times } else { Vec::new() }
}

/// The last time in a run of raw measures that was not deleted. What cannot be read was reported.
fn last_left(entry: &Entry, segment: &Segment, erased: &[Erasure]) -> Option<i64> {
    let Entry { first, last, rows, .. } = *entry;
    let number = segment.name.number();
    if !touched(erased, number, first, last) {
        return Some(last);
    }
    let mut left = None;
    let read = segment.reader.read(std::slice::from_ref(entry), &mut Whole::default(), &mut |_, chunk| {
        let whole = Run { first, last, rows, bytes: chunk.into() };
        left = cut(whole, erased, number).ok().flatten().map(|run| run.last);
        Ok(())
    });
    left.filter(|_| read.is_ok())
}

/// The entries of all segments side by side.
struct Side {
    cursors: Vec<(Arc<Segment>, Cursor)>,
    heap: BinaryHeap<Head>,
}

impl Side {
    fn new(ground: &Ground<'_>) -> Self {
        let segments = ground.segments.iter().filter_map(|(_, segment)| segment.as_ref());
        let cursor = |segment: &Arc<Segment>| (Arc::clone(segment), Cursor::new(Arc::clone(&segment.reader)));
        let cursors: Vec<(Arc<Segment>, Cursor)> = segments.map(cursor).collect();
        let heads = cursors.iter().enumerate();
        let heap = heads.filter_map(|(i, (_, cursor))| Some(Reverse((cursor.entry()?.key(), i)))).collect();
        Side { cursors, heap }
    }

    /// Takes all chunks of the metric that comes next, in order; of equal keys, those of older segments first.
    fn next_metric(&mut self, out: &mut Vec<Placed>) -> bool {
        out.clear();
        let Some(metric) = self.heap.peek().map(|Reverse(((metric, ..), _))| *metric) else { return false };
        while let Some(Reverse((key, i))) = self.heap.peek().copied().filter(|Reverse((key, _))| key.0 == metric) {
            self.heap.pop();
            let Some((segment, cursor)) = self.cursors.get_mut(i) else { continue };
            if let Some(entry) = cursor.entry() {
                out.push((*entry, Arc::clone(segment), i));
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
