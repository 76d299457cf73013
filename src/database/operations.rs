//! Operations across metrics, and the search of values: points are fetched here and handed to `ops`.

mod answer;
mod question;
mod sources;
mod threads;

pub use question::{Aggregated, Aggregates, ResourceAggregates};

use crate::database::{Database, Undamaged};
use crate::error::{Error, Result};
use crate::indexer::{State, StateGroup};
use crate::ops::{Operation, Predicate, Reaggregation};
use crate::query::Query;
use crate::types::{Columns, Filter, History, ResourceSearch, Timespan, Timestamp};
use answer::answer;
use sources::{hide, of_metrics, of_resources};

impl Database {
    /// What an operation makes of the points of the metrics that it names: by id, by name, or by a pattern of names. Names
    /// are those of metrics that belong to no resource.
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
    pub fn aggregates(&self, question: &Aggregates) -> Result<Aggregated> {
        self.aggregates_seen(question, None)
    }

    pub(super) fn aggregates_seen(&self, question: &Aggregates, visibility: Option<&Filter>) -> Result<Aggregated> {
        let options = question.options();
        let (sources, metrics) = of_metrics(self, &question.operation, visibility, question.details)?;
        let (operation, asked) = (&question.operation, &question.granularities);
        let (series, skipped) = answer(self, operation, sources, asked, &options, question.skip_damaged)?;
        Ok(Aggregated { series, metrics, skipped, ..Aggregated::default() })
    }

    /// What an operation makes of the points of resources' metrics, which it names as they are called within a resource:
    /// one answer, or one for each group, in order of the values that are grouped by, null first. A group in which no
    /// resource has such metrics is left out.
    ///
    /// ```
    /// use gnocchetti::{
    ///     Aggregates, Attribute, Database, NewResource, Options, ResourceAggregates, ResourceMetric, ResourceSearch,
    ///     ResourceType, Timestamp,
    /// };
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// db.create_resource_type(&ResourceType::new("instance").attribute("host", Attribute::string()))?;
    /// for (name, host, value) in [("web-1", "node-a", 10.0), ("web-2", "node-b", 20.0), ("web-3", "node-b", 40.0)] {
    ///     let new = NewResource::named("instance", name, None)?.attribute("host", host);
    ///     let created = db.create_resources(&[new.metric("cpu", ResourceMetric::by_rule())])?;
    ///     db.push(created[0].metrics["cpu"].key, Timestamp::from_nanos(0)?, value)?;
    /// }
    /// let mean = Aggregates::new("(aggregate mean (metric cpu mean))".parse()?);
    /// let by_host = ResourceAggregates::new(mean, ResourceSearch::of("instance")).group_by("host");
    /// let answers = db.aggregates_of_resources(&by_host, None)?;
    /// assert_eq!(answers[1].group, [("host".to_owned(), "node-b".into())]);
    /// assert_eq!(answers[1].series[0].columns.values, [30.0]);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`aggregates`](Self::aggregates), with [`Error::UnknownMetric`] when no resource has such metrics; and those of
    /// [`group_resources`](Self::group_resources).
    pub fn aggregates_of_resources(
        &self,
        question: &ResourceAggregates,
        visibility: Option<&Filter>,
    ) -> Result<Vec<Aggregated>> {
        self.aggregates_of_resources_seen(question, visibility, None)
    }

    pub(super) fn aggregates_of_resources_seen(
        &self,
        question: &ResourceAggregates,
        resources: Option<&Filter>,
        metrics: Option<&Filter>,
    ) -> Result<Vec<Aggregated>> {
        let asked = &question.aggregates;
        let options = asked.options();
        let mut search = question.resources.clone();
        if question.use_history {
            // What a resource became after the end that is asked for says whether it was something before.
            search.history = History::Between(asked.from.unwrap_or_default(), Timestamp::from_nanos(i64::MAX)?);
        }
        let groups = self.index()?.group_states(&search, &question.attributes(), resources)?;
        let times = question.use_history.then_some(&options);
        let mut answers = Vec::with_capacity(groups.len());
        for StateGroup { group, mut states } in groups {
            hide(self, &asked.operation, &mut states, metrics)?;
            let (sources, resources) = of_resources(&asked.operation, states, times);
            let (operation, granularities) = (&asked.operation, &asked.granularities);
            let answered = answer(self, operation, sources, granularities, &options, asked.skip_damaged);
            let (series, skipped) = match answered {
                Ok(answered) => answered,
                // None of its resources has all of the metrics.
                Err(Error::UnknownMetric { .. }) => continue,
                Err(error) => return Err(error),
            };
            if question.use_history && skipped.is_empty() && series.iter().all(|series| series.columns.is_empty()) {
                continue;
            }
            let resources = if asked.details { resources } else { Vec::new() };
            answers.push(Aggregated { group, series, resources, skipped, ..Aggregated::default() });
        }
        if answers.is_empty() { Err(unknown(&asked.operation)) } else { Ok(answers) }
    }

    /// The older question across metrics: their points of one method, aggregated per time by another.
    ///
    /// # Errors
    ///
    /// As [`aggregates`](Self::aggregates); [`Error::InvalidQuery`] when points are to be resampled and not exactly one
    /// granularity is given.
    pub fn reaggregate(&self, question: &Reaggregation, granularities: &[Timespan]) -> Result<Aggregated> {
        self.reaggregate_seen(question, granularities, None)
    }

