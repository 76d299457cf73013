//! Opening, reopening, migrating, and files that are no index.

use std::fs;

use rusqlite::types::Value;

use super::*;

fn pragma(connection: &Connection, name: &str) -> Value {
    connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
}

fn path_in(directory: &TempDir) -> PathBuf {
    directory.path().join("index.sqlite")
}

impl Fixture {
    /// As `SQLite` does it by itself: it writes what is in the log into the index, and begins the log anew next time.
    fn checkpoint_passively(&self) {
        let writer = self.writer("test").unwrap();
        writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    }
}

#[test]
fn connections_are_as_durable_as_promised() {
    let fixture = Fixture::new();
    let writer = fixture.writer("test").unwrap();
    assert_eq!(pragma(&writer, "journal_mode"), Value::Text("wal".to_owned()));
    let settings = ["synchronous", "foreign_keys", "user_version", "application_id"];
    let expected = [2, 1, i64::from(schema::VERSION), 0x676e_6f63];
    assert_eq!(settings.map(|name| pragma(&writer, name)), expected.map(Value::Integer));
    let reader = fixture.reader.lock();
    assert!(reader.is_readonly(rusqlite::MAIN_DB).unwrap());
    assert!(reader.execute("DELETE FROM metrics", []).is_err());
}

#[test]
fn what_was_committed_survives_a_process_that_does_not_close() {
    let fixture = Fixture::new();
    let stored = fixture.create(NewMetric::named("cpu"));
    // A copy of the files while they are open is what a crash of the process leaves.
    let crashed = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture.directory.path()).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), crashed.path().join(entry.file_name())).unwrap();
        }
    }
    let recovered = Indexer::open(&path_in(&crashed)).unwrap();
    assert_eq!(recovered.metric_by_name("cpu").unwrap(), Some(stored));
    recovered.integrity_check().unwrap();
}

#[test]
fn a_checkpoint_empties_the_log_which_stays_for_readers() {
    let fixture = Fixture::new();
    let log = fixture.directory.path().join("index.sqlite-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    assert!(fixture.checkpoint_wal().unwrap());
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    fixture.create(NewMetric::named("after"));
    let Fixture { indexer, directory } = fixture;
    indexer.checkpoint_wal().unwrap();
    drop(indexer);
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    let again = Indexer::open(&path_in(&directory)).unwrap();
    assert!(again.metric_by_name("after").unwrap().is_some());
}

#[test]
fn the_log_is_made_short_when_nobody_needs_it_and_nobody_waits_for_that() {
    let fixture = Fixture::new();
    let log = || fs::metadata(fixture.directory.path().join("index.sqlite-wal")).unwrap().len();
    let observer = fixture.observer().unwrap();
    observer.pin().unwrap();
    for i in 0..9 {
        let metrics: Vec<NewMetric> = (0..6000).map(|j| NewMetric::named(format!("{i} {j}"))).collect();
        fixture.create_metrics(&metrics, Timestamp::default()).unwrap();
    }
    let grown = log();
    assert!(grown > 5 << 20, "{grown}");
    let begun = std::time::Instant::now();
    fixture.shorten_log().unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "it would wait for ten when it waited");
    assert_eq!(log(), grown, "somebody reads what is in it");
    drop(observer);
    fixture.shorten_log().unwrap();
    assert_eq!(log(), 0);
    fixture.shorten_log().unwrap();
    fixture.create(NewMetric::named("more"));
    assert!(log() > 0);
    fixture.shorten_log().unwrap();
    assert_eq!((log(), fixture.metric_count().unwrap()), (0, 54_001));
}

#[test]
fn a_log_that_was_long_does_not_stay_so() {
    let fixture = Fixture::new();
    let log = || fs::metadata(fixture.directory.path().join("index.sqlite-wal")).unwrap().len();
    let mut longest = 0;
    for i in 0..60 {
        let metrics: Vec<NewMetric> = (0..6000).map(|j| NewMetric::named(format!("{i} {j}"))).collect();
        fixture.create_metrics(&metrics, Timestamp::default()).unwrap();
        longest = log().max(longest);
    }
    assert!(longest > 30 << 20, "it is written into the index when it is so long: {longest}");
    fixture.checkpoint_passively();
    fixture.create(NewMetric::named("the first of the next round"));
    assert!(log() <= 4 << 20, "{}", log());
}

#[test]
fn a_checkpoint_says_when_another_reader_stands_in_the_way() {
    let fixture = Fixture::new();
    fixture.writer("test").unwrap().busy_timeout(std::time::Duration::from_millis(10)).unwrap();
    let other = connection::reader(&fixture.path, Source::Shared).unwrap();
    let reading = other.unchecked_transaction().unwrap();
    reading.query_row("SELECT count(*) FROM metrics", [], |_| Ok(())).unwrap();
    fixture.create(NewMetric::named("cpu"));
    assert!(!fixture.checkpoint_wal().unwrap());
    drop(reading);
    assert!(fixture.checkpoint_wal().unwrap());
}

