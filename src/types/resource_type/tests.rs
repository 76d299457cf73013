use super::*;
use crate::types::Timestamp;

fn json(text: &str) -> Result<ResourceType, serde_json::Error> {
    serde_json::from_str(text)
}

#[test]
fn json_is_that_of_the_api() {
    let text = r#"{"name": "my_custom_resource", "attributes": {
        "name": {"type": "string", "required": true, "max_length": 5, "min_length": 2},
        "foobar": {"type": "string", "required": false},
        "uuid": {"type": "uuid"},
        "int": {"type": "number", "required": false, "min": -2, "max": 3},
        "float": {"type": "number", "required": false, "min": -2.3},
        "bool": {"type": "bool", "required": false},
        "datetime": {"type": "datetime", "required": false}}}"#;
    let expected = ResourceType::new("my_custom_resource")
        .attribute("name", Attribute::string_of(2, 5))
        .attribute("foobar", Attribute::string().optional())
        .attribute("uuid", Attribute::uuid())
        .attribute("int", Attribute::number_of(Some(-2.0), Some(3.0)).optional())
        .attribute("float", Attribute::number_of(Some(-2.3), None).optional())
        .attribute("bool", Attribute::bool().optional())
        .attribute("datetime", Attribute::datetime().optional());
    let read = json(text).unwrap();
    read.check().unwrap();
    assert_eq!(read, expected);
    let written = serde_json::to_string(&read).unwrap();
    assert!(written.contains(r#""foobar":{"type":"string","required":false,"min_length":0,"max_length":256}"#));
    assert_eq!(json(&written).unwrap(), expected);
    for bad in [
        r#"{"name": "a", "attributes": {"b": {"type": "string", "noexist": 1}}}"#,
        r#"{"name": "a", "attributes": {"b": {"type": "notexist"}}}"#,
        r#"{"name": "a", "attributes": {"b": {"type": "bool", "min": 1}}}"#,
        r#"{"name": "a", "attributes": {"b": {"type": "number", "max_length": 1}}}"#,
        r#"{"name": "a", "other": 1}"#,
    ] {
        assert!(json(bad).is_err(), "{bad}");
    }
}

#[test]
fn names_and_limits_follow_the_rules() {
    let one = |name: &str, attribute| ResourceType::new("t").attribute(name, attribute);
    for name in RESERVED {
        assert!(matches!(one(name, Attribute::uuid()).check(), Err(Error::InvalidAttribute { .. })), "{name}");
    }
    for name in ["", "_a", "-a", "ä", "a\0b", &"a".repeat(64)] {
        assert!(one(name, Attribute::uuid()).check().is_err(), "{name:?}");
    }
    for name in ["a", "9", "new-optional-bool", "A.b c'd\"", &"a".repeat(63)] {
        one(name, Attribute::uuid()).check().unwrap();
    }
    for bad in [
        Attribute::string_of(5, 2),
        Attribute::string_of(0, 0),
        Attribute::string_of(0, 257),
        Attribute::number_of(Some(8.0), Some(3.0)),
        Attribute::number_of(Some(f64::NAN), None),
    ] {
        assert!(one("a", bad).check().is_err(), "{bad:?}");
    }
    one("a", Attribute::string_of(256, 256)).check().unwrap();
    for name in ["", "a/b", "a\0", &"x".repeat(256), &"x".repeat(1_000_000)] {
        let error = ResourceType::new(name).check().unwrap_err();
        assert!(matches!(error, Error::InvalidResourceType { .. }));
        assert!(error.to_string().len() < 1_000);
    }
    let mut many = ResourceType::new("✔ é");
    many.check().unwrap();
    for number in 0..=MAX_ATTRIBUTES {
        many = many.attribute(format!("a{number}"), Attribute::bool());
    }
    assert!(matches!(many.check(), Err(Error::InvalidResourceType { .. })));
}

#[test]
fn values_are_taken_or_refused_by_kind_and_limit() {
    let now = Timestamp::from_nanos(7_200_000_000_000).unwrap();
    let id = "e495ebad-be64-46c0-81d6-b079beb48df9";
    let uuid = AttributeValue::Uuid(id.parse().unwrap());
    let at = |nanos| AttributeValue::Time(Timestamp::from_nanos(nanos).unwrap());
    let good: [(Attribute, AttributeValue, AttributeValue); 11] = [
        (Attribute::string_of(2, 5), "ääääa".into(), "ääääa".into()),
        (Attribute::string_of(2, 5), "ab".into(), "ab".into()),
        (Attribute::uuid(), id.into(), uuid.clone()),
        (Attribute::uuid(), id.replace('-', "").to_uppercase().into(), uuid.clone()),
        (Attribute::number_of(Some(-2.0), Some(3.0)), 3.into(), 3.into()),
        (Attribute::bool(), true.into(), true.into()),
        (Attribute::datetime(), "1970-01-01T00:00:01+00:00".into(), at(1_000_000_000)),
        (Attribute::datetime(), 1.5.into(), at(1_500_000_000)),
        (Attribute::datetime(), "-1 hour".into(), at(3_600_000_000_000)),
        (Attribute::string(), AttributeValue::Null, AttributeValue::Null),
        (Attribute::string(), "".into(), "".into()),
    ];
    for (attribute, given, expected) in good {
        assert_eq!(attribute.check("a", &given, now).unwrap(), expected, "{given:?}");
    }
    let bad: [(Attribute, AttributeValue, &str); 12] = [
        (Attribute::string_of(2, 5), "toolong!!!".into(), "a text of 2 to 5 characters"),
        (Attribute::string_of(2, 5), "a".into(), "a text of 2 to 5 characters"),
        (Attribute::string(), "a\0".into(), "a text of at most 256 characters"),
        (Attribute::string(), 5.into(), "a text"),
        (Attribute::string(), "x".repeat(1_000_000).into(), "a text of at most 256"),
        (Attribute::uuid(), "really!".into(), "a UUID"),
        (Attribute::number_of(None, Some(3.0)), 4.into(), "a number of at most 3"),
        (Attribute::number_of(Some(3.0), None), 2.into(), "a number of at least 3"),
        (Attribute::number(), f64::NAN.into(), "a number"),
        (Attribute::number(), "5".into(), "a number"),
        (Attribute::bool(), 1.into(), "true or false"),
        (Attribute::datetime(), "1969-01-01".into(), "a point in time"),
    ];
    for (attribute, given, because) in bad {
        match attribute.check("a", &given, now) {
            Err(Error::InvalidAttributeValue { attribute, value, expected }) => {
                assert_eq!(attribute, "a");
                assert!(value.len() <= 300 && expected.contains(because), "{expected}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn changes_apply_one_after_the_other() {
    let old = ResourceType::new("t").attribute("host", Attribute::string()).attribute("n", Attribute::number());
    let updated = |update: ResourceTypeUpdate| old.updated(&update);
    let new = || ResourceTypeUpdate::new();
    let same = updated(new().add("what", Attribute::string().optional()).remove("what")).unwrap();
    assert_eq!(same, old);
    let other_kind = updated(new().remove("host").add_filled("host", Attribute::number(), 5)).unwrap();
    assert_eq!(other_kind.attributes["host"], Attribute::number());
    let filled = updated(new().add_filled("t", Attribute::datetime(), "-1 hour")).unwrap();
    assert!(filled.attributes["t"].required);
    let limits = updated(new().change("host", Attribute::string_of(2, 5).optional())).unwrap();
    assert_eq!(limits.attributes["host"], Attribute::string_of(2, 5).optional());

    let invalid = |update, because: &str| match updated(update) {
        Err(Error::InvalidAttribute { reason, .. }) => assert!(reason.contains(because), "{reason}"),
        other => panic!("{other:?}"),
    };
    invalid(new().remove("host").add("host", Attribute::bool()), "need a value to fill with");
    invalid(new().add("host", Attribute::bool().optional()), "there already");
    invalid(new().change("host", Attribute::number().optional()), "its kind is string");
    invalid(new().change("host", Attribute::string()), "need a value to fill with");
    invalid(new().add("user_id", Attribute::bool().optional()), "every resource has");
    invalid(new().add("x", Attribute::string_of(3, 2).optional()), "min_length");
    let bad_fill = updated(new().add_filled("x", Attribute::number(), "a-string"));
    assert!(matches!(bad_fill, Err(Error::InvalidAttributeValue { .. })));
    for update in [new().remove("x"), new().change("x", Attribute::bool().optional())] {
        assert!(matches!(updated(update), Err(Error::UnknownAttribute { .. })));
    }
    let generic = ResourceType::new(GENERIC).updated(&new().add("x", Attribute::bool().optional()));
    assert!(matches!(generic, Err(Error::ResourceTypeInUse { .. })));
}
