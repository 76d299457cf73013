//! The bytes that a directory may take: points that expire before their time, and pushes that are refused.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use gnocchetti::{AggregationMethod, Database, DeleteOptions, Durability, Error, MetricKey, Options, OverDisk};
use support::fault::{Call, FaultFs};
use support::{allocated, at, metric, noise, points, policy};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// The smallest there may be.
const LIMIT: u64 = 16 << 20;
/// A partition of the archive of minutes.
const PARTITION: i64 = 60 * HOUR;
const METRICS: usize = 20;
const METHODS: [&str; 4] = ["min", "max", "first", "last"];

fn options() -> Options {
    support::options().disk(Some(LIMIT)).over_disk(OverDisk::Expire)
}

fn open(directory: &Path, options: Options) -> (Database, Vec<MetricKey>) {
    filled(Database::open(directory, options).unwrap())
}

fn filled(db: Database) -> (Database, Vec<MetricKey>) {
    db.create_archive_policy(&policy("fine", 0, &[(MINUTE, None), (HOUR, None)], &METHODS)).unwrap();
    let metrics = (0..METRICS).map(|i| metric(&db, &format!("m.{i}"), "fine")).collect();
    (db, metrics)
}

/// Pushes two measures per minute of each metric, for an hour.
fn push_hour(db: &Database, metrics: &[MetricKey], hour: i64) -> Result<(), Error> {
    let mut batch = db.batch();
    for (i, key) in metrics.iter().enumerate() {
        for half_minute in hour * 120..(hour + 1) * 120 {
            batch.add(*key, at(half_minute * 30 * SECOND), noise(i, half_minute));
        }
    }
    batch.commit().map(drop)
}

/// The most that the directory took while `work` ran.
fn peak<T>(directory: &Path, work: impl FnOnce() -> T) -> (T, u64) {
    let (done, most) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(allocated(directory), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        (outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), most.load(Ordering::Relaxed))
    })
}

const MAX: AggregationMethod = AggregationMethod::MAX;

/// The fine points are all from some time on, the coarse ones all there are.
fn assert_whole_from(db: &Database, twin: &Database, metrics: &[MetricKey], until: i64) {
    for key in metrics {
        let (have, all) = (points(db, *key, MINUTE, MAX), points(twin, *key, MINUTE, MAX));
        let first = have[0].0;
        assert!(first <= until, "nothing is gone that is said to be there: {first} {until}");
        let from = all.partition_point(|(t, _)| *t < first);
        assert!(from > 0 && have == all[from..]);
        assert_eq!(points(db, *key, HOUR, MAX), points(twin, *key, HOUR, MAX));
    }
}

#[test]
fn the_oldest_fine_points_go_first_and_all_else_is_as_without_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let (db, metrics) = open(&directory, options());
    let (twin, _) = open(&folder.path().join("twin"), support::options());
    let hours = 20 * 60;
    let ((), most) = peak(&directory, || {
        for hour in 0..hours {
            push_hour(&db, &metrics, hour).unwrap();
            push_hour(&twin, &metrics, hour).unwrap();
            if hour % 20 == 19 {
                db.maintain().unwrap();
            }
        }
        db.maintain().unwrap();
    });
    twin.maintain().unwrap();
    let (stats, unlimited) = (db.stats().unwrap(), twin.stats().unwrap());
    assert!(unlimited.disk_bytes > LIMIT / 2 * 3, "the twin has more: {}", unlimited.disk_bytes);
    assert!(most <= LIMIT && stats.disk_bytes <= LIMIT / 4 * 3, "{most} at most, {} now", stats.disk_bytes);
    assert_eq!((stats.disk_limit, unlimited.disk_limit, stats.disk_refused), (Some(LIMIT), None, 0));
    assert!(stats.expired_partitions > 3 && unlimited.expired_early.is_empty());
    let [early] = stats.expired_early[..] else { panic!("{:?}", stats.expired_early) };
    assert_eq!((early.granularity, early.until % PARTITION), (MINUTE, 0));
    assert_eq!(early.until / PARTITION, stats.expired_partitions as i64);
    assert_whole_from(&db, &twin, &metrics, early.until);

    let reader = Database::open_read_only(&directory, Options::new()).unwrap();
    assert_whole_from(&reader, &twin, &metrics, early.until);
    assert_eq!(reader.stats().unwrap().expired_early, [early]);
    drop(reader);
    assert!(db.check(&mut |_| {}).unwrap().is_sound());
    db.close().unwrap();
    let db = Database::open(&directory, options()).unwrap();
    assert_eq!(db.stats().unwrap().expired_early, [early]);
    assert_whole_from(&db, &twin, &metrics, early.until);
}

