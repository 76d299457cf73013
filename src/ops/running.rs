//! `(aggregate mean (metric …))` and its like, of series that come one after the other.
//!
//! What [`evaluate`](super::evaluate) makes of all series at once can be made of them as they come wherever each value is
//! looked at once: for `mean`, `sum` and `count`, and for those that pick a value. A thousand series need not lie in memory
//! together then, which takes longer than adding them up. The order of the series is that of the additions, as there, and
//! no bit may differ from what comes out there. Whatever cannot be had in this way is left to `evaluate`.

use super::across::{add_up, pick_out, quotients};
use super::evaluate::EvaluateOptions;
use super::fill::Fill;
use super::input::{OutputLabel, OutputSeries};
use super::join::{MAX_CELLS, merge};
use super::operation::Operation;
use super::reduction::{Moment, Statistic};
use crate::carbonara::Sampling;
use crate::types::{Columns, Points, Starts, Timespan};

/// One value for each time of all series until now.
#[derive(Debug, Clone)]
pub struct Running {
    statistic: Statistic,
    fill: Fill,
    starts: Starts,
    /// Sums, or what was picked.
    values: Vec<f64>,
    series: usize,
    /// Of how many series each value is made; none while it is all of them.
    counts: Option<Vec<f64>>,
}

impl Running {
    /// For an operation that can be had in this way, with these options.
    pub fn of(operation: &Operation, options: &EvaluateOptions) -> Option<Self> {
        let Operation::Aggregate { reduction, of } = operation else { return None };
        let fill = options.fill.filter(|fill| !fill.carries())?;
        let statistic = reduction.statistic();
        let once = match statistic {
            Statistic::Moment(moment) => matches!(moment, Moment::Mean | Moment::Sum | Moment::Count),
            Statistic::Pick(_) => true,
            Statistic::Quantile(_) => false,
        };
        let fits = once && !reduction.is_rate() && matches!(**of, Operation::Metric(_));
        let (starts, values) = (Starts::default(), Vec::new());
        fits.then_some(Running { statistic, fill, starts, values, series: 0, counts: None })
    }

    /// Takes the next series, in order. False when they cannot be had in this way.
    pub fn add(&mut self, series: &[&Points]) -> bool {
        if self.series == 0
            && let Some(first) = series.first()
        {
            self.starts = first.starts.clone();
            self.values = vec![self.nothing(); self.starts.len()];
        }
        let alike = |a: &&Points, b: &&Points| (a.starts == self.starts) == (b.starts == self.starts);
        let stretches: Vec<&[&Points]> = series.chunk_by(alike).collect();
        for stretch in stretches {
            let Some(first) = stretch.first() else { continue };
            if stretch.iter().any(|points| points.values.len() != points.len()) {
                return false;
            }
            if first.starts == self.starts {
                self.add_alike(stretch);
            } else if !stretch.iter().all(|points| self.add_unlike(points)) {
                return false;
            }
        }
        // A value that is NaN makes its sum NaN, which it must not.
        matches!(self.statistic, Statistic::Pick(_)) || !self.values.iter().any(|sum| sum.is_nan())
    }

    /// What stands where no series has a value.
    fn nothing(&self) -> f64 {
        if matches!(self.statistic, Statistic::Pick(_)) { f64::NAN } else { 0.0 }
    }

    /// Takes series that have just the times that are known.
    fn add_alike(&mut self, series: &[&Points]) {
        let columns: Vec<&[f64]> = series.iter().map(|points| &*points.values).collect();
        match self.statistic {
            Statistic::Pick(pick) => pick_out(&mut self.values, &columns, pick),
            Statistic::Moment(_) | Statistic::Quantile(_) => add_up(&mut self.values, &columns),
        }
        self.series += series.len();
        for count in self.counts.iter_mut().flatten() {
            *count += series.len() as f64;
        }
    }

    /// Takes a series that has other times.
    fn add_unlike(&mut self, points: &Points) -> bool {
        if !matches!(self.fill, Fill::Null | Fill::DropNan) {
            return false;
        }
        let theirs = points.starts.clone().into_list();
        let (known, mut counts) = self.widened(&theirs);
        self.series += 1;
        if !theirs.is_sorted_by(|a, b| a < b) || known.len().saturating_mul(self.series) > MAX_CELLS {
            return false;
        }
        let mut row = 0;
        for (time, value) in theirs.iter().zip(&points.values).filter(|(_, value)| !value.is_nan()) {
            while known.get(row).is_some_and(|known| known < time) {
                row += 1;
            }
            let (Some(count), Some(own)) = (counts.get_mut(row), self.values.get_mut(row)) else { return false };
            *count += 1.0;
            match self.statistic {
                Statistic::Pick(pick) => *own = pick.of(*own, *value),
                Statistic::Moment(_) | Statistic::Quantile(_) => *own += value,
            }
        }
        self.counts = Some(counts);
        true
    }

