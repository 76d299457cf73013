//! Who may do what: rules in the language of oslo.policy, as Gnocchi has them by default and as a file overrides them.
//!
//! A rule is read once, when the server starts; what cannot be evaluated is refused then. For one caller it becomes a
//! [`Decision`]: everything, nothing, or what a filter finds, which the database evaluates. Nothing here looks at a
//! metric or a resource.

mod decide;
mod parse;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(super) use decide::{Decision, Target};
use parse::Check;

/// Gnocchi's default rules. It asks none about lists of users without projects: these, for whom nobody vouches, see what everybody
/// has; users of Keystone see what their project has.
const DEFAULTS: &[(&str, &str)] = &[
    ("context_is_admin", "role:admin"),
    ("admin_or_creator", "role:admin or user:%(creator)s or project_id:%(created_by_project_id)s"),
    ("admin_or_service", "role:admin or role:service"),
    ("creator", "user:%(creator)s or project_id:%(created_by_project_id)s"),
    ("resource_owner", "project_id:%(project_id)s"),
    ("metric_owner", "project_id:%(resource.project_id)s"),
    ("get status", "role:admin"),
    ("create resource type", "rule:admin_or_service"),
    ("get resource type", ""),
    ("update resource type", "rule:admin_or_service"),
    ("delete resource type", "role:admin"),
    ("list resource type", ""),
    ("create resource", ""),
    ("get resource", "rule:admin_or_creator or rule:resource_owner"),
    ("update resource", "rule:admin_or_service or rule:creator"),
    ("delete resource", "rule:admin_or_creator"),
    ("delete resources", "rule:admin_or_creator"),
    ("list resource", "system:all or rule:admin_or_creator or rule:resource_owner"),
    ("create archive policy", "rule:admin_or_service"),
    ("get archive policy", ""),
    ("update archive policy", "role:admin"),
    ("delete archive policy", "role:admin"),
    ("list archive policy", ""),
    ("create archive policy rule", "role:admin"),
    ("get archive policy rule", ""),
    ("update archive policy rule", "role:admin"),
    ("delete archive policy rule", "role:admin"),
    ("list archive policy rule", ""),
    ("create metric", ""),
    ("get metric", "rule:admin_or_service or rule:creator or rule:metric_owner"),
    ("delete metric", "rule:admin_or_creator"),
    ("list metric", "system:all or rule:admin_or_creator or rule:metric_owner"),
    ("search metric", "rule:admin_or_creator or rule:metric_owner"),
    ("search resource", "system:all or rule:admin_or_creator or rule:resource_owner"),
    ("post measures", "rule:admin_or_service or rule:creator"),
    ("get measures", "rule:admin_or_service or rule:creator or rule:metric_owner"),
];

/// Rules by name. Each that one refers to is there, and none refers to itself.
#[derive(Debug, Clone)]
pub(super) struct Policies(BTreeMap<String, Check>);

impl Default for Policies {
    fn default() -> Self {
        // The defaults can be read, as a test shows; without any rules nothing would be allowed.
        Policies::with("").unwrap_or_else(|_| Policies(BTreeMap::new()))
    }
}

impl Policies {
    /// The default rules, but for those that `text` has: one `"name": "rule"` on each line, as in `policy.yaml`.
    ///
    /// # Errors
    ///
    /// What is wrong, and on which line or in which rule.
    pub(super) fn with(text: &str) -> Result<Self, String> {
        let mut rules = BTreeMap::new();
        for (name, rule) in DEFAULTS {
            rules.insert((*name).to_owned(), parse::rule(rule)?);
        }
        for (number, line) in text.lines().enumerate() {
            let Some((name, rule)) = parse::line(line).map_err(|why| format!("line {}: {why}", number + 1))? else {
                continue;
            };
            let rule = parse::rule(&rule).map_err(|why| format!("line {}: {why}", number + 1))?;
            // A name with a blank is that of something to do, and what nobody asks for would be no protection.
            if name.contains(' ') && !rules.contains_key(&name) {
                return Err(format!("line {}: no rule is called `{name}`", number + 1));
            }
            rules.insert(name, rule);
        }
        let policies = Policies(rules);
        for name in policies.0.keys() {
            policies.check_references(name, &mut Vec::new())?;
        }
        Ok(policies)
    }

    fn check_references<'a>(&'a self, name: &'a str, above: &mut Vec<&'a str>) -> Result<(), String> {
        if above.contains(&name) {
            return Err(format!("the rule `{name}` refers to itself"));
        }
        let Some(rule) = self.0.get(name) else { return Err(format!("there is no rule `{name}`")) };
        above.push(name);
        for reference in rule.references() {
            self.check_references(reference, above)?;
        }
        above.pop();
        Ok(())
    }
}
