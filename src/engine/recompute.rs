//! A sealed group without some of its measures, where what is stored beside it says exactly what the rest makes.
//!
//! Raw measures that the window still holds always do. Finer groups do when they tile the group, none of them is cut in two,
//! and their counts add up to the group's own. Then `count`, `min`, `max`, `first` and `last` follow from theirs; a sum, as it
//! is formed from left to right, does when all finer groups but the first hold one measure each; everything does when all
//! hold one, or when only one of them is left. This module must never return a value that differs in a bit from what
//! [`carbonara`] makes of the measures themselves: where it cannot know, it says so.

use std::ops::Range;

use crate::carbonara;
use crate::types::{AggregateBlock, AggregateColumn, AggregationMethod, Measure, Method, MethodSet};

/// One row of the methods `stored` for the group at `start`, made of the finer groups that are left in it; `None` when that
/// is not exact. It has no row when no group is left.
pub(super) fn compose(finer: &AggregateBlock, start: i64, stored: &MethodSet) -> Option<AggregateBlock> {
    if finer.rows() == 0 {
        return Some(AggregateBlock::default());
    }
    let mut columns = Vec::new();
    for method in stored.iter() {
        let family = Family::of(finer, method.is_rate())?;
        let (value, present) = match family.value(method)? {
            Known::Value(value) => (value, None),
            Known::Absent => (0.0, Some(vec![false])),
        };
        columns.push(AggregateColumn { method, values: vec![value], present });
    }
    Some(AggregateBlock { timestamps: vec![start], columns })
}

/// Whether the counts of finer groups add up to that of the group itself: then none of them is missing, and none has a
/// measure that the group has not.
pub(super) fn complete(finer: &AggregateBlock, whole: &AggregateBlock) -> bool {
    let counts = |block: &AggregateBlock| -> Option<f64> {
        let counts = block.column(AggregationMethod::COUNT)?;
        (0..block.rows()).map(|row| counts.values.get(row).copied().filter(|_| counts.has(row))).sum()
    };
    matches!((counts(finer), counts(whole)), (Some(parts), Some(whole)) if parts == whole)
}

/// The group of length `g` at `start` made of raw measures anew.
pub(super) fn from_raw(
    (timestamps, values): (&[i64], &[f64]),
    previous: Option<Measure>,
    (start, g): (i64, i64),
    stored: &MethodSet,
) -> AggregateBlock {
    carbonara::aggregate(timestamps, values, previous, g, start..start.saturating_add(1), stored)
}

/// What is known of a group's value.
enum Known {
    Value(f64),
    /// There is none: no difference, or no deviation of one measure alone.
    Absent,
}

/// The columns of plain methods, or those of `rate:` ones, of the groups that have measures, or differences.
struct Family<'a> {
    block: &'a AggregateBlock,
    rate: bool,
    rows: Vec<usize>,
}

impl<'a> Family<'a> {
    fn of(block: &'a AggregateBlock, rate: bool) -> Option<Self> {
        // Where a method other than `std` has a value, there is a measure; policies that store `std` store the count too. A
        // repair may have had to leave out some methods of a group: of such a one nothing is sure.
        let columns = block.columns.iter().filter(|column| column.method.is_rate() == rate);
        let mut telling = columns.filter(|column| column.method.method() != Method::Std);
        let first = telling.next()?;
        let rows: Vec<usize> = (0..block.rows()).filter(|row| first.has(*row)).collect();
        let is_sure = (rate || rows.len() == block.rows())
            && telling.all(|column| (0..block.rows()).all(|row| column.has(row) == first.has(row)));
        is_sure.then_some(Family { block, rate, rows })
    }

    /// A method's values, one per group.
    fn values(&self, method: AggregationMethod) -> Option<Vec<f64>> {
        let method = if self.rate { method.rate() } else { method };
        let column = self.block.column(method)?;
        self.rows.iter().map(|row| column.values.get(*row).copied().filter(|_| column.has(*row))).collect()
    }

    /// The method's value for all groups together; `None` when it is not known.
    fn value(&self, method: AggregationMethod) -> Option<Known> {
        let column = self.block.column(method)?;
        let bare = method.method();
        match self.rows[..] {
            [] => return Some(Known::Absent),
            [row] if column.has(row) => return column.values.get(row).copied().map(Known::Value),
            // One measure alone has no deviation.
            [_] => return (self.values(AggregationMethod::COUNT)? == [1.0]).then_some(Known::Absent),
            _ => {}
        }
        let value = match bare {
            Method::Count => column_sum(&self.values(method)?),
            Method::First => *self.values(method)?.first()?,
            Method::Last => *self.values(method)?.last()?,
            Method::Min | Method::Max => computed(&self.values(method)?, bare)?,
            Method::Sum => self.sum()?,
            Method::Mean if self.sum().is_some() => self.sum()? / column_sum(&self.values(AggregationMethod::COUNT)?),
            _ => computed(&self.single()?, bare)?,
        };
        Some(Known::Value(value))
    }

    /// The sum from left to right.
    fn sum(&self) -> Option<f64> {
        let sums = self.values(AggregationMethod::SUM)?;
        let counts = self.values(AggregationMethod::COUNT)?;
        let exact = counts.iter().skip(1).all(|count| *count == 1.0);
        exact.then(|| column_sum(&sums))
    }

