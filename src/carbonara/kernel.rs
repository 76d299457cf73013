//! The methods themselves: groups of values in, one column per method out.
//!
//! Works for values and for differences alike; no group here is empty. Sums start at +0.0 and run from left to right in
//! plain `f64`, without reordering or fused operations: that is what makes results equal, bit for bit, on every machine
//! and to Gnocchi's. Sum, smallest and largest come out of one pass, the deviation out of a second.

use super::rank;
use crate::types::Method;

/// Values cut into non-empty groups, one per row: row `i` is `values[bounds[i]..bounds[i + 1]]`.
pub(super) struct Rows<'a> {
    pub values: &'a [f64],
    pub bounds: &'a [usize],
}

impl<'a> Rows<'a> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The values of each row.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &'a [f64]> + '_ {
        self.bounds.windows(2).map(|bound| &self.values[bound[0]..bound[1]])
    }

    /// How many values each row has.
    pub fn counts(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.bounds.windows(2).map(|bound| bound[1] - bound[0])
    }

    /// The values, when each is a row of its own.
    fn singles(&self) -> Option<&'a [f64]> {
        let (first, last) = (self.bounds[0], self.bounds[self.len()]);
        (last - first == self.len()).then(|| &self.values[first..last])
    }
}

/// One column of values for each of `methods`, which are distinct and ascending. `Std` is 0 for a row of one value.
pub(super) fn columns(rows: &Rows<'_>, methods: &[Method]) -> Vec<Vec<f64>> {
    if let Some(values) = rows.singles() {
        return methods.iter().map(|method| of_singles(*method, values)).collect();
    }
    let ranked: Vec<Method> =
        methods.iter().copied().filter(|m| matches!(m, Method::Median | Method::Percentile(_))).collect();
    let mut ranks = rank::columns(rows, &ranked).into_iter();
    let mut moments = Moments::of(rows, methods);
    let column = |method: &Method| match method {
        Method::Mean => std::mem::take(&mut moments.means),
        Method::Sum => std::mem::take(&mut moments.sums),
        Method::Min => std::mem::take(&mut moments.mins),
        Method::Max => std::mem::take(&mut moments.maxs),
        Method::Std => std::mem::take(&mut moments.deviations),
        Method::Count => rows.counts().map(|n| n as f64).collect(),
        Method::First => rows.groups().map(|group| group[0]).collect(),
        Method::Last => rows.groups().map(|group| group[group.len() - 1]).collect(),
        Method::Median | Method::Percentile(_) => ranks.next().unwrap_or_default(),
    };
    methods.iter().map(column).collect()
}

/// The column of one method where every group holds one value: raw data as coarse as the granularity.
fn of_singles(method: Method, values: &[f64]) -> Vec<f64> {
    match method {
        // A sum starts at +0.0, which turns −0.0 into 0.0.
        Method::Mean | Method::Sum => values.iter().map(|value| 0.0 + value).collect(),
        Method::Count => vec![1.0; values.len()],
        Method::Std => vec![0.0; values.len()],
        _ => values.to_vec(),
    }
}

/// What the two passes over the values yield; columns that no method asks for stay empty.
#[derive(Default)]
struct Moments {
    sums: Vec<f64>,
    means: Vec<f64>,
    mins: Vec<f64>,
    maxs: Vec<f64>,
    deviations: Vec<f64>,
}

impl Moments {
    fn of(rows: &Rows<'_>, methods: &[Method]) -> Moments {
        let asked = |some: &[Method]| methods.iter().any(|method| some.contains(method));
        let mut moments = Moments::default();
        if asked(&[Method::Min, Method::Max]) {
            moments.sums_and_extremes(rows);
        } else if asked(&[Method::Mean, Method::Sum, Method::Std]) {
            moments.sums = rows.groups().map(sum).collect();
        }
        if asked(&[Method::Mean, Method::Std]) {
            moments.means = moments.sums.iter().zip(rows.counts()).map(|(sum, n)| sum / n as f64).collect();
        }
        if asked(&[Method::Std]) {
            moments.deviations =
                rows.groups().zip(&moments.means).map(|(group, mean)| deviation(group, *mean)).collect();
        }
        moments
    }

    fn sums_and_extremes(&mut self, rows: &Rows<'_>) {
        for column in [&mut self.sums, &mut self.mins, &mut self.maxs] {
            column.reserve_exact(rows.len());
        }
        for group in rows.groups() {
            let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
            for &value in group {
                sum += value;
                min = if value < min { value } else { min };
                max = if value > max { value } else { max };
            }
            self.sums.push(sum);
            self.mins.push(smallest(group, min));
            self.maxs.push(largest(group, max, sum));
        }
    }
}

fn sum(group: &[f64]) -> f64 {
    group.iter().fold(0.0, |sum, value| sum + value)
}

/// The sample standard deviation around the mean; 0 for one value.
fn deviation(group: &[f64], mean: f64) -> f64 {
    if group.len() < 2 {
        return 0.0;
    }
    let squares = group.iter().fold(0.0, |sum, value| sum + (value - mean) * (value - mean));
    (squares / (group.len() - 1) as f64).sqrt()
}

/// The smallest value, given the one that plain comparison finds: it neither sees the sign of a zero nor knows a group
/// of nothing but NaN.
#[inline]
fn smallest(group: &[f64], min: f64) -> f64 {
    if min == 0.0 {
        let negative = group.iter().any(|value| value.to_bits() == (-0.0_f64).to_bits());
        return if negative { -0.0 } else { 0.0 };
    }
    if min == f64::INFINITY && group.iter().all(|value| value.is_nan()) { f64::NAN } else { min }
}

/// The largest value, given the one that plain comparison finds: it neither sees the sign of a zero nor any NaN. The sum
/// is NaN whenever a value is.
#[inline]
fn largest(group: &[f64], max: f64, sum: f64) -> f64 {
    if sum.is_nan() && group.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    if max == 0.0 {
        let positive = group.iter().any(|value| value.to_bits() == 0.0_f64.to_bits());
        return if positive { 0.0 } else { -0.0 };
    }
    max
}
