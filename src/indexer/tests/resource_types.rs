//! Resource types from creation to deletion, and what changes of them do to what is there.

use super::*;
use crate::types::{
    Attribute, AttributeValue, Filter, GENERIC, History, NewResource, ResourceSearch, ResourceType, ResourceTypeUpdate,
    ResourceUpdate,
};

fn instance() -> ResourceType {
    ResourceType::new("instance")
        .attribute("host", Attribute::string())
        .attribute("new-cores", Attribute::number_of(Some(0.0), None).optional())
}

#[test]
fn types_live_from_creation_to_deletion() {
    let fixture = Fixture::new();
    assert_eq!(fixture.resource_types().unwrap(), [ResourceType::new(GENERIC)]);
    fixture.create_resource_type(&instance()).unwrap();
    fixture.create_resource_type(&ResourceType::new("✔éñ☃")).unwrap();
    assert!(matches!(fixture.create_resource_type(&instance()), Err(Error::ResourceTypeExists { .. })));
    assert!(matches!(fixture.create_resource_type(&ResourceType::new(GENERIC)), Err(Error::ResourceTypeExists { .. })));
    let bad = ResourceType::new("bad").attribute("project_id", Attribute::string());
    assert!(matches!(fixture.create_resource_type(&bad), Err(Error::InvalidAttribute { .. })));

    let fixture = fixture.reopened();
    assert_eq!(fixture.resource_type("instance").unwrap(), Some(instance()));
    let names: Vec<_> = fixture.resource_types().unwrap().into_iter().map(|known| known.name).collect();
    assert_eq!(names, [GENERIC, "instance", "✔éñ☃"]);
    assert_eq!(fixture.resource_type("bad").unwrap(), None);
    fixture.integrity_check().unwrap();
}

#[test]
fn a_type_that_is_used_stays() {
    let fixture = Fixture::new();
    fixture.create_resource_type(&instance()).unwrap();
    let new = NewResource::named("instance", "web", None).unwrap().attribute("host", "a");
    let id = new.id.id();
    fixture.create_resources(&[new], now()).unwrap();
    match fixture.delete_resource_type("instance").unwrap_err() {
        Error::ResourceTypeInUse { name, used_by } => {
            assert_eq!((name.as_str(), used_by.as_str()), ("instance", "resource `web` is of it"));
        }
        other => panic!("{other}"),
    }
    assert!(matches!(fixture.delete_resource_type(GENERIC), Err(Error::ResourceTypeInUse { .. })));
    assert!(matches!(fixture.delete_resource_type("none"), Err(Error::UnknownResourceType { .. })));
    fixture.delete_resource(id, None, None).unwrap();
    fixture.delete_resource_type("instance").unwrap();
    assert_eq!(fixture.resource_type("instance").unwrap(), None);
    let tables: i64 = fixture
        .reader
        .lock()
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%_attributes_%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0);
    fixture.create_resource_type(&ResourceType::new("instance")).unwrap();
    fixture.delete_resource_type("instance").unwrap();
}

/// A resource with one revision in its past.
fn with_history(fixture: &Fixture) -> crate::types::ResourceId {
    let new = NewResource::named("instance", "web", None).unwrap().attribute("host", "a");
    let id = new.id.clone();
    fixture.create_resources(&[new], now()).unwrap();
    fixture.update_resource(id.id(), &ResourceUpdate::new().attribute("host", "b"), None, now()).unwrap();
    id
}

fn values(fixture: &Fixture, attribute: &str) -> Vec<AttributeValue> {
    let search = ResourceSearch::of("instance").history(History::All);
    let found = fixture.search_resources(&search, None).unwrap();
    found.into_iter().map(|resource| resource.attributes.get(attribute).cloned().unwrap_or("gone".into())).collect()
}

#[test]
fn new_attributes_are_filled_in_now_and_in_the_past() {
    let fixture = Fixture::new();
    fixture.create_resource_type(&instance()).unwrap();
    let id = with_history(&fixture);
    let uuid = Uuid::from_u128(0);
    let update = ResourceTypeUpdate::new()
        .add("optional", Attribute::string().optional())
        .add_filled("filled", Attribute::string().optional(), "filled")
        .add_filled("bool", Attribute::bool(), true)
        .add_filled("int", Attribute::number_of(Some(0.0), Some(255.0)), 15)
        .add_filled("uuid", Attribute::uuid(), "00000000-0000-0000-0000-000000000000")
        .add_filled("datetime", Attribute::datetime(), "2017-10-10T10:10:10Z")
        .remove("new-cores");
    let updated = fixture.update_resource_type("instance", &update, now()).unwrap();
    assert_eq!(updated, fixture.resource_type("instance").unwrap().unwrap());
    let datetime: Timestamp = "2017-10-10T10:10:10Z".parse().unwrap();
    let expected: [(&str, AttributeValue); 7] = [
        ("optional", AttributeValue::Null),
        ("filled", "filled".into()),
        ("bool", true.into()),
        ("int", 15.into()),
        ("uuid", uuid.into()),
        ("datetime", datetime.into()),
        ("new-cores", "gone".into()),
    ];
    for (attribute, value) in expected {
        assert_eq!(values(&fixture, attribute), [value.clone(), value], "{attribute}");
    }
    assert_eq!(values(&fixture, "host"), ["a".into(), "b".into()]);
    let found = fixture.resource(id.id(), None).unwrap().unwrap();
    assert_eq!(found.attributes["int"], 15.into());
    fixture.integrity_check().unwrap();
}

