//! How many bytes an aggregate takes on disk, once everything has been merged: files under `archive/` per value, where a
//! row of six methods is six values, one without a `std` too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gnocchetti::{AggregationMethod, Database, MetricKey, Options, Query, Timestamp};

use crate::check;
use crate::data::{Counter, Cpu};
use crate::figures::Measured;
use crate::setup::{
    EPOCH, KERNEL, METHODS, Outcome, Run, SECOND, expect_accepted, expect_total, new_database, one_archive, options,
};

/// Where the series of the Numenta Anomaly Benchmark are: directories with CSV files.
const NAB: &str = "GNOCCHETTI_NAB";

/// Steps of a generated series that are pushed at once.
const BATCH: usize = 36_000;

/// Whole percents of processors.
pub fn cpu_int(run: &Run) -> Outcome<Measured> {
    generated(run, "bytes_cpu_int", |seed| Cpu::new(seed).map(f64::floor))
}

/// Percents of processors, all digits of them.
pub fn cpu_float(run: &Run) -> Outcome<Measured> {
    generated(run, "bytes_cpu_float", Cpu::new)
}

/// Counters of events.
pub fn counter(run: &Run) -> Outcome<Measured> {
    generated(run, "bytes_counter", Counter::new)
}

/// Options by which files that count no more go at once.
fn at_once() -> Options {
    options(KERNEL).grace(Duration::ZERO)
}

/// 100 metrics, a measure every 10 s, an archive of minutes.
fn generated<I: Iterator<Item = f64>>(run: &Run, name: &str, series: impl Fn(u64) -> I) -> Outcome<Measured> {
    let (metrics, points) = (run.size(100, 10), run.size(360_000, 3_600));
    let (db, keys) = new_database(run, "bytes", at_once(), one_archive(60)?, metrics)?;
    let mut ways: Vec<I> = (0..metrics as u64).map(&series).collect();
    let mut batch = db.batch();
    for first in (0..points).step_by(BATCH) {
        let times: Vec<i64> = (first..points.min(first + BATCH)).map(time).collect();
        for (key, way) in keys.iter().zip(&mut ways) {
            let values: Vec<f64> = way.take(times.len()).collect();
            batch.extend(*key, &times, &values)?;
        }
        expect_accepted(batch.commit()?.total(), times.len() * metrics)?;
    }
    expect_total(&db, metrics * points)?;
    let figure = bytes_per_value(&db, &keys, &run.directory.join("bytes/archive"))?;
    for metric in [0, metrics - 1] {
        let measures: Vec<(i64, f64)> =
            series(metric as u64).take(points).enumerate().map(|(i, v)| (time(i), v)).collect();
        check::metric(&db, keys[metric], &measures)?;
    }
    db.close()?;
    Ok(Measured::one(name, figure))
}

fn time(step: usize) -> i64 {
    EPOCH + step as i64 * 10 * SECOND
}

/// The benchmark's series, as they are, in archives of five minutes.
pub fn nab(run: &Run) -> Outcome<Measured> {
    let Some(directory) = std::env::var_os(NAB) else {
        return Ok(Measured::skipped(format!("{NAB} names no directory of the Numenta Anomaly Benchmark's data")));
    };
    let mut files = Vec::new();
    csv_files(Path::new(&directory), &mut files)?;
    files.sort();
    eprintln!("{} series", files.len());
    let (db, keys) = new_database(run, "nab", at_once(), one_archive(300)?, files.len())?;
    let mut series = Vec::new();
    let mut rows = 0;
    for (file, key) in files.iter().zip(&keys) {
        let measures = read_csv(file)?;
        let unique: BTreeMap<i64, f64> = measures.iter().copied().collect();
        let (times, values): (Vec<i64>, Vec<f64>) = measures.iter().copied().unzip();
        let mut batch = db.batch();
        batch.extend(*key, &times, &values)?;
        let pushed = batch.commit()?.total();
        let counts = (pushed.accepted, pushed.overwritten, pushed.late);
        if counts != (times.len() as u64, (times.len() - unique.len()) as u64, 0) {
            return Err(format!("{}: {pushed:?} of {} rows", file.display(), times.len()).into());
        }
        rows += times.len() as u64;
        series.push(unique.into_iter().collect::<Vec<_>>());
    }
    let figure = bytes_per_value(&db, &keys, &run.directory.join("nab/archive"))?;
    let accepted = db.stats()?.accepted;
    if accepted != rows {
        return Err(format!("{accepted} accepted of {rows}").into());
    }
    for (key, measures) in keys.iter().zip(&series) {
        check::metric(&db, *key, measures)?;
    }
    db.close()?;
    Ok(Measured::one("bytes_nab", figure))
}

fn csv_files(directory: &Path, found: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in std::fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            csv_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "csv") {
            found.push(path);
        }
    }
    Ok(())
}

/// The rows of `timestamp,value` behind the header.
fn read_csv(path: &Path) -> Outcome<Vec<(i64, f64)>> {
    let text = std::fs::read_to_string(path)?;
    let row = |line: &str| -> Outcome<(i64, f64)> {
        let (time, value) = line.split_once(',').ok_or_else(|| format!("{}: `{line}`", path.display()))?;
        Ok((time.parse::<Timestamp>()?.nanos(), value.trim().parse()?))
    };
    text.lines().skip(1).map(row).collect()
}

/// Merges all there is, and divides the archives' bytes by the values in them: the newest group of a metric is still open,
/// and in no file there.
fn bytes_per_value(db: &Database, keys: &[MetricKey], archive: &Path) -> Outcome<f64> {
    db.maintain()?;
    let mut rows = 0;
    for key in keys {
        let count = db.measures(&Query::new(*key).method(AggregationMethod::COUNT))?;
        rows += count.len().saturating_sub(1);
    }
    let bytes = size_of_files(archive)?;
    // What a merge replaced is gone, since nobody was given time to go on reading it.
    let known = db.stats()?.archive_bytes;
    if rows == 0 || bytes != known {
        return Err(format!("{rows} rows, {bytes} bytes of files, and the database knows of {known}").into());
    }
    Ok(bytes as f64 / (rows * METHODS.len()) as f64)
}

fn size_of_files(directory: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size_of_files(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