    /// Makes room for `times` among those that are known; these, and of how many series each value is made.
    fn widened(&mut self, times: &[i64]) -> (Vec<i64>, Vec<f64>) {
        let known = self.starts.clone().into_list();
        let counts = self.counts.take().unwrap_or_else(|| vec![self.series as f64; known.len()]);
        let all = merge(&known, times);
        if all.len() == known.len() {
            return (known, counts);
        }
        let nothing = self.nothing();
        let mut before = known.iter().zip(self.values.iter().zip(&counts)).peekable();
        let mut at = |time: &i64| before.next_if(|(known, _)| *known == time);
        let spread = all.iter().map(|time| at(time).map_or((nothing, 0.0), |(_, (value, count))| (*value, *count)));
        let (values, counts) = spread.unzip();
        self.values = values;
        self.starts = condensed(&all);
        (all, counts)
    }

    /// What came out of all of them. None when there was none, or it cannot be had in this way.
    pub fn finish(self, granularity: Timespan) -> Option<OutputSeries> {
        if self.series == 0 {
            return None;
        }
        let counts = self.counts.unwrap_or_else(|| vec![self.series as f64; self.values.len()]);
        let values = match self.statistic {
            Statistic::Moment(Moment::Mean) => quotients(self.values, &counts),
            Statistic::Moment(Moment::Count) => counts,
            _ => self.values,
        };
        let mut columns = Columns { timestamps: self.starts.into_list(), values };
        let ascend =
            columns.timestamps.is_sorted_by(|a, b| a < b) && columns.timestamps.first().is_none_or(|t| *t >= 0);
        if self.fill.drops() && !columns.values.iter().all(|value| value.is_finite()) {
            let kept = columns.iter().filter(|(_, value)| value.is_finite());
            let (timestamps, values) = kept.unzip();
            columns = Columns { timestamps, values };
        }
        let granularity = Sampling::Timespan(granularity);
        ascend.then_some(OutputSeries { label: OutputLabel::Aggregated, granularity, columns })
    }
}

