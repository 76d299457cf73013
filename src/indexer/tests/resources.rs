//! Resources from creation to deletion, with their history and metrics.

use super::*;
use crate::types::{
    ArchivePolicyRule, Attribute, AttributeValue, DeletedResources, Filter, History, MetricStatus, NewResource,
    Resource, ResourceMetric, ResourceSearch, ResourceType, ResourceUpdate,
};

pub(super) fn later(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(now().nanos() + seconds * 1_000_000_000).unwrap()
}

/// An index with a type of every kind of attribute, of which only `host` is required.
pub(super) fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let thing = ResourceType::new("thing")
        .attribute("host", Attribute::string_of(1, 20))
        .attribute("n", Attribute::number_of(Some(-10.0), Some(10.0)).optional())
        .attribute("b", Attribute::bool().optional())
        .attribute("u", Attribute::uuid().optional())
        .attribute("t", Attribute::datetime().optional());
    fixture.create_resource_type(&thing).unwrap();
    fixture
}

pub(super) fn thing(original: &str) -> NewResource {
    NewResource::named("thing", original, Some("alice:sales")).unwrap().attribute("host", "a")
}

fn one(fixture: &Fixture, new: NewResource) -> Resource {
    fixture.create_resources(&[new], now()).unwrap().resources.remove(0)
}

fn get(fixture: &Fixture, id: Uuid) -> Resource {
    fixture.resource(id, None).unwrap().unwrap()
}

fn history(fixture: &Fixture, id: Uuid) -> Vec<Resource> {
    let search = ResourceSearch::of("thing").filter(Filter::eq("id", id)).history(History::All);
    fixture.search_resources(&search, None).unwrap()
}

#[test]
fn a_resource_is_found_by_all_it_is_known_by() {
    let fixture = fixture();
    fixture.create_rule(&ArchivePolicyRule::new("disks", "disk*", "high").unwrap()).unwrap();
    let new = thing("web 1")
        .user("u")
        .project("p")
        .started_at(later(-100))
        .ended_at(later(-50))
        .attribute("u", "e495ebad-be64-46c0-81d6-b079beb48df9")
        .attribute("t", "-1 second")
        .metric("cpu", ResourceMetric::under("low").unit("%"))
        .metric("disk.sda", ResourceMetric::by_rule());
    let created = fixture.create_resources(&[new], now()).unwrap();
    let resource = &created.resources[0];
    assert_eq!((resource.original_id.as_str(), resource.creator.as_deref()), ("web 1", Some("alice:sales")));
    assert_eq!((resource.user_id.as_deref(), resource.project_id.as_deref()), (Some("u"), Some("p")));
    assert_eq!((resource.started_at, resource.ended_at), (later(-100), Some(later(-50))));
    assert_eq!((resource.revision, resource.revision_start, resource.revision_end), (None, now(), None));
    assert_eq!(resource.attributes["t"], later(-1).into());
    assert_eq!(resource.attributes["n"], AttributeValue::Null);
    assert_eq!(resource.attributes.len(), 5);
    let policies: Vec<_> = created.metrics.iter().map(|stored| stored.metric.archive_policy_name.as_str()).collect();
    assert_eq!(policies, ["low", "high"]);
    for stored in &created.metrics {
        let metric = &stored.metric;
        assert_eq!((metric.resource_id, metric.creator.as_deref()), (Some(resource.id), Some("alice:sales")));
        assert_eq!(resource.metrics[metric.name.as_deref().unwrap()].key, metric.key);
        assert_eq!(fixture.metric_by_id(metric.id).unwrap().as_ref(), Some(stored));
        assert_eq!(fixture.metric_by_name(metric.name.as_deref().unwrap()).unwrap(), None);
    }
    assert_eq!(fixture.metric_count().unwrap(), 2);

    let fixture = fixture.reopened();
    assert_eq!(get(&fixture, resource.id), *resource);
    let by_original = |creator| fixture.resource_by_original_id("web 1", creator, None).unwrap();
    assert_eq!(by_original(Some("alice:sales")).as_ref(), Some(resource));
    assert_eq!(by_original(Some("bob")), None);
    assert_eq!(by_original(None), None);
    assert!(matches!(fixture.resource_by_original_id("a/b", None, None), Err(Error::InvalidResourceId { .. })));
    fixture.integrity_check().unwrap();
}

