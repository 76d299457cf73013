//! Questions across metrics.

use axum::http::Method;
use serde_json::{Value, json};

use super::Description;
use super::operation::{Operation, list_of, named, object, operation, switch, text};

pub(super) fn describe(api: &mut Description) {
    schemas(api);
    let evaluate = operation("evaluate", "Evaluate an operation over metrics, or over those of resources");
    let evaluate = evaluate
        .asking_across()
        .query("details", &switch(), "Also of what it was made")
        .query("use_history", &switch(), "With `groupby`: resources as they were in their time")
        .queries("groupby", &text(), "An attribute of resources; an answer for each group")
        .json(&named("Question"))
        .answers(200, "An answer; with `groupby` one for each group.", &named("Answers"));
    api.add(Method::POST, "/v1/aggregates", evaluate.refuses(&[404]));

    let across_metrics = "/v1/aggregation/metric";
    let get = older(operation("aggregateMetrics", "Aggregate across metrics"));
    let get = get.queries("metric", &text(), "The id of a metric").answers(200, "The points.", &named("Points"));
    api.add(Method::GET, across_metrics, get);
    let post = older(operation("aggregateListedMetrics", "Aggregate across metrics that the body lists"));
    let post = post.json(&list_of(&text())).answers(200, "The points.", &named("Points"));
    api.add(Method::POST, across_metrics, post);
    let resources = older(operation("aggregateResources", "Aggregate across metrics of resources with this name"))
        .query("filter", &text(), "Which resources, as a text; the body is not looked at then")
        .queries("groupby", &text(), "An attribute of resources; an answer for each group")
        .json(&named("Filter"))
        .needs_no_body()
        .answers(200, "The points; with `groupby` those of each group.", &named("GroupedPoints"));
    api.add(Method::POST, "/v1/aggregation/resource/{type}/metric/{name}", resources);
}

/// What the older questions have in common.
fn older(operation: Operation) -> Operation {
    operation
        .asking_across()
        .query("aggregation", &text(), "The aggregation method of the archives, `mean` when it is left out")
        .query("reaggregation", &text(), "The aggregation method across metrics; the same when it is left out")
        .query("resample", &text(), "Group points anew, by a length of time or a group of the calendar")
        .refuses(&[404])
}

fn schemas(api: &mut Description) {
    let operations = json!({
        "description": "An operation, as nested lists or as a text",
        "type": ["array", "string"],
        "examples": [["aggregate", "mean", ["metric", "cpu", "mean"]], "(+ (metric cpu mean) 1)"],
    });
    let members = json!({"operations": operations, "resource_type": text(), "search": named("Filter")});
    api.schema("Question", object(&members, &["resource_type", "search"]));
    let group = json!({"type": "object", "description": "What the resources of the group agree in"});
    let references = list_of(&json!({"anyOf": [named("Resource"), named("ListedMetric")]}));
    let below = named("PointsOrBelow");
    api.schema("PointsOrBelow", json!({"anyOf": [named("Points"), named("PointsBelow")]}));
    let one = object(&json!({"measures": below, "references": references}), &["references"]);
    let of_group = object(&json!({"measures": grouped(&below, &references), "group": group}), &[]);
    api.schema("Answers", json!({"oneOf": [one, list_of(&of_group)]}));
    let of_group = object(&json!({"measures": named("Points"), "group": group}), &[]);
    api.schema("GroupedPoints", json!({"anyOf": [named("Points"), list_of(&of_group)]}));
}

/// What a group is answered, which has its own `measures` and `references`.
fn grouped(measures: &Value, references: &Value) -> Value {
    object(&json!({"measures": measures, "references": references}), &["references"])
}