/// These times by first, step and count, where that says it: so are those of most series, which are compared with them.
fn condensed(times: &[i64]) -> Starts {
    let mut starts = Starts::default();
    if let [first, second, ..] = times {
        starts.extend_even(*first, second.saturating_sub(*first), 1);
        starts.extend(&times[1..]);
    } else {
        starts.extend(times);
    }
    starts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::{Input, Operation, Reference, evaluate};
    use crate::types::AggregationMethod;

    const G: i64 = 60_000_000_000;
    const METHODS: [&str; 7] = ["mean", "sum", "count", "min", "max", "first", "last"];

    fn operation(text: &str) -> Operation {
        text.parse().unwrap()
    }

    fn options(fill: Option<Fill>) -> EvaluateOptions {
        EvaluateOptions { fill, ..EvaluateOptions::default() }
    }

    /// The series' points as they come, some at a time.
    fn run(running: Option<Running>, series: &[Points], at_a_time: usize) -> Option<OutputSeries> {
        let mut running = running?;
        for some in series.chunks(at_a_time) {
            if !running.add(&some.iter().collect::<Vec<_>>()) {
                return None;
            }
        }
        running.finish(Timespan::MINUTE)
    }

    /// The same of all at once.
    fn at_once(operation: &Operation, series: &[Points], options: &EvaluateOptions) -> OutputSeries {
        let input = |(i, points): (usize, &Points)| {
            let reference = Reference::new("*", AggregationMethod::MEAN);
            let mut input = Input::new(reference, Timespan::MINUTE, points.clone().into());
            input.label.metric = i.to_string();
            input
        };
        let inputs: Vec<Input> = series.iter().enumerate().map(input).collect();
        evaluate(operation, &inputs, options).unwrap().series.swap_remove(0)
    }

    fn assert_same(one: &OutputSeries, other: &OutputSeries) {
        let bits = |series: &OutputSeries| series.columns.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(one.columns.timestamps, other.columns.timestamps);
        assert_eq!(bits(one), bits(other));
        assert_eq!((&one.label, one.granularity), (&other.label, other.granularity));
    }

    fn even(first: i64, rows: usize, value: f64) -> Points {
        let mut points = Points::default();
        points.starts.extend_even(first * G, G, rows);
        points.values = (0..rows).map(|row| value + row as f64 / 7.0).collect();
        points
    }

    #[test]
    fn what_needs_all_series_at_once_is_left_to_others() {
        let mean = "(aggregate mean (metric * mean))";
        let of = |text: &str, fill| Running::of(&operation(text), &options(fill)).is_some();
        assert!(of(mean, Some(Fill::DropNan)));
        assert!(!of(mean, None), "an overlap");
        assert!(!of(mean, Some(Fill::Forward)), "what stands beside a hole");
        for text in
            ["(metric * mean)", "(+ 1 (aggregate mean (metric * mean)))", "(aggregate mean (* 2 (metric * mean)))"]
        {
            assert!(!of(text, Some(Fill::DropNan)), "{text}");
        }
        for method in ["std", "var", "median", "95pct", "rate:mean"] {
            assert!(!of(&format!("(aggregate {method} (metric * mean))"), Some(Fill::DropNan)), "{method}");
        }
        let series = [even(0, 4, 1.0), even(2, 4, 1.0)];
        let running = || Running::of(&operation(mean), &options(Some(Fill::Number(5.0))));
        assert!(run(running(), &series, 1).is_none(), "a number in holes");
        assert!(run(running(), &[], 1).is_none(), "nothing");
        assert!(run(running(), &[even(0, 1, f64::NAN)], 1).is_none(), "not a number");
    }

    #[test]
    fn series_that_begin_later_or_end_earlier_are_added_where_they_are() {
        let series = [even(5, 10, 0.1), even(0, 4, 0.2), even(2, 20, 0.3), even(0, 22, 0.4), even(0, 22, 0.5)];
        for method in METHODS {
            let operation = operation(&format!("(aggregate {method} (metric * mean))"));
            let options = options(Some(Fill::DropNan));
            for at_a_time in [1, 2, 5] {
                let running = Running::of(&operation, &options);
                let came = run(running, &series, at_a_time).unwrap();
                assert_same(&came, &at_once(&operation, &series, &options));
            }
        }
    }

    #[test]
    fn times_that_lie_evenly_again_are_known_as_such() {
        assert_eq!(condensed(&[G, 2 * G, 3 * G]), Starts::Even { first: G, step: G, rows: 3 });
        assert_eq!(condensed(&[G, 2 * G, 4 * G]), Starts::Listed(vec![G, 2 * G, 4 * G]));
        assert_eq!(condensed(&[G]).into_list(), [G]);
        assert!(condensed(&[]).is_empty());
    }

    fn value() -> impl Strategy<Value = f64> {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MAX, f64::from_bits(1)];
        prop_oneof![60 => -1e3..1e3, 1 => prop::sample::select(odd.to_vec())]
    }

    /// A series: most have the same times, some begin elsewhere, some have gaps.
    fn points() -> impl Strategy<Value = Points> {
        let times = prop_oneof![
            6 => Just((0, 12, 0)), 2 => (0_i64..6, 0_usize..12, Just(0_u32)), 2 => (0_i64..6, 1_usize..12, any::<u32>()),
        ];
        (times, prop::collection::vec(value(), 12)).prop_map(|((first, rows, gaps), values)| {
            let mut points = Points::default();
            if gaps == 0 {
                points.starts.extend_even(first * G, G, rows);
                points.values.extend(&values[..rows]);
            } else {
                let there = (0..rows).filter(|row| gaps >> row & 1 == 0);
                points = Columns { timestamps: Vec::new(), values: Vec::new() }.into();
                there.for_each(|row| {
                    points.extend(&Columns { timestamps: vec![(first + row as i64) * G], values: vec![values[row]] });
                });
            }
            points
        })
    }

    proptest! {
        #[test]
        fn what_comes_out_is_what_comes_of_all_at_once(
            series in prop::collection::vec(points(), 1..20), method in prop::sample::select(METHODS.to_vec()),
            fill in prop::sample::select(vec![Fill::DropNan, Fill::Null, Fill::Number(2.5)]), at_a_time in 1_usize..8,
        ) {
            let operation = operation(&format!("(aggregate {method} (metric * mean))"));
            let options = options(Some(fill));
            let came = run(Running::of(&operation, &options), &series, at_a_time);
            let numbers = series.iter().all(|points| points.values.iter().all(|value| value.is_finite()));
            prop_assert!(came.is_some() || !numbers || fill == Fill::Number(2.5), "all can be added as they come");
            if let Some(came) = came {
                assert_same(&came, &at_once(&operation, &series, &options));
            }
        }
    }
}
