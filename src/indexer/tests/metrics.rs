//! Metrics created, found, listed, deleted.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::types::{ArchivePolicyRule, MetricStatus};

#[test]
fn a_metric_is_found_by_all_it_is_known_by() {
    let fixture = Fixture::new();
    let id = Uuid::from_u128(7);
    let new = NewMetric::named("cpu.ü").id(id).unit("%").creator("me").archive_policy("high");
    let stored = fixture.create(new);
    assert_eq!(stored.policy_id, fixture.archive_policy("high").unwrap().unwrap().id);
    let metric = &stored.metric;
    assert_eq!((metric.key, metric.id, metric.name.as_deref()), (MetricKey::new(1), id, Some("cpu.ü")));
    assert_eq!((metric.unit.as_deref(), metric.creator.as_deref(), metric.resource_id), (Some("%"), Some("me"), None));
    assert_eq!((metric.archive_policy_name.as_str(), metric.created_at), ("high", now()));
    assert_eq!(metric.status, MetricStatus::Active);

    let fixture = fixture.reopened();
    assert_eq!(fixture.metric_by_id(id).unwrap(), Some(stored.clone()));
    assert_eq!(fixture.metric_by_name("cpu.ü").unwrap(), Some(stored.clone()));
    assert_eq!(fixture.metric_by_key(metric.key).unwrap(), Some(stored.clone()));
    assert_eq!(fixture.metric_by_id(Uuid::nil()).unwrap(), None);
    assert_eq!(fixture.metric_by_name("CPU.ü").unwrap(), None);
    for key in [0, 2, u64::MAX, i64::MAX as u64] {
        assert_eq!(fixture.metric_by_key(MetricKey::new(key)).unwrap(), None);
    }
}

#[test]
fn policies_come_by_name_or_by_rule() {
    let fixture = Fixture::new();
    fixture.create_rule(&ArchivePolicyRule::new("disks", "disk.*", "high").unwrap()).unwrap();
    let batch = [
        NewMetric::named("disk.a"),
        NewMetric::named("disk.b").archive_policy("bool"),
        NewMetric::named("net"),
        NewMetric::unnamed(),
        NewMetric::unnamed(),
    ];
    let stored = fixture.create_metrics(&batch, now()).unwrap();
    let policies: Vec<_> = stored.iter().map(|stored| stored.metric.archive_policy_name.as_str()).collect();
    assert_eq!(policies, ["high", "bool", "low", "low", "low"]);
    let ids: HashSet<_> = stored.iter().map(|stored| stored.metric.id).collect();
    assert_eq!(ids.len(), 5);
    assert_eq!(fixture.metric_count().unwrap(), 5);
    assert_eq!(fixture.create_metrics(&[], now()).unwrap(), []);
}

/// Rows are written many to a statement: whichever place the bad one has, it is the one that is named.
#[test]
fn a_duplicate_is_named_wherever_it_stands_in_a_large_batch() {
    let fixture = Fixture::new();
    fixture.create(NewMetric::named("there"));
    for at in [0, 1, 63, 64, 70, 127, 128, 135, 136, 138] {
        let name = |number: usize| if number == at { "there".to_owned() } else { format!("m{number}") };
        let batch: Vec<_> = (0..139).map(|number| NewMetric::named(name(number))).collect();
        match fixture.create_metrics(&batch, now()).unwrap_err() {
            Error::MetricExists { name } => assert_eq!(name, "there"),
            other => panic!("{other}"),
        }
        let id = |number: usize| Uuid::from_u128(if number == at { 137 } else { number as u128 });
        let batch: Vec<_> = (0..139).map(|number| NewMetric::unnamed().id(id(number))).collect();
        match fixture.create_metrics(&batch, now()) {
            Err(Error::MetricExists { name }) => assert_eq!(name, Uuid::from_u128(137).to_string()),
            other => panic!("{other:?}"),
        }
        assert_eq!((fixture.metric_count().unwrap(), fixture.max_key().unwrap()), (1, Some(MetricKey::new(1))));
    }
    let batch: Vec<_> = (0..139).map(|number| NewMetric::named(format!("m{number}"))).collect();
    let stored = fixture.create_metrics(&batch, now()).unwrap();
    for (number, stored) in stored.iter().enumerate() {
        assert_eq!(stored.metric.key, MetricKey::new(2 + number as u64));
        assert_eq!(fixture.metric_by_name(&format!("m{number}")).unwrap().as_ref(), Some(stored));
    }
    assert_eq!((fixture.metric_count().unwrap(), fixture.max_key().unwrap()), (140, Some(MetricKey::new(140))));
    fixture.mark_deleted(MetricKey::new(140)).unwrap();
    fixture.purge(&[MetricKey::new(140)]).unwrap();
    let next = fixture.create(NewMetric::named("next"));
    assert_eq!(next.metric.key, MetricKey::new(141), "keys are never used twice");
    fixture.integrity_check().unwrap();
}

