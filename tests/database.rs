//! The public API as a whole: what each call refuses, and by which error; what survives what; the ends of every range.

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gnocchetti::{
    AggregationMethod, ArchivePolicy, ArchivePolicyRule, ArchivePolicyUpdate, Database, Definition, Durability, Error,
    MethodSet, Metric, MetricKey, NewMetric, Query, Sampling, Timespan, Timestamp,
};
use support::fault::{Call, FaultFs, broken};
use support::{archive, at, copy_tree, count, files, metric, options, points, policy, query, span};

const SECOND: i64 = 1_000_000_000;

struct Fixture {
    folder: tempfile::TempDir,
    db: Database,
}

impl Fixture {
    /// A database with the policy `p`: archives of 10 and 60 ns, kept for ever.
    fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::open(folder.path().join("db"), options()).unwrap();
        let methods = ["mean", "sum", "count", "max", "std", "last", "rate:sum"];
        db.create_archive_policy(&policy("p", 1, &[(10, None), (60, None)], &methods)).unwrap();
        Fixture { folder, db }
    }

    fn metric(&self, name: &str) -> MetricKey {
        metric(&self.db, name, "p")
    }

    /// Closes the database and opens it again.
    fn reopened(self) -> Fixture {
        let Fixture { folder, db } = self;
        db.close().unwrap();
        let db = Database::open(folder.path().join("db"), options()).unwrap();
        Fixture { folder, db }
    }

    /// Another database, made of what a crash of the process would leave now.
    fn crashed(&self, name: &str) -> Database {
        let copy = self.folder.path().join(name);
        copy_tree(&self.folder.path().join("db"), &copy);
        Database::open(&copy, options()).unwrap()
    }
}

fn push_at(db: &Database, key: MetricKey, measures: &[(i64, f64)]) -> gnocchetti::Pushed {
    let mut batch = db.batch();
    for &(time, value) in measures {
        batch.add(key, at(time), value);
    }
    batch.commit().unwrap().total()
}

#[test]
fn unknown_metrics_methods_and_granularities_are_errors_of_their_own() {
    let Fixture { db, folder: _folder } = Fixture::new();
    let key = metric(&db, "a", "p");
    for unknown in [MetricKey::new(0), MetricKey::new(99), MetricKey::new(1 << 34), MetricKey::new(u64::MAX)] {
        assert!(matches!(db.push(unknown, at(1), 1.0), Err(Error::UnknownMetric { .. })), "{unknown}");
        assert!(matches!(db.measures(&Query::new(unknown)), Err(Error::UnknownMetric { .. })), "{unknown}");
        assert!(matches!(db.metric_by_key(unknown), Err(Error::UnknownMetric { .. })), "{unknown}");
        assert!(matches!(db.last_measure(unknown), Err(Error::UnknownMetric { .. })), "{unknown}");
        assert!(matches!(db.policy_of(unknown), Err(Error::UnknownMetric { .. })), "{unknown}");
        assert!(matches!(db.delete_metric(unknown), Err(Error::UnknownMetric { .. })), "{unknown}");
    }
    assert!(matches!(db.metric_by_name("b"), Err(Error::UnknownMetric { .. })));
    assert!(matches!(db.metric(gnocchetti::Uuid::nil()), Err(Error::UnknownMetric { .. })));
    let median = db.measures(&query(key, 10, AggregationMethod::MEDIAN));
    assert!(matches!(&median, Err(Error::MethodNotKept { method, .. }) if method == "median"), "{median:?}");
    let seven = db.measures(&query(key, 7, AggregationMethod::MEAN));
    assert!(matches!(seven, Err(Error::UnknownGranularity { .. })), "{seven:?}");
}