#[test]
fn attributes_can_go_and_come_back_otherwise() {
    let fixture = Fixture::new();
    fixture.create_resource_type(&instance()).unwrap();
    with_history(&fixture);
    let again = ResourceTypeUpdate::new().remove("host").add_filled("host", Attribute::number(), 5);
    fixture.update_resource_type("instance", &again, now()).unwrap();
    assert_eq!(values(&fixture, "host"), [5.into(), 5.into()]);
    let search = |filter| fixture.search_resources(&ResourceSearch::of("instance").filter(filter), None);
    assert_eq!(search(Filter::eq("host", 5)).unwrap().len(), 1);
    let text = search(Filter::eq("host", "b")).unwrap_err();
    assert_eq!(text.to_string(), "`b` is no value for attribute `host`, which takes a number");
}

#[test]
fn changed_limits_hold_for_what_is_there() {
    let fixture = Fixture::new();
    fixture.create_resource_type(&instance()).unwrap();
    let id = with_history(&fixture);
    let change = |attribute, fill: Option<f64>| {
        let update = ResourceTypeUpdate::new().change_filled("new-cores", attribute, fill);
        fixture.update_resource_type("instance", &update, now())
    };
    fixture.update_resource(id.id(), &ResourceUpdate::new().attribute("new-cores", 64), None, now()).unwrap();
    match change(Attribute::number_of(None, Some(10.0)), Some(4.0)).unwrap_err() {
        Error::InvalidAttributeValue { attribute, value, .. } => {
            assert_eq!((attribute.as_str(), value.as_str()), ("new-cores", "64"));
        }
        other => panic!("{other}"),
    }
    assert_eq!(fixture.resource_type("instance").unwrap(), Some(instance()));
    assert_eq!(values(&fixture, "new-cores"), [AttributeValue::Null, AttributeValue::Null, 64.into()]);
    change(Attribute::number(), Some(4.0)).unwrap();
    assert_eq!(values(&fixture, "new-cores"), [4.into(), 4.into(), 64.into()]);
    let take_away = ResourceUpdate::new().attribute("new-cores", AttributeValue::Null);
    let error = fixture.update_resource(id.id(), &take_away, None, now()).unwrap_err();
    assert!(matches!(error, Error::MissingAttribute { .. }), "{error}");
    change(Attribute::number().optional(), None).unwrap();
    fixture.update_resource(id.id(), &take_away, None, now()).unwrap();
}

#[test]
fn a_change_that_cannot_be_leaves_the_type_as_it_was() {
    let fixture = Fixture::new();
    fixture.create_resource_type(&instance()).unwrap();
    with_history(&fixture);
    let half = ResourceTypeUpdate::new().add("x", Attribute::bool().optional()).remove("none");
    assert!(matches!(fixture.update_resource_type("instance", &half, now()), Err(Error::UnknownAttribute { .. })));
    let none = fixture.update_resource_type("none", &ResourceTypeUpdate::new(), now());
    assert!(matches!(none, Err(Error::UnknownResourceType { .. })));
    let long = "x".repeat(1_000_000);
    let error = fixture.update_resource_type(&long, &ResourceTypeUpdate::new(), now()).unwrap_err();
    assert!(error.to_string().len() < 1_000);
    assert_eq!(fixture.resource_type("instance").unwrap(), Some(instance()));
    assert_eq!(values(&fixture, "x"), ["gone".into(), "gone".into()]);
}

#[test]
fn a_cached_type_is_not_used_after_it_changed() {
    let fixture = Fixture::new();
    fixture.create_resource_type(&instance()).unwrap();
    let id = with_history(&fixture).id();
    let attributes = || fixture.resource(id, None).unwrap().unwrap().attributes;
    assert_eq!(attributes().len(), 2);
    let add = ResourceTypeUpdate::new().add_filled("x", Attribute::bool(), true);
    fixture.update_resource_type("instance", &add, now()).unwrap();
    assert_eq!(attributes()["x"], true.into());
    fixture.update_resource_type("instance", &ResourceTypeUpdate::new().remove("x"), now()).unwrap();
    assert_eq!(attributes().len(), 2);
}
