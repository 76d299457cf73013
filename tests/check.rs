//! `check`: a sound database is called sound whoever asks and whenever; each kind of damage is found, named and placed; a
//! directory that does not open is looked through all the same.

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gnocchetti::internals::fs::RealFs;
use gnocchetti::internals::segment::{Chunk, Entry, Kind, SegmentReader, SegmentWriter, Whole, number_of};
use gnocchetti::{CheckReport, Database, FindingKind, MetricKey, OnProgress, StoredData};
use support::{at, copy_tree, files, metric, options, policy};

/// A database with segments of all kinds, a deleted metric, a window and a journal, closed or not.
struct Sample {
    folder: tempfile::TempDir,
    root: PathBuf,
    keys: [MetricKey; 3],
}

impl Sample {
    fn new() -> (Sample, Database) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("db");
        let db = Database::open(&root, options()).unwrap();
        db.create_archive_policy(&policy("p", 1, &[(10, None), (60, Some(50))], &["mean", "count", "rate:max"]))
            .unwrap();
        let keys = ["a", "b", "gone"].map(|name| metric(&db, name, "p"));
        for (from, to) in [(0, 300), (300, 450), (450, 700)] {
            for time in (from..to).step_by(7) {
                for key in &keys {
                    db.push(*key, at(time), time as f64 / 4.0).unwrap();
                }
            }
            if from == 0 { db.maintain().unwrap() } else { db.checkpoint().unwrap() }
        }
        db.delete_metric(keys[2]).unwrap();
        db.push(keys[0], at(720), 0.5).unwrap();
        (Sample { folder, root, keys }, db)
    }

    fn closed() -> Sample {
        let (sample, db) = Sample::new();
        db.close().unwrap();
        sample
    }

    fn file(&self, directory: &str) -> PathBuf {
        let mut found = files(&self.root).into_iter().filter(|path| path.starts_with(directory));
        self.root.join(found.next().unwrap())
    }

    fn check(&self) -> CheckReport {
        Database::check_directory(&self.root, &mut |_| {}).unwrap()
    }
}