#[test]
fn each_creator_has_identifiers_of_its_own() {
    let fixture = fixture();
    let of = |creator: &str| NewResource::named("generic", "zero", Some(creator)).unwrap();
    let created = fixture.create_resources(&[of("foobar"), of("pasta")], now()).unwrap();
    assert_ne!(created.resources[0].id, created.resources[1].id);
    match fixture.create_resources(&[of("foobar")], now()).unwrap_err() {
        Error::ResourceExists { resource } => assert_eq!(resource, "zero"),
        other => panic!("{other}"),
    }
}

/// Rows are written many to a statement, resources before their attributes and metrics: all find their own.
#[test]
fn a_large_batch_of_several_types_is_there_whole_or_not_at_all() {
    let fixture = fixture();
    let taken = fixture.create(NewMetric::named("taken").creator("alice:sales"));
    let new = |number: usize| {
        let original = format!("r{number:03}");
        let new = match number % 3 {
            0 => NewResource::named("generic", &original, Some("alice:sales")).unwrap(),
            _ => thing(&original).attribute("host", format!("host {number}")),
        };
        let new = (0..number % 4).fold(new, |new, at| new.metric(format!("m{at}"), ResourceMetric::under("low")));
        if number == 100 { new.metric("taken", ResourceMetric::existing(taken.metric.id)) } else { new }
    };
    for at in [0, 1, 64, 130, 147] {
        let mut batch: Vec<_> = (0..149).map(new).collect();
        batch[at] = new(148);
        match fixture.create_resources(&batch, now()) {
            Err(Error::ResourceExists { resource }) => assert_eq!(resource, "r148"),
            other => panic!("{other:?}"),
        }
        assert_eq!((fixture.metric_count().unwrap(), fixture.max_key().unwrap()), (1, Some(MetricKey::new(1))));
    }
    let batch: Vec<_> = (0..149).map(new).collect();
    let created = fixture.create_resources(&batch, now()).unwrap();
    assert_eq!(created.metrics.len(), (0..149).map(|number| number % 4).sum::<usize>());
    for (number, resource) in created.resources.iter().enumerate() {
        assert_eq!(resource.original_id, format!("r{number:03}"));
        assert_eq!(resource.metrics.len(), number % 4 + usize::from(number == 100));
        assert_eq!(fixture.resource(resource.id, None).unwrap().as_ref(), Some(resource));
    }
    for stored in &created.metrics {
        assert_eq!(fixture.metric_by_key(stored.metric.key).unwrap().as_ref(), Some(stored));
    }
    fixture.integrity_check().unwrap();
}

#[test]
fn a_metric_makes_room_for_a_new_one_of_its_name() {
    let fixture = fixture();
    let resource = one(&fixture, thing("there").metric("b", ResourceMetric::under("low")));
    let old = resource.metrics["b"];
    let metrics = [("a".to_owned(), ResourceMetric::existing(old.id)), ("b".to_owned(), ResourceMetric::under("low"))];
    let updated = fixture.append_metrics(resource.id, &metrics.into(), None, now()).unwrap();
    assert_eq!(updated.metrics.len(), 1);
    assert_eq!(updated.resource.metrics["a"], old);
    assert_ne!(updated.resource.metrics["b"], old);
}

