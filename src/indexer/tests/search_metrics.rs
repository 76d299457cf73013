//! Searches for metrics.

use super::resources::{fixture, thing};
use super::*;
use crate::types::{Filter, Marker, MetricSearch, MetricStatus, NewResource, ResourceMetric, Sort};

fn populated() -> Fixture {
    let fixture = fixture();
    let metrics = [
        NewMetric::named("loose").creator("alice:sales").unit("%").id(Uuid::from_u128(1)),
        NewMetric::unnamed().creator("bob").archive_policy("high").id(Uuid::from_u128(2)),
        NewMetric::named("gone").creator("bob").id(Uuid::from_u128(3)),
    ];
    let gone = fixture.create_metrics(&metrics, now()).unwrap()[2].metric.key;
    fixture.mark_deleted(gone).unwrap();
    let low = || ResourceMetric::under("low").unit("B");
    let batch = [
        thing("web").project("p").metric("cpu", low()).metric("disk", low()),
        NewResource::named("generic", "other", None).unwrap().project("q").metric("cpu", low()),
    ];
    fixture.create_resources(&batch, now()).unwrap();
    fixture
}

fn keys_of(fixture: &Fixture, search: &MetricSearch, visibility: Option<&Filter>) -> Vec<u64> {
    let found = fixture.search_metrics(search, visibility).unwrap();
    found.iter().map(|stored| stored.metric.key.get()).collect()
}

#[test]
fn metrics_are_found_by_every_attribute() {
    let fixture = populated();
    let cases: Vec<(&str, Vec<u64>)> = vec![
        ("", vec![1, 2, 4, 5, 6]),
        ("id = '00000000-0000-0000-0000-000000000002'", vec![2]),
        ("name = cpu", vec![4, 6]),
        ("name = null", vec![2]),
        ("name != cpu", vec![1, 2, 5]),
        ("name like 'c%'", vec![4, 6]),
        ("name like '%o%'", vec![1]),
        ("unit = '%'", vec![1]),
        ("unit in [B, '%']", vec![1, 4, 5, 6]),
        ("unit = null", vec![2]),
        ("creator = bob", vec![2]),
        ("creator = null", vec![6]),
        ("created_by_user_id = alice", vec![1, 4, 5]),
        ("created_by_project_id = sales", vec![1, 4, 5]),
        ("archive_policy_name = low", vec![1, 4, 5, 6]),
        ("archive_policy_name != low", vec![2]),
        ("archive_policy_name in [high, none]", vec![2]),
        ("resource_id = web", vec![4, 5]),
        ("resource_id = null", vec![1, 2]),
        ("resource_id != web", vec![1, 2, 6]),
        ("status = active and unit = B", vec![4, 5, 6]),
        ("status = delete", vec![3]),
        ("status = delete and creator = bob", vec![3]),
        ("status = delete and name = gone", vec![3]),
        ("status != active", vec![]),
        ("created_at < now", vec![]),
        ("resource.project_id = p", vec![4, 5]),
        ("resource.project_id in [p, q]", vec![4, 5, 6]),
        ("resource.type = generic", vec![6]),
        ("resource.type in [thing]", vec![4, 5]),
        ("resource.creator = 'alice:sales' and name = disk", vec![5]),
        ("resource.ended_at = null and resource_id != null", vec![4, 5, 6]),
        ("creator = bob or resource.project_id = q", vec![2, 6]),
    ];
    for (filter, expected) in cases {
        let filter = Filter::parse(filter).unwrap();
        let search = MetricSearch { now: Some(now()), creator: Some("alice:sales".to_owned()), ..MetricSearch::new() };
        let search = search.filter(filter.clone());
        assert_eq!(keys_of(&fixture, &search, None), expected, "{filter:?}");
    }
    assert_eq!(keys_of(&fixture, &MetricSearch::new().status(MetricStatus::Delete), None), [3]);
}

#[test]
fn pages_of_metrics_keep_to_what_may_be_seen() {
    let fixture = populated();
    let visible = Filter::parse("creator = 'alice:sales' or resource.project_id = q").unwrap();
    assert_eq!(keys_of(&fixture, &MetricSearch::new(), Some(&visible)), [1, 4, 5, 6]);
    let by_name = MetricSearch::new().sort(Sort::by("name").descending()).limit(2);
    assert_eq!(keys_of(&fixture, &by_name, Some(&visible)), [1, 5]);
    let marker = fixture.metric_by_key(MetricKey::new(5)).unwrap().unwrap().metric.id;
    assert_eq!(keys_of(&fixture, &by_name.clone().after(marker), Some(&visible)), [4, 6]);
    for hidden in [Uuid::from_u128(2), Uuid::from_u128(3), Uuid::from_u128(99)] {
        let error = fixture.search_metrics(&by_name.clone().after(hidden), Some(&visible)).unwrap_err();
        assert!(matches!(error, Error::InvalidPagination { .. }), "{error}");
    }
    let revision = Marker { id: marker, revision: Some(1) };
    assert!(matches!(fixture.search_metrics(&by_name.after(revision), None), Err(Error::InvalidPagination { .. })));
}

#[test]
fn bad_questions_about_metrics_are_refused() {
    let fixture = populated();
    for (filter, expected) in [
        ("host = 1", "a metric has no attribute `host`"),
        ("resource.host = 1", "a metric has no attribute `resource.host`"),
        ("resource.revision = 1", "a metric has no attribute `resource.revision`"),
        ("id = x", "attribute `id`, which takes a UUID"),
        ("status = x", "attribute `status`, which takes `active` or `delete`"),
    ] {
        let search = MetricSearch::new().filter(Filter::parse(filter).unwrap());
        let error = fixture.search_metrics(&search, None).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn names_are_found_by_what_they_begin_with() {
    let fixture = populated();
    let named = |name: &str| NewMetric::named(name);
    let many = [
        named("loosely").creator("x"),
        named("loosely").creator("y"),
        named("lop"),
        named("löse"),
        named("Loose"),
        named("%"),
    ];
    fixture.create_metrics(&many, now()).unwrap();
    let found = |prefix: &str, keep: &dyn Fn(&str) -> bool| -> Vec<(u64, String)> {
        let found = fixture.metrics_by_prefix(prefix, keep).unwrap();
        for named in &found {
            assert_eq!(fixture.metric_by_id(named.id).unwrap().unwrap().metric.key, named.key);
        }
        found.into_iter().map(|named| (named.key.get(), named.name)).collect()
    };
    let all = |_: &str| true;
    let expected = |rows: &[(u64, &str)]| rows.iter().map(|(key, name)| (*key, (*name).to_owned())).collect::<Vec<_>>();
    assert_eq!(found("loos", &all), expected(&[(1, "loose"), (7, "loosely"), (8, "loosely")]));
    assert_eq!(found("loos", &|name| name.ends_with('e')), expected(&[(1, "loose")]));
    assert_eq!(found("lö", &all), expected(&[(10, "löse")]));
    assert_eq!(found("%", &all), expected(&[(12, "%")]));
    assert_eq!(found("gone", &all), [], "deleted");
    assert_eq!(found("cpu", &all), [], "of a resource");
    assert_eq!(found("", &all).len(), 7);
}
