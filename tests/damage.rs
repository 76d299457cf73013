//! Damaged files: every byte flipped, every length cut, every file taken away. A database says that it is damaged, or it
//! answers as before (a journal's torn tail: as before some of the last pushes); it never panics and never answers
//! something else. With the file restored it opens again.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gnocchetti::internals::fs::RealFs;
use gnocchetti::internals::segment::{Kind, MEASURES, SegmentReader, number_of};
use gnocchetti::{
    AggregationMethod, ArchivePolicy, Database, Definition, Error, MetricKey, NewMetric, Query, Timespan,
};
use support::fault::{Call, FaultFs};
use support::{assert_same, at, everything, files, metric, options, policy, without_deleted};

/// A small database as a crash left it: sealed and open windows, segments of all kinds, a deleted metric whose bytes are
/// still there, and a journal's tail.
struct Sample {
    folder: tempfile::TempDir,
    root: PathBuf,
    /// What it answered before each push of the journal's tail, and after the last.
    states: Vec<String>,
}

impl Sample {
    fn new() -> Sample {
        let folder = tempfile::tempdir().unwrap();
        let written = folder.path().join("written");
        let db = open(&written).unwrap();
        db.create_archive_policy(&policy("p", 1, &[(10, None), (60, Some(50))], &["mean", "count", "rate:max"]))
            .unwrap();
        let keys = ["a", "b", "gone"].map(|name| metric(&db, name, "p"));
        for time in (0..300).step_by(9) {
            for key in &keys {
                db.push(*key, at(time), time as f64 / 4.0).unwrap();
            }
        }
        db.maintain().unwrap();
        for time in (300..450).step_by(7) {
            for key in &keys {
                db.push(*key, at(time), 100.0 - time as f64).unwrap();
            }
        }
        db.delete_metric(keys[2]).unwrap();
        db.checkpoint().unwrap();
        let mut states = vec![everything(&db).unwrap()];
        for (key, time) in [(0, 455), (1, 431), (0, 520), (1, 700), (0, 701)] {
            db.push(keys[key], at(time), 0.1).unwrap();
            states.push(everything(&db).unwrap());
        }
        let root = folder.path().join("sample");
        link_tree(&written, &root);
        let sample = Sample { folder, root, states };
        assert_same(&Sample::answers(&sample.copy("whole")).unwrap(), &sample.states[5], "whole");
        sample
    }

    /// Its only file of this kind.
    fn file(&self, directory: &str) -> PathBuf {
        let mut found = files(&self.root).into_iter().filter(|path| path.starts_with(directory));
        found.next().unwrap()
    }

    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        link_tree(&self.root, &copy);
        copy
    }

    /// Opens a copy and asks for everything, before and after all that maintenance does.
    fn answers(copy: &Path) -> gnocchetti::Result<String> {
        let db = open(copy)?;
        let answers = everything(&db)?;
        if db.maintain().is_ok() {
            assert_same(&without_deleted(&everything(&db)?), &without_deleted(&answers), "after maintenance");
        }
        Ok(answers)
    }

    /// Replaces `file` in a copy by each of `variants` (`None`: takes it away), and looks what the copy answers then.
    fn damage(&self, file: &Path, variants: impl Iterator<Item = Option<Vec<u8>>>) -> Outcome {
        let whole = std::fs::read(self.root.join(file)).unwrap();
        let is_journal = file.starts_with("journal");
        let mut outcome = Outcome::default();
        for (i, variant) in variants.enumerate() {
            let name = format!("{}-{i}", file.display().to_string().replace('/', "-"));
            let copy = self.copy(&name);
            std::fs::remove_file(copy.join(file)).unwrap();
            if let Some(bytes) = &variant {
                std::fs::write(copy.join(file), bytes).unwrap();
            }
            let what = format!("{}, variant {i}", file.display());
            match Sample::answers(&copy) {
                Ok(answers) if is_journal => {
                    assert!(self.states.contains(&answers), "{what}: answers something that never was");
                    outcome.shorter += u32::from(answers != self.states[5]);
                    outcome.unharmed += u32::from(answers == self.states[5]);
                }
                Ok(answers) => {
                    assert_same(&answers, &self.states[5], &what);
                    outcome.unharmed += 1;
                }
                Err(error) => {
                    assert_typed(&error, &what);
                    outcome.refused += 1;
                    std::fs::remove_file(copy.join(file)).ok();
                    std::fs::create_dir_all(copy.join(file).parent().unwrap()).unwrap();
                    std::fs::write(copy.join(file), &whole).unwrap();
                    if i % 8 == 0 {
                        assert_same(&Sample::answers(&copy).unwrap(), &self.states[5], &format!("{what}, restored"));
                    }
                }
            }
            std::fs::remove_dir_all(copy).unwrap();
        }
        outcome
    }

    fn flip(&self, directory: &str) -> Outcome {
        let file = self.file(directory);
        let whole = std::fs::read(self.root.join(&file)).unwrap();
        let variant = |offset: usize, mask: u8| {
            let mut bytes = whole.clone();
            bytes[offset] ^= mask;
            Some(bytes)
        };
        self.damage(&file, (0..whole.len()).flat_map(|at| [variant(at, 1 << (at % 8)), variant(at, 0xff)]))
    }

    fn cut(&self, directory: &str) -> Outcome {
        let file = self.file(directory);
        let whole = std::fs::read(self.root.join(&file)).unwrap();
        self.damage(&file, (0..whole.len()).map(|length| Some(whole[..length].to_vec())))
    }
}

