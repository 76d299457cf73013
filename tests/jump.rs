//! A clock that jumped: deleting what came from then gives the state of a twin that never saw it, to the last bit, whatever was
//! done meanwhile; once the next block has closed, sealed stays sealed.

mod support;

use gnocchetti::{
    AggregationMethod, ArchivePolicy, Columns, Database, DeleteOptions, MetricKey, Options, Query, Timestamp,
};
use proptest::prelude::*;
use support::naive::{archives, methods, value};
use support::restarted::Restarted;
use support::{archive, at, count, metric, options, points, policy, span};

const COUNT: AggregationMethod = AggregationMethod::COUNT;

fn small() -> Options {
    options().memory(4096)
}

#[test]
fn a_jump_is_undone_as_long_as_the_next_block_has_not_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mut db = Database::open(&path, small()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(10, Some(100)), (60, None)], &["count"])).unwrap();
    let key = metric(&db, "m", "p");
    for t in (0..600).step_by(5) {
        db.push(key, at(t), 1.0).unwrap();
    }
    let before = (points(&db, key, 10, COUNT), points(&db, key, 60, COUNT));
    db.push(key, at(1_000_000), 1.0).unwrap();
    assert_eq!(db.push(key, at(600), 1.0).unwrap().late, 1, "what is honest is late meanwhile");
    assert_eq!(points(&db, key, 10, COUNT), [(1_000_000 / 10 * 10, 1.0)], "retention counts from the newest");
    db.maintain().unwrap();
    db.close().unwrap();
    db = Database::open(&path, small()).unwrap();
    db.maintain().unwrap();
    let said = db.delete_measures(key, at(900_000).., DeleteOptions::new()).unwrap();
    assert_eq!((said.removed, said.newest, said.accepted_from), (1, Some(at(595)), at(540)));
    assert_eq!((points(&db, key, 10, COUNT), points(&db, key, 60, COUNT)), before);
    assert_eq!(db.push(key, at(541), 1.0).unwrap().accepted, 1);
    assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);

    // The block behind the jump closes: what it closed stays closed.
    db.push(key, at(1_000_000), 1.0).unwrap();
    db.push(key, at(1_000_060), 1.0).unwrap();
    let said = db.delete_measures(key, at(900_000).., DeleteOptions::new()).unwrap();
    assert_eq!((said.newest, said.accepted_from), (Some(at(540)), at(1_000_020)), "the newest group is left");
    assert_eq!(db.push(key, at(600), 1.0).unwrap().late, 1);
}

#[test]
fn a_jump_of_which_something_is_left_is_where_that_moves_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("db"), small()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(10, None), (60, None)], &["count"])).unwrap();
    let key = metric(&db, "m", "p");
    db.push(key, at(30), 1.0).unwrap();
    let mut batch = db.batch();
    for t in [70, 5000, 9000] {
        batch.add(key, at(t), 1.0);
    }
    batch.commit().unwrap();
    let said = db.delete_measures(key, at(9000).., DeleteOptions::new()).unwrap();
    assert_eq!((said.newest, said.accepted_from), (Some(at(5000)), at(4980)));
    let said = db.delete_measures(key, at(5000).., DeleteOptions::new()).unwrap();
    assert_eq!((said.newest, said.accepted_from), (Some(at(70)), at(60)));
    assert_eq!((count(&db, key, 10), count(&db, key, 60)), (2, 2));
}

/// A metric that sends more seldom than every second block always has a jump that is not final: MANIFEST, which each checkpoint
/// and each merge writes anew, must not grow with the number of such metrics.
#[test]
fn metrics_that_send_seldom_take_no_room_in_manifest() {
    let sizes = [1, 200].map(|metrics| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let db = Database::open(&path, small()).unwrap();
        db.create_archive_policy(&policy("p", 0, &[(10, Some(100)), (60, None)], &["count"])).unwrap();
        let keys: Vec<MetricKey> = (0..metrics).map(|i| metric(&db, &format!("m{i}"), "p")).collect();
        for t in [1000, 2000, 3000] {
            for key in &keys {
                db.push(*key, at(t), 1.0).unwrap();
            }
            db.maintain().unwrap();
        }
        let size = std::fs::metadata(path.join("MANIFEST")).unwrap().len();
        for key in &keys {
            let said = db.delete_measures(*key, at(3000).., DeleteOptions::new()).unwrap();
            assert_eq!((said.newest, said.accepted_from), (Some(at(2000)), at(1980)), "each has a jump");
        }
        size
    });
    assert_eq!(sizes[0], sizes[1]);
}

/// What is done to the one that jumps, and, but for the jump and what is late by it, to its twin.
#[derive(Debug, Clone)]
enum Step {
    /// Measures so long after now.
    Push(Vec<(i64, f64)>),
    /// Time passes.
    Pass(i64),
    Checkpoint,
    Maintain,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec((-300_i64..100, value()), 1..12).prop_map(Step::Push),
        4 => (10_i64..200).prop_map(Step::Pass),
        2 => Just(Step::Checkpoint),
        2 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// One of the two.
struct Side {
    own: Restarted,
    key: MetricKey,
}

impl Side {
    fn new(policy: &ArchivePolicy) -> Side {
        let own = Restarted::new(small);
        own.db().create_archive_policy(policy).unwrap();
        let key = metric(own.db(), "m", "p");
        Side { own, key }
    }

