//! Searches and questions across metrics as JSON.

use serde::Deserialize;
use serde_json::Value;

use super::Given;
use super::scalars::{FilterIn, optional_timestamp, timestamp};
use crate::ffi::error::Failure;
use crate::ops::{EvaluateOptions, Fill, Operation, Reaggregation};
use crate::{
    Aggregates, History, Marker, MetricKey, MetricSearch, MetricStatus, ResourceAggregates, ResourceSearch, Sort,
    Timespan,
};

/// Which states of resources are asked about: `true`, `{"at": …}`, `{"from": …, "to": …}`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum HistoryIn {
    All(bool),
    At { at: Given },
    Between { from: Given, to: Given },
}

/// A search for resources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceSearchIn {
    #[serde(rename = "type")]
    resource_type: Option<String>,
    filter: Option<FilterIn>,
    history: Option<HistoryIn>,
    #[serde(default)]
    sort: Vec<String>,
    limit: Option<usize>,
    marker: Option<String>,
    details: Option<bool>,
    now: Option<Given>,
    creator: Option<String>,
}

fn sort(texts: &[String]) -> Result<Vec<Sort>, Failure> {
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

fn marker(text: Option<&String>) -> Result<Option<Marker>, Failure> {
    Ok(text.map(|text| text.parse()).transpose()?)
}

impl ResourceSearchIn {
    /// The search.
    pub fn build(self) -> Result<ResourceSearch, Failure> {
        let mut search = ResourceSearch::of(self.resource_type.as_deref().unwrap_or("generic"));
        search.filter = self.filter.as_ref().map(FilterIn::build).transpose()?;
        search.history = match &self.history {
            None | Some(HistoryIn::All(false)) => History::Current,
            Some(HistoryIn::All(true)) => History::All,
            Some(HistoryIn::At { at }) => History::At(timestamp(at)?),
            Some(HistoryIn::Between { from, to }) => History::Between(timestamp(from)?, timestamp(to)?),
        };
        search.sort = sort(&self.sort)?;
        search.limit = self.limit;
        search.marker = marker(self.marker.as_ref())?;
        search.details = self.details.unwrap_or(true);
        search.now = optional_timestamp(self.now.as_ref())?;
        search.creator = self.creator;
        Ok(search)
    }
}

/// A search for metrics.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricSearchIn {
    filter: Option<FilterIn>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    sort: Vec<String>,
    limit: Option<usize>,
    marker: Option<String>,
    after_key: Option<u64>,
    now: Option<Given>,
    creator: Option<String>,
}

impl MetricSearchIn {
    /// The search.
    pub fn build(self) -> Result<MetricSearch, Failure> {
        let mut search = MetricSearch::new();
        search.filter = self.filter.as_ref().map(FilterIn::build).transpose()?;
        search.status = if self.deleted { MetricStatus::Delete } else { MetricStatus::Active };
        search.sort = sort(&self.sort)?;
        search.limit = self.limit;
        search.marker = marker(self.marker.as_ref())?;
        search.after_key = self.after_key.map(MetricKey::new);
        search.now = optional_timestamp(self.now.as_ref())?;
        search.creator = self.creator;
        Ok(search)
    }
}

/// What stands where a metric has no point: a number, or the name of a way.
fn fill(value: Option<&Value>) -> Result<Option<Fill>, Failure> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.parse()?)),
        Some(other) => Ok(Some(other.to_string().parse()?)),
    }
}

fn granularities(given: &[Given]) -> Result<Vec<Timespan>, Failure> {
    given.iter().map(|given| Ok(given.timespan()?)).collect()
}

/// A question across metrics, or across those of resources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregatesIn {
    operation: Value,
    #[serde(default)]
    granularity: Vec<Given>,
    from: Option<Given>,
    to: Option<Given>,
    fill: Option<Value>,
    needed_overlap: Option<f64>,
    #[serde(default)]
    pub details: bool,
    #[serde(default)]
    skip_damaged: bool,
    resources: Option<ResourceSearchIn>,
    #[serde(default)]
    group_by: Vec<String>,
    #[serde(default)]
    use_history: bool,
}

impl AggregatesIn {
    /// The question, when it is not about resources.
    pub fn build(self) -> Result<Aggregates, Failure> {
        if self.resources.is_some() || !self.group_by.is_empty() || self.use_history {
            let reason = "resources, group_by and use_history belong to gnt_aggregates_of_resources".to_owned();
            return Err(Failure::InvalidJson { argument: "question", reason });
        }
        self.aggregates()
    }

    fn aggregates(&self) -> Result<Aggregates, Failure> {
        let operation = Operation::from_json(&self.operation)?;
        let mut question = Aggregates::new(operation).details(self.details).skip_damaged(self.skip_damaged);
        for granularity in granularities(&self.granularity)? {
            question = question.granularity(granularity);
        }
        if let Some(from) = optional_timestamp(self.from.as_ref())? {
            question = question.from(from);
        }
        if let Some(to) = optional_timestamp(self.to.as_ref())? {
            question = question.to(to);
        }
        if let Some(fill) = fill(self.fill.as_ref())? {
            question = question.fill(fill);
        }
        if let Some(percent) = self.needed_overlap {
            question = question.needed_overlap(percent);
        }
        Ok(question)
    }

    /// The question about resources: all of them, unless it says which.
    pub fn build_of_resources(mut self) -> Result<ResourceAggregates, Failure> {
        let aggregates = self.aggregates()?;
        let search = self.resources.take().map_or_else(|| Ok(ResourceSearch::generic()), ResourceSearchIn::build)?;
        let question = ResourceAggregates::new(aggregates, search).use_history(self.use_history);
        Ok(self.group_by.into_iter().fold(question, ResourceAggregates::group_by))
    }
}

/// The older question across metrics, or across those of resources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaggregationIn {
    metrics: Vec<String>,
    method: String,
    reaggregation: Option<String>,
    resample: Option<String>,
    #[serde(default)]
    granularity: Vec<Given>,
    from: Option<Given>,
    to: Option<Given>,
    fill: Option<Value>,
    needed_overlap: Option<f64>,
    #[serde(default)]
    skip_damaged: bool,
    resources: Option<ResourceSearchIn>,
    #[serde(default)]
    group_by: Vec<String>,
}

/// The older question in parts.
pub struct Reaggregated {
    pub question: Reaggregation,
    pub granularities: Vec<Timespan>,
    pub resources: Option<ResourceSearch>,
    pub group_by: Vec<String>,
}

impl ReaggregationIn {
    /// The question and over what it is asked.
    pub fn build(self) -> Result<Reaggregated, Failure> {
        let mut options = EvaluateOptions { fill: fill(self.fill.as_ref())?, ..EvaluateOptions::default() };
        options.needed_overlap = self.needed_overlap.unwrap_or(options.needed_overlap);
        options.from = optional_timestamp(self.from.as_ref())?.map(crate::Timestamp::nanos);
        options.to = optional_timestamp(self.to.as_ref())?.map(crate::Timestamp::nanos);
        let question = Reaggregation {
            metrics: self.metrics,
            method: self.method.parse()?,
            reaggregation: self.reaggregation.map(|text| text.parse()).transpose()?,
            resample: self.resample.map(|text| text.parse()).transpose()?,
            options,
            skip_damaged: self.skip_damaged,
        };
        let granularities = granularities(&self.granularity)?;
        let resources = self.resources.map(ResourceSearchIn::build).transpose()?;
        Ok(Reaggregated { question, granularities, resources, group_by: self.group_by })
    }
}
