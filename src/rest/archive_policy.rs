//! `/v1/archive_policy`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::failure::Failure;
use super::given::Given;
use super::server::App;
use crate::{ArchivePolicy, ArchivePolicyUpdate, Definition, Error, Timespan};

/// `GET`: all policies.
pub(super) fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "list archive policy")?;
    let policies = app.database.archive_policies()?;
    Reply::json(&policies.iter().map(shown).collect())
}

/// `GET` of one.
pub(super) fn show(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let policy = app.database.archive_policy(call.named("name"))?;
    user.must(app, "get archive policy")?;
    Reply::json(&shown(&policy))
}

/// `POST`: creates one.
pub(super) fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "create archive policy")?;
    let body = call.json()?;
    let known = ["name", "back_window", "aggregation_methods", "definition"];
    let given = Given::whole(&body).object(&known, &["name", "definition"])?;
    let definitions = definitions(&given.need("definition")?)?;
    let mut builder = ArchivePolicy::builder(given.need("name")?.text()?);
    if let Some(blocks) = given.get("back_window") {
        builder = builder.back_window(back_window(&blocks)?);
    }
    if let Some(methods) = given.get("aggregation_methods") {
        let methods: Vec<&str> = methods.list()?.iter().map(Given::text).collect::<Result<_, _>>()?;
        builder = builder.aggregation_methods(methods);
    } else {
        builder = builder.aggregation_methods(app.default_methods().iter().cloned());
    }
    let policy = builder.definitions(definitions.clone()).build().map_err(|error| twice(&error, &definitions))?;
    let policy = app.database.create_archive_policy(&policy)?;
    Reply::created(call, ["archive_policy", policy.name()], &shown(&policy))
}

/// `PATCH`: changes points, timespans and the back window of one.
pub(super) fn update(app: &App, call: &Call) -> Result<Reply, Failure> {
    let name = call.named("name");
    let user = call.user()?;
    let policy = app.database.archive_policy(name)?;
    user.must(app, "update archive policy")?;
    let body = call.json()?;
    let given = Given::whole(&body).object(&["definition", "back_window"], &["definition"])?;
    let definitions = definitions(&given.need("definition")?)?;
    let mut update = ArchivePolicyUpdate::new().definitions(definitions.clone());
    if let Some(blocks) = given.get("back_window") {
        update = update.back_window(back_window(&blocks)?);
    }
    let updated = app.database.update_archive_policy(name, &update);
    Reply::json(&shown(&updated.map_err(|error| unsupported(error, &policy, definitions))?))
}

/// `DELETE`.
pub(super) fn delete(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "delete archive policy")?;
    app.database.delete_archive_policy(call.named("name"))?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// A policy as it is shown.
pub(super) fn shown(policy: &ArchivePolicy) -> Value {
    let definition = |definition: &Definition| {
        json!({
            "granularity": definition.granularity().to_string(),
            "points": definition.points(),
            "timespan": definition.timespan().map(|span| span.to_string()),
        })
    };
    json!({
        "name": policy.name(),
        "back_window": policy.back_window(),
        "definition": policy.definitions().iter().map(definition).collect::<Vec<_>>(),
        "aggregation_methods": policy.methods().iter().map(|method| method.to_string()).collect::<Vec<_>>(),
    })
}

fn back_window(given: &Given<'_>) -> Result<u32, Failure> {
    u32::try_from(given.whole_number(0)?).map_err(|_| given.invalid("value must be at most 4294967295"))
}

fn definitions(given: &Given<'_>) -> Result<Vec<Definition>, Failure> {
    given.some()?.iter().map(definition).collect()
}

fn definition(given: &Given<'_>) -> Result<Definition, Failure> {
    let object = given.object(&["granularity", "points", "timespan"], &[])?;
    let span = |key: &str| object.get(key).map(|span| span.timespan()).transpose();
    let points = object.get("points").map(|points| points.whole_number(1)).transpose()?;
    Ok(Definition::new(span("granularity")?, points, span("timespan")?)?)
}

/// Gnocchi's words for a policy that cannot be, where it has some.
fn twice(error: &Error, definitions: &[Definition]) -> Failure {
    let mut granularities: Vec<Timespan> = definitions.iter().map(Definition::granularity).collect();
    granularities.sort_unstable();
    match granularities.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Failure::bad(format!("More than one archive policy uses granularity `{}'", seconds(pair[0]))),
        None => Failure::bad(error.to_string()),
    }
}

/// Gnocchi's words for a change that cannot be, where it has some.
fn unsupported(error: Error, policy: &ArchivePolicy, mut definitions: Vec<Definition>) -> Failure {
    if !matches!(error, Error::InvalidArchivePolicy { .. }) {
        return error.into();
    }
    definitions.sort_by_key(Definition::granularity);
    let old = policy.definitions();
    let changed = old.iter().zip(&definitions).find(|(old, new)| old.granularity() != new.granularity());
    let reason = match changed {
        _ if old.len() != definitions.len() => "Cannot add or drop granularities".to_owned(),
        Some((old, _)) => format!("{} granularity interval was changed", seconds(old.granularity())),
        None => error.to_string(),
    };
    Failure::bad(format!("Archive policy {} does not support change: {reason}", policy.name()))
}

/// Seconds as Python prints them.
fn seconds(span: Timespan) -> String {
    format!("{:?}", span.nanos() as f64 / 1e9)
}
