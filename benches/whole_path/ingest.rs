//! How fast measures come in: many metrics at once, one metric in bulk, one measure per call.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use gnocchetti::{Database, Durability, MetricKey, Options};

use crate::data::{Cpu, Random, Table};
use crate::figures::Measured;
use crate::setup::{
    EPOCH, KERNEL, Outcome, Run, SECOND, at, expect_accepted, expect_total, median, new_database, options,
    usual_archives,
};
use crate::{check, proc};

/// Seconds between the measures of a metric, unless said otherwise.
const STEP: i64 = 10;

/// 100,000 metrics, one batch with a measure of each every 10 s, until all that may be sealed is sealed and on the disk.
pub fn wide(run: &Run) -> Outcome<Measured> {
    let (metrics, ticks) = (run.size(100_000, 2_000), run.size(600, 400));
    let table = Table::new(metrics, ticks);
    // At the quick size the default limits would never be reached.
    let limits = if run.quick { options(KERNEL).dirty_bytes(1 << 20) } else { options(KERNEL) };
    let (db, keys) = new_database(run, "wide", limits, usual_archives()?, metrics)?;
    let written_before = proc::written()?;
    let begin = Instant::now();
    let mut batch = db.batch();
    for tick in 0..ticks {
        let time = at(tick as i64 * STEP)?;
        for (metric, key) in keys.iter().enumerate() {
            batch.add(*key, time, table.value(metric, tick));
        }
        expect_accepted(batch.commit()?.total(), metrics)?;
    }
    db.checkpoint()?;
    db.flush()?;
    let took = begin.elapsed().as_secs_f64();
    let written = proc::written()? - written_before;
    let resident = proc::memory("VmHWM")?;
    let stats = db.stats()?;
    let measures = (metrics * ticks) as f64;
    expect_total(&db, metrics * ticks)?;
    if stats.dirty_measures > 0 {
        return Err(format!("{} measures still wait for a checkpoint", stats.dirty_measures).into());
    }
    if stats.checkpoints < 3 && !run.quick {
        return Err(format!("{} checkpoints; the figure means something from 3 on", stats.checkpoints).into());
    }
    let mut random = Random::new(1);
    for metric in std::iter::repeat_with(|| random.below(metrics)).take(20).chain([0, metrics - 1]) {
        check::metric(&db, keys[metric], &table.measures(metric, STEP))?;
    }
    db.close()?;
    Ok(Measured::one("wide", measures / took)
        .and("journal_bytes", stats.journal_bytes_written as f64 / measures)
        .and("wide_checkpoints", stats.checkpoints as f64)
        .and("wide_merges", stats.merges as f64)
        .and("wide_write_amp", written / measures)
        .and("wide_rss", resident / 1e6))
}

/// One metric, a measure per second, in large batches, until all that may be sealed is sealed and on the disk.
pub fn deep(run: &Run) -> Outcome<Measured> {
    const BATCH: usize = 50_000;
    let total = run.size(10_000_000, 200_000);
    let timestamps: Vec<i64> = (0..total as i64).map(|second| EPOCH + second * SECOND).collect();
    let values: Vec<f64> = Cpu::new(2).take(total).collect();
    let mut rates = Vec::new();
    for round in 0..3 {
        let (db, keys) = new_database(run, "deep", options(KERNEL), usual_archives()?, 1)?;
        let begin = Instant::now();
        let mut batch = db.batch();
        for (timestamps, values) in timestamps.chunks(BATCH).zip(values.chunks(BATCH)) {
            batch.extend(keys[0], timestamps, values)?;
            expect_accepted(batch.commit()?.total(), timestamps.len())?;
        }
        db.checkpoint()?;
        db.flush()?;
        rates.push(total as f64 / begin.elapsed().as_secs_f64());
        expect_total(&db, total)?;
        if round == 0 {
            let measures: Vec<(i64, f64)> = timestamps.iter().copied().zip(values.iter().copied()).collect();
            check::metric(&db, keys[0], &measures)?;
        }
        db.close()?;
        std::fs::remove_dir_all(run.directory.join("deep"))?;
    }
    Ok(Measured::one("deep", median(rates)))
}

/// One measure per call, over 1,000 metrics in turn, kept in the process for at most a second.
pub fn single(run: &Run) -> Outcome<Measured> {
    let rates = singles(run, &options(Durability::Buffered(Duration::from_secs(1))), run.size(4_000, 40), |_| Ok(()))?;
    Ok(Measured::one("single", median(rates)))
}

/// One measure per call, handed to the kernel; and what the kernel wants for as small an append alone.
pub fn single_kernel(run: &Run) -> Outcome<Measured> {
    let mut bare = Vec::new();
    let rates = singles(run, &options(KERNEL), run.size(1_000, 20), |round| {
        bare.push(bare_append(run, round)?);
        Ok(())
    })?;
    Ok(Measured::one("single_kernel", median(rates)).and("single_kernel_bare_append", median(bare)))
}

/// The rates of five rounds of calls, each in a new database; `between` is done before each.
fn singles(
    run: &Run,
    options: &Options,
    ticks: usize,
    mut between: impl FnMut(usize) -> Outcome<()>,
) -> Outcome<Vec<f64>> {
    const METRICS: usize = 1_000;
    let table = Table::new(METRICS, ticks);
    let mut rates = Vec::new();
    for round in 0..5 {
        between(round)?;
        let (db, keys) = new_database(run, "single", options.clone(), usual_archives()?, METRICS)?;
        let begin = Instant::now();
        let late = push_each(&db, &keys, &table, ticks)?;
        rates.push((METRICS * ticks) as f64 / begin.elapsed().as_secs_f64());
        if late > 0 {
            return Err(format!("{late} measures were dropped").into());
        }
        db.flush()?;
        expect_total(&db, METRICS * ticks)?;
        for metric in [0, 499, 999] {
            check::metric(&db, keys[metric], &table.measures(metric, STEP))?;
        }
        db.close()?;
        std::fs::remove_dir_all(run.directory.join("single"))?;
    }
    Ok(rates)
}

/// Pushes every metric's measure of every tick by a call of its own; returns how many were not accepted.
fn push_each(db: &Database, keys: &[MetricKey], table: &Table, ticks: usize) -> Outcome<u64> {
    let mut dropped = 0;
    for tick in 0..ticks {
        let time = at(tick as i64 * STEP)?;
        for (metric, key) in keys.iter().enumerate() {
            dropped += 1 - db.push(*key, time, table.value(metric, tick))?.accepted;
        }
    }
    Ok(dropped)
}

/// What an append of 36 bytes to a file costs, in ns: the least that handing a measure to the kernel can cost.
fn bare_append(run: &Run, round: usize) -> Outcome<f64> {
    let appends = run.size(1_000_000, 20_000);
    let path = run.directory.join(format!("bare{round}"));
    let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
    let begin = Instant::now();
    for append in 0..appends {
        file.write_all(&[append as u8; 36])?;
    }
    let took = begin.elapsed();
    std::fs::remove_file(&path)?;
    Ok(took.as_secs_f64() * 1e9 / appends as f64)
}