#[test]
fn one_bad_resource_leaves_nothing_of_its_batch() {
    let fixture = fixture();
    one(&fixture, thing("there").metric("cpu", ResourceMetric::under("low")));
    let elsewhere = fixture.create(NewMetric::named("elsewhere").creator("bob"));
    let long = || "x".repeat(1_000_000);
    let cases: Vec<(NewResource, &str)> = vec![
        (thing("there"), "resource `there` already exists"),
        (thing("first"), "resource `first` already exists"),
        (NewResource { resource_type: "none".to_owned(), ..thing("x") }, "resource type `none` does not exist"),
        (NewResource { resource_type: long(), ..thing("x") }, "does not exist"),
        (NewResource::named("thing", "x", None).unwrap(), "resource type `thing` requires attribute `host`"),
        (thing("x").attribute("host", AttributeValue::Null), "requires attribute `host`"),
        (thing("x").attribute("none", 1), "resource type `thing` has no attribute `none`"),
        (thing("x").attribute(long(), 1), "has no attribute `xxx"),
        (thing("x").attribute("n", 11), "`11` is no value for attribute `n`, which takes a number from -10 to 10"),
        (thing("x").attribute("host", long()), "takes a text of 1 to 20 characters"),
        (thing("x").attribute("u", "no"), "`no` is no value for attribute `u`, which takes a UUID"),
        (thing("x").user("ä".repeat(256)), "attribute `user_id`, which takes a text of at most 255"),
        (thing("x").project("a\0"), "attribute `project_id`"),
        (thing("x").creator(long()), "attribute `creator`"),
        (thing("x").ended_at(later(-1)), "attribute `ended_at`, which takes a time not before it started"),
        (thing("x").metric("a/b", ResourceMetric::under("low")), "contains `/`"),
        (thing("x").metric("", ResourceMetric::under("low")), "is empty"),
        (thing("x").metric("a", ResourceMetric::under("none")), "archive policy `none` does not exist"),
        (thing("x").metric("a", ResourceMetric::under("low").unit("u".repeat(32))), "more than 31"),
        (thing("x").metric("a", ResourceMetric::existing(Uuid::nil())), "metric `00000000-"),
        (thing("x").metric("a", ResourceMetric::existing(elsewhere.metric.id)), "does not exist"),
    ];
    for (bad, expected) in cases {
        let batch = [thing("first").metric("m", ResourceMetric::under("low")), bad];
        let error = fixture.create_resources(&batch, now()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.len() < 1_500, "{error}");
        assert_eq!(fixture.resource_by_original_id("first", Some("alice:sales"), None).unwrap(), None);
        assert_eq!((fixture.metric_count().unwrap(), fixture.max_key().unwrap()), (2, Some(MetricKey::new(2))));
    }
    fixture.delete_rule("default").unwrap();
    let no_rule = fixture.create_resources(&[thing("x").metric("m", ResourceMetric::by_rule())], now());
    assert!(matches!(no_rule, Err(Error::NoArchivePolicyRuleMatch { .. })));
    assert_eq!(fixture.create_resources(&[], now()).unwrap(), CreatedResources::default());
    fixture.integrity_check().unwrap();
}

#[test]
fn metrics_that_are_there_can_be_taken() {
    let fixture = fixture();
    let mine = fixture.create(NewMetric::named("loose").creator("alice:sales"));
    let first = one(&fixture, thing("1").metric("cpu", ResourceMetric::existing(mine.metric.id)));
    assert_eq!(first.metrics["cpu"].key, mine.metric.key);
    let taken = fixture.metric_by_id(mine.metric.id).unwrap().unwrap().metric;
    assert_eq!((taken.name.as_deref(), taken.resource_id), (Some("cpu"), Some(first.id)));
    assert_eq!(fixture.metric_by_name("loose").unwrap(), None);
    // The name is free again, and names of metrics of resources do not count among those of nobody.
    fixture.create(NewMetric::named("loose"));
    fixture.create(NewMetric::named("cpu"));
    let second = one(&fixture, thing("2").metric("load", ResourceMetric::existing(mine.metric.id)));
    assert_eq!(get(&fixture, first.id).metrics.len(), 0);
    assert_eq!(get(&fixture, second.id).metrics["load"].key, mine.metric.key);
    assert_eq!(fixture.metric_count().unwrap(), 3);
}

