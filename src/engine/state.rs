//! What queries answer from: the index, the policies in force, the segments, and the series that are in memory.
//!
//! Whoever has a database open has such a state, and changes it: the writer with each push and checkpoint, a reader when it is
//! brought after the writer. It must never know whose it is: it writes no file and has no thread.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::manifest::{Manifest, PolicyRecord};
use super::tail::Tail;
use crate::error::{Error, Result};
use crate::head::{Plan, SeriesTable};
use crate::indexer::Indexer;
use crate::query::View;

/// The policies in force, by their numbers in the index.
pub(crate) type Plans = HashMap<u32, Arc<Plan>>;

/// What queries answer from.
pub struct State {
    pub(super) index: Arc<Indexer>,
    pub(super) series: SeriesTable,
    pub(super) plans: RwLock<Arc<Plans>>,
    pub(super) view: RwLock<Arc<View>>,
    /// Deleted metrics whose bytes are not all reclaimed.
    pub(super) deleted: Mutex<BTreeSet<u64>>,
    pub(super) window_bytes: AtomicI64,
    /// What the journal has and neither segments nor series have: a reader's. A writer's series have it all.
    pub(super) tail: Option<Mutex<Tail>>,
}

impl State {
    /// The state that MANIFEST describes, with no series in memory yet.
    pub(super) fn new(index: Arc<Indexer>, view: View, plans: Plans, manifest: &Manifest, tail: Option<Tail>) -> Self {
        State {
            index,
            series: SeriesTable::default(),
            plans: RwLock::new(Arc::new(plans)),
            view: RwLock::new(Arc::new(view)),
            deleted: Mutex::new(manifest.deleted.iter().copied().collect()),
            window_bytes: AtomicI64::new(0),
            tail: tail.map(Mutex::new),
        }
    }

    /// The view as it is now.
    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read())
    }

    /// Makes `view` the one that queries get from now on.
    pub(super) fn publish(&self, view: View) {
        *self.view.write() = Arc::new(view);
    }

    /// The policies in force now.
    pub(super) fn plans(&self) -> Arc<Plans> {
        Arc::clone(&self.plans.read())
    }

    /// Brings a policy into force, unless a later change of it was faster.
    pub(super) fn put_plan(&self, record: &PolicyRecord, blame: &Path) -> Result<()> {
        let plan = Plan::new(record.id, record.revision, record.policy(blame)?);
        let mut plans = self.plans.write();
        let mut changed = (**plans).clone();
        if changed.get(&plan.id).is_none_or(|known| known.revision < plan.revision) {
            changed.insert(plan.id, Arc::new(plan));
            *plans = Arc::new(changed);
        }
        Ok(())
    }

    /// A metric is gone for readers; merges reclaim its bytes.
    pub(super) fn forget(&self, key: u64) {
        self.deleted.lock().insert(key);
        if let Some(slot) = self.series.slot(key) {
            let mut series = slot.lock();
            self.window_bytes.fetch_sub(series.window_bytes() as i64, Ordering::Relaxed);
            series.delete();
        }
    }
}

/// Whether a handle may still be used, and by whom.
#[derive(Debug)]
pub(super) struct Usable {
    opened_by: u32,
    closed: AtomicBool,
}

impl Usable {
    /// A handle that this process opens now.
    pub(super) fn new() -> Self {
        Usable { opened_by: std::process::id(), closed: AtomicBool::new(false) }
    }

    /// Refuses a handle that was closed, or inherited through `fork`.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_inherited() {
            return Err(Error::Forked { opened_by: self.opened_by });
        }
        if self.closed.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }

    /// Whether this is a handle that a child made by `fork` inherited.
    pub(super) fn is_inherited(&self) -> bool {
        std::process::id() != self.opened_by
    }

    /// Refuses every call from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}
