//! How a database is opened.

use std::time::Duration;

use super::budget::OverMemory;
use super::clock::Guard;
use super::disk::{self, OverDisk};
use crate::error::{Error, Result};
use crate::types::{Durability, Timespan};

/// No question is worth more.
const MOST_THREADS: usize = 256;

/// How the journal is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    /// Damage to what was durable is an error.
    Strict,
    /// Around what is damaged: for repair.
    Salvage,
}

/// How a database is opened. Every limit has a default that suits an agent on a small machine.
///
/// ```
/// use std::time::Duration;
/// use gnocchetti::{Durability, Options};
///
/// let options = Options::new().default_policies(true).durability(Durability::Kernel(Duration::from_secs(1)));
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) default_policies: bool,
    pub(crate) durability: Durability,
    pub(crate) max_future: Option<Timespan>,
    pub(crate) clock: Option<Guard>,
    pub(crate) memory: u64,
    pub(crate) over_memory: OverMemory,
    pub(crate) disk: Option<u64>,
    pub(crate) over_disk: OverDisk,
    pub(crate) dirty_bytes: u64,
    pub(crate) journal_bytes: u64,
    pub(crate) checkpoint_interval: Duration,
    pub(crate) grace: Duration,
    pub(crate) background: bool,
    pub(crate) compress_journal: bool,
    pub(crate) query_threads: usize,
    pub(crate) resource_inactive_after: Option<Timespan>,
    pub(crate) resource_cleanup_after: Option<Timespan>,
    pub(crate) replay: Replay,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            default_policies: false,
            durability: Durability::Sync,
            max_future: Timespan::from_nanos(86_400 * 1_000_000_000).ok(),
            clock: None,
            memory: 512 << 20,
            over_memory: OverMemory::Block,
            disk: None,
            over_disk: OverDisk::Refuse,
            dirty_bytes: 64 << 20,
            journal_bytes: 128 << 20,
            checkpoint_interval: Duration::from_secs(300),
            grace: Duration::from_secs(60),
            background: true,
            compress_journal: false,
            query_threads: 1,
            resource_inactive_after: None,
            resource_cleanup_after: None,
            replay: Replay::Strict,
        }
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Options::default()
    }

    /// Whether a new database gets Gnocchi's four archive policies (`bool`, `low`, `medium`, `high`) and the rule `default`
    /// that gives every metric the policy `low`. Changes nothing in a database that exists. Default: no.
    #[must_use]
    pub fn default_policies(mut self, yes: bool) -> Self {
        self.default_policies = yes;
        self
    }

    /// What a push survives once it has returned. Default: [`Durability::Sync`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How far beyond the wall clock a measure may lie; `None`: any distance. Default: one day.
    #[must_use]
    pub fn max_future(mut self, limit: Option<Timespan>) -> Self {
        self.max_future = limit;
        self
    }

    /// A clock of the caller's, in ns since the epoch, and how far ahead of it a measure may lie: a push of one that lies
    /// further ahead is refused whole. It is asked once for each push, by the thread that pushes, so that a clock that was set
    /// right counts at once; [`max_future`](Self::max_future) holds beside it. Default: none.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime, UNIX_EPOCH};
    /// use gnocchetti::Options;
    ///
    /// let trusted = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
    /// let options = Options::new().clock(Duration::from_secs(60), trusted);
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn clock(mut self, ahead: Duration, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Some(Guard::new(ahead, clock));
        self
    }

    /// No clock of the caller's, which is the default.
    #[must_use]
    pub fn no_clock(mut self) -> Self {
        self.clock = None;
        self
    }

    /// How many bytes the measures in memory may take: a half for encoded windows, beyond which they are read from segments, a
    /// quarter for measures (16 bytes each) that wait for a checkpoint, which comes early at an eighth, and a quarter for those
    /// that a checkpoint is writing. When a quarter waits, [`over_memory`](Self::over_memory) says what becomes of a push.
    /// Shares below 64 KiB count as 64 KiB. Default: 512 MiB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// What becomes of pushes when checkpoints cannot keep up: as many measures wait in memory as
    /// [`memory`](Self::memory) or [`dirty_bytes`](Self::dirty_bytes) allows. Default: [`OverMemory::Block`].
    ///
    /// ```
    /// use gnocchetti::{Options, OverMemory};
    ///
    /// let options = Options::new().memory(64 << 20).over_memory(OverMemory::Refuse);
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn over_memory(mut self, what: OverMemory) -> Self {
        self.over_memory = what;
        self
    }

    /// How many bytes the directory may take, all files in it together; `None`: any number. From three quarters on room is made,
    /// from seven eighths on pushes are refused; the last eighth is for what checkpoints and merges write before the files
    /// that they replace are gone. At least 16 MiB. Default: `None`.
    ///
    /// ```
    /// use gnocchetti::{Options, OverDisk};
    ///
    /// let options = Options::new().disk(Some(2 << 30)).over_disk(OverDisk::Expire);
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn disk(mut self, bytes: Option<u64>) -> Self {
        self.disk = bytes;
        self
    }

    /// What becomes of measures when the directory takes nearly as many bytes as [`disk`](Self::disk) allows. Default:
    /// [`OverDisk::Refuse`].
    #[must_use]
    pub fn over_disk(mut self, what: OverDisk) -> Self {
        self.over_disk = what;
        self
    }

    /// How many bytes of measures (16 each) may wait in memory for a checkpoint. When checkpoints cannot keep up, pushes
    /// are held back at four times as many. Default: 64 MiB.
    #[must_use]
    pub fn dirty_bytes(mut self, bytes: u64) -> Self {
        self.dirty_bytes = bytes;
        self
    }

    /// How large the journal may grow before a checkpoint makes it short again; it is what a crash must replay.
    /// Default: 128 MiB.
    #[must_use]
    pub fn journal_bytes(mut self, bytes: u64) -> Self {
        self.journal_bytes = bytes;
        self
    }

    /// How long measures wait for a checkpoint when no limit is reached. Default: five minutes.
    #[must_use]
    pub fn checkpoint_interval(mut self, interval: Duration) -> Self {
        self.checkpoint_interval = interval;
        self
    }

    /// How long superseded files stay for readers in other processes. Default: one minute.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether checkpoints, merges and expiry run by themselves. Without, only `maintain` does them. Default: yes.
    #[must_use]
    pub fn background(mut self, yes: bool) -> Self {
        self.background = yes;
        self
    }

    /// Whether the values of large batches are compressed in the journal: some 20 ns per measure for a half to a tenth of
    /// the bytes. Default: no.
    #[must_use]
    pub fn compress_journal(mut self, yes: bool) -> Self {
        self.compress_journal = yes;
        self
    }

    /// How many threads answer one question about many metrics: [`aggregates`](crate::Database::aggregates) and those like it.
    /// The caller's own is one of them; the others are started for the question, where there is enough to read for them, and
    /// end with it. 0: as many as there are cores. The answer is the same to the last bit, however many there are.
    ///
    /// Default: 1. The program in which the database lives has threads of its own, and each of them may ask.
    ///
    /// ```
    /// use gnocchetti::{Database, Options};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// let db = Database::open(directory.path().join("db"), Options::new().query_threads(2))?;
    /// # drop(db);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    #[must_use]
    pub fn query_threads(mut self, threads: usize) -> Self {
        self.query_threads = threads;
        self
    }

    /// After which time without a measure of any of its metrics a resource ends by itself, as of when that is noticed: about a
    /// tenth of that time later, five minutes at most. A measure that is not older than the end of its resource, whoever set
    /// it, takes it away. `None`: neither happens. Default: `None`.
    #[must_use]
    pub fn resource_inactive_after(mut self, span: Option<Timespan>) -> Self {
        self.resource_inactive_after = span;
        self
    }

    /// How long after its end a resource is deleted by itself, with its history, its metrics and their measures; `None`:
    /// never. Default: `None`.
    #[must_use]
    pub fn resource_cleanup_after(mut self, span: Option<Timespan>) -> Self {
        self.resource_cleanup_after = span;
        self
    }

    /// How many threads answer a question.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for more than make sense.
    pub(crate) fn threads(&self) -> Result<usize> {
        match self.query_threads {
            0 => Ok(std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS)),
            threads if threads <= MOST_THREADS => Ok(threads),
            threads => {
                let reason = format!("at most {MOST_THREADS} threads answer a question; 0: as many as there are cores");
                Err(Error::InvalidOption { option: "query_threads", value: threads.to_string(), reason })
            }
        }
    }

    /// Refuses options that could not work.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |option, value: String, reason: &str| {
            Err(Error::InvalidOption { option, value, reason: reason.to_owned() })
        };
        let delay = match self.durability {
            Durability::Sync => Duration::from_secs(1),
            Durability::Kernel(delay) | Durability::Buffered(delay) => delay,
        };
        if delay.is_zero() || delay > Duration::from_secs(3600) {
            return refuse("durability", format!("{delay:?}"), "the delay must be above zero and at most an hour");
        }
        if self.dirty_bytes < 1 << 16 || self.journal_bytes < 1 << 16 {
            let value = format!("{} and {}", self.dirty_bytes, self.journal_bytes);
            return refuse("dirty_bytes and journal_bytes", value, "below 64 KiB every push would be a checkpoint");
        }
        if self.disk.is_some_and(|bytes| bytes < disk::SMALLEST) {
            let value = self.disk.unwrap_or_default().to_string();
            return refuse("disk", value, "it must be at least 16 MiB, or absent");
        }
        if self.checkpoint_interval < Duration::from_millis(10) {
            return refuse(
                "checkpoint_interval",
                format!("{:?}", self.checkpoint_interval),
                "it must be at least 10 ms",
            );
        }
        Ok(())
    }
}
