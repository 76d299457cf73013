//! The segments that make the state, at one moment.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use super::erasures::{Erasure, Erasures, cut, hidden, touched};
use super::tolerance::{Holes, Tolerance};
use crate::codec::{Parts, Scratch, decode_opened};
use crate::error::{Error, Result};
use crate::head::Run;
use crate::segment::{Blocks, Entry, MEASURES, Room, STATE, SegmentName, SegmentReader, Whole};
use crate::types::{AggregationMethod, Columns, Points, SeriesState};

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
    /// Memory for the values of points, empty: of points that were used up.
    pub spare: Vec<Vec<f64>>,
    blocks: Blocks,
    room: Room,
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
        buffers.room.forget();
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
    pub erased: Arc<Erasures>,
    /// Granularity → until when its points may have gone before their time.
    pub expired_early: BTreeMap<i64, i64>,
}

impl View {
    /// Adds a segment, which is younger than those that are there.
    pub fn add(&mut self, segment: Arc<Segment>) {
        match segment.name {
            SegmentName::Raw { .. } => self.raw.push(segment),
            SegmentName::Level0 { .. } => self.level0.push(segment),
            SegmentName::Archive { granularity, partition, .. } => {
                self.archives.entry(granularity).or_default().entry(partition).or_default().push(segment);
            }
        }
    }

    /// What all segments take.
    pub fn bytes(&self) -> u64 {
        self.segments().map(|segment| segment.reader.bytes()).sum()
    }

