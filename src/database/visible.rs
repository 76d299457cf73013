//! What one caller may see: metrics, and their measures, through a filter.
//!
//! Who looks without a filter does not come here, and pays nothing for it.

use uuid::Uuid;

use crate::database::{Aggregated, Aggregates, Database};
use crate::error::{Error, Result};
use crate::ops::{Predicate, Reaggregation};
use crate::query::Query;
use crate::types::{
    AggregationMethod, ArchivePolicy, Columns, Filter, Metric, MetricKey, MetricSearch, MetricStatus, Timespan,
    Timestamp,
};

/// So many metrics are asked about at a time.
const PAGE: usize = 1000;

/// A database as one caller may see it: each list, search and read of metrics is that of [`Database`], and what the
/// filter does not find is not there.
///
/// The filter is about metrics; for resources, their history and operations across them, the methods of [`Database`]
/// take one about resources.
///
/// ```
/// use gnocchetti::{Database, Error, Filter, NewMetric, Options, Query, Timestamp};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
/// let mine = db.create_metric(NewMetric::named("load").creator("alice:sales"))?;
/// let other = db.create_metric(NewMetric::named("secret").creator("bob:research"))?;
/// db.push(other.key, Timestamp::from_nanos(0)?, 1.0)?;
///
/// let sales = Filter::eq("created_by_project_id", "sales");
/// let visible = db.visible(&sales);
/// assert_eq!(visible.metrics(None, 100)?, [mine]);
/// assert!(matches!(visible.measures(&Query::new(other.key)), Err(Error::UnknownMetric { .. })));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Visible<'a> {
    database: &'a Database,
    filter: &'a Filter,
}

impl Database {
    /// This database as a caller sees it who may see only the metrics that `filter` finds.
    pub fn visible<'a>(&'a self, filter: &'a Filter) -> Visible<'a> {
        Visible { database: self, filter }
    }

    /// Refuses a metric that `visibility` does not find, as one that is not there: `shown` is what it was asked for by.
    pub(super) fn check_visible(&self, key: MetricKey, shown: &str, visibility: Option<&Filter>) -> Result<()> {
        if visibility.is_none() {
            return Ok(());
        }
        let search = MetricSearch::new().filter(Filter::eq("key", key.get() as f64));
        let found = self.search_metrics(&search, visibility)?;
        if found.is_empty() { Err(Error::UnknownMetric { metric: shown.to_owned() }) } else { Ok(()) }
    }
}

impl Visible<'_> {
    /// As [`Database::metric`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for one that is not visible.
    pub fn metric(&self, id: Uuid) -> Result<Metric> {
        self.seen(self.database.metric(id)?, &id.to_string())
    }

    /// As [`Database::metric_by_name`], of those that are visible.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for one that is not visible.
    pub fn metric_by_name(&self, name: &str) -> Result<Metric> {
        self.database.metric_named(name, Some(self.filter))
    }

    /// As [`Database::metric_by_key`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for one that is not visible.
    pub fn metric_by_key(&self, key: MetricKey) -> Result<Metric> {
        self.seen(self.database.metric_by_key(key)?, &format!("key {key}"))
    }

    /// As [`Database::metrics`].
    ///
    /// # Errors
    ///
    /// As there, and what [`Database::search_metrics`] refuses in the filter.
    pub fn metrics(&self, after: Option<MetricKey>, limit: usize) -> Result<Vec<Metric>> {
        self.page(MetricStatus::Active, after, limit)
    }

    /// As [`Database::deleted_metrics`].
    ///
    /// # Errors
    ///
    /// As there, and what [`Database::search_metrics`] refuses in the filter.
    pub fn deleted_metrics(&self, after: Option<MetricKey>, limit: usize) -> Result<Vec<Metric>> {
        self.page(MetricStatus::Delete, after, limit)
    }

    fn page(&self, status: MetricStatus, after: Option<MetricKey>, limit: usize) -> Result<Vec<Metric>> {
        let mut search = MetricSearch::new().status(status).limit(limit);
        search.after_key = after;
        self.search_metrics(&search)
    }

    /// As [`Database::search_metrics`], of what is visible.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn search_metrics(&self, search: &MetricSearch) -> Result<Vec<Metric>> {
        self.database.search_metrics(search, Some(self.filter))
    }

    /// Refuses metrics of which not all are visible: for who pushes on behalf of others.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`] with the first that is not; and what [`Database::search_metrics`] refuses in the filter.
    pub fn check(&self, keys: &[MetricKey]) -> Result<()> {
        for page in keys.chunks(PAGE) {
            let numbers = page.iter().map(|key| key.get() as f64);
            let found = self.search_metrics(&MetricSearch::new().filter(Filter::one_of("key", numbers)))?;
            let missing = page.iter().find(|key| !found.iter().any(|metric| metric.key == **key));
            if let Some(key) = missing {
                return Err(Error::UnknownMetric { metric: format!("key {key}") });
            }
        }
        Ok(())
    }

    /// As [`Database::policy_of`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for a metric that is not visible.
    pub fn policy_of(&self, key: MetricKey) -> Result<ArchivePolicy> {
        self.see(key)?;
        self.database.policy_of(key)
    }

    /// As [`Database::last_measure`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for a metric that is not visible.
    pub fn last_measure(&self, key: MetricKey) -> Result<Option<Timestamp>> {
        self.see(key)?;
        self.database.last_measure(key)
    }

    /// As [`Database::measures`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for a metric that is not visible.
    pub fn measures(&self, query: &Query) -> Result<Columns> {
        self.see(query.asked_metric())?;
        self.database.measures(query)
    }

    /// As [`Database::measures_of`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for a metric that is not visible.
    pub fn measures_of(&self, query: &Query, methods: &[AggregationMethod]) -> Result<Vec<Columns>> {
        self.see(query.asked_metric())?;
        self.database.measures_of(query, methods)
    }

    /// As [`Database::search_values`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for a metric that is not visible.
    pub fn search_values(&self, query: &Query, predicate: &Predicate) -> Result<Columns> {
        self.see(query.asked_metric())?;
        self.database.search_values(query, predicate)
    }

    /// As [`Database::aggregates`]; a pattern stands for those that are visible.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for a metric that is not visible.
    pub fn aggregates(&self, question: &Aggregates) -> Result<Aggregated> {
        self.database.aggregates_seen(question, Some(self.filter))
    }

    /// As [`Database::reaggregate`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::UnknownMetric`] for a metric that is not visible.
    pub fn reaggregate(&self, question: &Reaggregation, granularities: &[Timespan]) -> Result<Aggregated> {
        self.database.reaggregate_seen(question, granularities, Some(self.filter))
    }

    fn see(&self, key: MetricKey) -> Result<()> {
        self.database.check_visible(key, &format!("key {key}"), Some(self.filter))
    }

    fn seen(&self, metric: Metric, shown: &str) -> Result<Metric> {
        self.database.check_visible(metric.key, shown, Some(self.filter))?;
        Ok(metric)
    }
}
