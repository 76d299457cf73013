//! Snapshots of a database in use: what is in them, what is not, and that neither side disturbs the other.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod support;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gnocchetti::{AggregationMethod, Database, Durability, Error, MetricKey, NewMetric, Options};
use parking_lot::Mutex;
use support::fault::{Call, FaultFs, broken, full};
use support::{assert_same, at, count, everything, files, metric, options, points, policy, without_deleted};

const STEP: i64 = 1000;
const GROUP: i64 = 16 * STEP;
/// Threads that push as fast as they can, each to metrics of its own.
const THREADS: u64 = 3;
const METRICS: u64 = 4;
/// Threads that take turns.
const TURNS: u64 = 2;
const ROWS: u64 = 5;

fn busy(durability: Durability) -> Options {
    let options = Options::new().durability(durability).max_future(None).grace(Duration::ZERO);
    options.checkpoint_interval(Duration::from_millis(10)).dirty_bytes(1 << 16).journal_bytes(1 << 16)
}

fn key(thread: u64, i: u64) -> MetricKey {
    MetricKey::new(1 + thread * METRICS + i)
}

fn create(db: &Database) {
    db.create_archive_policy(&policy("p", 1, &[(GROUP, None), (20 * GROUP, Some(50))], &["count", "sum"])).unwrap();
    for i in 0..(THREADS + TURNS) * METRICS {
        metric(db, &format!("metric {i}"), "p");
    }
}

/// The `push`th push of a thread: as many rows to each of its metrics.
fn push(db: &Database, thread: u64, push: u64) {
    let mut batch = db.batch();
    for row in push * ROWS..(push + 1) * ROWS {
        for i in 0..METRICS {
            batch.add(key(thread, i), at(row as i64 * STEP), 1.0);
        }
    }
    batch.commit().unwrap();
}

/// How many pushes of a thread are there, all of them whole.
fn pushes(db: &Database, thread: u64) -> u64 {
    let rows: Vec<u64> = (0..METRICS).map(|i| count(db, key(thread, i), GROUP)).collect();
    assert!(rows.iter().all(|n| *n == rows[0]), "thread {thread}: a push is there in parts: {rows:?}");
    assert_eq!(rows[0] % ROWS, 0, "thread {thread}: {} rows are no whole pushes", rows[0]);
    let newest = db.last_measure(key(thread, 0)).unwrap().map_or(0, |last| last.nanos() / STEP + 1);
    assert_eq!(newest as u64, rows[0], "thread {thread}: not the first so many");
    rows[0] / ROWS
}

/// What is done to a database while snapshots are made of it.
struct Load {
    stop: AtomicBool,
    /// Pushes of each free thread that returned.
    done: [AtomicU64; THREADS as usize],
    /// Pushes in turns that returned: of each thread, and in all.
    turns: Mutex<([u64; TURNS as usize], u64)>,
    /// Metrics that were created and have a measure.
    created: AtomicU64,
}

/// Ends the load, also when an assertion fails.
struct Stop<'a>(&'a Load);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }
}

impl Load {
    fn new() -> Self {
        let done = [const { AtomicU64::new(0) }; THREADS as usize];
        Load { stop: AtomicBool::new(false), done, turns: Mutex::default(), created: AtomicU64::new(0) }
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    fn run<'a>(&'a self, db: &'a Database, scope: &'a std::thread::Scope<'a, '_>) {
        for (thread, done) in (0..).zip(&self.done) {
            scope.spawn(move || {
                for n in (0..).take_while(|_| self.goes_on()) {
                    push(db, thread, n);
                    done.store(n + 1, Ordering::SeqCst);
                }
            });
        }
        for turn in 0..TURNS {
            scope.spawn(move || {
                while self.goes_on() {
                    let mut turns = self.turns.lock();
                    if turns.1 % TURNS == turn {
                        push(db, THREADS + turn, turns.0[turn as usize]);
                        turns.0[turn as usize] += 1;
                        turns.1 += 1;
                    }
                    drop(turns);
                    std::thread::yield_now();
                }
            });
        }
        scope.spawn(move || {
            for n in (0..).take_while(|_| self.goes_on()) {
                let key = metric(db, &format!("new {n}"), "p");
                db.push(key, at(0), 1.0).unwrap();
                self.created.store(n + 1, Ordering::SeqCst);
            }
        });
    }