#[test]
fn an_index_of_a_newer_version_is_not_touched() {
    let fixture = Fixture::new();
    fixture.writer("test").unwrap().pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    assert!(fixture.checkpoint_wal().unwrap());
    let Fixture { indexer, directory } = fixture;
    drop(indexer);
    let before = fs::read(path_in(&directory)).unwrap();
    match Indexer::open(&path_in(&directory)).map(|_| ()).unwrap_err() {
        Error::UnsupportedFormat { found, supported, .. } => {
            assert_eq!((found, supported), (schema::VERSION + 1, schema::VERSION));
        }
        other => panic!("{other}"),
    }
    assert_eq!(fs::read(path_in(&directory)).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let connection = Connection::open(path_in(&directory)).unwrap();
    connection.execute_batch("CREATE TABLE recipes (flour INTEGER)").unwrap();
    drop(connection);
    let before = fs::read(path_in(&directory)).unwrap();
    assert!(matches!(Indexer::open(&path_in(&directory)), Err(Error::NotADatabase { .. })));
    assert_eq!(fs::read(path_in(&directory)).unwrap(), before);
}

#[test]
fn what_is_no_sqlite_file_is_corrupt_and_a_missing_directory_an_error() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(path_in(&directory), "potatoes, flour, an egg".repeat(100)).unwrap();
    assert!(matches!(Indexer::open(&path_in(&directory)), Err(Error::Corrupt(_))));
    let missing = Indexer::open(&directory.path().join("missing/index.sqlite"));
    assert!(matches!(missing, Err(Error::Index { operation: "open", .. })));
}

#[test]
fn a_migration_that_was_cut_short_is_done_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = connection::writer(&path_in(&directory)).unwrap();
    let half = connection.transaction().unwrap();
    half.execute_batch("CREATE TABLE archive_policies (id INTEGER)").unwrap();
    half.rollback().unwrap();
    drop(connection);
    let indexer = Indexer::open(&path_in(&directory)).unwrap();
    indexer.create_default_policies().unwrap();
    indexer.integrity_check().unwrap();
}

#[test]
fn damage_is_found_and_named() {
    let fixture = Fixture::new();
    let batch: Vec<_> = (0..2000).map(|i| NewMetric::named(format!("metric.{i}"))).collect();
    fixture.create_metrics(&batch, now()).unwrap();
    fixture.integrity_check().unwrap();
    fixture.checkpoint_wal().unwrap();
    let Fixture { indexer, directory } = fixture;
    drop(indexer);
    let mut bytes = fs::read(path_in(&directory)).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(path_in(&directory), bytes).unwrap();
    let indexer = Indexer::open(&path_in(&directory)).unwrap();
    match indexer.integrity_check().unwrap_err() {
        Error::Corrupt(corruption) => assert_eq!(corruption.file, path_in(&directory)),
        other => panic!("{other}"),
    }
}

#[test]
fn references_and_counts_are_part_of_the_check() {
    let fixture = Fixture::new();
    fixture.create(NewMetric::named("cpu"));
    let spoil = |sql: &str| fixture.writer("test").unwrap().execute_batch(sql).unwrap();
    spoil("UPDATE metric_totals SET active = 5");
    let miscounted = fixture.integrity_check().unwrap_err().to_string();
    assert!(miscounted.contains("5 active metrics and has 1"), "{miscounted}");
    spoil("UPDATE metric_totals SET active = 1; PRAGMA foreign_keys = OFF; UPDATE metrics SET policy_id = 99");
    let dangling = fixture.integrity_check().unwrap_err().to_string();
    assert!(dangling.contains("row 1 of metrics refers to nothing in archive_policies"), "{dangling}");
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let fixture = Fixture::new();
    let stored = fixture.create(NewMetric::named("there"));
    let pages: i64 = fixture.writer("test").unwrap().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let limit = |pages: i64| {
        fixture.writer("test").unwrap().pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    };
    limit(pages);
    let batch: Vec<_> = (0..1000).map(|i| NewMetric::named(format!("m{i}"))).collect();
    match fixture.create_metrics(&batch, now()).unwrap_err() {
        Error::DiskFull { operation, path, .. } => {
            assert_eq!((operation, path), ("create metrics", fixture.path.clone()));
        }
        other => panic!("{other}"),
    }
    assert_eq!(fixture.metric_by_name("there").unwrap(), Some(stored));
    assert_eq!(fixture.metric_count().unwrap(), 1);
    limit(pages + 1000);
    assert_eq!(fixture.create_metrics(&batch, now()).unwrap().len(), 1000);
    fixture.integrity_check().unwrap();
}
