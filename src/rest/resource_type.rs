//! `/v1/resource_type`.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::call::{Call, Reply};
use super::failure::Failure;
use super::given::Given;
use super::resource_type_patch::{Defined, changes, patched};
use super::server::App;
use crate::{Attribute, AttributeKind, Error, ResourceType};

/// `GET`: all types.
pub(super) fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "list resource type")?;
    Reply::json(&app.database.resource_types()?.iter().map(shown).collect())
}

/// `GET` of one.
pub(super) fn show(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let found = app.database.resource_type(call.named("name"))?;
    user.must(app, "get resource type")?;
    Reply::json(&shown(&found))
}

/// `POST`: creates one.
pub(super) fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "create resource type")?;
    let body = call.json()?;
    let given = Given::whole(&body).object(&["name", "attributes"], &["name"])?;
    let mut new = ResourceType::new(given.need("name")?.text()?);
    for (name, given) in given.get("attributes").map(|given| given.members()).transpose()?.unwrap_or_default() {
        new = new.attribute(name, definition(&given, &[])?);
    }
    app.database.create_resource_type(&new).map_err(refused)?;
    Reply::created(call, ["resource_type", &new.name], &shown(&new))
}

/// `PATCH`: changes attributes of one, by a list of operations on what it looks like.
pub(super) fn update(app: &App, call: &Call) -> Result<Reply, Failure> {
    let name = call.named("name");
    let user = call.user()?;
    let current = app.database.resource_type(name)?;
    user.must(app, "update resource type")?;
    let body = call.json_of_kind("application/json-patch+json")?;
    let mut next = patched(&Given::whole(&body), shown(&current))?;
    if let Value::Object(members) = &mut next {
        members.remove("state");
    }
    let given = Given::whole(&next).object(&["name", "attributes"], &["name"])?;
    let mut defined = Vec::new();
    for (name, given) in given.get("attributes").map(|given| given.members()).transpose()?.unwrap_or_default() {
        let attribute = definition(&given, &["options"])?;
        defined.push(Defined { name, attribute, fill: fill(&given)? });
    }
    match changes(&current, &defined)? {
        None => Reply::json(&shown(&current)),
        Some(update) => {
            let updated = app.database.update_resource_type(name, &update);
            Reply::json(&shown(&updated.map_err(refused)?))
        }
    }
}

/// `DELETE`.
pub(super) fn delete(app: &App, call: &Call) -> Result<Reply, Failure> {
    let name = call.named("name");
    let user = call.user()?;
    app.database.resource_type(name)?;
    user.must(app, "delete resource type")?;
    app.database.delete_resource_type(name)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// A type as it is shown. What it says is in force at once, so that its state is always the same.
fn shown(resource_type: &ResourceType) -> Value {
    let attributes = resource_type.attributes.iter().map(|(name, of)| (name.clone(), attribute(of)));
    let attributes: Map<String, Value> = attributes.collect();
    json!({"name": resource_type.name, "attributes": attributes, "state": "active"})
}

fn attribute(attribute: &Attribute) -> Value {
    let (kind, required) = (attribute.kind.name(), attribute.required);
    match attribute.kind {
        AttributeKind::String { min_length, max_length } => {
            json!({"type": kind, "required": required, "min_length": min_length, "max_length": max_length})
        }
        AttributeKind::Number { min, max } => {
            json!({"type": kind, "required": required, "min": min.map(number), "max": max.map(number)})
        }
        AttributeKind::Uuid | AttributeKind::Bool | AttributeKind::Datetime => {
            json!({"type": kind, "required": required})
        }
    }
}

/// A limit, without decimals where it has none.
fn number(limit: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if limit.fract() == 0.0 && limit.abs() < EXACT { json!(limit as i64) } else { json!(limit) }
}

/// The definition of an attribute, which may have `more` keys beside its own.
fn definition(given: &Given<'_>, more: &[&'static str]) -> Result<Attribute, Failure> {
    let kind = given.members()?.into_iter().find(|(key, _)| *key == "type").map(|(_, kind)| kind);
    let kind = kind.ok_or_else(|| given.invalid("not a valid value"))?;
    let own: &[&str] = match kind.text()? {
        "string" => &["min_length", "max_length"],
        "number" => &["min", "max"],
        "uuid" | "bool" | "datetime" => &[],
        _ => return Err(kind.invalid("not a valid value")),
    };
    let known = [&["type", "required"], own, more].concat();
    let object = given.object(&known, &["type"])?;
    let length = |key: &str, least: u64, otherwise: u32| {
        let given = object.get(key).map(|given| length(&given, least)).transpose()?;
        Ok::<_, Failure>(given.unwrap_or(otherwise))
    };
    let limit = |key: &str| object.get(key).map(|given| limit(&given)).transpose().map(Option::flatten);
    let attribute = match kind.text()? {
        "string" => Attribute::string_of(length("min_length", 0, 0)?, length("max_length", 1, 256)?),
        "number" => Attribute::number_of(limit("min")?, limit("max")?),
        "uuid" => Attribute::uuid(),
        "bool" => Attribute::bool(),
        _ => Attribute::datetime(),
    };
    let required = object.get("required").map(|given| boolean(&given)).transpose()?.unwrap_or(true);
    Ok(if required { attribute } else { attribute.optional() })
}

fn boolean(given: &Given<'_>) -> Result<bool, Failure> {
    given.value().as_bool().ok_or_else(|| given.invalid("expected bool"))
}

fn length(given: &Given<'_>, least: u64) -> Result<u32, Failure> {
    let number = given.value().as_u64().filter(|number| (least..=256).contains(number));
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| given.invalid(&format!("value must be at least {least} and at most 256")))
}

fn limit(given: &Given<'_>) -> Result<Option<f64>, Failure> {
    match given.value() {
        Value::Null => Ok(None),
        value => value.as_f64().map(Some).ok_or_else(|| given.invalid("expected Real")),
    }
}

/// What existing resources get, where the options of an attribute say so.
fn fill<'a>(given: &Given<'a>) -> Result<Option<&'a Value>, Failure> {
    let options = given.members()?.into_iter().find(|(key, _)| *key == "options");
    let Some((_, options)) = options else { return Ok(None) };
    let options = options.object(&["fill"], &[])?;
    Ok(options.get("fill").map(|fill| fill.value()).filter(|fill| !fill.is_null()))
}

/// What is wrong with a type, in Gnocchi's words where it has some.
fn refused(error: Error) -> Failure {
    match error {
        Error::InvalidAttribute { .. } | Error::InvalidResourceType { .. } | Error::InvalidAttributeValue { .. } => {
            Failure::bad(format!("Invalid input: {error}"))
        }
        other => other.into(),
    }
}
