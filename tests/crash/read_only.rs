//! Media that cannot be written: a directory that is mounted read-only, for real, in a namespace of its own.
//!
//! The test starts itself again within `unshare -rm`, where an ordinary user may mount. There a database is opened for reading
//! in every state in which it may lie on such a medium, answers what it answered before, makes a snapshot across to another file
//! system, and changes nothing. Beside it all, the parent has one of them open for writing: it sees what that pushes, or is told.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use gnocchetti::{ArchivePolicyRule, Database, Error, MetricKey, Options, Query, Timestamp};

use crate::model::{Answers, Model, ask};
use crate::run::Soak;
use crate::workload::{Level, Op, generate, perform};

/// Where the read-only file system is, and one beside that can be written.
const MOUNTED: &str = "GNOCCHETTI_CRASH_READ_ONLY";
const BESIDE: &str = "GNOCCHETTI_CRASH_BESIDE_READ_ONLY";
/// Do without, where mounting is refused.
const NO_MOUNT: &str = "GNOCCHETTI_NO_MOUNT";
/// What the shell returns when it cannot mount.
const REFUSED: i32 = 77;

/// Ways in which a database may come to lie there.
const CLOSED: &str = "closed";
const CRASHED: &str = "crashed";
const COPIED: &str = "snapshot";
const IN_USE: &str = "in use";

const RULE: &str = "the last change of the index";

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").args([from, to]).status().unwrap();
    assert!(status.success());
}

/// A database after a workload, open, with a log of the index and records in the journal; and what it answers.
fn prepare(path: &Path) -> (Database, Answers) {
    let real = Arc::new(gnocchetti::internals::fs::RealFs);
    let open = || Level::Kernel.open(path, real.clone()).unwrap();
    let (mut db, mut model) = (open(), Model::default());
    let ops = generate(3);
    for op in &ops {
        if *op == Op::Reopen {
            db.close().unwrap();
            db = open();
        } else {
            perform(&db, op).unwrap();
        }
        model.apply(op);
    }
    for op in crate::matrix::more(&model) {
        perform(&db, &op).unwrap();
        model.apply(&op);
    }
    // In the index's log alone.
    db.create_archive_policy_rule(&ArchivePolicyRule::new(RULE, "r*", "plain").unwrap()).unwrap();
    (db, model.answers())
}

fn prepare_all(root: &Path) -> (Database, Answers) {
    let in_use = root.join(IN_USE);
    let (db, answers) = prepare(&in_use);
    db.snapshot(root.join(COPIED)).unwrap();
    copy(&in_use, &root.join(CRASHED));
    std::fs::remove_file(root.join(CRASHED).join("index.sqlite-shm")).unwrap();
    let log = std::fs::metadata(root.join(CRASHED).join("index.sqlite-wal")).unwrap().len();
    assert!(log > 0, "the index's log has something that only a reader with an index of its own can read");
    copy(&in_use, &root.join(CLOSED));
    Level::Sync.open(&root.join(CLOSED), Arc::new(gnocchetti::internals::fs::RealFs)).unwrap().close().unwrap();
    (db, answers)
}

