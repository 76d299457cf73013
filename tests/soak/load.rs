//! The threads: eight push, two read and compare, one maintains, one creates metrics and deletes them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use gnocchetti::{Batch, Database, Error, MetricKey, NewMetric, Pushed};

use crate::history::{History, LATE, PARTITION, policy, time};

const PUSHERS: usize = 8;
/// How far, in measures per metric, a thread may be ahead of another: time is to be about the same everywhere.
const AHEAD: u64 = 240;

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

/// What the threads share.
pub struct Load {
    /// Each thread's metrics.
    pushed: Vec<Vec<History>>,
    over: AtomicBool,
    accepted: AtomicU64,
    late: AtomicU64,
    compared: AtomicU64,
    deleted: AtomicU64,
}

impl Load {
    pub fn new(db: &Database, metrics: u64) -> Self {
        db.create_archive_policy(&policy("soak")).unwrap();
        let names: Vec<NewMetric> =
            (0..metrics).map(|i| NewMetric::named(format!("metric {i}")).archive_policy("soak")).collect();
        let keys: Vec<MetricKey> = db.create_metrics(&names).unwrap().iter().map(|metric| metric.key).collect();
        let histories = |keys: &[MetricKey]| keys.iter().copied().map(History::new).collect();
        let pushed = keys.chunks(keys.len().div_ceil(PUSHERS)).map(histories).collect();
        let zero = || AtomicU64::new(0);
        let over = AtomicBool::new(false);
        Load { pushed, over, accepted: zero(), late: zero(), compared: zero(), deleted: zero() }
    }

    /// Runs all threads as long as none has ended, which none does but by a panic, and `more` wants it.
    pub fn run(&self, db: &Database, mut more: impl FnMut() -> bool) {
        std::thread::scope(|scope| {
            let mut threads: Vec<ScopedJoinHandle<'_, ()>> = Vec::new();
            for (seed, histories) in (1..).zip(&self.pushed) {
                threads.push(scope.spawn(move || self.push(db, histories, Random(seed * 1_000_003))));
            }
            threads.extend([1, 2].map(|seed| scope.spawn(move || self.read(db, Random(seed * 7_777_777)))));
            threads.push(scope.spawn(|| self.maintain(db, Random(77))));
            threads.push(scope.spawn(|| self.create_and_delete(db, Random(4711))));
            while more() && !threads.iter().any(ScopedJoinHandle::is_finished) {
                std::thread::sleep(Duration::from_millis(20));
            }
            self.over.store(true, Ordering::Relaxed);
        });
    }

    fn running(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Rounds over the thread's metrics, each a few measures further: mostly batches over many metrics, some singly.
    fn push(&self, db: &Database, histories: &[History], mut random: Random) {
        let mut batch = db.batch();
        while self.running() {
            let measures = 1 + random.below(4);
            let mut at = 0;
            while at < histories.len() {
                if random.below(64) == 0 {
                    self.push_singly(db, &histories[at], measures);
                    at += 1;
                    continue;
                }
                let until = histories.len().min(at + 1 + random.below(256) as usize);
                self.push_together(&histories[at..until], measures, &mut batch, &mut random);
                at = until;
            }
            let slowest = || self.pushed.iter().map(|histories| histories[0].acked()).min().unwrap_or(0);
            while self.running() && histories[0].acked() > slowest() + AHEAD {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// The first of them last: out of order, and in time.
    fn push_singly(&self, db: &Database, history: &History, measures: u64) {
        let first = history.acked();
        history.begin(measures);
        for n in (first + 1..first + measures).chain([first]) {
            self.count(db.push(history.key, time(n), history.value(n)).unwrap(), accepted(1));
        }
        history.acknowledge(measures);
    }

    fn push_together(&self, histories: &[History], measures: u64, batch: &mut Batch<'_>, random: &mut Random) {
        let mut expected = Pushed::default();
        for history in histories {
            let first = history.acked();
            history.begin(measures);
            expected += accepted(measures);
            let mut add = |n| batch.add(history.key, time(n), history.value(n));
            match random.below(16) {
                0 => (first..first + measures).rev().for_each(&mut add),
                _ => (first..first + measures).for_each(&mut add),
            }
            if first > LATE && random.below(16) == 0 {
                // One that is there already, in the window, and one that is too late.
                add(first - 1);
                add(first - 1 - LATE);
                expected += Pushed { accepted: 1, overwritten: 1, late: 1 };
            }
        }
        self.count(batch.commit().unwrap().total(), expected);
        for history in histories {
            history.acknowledge(measures);
        }
    }

    fn count(&self, pushed: Pushed, expected: Pushed) {
        assert_eq!(pushed, expected, "what became of a push");
        self.accepted.fetch_add(pushed.accepted, Ordering::Relaxed);
        self.late.fetch_add(pushed.late, Ordering::Relaxed);
    }

    fn read(&self, db: &Database, mut random: Random) {
        while self.running() {
            let histories = &self.pushed[random.below(self.pushed.len() as u64) as usize];
            let history = &histories[random.below(histories.len() as u64) as usize];
            let compared = history.check(db, history.acked()).unwrap_or_else(|error| panic!("{error}"));
            self.compared.fetch_add(compared, Ordering::Relaxed);
        }
    }

    /// Beside what the database does by itself.
    fn maintain(&self, db: &Database, mut random: Random) {
        while self.running() {
            match random.below(4) {
                0 => db.maintain().unwrap(),
                1 => db.flush().unwrap(),
                _ => db.checkpoint().unwrap(),
            }
            std::thread::sleep(Duration::from_millis(random.below(1000)));
        }
    }

    fn create_and_delete(&self, db: &Database, mut random: Random) {
        let mut batch = db.batch();
        while self.running() {
            let names: Vec<NewMetric> =
                (0..10).map(|i| NewMetric::named(format!("short-lived {i}")).archive_policy("soak")).collect();
            let created = db.create_metrics(&names).unwrap();
            let histories: Vec<History> = created.iter().map(|metric| History::new(metric.key)).collect();
            for _ in 0..=random.below(40) {
                self.push_together(&histories, 1 + random.below(50), &mut batch, &mut random);
            }
            for history in histories {
                history.check(db, history.acked()).unwrap_or_else(|error| panic!("short-lived: {error}"));
                db.delete_metric(history.key).unwrap();
                assert!(matches!(db.push(history.key, time(0), 1.0), Err(Error::UnknownMetric { .. })));
                self.deleted.fetch_add(1, Ordering::Relaxed);
            }
            std::thread::sleep(Duration::from_millis(random.below(200)));
        }
    }

    pub fn histories(&self) -> impl Iterator<Item = &History> {
        self.pushed.iter().flatten()
    }

    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    /// How many points readers compared.
    pub fn compared(&self) -> u64 {
        self.compared.load(Ordering::Relaxed)
    }

    /// How many metrics were created, pushed to, and deleted.
    pub fn deleted(&self) -> u64 {
        self.deleted.load(Ordering::Relaxed)
    }

    /// How often the slowest thread's metrics went through a partition of the coarsest archive.
    pub fn partitions(&self) -> f64 {
        let slowest = self.pushed.iter().map(|histories| histories[0].acked()).min().unwrap_or(0);
        slowest as f64 / PARTITION as f64
    }
}

fn accepted(measures: u64) -> Pushed {
    Pushed { accepted: measures, ..Pushed::default() }
}
