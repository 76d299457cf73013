//! `/v1/metric` and what is below it.

use std::collections::{BTreeMap, HashMap};

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::archive_policy;
use super::call::{Call, Reply};
use super::failure::Failure;
use super::given::{Given, Object};
use super::json::Tree;
use super::measures::Measures;
use super::paging::Page;
use super::parameters::uuid;
use super::server::App;
use super::shapes;
use crate::{
    AggregationMethod, Definition, Error, Filter, Metric, MetricSearch, MetricStatus, NewMetric, Query, ResourceId,
    ResourceMetric, Sampling, Timespan,
};

/// `GET`: a page of the metrics, of those like what the query says.
pub(super) fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    let visibility = call.user()?.metrics_for(app, "list metric")?;
    let page = Page::of(call, app.max_limit(), &["id:asc"])?;
    let mut search = MetricSearch::new().filter(Filter::all(conditions(call))).limit(page.limit());
    search.status = status(call)?;
    search.sort = page.sorts().to_vec();
    search.marker = page.marker();
    let found = app.database.search_metrics(&search, visibility.as_ref()).map_err(|error| page.failure(error))?;
    let link = page.link(call, found.len(), found.last().map(|metric| metric.id.to_string()));
    let shown = with_policies(app, &found)?;
    let reply = Reply::json(&Value::Array(shown))?;
    Ok(match link {
        Some(link) => reply.header(header::LINK, link),
        None => reply,
    })
}

fn conditions(call: &Call) -> Vec<Filter> {
    let asked = |name: &str| call.query.get(name).cloned();
    let (user, project) = (asked("user_id"), asked("project_id"));
    let creator = if user.is_none() && project.is_none() {
        asked("creator")
    } else {
        Some(format!("{}:{}", user.unwrap_or_default(), project.unwrap_or_default()))
    };
    let mut conditions: Vec<Filter> = creator.map(|creator| Filter::eq("creator", creator)).into_iter().collect();
    for name in ["id", "name", "unit", "archive_policy_name"] {
        conditions.extend(asked(name).map(|value| Filter::eq(name, value)));
    }
    conditions
}

fn status(call: &Call) -> Result<MetricStatus, Failure> {
    match call.query.get("status").map(String::as_str) {
        None | Some("active") => Ok(MetricStatus::Active),
        Some("delete") => Ok(MetricStatus::Delete),
        Some(_) => Err(Failure::bad("Invalid input: not a valid value for dictionary value @ data['status']")),
    }
}

/// Metrics with their archive policies, each of which is looked up once.
pub(super) fn with_policies(app: &App, metrics: &[Metric]) -> Result<Vec<Value>, Failure> {
    let mut policies: HashMap<&str, Value> = HashMap::new();
    let mut shown = Vec::with_capacity(metrics.len());
    for metric in metrics {
        let name = metric.archive_policy_name.as_str();
        if !policies.contains_key(name) {
            policies.insert(name, archive_policy::shown(&app.database.archive_policy(name)?));
        }
        shown.push(shapes::metric_in_list(metric, policies.get(name).unwrap_or(&Value::Null)));
    }
    Ok(shown)
}

/// `GET` of one.
pub(super) fn show(app: &App, call: &Call) -> Result<Reply, Failure> {
    show_one(app, &asked(app, call, "get metric")?)
}

/// One metric with its policy and its resource.
pub(super) fn show_one(app: &App, metric: &Metric) -> Result<Reply, Failure> {
    let policy = archive_policy::shown(&app.database.archive_policy(&metric.archive_policy_name)?);
    let resource = metric.resource_id.map(|id| app.database.resource(id, None)).transpose()?;
    Reply::json(&shapes::metric_with_resource(metric, &policy, resource.as_ref()))
}

/// `DELETE`.
pub(super) fn delete(app: &App, call: &Call) -> Result<Reply, Failure> {
    delete_one(app, &asked(app, call, "delete metric")?)
}

/// Deletes a metric.
pub(super) fn delete_one(app: &App, metric: &Metric) -> Result<Reply, Failure> {
    app.database.delete_metric(metric.key)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `POST`: creates one, by itself or within a resource.
pub(super) fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let body = call.json()?;
    let given = Given::whole(&body).object(&["archive_policy_name", "resource_id", "name", "unit"], &[])?;
    let name = given.get("name").map(|name| name.text()).transpose()?;
    let new = new_metric(&given)?;
    if name.is_some_and(|name| name.contains('/')) {
        return Err(Failure::bad("'/' is not supported in metric name"));
    }
    user.must(app, "create metric")?;
    let metric = match given.get("resource_id") {
        None => {
            let new = NewMetric {
                name: name.map(str::to_owned),
                unit: new.unit,
                archive_policy_name: new.archive_policy_name,
                creator: Some(user.name().to_owned()),
                ..NewMetric::default()
            };
            app.database.create_metric(new).map_err(uncreated)?
        }
        Some(resource) => {
            let resource = ResourceId::new(resource.text()?, Some(user.name()))?;
            within(app, call, &resource, name, new)?
        }
    };
    Reply::created(call, ["metric", &metric.id.to_string()], &shapes::metric(&metric))
}

