//! A database under load for as long as one likes: eight threads push to many metrics, others read, maintain, create and
//! delete, while time runs so fast that archives expire all along. Every answer is compared with what was pushed; memory and
//! directory are watched, and must not grow once as much expires as comes in.
//!
//! `GNOCCHETTI_SOAK_SECONDS` says how long [two seconds]; the number of metrics follows from it. `docs/reliability.md` has
//! what an hour of it showed.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod history;
mod load;
mod watch;

use std::path::Path;
use std::time::{Duration, Instant};

use gnocchetti::{Database, Durability, Options};

use load::Load;
use watch::Watch;

/// How long what is pushed lasts when nobody says so: a look at whether it works.
const SAMPLE: u64 = 2;

fn seconds() -> u64 {
    match std::env::var("GNOCCHETTI_SOAK_SECONDS").as_deref() {
        Err(_) | Ok("") => SAMPLE,
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("GNOCCHETTI_SOAK_SECONDS is `{text}`, not a number")),
    }
}

/// So many that archives expire several times over in the time there is: an hour has thousands.
fn metrics(seconds: u64) -> u64 {
    (seconds * 2).clamp(40, 8000)
}

/// What waits in memory and in the journal is small beside what is kept.
fn open(path: &Path, metrics: u64) -> Database {
    let waiting = (metrics * 1024).max(256 << 10);
    let options = Options::new().durability(Durability::Kernel(Duration::from_millis(200))).max_future(None);
    let options = options.dirty_bytes(waiting).journal_bytes(2 * waiting).memory(16 << 20);
    // A tenth of a second of grace: nobody reads from another process, and the directory is measured.
    let options = options.checkpoint_interval(Duration::from_secs(2)).grace(Duration::from_millis(100));
    Database::open(path, options).unwrap()
}

/// Asks for everything: each metric, each archive, each method.
fn all_is_right(db: &Database, load: &Load, when: &str) -> u64 {
    let report = db.check(&mut |_| {}).unwrap();
    assert!(report.is_sound(), "{when}: {:#?}", report.findings);
    let checked = load.histories().map(|history| history.check(db, history.acked())).sum::<Result<u64, String>>();
    checked.unwrap_or_else(|error| panic!("{when}: {error}"))
}

#[test]
fn an_endless_load_neither_grows_nor_errs() {
    let seconds = seconds();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let metrics = metrics(seconds);
    let db = open(&path, metrics);
    let load = Load::new(&db, metrics);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut watch = Watch::new(&path, Duration::from_secs(seconds));
    load.run(&db, || {
        watch.sample(&load);
        Instant::now() < end
    });
    let checked = all_is_right(&db, &load, "at the end");
    let stats = db.stats().unwrap();
    assert_eq!(stats.background_error, None);
    assert_eq!(stats.late, load.late(), "measures dropped as late");
    db.close().unwrap();
    let db = open(&path, metrics);
    assert_eq!(all_is_right(&db, &load, "after reopening"), checked);
    db.maintain().unwrap();
    assert_eq!(all_is_right(&db, &load, "after maintenance"), checked);
    assert_eq!(db.deleted_metrics(None, 1).unwrap(), [], "nothing is left of deleted metrics");
    db.close().unwrap();
    println!("{}", watch.report(&load, &stats));
    let verdict = watch.verdict();
    println!("counted: soak {seconds} lost 0 wrong {}", u64::from(verdict.is_err()));
    match verdict {
        Ok(verdict) => println!("verdict: {verdict}"),
        Err(trouble) => panic!("{trouble}"),
    }
}
