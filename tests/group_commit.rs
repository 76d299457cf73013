//! The group commit in every interleaving of its threads, up to so many preemptions: `src/journal/leader.rs` as it is, with loom's
//! primitives in place of the real ones, around a journal reduced to its counters.
//!
//! What must hold: two syncs never overlap, nor does a sync meet a file that is no longer the current one; who is told that a record
//! is durable finds it on the disk; after a failure nobody is told so of what was not synced before; and everybody returns.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

#[path = "../src/journal/leader.rs"]
mod leader;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;

use leader::Leadership;
use sync::Mutex;

/// What `leader` finds in place of the library's.
mod sync {
    use std::ops::{Deref, DerefMut};

    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    pub struct Guard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    #[derive(Debug, Default)]
    pub struct Condvar(loom::sync::Condvar);

    impl<T> Mutex<T> {
        pub fn lock(&self) -> Guard<'_, T> {
            Guard(Some(self.0.lock().unwrap()))
        }
    }

    impl Condvar {
        pub fn wait<T>(&self, guard: &mut Guard<'_, T>) {
            let held = guard.0.take().unwrap();
            guard.0 = Some(self.0.wait(held).unwrap());
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().unwrap()
        }
    }
}

/// What the append lock guards.
#[derive(Debug, Default)]
struct Writer {
    file: u64,
    last: u64,
}

/// A journal without bytes.
struct Journal {
    leadership: Leadership,
    writer: Mutex<Writer>,
    durable: AtomicU64,
    failed: AtomicBool,
    /// The disk: which record is the last one synced, whether somebody syncs, in which file; and how many syncs it can take.
    synced: AtomicU64,
    syncing: AtomicBool,
    current: AtomicU64,
    syncs: AtomicU64,
    healthy: u64,
}

impl Journal {
    /// One whose disk fails after so many syncs.
    fn new(healthy: u64) -> Self {
        Journal {
            leadership: Leadership::default(),
            writer: Mutex::default(),
            durable: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            synced: AtomicU64::new(0),
            syncing: AtomicBool::new(false),
            current: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            healthy,
        }
    }

    fn append(&self) -> u64 {
        let mut writer = self.writer.lock();
        writer.last += 1;
        writer.last
    }

    fn commit(&self, sequence: u64) -> Result<(), ()> {
        let covered = || self.durable.load(Ordering::Acquire) >= sequence;
        let failure = || self.failed.load(Ordering::Acquire).then_some(());
        self.leadership.commit(covered, failure, || {
            let (file, last) = {
                let writer = self.writer.lock();
                (writer.file, writer.last)
            };
            self.sync(file, last)?;
            self.durable.store(last, Ordering::Release);
            Ok(())
        })
    }

    fn rotate(&self) -> Result<(), ()> {
        let leader = self.leadership.lead_unless(|| self.failed.load(Ordering::Acquire));
        let mut writer = self.writer.lock();
        if leader.is_none() {
            return Err(());
        }
        self.sync(writer.file, writer.last)?;
        self.durable.store(writer.last, Ordering::Release);
        writer.file += 1;
        self.current.store(writer.file, Ordering::Release);
        Ok(())
    }

    fn sync(&self, file: u64, last: u64) -> Result<(), ()> {
        assert!(!self.syncing.swap(true, Ordering::AcqRel), "two syncs overlap");
        assert_eq!(self.current.load(Ordering::Acquire), file, "a sync of a file that is not the current one");
        let fails = self.syncs.fetch_add(1, Ordering::AcqRel) >= self.healthy;
        if fails {
            self.failed.store(true, Ordering::Release);
        } else {
            self.synced.store(last, Ordering::Release);
        }
        self.syncing.store(false, Ordering::Release);
        if fails { Err(()) } else { Ok(()) }
    }

    /// A push: what is said of it must be so.
    fn push(&self) -> Result<(), ()> {
        let sequence = self.append();
        let committed = self.commit(sequence);
        if committed.is_ok() {
            assert!(self.synced.load(Ordering::Acquire) >= sequence, "record {sequence} is called durable, and is not");
        }
        committed
    }
}

/// How often a thread is stopped where it need not stop, in each interleaving: `GNOCCHETTI_PREEMPTIONS` of them, or two.
fn explore(test: impl Fn() + Sync + Send + 'static) {
    let asked = std::env::var("GNOCCHETTI_PREEMPTIONS").ok().map(|n| n.parse().unwrap());
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(asked.unwrap_or(2));
    model.check(test);
}

#[test]
fn whoever_waits_for_a_sync_gets_one() {
    explore(|| {
        let journal = Arc::new(Journal::new(u64::MAX));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let journal = Arc::clone(&journal);
                thread::spawn(move || journal.push())
            })
            .collect();
        journal.push().unwrap();
        for other in others {
            other.join().unwrap().unwrap();
        }
        assert_eq!(journal.synced.load(Ordering::Acquire), 3);
        assert!(journal.syncs.load(Ordering::Acquire) <= 3);
    });
}

#[test]
fn a_new_file_comes_between_syncs() {
    explore(|| {
        let journal = Arc::new(Journal::new(u64::MAX));
        let (pusher, rotator) = (Arc::clone(&journal), Arc::clone(&journal));
        let pusher = thread::spawn(move || pusher.push());
        let rotator = thread::spawn(move || rotator.rotate());
        journal.push().unwrap();
        pusher.join().unwrap().unwrap();
        rotator.join().unwrap().unwrap();
        assert_eq!((journal.synced.load(Ordering::Acquire), journal.current.load(Ordering::Acquire)), (2, 1));
    });
}

#[test]
fn a_failed_sync_is_told_to_all_and_nobody_waits_for_ever() {
    for healthy in 0..2 {
        explore(move || {
            let journal = Arc::new(Journal::new(healthy));
            let (pusher, rotator) = (Arc::clone(&journal), Arc::clone(&journal));
            let pusher = thread::spawn(move || pusher.push());
            let rotator = thread::spawn(move || rotator.rotate());
            let own = journal.push();
            let told = [own, pusher.join().unwrap(), rotator.join().unwrap()];
            let failed = journal.failed.load(Ordering::Acquire);
            assert!(healthy > 0 || told.iter().all(Result::is_err), "a disk that never synced");
            assert_eq!(
                failed,
                told.iter().any(Result::is_err),
                "a failure is told to somebody, and made up for nobody"
            );
            assert!(journal.syncs.load(Ordering::Acquire) <= healthy + 1, "nothing is synced after a failure");
        });
    }
}

/// The model can tell: without a leader, syncs overlap.
#[test]
#[should_panic(expected = "two syncs overlap")]
fn without_a_leader_syncs_overlap() {
    explore(|| {
        let journal = Arc::new(Journal::new(u64::MAX));
        let other = Arc::clone(&journal);
        let other = thread::spawn(move || other.sync(0, 0));
        let _ = journal.sync(0, 0);
        let _ = other.join();
    });
}
