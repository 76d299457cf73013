//! Merges: level 0 is distributed to partitions, the segments of a partition become one, raw segments drop what windows no
//! longer need ([`raw`]). Nothing is rewritten in place; what a merge replaces is superseded when MANIFEST says so.

mod raw;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::aggregates::{AggregateWriter, CHUNK_ROWS, append, chunk_bytes, interleave, part, retain};
use super::load::plan_of;
use super::room::{FILE_BYTES, Room};
use super::{Counters, Engine, Maintenance, partition};
use crate::codec::{DecodeError, Scratch, decode_aggregates};
use crate::error::{Error, Result};
use crate::head::Plan;
use crate::query::{Erasure, Erasures, Segment, View, hidden, touched};
use crate::segment::{Chunk, Entry, Kind, Scan, SegmentName, SegmentReader, SegmentWriter, Whole};
use crate::types::AggregateBlock;

/// This many segments side by side are worth a merge.
const FAN_IN: usize = 8;
/// A merge writes at most this many partitions at a time: each has a file open and its buffers.
const PARTITIONS_AT_ONCE: usize = 64;
/// A chunk of this many rows is not worth decoding to be packed better.
const GOOD_CHUNK: u32 = (CHUNK_ROWS / 2) as u32;

/// A partition of an archive.
type Target = (i64, i64);

/// Segments that are to be merged, and the room that it takes.
pub(super) type Inputs<'a> = (Vec<Arc<Segment>>, Room<'a>);

/// How much is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// What has become due.
    Due,
    /// Everything that is not in its best shape.
    All,
}

impl Engine {
    /// Merges what is due, or all that can be, around what is damaged. Returns whether anything was.
    pub(super) fn merge(&self, maintenance: &mut Maintenance, effort: Effort) -> Result<bool> {
        let mut merged = self.around_damage(|| self.distribute(maintenance, effort))?;
        while self.around_damage(|| {
            self.shed(maintenance)?;
            match self.partition_to_merge(effort) {
                Some((target, inputs, _room)) => self.merge_partition(maintenance, target, &inputs).map(|()| true),
                None => Ok(false),
            }
        })? {
            merged = true;
        }
        while self.around_damage(|| {
            self.shed(maintenance)?;
            match self.raw_to_merge(effort) {
                Some((inputs, _room)) => self.merge_raw(maintenance, &inputs).map(|()| true),
                None => Ok(false),
            }
        })? {
            merged = true;
        }
        Ok(merged)
    }

    /// Moves level 0 to the partitions, when there is enough of it: all, or so much of the oldest as there is room for.
    fn distribute(&self, maintenance: &mut Maintenance, effort: Effort) -> Result<bool> {
        let view = self.view();
        let mut inputs = self.sound(&view.level0);
        let enough = if effort == Effort::All || self.is_heavy(&inputs) { 1 } else { FAN_IN };
        if inputs.len() < enough {
            return Ok(false);
        }
        let (targets, _room) = loop {
            let (targets, more) = targets_of(&inputs)?;
            // A file for each partition takes a little more than what is in it.
            let files = FILE_BYTES * targets.len() as u64;
            if let Some(room) = self.room_to_merge(bytes_of(&inputs) + more + files) {
                break (targets.into_iter().collect::<Vec<_>>(), room);
            }
            if inputs.len() < 2 {
                return Ok(false);
            }
            inputs.truncate(inputs.len() / 2);
        };
        let mut outputs = Vec::new();
        for some in targets.chunks(PARTITIONS_AT_ONCE) {
            outputs.extend(self.write_partitions(maintenance, &view, &inputs, some, 0)?);
        }
        let mut changed = (*view).clone();
        changed.level0.retain(|segment| !inputs.iter().any(|input| input.name == segment.name));
        for ((granularity, start), segment) in outputs {
            changed.archives.entry(granularity).or_default().entry(start).or_default().push(segment);
        }
        self.commit_view(maintenance, changed)?;
        Counters::add(&self.counters.merges, 1);
        Ok(true)
    }