#[test]
fn a_change_makes_a_revision_only_when_something_changes() {
    let fixture = fixture();
    let id = one(&fixture, thing("web").user("u").attribute("n", 1)).id;
    let update = |update: ResourceUpdate, at| fixture.update_resource(id, &update, None, later(at)).unwrap();
    let new = ResourceUpdate::new;
    for same in [new(), new().user(Some("u")).attribute("n", 1).attribute("b", AttributeValue::Null)] {
        let outcome = update(same, 1);
        assert!(!outcome.revised);
        assert_eq!(outcome.resource, get(&fixture, id));
    }
    assert_eq!(history(&fixture, id).len(), 1);

    let changed = update(new().user(None).attribute("host", "b").attribute("b", true), 10);
    assert!(changed.revised);
    assert_eq!(changed.resource, get(&fixture, id));
    assert!(update(new().ended_at(Some(later(15))).attribute("n", AttributeValue::Null), 20).revised);
    let states = history(&fixture, id);
    let shown: Vec<_> = states
        .iter()
        .map(|state| {
            let host = state.attributes["host"].to_string();
            (state.revision, state.user_id.as_deref(), host, state.revision_start, state.revision_end)
        })
        .collect();
    let expected = [
        (Some(1), Some("u"), "a".to_owned(), now(), Some(later(10))),
        (Some(2), None, "b".to_owned(), later(10), Some(later(20))),
        (None, None, "b".to_owned(), later(20), None),
    ];
    assert_eq!(shown, expected);
    assert_eq!(states[2].attributes["n"], AttributeValue::Null);
    assert_eq!(states[1].attributes["n"], 1.into());
    assert_eq!(states[2], get(&fixture, id));
    fixture.integrity_check().unwrap();
}

#[test]
fn a_clock_that_went_back_keeps_the_history_in_order() {
    let fixture = fixture();
    let id = one(&fixture, thing("web")).id;
    for (host, at) in [("b", -5), ("c", -5), ("d", 5)] {
        fixture.update_resource(id, &ResourceUpdate::new().attribute("host", host), None, later(at)).unwrap();
    }
    let states = history(&fixture, id);
    let hosts: Vec<_> = states.iter().map(|state| state.attributes["host"].to_string()).collect();
    assert_eq!(hosts, ["a", "b", "c", "d"]);
    for pair in states.windows(2) {
        assert_eq!(pair[0].revision_end, Some(pair[1].revision_start));
        assert!(pair[0].revision_start < pair[1].revision_start, "states are told apart by their beginnings");
    }
}

#[test]
fn what_somebody_else_changed_is_neither_changed_nor_deleted() {
    let fixture = fixture();
    let seen = one(&fixture, thing("web"));
    let host = |host: &str| ResourceUpdate::new().attribute("host", host);
    let theirs = fixture.update_resource(seen.id, &host("b"), None, later(1)).unwrap().resource;
    let late = fixture.update_resource(seen.id, &host("c").if_unchanged_since(seen.revision_start), None, later(2));
    let Err(Error::ResourceChanged { resource, expected, since }) = late else { panic!("{late:?}") };
    let times = (seen.revision_start.to_string(), theirs.revision_start.to_string());
    assert_eq!((resource, expected, since), (seen.id.to_string(), times.0, times.1));
    let late = fixture.delete_resource(seen.id, Some(seen.revision_start), None);
    assert!(matches!(late, Err(Error::ResourceChanged { .. })), "{late:?}");
    assert_eq!(fixture.resource(seen.id, None).unwrap(), Some(theirs.clone()));
    let in_time = host("c").if_unchanged_since(theirs.revision_start);
    let mine = fixture.update_resource(seen.id, &in_time, None, later(3)).unwrap().resource;
    assert_eq!(fixture.delete_resource(seen.id, Some(mine.revision_start), None).unwrap().resources, 1);
}