/// What is said of a metric to be made, but for its name.
pub(super) fn new_metric(given: &Object<'_>) -> Result<ResourceMetric, Failure> {
    let text = |key: &str| given.get(key).map(|given| given.text().map(str::to_owned)).transpose();
    let unit = text("unit")?;
    if let Some(long) = given.get("unit").filter(|_| unit.as_ref().is_some_and(|unit| unit.chars().count() > 31)) {
        return Err(long.invalid("length of value must be at most 31"));
    }
    Ok(ResourceMetric { existing: None, archive_policy_name: text("archive_policy_name")?, unit })
}

fn within(
    app: &App,
    call: &Call,
    resource: &ResourceId,
    name: Option<&str>,
    new: ResourceMetric,
) -> Result<Metric, Failure> {
    let Some(name) = name else {
        let reason = "Name cannot be null if resource_id is not null";
        return Err(Failure::bad(json!({"cause": "Attribute value error", "detail": "name", "reason": reason})));
    };
    app.database.resource(resource.id(), None)?;
    let visibility = call.user()?.resources_for(app, "update resource")?;
    let metrics = BTreeMap::from([(name.to_owned(), new)]);
    let updated = app.database.append_metrics(resource.id(), &metrics, visibility.as_ref());
    let updated = updated.map_err(|error| match error {
        Error::UnknownResource { .. } => Failure::of(StatusCode::FORBIDDEN),
        other => uncreated(other),
    })?;
    let created = updated.metrics.get(name).ok_or_else(|| Error::UnknownMetric { metric: name.to_owned() })?;
    Ok(app.database.metric_by_key(created.key)?)
}

/// Gnocchi's words for a metric that cannot be made.
pub(super) fn uncreated(error: Error) -> Failure {
    match error {
        Error::UnknownArchivePolicy { name } => Failure::bad(format!("Archive policy {name} does not exist")),
        Error::NoArchivePolicyRuleMatch { name } => Failure::bad(format!(
            "No archive policy name specified and no archive policy rule found matching the metric name {}",
            if name.is_empty() { "None" } else { &name }
        )),
        Error::MetricExists { name } => Failure::bad(json!({"cause": "Named metric already exists", "detail": name})),
        other => other.into(),
    }
}

/// The metric in the path, for a caller whom the rule `name` lets use it.
fn asked(app: &App, call: &Call, name: &str) -> Result<Metric, Failure> {
    let user = call.user()?;
    let text = call.named("id");
    let id: Uuid = uuid(text).ok_or_else(|| Error::UnknownMetric { metric: text.to_owned() })?;
    let metric = app.database.metric(id)?;
    user.must_with(app, name, &metric)?;
    Ok(metric)
}

/// `POST` of measures.
pub(super) fn push(app: &App, call: &Call) -> Result<Reply, Failure> {
    push_to(app, call, &asked(app, call, "post measures")?)
}

/// Pushes the measures in the body to a metric.
pub(super) fn push_to(app: &App, call: &Call, metric: &Metric) -> Result<Reply, Failure> {
    let body = call.json()?;
    let measures = Measures::of(&Given::whole(&body))?;
    let mut batch = app.database.batch();
    batch.extend(metric.key, &measures.timestamps, &measures.values)?;
    batch.commit()?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// `GET` of measures.
pub(super) fn measures(app: &App, call: &Call) -> Result<Reply, Failure> {
    measures_of(app, call, &asked(app, call, "get measures")?)
}

/// The points of a metric: of one granularity or of all, the coarsest first.
pub(super) fn measures_of(app: &App, call: &Call, metric: &Metric) -> Result<Reply, Failure> {
    let resample = call.resample()?;
    let (from, to) = (call.time("start")?, call.time("stop")?);
    let asked = call.granularity()?;
    call.switch("refresh", false)?;
    let policy = app.database.policy_of(metric.key)?;
    let name = call.query.get("aggregation").map_or("mean", String::as_str);
    let method = name.parse::<AggregationMethod>().ok().filter(|method| policy.methods().contains(*method));
    let Some(method) = method else { return Err(method_not_kept(metric, name)) };
    let mut granularities: Vec<Timespan> = policy.definitions().iter().map(Definition::granularity).collect();
    if let Some(asked) = asked {
        if !granularities.contains(&asked) {
            return Err(archive_not_kept(metric, name, asked));
        }
        granularities = vec![asked];
    }
    granularities.sort_unstable_by(|one, other| other.cmp(one));
    let mut points = Vec::with_capacity(granularities.len());
    for granularity in granularities {
        let mut query = Query::new(metric.key).method(method).granularity(granularity);
        query = from.map_or(query.clone(), |from| query.from(from));
        query = to.map_or(query.clone(), |to| query.to(to));
        query = resample.map_or(query.clone(), |resample| query.resample(resample));
        points.push((resample.unwrap_or(Sampling::Timespan(granularity)), app.database.measures(&query)?));
    }
    Reply::tree(&Tree::Points(points))
}

/// That a metric has no such aggregates.
pub(super) fn method_not_kept(metric: &Metric, name: &str) -> Failure {
    let cause = "Aggregation method does not exist for this metric";
    let detail = json!({"metric": metric.id, "aggregation_method": name});
    Failure::because(StatusCode::NOT_FOUND, json!({"cause": cause, "detail": detail}))
}

/// That a metric has no such aggregates of this granularity.
pub(super) fn archive_not_kept(metric: &Metric, name: &str, granularity: Timespan) -> Failure {
    let seconds = granularity.nanos() as f64 / 1e9;
    let id = metric.id;
    let reason = format!("Aggregation method '{name}' at granularity '{seconds:?}' for metric {id} does not exist");
    Failure::because(StatusCode::NOT_FOUND, reason)
}