    /// Whether so much of a limited directory lies in level 0 that its rewriting should not wait.
    fn is_heavy(&self, level0: &[Arc<Segment>]) -> bool {
        self.options.disk.is_some_and(|limit| bytes_of(level0) > limit / 16)
    }

    /// A partition with enough segments: when due, those of one level that lie side by side; else all of them.
    fn partition_to_merge(&self, effort: Effort) -> Option<(Target, Vec<Arc<Segment>>, Room<'_>)> {
        let view = self.view();
        for (&granularity, partitions) in &view.archives {
            let newest = partitions.keys().next_back().copied().unwrap_or(0);
            for (&start, segments) in partitions {
                let target = (granularity, start);
                let segments = &self.sound(segments);
                // A partition that two younger ones follow gets no more rows but from metrics that lag far behind.
                let closed =
                    start < partition::start(newest, granularity).saturating_sub(partition::length(granularity));
                let due = effort == Effort::All || closed && segments.iter().all(|s| s.level < 2);
                if segments.len() > 1
                    && due
                    && let Some(room) = self.room_to_merge(bytes_of(segments))
                {
                    return Some((target, segments.clone(), room));
                }
                if let Some((run, room)) = run_of_one_level(segments).and_then(|run| self.with_room(run)) {
                    return Some((target, run, room));
                }
            }
        }
        None
    }

    fn merge_partition(&self, maintenance: &mut Maintenance, target: Target, inputs: &[Arc<Segment>]) -> Result<()> {
        let view = self.view();
        let level = inputs.iter().map(|segment| segment.level).max().unwrap_or(0).saturating_add(1);
        let outputs = self.write_partitions(maintenance, &view, inputs, &[target], level)?;
        let mut changed = (*view).clone();
        replace_in_partition(&mut changed, target, inputs, outputs.into_iter().map(|(_, segment)| segment).next());
        self.commit_view(maintenance, changed)?;
        Counters::add(&self.counters.merges, 1);
        Ok(())
    }

    /// Rewrites a partition's segments without what is expired or deleted.
    pub(super) fn rewrite_partition(&self, maintenance: &mut Maintenance, target: Target) -> Result<()> {
        let view = self.view();
        let segments = view.archives.get(&target.0).and_then(|partitions| partitions.get(&target.1));
        match segments.map(|segments| self.sound(segments)) {
            Some(inputs) if !inputs.is_empty() => self.merge_partition(maintenance, target, &inputs),
            _ => Ok(()),
        }
    }

    /// Drops segments of a partition of which nothing is of any use.
    pub(super) fn drop_segments(
        &self,
        maintenance: &mut Maintenance,
        target: Target,
        useless: &[Arc<Segment>],
    ) -> Result<()> {
        let mut changed = (*self.view()).clone();
        replace_in_partition(&mut changed, target, useless, None);
        self.commit_view(maintenance, changed)
    }

    /// Writes the live rows of `inputs` that belong to `targets` into a new segment for each target that has any.
    fn write_partitions(
        &self,
        maintenance: &mut Maintenance,
        view: &View,
        inputs: &[Arc<Segment>],
        targets: &[Target],
        level: u8,
    ) -> Result<Vec<(Target, Arc<Segment>)>> {
        let mut names = Vec::with_capacity(targets.len());
        for &(granularity, partition) in targets {
            names.push(maintenance.begin(|number| SegmentName::Archive { granularity, partition, number }));
        }
        self.fill_partitions(view, inputs, &names, level)
    }

