//! What a shorter timespan, retention and deletion set free leaves the disk; what is gone stays gone.

mod support;

use std::time::{Duration, Instant};

use gnocchetti::{ArchivePolicyUpdate, Database, Error, NewMetric, Options, Query};
use support::{archive, at, copy_tree, count, metric, options, points, policy, segments};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// One measure every ten minutes of so many days, beginning at `start`.
fn fill(db: &Database, key: gnocchetti::MetricKey, start: i64, days: i64) {
    let times: Vec<i64> = (0..days * 144).map(|i| start + i * 600 * SECOND).collect();
    let values: Vec<f64> = times.iter().map(|time| (time % 7919) as f64).collect();
    let mut batch = db.batch();
    batch.extend(key, &times, &values).unwrap();
    assert_eq!(batch.commit().unwrap().total().late, 0);
}

#[test]
fn a_shorter_timespan_frees_what_it_hides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Database::open(&path, options()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(60 * SECOND, None)], &["mean", "max", "count"])).unwrap();
    let key = metric(&db, "a", "p");
    fill(&db, key, 0, 60);
    db.maintain().unwrap();
    let before = segments(&path).1;
    let update = ArchivePolicyUpdate::new().definitions([archive(60 * SECOND, Some(5 * 1440))]);
    db.update_archive_policy("p", &update).unwrap();
    let kept = count(&db, key, 60 * SECOND);
    assert_eq!(kept, 5 * 144, "what is five days older than the newest is hidden at once");
    db.maintain().unwrap();
    let after = segments(&path).1;
    assert!(after * 5 < before, "{before} bytes before, {after} after");
    assert_eq!(count(&db, key, 60 * SECOND), kept);
    db.close().unwrap();
    let db = Database::open(&path, options()).unwrap();
    assert_eq!(count(&db, key, 60 * SECOND), kept);
}

#[test]
fn what_retention_passes_leaves_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Database::open(&path, options()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(60 * SECOND, Some(10 * 1440))], &["mean", "count"])).unwrap();
    let key = metric(&db, "a", "p");
    let mut largest = 0;
    for month in 0..12 {
        fill(&db, key, month * 30 * DAY, 30);
        db.maintain().unwrap();
        largest = largest.max(segments(&path).1);
        if month == 0 {
            largest = segments(&path).1 * 2;
        }
    }
    // A month in one batch may be a clock that jumped, until something comes after it.
    db.push(key, at(360 * DAY), 1.0).unwrap();
    db.maintain().unwrap();
    let (files, bytes) = segments(&path);
    assert!(bytes < largest, "{bytes} bytes after a year");
    assert!(files < 12, "{files} files after a year, for ten days");
}

#[test]
fn a_deleted_metric_frees_its_name_at_once_and_its_bytes_with_the_next_maintenance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Database::open(&path, options()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(60 * SECOND, None)], &["mean", "max", "count"])).unwrap();
    db.create_archive_policy(&policy("q", 0, &[(60 * SECOND, None)], &["count"])).unwrap();
    let (large, small) = (metric(&db, "large", "p"), metric(&db, "small", "q"));
    fill(&db, large, 0, 40);
    fill(&db, small, 0, 2);
    db.maintain().unwrap();
    let before = segments(&path).1;

    db.delete_metric(large).unwrap();
    assert!(matches!(db.push(large, at(0), 1.0), Err(Error::UnknownMetric { .. })));
    assert!(matches!(db.measures(&Query::new(large)), Err(Error::UnknownMetric { .. })));
    assert!(matches!(db.metric_by_name("large"), Err(Error::UnknownMetric { .. })));
    assert!(matches!(db.delete_metric(large), Err(Error::UnknownMetric { .. })));
    let successor = metric(&db, "large", "q");
    assert_ne!(successor, large, "keys are never used twice");
    assert_eq!(db.deleted_metrics(None, 10).unwrap().iter().map(|metric| metric.key).collect::<Vec<_>>(), [large]);
    assert!(matches!(db.delete_archive_policy("p"), Err(Error::ArchivePolicyInUse { .. })));

    db.maintain().unwrap();
    let after = segments(&path).1;
    assert!(after * 5 < before, "{before} bytes before, {after} after");
    assert!(db.deleted_metrics(None, 10).unwrap().is_empty());
    assert_eq!(db.stats().unwrap().deleted_metrics, 0);
    db.delete_archive_policy("p").unwrap();
    assert_eq!(count(&db, small, 60 * SECOND), 2 * 144);
    assert!(points(&db, successor, 60 * SECOND, gnocchetti::AggregationMethod::COUNT).is_empty());
    db.close().unwrap();
    let db = Database::open(&path, options()).unwrap();
    assert_eq!(count(&db, small, 60 * SECOND), 2 * 144);
    assert_eq!(db.stats().unwrap().deleted_metrics, 0);
}