/// Files of partitions that went stay while somebody reads them: no other partition may go in their place.
#[test]
fn whoever_reads_what_expires_costs_no_more_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (db, metrics) = open(&folder.path().join("db"), options());
    let mut hour = 0;
    while db.stats().unwrap().expired_partitions == 0 {
        push_hour(&db, &metrics, hour).unwrap();
        hour += 1;
        if hour % 20 == 0 {
            db.maintain().unwrap();
        }
    }
    let before = db.stats().unwrap().expired_partitions;
    let mut maintained = false;
    // A snapshot holds all segments as of its beginning.
    db.snapshot_with_progress(folder.path().join("copy"), |_| {
        if !std::mem::replace(&mut maintained, true) {
            while db.stats().unwrap().expired_partitions == before {
                push_hour(&db, &metrics, hour).unwrap();
                hour += 1;
                if hour % 20 == 0 {
                    db.maintain().unwrap();
                }
            }
        }
    })
    .unwrap();
    assert!(maintained);
    let went = db.stats().unwrap().expired_partitions - before;
    assert!(went <= 2, "{went} partitions went while they were read");
    assert!(db.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn a_full_directory_refuses_pushes_whole_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let (db, metrics) = open(&directory, options().over_disk(OverDisk::Refuse));
    let ((refused_at, error), most) = peak(&directory, || {
        (0..3000).find_map(|hour| push_hour(&db, &metrics, hour).err().map(|error| (hour, error))).unwrap()
    });
    let Error::DiskLimit { bytes, limit } = error else { panic!("{error}") };
    assert!(most <= LIMIT && limit == LIMIT && bytes > LIMIT / 8 * 7, "{bytes} of {limit}, {most} at most");
    assert!(matches!(push_hour(&db, &metrics, refused_at), Err(Error::DiskLimit { .. })));
    let stats = db.stats().unwrap();
    assert_eq!((stats.disk_refused, stats.expired_partitions), (2, 0));
    assert_eq!(stats.accepted, refused_at as u64 * 120 * METRICS as u64, "nothing of what was refused was taken");
    for key in &metrics {
        assert_eq!(points(&db, *key, MINUTE, MAX).len() as i64, refused_at * 60, "all that was taken is there");
    }
    for key in &metrics[..METRICS / 2] {
        db.delete_metric(*key).unwrap();
    }
    db.maintain().unwrap();
    let bytes = db.stats().unwrap().disk_bytes;
    assert!(bytes < LIMIT / 4 * 3, "{bytes}");
    push_hour(&db, &metrics[METRICS / 2..], refused_at).unwrap();
    assert!(db.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn many_threads_and_the_background_stay_below_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let options = Options::new().durability(Durability::Buffered(Duration::from_secs(1))).max_future(None);
    let (db, metrics) = open(&directory, options.disk(Some(LIMIT)).over_disk(OverDisk::Expire));
    let hours = 15 * 60;
    let ((), most) = peak(&directory, || {
        std::thread::scope(|scope| {
            for mine in metrics.chunks(METRICS / 4) {
                let db = &db;
                scope.spawn(move || (0..hours).for_each(|hour| push_hour(db, mine, hour).unwrap()));
            }
        });
    });
    db.maintain().unwrap();
    let stats = db.stats().unwrap();
    assert!(most <= LIMIT, "{most} at most");
    assert!(stats.expired_partitions > 0 && stats.background_error.is_none() && stats.disk_refused == 0, "{stats:?}");
    for key in &metrics {
        assert_eq!(points(&db, *key, HOUR, MAX).len() as i64, hours, "no hour is gone");
        assert_eq!(points(&db, *key, MINUTE, MAX).last().unwrap().0, hours * HOUR - MINUTE);
    }
}

/// A merge has looked whether it fits, and has written nothing yet: what is pushed meanwhile must leave it its room.
#[test]
fn what_is_pushed_while_a_merge_writes_leaves_it_its_room() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let fs = FaultFs::hasty();
    let (db, metrics) = filled(Database::open_with_fs(&directory, options(), Arc::new(fs.clone())).unwrap());
    // So much that there is just room for it twice: as it is, and distributed to its partitions.
    let mut hours = 0;
    let twice = || allocated(&directory) + allocated(&directory.join("level0"));
    while twice() < LIMIT - LIMIT / 48 {
        push_hour(&db, &metrics, hours).unwrap();
        hours += 1;
        if hours % 8 == 0 || twice() > LIMIT / 12 * 11 {
            db.checkpoint().unwrap();
        }
    }
    let most = Arc::new(AtomicU64::new(0));
    let (begin, begun) = channel::<()>();
    let (end, ended) = channel::<()>();
    std::thread::scope(|scope| {
        let (db, metrics) = (&db, &metrics);
        scope.spawn(move || {
            begun.recv().unwrap();
            (hours..hours + 40).for_each(|hour| push_hour(db, metrics, hour).unwrap());
            // Nobody waits for it any longer when it had to wait for the merge.
            let _ = end.send(());
        });
        let (highest, mut merges, root) = (Arc::clone(&most), false, directory.clone());
        fs.set(move |call, path| {
            if call == Call::Create && path.starts_with(root.join("archive")) && !std::mem::replace(&mut merges, true) {
                begin.send(()).unwrap();
                let _ = ended.recv_timeout(Duration::from_secs(1));
            }
            highest.fetch_max(allocated(&root), Ordering::Relaxed);
            Ok(())
        });
        db.maintain().unwrap();
        fs.clear();
    });
    let most = most.load(Ordering::Relaxed);
    assert!(most <= LIMIT && most > LIMIT / 16 * 15, "{most} at most");
    assert_eq!(db.stats().unwrap().disk_refused, 0);
    for key in &metrics {
        assert_eq!(points(&db, *key, HOUR, MAX).len() as i64, hours + 40);
    }
}

