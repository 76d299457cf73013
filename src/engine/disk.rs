//! The bytes that the directory may take: when old points go early, and when pushes are refused.
//!
//! [`Options::disk`](super::Options::disk) is divided once and for all: from three quarters on room is made, from seven eighths
//! on pushes are refused; the last eighth is for what checkpoints and merges write before the files that they replace are gone.
//! How much there is, is a listing of the directory after each checkpoint and round of background work, and what was written and
//! removed since: a push compares two numbers. What is about to be written is set apart before ([`room`](super::room)).
//!
//! Room is made in a stated order: files that count no more, what retention lets go, what merges make smaller, and where
//! [`OverDisk::Expire`] allows it, the oldest partition of the finest archive that has more than one, again and again. Each partition
//! goes by one replacement of MANIFEST, which also says until when its archive is no longer whole, so that no repair takes its points
//! for all there were.
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
use crate::error::Result;
use crate::fs::Fs;

/// A database of less would not get far: its index alone takes a few hundred kilobytes.
pub(super) const SMALLEST: u64 = 16 << 20;

/// What becomes of measures when the directory takes nearly as many bytes as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OverDisk {
    /// Pushes are refused whole, with [`Error::DiskLimit`](crate::Error::DiskLimit), until there is room.
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
    /// What pushes that are under way may yet append, and what the checkpoint behind them writes of it.
    pub(super) pushing: AtomicU64,
    /// What a checkpoint or merge that is under way may yet write.
    pub(super) merging: AtomicU64,
    /// How many bytes of segments checkpoints make of a byte of the journal.
    grown: AtomicU64,
    /// More than this: it is worth another try to make room.
    try_again_at: AtomicU64,
}

/// So many bytes of segments, at most, a checkpoint makes of a byte of the journal with a policy of a few methods and archives.
const USUAL_GROWTH: u64 = 2;
/// What is assumed before the first checkpoint. The journal is not made shorter for more.
const MOST_GROWTH: u64 = 16;

/// What file systems give to files in.
const BLOCK: u64 = 4096;

/// From so many bytes on, room is made.
fn crowded(limit: u64) -> u64 {
    limit / 4 * 3
}

/// From so many bytes on, pushes are refused.
pub(super) fn full(limit: u64) -> u64 {
    limit / 8 * 7
}

/// Up to so many bytes merges and pushes go. What is left is for what is counted only afterwards: MANIFEST's copy, the log of the
/// index, and the ends of the blocks of files.
pub(super) fn usable(limit: u64) -> u64 {
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
        // One of next to nothing seals what others left.
        if journal >= BLOCK {
            let before = self.account.grown.load(Ordering::Relaxed);
            // Not every one closes as many groups as others.
            let grown = written.div_ceil(journal).max(before / 2).min(MOST_GROWTH);
            self.account.grown.store(grown, Ordering::Relaxed);
        }
    }

    /// Whether there is so much that it is worth a try to make room.
    pub(super) fn is_crowded(&self) -> bool {
        self.options.disk.is_some() && self.directory_bytes() > self.account.try_again_at.load(Ordering::Relaxed)
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
        // A file takes whole blocks: of many small ones the ends are no trifle.
        let bytes = self.measure_directory(&|len| len.next_multiple_of(BLOCK))?;
        self.account.beside_journal.store(bytes as i64 - before as i64, Ordering::Relaxed);
        Ok(bytes)
    }

    /// What the directory takes now, each file by what `taken` makes of its length. The room that the journal's file reserves is
    /// none of it.
    pub(super) fn measure_directory(&self, taken: &dyn Fn(u64) -> u64) -> Result<u64> {
        let current = crate::journal::file_name(self.journal.file_number());
        let written = self.journal.bytes();
        let len = |directory: &Path, name: &str, len| {
            if directory.ends_with(JOURNAL) && name == current { 0 } else { taken(len) }
        };
        Ok(bytes_below(&*self.fs, &self.root, &len)?.saturating_add(written))
    }

    /// Counts the directory when it has a limit, before anything is written but the journal.
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

/// The sum of what `taken` says of each file in `directory` and below: by its directory, name and length.
pub(super) fn bytes_below(fs: &dyn Fs, directory: &Path, taken: &dyn Fn(&Path, &str, u64) -> u64) -> Result<u64> {
    let mut bytes = 0_u64;
    for entry in fs.list(directory)? {
        bytes = bytes.saturating_add(if entry.is_dir {
            bytes_below(fs, &directory.join(&entry.name), taken)?
        } else {
            taken(directory, &entry.name, entry.len)
        });
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
            let len = |at: &Path, name: &str, len| if at.ends_with("60") && name == left_out { 0 } else { len };
            bytes_below(&crate::fs::RealFs, directory.path(), &len)
        };
        assert_eq!(counted("").unwrap(), 537);
        assert_eq!(counted("2.seg").unwrap(), 37);
        assert_eq!(counted("MANIFEST").unwrap(), 537);
    }
}
