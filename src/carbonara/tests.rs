//! Aggregates against a model that groups by a map and computes each method by itself, and the worked examples.

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::types::{AggregateBlock, AggregationMethod, Columns, Measure, Method, MethodSet};

const SECOND: i64 = 1_000_000_000;

/// One method of the values of one group, computed without regard to speed.
fn model_of_group(values: &[f64], method: Method) -> Option<f64> {
    let n = values.len();
    let sum = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |sum, value| sum + value);
    let mean = sum(&mut values.iter().copied()) / n as f64;
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let numbers = sorted.len();
    sorted.resize(n, f64::NAN);
    Some(match method {
        Method::Mean => mean,
        Method::Sum => sum(&mut values.iter().copied()),
        Method::Min => sorted[0],
        Method::Max if numbers < n => f64::NAN,
        Method::Max => sorted[n - 1],
        Method::Count => n as f64,
        Method::Std if n == 1 => return None,
        Method::Std => (sum(&mut values.iter().map(|v| (v - mean) * (v - mean))) / (n as f64 - 1.0)).sqrt(),
        Method::First => values[0],
        Method::Last => values[n - 1],
        Method::Median if n % 2 == 1 => sorted[n / 2],
        #[expect(clippy::manual_midpoint, reason = "as it is defined, overflow included")]
        Method::Median => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
        Method::Percentile(p) => {
            let position = (n as f64 - 1.0) * (f64::from(p) / 100.0);
            let (low, high) = (position.floor(), position.ceil());
            if low == high {
                sorted[low as usize]
            } else {
                sorted[low as usize] * (high - position) + sorted[high as usize] * (position - low)
            }
        }
    })
}

#[derive(Debug, Clone)]
struct Series {
    timestamps: Vec<i64>,
    values: Vec<f64>,
    previous: Option<Measure>,
}

/// Points of one method, grouped by a map.
fn model(series: &Series, g: i64, starts: &Range<i64>, method: AggregationMethod) -> Vec<(i64, f64)> {
    let mut groups: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    let mut before = series.previous.map(|measure| measure.value);
    for (t, value) in series.timestamps.iter().zip(&series.values) {
        let difference = before.replace(*value).map(|before| value - before);
        if let Some(taken) = if method.is_rate() { difference } else { Some(*value) } {
            groups.entry(t / g * g).or_default().push(taken);
        }
    }
    groups.retain(|start, _| starts.contains(start));
    groups.iter().filter_map(|(start, values)| Some((*start, model_of_group(values, method.method())?))).collect()
}

fn points_of(block: &AggregateBlock, method: AggregationMethod) -> Vec<(i64, f64)> {
    let column = block.column(method).unwrap();
    assert_eq!(column.values.len(), block.rows());
    let rows = (0..block.rows()).filter(|row| column.has(*row));
    rows.map(|row| (block.timestamps[row], column.values[row])).collect()
}

/// Equal bit for bit, but for which NaN a NaN is.
fn same(a: &[(i64, f64)], b: &[(i64, f64)]) -> bool {
    let equal = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && equal(a.1, b.1))
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -100.0..100.0_f64,
        3 => (-3..4_i32).prop_map(f64::from),
        2 => prop::sample::select(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX]),
        1 => any::<f64>(),
    ]
}

/// Values of which no special one is likely, so that sums and ranks stay numbers, or of which many are.
fn values(length: usize) -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(-100.0..100.0_f64, length),
        prop::collection::vec((-2..3_i32).prop_map(|v| f64::from(v) * 0.0), length),
        prop::collection::vec(value(), length),
    ]
}

fn series() -> impl Strategy<Value = Series> {
    let steps = prop_oneof![
        prop::collection::vec(1..4_i64, 0..400),
        prop::collection::vec(prop_oneof![9 => 1..30_i64, 1 => 1..3_000_i64], 0..100),
        prop::collection::vec(1..i64::MAX / 4, 0..5),
    ];
    (steps, 0..100_i64).prop_flat_map(|(steps, first)| {
        let timestamps: Vec<i64> = steps
            .iter()
            .scan(first, |t, step| {
                *t = t.checked_add(*step)?;
                Some(*t)
            })
            .collect();
        (values(timestamps.len()), prop::option::of(value())).prop_map(move |(values, previous)| Series {
            timestamps: timestamps.clone(),
            values,
            previous: previous.map(|value| Measure::new(0, value)),
        })
    })
}

