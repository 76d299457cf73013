//! Threads that push, read, checkpoint, maintain, create, delete and change policies at the same time: what was accepted is
//! counted exactly, then and after reopening, and no reader ever sees less than before. And some of the interleavings that
//! chance seldom finds, brought about on purpose.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gnocchetti::{AggregationMethod, ArchivePolicyUpdate, Database, Durability, Error, MetricKey, NewMetric, Options};
use support::fault::{Call, FaultFs};
use support::{archive, at, copy_tree, count, everything, metric, options, policy};

const GRANULARITY: i64 = 1_000;
const METRICS: usize = 12;

/// How long the soak lasts: `GNOCCHETTI_CONCURRENCY_SECONDS`, for a long run by hand.
fn duration() -> Duration {
    let seconds = std::env::var("GNOCCHETTI_CONCURRENCY_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    Duration::from_secs(seconds)
}

/// A generator of numbers that are random enough, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

struct Soak {
    db: Database,
    keys: Vec<MetricKey>,
    /// What each metric has at least, and what has begun to be pushed to it: no reader may count less, or more.
    accepted: Vec<AtomicU64>,
    begun: Vec<AtomicU64>,
    /// Each metric's next timestamp: each is used once, so that a count says how many measures there are.
    next: Vec<AtomicU64>,
    over: AtomicBool,
}

impl Soak {
    fn running(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Batches over several metrics, in order and out of order within themselves, and single measures, always new timestamps.
    fn push(&self, seed: u64) {
        let mut random = Random(seed);
        let mut batch = self.db.batch();
        while self.running() {
            let mut pushed = BTreeMap::new();
            let singly = random.below(3) == 0;
            for _ in 0..=random.below(4) {
                let i = random.below(METRICS as u64) as usize;
                let n = if singly { 1 } else { 1 + random.below(40) };
                self.begun[i].fetch_add(n, Ordering::SeqCst);
                let first = self.next[i].fetch_add(n, Ordering::SeqCst);
                let backwards = random.below(2) == 0;
                for k in 0..n {
                    let time = first + if backwards { n - 1 - k } else { k };
                    let (time, value) = (at(time as i64 * 97), random.below(1_000) as f64);
                    if singly {
                        let accepted = self.db.push(self.keys[i], time, value).unwrap().accepted;
                        self.accepted[i].fetch_add(accepted, Ordering::SeqCst);
                    } else {
                        batch.add(self.keys[i], time, value);
                    }
                }
                *pushed.entry(self.keys[i].get()).or_insert(0) += n;
            }
            if !singly {
                let report = batch.commit().unwrap();
                for (key, outcome) in report.per_metric() {
                    assert_eq!(outcome.accepted + outcome.late, pushed[&key.get()]);
                    let i = self.keys.iter().position(|known| known == key).unwrap();
                    self.accepted[i].fetch_add(outcome.accepted, Ordering::SeqCst);
                }
            }
        }
    }

    fn read(&self, seed: u64) {
        let mut random = Random(seed);
        let mut seen = [0; METRICS];
        while self.running() {
            let i = random.below(METRICS as u64) as usize;
            let least = self.accepted[i].load(Ordering::SeqCst);
            let counted = count(&self.db, self.keys[i], GRANULARITY);
            let most = self.begun[i].load(Ordering::SeqCst);
            assert!((least..=most).contains(&counted), "metric {i}: {counted} of {least} to {most}");
            assert!(counted >= seen[i], "metric {i}: {counted} after {}", seen[i]);
            seen[i] = counted;
            self.db.stats().unwrap();
        }
    }

    fn maintain(&self) {
        let mut random = Random(77);
        while self.running() {
            if random.below(4) == 0 {
                self.db.maintain().unwrap();
            } else {
                self.db.checkpoint().unwrap();
            }
            self.db.stats().unwrap();
        }
    }

    /// Creates metrics, pushes to them, and deletes some of them; returns those that stay, with what they have.
    fn create_and_delete(&self) -> Vec<(MetricKey, u64)> {
        let mut stay = Vec::new();
        let mut random = Random(4711);
        for round in 0.. {
            if !self.running() {
                break;
            }
            let name = format!("short-lived {}", round % 5);
            let key = metric(&self.db, &name, "p");
            let n = 1 + random.below(30);
            for time in 0..n {
                self.db.push(key, at(time as i64 * 400), 1.0).unwrap();
            }
            assert_eq!(count(&self.db, key, GRANULARITY), n);
            if random.below(8) == 0 {
                // A name of its own frees the short-lived one.
                let kept = metric(&self.db, &format!("kept {round}"), "p");
                self.db.push(kept, at(1), 1.0).unwrap();
                stay.push((kept, 1));
            }
            self.db.delete_metric(key).unwrap();
            assert!(matches!(self.db.push(key, at(0), 1.0), Err(Error::UnknownMetric { .. })));
        }
        stay
    }

    fn change_policies(&self) {
        let mut random = Random(31);
        for round in 0.. {
            if !self.running() {
                break;
            }
            let points = Some(1_000_000 + random.below(1000));
            let definitions = [archive(GRANULARITY, None), archive(10 * GRANULARITY, points)];
            let update = ArchivePolicyUpdate::new().back_window(1 + random.below(3) as u32).definitions(definitions);
            self.db.update_archive_policy("p", &update).unwrap();
            let name = format!("q{round}");
            self.db.create_archive_policy(&policy(&name, 0, &[(10, None)], &["mean"])).unwrap();
            if round % 2 == 0 {
                self.db.delete_archive_policy(&name).unwrap();
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }
}

fn soak(options: Options, maintained_by_hand: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Database::open(&path, options).unwrap();
    let archives = [(GRANULARITY, None), (10 * GRANULARITY, Some(1_000_000))];
    db.create_archive_policy(&policy("p", 1, &archives, &["count", "mean", "rate:max"])).unwrap();
    let names: Vec<NewMetric> =
        (0..METRICS).map(|i| NewMetric::named(format!("metric {i}")).archive_policy("p")).collect();
    let keys: Vec<MetricKey> = db.create_metrics(&names).unwrap().iter().map(|metric| metric.key).collect();
    let zeros = || (0..METRICS).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
    let soak = Soak { db, keys, accepted: zeros(), begun: zeros(), next: zeros(), over: AtomicBool::new(false) };
    let stay = std::thread::scope(|scope| {
        let soak = &soak;
        let mut threads = Vec::new();
        for seed in 1..=3 {
            threads.push(scope.spawn(move || soak.push(seed * 1_000_003)));
        }
        for seed in 1..=2 {
            threads.push(scope.spawn(move || soak.read(seed * 7_777_777)));
        }
        if maintained_by_hand {
            threads.push(scope.spawn(move || soak.maintain()));
        }
        threads.push(scope.spawn(move || soak.change_policies()));
        let deleting = scope.spawn(move || soak.create_and_delete());
        let end = Instant::now() + duration();
        while Instant::now() < end
            && !deleting.is_finished()
            && !threads.iter().any(std::thread::ScopedJoinHandle::is_finished)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        soak.over.store(true, Ordering::Relaxed);
        deleting.join().unwrap()
    });
    let expected: Vec<(MetricKey, u64)> = soak
        .keys
        .iter()
        .zip(&soak.accepted)
        .map(|(key, accepted)| (*key, accepted.load(Ordering::SeqCst)))
        .chain(stay)
        .collect();
    assert!(expected.iter().map(|(_, n)| n).sum::<u64>() > 1000);
    let compare = |db: &Database, when: &str| {
        for (key, accepted) in &expected {
            assert_eq!(count(db, *key, GRANULARITY), *accepted, "metric key {key} {when}");
        }
    };
    compare(&soak.db, "at the end");
    assert_eq!(soak.db.stats().unwrap().background_error, None);
    soak.db.flush().unwrap();
    let crashed = folder.path().join("crashed");
    copy_while_quiet(&path, &crashed);
    compare(&Database::open(&crashed, self::options()).unwrap(), "after a crash");
    soak.db.close().unwrap();
    let db = Database::open(&path, self::options()).unwrap();
    compare(&db, "after reopening");
    db.maintain().unwrap();
    compare(&db, "after maintenance");
}

/// Copies the directory at a moment at which its own thread changes nothing that counts: a copy takes time, other than a
/// crash. What MANIFEST names was complete before it was written, and stays as long as it is not replaced.
fn copy_while_quiet(from: &Path, to: &Path) {
    loop {
        let before = std::fs::read(from.join("MANIFEST")).unwrap();
        // A file that was superseded may go while it is copied.
        let copied = std::panic::catch_unwind(|| copy_tree(from, to)).is_ok();
        let after = std::fs::read(from.join("MANIFEST")).unwrap();
        if copied && before == after && before == std::fs::read(to.join("MANIFEST")).unwrap() {
            return;
        }
        std::fs::remove_dir_all(to).unwrap();
    }
}

#[test]
fn nothing_is_lost_or_seen_twice_with_maintenance_by_hand() {
    soak(options().memory(20_000), true);
}

#[test]
fn nothing_is_lost_or_seen_twice_with_maintenance_in_the_background() {
    let often = Options::new()
        .max_future(None)
        .grace(Duration::ZERO)
        .durability(Durability::Buffered(Duration::from_millis(3)));
    soak(often.checkpoint_interval(Duration::from_millis(10)).dirty_bytes(1 << 16).journal_bytes(1 << 16), false);
}

/// A database, and a call that is made once, in the middle of its next checkpoint: between the moment in which the
/// journal position is fixed and the moment in which the series are taken, or while the segments are written.
fn in_a_checkpoint(when: Call, act: impl Fn(&Arc<Database>, [MetricKey; 2]) + Send + 'static) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let fs = FaultFs::hasty();
    let db = Arc::new(Database::open_with_fs(&path, options(), Arc::new(fs.clone())).unwrap());
    let archives = [(10, None), (60, Some(100))];
    db.create_archive_policy(&policy("p", 1, &archives, &["count", "mean", "rate:mean", "last"])).unwrap();
    let keys = ["a", "b"].map(|name| metric(&db, name, "p"));
    for time in 0..200 {
        for key in &keys {
            db.push(*key, at(time * 3), time as f64).unwrap();
        }
    }
    let weak = Arc::downgrade(&db);
    let mut done = false;
    fs.set(move |call, path| {
        let in_level0 = path.parent().is_some_and(|directory| directory.ends_with("level0"));
        if call == when && in_level0 && !done {
            done = true;
            act(&weak.upgrade().unwrap(), keys);
        }
        Ok(())
    });
    db.checkpoint().unwrap();
    fs.clear();
    let answers = everything(&db).unwrap();
    let crashed = folder.path().join("crashed");
    copy_tree(&path, &crashed);
    support::assert_same(
        &everything(&Database::open(&crashed, options()).unwrap()).unwrap(),
        &answers,
        "after a crash",
    );
    db.maintain().unwrap();
    let maintained = everything(&db).unwrap();
    support::assert_same(&support::without_deleted(&maintained), &support::without_deleted(&answers), "maintained");
}

#[test]
fn pushes_of_all_kinds_may_fall_into_a_checkpoint() {
    for when in [Call::Create, Call::Append] {
        in_a_checkpoint(when, |db, [a, b]| {
            let before = count(db, a, 10);
            assert_eq!(db.push(a, at(598), 1.0).unwrap().accepted, 1);
            assert_eq!(db.push(a, at(597), 5.0).unwrap().overwritten, 1);
            assert_eq!(db.push(a, at(541), 5.0).unwrap().accepted, 1, "late, but the window is open");
            assert_eq!(db.push(a, at(0), 5.0).unwrap().late, 1);
            assert_eq!(count(db, a, 10), before + 2);
            let mut batch = db.batch();
            batch.extend(a, &[2000, 600, 601], &[1.0, 2.0, 3.0]).unwrap();
            batch.extend(b, &[700, 700, 4000], &[1.0, 2.0, 3.0]).unwrap();
            assert_eq!(batch.commit().unwrap().total().accepted, 6);
        });
    }
}

#[test]
fn a_metric_may_be_deleted_and_another_created_during_a_checkpoint() {
    for when in [Call::Create, Call::Append] {
        in_a_checkpoint(when, |db, [a, b]| {
            db.delete_metric(a).unwrap();
            let successor = metric(db, "a", "p");
            db.push(successor, at(5), 1.0).unwrap();
            assert_eq!(count(db, b, 10), 200);
        });
    }
}

#[test]
fn a_policy_may_change_during_a_checkpoint() {
    for when in [Call::Create, Call::Append] {
        in_a_checkpoint(when, |db, [a, _]| {
            let update =
                ArchivePolicyUpdate::new().back_window(0).definitions([archive(10, Some(7)), archive(60, None)]);
            db.update_archive_policy("p", &update).unwrap();
            assert_eq!(db.push(a, at(541), 5.0).unwrap().accepted, 1);
            assert_eq!(db.push(a, at(900), 5.0).unwrap().accepted, 1);
        });
    }
}

/// What a monitoring loop asks for must not wait until a long merge is over.
#[test]
fn statistics_do_not_wait_for_a_checkpoint() {
    in_a_checkpoint(Call::Create, |db, _| {
        let (sender, receiver) = mpsc::channel();
        let db = Arc::clone(db);
        let asking = std::thread::spawn(move || sender.send(db.stats().map(|stats| stats.metrics)).unwrap());
        let answer = receiver.recv_timeout(Duration::from_secs(5));
        assert_eq!(answer.expect("statistics wait for the checkpoint").unwrap(), 2);
        asking.join().unwrap();
    });
}

#[test]
fn of_concurrent_changes_of_a_policy_the_last_one_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("db"), options()).unwrap();
    db.create_archive_policy(&policy("p", 1, &[(10, None)], &["mean"])).unwrap();
    let key = metric(&db, "a", "p");
    for round in 0..20 {
        std::thread::scope(|scope| {
            for i in 0..4 {
                let update = ArchivePolicyUpdate::new().back_window(round * 4 + i);
                let db = &db;
                scope.spawn(move || db.update_archive_policy("p", &update).unwrap());
            }
        });
        assert_eq!(db.policy_of(key).unwrap(), db.archive_policy("p").unwrap());
    }
    db.push(key, at(1), 1.0).unwrap();
    assert_eq!(db.measures(&support::query(key, 10, AggregationMethod::MEAN)).unwrap().len(), 1);
}
