//! A real process on a real disk, killed at random moments while checkpoints and merges go on all the time.
//!
//! The child is this test program again. It pushes numbered measures, single and in batches, from two threads, and prints the
//! number up to which each thread's pushes have returned. The parent kills it, opens what it left, and asks for every
//! measure: what is there must be the first so many of each thread, as many as its level promises, no push in parts.
//!
//! Beside every other child there is a reader, a process too, which is killed with it: whatever it has seen must be there.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gnocchetti::{
    AggregationMethod, ArchivePolicy, Database, Definition, Durability, MetricKey, NewMetric, Options, Query, Timespan,
    Timestamp,
};
use parking_lot::Mutex;

use crate::image::Dice;
use crate::run::{Findings, Soak, Trouble};
use crate::workload::Level;

/// Threads that push, each to its own metrics.
const THREADS: u64 = 2;
const METRICS: u64 = 4;
/// Between one measure and the next, ns; an archive's group takes 16 of them.
const STEP: i64 = 1000;
const GROUP: i64 = 16 * STEP;
/// What is pushed together: one, or so many.
const BATCH: u64 = 48;
/// How long `Kernel` and `Buffered` may keep something back.
const DELAY: Duration = Duration::from_millis(20);
/// How much later a busy machine may be with it.
const SLACK: Duration = Duration::from_millis(400);

const DIRECTORY: &str = "GNOCCHETTI_CRASH_CHILD";
const LEVEL: &str = "GNOCCHETTI_CRASH_CHILD_LEVEL";
const FROM: &str = "GNOCCHETTI_CRASH_CHILD_FROM";
const READER: &str = "GNOCCHETTI_CRASH_CHILD_READER";

fn open(path: &Path, level: Level) -> gnocchetti::Result<Database> {
    let durability = match level {
        Level::Sync => Durability::Sync,
        Level::Kernel => Durability::Kernel(DELAY),
        Level::Buffered => Durability::Buffered(DELAY),
    };
    let options = Options::new().durability(durability).max_future(None).grace(Duration::from_millis(50));
    Database::open(
        path,
        options.checkpoint_interval(Duration::from_millis(10)).dirty_bytes(1 << 16).journal_bytes(1 << 16),
    )
}

fn create(db: &Database) {
    let archive =
        |granularity, points| Definition::new(Some(Timespan::from_nanos(granularity).unwrap()), points, None).unwrap();
    let policy =
        ArchivePolicy::builder("p").back_window(1).definitions([archive(GROUP, None), archive(20 * GROUP, Some(50))]);
    db.create_archive_policy(&policy.aggregation_methods(["count", "sum", "last"]).build().unwrap()).unwrap();
    let metrics = (0..THREADS * METRICS).map(|i| NewMetric::named(format!("metric {i}")).archive_policy("p"));
    db.create_metrics(&metrics.collect::<Vec<_>>()).unwrap();
}

/// The `n`th measure of a thread: to which metric, when, what.
fn measure(thread: u64, n: u64) -> (MetricKey, i64, f64) {
    (MetricKey::new(1 + thread * METRICS + n % METRICS), (n / METRICS) as i64 * STEP, n as f64)
}

/// The end of the push that begins with measure `n`: every other one is a batch.
fn end_of_push(n: u64) -> u64 {
    if n.is_multiple_of(BATCH + 1) { n + 1 } else { n + BATCH }
}

/// Pushes from measure `from` on, until `stop` says so.
fn push(db: &Database, thread: u64, from: u64, mut stop: impl FnMut(u64) -> bool) {
    let at = |nanos| Timestamp::from_nanos(nanos).unwrap();
    let mut n = from;
    let mut batch = db.batch();
    while !stop(n) {
        let end = end_of_push(n);
        if end == n + 1 {
            let (key, time, value) = measure(thread, n);
            db.push(key, at(time), value).unwrap();
        } else {
            for (key, time, value) in (n..end).map(|n| measure(thread, n)) {
                batch.add(key, at(time), value);
            }
            batch.commit().unwrap();
        }
        n = end;
    }
}

fn say(line: std::fmt::Arguments<'_>) -> std::io::Result<()> {
    // One write per line: the kill tears none.
    std::io::stdout().lock().write_all(format!("\n{line}\n").as_bytes())
}