fn granularity() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1..8_i64, 4 => 8..400_i64, 1 => 1..=i64::MAX, 1 => i64::MAX / 2 - 3..=i64::MAX]
}

fn starts() -> impl Strategy<Value = Range<i64>> {
    prop_oneof![Just(0..i64::MAX), (-10..500_i64, -10..2_000_i64).prop_map(|(from, to)| from..to), any::<Range<i64>>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_method_is_what_the_model_says(s in series(), g in granularity(), starts in starts()) {
        let block = aggregate(&s.timestamps, &s.values, s.previous, g, starts.clone(), &MethodSet::all());
        prop_assert!(block.columns.iter().map(|column| column.method).eq(AggregationMethod::all()));
        prop_assert_eq!(
            &block.timestamps,
            &model(&s, g, &starts, AggregationMethod::COUNT).into_iter().map(|point| point.0).collect::<Vec<_>>()
        );
        for method in AggregationMethod::all() {
            let (found, expected) = (points_of(&block, method), model(&s, g, &starts, method));
            prop_assert!(same(&found, &expected), "{} gives {:?}, the model {:?}", method, found, expected);
        }
    }

    #[test]
    fn a_method_alone_is_its_column_among_others(
        s in series(), g in granularity(), starts in starts(), ids in prop::collection::vec(0..216_u8, 1..12),
    ) {
        let methods: MethodSet = ids.iter().filter_map(|id| AggregationMethod::from_id(*id)).collect();
        let block = aggregate(&s.timestamps, &s.values, s.previous, g, starts.clone(), &methods);
        prop_assert_eq!(block.columns.len(), methods.len());
        for method in methods.iter() {
            let mut out = Columns { timestamps: vec![-1], values: vec![0.5] };
            aggregate_one(&s.timestamps, &s.values, s.previous, g, starts.clone(), method, &mut out);
            let mut expected = vec![(-1, 0.5)];
            expected.extend(points_of(&block, method));
            prop_assert!(same(&out.iter().collect::<Vec<_>>(), &expected), "{}", method);
        }
    }

    /// Sealing piecewise must give what one computation over everything gives, wherever the cut lies.
    #[test]
    fn cutting_the_series_changes_nothing(s in series(), g in granularity(), at in any::<prop::sample::Index>()) {
        prop_assume!(!s.timestamps.is_empty());
        let cut = group_start(s.timestamps[at.index(s.timestamps.len())], g);
        let i = s.timestamps.partition_point(|t| *t < cut);
        let before = if i == 0 { s.previous } else { Some(Measure::new(s.timestamps[i - 1], s.values[i - 1])) };
        for method in ["rate:sum", "rate:std", "std", "50pct"].map(|name| name.parse::<AggregationMethod>().unwrap()) {
            let (mut whole, mut pieces) = (Columns::default(), Columns::default());
            aggregate_one(&s.timestamps, &s.values, s.previous, g, 0..i64::MAX, method, &mut whole);
            aggregate_one(&s.timestamps[..i], &s.values[..i], s.previous, g, 0..cut, method, &mut pieces);
            aggregate_one(&s.timestamps[i..], &s.values[i..], before, g, cut..i64::MAX, method, &mut pieces);
            prop_assert!(same(&whole.iter().collect::<Vec<_>>(), &pieces.iter().collect::<Vec<_>>()), "{}", method);
        }
    }

    #[test]
    fn resampling_by_a_timespan_is_aggregating_the_points(s in series(), g in granularity(), id in 0..108_u8) {
        let method = AggregationMethod::from_id(id).unwrap();
        let span = Sampling::Timespan(crate::types::Timespan::from_nanos(g).unwrap());
        let points = Columns { timestamps: s.timestamps.clone(), values: s.values.clone() };
        let expected = model(&s, g, &(i64::MIN..i64::MAX), method);
        for method in [method, method.rate()] {
            let found: Vec<_> = resample(&points, method, span).unwrap().iter().filter(|p| p.0 < i64::MAX).collect();
            prop_assert!(same(&found, &expected), "{}", method);
        }
    }
}

/// A metric as the rules describe it: what is late is dropped, the last write to a timestamp wins. Times in seconds.
fn push_all(batches: &[&[(i64, f64)]], block: i64, window_blocks: u32) -> Series {
    let mut measures: BTreeMap<i64, f64> = BTreeMap::new();
    for batch in batches {
        let newest = measures.last_key_value().map(|(t, _)| *t);
        let oldest = newest.map_or(0, |t| first_mutable(t, block * SECOND, window_blocks, 0));
        let accepted = batch.iter().map(|(t, value)| (t * SECOND, *value)).filter(|(t, _)| *t >= oldest);
        measures.extend(accepted);
    }
    let (timestamps, values) = measures.into_iter().unzip();
    Series { timestamps, values, previous: None }
}

fn seconds_of(series: &Series, g: i64, method: &str) -> String {
    let mut out = Columns::default();
    let method = method.parse().unwrap();
    aggregate_one(&series.timestamps, &series.values, None, g * SECOND, 0..i64::MAX, method, &mut out);
    let text = out.iter().map(|(t, value)| format!("{}:{}", t / SECOND, (value * 1e6).round() / 1e6));
    text.collect::<Vec<_>>().join(" ")
}

#[test]
fn worked_example_of_lateness_and_rates() {
    let batches: [&[(i64, f64)]; 5] = [
        &[(0, 1.0), (10, 2.0), (60, 10.0), (70, 20.0), (200, 5.0)],
        &[(130, 7.0), (185, 9.0)],
        &[(5, 1000.0), (119, 1000.0), (150, 3.0)],
        &[(500, 1.0)],
        &[(200, 77.0)],
    ];
    // Back window 1, and one block more for rate:mean.
    let series = push_all(&batches, 60, 2);
    assert_eq!(seconds_of(&series, 60, "count"), "0:2 60:3 120:2 180:2 480:1");
    assert_eq!(seconds_of(&series, 60, "mean"), "0:1.5 60:343.333333 120:5 180:7 480:1");
    let rates = "10:1 60:8 70:10 110:980 130:-993 150:-4 180:6 200:-4 500:-4";
    assert_eq!(seconds_of(&series, 10, "rate:mean"), rates);
}

#[test]
fn worked_example_of_nan_and_ranks() {
    let nan = f64::NAN;
    let batches: [&[(i64, f64)]; 3] = [
        &[(0, 4.0), (1, 2.0), (2, 9.0), (60, 5.0), (120, 3.0), (121, nan), (122, 1.0), (180, nan)],
        &[(181, 6.0)],
        &[(240, 1.0), (241, 2.0)],
    ];
    let series = push_all(&batches, 60, 1);
    assert_eq!(seconds_of(&series, 60, "95pct"), "0:8.5 60:5 120:NaN 180:NaN 240:1.95");
    assert_eq!(seconds_of(&series, 60, "median"), "0:4 60:5 120:3 180:NaN 240:1.5");
    assert_eq!(seconds_of(&series, 60, "std"), "0:3.605551 120:NaN 180:NaN 240:0.707107");
    assert_eq!(seconds_of(&series, 60, "min"), "0:2 60:5 120:1 180:6 240:1");
}

#[test]
fn lateness_is_judged_by_the_newest_measure_before_the_batch() {
    let batches: [&[(i64, f64)]; 4] =
        [&[(0, 1.0), (200, 5.0)], &[(130, 7.0), (119, 1.0)], &[(500, 1.0), (125, 3.0)], &[(430, 2.0), (419, 2.0)]];
    let series = push_all(&batches, 60, 1);
    assert_eq!(series.timestamps, [0, 125, 130, 200, 430, 500].map(|t| t * SECOND));
}

#[test]
fn a_rate_spans_any_gap_and_is_absent_where_there_is_no_difference() {
    let series = push_all(&[&[(55, 3.0), (65, 10.0), (300, 1.0)]], 60, 1);
    assert_eq!(seconds_of(&series, 60, "rate:mean"), "60:7 300:-9");
    assert_eq!(seconds_of(&series, 60, "rate:std"), "");
}

fn one(values: &[f64], method: &str) -> f64 {
    let timestamps: Vec<i64> = (0..values.len() as i64).collect();
    let mut out = Columns::default();
    aggregate_one(&timestamps, values, None, 1_000, 0..i64::MAX, method.parse().unwrap(), &mut out);
    out.values[0]
}

#[test]
fn zeros_keep_their_sign_except_in_sums() {
    let bits = |value: f64| value.to_bits();
    for method in ["sum", "mean"] {
        assert_eq!(bits(one(&[-0.0], method)), bits(0.0), "{method} of one");
        assert_eq!(bits(one(&[-0.0, -0.0], method)), bits(0.0), "{method}");
    }
    assert_eq!(bits(one(&[-0.0], "min")), bits(-0.0));
    for pair in [[0.0, -0.0], [-0.0, 0.0]] {
        assert_eq!(bits(one(&pair, "min")), bits(-0.0));
        assert_eq!(bits(one(&pair, "max")), bits(0.0));
        assert_eq!(bits(one(&[pair[0], pair[1], f64::NAN], "1pct")).count_ones(), 0, "−0.0 · w + 0.0 · w is 0.0");
    }
    assert_eq!(bits(one(&[-0.0, -0.0], "max")), bits(-0.0));
}

#[test]
fn nan_counts_as_each_method_says() {
    let values = [1.0, 2.0, 3.0, f64::NAN];
    assert_eq!(one(&values, "25pct"), 1.75);
    assert_eq!(one(&values, "50pct"), 2.5);
    assert_eq!(one(&values, "count"), 4.0);
    assert_eq!(one(&values, "min"), 1.0);
    for method in ["75pct", "sum", "mean", "std", "max", "last"] {
        assert!(one(&values, method).is_nan(), "{method}");
    }
    assert!(one(&[f64::NAN, f64::NAN], "min").is_nan());
    assert_eq!(one(&[f64::NAN, f64::INFINITY], "min"), f64::INFINITY);
    assert!(one(&[f64::NEG_INFINITY, f64::NAN], "max").is_nan());
    assert_eq!(one(&[f64::NEG_INFINITY, f64::INFINITY], "max"), f64::INFINITY, "a NaN sum is no NaN value");
    assert!(one(&[f64::NEG_INFINITY, f64::INFINITY], "sum").is_nan());
}

#[test]
fn the_middle_of_an_odd_count_cannot_overflow() {
    assert_eq!(one(&[1e308, 1e308, 1e308], "median"), 1e308);
    assert_eq!(one(&[1e308], "median"), 1e308);
    assert_eq!(one(&[1e308, 1e308], "median"), f64::INFINITY);
}

#[test]
fn groups_at_the_end_of_time() {
    let timestamps = [i64::MAX - 1, i64::MAX];
    let methods: MethodSet = [AggregationMethod::COUNT, AggregationMethod::SUM.rate()].into_iter().collect();
    let half = i64::MAX / 2 + 1;
    for (g, start) in [(half, half), (i64::MAX - 1, i64::MAX - 1)] {
        let block = aggregate(&timestamps, &[1.0, 4.0], None, g, 0..i64::MAX, &methods);
        assert_eq!(block.timestamps, [start]);
        assert_eq!((block.columns[0].values[0], block.columns[1].values[0]), (2.0, 3.0));
    }
    // A group that starts at the very last nanosecond lies in no half-open range.
    let block = aggregate(&timestamps, &[1.0, 4.0], None, 1, 0..i64::MAX, &methods);
    assert_eq!(block.timestamps, [i64::MAX - 1]);
}

#[test]
fn nothing_in_nothing_out() {
    let block = aggregate(&[], &[], Some(Measure::new(0, 1.0)), 60, 0..i64::MAX, &MethodSet::all());
    assert!(block.timestamps.is_empty() && block.columns.len() == 216);
    assert!(block.columns.iter().all(|column| column.values.is_empty() && column.present.is_none()));
    assert!(resample(&Columns::default(), AggregationMethod::STD, Sampling::Year).unwrap().is_empty());
}

#[test]
fn a_full_column_carries_no_marks() {
    let methods: MethodSet = ["std", "rate:std", "rate:mean"].iter().map(|name| name.parse().unwrap()).collect();
    let previous = Some(Measure::new(0, 0.0));
    let block = aggregate(&[60, 70, 120, 121], &[1.0, 2.0, 3.0, 4.0], previous, 60, 0..i64::MAX, &methods);
    assert!(block.columns.iter().all(|column| column.present.is_none()));
    let block = aggregate(&[60, 120, 121], &[1.0, 3.0, 4.0], None, 60, 0..i64::MAX, &methods);
    assert!(block.columns.iter().all(|column| column.present == Some(vec![false, true])));
}
