//! Points of one archive grouped again, and cut where they are too old.
//!
//! The points come from an archive, so that a method has run over them once already; here it runs over its own results, by
//! the same kernels. This module must never fetch or weigh anything: a mean of means is unweighted, as in Gnocchi.

use super::aggregate::append;
use super::calendar::Sampling;
use super::groups::Groups;
use super::kernel::{self, Rows};
use crate::error::{Error, Result};
use crate::types::{AggregateColumn, AggregationMethod, Columns, Method};

/// Groups points again, to a timespan or by the calendar, and applies `method` to the points of each group.
///
/// A `rate:` method's points are differences already: the method without `rate:` is applied to them. A group of one point
/// has no `std`.
///
/// # Errors
///
/// [`Error::InvalidQuery`] when the points are not strictly ascending in time, lie before the epoch, or have not one value
/// for each timestamp.
///
/// ```
/// use gnocchetti::internals::carbonara::{Sampling, resample};
/// use gnocchetti::{AggregationMethod, Columns};
///
/// let day = 86_400_000_000_000;
/// let points = Columns { timestamps: vec![0, 30 * day, 31 * day], values: vec![1.0, 2.0, 5.0] };
/// let monthly = resample(&points, AggregationMethod::SUM, Sampling::Month)?;
/// assert_eq!(monthly.iter().collect::<Vec<_>>(), [(0, 3.0), (31 * day, 5.0)]);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
pub fn resample(points: &Columns, method: AggregationMethod, sampling: Sampling) -> Result<Columns> {
    check(points)?;
    let groups = match sampling {
        Sampling::Timespan(span) => Groups::of_length(&points.timestamps, span.nanos()),
        calendar => Groups::cut(&points.timestamps, points.len(), |t| calendar.group_of(t)),
    };
    let rows = Rows {
        values: &points.values,
        bounds: &groups.bounds,
    };
    let mut resampled = Columns::default();
    for values in kernel::columns(&rows, &[method.method()]) {
        let present = (method.method() == Method::Std).then(|| rows.counts().map(|n| n > 1).collect());
        append(
            &groups.starts,
            &AggregateColumn {
                method,
                values,
                present,
            },
            &mut resampled,
        );
    }
    Ok(resampled)
}

fn check(points: &Columns) -> Result<()> {
    let refuse = |reason: &str| {
        Err(Error::InvalidQuery {
            reason: reason.to_owned(),
        })
    };
    if points.values.len() != points.timestamps.len() {
        return refuse("the points to resample have not one value for each timestamp");
    }
    if !points.timestamps.is_sorted_by(|a, b| a < b) {
        return refuse("the points to resample are not strictly ascending in time");
    }
    if points.timestamps.first().is_some_and(|t| *t < 0) {
        return refuse("the points to resample begin before the epoch");
    }
    Ok(())
}

/// Drops the points whose timestamp is at or before `floor_exclusive`, as [`retention_floor`](super::retention_floor)
/// gives it. The points are ascending in time.
///
/// ```
/// use gnocchetti::Columns;
/// use gnocchetti::internals::carbonara::truncate;
///
/// let mut points = Columns { timestamps: vec![60, 120, 180], values: vec![1.0, 2.0, 3.0] };
/// truncate(&mut points, 120);
/// assert_eq!(points.timestamps, [180]);
/// ```
pub fn truncate(points: &mut Columns, floor_exclusive: i64) {
    let old = points.timestamps.partition_point(|t| *t <= floor_exclusive);
    points.timestamps.drain(..old);
    points.values.drain(..old.min(points.values.len()));
}