/// What lies below a directory, with its bytes.
fn contents(root: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// Within the namespace: `expected` is what the parent's database answers.
fn read_all(root: &Path, beside: &Path) {
    let refused = std::fs::write(root.join("anything"), "x").unwrap_err();
    assert_eq!(
        refused.kind(),
        std::io::ErrorKind::ReadOnlyFilesystem,
        "this is no test of a read-only medium: {refused}"
    );
    let mut answers = Vec::new();
    for state in [CLOSED, CRASHED, COPIED] {
        let path = root.join(state);
        let before = contents(&path);
        let db = Database::open_read_only(&path, Options::new()).unwrap_or_else(|error| panic!("{state}: {error}"));
        answers.push(ask(&db).unwrap());
        assert_eq!(db.archive_policy_rules().unwrap().len(), 1, "{state}: {RULE}");
        assert!(!db.refresh().unwrap(), "{state}: nobody writes");
        db.check_index().unwrap();
        let report = db.snapshot(beside.join(state)).unwrap();
        assert_eq!(report.copied_bytes, report.bytes, "{state}: no file has names on two file systems");
        let snapshot = Level::Sync.open(&beside.join(state), Arc::new(gnocchetti::internals::fs::RealFs)).unwrap();
        answers.push(ask(&snapshot).unwrap());
        let opened = Database::open(&path, Options::new()).unwrap_err();
        assert!(matches!(opened, Error::Io { .. }), "{state}: opened for writing: {opened}");
        assert_eq!(contents(&path), before, "{state}");
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "they are the same database");
    println!("answers {}", digest(&answers[0]));
    read_in_use(&root.join(IN_USE), &answers[0]);
}

/// A writer has it open through a mount of its own: what was pushed is seen, or the index cannot be read, and it says so.
fn read_in_use(path: &Path, expected: &Answers) {
    let db = match Database::open_read_only(path, Options::new()) {
        Err(error) => {
            assert!(matches!(error, Error::Index { .. }), "{error}");
            return println!("beside a writer: {error}");
        }
        Ok(db) => db,
    };
    assert_eq!(ask(&db).unwrap(), *expected);
    println!("push");
    std::io::stdout().flush().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "pushed");
    assert!(db.refresh().unwrap());
    let last = db.metric_by_name("pushed meanwhile").unwrap();
    assert_eq!(db.measures(&Query::new(last.key)).unwrap().values, [7.0]);
    println!("beside a writer: it sees what is pushed");
}

fn digest(answers: &Answers) -> u32 {
    crc32(format!("{answers:?}").as_bytes())
}

fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0_u32, |sum, byte| sum.rotate_left(5).wrapping_mul(31) ^ u32::from(*byte))
}

fn push_one(db: &Database) {
    let metric = gnocchetti::NewMetric::named("pushed meanwhile").archive_policy("plain");
    let key: MetricKey = db.create_metric(metric).unwrap().key;
    db.push(key, Timestamp::from_nanos(20).unwrap(), 7.0).unwrap();
}

#[test]
fn a_medium_that_cannot_be_written_can_be_read() {
    if let (Ok(root), Ok(beside)) = (std::env::var(MOUNTED), std::env::var(BESIDE)) {
        return read_all(Path::new(&root), Path::new(&beside));
    }
    let folder = tempfile::tempdir().unwrap();
    let (root, view, beside) = (folder.path().join("rw"), folder.path().join("ro"), folder.path().join("beside"));
    for path in [&root, &view, &beside] {
        std::fs::create_dir(path).unwrap();
    }
    let (db, answers) = prepare_all(&root);
    let script = format!(
        "mount --bind \"$1\" \"$2\" && mount -o remount,bind,ro \"$2\" && mount -t tmpfs tmpfs \"$3\" || exit {REFUSED}; \
         exec \"$4\" read_only:: --nocapture"
    );
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", &script, "sh"])
        .args([&root, &view, &beside])
        .arg(std::env::current_exe().unwrap());
    command.env(MOUNTED, &view).env(BESIDE, &beside).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return not_tested("there is no unshare") };
    let (mut to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut said = Vec::new();
    for line in from.lines().map_while(Result::ok) {
        if line == "push" {
            push_one(&db);
            to.write_all(b"pushed\n").unwrap();
        }
        said.push(line);
    }
    let status = child.wait().unwrap();
    if matches!(status.code(), Some(1 | 126 | 127 | REFUSED)) && said.is_empty() {
        return not_tested(&format!("nothing can be mounted here ({status})"));
    }
    assert!(status.success(), "the test on the read-only medium failed: {said:?}");
    let same = format!("answers {}", digest(&answers));
    assert!(said.contains(&same), "{same} in {said:?}");
    let beside = said.iter().find(|line| line.starts_with("beside a writer")).expect("what became of it");
    println!("read-only media: {beside}");
}

fn not_tested(why: &str) {
    println!("read-only media: {why}; not tested");
    let excused = Soak::asked() == Soak::Sample || std::env::var(NO_MOUNT).is_ok_and(|value| value == "1");
    assert!(excused, "set {NO_MOUNT}=1 to do without read-only media");
}
