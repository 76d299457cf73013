//! Expiry: what retention no longer keeps and what deleted metrics left behind is removed from disk.
//!
//! Readers never see expired points whether or not they are still on disk; this is about space only.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::merge::{Effort, Retention};
use super::{Engine, Maintenance};
use crate::error::{Error, Result};
use crate::head::Archive;
use crate::query::{Segment, View, touched};
use crate::segment::{ARCHIVE, SegmentName};
use crate::types::MetricKey;

/// How often archives are looked through by themselves.
const INTERVAL: Duration = Duration::from_secs(600);

/// So many erasures may wait for merges before partitions are rewritten for them alone: MANIFEST carries each.
const MANY_ERASURES: usize = 1000;

/// How much of a segment, or of several, is of no use any more.
#[derive(Debug, Default, Clone, Copy)]
struct Dead {
    bytes: u64,
    of: u64,
    /// Something of it was deleted, with its metric or by itself.
    deleted: bool,
}

impl Dead {
    fn add(&mut self, other: Dead) {
        self.bytes += other.bytes;
        self.of += other.of;
        self.deleted |= other.deleted;
    }
}

impl Engine {
    /// Drops partitions that are expired as a whole, rewrites those that are so for more than a half (when everything is to
    /// be done: those with anything that was deleted too), and forgets deleted metrics, and erasures, of which nothing is left.
    pub(super) fn expire(&self, maintenance: &mut Maintenance, effort: Effort) -> Result<()> {
        let due = maintenance.expired_at.is_none_or(|at| at.elapsed() >= INTERVAL);
        if effort == Effort::Due && !due {
            return Ok(());
        }
        maintenance.expired_at = Some(Instant::now());
        // No view is held from one partition to the next: files that it has could not be removed where room is short.
        for (granularity, start) in self.partitions() {
            let segments =
                self.view().archives.get(&granularity).and_then(|partitions| partitions.get(&start)).cloned();
            if let Some(segments) = segments.filter(|segments| self.may_be_dead(granularity, segments)) {
                self.expire_partition(maintenance, (granularity, start), &segments, effort)?;
            }
        }
        if (effort == Effort::All && self.is_anything_deleted()) || self.erasures_are_many() {
            self.around_damage(|| self.rewrite_raw(maintenance))?;
        }
        let deleted: Vec<u64> = self.state.deleted.lock().iter().copied().collect();
        self.purge(maintenance, &deleted)?;
        self.forget_erasures(maintenance)
    }

    /// Rewrites raw segments without what is deleted: some that lie side by side as one where there is room for that, else one by
    /// one, the smallest first, so that what they free is room for the next.
    fn rewrite_raw(&self, maintenance: &mut Maintenance) -> Result<()> {
        for names in self.raw_parts() {
            if self.rewrite_named(maintenance, &names)? {
                continue;
            }
            for name in names {
                self.rewrite_named(maintenance, &[name])?;
            }
        }
        Ok(())
    }

    /// Raw segments that may become one, by name: who holds a segment keeps its file from being removed. Smaller ones come first.
    fn raw_parts(&self) -> Vec<Vec<SegmentName>> {
        let mut parts = Vec::new();
        for run in self.sound_runs(&self.view().raw) {
            for part in self.within_share(&run) {
                let mut sized: Vec<_> = part.iter().map(|segment| (segment.reader.bytes(), segment.name)).collect();
                sized.sort_unstable_by_key(|(bytes, _)| *bytes);
                parts.push(sized.into_iter().map(|(_, name)| name).collect());
            }
        }
        parts
    }

    /// Makes these raw segments one without what is deleted. Returns whether there was room for that.
    fn rewrite_named(&self, maintenance: &mut Maintenance, names: &[SegmentName]) -> Result<bool> {
        self.shed(maintenance)?;
        let view = self.view();
        let inputs: Vec<_> = view.raw.iter().filter(|segment| names.contains(&segment.name)).cloned().collect();
        let mut bytes = 0;
        if self.options.disk.is_some() {
            for segment in &inputs {
                bytes += self.use_of(segment)?.room();
            }
        }
        match self.room_to_merge(bytes) {
            Some(_room) => self.merge_raw(maintenance, &inputs).map(|()| true),
            None => Ok(false),
        }
    }

