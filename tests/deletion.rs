//! Deleting a stretch of time of a metric: what goes, what stays, and what the answer says of groups cut in two.

mod support;

use gnocchetti::{
    AggregationMethod, Database, DeleteOptions, DeletedMeasures, Error, MetricKey, Partial, PartialOutcome, Result,
};
use support::{at, copy_tree, count, metric, options, points, policy};

use AggregationMethod as M;

const FINE: i64 = 10;
const COARSE: i64 = 60;
/// The answer's word for each outcome.
const KEPT: PartialOutcome = PartialOutcome::Kept;
const REMOVED: PartialOutcome = PartialOutcome::Removed;
const RECOMPUTED: PartialOutcome = PartialOutcome::Recomputed;

fn open(methods: &[&str], archives: &[(i64, Option<u64>)]) -> (tempfile::TempDir, Database, MetricKey) {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("db"), options()).unwrap();
    db.create_archive_policy(&policy("p", 0, archives, methods)).unwrap();
    let key = metric(&db, "m", "p");
    (folder, db, key)
}

/// One measure every `step` ns from 0 to before `end`, its time as its value.
fn fill(db: &Database, key: MetricKey, step: i64, end: i64) {
    let times: Vec<i64> = (0..end).step_by(step as usize).collect();
    let mut batch = db.batch();
    for t in &times {
        batch.add(key, at(*t), *t as f64);
    }
    batch.commit().unwrap();
}

fn delete(db: &Database, key: MetricKey, from: i64, to: i64, partial: Partial) -> DeletedMeasures {
    db.delete_measures(key, at(from)..at(to), DeleteOptions::new().partial(partial)).unwrap()
}

fn outcomes(deleted: &DeletedMeasures) -> Vec<(i64, i64, PartialOutcome)> {
    deleted.partial.iter().map(|group| (group.granularity.nanos(), group.start.nanos(), group.outcome)).collect()
}

#[test]
fn measures_of_the_window_go_and_may_be_pushed_again() {
    let (_folder, db, key) = open(&["count", "sum", "rate:max"], &[(FINE, None), (COARSE, None)]);
    fill(&db, key, 5, 100);
    db.checkpoint().unwrap();
    let said = delete(&db, key, 70, 90, Partial::Keep);
    assert_eq!((said.removed, said.newest, said.accepted_from), (4, Some(at(95)), at(0)));
    assert_eq!(said.partial, []);
    assert_eq!(
        points(&db, key, FINE, M::COUNT).iter().map(|(t, _)| *t).collect::<Vec<_>>(),
        [0, 10, 20, 30, 40, 50, 60, 90]
    );
    let spans = points(&db, key, FINE, M::MAX.rate());
    assert_eq!(spans.last(), Some(&(90, 25.0)), "from 65 to 90");
    for t in [70, 72, 89] {
        assert_eq!(db.push(key, at(t), 1.0).unwrap().accepted, 1);
    }
    db.maintain().unwrap();
    assert_eq!(count(&db, key, COARSE), 20 - 4 + 3);
    assert_eq!(delete(&db, key, 70, 90, Partial::Keep).removed, 3);
    assert_eq!(delete(&db, key, 70, 90, Partial::Keep).removed, 0);
}

#[test]
fn sealed_groups_go_at_once_and_their_bytes_with_a_merge() {
    let (folder, db, key) = open(&["count", "max"], &[(FINE, None), (COARSE, None)]);
    let other = metric(&db, "other", "p");
    fill(&db, key, 1, 1000);
    fill(&db, other, 1, 1000);
    db.maintain().unwrap();
    let said = delete(&db, key, 120, 240, Partial::Keep);
    assert_eq!((said.removed, said.newest, said.accepted_from), (0, Some(at(999)), at(960)));
    assert_eq!(said.partial, []);
    let check = |db: &Database| {
        assert_eq!((count(db, key, FINE), count(db, key, COARSE)), (880, 880));
        assert_eq!((count(db, other, FINE), count(db, other, COARSE)), (1000, 1000));
    };
    check(&db);
    let copy = folder.path().join("copy");
    copy_tree(&folder.path().join("db"), &copy);
    check(&Database::open(&copy, options()).unwrap());
    db.maintain().unwrap();
    check(&db);
    // Nothing is left to be hidden: MANIFEST is as short as before.
    let manifest = std::fs::read(folder.path().join("db").join("MANIFEST")).unwrap();
    assert_eq!(manifest[manifest.len() - 16..], [0; 16], "nothing erased, nothing expired early");
    db.close().unwrap();
    check(&Database::open(folder.path().join("db"), options()).unwrap());
}