#[test]
fn a_bad_change_leaves_all_as_it_was() {
    let fixture = fixture();
    let id = one(&fixture, thing("web").metric("cpu", ResourceMetric::under("low"))).id;
    let before = history(&fixture, id);
    let new = ResourceUpdate::new;
    let cases = [
        (new().user(Some("u")).attribute("none", 1), "has no attribute `none`"),
        (new().user(Some("u")).attribute("host", ""), "a text of 1 to 20"),
        (new().attribute("host", AttributeValue::Null), "requires attribute `host`"),
        (new().user(Some(&"x".repeat(1_000_000))), "attribute `user_id`"),
        (new().ended_at(Some(later(-1))), "attribute `ended_at`"),
        (new().user(Some("u")).metric("x", ResourceMetric::under("none")), "archive policy `none`"),
        (new().user(Some("u")).metric("x", ResourceMetric::existing(Uuid::nil())), "does not exist"),
    ];
    for (bad, expected) in cases {
        let error = fixture.update_resource(id, &bad, None, later(1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(history(&fixture, id), before);
    }
    let unknown = fixture.update_resource(Uuid::nil(), &new(), None, now());
    assert!(matches!(unknown, Err(Error::UnknownResource { .. })));
}

#[test]
fn metrics_are_replaced_and_appended_without_a_revision() {
    let fixture = fixture();
    let low = || ResourceMetric::under("low");
    let first = one(&fixture, thing("web").metric("cpu", low()).metric("disk", low()));
    let cpu = first.metrics["cpu"];
    let update = ResourceUpdate::new().metric("load", ResourceMetric::existing(cpu.id)).metric("disk", low());
    let outcome = fixture.update_resource(first.id, &update, None, later(1)).unwrap();
    assert!(!outcome.revised);
    assert_eq!(outcome.resource.metrics.keys().collect::<Vec<_>>(), ["disk", "load"]);
    assert_eq!((outcome.resource.metrics["load"], outcome.metrics.len()), (cpu, 1));
    // The disk that was taken away is there still, known by its id only.
    let loose = fixture.metric_by_id(first.metrics["disk"].id).unwrap().unwrap().metric;
    assert_eq!((loose.name, loose.resource_id, loose.status), (None, None, MetricStatus::Active));
    assert_eq!(fixture.metric_count().unwrap(), 3);

    let more = [("net".to_owned(), low())].into();
    let outcome = fixture.append_metrics(first.id, &more, None, later(2)).unwrap();
    assert_eq!(outcome.resource.metrics.len(), 3);
    assert_eq!(outcome.metrics[0].metric.name.as_deref(), Some("net"));
    assert!(matches!(fixture.append_metrics(first.id, &more, None, now()), Err(Error::MetricExists { .. })));
    assert!(matches!(fixture.append_metrics(Uuid::nil(), &more, None, now()), Err(Error::UnknownResource { .. })));
    let none = fixture.update_resource(first.id, &ResourceUpdate::new().no_metrics(), None, later(3)).unwrap();
    assert_eq!(none.resource.metrics.len(), 0);
    assert_eq!(history(&fixture, first.id).len(), 1);
    assert_eq!(fixture.metric_count().unwrap(), 4);
    fixture.integrity_check().unwrap();
}

#[test]
fn deleting_takes_the_history_and_the_metrics_along() {
    let fixture = fixture();
    let low = || ResourceMetric::under("low");
    let web = one(&fixture, thing("web").metric("cpu", low()).metric("disk", low()));
    let other = one(&fixture, thing("other").metric("cpu", low()));
    fixture.update_resource(web.id, &ResourceUpdate::new().attribute("n", 1), None, later(1)).unwrap();
    let deleted = fixture.delete_resource(web.id, None, None).unwrap();
    let keys = vec![web.metrics["cpu"].key, web.metrics["disk"].key];
    assert_eq!((deleted.resources, deleted.metrics.clone()), (1, keys.clone()));
    assert_eq!(fixture.resource(web.id, None).unwrap(), None);
    assert_eq!((fixture.metric_count().unwrap(), fixture.deleted_keys().unwrap()), (1, keys.clone()));
    assert_eq!(get(&fixture, other.id), other);
    for table in ["revisions", "revision_attributes_2"] {
        let rows: i64 =
            fixture.reader.lock().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    assert!(matches!(fixture.delete_resource(web.id, None, None), Err(Error::UnknownResource { .. })));
    assert_eq!(one(&fixture, thing("web").metric("cpu", low())).id, web.id);
    assert_eq!(fixture.purge(&keys).unwrap(), 2);
    fixture.integrity_check().unwrap();
}

#[test]
fn many_are_deleted_by_a_filter_that_says_something() {
    let fixture = fixture();
    let batch: Vec<_> =
        (0..10).map(|i| thing(&format!("{i}")).attribute("n", i).metric("cpu", ResourceMetric::under("low"))).collect();
    fixture.create_resources(&batch, now()).unwrap();
    fixture.create_resources(&[NewResource::named("generic", "g", None).unwrap()], now()).unwrap();
    let everything =
        [None, Some(Filter::all([])), Some(!Filter::any([])), Some(Filter::parse("true or n = 1").unwrap())];
    for filter in everything {
        let search = ResourceSearch { filter, ..ResourceSearch::of("thing") };
        assert!(matches!(fixture.delete_resources(&search, None), Err(Error::InvalidFilter { .. })));
    }
    let past = ResourceSearch::of("thing").filter(Filter::lt("n", 3)).history(History::All);
    assert!(matches!(fixture.delete_resources(&past, None), Err(Error::InvalidQuery { .. })));
    assert_eq!(fixture.metric_count().unwrap(), 10);

    let some = ResourceSearch::of("thing").filter(Filter::lt("n", 4));
    let visible = Filter::ge("n", 2);
    let deleted = fixture.delete_resources(&some, Some(&visible)).unwrap();
    assert_eq!((deleted.resources, deleted.metrics.len(), fixture.metric_count().unwrap()), (2, 2, 8));
    let rest = ResourceSearch::generic().filter(Filter::ne("type", "none"));
    assert_eq!(fixture.delete_resources(&rest, None).unwrap().resources, 9);
    assert_eq!(fixture.delete_resources(&rest, None).unwrap(), DeletedResources::default());
    fixture.integrity_check().unwrap();
}

#[test]
fn who_may_not_see_a_resource_cannot_touch_it() {
    let fixture = fixture();
    let id = one(&fixture, thing("web").project("p")).id;
    let hidden = Filter::eq("project_id", "q");
    let shown = Filter::eq("created_by_project_id", "sales");
    assert_eq!(fixture.resource(id, Some(&hidden)).unwrap(), None);
    assert_eq!(fixture.resource(id, Some(&shown)).unwrap(), Some(get(&fixture, id)));
    let search = ResourceSearch::of("thing");
    assert_eq!(fixture.search_resources(&search, Some(&hidden)).unwrap(), []);
    assert!(matches!(
        fixture.search_resources(&search.clone().after(id), Some(&hidden)),
        Err(Error::InvalidPagination { .. })
    ));
    assert!(fixture.search_resources(&search.after(id), Some(&shown)).unwrap().is_empty());
    let update = ResourceUpdate::new().user(Some("u"));
    let refused = [
        fixture.update_resource(id, &update, Some(&hidden), now()).unwrap_err(),
        fixture.append_metrics(id, &[].into(), Some(&hidden), now()).unwrap_err(),
        fixture.delete_resource(id, None, Some(&hidden)).unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, Error::UnknownResource { .. }), "{error}");
    }
    assert!(fixture.update_resource(id, &update, Some(&shown), now()).unwrap().revised);
    assert_eq!(fixture.delete_resource(id, None, Some(&shown)).unwrap().resources, 1);
}

#[test]
fn silent_resources_end_and_open_again() {
    let fixture = fixture();
    let low = || ResourceMetric::under("low");
    let web = one(&fixture, thing("web").metric("cpu", low()).metric("disk", low()));
    let other = one(&fixture, thing("other").metric("cpu", low()));
    one(&fixture, thing("bare"));
    let [cpu, disk, busy] = [web.metrics["cpu"].key, web.metrics["disk"].key, other.metrics["cpu"].key];
    assert!(fixture.silent_resources(&[cpu, MetricKey::new(99)]).unwrap().is_empty());
    assert_eq!(fixture.silent_resources(&[cpu, disk]).unwrap(), [web.id]);
    assert_eq!(fixture.silent_resources(&[busy, cpu, disk]).unwrap(), [web.id, other.id]);

    assert_eq!(fixture.end_resources(&[web.id, Uuid::nil()], later(10), later(10)).unwrap(), [web.id]);
    assert_eq!(get(&fixture, web.id).ended_at, Some(later(10)));
    assert!(fixture.silent_resources(&[cpu, disk]).unwrap().is_empty());
    assert!(fixture.end_resources(&[web.id], later(20), later(20)).unwrap().is_empty());
    assert_eq!(fixture.end_resources(&[other.id], later(-100), later(10)).unwrap(), [other.id]);
    assert_eq!(get(&fixture, other.id).ended_at, Some(other.started_at));

    assert!(fixture.reopen_resources(&[(cpu, later(9))], later(30)).unwrap().is_empty());
    assert_eq!(fixture.reopen_resources(&[(cpu, later(10)), (disk, later(40))], later(30)).unwrap(), [web.id]);
    assert_eq!(get(&fixture, web.id).ended_at, None);
    assert_eq!(history(&fixture, web.id).len(), 3);

    assert_eq!(fixture.delete_ended_resources(now(), 10).unwrap(), DeletedResources::default());
    let gone = fixture.delete_ended_resources(later(1), 10).unwrap();
    assert_eq!((gone.resources, gone.metrics), (1, vec![busy]));
    fixture.end_resources(&[web.id], later(50), later(50)).unwrap();
    assert_eq!(fixture.delete_ended_resources(later(51), 0).unwrap().resources, 0);
    assert_eq!(fixture.delete_ended_resources(later(51), 1).unwrap().resources, 1);
}

#[test]
fn groups_are_by_value_and_sorted() {
    let fixture = fixture();
    let values: [(&str, AttributeValue); 5] =
        [("b", 1.into()), ("a", 2.into()), ("b", AttributeValue::Null), ("b", 1.into()), ("a", (-0.0).into())];
    let batch: Vec<_> = values
        .into_iter()
        .enumerate()
        .map(|(i, (host, n))| thing(&format!("{i}")).attribute("host", host).attribute("n", n))
        .collect();
    let created = fixture.create_resources(&batch, now()).unwrap().resources;
    fixture
        .update_resource(created[4].id, &ResourceUpdate::new().attribute("n", 0).user(Some("u")), None, later(5))
        .unwrap();
    let group = |search: ResourceSearch, attributes: &[&str]| {
        let groups = fixture.group_resources(&search, attributes, None).unwrap();
        let shown = |group: &crate::types::ResourceGroup| {
            let values: Vec<_> = group.group.iter().map(|(_, value)| value.to_string()).collect();
            let members: Vec<_> = group.resources.iter().map(|resource| resource.original_id.clone()).collect();
            format!("{}: {}", values.join(" "), members.join(" "))
        };
        groups.iter().map(shown).collect::<Vec<_>>()
    };
    let all = || ResourceSearch::of("thing");
    assert_eq!(group(all(), &["host"]), ["a: 1 4", "b: 0 2 3"]);
    assert_eq!(group(all(), &["n", "host"]), ["null b: 2", "0 a: 4", "1 b: 0 3", "2 a: 1"]);
    assert_eq!(group(all(), &[]), [": 0 1 2 3 4"]);
    assert_eq!(group(all().filter(Filter::eq("n", 9)), &[]), [""; 0]);
    assert_eq!(group(all().history(History::All), &["user_id"]), ["null: 0 1 2 3 4", "u: 4"]);
    assert_eq!(group(all().history(History::At(now())), &["user_id", "host"]), ["null a: 1 4", "null b: 0 2 3"]);
    assert_eq!(group(all(), &["created_by_project_id", "type"]), ["sales thing: 0 1 2 3 4"]);
    for bad in ["none", "metrics", &"x".repeat(1_000_000)] {
        let error = fixture.group_resources(&all(), &[bad], None).unwrap_err();
        assert!(matches!(error, Error::UnknownAttribute { .. }) && error.to_string().len() < 1_000);
    }
    assert!(matches!(fixture.group_resources(&all(), &["n"; 17], None), Err(Error::InvalidQuery { .. })));
}

#[test]
fn an_index_of_the_first_version_keeps_its_metrics() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.sqlite");
    let mut connection = connection::writer(&path).unwrap();
    schema::prepare_up_to(&mut connection, &path, 1).unwrap();
    let v1 = "INSERT INTO archive_policies (name, policy, revision) VALUES ('p', '{}', 1);
        INSERT INTO metrics (id, name, policy_id, status, created_at) VALUES
            (x'00000000000000000000000000000001', 'cpu', 1, 0, 5), (x'00000000000000000000000000000002', NULL, 1, 0, 6),
            (x'00000000000000000000000000000003', 'cpu', 1, 1, 7);
        UPDATE metric_totals SET active = 2;";
    connection.execute_batch(v1).unwrap();
    drop(connection);
    let index = Indexer::open(&path).unwrap();
    index.integrity_check().unwrap();
    assert_eq!(index.metric_by_name("cpu").unwrap().unwrap().metric.id, Uuid::from_u128(1));
    assert_eq!(index.metric_by_id(Uuid::from_u128(2)).unwrap().unwrap().metric.name, None);
    assert_eq!(index.deleted_keys().unwrap(), [MetricKey::new(3)]);
    assert_eq!(index.resource_types().unwrap().len(), 1);
}