#[test]
fn times_that_cannot_be_are_refused_before_anything_happens() {
    let folder = tempfile::tempdir().unwrap();
    let limited = options().max_future(Some(Timespan::from_days(1).unwrap()));
    let db = Database::open(folder.path().join("db"), limited).unwrap();
    db.create_archive_policy(&policy("p", 1, &[(SECOND, None)], &["count"])).unwrap();
    let key = metric(&db, "a", "p");
    assert!(matches!(Timestamp::from_nanos(-1), Err(Error::BeforeEpoch { .. })));
    let mut batch = db.batch();
    assert!(matches!(batch.extend(key, &[5, -1], &[1.0, 2.0]), Err(Error::BeforeEpoch { .. })));
    assert!(matches!(batch.extend(key, &[5, 6], &[1.0]), Err(Error::InvalidQuery { .. })));
    assert!(batch.is_empty());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
    let day = 86_400 * SECOND;
    db.push(key, at(now), 1.0).unwrap();
    assert!(matches!(db.push(key, at(now + day + 60 * SECOND), 1.0), Err(Error::TooFarInFuture { .. })));
    db.push(key, at(now + day - 60 * SECOND), 1.0).unwrap();
    batch.add(key, at(now + 1), 1.0);
    batch.add(key, at(i64::MAX), 1.0);
    assert!(matches!(batch.commit(), Err(Error::TooFarInFuture { .. })));
    assert_eq!(batch.len(), 2, "what was refused still waits");
    assert_eq!(db.stats().unwrap().accepted, 2);
    assert_eq!(count(&db, key, SECOND), 2);
}

/// Also when it goes back: what it said before counts no more.
#[test]
fn a_clock_of_the_callers_is_asked_with_each_push() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Arc::new(AtomicI64::new(0));
    let said = Arc::new(AtomicI64::new(100 * SECOND));
    let clock = {
        let (asked, said) = (Arc::clone(&asked), Arc::clone(&said));
        move || {
            asked.fetch_add(1, Ordering::Relaxed);
            said.load(Ordering::Relaxed)
        }
    };
    let guarded = options().max_future(None).clock(Duration::from_secs(10), clock);
    let db = Database::open(folder.path().join("db"), guarded.clone()).unwrap();
    db.create_archive_policy(&policy("p", 9, &[(SECOND, None)], &["count"])).unwrap();
    let key = metric(&db, "a", "p");
    db.push(key, at(110 * SECOND), 1.0).unwrap();
    let (timestamp, limit) = (110 * SECOND + 1, 110 * SECOND);
    let refused = db.push(key, at(timestamp), 1.0);
    assert!(matches!(refused, Err(Error::TooFarInFuture { timestamp: t, limit: l }) if (t, l) == (timestamp, limit)));
    let mut batch = db.batch();
    batch.extend(key, &[105 * SECOND, timestamp], &[1.0, 1.0]).unwrap();
    assert!(matches!(batch.commit(), Err(Error::TooFarInFuture { .. })));
    assert_eq!(count(&db, key, SECOND), 1, "nothing of it happened");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    said.store(50 * SECOND, Ordering::Relaxed);
    assert!(matches!(db.push(key, at(105 * SECOND), 1.0), Err(Error::TooFarInFuture { .. })));
    said.store(i64::MAX, Ordering::Relaxed);
    db.push(key, at(i64::MAX - 1), 1.0).unwrap();
    said.store(i64::MIN, Ordering::Relaxed);
    assert!(matches!(db.push(key, at(0), 1.0), Err(Error::TooFarInFuture { .. })));
    db.close().unwrap();
    // What was accepted is not asked about again.
    let db = Database::open(folder.path().join("db"), guarded).unwrap();
    assert_eq!(db.last_measure(key).unwrap(), Some(at(i64::MAX - 1)));
    assert!(matches!(db.push(key, at(i64::MAX - 1), 1.0), Err(Error::TooFarInFuture { .. })));
}

#[test]
fn a_batch_with_one_bad_entry_is_refused_whole() {
    let Fixture { db, folder: _folder } = Fixture::new();
    let keys = ["a", "b"].map(|name| metric(&db, name, "p"));
    let mut batch = db.batch();
    batch.add(keys[0], at(1), 1.0);
    batch.add(MetricKey::new(77), at(1), 1.0);
    batch.add(keys[1], at(1), 1.0);
    assert!(matches!(batch.commit(), Err(Error::UnknownMetric { .. })));
    assert_eq!(db.stats().unwrap().accepted, 0);
    assert!(keys.iter().all(|key| db.last_measure(*key).unwrap().is_none() && count(&db, *key, 10) == 0));
    batch.clear();
    batch.add(keys[1], at(1), 1.0);
    assert_eq!(batch.commit().unwrap().total().accepted, 1);
    assert!(batch.is_empty());
    assert_eq!(batch.commit().unwrap().total().accepted, 0, "an empty batch is no error");
}

