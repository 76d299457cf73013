//! Resources on a database: what becomes of their metrics' measures when they are created, changed, deleted and crash.

use gnocchetti::{
    Attribute, Database, Error, Filter, History, NewResource, Options, Query, ResourceMetric, ResourceSearch,
    ResourceType, ResourceUpdate, Timespan, Timestamp,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000).unwrap()
}

fn open(directory: &tempfile::TempDir) -> Database {
    let options = Options::new().default_policies(true).background(false);
    Database::open(directory.path().join("db"), options).unwrap()
}

fn instances(db: &Database, count: usize) -> Vec<gnocchetti::Resource> {
    let instance = ResourceType::new("instance").attribute("host", Attribute::string());
    db.create_resource_type(&instance).unwrap();
    let new = |i: usize| {
        let resource = NewResource::named("instance", &format!("vm-{i}"), None).unwrap();
        resource.attribute("host", format!("node-{}", i % 2)).metric("cpu", ResourceMetric::default())
    };
    db.create_resources(&(0..count).map(new).collect::<Vec<_>>()).unwrap()
}

fn by_host(host: &str) -> ResourceSearch {
    ResourceSearch::of("instance").filter(Filter::parse(&format!("host = '{host}'")).unwrap())
}

#[test]
fn metrics_of_resources_are_pushed_to_at_once_and_found_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let created = instances(&db, 4);
    let key = created[2].metrics["cpu"].key;
    db.push(key, at(0), 7.0).unwrap();
    drop(db);
    let db = open(&directory);
    let found = db.resource_by_original_id("vm-2", None, None).unwrap();
    assert_eq!(found, created[2]);
    assert_eq!(db.measures(&Query::new(found.metrics["cpu"].key)).unwrap().values, [7.0]);
    assert_eq!(db.metric_by_key(key).unwrap().resource_id, Some(found.id));
}

#[test]
fn deleted_resources_take_their_metrics_with_them() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let created = instances(&db, 4);
    for resource in &created {
        db.push(resource.metrics["cpu"].key, at(0), 1.0).unwrap();
    }
    assert!(db.delete_resources(&ResourceSearch::of("instance"), None).is_err(), "a search of everything");
    let deleted = db.delete_resources(&by_host("node-1"), None).unwrap();
    assert_eq!((deleted.resources, deleted.metrics.len()), (2, 2));
    for key in &deleted.metrics {
        assert!(matches!(db.push(*key, at(1), 1.0), Err(Error::UnknownMetric { .. })));
        assert!(matches!(db.measures(&Query::new(*key)), Err(Error::UnknownMetric { .. })));
    }
    assert_eq!(db.search_resources(&ResourceSearch::of("instance"), None).unwrap().len(), 2);
    drop(db);
    let db = open(&directory);
    assert!(matches!(db.resource(created[1].id, None), Err(Error::UnknownResource { .. })));
    assert!(matches!(db.push(deleted.metrics[0], at(1), 1.0), Err(Error::UnknownMetric { .. })));
    db.maintain().unwrap();
    assert_eq!(db.deleted_metrics(None, 10).unwrap(), []);
}

#[test]
fn a_change_leaves_the_state_before_it_in_the_history() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let id = instances(&db, 1)[0].id;
    let moved = db.update_resource(id, &ResourceUpdate::new().attribute("host", "node-9"), None).unwrap();
    let again = db.update_resource(id, &ResourceUpdate::new().attribute("host", "node-9"), None).unwrap();
    assert_eq!(moved, again, "nothing changed, so nothing was revised");
    let history = db.search_resources(&ResourceSearch::of("instance").history(History::All), None).unwrap();
    let hosts: Vec<String> = history.iter().map(|state| format!("{:?}", state.attributes["host"])).collect();
    assert_eq!(hosts.len(), 2);
    assert!(hosts[0].contains("node-0") && hosts[1].contains("node-9"), "{hosts:?}");
    assert_eq!(history[0].revision_end, Some(history[1].revision_start));
    assert_eq!(db.search_resources(&by_host("node-0"), None).unwrap().len(), 0);
    let groups = db.group_resources(&ResourceSearch::of("instance"), &["host"], None).unwrap();
    assert_eq!((groups.len(), groups[0].resources.len()), (1, 1));
}

#[test]
fn who_may_not_see_a_resource_is_told_that_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let created = instances(&db, 2);
    let mine = Filter::parse("host = 'node-0'").unwrap();
    let visibility = Some(&mine);
    let theirs = created[1].id;
    assert_eq!(db.search_resources(&ResourceSearch::of("instance"), visibility).unwrap().len(), 1);
    let change = ResourceUpdate::new().attribute("host", "node-0");
    let user = Filter::parse("user_id = 'alice'").unwrap();
    assert!(matches!(db.resource(theirs, Some(&user)), Err(Error::UnknownResource { .. })));
    assert!(matches!(db.update_resource(theirs, &change, Some(&user)), Err(Error::UnknownResource { .. })));
    assert!(matches!(db.delete_resource(theirs, Some(&user)), Err(Error::UnknownResource { .. })));
    assert_eq!(db.resource(theirs, None).unwrap(), created[1]);
}

