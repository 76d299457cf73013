//! The memory that measures may take: pushes that wait for a checkpoint, and pushes that are refused.

mod support;

use std::sync::Arc;
use std::time::Duration;

use gnocchetti::{AggregationMethod, Database, Error, MetricKey, Options, OverMemory};
use support::fault::{Call, FaultFs, full};
use support::{at, count, metric, points, policy};

const SECOND: i64 = 1_000_000_000;
/// The smallest share, 64 KiB, of 16 bytes each.
const MAY_WAIT: u64 = (64 << 10) / 16;

fn open(directory: &std::path::Path, options: Options) -> Database {
    let options = options.max_future(None).memory(1).checkpoint_interval(Duration::from_secs(3600));
    let db = Database::open(directory, options).unwrap();
    db.create_archive_policy(&policy("seconds", 0, &[(SECOND, None), (60 * SECOND, None)], &["count", "max"])).unwrap();
    db
}

fn push(db: &Database, metrics: &[MetricKey], second: i64) -> Result<(), Error> {
    let mut batch = db.batch();
    for key in metrics {
        batch.add(*key, at(second * SECOND), second as f64);
    }
    batch.commit().map(drop)
}

#[test]
fn pushes_that_would_take_too_much_are_refused_whole_until_a_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(directory.path(), Options::new().background(false).over_memory(OverMemory::Refuse));
    let metrics: Vec<MetricKey> = (0..100).map(|i| metric(&db, &format!("m.{i}"), "seconds")).collect();
    let accepted = (0..1000).find(|second| push(&db, &metrics, *second).is_err()).unwrap();
    assert_eq!(accepted as u64, MAY_WAIT / 100 + 1, "a push that finds room is taken whole");
    let Err(Error::MemoryLimit { waiting, limit }) = push(&db, &metrics, accepted) else { panic!("it was taken") };
    assert!(waiting > limit && limit == 64 << 10, "{waiting} of {limit}");
    assert!(matches!(db.push(metrics[0], at(accepted * SECOND), 1.0), Err(Error::MemoryLimit { .. })));
    let stats = db.stats().unwrap();
    assert_eq!((stats.accepted, stats.pushes_refused, stats.pushes_blocked), (100 * accepted as u64, 3, 0));
    for key in &metrics {
        assert_eq!(count(&db, *key, 60 * SECOND), accepted as u64, "nothing of what was refused is there");
    }
    db.checkpoint().unwrap();
    push(&db, &metrics, accepted).unwrap();
    db.close().unwrap();
    let db = open_again(directory.path());
    assert_eq!(points(&db, metrics[7], SECOND, AggregationMethod::MAX).len() as i64, accepted + 1);
}

fn open_again(directory: &std::path::Path) -> Database {
    Database::open(directory, Options::new().max_future(None).background(false)).unwrap()
}

/// What several threads push of their own metrics, into a database that may keep next to nothing in memory.
fn push_from_threads(db: &Database, metrics: &[MetricKey], seconds: i64) {
    std::thread::scope(|scope| {
        for mine in metrics.chunks(metrics.len() / 4) {
            scope.spawn(move || {
                for second in 0..seconds {
                    while let Err(error) = push(db, mine, second) {
                        assert!(matches!(error, Error::MemoryLimit { .. }), "{error}");
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            });
        }
    });
}

#[test]
fn many_series_and_little_memory_lose_nothing_whichever_way_pushes_are_held_back() {
    for what in [OverMemory::Block, OverMemory::Refuse] {
        let directory = tempfile::tempdir().unwrap();
        let options =
            Options::new().over_memory(what).durability(gnocchetti::Durability::Buffered(Duration::from_secs(1)));
        let db = open(directory.path(), options);
        let metrics: Vec<MetricKey> = (0..400).map(|i| metric(&db, &format!("m.{i}"), "seconds")).collect();
        push_from_threads(&db, &metrics, 120);
        let stats = db.stats().unwrap();
        assert_eq!(stats.accepted, 48_000);
        assert!(stats.checkpoints > 0 && stats.dirty_measures <= MAY_WAIT + 4 * 100, "{stats:?}");
        let held_back = if what == OverMemory::Block { stats.pushes_blocked } else { stats.pushes_refused };
        assert!(held_back > 0, "{stats:?}");
        assert!(what != OverMemory::Block || stats.blocked_nanos > 0 && stats.pushes_refused == 0, "{stats:?}");
        for key in &metrics {
            assert_eq!(count(&db, *key, 60 * SECOND), 120);
        }
        db.close().unwrap();
        assert_eq!(count(&open_again(directory.path()), metrics[399], 60 * SECOND), 120);
    }
}

#[test]
fn a_push_that_waits_is_told_why_no_checkpoint_comes_and_goes_through_once_one_does() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    open(&path, Options::new()).close().unwrap();
    let fs = FaultFs::default();
    let options = Options::new().max_future(None).memory(1).checkpoint_interval(Duration::from_secs(3600));
    let db = Database::open_with_fs(&path, options, Arc::new(fs.clone())).unwrap();
    let metrics: Vec<MetricKey> = (0..100).map(|i| metric(&db, &format!("m.{i}"), "seconds")).collect();
    fs.set(|call, path| {
        let is_segment = path.extension().is_some_and(|extension| extension == "seg");
        if call == Call::Create && is_segment { Err(full(path)) } else { Ok(()) }
    });
    let (second, error) = (0..1000).find_map(|second| push(&db, &metrics, second).err().map(|e| (second, e))).unwrap();
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    let stats = db.stats().unwrap();
    assert!(stats.pushes_blocked > 0 && stats.background_error.is_some(), "{stats:?}");
    assert_eq!(stats.accepted, 100 * second as u64, "nothing of the push that waited happened");
    fs.clear();
    push(&db, &metrics, second).unwrap();
    assert_eq!(count(&db, metrics[42], 60 * SECOND), second as u64 + 1);
}
