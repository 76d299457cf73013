//! Imports CSV files of `timestamp,value`, one metric each, and shows what the database makes of them.
//!
//! Files are read as streams and pushed in large batches: memory does not grow with the file.

#[path = "../common/mod.rs"]
mod common;
mod rows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::{Arguments, Length, Misused, Outcome, Summary, Table, number};
use gnocchetti::{
    ArchivePolicy, Batch, Database, Definition, Error, Metric, NewMetric, Options, Pushed, Query, Timestamp,
};
use indicatif::{ProgressBar, ProgressStyle};
use rows::Rows;

const USAGE: &str = "\
Imports CSV files of timestamp,value: each becomes a metric named after its file.

Usage: import_csv [--dir DIR] [--granularity TIME,...] FILE...

  --dir DIR               where the database is, or will be [./import-db]
  --granularity TIME,...  how finely new metrics are kept, all for ever [1min,1h,1d]

Timestamps are ISO 8601 (UTC unless they say otherwise) or seconds since 1970. A header is skipped. Rows should be in
the order of time; what is older than a closed day is late, is dropped, and is counted.
";

/// Rows in one batch: large enough that a batch's own cost does not matter.
const BATCH: usize = 50_000;

fn main() -> ExitCode {
    common::run(USAGE, &["--dir", "--granularity"], import)
}

fn import(arguments: &Arguments) -> Outcome<()> {
    Misused::unless(!arguments.words.is_empty(), "name at least one file")?;
    let files: Vec<PathBuf> = arguments.words.iter().map(PathBuf::from).collect();
    let directory: PathBuf = arguments.get("--dir", "./import-db")?;
    let granularities: Granularities = arguments.get("--granularity", "1min,1h,1d")?;

    let total: u64 =
        files.iter().map(|file| Ok(file.metadata().map_err(|e| rows::at(file, e))?.len())).sum::<Outcome<_>>()?;
    let db = Database::open(&directory, Options::new())?;
    let policy = policy(&db, granularities)?;
    let bar = ProgressBar::new(total)
        .with_style(ProgressStyle::with_template("{msg:24!} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")?);
    let mut imported = Vec::new();
    for file in &files {
        let metric = metric(&db, file, &policy)?;
        bar.set_message(metric.name.clone().unwrap_or_default());
        let pushed = push(&db, &metric, file, &bar)?;
        imported.push((metric, pushed));
    }
    bar.finish_and_clear();
    db.flush()?;
    for (metric, pushed) in &imported {
        print!("{}", summary(&db, metric, pushed)?);
    }
    db.close()?;
    Ok(())
}

/// Lengths of time with commas between them, as they were written.
struct Granularities {
    text: String,
    spans: Vec<Length>,
}

impl std::str::FromStr for Granularities {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let spans = text.split(',').map(|span| span.trim().parse()).collect::<Result<_, _>>()?;
        Ok(Granularities { text: text.to_owned(), spans })
    }
}

/// The archive policy that keeps these granularities for ever, created when it is not there.
fn policy(db: &Database, granularities: Granularities) -> gnocchetti::Result<ArchivePolicy> {
    let name = format!("import {}", granularities.text);
    match db.archive_policy(&name) {
        Err(Error::UnknownArchivePolicy { .. }) => {}
        known => return known,
    }
    let policy = ArchivePolicy::builder(name)
        .definitions(granularities.spans.into_iter().map(|Length(span)| Definition::unlimited(span)))
        .aggregation_methods(["count", "min", "mean", "max"])
        .build()?;
    db.create_archive_policy(&policy)?;
    Ok(policy)
}

/// The metric that is named after the file, created when it is not there.
fn metric(db: &Database, file: &Path, policy: &ArchivePolicy) -> gnocchetti::Result<Metric> {
    let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
    match db.metric_by_name(&name) {
        Err(Error::UnknownMetric { .. }) => db.create_metric(NewMetric::named(name).archive_policy(policy.name())),
        known => known,
    }
}

/// Pushes all rows of the file; returns what became of them.
fn push(db: &Database, metric: &Metric, file: &Path, bar: &ProgressBar) -> Outcome<Pushed> {
    let mut batch = db.batch();
    let mut waiting = 0;
    let mut total = Pushed::default();
    let mut commit = |batch: &mut Batch<'_>| -> gnocchetti::Result<()> {
        total += batch.commit()?.total();
        Ok(())
    };
    for row in Rows::open(file)? {
        let row = row?;
        batch.add(metric.key, row.timestamp, row.value);
        bar.inc(row.bytes);
        waiting += 1;
        if waiting == BATCH {
            commit(&mut batch)?;
            waiting = 0;
        }
    }
    commit(&mut batch)?;
    Ok(total)
}

/// What became of the rows, and what is kept of the metric at each granularity.
fn summary(db: &Database, metric: &Metric, pushed: &Pushed) -> gnocchetti::Result<String> {
    let name = metric.name.as_deref().unwrap_or_default();
    let mut table = Table::new(&["granularity", "first", "last", "rows", "min", "mean", "max"], 3);
    for definition in db.archive_policy(&metric.archive_policy_name)?.definitions() {
        let query = Query::new(metric.key).granularity(definition.granularity());
        let answer = db.measures_of(&query, &Summary::METHODS)?;
        let times = answer.first().map_or(&[][..], |count| &count.timestamps);
        let (Some(all), [first, .., last] | [first @ last]) = (Summary::of(&answer), times) else {
            continue;
        };
        let mut row = vec![Length(definition.granularity()).to_string()];
        row.extend([Timestamp::from_nanos(*first)?.to_string(), Timestamp::from_nanos(*last)?.to_string()]);
        row.extend([all.points.to_string(), number(all.min), number(all.mean), number(all.max)]);
        table.row(row);
    }
    let Pushed { accepted, overwritten, late, .. } = pushed;
    Ok(format!("\n{name}: {accepted} rows accepted, {overwritten} overwritten, {late} late\n\n{table}"))
}
