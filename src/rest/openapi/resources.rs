//! Resource types, resources of every type, their history and their metrics.

use axum::http::Method;
use serde_json::{Value, json};

use super::Description;
use super::metrics::{push, read, unit};
use super::operation::{list_of, named, object, operation, switch, text};
use super::shared::text_or_null;

pub(super) fn describe(api: &mut Description) {
    type_schemas(api);
    schemas(api);
    types(api);
    resources(api);
    metrics(api);
}

fn types(api: &mut Description) {
    let all = list_of(&named("ResourceType"));
    let list = operation("listResourceTypes", "All resource types").answers(200, "All.", &all);
    api.add(Method::GET, "/v1/resource_type", list);
    let create = operation("createResourceType", "Create a resource type").json(&named("NewResourceType"));
    api.add(Method::POST, "/v1/resource_type", create.creates(&named("ResourceType")).refuses(&[409]));
    let of_type = "/v1/resource_type/{name}";
    let show = operation("showResourceType", "One resource type").answers(200, "It.", &named("ResourceType"));
    api.add(Method::GET, of_type, show.refuses(&[404]));
    let update = operation("updateResourceType", "Add and remove attributes of a resource type, by a JSON patch");
    let update = update.sent("application/json-patch+json", &list_of(&named("Patch")));
    let update = update.answers(200, "What it is now.", &named("ResourceType")).refuses(&[404]);
    api.add(Method::PATCH, of_type, update);
    let delete = operation("deleteResourceType", "Delete a resource type that has no resources").refuses(&[404]);
    api.add(Method::DELETE, of_type, delete.answers_nothing(204, "It is gone."));
}

fn resources(api: &mut Description) {
    let places = json!({"type": "object", "description": "Addresses by name", "additionalProperties": text()});
    let all = operation("listResourcesOfTypes", "Where the resources of each type are");
    api.add(Method::GET, "/v1/resource", all.answers(200, "The places.", &places));
    let of_type = "/v1/resource/{type}";
    let list = operation("listResources", "Resources of a type that who asks may see").lists(&named("Resource"));
    let list = list.query("history", &switch(), "Also what they were").query("details", &switch(), "Changes nothing");
    api.add(Method::GET, of_type, list.refuses(&[404]));
    let create = operation("createResource", "Create a resource, with metrics").json(&named("NewResource"));
    api.add(Method::POST, of_type, create.creates(&named("Resource")).tells_state(201).refuses(&[404, 409]));
    let deleted = object(&json!({"deleted": {"type": "integer"}}), &[]);
    let delete = operation("deleteResources", "Delete the resources that a filter finds")
        .query("filter", &text(), "Which resources, as a text, when there is no body")
        .json(&named("Filter"))
        .needs_no_body()
        .answers(200, "How many are gone.", &deleted)
        .refuses(&[404]);
    api.add(Method::DELETE, of_type, delete);

    let of_one = "/v1/resource/{type}/{id}";
    let show = operation("showResource", "One resource").answers(200, "It.", &named("Resource")).tells_state(200);
    let show = show.answers_nothing(304, "The client has it already.").tells_state(304);
    api.add(Method::GET, of_one, show.conditional().refuses(&[404]));
    let update = operation("updateResource", "Change what is named of a resource").json(&named("ResourceChange"));
    let update = update.answers(200, "What it is now.", &named("Resource")).tells_state(200);
    api.add(Method::PATCH, of_one, update.conditional().refuses(&[404, 409]));
    let delete = operation("deleteResource", "Delete a resource, its history and its metrics").refuses(&[404]);
    api.add(Method::DELETE, of_one, delete.conditional().answers_nothing(204, "It is gone."));
    let history = operation("listHistory", "What a resource was, and is").lists(&named("Resource")).refuses(&[404]);
    api.add(Method::GET, "/v1/resource/{type}/{id}/history", history);
}

