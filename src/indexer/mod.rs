//! The index: archive policies, their rules, metrics, resource types, resources and their history, in one `SQLite` file.
//!
//! The index says what there is; measures never come near it, and no push reads it. Every change is one transaction,
//! durable when the call returns (`synchronous=FULL`), and all or nothing. Keys and policy numbers come from
//! AUTOINCREMENT and are never used twice, since the journal and the segments refer to them for ever.
//!
//! One connection writes and another reads, so that a lookup does not wait for a long batch of new metrics. What is
//! read is what was last committed. `SQLite`'s errors stay inside: what leaves is an [`Error`] that says what was being
//! done.

mod backup;
mod connection;
mod failure;
mod mend;
mod metrics;
mod policies;
mod resource_types;
mod resources;
mod rules;
mod schema;
mod search;
mod sql;
mod together;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Corruption, Error, Result};
pub use backup::Observer;
pub use connection::Source;
use failure::Failure;
pub use mend::DamagedList;
pub use metrics::{KnownKey, NamedMetric, StoredMetric};
pub use policies::StoredPolicy;
use resource_types::layout::LayoutCache;
#[cfg(feature = "internals")]
pub use resources::CreatedResources;
pub use resources::UpdatedResource;
pub use resources::{NamedMetrics, Resolved, State, StateGroup};

/// How many findings of [`Indexer::integrity_check`] an error names.
const FINDINGS: usize = 5;

/// The index of one database, open for writing or for reading only. All methods may be called from several threads at once.
///
/// ```
/// use gnocchetti::internals::indexer::Indexer;
/// use gnocchetti::{NewMetric, Timestamp};
///
/// let directory = tempfile::tempdir().unwrap();
/// let index = Indexer::open(&directory.path().join("index.sqlite"))?;
/// index.create_default_policies()?;
/// let created = index.create_metrics(&[NewMetric::named("cpu.user")], Timestamp::default())?;
/// assert_eq!(created[0].metric.archive_policy_name, "low");
/// assert_eq!(index.metric_by_name("cpu.user")?.as_ref(), Some(&created[0]));
/// index.mark_deleted(created[0].metric.key)?;
/// assert_eq!(index.metric_by_name("cpu.user")?, None);
/// index.checkpoint_wal()?;
/// # Ok::<(), gnocchetti::Error>(())
/// ```
pub struct Indexer {
    path: PathBuf,
    /// `None` when it is open for reading only.
    writer: Option<Mutex<Connection>>,
    reader: Mutex<Connection>,
    source: Mutex<Source>,
    /// Whether the log may have something in it.
    logged: AtomicBool,
    layouts: LayoutCache,
}

impl Indexer {
    /// Opens the index at `path`, which is made when there is none, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedFormat`] when a newer version of the library wrote it, [`Error::NotADatabase`] when the file
    /// is some other `SQLite` database, [`Error::Corrupt`] when it is none at all; nothing is touched in these cases.
    pub fn open(path: &Path) -> Result<Self> {
        let described = |failure: Failure| failure.into_error("open", path);
        let mut writer = connection::writer(path).map_err(described)?;
        schema::prepare(&mut writer, path).map_err(described)?;
        let reader = connection::reader(path, Source::Shared).map_err(described)?;
        Ok(Indexer {
            path: path.to_path_buf(),
            writer: Some(Mutex::new(writer)),
            reader: Mutex::new(reader),
            source: Mutex::new(Source::Shared),
            logged: AtomicBool::new(true),
            layouts: LayoutCache::default(),
        })
    }

    /// Opens the index at `path`, which must be there and up to date, for reading only.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`Error::ReadOnly`] when an older version of the library wrote it and nobody has brought it
    /// up to date; [`Error::Index`] when it cannot be read in this way.
    pub fn open_read_only(path: &Path, source: Source) -> Result<Self> {
        let reader = Indexer::connect(path, source)?;
        let (writer, layouts) = (None, LayoutCache::default());
        let (reader, source) = (Mutex::new(reader), Mutex::new(source));
        Ok(Indexer { path: path.to_path_buf(), writer, reader, source, logged: AtomicBool::new(false), layouts })
    }

    fn connect(path: &Path, source: Source) -> Result<Connection> {
        let connected = connection::reader(path, source).and_then(|connection| {
            schema::check_current(&connection, path)?;
            Ok(connection)
        });
        connected.map_err(|failure| failure.into_error("open for reading", path))
    }

