//! Readers beside a writer, as processes of their own: what they see is what was pushed up to some moment, they never go
//! back, and nothing that happens to them is noticed by the writer.
//!
//! Writer and readers are this test program again. The writer pushes numbered measures, so that what a reader counts says
//! which of them it saw; its limits are so small that checkpoints and merges never rest. `GNOCCHETTI_SOAK=long` takes longer.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gnocchetti::{
    AggregationMethod, ArchivePolicyUpdate, Database, Durability, Error, MetricKey, NewMetric, Options, Query,
    Timestamp,
};
use support::fault::FaultFs;
use support::{assert_same, at, copy_tree, everything, files, metric, options, policy, query, span};

const THREADS: u64 = 2;
const METRICS: u64 = 4;
/// Between one measure of a metric and the next, ns; a group of the archive takes 16 of them.
const STEP: i64 = 1000;
const GROUP: i64 = 16 * STEP;
/// Each push carries so many measures of each of its thread's metrics.
const ROWS: u64 = 6;

/// Which part this process has, in which directory.
const ROLE: &str = "GNOCCHETTI_READERS_ROLE";
const DIRECTORY: &str = "GNOCCHETTI_READERS_DIRECTORY";

fn busy(durability: Durability) -> Options {
    let options = Options::new().durability(durability).max_future(None).grace(Duration::from_millis(1500));
    options.checkpoint_interval(Duration::from_millis(10)).dirty_bytes(1 << 16).journal_bytes(1 << 16)
}

fn create(path: &Path) {
    let db = Database::open(path, options()).unwrap();
    let archives = [(GROUP, None), (20 * GROUP, Some(50))];
    db.create_archive_policy(&policy("p", 1, &archives, &["count", "sum", "last"])).unwrap();
    for i in 0..THREADS * METRICS {
        metric(&db, &format!("metric {i}"), "p");
    }
    db.close().unwrap();
}

fn key(thread: u64, i: u64) -> MetricKey {
    MetricKey::new(1 + thread * METRICS + i)
}

/// The `push`th push of a thread: the same rows for each of its metrics.
fn push(db: &Database, thread: u64, push: u64) {
    let mut batch = db.batch();
    for row in push * ROWS..(push + 1) * ROWS {
        for i in 0..METRICS {
            batch.add(key(thread, i), at(row as i64 * STEP), (row * METRICS + i) as f64);
        }
    }
    batch.commit().unwrap();
}

/// How many rows a metric has; an error when these are not the first so many.
fn rows(db: &Database, thread: u64, i: u64) -> Result<u64, String> {
    let methods = [AggregationMethod::COUNT, AggregationMethod::SUM, AggregationMethod::LAST];
    let columns = db.measures_of(&Query::new(key(thread, i)).granularity(span(GROUP)), &methods);
    let columns = columns.map_err(|error| format!("thread {thread}, metric {i}: {error}"))?;
    let mut next = 0;
    for ((count, sum), last) in columns[0].iter().zip(columns[1].iter()).zip(columns[2].iter()) {
        let first = (count.0 / STEP) as u64;
        let mut own = (first..first + count.1 as u64).map(|row| row * METRICS + i);
        let expected = (own.clone().sum::<u64>() as f64, own.next_back().unwrap_or(0) as f64);
        if first != next || (sum.1, last.1) != expected {
            return Err(format!("thread {thread}, metric {i}: {count:?} {sum:?} {last:?} where row {next} belongs"));
        }
        next = first + count.1 as u64;
    }
    Ok(next)
}

/// How many pushes of a thread are there; an error when one is there in parts.
fn pushes(db: &Database, thread: u64) -> Result<u64, String> {
    let first = rows(db, thread, 0)?;
    for i in 1..METRICS {
        let own = rows(db, thread, i)?;
        if own != first {
            return Err(format!("thread {thread}: {first} rows of metric 0, and {own} of metric {i}"));
        }
    }
    if first % ROWS == 0 { Ok(first / ROWS) } else { Err(format!("thread {thread}: {first} rows are no whole pushes")) }
}

