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
    inner: engine::Batch,
}

impl<'db> Batch<'db> {
    pub(super) fn new(database: &'db Database) -> Self {
        Batch { database, inner: engine::Batch::default() }
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
        if let Some(early) = timestamps.iter().find(|timestamp| **timestamp < 0) {
            return Err(Error::BeforeEpoch { value: format!("{early} ns") });
        }
        if timestamps.len() != values.len() {
            let reason = format!("{} timestamps came with {} values", timestamps.len(), values.len());
            return Err(Error::InvalidQuery { reason });
        }
        self.inner.extend(metric, timestamps, values);
        Ok(())
    }

    /// How many measures wait to be committed.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether no measure waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the waiting measures.
    pub fn clear(&mut self) {
        self.inner.clear();
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
        let total = self.database.writer("commit")?.push(&mut self.inner)?;
        Ok(Report { total, per_metric: self.inner.outcome() })
    }
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
