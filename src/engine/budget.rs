//! The memory that measures may take: when a checkpoint comes early, and what becomes of pushes when none keeps up.
//!
//! A push asks here before anything of it happens; the answer is arithmetic on one counter, and takes no lock while there is
//! room. [`Options::memory`] is divided once and for all: a half for encoded windows, a quarter for measures that wait, a
//! quarter for those that a checkpoint is writing. This module must never drop a measure, nor let half of a push through.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::room::{PushBytes, Room};
use super::{Counters, Engine, Options};
use crate::error::{Error, Result};

/// How many times [`Options::dirty_bytes`] may wait in memory before pushes are held back.
const LAG: u64 = 4;
/// No share of the memory is smaller: every push would be a checkpoint.
const SMALLEST: u64 = 1 << 16;
/// What a measure takes.
const MEASURE: u64 = 16;
/// A push that is held back looks again after this long, should nobody wake it.
const HELD_BACK: Duration = Duration::from_millis(100);

/// What becomes of a push when as many measures wait in memory for a checkpoint as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OverMemory {
    /// It waits until a checkpoint has taken them. Where nothing runs in the background, nobody would end the wait: the push
    /// goes on.
    #[default]
    Block,
    /// It is refused whole, with [`Error::MemoryLimit`].
    Refuse,
}

impl Options {
    /// How many bytes of encoded windows are kept in memory.
    pub(super) fn window_share(&self) -> u64 {
        self.memory / 2
    }

    /// When so many bytes of measures wait, a checkpoint is due.
    pub(super) fn checkpoint_at(&self) -> u64 {
        self.dirty_bytes.min((self.memory / 8).max(SMALLEST / 2))
    }

    /// When more bytes of measures wait, pushes are held back or refused.
    pub(super) fn waiting_share(&self) -> u64 {
        self.dirty_bytes.saturating_mul(LAG).min((self.memory / 4).max(SMALLEST))
    }
}

impl Engine {
    fn waiting_bytes(&self) -> u64 {
        self.dirty_measures.load(Ordering::Relaxed).saturating_mul(MEASURE)
    }

    /// Returns when there is room for a push, in memory and on the disk, or says why there will be none. What is given on the
    /// disk is held until the push is written, and counts among what waits for a checkpoint.
    pub(super) fn wait_for_room(&self, push: PushBytes) -> Result<Room<'_>> {
        // Nothing is set apart on the disk for a push that waits for memory.
        self.wait_for_memory()?;
        self.wait_for_disk(push)
    }

    fn wait_for_memory(&self) -> Result<()> {
        let (waiting, limit) = (self.waiting_bytes(), self.options.waiting_share());
        if waiting <= limit {
            return Ok(());
        }
        match self.options.over_memory {
            OverMemory::Refuse => {
                self.wake_worker();
                Counters::add(&self.counters.pushes_refused, 1);
                Err(Error::MemoryLimit { waiting, limit })
            }
            OverMemory::Block if !self.options.background => Ok(()),
            OverMemory::Block => {
                let since = Instant::now();
                let outcome = self.hold_back(limit);
                let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
                Counters::add(&self.counters.pushes_blocked, 1);
                Counters::add(&self.counters.blocked_nanos, nanos);
                outcome
            }
        }
    }

    /// Waits until a checkpoint has taken what waits. Where they fail, the push tries one itself, so that whoever pushes is
    /// told why instead of waiting for ever.
    fn hold_back(&self, limit: u64) -> Result<()> {
        while self.waiting_bytes() > limit {
            self.check_writable()?;
            if self.stopping.load(Ordering::Acquire) {
                return Err(Error::Closed);
            }
            let failing = self.background_error.lock().is_some();
            if failing {
                return self.checkpoint();
            }
            self.wake_worker();
            let (cuts, condition) = &self.cuts;
            let mut seen = cuts.lock();
            if self.waiting_bytes() > limit {
                condition.wait_for(&mut seen, HELD_BACK);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_divided_and_no_share_is_too_small_to_work_with() {
        let of = |options: &Options| (options.window_share(), options.checkpoint_at(), options.waiting_share());
        assert_eq!(of(&Options::new()), (256 << 20, 64 << 20, 128 << 20));
        assert_eq!(of(&Options::new().memory(0)), (0, 32 << 10, 64 << 10));
        assert_eq!(of(&Options::new().memory(8 << 20)), (4 << 20, 1 << 20, 2 << 20));
        assert_eq!(of(&Options::new().dirty_bytes(1 << 20)), (256 << 20, 1 << 20, 4 << 20));
        assert_eq!(of(&Options::new().memory(u64::MAX).dirty_bytes(u64::MAX)).2, u64::MAX / 4);
    }
}