#[test]
fn a_push_that_does_not_fit_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let (db, metrics) = open(&directory, options());
    let mut batch = db.batch();
    for half_minute in 0..2_000_000 {
        batch.add(metrics[0], at(half_minute * 30 * SECOND), noise(0, half_minute));
    }
    let (refused, most) = peak(&directory, || batch.commit().map(drop));
    assert!(matches!(refused, Err(Error::DiskLimit { limit: LIMIT, .. })), "{refused:?}");
    assert!(most <= LIMIT / 8, "{most} at most");
    assert!(points(&db, metrics[0], HOUR, MAX).is_empty());
    push_hour(&db, &metrics, 0).unwrap();
}

#[test]
fn a_limit_that_nothing_fits_in_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Database::open(folder.path().join("db"), Options::new().disk(Some(LIMIT - 1)));
    assert!(matches!(refused, Err(Error::InvalidOption { option: "disk", .. })));
}

/// A checkpoint writes ten times as much as the journal has.
#[test]
fn policies_that_make_much_of_a_measure_stay_below_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    for over in [OverDisk::Refuse, OverDisk::Expire] {
        let directory = folder.path().join(format!("{over:?}"));
        let db = Database::open(&directory, options().over_disk(over)).unwrap();
        let archives = [(30 * SECOND, None), (MINUTE, None), (2 * MINUTE, None)];
        db.create_archive_policy(&policy("wide", 0, &archives, &MANY)).unwrap();
        let metrics: Vec<_> = (0..METRICS).map(|i| metric(&db, &format!("m.{i}"), "wide")).collect();
        let (refused, most) = peak(&directory, || (0..300).find(|hour| push_hour(&db, &metrics, *hour).is_err()));
        assert!(most <= LIMIT, "{over:?}: {most} at most");
        assert_eq!(refused.is_some(), over == OverDisk::Refuse, "{refused:?}");
        assert_eq!(db.stats().unwrap().expired_partitions > 0, over == OverDisk::Expire);
    }
}