fn seconds_now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

#[test]
fn silent_resources_end_and_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let created = instances(&db, 3);
    let now = seconds_now();
    db.push(created[0].metrics["cpu"].key, at(now - 7200), 1.0).unwrap();
    db.push(created[1].metrics["cpu"].key, at(now + 7200), 1.0).unwrap();
    // All were created just now.
    assert_eq!(db.normalize_ends(at(now - 3600)).unwrap(), (vec![], vec![]));
    let (ended, reopened) = db.normalize_ends(at(now + 3600)).unwrap();
    assert_eq!((ended, reopened), (vec![created[0].id, created[2].id], vec![]));
    let end = db.resource(created[0].id, None).unwrap().ended_at.unwrap();
    assert!((at(now)..=at(now + 60)).contains(&end), "{end}");
    assert_eq!(db.normalize_ends(at(now + 3600)).unwrap(), (vec![], vec![]), "once is enough");
    // A measure from before the end is no sign of life.
    db.push(created[0].metrics["cpu"].key, at(now - 60), 1.0).unwrap();
    assert_eq!(db.normalize_ends(at(now - 3600)).unwrap(), (vec![], vec![]));
    db.push(created[0].metrics["cpu"].key, end, 1.0).unwrap();
    assert_eq!(db.normalize_ends(at(now - 3600)).unwrap(), (vec![], vec![created[0].id]));
    assert_eq!(db.resource(created[0].id, None).unwrap().ended_at, None);
    let history = ResourceSearch::of("instance").filter(Filter::eq("id", created[0].id)).history(History::All);
    assert_eq!(db.search_resources(&history, None).unwrap().len(), 3, "open, ended, open");
}

#[test]
fn resources_end_open_and_go_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let span = |text: &str| Some(text.parse::<Timespan>().unwrap());
    let options = || Options::new().default_policies(true).max_future(None);
    let db = Database::open(directory.path().join("db"), options().resource_inactive_after(span("1 second"))).unwrap();
    let created = instances(&db, 2);
    db.push(created[1].metrics["cpu"].key, at(seconds_now() + 86_400), 1.0).unwrap();
    let until = |what: &str, holds: &dyn Fn() -> bool| {
        let begin = std::time::Instant::now();
        while !holds() {
            assert!(begin.elapsed().as_secs() < 60, "{what}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    let end = |id| db.resource(id, None).unwrap().ended_at;
    until("a silent resource ends", &|| end(created[0].id).is_some());
    assert_eq!(end(created[1].id), None);
    db.push(created[0].metrics["cpu"].key, at(seconds_now() + 86_400), 1.0).unwrap();
    until("a measured one opens", &|| end(created[0].id).is_none());
    assert_eq!(db.stats().unwrap().upkeep_error, None);
    let long_ago = ResourceUpdate::new().started_at(at(0)).ended_at(Some(at(1)));
    db.close().unwrap();

    let db = Database::open(directory.path().join("db"), options().resource_cleanup_after(span("1 second"))).unwrap();
    db.update_resource(created[0].id, &long_ago, None).unwrap();
    until("what ended long ago goes", &|| db.stats().unwrap().resources_deleted == 1);
    assert!(matches!(db.resource(created[0].id, None), Err(Error::UnknownResource { .. })));
    assert!(matches!(db.push(created[0].metrics["cpu"].key, at(0), 1.0), Err(Error::UnknownMetric { .. })));
    assert_eq!(db.resource(created[1].id, None).unwrap().ended_at, None);
}

#[test]
fn without_the_options_nothing_ends_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let created = instances(&db, 1);
    let ended = ResourceUpdate::new().started_at(at(0)).ended_at(Some(at(1)));
    db.update_resource(created[0].id, &ended, None).unwrap();
    db.push(created[0].metrics["cpu"].key, at(10), 1.0).unwrap();
    db.maintain().unwrap();
    assert_eq!(db.resource(created[0].id, None).unwrap().ended_at, Some(at(1)));
    drop(db);
    let span = Some("1 hour".parse().unwrap());
    let options = Options::new().background(false).resource_inactive_after(span).resource_cleanup_after(span);
    let db = Database::open(directory.path().join("db"), options).unwrap();
    db.maintain().unwrap();
    let stats = db.stats().unwrap();
    assert_eq!((stats.resources_ended, stats.resources_reopened, stats.resources_deleted), (0, 1, 0));
}
