//! The bytes that the directory may take: when old points go early, and when pushes are refused.
//!
//! [`Options::disk`](super::Options::disk) is divided once and for all: from three quarters on room is made, from seven eighths
//! on pushes are refused; the last eighth is for what checkpoints and merges write before the files that they replace are gone.
//! How much there is, is a listing of the directory after each checkpoint and round of background work, and what was written and
//! removed since: a push compares two numbers. What a push or a merge is about to write is set apart before it begins, and given
//! back when it is in those numbers: nobody else takes it for free room meanwhile. Room is made in a stated order: files that
//! count no more, what retention lets go, what merges make smaller, and where [`OverDisk::Expire`] allows it, the oldest
//! partition of the finest archive that has more than one, again and again. Each partition goes by one replacement of MANIFEST,
//! which also says until when its archive is no longer whole, so that no repair takes its points for all there were.
//!
//! This module must never drop a measure that a series still needs, nor the newest partition of an archive, nor let half of a
//! push through.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::merge::Effort;
use super::open::JOURNAL;
use super::{Counters, Engine, Maintenance, partition};
use crate::error::{Error, Result};
use crate::fs::Fs;

/// A database of less would not get far: its index alone takes a few hundred kilobytes.
pub(super) const SMALLEST: u64 = 16 << 20;

/// What becomes of measures when the directory takes nearly as many bytes as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OverDisk {
    /// Pushes are refused whole, with [`Error::DiskLimit`], until there is room.
    #[default]
    Refuse,
    /// The oldest points of the finest archives go before their time. Only when that does not help, pushes are refused.
    Expire,
}

/// Until when an archive lacks points because room was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EarlyExpiry {
    /// The archive's granularity, ns.
    pub granularity: i64,
    /// Points of groups that start before this time, in ns since the epoch, may be gone.
    pub until: i64,
}

/// What is known of the directory's size without asking the disk.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Its bytes but for all that the journal was ever given, which is known at any time: one number, so that nobody sees a
    /// count of one moment and a journal of another.
    beside_journal: AtomicI64,
    /// What pushes that are under way may yet append.
    pushing: AtomicU64,
    /// What a merge that is under way may yet write.
    merging: AtomicU64,
    /// How many bytes of segments checkpoints make of a byte of the journal.
    grown: AtomicU64,
    /// More than this: it is worth another try to make room.
    try_again_at: AtomicU64,
}

/// Bytes that are set apart for whoever holds it.
#[derive(Debug, Default)]
pub(super) struct Room<'a>(Option<(&'a AtomicU64, u64)>);

impl<'a> Room<'a> {
    fn take(of: &'a AtomicU64, bytes: u64) -> Self {
        of.fetch_add(bytes, Ordering::SeqCst);
        Room(Some((of, bytes)))
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some((of, bytes)) = self.0 {
            of.fetch_sub(bytes, Ordering::SeqCst);
        }
    }
}

/// So many bytes of segments, at most, a checkpoint makes of a byte of the journal with a policy of a few methods and archives.
const USUAL_GROWTH: u64 = 2;
/// What is assumed before the first checkpoint. The journal is not made shorter for more.
const MOST_GROWTH: u64 = 16;

/// How long a push waits before it looks again whether others have left it room.
const OTHERS: Duration = Duration::from_millis(1);

/// From so many bytes on, room is made.
fn crowded(limit: u64) -> u64 {
    limit / 4 * 3
}

/// From so many bytes on, pushes are refused.
fn full(limit: u64) -> u64 {
    limit / 8 * 7
}

/// Up to so many bytes merges and pushes go. What is left is for what is counted only afterwards: MANIFEST's copy, the log of the
/// index, and the ends of the blocks of files.
fn usable(limit: u64) -> u64 {
    limit - limit / 64
}

impl Engine {
    /// When the journal has grown to so many bytes, a checkpoint is due: the sooner, the more checkpoints make of a byte, so that what
    /// one writes fits into what is kept for it.
    pub(super) fn journal_share(&self) -> u64 {
        let grown = self.account.grown.load(Ordering::Relaxed).clamp(USUAL_GROWTH, MOST_GROWTH);
        let share = self.options.disk.map_or(u64::MAX, |limit| limit / 64 / grown * USUAL_GROWTH);
        self.options.journal_bytes.min(share)
    }

    /// Notes what a checkpoint made of so many bytes of the journal.
    pub(super) fn note_checkpoint(&self, journal: u64, written: u64) {
        let before = self.account.grown.load(Ordering::Relaxed);
        // Not every one closes as many groups as others.
        self.account.grown.store(written.div_ceil(journal.max(1)).max(before / 2), Ordering::Relaxed);
    }

