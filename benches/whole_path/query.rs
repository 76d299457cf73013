//! How long answers take out of sealed, merged archives: a day of minutes of one metric among many, a million seconds.

use std::time::Instant;

use gnocchetti::{AggregationMethod, Query, Timespan};

use crate::check;
use crate::data::{Cpu, Random, Table};
use crate::figures::Measured;
use crate::setup::{
    EPOCH, KERNEL, Outcome, Run, SECOND, at, expect_accepted, expect_total, median, new_database, one_archive, options,
    usual_archives,
};

/// A day at 1 min of any of 1,000 metrics that were measured every 10 s for three days: `mean` and `max`.
pub fn day(run: &Run) -> Outcome<Measured> {
    const DAYS: usize = 3;
    const STEP: i64 = 10;
    let metrics = run.size(1_000, 50);
    // The hour of the newest measure stays open: one hour more, and the days are sealed.
    let ticks = (DAYS * 86_400 + 3_600) / STEP as usize;
    let table = Table::new(metrics, ticks);
    let (db, keys) = new_database(run, "day", options(KERNEL), usual_archives()?, metrics)?;
    let mut batch = db.batch();
    for first in (0..ticks).step_by(60) {
        let ticks = first..ticks.min(first + 60);
        for (metric, key) in keys.iter().enumerate() {
            let times: Vec<i64> = ticks.clone().map(|tick| EPOCH + tick as i64 * STEP * SECOND).collect();
            let values: Vec<f64> = ticks.clone().map(|tick| table.value(metric, tick)).collect();
            batch.extend(*key, &times, &values)?;
        }
        expect_accepted(batch.commit()?.total(), ticks.len() * metrics)?;
    }
    expect_total(&db, ticks * metrics)?;
    db.maintain()?;
    let mut measured = Measured::default();
    for (name, method) in [("query_day", AggregationMethod::MEAN), ("query_day_max", AggregationMethod::MAX)] {
        let mut random = Random::new(3);
        let mut times = Vec::new();
        for asked in 0..run.size(6_000, 600) {
            let (metric, day) = (random.below(metrics), random.below(DAYS) as i64);
            let query = Query::new(keys[metric]).method(method).granularity(Timespan::MINUTE);
            let query = query.from(at(day * 86_400)?).to(at((day + 1) * 86_400)?);
            let begin = Instant::now();
            let answer = db.measures(&query)?;
            let took = begin.elapsed().as_secs_f64() * 1e6;
            // The first tenth warms the page cache.
            if asked >= run.size(600, 60) {
                times.push(took);
            }
            if answer.len() != 1_440 {
                return Err(format!("{} points for a day of minutes", answer.len()).into());
            }
            if asked % 100 == 0 {
                let within = EPOCH + day * 86_400 * SECOND..EPOCH + (day + 1) * 86_400 * SECOND;
                check::range(&answer, &table.measures(metric, STEP), Timespan::MINUTE, method, within)?;
            }
        }
        measured = measured.and(name, median(times));
    }
    db.close()?;
    Ok(measured)
}

/// A million sealed groups of a second, of two measures each, of one metric: `max` and `mean`.
pub fn scan(run: &Run) -> Outcome<Measured> {
    const BATCH: usize = 50_000;
    let groups = run.size(1_000_000, 20_000);
    // Two measures more, in a group of their own, close the group before.
    let total = 2 * (groups + 1);
    let times: Vec<i64> = (0..total as i64).map(|half| EPOCH + half * SECOND / 2).collect();
    let values: Vec<f64> = Cpu::new(4).take(total).collect();
    let (db, keys) = new_database(run, "scan", options(KERNEL), one_archive(1)?, 1)?;
    let mut batch = db.batch();
    for (times, values) in times.chunks(BATCH).zip(values.chunks(BATCH)) {
        batch.extend(keys[0], times, values)?;
        expect_accepted(batch.commit()?.total(), times.len())?;
    }
    expect_total(&db, total)?;
    db.maintain()?;
    let measures: Vec<(i64, f64)> = times.into_iter().zip(values).collect();
    let mut measured = Measured::default();
    for (name, method) in [("scan_1m", AggregationMethod::MAX), ("scan_1m_mean", AggregationMethod::MEAN)] {
        let query = Query::new(keys[0]).method(method).to(at(groups as i64)?);
        let mut took = Vec::new();
        for asked in 0..run.size(32, 6) {
            let begin = Instant::now();
            let answer = db.measures(&query)?;
            let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
            if asked == 0 {
                let all = EPOCH..EPOCH + groups as i64 * SECOND;
                check::range(&answer, &measures, Timespan::SECOND, method, all)?;
            } else {
                took.push(milliseconds);
            }
            if answer.len() != groups {
                return Err(format!("{} points of {groups}", answer.len()).into());
            }
        }
        measured = measured.and(name, median(took));
    }
    db.close()?;
    Ok(measured)
}
