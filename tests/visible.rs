//! What one caller may see of metrics: every list, search and read through a filter.

use gnocchetti::ops::{EvaluateOptions, Predicate, Reaggregation};
use gnocchetti::{
    Aggregates, AggregationMethod, Database, Error, Filter, Metric, MetricKey, MetricSearch, NewMetric, NewResource,
    Options, Query, ResourceAggregates, ResourceMetric, ResourceSearch, Timestamp,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000).unwrap()
}

/// Metrics `m.0` to `m.9`, those with odd numbers of `bob:b`, the others of `alice:a`, each with a measure of its number.
fn open(directory: &tempfile::TempDir) -> (Database, Vec<Metric>) {
    let options = Options::new().default_policies(true).background(false);
    let db = Database::open(directory.path().join("db"), options).unwrap();
    let new = |i: usize| NewMetric::named(format!("m.{i}")).creator(["alice:a", "bob:b"][i % 2]);
    let metrics = db.create_metrics(&(0..10).map(new).collect::<Vec<_>>()).unwrap();
    for (i, metric) in metrics.iter().enumerate() {
        db.push(metric.key, at(0), i as f64).unwrap();
    }
    (db, metrics)
}

fn is_unknown<T>(outcome: Result<T, Error>) -> bool {
    matches!(outcome.err(), Some(Error::UnknownMetric { .. }))
}

#[test]
fn a_name_is_that_of_whoever_may_see_it() {
    let directory = tempfile::tempdir().unwrap();
    let (db, _) = open(&directory);
    let by = |creator: &str| NewMetric::named("load").creator(creator);
    let created = db.create_metrics(&[by("b:b"), by("a:a"), by("a:a"), NewMetric::named("load")]).unwrap();
    for (metric, value) in created.iter().zip(1_i32..) {
        db.push(metric.key, at(0), f64::from(value)).unwrap();
    }
    let values = |answered: gnocchetti::Aggregated| -> Vec<f64> {
        answered.series.into_iter().flat_map(|series| series.columns.values).collect()
    };
    let asked = |operation: &str| Aggregates::new(operation.parse().unwrap());
    let filter = Filter::eq("created_by_project_id", "a");
    let visible = db.visible(&filter);
    assert_eq!(visible.metric_by_name("load").unwrap(), created[1]);
    assert_eq!(values(visible.aggregates(&asked("(metric load mean)")).unwrap()), [2.0]);
    assert_eq!(db.metric_by_name("load").unwrap(), created[3]);
    assert_eq!(values(db.aggregates(&asked("(metric load mean)")).unwrap()), [4.0]);
    let all = Filter::ne("created_by_project_id", "c").or(Filter::eq("creator", None::<uuid::Uuid>));
    assert_eq!(db.visible(&all).metric_by_name("load").unwrap(), created[3]);
    let both = visible.aggregates(&asked("(metric loa* mean)")).unwrap();
    let shown: Vec<String> = both.series.iter().map(|series| format!("{:?}", series.label)).collect();
    assert!(shown.iter().all(|label| !label.contains("\"load\"")), "{shown:?}");
    assert!(shown.iter().any(|label| label.contains(&created[2].id.to_string())), "{shown:?}");
}

