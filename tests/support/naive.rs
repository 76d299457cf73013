//! The naive side of tests against a model: each method as its definition says, and what metrics and measures are tried.

use std::collections::BTreeMap;

use gnocchetti::{AggregationMethod, Columns, Method};
use proptest::prelude::*;

/// One method of one group, as its definition says.
pub fn naive(method: Method, values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let sum = values.iter().fold(0.0, |sum, value| sum + value);
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| {
        a.is_nan().cmp(&b.is_nan()).then(if a.is_nan() || b.is_nan() { 0.cmp(&0) } else { a.total_cmp(b) })
    });
    let any_nan = values.iter().any(|value| value.is_nan());
    Some(match method {
        Method::Mean => sum / n,
        Method::Sum => sum,
        Method::Count => n,
        Method::Min => sorted[0],
        Method::Max if any_nan => f64::NAN,
        Method::Max => sorted[sorted.len() - 1],
        Method::First => values[0],
        Method::Last => values[values.len() - 1],
        Method::Std if values.len() < 2 => return None,
        Method::Std => (values.iter().fold(0.0, |s, v| s + (v - sum / n) * (v - sum / n)) / (n - 1.0)).sqrt(),
        Method::Median if values.len() % 2 == 1 => sorted[values.len() / 2],
        #[expect(clippy::manual_midpoint, reason = "as it is defined, overflow included")]
        Method::Median => (sorted[values.len() / 2 - 1] + sorted[values.len() / 2]) / 2.0,
        Method::Percentile(p) => {
            let position = (n - 1.0) * (f64::from(p) / 100.0);
            let (low, high) = (position.floor(), position.ceil());
            let (a, b) = (sorted[low as usize], sorted[high as usize]);
            if low == high { a } else { a * (high - position) + b * (position - low) }
        }
        _ => unreachable!("the model knows every method"),
    })
}

/// Measured values: plain ones, decimals, any, and odd ones.
pub fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-1000_i32..1000).prop_map(f64::from),
        2 => (-1000_i32..1000).prop_map(|v| f64::from(v) / 10.0),
        2 => any::<f64>(),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e308, 5e-324]),
    ]
}

/// Granularities (some do not divide each other), and how many points they keep.
pub fn archives() -> impl Strategy<Value = Vec<(i64, Option<u64>)>> {
    let granularity = prop::sample::select(vec![1_i64, 7, 10, 60, 90, 300]);
    let points = prop_oneof![Just(None), (1_u64..200).prop_map(Some)];
    prop::collection::btree_map(granularity, points, 1..4).prop_map(|map| map.into_iter().collect())
}

/// Methods of a policy.
pub fn methods() -> impl Strategy<Value = Vec<AggregationMethod>> {
    let all: Vec<AggregationMethod> = AggregationMethod::all().collect();
    let common =
        ["mean", "sum", "min", "max", "count", "std", "first", "last", "median", "95pct", "rate:mean", "rate:std"];
    let common: Vec<AggregationMethod> = common.iter().map(|name| name.parse().unwrap()).collect();
    prop_oneof![
        3 => prop::sample::subsequence(common, 1..=12),
        1 => prop::sample::subsequence(all, 1..6),
    ]
}

/// Points that retention never hid are equal; what it hid once may be missing, and is right if it is there.
pub fn assert_same(columns: &Columns, expected: &[(i64, f64)], hidden: i64, what: &str) {
    let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    let found: BTreeMap<i64, u64> = columns.iter().map(|(t, v)| (t, bits(v))).collect();
    let wanted: BTreeMap<i64, u64> = expected.iter().map(|(t, v)| (*t, bits(*v))).collect();
    assert_eq!(found.len(), columns.len(), "{what}: a timestamp twice");
    for (timestamp, value) in &found {
        assert_eq!(wanted.get(timestamp), Some(value), "{what}: at {timestamp}, found against model");
    }
    for (timestamp, value) in wanted.range(hidden.saturating_add(1)..) {
        assert_eq!(found.get(timestamp), Some(value), "{what}: at {timestamp}, model against found");
    }
}