    pub(super) fn reaggregate_seen(
        &self,
        question: &Reaggregation,
        granularities: &[Timespan],
        visibility: Option<&Filter>,
    ) -> Result<Aggregated> {
        check_resampling(question, granularities)?;
        let (sources, _) = of_metrics(self, &question.exact(), visibility, false)?;
        let (operation, options) = question.plan_over(sources.len())?;
        let (series, skipped) = answer(self, &operation, sources, granularities, &options, question.skip_damaged)?;
        Ok(Aggregated { series, skipped, ..Aggregated::default() })
    }

    /// The older question across the metrics of resources, which it names as they are called within a resource: one answer
    /// without `group_by`, and one for each group with it. Where no resource has such metrics, there are no series.
    ///
    /// ```
    /// use gnocchetti::ops::{EvaluateOptions, Reaggregation};
    /// use gnocchetti::{AggregationMethod, Database, NewResource, Options, ResourceMetric, ResourceSearch, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// for (name, value) in [("a", 1.0), ("b", 5.0)] {
    ///     let new = NewResource::named("generic", name, None)?.user("alice").metric("load", ResourceMetric::by_rule());
    ///     let created = db.create_resources(&[new])?;
    ///     db.push(created[0].metrics["load"].key, Timestamp::from_nanos(0)?, value)?;
    /// }
    /// let largest = Reaggregation {
    ///     metrics: vec!["load".to_owned()],
    ///     method: AggregationMethod::MEAN,
    ///     reaggregation: Some(AggregationMethod::MAX.into()),
    ///     resample: None,
    ///     options: EvaluateOptions::default(),
    ///     skip_damaged: false,
    /// };
    /// let users = db.reaggregate_resources(&largest, &ResourceSearch::generic(), &["user_id"], &[], None)?;
    /// assert_eq!(users[0].series[0].columns.values, [5.0]);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`reaggregate`](Self::reaggregate), but for metrics that are not there; and those of
    /// [`group_resources`](Self::group_resources).
    pub fn reaggregate_resources(
        &self,
        question: &Reaggregation,
        resources: &ResourceSearch,
        group_by: &[&str],
        granularities: &[Timespan],
        visibility: Option<&Filter>,
    ) -> Result<Vec<Aggregated>> {
        self.reaggregate_resources_seen(question, resources, group_by, granularities, (visibility, None))
    }

    /// Of what the first filter finds of resources, and the second one of metrics.
    pub(super) fn reaggregate_resources_seen(
        &self,
        question: &Reaggregation,
        resources: &ResourceSearch,
        group_by: &[&str],
        granularities: &[Timespan],
        (seen, metrics): (Option<&Filter>, Option<&Filter>),
    ) -> Result<Vec<Aggregated>> {
        check_resampling(question, granularities)?;
        let attributes: Vec<String> = group_by.iter().map(|name| (*name).to_owned()).collect();
        let groups = self.index()?.group_states(resources, &question::names(&attributes), seen)?;
        let exact = question.exact();
        let group_answer = |StateGroup { group, mut states }: StateGroup| {
            hide(self, &exact, &mut states, metrics)?;
            Ok(Aggregated { group, ..self.reaggregated(question, states, granularities)? })
        };
        let answers: Vec<Aggregated> = groups.into_iter().map(group_answer).collect::<Result<_>>()?;
        Ok(if answers.is_empty() && group_by.is_empty() { vec![Aggregated::default()] } else { answers })
    }

    fn reaggregated(
        &self,
        question: &Reaggregation,
        states: Vec<State>,
        granularities: &[Timespan],
    ) -> Result<Aggregated> {
        let exact = question.exact();
        let (sources, _) = of_resources(&exact, states, None);
        if sources.is_empty() {
            return Ok(Aggregated::default());
        }
        let (operation, options) = question.plan_over(sources.len())?;
        let (series, skipped) = answer(self, &operation, sources, granularities, &options, question.skip_damaged)?;
        Ok(Aggregated { series, skipped, ..Aggregated::default() })
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

    /// As [`search_values`](Self::search_values), of the points that
    /// [`measures_skipping_damage`](Self::measures_skipping_damage) gives; and what was left out.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn search_values_skipping_damage(&self, query: &Query, predicate: &Predicate) -> Result<Undamaged> {
        let found = self.measures_skipping_damage(query, &[query.asked_method()])?;
        let columns = found.columns.iter().map(|columns| predicate.select(columns)).collect();
        Ok(Undamaged { columns, ..found })
    }
}

fn check_resampling(question: &Reaggregation, granularities: &[Timespan]) -> Result<()> {
    if question.resample.is_some() && granularities.len() != 1 {
        let reason = "points of one granularity are resampled; say which one".to_owned();
        return Err(Error::InvalidQuery { reason });
    }
    Ok(())
}

/// That nothing has the metrics of an operation.
fn unknown(operation: &Operation) -> Error {
    let mut names: Vec<&str> = operation.metrics().iter().map(|reference| reference.metric.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    Error::UnknownMetric { metric: names.join("`, `") }
}
