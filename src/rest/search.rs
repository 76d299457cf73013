//! `/v1/search`: resources that are like what is asked, and points of metrics whose values are.

use std::cmp::Reverse;

use axum::http::header;
use serde_json::{Map, Value, json};

use super::call::{Call, Reply};
use super::failure::Failure;
use super::filter;
use super::given::Given;
use super::json::Tree;
use super::paging::Page;
use super::parameters::{invalid, timespan, uuid};
use super::server::App;
use super::{about, shapes};
use crate::ops::Predicate;
use crate::{
    AggregationMethod, Database, Definition, Filter, History, Metric, MetricSearch, Query, Resource, ResourceSearch,
    Sampling, Timespan, Timestamp, Uuid,
};

/// `POST /v1/search/resource/{type}`: a page of the resources that a filter finds.
pub(super) fn resources(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let resource_type = known_type(app, call)?;
    let mut search = ResourceSearch::of(resource_type).now(Database::now()).creator(user.name());
    search.filter = filter::sent(call)?;
    search.history = if call.switch("history", false)? { History::All } else { History::Current };
    let visibility = user.resources_for(app, "search resource")?;
    listed(app, call, search, visibility.as_ref())
}

/// Anything but `POST` there: of a type that is not there, that is what is wrong.
pub(super) fn wrong_method(app: &App, call: &Call) -> Result<Reply, Failure> {
    known_type(app, call)?;
    about::wrong_method(app, call)
}

/// The type in the path, which must be there.
fn known_type<'a>(app: &App, call: &'a Call) -> Result<&'a str, Failure> {
    let name = call.named("type");
    app.database.resource_type(name)?;
    Ok(name)
}

/// The page of a search that the query asks for, by `limit`, `marker`, `sort`, `details` and `attrs`, with the link to the
/// next one. In a list of revisions markers name these, too.
pub(super) fn listed(
    app: &App,
    call: &Call,
    mut search: ResourceSearch,
    visibility: Option<&Filter>,
) -> Result<Reply, Failure> {
    let page = Page::of(call, app.max_limit(), &["revision_start:asc", "started_at:asc"])?;
    search.details = call.switch("details", false)?;
    search.limit = Some(page.limit());
    search.sort = page.sorts().to_vec();
    search.marker = page.marker();
    let found = app.database.search_resources(&search, visibility);
    let found = found.map_err(|error| page.failure(error))?;
    let marker = |resource: &Resource| match resource.revision {
        None if search.history == History::All => format!("{}@-1", resource.id),
        _ => resource.marker().to_string(),
    };
    let link = page.link(call, found.len(), found.last().map(marker));
    let attributes: Vec<&str> = call.query.all("attrs").filter(|name| !name.is_empty()).collect();
    let shown = found.iter().map(|resource| only(shapes::resource(resource), &attributes)).collect();
    let reply = Reply::json(&Value::Array(shown))?;
    Ok(match link {
        Some(link) => reply.header(header::LINK, link),
        None => reply,
    })
}

/// Those members that are asked for; all of them when none is.
fn only(shown: Value, attributes: &[&str]) -> Value {
    match shown {
        Value::Object(members) if !attributes.is_empty() => {
            let asked = members.into_iter().filter(|(name, _)| attributes.contains(&name.as_str()));
            Value::Object(asked.collect::<Map<_, _>>())
        }
        whole => whole,
    }
}

/// `POST /v1/search/metric`: the points of metrics whose values fulfil a predicate.
pub(super) fn metrics(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let found = app.database.search_metrics(&MetricSearch::new().filter(Filter::one_of("id", ids(call)?)), None)?;
    let keys: Vec<_> = found.iter().map(|metric| metric.key).collect();
    user.must_with_all(app, "search metric", &keys)?;
    if call.body.is_empty() {
        return Err(Failure::bad("No query specified in body"));
    }
    let body = call.json()?;
    let predicate = Predicate::from_json(&body).map_err(|error| Given::whole(&body).invalid(&error.to_string()))?;
    let (from, to) = (bound(call, "start")?, bound(call, "stop")?);
    let name = call.query.get("aggregation").map_or("mean", String::as_str);
    let asked =
        call.query.all("granularity").map(|text| timespan(text).map_err(|reason| invalid("granularity", &reason)));
    let asked = asked.collect::<Result<Vec<Timespan>, Failure>>()?;
    let mut shown = Vec::with_capacity(found.len());
    for metric in &found {
        let mut points = Vec::new();
        for (method, granularity) in archives(app, metric, name, &asked)? {
            let mut query = Query::new(metric.key).method(method).granularity(granularity);
            query = from.map_or(query.clone(), |from| query.from(from));
            query = to.map_or(query.clone(), |to| query.to(to));
            points.push((Sampling::Timespan(granularity), app.database.search_values(&query, &predicate)?));
        }
        shown.push((metric.id.to_string(), Tree::Points(points)));
    }
    Reply::tree(&Tree::Object(shown))
}

/// The ids of the metrics to be searched, of which there must be one.
fn ids(call: &Call) -> Result<Vec<Uuid>, Failure> {
    let id = |text: &str| uuid(text).ok_or_else(|| invalid("metric_id", &format!("'{text}' is not a valid UUID")));
    let ids = call.query.all("metric_id").map(id).collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() { Err(invalid("metric_id", "No metric is named")) } else { Ok(ids) }
}

/// An end of the time that is searched.
fn bound(call: &Call, name: &str) -> Result<Option<Timestamp>, Failure> {
    call.time(name).map_err(|_| Failure::bad(format!("Invalid value for {name}")))
}

/// The archives of a metric that are searched, the coarsest first: those asked for, all of which it must have, or all.
fn archives(
    app: &App,
    metric: &Metric,
    name: &str,
    asked: &[Timespan],
) -> Result<Vec<(AggregationMethod, Timespan)>, Failure> {
    let policy = app.database.policy_of(metric.key)?;
    let kept: Vec<Timespan> = policy.definitions().iter().map(Definition::granularity).collect();
    let mut granularities = if asked.is_empty() { kept.clone() } else { asked.to_vec() };
    granularities.sort_unstable_by_key(|granularity| Reverse(*granularity));
    granularities.dedup();
    let method = name.parse::<AggregationMethod>().ok().filter(|method| policy.methods().contains(*method));
    let lacking = |granularity: Timespan| {
        let detail = json!({"granularity": granularity.nanos() as f64 / 1e9, "aggregation_method": name});
        Failure::bad(json!({"cause": "Aggregation does not exist", "detail": detail}))
    };
    let archive = |granularity: Timespan| {
        method
            .filter(|_| kept.contains(&granularity))
            .map(|method| (method, granularity))
            .ok_or_else(|| lacking(granularity))
    };
    granularities.into_iter().map(archive).collect()
}