#[test]
fn metrics_that_cannot_be_are_refused_and_with_them_all_of_the_same_call() {
    let Fixture { db, folder: _folder } = Fixture::new();
    let named = |name: &str| NewMetric::named(name).archive_policy("p");
    let long = "ü".repeat(256);
    let bad = [named("a/b"), named(""), named(&long), named("x").unit("u".repeat(32))];
    for metric in bad {
        let refused = db.create_metrics(&[named("good"), metric.clone()]);
        assert!(matches!(refused, Err(Error::InvalidMetric { .. })), "{metric:?}: {refused:?}");
    }
    assert!(db.metrics(None, 10).unwrap().is_empty());
    db.create_metric(named(&"ü".repeat(255)).unit("ö".repeat(31)).creator("me")).unwrap();
    let twice = db.create_metrics(&[named("twice"), named("twice")]);
    assert!(matches!(twice, Err(Error::MetricExists { .. })), "{twice:?}");
    let created: Metric = db.create_metric(named("good")).unwrap();
    assert!(matches!(db.create_metric(named("good")), Err(Error::MetricExists { .. })));
    assert!(matches!(
        db.create_metric(NewMetric::unnamed().id(created.id).archive_policy("p")),
        Err(Error::MetricExists { .. })
    ));
    assert!(matches!(db.create_metric(NewMetric::named("n")), Err(Error::NoArchivePolicyRuleMatch { .. })));
    let unknown = db.create_metric(NewMetric::named("n").archive_policy("none"));
    assert!(matches!(unknown, Err(Error::UnknownArchivePolicy { .. })));
    assert_eq!(db.metric(created.id).unwrap(), created);
    assert_eq!(db.metric_by_key(created.key).unwrap(), created);
    assert_eq!(db.metrics(None, 1).unwrap().len(), 1);
    let first = db.metrics(None, 1).unwrap()[0].key;
    assert_eq!(db.metrics(Some(first), 10).unwrap(), [created]);
    assert_eq!(db.stats().unwrap().metrics, 2);
}

#[test]
fn policies_and_rules_keep_their_rules() {
    let Fixture { db, folder: _folder } = Fixture::new();
    let p = db.archive_policy("p").unwrap();
    assert!(matches!(db.create_archive_policy(&p), Err(Error::ArchivePolicyExists { .. })));
    assert!(matches!(db.archive_policy("q"), Err(Error::UnknownArchivePolicy { .. })));
    assert!(matches!(db.delete_archive_policy("q"), Err(Error::UnknownArchivePolicy { .. })));
    let to_seven = ArchivePolicyUpdate::new().definitions([archive(7, None), archive(60, None)]);
    assert!(matches!(db.update_archive_policy("q", &to_seven), Err(Error::UnknownArchivePolicy { .. })));
    assert!(matches!(db.update_archive_policy("p", &to_seven), Err(Error::InvalidArchivePolicy { .. })));
    assert_eq!(db.archive_policy("p").unwrap(), p, "what was refused changed nothing");

    let rule = ArchivePolicyRule::new("r", "disk.*", "p").unwrap();
    db.create_archive_policy_rule(&rule).unwrap();
    assert!(matches!(db.create_archive_policy_rule(&rule), Err(Error::ArchivePolicyRuleExists { .. })));
    let of_none = ArchivePolicyRule::new("s", "*", "none").unwrap();
    assert!(matches!(db.create_archive_policy_rule(&of_none), Err(Error::UnknownArchivePolicy { .. })));
    assert!(matches!(db.delete_archive_policy("p"), Err(Error::ArchivePolicyInUse { .. })));
    assert_eq!(db.create_metric(NewMetric::named("disk.a")).unwrap().archive_policy_name, "p");
    db.create_archive_policy_rule(&ArchivePolicyRule::new("s", "*", "p").unwrap()).unwrap();
    assert!(matches!(db.rename_archive_policy_rule("r", "s"), Err(Error::ArchivePolicyRuleExists { .. })));
    db.rename_archive_policy_rule("r", "renamed").unwrap();
    assert!(matches!(db.archive_policy_rule("r"), Err(Error::UnknownArchivePolicyRule { .. })));
    assert!(matches!(db.rename_archive_policy_rule("r", "x"), Err(Error::UnknownArchivePolicyRule { .. })));
    assert!(matches!(db.delete_archive_policy_rule("r"), Err(Error::UnknownArchivePolicyRule { .. })));
    assert_eq!(db.archive_policy_rule("renamed").unwrap().metric_pattern(), "disk.*");
    assert_eq!(db.archive_policy_rules().unwrap().len(), 2);
    db.delete_archive_policy_rule("renamed").unwrap();
    db.delete_archive_policy_rule("s").unwrap();
    assert!(matches!(db.delete_archive_policy("p"), Err(Error::ArchivePolicyInUse { .. })), "a metric has it");
    db.delete_metric(db.metric_by_name("disk.a").unwrap().key).unwrap();
    db.maintain().unwrap();
    db.delete_archive_policy("p").unwrap();
    assert!(db.archive_policies().unwrap().is_empty());
}

