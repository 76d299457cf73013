//! A disk that is full for a moment: every append of a workload fails in turn. What failed had no effect, nothing else is
//! lost, later works again, no file is left behind.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gnocchetti::{ArchivePolicyUpdate, Database, Durability, Error, MetricKey, Options};
use support::fault::{Call, FaultFs, full};
use support::{archive, assert_same, at, copy_tree, count, everything, metric, options, policy, segments};

fn open(path: &Path, fs: &FaultFs) -> Database {
    Database::open_with_fs(path, options(), Arc::new(fs.clone())).unwrap()
}

/// What the workload does, and what must be there.
struct Workload<'a> {
    db: &'a Database,
    keys: Vec<MetricKey>,
    accepted: BTreeMap<u64, BTreeMap<i64, f64>>,
    failures: u32,
}

impl Workload<'_> {
    fn new(db: &Database) -> Workload<'_> {
        Workload { db, keys: Vec::new(), accepted: BTreeMap::new(), failures: 0 }
    }

    /// Does it until it works: a full disk is an error of its own kind, and changes nothing.
    fn insist<T>(&mut self, what: &str, mut step: impl FnMut(&Self) -> gnocchetti::Result<T>) -> T {
        loop {
            match step(self) {
                Ok(done) => return done,
                Err(Error::DiskFull { .. }) => self.failures += 1,
                Err(error) => panic!("{what}: {error}"),
            }
            assert!(self.failures < 100, "{what} never works again");
            self.compare(what);
        }
    }

    fn push(&mut self, measures: &[(usize, i64, f64)]) {
        let expected = measures.len() as u64;
        let accepted = self.insist("push", |this| {
            let mut batch = this.db.batch();
            for &(i, time, value) in measures {
                batch.add(this.keys[i], at(time), value);
            }
            batch.commit().map(|report| report.total().accepted)
        });
        assert_eq!(accepted, expected);
        for &(i, time, value) in measures {
            self.accepted.entry(self.keys[i].get()).or_default().insert(time, value);
        }
    }

    fn run(&mut self) {
        self.insist("create a policy", |this| match this.db.create_archive_policy(&small()) {
            Err(Error::ArchivePolicyExists { .. }) => Ok(()),
            done => done.map(drop),
        });
        self.keys = ["a", "b", "c"].map(|name| metric(self.db, name, "small")).to_vec();
        for round in 0..4 {
            let base = round * 100;
            self.push(&[(0, base, 1.0), (0, base + 7, 2.5), (1, base + 3, -1.0), (2, base + 50, 9.0)]);
            self.push(&[(1, base + 30, f64::from(round as i32))]);
            self.push(&[(1, base + 29, 0.0), (1, base + 28, 7.0)]);
            self.insist("checkpoint", |this| this.db.checkpoint());
            self.push(&[(0, base + 70, 4.0), (2, base + 71, 4.0)]);
            self.insist("maintain", |this| this.db.maintain());
        }
        let update = ArchivePolicyUpdate::new().definitions([archive(10, None), archive(60, Some(50))]);
        self.insist("update a policy", |this| this.db.update_archive_policy("small", &update));
        let gone = self.keys[2];
        self.insist("delete a metric", |this| match this.db.delete_metric(gone) {
            Err(Error::UnknownMetric { .. }) => Ok(()),
            done => done,
        });
        self.keys.pop();
        self.accepted.remove(&gone.get());
        assert!(matches!(self.db.push(gone, at(5000), 1.0), Err(Error::UnknownMetric { .. })));
        self.push(&[(0, 500, 1.0), (1, 500, 1.0)]);
        self.insist("maintain", |this| this.db.maintain());
    }

    fn compare(&self, after: &str) {
        for (key, accepted) in &self.accepted {
            let counted = count(self.db, MetricKey::new(*key), 10);
            assert_eq!(counted, accepted.len() as u64, "metric {key} after a failed {after}");
        }
    }
}

fn small() -> gnocchetti::ArchivePolicy {
    policy("small", 1, &[(10, None), (60, Some(100))], &["mean", "max", "count", "rate:mean"])
}