/// The reader: says how many measures of each thread it sees, or what is wrong with them.
#[test]
fn reader() {
    let Ok(directory) = std::env::var(READER) else { return };
    let db = Database::open_read_only(&directory, Options::new()).unwrap();
    loop {
        for thread in 0..THREADS {
            // A query that meets a file which is gone is answered from a newer state than the one before it: only then may
            // what was asked for one after the other not belong together.
            let said = match there(&db, thread).or_else(|_| there(&db, thread)) {
                Ok(n) => say(format_args!("seen {thread} {n}")),
                Err(trouble) => say(format_args!("trouble {trouble}")),
            };
            if said.is_err() {
                return;
            }
        }
        if let Err(error) = db.refresh() {
            let _ = say(format_args!("trouble refresh: {error}"));
        }
    }
}

/// A reader that runs, and what it said.
struct Beside {
    child: Child,
    lines: std::thread::JoinHandle<Vec<String>>,
}

impl Beside {
    fn start(path: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["kill::reader", "--exact", "--nocapture", "--test-threads=1"]).env(READER, path);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let lines = std::thread::spawn(move || lines.lines().map_while(Result::ok).collect());
        Beside { child, lines }
    }

    /// Kills it. How often it looked, and the most that it saw of each thread.
    fn end(mut self) -> Result<(u64, Vec<u64>), Trouble> {
        if let Some(status) = self.child.try_wait().unwrap() {
            return Err(Trouble::Wrong(format!("a reader has ended by itself: {status}")));
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (mut looks, mut seen) = (0, vec![0; THREADS as usize]);
        for line in self.lines.join().unwrap() {
            if let Some(trouble) = line.strip_prefix("trouble ") {
                return Err(Trouble::Wrong(format!("a reader: {trouble}")));
            }
            if let ["seen", thread, n] = line.split(' ').collect::<Vec<_>>()[..] {
                let (thread, n): (usize, u64) = (thread.parse().unwrap(), n.parse().unwrap());
                if n < seen[thread] {
                    return Err(Trouble::Wrong(format!("a reader went back from {} to {n}", seen[thread])));
                }
                seen[thread] = n;
                looks += 1;
            }
        }
        Ok((looks, seen))
    }
}

/// The child: pushes and says so until it is killed. Run as a test, it is not, and has all that it pushed.
#[test]
fn child() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        let level = std::env::var(LEVEL).unwrap();
        let level = Level::ALL.into_iter().find(|known| known.name() == level).unwrap();
        let from: Vec<u64> = std::env::var(FROM).unwrap().split(',').map(|n| n.parse().unwrap()).collect();
        let db = open(Path::new(&directory), level).unwrap();
        std::thread::scope(|scope| {
            for (thread, from) in (0..THREADS).zip(from) {
                let db = &db;
                scope.spawn(move || {
                    push(db, thread, from, |n| say(format_args!("ack {thread} {n}")).is_err());
                });
            }
        });
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path(), Level::Buffered).unwrap();
    create(&db);
    push(&db, 1, 0, |n| n >= 5 * (BATCH + 1));
    assert_eq!(there(&db, 1), Ok(5 * (BATCH + 1)));
}

/// How many measures of a thread are there; an error when they are not the first so many, or answers differ.
fn there(db: &Database, thread: u64) -> Result<u64, String> {
    let (mut newest, mut counted) = (0, 0);
    let keys: Vec<MetricKey> = (0..METRICS).map(|i| measure(thread, i).0).collect();
    let mut answers = Vec::new();
    for (i, key) in (0..).zip(&keys) {
        let methods = [AggregationMethod::COUNT, AggregationMethod::SUM, AggregationMethod::LAST];
        let query = Query::new(*key).granularity(Timespan::from_nanos(GROUP).unwrap());
        let columns = db.measures_of(&query, &methods).map_err(|error| format!("it cannot be read: {error}"))?;
        counted += columns[0].values.iter().map(|count| *count as u64).sum::<u64>();
        if let Some(last) = db.last_measure(*key).map_err(|error| error.to_string())? {
            newest = newest.max(last.nanos() as u64 / STEP as u64 * METRICS + i + 1);
        }
        answers.push(columns);
    }
    if counted != newest {
        return Err(format!("thread {thread} has {counted} measures, the newest of which is the {newest}th"));
    }
    for (i, columns) in (0..).zip(&answers) {
        let groups: Vec<_> = columns[0].iter().zip(columns[1].iter()).zip(columns[2].iter()).collect();
        for ((count, sum), last) in groups {
            // Of metric i: measures i, i + METRICS, i + 2 METRICS …
            let first = (count.0 / STEP) as u64;
            let mut own = (first..first + count.1 as u64).map(|row| row * METRICS + i);
            let expected = (own.clone().sum::<u64>() as f64, own.next_back().unwrap_or(0) as f64);
            if (sum.1, last.1) != expected {
                return Err(format!(
                    "thread {thread}, metric {i}, group {}: {:?} where {expected:?} belongs",
                    count.0,
                    (sum.1, last.1)
                ));
            }
        }
    }
    Ok(counted)
}