#[test]
fn what_is_not_visible_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let (db, metrics) = open(&directory);
    let filter = Filter::eq("created_by_project_id", "a");
    let visible = db.visible(&filter);
    let (mine, other) = (&metrics[2], &metrics[3]);
    let query = |metric: &Metric| Query::new(metric.key);
    let above = Predicate::from_json(&serde_json::json!({">=": 1})).unwrap();

    assert_eq!(&visible.metric(mine.id).unwrap(), mine);
    assert_eq!(&visible.metric_by_name("m.2").unwrap(), mine);
    assert_eq!(&visible.metric_by_key(mine.key).unwrap(), mine);
    assert_eq!(visible.policy_of(mine.key).unwrap().name(), "low");
    assert_eq!(visible.last_measure(mine.key).unwrap(), Some(at(0)));
    assert_eq!(visible.measures(&query(mine)).unwrap().values, [2.0]);
    assert_eq!(visible.measures_of(&query(mine), &[AggregationMethod::MAX]).unwrap()[0].values, [2.0]);
    assert_eq!(visible.search_values(&query(mine), &above).unwrap().values, [2.0]);
    visible.check(&[mine.key, metrics[4].key]).unwrap();

    assert!(is_unknown(visible.metric(other.id)));
    assert!(is_unknown(visible.metric_by_name("m.3")));
    assert!(is_unknown(visible.metric_by_key(other.key)));
    assert!(is_unknown(visible.policy_of(other.key)));
    assert!(is_unknown(visible.last_measure(other.key)));
    assert!(is_unknown(visible.measures(&query(other))));
    assert!(is_unknown(visible.measures_of(&query(other), &[AggregationMethod::MAX])));
    assert!(is_unknown(visible.search_values(&query(other), &above)));
    assert!(is_unknown(visible.check(&[mine.key, other.key])));
    assert!(is_unknown(visible.check(&[MetricKey::new(4_711)])));
}

#[test]
fn operations_are_over_what_is_visible() {
    let directory = tempfile::tempdir().unwrap();
    let (db, _) = open(&directory);
    let filter = Filter::eq("created_by_project_id", "b");
    let visible = db.visible(&filter);
    let sum = |text: &str| visible.aggregates(&Aggregates::new(text.parse().unwrap()));
    assert_eq!(sum("(aggregate sum (metric m.* mean))").unwrap().series[0].columns.values, [25.0]);
    assert_eq!(sum("(aggregate sum (metric (m.1 mean) (m.5 mean)))").unwrap().series[0].columns.values, [6.0]);
    assert!(is_unknown(sum("(aggregate sum (metric (m.1 mean) (m.2 mean)))")));
    assert!(is_unknown(sum("(aggregate sum (metric m.[02] mean))")));
    let older = |names: [&str; 2]| {
        let question = Reaggregation {
            metrics: names.map(str::to_owned).to_vec(),
            method: AggregationMethod::MEAN,
            reaggregation: Some(AggregationMethod::MAX.into()),
            resample: None,
            options: EvaluateOptions::default(),
            skip_damaged: false,
        };
        visible.reaggregate(&question, &[])
    };
    assert_eq!(older(["m.1", "m.5"]).unwrap().series[0].columns.values, [5.0]);
    assert!(is_unknown(older(["m.1", "m.4"])));
}

#[test]
fn pages_leave_out_what_is_not_visible_and_go_on_after_what_was_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let (db, metrics) = open(&directory);
    let filter = Filter::eq("created_by_project_id", "a");
    let visible = db.visible(&filter);
    let names = |metrics: Vec<Metric>| metrics.into_iter().filter_map(|metric| metric.name).collect::<Vec<_>>();
    assert_eq!(names(visible.metrics(None, 3).unwrap()), ["m.0", "m.2", "m.4"]);
    for deleted in [&metrics[4], &metrics[5], &metrics[6]] {
        db.delete_metric(deleted.key).unwrap();
    }
    assert_eq!(names(visible.metrics(Some(metrics[4].key), 3).unwrap()), ["m.8"]);
    assert_eq!(names(visible.deleted_metrics(None, 10).unwrap()), ["m.4", "m.6"]);
    let all = MetricSearch::new().filter(Filter::like("name", "m.%"));
    assert_eq!(names(visible.search_metrics(&all).unwrap()), ["m.0", "m.2", "m.8"]);
    let keys = MetricSearch::new().filter(Filter::gt("key", metrics[6].key.get() as f64));
    assert_eq!(names(db.search_metrics(&keys, None).unwrap()), ["m.7", "m.8", "m.9"]);
}