/// What the index stamps with the time of creation, or at random.
fn without_ids(text: &str) -> String {
    let stays = |line: &&str| !line.starts_with("metric");
    text.lines().filter(stays).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_append_may_fail_once_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let fs = FaultFs::default();
    let expected = {
        let db = open(&folder.path().join("reference"), &fs);
        Workload::new(&db).run();
        without_ids(&everything(&db).unwrap())
    };
    // Once without a close, as if the process had died then; and with a close, after a longer trouble.
    for (times, crash) in [(1, true), (3, false)] {
        let mut nth = 0;
        while failures_of(folder.path(), &fs, nth, times, crash, &expected) > 0 {
            nth += 1;
        }
        assert!(nth > 40, "the workload appends {nth} times only");
    }
}

/// Runs the workload on a disk that is full for some appends from the `nth` on; returns how many calls failed by it.
fn failures_of(folder: &Path, fs: &FaultFs, nth: u64, times: u64, crash: bool, expected: &str) -> u32 {
    let path = folder.join(format!("{times}-{nth}"));
    let db = open(&path, fs);
    fs.fill(nth, times);
    let mut workload = Workload::new(&db);
    workload.run();
    let failures = workload.failures;
    fs.clear();
    assert_same(&without_ids(&everything(&db).unwrap()), expected, &format!("append {nth} failed"));
    if crash {
        let crashed = folder.join(format!("{times}-{nth}-crashed"));
        copy_tree(&path, &crashed);
        assert_same_after_reopening(&crashed, fs, expected, nth);
    } else {
        db.close().unwrap();
        assert_same_after_reopening(&path, fs, expected, nth);
    }
    failures
}

fn assert_same_after_reopening(path: &Path, fs: &FaultFs, expected: &str, nth: u64) {
    let db = open(path, fs);
    assert_same(&without_ids(&everything(&db).unwrap()), expected, &format!("reopened after append {nth} failed"));
    db.maintain().unwrap();
    assert_same(&without_ids(&everything(&db).unwrap()), expected, &format!("maintained after append {nth} failed"));
    let stats = db.stats().unwrap();
    let listed = stats.raw_segments + stats.level0_segments + stats.archive_segments;
    assert_eq!(segments(path).0, listed, "files on disk against files in use after append {nth} failed");
}

#[test]
fn attempts_that_fail_leave_no_files_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let fs = FaultFs::default();
    let db = open(&path, &fs);
    Workload::new(&db).run();
    db.push(MetricKey::new(1), at(9_000), 1.0).unwrap();
    fs.set(|call, path| {
        let is_manifest = path.to_string_lossy().contains("MANIFEST");
        if call == Call::Append && is_manifest { Err(full(path)) } else { Ok(()) }
    });
    for _ in 0..20 {
        assert!(matches!(db.checkpoint(), Err(Error::DiskFull { .. })));
    }
    fs.clear();
    db.maintain().unwrap();
    let stats = db.stats().unwrap();
    let listed = stats.raw_segments + stats.level0_segments + stats.archive_segments;
    assert_eq!(segments(&path).0, listed);
}

/// The thread that keeps the promise of `Buffered` must outlive a moment without space.
#[test]
fn what_is_buffered_still_reaches_the_disk_in_time_after_the_disk_was_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let fs = FaultFs::default();
    let options: Options = options().durability(Durability::Buffered(Duration::from_millis(5)));
    let db = Database::open_with_fs(&path, options, Arc::new(fs.clone())).unwrap();
    db.create_archive_policy(&small()).unwrap();
    let key = metric(&db, "a", "small");
    db.flush().unwrap();
    let refused = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&refused);
    fs.set(move |call, path| {
        if call == Call::Append {
            seen.store(true, Ordering::Relaxed);
            return Err(full(path));
        }
        Ok(())
    });
    db.push(key, at(1), 1.0).unwrap();
    wait_until("the full disk is noticed", || refused.load(Ordering::Relaxed));
    std::thread::sleep(Duration::from_millis(50));
    fs.clear();
    db.push(key, at(2), 1.0).unwrap();
    let mut copies = 0;
    wait_until("both measures are on the disk", || {
        copies += 1;
        let copy = folder.path().join(copies.to_string());
        copy_tree(&path, &copy);
        let copied = Database::open(&copy, self::options()).unwrap();
        count(&copied, key, 10) == 2
    });
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(10), "{what}: not within ten seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
}
