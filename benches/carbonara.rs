//! Speed of aggregation per raw measure: by group size, by set of methods, over more distinct data than a branch
//! predictor can learn.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gnocchetti::internals::carbonara::{Sampling, aggregate, aggregate_one, resample};
use gnocchetti::{AggregationMethod, Columns, Measure, MethodSet};

const SECOND: i64 = 1_000_000_000;
/// Measures per call: one day at 10 s.
const WINDOW: usize = 8_640;
const WINDOWS: usize = 80;

const SETS: [(&str, &str); 9] = [
    ("plain8", "mean min max sum count std first last"),
    ("frequent6", "mean min max sum count std"),
    ("mean", "mean"),
    ("rate:mean", "rate:mean"),
    ("rate8", "rate:mean rate:min rate:max rate:sum rate:count rate:std rate:first rate:last"),
    ("median", "median"),
    ("95pct", "95pct"),
    ("median+95pct", "median 95pct"),
    ("median+5pct", "median 75pct 90pct 95pct 98pct 99pct"),
];

fn set(names: &str) -> MethodSet {
    names.split(' ').map(|name| name.parse::<AggregationMethod>().expect("a method")).collect()
}

/// Numbers that look random and are the same in every run.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

/// Windows of measures every `step` seconds, moved by up to `jitter` of a step.
fn windows(step: i64, jitter: f64) -> Vec<(Vec<i64>, Vec<f64>)> {
    let mut state = 7;
    let window = |_| {
        let at = |i: usize, state: &mut u64| {
            (i as i64 * step * SECOND) + (noise(state) * jitter * (step * SECOND) as f64) as i64
        };
        (0..WINDOW).map(|i| (1_700_000_000 * SECOND + at(i, &mut state), noise(&mut state) * 100.0)).unzip()
    };
    (0..WINDOWS).map(window).collect()
}

fn methods_by_group_size(c: &mut Criterion) {
    let cases = [
        ("1 per group", 10, 0.0, 1),
        ("6", 10, 0.0, 60),
        ("6 jitter", 10, 0.9, 60),
        ("60", 1, 0.0, 60),
        ("3600", 1, 0.0, 3_600),
    ];
    for (case, step, jitter, g) in cases {
        let windows = windows(step, jitter);
        let mut group = c.benchmark_group(format!("aggregate/{case}"));
        group.throughput(Throughput::Elements((WINDOW * WINDOWS) as u64));
        for (name, methods) in SETS {
            let methods = set(methods);
            group.bench_function(BenchmarkId::from_parameter(name), |b| {
                b.iter(|| {
                    for (timestamps, values) in &windows {
                        let previous = Some(Measure::new(0, 1.0));
                        black_box(aggregate(timestamps, values, previous, g * SECOND, 0..i64::MAX, &methods));
                    }
                });
            });
        }
        group.finish();
    }
}

fn one_method(c: &mut Criterion) {
    let windows = windows(10, 0.0);
    let mut group = c.benchmark_group("aggregate_one/6");
    group.throughput(Throughput::Elements((WINDOW * WINDOWS) as u64));
    for method in [AggregationMethod::MEAN, AggregationMethod::MAX] {
        group.bench_function(BenchmarkId::from_parameter(method), |b| {
            let mut out = Columns::default();
            b.iter(|| {
                for (timestamps, values) in &windows {
                    out.clear();
                    aggregate_one(timestamps, values, None, 60 * SECOND, 0..i64::MAX, method, &mut out);
                    black_box(&out);
                }
            });
        });
    }
    group.finish();
}

/// What a call costs when there is next to nothing to do: a metric's six new measures, sealed.
fn small_calls(c: &mut Criterion) {
    let timestamps: Vec<i64> = (0..6).map(|i| i * 10 * SECOND).collect();
    let methods = set("mean min max sum count std");
    c.bench_function("aggregate/one group", |b| {
        b.iter(|| {
            aggregate(black_box(&timestamps), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], None, 60 * SECOND, 0..i64::MAX, &methods)
        });
    });
}

fn calendar(c: &mut Criterion) {
    let points = Columns {
        timestamps: (0..WINDOW as i64).map(|i| i * 3_600 * SECOND).collect(),
        values: (0..WINDOW).map(|i| i as f64).collect(),
    };
    let mut group = c.benchmark_group("resample");
    group.throughput(Throughput::Elements(WINDOW as u64));
    group.bench_function("hours to months", |b| {
        b.iter(|| resample(black_box(&points), AggregationMethod::MEAN, Sampling::Month));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(std::time::Duration::from_millis(200)).measurement_time(std::time::Duration::from_millis(500));
    targets = methods_by_group_size, one_method, small_calls, calendar
}
criterion_main!(benches);
