//! One operation across a thousand metrics, out of sealed segments, here and in Gnocchi.

use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use gnocchetti::{
    Aggregates, ArchivePolicy, Columns, Database, Definition, Error, Metric, NewMetric, Options, Timespan, Timestamp,
};

use crate::{SECOND, figure};

const METRICS: usize = 1_000;
const POINTS: i64 = 1_440;
/// Measures in a group.
const MEASURES: i64 = 2;
const STEP: i64 = 60 * SECOND / MEASURES;
const START: i64 = 1_699_920_000 * SECOND;
const RUNS: usize = 21;

/// The measures of the metrics.
#[derive(Clone, Copy)]
enum Walk {
    /// Percents of two decimals, as agents report them.
    Decimals,
    /// Percents in all the digits that a float has: nothing that a codec could make smaller.
    Floats,
}

/// The measures of a metric: a random walk, the same in every run.
fn values(metric: usize, walk: Walk) -> Vec<f64> {
    let mut state = metric as u64;
    let mut value = 50.0;
    let mut step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let next = |_| {
        value = (value + step()).clamp(0.0, 100.0);
        match walk {
            Walk::Decimals => (value * 100.0).round() / 100.0,
            Walk::Floats => value,
        }
    };
    (0..POINTS * MEASURES).map(next).collect()
}

fn times() -> Vec<i64> {
    (0..POINTS * MEASURES).map(|measure| START + measure * STEP).collect()
}

/// A database whose thousand metrics are sealed but for the group after the last that is asked for.
fn database(directory: &Path, walk: Walk) -> Result<(Database, Vec<Metric>), Error> {
    let db = Database::open(directory, Options::new().background(false))?;
    let minutes = ArchivePolicy::builder("minutes").definition(Definition::unlimited(Timespan::MINUTE)).build()?;
    db.create_archive_policy(&minutes)?;
    let new = |i: usize| NewMetric::named(format!("host-{i:04}.cpu")).archive_policy("minutes");
    let metrics = db.create_metrics(&(0..METRICS).map(new).collect::<Vec<_>>())?;
    let times = times();
    for (i, metric) in metrics.iter().enumerate() {
        let mut batch = db.batch();
        batch.extend(metric.key, &times, &values(i, walk))?;
        batch.add(metric.key, Timestamp::from_nanos(START + POINTS * 60 * SECOND)?, 0.0);
        batch.commit()?;
    }
    db.maintain()?;
    Ok((db, metrics))
}

fn question(text: &str) -> Result<Aggregates, Error> {
    let end = Timestamp::from_nanos(START + POINTS * 60 * SECOND)?;
    Ok(Aggregates::new(text.parse()?).granularity(Timespan::MINUTE).to(end))
}

/// What this thread has taken of a core since it began, in milliseconds: other than a clock's, a time that does not depend on
/// who else is at work on the machine.
fn taken() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = statistics.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.expect("a number") / 1e6
}

/// The median time of an answer on one core, in milliseconds, and the answer.
fn answer(db: &Database, text: &str) -> Result<(f64, Columns), Error> {
    let question = question(text)?;
    let mut times = Vec::with_capacity(RUNS);
    let mut columns = Columns::default();
    for _ in 0..RUNS {
        let begin = taken();
        let mut answer = black_box(db.aggregates(&question)?);
        times.push(taken() - begin);
        columns = answer.series.swap_remove(0).columns;
        assert_eq!(columns.len(), POINTS as usize);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok((times[RUNS / 2], columns))
}

pub fn measure() -> Result<(), Error> {
    run("agg_1000", Walk::Floats)?;
    run("agg_1000_decimals", Walk::Decimals)
}

fn run(name: &str, walk: Walk) -> Result<(), Error> {
    let directory = tempfile::tempdir().expect("a directory");
    let (db, metrics) = database(&directory.path().join("db"), walk)?;
    let (by_pattern, columns) = answer(&db, "(aggregate mean (metric host-*.cpu mean))")?;
    figure(name, by_pattern, "ms");
    let references: Vec<String> = metrics.iter().map(|metric| format!("({} mean)", metric.id)).collect();
    let (by_id, same) = answer(&db, &format!("(aggregate mean (metric {}))", references.join(" ")))?;
    assert_eq!(columns, same);
    figure(&format!("{name}_by_id"), by_id, "ms");
    upstream(name, walk, directory.path(), by_pattern, &columns);
    Ok(())
}

/// Has Gnocchi answer the same, where `ci/upstream.sh` installed it.
fn upstream(name: &str, walk: Walk, directory: &Path, ours: f64, columns: &Columns) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/upstream/venv/bin/python");
    if !python.exists() {
        println!("{name}_vs_upstream: not measured; ci/upstream.sh installs what it compares with");
        return;
    }
    let data = directory.join("values");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&data).expect("a file"));
    for metric in 0..METRICS {
        let bytes: Vec<u8> = values(metric, walk).iter().flat_map(|value| value.to_le_bytes()).collect();
        file.write_all(&bytes).expect("written");
    }
    file.into_inner().expect("written");
    let mut script = Command::new(python);
    script.arg(root.join("tests/upstream/aggregate.py")).arg(&data).arg(directory.join("gnocchi"));
    script.args([METRICS.to_string(), POINTS.to_string(), MEASURES.to_string(), START.to_string()]);
    let output = script.env("PYTHONDONTWRITEBYTECODE", "1").output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let theirs: Vec<(i64, f64)> = serde_json::from_value(answer["points"].clone()).expect("points");
    assert_eq!(theirs.len(), columns.len());
    for ((time, value), (their_time, their_value)) in columns.iter().zip(theirs) {
        assert_eq!(time, their_time);
        assert!((value - their_value).abs() <= 1e-12 * their_value.abs(), "{time}: {value} and {their_value}");
    }
    let milliseconds = |which: &str| answer[which].as_f64().expect("a number");
    figure(&format!("{name}_upstream"), milliseconds("whole_ms"), "ms");
    figure(&format!("{name}_upstream_without_reading"), milliseconds("computation_ms"), "ms");
    figure(&format!("{name}_vs_upstream"), milliseconds("whole_ms") / ours, "x");
}
