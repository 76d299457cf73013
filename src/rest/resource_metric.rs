//! `/v1/resource/{type}/{id}/metric`: the metrics of one resource, by the names they have there.

use axum::http::StatusCode;
use serde_json::Value;

use super::call::{Call, Reply};
use super::failure::Failure;
use super::given::Given;
use super::metric::{delete_one, measures_of, push_to, show_one, with_policies};
use super::resource::{asked, known};
use super::resource_body::{metrics, unchanged};
use super::server::App;
use crate::{Error, Filter, Metric, MetricSearch, Resource};

/// `GET`: all metrics of a resource.
pub(super) fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    shown(app, &asked(app, call, "get resource")?)
}

/// `POST`: gives a resource further metrics.
pub(super) fn append(app: &App, call: &Call) -> Result<Reply, Failure> {
    let resource = asked(app, call, "update resource")?;
    let user = call.user()?;
    let body = call.json()?;
    let metrics = metrics(&Given::whole(&body))?;
    if metrics.values().any(|metric| metric.existing.is_none()) {
        user.must(app, "create metric")?;
    }
    let visibility = user.resources_for(app, "update resource")?;
    let updated = app.database.append_metrics(resource.id, &metrics, visibility.as_ref());
    let updated = updated.map_err(|error| match error {
        Error::MetricExists { name } => {
            Failure::because(StatusCode::CONFLICT, format!("Named metric {name} already exists"))
        }
        other => unchanged(other),
    })?;
    shown(app, &updated)
}

fn shown(app: &App, resource: &Resource) -> Result<Reply, Failure> {
    let found = MetricSearch::new().filter(Filter::eq("resource_id", resource.id));
    Reply::json(&Value::Array(with_policies(app, &app.database.search_metrics(&found, None)?)?))
}

/// `GET` of one.
pub(super) fn show(app: &App, call: &Call) -> Result<Reply, Failure> {
    show_one(app, &named(app, call, "get metric")?)
}

/// `DELETE` of one.
pub(super) fn delete(app: &App, call: &Call) -> Result<Reply, Failure> {
    delete_one(app, &named(app, call, "delete metric")?)
}

/// `GET` of measures.
pub(super) fn measures(app: &App, call: &Call) -> Result<Reply, Failure> {
    measures_of(app, call, &named(app, call, "get measures")?)
}

/// `POST` of measures.
pub(super) fn push(app: &App, call: &Call) -> Result<Reply, Failure> {
    push_to(app, call, &named(app, call, "post measures")?)
}

/// The metric in the path, for a caller whom the rule `rule` lets use it.
fn named(app: &App, call: &Call, rule: &str) -> Result<Metric, Failure> {
    let resource = known(app, call)?;
    let name = call.named("name");
    let reference = resource.metrics.get(name).ok_or_else(|| Error::UnknownMetric { metric: name.to_owned() })?;
    let metric = app.database.metric_by_key(reference.key)?;
    call.user()?.must_with(app, rule, &metric)?;
    Ok(metric)
}