    /// Returns when the directory may grow by a push of so many bytes, which are set apart for it, or says that it may not.
    pub(super) fn wait_for_disk(&self, bytes: u64) -> Result<Room<'_>> {
        let Some(limit) = self.options.disk else { return Ok(Room::default()) };
        if self.is_crowded() {
            self.wake_worker();
        }
        // Nothing may run in the background, or not come after the pushes: then they do themselves what holds the limit.
        let is_behind = || {
            let lags = self.journal.bytes() > self.journal_share() * 2;
            lags || self.directory_bytes().saturating_add(bytes) > full(limit) && self.is_crowded()
        };
        loop {
            if !is_behind()
                && let Some(room) = self.room_to_push(bytes, limit)
            {
                return Ok(room);
            }
            let mut maintenance = self.maintenance.lock();
            if is_behind() {
                // What fails after the checkpoint, fails in the background's place, and is no reason to refuse a push.
                if let Some(error) = self.maintain_due_locked(&mut maintenance)? {
                    *self.background_error.lock() = Some(error.to_string());
                }
            }
            // While the lock is held, no merge has anything set apart.
            if let Some(room) = self.room_to_push(bytes, limit) {
                return Ok(room);
            }
            drop(maintenance);
            let with_it = self.directory_bytes().saturating_add(bytes);
            if with_it > full(limit) {
                Counters::add(&self.counters.disk_refused, 1);
                return Err(Error::DiskLimit { bytes: with_it, limit });
            }
            // What is missing is set apart for others that push now. They need less than that, or are refused.
            self.check_writable()?;
            std::thread::sleep(OTHERS);
        }
    }

    /// Sets bytes apart for a push, unless they are not there.
    fn room_to_push(&self, bytes: u64, limit: u64) -> Option<Room<'_>> {
        // First taken, then looked: of two that do so at once, one at least sees the other.
        let room = Room::take(&self.account.pushing, bytes);
        let merging = self.account.merging.load(Ordering::SeqCst);
        let pushed = self.account.pushing.load(Ordering::SeqCst).saturating_add(self.directory_bytes());
        (pushed <= full(limit) && pushed.saturating_add(merging) <= usable(limit)).then_some(room)
    }

    /// Whether there is so much that it is worth a try to make room.
    pub(super) fn is_crowded(&self) -> bool {
        self.options.disk.is_some() && self.directory_bytes() > self.account.try_again_at.load(Ordering::Relaxed)
    }

    /// Sets apart what a merge of `bytes` writes before what it replaces is gone, unless they are not there.
    pub(super) fn room_to_merge(&self, bytes: u64) -> Option<Room<'_>> {
        let Some(limit) = self.options.disk else { return Some(Room::default()) };
        let room = Room::take(&self.account.merging, bytes);
        // What is set apart is read before what is written: what goes from the one to the other is then in one of them at least.
        let apart = self.account.merging.load(Ordering::SeqCst) + self.account.pushing.load(Ordering::SeqCst);
        (self.directory_bytes().saturating_add(apart) <= usable(limit)).then_some(room)
    }

    /// What the directory takes, as far as that is known without asking the disk.
    pub(super) fn directory_bytes(&self) -> u64 {
        self.account.beside_journal.load(Ordering::Relaxed).saturating_add_unsigned(self.journal.total_bytes()).max(0)
            as u64
    }

    /// Removes files that count no more without waiting for readers in other processes, when room is short.
    pub(super) fn shed(&self, maintenance: &mut Maintenance) -> Result<()> {
        match self.options.disk {
            Some(limit) if self.directory_bytes() > crowded(limit) => {
                self.remove_superseded_after(maintenance, Duration::ZERO)
            }
            _ => Ok(()),
        }
    }

    /// Notes that files of so many bytes were written, or removed.
    pub(super) fn note_bytes(&self, written: u64, removed: u64) {
        self.account.beside_journal.fetch_add(written as i64 - removed as i64, Ordering::Relaxed);
    }

    /// Counts the directory, when it has a limit: what a checkpoint left of the journal is known in no other way.
    pub(super) fn count_after_checkpoint(&self) -> Result<()> {
        self.options.disk.map_or(Ok(()), |_| self.count_directory().map(drop))
    }

    /// Counts what the directory takes, and remembers it.
    fn count_directory(&self) -> Result<u64> {
        let before = self.journal.total_bytes();
        let bytes = self.measure_directory()?;
        self.account.beside_journal.store(bytes as i64 - before as i64, Ordering::Relaxed);
        Ok(bytes)
    }

    /// What the directory takes now. The room that the journal's file reserves is none of it.
    pub(super) fn measure_directory(&self) -> Result<u64> {
        let current = crate::journal::file_name(self.journal.file_number());
        let written = self.journal.bytes();
        let files =
            bytes_below(&*self.fs, &self.root, &|directory, name| directory.ends_with(JOURNAL) && name == current)?;
        Ok(files.saturating_add(written))
    }

    /// Counts the directory when it has a limit, before anything is pushed.
    pub(super) fn begin_account(&self) -> Result<()> {
        if let Some(limit) = self.options.disk {
            self.count_directory()?;
            self.account.try_again_at.store(crowded(limit), Ordering::Relaxed);
            self.account.grown.store(MOST_GROWTH, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Makes room when the directory takes more than three quarters of what it may.
    pub(super) fn make_room(&self, maintenance: &mut Maintenance) -> Result<()> {
        let Some(limit) = self.options.disk else { return Ok(()) };
        let goal = crowded(limit);
        let mut bytes = self.count_directory()?;
        if bytes > goal {
            self.shed(maintenance)?;
            self.expire(maintenance, Effort::All)?;
            // Measures that no window needs go when raw segments are merged. Rows that lie in no partition yet would come back
            // to one that is gone.
            self.merge(maintenance, Effort::All)?;
            bytes = self.count_without_superseded(maintenance)?;
        }
        if self.options.over_disk == OverDisk::Expire {
            while bytes > goal && self.expire_early(maintenance)? {
                bytes = self.count_without_superseded(maintenance)?;
            }
        }
        // What did not help is not worth another try before there is noticeably more.
        self.account.try_again_at.store(goal.max(self.directory_bytes().saturating_add(limit / 64)), Ordering::Relaxed);
        Ok(())
    }

    /// What the directory takes without files that somebody still reads: they go by themselves, and nothing else must go in
    /// their place.
    fn count_without_superseded(&self, maintenance: &mut Maintenance) -> Result<u64> {
        self.remove_superseded_after(maintenance, Duration::ZERO)?;
        let read: u64 = maintenance.superseded.iter().map(|old| old.record.bytes).sum();
        Ok(self.count_directory()?.saturating_sub(read))
    }

    /// Drops the oldest partition of the finest archive that has more than one. Returns whether there was any.
    fn expire_early(&self, maintenance: &mut Maintenance) -> Result<bool> {
        let mut changed = (*self.view()).clone();
        let Some((&granularity, partitions)) = changed.archives.iter_mut().find(|(_, partitions)| partitions.len() > 1)
        else {
            return Ok(false);
        };
        let Some((start, segments)) = partitions.pop_first() else { return Ok(false) };
        let until = start.saturating_add(partition::length(granularity));
        let bytes: u64 = segments.iter().map(|segment| segment.reader.bytes()).sum();
        let known = changed.expired_early.entry(granularity).or_insert(until);
        *known = until.max(*known);
        tracing::warn!(granularity, until, bytes, "points expire before their time: the directory is at its limit");
        self.commit_view(maintenance, changed)?;
        Counters::add(&self.counters.expired_early, 1);
        Ok(true)
    }
}

/// The bytes of all files in `directory` and below, but for those that `leave_out` names.
pub(super) fn bytes_below(fs: &dyn Fs, directory: &Path, leave_out: &dyn Fn(&Path, &str) -> bool) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs.list(directory)? {
        bytes += if entry.is_dir {
            bytes_below(fs, &directory.join(&entry.name), leave_out)?
        } else if leave_out(directory, &entry.name) {
            0
        } else {
            entry.len
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_before_pushes_are_refused_and_that_before_the_limit() {
        for limit in [SMALLEST, 1 << 30, u64::MAX] {
            assert!(crowded(limit) < full(limit) && full(limit) < usable(limit) && usable(limit) < limit);
        }
    }

    #[test]
    fn files_are_counted_wherever_they_lie() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("archive/60")).unwrap();
        std::fs::write(directory.path().join("MANIFEST"), [0; 7]).unwrap();
        std::fs::write(directory.path().join("archive/60/1.seg"), [0; 30]).unwrap();
        std::fs::write(directory.path().join("archive/60/2.seg"), [0; 500]).unwrap();
        let counted = |left_out: &str| {
            bytes_below(&crate::fs::RealFs, directory.path(), &|at, name| at.ends_with("60") && name == left_out)
        };
        assert_eq!(counted("").unwrap(), 537);
        assert_eq!(counted("2.seg").unwrap(), 37);
        assert_eq!(counted("MANIFEST").unwrap(), 537);
    }
}
