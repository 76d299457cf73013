//! How `SQLite` finds the rows of each shape of search: no table that grows is read whole, but where a case says why.

use super::plans::plan;
use super::resources::{fixture, thing};
use super::*;
use crate::indexer::search::{metrics_statement, resources_statement};
use crate::types::{Filter, History, Marker, MetricKey, MetricSearch, Nulls, ResourceSearch, ResourceUpdate, Sort};

/// Tables of which a row is named by its number, or which stay small.
const AT_HAND: [&str; 1] = ["resource_types"];

fn steps(fixture: &Fixture, search: &ResourceSearch, visibility: Option<&Filter>) -> Vec<String> {
    let connection = fixture.reader.lock();
    let statement = resources_statement(&connection, search, visibility).unwrap();
    plan(&connection, &statement.sql)
}

/// The steps that read a table, or an index, from its beginning to its end.
fn scans(steps: &[String]) -> Vec<&str> {
    let scans = steps.iter().map(String::as_str).filter(|step| step.starts_with("SCAN"));
    scans.filter(|step| !AT_HAND.iter().any(|table| step.contains(table)) && !step.contains("SUBQUERY")).collect()
}

fn query(text: &str) -> Filter {
    Filter::parse(text).unwrap()
}

/// What is asked of resources now, and of their history; and the index of each that must be used.
const INDEXED: [(&str, &str, &str); 24] = [
    ("host = a", "resource_attributes_2_a2 (a2=?)", "revision_attributes_2_a2 (a2=?)"),
    ("host in [a, b]", "resource_attributes_2_a2 (a2=?)", "revision_attributes_2_a2 (a2=?)"),
    ("host like 'a%'", "resource_attributes_2_a2 (a2>? AND a2<?)", "revision_attributes_2_a2 (a2>? AND a2<?)"),
    ("n >= 1 and n < 5", "resource_attributes_2_a3 (a3>? AND a3<?)", "revision_attributes_2_a3 (a3>? AND a3<?)"),
    ("n = null", "resource_attributes_2_a3 (a3=?)", "revision_attributes_2_a3 (a3=?)"),
    ("n in [1, null]", "resource_attributes_2_a3 (a3=?)", "revision_attributes_2_a3 (a3=?)"),
    ("b = true", "resource_attributes_2_a1 (a1=?)", "revision_attributes_2_a1 (a1=?)"),
    ("u = '00000000-0000-0000-0000-000000000000'", "resource_attributes_2_a5", "revision_attributes_2_a5"),
    ("t < 2020-01-01", "resource_attributes_2_a4 (a4<?)", "revision_attributes_2_a4 (a4<?)"),
    ("id = a", "resources_by_id (id=?)", "revisions_by_resource (resource_key=?"),
    ("id in [a, b]", "resources_by_id (id=?)", "revisions_by_resource (resource_key=?"),
    ("original_resource_id = a", "resources_by_original_id (original_id=?)", "resources_by_original_id"),
    ("type = thing", "resources_by_type (type_id=?)", "revisions_by_type (type_id=?"),
    ("creator = a", "resources_by_creator (creator=?)", "resources_by_creator (creator=?)"),
    ("created_by_project_id = a", "resources_by_creating_project", "resources_by_creating_project"),
    ("user_id = a", "resources_by_user (user_id=?)", "revisions_by_user (user_id=?)"),
    ("project_id = a", "resources_by_project (project_id=?)", "revisions_by_project (project_id=?)"),
    ("started_at < 2020-01-01", "resources_by_start (started_at<?)", "revisions_by_start (started_at<?)"),
    ("ended_at = null", "resources_by_end (ended_at=?)", "revisions_by_end (ended_at=?)"),
    ("revision_start > 2020-01-01", "resources_by_revision (revision_start>?)", "revisions_by_revision_start"),
    ("host = a and user_id = b and n > 5", "resource_attributes_2_a2 (a2=?)", "revision_attributes_2_a2 (a2=?)"),
    ("user_id != b and (host = a or n = 5)", "resource_attributes_2_a3 (a3=?)", "revision_attributes_2_a3 (a3=?)"),
    ("host = a or project_id = b and n != 5", "resources_by_project", "revisions_by_project (project_id=?)"),
    ("host = a and n = 5 or id = b", "resources_by_id (id=?)", "revision_attributes_2_a2 (a2=?)"),
];

#[test]
fn what_is_asked_of_resources_is_looked_up() {
    let fixture = fixture();
    for (text, now, past) in INDEXED {
        for limit in [None, Some(100)] {
            let search = ResourceSearch { limit, ..ResourceSearch::of("thing").filter(query(text)) };
            let current = steps(&fixture, &search, None);
            assert!(current.iter().any(|step| step.contains(now)), "{text}: {current:#?}");
            assert_eq!(scans(&current), [""; 0], "{text}: {current:#?}");
            for history in [History::All, History::At(super::now())] {
                let all = steps(&fixture, &search.clone().history(history), None);
                assert!(all.iter().any(|step| step.contains(past)), "{text}: {all:#?}");
                assert!(all.iter().any(|step| step.contains(now)), "{text}: {all:#?}");
                assert_eq!(scans(&all), [""; 0], "{text}: {all:#?}");
            }
        }
    }
}

