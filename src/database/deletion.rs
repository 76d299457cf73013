//! Deleting a stretch of time of a metric.

use std::ops::{Bound, RangeBounds};

use crate::database::Database;
use crate::error::Result;
use crate::types::{DeleteOptions, DeletedMeasures, MetricKey, Timestamp};

impl Database {
    /// Deletes what a metric has in a stretch of time: its raw measures, as far as they could still change an aggregate, and
    /// the groups that have closed and lie wholly inside. Gone at once for readers in this process and for good, whatever the
    /// durability: what was pushed before is durable then, too. A crash leaves all of it deleted or nothing.
    ///
    /// A closed group that lies partly inside is computed anew where the finer archives say exactly what is left in it;
    /// else it is kept or removed, as the options say. The answer lists each of these groups.
    ///
    /// The newest measure that is left is the metric's newest from then on. What has closed stays closed: new measures are
    /// accepted from where they were before, or later ones. Differences (`rate:`) then span the hole; where the measure
    /// before the hole has left the window, the first one behind it has none.
    ///
    /// Waits for a merge that is running, and lets pushes to this metric wait for some writes to the disk. The bytes are
    /// reclaimed by merges.
    ///
    /// ```
    /// use gnocchetti::{Database, DeleteOptions, NewMetric, Options, Query, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// let metric = db.create_metric(NewMetric::named("load"))?;
    /// let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
    /// for (second, value) in [(0, 1.0), (20, 5.0), (40, 1000.0)] {
    ///     db.push(metric.key, at(second)?, value)?;
    /// }
    ///
    /// let deleted = db.delete_measures(metric.key, at(30)?..at(60)?, DeleteOptions::new())?;
    /// assert_eq!((deleted.removed, deleted.newest), (1, Some(at(20)?)));
    /// assert_eq!(db.measures(&Query::new(metric.key))?.values, [3.0]);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`](crate::Error::UnknownMetric), [`Error::InvalidRange`](crate::Error::InvalidRange) when the
    /// range ends before it begins, [`Error::Corrupt`](crate::Error::Corrupt) when what is needed of the metric is damaged,
    /// [`Error::DiskLimit`](crate::Error::DiskLimit) when the directory has no room to seal what has closed of it, which comes
    /// first, or for what is left of groups; and the disk's. Nothing was deleted then.
    pub fn delete_measures(
        &self,
        metric: MetricKey,
        range: impl RangeBounds<Timestamp>,
        options: DeleteOptions,
    ) -> Result<DeletedMeasures> {
        let from = match range.start_bound() {
            Bound::Included(from) => from.nanos(),
            Bound::Excluded(before) => before.nanos().saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(last) => last.nanos().saturating_add(1),
            Bound::Excluded(to) => to.nanos(),
            Bound::Unbounded => i64::MAX,
        };
        self.writer("delete_measures")?.delete_measures(metric, (from, to), options)
    }
}
