//! Searches of resources, and of points by their values.

use axum::http::Method;
use serde_json::json;

use super::Description;
use super::operation::{named, operation, switch, text};

pub(super) fn describe(api: &mut Description) {
    let resources = operation("searchResources", "Resources of a type that a filter finds")
        .query("filter", &text(), "Which resources, as a text, when there is no body")
        .query("details", &switch(), "Changes nothing: all members are shown")
        .query("history", &switch(), "Also what they were")
        .queries("attrs", &text(), "Only this member of each")
        .json(&named("Filter"))
        .needs_no_body()
        .lists(&named("FoundResource"))
        .refuses(&[404]);
    api.add(Method::POST, "/v1/search/resource/{type}", resources);
    let about = "One operator with its operand or operands, as `{\"and\": [{\">\": 1}, {\"<\": 5}]}`";
    let predicate = json!({"type": "object", "description": about, "examples": [{">": 1}]});
    let points =
        json!({"type": "object", "description": "By the metrics' ids", "additionalProperties": named("Points")});
    let metrics = operation("searchMetrics", "Points of metrics whose values are like what is asked")
        .queries("metric_id", &text(), "The id of a metric; there must be one")
        .query("start", &text(), "From this time on: seconds, a date, or relative to now")
        .query("stop", &text(), "Before this time")
        .query("aggregation", &text(), "The aggregation method, `mean` when it is left out")
        .queries("granularity", &text(), "Seconds, or a length of time as a text; all when it is left out")
        .json(&predicate)
        .answers(200, "The points.", &points)
        .refuses(&[404]);
    api.add(Method::POST, "/v1/search/metric", metrics);
}