const MANY: [&str; 12] =
    ["min", "max", "first", "last", "mean", "sum", "std", "median", "95pct", "rate:mean", "rate:max", "rate:sum"];
const MORE: [&str; 7] = ["10pct", "20pct", "30pct", "40pct", "60pct", "70pct", "80pct"];

/// What databases with the same metrics answer, at every granularity.
fn assert_same(db: &Database, twin: &Database, metrics: &[MetricKey], granularities: &[i64]) {
    for key in metrics {
        for granularity in granularities {
            for method in [MAX, AggregationMethod::SUM, AggregationMethod::MEAN.rate()] {
                assert_eq!(points(db, *key, *granularity, method), points(twin, *key, *granularity, method));
            }
        }
    }
}

/// Deletions would have to seal all of their metrics first: they leave nothing behind, however often they are tried.
fn assert_deletions_are_refused(db: &Database, directory: &Path, metrics: &[MetricKey]) {
    let files = support::files(directory);
    let ((), most) = peak(directory, || {
        for key in (0..10).flat_map(|_| metrics) {
            let refused = db.delete_measures(*key, ..at(HOUR), DeleteOptions::default());
            assert!(matches!(refused, Err(Error::DiskLimit { .. })), "{refused:?}");
        }
    });
    assert!(most <= LIMIT, "{most} at most");
    assert_eq!(support::files(directory), files);
}

/// One record of the journal; a checkpoint makes fifteen times as much of it, and there is room for some of that only.
#[test]
fn one_push_of_very_many_measures_stays_below_the_limit() {
    const HALF_MINUTES: i64 = 12_000;
    let folder = tempfile::tempdir().unwrap();
    let granularities = [MINUTE, 2 * MINUTE, 4 * MINUTE];
    let filled = |name: &str, options| {
        let db = Database::open(folder.path().join(name), options).unwrap();
        db.create_archive_policy(&policy("wide", 0, &granularities.map(|g| (g, None)), &[&MANY[..], &MORE].concat()))
            .unwrap();
        let metrics: Vec<_> = (0..METRICS).map(|i| metric(&db, &format!("m.{i}"), "wide")).collect();
        (db, metrics)
    };
    let push = |db: &Database, metrics: &[MetricKey]| {
        let mut batch = db.batch();
        for (i, key) in metrics.iter().enumerate() {
            for half_minute in 0..HALF_MINUTES {
                batch.add(*key, at(half_minute * 30 * SECOND), noise(i, half_minute));
            }
        }
        batch.commit().unwrap();
    };
    let (twin, metrics) = filled("twin", support::options());
    push(&twin, &metrics);
    twin.maintain().unwrap();
    let unlimited = twin.stats().unwrap().disk_bytes;
    assert!(unlimited > LIMIT / 4 * 5, "the twin has more: {unlimited}");

    let directory = folder.path().join("limited");
    let (db, metrics) = filled("limited", options().over_disk(OverDisk::Refuse));
    let (refused, most) = peak(&directory, || {
        push(&db, &metrics);
        db.maintain().unwrap();
        let again: Vec<i64> = (HALF_MINUTES / 120..2 * HALF_MINUTES / 120).collect();
        again.into_iter().find(|hour| push_hour(&db, &metrics, *hour).is_err())
    });
    assert!(most <= LIMIT, "{most} at most");
    assert!(refused.is_some(), "what is not sealed for want of room takes some, too");
    let stats = db.stats().unwrap();
    assert!(stats.level0_bytes + stats.archive_bytes > LIMIT / 8, "what there is room for is sealed: {stats:?}");
    (HALF_MINUTES / 120..refused.unwrap()).for_each(|hour| push_hour(&twin, &metrics, hour).unwrap());
    assert_same(&db, &twin, &metrics, &granularities);
    assert!(db.check(&mut |_| {}).unwrap().is_sound());
    assert_deletions_are_refused(&db, &directory, &metrics[METRICS - 3..]);
    // As a crash leaves it.
    let copy = folder.path().join("copy");
    support::copy_tree(&directory, &copy);
    let crashed = Database::open(&copy, options()).unwrap();
    assert_same(&crashed, &twin, &metrics, &granularities);
    drop(crashed);
    let reader = Database::open_read_only(&directory, Options::new()).unwrap();
    assert_same(&reader, &twin, &metrics, &granularities);
    drop(reader);
    db.close().unwrap();

    // With more room, all of it is sealed.
    let db = Database::open(&directory, support::options()).unwrap();
    let push_last = |db: &Database, metrics: &[MetricKey]| {
        let mut batch = db.batch();
        for key in metrics {
            batch.add(*key, at(3 * HALF_MINUTES * 30 * SECOND), 1.0);
        }
        batch.commit().unwrap();
    };
    push_last(&db, &metrics);
    db.maintain().unwrap();
    let stats = db.stats().unwrap();
    assert!(stats.raw_bytes < 100_000 && stats.archive_bytes > LIMIT, "{stats:?}");
    push_last(&twin, &metrics);
    assert_same(&db, &twin, &metrics, &granularities);
}