#[test]
fn an_index_of_the_second_version_keeps_names_and_lets_creators_share_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.sqlite");
    let mut connection = connection::writer(&path).unwrap();
    schema::prepare_up_to(&mut connection, &path, 2).unwrap();
    let v2 = "INSERT INTO archive_policies (name, policy, revision) VALUES ('p', '{}', 1);
        INSERT INTO resources (id, original_id, type_id, creator, started_at, revision_start)
            VALUES (x'0000000000000000000000000000000a', 'r', 1, 'alice', 0, 0);
        INSERT INTO metrics (id, name, creator, policy_id, status, created_at, resource_key) VALUES
            (x'00000000000000000000000000000001', 'cpu', 'alice', 1, 0, 5, NULL),
            (x'00000000000000000000000000000002', 'cpu', 'alice', 1, 0, 6, 1),
            (x'00000000000000000000000000000003', 'disk', NULL, 1, 0, 7, NULL);
        UPDATE metric_totals SET active = 3;";
    connection.execute_batch(v2).unwrap();
    drop(connection);
    let index = Indexer::open(&path).unwrap();
    index.integrity_check().unwrap();
    let named = |name: &str| index.metric_by_name(name).unwrap().unwrap().metric.id.as_u128();
    assert_eq!((named("cpu"), named("disk")), (1, 3));
    let new = |name: &str| NewMetric::named(name).archive_policy("p");
    index.create_metrics(&[new("cpu").creator("alice"), new("disk").creator("bob")], now()).unwrap();
    assert!(matches!(index.create_metrics(&[new("disk")], now()), Err(Error::MetricExists { .. })));
    assert_eq!((named("cpu"), named("disk")), (1, 3));
    index.integrity_check().unwrap();
}

