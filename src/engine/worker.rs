//! The engine's own threads: one for checkpoints, merges and expiry, one that keeps the durability's deadlines, one for the
//! upkeep of resources.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, dispatcher};

use super::merge::Effort;
use super::{Engine, Maintenance};
use crate::error::{Error, Result};
use crate::types::Durability;

/// After a failure in the background (a full disk, say) nothing is tried again before this has passed.
const RETRY: Duration = Duration::from_secs(1);
/// A metric that was deleted leaves the index within this time and a checkpoint's. Its policy can be deleted then.
const PURGE: Duration = Duration::from_secs(2);
/// How long the thread that syncs sleeps at most: it must be able to end.
const DOZE: Duration = Duration::from_millis(50);
/// How often, at most, a checkpoint is made again because there was room to seal more.
const MOST_ROUNDS: usize = 32;

/// The engine's threads; they end when told to.
#[derive(Debug)]
pub struct Workers {
    engine: Arc<Engine>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts the threads that the options ask for.
    pub fn start(engine: &Arc<Engine>) -> Result<Self> {
        let mut workers = Workers { engine: Arc::clone(engine), threads: Vec::new() };
        if engine.options.background {
            workers.spawn("gnt-maintain", Engine::run_maintenance)?;
            if engine.upkeep_interval().is_some() {
                workers.spawn("gnt-upkeep", Engine::run_upkeep)?;
            }
        }
        if engine.options.durability != Durability::Sync {
            workers.spawn("gnt-sync", Engine::run_syncs)?;
        }
        Ok(workers)
    }

    fn spawn(&mut self, name: &str, body: fn(&Engine)) -> Result<()> {
        let engine = Arc::clone(&self.engine);
        // What the threads have to say goes to where the events of the one that opens the database go.
        let log = dispatcher::get_default(Dispatch::clone);
        let run = move || {
            // Where nobody listens yet, somebody may later.
            if log.is::<NoSubscriber>() { body(&engine) } else { dispatcher::with_default(&log, || body(&engine)) }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let root = &self.engine.root;
        self.threads.push(thread.map_err(|source| Error::io("start a thread for", root, source))?);
        Ok(())
    }

    /// Ends the threads. In a child made by `fork` there are none to end.
    pub fn stop(&mut self) {
        if self.engine.is_inherited() {
            self.threads.drain(..).for_each(std::mem::forget);
            return;
        }
        self.engine.stopping.store(true, Ordering::Release);
        *self.engine.stop.0.lock() = true;
        self.engine.stop.1.notify_all();
        self.engine.wake_worker();
        for thread in self.threads.drain(..) {
            // A thread that panicked has ended too; what it was doing was not committed.
            let _ = thread.join();
        }
    }
}

impl Engine {
    /// Asks the background thread to look whether something is due.
    pub(super) fn wake_worker(&self) {
        let (woken, condition) = &self.wake;
        let mut woken = woken.lock();
        if !*woken {
            *woken = true;
            condition.notify_one();
        }
    }

    fn run_maintenance(&self) {
        let mut next_checkpoint = Instant::now() + self.options.checkpoint_interval;
        let mut next_purge = Instant::now();
        while !self.stopping.load(Ordering::Acquire) {
            {
                let (woken, condition) = &self.wake;
                let mut woken = woken.lock();
                if !*woken {
                    let forgotten = !self.forgotten.lock().is_empty();
                    condition.wait_until(
                        &mut woken,
                        if forgotten { next_purge.min(next_checkpoint) } else { next_checkpoint },
                    );
                }
                *woken = false;
            }
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            let timed_out = Instant::now() >= next_checkpoint;
            let purges = Instant::now() >= next_purge && !self.forgotten.lock().is_empty();
            if timed_out || purges || self.is_full() {
                let outcome = self.maintain_due();
                let failed = outcome.is_err();
                *self.background_error.lock() = outcome.err().map(|error| error.to_string());
                next_purge = Instant::now() + PURGE;
                next_checkpoint = Instant::now() + if failed { RETRY } else { self.options.checkpoint_interval };
                if failed {
                    std::thread::sleep(DOZE);
                }
            }
        }
    }

    /// Whether a checkpoint is due by what waits for it.
    fn is_full(&self) -> bool {
        self.dirty_measures.load(Ordering::Relaxed).saturating_mul(16) > self.options.checkpoint_at()
            || self.journal.bytes() > self.journal_share()
            || self.is_crowded()
    }

