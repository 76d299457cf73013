//! How many values become one in `aggregate` and `rolling`.
//!
//! The names are those of aggregation methods and `var` besides. What they mean differs from Carbonara in two points, as
//! in Gnocchi: a NaN is no value, and deviation and variance are those of the whole population.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::types::{AggregationMethod, Method};

/// The method of `aggregate` and `rolling`: an aggregation method's name, or `var`, each also with `rate:` before it.
///
/// With `rate:`, the differences between consecutive results are taken.
///
/// ```
/// use gnocchetti::ops::Reduction;
///
/// let reduction: Reduction = "rate:var".parse()?;
/// assert_eq!(reduction, Reduction::VarianceRate);
/// assert_eq!("95pct".parse::<Reduction>()?.to_string(), "95pct");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// What an aggregation method says, of the values that are not NaN.
    Method(AggregationMethod),
    /// `var`: variance of the population.
    Variance,
    /// `rate:var`: differences of variances.
    VarianceRate,
}

impl Reduction {
    /// Whether differences of the results are taken.
    pub fn is_rate(self) -> bool {
        match self {
            Reduction::Method(method) => method.is_rate(),
            Reduction::Variance => false,
            Reduction::VarianceRate => true,
        }
    }

    /// What is done without `rate:`.
    pub(super) fn statistic(self) -> Statistic {
        let Reduction::Method(method) = self else {
            return Statistic::Moment(Moment::Variance);
        };
        match method.method() {
            Method::Mean => Statistic::Moment(Moment::Mean),
            Method::Sum => Statistic::Moment(Moment::Sum),
            Method::Count => Statistic::Moment(Moment::Count),
            Method::Std => Statistic::Moment(Moment::Deviation),
            Method::Min => Statistic::Pick(Pick::Min),
            Method::Max => Statistic::Pick(Pick::Max),
            Method::First => Statistic::Pick(Pick::First),
            Method::Last => Statistic::Pick(Pick::Last),
            Method::Median => Statistic::Quantile(50),
            Method::Percentile(percent) => Statistic::Quantile(percent),
        }
    }
}

/// Reductions by the way in which they are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statistic {
    /// Out of sums.
    Moment(Moment),
    /// One of the values.
    Pick(Pick),
    /// Out of the sorted values; the median is the quantile of 50 %.
    Quantile(u8),
}

/// What sums yield. Of no values, sum and count are 0 and the others NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Mean,
    Sum,
    Count,
    Deviation,
    Variance,
}

/// Which of the values is taken. Of no values, NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    Min,
    Max,
    First,
    Last,
}

impl Pick {
    /// The one of two that is taken, of which `left` comes first; one that is NaN gives way to the other.
    #[inline]
    pub fn of(self, left: f64, right: f64) -> f64 {
        let keep = match self {
            Pick::Min => left <= right || right.is_nan(),
            Pick::Max => left >= right || right.is_nan(),
            Pick::First => !left.is_nan(),
            Pick::Last => right.is_nan(),
        };
        if keep { left } else { right }
    }
}

/// The quantile of `percent` of values that are not NaN, interpolated linearly between the closest ranks; NaN of none.
/// Leaves `values` in another order.
pub(super) fn quantile(values: &mut [f64], percent: u8) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let (low, weight) = rank(last, percent);
    let (_, at_low, above) = values.select_nth_unstable_by(low, f64::total_cmp);
    let at_low = *at_low;
    if weight == 0.0 {
        return at_low;
    }
    let at_high = above.iter().copied().fold(f64::INFINITY, f64::min);
    between(at_low, at_high, weight)
}

/// The same of values that are sorted already.
pub(super) fn quantile_of_sorted(values: &[f64], percent: u8) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let (low, weight) = rank(last, percent);
    if weight == 0.0 { values[low] } else { between(values[low], values[low + 1], weight) }
}

/// The rank at or below the quantile, of ranks 0 to `last`, and how far it lies towards the next.
fn rank(last: usize, percent: u8) -> (usize, f64) {
    let position = last as f64 * (f64::from(percent.min(100)) / 100.0);
    let low = position as usize;
    (low, position - low as f64)
}

fn between(low: f64, high: f64, weight: f64) -> f64 {
    low * (1.0 - weight) + high * weight
}

impl From<AggregationMethod> for Reduction {
    fn from(method: AggregationMethod) -> Self {
        Reduction::Method(method)
    }
}

impl FromStr for Reduction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "var" => Ok(Reduction::Variance),
            "rate:var" => Ok(Reduction::VarianceRate),
            method => method.parse().map(Reduction::Method),
        }
    }
}

impl fmt::Display for Reduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reduction::Method(method) => method.fmt(f),
            Reduction::Variance => f.write_str("var"),
            Reduction::VarianceRate => f.write_str("rate:var"),
        }
    }
}
