//! What a rule means for one caller: everything, nothing, or what a filter finds.

use super::super::access::User;
use super::Policies;
use super::parse::{Check, Side};
use crate::Filter;

/// What a rule is asked about, and so which attributes there are to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rest) enum Target {
    /// Metrics.
    Metric,
    /// Resources.
    Resource,
    /// What has no owner.
    Other,
}

impl Target {
    fn has(self, attribute: &str) -> bool {
        let attributes: &[&str] = match self {
            Target::Metric => &[
                "id",
                "name",
                "unit",
                "creator",
                "created_by_user_id",
                "created_by_project_id",
                "archive_policy_name",
                "resource_id",
                "resource.id",
                "resource.user_id",
                "resource.project_id",
                "resource.creator",
                "resource.type",
            ],
            Target::Resource => &[
                "id",
                "original_resource_id",
                "type",
                "creator",
                "created_by_user_id",
                "created_by_project_id",
                "user_id",
                "project_id",
                "started_at",
                "ended_at",
            ],
            Target::Other => &[],
        };
        attributes.contains(&attribute)
    }
}

/// What a caller may do something to.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::rest) enum Decision {
    /// To everything.
    Everything,
    /// To what this finds.
    Found(Filter),
    /// To nothing.
    Nothing,
}

impl Policies {
    /// To what `caller` may do what the rule `name` is about; to nothing when there is no such rule.
    pub(in crate::rest) fn decide(&self, name: &str, caller: &User, target: Target) -> Decision {
        self.0.get(name).map_or(Decision::Nothing, |rule| self.check(rule, caller, target, true))
    }

    /// What fulfils a check, or where `positive` is false, what does not: a filter never has to negate a null.
    fn check(&self, check: &Check, caller: &User, target: Target, positive: bool) -> Decision {
        let certain = |holds: bool| if holds == positive { Decision::Everything } else { Decision::Nothing };
        let parts = |parts: &[Check]| -> Vec<Decision> {
            parts.iter().map(|part| self.check(part, caller, target, positive)).collect()
        };
        match check {
            Check::Always => certain(true),
            Check::Never => certain(false),
            Check::Not(inner) => self.check(inner, caller, target, !positive),
            Check::All(all) if positive => every(parts(all)),
            Check::Any(any) if !positive => every(parts(any)),
            Check::All(any) | Check::Any(any) => some(parts(any)),
            Check::Role(role) => certain(caller.has_role(role)),
            Check::Rule(name) => match self.0.get(name) {
                Some(rule) => self.check(rule, caller, target, positive),
                None => certain(false),
            },
            Check::Same(one, other) => {
                let value = match one {
                    Side::Text(text) => Some(text.clone()),
                    Side::Caller(name) => caller.attribute(name),
                    Side::Target(_) => None,
                };
                match (value, other) {
                    (Some(value), Side::Target(name)) if target.has(name) => Decision::Found(if positive {
                        Filter::eq(name.as_str(), value)
                    } else {
                        Filter::ne(name.as_str(), value)
                    }),
                    (Some(value), Side::Text(text)) => certain(value == *text),
                    _ => certain(false),
                }
            }
        }
    }
}

/// What all of these find.
fn every(parts: Vec<Decision>) -> Decision {
    let mut filters = Vec::new();
    for part in parts {
        match part {
            Decision::Everything => {}
            Decision::Found(filter) => filters.push(filter),
            Decision::Nothing => return Decision::Nothing,
        }
    }
    if filters.is_empty() { Decision::Everything } else { Decision::Found(Filter::all(filters)) }
}

/// What any of these finds.
fn some(parts: Vec<Decision>) -> Decision {
    let mut filters = Vec::new();
    for part in parts {
        match part {
            Decision::Everything => return Decision::Everything,
            Decision::Found(filter) => filters.push(filter),
            Decision::Nothing => {}
        }
    }
    if filters.is_empty() { Decision::Nothing } else { Decision::Found(Filter::any(filters)) }
}
