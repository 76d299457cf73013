//! Directories written by every released version of the format are opened for ever, and answer what they answered then.
//!
//! `tests/fixtures/README.md` says how a fixture is made.

mod support;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use gnocchetti::{
    AggregationMethod, ArchivePolicy, ArchivePolicyRule, ArchivePolicyUpdate, Database, DeleteOptions, Error,
    MetricKey, NewMetric, Options, Partial, Query,
};
use support::fault::FaultFs;
use support::{archive, assert_same, at, copy_tree, everything, files, options, policy, without_deleted};

/// Set to write the fixture of the current version anew.
const WRITE: &str = "GNOCCHETTI_WRITE_FIXTURE";
/// The version of the directory that this library writes.
const VERSION: u32 = 2;
/// All directories, oldest first: of each version of the directory, and of its segments.
const FIXTURES: [&str; 4] = ["format-v1", "format-v2", "segments-v3", NEWEST];
/// What this library writes: of a directory of version 2, with segments of version 4.
const NEWEST: &str = "segments-v4";

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

/// A fixture; the newest one is written before, when that is asked for.
fn fixture(name: &str) -> PathBuf {
    static WRITTEN: Once = Once::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("fixtures");
    WRITTEN.call_once(|| {
        if std::env::var_os(WRITE).is_some() {
            write(&fixtures.join(NEWEST));
        }
    });
    fixtures.join(name)
}

#[test]
fn directories_of_every_version_answer_what_they_answered_when_they_were_written() {
    for version in FIXTURES {
        let fixture = fixture(version);
        let expected = std::fs::read_to_string(fixture.join("expected.txt")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("db");
        copy_tree(&fixture.join("db"), &copy);
        let db = Database::open(&copy, options()).unwrap();
        assert_same(&everything(&db).unwrap(), &expected, version);
        assert!(db.stats().unwrap().replayed_records > 3, "{version} has a journal's tail");
        db.maintain().unwrap();
        let (found, wanted) = (without_deleted(&everything(&db).unwrap()), without_deleted(&expected));
        assert_same(&found, &wanted, &format!("{version}, maintained"));
        db.close().unwrap();
        let db = Database::open(&copy, options()).unwrap();
        assert_same(&without_deleted(&everything(&db).unwrap()), &wanted, &format!("{version}, reopened"));
    }
}

#[test]
fn an_index_of_the_version_before_is_brought_to_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("db");
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("fixtures").join("index-v2").join("db"), &copy);
    let refused = Database::open_read_only(&copy, options()).unwrap_err();
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused}");
    let db = Database::open(&copy, options()).unwrap();
    db.check_index().unwrap();
    let web = db.resource_by_original_id("web", Some("alice"), None).unwrap();
    assert_eq!((web.resource_type.as_str(), web.metrics.len()), ("mydb", 1));
    let measures = db.measures(&Query::new(web.metrics["load.value"].key)).unwrap();
    assert_eq!((measures.timestamps, measures.values), (vec![960 * SECOND], vec![1.5]));
    let cpu = db.metric_by_name("cpu").unwrap();
    assert_eq!(cpu.creator.as_deref(), Some("alice"));
    // What version 3 brought: those who have names of their own do not stand in others' way.
    let new = |name: &str| NewMetric::named(name).archive_policy("minutes");
    db.create_metrics(&[new("cpu").creator("bob"), new("disk").creator("bob"), new("disk")]).unwrap();
    assert_eq!(db.metric_by_name("cpu").unwrap(), cpu);
    assert_eq!(db.metric_by_name("disk").unwrap().creator, None);
    assert!(matches!(db.create_metric(new("disk")), Err(Error::MetricExists { .. })));
    db.close().unwrap();
    assert_eq!(Database::open_read_only(&copy, options()).unwrap().metrics(None, 100).unwrap().len(), 6);
}

