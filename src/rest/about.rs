//! What this server is, can do, and how it fares.

use axum::http::StatusCode;
use serde_json::json;

use super::call::{Call, Reply};
use super::failure::Failure;
use super::server::App;
use crate::AggregationMethod;

/// The sections of the API that are there.
const SECTIONS: &[&str] = &[
    "aggregates",
    "aggregation",
    "archive_policy",
    "archive_policy_rule",
    "batch",
    "capabilities",
    "influxdb",
    "metric",
    "resource",
    "resource_type",
    "search",
    "status",
];

/// `GET /`: the versions of the API.
pub(super) fn versions(_: &App, call: &Call) -> Result<Reply, Failure> {
    let link = json!({"rel": "self", "href": format!("{}/v1/", call.origin())});
    let version = json!({"id": "v1.0", "status": "CURRENT", "updated": "2015-03-19", "links": [link]});
    Reply::json(&json!({"build": env!("CARGO_PKG_VERSION"), "versions": [version]}))
}

/// `GET /v1`: the sections of this version.
pub(super) fn version(_: &App, call: &Call) -> Result<Reply, Failure> {
    let base = format!("{}/v1", call.origin());
    let mut links = vec![json!({"rel": "self", "href": base})];
    links.extend(SECTIONS.iter().map(|name| json!({"rel": name, "href": format!("{base}/{name}")})));
    Reply::json(&json!({"version": "1.0", "links": links}))
}

/// `GET /healthcheck`: that requests are answered, and the index can be read.
pub(super) fn health(app: &App, _: &Call) -> Result<Reply, Failure> {
    app.database.archive_policies()?;
    Ok(Reply::empty(StatusCode::OK))
}

/// `GET /v1/capabilities`: all aggregation methods.
pub(super) fn capabilities(_: &App, _: &Call) -> Result<Reply, Failure> {
    let methods: Vec<String> = AggregationMethod::all().map(|method| method.to_string()).collect();
    Reply::json(&json!({"aggregation_methods": methods}))
}

/// `GET /v1/status`: what waits to be processed, which is nothing: a measure counts as soon as it is acknowledged.
pub(super) fn status(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "get status")?;
    let mut storage = json!({"summary": {"metrics": 0, "measures": 0}});
    if call.switch("details", true)? {
        storage["measures_to_process"] = json!({});
    }
    Reply::json(&json!({"storage": storage, "metricd": {"processors": null, "statistics": {}}}))
}

/// Any path that is not there.
pub(super) fn nothing_here(_: &App, _: &Call) -> Result<Reply, Failure> {
    Err(Failure::of(StatusCode::NOT_FOUND))
}

/// A path that is there, for other methods.
pub(super) fn wrong_method(_: &App, call: &Call) -> Result<Reply, Failure> {
    let reason = format!("The method {} is not allowed for this resource.", call.method);
    Err(Failure::because(StatusCode::METHOD_NOT_ALLOWED, reason))
}