/// How often what happened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    refused: u32,
    unharmed: u32,
    shorter: u32,
}

fn open(path: &Path) -> gnocchetti::Result<Database> {
    Database::open_with_fs(path, options(), Arc::new(FaultFs::hasty()))
}

fn assert_typed(error: &Error, what: &str) {
    let typed = matches!(
        error,
        Error::Corrupt(_) | Error::NotADatabase { .. } | Error::Io { .. } | Error::UnsupportedFormat { .. }
    );
    assert!(typed, "{what}: {error:?}");
    assert!(!error.to_string().is_empty());
}

/// A copy that shares what is never written again: all but the index and the lock.
fn link_tree(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        let name = file.to_string_lossy().into_owned();
        if name.ends_with("-shm") {
            continue;
        }
        if name.starts_with("index") || name == "LOCK" {
            std::fs::copy(from.join(&file), target).unwrap();
        } else {
            std::fs::hard_link(from.join(&file), target).unwrap();
        }
    }
}

#[test]
fn a_flipped_byte_of_manifest_is_an_error() {
    let outcome = Sample::new().flip("MANIFEST");
    assert_eq!((outcome.unharmed, outcome.shorter), (0, 0), "every byte counts: {outcome:?}");
}

#[test]
fn a_cut_manifest_is_an_error() {
    let outcome = Sample::new().cut("MANIFEST");
    assert_eq!((outcome.unharmed, outcome.shorter), (0, 0), "{outcome:?}");
}

#[test]
fn a_flipped_byte_of_the_journal_is_an_error_or_ends_it_there() {
    let outcome = Sample::new().flip("journal");
    assert!(outcome.refused > 0 && outcome.shorter > 0 && outcome.unharmed == 0, "{outcome:?}");
}

#[test]
fn a_cut_journal_ends_there() {
    let outcome = Sample::new().cut("journal");
    assert!(outcome.refused == 0 && outcome.unharmed == 0, "{outcome:?}");
}

#[test]
fn a_flipped_byte_of_a_raw_segment_is_an_error() {
    let outcome = Sample::new().flip("raw");
    assert!(outcome.refused > 0, "{outcome:?}");
}

#[test]
fn a_flipped_byte_of_a_level0_segment_is_an_error() {
    let outcome = Sample::new().flip("level0");
    assert!(outcome.refused > 0, "{outcome:?}");
}

#[test]
fn a_flipped_byte_of_an_archive_segment_is_an_error() {
    let outcome = Sample::new().flip("archive");
    assert!(outcome.refused > 0, "{outcome:?}");
}

#[test]
fn a_cut_segment_is_an_error() {
    let sample = Sample::new();
    for directory in ["raw", "level0", "archive"] {
        let outcome = sample.cut(directory);
        assert_eq!((outcome.unharmed, outcome.shorter), (0, 0), "{directory}: {outcome:?}");
    }
}

#[test]
fn a_file_that_is_gone_is_an_error() {
    let sample = Sample::new();
    let mut gone = 0;
    for file in files(&sample.root) {
        let name = file.to_string_lossy();
        // The lock's file is made anew; the index's own files are SQLite's to judge.
        if name == "LOCK" || name.starts_with("index.sqlite-") {
            continue;
        }
        let outcome = sample.damage(&file, std::iter::once(None));
        assert_eq!(outcome.refused, 1, "without {name}: {outcome:?}");
        gone += 1;
    }
    assert!(gone >= 8, "{gone} files");
}

#[test]
fn a_directory_without_manifest_or_index_is_not_a_database() {
    let sample = Sample::new();
    for name in ["MANIFEST", "index.sqlite"] {
        let copy = sample.copy(&format!("without {name}"));
        std::fs::remove_file(copy.join(name)).unwrap();
        assert!(matches!(open(&copy), Err(Error::NotADatabase { .. })), "{name}");
    }
    let copy = sample.copy("nothing but measures");
    std::fs::remove_file(copy.join("MANIFEST")).unwrap();
    std::fs::remove_file(copy.join("index.sqlite")).unwrap();
    assert!(matches!(open(&copy), Err(Error::NotADatabase { .. })));
}

#[test]
fn an_index_that_is_none_is_an_error() {
    let sample = Sample::new();
    let copy = sample.copy("garbage");
    let mut index = std::fs::read(copy.join("index.sqlite")).unwrap();
    index[..100].fill(0xa5);
    std::fs::remove_file(copy.join("index.sqlite-wal")).ok();
    std::fs::write(copy.join("index.sqlite"), index).unwrap();
    let error = open(&copy).unwrap_err();
    assert!(matches!(&error, Error::Corrupt(at) if at.file.ends_with("index.sqlite")), "{error:?}");
}