    fn seen(&self) -> (Vec<u64>, u64, u64) {
        let done = self.done.iter().map(|done| done.load(Ordering::SeqCst)).collect();
        (done, self.turns.lock().1, self.created.load(Ordering::SeqCst))
    }

    /// Compares a snapshot with what had returned before it was asked for, and after; so many metrics more may be there.
    fn check(db: &Database, before: &(Vec<u64>, u64, u64), after: &(Vec<u64>, u64, u64), ahead: u64) {
        for (thread, (before, after)) in (0..).zip(before.0.iter().zip(&after.0)) {
            let there = pushes(db, thread);
            assert!((*before..=*after + 1).contains(&there), "thread {thread}: {there} of {before} to {after}");
        }
        let turns: Vec<u64> = (0..TURNS).map(|turn| pushes(db, THREADS + turn)).collect();
        let total: u64 = turns.iter().sum();
        for (turn, there) in (0..).zip(&turns) {
            assert_eq!(*there, (total + TURNS - 1 - turn) / TURNS, "no prefix of what went in turns: {turns:?}");
        }
        assert!((before.1..=after.1 + 1).contains(&total), "{total} turns of {} to {}", before.1, after.1);
        let news: Vec<_> =
            db.metrics(None, 1 << 20).unwrap().into_iter().skip(((THREADS + TURNS) * METRICS) as usize).collect();
        let measured = news.iter().filter(|metric| db.last_measure(metric.key).unwrap().is_some()).count() as u64;
        assert!((before.2..=after.2 + 1).contains(&measured), "{measured} metrics of {} to {}", before.2, after.2);
        assert!(
            news.len() as u64 - measured <= 1 + ahead,
            "a metric is created, then measured: {} of {measured}",
            news.len()
        );
    }
}

fn snapshots_under_load(durability: Durability, of_reader: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Database::open(&path, busy(durability)).unwrap();
    create(&db);
    let load = Load::new();
    let mut replayed = 0;
    std::thread::scope(|scope| {
        let _stop = Stop(&load);
        load.run(&db, scope);
        for n in 0..6 {
            std::thread::sleep(Duration::from_millis(60));
            let target = folder.path().join(format!("snapshot {n}"));
            let before = load.seen();
            if of_reader {
                let reader = Database::open_read_only(&path, Options::new()).unwrap();
                reader.snapshot(&target).unwrap();
            } else {
                db.snapshot(&target).unwrap();
            }
            let after = load.seen();
            let read = Database::open_read_only(&target, Options::new()).unwrap();
            // A reader looks at the index after the journal.
            Load::check(&read, &before, &after, if of_reader { after.2 - before.2 } else { 0 });
            let copy = Database::open(&target, options()).unwrap();
            assert_same(&everything(&copy).unwrap(), &everything(&read).unwrap(), "a writer, and a reader");
            copy.check_index().unwrap();
            let stats = copy.stats().unwrap();
            assert_eq!(stats.unknown_metric_measures, 0);
            replayed += stats.replayed_records;
            // It goes on, with numbers of its own, beside the database that it was made of.
            let there = pushes(&copy, 0);
            (there..there + 30).for_each(|n| push(&copy, 0, n));
            copy.maintain().unwrap();
            let copy = support::without_deleted(&everything(&copy).unwrap());
            assert_same(
                &without_deleted(&everything(&Database::open_read_only(&target, options()).unwrap()).unwrap()),
                &copy,
                "",
            );
        }
    });
    let (done, _, _) = load.seen();
    let there: Vec<u64> = (0..THREADS).map(|thread| pushes(&db, thread)).collect();
    assert_eq!(there, done, "the database has what it was given, and nothing of what its snapshots were");
    db.check_index().unwrap();
    println!("{durability:?}: {done:?} pushes beside six snapshots, which replayed {replayed} records");
}

#[test]
fn a_snapshot_under_load_is_one_moment() {
    snapshots_under_load(Durability::Kernel(Duration::from_secs(3600)), false);
    snapshots_under_load(Durability::Buffered(Duration::from_millis(20)), false);
}

