//! The segments that make the state, at one moment.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::codec::{Scratch, decode_aggregate};
use crate::error::Result;
use crate::head::Run;
use crate::segment::{Blocks, Entry, MEASURES, STATE, SegmentName, SegmentReader};
use crate::types::{AggregationMethod, Points, SeriesState};

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
    blocks: Blocks,
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
        let (mut blocks, mut entries, mut bytes) = (Blocks::default(), Vec::new(), Vec::new());
        for segment in &self.raw {
            entries.clear();
            segment.reader.find(metric, MEASURES, times.clone(), &mut blocks, &mut entries)?;
            segment.reader.read(&entries, &mut bytes, &mut |entry, chunk| {
                runs.push(Run { first: entry.first, last: entry.last, rows: entry.rows, bytes: chunk.into() });
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
        out: &mut Points,
    ) -> Result<()> {
        if starts.start >= starts.end {
            return Ok(());
        }
        let chunks = self.find(metric, granularity, &starts, &mut buffers.blocks)?;
        // Growing step by step would cost more than decoding: the kernel hands out, and takes back, every page on the way.
        let rows = chunks.iter().map(|(_, entry)| entry.rows as usize).sum::<usize>() + buffers.more;
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
                    out.trim(from, &starts);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The chunks that hold an archive's rows in `starts`, in order of time.
    fn find(
        &self,
        metric: u64,
        granularity: i64,
        starts: &Range<i64>,
        blocks: &mut Blocks,
    ) -> Result<Vec<(&Arc<Segment>, Entry)>> {
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
                segment.reader.find(metric, granularity, starts.clone(), blocks, &mut entries)?;
                chunks.extend(entries.drain(..).map(|entry| (segment, entry)));
            }
        }
        if !chunks.is_sorted_by_key(|(_, entry)| entry.first) {
            chunks.sort_by_key(|(_, entry)| entry.first);
        }
        Ok(chunks)
    }
}
