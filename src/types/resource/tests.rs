use super::*;
use crate::error::Error;

#[test]
fn identifiers_are_derived_as_upstream_does() {
    let x = "x".repeat(289);
    // Recorded from Gnocchi's own derivation.
    let cases = [
        ("generic zero", Some("foobar"), "f2420acc-453c-595d-a5d6-385e7f3de4ef"),
        ("generic zero", None, "d17910a3-d829-5bbc-868b-08f4ad9ad1b0"),
        ("ünïcode", Some("päste:1"), "cd871173-a75b-5083-921f-e71c4c42f868"),
        (&x, Some("a"), "4381d0b6-0af7-55d8-9c71-1a615c31121d"),
    ];
    for (original, creator, expected) in cases {
        let id = ResourceId::new(original, creator).unwrap();
        assert_eq!((id.id().to_string().as_str(), id.original()), (expected, original));
    }
    let uuid = "0a7a15ff-aa13-4ac2-897c-9bdf30ce175b";
    for form in [
        uuid,
        "urn:uuid:0a7a15ff-aa13-4ac2-897c-9bdf30ce175b",
        "{0A7A15FFAA134AC2897C9BDF30CE175B}",
        "0a7a15ff-aa134ac2-897c9bdf30ce175b-",
    ] {
        let id = ResourceId::new(form, Some("whoever")).unwrap();
        assert_eq!((id.id().to_string().as_str(), id.original()), (uuid, form));
    }
    assert_eq!(ResourceId::from(uuid.parse::<Uuid>().unwrap()).original(), uuid);
}

#[test]
fn identifiers_that_cannot_be_are_refused() {
    for bad in ["", "id-with-/", "a\0b", &"ä".repeat(290), &"x".repeat(1_000_000)] {
        let error = ResourceId::new(bad, None).unwrap_err();
        assert!(matches!(error, Error::InvalidResourceId { .. }), "{error}");
        assert!(error.to_string().len() < 1_000);
    }
    assert!(ResourceId::new(&"ä".repeat(289), None).is_ok());
}

#[test]
fn markers_and_orders_are_read() {
    let id = Uuid::from_u128(7);
    for (text, revision) in [(id.to_string(), None), (format!("{id}@12"), Some(12)), (format!("{id}@-1"), None)] {
        assert_eq!(text.parse::<Marker>().unwrap(), Marker { id, revision });
    }
    let shown = Marker { id, revision: Some(3) };
    assert_eq!(shown.to_string().parse::<Marker>().unwrap(), shown);
    for bad in ["", "x", "@1", &format!("{id}@"), &format!("{id}@x"), &format!("{id}@1@2"), &"x".repeat(1_000_000)] {
        let error = bad.parse::<Marker>().unwrap_err();
        assert!(matches!(error, Error::InvalidPagination { .. }));
        assert!(error.to_string().len() < 300);
    }
    let sort = |text: &str| text.parse::<Sort>();
    assert_eq!(sort("id").unwrap(), Sort::by("id"));
    assert_eq!(sort("id:").unwrap(), Sort::by("id"));
    assert_eq!(sort("a:desc").unwrap(), Sort::by("a").descending());
    assert_eq!(sort("a:asc-nullslast").unwrap(), Sort::by("a").nulls(Nulls::Last));
    assert_eq!(sort("a:desc-nullsfirst").unwrap(), Sort::by("a").descending().nulls(Nulls::First));
    assert_eq!([Sort::by("a").nulls_first(), Sort::by("a").descending().nulls_first()], [true, false]);
    for bad in ["id:invalid", "a:asc-", "a:asc-nulls", "a:desc:asc"] {
        assert!(matches!(sort(bad), Err(Error::InvalidPagination { .. })), "{bad}");
    }
}

#[test]
fn a_creator_is_a_user_and_a_project() {
    let now = Timestamp::default();
    let resource = |creator: Option<&str>| Resource {
        id: Uuid::nil(),
        original_id: String::new(),
        resource_type: String::new(),
        creator: creator.map(ToOwned::to_owned),
        user_id: None,
        project_id: None,
        started_at: now,
        ended_at: None,
        revision: None,
        revision_start: now,
        revision_end: None,
        attributes: BTreeMap::new(),
        metrics: BTreeMap::new(),
    };
    for (creator, user, project) in [
        (None, None, None),
        (Some("admin"), Some("admin"), Some("")),
        (Some("u:p"), Some("u"), Some("p")),
        (Some("u:p:q"), Some("u"), Some("p:q")),
        (Some(":p"), Some(""), Some("p")),
    ] {
        let resource = resource(creator);
        assert_eq!((resource.created_by_user_id(), resource.created_by_project_id()), (user, project));
    }
}
