//! Checkpoint: what series accepted since the last one, and the aggregates of what has closed, go into segments; the journal
//! becomes short again.
//!
//! The gate is held exclusively only while the journal starts a new file and the list of changed series is taken. Each
//! series is then taken under its own lock, worked on outside of it, and released after MANIFEST has been committed and the
//! new segments published, so that no reader ever misses a row.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::aggregates::{AggregateWriter, CHUNK_ROWS};
use super::load::plan_of;
use super::manifest::{Manifest, PolicyRecord, SegmentRecord};
use super::open::open_segment;
use super::room::{Room, Sealing};
use super::{Counters, Engine, Maintenance, Position, Superseded};
use crate::carbonara;
use crate::codec::{Scratch, encode_measures};
use crate::error::{Error, Result};
use crate::head::{Plan, Presence, Raw, Run, Series, Stored, WindowSnapshot, slice};
use crate::query::{Segment, View, window_damaged};
use crate::segment::{Chunk, Kind, MEASURES, STATE, SegmentName, SegmentWriter};
use crate::types::{BeforeJump, Measure, SeriesState};

/// Raw measures are encoded in runs of at most this many: late measures decode one run, not the whole window.
pub(super) const RUN_ROWS: usize = 1024;

/// What a checkpoint took of one series.
pub(super) struct Taken {
    key: u64,
    state: SeriesState,
    plan: Arc<Plan>,
    frozen: Option<Arc<Vec<Measure>>>,
    /// The window, when something of it is to be sealed.
    window: Option<WindowSnapshot>,
}

/// What a series is told once everything is on disk.
pub(super) struct Release {
    key: u64,
    stored: Stored,
    keep_from: i64,
    runs: Vec<Run>,
    /// Something that has closed waits for room to be sealed.
    waits: bool,
}

/// The two segments of a checkpoint, and reusable buffers.
pub(super) struct Output {
    pub(super) raw: SegmentWriter,
    raw_name: SegmentName,
    pub(super) aggregates: AggregateWriter,
    aggregates_name: SegmentName,
    scratch: Scratch,
    bytes: Vec<u8>,
}

impl Engine {
    /// Makes everything pushed so far durable in segments. Does nothing when nothing changed.
    pub fn checkpoint(&self) -> Result<()> {
        self.check_writable()?;
        let mut maintenance = self.maintenance.lock();
        self.checkpoint_locked(&mut maintenance)
    }

