//! Memory per metric, active and at rest, and how long opening takes: each measured in a process that did nothing else.

use std::time::{Duration, Instant};

use gnocchetti::{AggregationMethod, Columns, Database, MetricKey, Options, Query, Timespan};

use crate::data::Table;
use crate::figures::Measured;
use crate::setup::{
    EPOCH, KERNEL, Outcome, Run, SECOND, at, expect_accepted, expect_total, median, new_database, options,
    usual_archives,
};
use crate::{check, proc, run_self};

/// The database within the run's directory.
const NAME: &str = "db";

/// So many metrics are pushed at once: few, so that the batch's own memory does not matter.
const AT_ONCE: usize = 1_000;

/// What a process of its own does: the step of this name.
pub fn step(name: &str, run: &Run) -> Outcome<Measured> {
    let argument = || -> Outcome<usize> { Ok(run.arguments.first().ok_or("an argument is missing")?.parse()?) };
    match name {
        "hold" => hold(run, argument()?, options(KERNEL).dirty_bytes(4 << 30).journal_bytes(4 << 30)),
        "hold_default" => hold(run, argument()?, options(KERNEL)),
        "open" => open(run, argument()?),
        "rest" => rest(run, argument()?),
        _ => Err(format!("nothing is called {name}").into()),
    }
}

fn run_step(run: &Run, step: &str, argument: u64) -> Outcome<Measured> {
    let mut arguments = vec![step.to_owned(), run.directory.display().to_string(), argument.to_string()];
    if run.quick {
        arguments.push("--quick".to_owned());
    }
    Measured::parse(&run_self(&arguments)?)
}

/// The key of the first of `keys`; the others follow it, so that a process need not hold them all.
fn first_of(keys: &[MetricKey]) -> Outcome<u64> {
    let first = keys.first().ok_or("no metric")?.get();
    let follow = (first..).zip(keys).all(|(expected, key)| key.get() == expected);
    if follow { Ok(first) } else { Err("the keys have gaps".into()) }
}

fn active_size(run: &Run) -> (usize, usize) {
    (run.size(100_000, 2_000), 240)
}

/// 100,000 metrics with 240 measures each, none of them closed.
pub fn active(run: &Run) -> Outcome<Measured> {
    let (metrics, _) = active_size(run);
    let mut figures = Measured::default();
    for (name, step) in [("mem_active", "hold_default"), ("mem_active_held", "hold")] {
        let (db, keys) = new_database(run, NAME, options(KERNEL), usual_archives()?, metrics)?;
        let first = first_of(&keys)?;
        db.close()?;
        figures = figures.and(name, run_step(run, step, first)?.value("bytes")?);
        std::fs::remove_dir_all(run.directory.join(NAME))?;
    }
    Ok(figures)
}

/// By how much memory grows per metric, beyond 16 bytes per measure, when measures come in and none closes.
fn hold(run: &Run, first: usize, options: Options) -> Outcome<Measured> {
    let (metrics, ticks) = active_size(run);
    let table = Table::new(metrics, ticks);
    let key = |metric: usize| MetricKey::new((first + metric) as u64);
    let before = proc::memory("VmRSS")?;
    let db = Database::open(run.directory.join(NAME), options)?;
    let mut batch = db.batch();
    for tick in 0..ticks {
        let time = at(tick as i64 * 10)?;
        for some in (0..metrics).step_by(AT_ONCE) {
            for metric in some..metrics.min(some + AT_ONCE) {
                batch.add(key(metric), time, table.value(metric, tick));
            }
            let measures = batch.len();
            expect_accepted(batch.commit()?.total(), measures)?;
        }
    }
    let grown = proc::memory("VmRSS")? - before;
    expect_total(&db, metrics * ticks)?;
    for metric in [0, metrics / 2, metrics - 1] {
        check::metric(&db, key(metric), &table.measures(metric, 10))?;
    }
    db.close()?;
    Ok(Measured::one("bytes", (grown - 16.0 * (metrics * ticks) as f64) / metrics as f64))
}