fn say(line: std::fmt::Arguments<'_>) {
    // One write per line: a kill tears none.
    std::io::stdout().lock().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

fn write_for_ever(path: &Path, durability: Durability) {
    let db = Database::open(path, busy(durability)).unwrap();
    let mut from = [0; THREADS as usize];
    for (thread, from) in (0..).zip(&mut from) {
        *from = pushes(&db, thread).unwrap();
    }
    std::thread::scope(|scope| {
        for (thread, from) in (0..).zip(from) {
            let db = &db;
            scope.spawn(move || {
                for n in from.. {
                    push(db, thread, n);
                    if n.is_multiple_of(64) {
                        let failed = db.stats().unwrap().background_error;
                        assert_eq!(failed, None, "the writer is disturbed");
                        say(format_args!("pushed {thread} {n}"));
                    }
                }
            });
        }
    });
}

fn read_for_ever(path: &Path) {
    let db = loop {
        match Database::open_read_only(path, Options::new()) {
            Ok(db) => break db,
            Err(error) => say(format_args!("trouble: open: {error}")),
        }
    };
    let mut seen = [0; THREADS as usize];
    for round in 0_u64.. {
        for (thread, seen) in (0..).zip(&mut seen) {
            // Between two refreshes nothing moves, whatever the writer does; but a file that is gone is a refresh, too.
            match pushes(&db, thread).or_else(|_| pushes(&db, thread)) {
                Ok(there) if there >= *seen => *seen = there,
                Ok(there) => say(format_args!("trouble: thread {thread} goes back from {seen} to {there}")),
                Err(trouble) => say(format_args!("trouble: {trouble}")),
            }
        }
        say(format_args!("seen {} {} {round}", seen[0], seen[1]));
        if let Err(error) = db.refresh() {
            say(format_args!("trouble: refresh: {error}"));
        }
    }
}

/// The child processes; run as a test, there is nothing to do.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let directory = std::env::var(DIRECTORY).unwrap();
    let path = Path::new(&directory);
    match role.as_str() {
        "sync" => write_for_ever(path, Durability::Sync),
        "kernel" => write_for_ever(path, Durability::Kernel(Duration::from_millis(20))),
        "buffered" => write_for_ever(path, Durability::Buffered(Duration::from_millis(20))),
        "reader" => read_for_ever(path),
        "second writer" => {
            let refused = Database::open(path, options()).unwrap_err();
            let Error::Locked { pid, .. } = refused else { panic!("{refused}") };
            say(format_args!("locked {pid}"));
        }
        other => panic!("no such part: {other}"),
    }
}

fn start(role: &str, path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role).env(DIRECTORY, path);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// A reader of a pipe, so that it never fills up.
fn listen(child: &mut Child) -> std::thread::JoinHandle<Vec<String>> {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || stdout.lines().map(Result::unwrap).filter(|line| !line.is_empty()).collect())
}

fn kill(mut child: Child) {
    assert!(child.try_wait().unwrap().is_none(), "a process has ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn long() -> bool {
    std::env::var("GNOCCHETTI_SOAK").is_ok_and(|value| value == "long")
}

#[test]
fn readers_see_prefixes_and_are_not_noticed() {
    for level in ["sync", "kernel", "buffered"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        create(&path);
        let until = Instant::now() + Duration::from_secs(if long() { 300 } else { 5 });
        let mut writer = start(level, &path);
        let written = listen(&mut writer);
        let mut rounds = 0;
        let mut killed = 0;
        while Instant::now() < until {
            let mut readers: Vec<Child> = (0..2).map(|_| start("reader", &path)).collect();
            let heard: Vec<_> = readers.iter_mut().map(listen).collect();
            // Not always as long: they are killed wherever they are.
            std::thread::sleep(Duration::from_millis(700 + 130 * (killed % 7)));
            readers.into_iter().for_each(kill);
            killed += 2;
            for lines in heard {
                let lines = lines.join().unwrap();
                let trouble: Vec<_> = lines.iter().filter(|line| line.starts_with("trouble")).collect();
                assert!(trouble.is_empty(), "{level}: {trouble:?}");
                rounds += lines.iter().filter(|line| line.starts_with("seen")).count();
            }
        }
        kill(writer);
        let written = written.join().unwrap();
        let pushed = written.iter().filter(|line| line.starts_with("pushed")).count();
        println!("{level}: {killed} readers killed after {rounds} refreshes beside some {} pushes", pushed * 64);
        assert!(rounds > 20 && pushed > 10, "{level}: {rounds} refreshes, {pushed} lines of the writer");
        let db = Database::open(&path, options()).unwrap();
        for thread in 0..THREADS {
            pushes(&db, thread).unwrap();
        }
    }
}

#[test]
fn a_reader_outlives_writers_that_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    create(&path);
    let db = Database::open_read_only(&path, Options::new()).unwrap();
    let mut seen = 0;
    for time in 0..if long() { 100 } else { 8 } {
        let mut writer = start(["sync", "kernel", "buffered"][time % 3], &path);
        let written = listen(&mut writer);
        let until = Instant::now() + Duration::from_millis(300 + 70 * (time as u64 % 5));
        while Instant::now() < until {
            db.refresh().unwrap();
            let there = pushes(&db, 0).unwrap();
            assert!(there >= seen, "from {seen} to {there}");
            seen = there;
        }
        kill(writer);
        written.join().unwrap();
        db.refresh().unwrap();
        // Nobody recovers it for a reader: it sees what the kernel has.
        let fresh = Database::open_read_only(&path, Options::new()).unwrap();
        assert_same(&everything(&fresh).unwrap(), &everything(&db).unwrap(), "opened now, and brought here");
        let recovered = folder.path().join("copy");
        copy_tree(&path, &recovered);
        let writer = Database::open(&recovered, options()).unwrap();
        assert_same(&everything(&db).unwrap(), &everything(&writer).unwrap(), "a reader, and a writer that recovered");
        drop(writer);
        std::fs::remove_dir_all(&recovered).unwrap();
        seen = pushes(&db, 0).unwrap();
    }
    assert!(seen > 0);
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path(), options()).unwrap();
    let here = Database::open(folder.path(), options()).unwrap_err();
    assert!(matches!(here, Error::Locked { pid, .. } if pid == std::process::id()), "{here}");
    let mut child = start("second writer", folder.path());
    let said = listen(&mut child);
    assert!(child.wait().unwrap().success());
    let expected = format!("locked {}", std::process::id());
    assert!(said.join().unwrap().contains(&expected), "another process is told {expected}");
    drop(db);
}

