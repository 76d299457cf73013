//! A disk that is really full: a small file system in memory, mounted in a namespace of its own.
//!
//! The test starts itself again within `unshare -rm`, where an ordinary user may mount. Each call says that there is no space,
//! and nothing else; what had been accepted stays; with space again, all goes on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gnocchetti::{
    AggregationMethod, ArchivePolicy, Database, Definition, Durability, Error, MetricKey, NewMetric, Options, Query,
    Result, Timespan, Timestamp,
};

use crate::image::Dice;
use crate::run::{Findings, Soak, Trouble};

/// Where the small file system is mounted.
const MOUNTED: &str = "GNOCCHETTI_CRASH_SMALL_DISK";
/// Do without, where mounting is refused.
const NO_MOUNT: &str = "GNOCCHETTI_NO_MOUNT";
/// What the shell returns when it cannot mount.
const REFUSED: i32 = 77;

const METRICS: u64 = 5;
const STEP: i64 = 1_000_000;

/// A database on the small file system, and how many measures each metric has taken.
struct Small {
    path: PathBuf,
    durability: Durability,
    background: bool,
    db: Option<Database>,
    accepted: Vec<u64>,
    dice: Dice,
    full: u64,
}

impl Small {
    fn open(&mut self) -> Result<()> {
        let options = Options::new().durability(self.durability).background(self.background).max_future(None);
        let options =
            options.dirty_bytes(1 << 18).journal_bytes(1 << 18).checkpoint_interval(Duration::from_millis(50));
        self.db = Some(Database::open(&self.path, options.grace(Duration::ZERO))?);
        Ok(())
    }

    fn db(&self) -> &Database {
        self.db.as_ref().unwrap()
    }

    fn create(&self) {
        let archive =
            |granularity| Definition::new(Some(Timespan::from_nanos(granularity).unwrap()), None, None).unwrap();
        let policy = ArchivePolicy::builder("p").back_window(1).definitions([archive(4 * STEP), archive(100 * STEP)]);
        self.db().create_archive_policy(&policy.aggregation_methods(["count", "mean"]).build().unwrap()).unwrap();
        let metrics = (0..METRICS).map(|i| NewMetric::named(format!("metric {i}")).archive_policy("p"));
        self.db().create_metrics(&metrics.collect::<Vec<_>>()).unwrap();
    }

    /// Pushes some hundred measures of one metric, with values that cannot be packed.
    fn push(&mut self) -> Result<()> {
        let metric = self.dice.below(METRICS) as usize;
        let rows = 1 + self.dice.below(600);
        let taken = self.accepted[metric];
        let mut batch = self.db.as_ref().unwrap().batch();
        for n in taken..taken + rows {
            let value = self.dice.below(1 << 50) as f64 / 1e4;
            batch.add(MetricKey::new(metric as u64 + 1), Timestamp::from_nanos(n as i64 * STEP).unwrap(), value);
        }
        batch.commit()?;
        self.accepted[metric] = taken + rows;
        Ok(())
    }

    /// Pushes, checkpoints and maintains; every failure must be that of a full disk. Returns whether one was.
    fn work(&mut self, steps: u64) -> Result<bool> {
        let before = self.full;
        for step in 1..=steps {
            let pushed = self.push();
            self.expect_full(pushed)?;
            if step % 9 == 0 {
                let done = self.db().checkpoint();
                self.expect_full(done)?;
            }
            if step % 31 == 0 {
                let done = self.db().maintain();
                self.expect_full(done)?;
            }
        }
        Ok(self.full > before)
    }

    fn expect_full(&mut self, outcome: Result<()>) -> Result<()> {
        match outcome {
            Err(Error::DiskFull { .. }) => self.full += 1,
            other => other?,
        }
        Ok(())
    }

    fn compare(&self, when: &str) -> std::result::Result<(), Trouble> {
        for (key, accepted) in (1..).map(MetricKey::new).zip(&self.accepted) {
            let query =
                Query::new(key).granularity(Timespan::from_nanos(4 * STEP).unwrap()).method(AggregationMethod::COUNT);
            let counts = self.db().measures(&query).map_err(|error| Trouble::Lost(format!("{when}: {error}")))?;
            let there = counts.values.iter().map(|count| *count as u64).sum::<u64>();
            if there < *accepted {
                return Err(Trouble::Lost(format!("{when}, metric {key} has {there} measures of {accepted}")));
            }
            if there > *accepted {
                return Err(Trouble::Wrong(format!("{when}, metric {key} has {there} measures of {accepted}")));
            }
        }
        Ok(())
    }
}

