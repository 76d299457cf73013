//! The fast path in: many measures of many metrics in one push.

use crate::database::Database;
use crate::engine;
use crate::error::{Error, Result};
use crate::types::{MetricKey, Pushed, Timestamp};

/// Measures of any number of metrics that are pushed together: checked together, journaled as one record, made durable by
/// one sync. Reusable: a commit leaves it empty and keeps its memory.
///
/// ```
/// use gnocchetti::{Database, NewMetric, Options, Timestamp};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
/// let metrics = db.create_metrics(&[NewMetric::named("in"), NewMetric::named("out")])?;
/// let mut batch = db.batch();
/// for second in 0..60 {
///     let time = Timestamp::from_nanos(second * 1_000_000_000)?;
///     batch.add(metrics[0].key, time, 1.0);
///     batch.add(metrics[1].key, time, 2.0);
/// }
/// let report = batch.commit()?;
/// assert_eq!(report.total().accepted, 120);
/// assert_eq!(report.per_metric().len(), 2);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug)]
pub struct Batch<'db> {
    database: &'db Database,
    buffer: BatchBuffer,
}

impl<'db> Batch<'db> {
    pub(super) fn new(database: &'db Database) -> Self {
        Batch { database, buffer: BatchBuffer::new() }
    }

    /// Adds a measure.
    pub fn add(&mut self, metric: MetricKey, timestamp: Timestamp, value: f64) {
        self.buffer.add(metric, timestamp, value);
    }

    /// Adds measures of one metric: timestamps in ns since the epoch, and as many values.
    ///
    /// # Errors
    ///
    /// As [`BatchBuffer::extend`]. Nothing is added then.
    pub fn extend(&mut self, metric: MetricKey, timestamps: &[i64], values: &[f64]) -> Result<()> {
        self.buffer.extend(metric, timestamps, values)
    }

    /// How many measures wait to be committed.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether no measure waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the waiting measures.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Pushes all waiting measures: all of them, or on an error none, and then they still wait. (After
    /// [`Error::Failed`](crate::Error::Failed) nobody knows whether they are on the disk; they may be there after reopening.)
    ///
    /// When it returns, they are visible to every reader in the process, and as durable as
    /// [`Options::durability`](crate::Options::durability) promises.
    ///
    /// # Errors
    ///
    /// [`crate::Error::UnknownMetric`], [`crate::Error::TooFarInFuture`], [`crate::Error::PushTooLarge`], and the disk's.
    pub fn commit(&mut self) -> Result<Report<'_>> {
        self.database.commit(&mut self.buffer)
    }
}

/// The measures of a [`Batch`] without the database they are for: to be kept where no borrow can be, next to the database
/// in a struct for one. [`Database::commit`] pushes them.
///
/// ```
/// use gnocchetti::{BatchBuffer, Database, NewMetric, Options, Timestamp};
///
/// struct Agent {
///     db: Database,
///     waiting: BatchBuffer,
/// }
///
/// # let directory = tempfile::tempdir().unwrap();
/// let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
/// let mut agent = Agent { db, waiting: BatchBuffer::new() };
/// let load = agent.db.create_metric(NewMetric::named("load"))?;
/// agent.waiting.add(load.key, Timestamp::from_nanos(0)?, 0.25);
/// agent.waiting.extend(load.key, &[1_000_000_000, 2_000_000_000], &[0.5, 0.75])?;
/// assert_eq!(agent.db.commit(&mut agent.waiting)?.total().accepted, 3);
/// assert!(agent.waiting.is_empty());
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct BatchBuffer {
    inner: engine::Batch,
}

impl BatchBuffer {
    /// No measure yet.
    pub fn new() -> Self {
        BatchBuffer::default()
    }

    /// Adds a measure.
    pub fn add(&mut self, metric: MetricKey, timestamp: Timestamp, value: f64) {
        self.inner.add(metric, timestamp, value);
    }

    /// Adds measures of one metric: timestamps in ns since the epoch, and as many values.
    ///
    /// # Errors
    ///
    /// [`crate::Error::BeforeEpoch`] for a negative timestamp; [`crate::Error::InvalidQuery`] when the slices are not
    /// equally long. Nothing is added then.
    pub fn extend(&mut self, metric: MetricKey, timestamps: &[i64], values: &[f64]) -> Result<()> {
        check_columns(timestamps, values)?;
        self.inner.extend(metric, timestamps, values);
        Ok(())
    }

    /// Adds measures of several metrics: keys, timestamps in ns since the epoch, and values, as many of each.
    ///
    /// # Errors
    ///
    /// As [`extend`](Self::extend).
    pub fn extend_keyed(&mut self, metrics: &[MetricKey], timestamps: &[i64], values: &[f64]) -> Result<()> {
        if metrics.len() != timestamps.len() {
            let reason = format!("{} metrics came with {} timestamps", metrics.len(), timestamps.len());
            return Err(Error::InvalidQuery { reason });
        }
        check_columns(timestamps, values)?;
        self.inner.extend_keyed(metrics, timestamps, values);
        Ok(())
    }

    /// How many measures wait to be pushed.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether no measure waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the waiting measures, and keeps their memory.
    pub fn clear(&mut self) {
        self.inner.clear();
    }
}

impl Database {
    /// Pushes all measures of a buffer, as [`Batch::commit`] does: all of them and the buffer is empty, or on an error none.
    ///
    /// # Errors
    ///
    /// As [`Batch::commit`].
    pub fn commit<'a>(&self, buffer: &'a mut BatchBuffer) -> Result<Report<'a>> {
        let total = self.access.pusher("commit")?.push(&mut buffer.inner)?;
        Ok(Report { total, per_metric: buffer.inner.outcome() })
    }
}

/// Refuses columns that are no measures.
pub(super) fn check_columns(timestamps: &[i64], values: &[f64]) -> Result<()> {
    if let Some(early) = timestamps.iter().find(|timestamp| **timestamp < 0) {
        return Err(Error::BeforeEpoch { value: format!("{early} ns") });
    }
    if timestamps.len() != values.len() {
        let reason = format!("{} timestamps came with {} values", timestamps.len(), values.len());
        return Err(Error::InvalidQuery { reason });
    }
    Ok(())
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    total: Pushed,
    per_metric: &'a [(MetricKey, Pushed)],
}

impl Report<'_> {
    /// Of all its measures.
    pub fn total(&self) -> Pushed {
        self.total
    }

    /// Of each metric's measures, in ascending order of keys.
    pub fn per_metric(&self) -> &[(MetricKey, Pushed)] {
        self.per_metric
    }
}