#[test]
fn what_is_asked_decides_before_what_may_be_seen() {
    let fixture = fixture();
    let visibility = query("created_by_project_id = p or project_id = p");
    let search = |text| ResourceSearch::of("thing").filter(query(text));
    let narrow = steps(&fixture, &search("host = a"), Some(&visibility));
    assert!(narrow[0].contains("resource_attributes_2_a2 (a2=?)"), "{narrow:#?}");
    assert!(!narrow.iter().any(|step| step.contains("_project")), "{narrow:#?}");
    let none = steps(&fixture, &search("host != a"), Some(&visibility));
    assert!(none.iter().any(|step| step.contains("resources_by_creating_project")), "{none:#?}");
    assert_eq!(scans(&none), [""; 0]);
    let one = steps(&fixture, &search("n > 5"), Some(&query("id = a")));
    assert!(one[0].contains("resources_by_id (id=?)"), "{one:#?}");
}

/// An index with what markers refer to, and those.
fn marked() -> (Fixture, Marker, Marker) {
    let fixture = fixture();
    let new = thing("web");
    let id = new.id.id();
    fixture.create_resources(&[new], now()).unwrap();
    fixture.update_resource(id, &ResourceUpdate::new().attribute("n", 1), None, now()).unwrap();
    (fixture, Marker::from(id), Marker { id, revision: Some(1) })
}

#[test]
fn a_page_begins_where_the_last_one_ended() {
    let (fixture, current, past) = marked();
    let by = Sort::by;
    let cases: Vec<(&str, Vec<Sort>, &str)> = vec![
        ("thing", vec![], "SEARCH a USING INTEGER PRIMARY KEY (rowid>?)"),
        ("generic", vec![], "SEARCH r USING INTEGER PRIMARY KEY (rowid>?)"),
        ("generic", vec![by("id")], "resources_by_id (id>?)"),
        ("thing", vec![by("host")], "resource_attributes_2_a2 (a2>?)"),
        ("generic", vec![by("started_at").descending()], "resources_by_start (started_at<?)"),
        ("generic", vec![by("revision_start"), by("started_at")], "resources_by_revision ((revision_start,started_at"),
        ("thing", vec![by("revision_start"), by("started_at")], "resources_by_type (type_id=? AND (revision_start"),
    ];
    for (resource_type, sort, expected) in cases {
        let search = ResourceSearch { sort, ..ResourceSearch::of(resource_type).limit(100).after(current) };
        let found = steps(&fixture, &search, None);
        assert!(found[0].contains(expected), "{search:?}: {found:#?}");
        assert_eq!(scans(&found), [""; 0]);
    }
    for marker in [current, past] {
        for (resource_type, index) in [("generic", "revisions_by_resource"), ("thing", "revisions_by_type")] {
            let search = ResourceSearch::of(resource_type).history(History::All).limit(100).after(marker);
            let found = steps(&fixture, &search, None);
            assert!(found.iter().any(|step| step.contains(index) && step.contains("SEARCH")), "{found:#?}");
            assert_eq!(scans(&found), [""; 0]);
            assert!(!found.iter().any(|step| step.contains("TEMP B-TREE")), "{found:#?}");
        }
    }
}

#[test]
fn a_first_page_is_read_in_the_order_of_an_index() {
    let fixture = fixture();
    let by = Sort::by;
    let orders: Vec<(&str, Vec<Sort>)> = vec![
        ("thing", vec![]),
        ("generic", vec![]),
        ("generic", vec![by("id")]),
        ("thing", vec![by("n")]),
        ("thing", vec![by("n").nulls(Nulls::Last)]),
        ("thing", vec![by("revision_start"), by("started_at")]),
        ("generic", vec![by("revision_start"), by("started_at")]),
        ("generic", vec![by("user_id")]),
    ];
    for (resource_type, sort) in orders {
        let search = ResourceSearch { sort, ..ResourceSearch::of(resource_type).limit(100) };
        let found = steps(&fixture, &search, None);
        assert!(!found.iter().any(|step| step.contains("TEMP B-TREE")), "{search:?}: {found:#?}");
        // With an order, the page begins where the index does, and ends after its hundredth row.
        assert!(scans(&found).iter().all(|step| step.contains("USING")), "{found:#?}");
    }
}

#[test]
fn an_equal_value_is_listed_in_order_without_sorting() {
    let (fixture, current, _) = marked();
    for filter in ["host = a", "user_id = a", "id = web", "creator = a"] {
        for marker in [None, Some(current)] {
            let search = ResourceSearch { marker, ..ResourceSearch::of("thing").filter(query(filter)).limit(100) };
            let found = steps(&fixture, &search, None);
            assert!(!found.iter().any(|step| step.contains("TEMP B-TREE")), "{filter}: {found:#?}");
        }
    }
}

