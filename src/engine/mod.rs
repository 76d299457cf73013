//! The one place that sequences: open, ingest, seal, checkpoint, merge, expire, recover, maintain.
//!
//! A push is journaled and applied to its series under their locks ([`ingest`]). A checkpoint writes what series accepted
//! and the aggregates of what has closed into segments, and commits MANIFEST ([`checkpoint`]); merges and expiry keep the
//! segments few and well packed ([`merge`], [`expire`]). Deletions of a stretch of time erase it from
//! them ([`delete`]). Opening replays the journal from where MANIFEST says ([`recover`]). Two threads belong to the engine:
//! one does the background work, one keeps the durability's deadlines ([`worker`]).
//!
//! Locks are taken in this order: `maintenance`, then `gate`, then series in ascending order of keys, then any of
//! `plans`, `view`, `dirty`, `deleted`, the journal's own. Nothing is ever appended to the journal without the gate.

mod aggregates;
mod budget;
mod check;
mod checkpoint;
mod clock;
mod damage;
mod delete;
mod disk;
mod erased;
mod expire;
mod ingest;
mod load;
pub mod manifest;
mod merge;
mod open;
mod options;
mod partition;
mod policies;
mod reader;
mod recompute;
mod records;
mod recover;
mod repair;
mod room;
mod rows;
mod snapshot;
mod state;
mod stats;
mod tail;
mod upkeep;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, RwLock};

pub use budget::OverMemory;
pub use check::{CheckProgress, CheckReport, Finding, FindingKind, OnProgress, StoredData, check_directory};
pub use disk::{EarlyExpiry, OverDisk};
pub use ingest::Batch;
pub use options::Options;
pub use reader::Reader;
pub use repair::{JournalLoss, Outcome, Repair, RepairReport, repair_directory};
pub use snapshot::{SnapshotProgress, SnapshotReport};
pub use state::State;
pub use stats::Stats;
pub use worker::Workers;

use crate::error::{Error, Result};
use crate::fs::{Fs, Lock};
use crate::indexer::Indexer;
use crate::journal::Journal;
use crate::query::{Segment, View};
use crate::segment::SegmentName;
use manifest::SegmentRecord;
use state::{Plans, Usable};

/// A segment that counts no more, and since when.
#[derive(Debug)]
struct Superseded {
    record: SegmentRecord,
    since: Instant,
    /// Held so that the file stays open, and there, while a view in this process still reads it.
    segment: Option<Arc<Segment>>,
}

/// From where on the journal is replayed.
#[derive(Debug, Clone)]
struct Position {
    /// The first journal file.
    file: u64,
    /// The sequence number with which it begins.
    sequence: u64,
    /// The policies in force there: replay judges by them until it comes to their change.
    plans: Arc<Plans>,
}

/// What only the thread that changes the set of segments may touch.
#[derive(Debug)]
struct Maintenance {
    next_file: u64,
    position: Position,
    superseded: Vec<Superseded>,
    /// Segments begun since MANIFEST was last replaced.
    begun: Vec<SegmentName>,
    /// The deleted metrics that MANIFEST names, ascending.
    named_deleted: Vec<u64>,
    /// Expired chunks were last looked for then.
    expired_at: Option<Instant>,
    /// The last checkpoint sealed some of what had closed, and had no room for the rest: after merges there may be.
    seals_more: bool,
}

/// Counters since the database was opened.
#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    overwritten: AtomicU64,
    late: AtomicU64,
    pushes_blocked: AtomicU64,
    blocked_nanos: AtomicU64,
    pushes_refused: AtomicU64,
    disk_refused: AtomicU64,
    expired_early: AtomicU64,
    checkpoints: AtomicU64,
    merges: AtomicU64,
    replayed: AtomicU64,
    unknown_metric_measures: AtomicU64,
    resources_ended: AtomicU64,
    resources_reopened: AtomicU64,
    resources_deleted: AtomicU64,
    /// How many files wait to be removed, as of now: whoever asks must not wait for the maintenance lock.
    superseded: AtomicU64,
}

impl Counters {
    fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// The engine of a database that is open for writing.
pub struct Engine {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    options: Options,
    usable: Usable,
    /// Held for its drop: the lock of the one writer.
    _lock: Box<dyn Lock>,
    state: State,
    journal: Journal,
    /// Shared by pushes; exclusive for the instant in which a checkpoint fixes its journal position, and for changes of
    /// policies.
    gate: RwLock<()>,
    /// Keys of series that changed since the last checkpoint.
    dirty: Mutex<Vec<u64>>,
    dirty_measures: AtomicU64,
    maintenance: Mutex<Maintenance>,
    /// Segments in which background work met damage.
    damaged: Mutex<damage::Damaged>,
    /// Measures up to this are known not to be too far in the future, without looking at the clock.
    future_limit: AtomicI64,
    /// What the directory takes.
    account: disk::Account,
    /// Metrics that were deleted since the index was last rid of those that are in no segment.
    forgotten: Mutex<Vec<u64>>,
    counters: Counters,
    stopping: AtomicBool,
    failure: OnceLock<String>,
    background_error: Mutex<Option<String>>,
    upkeep_error: Mutex<Option<String>>,
    wake: (Mutex<bool>, Condvar),
    stop: (Mutex<bool>, Condvar),
    /// Notified when a checkpoint has taken what waited for it.
    cuts: (Mutex<()>, Condvar),
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("root", &self.root).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Engine {
    /// What queries answer from.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The index, for what does not concern measures.
    pub fn index(&self) -> &Indexer {
        &self.state.index
    }

    /// Refuses calls on a handle that was closed, inherited through `fork`, or hit by a failure of the disk.
    pub fn check_usable(&self) -> Result<()> {
        self.usable.check()
    }

    /// Whether this is a handle that a child made by `fork` inherited.
    pub fn is_inherited(&self) -> bool {
        self.usable.is_inherited()
    }

    /// As [`check_usable`](Self::check_usable), and refuses writing after a failure of the disk.
    fn check_writable(&self) -> Result<()> {
        self.check_usable()?;
        match self.failure.get().cloned().or_else(|| self.journal.failure()) {
            Some(reason) => Err(Error::Failed { reason }),
            None => Ok(()),
        }
    }

    /// The view as it is now.
    fn view(&self) -> Arc<View> {
        self.state.view()
    }

    /// The policies in force now.
    fn plans(&self) -> Arc<Plans> {
        self.state.plans()
    }

    /// Makes everything that was pushed durable.
    pub fn flush(&self) -> Result<()> {
        self.check_usable()?;
        self.journal.flush()
    }
}
