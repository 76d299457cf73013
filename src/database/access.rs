//! By whom a database is open: by its one writer, or by a reader.

use std::path::Path;
use std::sync::Arc;

use crate::engine::{
    CheckReport, Engine, OnProgress, Options, Reader, SnapshotProgress, SnapshotReport, State, Stats, Workers,
};
use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::indexer::Indexer;

/// What a handle may do, and does it with.
#[derive(Debug)]
pub(super) enum Access {
    /// Everything.
    Writer {
        /// Sequences it.
        engine: Arc<Engine>,
        /// Its threads.
        workers: Workers,
    },
    /// Reading, beside a writer.
    Reader(Arc<Reader>),
}

impl Access {
    pub(super) fn write(path: &Path, options: Options, fs: Arc<dyn Fs>) -> Result<Self> {
        let engine = Engine::open(path, options, fs)?;
        let workers = Workers::start(&engine)?;
        Ok(Access::Writer { engine, workers })
    }

    pub(super) fn read(path: &Path, options: &Options, fs: Arc<dyn Fs>) -> Result<Self> {
        Ok(Access::Reader(Arc::new(Reader::open(path, options, fs)?)))
    }

    /// The engine, for `call`, which writes.
    pub(super) fn writer(&self, call: &'static str) -> Result<&Engine> {
        let engine = self.pusher(call)?;
        engine.check_usable().map(|()| engine)
    }

    /// As [`writer`](Self::writer), for a push, which looks by itself whether the handle may be used: to ask the kernel twice
    /// which process this is would be near a third of what a push takes.
    pub(super) fn pusher(&self, call: &'static str) -> Result<&Engine> {
        match self {
            Access::Writer { engine, .. } => Ok(engine),
            Access::Reader(reader) => {
                reader.check_usable()?;
                Err(Error::ReadOnly { call, path: reader.root().to_path_buf() })
            }
        }
    }

    /// The index, to look into.
    pub(super) fn index(&self) -> Result<&Indexer> {
        match self {
            Access::Writer { engine, .. } => engine.check_usable().map(|()| engine.index()),
            Access::Reader(reader) => reader.check_usable().map(|()| reader.index()),
        }
    }

    /// Asks the state; for a reader, that as of its last refresh. Files that `look` needs may be gone then: see
    /// [`persist`](Self::persist).
    pub(super) fn state<T>(&self, look: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        self.check_usable()?;
        self.usable_state(look)
    }

    /// Refuses a handle that was closed, or inherited through `fork`.
    pub(super) fn check_usable(&self) -> Result<()> {
        match self {
            Access::Writer { engine, .. } => engine.check_usable(),
            Access::Reader(reader) => reader.check_usable(),
        }
    }

    /// As [`state`](Self::state), for who has asked whether the handle may be used: to ask the kernel for each of a thousand series
    /// which process this is would take a fiftieth of the answer.
    pub(super) fn usable_state<T>(&self, look: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        match self {
            Access::Writer { engine, .. } => look(engine.state()),
            Access::Reader(reader) => reader.with_state(look),
        }
    }

    /// Asks until the files that are needed are there: a reader's may be superseded meanwhile.
    pub(super) fn persist<T>(&self, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
        match self {
            Access::Writer { .. } => ask(),
            Access::Reader(reader) => reader.persist(ask),
        }
    }

    pub(super) fn refresh(&self) -> Result<bool> {
        match self {
            Access::Writer { engine, .. } => engine.check_usable().map(|()| false),
            Access::Reader(reader) => reader.refresh(),
        }
    }

    pub(super) fn snapshot(
        &self,
        directory: &Path,
        progress: &mut dyn FnMut(SnapshotProgress),
    ) -> Result<SnapshotReport> {
        match self {
            Access::Writer { engine, .. } => engine.snapshot(directory, progress),
            Access::Reader(reader) => reader.snapshot(directory, progress),
        }
    }

    pub(super) fn stats(&self) -> Result<Stats> {
        match self {
            Access::Writer { engine, .. } => engine.stats(),
            Access::Reader(reader) => reader.stats(),
        }
    }

    pub(super) fn check(&self, progress: &mut OnProgress<'_>) -> Result<CheckReport> {
        match self {
            Access::Writer { engine, .. } => engine.check(progress),
            Access::Reader(reader) => reader.check(progress),
        }
    }

    pub(super) fn close(&mut self) -> Result<()> {
        match self {
            Access::Writer { engine, workers } => {
                workers.stop();
                engine.close()
            }
            Access::Reader(reader) => {
                reader.close();
                Ok(())
            }
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if let Access::Writer { workers, .. } = self {
            workers.stop();
        }
        // In a child made by fork: closing SQLite would disturb the parent's. The memory goes with the process.
        match self {
            Access::Writer { engine, .. } if engine.is_inherited() => std::mem::forget(Arc::clone(engine)),
            Access::Reader(reader) if reader.is_inherited() => std::mem::forget(Arc::clone(reader)),
            Access::Writer { engine, .. } => {
                if let Err(error) = engine.close() {
                    tracing::warn!(%error, "the database could not be closed cleanly; the next open recovers it");
                }
            }
            Access::Reader(_) => {}
        }
    }
}