#[test]
fn only_a_new_database_gets_the_default_policies() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    let db = Database::open(&with, options().default_policies(true)).unwrap();
    let names = |db: &Database| -> Vec<String> {
        db.archive_policies().unwrap().iter().map(|policy| policy.name().to_owned()).collect()
    };
    assert_eq!(names(&db), ["bool", "low", "medium", "high"]);
    assert_eq!(db.create_metric(NewMetric::named("a")).unwrap().archive_policy_name, "low");
    db.delete_archive_policy("high").unwrap();
    db.close().unwrap();
    assert_eq!(names(&Database::open(&with, options().default_policies(true)).unwrap()), ["bool", "low", "medium"]);
    Database::open(&without, options()).unwrap().close().unwrap();
    assert!(names(&Database::open(&without, options().default_policies(true)).unwrap()).is_empty());
}

/// A database whose creation a crash cut off is still a new one.
#[test]
fn a_creation_that_was_cut_off_is_taken_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let fs = FaultFs::default();
    fs.set(|call, path| {
        let journal = path.extension().is_some_and(|extension| extension == "jnl");
        if call == Call::Create && journal { Err(broken(path)) } else { Ok(()) }
    });
    assert!(Database::open_with_fs(&path, options(), Arc::new(fs)).is_err());
    assert!(path.join("index.sqlite").exists());
    let db = Database::open(&path, options().default_policies(true)).unwrap();
    assert_eq!(db.archive_policies().unwrap().len(), 4);
}

#[test]
fn options_that_could_not_work_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let bad = [
        options().durability(Durability::Kernel(Duration::ZERO)),
        options().durability(Durability::Buffered(Duration::from_secs(3601))),
        options().dirty_bytes(100),
        options().journal_bytes(100),
        options().checkpoint_interval(Duration::from_millis(1)),
    ];
    for options in bad {
        let refused = Database::open(&path, options);
        assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{refused:?}");
    }
    assert!(!path.exists());
}

#[test]
fn a_second_open_says_who_holds_the_database() {
    const CHILD: &str = "GNOCCHETTI_TEST_LOCKED_DIRECTORY";
    if let Some(path) = std::env::var_os(CHILD) {
        match Database::open(path, options()) {
            Err(Error::Locked { pid, .. }) => println!("\nholder {pid}."),
            other => panic!("{other:?}"),
        }
        return;
    }
    let fixture = Fixture::new();
    let path = fixture.folder.path().join("db");
    let here = Database::open(&path, options());
    assert!(matches!(here, Err(Error::Locked { pid, .. }) if pid == std::process::id()), "{here:?}");
    let this = std::env::current_exe().unwrap();
    let arguments = ["--exact", "a_second_open_says_who_holds_the_database", "--nocapture"];
    let child = Command::new(this).args(arguments).env(CHILD, &path).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success() && said.contains(&format!("holder {}.", std::process::id())), "{said}");
    let fixture = fixture.reopened();
    drop(fixture.db);
    Database::open(&path, options()).unwrap();
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "all of it").unwrap();
    assert!(matches!(Database::open(folder.path(), options()), Err(Error::NotADatabase { .. })));
    let left: Vec<_> = files(folder.path()).into_iter().filter(|path| path != Path::new("LOCK")).collect();
    assert_eq!(left, [Path::new("thesis.txt")]);
    let file = Database::open(folder.path().join("thesis.txt"), options());
    assert!(matches!(file, Err(Error::Io { .. })), "{file:?}");
}

