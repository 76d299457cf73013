//! Operations across metrics, and the search of values: points are fetched here and handed to `ops`.

use uuid::Uuid;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::ops::{
    EvaluateOptions, Evaluated, Fill, Input, Label, Operation, Predicate, Reaggregation, Reference, evaluate,
};
use crate::query::Query;
use crate::types::{AggregationMethod, Columns, Glob, Metric, Timespan, Timestamp};

/// So many metrics are looked through at a time for those that a pattern names.
const PAGE: usize = 1000;

/// A question across metrics: an operation, and over which points it is evaluated.
///
/// ```
/// use gnocchetti::{Aggregates, Timespan};
///
/// let question = Aggregates::new("(aggregate max (metric (cpu0 mean) (cpu1 mean)))".parse()?)
///     .granularity(Timespan::MINUTE)
///     .needed_overlap(50.0);
/// # let _ = question;
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregates {
    operation: Operation,
    granularities: Vec<Timespan>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    fill: Option<Fill>,
    needed_overlap: Option<f64>,
}

impl Aggregates {
    /// This operation over all points of all granularities that its metrics share. At a time at which only some metrics
    /// have a point, those count; [`fill`](Self::fill) and [`needed_overlap`](Self::needed_overlap) say otherwise.
    pub fn new(operation: Operation) -> Self {
        Aggregates { operation, granularities: Vec::new(), from: None, to: None, fill: None, needed_overlap: None }
    }

    /// Only at this granularity; called several times, at those.
    #[must_use]
    pub fn granularity(mut self, granularity: Timespan) -> Self {
        self.granularities.push(granularity);
        self
    }

    /// From the group that holds this time on.
    #[must_use]
    pub fn from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// Only groups that start before this time.
    #[must_use]
    pub fn to(mut self, to: Timestamp) -> Self {
        self.to = Some(to);
        self
    }

    /// What stands where a metric has no point at a time at which another has one.
    #[must_use]
    pub fn fill(mut self, fill: Fill) -> Self {
        self.fill = Some(fill);
        self
    }

    /// At how many of 100 times all metrics must have a point, when nothing is filled in.
    #[must_use]
    pub fn needed_overlap(mut self, percent: f64) -> Self {
        self.needed_overlap = Some(percent);
        self
    }
}

impl Database {
    /// What an operation makes of the points of the metrics that it names: by id, by name, or by a pattern of names.
    ///
    /// ```
    /// use gnocchetti::{Aggregates, Database, NewMetric, Options, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// for (name, value) in [("cpu.0", 10.0), ("cpu.1", 30.0)] {
    ///     let metric = db.create_metric(NewMetric::named(name))?;
    ///     db.push(metric.key, Timestamp::from_nanos(0)?, value)?;
    /// }
    /// let answer = db.aggregates(&Aggregates::new("(aggregate mean (metric cpu.* mean))".parse()?))?;
    /// assert_eq!(answer.series[0].columns.values, [20.0]);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`], [`Error::UnknownReferenceMethod`], [`Error::UnknownGranularity`],
    /// [`Error::Unaggregable`], [`Error::OperationTooLarge`]; and those of [`measures`](Self::measures).
    pub fn aggregates(&self, question: &Aggregates) -> Result<Evaluated> {
        let mut options = EvaluateOptions::asked(question.fill, question.needed_overlap);
        options.from = question.from.map(Timestamp::nanos);
        options.to = question.to.map(Timestamp::nanos);
        self.evaluate(&question.operation, &question.granularities, &options)
    }

    /// The older question across metrics: their points of one method, aggregated per time by another.
    ///
    /// # Errors
    ///
    /// As [`aggregates`](Self::aggregates).
    pub fn reaggregate(&self, question: Reaggregation, granularities: &[Timespan]) -> Result<Evaluated> {
        let (operation, options) = question.plan()?;
        self.evaluate(&operation, granularities, &options)
    }

    /// Those points of a metric whose values fulfil `predicate`.
    ///
    /// ```
    /// use gnocchetti::ops::Predicate;
    /// use gnocchetti::{Database, NewMetric, Options, Query, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// # let metric = db.create_metric(NewMetric::named("load"))?;
    /// db.push(metric.key, Timestamp::from_nanos(0)?, 40.0)?;
    /// db.push(metric.key, Timestamp::from_nanos(300_000_000_000)?, 60.0)?;
    /// let above = Predicate::from_json(&serde_json::json!({">=": 50}))?;
    /// assert_eq!(db.search_values(&Query::new(metric.key), &above)?.values, [60.0]);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`measures`](Self::measures).
    pub fn search_values(&self, query: &Query, predicate: &Predicate) -> Result<Columns> {
        Ok(predicate.select(&self.measures(query)?))
    }

    fn evaluate(
        &self,
        operation: &Operation,
        granularities: &[Timespan],
        options: &EvaluateOptions,
    ) -> Result<Evaluated> {
        let mut inputs = Vec::new();
        for reference in operation.metrics() {
            let metrics = self.metrics_of(reference)?;
            if metrics.is_empty() {
                return Err(Error::UnknownMetric { metric: reference.metric.clone() });
            }
            for metric in metrics {
                self.fetch(reference, &metric, granularities, options, &mut inputs)?;
            }
        }
        evaluate(operation, &inputs, options)
    }

    /// The metrics that a reference names: by id, by name, or those whose names match its pattern.
    fn metrics_of(&self, reference: &Reference) -> Result<Vec<Metric>> {
        if !reference.is_pattern() {
            let found = match reference.metric.parse::<Uuid>() {
                Ok(id) => self.metric(id),
                Err(_) => self.metric_by_name(&reference.metric),
            };
            return found.map(|metric| vec![metric]);
        }
        let pattern = Glob::new(&reference.metric);
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.metrics(after, PAGE)?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.key);
            let matches = |metric: &Metric| metric.name.as_deref().is_some_and(|name| pattern.matches(name));
            found.extend(page.into_iter().filter(matches));
        }
    }

    /// Appends a metric's points of all the granularities asked for, or of all it has.
    fn fetch(
        &self,
        reference: &Reference,
        metric: &Metric,
        granularities: &[Timespan],
        options: &EvaluateOptions,
        inputs: &mut Vec<Input>,
    ) -> Result<()> {
        let policy = self.policy_of(metric.key)?;
        let kept: Vec<Timespan> = policy.definitions().iter().map(crate::types::Definition::granularity).collect();
        let asked = if granularities.is_empty() { &kept } else { granularities };
        for granularity in asked {
            let columns = self.points(metric, reference.method, *granularity, options)?;
            let name = metric.name.clone().unwrap_or_else(|| metric.id.to_string());
            let shown = if reference.is_pattern() { name } else { reference.metric.clone() };
            let label = Label { resource: None, metric: shown, method: reference.method };
            inputs.push(Input { reference: reference.clone(), label, granularity: *granularity, columns });
        }
        Ok(())
    }

    fn points(
        &self,
        metric: &Metric,
        method: AggregationMethod,
        granularity: Timespan,
        options: &EvaluateOptions,
    ) -> Result<Columns> {
        let mut query = Query::new(metric.key).method(method).granularity(granularity);
        if let Some(from) = options.from {
            query = query.from(Timestamp::from_nanos(from)?);
        }
        if let Some(to) = options.to {
            query = query.to(Timestamp::from_nanos(to)?);
        }
        self.measures(&query).map_err(|error| match error {
            Error::MethodNotKept { .. } => {
                Error::UnknownReferenceMethod { metric: metric.id.to_string(), method: method.to_string() }
            }
            other => other,
        })
    }
}
