//! What an evaluation takes and what it gives.

use std::sync::Arc;

use super::operation::Reference;
use super::presence::Presence;
use crate::carbonara::Sampling;
use crate::types::{AggregationMethod, Columns, Timespan};

/// Which series it is: a metric's aggregates of one method.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The id of the resource through which the metric was found, if it was.
    pub resource: Option<String>,
    /// The metric's id, or its name when it was found through a resource.
    pub metric: String,
    /// The aggregation method.
    pub method: AggregationMethod,
}

/// The points of one metric at one granularity.
///
/// A metric has one input for each granularity. One that two references ask for, as patterns may, has inputs for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The reference of the operation that asks for it, as [`Operation::metrics`](super::Operation::metrics) gives it.
    pub reference: Reference,
    /// Which series it is.
    pub label: Label,
    /// Length of the groups that the points stand for.
    pub granularity: Timespan,
    /// The points' times in ns, strictly ascending and not before the epoch. Inputs that share them are joined without a look
    /// at them.
    pub timestamps: Arc<[i64]>,
    /// One value for each timestamp.
    pub values: Vec<f64>,
    /// When they count; always, when absent.
    pub presence: Option<Presence>,
    /// Stretches of time in ns, both ends inside, of which points may be missing because damage makes them unknown.
    pub lost: Vec<(i64, i64)>,
}

impl Input {
    /// The points of a metric that the operation names by id or name.
    ///
    /// ```
    /// use gnocchetti::ops::{Input, Reference};
    /// use gnocchetti::{AggregationMethod, Columns, Timespan};
    ///
    /// let reference = Reference::new("cpu", AggregationMethod::MEAN);
    /// let input = Input::new(reference, Timespan::MINUTE, Columns::default());
    /// assert_eq!(input.label.metric, "cpu");
    /// ```
    pub fn new(reference: Reference, granularity: Timespan, columns: Columns) -> Self {
        let label = Label { resource: None, metric: reference.metric.clone(), method: reference.method };
        let Columns { timestamps, values } = columns;
        let timestamps = timestamps.into();
        Input { reference, label, granularity, timestamps, values, presence: None, lost: Vec::new() }
    }
}

/// Whose points a result has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputLabel {
    /// Those of one metric, changed or not.
    Metric(Label),
    /// Those of all metrics together.
    Aggregated,
}

/// One series of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputSeries {
    /// Whose points they are.
    pub label: OutputLabel,
    /// Length of the groups that the points stand for, or the calendar groups to which they were resampled.
    pub granularity: Sampling,
    /// The points. A NaN stands for a hole (Gnocchi's `null`) or for a value that is not a number.
    pub columns: Columns,
}

/// The result of an evaluation: for each granularity, coarsest first, one series of all metrics, or one for each metric
/// in the order of the inputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluated {
    /// The series.
    pub series: Vec<OutputSeries>,
}