/// Opening makes a checkpoint of what the journal has: a day of one metric has closed, and there is no room to seal it.
#[test]
fn a_full_directory_is_recovered_within_the_limit() {
    const SECONDS: i64 = 86_000;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let db = Database::open(&directory, options().over_disk(OverDisk::Refuse)).unwrap();
    let archives = [(4 * SECOND, None), (24 * HOUR, None)];
    db.create_archive_policy(&policy("day", 0, &archives, &[&MANY[..], &MORE].concat())).unwrap();
    let day = metric(&db, "day", "day");
    let (db, metrics) = filled(db);
    let mut batch = db.batch();
    (0..SECONDS).for_each(|second| batch.add(day, at(second * SECOND), noise(0, second)));
    batch.commit().unwrap();
    let mut hours = 0..;
    while db.stats().unwrap().disk_bytes < LIMIT / 8 * 7 - 200_000 {
        push_hour(&db, &metrics, hours.next().unwrap()).unwrap();
    }
    // With differences, a window is one block longer.
    db.push(day, at(24 * HOUR), 1.0).unwrap();
    db.push(day, at(48 * HOUR), 1.0).unwrap();

    let copy = folder.path().join("copy");
    support::copy_tree(&directory, &copy);
    // What the journal's file reserves takes room in a copy alone.
    let journal = support::files(&copy.join("journal")).pop().unwrap();
    let journal = std::fs::File::options().write(true).open(copy.join("journal").join(journal)).unwrap();
    journal.set_len(db.stats().unwrap().journal_bytes).unwrap();
    let (recovered, most) = peak(&copy, || {
        let recovered = Database::open(&copy, options().over_disk(OverDisk::Refuse)).unwrap();
        recovered.maintain().unwrap();
        recovered
    });
    assert!(most <= LIMIT, "{most} at most");
    assert_same(&recovered, &db, &[day], &[4 * SECOND, 24 * HOUR]);
    assert_eq!(points(&recovered, day, 4 * SECOND, MAX).len() as i64, SECONDS / 4 + 2);
}

/// Every hour all metrics close a block of 2,700 groups at once, of which the journal behind the checkpoint before knows
/// almost nothing.
#[test]
fn what_closes_at_once_stays_below_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    for over in [OverDisk::Refuse, OverDisk::Expire] {
        let directory = directory.join(format!("{over:?}"));
        let db = Database::open(&directory, options().over_disk(over)).unwrap();
        let archives = [(2 * SECOND, None), (4 * SECOND, None), (HOUR, None)];
        db.create_archive_policy(&policy("seconds", 0, &archives, &[&MANY[..], &MORE].concat())).unwrap();
        let metrics: Vec<_> = (0..METRICS).map(|i| metric(&db, &format!("m.{i}"), "seconds")).collect();
        let minute = |from: i64| {
            let mut batch = db.batch();
            for (i, key) in metrics.iter().enumerate() {
                (from * 60..(from + 1) * 60).for_each(|second| batch.add(*key, at(second * SECOND), noise(i, second)));
            }
            batch.commit().map(drop)
        };
        let (taken, most) = peak(&directory, || (0..400).take_while(|from| minute(*from).is_ok()).count() as i64);
        assert!(most <= LIMIT, "{over:?}: {most} at most");
        assert!(taken > 150, "{over:?}: {taken} minutes");
        db.maintain().unwrap();
        for key in &metrics {
            assert_eq!(points(&db, *key, HOUR, MAX).len() as i64, (taken + 59) / 60);
            for step in [2, 4] {
                let groups = points(&db, *key, step * SECOND, MAX);
                let first = groups[0].0 / SECOND;
                assert!(first == 0 || over == OverDisk::Expire && first % 3600 == 0);
                assert_eq!(groups.len() as i64, (taken * 60 - first) / step);
            }
        }
        assert!(db.check(&mut |_| {}).unwrap().is_sound());
    }
}