    fn db(&self) -> &Database {
        self.own.db()
    }

    fn push(&self, measures: &[(i64, f64)]) -> u64 {
        let mut batch = self.db().batch();
        for (t, v) in measures {
            batch.add(self.key, at(*t), *v);
        }
        batch.commit().unwrap().total().accepted
    }

    /// Whatever changes nothing.
    fn tend(&mut self, step: &Step) {
        match step {
            Step::Checkpoint => self.db().checkpoint().unwrap(),
            Step::Maintain => self.db().maintain().unwrap(),
            Step::Reopen => self.own.reopen(),
            Step::Crash => self.own.crash(),
            Step::Push(_) | Step::Pass(_) => {}
        }
    }

    fn answers(&self, granularities: &[i64], methods: &[AggregationMethod]) -> (Option<Timestamp>, Vec<Columns>) {
        let answer = |g: &i64| {
            let query = Query::new(self.key).granularity(span(*g));
            self.db().measures_of(&query, methods).unwrap()
        };
        (self.db().last_measure(self.key).unwrap(), granularities.iter().flat_map(answer).collect())
    }
}

fn same(a: &(Option<Timestamp>, Vec<Columns>), b: &(Option<Timestamp>, Vec<Columns>)) -> bool {
    let bits = |columns: &Columns| -> Vec<(i64, u64)> {
        columns.iter().map(|(t, v)| (t, if v.is_nan() { u64::MAX } else { v.to_bits() })).collect()
    };
    a.0 == b.0 && a.1.len() == b.1.len() && a.1.iter().zip(&b.1).all(|(a, b)| bits(a) == bits(b))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_jump_that_was_undone_never_was(
        archives in archives(),
        back_window in 0_u32..3,
        methods in methods(),
        before in prop::collection::vec(step(), 1..10),
        jump in (prop_oneof![3 => 10_000_i64..100_000, 1 => 1_000_000_000_i64..1_000_000_000_000], 1_usize..4),
        meanwhile in prop::collection::vec((step(), any::<bool>()), 0..8),
        after in prop::collection::vec(step(), 1..8),
    ) {
        let block = archives.iter().map(|(g, _)| *g).max().unwrap();
        let granularities: Vec<i64> = archives.iter().map(|(g, _)| *g).collect();
        let policy = ArchivePolicy::builder("p").back_window(back_window);
        let policy = policy.definitions(archives.iter().map(|(granularity, points)| archive(*granularity, *points)));
        let policy = policy.aggregation_methods(methods.iter().map(ToString::to_string)).build().unwrap();
        let (mut jumper, mut twin) = (Side::new(&policy), Side::new(&policy));
        let mut now = 5000;
        let first = (now, 1.0);
        prop_assert_eq!((jumper.push(&[first]), twin.push(&[first])), (1, 1));
        let both = |jumper: &mut Side, twin: &mut Side, step: &Step, now: &mut i64| {
            match step {
                Step::Pass(by) => *now += by,
                Step::Push(measures) => {
                    let measures: Vec<(i64, f64)> = measures.iter().map(|(t, v)| (*now + t, *v)).collect();
                    // The twin gets what was not late: what is late to a jump is lost with it.
                    for measure in measures {
                        if jumper.push(&[measure]) == 1 {
                            assert_eq!(twin.push(&[measure]), 1);
                        }
                    }
                }
                tend => {
                    jumper.tend(tend);
                    twin.tend(tend);
                }
            }
        };
        for step in &before {
            both(&mut jumper, &mut twin, step, &mut now);
        }
        // Within one block, far ahead.
        let start = (now + jump.0) / block * block;
        let far: Vec<(i64, f64)> = (0..jump.1 as i64).map(|i| (start + i * block / 4, 7.5)).collect();
        prop_assert_eq!(jumper.push(&far), jump.1 as u64);
        for (step, of_jumped) in &meanwhile {
            both(&mut jumper, &mut twin, step, &mut now);
            if *of_jumped {
                jumper.push(&[(start + block - 1, -3.0)]);
            }
        }
        prop_assert!(now + 100 < start - 2 * block);
        jumper.db().delete_measures(jumper.key, at(start).., DeleteOptions::new()).unwrap();
        let answers = |side: &Side| side.answers(&granularities, &methods);
        prop_assert!(same(&answers(&jumper), &answers(&twin)), "{:?}\n{:?}", answers(&jumper), answers(&twin));
        for step in &after {
            both(&mut jumper, &mut twin, step, &mut now);
            prop_assert!(same(&answers(&jumper), &answers(&twin)), "after {step:?}");
        }
        prop_assert_eq!(jumper.db().check(&mut |_| {}).unwrap().findings, []);
        jumper.tend(&Step::Crash);
        jumper.db().maintain().unwrap();
        prop_assert!(same(&answers(&jumper), &answers(&twin)));
    }
}