    /// The partitions of all archives: granularity and start.
    fn partitions(&self) -> Vec<(i64, i64)> {
        let view = self.view();
        let of = |(granularity, partitions): (&i64, &BTreeMap<i64, _>)| {
            partitions.keys().map(|start| (*granularity, *start)).collect::<Vec<_>>()
        };
        view.archives.iter().flat_map(of).collect()
    }

    fn is_anything_deleted(&self) -> bool {
        !self.state.deleted.lock().is_empty() || !self.view().erased.is_empty()
    }

    /// Drops segments of a partition that are of no use, damaged or not, and rewrites the others where that is worth it.
    fn expire_partition(
        &self,
        maintenance: &mut Maintenance,
        target: (i64, i64),
        segments: &[Arc<Segment>],
        effort: Effort,
    ) -> Result<()> {
        let view = self.view();
        let (mut useless, mut dead) = (Vec::new(), Dead::default());
        for segment in segments {
            let of_segment = match self.dead(&view, target.0, segment) {
                Ok(of_segment) => of_segment,
                // What it holds cannot even be told.
                Err(error @ Error::Corrupt(_)) if self.is_sound(segment) => {
                    self.leave_out(error)?;
                    continue;
                }
                Err(Error::Corrupt(_)) => continue,
                Err(error) => return Err(error),
            };
            if of_segment.bytes == of_segment.of {
                useless.push(Arc::clone(segment));
            } else if self.is_sound(segment) {
                dead.add(of_segment);
            }
        }
        if !useless.is_empty() {
            self.drop_segments(maintenance, target, &useless)?;
        }
        let half = dead.bytes * 2 > dead.of;
        let worth_it = half || (dead.deleted && (effort == Effort::All || self.erasures_are_many()));
        self.shed(maintenance)?;
        if worth_it && let Some(_room) = self.room_to_merge(dead.of - dead.bytes) {
            self.around_damage(|| self.rewrite_partition(maintenance, target))?;
        }
        Ok(())
    }

    /// Whether it is worth looking at each metric's chunks: some metric's retention may have passed, or one was deleted.
    fn may_be_dead(&self, granularity: i64, segments: &[Arc<Segment>]) -> bool {
        if self.is_anything_deleted() {
            return true;
        }
        let newest = self.view().segments().map(|segment| segment.reader.times().1).max().unwrap_or(0);
        let first = segments.iter().map(|segment| segment.reader.times().0).min().unwrap_or(0);
        let plans = self.plans();
        let archives = plans.values().filter_map(|plan| plan.archive(granularity));
        archives.map(|archive: &Archive| archive.kept_from(newest)).any(|kept_from| first < kept_from)
    }

    fn dead(&self, view: &View, granularity: i64, segment: &Segment) -> Result<Dead> {
        let mut dead = Dead::default();
        let mut retention = Retention { engine: self, view, metric: None };
        let mut entries = Vec::new();
        segment.reader.each_entry(&mut |entry| entries.push(entry))?;
        for entry in entries {
            let kept_from = retention.kept_from(entry.metric, granularity)?;
            dead.of += u64::from(entry.length);
            let (number, erased) = (segment.name.number(), view.erased.of(entry.metric, granularity));
            let covered = erased.iter().any(|erasure| erasure.covers(number, entry.first, entry.last));
            dead.deleted |= kept_from.is_none() || touched(erased, number, entry.first, entry.last);
            if covered || kept_from.is_none_or(|kept_from| entry.last < kept_from) {
                dead.bytes += u64::from(entry.length);
            }
        }
        Ok(dead)
    }