/// Windows of weeks: what raw segments have of deleted metrics goes when they are rewritten, for which there must be room.
#[test]
fn raw_measures_of_deleted_metrics_go_within_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let db = Database::open(&directory, options().over_disk(OverDisk::Refuse)).unwrap();
    db.create_archive_policy(&policy("long", 2000, &[(MINUTE, None), (HOUR, None)], &["max"])).unwrap();
    let metrics: Vec<_> = (0..METRICS).map(|i| metric(&db, &format!("m.{i}"), "long")).collect();
    let (refused, most) = peak(&directory, || {
        let refused = (0..2000).find(|hour| push_hour(&db, &metrics, *hour).is_err()).unwrap();
        for key in &metrics[METRICS / 2..] {
            db.delete_metric(*key).unwrap();
        }
        db.maintain().unwrap();
        refused
    });
    assert!(most <= LIMIT, "{most} at most");
    let stats = db.stats().unwrap();
    assert!(stats.raw_bytes < LIMIT / 2 && stats.deleted_metrics == 0, "{stats:?}");
    for hour in refused..refused + refused / 2 {
        push_hour(&db, &metrics[..METRICS / 2], hour).unwrap();
    }
    for key in &metrics[..METRICS / 2] {
        assert_eq!(points(&db, *key, MINUTE, MAX).len() as i64, (refused + refused / 2) * 60);
    }
    assert!(db.check(&mut |_| {}).unwrap().is_sound());
}

/// Segments that are too large to become one with their neighbours: what they have of closed groups goes all the same.
#[test]
fn raw_measures_that_no_window_needs_go_from_large_segments() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let (db, metrics) = open(&directory, options().over_disk(OverDisk::Refuse));
    for part in 0..4 {
        let mut batch = db.batch();
        for (i, key) in metrics.iter().enumerate() {
            for half_minute in part * 8000..(part + 1) * 8000 {
                batch.add(*key, at(half_minute * 30 * SECOND), noise(i, half_minute));
            }
        }
        batch.commit().unwrap();
        db.checkpoint().unwrap();
        let stats = db.stats().unwrap();
        assert!(stats.raw_bytes / stats.raw_segments > LIMIT / 32, "{stats:?}");
    }
    // Each of these came as a jump, which the next hours make final.
    for hour in 0..3 {
        push_hour(&db, &metrics, 4 * 8000 / 120 + 1 + hour).unwrap();
    }
    db.maintain().unwrap();
    let stats = db.stats().unwrap();
    assert!(stats.raw_bytes < 100_000, "{stats:?}");
}

/// However large a push is, and whatever else wants room: it is taken or refused, and never waits for what does not come.
#[test]
fn pushes_that_nearly_fit_are_taken_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("db");
    let (answers, answered) = channel();
    std::thread::spawn(move || {
        let (db, metrics) = open(&directory, options().over_disk(OverDisk::Refuse));
        let taken = (0..400).find(|less| {
            let mut batch = db.batch();
            for half_minute in 0..340_000 - less * 50 {
                batch.add(metrics[0], at(half_minute * 30 * SECOND), 1.0);
            }
            let outcome = batch.commit().map(drop);
            assert!(matches!(outcome, Ok(()) | Err(Error::DiskLimit { .. })), "{outcome:?}");
            outcome.is_ok()
        });
        answers.send(taken).unwrap();
    });
    let taken = answered.recv_timeout(Duration::from_secs(120)).expect("an answer");
    assert!(taken.is_some_and(|less| less > 20), "the largest is refused and a smaller one is not: {taken:?}");
}
