//! Searches for resources: what each filter finds, what is refused, pages, and the past.

use super::resources::{fixture, later, thing};
use super::*;
use crate::types::{
    AttributeValue, Filter, History, Marker, NewResource, Nulls, Resource, ResourceMetric, ResourceSearch,
    ResourceUpdate, Sort,
};

fn originals(found: &[Resource]) -> Vec<&str> {
    found.iter().map(|resource| resource.original_id.as_str()).collect()
}

/// Three hosts, named so; `a` was `z` until second 10, and `b` ended at second 30.
fn populated() -> Fixture {
    let fixture = fixture();
    let batch = [
        thing("first").attribute("host", "z").user("u1").project("p"),
        thing("second").attribute("host", "b").attribute("n", 5).started_at(later(-60)),
        NewResource::named("thing", "third", Some("bob")).unwrap().attribute("host", "compute_1").attribute("b", true),
        NewResource::new("generic", Uuid::from_u128(7)).project("p"),
    ];
    let ids: Vec<_> = batch.iter().map(|new| new.id.id()).collect();
    fixture.create_resources(&batch, now()).unwrap();
    let update = |at: usize, update: ResourceUpdate, seconds| {
        fixture.update_resource(ids[at], &update, None, later(seconds)).unwrap();
    };
    update(0, ResourceUpdate::new().attribute("host", "a"), 10);
    update(1, ResourceUpdate::new().ended_at(Some(later(30))), 30);
    fixture
}

fn find(fixture: &Fixture, search: &ResourceSearch) -> Vec<String> {
    let found = fixture.search_resources(search, None).unwrap();
    originals(&found).into_iter().map(ToOwned::to_owned).collect()
}

#[test]
fn filters_find_what_they_say() {
    let fixture = populated();
    let long_id = "00000000-0000-0000-0000-000000000007";
    let cases: Vec<(&str, Vec<&str>)> = vec![
        ("", vec!["first", "second", "third"]),
        ("host = a", vec!["first"]),
        ("host != a", vec!["second", "third"]),
        ("n != 5", vec!["first", "third"]),
        ("n = null", vec!["first", "third"]),
        ("n != null", vec!["second"]),
        ("not n = 5", vec![]),
        ("n in [5, 7]", vec!["second"]),
        ("n in [null, 7]", vec!["first", "third"]),
        ("n >= '5'", vec!["second"]),
        ("b = true", vec!["third"]),
        ("host like 'compute%'", vec!["third"]),
        ("host like 'compute\\_1'", vec!["third"]),
        ("host like 'compute__'", vec!["third"]),
        ("host like 'COMPUTE%'", vec![]),
        ("host like '%e_1'", vec!["third"]),
        ("host like '*'", vec![]),
        ("id = second", vec!["second"]),
        ("id in [first, third]", vec!["first"]),
        ("original_resource_id = third", vec!["third"]),
        ("type = thing", vec!["first", "second", "third"]),
        ("creator = bob", vec!["third"]),
        ("created_by_user_id = alice", vec!["first", "second"]),
        ("created_by_user_id = bob", vec!["third"]),
        ("created_by_project_id = sales", vec!["first", "second"]),
        ("created_by_project_id = ''", vec!["third"]),
        ("created_by_project_id like 'sa%'", vec!["first", "second"]),
        ("user_id = null", vec!["second", "third"]),
        ("ended_at > '1 hour'", vec![]),
        ("started_at < '-30 seconds'", vec!["second"]),
        ("lifespan = '90 seconds'", vec!["second"]),
        ("lifespan < 90", vec![]),
        ("revision = -1", vec!["first", "second", "third"]),
        ("revision_end = null and host = a", vec!["first"]),
        ("revision_end != null", vec![]),
        ("host = a or n = 5 and type = thing", vec!["first", "second"]),
        ("host = a or user_id = u1 or id = third", vec!["first"]),
        ("false", vec![]),
        ("host = a and true", vec!["first"]),
    ];
    for (filter, expected) in cases {
        let search = ResourceSearch::of("thing").filter(Filter::parse(filter).unwrap());
        let search = search.now(now()).creator("alice:sales");
        assert_eq!(find(&fixture, &search), expected, "{filter}");
    }
    let generic = ResourceSearch::generic().filter(Filter::eq("project_id", "p"));
    assert_eq!(find(&fixture, &generic), ["first", long_id]);
}