/// What the parent knows of one thread: numbers that were acknowledged, and when it read that.
type Acks = Arc<Mutex<Vec<Vec<(u64, Instant)>>>>;

fn start(path: &Path, level: Level, from: &[u64]) -> (Child, Acks, std::thread::JoinHandle<()>) {
    let from = from.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["kill::child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, path).env(LEVEL, level.name()).env(FROM, from);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let acks: Acks = Arc::new(Mutex::new(vec![Vec::new(); THREADS as usize]));
    let (lines, into) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&acks));
    let reader = std::thread::spawn(move || {
        for line in lines.lines() {
            let Ok(line) = line else { return };
            let words: Vec<&str> = line.split(' ').collect();
            if let ["ack", thread, n] = words[..] {
                let (thread, n): (usize, u64) = (thread.parse().unwrap(), n.parse().unwrap());
                into.lock()[thread].push((n, Instant::now()));
            }
        }
    });
    (child, acks, reader)
}

/// Starts the child, and a reader beside it when asked for, kills them, looks at what is left; `from` is what is there before, and
/// then after. How often the reader looked.
fn kill_once(path: &Path, level: Level, beside: bool, from: &mut [u64], dice: &mut Dice) -> Result<u64, Trouble> {
    let beside = beside.then(|| Beside::start(path));
    let (mut child, acks, reader) = start(path, level, from);
    let begun = Instant::now();
    while acks.lock().iter().any(Vec::is_empty) && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let most = if level == Level::Buffered { 900 } else { 250 };
    std::thread::sleep(Duration::from_micros(dice.below(most * 1000)));
    let killed = Instant::now();
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    let (looks, seen) = beside.map_or(Ok((0, vec![0; THREADS as usize])), Beside::end)?;
    let db = open(path, level).map_err(|error| Trouble::Lost(format!("it cannot be opened: {error}")))?;
    for (thread, ((acks, from), seen)) in (0..).zip(acks.lock().iter().zip(from).zip(seen)) {
        let due = |at: &Instant| level != Level::Buffered || *at + DELAY + SLACK < killed;
        let promised = acks.iter().rev().find(|(_, at)| due(at)).map_or(*from, |(n, _)| *n);
        let there = there(&db, thread).map_err(Trouble::Wrong)?;
        if there < promised {
            return Err(Trouble::Lost(format!("thread {thread} has {there} measures, {promised} were promised")));
        }
        if there < seen {
            return Err(Trouble::Lost(format!("thread {thread} has {there} measures, and a reader saw {seen}")));
        }
        let last = acks.last().map_or(*from, |(n, _)| *n);
        let whole = |n: &u64| {
            let mut end = *n;
            while end < there {
                end = end_of_push(end);
            }
            end == there
        };
        if !whole(from) || there > end_of_push(last) {
            return Err(Trouble::Wrong(format!(
                "thread {thread} has {there} measures; {last} were acknowledged, one push more begun"
            )));
        }
        *from = there;
    }
    db.close().map_err(|error| Trouble::Wrong(format!("close: {error}"))).map(|()| looks)
}

#[test]
fn no_kill_loses_a_measure() {
    // A directory is killed so often before a new one is taken.
    const TIMES: u64 = 12;
    let rounds = Soak::asked().pick(1, 4, 30);
    let times = Soak::asked().pick(2, TIMES, TIMES);
    let findings = Findings::default();
    let (mut total, mut looked) = (0, 0);
    for (round, level) in (0..rounds).flat_map(|round| Level::ALL.map(|level| (round, level))) {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("db");
        let db = open(&path, level).unwrap();
        create(&db);
        db.close().unwrap();
        let mut from = vec![0; THREADS as usize];
        let mut dice = Dice::new(round * 3 + level as u64);
        for time in 0..times {
            total += 1;
            findings.count(&format!("kills at {}", level.name()));
            let beside = time % 2 == 1;
            match kill_once(&path, level, beside, &mut from, &mut dice) {
                Ok(looks) if beside => {
                    findings.count("of these, with a reader beside");
                    looked += looks;
                }
                Ok(_) => {}
                Err(trouble) => {
                    findings.trouble(&format!("kill {time} of round {round} at {}", level.name()), trouble);
                    break;
                }
            }
        }
        println!("{}: {from:?} measures after {times} kills", level.name());
    }
    println!("readers beside looked {looked} times");
    findings.conclude("kills", "kills", total);
}