#[test]
fn another_version_is_an_error_of_its_own() {
    let sample = Sample::new();
    let copy = sample.copy("newer");
    let mut manifest = std::fs::read(copy.join("MANIFEST")).unwrap();
    manifest[8] += 1;
    let sum = crc32c::crc32c(&manifest[..20]);
    manifest[20..24].copy_from_slice(&sum.to_le_bytes());
    std::fs::remove_file(copy.join("MANIFEST")).unwrap();
    std::fs::write(copy.join("MANIFEST"), manifest).unwrap();
    assert!(matches!(open(&copy), Err(Error::UnsupportedFormat { found: 3, supported: 2, .. })));
}

/// Measures that only the first journal file ever held are not silently gone with it.
#[test]
fn a_young_database_without_its_journal_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written");
    let db = open(&written).unwrap();
    db.create_archive_policy(&policy("p", 1, &[(10, None)], &["count"])).unwrap();
    let key = metric(&db, "a", "p");
    db.push(key, at(1), 1.0).unwrap();
    let copy = folder.path().join("copy");
    link_tree(&written, &copy);
    std::fs::remove_dir_all(copy.join("journal")).unwrap();
    let error = open(&copy).unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

/// A checkpoint may take measures that are younger than where MANIFEST says the journal goes on. A journal that was cut before
/// them is not torn: it had reached the disk.
#[test]
fn a_journal_that_ends_before_what_segments_have_seen_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written");
    let fs = FaultFs::hasty();
    let db = Arc::new(Database::open_with_fs(&written, options(), Arc::new(fs.clone())).unwrap());
    db.create_archive_policy(&policy("p", 0, &[(10, None)], &["count"])).unwrap();
    let keys = ["a", "b"].map(|name| metric(&db, name, "p"));
    for key in &keys {
        db.push(*key, at(1), 1.0).unwrap();
    }
    let pushing = Arc::downgrade(&db);
    fs.set(move |call, path| {
        if call == Call::Create && path.parent().is_some_and(|directory| directory.ends_with("level0")) {
            let db = pushing.upgrade().unwrap();
            db.push(keys[1], at(2), 1.0)?;
            db.push(keys[0], at(3), 1.0)?;
        }
        Ok(())
    });
    db.checkpoint().unwrap();
    fs.clear();
    let copy = folder.path().join("copy");
    link_tree(&written, &copy);
    let journal = files(&copy).into_iter().find(|path| path.starts_with("journal")).unwrap();
    let bytes = std::fs::read(copy.join(&journal)).unwrap();
    std::fs::remove_file(copy.join(&journal)).unwrap();
    std::fs::write(copy.join(&journal), &bytes[..bytes.len() - 1]).unwrap();
    let error = open(&copy).unwrap_err();
    assert!(matches!(&error, Error::Corrupt(at) if at.file.ends_with(&journal) && at.offset > 0), "{error:?}");
}

/// One damaged window must neither keep the database from opening nor its neighbours from being stored and read.
#[test]
fn a_damaged_window_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("db");
    let db = Database::open(&root, options()).unwrap();
    let policy = ArchivePolicy::builder("p").definition(Definition::unlimited(Timespan::MINUTE)).build().unwrap();
    db.create_archive_policy(&policy).unwrap();
    let new = ["a", "b", "c"].map(|name| NewMetric::named(name).archive_policy("p"));
    let keys: Vec<MetricKey> = db.create_metrics(&new).unwrap().iter().map(|metric| metric.key).collect();
    let push = |db: &Database, second: i64| {
        for key in &keys {
            db.push(*key, at(second * 1_000_000_000), second as f64).unwrap();
        }
    };
    (0..50).for_each(|second| push(&db, second));
    db.close().unwrap();

    // The raw measures of the second metric: its chunk is the one in the middle of the file.
    let raw = std::fs::read_dir(root.join("raw")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&raw).unwrap();
    let reader =
        SegmentReader::open(&RealFs, &raw, Kind::Raw, number_of(raw.file_name().unwrap().to_str().unwrap()).unwrap());
    let mut entries = Vec::new();
    reader.unwrap().find(keys[1].get(), MEASURES, 0..i64::MAX, &mut entries).unwrap();
    bytes[entries[0].offset as usize] ^= 1;
    std::fs::write(&raw, bytes).unwrap();

    let db = Database::open(&root, options()).unwrap();
    (60..130).for_each(|second| push(&db, second));
    db.checkpoint().unwrap();
    drop(db);
    let db = Database::open(&root, options()).unwrap();
    for (i, key) in keys.iter().enumerate() {
        let counts = db.measures(&Query::new(*key).method(AggregationMethod::COUNT));
        if i == 1 {
            let Err(Error::Corrupt(damage)) = counts else { panic!("{counts:?}") };
            assert_eq!((damage.metric, damage.file), (Some(keys[1].get()), raw.clone()));
        } else {
            assert_eq!(counts.unwrap().values, [50.0, 60.0, 10.0]);
        }
    }
}
