//! `gnt_query`: what is asked of metrics.

use std::ffi::c_char;

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::{Failure, gnt_error};
use super::handle::Noun;
use super::json;
use super::result::{QueryResult, Series, gnt_result};
use super::status::gnt_status;
use crate::ops::Predicate;
use crate::{AggregationMethod, Database, MetricKey, Query, Sampling, Timespan, Timestamp};

/// A question about metrics: which aggregation methods, which granularity, which stretch of time, resampled or not. The
/// caller owns it and may ask it again.
pub enum gnt_query {}

/// What a `gnt_query` holds.
#[derive(Debug, Clone, Default)]
pub struct Question {
    metrics: Vec<MetricKey>,
    methods: Vec<AggregationMethod>,
    granularity: Option<Timespan>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    resample: Option<Sampling>,
    skip_damaged: bool,
}

impl Noun for gnt_query {
    type Value = Question;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:qury");
    const NAME: &'static str = "gnt_query";
}

impl Question {
    /// The methods asked for; `mean` when none was named.
    fn methods(&self) -> &[AggregationMethod] {
        const MEAN: &[AggregationMethod] = &[AggregationMethod::MEAN];
        if self.methods.is_empty() { MEAN } else { &self.methods }
    }

    fn about(&self, metric: MetricKey) -> Query {
        let mut query = Query::new(metric);
        if let Some(granularity) = self.granularity {
            query = query.granularity(granularity);
        }
        if let Some(from) = self.from {
            query = query.from(from);
        }
        if let Some(to) = self.to {
            query = query.to(to);
        }
        if let Some(sampling) = self.resample {
            query = query.resample(sampling);
        }
        query
    }

    /// The granularity that an answer about a metric has, as far as it is a length of time.
    fn granularity_of(&self, database: &Database, metric: MetricKey) -> Result<Sampling, Failure> {
        if let Some(sampling) = self.resample.or(self.granularity.map(Sampling::Timespan)) {
            return Ok(sampling);
        }
        let policy = database.policy_of(metric)?;
        let finest = policy.definitions().first().map(|definition| Sampling::Timespan(definition.granularity()));
        Ok(finest.unwrap_or(Sampling::Timespan(Timespan::SECOND)))
    }

    fn answer(&self, database: &Database, select: Option<&Predicate>) -> Result<QueryResult, Failure> {
        if self.metrics.is_empty() {
            let reason = "no metric was added to it".to_owned();
            return Err(Failure::InvalidArgument { argument: "query", reason });
        }
        let mut skipped = Vec::new();
        let mut series = Vec::with_capacity(self.metrics.len() * self.methods().len());
        for metric in &self.metrics {
            let answers = if self.skip_damaged {
                let answer = database.measures_skipping_damage(&self.about(*metric), self.methods())?;
                skipped.extend(answer.skipped);
                answer.columns
            } else {
                database.measures_of(&self.about(*metric), self.methods())?
            };
            let granularity = self.granularity_of(database, *metric)?;
            for (method, columns) in self.methods().iter().zip(answers) {
                let columns = match select {
                    Some(predicate) => predicate.select(&columns),
                    None => columns,
                };
                series.push(Series::of_metric(*metric, *method, granularity, columns));
            }
        }
        Ok(QueryResult::new(series).without(skipped))
    }
}

/// A question about no metric yet: the `mean` of all that the finest archive keeps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_new(query: *mut *mut gnt_query, error: *mut *mut gnt_error) -> gnt_status {
    begin!(error).run(|call| {
        call.out(query, "query")?.give(Question::default());
        Ok(())
    })
}

/// Frees a question. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_free(query: *mut gnt_query) {
    begin!().value((), |call| call.take(query, "query").map(drop));
}

/// Changes a question that the caller owns.
fn change(
    query: *mut gnt_query,
    error: *mut *mut gnt_error,
    how: impl FnOnce(&mut Question) -> Result<(), Failure>,
) -> gnt_status {
    begin!(error).run(|call| how(call.exclusive(query, "query")?))
}

/// About this metric too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_add_metric(
    query: *mut gnt_query,
    metric: u64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(query, error, |question| {
        question.metrics.push(MetricKey::new(metric));
        Ok(())
    })
}

/// This aggregation method too: `mean`, `max`, `95pct`, `rate:mean`, …; the metrics' archive policies must keep it. Without
/// any, `mean`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_add_method(
    query: *mut gnt_query,
    method: *const c_char,
    method_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let question = call.exclusive(query, "query")?;
        question.methods.push(call.text(method, method_length, "method")?.parse()?);
        Ok(())
    })
}

/// The archive of this granularity, in ns; the metrics' archive policies must have it. 0: the finest, which is the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_set_granularity(
    query: *mut gnt_query,
    granularity: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(query, error, |question| {
        question.granularity = if granularity == 0 { None } else { Some(Timespan::from_nanos(granularity)?) };
        Ok(())
    })
}

/// From the group that holds this time on, in ns since the epoch. Default: from the oldest point kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_set_from(
    query: *mut gnt_query,
    from: i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(query, error, |question| {
        question.from = Some(Timestamp::from_nanos(from)?);
        Ok(())
    })
}

/// Only groups that start before this time, in ns since the epoch. Default: to the newest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_set_to(query: *mut gnt_query, to: i64, error: *mut *mut gnt_error) -> gnt_status {
    change(query, error, |question| {
        question.to = Some(Timestamp::from_nanos(to)?);
        Ok(())
    })
}

/// Groups the archive's points again, by a length of time (`1 hour`) or the calendar (`Y`, `H`, `Q`, `M`, `W`), with the same
/// method. NULL: not, which is the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_set_resample(
    query: *mut gnt_query,
    sampling: *const c_char,
    sampling_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let question = call.exclusive(query, "query")?;
        let sampling = call.optional_text(sampling, sampling_length, "sampling")?;
        question.resample = sampling.map(str::parse).transpose()?;
        Ok(())
    })
}

/// Whether the answer leaves out the points that damaged bytes make unknown, instead of failing with GNT_CORRUPT. The points
/// that are given are right, and gnt_result_skipped tells what was left out. Default: no.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_query_set_skip_damaged(
    query: *mut gnt_query,
    skip: bool,
    error: *mut *mut gnt_error,
) -> gnt_status {
    change(query, error, |question| {
        question.skip_damaged = skip;
        Ok(())
    })
}

/// Answers a question: for each metric in the order in which they were added, a series for each method. The series of one
/// metric are of one moment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_measures(
    database: *const gnt_database,
    query: *const gnt_query,
    result: *mut *mut gnt_result,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let question = call.shared(query, "query")?;
        let out = call.out(result, "result")?;
        out.give(question.answer(database, None)?);
        Ok(())
    })
}

/// As gnt_measures, of those points only whose values fulfil a predicate: JSON such as `{">=": 50}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_search_values(
    database: *const gnt_database,
    query: *const gnt_query,
    predicate: *const c_char,
    predicate_length: usize,
    result: *mut *mut gnt_result,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let question = call.shared(query, "query")?;
        let predicate = call.text(predicate, predicate_length, "predicate")?;
        let out = call.out(result, "result")?;
        let predicate = Predicate::from_json(&json::read(predicate, "predicate")?)?;
        out.give(question.answer(database, Some(&predicate))?);
        Ok(())
    })
}
