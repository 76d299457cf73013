//! How much is run, where, and how what was found is counted and said.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tempfile::TempDir;

/// How much is run: `GNOCCHETTI_SOAK` is `short` in `ci/crash.sh`, `long` by hand; otherwise a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Soak {
    Sample,
    Short,
    Long,
}

impl Soak {
    pub fn asked() -> Soak {
        match std::env::var("GNOCCHETTI_SOAK").as_deref() {
            Err(_) | Ok("") => Soak::Sample,
            Ok("short") => Soak::Short,
            Ok("long") => Soak::Long,
            Ok(other) => panic!("GNOCCHETTI_SOAK is `{other}`; known are `short` and `long`"),
        }
    }

    pub fn pick<T>(self, sample: T, short: T, long: T) -> T {
        match self {
            Soak::Sample => sample,
            Soak::Short => short,
            Soak::Long => long,
        }
    }
}

/// A folder in memory where there is one: what is simulated has nothing from a real disk, and `SQLite` syncs a lot.
pub fn scratch() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let made = tempfile::Builder::new().prefix("gnocchetti-crash-").tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// What is wrong with a database after a cut, a kill or a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Something that was promised is gone, or the database cannot be opened.
    Lost(String),
    /// Something is there that should not be, or answers are wrong, or it does not go on.
    Wrong(String),
}

/// What was found, summed up over all threads.
#[derive(Debug, Default)]
pub struct Findings {
    counts: Mutex<BTreeMap<String, u64>>,
    troubles: Mutex<Vec<String>>,
    lost: AtomicUsize,
    wrong: AtomicUsize,
}

impl Findings {
    pub fn count(&self, what: &str) {
        *self.counts.lock().entry(what.to_owned()).or_default() += 1;
    }

    pub fn trouble(&self, replay: &str, trouble: Trouble) {
        let (counter, kind, what) = match trouble {
            Trouble::Lost(what) => (&self.lost, "lost", what),
            Trouble::Wrong(what) => (&self.wrong, "wrong", what),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let line = format!("{kind}: {what}\n    again: {replay}");
        println!("{line}");
        self.troubles.lock().push(line);
    }

    /// Whether so much is wrong that more of it says nothing new.
    pub fn enough(&self) -> bool {
        self.troubles.lock().len() >= 20
    }

    /// Prints the counts, and the line that `ci/crash.sh` adds up; panics when there was trouble.
    pub fn conclude(&self, title: &str, unit: &str, total: u64) {
        let mut text = format!("{title}\n");
        for (what, count) in &*self.counts.lock() {
            writeln!(text, "  {count:>8}  {what}").unwrap();
        }
        let (lost, wrong) = (self.lost.load(Ordering::Relaxed), self.wrong.load(Ordering::Relaxed));
        println!("{text}counted: {unit} {total} lost {lost} wrong {wrong}");
        let troubles = self.troubles.lock();
        assert!(troubles.is_empty(), "{title}: {} troubles:\n{}", troubles.len(), troubles.join("\n"));
    }
}

/// Does `work` for each of `jobs` on as many threads as there are processors.
pub fn in_parallel<T: Sync>(jobs: &[T], work: impl Fn(&T) + Sync) {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().min(8));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(job);
                }
            });
        }
    });
}

/// What `work` returns, or what it panicked with.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_else(|| "a panic without words".to_owned())
    })
}