/// A fixture that lacks a kind of file would no longer test it.
#[test]
fn fixtures_have_files_of_all_kinds_and_are_small() {
    for version in FIXTURES {
        let database = fixture(version).join("db");
        let names: Vec<String> = files(&database).iter().map(|path| path.display().to_string()).collect();
        for kind in ["MANIFEST", "index.sqlite", "journal/", "raw/", "level0/", "archive/"] {
            assert!(names.iter().any(|name| name.starts_with(kind)), "{version}: {kind} of {names:?}");
        }
        let bytes: u64 = names.iter().map(|name| std::fs::metadata(database.join(name)).unwrap().len()).sum();
        assert!(bytes < 220_000, "{version}: {bytes} bytes");
    }
}

/// Writes a database with something of everything, as a crash of its process leaves it, and what it answers.
fn write(fixture: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let fs = Arc::new(FaultFs::default());
    let open = |options: Options| Database::open_with_fs(&path, options, fs.clone()).unwrap();
    let db = open(options().default_policies(true));
    let keys = create(&db);
    push(&db, &keys, 0, 400);
    db.maintain().unwrap();
    push(&db, &keys, 400, 520);
    db.delete_metric(keys[6]).unwrap();
    delete(&db, &keys);
    db.push(keys[8], at(START + JUMP), 3.0).unwrap();
    // Closing empties the index's log, which would be larger than all the rest.
    db.close().unwrap();
    let db = open(options().compress_journal(true));
    write_tail(&db, &keys);
    let answers = everything(&db).unwrap();
    let target = fixture.join("db");
    std::fs::remove_dir_all(&target).ok();
    copy_tree(&path, &target);
    std::fs::remove_file(target.join("LOCK")).unwrap();
    let index = rusqlite::Connection::open(target.join("index.sqlite")).unwrap();
    index.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(index);
    for log in ["index.sqlite-wal", "index.sqlite-shm"] {
        std::fs::remove_file(target.join(log)).ok();
    }
    std::fs::write(fixture.join("expected.txt"), answers).unwrap();
}

/// How far ahead a clock is that is not held to be right yet.
const JUMP: i64 = 1000 * MINUTE;

/// Erasures of archives, of raw measures, and a group that was computed anew.
fn delete(db: &Database, keys: &[MetricKey]) {
    let range = |from: i64, to: i64| at(START + from * SECOND)..at(START + to * SECOND);
    db.delete_measures(keys[0], range(490, 500), DeleteOptions::new()).unwrap();
    db.delete_measures(keys[1], range(60, 180), DeleteOptions::new().partial(Partial::Remove)).unwrap();
    db.delete_measures(keys[4], range(518, 530), DeleteOptions::new()).unwrap();
}

fn create(db: &Database) -> Vec<MetricKey> {
    let archives = [(SECOND, Some(40)), (7 * SECOND, None), (MINUTE, Some(1000))];
    let common = ["mean", "sum", "min", "max", "count", "std", "first", "last", "median", "95pct", "rate:mean"];
    db.create_archive_policy(&policy("several", 1, &archives, &common)).unwrap();
    let every: Vec<String> = AggregationMethod::all().map(|method| method.to_string()).collect();
    let every = ArchivePolicy::builder("every").definition(archive(MINUTE, None)).aggregation_methods(every);
    db.create_archive_policy(&every.build().unwrap()).unwrap();
    db.create_archive_policy(&policy("unused", 9, &[(SECOND, None)], &["*", "-mean"])).unwrap();
    db.create_archive_policy_rule(&ArchivePolicyRule::new("sensors", "sensor.*", "several").unwrap()).unwrap();
    let metrics = [
        NewMetric::named("sensor.temperature").unit("°C").creator("fixture"),
        NewMetric::named("sensor.counter"),
        NewMetric::named("sensor.odd"),
        NewMetric::named("all methods").archive_policy("every"),
        NewMetric::unnamed().archive_policy("several"),
        NewMetric::named("low"),
        NewMetric::named("sensor.deleted"),
        NewMetric::named("sensor.deleted in the tail"),
        NewMetric::named("sensor.jumped"),
    ];
    db.create_metrics(&metrics).unwrap().iter().map(|metric| metric.key).collect()
}

/// 2015-03-06T14:34:00Z, as upstream's documentation likes it.
const START: i64 = 1_425_652_440 * SECOND;