#[test]
fn all_types_are_searched_as_generic_with_or_without_details() {
    let fixture = populated();
    let found = fixture.search_resources(&ResourceSearch::generic(), None).unwrap();
    assert_eq!(originals(&found).len(), 4);
    assert_eq!(found[0].attributes["host"], "a".into());
    let plain = fixture.search_resources(&ResourceSearch::generic().without_details(), None).unwrap();
    assert!(plain.iter().all(|resource| resource.attributes.is_empty()));
    let own = fixture.search_resources(&ResourceSearch::of("thing").without_details(), None).unwrap();
    assert_eq!(own[0].attributes["host"], "a".into());
}

#[test]
fn bad_questions_name_attribute_and_type() {
    let fixture = populated();
    let cases = [
        ("none = 1", "resource type `thing` has no attribute `none`"),
        ("metrics = 1", "resource type `thing` has no attribute `metrics`"),
        ("n = x", "`x` is no value for attribute `n`, which takes a number"),
        ("b = 1", "`1` is no value for attribute `b`, which takes true or false"),
        ("u = 5", "attribute `u`, which takes a UUID"),
        ("t = x", "attribute `t`, which takes a point in time"),
        ("started_at < '-1 hour'", "attribute `started_at`, which takes a point in time"),
        ("host < null", "`null` is no value for attribute `host`, which takes a text"),
        ("host like null", "takes a text after `like`"),
        ("host = true", "attribute `host`, which takes a text"),
        ("n like '5%'", "no text to compare by `like`"),
        ("id like 'a%'", "no text to compare by `like`"),
        ("id = 'a/b'", "attribute `id`, which takes a UUID, or a text"),
        ("lifespan = x", "attribute `lifespan`, which takes a timespan"),
        ("revision = 1.5", "attribute `revision`, which takes a whole number"),
    ];
    for (filter, expected) in cases {
        for history in [History::Current, History::All] {
            let search = ResourceSearch::of("thing").filter(Filter::parse(filter).unwrap()).history(history);
            let error = fixture.search_resources(&search, None).unwrap_err().to_string();
            assert!(error.contains(expected), "{filter}: {error}");
            let all = ResourceSearch::of("thing").history(history);
            assert_eq!(fixture.search_resources(&all, search.filter.as_ref()).unwrap_err().to_string(), error);
        }
    }
    let deep = (0..10_000).fold(Filter::eq("n", 1), |filter, _| !filter);
    let search = ResourceSearch::of("thing");
    let too_deep = fixture.search_resources(&search.clone().filter(deep), None);
    assert!(matches!(too_deep, Err(Error::FilterTooLarge { .. })));
    let none = fixture.search_resources(&ResourceSearch::of("none"), None);
    assert!(matches!(none, Err(Error::UnknownResourceType { .. })));
    let unsorted = fixture.search_resources(&search.clone().sort(Sort::by("none")), None);
    assert!(matches!(unsorted, Err(Error::UnknownAttribute { .. })));
    let sorts = (0..17).fold(search.clone(), |search, _| search.sort(Sort::by("n")));
    assert!(matches!(fixture.search_resources(&sorts, None), Err(Error::InvalidPagination { .. })));
    for marker in [Marker::from(Uuid::nil()), Marker { id: Uuid::nil(), revision: Some(1) }] {
        for history in [History::Current, History::All] {
            let behind = search.clone().history(history).after(marker);
            let error = fixture.search_resources(&behind, None).unwrap_err();
            assert!(matches!(error, Error::InvalidPagination { .. }), "{error}");
        }
    }
}

#[test]
fn the_largest_filter_is_answered() {
    let fixture = populated();
    let many = Filter::any((0..1_000).map(|i| Filter::eq("host", format!("x{i}"))));
    let deepest = (1..crate::types::MAX_DEPTH).fold(Filter::eq("host", "a"), |filter, level| {
        if level % 2 == 0 { filter.and(Filter::ne("n", 77)) } else { filter.or(Filter::eq("n", 78)) }
    });
    let values = Filter::one_of("host", (0..9_999).map(|i| format!("x{i}")).chain(["a".to_owned()]));
    for history in [History::Current, History::All] {
        let search = |filter: &Filter| ResourceSearch::of("thing").filter(filter.clone()).history(history);
        assert_eq!(fixture.search_resources(&search(&many), Some(&many)).unwrap(), []);
        assert_eq!(fixture.search_resources(&search(&deepest), Some(&values)).unwrap().len(), 1);
        assert_eq!(fixture.search_resources(&search(&values), Some(&values)).unwrap().len(), 1);
    }
}

