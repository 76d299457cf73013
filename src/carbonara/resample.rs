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
    let rows = Rows { values: &points.values, bounds: &groups.bounds };
    let mut resampled = Columns::default();
    for values in kernel::columns(&rows, &[method.method()]) {
        let present = (method.method() == Method::Std).then(|| rows.counts().map(|n| n > 1).collect());
        append(&groups.starts, &AggregateColumn { method, values, present }, &mut resampled);
    }
    Ok(resampled)
}

fn check(points: &Columns) -> Result<()> {
    let refuse = |reason: &str| Err(Error::InvalidQuery { reason: reason.to_owned() });
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

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000_000;

    fn points(pairs: &[(i64, f64)]) -> Columns {
        let (timestamps, values) = pairs.iter().copied().unzip();
        Columns { timestamps, values }
    }

    /// Daily points of 2015-03-01, 03-06, 04-01, 04-06, 10-06, 2016-01-06 and 02-06, as days since the epoch.
    #[test]
    fn means_by_calendar_are_means_of_the_points() {
        let days = [16_495, 16_500, 16_526, 16_531, 16_714, 16_806, 16_837];
        let daily =
            points(&days.map(|day| day * DAY).into_iter().zip([10., 12., 2., 4., 7., 12., 4.]).collect::<Vec<_>>());
        let by = |sampling| {
            let resampled = resample(&daily, AggregationMethod::MEAN, sampling).unwrap();
            resampled.iter().map(|(t, value)| (t / DAY, value)).collect::<Vec<_>>()
        };
        assert_eq!(by(Sampling::Year), [(16_436, 7.0), (16_801, 8.0)]);
        assert_eq!(by(Sampling::HalfYear), [(16_436, 7.0), (16_617, 7.0), (16_801, 8.0)]);
        assert_eq!(by(Sampling::Quarter), [(16_436, 11.0), (16_526, 3.0), (16_709, 7.0), (16_801, 8.0)]);
        let monthly = [(16_495, 11.0), (16_526, 3.0), (16_709, 7.0), (16_801, 12.0), (16_832, 4.0)];
        assert_eq!(by(Sampling::Month), monthly);
        let weekly = [(16_495, 11.0), (16_523, 2.0), (16_530, 4.0), (16_712, 7.0), (16_803, 12.0), (16_831, 4.0)];
        assert_eq!(by(Sampling::Week), weekly);
    }

    #[test]
    fn rates_are_not_derived_again() {
        let rates = points(&[(0, 1.0), (10, 5.0), (DAY, 7.0)]);
        let daily = resample(&rates, AggregationMethod::SUM.rate(), Sampling::Month).unwrap();
        assert_eq!(daily, points(&[(0, 13.0)]));
        let weekly = resample(&rates, AggregationMethod::STD.rate(), Sampling::Week).unwrap();
        assert_eq!(weekly.len(), 1);
    }

    #[test]
    fn points_out_of_order_are_refused() {
        for bad in [
            points(&[(10, 1.0), (10, 2.0)]),
            points(&[(10, 1.0), (5, 2.0)]),
            points(&[(-1, 1.0)]),
            Columns { timestamps: vec![1], values: vec![] },
        ] {
            let error = resample(&bad, AggregationMethod::MEAN, Sampling::Month).unwrap_err();
            assert!(matches!(error, Error::InvalidQuery { .. }));
        }
    }

    #[test]
    fn truncation_drops_the_floor_itself() {
        let all = points(&[(60, 1.0), (120, 2.0), (180, 3.0)]);
        for (floor, left) in [(i64::MIN, 3), (59, 3), (60, 2), (119, 2), (180, 0), (i64::MAX, 0)] {
            let mut cut = all.clone();
            truncate(&mut cut, floor);
            assert_eq!(cut, points(&all.iter().skip(3 - left).collect::<Vec<_>>()), "{floor}");
        }
    }
}
