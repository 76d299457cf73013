//! What several subjects answer: points, resources, times; and refusals, which are the same everywhere.

use serde_json::{Map, Value, json};

use super::Description;
use super::operation::{list_of, named, object, text};

/// Schemas that several subjects name.
pub(super) fn describe(api: &mut Description) {
    let description = json!({
        "description": "A sentence; or what was wrong, why, and where",
        "type": ["string", "object"],
        "properties": {"cause": text(), "reason": text(), "detail": {}},
    });
    let code = json!({"type": "integer", "description": "The status"});
    api.schema("Error", object(&json!({"code": code, "title": text(), "description": description}), &[]));
    api.schema("Time", json!({"type": "string", "examples": ["2026-01-31T12:00:00+00:00"]}));
    api.schema("Id", json!({"type": "string", "format": "uuid"}));
    api.schema(
        "Timespan",
        json!({"type": ["number", "string"], "description": "Seconds, or a text as `5 min` or `1:00:00`"}),
    );
    let value =
        json!({"description": "A number, or NaN, Infinity, -Infinity without quotes", "type": ["number", "null"]});
    let granularity = json!({"type": ["number", "string"], "description": "Seconds, or a group of the calendar"});
    let row =
        json!({"type": "array", "prefixItems": [named("Time"), granularity, value], "minItems": 3, "maxItems": 3});
    api.schema("Points", list_of(&row));
    let members = json!({"anyOf": [named("Points"), named("PointsBelow")]});
    let about = "Points below what they are of: `aggregated`; or resource, metric and method";
    api.schema("PointsBelow", json!({"type": "object", "description": about, "additionalProperties": members}));
    api.schema("Filter", json!({
        "description": "Which resources: an object of one operator with its operands, or a text such as `host = 'a' and not ended_at = null`",
        "type": ["object", "string"],
        "examples": [{"=": {"host": "a"}}, {"and": [{"like": {"host": "web%"}}, {"=": {"ended_at": null}}]}],
    }));
    let whole = resource();
    let mut found = whole.clone();
    found["required"] = json!([]);
    found["description"] = "A resource or a revision of one, of which only some members may be asked for".into();
    api.schema("Resource", whole);
    api.schema("FoundResource", found);
}

/// A text, or nothing.
pub(super) fn text_or_null() -> Value {
    json!({"type": ["string", "null"]})
}

/// Whose something is.
pub(super) fn creator() -> [(&'static str, Value); 3] {
    ["creator", "created_by_user_id", "created_by_project_id"].map(|name| (name, text_or_null()))
}

fn resource() -> Value {
    let mut members = json!({
        "id": named("Id"),
        "original_resource_id": text(),
        "type": text(),
        "user_id": text_or_null(),
        "project_id": text_or_null(),
        "started_at": named("Time"),
        "ended_at": text_or_null(),
        "revision_start": named("Time"),
        "revision_end": text_or_null(),
        "metrics": {"type": "object", "description": "Ids by name", "additionalProperties": named("Id")},
    });
    for (name, schema) in creator() {
        members[name] = schema;
    }
    let mut resource = object(&members, &[]);
    resource["description"] = "A resource or a revision of one, with its type's attributes".into();
    resource["additionalProperties"] = json!({"type": ["string", "number", "boolean", "null"]});
    resource
}

/// What requests are answered that are refused, or failed, by status.
pub(super) fn refusals() -> Map<String, Value> {
    let refusal = |about: &str| {
        json!({
            "description": about,
            "content": {"application/json": {"schema": named("Error")}, "text/plain": {"schema": text()}},
        })
    };
    let mut refusals = Map::new();
    for (status, about) in [
        (400, "What was sent is not valid, or asks for what cannot be."),
        (401, "It is not known who asks."),
        (403, "Who asks may not."),
        (404, "It is not there, or not for who asks."),
        (406, "The client takes no JSON."),
        (408, "The request took too long."),
        (409, "It is there already."),
        (412, "The resource is not in the state that the client expects."),
        (413, "The body is too large."),
        (415, "The body is of a kind, or compressed in a way, that is not read here."),
        (500, "The server failed; its log says why."),
        (501, "That cannot be asked here."),
        (503, "The database takes nothing at the moment."),
    ] {
        refusals.insert(status.to_string(), refusal(about));
    }
    let header = json!({"description": "How to say who one is", "schema": text()});
    refusals["401"]["headers"] = json!({"WWW-Authenticate": header});
    refusals
}