#[test]
fn metrics_of_resources_are_seen_through_what_these_are() {
    let directory = tempfile::tempdir().unwrap();
    let (db, _) = open(&directory);
    let new = |name: &str| {
        let new = NewResource::named("generic", name, Some("agent")).unwrap().project(name);
        new.metric("load", ResourceMetric::by_rule())
    };
    let created = db.create_resources(&[new("x"), new("y")]).unwrap();
    let filter = Filter::eq("resource.project_id", "x");
    let visible = db.visible(&filter);
    let key = |i: usize| created[i].metrics["load"].key;
    db.push(key(0), at(0), 3.0).unwrap();
    assert_eq!(visible.measures(&Query::new(key(0))).unwrap().values, [3.0]);
    assert!(is_unknown(visible.measures(&Query::new(key(1)))));
    assert_eq!(visible.metrics(None, 10).unwrap().len(), 1);
}

#[test]
fn questions_across_resources_leave_out_what_is_not_visible() {
    let directory = tempfile::tempdir().unwrap();
    let (db, _) = open(&directory);
    let by = |creator: &str, metric: &str| {
        let new = NewResource::named("generic", metric, Some(creator)).unwrap().user(creator);
        new.metric(metric, ResourceMetric::by_rule()).metric("extra", ResourceMetric::by_rule())
    };
    let created = db.create_resources(&[by("a:a", "load"), by("b:b", "load")]).unwrap();
    for (resource, value) in created.iter().zip([3.0, 5.0]) {
        db.push(resource.metrics["load"].key, at(0), value).unwrap();
    }
    let sum = Aggregates::new("(aggregate sum (metric l* mean))".parse().unwrap()).details(true);
    let (by_user, all) =
        (|| ResourceAggregates::new(sum.clone(), ResourceSearch::generic()), ResourceSearch::generic());
    let (mine, none) = (Filter::eq("creator", "a:a"), Filter::eq("creator", "c:c"));
    let values = |answers: Vec<gnocchetti::Aggregated>| -> Vec<Vec<f64>> {
        let one =
            |one: gnocchetti::Aggregated| one.series.into_iter().flat_map(|series| series.columns.values).collect();
        answers.into_iter().map(one).collect()
    };
    let seen = db.visible(&mine).aggregates_of_resources(&by_user(), None).unwrap();
    assert_eq!(seen[0].resources.len(), 1);
    assert_eq!(seen[0].resources[0].metrics.keys().collect::<Vec<_>>(), ["extra", "load"]);
    assert_eq!(values(seen), [[3.0]]);
    assert_eq!(values(db.aggregates_of_resources(&by_user(), None).unwrap()), [[8.0]]);
    let grouped = by_user().group_by("user_id");
    assert_eq!(values(db.visible(&mine).aggregates_of_resources(&grouped, None).unwrap()), [[3.0]]);
    let other = Filter::eq("creator", "b:b");
    assert!(is_unknown(db.visible(&mine).aggregates_of_resources(&by_user(), Some(&other))));
    assert!(is_unknown(db.visible(&none).aggregates_of_resources(&by_user(), None)));

    let question = Reaggregation {
        metrics: vec!["load".to_owned()],
        method: AggregationMethod::MEAN,
        reaggregation: Some(AggregationMethod::SUM.into()),
        resample: None,
        options: EvaluateOptions::default(),
        skip_damaged: false,
    };
    let older = |filter: &Filter, groups: &[&str]| {
        values(db.visible(filter).reaggregate_resources(&question, &all, groups, &[], None).unwrap())
    };
    assert_eq!(older(&mine, &[]), [[3.0]]);
    assert_eq!(older(&mine, &["user_id"]), [vec![3.0], vec![]]);
    assert_eq!(older(&none, &[]), [[0.0; 0]]);
}

#[test]
fn a_filter_that_cannot_be_asked_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (db, metrics) = open(&directory);
    let filter = Filter::eq("host", "a");
    let visible = db.visible(&filter);
    let refused = |outcome: Result<(), Error>| assert!(matches!(outcome, Err(Error::UnknownAttribute { .. })));
    refused(visible.measures(&Query::new(metrics[0].key)).map(drop));
    refused(visible.metrics(None, 1).map(drop));
    refused(visible.aggregates(&Aggregates::new("(metric m.* mean)".parse().unwrap())).map(drop));
}