#[test]
fn one_bad_metric_leaves_nothing_of_its_batch() {
    let fixture = Fixture::new();
    let there = fixture.create(NewMetric::named("there"));
    let good = || NewMetric::named("good");
    let exists = |name: &str| format!("metric `{name}` already exists");
    let twice = Uuid::from_u128(5);
    let cases = [
        (vec![NewMetric::named("")], "is empty".to_owned()),
        (vec![NewMetric::named("a/b")], "contains `/`".to_owned()),
        (vec![NewMetric::named("ä".repeat(256))], "more than 255".to_owned()),
        (vec![NewMetric::named("m").unit("ä".repeat(32))], "more than 31".to_owned()),
        (vec![NewMetric::named("m").creator("ä".repeat(256))], "more than 255".to_owned()),
        (vec![NewMetric::named("m").archive_policy("none")], "policy `none` does not exist".to_owned()),
        (vec![NewMetric::named("there")], exists("there")),
        (vec![NewMetric::unnamed().id(there.metric.id)], exists(&there.metric.id.to_string())),
        (vec![NewMetric::named("m"), NewMetric::named("m")], exists("m")),
        (vec![NewMetric::named("m").id(twice), NewMetric::named("n").id(twice)], exists(&twice.to_string())),
    ];
    for (bad, expected) in cases {
        let batch: Vec<_> = std::iter::once(good()).chain(bad).collect();
        let error = fixture.create_metrics(&batch, now()).unwrap_err().to_string();
        assert!(error.contains(&expected), "{error}");
        assert_eq!(fixture.metric_by_name("good").unwrap(), None);
        assert_eq!((fixture.metric_count().unwrap(), fixture.max_key().unwrap()), (1, Some(MetricKey::new(1))));
    }
    fixture.delete_rule("default").unwrap();
    let no_rule = fixture.create_metrics(&[good().archive_policy("low"), NewMetric::named("m")], now());
    assert!(matches!(no_rule, Err(Error::NoArchivePolicyRuleMatch { name }) if name == "m"));
    assert_eq!(fixture.metric_count().unwrap(), 1);

    let at_the_limits = NewMetric::named("ä".repeat(255)).unit("ä".repeat(31)).creator("ä".repeat(255));
    assert_eq!(fixture.create(at_the_limits.archive_policy("low")).metric.key, MetricKey::new(2));
    fixture.integrity_check().unwrap();
}

#[test]
fn a_deleted_metric_frees_its_name_and_id_but_not_its_key() {
    let fixture = Fixture::new();
    let new = NewMetric::named("cpu").id(Uuid::from_u128(1));
    let old = fixture.create(new.clone());
    let deleted = fixture.mark_deleted(old.metric.key).unwrap();
    assert_eq!(deleted.metric.status, MetricStatus::Delete);
    assert_eq!(StoredMetric { metric: deleted.metric.clone(), ..old.clone() }, deleted);
    assert_eq!(fixture.metric_by_name("cpu").unwrap(), None);
    assert_eq!(fixture.metric_by_id(old.metric.id).unwrap(), None);
    assert_eq!(fixture.metric_by_key(old.metric.key).unwrap(), Some(deleted.clone()));
    assert_eq!((fixture.metric_count().unwrap(), fixture.deleted_keys().unwrap()), (0, vec![old.metric.key]));
    let again = fixture.mark_deleted(old.metric.key);
    assert!(matches!(again, Err(Error::UnknownMetric { metric }) if metric == "1"));
    assert!(matches!(fixture.mark_deleted(MetricKey::new(99)), Err(Error::UnknownMetric { .. })));

    let new = fixture.create(new);
    assert_eq!(new.metric.key, MetricKey::new(2));
    assert_eq!(fixture.metric_by_name("cpu").unwrap(), Some(new.clone()));
    fixture.mark_deleted(new.metric.key).unwrap();
    assert_eq!(fixture.deleted_keys().unwrap(), keys(&[old, new]));
}