#[test]
fn everything_that_writes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path());
    let db = Database::open_read_only(folder.path(), Options::new()).unwrap();
    assert!(db.is_read_only());
    let one = MetricKey::new(1);
    let refused = [
        db.push(one, at(0), 1.0).map(drop).unwrap_err(),
        db.batch().commit().map(drop).unwrap_err(),
        db.flush().unwrap_err(),
        db.checkpoint().unwrap_err(),
        db.maintain().unwrap_err(),
        db.create_metric(NewMetric::named("new").archive_policy("p")).map(drop).unwrap_err(),
        db.delete_metric(one).unwrap_err(),
        db.create_archive_policy(&policy("q", 0, &[(1, None)], &["sum"])).map(drop).unwrap_err(),
        db.update_archive_policy("p", &ArchivePolicyUpdate::new().back_window(2)).map(drop).unwrap_err(),
        db.delete_archive_policy("p").unwrap_err(),
        db.delete_ended_resources(Timestamp::default(), 1).map(drop).unwrap_err(),
        db.normalize_ends(Timestamp::default()).map(drop).unwrap_err(),
    ];
    for error in refused {
        let Error::ReadOnly { path, .. } = &error else { panic!("{error}") };
        assert_eq!(path, folder.path());
    }
    db.check_index().unwrap();
    db.close().unwrap();
    let missing = Database::open_read_only(folder.path().join("absent"), Options::new()).unwrap_err();
    assert!(matches!(missing, Error::NotADatabase { .. }), "{missing}");
    assert!(!folder.path().join("absent").exists());
}

/// All files with their contents, but for `SQLite`'s shared memory.
fn contents(root: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = files(root);
    files.retain(|file| !file.to_string_lossy().ends_with("-shm"));
    files.into_iter().map(|file| (file.clone(), std::fs::read(root.join(file)).unwrap())).collect()
}

#[test]
fn a_reader_changes_no_file_and_needs_no_close() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    create(&path);
    let writer = Database::open(&path, options()).unwrap();
    (0..40).for_each(|n| push(&writer, 0, n));
    writer.checkpoint().unwrap();
    (40..60).for_each(|n| push(&writer, 0, n));
    let late = writer.create_archive_policy(&policy("late", 0, &[(GROUP, None)], &["count"])).unwrap();
    // What a crash leaves: leftovers, a torn record, an index with a log.
    let crashed = folder.path().join("crashed");
    copy_tree(&path, &crashed);
    std::fs::write(crashed.join("raw/00009999.seg"), "left over").unwrap();
    let journal = files(&crashed).into_iter().rfind(|file| file.extension().is_some_and(|e| e == "jnl")).unwrap();
    let mut torn = std::fs::read(crashed.join(&journal)).unwrap();
    let end = torn.iter().rposition(|&byte| byte != 0).unwrap() - 3;
    torn[end] ^= 1;
    std::fs::write(crashed.join(&journal), &torn).unwrap();
    let before = contents(&crashed);
    let db = Database::open_read_only(&crashed, Options::new()).unwrap();
    assert!(!db.refresh().unwrap());
    assert_eq!(pushes(&db, 0).unwrap(), 60, "the torn record is that of the policy");
    assert_eq!(db.archive_policy(late.name()).unwrap(), late);
    drop(db);
    assert_eq!(contents(&crashed), before);
}