/// How many erasures MANIFEST names: each takes 48 bytes, and behind them it says only that nothing expired early.
fn erasures(folder: &tempfile::TempDir) -> usize {
    let mut manifest = std::fs::read(folder.path().join("db").join("MANIFEST")).unwrap();
    manifest.truncate(manifest.len() - 8);
    let number_at = |at: usize| u64::from_le_bytes(manifest[at..at + 8].try_into().unwrap());
    (0..manifest.len() / 48).rfind(|n| number_at(manifest.len() - 8 - 48 * n) == *n as u64).unwrap()
}

#[test]
fn deletions_side_by_side_are_one_erasure_and_nothing_comes_back() {
    let (folder, db, key) = open(&["count"], &[(FINE, None), (COARSE, None)]);
    fill(&db, key, 1, 3000);
    db.maintain().unwrap();
    for i in 0..20 {
        delete(&db, key, 600 + i * 60, 660 + i * 60, Partial::Keep);
        delete(&db, key, 540 - i * 20, 600 - i * 20, Partial::Remove);
    }
    assert_eq!(erasures(&folder), 2, "one for each archive");
    assert_eq!(count(&db, key, FINE), 3000 - (1800 - 160));
    // What is pushed into a stretch of the window after it was deleted must outlive the next deletion.
    delete(&db, key, 2950, 2960, Partial::Keep);
    db.push(key, at(2955), 1.0).unwrap();
    db.checkpoint().unwrap();
    delete(&db, key, 2960, 2970, Partial::Keep);
    assert_eq!(erasures(&folder), 4);
    assert_eq!(count(&db, key, FINE), 3000 - 1640 - 20 + 1);
    assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);
    db.maintain().unwrap();
    assert_eq!(erasures(&folder), 0);
    assert_eq!(count(&db, key, FINE), 3000 - 1640 - 20 + 1);
}

