//! Changing a resource type by a JSON patch: operations on what the type looks like, and what these come to.
//!
//! Only attributes can be added, replaced (by adding them again) and removed. The patch is applied to the JSON of the type
//! as it is; the difference becomes one update, which the database makes whole or not at all.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::given::Given;
use super::resource_body::value_of;
use crate::{Attribute, AttributeValue, Database, ResourceType, ResourceTypeUpdate};

/// An attribute as the patched type has it.
#[derive(Debug)]
pub(super) struct Defined<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its definition.
    pub(super) attribute: Attribute,
    /// What resources get that have none of it.
    pub(super) fill: Option<&'a Value>,
}

/// `document` after the operations that were sent, all of which must be possible.
pub(super) fn patched(given: &Given<'_>, mut document: Value) -> Result<Value, Failure> {
    let mut operations = Vec::new();
    for given in given.list()? {
        let object = given.object(&["op", "path", "value"], &["op", "path"])?;
        let (op, path) = (object.need("op")?, object.need("path")?);
        let adds = match op.value().as_str() {
            Some("add") => true,
            Some("remove") => false,
            _ => return Err(op.invalid("not a valid value")),
        };
        let path = path
            .value()
            .as_str()
            .filter(|path| path.starts_with("/attributes"))
            .ok_or_else(|| path.invalid("not a valid value"))?;
        let value = object.get("value");
        if let Some(value) = value.as_ref().filter(|value| !value.value().is_object()) {
            return Err(value.invalid("expected dict"));
        }
        operations.push((adds, path, value.map(|value| value.value())));
    }
    for (adds, path, value) in operations {
        let segments: Vec<String> = path.split('/').skip(1).map(unescaped).collect();
        let (last, above) = segments.split_last().ok_or_else(|| Failure::bad("a patch names no member"))?;
        let place = place(&mut document, above)?;
        match (adds, value) {
            (true, Some(value)) => {
                place.insert(last.clone(), value.clone());
            }
            (true, None) => return Err(Failure::bad("The operation does not contain a 'value' member")),
            (false, _) => {
                let removed = place.remove(last);
                removed.ok_or_else(|| Failure::bad(format!("can't remove a non-existent object '{last}'")))?;
            }
        }
    }
    Ok(document)
}

/// The object that this path leads to.
fn place<'a>(document: &'a mut Value, path: &[String]) -> Result<&'a mut Map<String, Value>, Failure> {
    let mut at = document;
    for segment in path {
        at = at.get_mut(segment).ok_or_else(|| Failure::bad(format!("member '{segment}' not found")))?;
    }
    at.as_object_mut().ok_or_else(|| Failure::bad("what a patch names is not in an object"))
}

fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// What makes `current` a type with the attributes `next`; none when it is one already.
pub(super) fn changes(current: &ResourceType, next: &[Defined<'_>]) -> Result<Option<ResourceTypeUpdate>, Failure> {
    for defined in next {
        check_kind(current, defined)?;
    }
    let gone = current.attributes.keys().filter(|name| !next.iter().any(|defined| defined.name == name.as_str()));
    let mut update = gone.fold(ResourceTypeUpdate::new(), ResourceTypeUpdate::remove);
    for defined in next {
        let Defined { name, attribute, .. } = defined;
        match current.attributes.get(*name) {
            Some(old) if old == attribute => {}
            Some(_) => update = update.change_filled(*name, *attribute, fill(defined)?),
            None => update = update.add_filled(*name, *attribute, fill(defined)?),
        }
    }
    Ok((update != ResourceTypeUpdate::new()).then_some(update))
}

fn check_kind(current: &ResourceType, defined: &Defined<'_>) -> Result<(), Failure> {
    let Some(old) = current.attributes.get(defined.name) else { return Ok(()) };
    let (old, new) = (old.kind.name(), defined.attribute.kind.name());
    if old == new {
        return Ok(());
    }
    let (name, of) = (defined.name, &current.name);
    let change = format!("Changing {old} to {new} for attribute {name} of resource {of}");
    Err(Failure::bad(format!("Type update is not available yet. {change}")))
}

/// What resources get that have none of an attribute.
fn fill(defined: &Defined<'_>) -> Result<AttributeValue, Failure> {
    let name = defined.name;
    let refused = |reason: &str| {
        Failure::bad(format!("Invalid input: Option 'fill' of resource attribute {name} is invalid: {reason}"))
    };
    match defined.fill {
        None if defined.attribute.required => Err(refused("must not be empty if required=True")),
        None => Ok(AttributeValue::Null),
        Some(fill) => value_of(&defined.attribute, name, fill, Database::now()).map_err(|reason| refused(&reason)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(operations: &Value) -> Result<Value, Failure> {
        let document = json!({"name": "host", "attributes": {"rack": {"type": "uuid"}, "a/b~c": {"type": "bool"}}});
        patched(&Given::whole(operations), document)
    }

    #[test]
    fn operations_are_made_one_after_the_other() {
        let cores = json!({"type": "number"});
        let next = patch(&json!([
            {"op": "add", "path": "/attributes/cores", "value": cores},
            {"op": "remove", "path": "/attributes/a~1b~0c"},
            {"op": "remove", "path": "/attributes/rack/type"},
        ]));
        assert_eq!(next.unwrap()["attributes"], json!({"cores": cores, "rack": {}}));
        assert_eq!(patch(&json!([])).unwrap()["name"], "host");
        assert_eq!(patch(&json!([{"op": "remove", "path": "/attributes"}])).unwrap(), json!({"name": "host"}));
    }

    #[test]
    fn what_is_no_change_of_attributes_is_refused() {
        for (operation, why) in [
            (json!({"op": "replace", "path": "/attributes/rack", "value": {}}), "not a valid value"),
            (json!({"op": "remove", "path": "/name"}), "not a valid value"),
            (json!({"op": "add", "path": "/attributes/x", "value": 1}), "expected dict"),
            (json!({"op": "add", "path": "/attributes/x"}), "does not contain a 'value' member"),
            (json!({"op": "remove", "path": "/attributes/x"}), "can't remove a non-existent object 'x'"),
            (json!({"op": "add", "path": "/attributes/x/y/z", "value": {}}), "member 'x' not found"),
            (json!({"op": "add", "path": "/attributes/rack/type/x", "value": {}}), "not in an object"),
            (json!({"op": "add"}), "required key not provided"),
        ] {
            let refused = format!("{:?}", patch(&json!([operation])).unwrap_err());
            assert!(refused.contains(why), "{why}: {refused}");
        }
    }

    #[test]
    fn a_change_is_what_differs() {
        let current =
            ResourceType::new("host").attribute("rack", Attribute::string()).attribute("id2", Attribute::uuid());
        let rack = |attribute, fill| Defined { name: "rack", attribute, fill };
        let id2 = Defined { name: "id2", attribute: Attribute::uuid(), fill: None };
        let same = [rack(Attribute::string(), None), id2];
        assert_eq!(changes(&current, &same).unwrap(), None);
        let fill = json!("r1");
        let shorter = Attribute::string_of(0, 9);
        let update = changes(&current, &[rack(shorter, Some(&fill))]).unwrap().unwrap();
        assert_eq!(update, ResourceTypeUpdate::new().remove("id2").change_filled("rack", shorter, "r1"));
        let long = json!("r123456789");
        for (defined, why) in [
            (rack(Attribute::bool(), None), "Changing string to bool for attribute rack of resource host"),
            (rack(shorter, None), "must not be empty if required=True"),
            (rack(shorter, Some(&long)), "length of value must be at most 9"),
        ] {
            let refused = format!("{:?}", changes(&current, &[defined]).unwrap_err());
            assert!(refused.contains(why), "{why}: {refused}");
        }
    }
}