#[test]
fn creators_choose_names_without_regard_to_anybodys() {
    let fixture = Fixture::new();
    let by = |creator: &str| NewMetric::named("load").creator(creator);
    let created = fixture.create_metrics(&[by("bob"), by("alice"), by("alice")], now()).unwrap();
    assert_eq!(fixture.metric_by_name("load").unwrap().as_ref(), Some(&created[0]));
    let own = fixture.create(NewMetric::named("load"));
    assert_eq!(fixture.metric_by_name("load").unwrap().as_ref(), Some(&own));
    let again = fixture.create_metrics(&[by("bob"), NewMetric::named("load")], now()).unwrap_err();
    assert!(matches!(again, Error::MetricExists { name } if name == "load"));
    let same_id = fixture.create_metrics(&[by("bob").id(own.metric.id)], now()).unwrap_err();
    assert!(matches!(same_id, Error::MetricExists { name } if name == own.metric.id.to_string()));
    assert_eq!(fixture.metric_count().unwrap(), 4);
    fixture.mark_deleted(own.metric.key).unwrap();
    fixture.mark_deleted(created[0].metric.key).unwrap();
    assert_eq!(fixture.metric_by_name("load").unwrap().as_ref(), Some(&created[1]));
    fixture.integrity_check().unwrap();
}

#[test]
fn purging_removes_deleted_rows_only_and_keys_stay_used() {
    let fixture = Fixture::new();
    let stored = fixture.create_metrics(&[NewMetric::named("a"), NewMetric::named("b")], now()).unwrap();
    let [a, b] = keys(&stored)[..] else { panic!("two metrics") };
    fixture.mark_deleted(b).unwrap();
    assert_eq!(fixture.purge(&[a, b, MetricKey::new(77), MetricKey::new(u64::MAX)]).unwrap(), 1);
    assert_eq!(fixture.purge(&[]).unwrap(), 0);
    assert_eq!(fixture.metric_by_key(b).unwrap(), None);
    assert_eq!(fixture.metric_by_key(a).unwrap().as_ref(), Some(&stored[0]));
    assert_eq!((fixture.deleted_keys().unwrap(), fixture.max_key().unwrap()), (vec![], Some(b)));
    let fixture = fixture.reopened();
    assert_eq!(fixture.max_key().unwrap(), Some(b));
    assert_eq!(fixture.create(NewMetric::named("b")).metric.key.get(), b.get() + 1);
    fixture.integrity_check().unwrap();
}

#[test]
fn metrics_are_paged_by_key_within_a_status() {
    let fixture = Fixture::new();
    assert_eq!(fixture.max_key().unwrap(), None);
    let batch: Vec<_> = (0..10).map(|i| NewMetric::named(format!("m{i}"))).collect();
    let stored = fixture.create_metrics(&batch, now()).unwrap();
    for key in keys(&stored).iter().filter(|key| key.get() % 3 == 0) {
        fixture.mark_deleted(*key).unwrap();
    }
    for (status, expected) in
        [(MetricStatus::Active, vec![1, 2, 4, 5, 7, 8, 10]), (MetricStatus::Delete, vec![3, 6, 9])]
    {
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = fixture.metrics(status, after, 2).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            assert!(page.len() <= 2 && page.iter().all(|metric| metric.status == status));
            paged.extend(page.iter().map(|metric| metric.key.get()));
        }
        assert_eq!(paged, expected);
        let whole = fixture.metrics(status, None, usize::MAX).unwrap();
        assert_eq!(whole.iter().map(|metric| metric.key.get()).collect::<Vec<_>>(), expected);
        assert_eq!(fixture.metrics(status, Some(MetricKey::new(u64::MAX)), 5).unwrap(), []);
        assert_eq!(fixture.metrics(status, None, 0).unwrap(), []);
    }
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let fixture = Fixture::new();
    let stored = fixture.create(NewMetric::named("cpu"));
    let mut writer = fixture.writer("test").unwrap();
    let transaction = writer.transaction().unwrap();
    transaction.execute("UPDATE metrics SET name = 'changed'", []).unwrap();
    assert_eq!(fixture.metric_by_name("cpu").unwrap(), Some(stored));
    assert_eq!(fixture.metric_by_name("changed").unwrap(), None);
    transaction.commit().unwrap();
    assert!(fixture.metric_by_name("changed").unwrap().is_some());
}