    /// Takes these deleted metrics out of the index, and those of which no segment holds anything out of MANIFEST as well.
    pub(super) fn purge(&self, maintenance: &mut Maintenance, deleted: &[u64]) -> Result<()> {
        if deleted.is_empty() {
            return Ok(());
        }
        let view = self.view();
        let (mut gone, mut held) = (Vec::new(), Vec::new());
        let mut entries = Vec::new();
        for &key in deleted {
            let mut left = false;
            for segment in view.segments() {
                left = match segment.reader.find_metric(key, &mut entries) {
                    Ok(()) => !entries.is_empty(),
                    // Something of it may be among what cannot be read.
                    Err(Error::Corrupt(_)) => true,
                    Err(error) => return Err(error),
                };
                if left {
                    break;
                }
            }
            let of_kind = if left { &mut held } else { &mut gone };
            of_kind.push(key);
            entries.clear();
        }
        self.drop_rows(maintenance, &held)?;
        if gone.is_empty() {
            return Ok(());
        }
        // The index first: a key that MANIFEST still calls deleted and the index does not know does no harm.
        self.state.index.purge(&gone.iter().map(|key| MetricKey::new(*key)).collect::<Vec<_>>())?;
        let mut deleted = self.state.deleted.lock();
        for key in &gone {
            deleted.remove(key);
        }
        drop(deleted);
        self.commit_view(maintenance, (*view).clone())
    }

    /// Takes deleted metrics of which segments still hold something out of the index. MANIFEST must name them before: with no row
    /// there, nothing else says that what segments hold of them is nobody's.
    fn drop_rows(&self, maintenance: &mut Maintenance, held: &[u64]) -> Result<()> {
        let held: BTreeSet<u64> = held.iter().copied().collect();
        let mut rows = self.state.index.deleted_keys()?;
        rows.retain(|key| held.contains(&key.get()));
        if rows.iter().any(|key| maintenance.named_deleted.binary_search(&key.get()).is_err()) {
            self.commit_view(maintenance, (*self.view()).clone())?;
        }
        self.state.index.purge(&rows).map(drop)
    }

    /// Whether so many erasures wait for merges that partitions are to be rewritten for them alone.
    fn erasures_are_many(&self) -> bool {
        self.view().erased.len() > MANY_ERASURES
    }

    /// Removes files that count no more, once no reader in this process has them and those in other processes had time.
    pub(super) fn remove_superseded(&self, maintenance: &mut Maintenance) -> Result<()> {
        self.remove_superseded_after(maintenance, self.options.grace)
    }

    /// As [`remove_superseded`](Self::remove_superseded), with so much time for readers in other processes.
    pub(super) fn remove_superseded_after(&self, maintenance: &mut Maintenance, grace: Duration) -> Result<()> {
        let (mut removable, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut maintenance.superseded).into_iter().partition(|old| {
                old.since.elapsed() >= grace && old.segment.as_ref().is_none_or(|s| Arc::strong_count(s) == 1)
            });
        maintenance.superseded = kept;
        let names: Vec<SegmentName> = removable.iter().filter_map(|old| old.record.name()).collect();
        let removed = self.remove_segments(&names);
        match &removed {
            Ok(()) => self.note_bytes(0, removable.iter().map(|old| old.record.bytes).sum()),
            Err(_) => maintenance.superseded.append(&mut removable),
        }
        self.counters.superseded.store(maintenance.superseded.len() as u64, Ordering::Relaxed);
        removed
    }

    /// Removes the files of segments, for good, and the directories of archives that are empty then. Can be repeated.
    ///
    /// The next MANIFEST names them no more, and who would remove a file that a power cut brought back after that?
    pub(super) fn remove_segments(&self, names: &[SegmentName]) -> Result<()> {
        names.iter().try_for_each(|name| self.fs.remove(&name.path(&self.root)))?;
        let directories: BTreeSet<PathBuf> = names.iter().map(|name| name.directory(&self.root)).collect();
        for directory in &directories {
            match self.fs.sync_dir(directory) {
                // A merge that failed may not have come to creating it.
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                synced => synced?,
            }
        }
        let archives = self.root.join(ARCHIVE);
        for partition in directories.iter().filter(|directory| directory.starts_with(&archives)) {
            self.fs.remove_dir(partition)?;
            if let Some(archive) = partition.parent() {
                self.fs.remove_dir(archive)?;
            }
        }
        Ok(())
    }
}