#[test]
fn the_past_is_listed_searched_and_shown_as_it_was() {
    let fixture = populated();
    let hosts = |history, filter: &str| {
        let search = ResourceSearch::of("thing").history(history).filter(Filter::parse(filter).unwrap());
        let found = fixture.search_resources(&search, None).unwrap();
        found.iter().map(|resource| resource.attributes["host"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(hosts(History::All, ""), ["z", "a", "b", "b", "compute_1"]);
    assert_eq!(hosts(History::All, "host = z"), ["z"]);
    assert_eq!(hosts(History::All, "revision = -1"), ["a", "b", "compute_1"]);
    assert_eq!(hosts(History::All, "revision_end != null"), ["z", "b"]);
    assert_eq!(hosts(History::All, "user_id = u1 or ended_at != null"), ["z", "a", "b"]);
    let at = |seconds| History::At(later(seconds));
    assert_eq!(hosts(at(-1), ""), [""; 0]);
    assert_eq!(hosts(at(0), ""), ["z", "b", "compute_1"]);
    assert_eq!(hosts(at(9), "host = z"), ["z"]);
    assert_eq!(hosts(at(10), "host = z"), [""; 0]);
    assert_eq!(hosts(at(10), ""), ["a", "b", "compute_1"]);
    assert_eq!(hosts(at(29), "ended_at != null"), [""; 0]);
    assert_eq!(hosts(at(30), "ended_at != null"), ["b"]);
    let between = |from, to| History::Between(later(from), later(to));
    assert_eq!(hosts(between(5, 15), "id = null or host != compute_1"), ["z", "a", "b"]);
    assert_eq!(hosts(between(10, 30), ""), ["a", "b", "compute_1"]);
    assert_eq!(hosts(between(-10, 0), ""), [""; 0]);
    let generic = ResourceSearch::generic().history(History::All);
    assert_eq!(fixture.search_resources(&generic, None).unwrap().len(), 6);
}

#[test]
fn pages_follow_one_another_in_any_order() {
    let fixture = fixture();
    let batch: Vec<_> = (0..30_i32)
        .map(|i| {
            let new = thing(&format!("{i:02}")).attribute("host", format!("h{}", i % 4)).user(format!("u{}", i % 3));
            if i % 5 == 0 { new } else { new.attribute("n", i % 7) }
        })
        .collect();
    let created = fixture.create_resources(&batch, now()).unwrap().resources;
    for (at, resource) in created.iter().enumerate().filter(|(at, _)| at % 2 == 0) {
        let update = ResourceUpdate::new().attribute("n", (at % 3) as f64);
        fixture.update_resource(resource.id, &update, None, later(at as i64 % 5)).unwrap();
    }
    let by = Sort::by;
    let orders: Vec<Vec<Sort>> = vec![
        vec![],
        vec![by("id")],
        vec![by("host").descending()],
        vec![by("n")],
        vec![by("n").descending()],
        vec![by("n").nulls(Nulls::Last), by("host")],
        vec![by("n").descending().nulls(Nulls::First), by("user_id").descending()],
        vec![by("revision_start"), by("started_at")],
        vec![by("revision_end").nulls(Nulls::Last)],
        vec![by("revision"), by("ended_at").descending()],
        vec![by("type"), by("created_by_user_id"), by("original_resource_id").descending()],
    ];
    for sort in orders {
        for history in [History::Current, History::All, History::At(later(2))] {
            for filter in [None, Some(Filter::ne("host", "h1")), Some(Filter::eq("user_id", "u1"))] {
                let all = ResourceSearch { filter, sort: sort.clone(), ..ResourceSearch::of("thing").history(history) };
                let whole = fixture.search_resources(&all, None).unwrap();
                assert!(whole.len() >= 10);
                let mut paged = Vec::new();
                let mut page = all.clone().limit(7);
                loop {
                    let found = fixture.search_resources(&page, None).unwrap();
                    page.marker = found.last().map(Resource::marker);
                    let last = found.len() < 7;
                    paged.extend(found);
                    if last {
                        break;
                    }
                }
                assert_eq!(paged, whole, "{sort:?} {history:?}");
            }
        }
    }
    assert_eq!(fixture.search_resources(&ResourceSearch::of("thing").limit(0), None).unwrap(), []);
}

#[test]
fn metrics_come_with_every_state() {
    let fixture = fixture();
    let new = thing("web").metric("cpu", ResourceMetric::under("low"));
    let id = new.id.id();
    fixture.create_resources(&[new], now()).unwrap();
    fixture.update_resource(id, &ResourceUpdate::new().attribute("n", 1), None, later(1)).unwrap();
    let found = fixture.search_resources(&ResourceSearch::of("thing").history(History::All), None).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].metrics, found[1].metrics);
    assert_eq!(found[0].metrics.len(), 1);
    assert_eq!(found[0].attributes["n"], AttributeValue::Null);
}
