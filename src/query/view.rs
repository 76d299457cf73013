//! The segments that make the state, at one moment.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use super::holes::{self, Holes, hidden, touched};
use crate::codec::{Scratch, decode_aggregate};
use crate::error::Result;
use crate::head::Run;
use crate::segment::{Entry, MEASURES, STATE, SegmentName, SegmentReader};
use crate::types::{AggregationMethod, Columns, SeriesState};

/// A segment that is part of the state.
#[derive(Debug)]
pub struct Segment {
    /// What it is called.
    pub name: SegmentName,
    /// How many merges its rows went through.
    pub level: u8,
    /// The open file.
    pub reader: Arc<SegmentReader>,
}

/// Memory that answers are made with, used again from query to query.
#[derive(Default)]
pub struct Buffers {
    /// What decoders need.
    pub scratch: Scratch,
    /// How many rows more the columns should have room for.
    pub(super) more: usize,
    bytes: Vec<u8>,
}

/// So many queries at once find memory that was used before.
const MOST_BUFFERS: usize = 4;

/// Memory of queries that have ended, for those that come: one after the other need not ask the system for the same.
#[derive(Default)]
pub struct BufferPool(Mutex<Vec<Buffers>>);

impl BufferPool {
    /// Lends memory to `answer`.
    pub fn lend<T>(&self, answer: impl FnOnce(&mut Buffers) -> T) -> T {
        let kept = self.0.lock().pop();
        let mut buffers = kept.unwrap_or_default();
        let answered = answer(&mut buffers);
        let mut kept = self.0.lock();
        if kept.len() < MOST_BUFFERS {
            kept.push(buffers);
        }
        answered
    }
}

impl std::fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BufferPool").finish_non_exhaustive()
    }
}

/// An immutable list of segments. Readers hold one for as long as they read; publishing a new one does not disturb them.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Raw segments, oldest first: of equal timestamps, the later segment's measure counts.
    pub raw: Vec<Arc<Segment>>,
    /// Freshly sealed aggregates of all archives, oldest first.
    pub level0: Vec<Arc<Segment>>,
    /// Granularity → start of the partition → its segments, oldest first.
    pub archives: BTreeMap<i64, BTreeMap<i64, Vec<Arc<Segment>>>>,
    /// What was deleted of them.
    pub holes: Arc<Holes>,
}