/// Fills the file system but for so many bytes, with a file that can be removed again.
fn fill(disk: &Path, but: u64) -> PathBuf {
    let path = disk.join("ballast");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let len = file.metadata().unwrap().len();
    file.set_len(len.saturating_sub(but)).unwrap();
    path
}

fn wrong(when: &str) -> impl Fn(Error) -> Trouble {
    move |error| Trouble::Wrong(format!("{when}: {error}"))
}

fn run(disk: &Path, durability: Durability, background: bool) -> std::result::Result<u64, Trouble> {
    let path = disk.join("db");
    let _ = std::fs::remove_dir_all(&path);
    let accepted = vec![0; METRICS as usize];
    let mut small = Small { path, durability, background, db: None, accepted, dice: Dice::new(7), full: 0 };
    small.open().map_err(wrong("open"))?;
    small.create();
    small.work(40).map_err(wrong("with space"))?;
    for round in 0..3 {
        // To the last byte; then with room for pushes, and not for a checkpoint; then for a few.
        let ballast = fill(disk, round << 16);
        for _ in 0..20 {
            small.work(40).map_err(wrong("without space"))?;
        }
        small.compare("without space")?;
        if round == 1 && !matches!(durability, Durability::Buffered(_)) {
            // What is with the kernel needs no space to be closed; whoever opens next has none to recover.
            let closed = small.db.take().map_or(Ok(()), Database::close);
            small.expect_full(closed).map_err(wrong("closing without space"))?;
            match small.open() {
                Ok(()) => {}
                Err(Error::DiskFull { .. }) => small.full += 1,
                Err(error) => return Err(Trouble::Wrong(format!("opening without space: {error}"))),
            }
        }
        std::fs::remove_file(&ballast).unwrap();
        if small.db.is_none() {
            small.open().map_err(|error| Trouble::Lost(format!("it cannot be opened: {error}")))?;
        }
        small.compare("with space again")?;
        if small.work(40).map_err(wrong("with space again"))? && !background {
            return Err(Trouble::Wrong("there is space again, and it says that there is none".to_owned()));
        }
        small.db().maintain().map_err(wrong("maintain with space again"))?;
        small.compare("maintained with space again")?;
    }
    small.db.take().map_or(Ok(()), Database::close).map_err(wrong("close"))?;
    small.open().map_err(|error| Trouble::Lost(format!("it cannot be opened: {error}")))?;
    small.compare("opened again")?;
    if small.full < 100 {
        Err(Trouble::Wrong(format!("only {} calls met a full disk", small.full)))
    } else {
        Ok(small.full)
    }
}

fn on(disk: &Path) {
    let findings = Findings::default();
    let kernel = Durability::Kernel(Duration::from_secs(3600));
    let buffered = Durability::Buffered(Duration::from_millis(5));
    let mut total = 0;
    for (durability, background) in
        [(Durability::Sync, false), (kernel, false), (Durability::Sync, true), (buffered, true)]
    {
        let how = format!("{durability:?}, background {background}");
        match run(disk, durability, background) {
            Ok(full) => {
                total += full;
                println!("{how}: {full} calls met a full disk");
            }
            Err(trouble) => findings.trouble(&how, trouble),
        }
    }
    findings.conclude("a full disk", "full", total);
}

#[test]
fn a_full_disk_loses_nothing() {
    if let Ok(disk) = std::env::var(MOUNTED) {
        return on(Path::new(&disk));
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size=6m tmpfs \"$1\" || exit {REFUSED}; exec \"$2\" full:: --nocapture");
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script, "sh"]).arg(folder.path()).arg(std::env::current_exe().unwrap());
    let status = command.env(MOUNTED, folder.path()).status();
    let refused = status.as_ref().map_or(true, |status| matches!(status.code(), Some(1 | 126 | 127 | REFUSED)));
    if refused {
        println!("full disk: nothing can be mounted here ({status:?}); not tested");
        let excused = Soak::asked() == Soak::Sample || std::env::var(NO_MOUNT).is_ok_and(|value| value == "1");
        assert!(excused, "set {NO_MOUNT}=1 to do without a full disk");
        return;
    }
    assert!(status.unwrap().success(), "the test on the full disk failed");
}