    fn fill_partitions(
        &self,
        view: &View,
        inputs: &[Arc<Segment>],
        names: &[SegmentName],
        level: u8,
    ) -> Result<Vec<(Target, Arc<Segment>)>> {
        let mut sinks = BTreeMap::new();
        for &name in names {
            let SegmentName::Archive { granularity, partition, .. } = name else { continue };
            self.create_directories(name)?;
            let path = name.path(&self.root);
            let writer = SegmentWriter::create(&*self.fs, &path, Kind::Archive, name.number())?;
            sinks.insert((granularity, partition), (name, AggregateWriter::new(writer, CHUNK_ROWS)));
        }
        let mut distribution = Distribution { sinks: &mut sinks, scratch: Scratch::default(), erased: &view.erased };
        let mut cursors = Cursors::new(inputs)?;
        let mut retention = Retention { engine: self, view, metric: None };
        while let Some((metric, granularity)) = cursors.next_archive() {
            let chunks = cursors.take(metric, granularity)?;
            if let Some(kept_from) = retention.kept_from(metric, granularity)? {
                distribution.write(metric, granularity, kept_from, &chunks)?;
            }
        }
        let mut written = Vec::new();
        for (target, (name, writer)) in sinks {
            let writer = writer.into_inner();
            let empty = writer.entries() == 0;
            writer.finish()?;
            if empty {
                self.fs.remove(&name.path(&self.root))?;
            } else {
                written.push((target, self.open_segment(name, level)?));
            }
            self.fs.sync_dir(&name.directory(&self.root))?;
        }
        Ok(written)
    }

    /// Creates a partition's directory so that it survives a power cut.
    fn create_directories(&self, name: SegmentName) -> Result<()> {
        let directory = name.directory(&self.root);
        self.fs.create_dir_all(&directory)?;
        for parent in directory.ancestors().skip(1).take_while(|parent| parent.starts_with(&self.root)) {
            self.fs.sync_dir(parent)?;
        }
        Ok(())
    }

    /// Segments with the room that their merge takes, if it is there.
    pub(super) fn with_room(&self, inputs: Vec<Arc<Segment>>) -> Option<Inputs<'_>> {
        let room = self.room_to_merge(bytes_of(&inputs))?;
        Some((inputs, room))
    }
}

/// How many bytes segments take.
fn bytes_of(segments: &[Arc<Segment>]) -> u64 {
    segments.iter().map(|segment| segment.reader.bytes()).sum()
}

/// The first run of [`FAN_IN`] or more neighbours of one level.
fn run_of_one_level(segments: &[Arc<Segment>]) -> Option<Vec<Arc<Segment>>> {
    segments.chunk_by(|a, b| a.level == b.level).find(|run| run.len() >= FAN_IN).map(<[_]>::to_vec)
}

/// Puts `merged` where the first of `inputs` was.
fn replace_in_partition(view: &mut View, target: Target, inputs: &[Arc<Segment>], merged: Option<Arc<Segment>>) {
    let Some(partitions) = view.archives.get_mut(&target.0) else { return };
    if let Some(segments) = partitions.get_mut(&target.1) {
        let at = segments.iter().position(|s| inputs.iter().any(|input| input.name == s.name)).unwrap_or(0);
        segments.retain(|segment| !inputs.iter().any(|input| input.name == segment.name));
        if let Some(merged) = merged {
            segments.insert(at, merged);
        }
        if segments.is_empty() {
            partitions.remove(&target.1);
        }
    }
    if partitions.is_empty() {
        view.archives.remove(&target.0);
    }
}

/// All partitions that hold rows of these segments. A chunk that reaches from one into another is decoded, for between its
/// ends there may be as many empty ones as there are days: its metric may have been measured once a year. Also says how many
/// bytes more its parts take.
fn targets_of(segments: &[Arc<Segment>]) -> Result<(BTreeSet<Target>, u64)> {
    let (mut targets, mut more) = (BTreeSet::new(), 0);
    let (mut scratch, mut whole) = (Scratch::default(), Whole::default());
    for segment in segments {
        let mut crossing = Vec::new();
        segment.reader.each_entry(&mut |entry| {
            let start = partition::start(entry.first, entry.granularity);
            targets.insert((entry.granularity, start));
            if start != partition::start(entry.last, entry.granularity) {
                crossing.push(entry);
            }
        })?;
        segment.reader.read(&crossing, &mut whole, &mut |entry, chunk| {
            let block = decode_aggregates(chunk, entry.rows as usize, entry.granularity, &mut scratch)
                .map_err(|error| segment.reader.damaged(entry, error.to_string()))?;
            let mut starts: Vec<i64> =
                block.timestamps.iter().map(|timestamp| partition::start(*timestamp, entry.granularity)).collect();
            starts.dedup();
            more += starts.len() as u64 * chunk_bytes(1, block.columns.len() as u64);
            targets.extend(starts.into_iter().map(|start| (entry.granularity, start)));
            Ok(())
        })?;
    }
    Ok((targets, more))
}

