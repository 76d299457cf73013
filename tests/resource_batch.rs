//! Measures by resource and metric name: looked up together, pushed together, all or none.

use gnocchetti::{
    Database, Error, Filter, NewResource, Options, Query, ResourceBatch, ResourceId, ResourceMetric, ResourceSearch,
    Timestamp,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000).unwrap()
}

fn id(name: &str) -> ResourceId {
    ResourceId::new(name, Some("agent:cloud")).unwrap()
}

/// A database with resources `a` and `b`, each with metrics `cpu` and `disk`.
fn open(directory: &tempfile::TempDir) -> Database {
    let options = Options::new().default_policies(true).background(false);
    let db = Database::open(directory.path().join("db"), options).unwrap();
    let new = |name: &str| {
        let new = NewResource::named("generic", name, Some("agent:cloud")).unwrap().project(name);
        new.metric("cpu", ResourceMetric::by_rule()).metric("disk", ResourceMetric::under("high"))
    };
    db.create_resources(&[new("a"), new("b")]).unwrap();
    db
}

/// The values of all metrics of a resource, by name.
fn values(db: &Database, name: &str) -> Vec<(String, Vec<f64>)> {
    let resource = db.resource(id(name).id(), None).unwrap();
    let values = |key| db.measures(&Query::new(key)).unwrap().values;
    resource.metrics.iter().map(|(name, metric)| (name.clone(), values(metric.key))).collect()
}

fn count(db: &Database) -> usize {
    db.metrics(None, 1_000).unwrap().len()
}

/// Pairs of an id and a name.
type Named = Vec<(String, String)>;

fn missing(batch: &mut ResourceBatch) -> (Named, Named) {
    match batch.commit(None) {
        Err(Error::UnknownResourceMetrics { resources, metrics }) => (resources, metrics),
        other => panic!("{other:?}"),
    }
}

#[test]
fn measures_find_their_metrics_by_any_form_of_the_id() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let mut batch = db.resource_batch();
    batch.add(&id("b"), "cpu", at(0), 1.0);
    batch.add(&id("a"), "disk", at(0), 2.0);
    batch.add(&ResourceId::from(id("a").id()), "disk", at(1), 3.0);
    batch.extend(&id("a"), "cpu", &[0, 300_000_000_000], &[4.0, 5.0]).unwrap();
    assert_eq!(batch.len(), 5);
    let pushed = batch.commit(None).unwrap();
    assert_eq!((pushed.total.accepted, pushed.per_metric.len(), pushed.created.len()), (5, 3, 0));
    assert!(batch.is_empty());
    assert_eq!(values(&db, "a"), [("cpu".to_owned(), vec![4.0, 5.0]), ("disk".to_owned(), vec![2.0, 3.0])]);
    assert_eq!(values(&db, "b"), [("cpu".to_owned(), vec![1.0]), ("disk".to_owned(), vec![])]);
    assert_eq!(batch.commit(None).unwrap().total.accepted, 0, "nothing waits");
}

#[test]
fn all_that_is_missing_is_listed_and_nothing_is_pushed() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let mut batch = db.resource_batch();
    for (resource, metric) in [("a", "cpu"), ("a", "z"), ("a", "net"), ("b", "net"), ("c", "cpu"), ("d", "x")] {
        batch.add(&id(resource), metric, at(0), 1.0);
    }
    let of = |name: &str| id(name).id().to_string();
    let (mut resources, metrics) = missing(&mut batch);
    resources.sort_unstable_by(|(_, a), (_, b)| a.cmp(b));
    assert_eq!(resources, [(of("c"), "c".to_owned()), (of("d"), "d".to_owned())]);
    let mut expected = vec![(of("a"), "net".to_owned()), (of("a"), "z".to_owned()), (of("b"), "net".to_owned())];
    expected.sort_unstable();
    assert_eq!(metrics, expected);
    assert_eq!(batch.len(), 6, "they still wait");
    assert_eq!(values(&db, "a")[0].1, [0.0; 0]);
    // Resources are never made.
    batch.create_metrics(true);
    assert_eq!(missing(&mut batch).0.len(), 2);
    assert_eq!(count(&db), 4);
}