fn flip(file: &Path, offset: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[offset as usize] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

fn reader(file: &Path) -> SegmentReader {
    let number = number_of(file.file_name().unwrap().to_str().unwrap()).unwrap();
    let kind = match file.components().rev().nth(1).unwrap().as_os_str().to_str().unwrap() {
        "raw" => Kind::Raw,
        "level0" => Kind::Level0,
        _ => Kind::Archive,
    };
    SegmentReader::open(&RealFs, file, kind, number).unwrap()
}

fn entries(file: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    reader(file).each_entry(&mut |entry| entries.push(entry)).unwrap();
    entries
}

fn kinds(report: &CheckReport) -> Vec<FindingKind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

#[track_caller]
fn assert_clean(report: &CheckReport) {
    assert!(report.is_sound() && report.findings.is_empty(), "{:#?}", report.findings);
}

#[test]
fn a_sound_database_is_sound_for_its_writer_for_a_reader_and_closed() {
    let (sample, db) = Sample::new();
    let mut told = (0, 0);
    let report = db.check(&mut |at| told = (at.done, at.total)).unwrap();
    assert_clean(&report);
    assert!(told.0 > 0 && told.0 == told.1, "{told:?}");
    assert!(report.segments >= 5 && report.chunks > 10 && report.metrics == 3, "{report:?}");
    assert_eq!(report.journal_records, 2, "a deletion and a push");

    let reading = Database::open_read_only(&sample.root, options()).unwrap();
    assert_clean(&reading.check(&mut |_| {}).unwrap());
    assert_clean(&sample.check());
    db.maintain().unwrap();
    assert_clean(&reading.check(&mut |_| {}).unwrap());
    assert_clean(&db.check(&mut |_| {}).unwrap());
    db.close().unwrap();
    assert_clean(&sample.check());
}

#[test]
fn a_crash_leaves_a_sound_directory() {
    let (sample, _db) = Sample::new();
    let copy = sample.folder.path().join("copy");
    copy_tree(&sample.root, &copy);
    assert_clean(&Database::check_directory(&copy, &mut |_| {}).unwrap());
    let journal = files(&copy).into_iter().rfind(|path| path.starts_with("journal")).unwrap();
    let mut bytes = std::fs::read(copy.join(&journal)).unwrap();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes.truncate(bytes.len() - 3);
    std::fs::write(copy.join(journal), bytes).unwrap();
    let report = Database::check_directory(&copy, &mut |_| {}).unwrap();
    assert_eq!(kinds(&report), [FindingKind::TornTail]);
    assert!(report.is_sound());
}

#[test]
fn each_damaged_chunk_is_named_and_no_other() {
    for directory in ["raw", "level0", "archive/10", "archive/60"] {
        let sample = Sample::closed();
        let file = sample.file(directory);
        let entries = entries(&file);
        for entry in [entries.first().unwrap(), entries.last().unwrap()] {
            flip(&file, entry.offset);
            let report = sample.check();
            let [finding] = &report.findings[..] else { panic!("{directory}: {:#?}", report.findings) };
            assert_eq!((finding.kind, finding.offset, &finding.file), (FindingKind::Chunk, entry.offset, &file));
            assert_eq!(finding.metric, Some(entry.metric));
            assert_eq!(finding.span, Some((entry.first, entry.last)));
            assert_eq!(finding.rows, u64::from(entry.rows));
            assert_eq!(finding.granularity, (entry.granularity > 0).then_some(entry.granularity));
            let data = match entry.granularity {
                -1 => StoredData::State,
                0 => StoredData::Measures,
                _ => StoredData::Aggregates,
            };
            assert_eq!(finding.data, Some(data));
            assert!(finding.metric_id.is_some() && !finding.advice.is_empty());
            flip(&file, entry.offset);
        }
        assert_clean(&sample.check());
    }
}

#[test]
fn damaged_entries_footers_and_headers_are_told_apart() {
    let sample = Sample::closed();
    let file = sample.file("raw");
    let last = *entries(&file).last().unwrap();
    flip(&file, last.offset + u64::from(last.length) + 5);
    let report = sample.check();
    assert_eq!(kinds(&report), [FindingKind::Entries]);
    flip(&file, last.offset + u64::from(last.length) + 5);

    let length = std::fs::metadata(&file).unwrap().len();
    for offset in [3, length - 30, length - 3] {
        flip(&file, offset);
        assert!(Database::open(&sample.root, options()).is_err());
        let report = sample.check();
        assert_eq!(report.findings[0].kind, FindingKind::Segment, "byte {offset}: {:#?}", report.findings);
        assert_eq!(report.findings[0].file, file);
        flip(&file, offset);
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(sample.check().findings[0].kind, FindingKind::MissingFile);
}

#[test]
fn a_live_database_reports_damage_and_goes_on() {
    let (sample, db) = Sample::new();
    let file = sample.file("archive/10");
    flip(&file, entries(&file)[0].offset);
    let report = db.check(&mut |_| {}).unwrap();
    assert_eq!(kinds(&report), [FindingKind::Chunk]);
    assert!(!report.is_sound());
    db.push(sample.keys[0], at(800), 1.0).unwrap();
    let reading = Database::open_read_only(&sample.root, options()).unwrap();
    assert_eq!(kinds(&reading.check(&mut |_| {}).unwrap()), [FindingKind::Chunk]);
}

#[test]
fn damage_that_keeps_it_from_opening_is_reported_all_the_same() {
    let (sample, db) = Sample::new();
    for time in 721..760 {
        db.push(sample.keys[1], at(time), 1.0).unwrap();
    }
    db.flush().unwrap();
    db.push(sample.keys[1], at(760), 1.0).unwrap();
    let copy = sample.folder.path().join("copy");
    copy_tree(&sample.root, &copy);
    drop(db);
    let journal = files(&copy).into_iter().rfind(|path| path.starts_with("journal")).unwrap();
    flip(&copy.join(journal), 70);
    assert!(Database::open(&copy, options()).is_err());
    let report = Database::check_directory(&copy, &mut |_| {}).unwrap();
    assert_eq!(kinds(&report), [FindingKind::Journal]);
    assert!(report.findings[0].offset > 0);

    let manifest = sample.root.join("MANIFEST");
    let archive = sample.file("archive/10");
    flip(&manifest, 40);
    flip(&archive, entries(&archive)[0].offset);
    assert!(Database::open(&sample.root, options()).is_err());
    let report = sample.check();
    assert_eq!(kinds(&report), [FindingKind::Manifest, FindingKind::Chunk]);
    std::fs::remove_file(&manifest).unwrap();
    assert_eq!(kinds(&sample.check()), [FindingKind::Manifest, FindingKind::Chunk]);
}

#[test]
fn a_damaged_index_is_reported() {
    let sample = Sample::closed();
    let index = sample.root.join("index.sqlite");
    let mut bytes = std::fs::read(&index).unwrap();
    bytes[..100].fill(0xa5);
    std::fs::write(&index, bytes).unwrap();
    let report = sample.check();
    assert!(report.findings.iter().all(|finding| finding.kind == FindingKind::Index), "{:#?}", report.findings);
    assert!(!report.is_sound() && report.chunks > 0, "the segments were looked through");
}

#[test]
fn an_index_of_another_time_is_found_out() {
    let (sample, db) = Sample::new();
    let copy = sample.folder.path().join("copy");
    copy_tree(&sample.root, &copy);
    let late = metric(&db, "late", "p");
    db.push(late, at(1000), 1.0).unwrap();
    db.close().unwrap();
    for name in ["index.sqlite", "index.sqlite-wal"] {
        std::fs::remove_file(sample.root.join(name)).ok();
        std::fs::copy(copy.join(name), sample.root.join(name)).unwrap();
    }
    let report = sample.check();
    assert_eq!(kinds(&report), [FindingKind::UnknownMetric]);
    assert_eq!(report.findings[0].metric, Some(late.get()));
}

#[test]
fn strays_are_mentioned_and_harm_nothing() {
    let sample = Sample::closed();
    let archive = sample.file("archive/10");
    std::fs::copy(&archive, archive.with_file_name("00000999.seg")).unwrap();
    std::fs::write(sample.root.join("notes.txt"), "mine").unwrap();
    let report = sample.check();
    assert_eq!(kinds(&report), [FindingKind::StrayFile, FindingKind::StrayFile]);
    assert!(report.is_sound());
    assert!(Database::check_directory(sample.root.join("raw"), &mut |_| {}).is_err(), "that is no database");
}

/// Writes a segment anew with those of its chunks that `change` keeps, as it leaves them.
fn rewrite(file: &Path, kind: Kind, source: &SegmentReader, all: &[Entry], change: &dyn Fn(&mut Chunk<'_>) -> bool) {
    let mut whole = Whole::default();
    let number = number_of(file.file_name().unwrap().to_str().unwrap()).unwrap();
    std::fs::remove_file(file).unwrap();
    let mut writer = SegmentWriter::create(&RealFs, file, kind, number).unwrap();
    for entry in all {
        source
            .read(std::slice::from_ref(entry), &mut whole, &mut |entry, bytes| {
                let Entry { metric, granularity, first, last, rows, front, .. } = *entry;
                let mut chunk = Chunk { metric, granularity, first, last, rows, bytes, front: front as usize };
                if change(&mut chunk) { writer.add(&chunk) } else { Ok(()) }
            })
            .unwrap();
    }
    writer.finish().unwrap();
}

/// A merge of raw segments leaves out a deleted metric, its state too, and archives keep its rows until they are written anew.
/// The index lets go of a deleted metric within seconds; segments hold it for longer.
#[test]
fn a_metric_that_is_deleted_while_a_check_runs_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let keys = {
        let db = Database::open(&path, options()).unwrap();
        db.create_archive_policy(&policy("p", 0, &[(1_000_000_000, None)], &["count"])).unwrap();
        let keys: Vec<_> = (0..4).map(|i| metric(&db, &format!("m{i}"), "p")).collect();
        for (key, second) in keys.iter().flat_map(|key| (0..1000).map(move |second| (key, second))) {
            db.push(*key, at(second * 1_000_000_000), 1.0).unwrap();
        }
        db.close().unwrap();
        keys
    };
    let db = Database::open(&path, options().background(true)).unwrap();
    let reader = Database::open_read_only(&path, options()).unwrap();
    let checks: [&dyn Fn(&mut OnProgress<'_>) -> CheckReport; 3] =
        [&|watch| db.check(watch).unwrap(), &|watch| reader.check(watch).unwrap(), &|watch| {
            Database::check_directory(&path, watch).unwrap()
        }];
    for (key, check) in keys.iter().zip(checks) {
        let mut is_deleted = false;
        let report = check(&mut |at| {
            // The journal is gone through while maintenance waits, and with it what takes the row away.
            if at.file.extension().is_some_and(|extension| extension == "seg") && !is_deleted {
                is_deleted = true;
                db.delete_metric(*key).unwrap();
                while !db.deleted_metrics(None, 1).unwrap().is_empty() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
        assert!(is_deleted, "the check says how far it has come");
        assert_clean(&report);
    }
}

#[test]
fn rows_of_a_deleted_metric_need_no_state() {
    let sample = Sample::closed();
    let without = |key: MetricKey| {
        for name in files(&sample.root).into_iter().filter(|name| name.starts_with("raw")) {
            let file = sample.root.join(name);
            rewrite(&file, Kind::Raw, &reader(&file), &entries(&file), &|chunk| chunk.metric != key.get());
        }
        // That the files have other sizes than MANIFEST says is found, too.
        kinds(&sample.check()).into_iter().filter(|kind| *kind == FindingKind::State).count()
    };
    assert_eq!(without(sample.keys[2]), 0);
    assert_ne!(without(sample.keys[1]), 0, "a living metric needs it");
}

/// A segment with sound checksums that says what it should not.
#[test]
fn what_no_flipped_byte_does_is_found_too() {
    let sample = Sample::closed();
    let file = sample.file("archive/10");
    let source = reader(&file);
    let all = entries(&file);
    let rewrite = |change: &dyn Fn(&mut Chunk<'_>)| {
        rewrite(&file, Kind::Archive, &source, &all, &|chunk| {
            change(chunk);
            true
        });
        sample.check()
    };
    assert_clean(&rewrite(&|_| {}));
    let later = kinds(&rewrite(&|chunk| chunk.last += 10));
    assert!(later.contains(&FindingKind::Contents), "{later:?}");
    let shorter = kinds(&rewrite(&|chunk| chunk.rows -= 1));
    assert!(shorter.contains(&FindingKind::Contents), "{shorter:?}");
    let other = kinds(&rewrite(&|chunk| chunk.granularity = 20));
    assert!(other.contains(&FindingKind::Contents) && other.contains(&FindingKind::Inconsistent), "{other:?}");
    let stranger = kinds(&rewrite(&|chunk| chunk.metric += 40));
    assert!(stranger.contains(&FindingKind::UnknownMetric) && stranger.contains(&FindingKind::State), "{stranger:?}");
}
