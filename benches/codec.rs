//! What encoding and decoding costs per row: measures, aggregates and batches of the usual kinds of values.
//!
//! Chunks have 360 rows, as sealed ones mostly do. "int" is a random walk in whole numbers, "float" one with full
//! mantissas, "single" one with one measure per group.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gnocchetti::internals::codec::{
    Parts, Points, Scratch, decode_aggregates, decode_batch, decode_measures, decode_opened, encode_aggregates,
    encode_batch, encode_measures,
};
use gnocchetti::{AggregateBlock, AggregateColumn, AggregationMethod};

const ROWS: usize = 360;
const MINUTE: i64 = 60_000_000_000;
const START: i64 = 28_333_333 * MINUTE;

/// A random walk from 50 by roughly normal steps.
fn walk(n: usize, shape: fn(f64) -> f64) -> Vec<f64> {
    let mut state = 7u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut level = 50.0;
    let mut step = |_| {
        level += (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        shape(level)
    };
    (0..n).map(&mut step).collect()
}

fn identity(value: f64) -> f64 {
    value
}

/// mean, sum, min, max, count and std of groups of `each` measures.
fn aggregates(each: usize, shape: fn(f64) -> f64) -> AggregateBlock {
    let values = walk(ROWS * each, shape);
    let n = each as f64;
    let sum = |group: &[f64]| group.iter().fold(0.0, |sum, value| sum + value);
    let std = move |group: &[f64]| {
        let mean = sum(group) / n;
        (group.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt()
    };
    let column = |method, of: &dyn Fn(&[f64]) -> f64| AggregateColumn {
        method,
        values: values.chunks_exact(each).map(of).collect(),
        present: (method == AggregationMethod::STD && each == 1).then(|| vec![false; ROWS]),
    };
    AggregateBlock {
        timestamps: (0..ROWS as i64).map(|i| START + i * MINUTE).collect(),
        columns: vec![
            column(AggregationMethod::MEAN, &|group| sum(group) / n),
            column(AggregationMethod::SUM, &sum),
            column(AggregationMethod::MIN, &|group| group.iter().copied().fold(f64::MAX, f64::min)),
            column(AggregationMethod::MAX, &|group| group.iter().copied().fold(f64::MIN, f64::max)),
            column(AggregationMethod::COUNT, &|_| n),
            column(AggregationMethod::STD, &std),
        ],
    }
}

fn bench_aggregates(criterion: &mut Criterion) {
    let kinds =
        [("int", aggregates(6, f64::floor)), ("float", aggregates(6, identity)), ("single", aggregates(1, identity))];
    let mut scratch = Scratch::default();
    for (name, block) in kinds {
        let mut group = criterion.benchmark_group(format!("aggregates/{name}"));
        group.throughput(Throughput::Elements(ROWS as u64));
        let mut bytes = Vec::new();
        encode_aggregates(&block, MINUTE, &mut scratch, &mut bytes);
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                bytes.clear();
                encode_aggregates(black_box(&block), MINUTE, &mut scratch, &mut bytes);
            });
        });
        group.bench_function("decode", |bencher| {
            bencher.iter(|| decode_aggregates(black_box(&bytes), ROWS, MINUTE, &mut scratch));
        });
        for method in [AggregationMethod::MAX, AggregationMethod::MEAN, AggregationMethod::STD] {
            let (mut parts, mut out) = (Parts::default(), Points::default());
            group.bench_function(format!("decode {method}"), |bencher| {
                bencher.iter(|| {
                    parts.of(black_box(&bytes), method).expect("a chunk");
                    let decoded = decode_opened(&parts, black_box(&bytes), ROWS, MINUTE, &mut scratch, &mut out);
                    out.starts.truncate(0);
                    out.values.clear();
                    decoded
                });
            });
        }
    }
}

fn bench_measures(criterion: &mut Criterion) {
    let timestamps: Vec<i64> = (0..ROWS as i64).map(|i| START + i * MINUTE / 6 + i * i % 7 * 1_000_000).collect();
    let mut scratch = Scratch::default();
    for (name, values) in [("int", walk(ROWS, f64::floor)), ("float", walk(ROWS, identity))] {
        let mut group = criterion.benchmark_group(format!("measures/{name}"));
        group.throughput(Throughput::Elements(ROWS as u64));
        let mut bytes = Vec::new();
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                bytes.clear();
                encode_measures(black_box(&timestamps), black_box(&values), &mut scratch, &mut bytes);
            });
        });
        let (mut times, mut back) = (Vec::new(), Vec::new());
        group.bench_function("decode", |bencher| {
            bencher.iter(|| {
                times.clear();
                back.clear();
                decode_measures(black_box(&bytes), ROWS, &mut scratch, &mut times, &mut back)
            });
        });
    }
}

fn bench_batch(criterion: &mut Criterion) {
    for (n, compress) in [(1, false), (ROWS, false), (ROWS, true), (100_000, false)] {
        let keys: Vec<u64> = (5_000..).take(n).collect();
        let (timestamps, values) = (vec![START; n], walk(n, f64::floor));
        let name = if compress { "batch/compressed" } else { "batch" };
        let mut group = criterion.benchmark_group(format!("{name}/{n}"));
        group.throughput(Throughput::Elements(n as u64));
        let mut bytes = Vec::new();
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                bytes.clear();
                encode_batch(black_box(&keys), black_box(&timestamps), black_box(&values), compress, &mut bytes);
            });
        });
        let (mut k, mut t, mut v) = (Vec::new(), Vec::new(), Vec::new());
        group.bench_function("decode", |bencher| {
            bencher.iter(|| {
                k.clear();
                t.clear();
                v.clear();
                decode_batch(black_box(&bytes), &mut k, &mut t, &mut v)
            });
        });
    }
}

criterion_group!(benches, bench_aggregates, bench_measures, bench_batch);
criterion_main!(benches);