#[test]
fn what_was_pushed_survives_the_process_as_promised() {
    let folder = tempfile::tempdir().unwrap();
    let hour = Duration::from_secs(3600);
    for (name, durability, survives) in [
        ("sync", Durability::Sync, true),
        ("kernel", Durability::Kernel(hour), true),
        ("buffered", Durability::Buffered(hour), false),
    ] {
        let path = folder.path().join(name);
        let db = Database::open(&path, options().durability(durability)).unwrap();
        db.create_archive_policy(&policy("p", 1, &[(10, None)], &["count"])).unwrap();
        let key = metric(&db, "a", "p");
        db.push(key, at(1), 1.0).unwrap();
        let crashed = |i: u32| {
            let copy = folder.path().join(format!("{name} {i}"));
            copy_tree(&path, &copy);
            count(&Database::open(&copy, options()).unwrap(), key, 10)
        };
        assert_eq!(crashed(1), u64::from(survives), "{name}: pushed");
        db.flush().unwrap();
        assert_eq!(crashed(2), 1, "{name}: flushed");
        db.push(key, at(2), 1.0).unwrap();
        assert_eq!(count(&db, key, 10), 2, "{name}: visible at once");
        drop(db);
        assert_eq!(crashed(3), 2, "{name}: dropped");
        let db = Database::open(&path, options().durability(durability)).unwrap();
        assert_eq!((count(&db, key, 10), db.stats().unwrap().replayed_records), (2, 0), "{name}: reopened");
    }
}

#[test]
fn a_broken_disk_stops_writing_until_the_database_is_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let fs = FaultFs::default();
    let db = Database::open_with_fs(&path, options().durability(Durability::Sync), Arc::new(fs.clone())).unwrap();
    db.create_archive_policy(&policy("p", 1, &[(10, None)], &["count"])).unwrap();
    let key = metric(&db, "a", "p");
    db.push(key, at(1), 1.0).unwrap();
    fs.set(|call, path| if call == Call::Sync { Err(broken(path)) } else { Ok(()) });
    assert!(matches!(db.push(key, at(2), 1.0), Err(Error::Failed { .. })));
    fs.clear();
    assert!(matches!(db.push(key, at(3), 1.0), Err(Error::Failed { .. })));
    assert!(matches!(db.checkpoint(), Err(Error::Failed { .. })));
    assert!(matches!(db.delete_metric(key), Err(Error::Failed { .. })));
    assert!(matches!(db.update_archive_policy("p", &ArchivePolicyUpdate::new()), Err(Error::Failed { .. })));
    assert!(count(&db, key, 10) >= 1, "reading goes on");
    assert!(matches!(db.close(), Err(Error::Failed { .. })));
    let db = Database::open(&path, options()).unwrap();
    db.push(key, at(4), 1.0).unwrap();
    assert!(count(&db, key, 10) >= 2);
}

#[test]
fn ranges_begin_with_the_group_that_holds_from_and_end_before_to() {
    let fixture = Fixture::new();
    let key = fixture.metric("a");
    push_at(&fixture.db, key, &[(0, 1.0), (9, 2.0), (10, 3.0), (25, 4.0), (130, 5.0), (139, 6.0), (500, 7.0)]);
    fixture.db.maintain().unwrap();
    push_at(&fixture.db, key, &[(505, 8.0), (511, 9.0)]);
    let between = |from: Option<i64>, to: Option<i64>| -> Vec<i64> {
        let mut query = query(key, 10, AggregationMethod::SUM);
        query = from.map_or(query.clone(), |from| query.clone().from(at(from)));
        query = to.map_or(query.clone(), |to| query.clone().to(at(to)));
        fixture.db.measures(&query).unwrap().timestamps
    };
    assert_eq!(between(None, None), [0, 10, 20, 130, 500, 510]);
    assert_eq!(between(Some(19), None), [10, 20, 130, 500, 510]);
    assert_eq!(between(Some(20), Some(130)), [20]);
    assert_eq!(between(Some(20), Some(131)), [20, 130]);
    assert_eq!(between(Some(509), Some(510)), [500]);
    assert_eq!(between(Some(510), Some(511)), [510]);
    assert_eq!(between(Some(600), None), [] as [i64; 0]);
    assert_eq!(between(Some(130), Some(20)), [] as [i64; 0]);
    assert_eq!(between(None, Some(0)), [] as [i64; 0]);
    assert_eq!(between(Some(i64::MAX), None), [] as [i64; 0]);
}