/// What some seconds bring: decimals, a counter, odd values with gaps and odd times, late and repeated measures.
fn push(db: &Database, keys: &[MetricKey], from: i64, to: i64) {
    let mut batch = db.batch();
    for i in from..to {
        let time = START + i * SECOND;
        batch.add(keys[0], at(time), 20.0 + (i % 17) as f64 / 10.0);
        batch.add(keys[1], at(time), (1_000_000 + i * i) as f64);
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 5e-324, 1e308, std::f64::consts::PI];
        if i % 3 == 0 {
            batch.add(keys[2], at(time + i * 37_777_777 % SECOND), odd[(i / 3 % 8) as usize]);
        }
        batch.add(keys[3], at(time), (i * 7919 % 101) as f64);
        batch.add(keys[4], at(time - i % 5 * SECOND), i as f64);
        batch.add(keys[5], at(time + i * MINUTE), 1.0);
        if i < 520 {
            batch.add(keys[6], at(time), 1.0);
        }
        batch.add(keys[7], at(time), 2.0);
        if i < 520 {
            batch.add(keys[8], at(time), i as f64);
        }
        // A batch that closes more than one block seals nothing at first.
        if i % 30 == 0 {
            batch.commit().unwrap();
        }
    }
    batch.commit().unwrap();
}

/// What is in the journal only: batches, single measures, one that overwrites and one that is late, a changed policy, a
/// deleted metric.
fn write_tail(db: &Database, keys: &[MetricKey]) {
    push(db, keys, 520, 560);
    db.push(keys[0], at(START + 570 * SECOND), 1e-9).unwrap();
    db.push(keys[0], at(START + 555 * SECOND), 2e-9).unwrap();
    db.push(keys[0], at(START), 3e-9).unwrap();
    let definitions = [archive(SECOND, Some(30)), archive(7 * SECOND, None), archive(MINUTE, None)];
    let update = ArchivePolicyUpdate::new().back_window(2).definitions(definitions);
    db.update_archive_policy("several", &update).unwrap();
    db.push(keys[1], at(START + 572 * SECOND), 5.0).unwrap();
    db.push(keys[1], at(START + 560 * SECOND), 6.0).unwrap();
    db.delete_metric(keys[7]).unwrap();
}

#[test]
fn a_jump_of_segments_of_version_3_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("db");
    copy_tree(&fixture(NEWEST).join("db"), &copy);
    let db = Database::open(&copy, options()).unwrap();
    let key = db.metric_by_name("sensor.jumped").unwrap().key;
    assert_eq!(db.last_measure(key).unwrap(), Some(at(START + JUMP)));
    let said = db.delete_measures(key, at(START + JUMP).., DeleteOptions::new()).unwrap();
    assert_eq!((said.removed, said.newest), (1, Some(at(START + 519 * SECOND))));
    assert!(said.accepted_from <= at(START + 8 * MINUTE), "{said:?}");
}

/// A directory of an older version is one of the current version once it has been opened, whatever is deleted of it then.
#[test]
fn a_directory_of_version_1_becomes_one_of_the_current_version() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("db");
    copy_tree(&fixture(FIXTURES[0]).join("db"), &copy);
    let version = || u32::from_le_bytes(std::fs::read(copy.join("MANIFEST")).unwrap()[8..12].try_into().unwrap());
    assert_eq!(version(), 1);
    let db = Database::open(&copy, options()).unwrap();
    assert_eq!(version(), VERSION);
    let key = db.metric_by_name("sensor.temperature").unwrap().key;
    db.delete_measures(key, .., DeleteOptions::new()).unwrap();
    assert_eq!(db.last_measure(key).unwrap(), None);
    db.close().unwrap();
    let db = Database::open(&copy, options()).unwrap();
    assert_eq!(db.last_measure(key).unwrap(), None);
}

#[test]
fn the_manifest_of_a_new_database_is_the_one_that_the_documentation_shows() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("db"), options()).unwrap();
    let written = std::fs::read(folder.path().join("db").join("MANIFEST")).unwrap();
    drop(db);
    let page = include_str!("../docs/format/manifest.md");
    let shown = page.split("```text hexdump").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let bytes_of = |line: &str| -> Vec<u8> {
        line.split_whitespace().skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    };
    let documented: Vec<u8> = shown.lines().flat_map(bytes_of).collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    assert_eq!(hex(&written), hex(&documented));
}