    pub(super) fn checkpoint_locked(&self, maintenance: &mut Maintenance) -> Result<()> {
        if self.dirty.lock().is_empty() && self.journal.last_sequence() < maintenance.position.sequence {
            maintenance.seals_more = false;
            return Ok(());
        }
        // Most of the journal reaches the disk before the gate closes, so that the sync within is short.
        self.journal.flush()?;
        let journal = self.journal.bytes();
        let (position, mut keys, waiting, _room) = self.cut()?;
        keys.sort_unstable();
        keys.dedup();
        let before = std::mem::replace(&mut maintenance.position, position);
        let segments = self.view().bytes();
        match self.write_checkpoint(maintenance, &keys) {
            Ok(releases) => {
                self.note_checkpoint(journal, self.view().bytes().saturating_sub(segments));
                self.release(releases);
                Counters::add(&self.counters.checkpoints, 1);
                crate::journal::remove_before(&*self.fs, &self.root.join("journal"), maintenance.position.file)?;
                self.count_after_checkpoint()
            }
            Err(error) => {
                // The journal is still needed from where it was needed before.
                maintenance.position = before;
                self.take_back(&keys);
                self.dirty_measures.fetch_add(waiting, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Fixes the journal position: what came before is in the series taken, what comes after is in the new file. Also says how
    /// many measures waited, and keeps the room for them set apart.
    fn cut(&self) -> Result<(Position, Vec<u64>, u64, Room<'_>)> {
        let _gate = self.gate.write();
        let file = self.journal.file_number() + 1;
        let last = self.journal.rotate(file)?;
        let room = self.room_for_waiting();
        let waiting = self.dirty_measures.swap(0, Ordering::SeqCst);
        let keys = std::mem::take(&mut *self.dirty.lock());
        self.cuts.1.notify_all();
        Ok((Position { file, sequence: last + 1, plans: self.plans() }, keys, waiting, room))
    }

    /// After a failure: the series are as changed as they were before, and the next checkpoint takes them again.
    fn take_back(&self, keys: &[u64]) {
        for key in keys {
            let Some(slot) = self.state.series.slot(*key) else { continue };
            let mut series = slot.lock();
            if series.presence() == Presence::Resident {
                // One that was not taken yet is still marked, and in no list. A key that is there twice does no harm.
                series.mark_dirty();
                self.dirty.lock().push(*key);
            }
        }
    }

    fn write_checkpoint(&self, maintenance: &mut Maintenance, keys: &[u64]) -> Result<Vec<Release>> {
        maintenance.seals_more = false;
        if keys.is_empty() {
            self.commit_view(maintenance, (*self.view()).clone())?;
            return Ok(Vec::new());
        }
        let names = [
            maintenance.begin(|number| SegmentName::Raw { number }),
            maintenance.begin(|number| SegmentName::Level0 { number }),
        ];
        let mut sealing = Sealing::of_what_fits(self);
        let (view, releases) = self.write_output(keys, names, &mut sealing)?;
        self.commit_view(maintenance, view)?;
        maintenance.seals_more = sealing.seals_more();
        Ok(releases)
    }

    /// Writes the segments of a checkpoint; the view that has them is not published yet.
    fn write_output(
        &self,
        keys: &[u64],
        names: [SegmentName; 2],
        sealing: &mut Sealing,
    ) -> Result<(View, Vec<Release>)> {
        let mut output = self.create_output(names)?;
        let mut releases = Vec::with_capacity(keys.len());
        let mut highest = 0;
        for key in keys {
            if let Some(taken) = self.take(*key)? {
                highest = highest.max(taken.state.sequence);
                releases.push(write_series(&mut output, taken, sealing)?);
            }
        }
        // What the segments hold must not survive a crash that the journal's records of it do not.
        self.journal.commit(highest)?;
        let mut view = (*self.view()).clone();
        self.finish_output(output, &mut view)?;
        Ok((view, releases))
    }

    pub(super) fn create_output(&self, [raw_name, aggregates_name]: [SegmentName; 2]) -> Result<Output> {
        let raw = SegmentWriter::create(&*self.fs, &raw_name.path(&self.root), Kind::Raw, raw_name.number())?;
        let path = aggregates_name.path(&self.root);
        let aggregates = SegmentWriter::create(&*self.fs, &path, Kind::Level0, aggregates_name.number())?;
        let aggregates = AggregateWriter::new(aggregates, CHUNK_ROWS);
        Ok(Output { raw, raw_name, aggregates, aggregates_name, scratch: Scratch::default(), bytes: Vec::new() })
    }

    pub(super) fn finish_output(&self, output: Output, view: &mut View) -> Result<()> {
        let Output { raw, raw_name, aggregates, aggregates_name, .. } = output;
        let aggregates = aggregates.into_inner();
        let has_aggregates = aggregates.entries() > 0;
        let has_raw = raw.entries() > 0;
        raw.finish()?;
        aggregates.finish()?;
        if has_raw {
            view.raw.push(self.open_segment(raw_name, 0)?);
        } else {
            self.fs.remove(&raw_name.path(&self.root))?;
        }
        if has_aggregates {
            view.level0.push(self.open_segment(aggregates_name, 0)?);
        } else {
            self.fs.remove(&aggregates_name.path(&self.root))?;
        }
        self.fs.sync_dir(&raw_name.directory(&self.root))?;
        self.fs.sync_dir(&aggregates_name.directory(&self.root))
    }

    /// Opens a segment that is, or is about to be, part of the state.
    pub(super) fn open_segment(&self, name: SegmentName, level: u8) -> Result<Arc<Segment>> {
        open_segment(&*self.fs, &self.root, name, level)
    }

    /// Writes MANIFEST for `view` and publishes it. What the old view had and the new one has not is superseded.
    pub(super) fn commit_view(&self, maintenance: &mut Maintenance, view: View) -> Result<()> {
        let old = self.view();
        let kept: HashSet<SegmentName> = view.segments().map(|segment| segment.name).collect();
        let known = maintenance.superseded.len();
        for segment in old.segments().filter(|segment| !kept.contains(&segment.name)) {
            let record = record_of(segment);
            let segment = Some(Arc::clone(segment));
            maintenance.superseded.push(Superseded { record, since: Instant::now(), segment });
        }
        match self.write_manifest(maintenance, &view) {
            Ok(manifest) => {
                maintenance.named_deleted = manifest.deleted;
                let replaced: u64 = maintenance.superseded[known..].iter().map(|old| old.record.bytes).sum();
                self.note_bytes(view.bytes() + replaced, old.bytes());
                self.state.publish(view);
                self.counters.superseded.store(maintenance.superseded.len() as u64, Ordering::Relaxed);
                self.remove_abandoned(maintenance);
                Ok(())
            }
            Err(error) => {
                maintenance.superseded.truncate(known);
                Err(error)
            }
        }
    }

    fn write_manifest(&self, maintenance: &Maintenance, view: &View) -> Result<Manifest> {
        let manifest = self.manifest_of(maintenance, view)?;
        let written = manifest.write(&*self.fs, &self.root);
        if let Err(error) = &written {
            // The old one is still in place, unless the very last step failed: then nobody knows which one a power cut
            // would leave, and what either names must stay as it is.
            let in_place = Manifest::read(&*self.fs, &self.root);
            if !matches!(in_place, Ok(Some(found)) if found != manifest) {
                let _ = self.failure.set(format!("MANIFEST may or may not have been replaced: {error}"));
            }
        }
        written.map(|()| manifest)
    }

    /// Removes the files of attempts that failed. Not before MANIFEST has been replaced: a replacement that failed may be
    /// on the disk all the same, and name them. Those that cannot be removed are called superseded in the next one.
    fn remove_abandoned(&self, maintenance: &mut Maintenance) {
        let used: HashSet<SegmentName> = self.view().segments().map(|segment| segment.name).collect();
        maintenance.begun.retain(|name| !used.contains(name));
        if self.remove_segments(&maintenance.begun).is_ok() {
            maintenance.begun.clear();
        }
    }

    pub(super) fn manifest_of(&self, maintenance: &Maintenance, view: &View) -> Result<Manifest> {
        let mut policies = Vec::with_capacity(maintenance.position.plans.len());
        for plan in maintenance.position.plans.values() {
            policies.push(PolicyRecord::new(plan.id, plan.revision, &plan.policy)?);
        }
        policies.sort_by_key(|record| record.id);
        let used: HashSet<SegmentName> = view.segments().map(|segment| segment.name).collect();
        let superseded = maintenance.superseded.iter().map(|old| old.record.clone());
        let abandoned = maintenance.begun.iter().filter(|name| !used.contains(name));
        let abandoned = abandoned.map(|name| SegmentRecord::new(*name, 0, 0));
        Ok(Manifest {
            next_file: maintenance.next_file,
            journal_file: maintenance.position.file,
            journal_sequence: maintenance.position.sequence,
            journal_durable: self.journal.durable_sequence(),
            segments: view.segments().map(|segment| record_of(segment)).collect(),
            policies,
            deleted: self.state.deleted.lock().iter().copied().collect(),
            superseded: superseded.chain(abandoned).collect(),
            erasures: view.erased.iter().copied().collect(),
            expired_early: view.expired_early.clone(),
        })
    }

    /// Freezes a series and copies what the checkpoint needs of it.
    fn take(&self, key: u64) -> Result<Option<Taken>> {
        let Some(slot) = self.state.series.slot(key) else { return Ok(None) };
        let mut series = slot.lock();
        if series.presence() != Presence::Resident {
            return Ok(None);
        }
        self.take_locked(key, &mut series).map(Some)
    }

    /// As [`take`](Self::take), of a resident series that the caller has locked.
    pub(super) fn take_locked(&self, key: u64, series: &mut Series) -> Result<Taken> {
        let state = series.state();
        let plan = plan_of(&self.plans(), key, state.policy)?;
        let seal_until = series.seal_until();
        let mut seals = seal_until > state.stored_until;
        if seals && let Err(error) = self.state.restore_window(key, series, &plan) {
            // A damaged window must not keep all others from being stored: what of this series has closed stays unsealed,
            // and whoever reads it is told.
            if !matches!(error, Error::Corrupt(_)) {
                return Err(error);
            }
            tracing::warn!(%error, "a series cannot be sealed");
            seals = false;
        }
        series.freeze();
        let keep_from = plan.keep_from(state.stored_until);
        let window = seals.then(|| series.snapshot(keep_from, seal_until));
        Ok(Taken { key, state, plan, frozen: series.frozen().cloned(), window })
    }

    /// Tells the series what is on disk now.
    fn release(&self, releases: Vec<Release>) {
        for release in releases {
            let key = release.key;
            let Some(slot) = self.state.series.slot(key) else { continue };
            let mut series = slot.lock();
            if series.presence() == Presence::Resident {
                let waits = release.waits;
                self.release_locked(release, &mut series);
                if waits && series.mark_dirty() {
                    self.dirty.lock().push(key);
                }
            }
        }
    }

    pub(super) fn release_locked(&self, release: Release, series: &mut Series) {
        let Release { stored, keep_from, runs, .. } = release;
        let before = series.window_bytes() as i64;
        series.release(&stored, keep_from, runs);
        let after = series.window_bytes() as i64;
        let total = self.state.window_bytes.fetch_add(after - before, Ordering::Relaxed) + after - before;
        if total > i64::try_from(self.options.window_share()).unwrap_or(i64::MAX) {
            series.drop_window();
            self.state.window_bytes.fetch_sub(after, Ordering::Relaxed);
        }
    }
}

impl Maintenance {
    /// The name of a new segment, with a number that no file of this database ever had.
    pub(super) fn begin(&mut self, name: impl FnOnce(u64) -> SegmentName) -> SegmentName {
        let name = name(self.next_file);
        self.next_file += 1;
        self.begun.push(name);
        name
    }
}

/// The record of a segment in MANIFEST.
pub(super) fn record_of(segment: &Segment) -> SegmentRecord {
    SegmentRecord::new(segment.name, segment.level, segment.reader.bytes())
}

/// Seals what has closed, as far as there is room for it, and writes the rest of what was accepted.
pub(super) fn write_series(output: &mut Output, taken: Taken, sealing: &mut Sealing) -> Result<Release> {
    let Taken { key, mut state, plan, frozen, window } = taken;
    let (mut waits, before) = (false, state);
    if let Some(window) = window {
        let BeforeJump { newest, sealed_until: closed_until } = state.before_jump();
        let mut raw = Raw::default();
        let from = plan.keep_from(state.stored_until);
        window.read(from, closed_until, &mut output.scratch, &mut raw).map_err(|error| window_damaged(key, &error))?;
        let until = sealing.until(&plan, newest, state.stored_until..closed_until, &raw.timestamps)?;
        waits = until < closed_until;
        let closed = SeriesState { newest, sealed_until: until, ..state };
        seal(&mut output.aggregates, key, &plan, &closed, &raw)?;
        let older = raw.timestamps.partition_point(|timestamp| *timestamp < plan.keep_from(until));
        if let Some(at) = older.checked_sub(1) {
            state.previous = Some(Measure::new(raw.timestamps[at], raw.values[at]));
        }
        state.stored_until = until;
    }
    let keep_from = plan.keep_from(state.stored_until);
    if waits && state == before && frozen.is_none() {
        // Nothing is new of it: it was taken for the room alone.
        return Ok(Release { key, stored: Stored::of(&state), keep_from, runs: Vec::new(), waits });
    }
    let stamp = state.newest.max(0);
    let bytes = state.to_bytes();
    output.raw.add(&Chunk {
        metric: key,
        granularity: STATE,
        first: stamp,
        last: stamp,
        rows: 1,
        bytes: &bytes,
        front: bytes.len(),
    })?;
    let measures = frozen.as_ref().map(|frozen| slice(frozen, keep_from, i64::MAX)).unwrap_or_default();
    let runs = write_runs(&mut output.raw, key, measures, &mut output.scratch, &mut output.bytes)?;
    Ok(Release { key, stored: Stored::of(&state), keep_from, runs, waits })
}

/// Writes raw measures of one series, sorted, into a raw segment.
pub(super) fn write_runs(
    writer: &mut SegmentWriter,
    key: u64,
    measures: &[Measure],
    scratch: &mut Scratch,
    bytes: &mut Vec<u8>,
) -> Result<Vec<Run>> {
    let mut runs = Vec::with_capacity(measures.len().div_ceil(RUN_ROWS));
    let mut raw = Raw::default();
    for part in measures.chunks(RUN_ROWS) {
        raw.timestamps.clear();
        raw.values.clear();
        raw.extend(part);
        bytes.clear();
        encode_measures(&raw.timestamps, &raw.values, scratch, bytes);
        let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
        let (first, last, rows) = (first.timestamp, last.timestamp, part.len() as u32);
        writer.add(&Chunk { metric: key, granularity: MEASURES, first, last, rows, bytes, front: bytes.len() })?;
        runs.push(Run { first, last, rows, bytes: bytes.as_slice().into() });
    }
    Ok(runs)
}

/// Computes and writes the aggregates of all groups that have closed and are not stored yet; those that are expired
/// already are skipped.
fn seal(output: &mut AggregateWriter, key: u64, plan: &Plan, state: &SeriesState, raw: &Raw) -> Result<()> {
    if raw.timestamps.is_empty() {
        return Ok(());
    }
    for archive in &plan.archives {
        let granularity = archive.granularity;
        let first = carbonara::first_open(state.stored_until, granularity).max(archive.kept_from(state.newest));
        let end = carbonara::first_open(state.sealed_until, granularity);
        if first >= end {
            continue;
        }
        let (timestamps, values) = (&raw.timestamps, &raw.values);
        let block = carbonara::aggregate(timestamps, values, state.previous, granularity, first..end, &plan.stored);
        output.write(key, granularity, &block)?;
    }
    Ok(())
}