#[test]
fn a_reader_makes_snapshots_beside_the_writer() {
    snapshots_under_load(Durability::Sync, true);
}

/// A database with something of everything: sealed and open groups, a deleted metric, measures after the last checkpoint.
fn varied(path: &Path, fs: &FaultFs) -> Database {
    let db = Database::open_with_fs(path, options(), Arc::new(fs.clone())).unwrap();
    create(&db);
    for thread in 0..THREADS {
        (0..40).for_each(|n| push(&db, thread, n));
    }
    db.checkpoint().unwrap();
    db.delete_metric(key(2, 3)).unwrap();
    db.maintain().unwrap();
    db.delete_metric(key(2, 2)).unwrap();
    (40..50).for_each(|n| push(&db, 0, n));
    db
}

#[test]
fn files_are_shared_and_what_becomes_of_the_original_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = (folder.path().join("db"), folder.path().join("a/b/snapshot"));
    let db = varied(&path, &FaultFs::default());
    let mut seen = Vec::new();
    let report = db.snapshot_with_progress(&target, |at| seen.push(at)).unwrap();
    let expected = everything(&db).unwrap();
    let last = seen.last().unwrap();
    assert_eq!((last.done, last.total), (report.bytes, report.bytes));
    assert!(seen.is_sorted_by_key(|at| at.done));
    let index = std::fs::metadata(target.join("index.sqlite")).unwrap().len();
    assert_eq!(report.copied_bytes, index, "nothing else had to be copied");
    let shared = files(&target).into_iter().filter(|file| std::fs::metadata(target.join(file)).unwrap().nlink() == 2);
    assert_eq!(shared.count() as u64, report.files - 1);
    // Everything of the original is merged, expired, deleted.
    for metric in db.metrics(None, 1000).unwrap() {
        db.delete_metric(metric.key).unwrap();
    }
    db.maintain().unwrap();
    db.maintain().unwrap();
    assert_eq!(db.stats().unwrap().archive_segments, 0);
    db.close().unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    let snapshot = Database::open(&target, options()).unwrap();
    assert_same(&everything(&snapshot).unwrap(), &expected, "the snapshot");
    // And of the snapshot another one.
    let second = folder.path().join("second");
    snapshot.maintain().unwrap();
    let expected = everything(&snapshot).unwrap();
    snapshot.snapshot(&second).unwrap();
    drop(snapshot);
    std::fs::remove_dir_all(&target).unwrap();
    let second = Database::open(&second, options()).unwrap();
    assert_same(&everything(&second).unwrap(), &expected, "the snapshot of the snapshot");
}

#[test]
fn an_empty_database_has_an_empty_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("db"), options()).unwrap();
    let report = db.snapshot(folder.path().join("snapshot")).unwrap();
    assert_eq!((report.files, report.bytes), (1, report.copied_bytes));
    let snapshot = Database::open(folder.path().join("snapshot"), options()).unwrap();
    create(&snapshot);
    push(&snapshot, 0, 0);
    assert_eq!((pushes(&snapshot, 0), db.metrics(None, 10).unwrap().len()), (1, 0));
}

#[test]
fn a_reader_alone_makes_the_same_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(varied(&path, &FaultFs::default()));
    let reader = Database::open_read_only(&path, Options::new()).unwrap();
    reader.snapshot(folder.path().join("snapshot")).unwrap();
    let snapshot = Database::open(folder.path().join("snapshot"), options()).unwrap();
    assert_same(&everything(&snapshot).unwrap(), &everything(&reader).unwrap(), "a reader's snapshot");
}

#[track_caller]
fn assert_refused(db: &Database, target: &Path, why: &str) {
    let refused = db.snapshot(target).unwrap_err();
    let Error::SnapshotTarget { path, reason } = &refused else { panic!("{refused}") };
    assert!(path == target && reason.contains(why) && refused.code() == 62, "{refused}");
}

