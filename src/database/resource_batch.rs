//! Measures pushed by resource and metric name.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::database::Database;
use crate::engine;
use crate::error::{Error, Result};
use crate::indexer::{NamedMetrics, Resolved};
use crate::types::{Filter, Metric, MetricKey, Pushed, ResourceId, ResourceMetric, Timestamp};

/// Measures of metrics that are named as within their resources. They are looked up together, and pushed together: all of
/// them, or on an error none. Reusable: a commit leaves it empty.
///
/// ```
/// use gnocchetti::{Database, Error, NewResource, Options, ResourceId, Timestamp};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
/// db.create_resources(&[NewResource::named("generic", "web-1", Some("agent"))?])?;
/// let web = ResourceId::new("web-1", Some("agent"))?;
/// let mut batch = db.resource_batch();
/// batch.add(&web, "cpu", Timestamp::from_nanos(0)?, 12.5);
/// assert!(matches!(batch.commit(None), Err(Error::UnknownResourceMetrics { .. })));
///
/// let pushed = batch.create_metrics(true).commit(None)?;
/// assert_eq!(pushed.created[0].name.as_deref(), Some("cpu"));
/// assert_eq!(pushed.total.accepted, 1);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug)]
pub struct ResourceBatch<'db> {
    database: &'db Database,
    create_metrics: bool,
    resources: BTreeMap<Uuid, Waiting>,
    measures: usize,
}

/// The measures that wait for the metrics of one resource.
#[derive(Debug)]
struct Waiting {
    id: ResourceId,
    metrics: BTreeMap<String, Column>,
}

/// The measures that wait for one metric, and what it is to be like when it is made.
#[derive(Debug, Default)]
struct Column {
    new: ResourceMetric,
    timestamps: Vec<i64>,
    values: Vec<f64>,
}

/// What became of measures pushed by resource and metric name.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourcesPushed {
    /// Of all of them.
    pub total: Pushed,
    /// Of each metric's, in ascending order of keys.
    pub per_metric: Vec<(MetricKey, Pushed)>,
    /// The metrics that were made.
    pub created: Vec<Metric>,
}

impl Database {
    /// A batch of measures by resource and metric name.
    pub fn resource_batch(&self) -> ResourceBatch<'_> {
        ResourceBatch { database: self, create_metrics: false, resources: BTreeMap::new(), measures: 0 }
    }
}

impl ResourceBatch<'_> {
    /// Whether metrics that a resource does not have are made, by rule or as [`new_metric`](Self::new_metric) says.
    /// Default: no.
    pub fn create_metrics(&mut self, yes: bool) -> &mut Self {
        self.create_metrics = yes;
        self
    }

    /// What a metric is to be like when it is made: its archive policy and unit. Without measures, it is looked up, or made,
    /// all the same.
    pub fn new_metric(&mut self, resource: &ResourceId, metric: &str, new: ResourceMetric) -> &mut Self {
        self.column(resource, metric).new = new;
        self
    }

    /// Adds a measure.
    pub fn add(&mut self, resource: &ResourceId, metric: &str, timestamp: Timestamp, value: f64) {
        let column = self.column(resource, metric);
        column.timestamps.push(timestamp.nanos());
        column.values.push(value);
        self.measures += 1;
    }

    /// Adds measures of one metric: timestamps in ns since the epoch, and as many values.
    ///
    /// # Errors
    ///
    /// [`Error::BeforeEpoch`] for a negative timestamp; [`Error::InvalidQuery`] when the slices are not equally long.
    /// Nothing is added then.
    pub fn extend(&mut self, resource: &ResourceId, metric: &str, timestamps: &[i64], values: &[f64]) -> Result<()> {
        super::batch::check_columns(timestamps, values)?;
        let column = self.column(resource, metric);
        column.timestamps.extend_from_slice(timestamps);
        column.values.extend_from_slice(values);
        self.measures += timestamps.len();
        Ok(())
    }

    /// How many measures wait to be committed.
    pub fn len(&self) -> usize {
        self.measures
    }

    /// Whether no measure waits.
    pub fn is_empty(&self) -> bool {
        self.measures == 0
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        self.resources.clear();
        self.measures = 0;
    }

    /// Pushes all waiting measures to metrics of resources that `visibility` finds. What one push of a [`Batch`] promises
    /// holds for this one too; on an error everything still waits. Metrics are made before their measures are pushed: when
    /// the disk fails in between they are there, without measures.
    ///
    /// [`Batch`]: crate::Batch
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceMetrics`] with all resources and metrics that are not there;
    /// [`Error::NoArchivePolicyRuleMatch`], [`Error::UnknownArchivePolicy`], [`Error::InvalidMetric`] for metrics to be made;
    /// [`Error::TooFarInFuture`], [`Error::PushTooLarge`]; and the index's and the disk's. No metric is made then either.
    pub fn commit(&mut self, visibility: Option<&Filter>) -> Result<ResourcesPushed> {
        let engine = self.database.writer("commit")?;
        let Resolved { keys, created } = self.resolve(engine, visibility)?;
        let mut batch = engine::Batch::default();
        for (key, column) in keys.iter().zip(self.columns()) {
            batch.extend(*key, &column.timestamps, &column.values);
        }
        let total = engine.push(&mut batch)?;
        self.clear();
        let created = created.into_iter().map(|stored| stored.metric).collect();
        Ok(ResourcesPushed { total, per_metric: batch.outcome().to_vec(), created })
    }

    fn columns(&self) -> impl Iterator<Item = &Column> {
        self.resources.values().flat_map(|waiting| waiting.metrics.values())
    }

    /// The metrics that measures wait for, in the order of the columns. Those that are there are found without a transaction.
    fn resolve(&self, engine: &engine::Engine, visibility: Option<&Filter>) -> Result<Resolved> {
        let named: Vec<NamedMetrics> = self.resources.values().map(Waiting::named).collect();
        let found = engine.index().named_metrics(&named, visibility);
        match found {
            Err(Error::UnknownResourceMetrics { resources, .. }) if self.create_metrics && resources.is_empty() => {}
            found => return found,
        }
        // What would be refused afterwards is refused before anything is made.
        engine.check_push(self.columns().map(|column| column.timestamps.as_slice()))?;
        let resolved = engine.index().create_named_metrics(&named, visibility, Database::now())?;
        self.database.adopt(&resolved.created);
        Ok(resolved)
    }

    fn column(&mut self, resource: &ResourceId, metric: &str) -> &mut Column {
        let waiting = self.resources.entry(resource.id());
        let waiting = waiting.or_insert_with(|| Waiting { id: resource.clone(), metrics: BTreeMap::new() });
        waiting.metrics.entry(metric.to_owned()).or_default()
    }
}

impl Waiting {
    fn named(&self) -> NamedMetrics<'_> {
        let metrics = self.metrics.iter().map(|(name, column)| (name.as_str(), &column.new)).collect();
        NamedMetrics { resource: &self.id, metrics }
    }
}
