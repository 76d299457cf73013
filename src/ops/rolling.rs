//! `rolling`: each value of a series becomes one of it and those before it.
//!
//! A window costs the same however long it is: the series is cut into stretches as long as the window, and each window
//! is the end of one stretch and the beginning of the next, both summed up once. Nothing is ever subtracted, so that no
//! error accumulates. Short windows are summed up one by one, as Gnocchi does it, to the same bits. Quantiles keep the
//! window's values sorted.

use super::reduction::{Moment, Statistic, quantile_of_sorted};

/// Windows of up to this many values are summed up one by one.
const SHORT: usize = 16;

/// One value for each window of `window` consecutive `values`, of which there are at least `window`; NaN is no value.
pub(super) fn rolling(values: &[f64], window: usize, statistic: Statistic) -> Vec<f64> {
    match statistic {
        Statistic::Moment(moment) if window <= SHORT => {
            values.windows(window).map(|window| Sums::of_all(window).moment(moment)).collect()
        }
        Statistic::Moment(moment) => {
            let merged = windows(values, window, Sums::of, Sums::merge);
            merged.map(|sums| sums.moment(moment)).collect()
        }
        Statistic::Pick(pick) => {
            windows(values, window, |value| value, move |left, right| pick.of(left, right)).collect()
        }
        Statistic::Quantile(percent) => quantiles(values, window, percent),
    }
}

/// For each window, `merge` of `of` all its values, in order.
fn windows<'a, S: Copy + 'a>(
    values: &'a [f64],
    window: usize,
    of: impl Fn(f64) -> S + Copy + 'a,
    merge: impl Fn(S, S) -> S + Copy + 'a,
) -> impl Iterator<Item = S> + 'a {
    let last = values.len() - window;
    (0..=last).step_by(window).flat_map(move |begin| {
        let (stretch, rest) = values[begin..].split_at(window);
        let mut ends: Vec<S> = Vec::with_capacity(window);
        for value in stretch.iter().rev() {
            ends.push(ends.last().map_or(of(*value), |end| merge(of(*value), *end)));
        }
        let mut beginning: Option<S> = None;
        let mut windows = vec![ends[window - 1]];
        for (end, value) in ends.iter().rev().skip(1).zip(rest) {
            let value = of(*value);
            let grown = beginning.map_or(value, |beginning| merge(beginning, value));
            beginning = Some(grown);
            windows.push(merge(*end, grown));
        }
        windows
    })
}

/// Count, sum, mean and squared distances from the mean of some values.
#[derive(Debug, Clone, Copy)]
struct Sums {
    count: f64,
    sum: f64,
    mean: f64,
    squares: f64,
}

impl Sums {
    const NONE: Sums = Sums { count: 0.0, sum: 0.0, mean: 0.0, squares: 0.0 };

    fn of(value: f64) -> Sums {
        // An infinite value is no distance away from anything.
        let squares = 0.0 * value;
        if value.is_nan() { Sums::NONE } else { Sums { count: 1.0, sum: value, mean: value, squares } }
    }

    /// Sums of all values, from left to right, and the distances in a second pass.
    fn of_all(values: &[f64]) -> Sums {
        let present = || values.iter().copied().filter(|value| !value.is_nan());
        let (count, sum) = present().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
        let mean = sum / count;
        let squares = present().fold(0.0, |squares, value| squares + (value - mean) * (value - mean));
        Sums { count, sum, mean, squares }
    }

    fn merge(left: Sums, right: Sums) -> Sums {
        if left.count == 0.0 || right.count == 0.0 {
            return if left.count == 0.0 { right } else { left };
        }
        let count = left.count + right.count;
        let distance = right.mean - left.mean;
        Sums {
            count,
            sum: left.sum + right.sum,
            mean: left.mean + distance * (right.count / count),
            squares: left.squares + right.squares + distance * distance * (left.count * right.count / count),
        }
    }

    fn moment(self, moment: Moment) -> f64 {
        match moment {
            Moment::Count => self.count,
            Moment::Sum => self.sum,
            Moment::Mean => self.sum / self.count,
            Moment::Variance => self.squares / self.count,
            Moment::Deviation => (self.squares / self.count).sqrt(),
        }
    }
}

fn quantiles(values: &[f64], window: usize, percent: u8) -> Vec<f64> {
    let mut sorted: Vec<f64> = Vec::with_capacity(window);
    let mut results = Vec::with_capacity(values.len() + 1 - window);
    for (i, value) in values.iter().enumerate() {
        let leaving = i.checked_sub(window).map(|i| values[i]).filter(|leaving| !leaving.is_nan());
        if let Some(Ok(at)) = leaving.map(|leaving| sorted.binary_search_by(|other| other.total_cmp(&leaving))) {
            sorted.remove(at);
        }
        if !value.is_nan() {
            let at = sorted.partition_point(|other| other.total_cmp(value).is_lt());
            sorted.insert(at, *value);
        }
        if i + 1 >= window {
            results.push(quantile_of_sorted(&sorted, percent));
        }
    }
    results
}
