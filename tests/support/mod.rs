//! What several tests share: small databases, copies of directories, everything a database answers as text, and a file
//! system that fails or calls back when told to.

#![allow(dead_code, reason = "each test uses its own part of this")]

pub mod fault;
pub mod naive;
pub mod restarted;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gnocchetti::{
    AggregationMethod, ArchivePolicy, Columns, Database, Definition, Durability, Metric, MetricKey, NewMetric, Options,
    Query, Timespan, Timestamp,
};

/// Nothing happens by itself, nothing waits for the disk, superseded files go at once, every timestamp is taken.
pub fn options() -> Options {
    let options = Options::new().background(false).durability(Durability::Kernel(Duration::from_secs(3600)));
    options.grace(Duration::ZERO).max_future(None)
}

pub fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos).unwrap()
}

pub fn span(nanos: i64) -> Timespan {
    Timespan::from_nanos(nanos).unwrap()
}

/// An archive of `granularity` ns that keeps so many points, or all.
pub fn archive(granularity: i64, points: Option<u64>) -> Definition {
    Definition::new(Some(span(granularity)), points, None).unwrap()
}

pub fn policy(name: &str, back_window: u32, archives: &[(i64, Option<u64>)], methods: &[&str]) -> ArchivePolicy {
    let definitions = archives.iter().map(|&(granularity, points)| archive(granularity, points));
    let builder = ArchivePolicy::builder(name).back_window(back_window).definitions(definitions);
    builder.aggregation_methods(methods.iter().copied()).build().unwrap()
}

/// Creates a metric under a policy.
pub fn metric(db: &Database, name: &str, policy: &str) -> MetricKey {
    db.create_metric(NewMetric::named(name).archive_policy(policy)).unwrap().key
}

pub fn query(key: MetricKey, granularity: i64, method: AggregationMethod) -> Query {
    Query::new(key).granularity(span(granularity)).method(method)
}

pub fn points(db: &Database, key: MetricKey, granularity: i64, method: AggregationMethod) -> Vec<(i64, f64)> {
    db.measures(&query(key, granularity, method)).unwrap().iter().collect()
}

/// How many measures a metric has according to its archive of this granularity.
pub fn count(db: &Database, key: MetricKey, granularity: i64) -> u64 {
    points(db, key, granularity, AggregationMethod::COUNT).iter().map(|(_, n)| *n as u64).sum()
}

/// A value that no encoding makes small.
pub fn noise(of: usize, at: i64) -> f64 {
    let mixed = (at as u64 ^ (of as u64) << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    f64::from_bits(1023 << 52 | mixed >> 12)
}

/// What the files of a directory really take, whoever looks.
pub fn allocated(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => allocated(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

/// Copies a directory as it lies there now: what a crash of the process leaves.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// All files below a directory, sorted, relative to it.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(root, root, &mut found);
    found.sort();
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().to_path_buf());
        }
    }
}

/// The segments that lie on disk, and their bytes.
pub fn segments(root: &Path) -> (u64, u64) {
    let segments = files(root).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "seg"));
    let sizes = segments.map(|path| std::fs::metadata(root.join(path)).unwrap().len());
    sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
}

/// Everything that a database answers, as text: values to the last bit.
///
/// # Errors
///
/// Whatever it answers instead.
pub fn everything(db: &Database) -> gnocchetti::Result<String> {
    let mut out = String::new();
    for policy in db.archive_policies()? {
        write_policy(&mut out, &policy);
    }
    for rule in db.archive_policy_rules()? {
        let (name, pattern, policy) = (rule.name(), rule.metric_pattern(), rule.archive_policy_name());
        writeln!(out, "rule {name} {pattern} {policy}").unwrap();
    }
    for metric in db.metrics(None, usize::MAX >> 1)? {
        write_metric(&mut out, db, &metric)?;
    }
    for deleted in db.deleted_metrics(None, usize::MAX >> 1)? {
        let gone = db.measures(&Query::new(deleted.key)).unwrap_err();
        writeln!(out, "deleted {} {}: {gone}", deleted.key, deleted.name.unwrap_or_default()).unwrap();
    }
    Ok(out)
}

fn write_policy(out: &mut String, policy: &ArchivePolicy) {
    let methods = policy.methods();
    writeln!(out, "policy {} back window {} methods {methods}", policy.name(), policy.back_window()).unwrap();
    for definition in policy.definitions() {
        let points = definition.points().map_or("all".to_owned(), |points| points.to_string());
        writeln!(out, "  archive {} ns × {points}", definition.granularity().nanos()).unwrap();
    }
}

fn write_metric(out: &mut String, db: &Database, metric: &Metric) -> gnocchetti::Result<()> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let (name, unit, creator) = (or_none(&metric.name), or_none(&metric.unit), or_none(&metric.creator));
    let (key, id, policy_name) = (metric.key, metric.id, &metric.archive_policy_name);
    writeln!(out, "metric {key} {id} {name} {unit} {creator} {policy_name} {}", metric.created_at.nanos()).unwrap();
    let last = db.last_measure(key)?.map(Timestamp::nanos);
    writeln!(out, "  last measure {last:?}").unwrap();
    let policy = db.policy_of(key)?;
    let methods: Vec<AggregationMethod> = policy.methods().iter().collect();
    for definition in policy.definitions() {
        let answers = db.measures_of(&Query::new(key).granularity(definition.granularity()), &methods)?;
        for (method, columns) in methods.iter().zip(answers) {
            write_points(out, definition.granularity().nanos(), *method, &columns);
        }
    }
    Ok(())
}

/// Values in the shortest form that is read back as the same bits; a timestamp only where it is not one granularity further.
fn write_points(out: &mut String, granularity: i64, method: AggregationMethod, columns: &Columns) {
    write!(out, "  {granularity} {method}:").unwrap();
    let mut expected = None;
    for (timestamp, value) in columns.iter() {
        if expected != Some(timestamp) {
            write!(out, " @{timestamp}").unwrap();
        }
        write!(out, " {value:?}").unwrap();
        expected = timestamp.checked_add(granularity);
    }
    out.push('\n');
}

/// Compares what two databases answer, and shows the first line that differs.
#[track_caller]
pub fn assert_same(found: &str, expected: &str, what: &str) {
    let mut lines = found.lines().zip(expected.lines());
    if let Some((line, wanted)) = lines.find(|(line, wanted)| line != wanted) {
        panic!("{what}: answers\n{line}\ninstead of\n{wanted}");
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{what}: so many lines of answers");
}

/// The answers without the list of deleted metrics, which maintenance makes shorter.
pub fn without_deleted(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("deleted")).collect()
}
