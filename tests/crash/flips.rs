//! Bytes that rot: each byte of a small database's MANIFEST, journal and segments becomes another one, and many at random of a
//! larger one. Whoever opens it and asks is answered right, or told; who asks to skip gets nothing wrong; a check finds each of
//! them; a repair leaves nothing wrong. Bytes of the index are flipped too, and what nobody notices there is counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gnocchetti::{
    AggregationMethod, ArchivePolicy, Database, Definition, Durability, Error, MetricKey, NewMetric, Options, Outcome,
    Query, RepairReport, Timespan, Timestamp,
};
use tempfile::TempDir;

use crate::image::Dice;
use crate::run::{Findings, Soak, Trouble, caught, in_parallel, scratch};

const GRANULARITIES: [i64; 2] = [10, 60];
const METHODS: [&str; 4] = ["mean", "count", "max", "rate:last"];

/// The bits of each point, by metric, granularity and method.
type Answers = BTreeMap<(u64, i64, &'static str), BTreeMap<i64, u64>>;

/// A directory as a process that died left it, and what it answers.
struct Sample {
    _folder: TempDir,
    root: PathBuf,
    /// Before each push of the journal's tail, and after the last.
    states: Vec<Answers>,
    metrics: u64,
}

fn options() -> Options {
    let options = Options::new().background(false).durability(Durability::Kernel(Duration::from_secs(3600)));
    options.grace(Duration::ZERO).max_future(None).memory(0)
}

impl Sample {
    fn new(metrics: u64, span: i64) -> Sample {
        let folder = scratch();
        let (written, root) = (folder.path().join("written"), folder.path().join("root"));
        let db = Database::open(&written, options()).unwrap();
        let mut policy = ArchivePolicy::builder("p").back_window(1).aggregation_methods(METHODS);
        for granularity in GRANULARITIES {
            policy = policy.definition(Definition::unlimited(Timespan::from_nanos(granularity).unwrap()));
        }
        db.create_archive_policy(&policy.build().unwrap()).unwrap();
        let new: Vec<NewMetric> = (0..metrics).map(|i| NewMetric::named(format!("m{i}")).archive_policy("p")).collect();
        let keys: Vec<MetricKey> = db.create_metrics(&new).unwrap().iter().map(|metric| metric.key).collect();
        for part in 0..3 {
            let mut batch = db.batch();
            for time in (part * span..(part + 1) * span).step_by(3) {
                for key in &keys {
                    let value = (time * 7 % (13 + key.get() as i64)) as f64 / 4.0;
                    batch.add(*key, Timestamp::from_nanos(time).unwrap(), value);
                }
            }
            batch.commit().unwrap();
            if part == 1 { db.maintain().unwrap() } else { db.checkpoint().unwrap() }
        }
        let mut states = vec![answers(&db, metrics).unwrap()];
        for i in 0..4 {
            db.push(keys[i % keys.len()], Timestamp::from_nanos(3 * span + i as i64).unwrap(), 0.5).unwrap();
            states.push(answers(&db, metrics).unwrap());
        }
        db.flush().unwrap();
        copy_tree(&written, &root);
        drop(db);
        cut_reserved(&root);
        Sample { _folder: folder, root, states, metrics }
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.root, &self.root, &mut found);
        found.sort();
        found
    }

    fn last(&self) -> &Answers {
        &self.states[self.states.len() - 1]
    }
}

/// Takes the room off that journal files reserve ahead: its zeros say nothing.
fn cut_reserved(root: &Path) {
    for entry in std::fs::read_dir(root.join("journal")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        std::fs::write(path, bytes).unwrap();
    }
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

fn copy_tree(from: &Path, to: &Path) {
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

fn query(key: u64, granularity: i64) -> Query {
    Query::new(MetricKey::new(key)).granularity(Timespan::from_nanos(granularity).unwrap())
}

fn method(name: &str) -> AggregationMethod {
    name.parse().unwrap()
}

fn answers(db: &Database, metrics: u64) -> gnocchetti::Result<Answers> {
    let mut found = Answers::new();
    for key in 1..=metrics {
        for granularity in GRANULARITIES {
            for name in METHODS {
                let columns = db.measures(&query(key, granularity).method(method(name)))?;
                found.insert((key, granularity, name), columns.iter().map(|(t, v)| (t, v.to_bits())).collect());
            }
        }
    }
    Ok(found)
}

/// A byte that is another one.
#[derive(Debug, Clone)]
struct Flip {
    file: PathBuf,
    offset: usize,
    mask: u8,
}

fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Corrupt(_) | Error::NotADatabase { .. } | Error::Io { .. } | Error::UnsupportedFormat { .. })
}

fn wrong<T>(what: String) -> Result<T, Trouble> {
    Err(Trouble::Wrong(what))
}