impl View {
    /// All segments.
    pub fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        let archived = self.archives.values().flat_map(BTreeMap::values).flatten();
        self.raw.iter().chain(&self.level0).chain(archived)
    }

    /// The latest state of a series that raw segments know; and whether they may hold measures of its window.
    pub fn series(&self, metric: u64) -> Result<Option<(SeriesState, bool)>> {
        let mut newest: Option<SeriesState> = None;
        let mut has_measures = false;
        let (mut entries, mut bytes) = (Vec::new(), Vec::new());
        for segment in &self.raw {
            entries.clear();
            segment.reader.find_metric(metric, &mut entries)?;
            has_measures |= entries.iter().any(|entry| entry.granularity == MEASURES);
            entries.retain(|entry| entry.granularity == STATE);
            segment.reader.read(&entries, &mut bytes, &mut |entry, chunk| {
                let state = SeriesState::from_bytes(chunk)
                    .ok_or_else(|| segment.reader.damaged(entry, "the state of a series is impossible"))?;
                if newest.is_none_or(|known| known.sequence <= state.sequence) {
                    newest = Some(state);
                }
                Ok(())
            })?;
        }
        Ok(newest.map(|state| (state, has_measures)))
    }

    /// The runs of raw measures of a series with rows in `times`, in the order in which they were accepted.
    pub fn runs(&self, metric: u64, times: Range<i64>) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        let (mut entries, mut bytes) = (Vec::new(), Vec::new());
        let holes = self.holes.of(metric, MEASURES);
        for segment in &self.raw {
            entries.clear();
            segment.reader.find(metric, MEASURES, times.clone(), &mut entries)?;
            segment.reader.read(&entries, &mut bytes, &mut |entry, chunk| {
                let run = Run { first: entry.first, last: entry.last, rows: entry.rows, bytes: chunk.into() };
                let run = holes::cut(run, holes, segment.name.number())
                    .map_err(|error| segment.reader.damaged(entry, error.to_string()))?;
                runs.extend(run);
                Ok(())
            })?;
        }
        Ok(runs)
    }

    /// Appends one method's sealed aggregates of one archive whose group starts lie in `starts`, with room for those that
    /// will follow.
    pub fn aggregates(
        &self,
        metric: u64,
        granularity: i64,
        starts: Range<i64>,
        method: AggregationMethod,
        buffers: &mut Buffers,
        out: &mut Columns,
    ) -> Result<()> {
        if starts.start >= starts.end {
            return Ok(());
        }
        let chunks = self.chunks(metric, granularity, &starts)?;
        let holes = self.holes.of(metric, granularity);
        let begin = out.len();
        // Growing step by step would cost more than decoding: the kernel hands out, and takes back, every page on the way.
        let rows = chunks.iter().map(|(_, entry)| entry.rows as usize).sum::<usize>() + buffers.more;
        out.timestamps.reserve_exact(rows);
        out.values.reserve_exact(rows);
        let Buffers { scratch, bytes, .. } = buffers;
        for together in chunks.chunk_by(|a, b| Arc::ptr_eq(a.0, b.0)) {
            let Some((segment, _)) = together.first() else { continue };
            let entries: Vec<Entry> = together.iter().map(|(_, entry)| *entry).collect();
            segment.reader.read(&entries, bytes, &mut |entry, chunk| {
                let from = out.len();
                decode_aggregate(chunk, entry.rows as usize, granularity, method, scratch, out)
                    .map_err(|error| segment.reader.damaged(entry, error.to_string()))?;
                if entry.first < starts.start || entry.last >= starts.end {
                    trim(out, from, &starts);
                }
                let number = segment.name.number();
                if touched(holes, number, entry.first, entry.last) {
                    retain(out, from, |timestamp| !hidden(holes, number, timestamp));
                }
                Ok(())
            })?;
        }
        // A group that was computed anew lies in a younger segment than its neighbours, until a merge brings them together.
        if chunks.windows(2).any(|pair| matches!(pair, [(_, a), (_, b)] if a.last >= b.first)) {
            sort(out, begin);
        }
        Ok(())
    }

    /// The chunks that hold an archive's rows in `starts`, in order of time. What [`holes`](Self::holes) hide is to be left
    /// out of them.
    pub fn chunks(&self, metric: u64, granularity: i64, starts: &Range<i64>) -> Result<Vec<(&Arc<Segment>, Entry)>> {
        let mut chunks = Vec::new();
        let mut entries = Vec::new();
        let partitions = self.archives.get(&granularity);
        let archived = partitions.into_iter().flat_map(|partitions| {
            let first = partitions.range(..=starts.start).next_back().map_or(starts.start, |(start, _)| *start);
            partitions.range(first..starts.end.max(first)).flat_map(|(_, segments)| segments)
        });
        for segment in archived.chain(&self.level0) {
            let (first, last) = segment.reader.times();
            if first < starts.end && last >= starts.start {
                segment.reader.find(metric, granularity, starts.clone(), &mut entries)?;
                chunks.extend(entries.drain(..).map(|entry| (segment, entry)));
            }
        }
        if !chunks.is_sorted_by_key(|(_, entry)| entry.first) {
            chunks.sort_by_key(|(_, entry)| entry.first);
        }
        Ok(chunks)
    }
}

/// Of the points appended at `from` and after, keeps those in `starts`.
fn trim(out: &mut Columns, from: usize, starts: &Range<i64>) {
    let rows = &out.timestamps[from..];
    let end = from + rows.partition_point(|timestamp| *timestamp < starts.end);
    let begin = from + rows.partition_point(|timestamp| *timestamp < starts.start);
    out.timestamps.truncate(end);
    out.values.truncate(end);
    if begin > from {
        out.timestamps.drain(from..begin.min(end));
        out.values.drain(from..begin.min(end));
    }
}

/// Of the points appended at `from` and after, keeps those whose time `keep` accepts.
fn retain(out: &mut Columns, from: usize, keep: impl Fn(i64) -> bool) {
    let mut kept = from;
    for at in from..out.len() {
        if keep(out.timestamps[at]) {
            out.timestamps.swap(kept, at);
            out.values.swap(kept, at);
            kept += 1;
        }
    }
    out.timestamps.truncate(kept);
    out.values.truncate(kept);
}

/// Brings the points appended at `from` and after in order of time.
fn sort(out: &mut Columns, from: usize) {
    let mut points: Vec<(i64, f64)> = out.iter().skip(from).collect();
    points.sort_by_key(|(timestamp, _)| *timestamp);
    out.timestamps.truncate(from);
    out.values.truncate(from);
    points.into_iter().for_each(|(timestamp, value)| out.push(timestamp, value));
}
