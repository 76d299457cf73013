//! Metrics, their measures, and measures of many metrics in one request.

use axum::http::Method;
use serde_json::{Value, json};

use super::Description;
use super::operation::{Operation, list_of, named, object, operation, switch, text};
use super::shared::{creator, text_or_null};

pub(super) fn describe(api: &mut Description) {
    schemas(api);
    let list = operation("listMetrics", "Metrics that who asks may see").lists(&named("ListedMetric"));
    let list = ["id", "name", "unit", "archive_policy_name", "creator", "user_id", "project_id"]
        .iter()
        .fold(list, |list, name| list.query(name, &text(), "Only those that have this"));
    let status = json!({"enum": ["active", "delete"]});
    api.add(Method::GET, "/v1/metric", list.query("status", &status, "Only those that are there, or being deleted"));
    let create = operation("createMetric", "Create a metric").json(&named("NewMetric")).refuses(&[404, 409]);
    api.add(Method::POST, "/v1/metric", create.creates(&named("CreatedMetric")));
    let show = operation("showMetric", "One metric").answers(200, "It.", &named("Metric"));
    api.add(Method::GET, "/v1/metric/{id}", show.refuses(&[404]));
    let delete = operation("deleteMetric", "Delete a metric").answers_nothing(204, "It is gone.");
    api.add(Method::DELETE, "/v1/metric/{id}", delete.refuses(&[404]));
    api.add(Method::GET, "/v1/metric/{id}/measures", read(operation("readMeasures", "Points of a metric")));
    api.add(Method::POST, "/v1/metric/{id}/measures", push(operation("pushMeasures", "Push measures to a metric")));

    let by_id =
        json!({"type": "object", "propertyNames": {"format": "uuid"}, "additionalProperties": named("Measures")});
    let push_by_id = operation("pushBatch", "Push measures to many metrics, by their ids").json(&by_id);
    let pushed = push_by_id.answers_nothing(202, "All of them are kept.");
    api.add(Method::POST, "/v1/batch/metrics/measures", pushed.refuses(&[404]));
    let by_name = json!({"type": "object", "additionalProperties": named("MeasuresByName")});
    let by_name = json!({"type": "object", "additionalProperties": by_name});
    let by_name = operation("pushBatchByName", "Push measures to many metrics, by resource and name").json(&by_name);
    let pushed = by_name.query("create_metrics", &switch(), "Create metrics that are not there");
    let pushed = pushed.answers_nothing(202, "All of them are kept.");
    api.add(Method::POST, "/v1/batch/resources/metrics/measures", pushed.refuses(&[404, 409]));
}

/// Reading points of one metric.
pub(super) fn read(operation: Operation) -> Operation {
    operation
        .asking()
        .query("aggregation", &text(), "The aggregation method, `mean` when it is left out")
        .query("resample", &text(), "Group points anew, by a length of time or a group of the calendar")
        .query("refresh", &switch(), "Changes nothing: answers are always fresh")
        .answers(200, "The points, those of the coarsest granularity first.", &named("Points"))
        .refuses(&[404])
}

/// Pushing measures to one metric.
pub(super) fn push(operation: Operation) -> Operation {
    operation.json(&named("Measures")).answers_nothing(202, "All of them are kept.").refuses(&[404])
}

fn schemas(api: &mut Description) {
    let time = json!({"type": ["number", "string"], "description": "Seconds, a date, or relative to now"});
    let value = json!({"type": ["number", "string"], "description": "A number, also written as a text"});
    let measure = object(&json!({"timestamp": time, "value": value}), &[]);
    let mut measure = measure;
    measure["additionalProperties"] = true.into();
    api.schema("Measures", list_of(&measure));
    let members = json!({"archive_policy_name": text(), "unit": unit(), "measures": named("Measures")});
    let whole = object(&members, &["archive_policy_name", "unit"]);
    api.schema("MeasuresByName", json!({"oneOf": [named("Measures"), whole]}));

    let bare = || {
        let mut members = json!({"id": named("Id"), "name": text_or_null(), "unit": text_or_null()});
        for (name, schema) in creator() {
            members[name] = schema;
        }
        members
    };
    let mut members = bare();
    members["archive_policy"] = named("ArchivePolicy");
    members["resource"] = json!({"anyOf": [named("Resource"), {"type": "null"}]});
    api.schema("Metric", object(&members, &[]));
    let mut members = bare();
    members["archive_policy"] = named("ArchivePolicy");
    members["resource_id"] = text_or_null();
    api.schema("ListedMetric", object(&members, &[]));
    let mut members = bare();
    members["archive_policy_name"] = text();
    members["resource_id"] = text_or_null();
    api.schema("CreatedMetric", object(&members, &[]));
    let members = json!({"archive_policy_name": text(), "resource_id": text(), "name": text(), "unit": unit()});
    api.schema("NewMetric", object(&members, &["archive_policy_name", "resource_id", "name", "unit"]));
}

/// A metric's unit.
pub(super) fn unit() -> Value {
    json!({"type": "string", "maxLength": 31})
}
