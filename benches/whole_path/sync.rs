//! Commits that wait for the disk: how many a second, against what the disk can do; and how many syncs threads share.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gnocchetti::internals::fs::{CountingFs, RealFs};
use gnocchetti::{Database, Durability, MetricKey};

use crate::check;
use crate::data::Table;
use crate::figures::Measured;
use crate::setup::{
    Outcome, Run, at, create_metrics, create_policy, expect_accepted, expect_total, median, new_database, options,
    usual_archives,
};

/// Batches of 1,000 measures of as many metrics, each on the disk before the next; in turn with the bare disk, so that
/// both meet the same weather.
pub fn alone(run: &Run) -> Outcome<Measured> {
    const METRICS: usize = 1_000;
    const ROUNDS: usize = 7;
    let commits = run.size(150, 10);
    let table = Table::new(METRICS, ROUNDS * commits);
    let (db, keys) = new_database(run, "sync", options(Durability::Sync), usual_archives()?, METRICS)?;
    let (mut rates, mut disks, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let disk = fsyncs(run, round, commits)?;
        let begin = Instant::now();
        let mut batch = db.batch();
        for tick in round * commits..(round + 1) * commits {
            let time = at(tick as i64 * 10)?;
            for (metric, key) in keys.iter().enumerate() {
                batch.add(*key, time, table.value(metric, tick));
            }
            expect_accepted(batch.commit()?.total(), METRICS)?;
        }
        let rate = (METRICS * commits) as f64 / begin.elapsed().as_secs_f64();
        rates.push(rate);
        disks.push(disk);
        shares.push(rate / (METRICS as f64 * disk));
    }
    expect_total(&db, METRICS * ROUNDS * commits)?;
    for metric in [0, 499, 999] {
        check::metric(&db, keys[metric], &table.measures(metric, 10))?;
    }
    db.close()?;
    Ok(Measured::one("sync", median(rates)).and("sync_of_disk", median(shares)).and("sync_disk_fsyncs", median(disks)))
}

/// How often a second the disk takes 10 KB at the end of a file for good.
fn fsyncs(run: &Run, round: usize, count: usize) -> Outcome<f64> {
    let path = run.directory.join(format!("fsyncs{round}"));
    let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
    let begin = Instant::now();
    for append in 0..count {
        file.write_all(&[append as u8; 10_000])?;
        file.sync_data()?;
    }
    let took = begin.elapsed();
    std::fs::remove_file(&path)?;
    Ok(count as f64 / took.as_secs_f64())
}

/// Eight threads that commit at once, on a disk whose syncs take a millisecond longer: how many syncs they need.
pub fn together(run: &Run) -> Outcome<Measured> {
    const THREADS: usize = 8;
    // A sync lasts as long at any size, so the quick run shows the same thing sooner.
    let commits = run.size(1_000, 50);
    let fs = Arc::new(CountingFs::new(Arc::new(RealFs), Duration::from_millis(1)));
    let db = Database::open_with_fs(run.directory.join("sync8"), options(Durability::Sync), fs.clone())?;
    create_policy(&db, usual_archives()?)?;
    let keys = create_metrics(&db, THREADS)?;
    let table = Table::new(THREADS, commits);
    let before = fs.syncs();
    let outcomes: Vec<Outcome<()>> = std::thread::scope(|scope| {
        let spawn = |(metric, key)| {
            let (db, table) = (&db, &table);
            scope.spawn(move || commit_each(db, key, table, metric, commits))
        };
        let threads: Vec<_> = keys.iter().copied().enumerate().map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into()))).collect()
    });
    outcomes.into_iter().collect::<Outcome<()>>()?;
    let syncs = fs.syncs() - before;
    expect_total(&db, THREADS * commits)?;
    for (metric, key) in keys.iter().enumerate() {
        check::metric(&db, *key, &table.measures(metric, 10))?;
    }
    db.close()?;
    Ok(Measured::one("sync8", syncs as f64))
}

fn commit_each(db: &Database, key: MetricKey, table: &Table, metric: usize, commits: usize) -> Outcome<()> {
    let mut batch = db.batch();
    for tick in 0..commits {
        batch.add(key, at(tick as i64 * 10)?, table.value(metric, tick));
        expect_accepted(batch.commit()?.total(), 1)?;
    }
    Ok(())
}
