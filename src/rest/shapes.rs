//! What metrics, resources and times look like in answers.

use serde_json::{Map, Value, json};

use crate::{AttributeValue, Metric, Resource, Timestamp};

/// A point in time, with as many decimals as it needs.
pub(super) fn time(time: Timestamp) -> String {
    let full = time.to_string();
    let text = full.strip_suffix('Z').unwrap_or(&full);
    let Some((seconds, decimals)) = text.split_once('.') else { return format!("{text}+00:00") };
    let width = if decimals.len() > 6 { 9 } else { 6 };
    format!("{seconds}.{decimals:0<width$}+00:00")
}

/// A metric with the name of its archive policy, as it is shown when it was created.
pub(super) fn metric(metric: &Metric) -> Value {
    let mut object = bare_metric(metric);
    object.insert("archive_policy_name".to_owned(), json!(metric.archive_policy_name));
    object.insert("resource_id".to_owned(), json!(metric.resource_id));
    Value::Object(object)
}

/// A metric with its whole archive policy, as it stands in lists.
pub(super) fn metric_in_list(metric: &Metric, policy: &Value) -> Value {
    let mut object = bare_metric(metric);
    object.insert("archive_policy".to_owned(), policy.clone());
    object.insert("resource_id".to_owned(), json!(metric.resource_id));
    Value::Object(object)
}

/// A metric with its whole archive policy and its resource.
pub(super) fn metric_with_resource(metric: &Metric, policy: &Value, of: Option<&Resource>) -> Value {
    let mut object = bare_metric(metric);
    object.insert("archive_policy".to_owned(), policy.clone());
    object.insert("resource".to_owned(), of.map_or(Value::Null, resource));
    Value::Object(object)
}

fn bare_metric(metric: &Metric) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(metric.id));
    object.insert("name".to_owned(), json!(metric.name));
    object.insert("unit".to_owned(), json!(metric.unit));
    insert_creator(&mut object, metric.creator.as_deref());
    object
}

fn insert_creator(object: &mut Map<String, Value>, creator: Option<&str>) {
    let parts = creator.map(|creator| creator.split_once(':').unwrap_or((creator, "")));
    object.insert("creator".to_owned(), json!(creator));
    object.insert("created_by_user_id".to_owned(), json!(parts.map(|(user, _)| user)));
    object.insert("created_by_project_id".to_owned(), json!(parts.map(|(_, project)| project)));
}

/// A resource, or a revision of one, with the ids of its metrics.
pub(super) fn resource(resource: &Resource) -> Value {
    let mut object = Map::new();
    for (name, value) in &resource.attributes {
        object.insert(name.clone(), attribute(value));
    }
    let metrics: Map<String, Value> =
        resource.metrics.iter().map(|(name, metric)| (name.clone(), json!(metric.id))).collect();
    let fields = [
        ("id", json!(resource.id)),
        ("original_resource_id", json!(resource.original_id)),
        ("type", json!(resource.resource_type)),
        ("user_id", json!(resource.user_id)),
        ("project_id", json!(resource.project_id)),
        ("started_at", json!(time(resource.started_at))),
        ("ended_at", json!(resource.ended_at.map(time))),
        ("revision_start", json!(time(resource.revision_start))),
        ("revision_end", json!(resource.revision_end.map(time))),
        ("metrics", Value::Object(metrics)),
    ];
    object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    insert_creator(&mut object, resource.creator.as_deref());
    Value::Object(object)
}

/// The value of a resource's attribute.
pub(super) fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Null => Value::Null,
        AttributeValue::Bool(value) => json!(value),
        AttributeValue::Number(value) => json!(value),
        AttributeValue::Text(value) => json!(value),
        AttributeValue::Uuid(value) => json!(value),
        AttributeValue::Time(value) => json!(time(*value)),
    }
}