#[test]
fn what_cannot_become_a_snapshot_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = varied(&path, &FaultFs::default());
    let before = files(folder.path());
    assert_refused(&db, &path, "within the database");
    assert_refused(&db, &path.join("backup/today"), "within the database");
    assert_refused(&db, folder.path(), "it holds `db`");
    assert_eq!(files(folder.path()), before, "nothing was touched");
    std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
    assert_refused(&db, &folder.path().join("link/backup"), "within the database");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert_refused(&db, &file, "no directory");
    db.snapshot(folder.path().join("taken")).unwrap();
    assert_refused(&db, &folder.path().join("taken"), "`MANIFEST`");
    let cut_off = folder.path().join("cut off");
    std::fs::create_dir(&cut_off).unwrap();
    std::fs::write(cut_off.join("index.sqlite"), "").unwrap();
    assert_refused(&db, &cut_off, "cut off");
}

#[test]
fn a_second_snapshot_into_the_same_directory_has_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let db = varied(&folder.path().join("db"), &FaultFs::default());
    let target = folder.path().join("snapshot");
    let mut met = None;
    db.snapshot_with_progress(&target, |_| {
        met.get_or_insert_with(|| db.snapshot(&target).unwrap_err());
        assert!(Database::open(&target, options()).is_err(), "it is no database yet");
    })
    .unwrap();
    assert!(matches!(met, Some(Error::SnapshotTarget { .. } | Error::Locked { .. })), "{met:?}");
    Database::open(&target, options()).unwrap();
}

/// Whatever call fails, the database is as it was, what came of the snapshot goes again, and another attempt succeeds.
#[test]
fn a_snapshot_that_fails_leaves_an_empty_directory() {
    let folder = tempfile::tempdir().unwrap();
    let fs = FaultFs::default();
    let (path, target) = (folder.path().join("db"), folder.path().join("snapshot"));
    let db = varied(&path, &fs);
    db.checkpoint().unwrap();
    let expected = everything(&db).unwrap();
    let mut failed = 0;
    for nth in 0.. {
        let (calls, within) = (Arc::new(AtomicU64::new(0)), target.clone());
        let counter = Arc::clone(&calls);
        fs.set(move |call, path| {
            let counts = path.starts_with(&within) && call != Call::Remove;
            if !counts || counter.fetch_add(1, Ordering::SeqCst) != nth {
                return Ok(());
            }
            Err(if nth.is_multiple_of(2) { full(path) } else { broken(path) })
        });
        let made = db.snapshot(&target);
        fs.clear();
        if calls.load(Ordering::SeqCst) <= nth {
            made.unwrap();
            break;
        }
        failed += 1;
        let error = made.unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. } | Error::Io { .. }), "call {nth}: {error}");
        assert_eq!(files(&target), [Path::new("LOCK")], "call {nth}");
        assert_eq!(std::fs::read_dir(&target).unwrap().count(), 1, "call {nth}: no directory either");
        assert_same(&everything(&db).unwrap(), &expected, "after a failed snapshot");
    }
    assert!(failed > 8, "{failed} calls");
    push(&db, 0, 50);
    let snapshot = Database::open(&target, options()).unwrap();
    assert_same(&everything(&snapshot).unwrap(), &expected, "the one that succeeded");
    assert_eq!(points(&db, key(0, 0), GROUP, AggregationMethod::COUNT).len(), 16);
}

#[test]
fn where_nothing_can_be_linked_it_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    // This file system knows no links.
    let fs = FaultFs::default();
    fs.refuse_links();
    let db = varied(&path, &fs);
    let report = db.snapshot(folder.path().join("snapshot")).unwrap();
    assert_eq!(report.copied_bytes, report.bytes);
    let expected = everything(&db).unwrap();
    let snapshot = Database::open(folder.path().join("snapshot"), options()).unwrap();
    assert_same(&everything(&snapshot).unwrap(), &expected, "copied");
    for file in files(&folder.path().join("snapshot")) {
        assert_eq!(std::fs::metadata(folder.path().join("snapshot").join(file)).unwrap().nlink(), 1);
    }
}

#[test]
fn a_metric_without_measures_is_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("db"), Options::new().default_policies(true)).unwrap();
    let created = db.create_metric(NewMetric::named("quiet").unit("K")).unwrap();
    db.snapshot(folder.path().join("snapshot")).unwrap();
    let snapshot = Database::open(folder.path().join("snapshot"), Options::new()).unwrap();
    assert_eq!(snapshot.metric_by_name("quiet").unwrap(), created);
}
