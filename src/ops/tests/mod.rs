//! Operations, from their language to their results.

mod evaluating;
mod joining;
mod language;
mod losing;
mod reaggregating;
mod searching;

use std::num::NonZeroUsize;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carbonara::Sampling;
use crate::error::{Error, Place};
use crate::types::{AggregationMethod, Columns, Timespan};

const MINUTE: i64 = 60_000_000_000;

fn parse(text: &str) -> Operation {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> (String, String, String, Place) {
    match text.parse::<Operation>() {
        Err(Error::InvalidOperation { operation, expected, found, place }) => (operation, expected, found, place),
        other => panic!("{text}: {other:?}"),
    }
}

/// Points `(minute, value)` of the mean of a metric, at a granularity of one minute.
fn input(metric: &str, points: &[(i64, f64)]) -> Input {
    input_at(metric, Timespan::MINUTE, points)
}

fn input_at(metric: &str, granularity: Timespan, points: &[(i64, f64)]) -> Input {
    let (timestamps, values) = points.iter().map(|(minute, value)| (minute * MINUTE, *value)).unzip();
    let reference = Reference::new(metric, AggregationMethod::MEAN);
    Input::new(reference, granularity, Columns { timestamps, values })
}

fn filled(fill: Fill) -> EvaluateOptions {
    EvaluateOptions { fill: Some(fill), ..EvaluateOptions::default() }
}

fn overlap(needed_overlap: f64) -> EvaluateOptions {
    EvaluateOptions { needed_overlap, ..EvaluateOptions::default() }
}

type Shown = Vec<(String, String, Vec<(i64, f64)>)>;

/// Label, granularity and points (in minutes) of each series.
fn show(evaluated: &Evaluated) -> Shown {
    let series = |series: &OutputSeries| {
        let label = match &series.label {
            OutputLabel::Aggregated => "aggregated".to_owned(),
            OutputLabel::Metric(label) => label.metric.clone(),
        };
        let points = series.columns.iter().map(|(t, value)| (t / MINUTE, value)).collect();
        (label, series.granularity.to_string(), points)
    };
    evaluated.series.iter().map(series).collect()
}

fn eval(text: &str, inputs: &[Input], options: &EvaluateOptions) -> Shown {
    show(&evaluate(&parse(text), inputs, options).unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// The points of the only series.
fn points(text: &str, inputs: &[Input], options: &EvaluateOptions) -> Vec<(i64, f64)> {
    let mut shown = eval(text, inputs, options);
    assert_eq!(shown.len(), 1, "{text}: {shown:?}");
    shown.remove(0).2
}

fn reason(text: &str, inputs: &[Input], options: &EvaluateOptions) -> String {
    match evaluate(&parse(text), inputs, options) {
        Err(Error::Unaggregable { reason, .. }) => reason,
        other => panic!("{text}: {other:?}"),
    }
}