/// A chunk taken out of a cursor.
struct Loaded {
    /// That of its segment.
    number: u64,
    entry: Entry,
    bytes: Vec<u8>,
    reader: Arc<SegmentReader>,
}

/// Cursors over several segments, read together in the order of their chunks.
struct Cursors {
    /// With the numbers of their segments.
    scans: Vec<(u64, Scan)>,
}

impl Cursors {
    fn new(segments: &[Arc<Segment>]) -> Result<Self> {
        let scan = |s: &Arc<Segment>| Ok((s.name.number(), Scan::new(Arc::clone(&s.reader))?));
        Ok(Cursors { scans: segments.iter().map(scan).collect::<Result<_>>()? })
    }

    /// The metric and granularity that come next.
    fn next_archive(&self) -> Option<(u64, i64)> {
        let next = self.scans.iter().filter_map(|(_, scan)| scan.entry());
        next.map(|entry| (entry.metric, entry.granularity)).min()
    }

    /// All chunks of this metric and granularity, segment by segment.
    fn take(&mut self, metric: u64, granularity: i64) -> Result<Vec<Loaded>> {
        let mut taken = Vec::new();
        for (number, scan) in &mut self.scans {
            while let Some(entry) = scan.entry().filter(|e| (e.metric, e.granularity) == (metric, granularity)).copied()
            {
                let (bytes, reader) = (scan.chunk()?.to_vec(), Arc::clone(scan.reader()));
                taken.push(Loaded { number: *number, entry, bytes, reader });
                scan.advance()?;
            }
        }
        Ok(taken)
    }
}

/// The writers of a merge, by partition.
struct Distribution<'a> {
    sinks: &'a mut BTreeMap<Target, (SegmentName, AggregateWriter)>,
    scratch: Scratch,
    erased: &'a Erasures,
}

impl Distribution<'_> {
    /// Writes one archive of one metric.
    fn write(&mut self, metric: u64, granularity: i64, kept_from: i64, chunks: &[Loaded]) -> Result<()> {
        let mut ordered: Vec<&Loaded> = chunks.iter().filter(|chunk| chunk.entry.last >= kept_from).collect();
        ordered.sort_by_key(|chunk| chunk.entry.first);
        let erased = self.erased.of(metric, granularity);
        let mut pending = AggregateBlock::default();
        for together in overlapping(&ordered) {
            if let [chunk] = together
                && chunk.entry.rows >= GOOD_CHUNK
                && chunk.reader.is_current()
                && chunk.is_whole(granularity, kept_from, erased)
            {
                self.flush(metric, granularity, &mut pending)?;
                let Entry { first, last, rows, front, .. } = chunk.entry;
                if let Some((_, sink)) = self.sinks.get_mut(&(granularity, partition::start(first, granularity))) {
                    let (bytes, front) = (&chunk.bytes[..], front as usize);
                    sink.copy(&Chunk { metric, granularity, first, last, rows, bytes, front })?;
                }
                continue;
            }
            let block = self.live(together, kept_from, erased)?;
            if block.rows() == 0 {
                continue;
            }
            if !append(&mut pending, &block) {
                self.flush(metric, granularity, &mut pending)?;
                pending = block;
            }
            if pending.rows() >= 8 * CHUNK_ROWS {
                self.flush(metric, granularity, &mut pending)?;
            }
        }
        self.flush(metric, granularity, &mut pending)
    }

    /// The rows of chunks that are still kept, in order of time.
    fn live(&mut self, chunks: &[&Loaded], kept_from: i64, erased: &[Erasure]) -> Result<AggregateBlock> {
        let mut blocks = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let Entry { rows, granularity, first, last, .. } = chunk.entry;
            let mut block = decode_aggregates(&chunk.bytes, rows as usize, granularity, &mut self.scratch)
                .map_err(|error| chunk.damaged(&error))?;
            let live = block.timestamps.partition_point(|timestamp| *timestamp < kept_from);
            if live > 0 {
                block = part(&block, live, block.rows());
            }
            if touched(erased, chunk.number, first, last) {
                block = retain(&block, |timestamp| !hidden(erased, chunk.number, timestamp));
            }
            blocks.push(block);
        }
        match blocks.pop() {
            Some(block) if blocks.is_empty() => Ok(block),
            last => {
                blocks.extend(last);
                Ok(interleave(&blocks))
            }
        }
    }

    /// Writes the pending rows, each to its partition; rows of partitions that this pass does not write are left out.
    fn flush(&mut self, metric: u64, granularity: i64, pending: &mut AggregateBlock) -> Result<()> {
        let block = std::mem::take(pending);
        let mut at = 0;
        while let Some(&timestamp) = block.timestamps.get(at) {
            let start = partition::start(timestamp, granularity);
            let end = start.saturating_add(partition::length(granularity));
            let until = at + block.timestamps[at..].partition_point(|t| *t < end).max(1);
            if let Some((_, sink)) = self.sinks.get_mut(&(granularity, start)) {
                if at == 0 && until == block.rows() {
                    sink.write(metric, granularity, &block)?;
                } else {
                    sink.write(metric, granularity, &part(&block, at, until))?;
                }
            }
            at = until;
        }
        Ok(())
    }
}

