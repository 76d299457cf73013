//! Operations across metrics, and across those of resources: JSON in, columns out.

use std::ffi::c_char;

use super::call::{Call, begin};
use super::database::{gnt_database, on};
use super::error::{Failure, gnt_error};
use super::json;
use super::json::searches::{AggregatesIn, Reaggregated, ReaggregationIn};
use super::result::{QueryResult, Series, gnt_result};
use super::status::gnt_status;
use crate::ops::{OutputLabel, OutputSeries};
use crate::{Aggregated, Database, ResourceSearch};

/// The series of answers, with of what they were made.
fn detailed(answers: Vec<Aggregated>, grouped: bool) -> Result<QueryResult, Failure> {
    let details = json::written(&json::details::details(&answers, grouped))?;
    Ok(result(answers, grouped).with_details(details))
}

/// The series of answers, in the order of the answers; and what was left out of any of them.
fn result(mut answers: Vec<Aggregated>, grouped: bool) -> QueryResult {
    let mut skipped = Vec::new();
    for damage in answers.iter_mut().flat_map(|answer| answer.skipped.drain(..)) {
        if !skipped.contains(&damage) {
            skipped.push(damage);
        }
    }
    let of_answer = |Aggregated { group, series, .. }: Aggregated| {
        let group = grouped.then(|| json::resources::group(&group).to_string());
        series.into_iter().map(move |series| of_output(series, group.clone()))
    };
    QueryResult::new(answers.into_iter().flat_map(of_answer).collect()).without(skipped)
}

fn of_output(output: OutputSeries, group: Option<String>) -> Series {
    let OutputSeries { label, granularity, columns } = output;
    let (label, method, resource) = match label {
        OutputLabel::Metric(label) => (label.metric, label.method.to_string(), label.resource),
        OutputLabel::Aggregated => (String::new(), String::new(), None),
    };
    Series { columns, metric: None, label, method, resource, granularity, group }
}

/// Answers a question that is JSON.
fn answer<'a, T: serde::de::DeserializeOwned>(
    call: Call<'a>,
    database: *const gnt_database,
    question: *const c_char,
    question_length: usize,
    out: *mut *mut gnt_result,
    how: impl FnOnce(&'a Database, T) -> Result<QueryResult, Failure>,
) -> gnt_status {
    on(call, database, |call, database| {
        let question = call.text(question, question_length, "question")?;
        let out = call.out(out, "result")?;
        out.give(how(database, json::read(question, "question")?)?);
        Ok(())
    })
}

/// What an operation makes of the points of the metrics that it names, by id, name or pattern of names: `{"operation":
/// "(aggregate mean (metric cpu.* mean))", "granularity": ["1 minute"], "from": …, "to": …, "fill": "null",
/// "needed_overlap": 50, "details": true, "skip_damaged": true}`, where all but `operation` may be absent, and the operation may
/// be JSON lists as in Gnocchi. For each granularity, coarsest first, one series of all metrics, or one for each. Details: see
/// gnt_result_details. With `skip_damaged` the answer does without the points that damaged bytes make unknown, instead of failing
/// with GNT_CORRUPT: they count as absent, what is made of several times of which one is missing is left out, and
/// gnt_result_skipped tells what is damaged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_aggregates(
    database: *const gnt_database,
    question: *const c_char,
    question_length: usize,
    result: *mut *mut gnt_result,
    error: *mut *mut gnt_error,
) -> gnt_status {
    answer(begin!(error), database, question, question_length, result, |database, question: AggregatesIn| {
        let details = question.details;
        let answers = vec![database.aggregates(&question.build()?)?];
        if details { detailed(answers, false) } else { Ok(self::result(answers, false)) }
    })
}

/// As gnt_aggregates, of the metrics of resources, which the operation names as they are called within a resource. The question
/// has also `"resources"`, a search as gnt_search_resources takes it, `"group_by": ["host"]`, for an answer per group, whose
/// series tell it by their `group`, and `"use_history": true`, when resources count for the groups in which they were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_aggregates_of_resources(
    database: *const gnt_database,
    question: *const c_char,
    question_length: usize,
    result: *mut *mut gnt_result,
    error: *mut *mut gnt_error,
) -> gnt_status {
    answer(begin!(error), database, question, question_length, result, |database, question: AggregatesIn| {
        let details = question.details;
        let answers = database.aggregates_of_resources(&question.build_of_resources()?, None)?;
        if details { detailed(answers, true) } else { Ok(self::result(answers, true)) }
    })
}

/// The older question across metrics, whose points of one method are aggregated per time by another: `{"metrics": ["a", "b"],
/// "method": "mean", "reaggregation": "max", "resample": "1 hour", "granularity": [60], "from": …, "to": …, "fill": 0,
/// "needed_overlap": 100, "skip_damaged": false}`, where all but `metrics` and `method` may be absent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_reaggregate(
    database: *const gnt_database,
    question: *const c_char,
    question_length: usize,
    result: *mut *mut gnt_result,
    error: *mut *mut gnt_error,
) -> gnt_status {
    answer(begin!(error), database, question, question_length, result, |database, question: ReaggregationIn| {
        let Reaggregated { question, granularities, resources, group_by } = question.build()?;
        if resources.is_some() || !group_by.is_empty() {
            let reason = "resources and group_by belong to gnt_reaggregate_resources".to_owned();
            return Err(Failure::InvalidJson { argument: "question", reason });
        }
        Ok(self::result(vec![database.reaggregate(&question, &granularities)?], false))
    })
}

/// As gnt_reaggregate, of the metrics of resources: the question has also `"resources"`, a search, and `"group_by"`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_reaggregate_resources(
    database: *const gnt_database,
    question: *const c_char,
    question_length: usize,
    result: *mut *mut gnt_result,
    error: *mut *mut gnt_error,
) -> gnt_status {
    answer(begin!(error), database, question, question_length, result, |database, question: ReaggregationIn| {
        let Reaggregated { question, granularities, resources, group_by } = question.build()?;
        let search = resources.unwrap_or_else(ResourceSearch::generic);
        let attributes: Vec<&str> = group_by.iter().map(String::as_str).collect();
        let answers = database.reaggregate_resources(&question, &search, &attributes, &granularities, None)?;
        Ok(self::result(answers, !attributes.is_empty()))
    })
}