/// What no index can answer, and why.
const NOT_INDEXED: [(&str, &str); 8] = [
    ("host like '%a'", "a text that may begin with anything is in no one place of an index"),
    ("host != a", "all but one value is nearly everything"),
    ("n != null", "so is all that has a value"),
    ("not host = a", "and so is what does not pass"),
    ("lifespan > '1 hour'", "it is the difference of two columns, and seldom asked for"),
    ("created_by_user_id > a", "it is a part of the creator, which is indexed whole and by its project"),
    ("revision_end = null", "the current state is the only one without an end"),
    ("host = a or n != 5", "one part that no index answers spoils the whole"),
];

#[test]
fn what_cannot_be_looked_up_is_read_in_the_order_of_the_list() {
    let (fixture, current, _) = marked();
    for (text, reason) in NOT_INDEXED {
        let search = ResourceSearch::of("thing").filter(query(text)).limit(100);
        let found = steps(&fixture, &search, None);
        assert!(found[0].contains("SEARCH a USING INTEGER PRIMARY KEY (rowid>?)"), "{text} ({reason}): {found:#?}");
        let found = steps(&fixture, &search.clone().after(current), None);
        assert!(found[0].contains("SEARCH a USING INTEGER PRIMARY KEY (rowid>?)"), "{text} ({reason}): {found:#?}");
        let past = steps(&fixture, &search.history(History::All), None);
        assert!(past.iter().any(|step| step.contains("revisions_by_type (type_id=?")), "{text} ({reason}): {past:#?}");
    }
}

#[test]
fn metrics_are_looked_up() {
    let fixture = fixture();
    let steps = |text: &str, sort: Vec<Sort>| {
        let search = MetricSearch { sort, ..MetricSearch::new().filter(query(text)).limit(100) };
        let connection = fixture.reader.lock();
        let statement = metrics_statement(&connection, &search, None).unwrap();
        plan(&connection, &statement.sql)
    };
    let cases = [
        ("", "INTEGER PRIMARY KEY (rowid>?)"),
        ("id = '00000000-0000-0000-0000-000000000000'", "metrics_by_id (id=?)"),
        ("key = 1", "INTEGER PRIMARY KEY (rowid=?)"),
        ("key in [1, 2] and creator = a", "INTEGER PRIMARY KEY (rowid=?)"),
        ("name = a", "metrics_by_name (name=?"),
        ("name like 'a%' and resource_id = null", "metrics_by_name (name>? AND name<?)"),
        ("name like 'a%'", "metrics_by_name (name>? AND name<?)"),
        ("unit = a", "metrics_by_unit (unit=?)"),
        ("creator = a", "metrics_by_creator (creator=?)"),
        ("archive_policy_name = a", "metrics_by_policy (policy_id=?)"),
        ("resource_id = a", "metrics_by_resource (resource_key=?)"),
        ("resource.project_id = a", "resources_by_project (project_id=?)"),
        ("resource.type = a", "resources_by_type (type_id=?)"),
        ("creator = a or resource.project_id = b", "resources_by_project (project_id=?)"),
        ("status = delete and creator = a", "metrics_by_creator (creator=?)"),
        ("status = delete", "metrics_deleted"),
        // Nothing more is known of these, so that they are read in the order of the list.
        ("created_at < 2020-01-01", "INTEGER PRIMARY KEY (rowid>?)"),
        ("created_by_project_id = a", "INTEGER PRIMARY KEY (rowid>?)"),
        ("unit = null", "INTEGER PRIMARY KEY (rowid>?)"),
        ("name like '%a'", "INTEGER PRIMARY KEY (rowid>?)"),
    ];
    for (text, expected) in cases {
        let found = steps(text, vec![]);
        assert!(found.iter().any(|step| step.contains(expected)), "{text}: {found:#?}");
        assert_eq!(scans(&found), [""; 0], "{text}: {found:#?}");
    }
    let search = MetricSearch { after_key: Some(MetricKey::new(7)), ..MetricSearch::new().limit(100) };
    for (visibility, index) in [(None, "INTEGER PRIMARY KEY (rowid>?)"), (Some("creator = a"), "metrics_by_creator")] {
        let visibility = visibility.map(query);
        let connection = fixture.reader.lock();
        let statement = metrics_statement(&connection, &search, visibility.as_ref()).unwrap();
        let found = plan(&connection, &statement.sql);
        assert!(found[0].contains(index), "{found:#?}");
        assert_eq!(scans(&found), [""; 0], "{found:#?}");
        assert!(!found.iter().any(|step| step.contains("TEMP B-TREE")), "{found:#?}");
    }
    let by_id = steps("", vec![Sort::by("id")]);
    assert!(by_id[0].contains("SCAN m USING INDEX metrics_by_id"), "{by_id:#?}");
}
