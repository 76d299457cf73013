//! `/v1/archive_policy_rule`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::failure::Failure;
use super::given::Given;
use super::server::App;
use crate::{ArchivePolicyRule, Error};

/// `GET`: all rules, in the order in which they are asked.
pub(super) fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "list archive policy rule")?;
    let rules = app.database.archive_policy_rules()?;
    Reply::json(&rules.iter().map(shown).collect())
}

/// `GET` of one.
pub(super) fn show(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let rule = app.database.archive_policy_rule(call.named("name"))?;
    user.must(app, "get archive policy rule")?;
    Reply::json(&shown(&rule))
}

/// `POST`: creates one.
pub(super) fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "create archive policy rule")?;
    let body = call.json()?;
    let keys = ["name", "metric_pattern", "archive_policy_name"];
    let given = Given::whole(&body).object(&keys, &keys)?;
    let [name, pattern, policy] = keys.map(|key| given.need(key).and_then(|given| given.text()));
    let rule = ArchivePolicyRule::new(name?, pattern?, policy?)?;
    app.database.create_archive_policy_rule(&rule).map_err(|error| match error {
        Error::UnknownArchivePolicy { name } => {
            let reason = format!("Archive policy {name} does not exist");
            Failure::bad(json!({"cause": "Archive policy does not exist", "reason": reason, "detail": name}))
        }
        other => other.into(),
    })?;
    Reply::created(call, ["archive_policy_rule", rule.name()], &shown(&rule))
}

/// `PATCH`: renames one.
pub(super) fn rename(app: &App, call: &Call) -> Result<Reply, Failure> {
    let old = call.named("name");
    let user = call.user()?;
    let rule = app.database.archive_policy_rule(old)?;
    let body = call.json()?;
    let given = Given::whole(&body).object(&["name"], &["name"])?;
    let new = given.need("name")?.text()?;
    user.must(app, "update archive policy rule")?;
    let renamed = rule.renamed(new)?;
    app.database.rename_archive_policy_rule(old, new).map_err(|error| match error {
        Error::ArchivePolicyRuleExists { name } => Failure::bad(format!(
            "Archive policy rule {old} does not support change: Archive policy rule {name} already exists."
        )),
        other => other.into(),
    })?;
    Reply::json(&shown(&renamed))
}

/// `DELETE`.
pub(super) fn delete(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?.must(app, "delete archive policy rule")?;
    app.database.delete_archive_policy_rule(call.named("name"))?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn shown(rule: &ArchivePolicyRule) -> Value {
    json!({
        "name": rule.name(),
        "metric_pattern": rule.metric_pattern(),
        "archive_policy_name": rule.archive_policy_name(),
    })
}