#[test]
fn several_methods_are_read_at_one_moment_and_a_missing_value_is_no_point() {
    let fixture = Fixture::new();
    let key = fixture.metric("a");
    push_at(&fixture.db, key, &[(0, 1.0), (9, 4.0), (10, 3.0)]);
    let methods = ["sum", "std", "rate:sum", "count"].map(|name| name.parse::<AggregationMethod>().unwrap());
    let answers = fixture.db.measures_of(&query(key, 10, AggregationMethod::MAX), &methods).unwrap();
    let points: Vec<Vec<(i64, f64)>> = answers.iter().map(|columns| columns.iter().collect()).collect();
    let deviation = 4.5_f64.sqrt();
    assert_eq!(points[0], [(0, 5.0), (10, 3.0)]);
    assert_eq!(points[1], [(0, deviation)]);
    assert_eq!(points[2], [(0, 3.0), (10, -1.0)]);
    assert_eq!(points[3], [(0, 2.0), (10, 1.0)]);
    assert!(fixture.db.measures_of(&Query::new(key), &[]).unwrap().is_empty());
}

#[test]
fn an_archive_is_resampled_with_its_own_method_and_whole_groups() {
    let fixture = Fixture::new();
    let key = fixture.metric("a");
    let measures: Vec<(i64, f64)> = (0..60).map(|i| (i * 10, i as f64)).collect();
    push_at(&fixture.db, key, &measures);
    fixture.db.maintain().unwrap();
    let resampled = query(key, 10, AggregationMethod::MAX).resample(Sampling::Timespan(span(100)));
    let all: Vec<(i64, f64)> = fixture.db.measures(&resampled).unwrap().iter().collect();
    assert_eq!(all, [(0, 9.0), (100, 19.0), (200, 29.0), (300, 39.0), (400, 49.0), (500, 59.0)]);
    let some = fixture.db.measures(&resampled.from(at(150)).to(at(301))).unwrap();
    assert_eq!(some.iter().collect::<Vec<_>>(), [(100, 19.0), (200, 29.0), (300, 39.0)]);
}

#[test]
fn an_archive_keeps_its_timespan_behind_its_own_newest_measure() {
    let Fixture { db, folder: _folder } = Fixture::new();
    db.create_archive_policy(&policy("short", 0, &[(10, Some(3)), (60, Some(2))], &["count"])).unwrap();
    let key = metric(&db, "a", "short");
    for time in (0..300).step_by(10) {
        db.push(key, at(time), 1.0).unwrap();
    }
    let starts = |granularity| -> Vec<i64> {
        points(&db, key, granularity, AggregationMethod::COUNT).iter().map(|(time, _)| *time).collect()
    };
    for _ in 0..2 {
        assert_eq!(starts(10), [270, 280, 290]);
        assert_eq!(starts(60), [180, 240]);
        db.maintain().unwrap();
    }
}