#[test]
fn what_happens_between_two_refreshes_is_seen_after_the_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    create(&path);
    let writer = Database::open(&path, options()).unwrap();
    let db = Database::open_read_only(&path, Options::new()).unwrap();
    let step = |what: &str, work: &dyn Fn()| {
        let before = everything(&db).unwrap();
        work();
        assert!(db.refresh().unwrap(), "{what}: something has changed");
        assert_same(&everything(&db).unwrap(), &everything(&writer).unwrap(), what);
        assert!(!db.refresh().unwrap(), "{what}: nothing has changed since");
        assert_ne!(everything(&db).unwrap(), before, "{what}");
    };
    step("pushes", &|| (0..30).for_each(|n| push(&writer, 0, n)));
    step("pushes, a checkpoint, and pushes", &|| {
        (30..60).for_each(|n| push(&writer, 0, n));
        writer.checkpoint().unwrap();
        (60..65).for_each(|n| push(&writer, 0, n));
    });
    step("a policy that was changed amid pushes", &|| {
        push(&writer, 0, 65);
        writer.update_archive_policy("p", &ArchivePolicyUpdate::new().back_window(3)).unwrap();
        (66..90).for_each(|n| push(&writer, 0, n));
    });
    step("merges, and files that are removed at once", &|| {
        (90..120).for_each(|n| push(&writer, 0, n));
        writer.maintain().unwrap();
        (120..130).for_each(|n| push(&writer, 0, n));
        writer.maintain().unwrap();
    });
    step("a metric under a policy that is new", &|| {
        writer.create_archive_policy(&policy("q", 0, &[(GROUP, None)], &["sum"])).unwrap();
        let key = metric(&writer, "new", "q");
        writer.push(key, at(5), 5.0).unwrap();
    });
    step("a metric that was deleted", &|| writer.delete_metric(key(0, 1)).unwrap());
    step("what it left is reclaimed", &|| writer.maintain().unwrap());
}

#[test]
fn a_query_whose_file_is_gone_is_answered_from_the_newest_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    create(&path);
    let writer = Database::open(&path, options()).unwrap();
    // More segments than a reader keeps open.
    let archives = [(1000, None)];
    writer.create_archive_policy(&policy("wide", 0, &archives, &["count"])).unwrap();
    let wide = metric(&writer, "wide", "wide");
    let day = 86_400_000_000_000;
    for i in 0..300 {
        writer.push(wide, at(i * day), 1.0).unwrap();
    }
    writer.maintain().unwrap();
    let db = Database::open_read_only(&path, Options::new()).unwrap();
    // Each partition once more, so that all its files are replaced, and removed at once.
    writer.delete_metric(wide).unwrap();
    let again = metric(&writer, "again", "wide");
    writer.push(again, at(0), 1.0).unwrap();
    writer.maintain().unwrap();
    writer.maintain().unwrap();
    let gone = db.measures(&query(wide, 1000, AggregationMethod::COUNT));
    assert!(
        matches!(gone, Err(Error::UnknownMetric { .. })) || gone.as_ref().is_ok_and(|c| c.len() == 300),
        "{gone:?}"
    );
    db.refresh().unwrap();
    assert_same(&everything(&db).unwrap(), &everything(&writer).unwrap(), "after all was replaced");
}

/// A writer that replaces each segment in the moment in which a reader is about to open it.
#[test]
fn a_reader_that_is_always_too_late_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    create(&path);
    let writer = Arc::new(Database::open(&path, options()).unwrap());
    (0..40).for_each(|n| push(&writer, 0, n));
    writer.maintain().unwrap();
    let fs = FaultFs::default();
    let (racing, pushes_made) = (Arc::clone(&writer), Arc::new(AtomicU64::new(40)));
    let made = Arc::clone(&pushes_made);
    fs.on_open(move |path| {
        if path.extension().is_some_and(|extension| extension == "seg") {
            for _ in 0..2 {
                push(&racing, 0, made.fetch_add(1, Ordering::SeqCst));
                racing.maintain().unwrap();
            }
        }
    });
    let open = || Database::open_read_only_with_fs(&path, Options::new(), Arc::new(fs.clone()));
    let outrun = open().unwrap_err();
    let Error::Outrun { path: of, attempts } = &outrun else { panic!("{outrun}") };
    assert!(of == &path && *attempts > 10, "{outrun}");
    assert!(outrun.to_string().contains("Options::grace"), "it says what to do: {outrun}");
    assert_eq!(outrun.code(), 63);
    // The writer noticed nothing, and when it takes a rest, the reader comes through.
    fs.clear();
    let db = open().unwrap();
    assert_eq!(pushes(&db, 0).unwrap(), pushes_made.load(Ordering::SeqCst));
    assert_same(&everything(&db).unwrap(), &everything(&writer).unwrap(), "after the race");
}