/// Cuts chunks, which are in order of their first rows, into those that reach into one another's time: mostly single ones.
fn overlapping<'a, 'b>(chunks: &'a [&'b Loaded]) -> impl Iterator<Item = &'a [&'b Loaded]> {
    let mut reached = i64::MIN;
    chunks.chunk_by(move |a, b| {
        reached = reached.max(a.entry.last);
        b.entry.first <= reached
    })
}

impl Loaded {
    /// Whether all of its rows are kept, and belong to one partition.
    fn is_whole(&self, granularity: i64, kept_from: i64, erased: &[Erasure]) -> bool {
        let Entry { first, last, .. } = self.entry;
        partition::start(first, granularity) == partition::start(last, granularity)
            && first >= kept_from
            && !touched(erased, self.number, first, last)
    }

    fn damaged(&self, error: &DecodeError) -> Error {
        self.reader.damaged(&self.entry, error.to_string())
    }
}

/// What is kept of a metric.
pub(super) enum Kept {
    /// What its policy says, for this newest measure.
    Of(i64, Arc<Plan>),
    /// All of it.
    Everything,
    /// It is gone.
    Nothing,
}

/// Tells what is still kept of each metric; remembers the last one, whose archives come one after the other.
pub(super) struct Retention<'a> {
    pub(super) engine: &'a Engine,
    pub(super) view: &'a View,
    pub(super) metric: Option<(u64, Kept)>,
}

impl Retention<'_> {
    /// From which group start on an archive of a metric is still kept; `None` when the metric is gone.
    pub(super) fn kept_from(&mut self, metric: u64, granularity: i64) -> Result<Option<i64>> {
        if self.metric.as_ref().is_none_or(|(known, _)| *known != metric) {
            let known = match self.engine.state.expires_by(metric, self.view) {
                Ok(Some((newest, policy))) => Kept::Of(newest, plan_of(&self.engine.plans(), metric, policy)?),
                Ok(None) => Kept::Nothing,
                // While its state cannot be read, nobody knows what has expired.
                Err(Error::Corrupt(_)) => Kept::Everything,
                Err(error) => return Err(error),
            };
            self.metric = Some((metric, known));
        }
        Ok(match self.metric.as_ref().map(|(_, known)| known) {
            Some(Kept::Of(newest, plan)) => {
                Some(plan.archive(granularity).map_or(0, |archive| archive.kept_from(*newest)))
            }
            Some(Kept::Everything) => Some(0),
            Some(Kept::Nothing) | None => None,
        })
    }
}