fn metrics(api: &mut Description) {
    let listed = list_of(&named("ListedMetric"));
    let of_metrics = "/v1/resource/{type}/{id}/metric";
    let list = operation("listMetricsOfResource", "All metrics of a resource").answers(200, "All.", &listed);
    api.add(Method::GET, of_metrics, list.refuses(&[404]));
    let append = operation("appendMetrics", "Give a resource further metrics").json(&named("MetricsOfResource"));
    let append = append.answers(200, "All its metrics.", &listed).refuses(&[404, 409]);
    api.add(Method::POST, of_metrics, append);
    let of_metric = "/v1/resource/{type}/{id}/metric/{name}";
    let show = operation("showMetricOfResource", "One metric of a resource").answers(200, "It.", &named("Metric"));
    api.add(Method::GET, of_metric, show.refuses(&[404]));
    let delete = operation("deleteMetricOfResource", "Delete a metric of a resource").refuses(&[404]);
    api.add(Method::DELETE, of_metric, delete.answers_nothing(204, "It is gone."));
    let of_measures = "/v1/resource/{type}/{id}/metric/{name}/measures";
    api.add(Method::GET, of_measures, read(operation("readMeasuresOfResource", "Points of a metric of a resource")));
    api.add(
        Method::POST,
        of_measures,
        push(operation("pushMeasuresOfResource", "Push measures to a metric of a resource")),
    );
}

fn type_schemas(api: &mut Description) {
    let kind = json!({"enum": ["string", "number", "uuid", "bool", "datetime"]});
    let limit = json!({"type": ["number", "null"]});
    let length = json!({"type": "integer", "minimum": 0, "maximum": 256});
    let members = json!({
        "type": kind, "required": switch(), "min_length": length, "max_length": length, "min": limit, "max": limit,
    });
    let limits = ["min_length", "max_length", "min", "max"];
    api.schema("Attribute", object(&members, &limits));
    let mut sent = object(&members, &["required", "min_length", "max_length", "min", "max"]);
    sent["description"] =
        "Texts have lengths, numbers have limits; it is required unless something else is said".into();
    api.schema("NewAttribute", sent);
    let by_name = |schema: &str| json!({"type": "object", "additionalProperties": named(schema)});
    let members = json!({"name": text(), "attributes": by_name("Attribute"), "state": {"enum": ["active"]}});
    api.schema("ResourceType", object(&members, &[]));
    let name = json!({"type": "string", "minLength": 1, "maxLength": 255});
    let members = json!({"name": name, "attributes": by_name("NewAttribute")});
    api.schema("NewResourceType", object(&members, &["attributes"]));
    let path = json!({"type": "string", "pattern": "^/attributes", "examples": ["/attributes/host"]});
    let about = "Of `add`: the attribute, and in `options` the `fill` of resources that lack it";
    let value = json!({"type": "object", "description": about});
    let members = json!({"op": {"enum": ["add", "remove"]}, "path": path, "value": value});
    api.schema("Patch", object(&members, &["value"]));
}

fn schemas(api: &mut Description) {
    let new = object(
        &json!({"archive_policy_name": text(), "unit": unit(), "name": text()}),
        &["archive_policy_name", "unit", "name"],
    );
    let metric = json!({"description": "The id of one that is there, or what a new one is to be like", "anyOf": [named("Id"), new]});
    api.schema("MetricsOfResource", json!({"type": "object", "additionalProperties": metric}));
    let time = json!({"type": ["number", "string"], "description": "Seconds, a date, or relative to now"});
    let members = json!({
        "started_at": time, "ended_at": time, "user_id": text_or_null(), "project_id": text_or_null(),
        "metrics": named("MetricsOfResource"),
    });
    let own = ["started_at", "ended_at", "user_id", "project_id", "metrics"];
    let with_attributes = |members: &Value| {
        let mut schema = object(members, &own);
        schema["description"] = "Also the attributes of its type".into();
        schema["additionalProperties"] = json!({"type": ["string", "number", "boolean", "null"]});
        schema
    };
    api.schema("ResourceChange", with_attributes(&members));
    let mut members = members;
    members["id"] =
        json!({"type": "string", "minLength": 1, "description": "A UUID, or any name, of which one is made"});
    api.schema("NewResource", with_attributes(&members));
}
