//! Metrics: created, found, listed, deleted.

use uuid::Uuid;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::types::{ArchivePolicy, Filter, Metric, MetricKey, MetricSearch, MetricStatus, NewMetric};

impl Database {
    /// Creates a metric. When this returns it survives a power cut.
    ///
    /// # Errors
    ///
    /// As [`create_metrics`](Self::create_metrics).
    pub fn create_metric(&self, metric: NewMetric) -> Result<Metric> {
        let name = metric.name.clone().unwrap_or_default();
        self.create_metrics(&[metric])?.pop().ok_or(Error::UnknownMetric { metric: name })
    }

    /// Creates several metrics at once: all of them, or on an error none.
    ///
    /// ```
    /// use gnocchetti::{Database, NewMetric, Options};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// let metrics = db.create_metrics(&[NewMetric::named("a"), NewMetric::named("b").archive_policy("high")])?;
    /// assert_eq!(metrics[0].archive_policy_name, "low");
    /// assert_eq!(db.metric_by_name("b")?.key, metrics[1].key);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidMetric`]; [`Error::MetricExists`] for an id, or a name without a creator, that a metric has already;
    /// [`Error::UnknownArchivePolicy`], [`Error::NoArchivePolicyRuleMatch`]; and the index's.
    pub fn create_metrics(&self, metrics: &[NewMetric]) -> Result<Vec<Metric>> {
        let engine = self.writer("create_metrics")?;
        let stored = engine.index().create_metrics(metrics, Database::now())?;
        for created in &stored {
            engine.state().adopt(created.metric.key, created.policy_id);
        }
        Ok(stored.into_iter().map(|created| created.metric).collect())
    }

    /// The metric with this identifier.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`]; and the index's.
    pub fn metric(&self, id: Uuid) -> Result<Metric> {
        let found = self.index()?.metric_by_id(id)?;
        found.map(|stored| stored.metric).ok_or_else(|| Error::UnknownMetric { metric: id.to_string() })
    }

    /// The metric of this name that belongs to no resource.
    ///
    /// When several have it, the one that names no creator, of which there is one at most; else the oldest.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`]; and the index's.
    pub fn metric_by_name(&self, name: &str) -> Result<Metric> {
        let found = self.index()?.metric_by_name(name)?;
        found.map(|stored| stored.metric).ok_or_else(|| Error::UnknownMetric { metric: name.to_owned() })
    }

    /// As [`metric_by_name`](Self::metric_by_name), of the metrics that `visibility` finds.
    pub(super) fn metric_named(&self, name: &str, visibility: Option<&Filter>) -> Result<Metric> {
        if visibility.is_none() {
            return self.metric_by_name(name);
        }
        let of_no_resource = Filter::eq("name", name).and(Filter::eq("resource_id", None::<Uuid>));
        let of_nobody = of_no_resource.clone().and(Filter::eq("creator", None::<Uuid>));
        for filter in [of_nobody, of_no_resource] {
            let found = self.search_metrics(&MetricSearch::new().filter(filter).limit(1), visibility)?;
            if let Some(metric) = found.into_iter().next() {
                return Ok(metric);
            }
        }
        Err(Error::UnknownMetric { metric: name.to_owned() })
    }

    /// The metric with this key.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`]; and the index's.
    pub fn metric_by_key(&self, key: MetricKey) -> Result<Metric> {
        let found = self.index()?.metric_by_key(key)?.map(|stored| stored.metric);
        let active = found.filter(|metric| metric.status == MetricStatus::Active);
        active.ok_or_else(|| Error::UnknownMetric { metric: format!("key {key}") })
    }

    /// Up to `limit` metrics in order of their keys, those after the key `after`: the last one of a page begins the next.
    ///
    /// # Errors
    ///
    /// The index's.
    pub fn metrics(&self, after: Option<MetricKey>, limit: usize) -> Result<Vec<Metric>> {
        self.index()?.metrics(MetricStatus::Active, after, limit)
    }

    /// As [`metrics`](Self::metrics), of those that were deleted and have not left the index yet, as they do with the next
    /// maintenance. How many still have bytes on disk is in [`Stats::deleted_metrics`](crate::Stats::deleted_metrics).
    ///
    /// # Errors
    ///
    /// The index's.
    pub fn deleted_metrics(&self, after: Option<MetricKey>, limit: usize) -> Result<Vec<Metric>> {
        self.index()?.metrics(MetricStatus::Delete, after, limit)
    }

    /// Deletes a metric with all its measures: gone for readers at once and for good, its name free. It is among the
    /// [`deleted_metrics`](Self::deleted_metrics), and its archive policy is in use, until the next maintenance (by itself within
    /// seconds); merges reclaim its bytes.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`]; and the index's and the disk's.
    pub fn delete_metric(&self, key: MetricKey) -> Result<()> {
        self.writer("delete_metric")?.delete_metric(key)
    }

    /// The archive policy of a metric.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`]; and the index's and the disk's.
    pub fn policy_of(&self, key: MetricKey) -> Result<ArchivePolicy> {
        let plan = self.access.persist(|| self.access.state(|state| state.plan(key)));
        plan.map(|plan| plan.policy.clone())
    }
}
