//! Archive policies and their rules.
//!
//! An archive policy as JSON: `{"name": "sensors", "back_window": 0, "aggregation_methods": ["mean", "max"], "definition":
//! [{"granularity": "1 minute", "timespan": "7 days"}]}`. A rule: `{"name": …, "metric_pattern": …, "archive_policy_name": …}`.

use std::ffi::c_char;

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::gnt_error;
use super::json::{self, NewRule, PolicyIn, PolicyOut, PolicyUpdate};
use super::status::gnt_status;
use super::text::gnt_text;

/// Creates an archive policy: `{"name": "sensors", "back_window": 0, "aggregation_methods": ["mean", "max"], "definition":
/// [{"granularity": "1 minute", "timespan": "7 days"}]}`. Of each definition's granularity, points and timespan any two will
/// do; granularity alone is kept for ever. `back_window` and `aggregation_methods` may be absent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_create_archive_policy(
    database: *const gnt_database,
    policy: *const c_char,
    policy_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let policy: PolicyIn = json::read(call.text(policy, policy_length, "policy")?, "policy")?;
        database.create_archive_policy(&policy.build()?)?;
        Ok(())
    })
}

/// The archive policy of this name, as JSON: what gnt_create_archive_policy takes, lengths of time in seconds, and
/// `methods`, the aggregation methods in effect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_archive_policy(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    policy: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(name, name_length, "name")?;
        let out = call.out(policy, "policy")?;
        out.give(json::written(&PolicyOut::from(&database.archive_policy(name)?))?);
        Ok(())
    })
}

/// All archive policies by name: a JSON list of what gnt_archive_policy gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_archive_policies(
    database: *const gnt_database,
    policies: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(policies, "policies")?;
        let policies = database.archive_policies()?;
        out.give(json::written(&policies.iter().map(PolicyOut::from).collect::<Vec<_>>())?);
        Ok(())
    })
}

/// Changes how long an archive policy keeps points, and its back window: `{"back_window": 2, "definition": […]}`, where what
/// is absent stays, and all granularities are named when one is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_update_archive_policy(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    update: *const c_char,
    update_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(name, name_length, "name")?;
        let update: PolicyUpdate = json::read(call.text(update, update_length, "update")?, "update")?;
        database.update_archive_policy(name, &update.build()?)?;
        Ok(())
    })
}

/// Deletes an archive policy that no metric and no rule uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_archive_policy(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        database.delete_archive_policy(call.text(name, name_length, "name")?)?;
        Ok(())
    })
}

/// The archive policy that a metric of this name would get by rule, as gnt_archive_policy gives it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_archive_policy_for(
    database: *const gnt_database,
    metric_name: *const c_char,
    metric_name_length: usize,
    policy: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(metric_name, metric_name_length, "metric_name")?;
        let out = call.out(policy, "policy")?;
        out.give(json::written(&PolicyOut::from(&database.archive_policy_for(name)?))?);
        Ok(())
    })
}

/// Creates a rule, `{"name": …, "metric_pattern": …, "archive_policy_name": …}`: metrics that are created without an archive
/// policy get that of the longest matching pattern.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_create_archive_policy_rule(
    database: *const gnt_database,
    rule: *const c_char,
    rule_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let rule: NewRule = json::read(call.text(rule, rule_length, "rule")?, "rule")?;
        database.create_archive_policy_rule(&rule.build()?)?;
        Ok(())
    })
}

/// The rule of this name, as gnt_create_archive_policy_rule takes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_archive_policy_rule(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    rule: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(name, name_length, "name")?;
        let out = call.out(rule, "rule")?;
        out.give(json::written(&NewRule::from(&database.archive_policy_rule(name)?))?);
        Ok(())
    })
}

/// All rules by name: a JSON list of what gnt_archive_policy_rule gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_archive_policy_rules(
    database: *const gnt_database,
    rules: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(rules, "rules")?;
        let rules = database.archive_policy_rules()?;
        out.give(json::written(&rules.iter().map(NewRule::from).collect::<Vec<_>>())?);
        Ok(())
    })
}

/// Gives a rule another name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_rename_archive_policy_rule(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    new_name: *const c_char,
    new_name_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(name, name_length, "name")?;
        database.rename_archive_policy_rule(name, call.text(new_name, new_name_length, "new_name")?)?;
        Ok(())
    })
}

/// Deletes a rule; metrics that got their policy by it keep it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_archive_policy_rule(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        database.delete_archive_policy_rule(call.text(name, name_length, "name")?)?;
        Ok(())
    })
}