#[test]
fn threads_may_create_and_look_up_at_once() {
    const THREADS: usize = 4;
    const BATCHES: usize = 20;
    let fixture = Fixture::new();
    let created: Vec<Vec<StoredMetric>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let indexer = &fixture.indexer;
                scope.spawn(move || {
                    let mut created = Vec::new();
                    for batch in 0..BATCHES {
                        let metrics =
                            (0..5).map(|i| NewMetric::named(format!("{thread}.{batch}.{i}"))).collect::<Vec<_>>();
                        let stored = indexer.create_metrics(&metrics, now()).unwrap();
                        for one in &stored {
                            assert_eq!(indexer.metric_by_id(one.metric.id).unwrap().as_ref(), Some(one));
                        }
                        // All threads want this one; one of them gets it.
                        created.extend(
                            indexer
                                .create_metrics(&[NewMetric::named(format!("all.{batch}"))], now())
                                .unwrap_or_default(),
                        );
                        created.extend(stored);
                    }
                    created
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let created = created.concat();
    assert_eq!(created.len(), THREADS * BATCHES * 5 + BATCHES);
    assert_eq!(keys(&created).into_iter().collect::<HashSet<_>>().len(), created.len());
    assert_eq!(fixture.metric_count().unwrap(), created.len() as u64);
    fixture.integrity_check().unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Create(Vec<(u8, u8)>),
    Delete(u64),
    Purge(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec((0u8..12, 0u8..12), 0..4).prop_map(Step::Create),
        3 => (0u64..20).prop_map(Step::Delete),
        2 => (0u64..20).prop_map(Step::Purge),
        1 => Just(Step::Reopen),
    ]
}

/// What the index should hold: each key's name, id and whether it is active.
#[derive(Default)]
struct Model {
    rows: BTreeMap<u64, (u8, u8, bool)>,
    max_key: u64,
}

impl Model {
    /// The keys that the batch gets, or none when anything in it is taken.
    fn create(&mut self, batch: &[(u8, u8)]) -> Option<Vec<u64>> {
        let mut taken: Vec<(u8, u8)> = self.rows.values().filter(|row| row.2).map(|row| (row.0, row.1)).collect();
        for (name, id) in batch {
            if taken.iter().any(|(other_name, other_id)| other_name == name || other_id == id) {
                return None;
            }
            taken.push((*name, *id));
        }
        let first = self.max_key + 1;
        self.rows.extend(batch.iter().zip(first..).map(|((name, id), key)| (key, (*name, *id, true))));
        self.max_key += batch.len() as u64;
        Some((first..=self.max_key).collect())
    }

    fn keys(&self, active: bool) -> Vec<u64> {
        self.rows.iter().filter(|(_, row)| row.2 == active).map(|(key, _)| *key).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_index_agrees_with_a_model(steps in prop::collection::vec(step(), 1..25)) {
        let mut fixture = Fixture::new();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Create(batch) => {
                    let metric = |(name, id): &(u8, u8)| {
                        NewMetric::named(format!("m{name}")).id(Uuid::from_u128((*id).into()))
                    };
                    let metrics: Vec<_> = batch.iter().map(metric).collect();
                    let created = fixture.create_metrics(&metrics, now()).ok();
                    let created = created.map(|stored| keys(&stored).iter().map(|key| key.get()).collect::<Vec<_>>());
                    prop_assert_eq!(created, model.create(&batch));
                }
                Step::Delete(key) => {
                    let deleted = fixture.mark_deleted(MetricKey::new(key)).is_ok();
                    let expected = model.rows.get_mut(&key).is_some_and(|row| std::mem::replace(&mut row.2, false));
                    prop_assert_eq!(deleted, expected);
                }
                Step::Purge(key) => {
                    let purged = fixture.purge(&[MetricKey::new(key)]).unwrap();
                    let expected = model.rows.get(&key).is_some_and(|row| !row.2);
                    prop_assert_eq!(purged, usize::from(expected));
                    if expected {
                        model.rows.remove(&key);
                    }
                }
                Step::Reopen => fixture = fixture.reopened(),
            }
            let active: Vec<_> = fixture.metrics(MetricStatus::Active, None, 1000).unwrap();
            prop_assert_eq!(active.iter().map(|metric| metric.key.get()).collect::<Vec<_>>(), model.keys(true));
            prop_assert_eq!(fixture.metric_count().unwrap(), active.len() as u64);
            let deleted: Vec<_> = fixture.deleted_keys().unwrap().iter().map(|key| key.get()).collect();
            prop_assert_eq!(deleted, model.keys(false));
            prop_assert_eq!(fixture.max_key().unwrap().map_or(0, MetricKey::get), model.max_key);
            for metric in active {
                let row = model.rows[&metric.key.get()];
                prop_assert_eq!(metric.name.unwrap(), format!("m{}", row.0));
                prop_assert_eq!(metric.id.as_u128(), u128::from(row.1));
            }
        }
        fixture.integrity_check().unwrap();
    }
}
