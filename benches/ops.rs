//! Speed of operations across series: a day of minutes of a thousand metrics, on the same timestamps and not.

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on says why")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gnocchetti::ops::{EvaluateOptions, Fill, Input, Operation, Reference, evaluate};
use gnocchetti::{AggregationMethod, Columns, Timespan};

const SERIES: usize = 1_000;
const POINTS: usize = 1_440;
const MINUTE: i64 = 60_000_000_000;

/// Numbers that look random and are the same in every run.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

/// Series of which each lacks `holes` of its points.
fn inputs(holes: f64) -> Vec<Input> {
    let mut state = 7;
    let series = |i: usize| {
        let reference = Reference::new(format!("3f1c8e0a-0000-4000-8000-{i:012}"), AggregationMethod::MEAN);
        let mut columns = Columns::default();
        for t in 0..POINTS as i64 {
            let value = noise(&mut state) * 100.0;
            if holes == 0.0 || noise(&mut state) >= holes {
                columns.push(t * MINUTE, value);
            }
        }
        Input::new(reference, Timespan::MINUTE, columns)
    };
    (0..SERIES).map(series).collect()
}

fn over(prefix: &str, inputs: &[Input]) -> Operation {
    let names: Vec<String> = inputs.iter().map(|input| format!("({} mean)", input.label.metric)).collect();
    format!("({prefix} (metric {}))", names.join(" ")).parse().expect("an operation")
}

fn operations(c: &mut Criterion) {
    let options = EvaluateOptions::default();
    let dropna = EvaluateOptions { fill: Some(Fill::DropNan), ..options };
    let (whole, holey) = (inputs(0.0), inputs(0.05));
    let mut group = c.benchmark_group("ops/1000x1440");
    group.sample_size(20).throughput(Throughput::Elements((SERIES * POINTS) as u64));
    for prefix in
        ["aggregate mean", "aggregate std", "aggregate median", "rolling mean 60", "resample mean 3600", "* 2"]
    {
        let operation = over(prefix, &whole);
        group.bench_function(format!("{prefix}/same timestamps"), |b| {
            b.iter(|| evaluate(&operation, black_box(&whole), &options));
        });
    }
    let operation = over("aggregate mean", &holey);
    group.bench_function("aggregate mean/5% holes", |b| {
        b.iter(|| evaluate(&operation, black_box(&holey), &dropna));
    });
    group.finish();
    let text = operation.to_string();
    c.bench_function("ops/read 1000 metrics", |b| b.iter(|| black_box(&text).parse::<Operation>()));
}

criterion_group!(benches, operations);
criterion_main!(benches);