#[test]
fn statistics_say_what_happened() {
    let fixture = Fixture::new();
    let db = &fixture.db;
    let key = fixture.metric("a");
    push_at(db, key, &[(500, 1.0), (501, 1.0), (500, 2.0)]);
    push_at(db, key, &[(500, 3.0), (0, 3.0)]);
    let stats = db.stats().unwrap();
    assert_eq!((stats.accepted, stats.overwritten, stats.late), (4, 2, 1));
    assert_eq!((stats.metrics, stats.checkpoints, stats.raw_segments), (1, 0, 0));
    assert_eq!(stats.dirty_measures, 4);
    assert!(stats.journal_bytes > 0 && stats.journal_bytes_written >= stats.journal_bytes);
    db.checkpoint().unwrap();
    let stats = db.stats().unwrap();
    assert_eq!((stats.checkpoints, stats.raw_segments, stats.dirty_measures), (1, 1, 0));
    assert!(stats.raw_bytes > 0 && stats.window_bytes > 0);
    push_at(db, key, &[(1000, 3.0)]);
    push_at(db, key, &[(1060, 3.0)]);
    db.maintain().unwrap();
    let stats = db.stats().unwrap();
    assert_eq!((stats.raw_segments, stats.level0_segments), (1, 0));
    assert!(stats.archive_segments >= 1 && stats.archive_bytes > 0 && stats.merges > 0);
    assert_eq!((stats.superseded_files, stats.window_bytes, stats.background_error), (0, 0, None));
    let crashed = fixture.crashed("crashed");
    assert_eq!(crashed.stats().unwrap().replayed_records, 0);
    push_at(db, key, &[(1061, 3.0)]);
    assert_eq!(fixture.crashed("crashed again").stats().unwrap().replayed_records, 1);
}

/// More memory than there can be is not less than none.
#[test]
fn windows_stay_in_memory_up_to_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    for (memory, stays) in [(u64::MAX, true), (1 << 20, true), (0, false)] {
        let db = Database::open(folder.path().join(memory.to_string()), options().memory(memory)).unwrap();
        db.create_archive_policy(&policy("p", 1, &[(1000, None)], &["count"])).unwrap();
        let key = metric(&db, "a", "p");
        push_at(&db, key, &[(1, 1.0), (2, 2.0)]);
        db.checkpoint().unwrap();
        assert_eq!(db.stats().unwrap().window_bytes > 0, stays, "{memory} bytes");
        assert_eq!(db.push(key, at(2), 3.0).unwrap().overwritten, 1);
        assert_eq!(count(&db, key, 1000), 2);
    }
}

#[test]
fn a_policy_of_all_methods_answers_each_of_them_sealed_or_not() {
    let Fixture { db, folder: _folder } = Fixture::new();
    let rated = AggregationMethod::all().map(|method| method.to_string());
    let all = ArchivePolicy::builder("all").definition(archive(100, None)).aggregation_methods(rated).build().unwrap();
    assert_eq!(all.methods(), &MethodSet::all());
    assert_eq!(all.methods().len(), 216);
    db.create_archive_policy(&all).unwrap();
    let key = metric(&db, "a", "all");
    let measures: Vec<(i64, f64)> = (0..60).map(|i| (i * 17, ((i * 37) % 23) as f64 / 8.0)).collect();
    push_at(&db, key, &measures);
    let methods: Vec<AggregationMethod> = AggregationMethod::all().collect();
    let open = db.measures_of(&query(key, 100, AggregationMethod::MEAN), &methods).unwrap();
    assert!(open.iter().all(|columns| !columns.is_empty()));
    push_at(&db, key, &[(2000, 0.0)]);
    db.maintain().unwrap();
    let before = query(key, 100, AggregationMethod::MEAN).to(at(1100));
    let sealed = db.measures_of(&before, &methods).unwrap();
    for ((method, open), sealed) in methods.iter().zip(&open).zip(&sealed) {
        assert_eq!(open.timestamps, sealed.timestamps, "{method}");
        assert!(open.values.iter().zip(&sealed.values).all(|(a, b)| a.to_bits() == b.to_bits()), "{method}");
    }
}

#[test]
fn time_may_be_as_fine_and_as_late_as_the_numbers_reach() {
    let Fixture { db, folder: _folder } = Fixture::new();
    for (name, granularity, points) in [("fine", 1, None), ("finite", 1, Some(10)), ("coarse", i64::MAX, None)] {
        db.create_archive_policy(&policy(name, 0, &[(granularity, points)], &["count", "last", "rate:mean"])).unwrap();
        let key = metric(&db, name, name);
        assert!(matches!(db.push(key, at(i64::MAX), 1.0), Err(Error::TooFarInFuture { .. })), "the end is no time");
        for (n, time) in [0, 1, i64::MAX - 2, i64::MAX - 1].into_iter().enumerate() {
            assert_eq!(db.push(key, at(time), n as f64).unwrap().accepted, 1, "{name} at {time}");
        }
        let counted = count(&db, key, granularity);
        assert_eq!(counted, if points.is_some() { 2 } else { 4 }, "{name}");
        db.maintain().unwrap();
        assert_eq!(count(&db, key, granularity), counted, "{name}, maintained");
        let last = db.measures(&query(key, granularity, AggregationMethod::LAST).from(at(i64::MAX - 1))).unwrap();
        assert_eq!(last.values, [3.0], "{name}");
    }
}