/// However long its bytes stay: in a large archive, whole partitions are not rewritten for one metric.
#[test]
fn a_deleted_metric_leaves_the_index_by_itself_though_segments_hold_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Database::open(&path, options()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(60 * SECOND, None)], &["mean", "count"])).unwrap();
    db.create_archive_policy(&policy("q", 0, &[(60 * SECOND, None)], &["count"])).unwrap();
    let (large, small) = (metric(&db, "large", "q"), metric(&db, "small", "p"));
    fill(&db, large, 0, 40);
    fill(&db, small, 0, 2);
    db.maintain().unwrap();
    db.close().unwrap();

    let db = Database::open(&path, Options::new().checkpoint_interval(Duration::from_secs(3600))).unwrap();
    let reader = Database::open_read_only(&path, Options::new()).unwrap();
    db.delete_metric(small).unwrap();
    let begin = Instant::now();
    while !db.deleted_metrics(None, 10).unwrap().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it still is in the index");
        std::thread::sleep(Duration::from_millis(20));
    }
    db.delete_archive_policy("p").unwrap();
    assert_eq!(db.stats().unwrap().deleted_metrics, 1, "its bytes are there");
    assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);

    let crashed = folder.path().join("crashed");
    copy_tree(&path, &crashed);
    reader.refresh().unwrap();
    for db in [&reader, &db, &Database::open(&crashed, options()).unwrap()] {
        assert!(matches!(db.measures(&Query::new(small)), Err(Error::UnknownMetric { .. })));
        assert_eq!(count(db, large, 60 * SECOND), 40 * 144);
        assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);
    }
    let db = Database::open(&crashed, options()).unwrap();
    db.maintain().unwrap();
    assert_eq!(db.stats().unwrap().deleted_metrics, 0);
    assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);
}

#[test]
fn a_deletion_survives_a_crash_wherever_the_measures_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Database::open(&path, options()).unwrap();
    db.create_archive_policy(&policy("p", 1, &[(60 * SECOND, None)], &["count"])).unwrap();
    let keys = ["sealed", "open", "journaled", "never"].map(|name| metric(&db, name, "p"));
    let stays = metric(&db, "stays", "p");
    fill(&db, keys[0], 0, 2);
    db.maintain().unwrap();
    fill(&db, keys[1], 0, 2);
    fill(&db, stays, 0, 2);
    db.checkpoint().unwrap();
    fill(&db, keys[2], 0, 2);
    for (i, key) in keys.iter().enumerate() {
        db.delete_metric(*key).unwrap();
        let crashed = folder.path().join(format!("crashed {i}"));
        copy_tree(&path, &crashed);
        let db = Database::open(&crashed, options()).unwrap();
        for (j, key) in keys.iter().enumerate() {
            let gone = matches!(db.measures(&Query::new(*key)), Err(Error::UnknownMetric { .. }));
            assert_eq!(gone, j <= i, "metric {j} after the deletion of {i}");
        }
        assert_eq!(db.deleted_metrics(None, 10).unwrap().len(), i + 1);
        db.maintain().unwrap();
        assert!(db.deleted_metrics(None, 10).unwrap().is_empty());
        assert_eq!(db.stats().unwrap().deleted_metrics, 0);
        assert_eq!(count(&db, stays, 60 * SECOND), 2 * 144);
        db.create_metric(NewMetric::named("sealed").archive_policy("p")).unwrap();
    }
}

/// A clock that was not set yet, a sensor that measures once a year: a chunk may reach over all of time.
#[test]
fn sparse_measures_cost_no_more_than_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Database::open(&path, options()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(SECOND, None)], &["mean", "count"])).unwrap();
    let key = metric(&db, "a", "p");
    for year in 0..50 {
        db.push(key, at(year * 365 * DAY), 1.0).unwrap();
    }
    let begin = Instant::now();
    db.maintain().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20), "maintenance took {:?}", begin.elapsed());
    assert_eq!(count(&db, key, SECOND), 50);
    let directories = std::fs::read_dir(path.join("archive").join(SECOND.to_string())).unwrap().count();
    assert!(directories <= 50, "{directories} partitions for 49 sealed groups");
}

#[test]
fn deleted_metrics_soon_let_go_of_their_policies_whether_segments_know_them_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("db"), options().background(true)).unwrap();
    for name in ["p", "q"] {
        db.create_archive_policy(&policy(name, 0, &[(60 * SECOND, None)], &["mean"])).unwrap();
    }
    let (stored, forgotten) = (metric(&db, "stored", "p"), metric(&db, "forgotten", "q"));
    fill(&db, stored, 0, 1);
    db.checkpoint().unwrap();
    fill(&db, forgotten, 0, 1);
    // A deletion wakes the background, whose checkpoint would store what is not deleted yet.
    db.delete_metric(forgotten).unwrap();
    db.delete_metric(stored).unwrap();
    let waits_until = Instant::now() + Duration::from_secs(60);
    for name in ["q", "p"] {
        while let Err(error) = db.delete_archive_policy(name) {
            assert!(matches!(error, Error::ArchivePolicyInUse { .. }) && Instant::now() < waits_until, "{error}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert_eq!(db.stats().unwrap().deleted_metrics, 1, "what segments know waits for merges");
    db.maintain().unwrap();
    assert_eq!(db.stats().unwrap().deleted_metrics, 0);
}