impl Sample {
    /// Does all there is to do with one flipped byte, and says how it was noticed.
    fn try_flip(&self, flip: &Flip, repairs: bool) -> Result<&'static str, Trouble> {
        let folder = scratch();
        let root = folder.path().join("db");
        copy_tree(&self.root, &root);
        let mut bytes = std::fs::read(root.join(&flip.file)).unwrap();
        bytes[flip.offset] ^= flip.mask;
        std::fs::write(root.join(&flip.file), bytes).unwrap();
        let is_journal = flip.file.starts_with("journal");
        let checked = Database::check_directory(&root, &mut |_| {});
        let findings = match checked {
            Ok(report) => report.findings.len(),
            Err(error) if is_damage(&error) => 1,
            Err(error) => return wrong(format!("a check says {error}")),
        };
        if findings == 0 {
            return wrong("a check finds nothing".to_owned());
        }
        let repaired = if repairs {
            let copy = folder.path().join("repaired");
            copy_tree(&root, &copy);
            Some((Database::repair(&copy, &mut |_| {}), copy))
        } else {
            None
        };
        let noticed = match Database::open(&root, options()) {
            Ok(db) => self.ask(&db, is_journal)?,
            Err(error) if is_damage(&error) => "refused by open",
            Err(error) => return wrong(format!("it cannot be opened: {error}")),
        };
        match repaired {
            Some((Ok(report), copy)) => self.after_repair(&copy, &report)?,
            Some((Err(error @ Error::UnsupportedFormat { .. }), _)) => drop(error),
            Some((Err(Error::Irreparable { .. }), _)) if flip.file == Path::new("MANIFEST") => {}
            Some((Err(error), _)) => return wrong(format!("it cannot be repaired: {error}")),
            None => {}
        }
        Ok(noticed)
    }

    fn ask(&self, db: &Database, is_journal: bool) -> Result<&'static str, Trouble> {
        if is_journal {
            // A torn tail: the state before some of the last pushes.
            return match answers(db, self.metrics) {
                Ok(found) if self.states.contains(&found) => Ok("journal cut off"),
                found => wrong(format!("the journal's measures are {found:?}")),
            };
        }
        let mut noticed = "not asked for";
        for ((key, granularity, name), right) in self.last() {
            let question = query(*key, *granularity).method(method(name));
            match db.measures(&question) {
                Ok(columns) => {
                    let found: BTreeMap<i64, u64> = columns.iter().map(|(t, v)| (t, v.to_bits())).collect();
                    if found != *right {
                        return wrong(format!("metric {key}, {granularity} ns, {name}: {found:?}"));
                    }
                }
                Err(error) if is_damage(&error) => noticed = "an error",
                Err(error) => return wrong(format!("metric {key}: {error}")),
            }
            let Ok(answer) = db.measures_skipping_damage(&question, &[method(name)]) else { continue };
            let is_right = |(time, value): (i64, f64)| right.get(&time) == Some(&value.to_bits());
            let given = answer.columns[0].len();
            if !answer.columns[0].iter().all(is_right) || (answer.skipped.is_empty() && given != right.len()) {
                return wrong(format!("metric {key}, {granularity} ns, {name}, skipping: {answer:?}"));
            }
        }
        Ok(noticed)
    }

    /// What is there after a repair is right, and what is not is what the report says.
    fn after_repair(&self, root: &Path, report: &RepairReport) -> Result<(), Trouble> {
        let failed = |error: Error| Trouble::Wrong(format!("after repair: {error}"));
        let db = Database::open(root, options()).map_err(failed)?;
        if !db.check(&mut |_| {}).map_err(failed)?.is_sound() {
            return wrong("after repair it is not sound".to_owned());
        }
        let found = answers(&db, self.metrics).map_err(failed)?;
        if !report.journal.is_empty() {
            // Of which metrics the records were that are gone, nobody can tell.
            return Ok(());
        }
        if report.repairs.is_empty() {
            let known = self.states.contains(&found);
            return if known { Ok(()) } else { wrong(format!("after repair of nothing: {found:?}")) };
        }
        let lossless = report.repairs.iter().all(|r| matches!(r.outcome, Outcome::NotNeeded | Outcome::Rebuilt));
        for ((key, granularity, name), right) in self.last() {
            let given = &found[&(*key, *granularity, *name)];
            let touched = report.repairs.iter().any(|repair| repair.finding.metric == Some(*key));
            if (lossless || !touched) && given != right {
                return wrong(format!("after repair, metric {key}, {granularity} ns, {name}: {given:?}; {report:?}"));
            }
        }
        Ok(())
    }
}

/// Tries flips on all processors and sums up.
fn run(sample: &Sample, title: &str, flips: &[Flip], repair_every: usize) {
    let findings = Findings::default();
    let done = AtomicU64::new(0);
    let numbered: Vec<(usize, &Flip)> = flips.iter().enumerate().collect();
    in_parallel(&numbered, |(i, flip)| {
        if findings.enough() {
            return;
        }
        done.fetch_add(1, Ordering::Relaxed);
        let tried = caught(|| sample.try_flip(flip, i % repair_every == 0));
        match tried.unwrap_or_else(|panic| wrong(format!("a panic: {panic}"))) {
            Ok(noticed) => findings.count(noticed),
            Err(trouble) => findings.trouble(&format!("{flip:?}"), trouble),
        }
    });
    findings.conclude(title, "flipped", done.load(Ordering::Relaxed));
}

