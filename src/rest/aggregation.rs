//! `/v1/aggregation`: the older questions across metrics, and across those of resources that have the same name.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};

use super::aggregates::group;
use super::asked::Asked;
use super::call::{Call, Reply};
use super::failure::Failure;
use super::filter;
use super::given::Given;
use super::json::Tree;
use super::metric::method_not_kept;
use super::server::App;
use crate::Database;
use crate::ops::{EvaluateOptions, Reaggregation};
use crate::{
    Aggregated, AggregationMethod, ArchivePolicy, Definition, Error, MetricKey, ResourceSearch, Timespan, Timestamp,
    Uuid,
};

/// `GET`, `POST /v1/aggregation/metric`: across metrics by id.
pub(super) fn metrics(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let ids = ids(call)?;
    let asked = Asked::of(call)?;
    if ids.is_empty() {
        return Reply::tree(&Tree::Points(Vec::new()));
    }
    let keys = ids.iter().map(|id| key(app, *id)).collect::<Result<Vec<_>, _>>()?;
    user.must_own_all(app, &keys)?;
    let names = ids.iter().map(Uuid::to_string).collect();
    let alone = keys.len() == 1;
    let question = question(call, &asked, names, &|method| lacking(app, keys.first(), alone, method, &asked))?;
    let answered = app.database.reaggregate(&question, &asked.granularities());
    let answered = answered.map_err(|error| unanswered(app, call, &asked, alone, error))?;
    Reply::tree(&points(answered))
}

/// `POST /v1/aggregation/resource/{type}/metric/{name}`: across the metrics of this name of resources.
pub(super) fn resources(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let resource_type = call.named("type");
    app.database.resource_type(resource_type)?;
    let asked = Asked::of(call)?;
    let mut search = ResourceSearch::of(resource_type).now(Database::now()).creator(user.name());
    search.filter = filter::sent(call)?;
    let groups: Vec<&str> = call.query.all("groupby").collect();
    let names = vec![call.named("name").to_owned()];
    let question = question(call, &asked, names, &|method| unknown_method(method, None, "", &asked))?;
    let granularities = asked.granularities();
    let seen = user.resources_for(app, "search resource")?;
    let (database, seen) = (&app.database, seen.as_ref());
    let answered = match user.metrics_for(app, "get metric")? {
        None => database.reaggregate_resources(&question, &search, &groups, &granularities, seen),
        Some(metrics) => {
            database.visible(&metrics).reaggregate_resources(&question, &search, &groups, &granularities, seen)
        }
    };
    let answered = answered.map_err(|error| match error {
        Error::UnknownAttribute { .. } if !groups.is_empty() => Failure::bad("Invalid groupby attribute"),
        other => unanswered(app, call, &asked, false, other),
    })?;
    if groups.is_empty() {
        return Reply::tree(&points(answered.into_iter().next().unwrap_or_default()));
    }
    let shown = answered.into_iter().map(|one| {
        let group = Tree::Value(group(&one));
        Tree::Object(vec![("measures".to_owned(), points(one)), ("group".to_owned(), group)])
    });
    Reply::tree(&Tree::List(shown.collect()))
}

/// The points of an answer, series after series.
fn points(answered: Aggregated) -> Tree {
    Tree::Points(answered.series.into_iter().map(|series| (series.granularity, series.columns)).collect())
}

/// The ids of the metrics asked for: in the query, or a list in the body.
fn ids(call: &Call) -> Result<Vec<Uuid>, Failure> {
    let body;
    let texts: Vec<&str> = if call.method == Method::POST {
        body = call.json()?;
        Given::whole(&body).list()?.iter().map(Given::text).collect::<Result<_, _>>()?
    } else {
        call.query.all("metric").collect()
    };
    let id = |text: &&str| text.parse().map_err(|_| Failure::bad(format!("Invalid input: {text} is not a valid UUID")));
    let mut ids: Vec<Uuid> = texts.iter().map(id).collect::<Result<_, _>>()?;
    // A metric that is named twice counts once.
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(*id));
    Ok(ids)
}

fn key(app: &App, id: Uuid) -> Result<MetricKey, Failure> {
    app.database.metric(id).map(|metric| metric.key).map_err(|error| match error {
        Error::UnknownMetric { .. } => Failure::because(StatusCode::NOT_FOUND, format!("Metric {id} does not exist")),
        other => other.into(),
    })
}

/// What is asked; `unknown` says why a word is no aggregation method.
fn question(
    call: &Call,
    asked: &Asked,
    metrics: Vec<String>,
    unknown: &dyn Fn(&str) -> Failure,
) -> Result<Reaggregation, Failure> {
    call.switch("refresh", false)?;
    let method = call.query.get("aggregation").map_or("mean", String::as_str);
    let resample = call.resample()?;
    let method: AggregationMethod = method.parse().map_err(|_| unknown(method))?;
    let reaggregation = call.query.get("reaggregation").map(|text| text.parse()).transpose()?;
    let options = EvaluateOptions {
        fill: asked.fill,
        needed_overlap: asked.needed_overlap.unwrap_or(100.0),
        from: asked.from.map(Timestamp::nanos),
        to: asked.to.map(Timestamp::nanos),
    };
    Ok(Reaggregation { metrics, method, reaggregation, resample, options, skip_damaged: false })
}

/// Why the database does not answer; `alone` when one metric was asked for by its id.
fn unanswered(app: &App, call: &Call, asked: &Asked, alone: bool, error: Error) -> Failure {
    let method = call.query.get("aggregation").map_or("mean", String::as_str);
    match error {
        Error::Unaggregable { references, reason } => Failure::bad(serde_json::json!({
            "cause": "Metrics cannot be aggregated", "reason": reason, "detail": references,
        })),
        Error::UnknownGranularity { metric, .. } => lacking(app, Some(&MetricKey::new(metric)), alone, method, asked),
        Error::UnknownReferenceMethod { metric, .. } => match metric.parse().map(|id| app.database.metric(id)) {
            Ok(Ok(metric)) => lacking(app, Some(&metric.key), alone, method, asked),
            _ => unknown_method(method, None, &metric, asked),
        },
        other => other.into(),
    }
}

/// That a metric has no such aggregates. Gnocchi says so in other words of one metric alone, when it is the method that is
/// lacking.
fn lacking(app: &App, key: Option<&MetricKey>, alone: bool, method: &str, asked: &Asked) -> Failure {
    let metric = key.and_then(|key| app.database.metric_by_key(*key).ok());
    let policy = metric.as_ref().and_then(|metric| app.database.policy_of(metric.key).ok());
    let definitions = policy.iter().flat_map(ArchivePolicy::definitions);
    let kept: Vec<Timespan> = definitions.map(Definition::granularity).collect();
    if let Some(metric) = metric.as_ref().filter(|_| alone)
        && asked.granularity.is_none_or(|granularity| kept.contains(&granularity))
    {
        return method_not_kept(metric, method);
    }
    let finest = kept.into_iter().min();
    unknown_method(method, finest, &metric.map_or_else(String::new, |metric| metric.id.to_string()), asked)
}

fn unknown_method(method: &str, finest: Option<Timespan>, metric: &str, asked: &Asked) -> Failure {
    let granularity = asked
        .granularity
        .or(finest)
        .map_or_else(String::new, |span| format!(" at granularity '{:?}'", span.nanos() as f64 / 1e9));
    let metric = if metric.is_empty() { String::new() } else { format!(" for metric {metric}") };
    let reason = format!("Aggregation method '{method}'{granularity}{metric} does not exist");
    Failure::because(StatusCode::NOT_FOUND, reason)
}
