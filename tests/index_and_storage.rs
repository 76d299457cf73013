//! The index and the storage are two things on the disk: whichever is behind the other after a crash, the database opens,
//! and what both know is there. And what is refused is written to neither.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gnocchetti::ops::Operation;
use gnocchetti::{
    Aggregates, AggregationMethod, Attribute, Database, Error, Filter, History, MetricKey, MetricSearch, NewMetric,
    NewResource, Options, Query, Resource, ResourceAggregates, ResourceId, ResourceMetric, ResourceSearch,
    ResourceType, ResourceTypeUpdate, ResourceUpdate, Sort, Timestamp,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000).unwrap()
}

fn open(path: &Path) -> Database {
    Database::open(path, Options::new().default_policies(true).background(false)).unwrap()
}

fn host(number: usize) -> NewResource {
    let new = NewResource::named("host", &format!("host-{number}"), None).unwrap().attribute("rack", "a");
    new.metric("cpu", ResourceMetric::by_rule()).metric("disk", ResourceMetric::by_rule())
}

fn hosts(db: &Database, count: usize) -> Vec<Resource> {
    let named = Attribute::string();
    db.create_resource_type(&ResourceType::new("host").attribute("rack", named)).unwrap();
    db.create_resources(&(0..count).map(host).collect::<Vec<_>>()).unwrap()
}

/// Copies the files of a database that nobody changes meanwhile: those of the index, or the others.
fn copy(from: &Path, to: &Path, index: bool) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            copy_all(&path, &to.join(&name), index);
        } else if name.starts_with("index") == index {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn copy_all(from: &Path, to: &Path, index: bool) {
    if !index {
        copy(from, to, false);
    }
}

fn counted(db: &Database, key: MetricKey) -> f64 {
    db.measures(&Query::new(key).method(AggregationMethod::COUNT)).unwrap().values.iter().sum()
}

#[test]
fn a_metric_that_was_never_pushed_to_is_there_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let db = open(&first);
    db.maintain().unwrap();
    // The storage of before, with the index of after.
    copy(&first, &second, false);
    let metric = db.create_metric(NewMetric::named("new")).unwrap();
    let resources = hosts(&db, 2);
    copy(&first, &second, true);
    let db = open(&second);
    assert_eq!(db.metric_by_name("new").unwrap(), metric);
    assert_eq!(counted(&db, metric.key), 0.0);
    assert_eq!(db.last_measure(resources[1].metrics["cpu"].key).unwrap(), None);
    db.push(metric.key, at(0), 1.0).unwrap();
    db.maintain().unwrap();
    assert_eq!(counted(&db, metric.key), 1.0);
    db.check_index().unwrap();
}

#[test]
fn measures_of_a_metric_that_the_index_does_not_know_are_reported_and_not_fatal() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let db = open(&first);
    let known = db.create_metric(NewMetric::named("known")).unwrap();
    // The index of before, with the storage of after.
    copy(&first, &second, true);
    let lost = db.create_metric(NewMetric::named("lost")).unwrap();
    for second in 0..10 {
        db.push(known.key, at(second), 1.0).unwrap();
        db.push(lost.key, at(second), 1.0).unwrap();
    }
    copy(&first, &second, false);
    let db = open(&second);
    assert_eq!(db.stats().unwrap().unknown_metric_measures, 10);
    assert_eq!(counted(&db, known.key), 10.0);
    assert!(matches!(db.measures(&Query::new(lost.key)), Err(Error::UnknownMetric { .. })));
    db.maintain().unwrap();
    assert_eq!(counted(&db, known.key), 10.0);
}

#[test]
fn what_the_index_calls_deleted_is_gone_whatever_the_storage_says() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let db = open(&first);
    let resources = hosts(&db, 2);
    let key = |i: usize| resources[i].metrics["cpu"].key;
    for i in 0..2 {
        db.push(key(i), at(0), 1.0).unwrap();
    }
    copy(&first, &second, false);
    db.delete_resource(resources[0].id, None).unwrap();
    copy(&first, &second, true);
    let db = open(&second);
    assert!(matches!(db.measures(&Query::new(key(0))), Err(Error::UnknownMetric { .. })));
    assert!(matches!(db.push(key(0), at(1), 1.0), Err(Error::UnknownMetric { .. })));
    assert_eq!(counted(&db, key(1)), 1.0);
    db.maintain().unwrap();
    assert_eq!(db.deleted_metrics(None, 10).unwrap(), []);
    db.check_index().unwrap();
}