fn is_index(path: &Path) -> bool {
    path.to_string_lossy().starts_with("index.sqlite")
}

#[test]
fn every_flipped_byte_of_a_small_database_is_noticed() {
    let sample = Sample::new(2, 200);
    let soak = Soak::asked();
    let (step, masks) = soak.pick((37, 1), (1, 1), (1, 8));
    let mut flips = Vec::new();
    for file in sample.files().into_iter().filter(|file| !is_index(file) && file != Path::new("LOCK")) {
        let bytes = std::fs::read(sample.root.join(&file)).unwrap();
        for offset in (0..bytes.len()).step_by(step) {
            let mask = |i: usize| if masks == 1 { 1 << (offset % 8) } else { 1 << i };
            flips.extend((0..masks).map(|i| Flip { file: file.clone(), offset, mask: mask(i) }));
        }
    }
    run(&sample, "every byte of a small database", &flips, soak.pick(3, 5, 5));
}

#[test]
fn random_flipped_bytes_of_a_larger_database_are_noticed() {
    let soak = Soak::asked();
    for seed in 1..=soak.pick(1, 3, 8) {
        let sample = Sample::new(40, 20_000);
        let mut dice = Dice::new(seed);
        let files: Vec<PathBuf> =
            sample.files().into_iter().filter(|file| !is_index(file) && file != Path::new("LOCK")).collect();
        let mut flips = Vec::new();
        while flips.len() < soak.pick(12, 120, 1_000) {
            let file = files[dice.below(files.len() as u64) as usize].clone();
            let bytes = std::fs::read(sample.root.join(&file)).unwrap();
            let offset = dice.below(bytes.len() as u64) as usize;
            flips.push(Flip { file, offset, mask: 1 + dice.below(255) as u8 });
        }
        run(&sample, &format!("random bytes of a larger database, seed {seed}"), &flips, 4);
    }
}

/// Whatever a repair made of the index, it is sound, and knows every metric that it knew.
fn after_mending(root: &Path, sample: &Sample) -> Result<(), Trouble> {
    let checked = Database::check_directory(root, &mut |_| {}).map(|report| report.is_sound());
    if !matches!(checked, Ok(true)) {
        return wrong(format!("it is repaired, and a check says {checked:?}"));
    }
    let known = Database::open(root, options()).and_then(|db| db.metrics(None, 1000));
    let known = known.map(|metrics| metrics.iter().map(|metric| metric.key.get()).collect::<Vec<u64>>());
    match known {
        Ok(known) if known == (1..=sample.metrics).collect::<Vec<u64>>() => Ok(()),
        known => wrong(format!("a repair left of {} metrics {known:?}", sample.metrics)),
    }
}

/// The index is `SQLite`'s, which keeps no checksums: what a flip there may change unnoticed is said in `docs/reliability.md`. It
/// never makes anything panic, nor measures wrong.
#[test]
fn flipped_bytes_of_the_index_change_no_measure() {
    let sample = Sample::new(2, 200);
    let soak = Soak::asked();
    let file = sample.files().into_iter().filter(|file| is_index(file));
    let file = file.max_by_key(|file| std::fs::metadata(sample.root.join(file)).unwrap().len()).unwrap();
    let length = std::fs::metadata(sample.root.join(&file)).unwrap().len();
    let mut dice = Dice::new(7);
    let flips: Vec<Flip> = (0..soak.pick(30, 1_500, 20_000))
        .map(|_| Flip { file: file.clone(), offset: dice.below(length) as usize, mask: 1 + dice.below(255) as u8 })
        .collect();
    let findings = Findings::default();
    in_parallel(&flips, |flip| {
        let tried = caught(|| {
            let folder = scratch();
            let root = folder.path().join("db");
            copy_tree(&sample.root, &root);
            let mut bytes = std::fs::read(root.join(&flip.file)).unwrap();
            bytes[flip.offset] ^= flip.mask;
            std::fs::write(root.join(&flip.file), bytes).unwrap();
            let noticed = Database::check_directory(&root, &mut |_| {}).map_or(true, |report| !report.is_sound());
            let copy = folder.path().join("repaired");
            copy_tree(&root, &copy);
            if Database::repair(&copy, &mut |_| {}).is_ok() {
                self::after_mending(&copy, &sample)?;
            }
            let Ok(db) = Database::open(&root, options()) else { return Ok("refused by open") };
            for ((key, granularity, name), right) in sample.last() {
                let Ok(columns) = db.measures(&query(*key, *granularity).method(method(name))) else { continue };
                let found: BTreeMap<i64, u64> = columns.iter().map(|(t, v)| (t, v.to_bits())).collect();
                if found != *right {
                    return wrong(format!("metric {key}, {granularity} ns, {name}: {found:?}"));
                }
            }
            Ok(if noticed { "found by a check" } else { "noticed by nobody" })
        });
        match tried.unwrap_or_else(|panic| wrong(format!("a panic: {panic}"))) {
            Ok(noticed) => findings.count(noticed),
            Err(trouble) => findings.trouble(&format!("{flip:?}"), trouble),
        }
    });
    findings.conclude("random bytes of the index", "flipped", flips.len() as u64);
}
