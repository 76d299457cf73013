//! The older question across metrics, put as an operation.

use super::evaluate::EvaluateOptions;
use super::fill::Fill;
use super::operation::{Operation, Reference};
use super::reduction::Reduction;
use crate::carbonara::Sampling;
use crate::error::{Error, Result};
use crate::types::AggregationMethod;

/// One aggregation method of several metrics, aggregated across them: what Gnocchi's `/v1/aggregation` asks.
///
/// ```
/// use gnocchetti::AggregationMethod;
/// use gnocchetti::ops::{EvaluateOptions, Reaggregation, Reduction};
///
/// let question = Reaggregation {
///     metrics: vec!["a".to_owned(), "b".to_owned()],
///     method: AggregationMethod::MEAN,
///     reaggregation: Some(Reduction::Method(AggregationMethod::MAX)),
///     resample: None,
///     options: EvaluateOptions::default(),
///     skip_damaged: false,
/// };
/// let (operation, _options) = question.plan()?;
/// assert_eq!(operation.to_string(), "(aggregate max (metric (a mean) (b mean)))");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reaggregation {
    /// Ids or names of the metrics.
    pub metrics: Vec<String>,
    /// Which of their aggregates.
    pub method: AggregationMethod,
    /// What becomes of the values of one timestamp; with none, the same as `method` says.
    pub reaggregation: Option<Reduction>,
    /// The groups to which each series is resampled first. The caller has to name one granularity then.
    pub resample: Option<Sampling>,
    /// How the series are brought together; the older call needs full overlap unless told otherwise.
    pub options: EvaluateOptions,
    /// Whether the answer leaves out what damaged bytes make unknown, instead of being an error.
    pub skip_damaged: bool,
}

impl Reaggregation {
    /// The operation and the options that answer it.
    ///
    /// A single metric is not aggregated and needs no overlap: its points are returned as they are, under its own label.
    /// Points of a `rate:` method are differences already, and are resampled without taking differences again.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidQuery`] when no metric is given.
    pub fn plan(self) -> Result<(Operation, EvaluateOptions)> {
        self.plan_over(self.metrics.len())
    }

    /// As [`plan`](Self::plan), when so many series are found by the names of the metrics.
    pub(crate) fn plan_over(&self, series: usize) -> Result<(Operation, EvaluateOptions)> {
        if self.metrics.is_empty() {
            let reason = "there is no metric to aggregate".to_owned();
            return Err(Error::InvalidQuery { reason });
        }
        let mut operation = self.exact();
        if let Some(sampling) = self.resample {
            let method = AggregationMethod::new(self.method.method(), false);
            operation = Operation::Resample { method, sampling, of: Box::new(operation) };
        }
        if series == 1 {
            return Ok((operation, EvaluateOptions { fill: Some(Fill::Null), ..self.options }));
        }
        let reduction = self.reaggregation.unwrap_or(Reduction::Method(self.method));
        let operation = Operation::Aggregate { reduction, of: Box::new(operation) };
        Ok((operation, self.options))
    }

    /// The metrics, of which nothing has become yet.
    pub(crate) fn exact(&self) -> Operation {
        let reference = |metric: &String| Reference::new(metric.as_str(), self.method);
        Operation::Metric(self.metrics.iter().map(reference).collect())
    }
}
