//! `/v1/batch`: measures of many metrics in one push, by the metrics' ids or by resource and metric name.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::call::{Call, Reply};
use super::failure::Failure;
use super::given::Given;
use super::measures::Measures;
use super::metric::{new_metric, uncreated};
use super::parameters::uuid;
use super::server::App;
use crate::{BatchBuffer, Error, ResourceId, ResourceMetric};

/// `POST /v1/batch/metrics/measures`: an object of metric ids with their measures.
pub(super) fn metrics(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let body = call.json()?;
    let mut given: BTreeMap<Uuid, Measures> = BTreeMap::new();
    for (text, measures) in Given::whole(&body).members()? {
        let id = uuid(text).ok_or_else(|| measures.refused("extra keys not allowed"))?;
        given.insert(id, Measures::of(&measures)?);
    }
    let mut buffer = BatchBuffer::new();
    let (mut keys, mut unknown) = (Vec::new(), Vec::new());
    for (id, measures) in &given {
        match app.database.metric(*id) {
            Ok(metric) => {
                buffer.extend(metric.key, &measures.timestamps, &measures.values)?;
                keys.push(metric.key);
            }
            Err(Error::UnknownMetric { .. }) => unknown.push(id.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    if !unknown.is_empty() {
        return Err(Failure::bad(format!("Unknown metrics: {}", unknown.join(", "))));
    }
    user.must_with_all(app, "post measures", &keys)?;
    app.database.commit(&mut buffer)?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// What was sent for the metrics of one resource.
type Named = BTreeMap<String, (ResourceMetric, Measures)>;

/// `POST /v1/batch/resources/metrics/measures`: an object of resource ids, with objects of metric names, with measures
/// or an object that says also what the metric is to be like when it is made.
pub(super) fn resources(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let create = call.switch("create_metrics", false)?;
    let may_create = user.must(app, "create metric").is_ok();
    let body = call.json()?;
    let mut given: Vec<(ResourceId, Named)> = Vec::new();
    for (text, metrics) in Given::whole(&body).members()? {
        let resource = ResourceId::new(text, Some(user.name())).map_err(|error| metrics.refused(&error.to_string()))?;
        let named = metrics.members()?.into_iter();
        given.push((
            resource,
            named.map(|(name, sent)| Ok((name.to_owned(), one(&sent)?))).collect::<Result<_, Failure>>()?,
        ));
    }
    let mut batch = app.database.resource_batch();
    batch.create_metrics(create && may_create);
    for (resource, named) in &given {
        for (name, (new, measures)) in named {
            batch.new_metric(resource, name, new.clone());
            batch.extend(resource, name, &measures.timestamps, &measures.values)?;
        }
    }
    let owned = user.owned();
    match batch.commit(owned.as_ref()) {
        Ok(_) => Ok(Reply::empty(StatusCode::ACCEPTED)),
        Err(Error::UnknownResourceMetrics { resources, .. }) if create && !may_create && resources.is_empty() => {
            Err(Failure::of(StatusCode::FORBIDDEN))
        }
        Err(Error::UnknownResourceMetrics { resources, metrics }) => {
            Err(unknown(app, &given, create, &resources, &metrics))
        }
        Err(error) => Err(uncreated(error)),
    }
}

/// One metric's measures, in either form.
fn one(given: &Given<'_>) -> Result<(ResourceMetric, Measures), Failure> {
    if !given.value().is_object() {
        return Ok((ResourceMetric::by_rule(), Measures::of(given)?));
    }
    let object = given.object(&["archive_policy_name", "unit", "measures"], &["measures"])?;
    Ok((new_metric(&object)?, Measures::of(&object.need("measures")?)?))
}

/// Gnocchi's words for what is not there, or not for this caller.
fn unknown(
    app: &App,
    given: &[(ResourceId, Named)],
    create: bool,
    resources: &[(String, String)],
    metrics: &[(String, String)],
) -> Failure {
    let missing = |id: &ResourceId| resources.iter().any(|(missing, _)| *missing == id.id().to_string());
    let there = |id: &ResourceId| app.database.resource(id.id(), None).is_ok();
    if given.iter().any(|(id, _)| missing(id) && there(id)) {
        return Failure::of(StatusCode::FORBIDDEN);
    }
    if create && !resources.is_empty() {
        let detail: Vec<_> =
            resources.iter().map(|(id, name)| json!({"resource_id": id, "original_resource_id": name})).collect();
        return Failure::bad(json!({"cause": "Unknown resources", "detail": detail}));
    }
    let of_missing = given.iter().filter(|(id, _)| missing(id));
    let mut names: Vec<String> =
        of_missing.flat_map(|(id, named)| named.keys().map(move |name| format!("{}/{name}", id.id()))).collect();
    names.extend(metrics.iter().map(|(resource, name)| format!("{resource}/{name}")));
    names.sort_unstable();
    names.dedup();
    Failure::bad(format!("Unknown metrics: {}", names.join(", ")))
}