    /// All segments.
    pub fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        let archived = self.archives.values().flat_map(BTreeMap::values).flatten();
        self.raw.iter().chain(&self.level0).chain(archived)
    }

    /// The latest state of a series that raw segments know; and whether they may hold measures of its window.
    pub fn series(&self, metric: u64) -> Result<Option<(SeriesState, bool)>> {
        let mut newest: Option<SeriesState> = None;
        let (mut has_measures, mut damaged) = (false, None);
        let (mut entries, mut whole) = (Vec::new(), Whole::default());
        for segment in &self.raw {
            entries.clear();
            segment.reader.find_metric(metric, &mut entries)?;
            has_measures |= entries.iter().any(|entry| entry.granularity == MEASURES);
            entries.retain(|entry| entry.granularity == STATE);
            let read = segment.reader.read(&entries, &mut whole, &mut |entry, chunk| {
                let state = SeriesState::from_bytes(chunk)
                    .ok_or_else(|| segment.reader.damaged(entry, "the state of a series is impossible"))?;
                if newest.is_none_or(|known| known.sequence <= state.sequence) {
                    newest = Some(state);
                }
                Ok(())
            });
            // A damaged state does no harm when there is a later one.
            damaged = match read {
                Err(error @ Error::Corrupt(_)) => Some(error),
                read => read.map(|()| damaged.filter(|_| entries.is_empty()))?,
            };
        }
        match damaged {
            Some(error) => Err(error),
            None => Ok(newest.map(|state| (state, has_measures))),
        }
    }

    /// The runs of raw measures of a series with rows in `times`, in the order in which they were accepted.
    pub fn runs(&self, metric: u64, times: Range<i64>) -> Result<Vec<Run>> {
        self.runs_around(metric, times, &mut Tolerance::none(), &mut Holes::default())
    }

    /// As [`runs`](Self::runs); what is damaged is left out where `tolerance` allows it, and is a hole then.
    pub(super) fn runs_around(
        &self,
        metric: u64,
        times: Range<i64>,
        tolerance: &mut Tolerance,
        holes: &mut Holes,
    ) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        let (mut blocks, mut entries, mut whole) = (Blocks::default(), Vec::new(), Whole::default());
        let erased = self.erased.of(metric, MEASURES);
        for segment in &self.raw {
            entries.clear();
            segment.reader.find_around(metric, MEASURES, times.clone(), &mut blocks, &mut entries, &mut |error| {
                // Whatever runs there were may have been of any time.
                holes.add(i64::MIN, i64::MAX);
                tolerance.take(error)
            })?;
            let before = runs.len();
            let read = segment.reader.read(&entries, &mut whole, &mut |entry, chunk| {
                runs.extend(run(segment, entry, chunk, erased)?);
                Ok(())
            });
            let Err(error) = read else { continue };
            if !tolerance.skips() {
                return Err(error);
            }
            runs.truncate(before);
            for entry in &entries {
                let alone = segment.reader.read(std::slice::from_ref(entry), &mut whole, &mut |entry, chunk| {
                    runs.extend(run(segment, entry, chunk, erased)?);
                    Ok(())
                });
                if let Err(error) = alone {
                    holes.add(entry.first, entry.last);
                    tolerance.take(error)?;
                }
            }
        }
        Ok(runs)
    }

    /// Appends one method's sealed aggregates of one archive whose group starts lie in `starts`, with room for those that
    /// will follow.
    pub fn aggregates(
        &self,
        (metric, granularity): (u64, i64),
        starts: Range<i64>,
        method: AggregationMethod,
        buffers: &mut Buffers,
        tolerance: &mut Tolerance,
        out: &mut Points,
    ) -> Result<()> {
        if starts.start >= starts.end {
            return Ok(());
        }
        let chunks = self.find(metric, granularity, &starts, &mut buffers.blocks, tolerance)?;
        let erased = self.erased.of(metric, granularity);
        // Growing step by step would cost more than decoding: the kernel hands out, and takes back, every page on the way.
        let rows = chunks.iter().map(|(_, entry)| entry.rows as usize).sum::<usize>() + buffers.more;
        if out.values.is_empty() && out.values.capacity() / 4 > rows {
            // Memory of much longer columns is for such.
            out.values = Vec::new();
        }
        out.values.reserve_exact(rows);
        let Buffers { scratch, room, .. } = buffers;
        let begin = out.len();
        // Where a merge had to leave a damaged segment out, others have rows around those of that one; and a group that was
        // computed anew lies in a younger segment than its neighbours, until a merge brings them together.
        let interleaved = chunks.windows(2).any(|pair| pair[0].1.last >= pair[1].1.first);
        for together in chunks.chunk_by(|a, b| Arc::ptr_eq(a.0, b.0)) {
            let Some((segment, _)) = together.first() else { continue };
            let entries: Vec<Entry> = together.iter().map(|(_, entry)| *entry).collect();
            let number = segment.name.number();
            let mut decode = |entry: &Entry, chunk: &[u8], opened: &Parts, out: &mut Points| {
                let from = out.len();
                decode_opened(opened, chunk, entry.rows as usize, granularity, scratch, out)
                    .map_err(|error| segment.reader.damaged(entry, error.to_string()))?;
                if entry.first < starts.start || entry.last >= starts.end {
                    out.trim(from, &starts);
                }
                if touched(erased, number, entry.first, entry.last) {
                    retain(out, from, |timestamp| !hidden(erased, number, timestamp));
                }
                Ok(())
            };
            let before = out.len();
            let mut take = |entry: &Entry, chunk: &[u8], opened: &Parts| decode(entry, chunk, opened, out);
            let read = segment.reader.read_method(&entries, method, room, &mut take);
            let Err(error) = read else { continue };
            if !tolerance.skips() {
                return Err(error);
            }
            out.truncate(before);
            for entry in &entries {
                let from = out.len();
                let alone = std::slice::from_ref(entry);
                // Nor may what lies behind it keep it from being read.
                room.forget();
                let mut take = |entry: &Entry, chunk: &[u8], opened: &Parts| decode(entry, chunk, opened, out);
                let read = segment.reader.read_method(alone, method, room, &mut take);
                if let Err(error) = read {
                    out.truncate(from);
                    tolerance.take(error)?;
                    tolerance.miss(entry.first, entry.last);
                }
            }
        }
        if interleaved {
            sort(out, begin);
        }
        Ok(())
    }

    /// The chunks that hold an archive's rows in `starts`, in order of time. What is [`erased`](Self::erased) is to be left
    /// out of them.
    pub fn chunks(&self, metric: u64, granularity: i64, starts: &Range<i64>) -> Result<Vec<(&Arc<Segment>, Entry)>> {
        self.find(metric, granularity, starts, &mut Blocks::default(), &mut Tolerance::none())
    }

    fn find(
        &self,
        metric: u64,
        granularity: i64,
        starts: &Range<i64>,
        blocks: &mut Blocks,
        tolerance: &mut Tolerance,
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
                let on_damage = &mut |error| {
                    tolerance.miss(i64::MIN, i64::MAX);
                    tolerance.take(error)
                };
                segment.reader.find_around(metric, granularity, starts.clone(), blocks, &mut entries, on_damage)?;
                chunks.extend(entries.drain(..).map(|entry| (segment, entry)));
            }
        }
        if !chunks.is_sorted_by_key(|(_, entry)| entry.first) {
            chunks.sort_by_key(|(_, entry)| entry.first);
        }
        Ok(chunks)
    }
}

/// Brings the points appended at `from` and after in order of time.
fn sort(out: &mut Points, from: usize) {
    let mut sorted = Columns::from(std::mem::take(out));
    let mut points: Vec<(i64, f64)> = sorted.iter().skip(from).collect();
    points.sort_by_key(|(timestamp, _)| *timestamp);
    sorted.truncate(from);
    for (timestamp, value) in points {
        sorted.push(timestamp, value);
    }
    *out = sorted.into();
}

/// The run of raw measures of this entry, without those that were deleted.
fn run(segment: &Segment, entry: &Entry, chunk: &[u8], erased: &[Erasure]) -> Result<Option<Run>> {
    let run = Run { first: entry.first, last: entry.last, rows: entry.rows, bytes: chunk.into() };
    cut(run, erased, segment.name.number()).map_err(|error| segment.reader.damaged(entry, error.to_string()))
}

/// Of the points appended at `from` and after, keeps those whose time `keep` accepts.
fn retain(out: &mut Points, from: usize, keep: impl Fn(i64) -> bool) {
    let mut all = Columns::from(std::mem::take(out));
    let points: Vec<(i64, f64)> = all.iter().skip(from).filter(|(timestamp, _)| keep(*timestamp)).collect();
    all.truncate(from);
    for (timestamp, value) in points {
        all.push(timestamp, value);
    }
    *out = all.into();
}
