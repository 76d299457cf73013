//! The public API: one type, [`Database`], and what goes in and out of it.
//!
//! Everything here checks its arguments, hands them to the engine, the index or a query, and returns what they say. No
//! logic of its own: what a measure means is decided below.

mod access;
mod batch;
mod check;
mod deletion;
mod metrics;
mod operations;
mod policies;
mod resource_batch;
mod resources;
mod snapshot;
mod visible;

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use batch::{Batch, BatchBuffer, Report};
pub use check::Undamaged;
pub use operations::{Aggregated, Aggregates, ResourceAggregates};
pub use resource_batch::{ResourceBatch, ResourcesPushed};
pub use visible::Visible;

use access::Access;

use crate::engine::{Engine, Options, Stats};
use crate::error::{Error, Result};
use crate::fs::{Fs, RealFs};
use crate::indexer::Indexer;
use crate::query::{BufferPool, Buffers, Query, Tolerance};
use crate::types::{AggregationMethod, Columns, MetricKey, Points, Pushed, Timestamp};

/// An open database: one directory, one writer, any number of readers.
///
/// All methods take `&self` and may be called from any thread. Dropping it closes it; [`close`](Self::close) does so too
/// and says whether that went well.
///
/// ```
/// use gnocchetti::{AggregationMethod, Database, NewMetric, Options, Query, Timestamp};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("db");
/// let db = Database::open(&path, Options::new().default_policies(true))?;
/// let metric = db.create_metric(NewMetric::named("room.temperature").unit("°C"))?;
/// db.push(metric.key, Timestamp::from_nanos(0)?, 20.5)?;
/// db.push(metric.key, Timestamp::from_nanos(1_000_000_000)?, 21.5)?;
///
/// let means = db.measures(&Query::new(metric.key).method(AggregationMethod::MEAN))?;
/// assert_eq!(means.iter().collect::<Vec<_>>(), [(0, 21.0)]);
/// db.close()?;
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug)]
pub struct Database {
    access: Access,
    buffers: BufferPool,
    /// How many threads answer a question about many series.
    threads: usize,
}