#[test]
fn metrics_are_made_by_rule_or_as_said() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let mut batch = db.resource_batch();
    batch.create_metrics(true).new_metric(&id("a"), "net", ResourceMetric::under("medium").unit("B/s"));
    for (resource, metric) in [("a", "cpu"), ("a", "net"), ("b", "load")] {
        batch.add(&id(resource), metric, at(0), 7.0);
    }
    let pushed = batch.commit(None).unwrap();
    let created: Vec<_> =
        pushed.created.iter().map(|m| (m.name.as_deref().unwrap(), &*m.archive_policy_name)).collect();
    let mut sorted = created.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [("load", "low"), ("net", "medium")]);
    assert_eq!(pushed.total.accepted, 3);
    assert!(pushed.created.iter().all(|metric| metric.creator.as_deref() == Some("agent:cloud")));
    assert_eq!(values(&db, "a")[2], ("net".to_owned(), vec![7.0]));
    drop(db);
    let db = Database::open(directory.path().join("db"), Options::new()).unwrap();
    assert_eq!(
        values(&db, "b"),
        [("cpu", vec![]), ("disk", vec![]), ("load", vec![7.0])].map(|(n, v)| (n.to_owned(), v))
    );
}

#[test]
fn what_is_refused_makes_no_metric() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let far = at(7_258_118_400);
    let with = |change: &dyn Fn(&mut ResourceBatch)| {
        let mut batch = db.resource_batch();
        batch.create_metrics(true).add(&id("a"), "new", at(0), 1.0);
        change(&mut batch);
        let error = batch.commit(None).unwrap_err();
        assert_eq!(count(&db), 4, "{error}");
        error
    };
    assert!(matches!(with(&|batch| batch.add(&id("a"), "cpu", far, 1.0)), Error::TooFarInFuture { .. }));
    assert!(matches!(with(&|batch| batch.add(&id("b"), "a/b", at(0), 1.0)), Error::InvalidMetric { .. }));
    let nowhere = |batch: &mut ResourceBatch| {
        batch.new_metric(&id("b"), "other", ResourceMetric::under("nowhere"));
    };
    assert!(matches!(with(&nowhere), Error::UnknownArchivePolicy { .. }));
    db.delete_archive_policy_rule("default").unwrap();
    assert!(matches!(with(&|_| {}), Error::NoArchivePolicyRuleMatch { .. }));
    let mut batch = db.resource_batch();
    assert!(matches!(batch.extend(&id("a"), "cpu", &[-1], &[0.0]), Err(Error::BeforeEpoch { .. })));
    assert!(matches!(batch.extend(&id("a"), "cpu", &[1, 2], &[0.0]), Err(Error::InvalidQuery { .. })));
    assert!(batch.is_empty());
}

#[test]
fn who_may_not_see_a_resource_pushes_to_none() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let mine = Filter::eq("project_id", "a");
    let mut batch = db.resource_batch();
    batch.add(&id("a"), "cpu", at(0), 1.0);
    assert_eq!(batch.commit(Some(&mine)).unwrap().total.accepted, 1);
    batch.add(&id("b"), "cpu", at(0), 1.0);
    let refused = batch.create_metrics(true).commit(Some(&mine));
    let Err(Error::UnknownResourceMetrics { resources, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(resources, [(id("b").id().to_string(), "b".to_owned())]);
    assert_eq!(db.search_resources(&ResourceSearch::generic(), Some(&mine)).unwrap().len(), 1);
}

#[test]
fn two_threads_that_make_the_same_metric_make_one() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let db = &db;
            scope.spawn(move || {
                for number in 0..25 {
                    let mut batch = db.resource_batch();
                    batch.create_metrics(true).add(&id("a"), &format!("m{number}"), at(thread), 1.0);
                    assert_eq!(batch.commit(None).unwrap().total.accepted, 1);
                }
            });
        }
    });
    assert_eq!(count(&db), 4 + 25);
    assert_eq!(db.stats().unwrap().accepted, 100);
}
