//! What is asked of a metric, and how the answer is made.

use std::ops::Range;

use super::read::{Request, Snapshot};
use super::tolerance::Tolerance;
use super::view::Buffers;
use crate::carbonara::{Sampling, group_start, resample, truncate};
use crate::error::{Error, Result};
use crate::head::Plan;
use crate::types::{AggregationMethod, Columns, MetricKey, Points, Timespan, Timestamp};

/// A question about one metric: which aggregation method, which granularity, which stretch of time, resampled or not.
///
/// ```
/// use gnocchetti::{AggregationMethod, MetricKey, Query, Timespan, Timestamp};
///
/// let query = Query::new(MetricKey::new(1))
///     .method(AggregationMethod::MAX)
///     .granularity("1 minute".parse()?)
///     .from(Timestamp::from_nanos(0)?);
/// # let _ = query;
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    metric: MetricKey,
    method: AggregationMethod,
    granularity: Option<Timespan>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    resample: Option<Sampling>,
}

impl Query {
    /// The `mean` of all that the metric's finest archive keeps.
    pub fn new(metric: MetricKey) -> Self {
        let method = AggregationMethod::MEAN;
        Query { metric, method, granularity: None, from: None, to: None, resample: None }
    }

    /// This aggregation method; it must be one of the metric's archive policy. Default: `mean`.
    #[must_use]
    pub fn method(mut self, method: AggregationMethod) -> Self {
        self.method = method;
        self
    }

    /// The archive of this granularity; the metric's archive policy must have it. Default: the finest.
    #[must_use]
    pub fn granularity(mut self, granularity: Timespan) -> Self {
        self.granularity = Some(granularity);
        self
    }

    /// From the group that holds this time on. Default: from the oldest point kept.
    #[must_use]
    pub fn from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// Only groups that start before this time. Default: to the newest.
    #[must_use]
    pub fn to(mut self, to: Timestamp) -> Self {
        self.to = Some(to);
        self
    }

    /// Groups the archive's points again, with the same method. Groups at the ends of the range are whole.
    #[must_use]
    pub fn resample(mut self, sampling: Sampling) -> Self {
        self.resample = Some(sampling);
        self
    }

    /// The metric asked about.
    pub fn asked_metric(&self) -> MetricKey {
        self.metric
    }

    /// The method asked for.
    pub fn asked_method(&self) -> AggregationMethod {
        self.method
    }

    /// What is to be read of the metric's archives.
    pub(crate) fn request(&self, plan: &Plan, methods: &[AggregationMethod]) -> Result<Request> {
        let finest = plan.archives.first().map(|archive| archive.granularity);
        let granularity = self.granularity.map(Timespan::nanos).or(finest);
        let Some(granularity) = granularity else {
            return Err(Error::InvalidQuery { reason: "the metric's archive policy has no archive".into() });
        };
        Ok(Request { granularity, starts: self.starts(granularity), methods: methods.to_vec() })
    }

    fn starts(&self, granularity: i64) -> Range<i64> {
        let mut start = self.from.map_or(0, Timestamp::nanos);
        let mut end = self.to.map_or(i64::MAX, Timestamp::nanos);
        if let Some(sampling) = self.resample {
            start = sampling.group_of(start).0;
            if let Some(before) = end.checked_sub(1).filter(|before| *before >= 0 && end < i64::MAX) {
                end = sampling.group_of(before).1.saturating_add(1);
            }
        }
        group_start(start, granularity)..end
    }

    /// The answer from a snapshot that was taken for this question: columns for each of `methods`.
    pub(crate) fn answer(
        &self,
        snapshot: &Snapshot,
        methods: &[AggregationMethod],
        buffers: &mut Buffers,
        tolerance: &mut Tolerance,
    ) -> Result<Vec<Points>> {
        let answers = snapshot.answer(buffers, tolerance)?;
        let finished = answers.into_iter().zip(methods).map(|(points, method)| self.finish(points, *method));
        let mut finished: Vec<Points> = finished.collect::<Result<_>>()?;
        if let Some(sampling) = self.resample.filter(|_| tolerance.skips()) {
            for points in &mut finished {
                leave_out_resampled(points, sampling, tolerance);
            }
        }
        Ok(finished)
    }

    /// Makes the points read the points asked for.
    fn finish(&self, points: Points, method: AggregationMethod) -> Result<Points> {
        let Some(sampling) = self.resample else { return Ok(points) };
        let mut resampled = resample(&points.into(), method, sampling)?;
        if let Some(from) = self.from {
            truncate(&mut resampled, sampling.group_of(from.nanos()).0 - 1);
        }
        if let Some(to) = self.to {
            let rows = resampled.timestamps.partition_point(|timestamp| *timestamp < to.nanos());
            resampled.timestamps.truncate(rows);
            resampled.values.truncate(rows);
        }
        Ok(resampled.into())
    }
}

/// Leaves out resampled groups of which a point may be missing.
fn leave_out_resampled(out: &mut Points, sampling: Sampling, tolerance: &Tolerance) {
    let mut points = Columns::from(std::mem::take(out));
    let is_whole = |start: i64| {
        let (first, last) = sampling.group_of(start);
        !tolerance.misses(first, last)
    };
    if !points.timestamps.iter().all(|start| is_whole(*start)) {
        let kept: Vec<(i64, f64)> = points.iter().filter(|(start, _)| is_whole(*start)).collect();
        points.clear();
        for (start, value) in kept {
            points.push(start, value);
        }
    }
    *out = points.into();
}