impl Database {
    /// Opens the database in the directory `path`, creating it when the directory is absent or empty.
    ///
    /// What a crash left in the journal is recovered before this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] when it is open for writing elsewhere; [`Error::NotADatabase`], [`Error::UnsupportedFormat`],
    /// [`Error::Corrupt`] when what lies there cannot be trusted (nothing is touched then); [`Error::NetworkFileSystem`];
    /// [`Error::InvalidOption`]; and the disk's.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        Database::open_on(path, options, Arc::new(RealFs))
    }

    /// Opens the database in the directory `path` for reading, beside the one writer and other readers, or alone.
    ///
    /// It sees the state after some of the pushes that the writer has handed to the kernel: all up to one of them, none
    /// after it. [`refresh`](Self::refresh) brings it to the newest; until then it stays where it is, but for the
    /// index, of which it sees what was last committed: metrics created since are listed and have no measures yet.
    /// Every call that writes is refused by [`Error::ReadOnly`].
    ///
    /// A reader changes no file, holds no lock, and does not hold the writer up. (`SQLite` keeps its marks in the
    /// index's `-shm` file, and makes it where it can. On a medium that cannot be written, the index is read without, after a
    /// look at the lock, for an instant, has shown that nobody writes.)
    /// Files that the writer has superseded stay for the writer's [`Options::grace`]; a query that meets one that is gone
    /// refreshes, and is answered from there. Of the options, which are the writer's business, only
    /// [`Options::query_threads`] counts.
    ///
    /// ```
    /// use gnocchetti::{Database, Error, NewMetric, Options, Query, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("db");
    /// let writer = Database::open(&path, Options::new().default_policies(true))?;
    /// let metric = writer.create_metric(NewMetric::named("load"))?;
    ///
    /// let reader = Database::open_read_only(&path, Options::new())?; // usually in another process
    /// writer.push(metric.key, Timestamp::from_nanos(0)?, 0.5)?;
    /// assert!(reader.measures(&Query::new(metric.key))?.is_empty());
    /// assert!(reader.refresh()?);
    /// assert_eq!(reader.measures(&Query::new(metric.key))?.values, [0.5]);
    /// assert!(matches!(reader.push(metric.key, Timestamp::from_nanos(1)?, 1.0), Err(Error::ReadOnly { .. })));
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotADatabase`] when there is none, [`Error::UnsupportedFormat`], [`Error::Corrupt`]; [`Error::Outrun`]
    /// when the writer replaced files faster than they could be read; [`Error::InvalidOption`]; [`Error::Index`] when the index
    /// cannot be read (where it cannot be written, while a writer has it open); and the disk's.
    #[allow(clippy::needless_pass_by_value, reason = "as `open` takes them")]
    pub fn open_read_only(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        Database::read_on(path, &options, Arc::new(RealFs))
    }

    /// As [`open_read_only`](Self::open_read_only), on another file system.
    ///
    /// # Errors
    ///
    /// As [`open_read_only`](Self::open_read_only).
    #[cfg(feature = "internals")]
    #[allow(clippy::needless_pass_by_value, reason = "as `open` takes them")]
    pub fn open_read_only_with_fs(path: impl AsRef<Path>, options: Options, fs: Arc<dyn Fs>) -> Result<Self> {
        Database::read_on(path, &options, fs)
    }

    /// As [`open`](Self::open), on another file system: tests put a faulty one there, benches one that counts.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[cfg(feature = "internals")]
    pub fn open_with_fs(path: impl AsRef<Path>, options: Options, fs: Arc<dyn Fs>) -> Result<Self> {
        Database::open_on(path, options, fs)
    }

    fn open_on(path: impl AsRef<Path>, options: Options, fs: Arc<dyn Fs>) -> Result<Self> {
        let threads = options.threads()?;
        Ok(Database { access: Access::write(path.as_ref(), options, fs)?, buffers: BufferPool::default(), threads })
    }

    fn read_on(path: impl AsRef<Path>, options: &Options, fs: Arc<dyn Fs>) -> Result<Self> {
        let threads = options.threads()?;
        Ok(Database { access: Access::read(path.as_ref(), options, fs)?, buffers: BufferPool::default(), threads })
    }

    /// The engine, for `call`, which writes.
    fn writer(&self, call: &'static str) -> Result<&Engine> {
        self.access.writer(call)
    }

    /// The index, to look into.
    fn index(&self) -> Result<&Indexer> {
        self.access.index()
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        matches!(self.access, Access::Reader(_))
    }

    /// Brings a database that is [open for reading](Self::open_read_only) to the newest state that its writer has handed to
    /// the kernel; returns whether anything has changed. (A push under [`Durability::Buffered`](crate::Durability::Buffered)
    /// gets there within its delay.) Costs little when nothing has.
    ///
    /// The writer itself always sees the newest state: there it does nothing.
    ///
    /// # Errors
    ///
    /// As [`open_read_only`](Self::open_read_only); it then still answers from where it was.
    pub fn refresh(&self) -> Result<bool> {
        self.access.refresh()
    }

    /// Pushes one measure.
    ///
    /// When it returns, the measure is visible to every reader in the process, and as durable as
    /// [`Options::durability`] promises. A measure whose block has closed is dropped and counted as late.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`], [`Error::TooFarInFuture`], and the disk's; nothing happened then.
    pub fn push(&self, metric: MetricKey, timestamp: Timestamp, value: f64) -> Result<Pushed> {
        self.access.pusher("push")?.push_one(metric, timestamp.nanos(), value)
    }

    /// A batch to push many measures at once.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// The points of one archive of a metric, in order of time.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`], [`Error::MethodNotKept`], [`Error::UnknownGranularity`]; [`Error::Corrupt`] when stored
    /// bytes it needs are damaged; and the disk's.
    pub fn measures(&self, query: &Query) -> Result<Columns> {
        let method = query.asked_method();
        let mut columns = self.measures_of(query, &[method])?;
        columns.pop().ok_or_else(|| Error::InvalidQuery { reason: "no method was asked for".into() })
    }

    /// As [`measures`](Self::measures), of several methods at one moment: one series of columns per method. The query's own
    /// method does not count.
    ///
    /// ```
    /// use gnocchetti::{AggregationMethod, Database, NewMetric, Options, Query, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// # let metric = db.create_metric(NewMetric::named("load"))?;
    /// db.push(metric.key, Timestamp::from_nanos(0)?, 3.0)?;
    /// let query = Query::new(metric.key);
    /// let columns = db.measures_of(&query, &[AggregationMethod::MIN, AggregationMethod::COUNT])?;
    /// assert_eq!((columns[0].values[0], columns[1].values[0]), (3.0, 1.0));
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`measures`](Self::measures).
    pub fn measures_of(&self, query: &Query, methods: &[AggregationMethod]) -> Result<Vec<Columns>> {
        let (points, _) = self.answer(query, methods, Tolerance::none)?;
        Ok(points.into_iter().map(Columns::from).collect())
    }

    /// The answer to a question, and what became of damage that it met.
    fn answer(
        &self,
        query: &Query,
        methods: &[AggregationMethod],
        tolerance: fn() -> Tolerance,
    ) -> Result<(Vec<Points>, Tolerance)> {
        self.access.check_usable()?;
        self.buffers.lend(|buffers| self.answer_with(buffers, query, methods, tolerance))
    }

    /// As [`answer`](Self::answer), for who asks for one series after the other, and has asked whether the handle may be used.
    fn answer_with(
        &self,
        buffers: &mut Buffers,
        query: &Query,
        methods: &[AggregationMethod],
        tolerance: fn() -> Tolerance,
    ) -> Result<(Vec<Points>, Tolerance)> {
        self.access.persist(|| {
            let snapshot = self
                .access
                .usable_state(|state| state.snapshot(query.asked_metric(), &|plan| query.request(plan, methods)))?;
            let mut tolerance = tolerance();
            let answered = query.answer(&snapshot, methods, buffers, &mut tolerance)?;
            Ok((answered, tolerance))
        })
    }

    /// The time of the newest measure that a metric accepted; `None` when it never had one.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`], and the disk's.
    pub fn last_measure(&self, metric: MetricKey) -> Result<Option<Timestamp>> {
        let newest = self.access.persist(|| self.access.state(|state| state.newest(metric)))?;
        newest.map(Timestamp::from_nanos).transpose()
    }

    /// The state of the database in numbers.
    ///
    /// # Errors
    ///
    /// The index's.
    pub fn stats(&self) -> Result<Stats> {
        self.access.stats()
    }

    /// Reads all of the index and compares its parts with one another: `SQLite`'s own check, and ours. Takes time in
    /// proportion to its size; nothing waits for it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with what was found first; and the index's.
    pub fn check_index(&self) -> Result<()> {
        self.index()?.integrity_check()
    }

    /// Makes everything that was pushed durable now, whatever the durability.
    ///
    /// # Errors
    ///
    /// The disk's; after a failed sync the database refuses to write until it is reopened.
    pub fn flush(&self) -> Result<()> {
        self.writer("flush")?.flush()
    }

    /// Writes everything that was pushed into segments, so that the next open has nothing to replay.
    ///
    /// # Errors
    ///
    /// The disk's. What was pushed stays in the journal then, and nothing is lost.
    pub fn checkpoint(&self) -> Result<()> {
        self.writer("checkpoint")?.checkpoint()
    }

    /// Does all background work now: a checkpoint, every merge there is to do, expiry, the removal of files that count no
    /// more; and gives back the memory of metrics at rest.
    ///
    /// # Errors
    ///
    /// The disk's; [`Error::Corrupt`] when a merge met damaged bytes, which stay as they are.
    pub fn maintain(&self) -> Result<()> {
        self.writer("maintain")?.maintain()
    }

    /// Closes the database: everything is durable, and the next open has nothing to recover.
    ///
    /// # Errors
    ///
    /// The disk's. It is closed all the same, and what could not be written to segments is in the journal; under
    /// [`Durability::Buffered`](crate::Durability::Buffered), what could not be written there either is lost.
    pub fn close(mut self) -> Result<()> {
        self.access.close()
    }

    pub(crate) fn now() -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_nanos(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)).unwrap_or_default()
    }
}