#[test]
fn attributes_are_part_of_the_check() {
    let fixture = fixture();
    let id = one(&fixture, thing("web")).id;
    fixture.update_resource(id, &ResourceUpdate::new().attribute("n", 1), None, later(1)).unwrap();
    fixture.integrity_check().unwrap();
    let spoil = |sql: &str| fixture.writer("test").unwrap().execute_batch(sql).unwrap();
    spoil("DELETE FROM resource_attributes_2; INSERT INTO revision_attributes_2 (revision) VALUES (99)");
    let findings = fixture.integrity_check().unwrap_err().to_string();
    for expected in ["1 resources of type `thing` have no attributes, and 0", "0 revisions of type `thing` have no"] {
        assert!(findings.contains(expected), "{findings}");
    }
    assert!(matches!(fixture.resource(id, None), Err(Error::Corrupt(_))));
}

#[test]
fn a_full_disk_leaves_no_resource() {
    let fixture = fixture();
    let pages: i64 = fixture.writer("test").unwrap().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    fixture.writer("test").unwrap().pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    let batch: Vec<_> = (0..1000).map(|i| thing(&format!("{i}")).metric("cpu", ResourceMetric::under("low"))).collect();
    assert!(matches!(fixture.create_resources(&batch, now()), Err(Error::DiskFull { .. })));
    assert_eq!(fixture.search_resources(&ResourceSearch::generic(), None).unwrap(), []);
    assert_eq!(fixture.metric_count().unwrap(), 0);
}