/// When each of the million metrics was measured, in seconds: an hour that closes, and one that is open.
const MOMENTS: [i64; 4] = [0, 10, 20, 3_600];

fn many(run: &Run) -> usize {
    run.size(1_000_000, 10_000)
}

/// Compares the means of minutes of one of the million metrics with what its measures make.
fn check_few(answer: &Columns, table: &Table, metric: usize) -> Outcome<()> {
    let measured = (0..).zip(MOMENTS).map(|(tick, moment)| (EPOCH + moment * SECOND, table.value(metric, tick)));
    let measures: Vec<(i64, f64)> = measured.collect();
    check::range(answer, &measures, Timespan::MINUTE, AggregationMethod::MEAN, 0..i64::MAX)
}

/// A million metrics of a database that was closed: how long opening takes, what they cost in memory at rest.
pub fn reopened(run: &Run) -> Outcome<Measured> {
    let metrics = many(run);
    let first = prepare(run, metrics)?;
    eprintln!("{metrics} metrics are prepared");
    let mut times = Vec::new();
    for round in 0..6 {
        let took = run_step(run, "open", round)?.value("milliseconds")?;
        // The first one warms the page cache.
        if round > 0 {
            times.push(took);
        }
    }
    let rest = run_step(run, "rest", first)?.value("bytes")?;
    Ok(Measured::one("open_1m", median(times)).and("mem_idle", rest))
}

/// Makes the database, and closes it; returns the first metric's key.
fn prepare(run: &Run, metrics: usize) -> Outcome<u64> {
    let table = Table::new(metrics, MOMENTS.len());
    let (db, keys) = new_database(run, NAME, options(KERNEL).grace(Duration::ZERO), usual_archives()?, metrics)?;
    let mut batch = db.batch();
    for (tick, moment) in MOMENTS.into_iter().enumerate() {
        for (some, keys) in keys.chunks(100_000).enumerate() {
            for (metric, key) in (some * 100_000..).zip(keys) {
                batch.add(*key, at(moment)?, table.value(metric, tick));
            }
            expect_accepted(batch.commit()?.total(), keys.len())?;
        }
    }
    expect_total(&db, metrics * MOMENTS.len())?;
    db.maintain()?;
    db.close()?;
    first_of(&keys)
}

/// How long it takes from nothing to the answer of a query by name.
fn open(run: &Run, round: usize) -> Outcome<Measured> {
    let metrics = many(run);
    let table = Table::new(metrics, MOMENTS.len());
    let metric = (round * 7_919 + 1) * 104_729 % metrics;
    let name = format!("m{metric}");
    let begin = Instant::now();
    let db = Database::open(run.directory.join(NAME), options(KERNEL))?;
    let key = db.metric_by_name(&name)?.key;
    let answer = db.measures(&Query::new(key).granularity(Timespan::MINUTE))?;
    let took = begin.elapsed().as_secs_f64() * 1e3;
    check_few(&answer, &table, metric)?;
    db.close()?;
    Ok(Measured::one("milliseconds", took))
}

/// By how much memory has grown per metric once each was queried and then left alone.
fn rest(run: &Run, first: usize) -> Outcome<Measured> {
    let metrics = many(run);
    let table = Table::new(metrics, MOMENTS.len());
    let before = proc::memory("VmRSS")?;
    let db = Database::open(run.directory.join(NAME), options(KERNEL))?;
    for metric in 0..metrics {
        let query = Query::new(MetricKey::new((first + metric) as u64)).granularity(Timespan::MINUTE);
        let answer = db.measures(&query)?;
        if metric % 997 == 0 {
            check_few(&answer, &table, metric)?;
        } else if answer.len() != 2 {
            return Err(format!("{} points of metric {metric}", answer.len()).into());
        }
    }
    db.maintain()?;
    let grown = proc::memory("VmRSS")? - before;
    if db.stats()?.metrics != metrics as u64 {
        return Err(format!("{} metrics of {metrics}", db.stats()?.metrics).into());
    }
    db.close()?;
    Ok(Measured::one("bytes", grown / metrics as f64))
}
