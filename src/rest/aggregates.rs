//! `/v1/aggregates`: operations across metrics, named by id, or through resources.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::archive_policy;
use super::asked::Asked;
use super::call::{Call, Reply};
use super::failure::Failure;
use super::filter;
use super::given::Given;
use super::json::Tree;
use super::operations::{read, unanswered};
use super::server::App;
use super::shapes;
use crate::Database;
use crate::ops::{Operation, OutputLabel, OutputSeries};
use crate::{Aggregated, Aggregates, Error, MetricKey, ResourceAggregates, ResourceSearch, Uuid};

/// `POST`: evaluates an operation.
pub(super) fn evaluate(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?;
    let asked = Asked::of(call)?;
    let details = call.switch("details", false)?;
    let use_history = call.switch("use_history", false)?;
    let body = call.json()?;
    let given = Given::whole(&body).object(&["operations", "resource_type", "search"], &["operations"])?;
    let operation = read(&given.need("operations")?)?;
    let question = question(operation.clone(), &asked, details);
    if given.get("resource_type").is_none() && given.get("search").is_none() {
        return of_metrics(app, call, &operation, &question, &asked);
    }
    let resource_type = given.need("resource_type")?.text()?;
    app.database.resource_type(resource_type)?;
    let search = ResourceSearch::of(resource_type).now(Database::now()).creator(call.user()?.name());
    let search = search.filter(filter::of_part(&given.need("search")?)?);
    let groups: Vec<&str> = call.query.all("groupby").collect();
    // Gnocchi looks at the history of groups only.
    let history = use_history && !groups.is_empty();
    let question =
        groups.iter().fold(ResourceAggregates::new(question, search), |question, name| question.group_by(*name));
    of_resources(app, call, &operation, &question.use_history(history), !groups.is_empty(), &asked)
}

fn question(operation: Operation, asked: &Asked, details: bool) -> Aggregates {
    let mut question = Aggregates::new(operation).details(details);
    if let Some(granularity) = asked.granularity {
        question = question.granularity(granularity);
    }
    if let Some(from) = asked.from {
        question = question.from(from);
    }
    if let Some(to) = asked.to {
        question = question.to(to);
    }
    if let Some(fill) = asked.fill {
        question = question.fill(fill);
    }
    if let Some(percent) = asked.needed_overlap {
        question = question.needed_overlap(percent);
    }
    question
}

/// Over metrics that the operation names by id.
fn of_metrics(
    app: &App,
    call: &Call,
    operation: &Operation,
    question: &Aggregates,
    asked: &Asked,
) -> Result<Reply, Failure> {
    let references = operation.metrics();
    let mut ids = BTreeSet::new();
    for one in &references {
        let id: Uuid = one.metric.parse().map_err(|_| {
            let detail: Vec<Value> = references.iter().map(|one| json!([one.metric, one.method.to_string()])).collect();
            let reason = format!("'{}' is not a valid UUID", one.metric);
            Failure::bad(json!({"cause": "Invalid metric references", "reason": reason, "detail": detail}))
        })?;
        ids.insert(id);
    }
    let user = call.user()?;
    // The database looks for each metric anyway; to look before it is for those who may not read all.
    if !matches!(user.metrics_for(app, "get metric"), Ok(None)) {
        user.must_own_all(app, &keys(app, &ids)?)?;
    }
    let answered = app.database.aggregates(question).map_err(|error| match error {
        Error::UnknownMetric { .. } => keys(app, &ids).err().unwrap_or_else(|| error.into()),
        other => unanswered(app, operation, asked.granularity, other),
    })?;
    Reply::tree(&measures(app, answered)?)
}