    fn maintain_due(&self) -> Result<()> {
        self.check_writable()?;
        self.maintain_due_locked(&mut self.maintenance.lock())?.map_or(Ok(()), Err)
    }

    /// What is due, from a checkpoint on. An error is the checkpoint's; what failed after it, as other work in the background
    /// may, is given back.
    pub(super) fn maintain_due_locked(&self, maintenance: &mut Maintenance) -> Result<Option<Error>> {
        // Who was not pushed to since the checkpoint before is at rest.
        let before = maintenance.position.sequence;
        // What was deleted by now is in no journal that a replay reads after the checkpoint.
        let forgotten = self.forgotten.lock().clone();
        // Damage that stops one of these must not stop the others.
        let merged = self.checkpoint_and_merge(maintenance, Effort::Due)?;
        let expired = self.expire(maintenance, Effort::Due);
        let purged = self.purge_forgotten(maintenance, &forgotten);
        let removed = self.remove_superseded(maintenance);
        let shortened = self.state.index.shorten_log();
        let fitted = self.make_room(maintenance);
        self.evict(maintenance, before);
        Ok(merged.and(expired).and(purged).and(removed).and(shortened).and(fitted).err())
    }

    /// A checkpoint and the merges behind it, whose error is given back; both again, for a while, as long as each finds room to seal
    /// more of what has closed.
    fn checkpoint_and_merge(&self, maintenance: &mut Maintenance, effort: Effort) -> Result<Result<()>> {
        let mut merged = Ok(());
        // Other work waits, and pushes that go on may close more all the time.
        for _ in 0..MOST_ROUNDS {
            self.checkpoint_locked(maintenance)?;
            merged = self.merge(maintenance, effort).map(drop);
            if merged.is_err() || !maintenance.seals_more || self.stopping.load(Ordering::Acquire) {
                break;
            }
        }
        Ok(merged)
    }

    /// Rids the index of what was deleted since the last time, and MANIFEST too when no segment holds anything of it. What
    /// segments hold waits for expiry, and is not looked for again and again.
    fn purge_forgotten(&self, maintenance: &mut Maintenance, forgotten: &[u64]) -> Result<()> {
        self.purge(maintenance, forgotten)?;
        // Others may have come behind these meanwhile; they wait for the next time.
        self.forgotten.lock().drain(..forgotten.len());
        Ok(())
    }

    /// Does all background work now: a checkpoint, all merges, expiry; then gives back the memory of series at rest, and
    /// keeps up resources, and makes the index's log short.
    pub fn maintain(&self) -> Result<()> {
        self.check_writable()?;
        let mut maintenance = self.maintenance.lock();
        let forgotten = self.forgotten.lock().len();
        let merged = self.checkpoint_and_merge(&mut maintenance, Effort::All)?;
        let expired = self.expire(&mut maintenance, Effort::All);
        if expired.is_ok() {
            // Expiry looked for all that are deleted.
            self.forgotten.lock().drain(..forgotten);
        }
        let removed = self.remove_superseded(&mut maintenance);
        let fitted = self.make_room(&mut maintenance);
        self.evict(&maintenance, u64::MAX);
        drop(maintenance);
        let kept_up = self.upkeep();
        let shortened = self.state.index.shorten_log();
        merged.and(expired).and(removed).and(fitted).and(kept_up).and(shortened).and_then(|()| self.damage_met())
    }

    /// Gives back the memory of series that segments know as well, and that no record from `sequence` on changed. The
    /// maintenance lock keeps checkpoints out.
    fn evict(&self, _maintenance: &Maintenance, sequence: u64) {
        for (_, slot) in self.state.series.iter() {
            let mut series = slot.lock();
            let bytes = series.window_bytes() as i64;
            if series.state().sequence < sequence && series.evict() {
                self.state.window_bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
    }

    fn run_syncs(&self) {
        let (Durability::Kernel(delay) | Durability::Buffered(delay)) = self.options.durability else { return };
        let doze = DOZE.min(delay / 4);
        while !self.stopping.load(Ordering::Acquire) {
            // What falls due during the next sleep is synced before it: the promise is "at most", not "about".
            let synced = self.journal.tick(Instant::now() + doze);
            if synced.is_err() && self.journal.failure().is_some() {
                // The journal refuses everything from now on, and says why to whoever writes. (When it has not failed, the
                // disk is full, what is buffered stays so, and the next tick tries again.)
                return;
            }
            let (stop, condition) = &self.stop;
            let mut stop = stop.lock();
            if !*stop {
                condition.wait_for(&mut stop, doze);
            }
        }
    }
}
