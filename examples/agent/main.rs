//! Watches this machine: samples processors, memory, disks, network and load into a database, then shows what it has.
//!
//! One batch per sample, one measure per metric. The database is in order at every moment, also when the program is
//! killed: started again on the same directory, it goes on where it ended. What is shown at the end is read back.

#[path = "../common/mod.rs"]
mod common;
mod proc;
mod report;

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use common::{Arguments, Length, Misused, Outcome};
use gnocchetti::{
    ArchivePolicy, Database, Definition, Durability, Error, Metric, MetricKey, NewMetric, Options, Timespan, Timestamp,
};
use proc::Sampler;

const USAGE: &str = "\
Watches this machine and shows what it saw, out of the database.

Usage: agent [--dir DIR] [--every TIME] [--for TIME]

  --dir DIR     where the database is, or will be [./agent-db]
  --every TIME  the time between two samples [200ms]
  --for TIME    how long to sample: 30s, 5min, 2h, or forever [10s]

Ctrl-C ends the sampling early; what was sampled is shown then, too. Started again, the agent goes on in the same
database.
";

/// The archive policy of every metric here.
const POLICY: &str = "agent";

fn main() -> ExitCode {
    common::run(USAGE, &["--dir", "--every", "--for"], agent)
}

fn agent(arguments: &Arguments) -> Outcome<()> {
    Misused::unless(arguments.words.is_empty(), "the agent takes options only")?;
    let directory: PathBuf = arguments.get("--dir", "./agent-db")?;
    let Length(every) = arguments.get("--every", "200ms")?;
    let duration: HowLong = arguments.get("--for", "10s")?;

    // Measures are in the kernel when a push returns: killing the agent loses none, a power cut at most a second.
    let options = Options::new().durability(Durability::Kernel(Duration::from_secs(1)));
    let db = Database::open(&directory, options)?;
    let policy = policy(&db)?;
    match report::stored(&db)? {
        Some(stored) => println!("continued: {} measures from {} to {}", stored.measures, stored.first, stored.last),
        None => println!("started: a new database in {}", directory.display()),
    }

    let begin = now()?;
    let pushed = sample(&db, every, duration)?;
    db.flush()?;
    eprintln!("pushed {pushed} measures; reading back from {}", directory.display());
    print!("{}", report::tables(&db, &policy, begin, now()?)?);
    db.close()?;
    Ok(())
}

/// The agent's archive policy, created on the first run: fine and short, up to coarse and long.
fn policy(db: &Database) -> gnocchetti::Result<ArchivePolicy> {
    match db.archive_policy(POLICY) {
        Err(Error::UnknownArchivePolicy { .. }) => {}
        known => return known,
    }
    let policy = ArchivePolicy::builder(POLICY)
        .definition(Definition::spanning(Timespan::from_nanos(200_000_000)?, Timespan::HOUR)?)
        .definition(Definition::spanning(Timespan::SECOND, Timespan::DAY)?)
        .definition(Definition::spanning(Timespan::MINUTE, Timespan::from_days(7)?)?)
        .definition(Definition::spanning(Timespan::HOUR, Timespan::from_days(365)?)?)
        .aggregation_methods(["count", "last", "min", "mean", "max"])
        .build()?;
    db.create_archive_policy(&policy)?;
    Ok(policy)
}

/// How long to sample.
#[derive(Clone, Copy)]
enum HowLong {
    For(Duration),
    Forever,
}

impl std::str::FromStr for HowLong {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "forever" {
            return Ok(HowLong::Forever);
        }
        let Length(span) = text.parse()?;
        Ok(HowLong::For(Duration::from_nanos(span.nanos().unsigned_abs())))
    }
}

/// Samples until the time is over or Ctrl-C; returns how many measures were pushed.
fn sample(db: &Database, every: Timespan, duration: HowLong) -> Outcome<u64> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The second one ends the program at once.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let begin = Instant::now();
    let over = || match duration {
        HowLong::For(duration) => begin.elapsed() >= duration,
        HowLong::Forever => false,
    };
    let mut progress = Progress::begin(every, duration);
    let mut metrics = Metrics { db, keys: HashMap::new() };
    let mut sampler = Sampler::new()?;
    let mut batch = db.batch();
    let mut pushed = 0;
    loop {
        wait_for_tick(every, &stop)?;
        if stop.load(Ordering::Relaxed) || over() {
            break;
        }
        let timestamp = now()?;
        for reading in sampler.sample()? {
            batch.add(metrics.key(&reading.name, reading.unit)?, timestamp, reading.value);
        }
        pushed += batch.commit()?.total().accepted;
        progress.show(begin.elapsed(), metrics.keys.len(), pushed);
    }
    progress.end();
    Ok(pushed)
}

/// The keys of metrics by name; one that the database does not have yet is created.
struct Metrics<'d> {
    db: &'d Database,
    keys: HashMap<String, MetricKey>,
}

impl Metrics<'_> {
    fn key(&mut self, name: &str, unit: &str) -> gnocchetti::Result<MetricKey> {
        if let Some(key) = self.keys.get(name) {
            return Ok(*key);
        }
        let metric: Metric = match self.db.metric_by_name(name) {
            Err(Error::UnknownMetric { .. }) => {
                self.db.create_metric(NewMetric::named(name).archive_policy(POLICY).unit(unit))?
            }
            known => known?,
        };
        self.keys.insert(name.to_owned(), metric.key);
        Ok(metric.key)
    }
}

fn now() -> Outcome<Timestamp> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos())?)?)
}

/// Sleeps until the next multiple of `every`, so that each group gets its one measure; wakes early when told to stop.
fn wait_for_tick(every: Timespan, stop: &AtomicBool) -> Outcome<()> {
    let tick = now()?.nanos() / every.nanos() * every.nanos() + every.nanos();
    loop {
        let left = Duration::from_nanos((tick - now()?.nanos()).max(0).unsigned_abs());
        if left.is_zero() || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// A line on stderr that says how far the agent is: rewritten on a terminal, every ten seconds anew elsewhere.
struct Progress {
    terminal: bool,
    shown: Option<Duration>,
}

impl Progress {
    fn begin(every: Timespan, duration: HowLong) -> Self {
        let end = match duration {
            HowLong::For(duration) => format!("for {} s", common::number(duration.as_secs_f64())),
            HowLong::Forever => "until Ctrl-C".to_owned(),
        };
        eprintln!("sampling this machine every {} {end}", Length(every));
        Progress { terminal: std::io::stderr().is_terminal(), shown: None }
    }

    fn show(&mut self, elapsed: Duration, metrics: usize, measures: u64) {
        let pause = if self.terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        if self.shown.is_some_and(|shown| elapsed < shown + pause) {
            return;
        }
        self.shown = Some(elapsed);
        let (begin, end) = if self.terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        eprint!("{begin}{:.1} s: {metrics} metrics, {measures} measures{end}", elapsed.as_secs_f64());
        // Progress that cannot be shown must not stop the sampling.
        let _ = std::io::stderr().flush();
    }

    fn end(&self) {
        if self.terminal {
            eprintln!();
        }
    }
}