#[test]
fn resources_may_be_deleted_while_their_metrics_are_written() {
    const RESOURCES: usize = 60;
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let db = open(&first);
    let resources = hosts(&db, RESOURCES);
    let running = AtomicBool::new(true);
    // Acknowledged measures of each resource's metrics: those of one that is deleted may be any number.
    let mut acknowledged = vec![0_u32; RESOURCES];
    std::thread::scope(|scope| {
        let (db, resources, running) = (&db, &resources, &running);
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                scope.spawn(move || {
                    let mut pushed = vec![0_u32; RESOURCES];
                    let mut second = 0;
                    while running.load(Ordering::Relaxed) {
                        second += 1;
                        for (i, resource) in resources.iter().enumerate().filter(|(i, _)| i % 2 == writer) {
                            match db.push(resource.metrics["cpu"].key, at(second), 1.0) {
                                Ok(_) => pushed[i] += 1,
                                Err(Error::UnknownMetric { .. }) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                    pushed
                })
            })
            .collect();
        for (i, resource) in resources.iter().enumerate().filter(|(i, _)| i % 3 == 0) {
            db.delete_resource(resource.id, None).unwrap();
            if i % 15 == 0 {
                db.maintain().unwrap();
            }
        }
        running.store(false, Ordering::Relaxed);
        for writer in writers {
            for (sum, pushed) in acknowledged.iter_mut().zip(writer.join().unwrap()) {
                *sum += pushed;
            }
        }
    });
    copy(&first, &second, true);
    copy(&first, &second, false);
    let reopened = open(&second);
    for database in [&db, &reopened] {
        for (i, resource) in resources.iter().enumerate() {
            let key = resource.metrics["cpu"].key;
            if i % 3 == 0 {
                assert!(matches!(database.measures(&Query::new(key)), Err(Error::UnknownMetric { .. })));
                assert!(matches!(database.resource(resource.id, None), Err(Error::UnknownResource { .. })));
            } else {
                assert_eq!(counted(database, key), f64::from(acknowledged[i]), "resource {i}");
            }
        }
        database.maintain().unwrap();
        assert_eq!(database.deleted_metrics(None, 10).unwrap(), []);
        database.check_index().unwrap();
        assert_eq!(database.stats().unwrap().metrics, (RESOURCES - RESOURCES / 3) as u64 * 2);
    }
}

/// All that the index has to say.
fn state(db: &Database) -> String {
    let resources = db.search_resources(&ResourceSearch::generic().history(History::All), None).unwrap();
    let metrics = db.metrics(None, 1_000).unwrap();
    format!("{:?} {resources:?} {metrics:?} {:?}", db.resource_types().unwrap(), db.archive_policies().unwrap())
}

/// What is wrong with a call, the number of the error that it must end with, and the call.
type Refused<'a> = (&'a str, u32, Box<dyn Fn() -> Result<(), Error> + 'a>);

fn refuse_all(db: &Database, cases: Vec<Refused>) {
    let before = state(db);
    for (what, code, call) in cases {
        match call() {
            Err(error) => {
                assert_eq!(error.code(), code, "{what}: {error}");
                assert!(error.to_string().len() < 3_000, "{what}: the error repeats what was too long");
            }
            Ok(()) => panic!("{what} was taken"),
        }
        assert!(state(db) == before, "{what} has written something");
    }
    db.check_index().unwrap();
}

#[test]
fn bad_resources_and_types_are_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("db"));
    let id = hosts(&db, 2)[0].id;
    let long = "x".repeat(1_000_000);
    let create = |new: NewResource| db.create_resources(&[host(7), new]).map(drop);
    let update = |update: ResourceUpdate| db.update_resource(id, &update, None).map(drop);
    let new_type = |name: &str, attribute: &str| {
        db.create_resource_type(&ResourceType::new(name).attribute(attribute, Attribute::string()))
    };
    let cases: Vec<Refused> = vec![
        ("an unknown attribute", 45, Box::new(|| create(host(8).attribute("color", "red")))),
        ("a wrong type", 46, Box::new(|| create(host(8).attribute("rack", 1.0)))),
        ("a text that is too long", 46, Box::new(|| create(host(8).attribute("rack", "x".repeat(257))))),
        ("a megabyte of text", 46, Box::new(|| create(host(8).attribute("rack", long.as_str())))),
        ("a user of a megabyte", 46, Box::new(|| create(host(8).user(long.as_str())))),
        ("no required attribute", 47, Box::new(|| create(NewResource::named("host", "x", None)?))),
        ("an unknown type", 42, Box::new(|| create(NewResource::named("nothing", "x", None)?))),
        ("one that is there", 49, Box::new(|| create(host(1)))),
        ("a metric with a slash", 14, Box::new(|| create(host(8).metric("a/b", ResourceMetric::by_rule())))),
        ("an end before the beginning", 46, Box::new(|| create(host(8).started_at(at(9)).ended_at(at(8))))),
        ("an id with a slash", 48, Box::new(|| ResourceId::new("a/b", None).map(drop))),
        ("an id of 290 characters", 48, Box::new(|| ResourceId::new(&"é".repeat(290), None).map(drop))),
        ("an id of a megabyte", 48, Box::new(|| ResourceId::new(&long, None).map(drop))),
        ("a change of an unknown attribute", 45, Box::new(|| update(ResourceUpdate::new().attribute("color", "red")))),
        (
            "a change to a wrong type",
            46,
            Box::new(|| update(ResourceUpdate::new().user(Some("u")).attribute("rack", true))),
        ),
        ("a change to null", 47, Box::new(|| update(ResourceUpdate::new().attribute("rack", None::<f64>)))),
        ("a reserved name", 44, Box::new(|| new_type("t", "started_at"))),
        ("a bad name of an attribute", 44, Box::new(|| new_type("t", "-a"))),
        ("a bad name of a type", 40, Box::new(|| new_type(&long, "a"))),
        ("a type that is there", 41, Box::new(|| new_type("host", "a"))),
        (
            "a required attribute without fill",
            44,
            Box::new(|| {
                let update = ResourceTypeUpdate::new().remove("rack").add("size", Attribute::number());
                db.update_resource_type("host", &update).map(drop)
            }),
        ),
        ("a type in use", 43, Box::new(|| db.delete_resource_type("host"))),
    ];
    refuse_all(&db, cases);
}