/// The keys of these metrics; or all of them that are not there.
fn keys(app: &App, ids: &BTreeSet<Uuid>) -> Result<Vec<MetricKey>, Failure> {
    let mut keys = Vec::with_capacity(ids.len());
    let mut missing = Vec::new();
    for id in ids {
        match app.database.metric(*id) {
            Ok(metric) => keys.push(metric.key),
            Err(Error::UnknownMetric { .. }) => missing.push(id.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    if missing.is_empty() {
        return Ok(keys);
    }
    let reason = "Provided metrics don't exists";
    let description = json!({"cause": "Unknown metrics", "reason": reason, "detail": missing});
    Err(Failure::because(StatusCode::NOT_FOUND, description))
}

/// Over metrics of resources, which the operation names as they are called there.
fn of_resources(
    app: &App,
    call: &Call,
    operation: &Operation,
    question: &ResourceAggregates,
    grouped: bool,
    asked: &Asked,
) -> Result<Reply, Failure> {
    let user = call.user()?;
    let resources = user.resources_for(app, "search resource")?;
    let answered = match user.metrics_for(app, "get metric")? {
        None => app.database.aggregates_of_resources(question, resources.as_ref()),
        Some(metrics) => app.database.visible(&metrics).aggregates_of_resources(question, resources.as_ref()),
    };
    let answered = answered.map_err(|error| match error {
        Error::UnknownMetric { .. } => Failure::because(StatusCode::NOT_FOUND, unknown_names(operation)),
        Error::UnknownAttribute { attribute, .. } if grouped => {
            Failure::bad(format!("Invalid pagination: `Sort key supplied is invalid: {attribute}'"))
        }
        other => unanswered(app, operation, asked.granularity, other),
    })?;
    if grouped {
        let one = |one: Aggregated| {
            let group = Tree::Value(group(&one));
            Ok(Tree::Object(vec![("measures".to_owned(), measures(app, one)?), ("group".to_owned(), group)]))
        };
        return Reply::tree(&Tree::List(answered.into_iter().map(one).collect::<Result<_, Failure>>()?));
    }
    let answered = answered.into_iter().next().unwrap_or_default();
    Reply::tree(&measures(app, answered)?)
}

/// Points, and of what they were made when details were asked for.
fn measures(app: &App, answered: Aggregated) -> Result<Tree, Failure> {
    let mut entries = vec![("measures".to_owned(), labelled(answered.series))];
    let mut references: Vec<Value> = answered.resources.iter().map(shapes::resource).collect();
    for metric in &answered.metrics {
        let policy = archive_policy::shown(&app.database.archive_policy(&metric.archive_policy_name)?);
        let one = shapes::metric_in_list(metric, &policy);
        if !references.contains(&one) {
            references.push(one);
        }
    }
    if !references.is_empty() {
        entries.push(("references".to_owned(), Tree::Value(references.into())));
    }
    Ok(Tree::Object(entries))
}

/// Series under what they are called: `aggregated`; or the metric, below its resource where there is one, and the method.
fn labelled(series: Vec<OutputSeries>) -> Tree {
    let mut tree = Tree::Object(Vec::new());
    for OutputSeries { label, granularity, columns } in series {
        let keys = match label {
            OutputLabel::Aggregated => vec!["aggregated".to_owned()],
            OutputLabel::Metric(label) => {
                let metric = label.metric.parse().map_or(label.metric, |id: Uuid| id.to_string());
                label.resource.into_iter().chain([metric, label.method.to_string()]).collect()
            }
        };
        let mut place = &mut tree;
        for key in keys {
            place = below(place, key);
        }
        match place {
            Tree::Points(points) => points.push((granularity, columns)),
            place => *place = Tree::Points(vec![(granularity, columns)]),
        }
    }
    tree
}

/// What stands under this key, made an object with nothing there where need be.
fn below(tree: &mut Tree, key: String) -> &mut Tree {
    if !matches!(tree, Tree::Object(_)) {
        *tree = Tree::Object(Vec::new());
    }
    let Tree::Object(entries) = tree else { return tree };
    let known = entries.iter().rposition(|(known, _)| *known == key);
    let index = known.unwrap_or(entries.len());
    if known.is_none() {
        entries.push((key, Tree::Object(Vec::new())));
    }
    &mut entries[index].1
}

/// What the resources of a group agree in.
pub(super) fn group(answered: &Aggregated) -> Value {
    let values = answered.group.iter().map(|(name, value)| (name.clone(), shapes::attribute(value)));
    values.collect::<Map<String, Value>>().into()
}

fn unknown_names(operation: &Operation) -> String {
    let mut names: Vec<String> = operation.metrics().iter().map(|one| format!("'{}'", one.metric)).collect();
    names.sort_unstable();
    names.dedup();
    format!("Metric [{}] does not exist", names.join(", "))
}