#[test]
fn a_back_window_may_reach_over_all_of_time() {
    let fixture = Fixture::new();
    fixture.db.create_archive_policy(&policy("wide", u32::MAX, &[(60, None)], &["count", "rate:max"])).unwrap();
    let key = metric(&fixture.db, "wide", "wide");
    push_at(&fixture.db, key, &[(100_000_000, 1.0)]);
    fixture.db.checkpoint().unwrap();
    assert_eq!(push_at(&fixture.db, key, &[(0, 1.0), (200_000_000, 2.0)]).late, 0);
    let fixture = fixture.reopened();
    assert_eq!(
        push_at(&fixture.db, key, &[(1, 1.0), (0, 9.0)]),
        gnocchetti::Pushed { accepted: 2, overwritten: 1, late: 0 }
    );
    assert_eq!(count(&fixture.db, key, 60), 4);
}

#[test]
fn a_large_batch_in_any_order_is_what_it_is_in_order() {
    for compressed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let db = Database::open(&path, options().compress_journal(compressed)).unwrap();
        db.create_archive_policy(&policy("p", 4, &[(1000, None), (60_000, None)], &["mean", "count", "rate:sum"]))
            .unwrap();
        let keys = ["in order", "at random"].map(|name| metric(&db, name, "p"));
        let times: Vec<i64> = (0..60_000).map(|i| i * 7).collect();
        // 7919 is prime and does not divide the count: each index comes once.
        let shuffled: Vec<i64> = (0..60_000).map(|i| i * 7919 % 60_000 * 7).collect();
        for (key, times) in keys.iter().zip([&times, &shuffled]) {
            let values: Vec<f64> = times.iter().map(|time| (time % 1013) as f64 / 16.0).collect();
            let mut batch = db.batch();
            batch.extend(*key, times, &values).unwrap();
            assert_eq!(
                batch.commit().unwrap().total(),
                gnocchetti::Pushed { accepted: 60_000, overwritten: 0, late: 0 }
            );
        }
        let same = |db: &Database, when: &str| {
            for granularity in [1000, 60_000] {
                for method in ["mean", "count", "rate:sum"] {
                    let of = |key| points(db, key, granularity, method.parse().unwrap());
                    assert_eq!(of(keys[0]), of(keys[1]), "{method} {when}, compressed: {compressed}");
                }
            }
            assert_eq!(count(db, keys[1], 1000), 60_000);
        };
        same(&db, "at once");
        let copy = folder.path().join("crashed");
        copy_tree(&path, &copy);
        let crashed = Database::open(&copy, options()).unwrap();
        assert_eq!(crashed.stats().unwrap().replayed_records, 3);
        same(&crashed, "replayed");
        db.maintain().unwrap();
        same(&db, "maintained");
    }
}

/// The name of a new database's directory is as durable as what it holds.
#[test]
fn a_new_directory_is_synced_into_the_one_above() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("above").join("db");
    let fs = FaultFs::default();
    let synced = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let log = Arc::clone(&synced);
    fs.set(move |call, path| {
        if call == Call::SyncDir {
            log.lock().push(path.to_path_buf());
        }
        Ok(())
    });
    drop(Database::open_with_fs(&path, options(), Arc::new(fs.clone())).unwrap());
    let synced = synced.lock();
    for directory in [&path, path.parent().unwrap(), folder.path()] {
        assert!(synced.iter().any(|known| known == directory), "{}", directory.display());
    }
}

#[test]
fn definitions_are_completed_and_checked() {
    let minute = Some(Timespan::MINUTE);
    assert_eq!(Definition::new(minute, Some(60), None).unwrap().timespan(), Some(Timespan::HOUR));
    assert!(matches!(Definition::new(minute, Some(0), None), Err(Error::InvalidDefinition { .. })));
    assert!(matches!(Definition::new(None, None, minute), Err(Error::InvalidDefinition { .. })));
}