#[test]
fn bad_questions_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("db"));
    hosts(&db, 2);
    let long = "x".repeat(1_000_000);
    let deep_filter = format!("{}rack = a{}", "not (".repeat(10_000), ")".repeat(10_000));
    let deep_json = format!("{}{{\"=\": {{\"rack\": 1}}}}{}", "{\"not\": ".repeat(10_000), "}".repeat(10_000));
    let deep_operation = format!("{}(metric cpu mean){}", "(abs ".repeat(10_000), ")".repeat(10_000));
    let search = |filter: Filter| db.search_resources(&ResourceSearch::of("host").filter(filter), None).map(drop);
    let sorted = |sort: Sort| db.search_resources(&ResourceSearch::of("host").sort(sort), None).map(drop);
    let cases: Vec<Refused> = vec![
        ("a malformed filter", 51, Box::new(|| search(Filter::parse("rack = ")?))),
        ("a malformed filter in JSON", 51, Box::new(|| search(Filter::from_json("{\"=\": 3}")?))),
        ("a filter 10,000 deep", 52, Box::new(|| search(Filter::parse(&deep_filter)?))),
        ("a filter in JSON 10,000 deep", 51, Box::new(|| search(Filter::from_json(&deep_json)?))),
        ("a filter of a megabyte", 52, Box::new(|| search(Filter::parse(&format!("rack = '{long}'"))?))),
        ("a filter with a megabyte of text", 52, Box::new(|| search(Filter::eq("rack", long.as_str())))),
        ("a filter about nothing there", 45, Box::new(|| search(Filter::eq("color", "red")))),
        ("an order of nothing there", 45, Box::new(|| sorted(Sort::by("color")))),
        ("an order that is none", 53, Box::new(|| sorted("rack:upwards".parse()?))),
        ("everything to be deleted", 51, Box::new(|| db.delete_resources(&ResourceSearch::of("host"), None).map(drop))),
        ("an operation 10,000 deep", 35, Box::new(|| deep_operation.parse::<Operation>().map(drop))),
        ("an operation of a megabyte of nothing", 34, Box::new(|| long.parse::<Operation>().map(drop))),
        (
            "groups by nothing there",
            45,
            Box::new(|| {
                let aggregates = Aggregates::new("(metric cpu mean)".parse()?);
                let question = ResourceAggregates::new(aggregates, ResourceSearch::of("host")).group_by("color");
                db.aggregates_of_resources(&question, None).map(drop)
            }),
        ),
    ];
    refuse_all(&db, cases);
}

#[test]
fn bad_metrics_are_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("db"));
    hosts(&db, 2);
    let long = "x".repeat(1_000_000);
    let metric = |new: NewMetric| db.create_metrics(&[NewMetric::named("fine"), new]).map(drop);
    let cases: Vec<Refused> = vec![
        ("a metric with a name of a megabyte", 14, Box::new(|| metric(NewMetric::named(long.as_str())))),
        ("a metric under no policy", 8, Box::new(|| metric(NewMetric::named("m").archive_policy("nothing")))),
        (
            "a search of metrics by nothing there",
            45,
            Box::new(|| db.search_metrics(&MetricSearch::new().filter(Filter::eq("rack", "a")), None).map(drop)),
        ),
    ];
    refuse_all(&db, cases);
}