    /// The values themselves, when each group has one only.
    fn single(&self) -> Option<Vec<f64>> {
        let counts = self.values(AggregationMethod::COUNT)?;
        if counts.iter().any(|count| *count != 1.0) {
            return None;
        }
        // Each of these is the value itself, but that a sum has lost the sign of −0.0: it is the last resort, where only
        // methods are stored that do not see it.
        let percentiles = self.block.columns.iter().map(|column| column.method.method());
        let percentiles = percentiles.filter(|method| matches!(method, Method::Percentile(_)));
        let plain = [Method::Last, Method::First, Method::Min, Method::Max, Method::Median];
        let all = plain.into_iter().chain(percentiles).chain([Method::Sum, Method::Mean]);
        all.map(|method| AggregationMethod::new(method, false)).find_map(|method| self.values(method))
    }
}

/// The sum from left to right, as `carbonara` forms it.
fn column_sum(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value)
}

/// A method of several values in order of time, as `carbonara` computes it.
fn computed(values: &[f64], method: Method) -> Option<f64> {
    let times: Vec<i64> = (0..values.len() as i64).collect();
    let starts: Range<i64> = 0..1;
    let method = AggregationMethod::new(method, false);
    let block = carbonara::aggregate(&times, values, None, i64::MAX, starts, &std::iter::once(method).collect());
    let column = block.columns.first()?;
    column.values.first().copied().filter(|_| column.has(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn methods(names: &[&str]) -> MethodSet {
        let set: MethodSet = names.iter().map(|name| name.parse::<AggregationMethod>().unwrap()).collect();
        set
    }

    fn same(a: &AggregateBlock, b: &AggregateBlock) -> bool {
        let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
        a.timestamps == b.timestamps
            && a.columns.len() == b.columns.len()
            && a.columns.iter().zip(&b.columns).all(|(a, b)| {
                let points = |c: &AggregateColumn| -> Vec<Option<u64>> {
                    c.values.iter().enumerate().map(|(row, value)| c.has(row).then(|| bits(*value))).collect()
                };
                a.method == b.method && points(a) == points(b)
            })
    }

    const ALL: &[&str] = &["mean", "sum", "min", "max", "count", "std", "first", "last", "median", "95pct", "1pct"];

    #[test]
    fn what_each_method_needs() {
        let (times, values) = ([0, 1, 10, 20], [1.0, 2.0, 0.1, 0.2]);
        let fine = |names| carbonara::aggregate(&times, &values, None, 10, 0..30, &methods(names));
        // Only the first finer group has two measures: a sum is exact, a median is not.
        let exact = ["mean", "sum", "min", "max", "count", "first", "last"];
        let made = compose(&fine(&exact), 0, &methods(&exact)).unwrap();
        assert!(same(&made, &carbonara::aggregate(&times, &values, None, 60, 0..1, &methods(&exact))));
        for inexact in [&["count", "median"][..], &["count", "std"], &["count", "mean"], &["sum", "min"]] {
            assert_eq!(compose(&fine(inexact), 0, &methods(inexact)), None, "{inexact:?}");
        }
        assert_eq!(compose(&AggregateBlock::default(), 0, &methods(ALL)), Some(AggregateBlock::default()));
    }

    #[test]
    fn what_a_repair_had_to_leave_out_makes_nothing_exact() {
        let names = ["sum", "min", "count", "std"];
        let fine =
            |values: &[f64]| carbonara::aggregate(&[0, 10][..values.len()], values, None, 10, 0..20, &methods(&names));
        for values in [&[1.0, 2.0][..], &[1.0]] {
            let whole = carbonara::aggregate(&[0, 10][..values.len()], values, None, 20, 0..1, &methods(&names));
            assert!(same(&compose(&fine(values), 0, &methods(&names)).unwrap(), &whole));
            for column in 0..3 {
                let mut damaged = fine(values);
                damaged.columns[column].present = Some((1..=values.len()).map(|row| row < values.len()).collect());
                assert_eq!(compose(&damaged, 0, &methods(&names)), None, "{values:?} without {column}");
                let is_count = damaged.columns[column].method == AggregationMethod::COUNT;
                assert_eq!(complete(&damaged, &whole), !is_count);
            }
        }
    }

    proptest! {
        /// What is computed at all is what the measures themselves make.
        #[test]
        fn composed_is_what_the_measures_make(
            measures in prop::collection::btree_map(0_i64..60, prop_oneof![
                4 => (-50_i32..50).prop_map(|v| f64::from(v) / 10.0),
                1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e308]),
            ], 1..30),
            g in prop::sample::select(vec![1_i64, 2, 5, 10, 20, 60]),
            rate in any::<bool>(),
            names in prop::sample::subsequence(ALL.to_vec(), 1..11),
            before in prop::option::of(-5.0_f64..5.0),
        ) {
            let mut stored = methods(&names);
            if rate {
                stored = stored.iter().map(AggregationMethod::rate).chain(stored.iter()).collect();
            }
            let count = AggregationMethod::COUNT;
            stored.insert(count);
            stored.insert(count.rate());
            let (times, values): (Vec<i64>, Vec<f64>) = measures.into_iter().unzip();
            let previous = before.map(|value| Measure::new(0, value));
            let finer = carbonara::aggregate(&times, &values, previous, g, 0..60, &stored);
            let whole = carbonara::aggregate(&times, &values, previous, 60, 0..1, &stored);
            prop_assert!(complete(&finer, &whole));
            if let Some(made) = compose(&finer, 0, &stored) {
                prop_assert!(same(&made, &whole), "{made:?}\n{whole:?}");
            } else {
                // Neither a count nor a deviation says what the measure was.
                let tells = names.iter().any(|name| !["count", "std"].contains(name));
                prop_assert!(g > 1 || !tells, "single measures say everything");
            }
        }
    }
}
