//! One operation across a thousand metrics, out of sealed segments, here and in Gnocchi.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use gnocchetti::{
    Aggregates, ArchivePolicy, Columns, Database, Definition, Error, Metric, NewMetric, Options, Timespan, Timestamp,
};
use rustix::time::{ClockId, clock_gettime};

use crate::{SECOND, figure};

const METRICS: usize = 1_000;
const POINTS: i64 = 1_440;
/// Measures in a group.
const MEASURES: i64 = 2;
const STEP: i64 = 60 * SECOND / MEASURES;
const START: i64 = 1_699_920_000 * SECOND;
const RUNS: usize = 51;

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
/// who else is at work on the machine. (The kernel counts it to the nanosecond; what `/proc` says of it is a few ticks old.)
fn taken() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

fn points(db: &Database, question: &Aggregates) -> Result<Columns, Error> {
    let columns = black_box(db.aggregates(question)?).series.swap_remove(0).columns;
    assert_eq!(columns.len(), POINTS as usize);
    Ok(columns)
}

/// The median time of an answer on one core, in milliseconds, and the answer.
fn answer(db: &Database, text: &str) -> Result<(f64, Columns), Error> {
    let question = question(text)?;
    let mut times = Vec::with_capacity(RUNS);
    let mut columns = Columns::default();
    for _ in 0..RUNS {
        let begin = taken();
        columns = points(db, &question)?;
        times.push(taken() - begin);
    }
    Ok((median(times), columns))
}

const BY_PATTERN: &str = "(aggregate mean (metric host-*.cpu mean))";

pub fn measure() -> Result<(), Error> {
    run("agg_1000", Walk::Floats)?;
    run("agg_1000_decimals", Walk::Decimals)
}

fn run(name: &str, walk: Walk) -> Result<(), Error> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("db");
    let (db, metrics) = database(&path, walk)?;
    let (by_pattern, columns) = answer(&db, BY_PATTERN)?;
    figure(name, by_pattern, "ms");
    let references: Vec<String> = metrics.iter().map(|metric| format!("({} mean)", metric.id)).collect();
    let (by_id, same) = answer(&db, &format!("(aggregate mean (metric {}))", references.join(" ")))?;
    assert_eq!(columns, same);
    figure(&format!("{name}_by_id"), by_id, "ms");
    db.close()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let db = Database::open(&path, Options::new().background(false).query_threads(threads))?;
    println!("{name}: {threads} threads where it says so");
    side_by_side(name, walk, directory.path(), &db, by_pattern, &columns)
}

/// Turns in which both answer, one after the other.
const TURNS: usize = 15;
/// How long a turn takes that nobody else has a part in, in milliseconds.
const ALONE: f64 = 200.0;

/// Answers for so many milliseconds; how many of these each took, on average.
fn answer_for(milliseconds: f64, db: &Database, question: &Aggregates) -> Result<f64, Error> {
    let begin = Instant::now();
    let mut answers = 0;
    loop {
        points(db, question)?;
        answers += 1;
        let taken = begin.elapsed().as_secs_f64() * 1e3;
        if taken >= milliseconds {
            return Ok(taken / f64::from(answers));
        }
    }
}

/// Several threads by the clock; and Gnocchi's answer to the same, in turns with them, where `ci/upstream.sh` installed it.
fn side_by_side(
    name: &str,
    walk: Walk,
    directory: &Path,
    db: &Database,
    one_core: f64,
    columns: &Columns,
) -> Result<(), Error> {
    let question = question(BY_PATTERN)?;
    let mut upstream = Upstream::start(walk, directory);
    let mut ours = Vec::with_capacity(TURNS);
    for _ in 0..TURNS {
        let theirs = upstream.as_mut().map_or(ALONE, Upstream::turn);
        // Neither what the other left in the processor's caches is to be measured, nor how long the machine takes to give a core
        // that was idle its full speed, which can be a fifth of a second: there, one answer goes before. So here answers go
        // before for as long as one takes there, and are timed for as long.
        answer_for(theirs, db, &question)?;
        ours.push(answer_for(theirs, db, &question)?);
        assert_eq!(&points(db, &question)?, columns, "several threads");
    }
    let ours = median(ours);
    figure(&format!("{name}_threads"), ours, "ms");
    let Some(upstream) = upstream else {
        println!("{name}_vs_upstream: not measured; ci/upstream.sh installs what it compares with");
        return Ok(());
    };
    let Measured { clock, core, computation } = upstream.end(columns);
    figure(&format!("{name}_upstream"), clock, "ms");
    figure(&format!("{name}_upstream_without_reading"), computation, "ms");
    figure(&format!("{name}_vs_upstream"), clock / ours, "x");
    figure(&format!("{name}_vs_upstream_one_core"), core / one_core, "x");
    Ok(())
}

/// Gnocchi in a process of its own, which answers when it is its turn.
struct Upstream {
    process: Child,
    turns: ChildStdin,
    answers: BufReader<ChildStdout>,
    clock: Vec<f64>,
}

/// Medians in milliseconds: by the clock, of a core, and of a core without reading.
struct Measured {
    clock: f64,
    core: f64,
    computation: f64,
}

impl Upstream {
    fn start(walk: Walk, directory: &Path) -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/upstream/venv/bin/python");
        if !python.exists() {
            return None;
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
        script.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = script.spawn().expect("Python runs");
        let turns = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Some(Upstream { process, turns, answers, clock: Vec::new() })
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("Python answers");
        line
    }

    /// Has it answer twice; what the second answer took by the clock, in milliseconds.
    fn turn(&mut self) -> f64 {
        self.turns.write_all(b"answer\n").expect("Python reads");
        let line = self.line();
        let milliseconds = line.trim().parse().unwrap_or_else(|_| panic!("no time: {line}"));
        self.clock.push(milliseconds);
        milliseconds
    }

    /// Compares its answer with ours.
    fn end(mut self, columns: &Columns) -> Measured {
        self.turns.write_all(b"end\n").expect("Python reads");
        let answer: serde_json::Value = serde_json::from_str(&self.line()).expect("JSON");
        assert!(self.process.wait().expect("it ends").success());
        let theirs: Vec<(i64, f64)> = serde_json::from_value(answer["points"].clone()).expect("points");
        assert_eq!(theirs.len(), columns.len());
        for ((time, value), (their_time, their_value)) in columns.iter().zip(theirs) {
            assert_eq!(time, their_time);
            assert!((value - their_value).abs() <= 1e-12 * their_value.abs(), "{time}: {value} and {their_value}");
        }
        let milliseconds = |which: &str| answer[which].as_f64().expect("a number");
        let (core, computation) = (milliseconds("core_ms"), milliseconds("computation_ms"));
        Measured { clock: median(self.clock), core, computation }
    }
}