    /// Reads it in another way from now on.
    ///
    /// # Errors
    ///
    /// As [`open_read_only`](Self::open_read_only); it is then read as before.
    pub fn reconnect(&self, source: Source) -> Result<()> {
        let connection = Indexer::connect(&self.path, source)?;
        *self.reader.lock() = connection;
        *self.source.lock() = source;
        Ok(())
    }

    /// In which way it is read.
    pub fn source(&self) -> Source {
        *self.source.lock()
    }

    /// A number that changes when somebody else commits.
    ///
    /// # Errors
    ///
    /// [`Error::Index`].
    pub fn version(&self) -> Result<i64> {
        self.read_once("look for changes", |connection| {
            Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
        })
    }

    /// The connection that writes.
    fn writer(&self, call: &'static str) -> Result<MutexGuard<'_, Connection>> {
        let writer = self.writer.as_ref().map(Mutex::lock);
        writer.ok_or_else(|| Error::ReadOnly { call, path: self.path.clone() })
    }

    /// Moves all that is committed from the write-ahead log into the index itself and empties the log.
    ///
    /// For a clean close: what opens next then has nothing to recover. `false` when another process that reads the
    /// index stood in the way; nothing is lost then, the log just stays.
    ///
    /// # Errors
    ///
    /// [`Error::DiskFull`], [`Error::Index`].
    pub fn checkpoint_wal(&self) -> Result<bool> {
        let writer = self.writer("checkpoint")?;
        let busy: rusqlite::Result<i64> = writer.query_row(sql::CHECKPOINT, [], |row| row.get(0));
        let busy = busy.map_err(|error| Failure::from(error).into_error("checkpoint", &self.path))?;
        Ok(busy == 0)
    }

    /// As [`checkpoint_wal`](Self::checkpoint_wal), without waiting for whoever reads, and only when something was committed
    /// since it was last done.
    ///
    /// # Errors
    ///
    /// [`Error::DiskFull`], [`Error::Index`].
    pub fn shorten_log(&self) -> Result<()> {
        let writer = self.writer("shorten the log")?;
        if !self.logged.load(Ordering::Relaxed) {
            return Ok(());
        }
        let busy = connection::at_once(&writer, || writer.query_row(sql::CHECKPOINT, [], |row| row.get::<_, i64>(0)));
        let busy = busy.map_err(|error| Failure::from(error).into_error("shorten the log", &self.path))?;
        self.logged.store(busy != 0, Ordering::Relaxed);
        Ok(())
    }

    /// Reads all of the index and compares its parts with one another. Takes time in proportion to its size; neither
    /// reads nor writes wait for it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the first findings.
    pub fn integrity_check(&self) -> Result<()> {
        let findings = self.findings(FINDINGS)?;
        if findings.is_empty() {
            return Ok(());
        }
        Err(Error::from(Corruption::new(&self.path, 0, findings.join("; "))))
    }

    /// As [`integrity_check`](Self::integrity_check): what does not fit together, at most `limit` findings.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when it cannot be read at all.
    pub fn findings(&self, limit: usize) -> Result<Vec<String>> {
        connection::reader(&self.path, self.source())
            .and_then(|connection| schema::findings(&connection, limit))
            .map_err(|failure| failure.into_error("check", &self.path))
    }

    /// The file it lies in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the memory of the writer's page cache back. When that fails, nothing is lost but the memory.
    fn release_memory(&self) {
        let released = self.writer("release memory").map(|writer| writer.execute_batch(sql::RELEASE_MEMORY));
        if let Ok(Err(error)) = released {
            tracing::debug!(%error, "the index kept its page cache");
        }
    }

    /// Runs `change` as one transaction: committed when it succeeds, undone when it does not.
    fn write<T>(&self, operation: &'static str, change: impl FnOnce(&Transaction) -> Result<T, Failure>) -> Result<T> {
        let mut writer = self.writer(operation)?;
        let run = || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = change(&transaction)?;
            transaction.commit()?;
            Ok(outcome)
        };
        self.logged.store(true, Ordering::Relaxed);
        run().map_err(|failure: Failure| failure.into_error(operation, &self.path))
    }

    /// Runs `look` on one state of the index, that of the last commit.
    fn read<T>(&self, operation: &'static str, look: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T> {
        let reader = self.reader.lock();
        let run = || {
            let transaction = reader.unchecked_transaction()?;
            let found = look(&transaction)?;
            transaction.commit()?;
            Ok(found)
        };
        run().map_err(|failure: Failure| failure.into_error(operation, &self.path))
    }

    /// Runs `look`, which is one statement and therefore sees one state without more ado.
    fn read_once<T>(&self, operation: &'static str, look: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T> {
        look(&self.reader.lock()).map_err(|failure| failure.into_error(operation, &self.path))
    }
}