#[test]
fn nothing_depends_on_when_groups_were_sealed() {
    let mut answers = Vec::new();
    let nothing: fn(&Database) -> Result<()> = |_| Ok(());
    for before in [nothing, Database::checkpoint, Database::maintain] {
        let (_folder, db, key) = open(&["count", "mean", "rate:mean"], &[(7, None), (FINE, None), (COARSE, Some(9))]);
        fill(&db, key, 3, 500);
        before(&db).unwrap();
        let said = delete(&db, key, 333, 471, Partial::Remove);
        let all = [7, FINE, COARSE].map(|g| [M::COUNT, M::MEAN, M::MEAN.rate()].map(|m| points(&db, key, g, m)));
        answers.push((said, all));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[test]
fn a_group_cut_in_two_is_computed_from_finer_ones_where_that_is_exact() {
    let exact = ["count", "min", "max", "first", "last"];
    let (_folder, db, key) = open(&exact, &[(FINE, None), (COARSE, None)]);
    fill(&db, key, 2, 1000);
    let said = delete(&db, key, 20, 40, Partial::Keep);
    assert_eq!(outcomes(&said), [(COARSE, 0, RECOMPUTED)]);
    for (method, value) in [(M::COUNT, 20.0), (M::MIN, 0.0), (M::MAX, 58.0), (M::FIRST, 0.0), (M::LAST, 58.0)] {
        assert_eq!(points(&db, key, COARSE, method)[0], (0, value), "{method}");
    }
    // The finer groups are cut themselves.
    let said = delete(&db, key, 125, 132, Partial::Keep);
    assert_eq!(outcomes(&said), [(FINE, 120, KEPT), (FINE, 130, KEPT), (COARSE, 120, KEPT)]);
    assert_eq!(points(&db, key, COARSE, M::COUNT)[2], (120, 30.0));
    // All that is left of a group, and more, goes.
    let said = delete(&db, key, 180, 230, Partial::Remove);
    assert_eq!(outcomes(&said), [(COARSE, 180, RECOMPUTED)]);
    let said = delete(&db, key, 230, 240, Partial::Remove);
    assert_eq!(outcomes(&said), [(COARSE, 180, RECOMPUTED)]);
    assert_eq!(points(&db, key, COARSE, M::COUNT)[3].0, 240);
}

#[test]
fn sums_are_computed_only_where_their_rounding_is_known() {
    let (_folder, db, key) = open(&["count", "sum", "median"], &[(FINE, None), (COARSE, None)]);
    fill(&db, key, 2, 121);
    db.push(key, at(1000), 0.0).unwrap();
    let said = delete(&db, key, 0, 10, Partial::Remove);
    assert_eq!(outcomes(&said), [(COARSE, 0, REMOVED)], "a median of many is not in medians");
    let single = metric(&db, "single", "p");
    fill(&db, single, 10, 200);
    let said = delete(&db, single, 10, 30, Partial::Remove);
    assert_eq!(outcomes(&said), [(COARSE, 0, RECOMPUTED)], "single measures say everything");
    assert_eq!(points(&db, single, COARSE, M::MEDIAN)[0], (0, 35.0));
    assert_eq!(points(&db, single, COARSE, M::SUM)[0], (0, 120.0));
}

#[test]
fn a_difference_across_the_deleted_time_is_not_made_up() {
    let (_folder, db, key) = open(&["count", "rate:count"], &[(FINE, None), (COARSE, None)]);
    fill(&db, key, 5, 1000);
    assert_eq!(outcomes(&delete(&db, key, 20, 40, Partial::Keep)), [(COARSE, 0, KEPT)]);
    assert_eq!(outcomes(&delete(&db, key, 100, 120, Partial::Keep)), [(COARSE, 60, RECOMPUTED)]);
    assert_eq!(points(&db, key, COARSE, M::COUNT.rate())[1], (60, 8.0));
    // The measure before the window goes: then the first one of the window has no difference.
    let open = points(&db, key, COARSE, M::COUNT.rate()).last().copied();
    let said = delete(&db, key, 0, 900, Partial::Keep);
    assert_eq!(said.newest, Some(at(995)));
    assert_eq!(points(&db, key, COARSE, M::COUNT.rate()).last().copied(), open);
    delete(&db, key, 0, 960, Partial::Keep);
    let after = points(&db, key, COARSE, M::COUNT.rate()).last().copied();
    assert_eq!((open, after), (Some((960, 8.0)), Some((960, 7.0))));
}

#[test]
fn the_newest_measure_is_the_newest_left_and_what_closed_stays_closed() {
    let (_folder, db, key) = open(&["count"], &[(FINE, None), (COARSE, None)]);
    fill(&db, key, 4, 1000);
    let said = db.delete_measures(key, at(980).., DeleteOptions::new()).unwrap();
    assert_eq!((said.removed, said.newest, said.accepted_from), (5, Some(at(976)), at(960)));
    // The window is empty; the measure before it is known.
    let said = delete(&db, key, 958, 2000, Partial::Keep);
    assert_eq!((said.newest, said.accepted_from), (Some(at(956)), at(960)));
    assert_eq!(outcomes(&said), [(FINE, 950, KEPT), (COARSE, 900, KEPT)]);
    // That one too: the start of the newest group that is left stands for it.
    let said = delete(&db, key, 950, 960, Partial::Keep);
    assert_eq!((said.newest, said.accepted_from), (Some(at(940)), at(960)));
    assert_eq!(db.push(key, at(959), 1.0).unwrap().late, 1);
    assert_eq!(db.push(key, at(960), 1.0).unwrap().accepted, 1);
    assert_eq!(db.last_measure(key).unwrap(), Some(at(960)));
}

#[test]
fn an_emptied_metric_is_not_new_again() {
    let (folder, db, key) = open(&["count"], &[(FINE, None), (COARSE, None)]);
    fill(&db, key, 4, 1000);
    let said = db.delete_measures(key, .., DeleteOptions::new()).unwrap();
    assert_eq!((said.newest, said.accepted_from, said.partial.len()), (None, at(960), 0));
    assert_eq!((count(&db, key, FINE), db.last_measure(key).unwrap()), (0, None));
    db.close().unwrap();
    let db = Database::open(folder.path().join("db"), options()).unwrap();
    assert_eq!(db.push(key, at(5), 1.0).unwrap().late, 1);
    assert_eq!(db.push(key, at(961), 1.0).unwrap().accepted, 1);
    db.maintain().unwrap();
    assert_eq!((count(&db, key, FINE), db.last_measure(key).unwrap()), (1, Some(at(961))));
    // One that never had a measure stays new.
    let new = metric(&db, "new", "p");
    let said = db.delete_measures(new, .., DeleteOptions::new()).unwrap();
    assert_eq!(said, DeletedMeasures::default());
    assert_eq!(db.push(new, at(0), 1.0).unwrap().accepted, 1);
}

#[test]
fn the_last_instant_of_time_can_be_deleted() {
    let (_folder, db, key) = open(&["count"], &[(FINE, None)]);
    db.push(key, at(i64::MAX - 1), 1.0).unwrap();
    let said = db.delete_measures(key, at(i64::MAX - 5)..=at(i64::MAX - 1), DeleteOptions::new()).unwrap();
    assert_eq!((said.removed, said.newest), (1, None));
}

#[test]
fn what_cannot_be_deleted_is_refused_whole() {
    let (folder, db, key) = open(&["count"], &[(FINE, None)]);
    fill(&db, key, 4, 100);
    let range = at(60)..at(59);
    let refused = db.delete_measures(key, range, DeleteOptions::new());
    assert!(matches!(refused, Err(Error::InvalidRange { start: 60, end: 59 })), "{refused:?}");
    let unknown = db.delete_measures(MetricKey::new(99), .., DeleteOptions::new());
    assert!(matches!(unknown, Err(Error::UnknownMetric { .. })), "{unknown:?}");
    assert_eq!(delete(&db, key, 50, 50, Partial::Remove).removed, 0);
    assert_eq!(count(&db, key, FINE), 25);
    db.delete_metric(key).unwrap();
    let gone = db.delete_measures(key, .., DeleteOptions::new());
    assert!(matches!(gone, Err(Error::UnknownMetric { .. })), "{gone:?}");
    let reader = Database::open_read_only(folder.path().join("db"), options()).unwrap();
    let refused = reader.delete_measures(key, .., DeleteOptions::new());
    assert!(matches!(refused, Err(Error::ReadOnly { call: "delete_measures", .. })), "{refused:?}");
}

#[test]
fn a_reader_sees_a_deletion_with_its_next_refresh() {
    let (folder, db, key) = open(&["count"], &[(FINE, None), (COARSE, None)]);
    fill(&db, key, 1, 500);
    db.maintain().unwrap();
    let reader = Database::open_read_only(folder.path().join("db"), options()).unwrap();
    assert_eq!(count(&reader, key, FINE), 500);
    delete(&db, key, 100, 490, Partial::Remove);
    assert_eq!(count(&reader, key, FINE), 500, "not before");
    assert!(reader.refresh().unwrap());
    assert_eq!(count(&reader, key, FINE), 110);
    assert_eq!(count(&reader, key, COARSE), 110);
    db.push(key, at(485), 1.0).unwrap();
    assert!(reader.refresh().unwrap());
    assert_eq!(count(&reader, key, FINE), 111);
}

#[test]
fn pushes_to_other_metrics_and_queries_go_on_during_deletions() {
    let (_folder, db, key) = open(&["count"], &[(FINE, None), (COARSE, None)]);
    let other = metric(&db, "other", "p");
    fill(&db, key, 1, 3000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..40 {
                delete(&db, key, i * 60, (i + 1) * 60, Partial::Keep);
            }
        });
        scope.spawn(|| {
            for t in 0..400 {
                db.push(other, at(t), 1.0).unwrap();
            }
        });
        scope.spawn(|| {
            let mut last = u64::MAX;
            for _ in 0..200 {
                let (fine, coarse) = (count(&db, key, FINE), count(&db, key, COARSE));
                assert!(fine <= last && fine % 60 == 0, "{fine} after {last}");
                assert!(coarse <= fine);
                last = fine;
            }
        });
    });
    assert_eq!((count(&db, key, FINE), count(&db, other, FINE)), (600, 400));
    assert_eq!(db.last_measure(key).unwrap(), Some(at(2999)));
}
