//! Archive policy rules in the index.

use rusqlite::{Connection, Row};

use super::failure::Failure;
use super::{Indexer, StoredPolicy, policies, sql};
use crate::error::{Error, Result};
use crate::types::ArchivePolicyRule;

impl Indexer {
    /// Adds a rule.
    ///
    /// # Errors
    ///
    /// [`Error::ArchivePolicyRuleExists`]; [`Error::UnknownArchivePolicy`] when there is no such policy.
    pub fn create_rule(&self, rule: &ArchivePolicyRule) -> Result<()> {
        self.write("create an archive policy rule", |transaction| insert(transaction, rule))
    }

    /// The rule of this name, when there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], [`Error::Corrupt`].
    pub fn rule(&self, name: &str) -> Result<Option<ArchivePolicyRule>> {
        self.read_once("look up an archive policy rule", |connection| {
            let mut statement = connection.prepare_cached(sql::RULE_BY_NAME)?;
            let mut rows = statement.query([name])?;
            rows.next()?.map(stored).transpose()
        })
    }

    /// All rules in the order in which they are asked.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], [`Error::Corrupt`].
    pub fn rules(&self) -> Result<Vec<ArchivePolicyRule>> {
        self.read_once("list archive policy rules", all)
    }

    /// Gives a rule another name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownArchivePolicyRule`]; [`Error::ArchivePolicyRuleExists`] when the new name is taken;
    /// [`Error::InvalidArchivePolicyRule`] when it is none.
    pub fn rename_rule(&self, old: &str, new: &str) -> Result<ArchivePolicyRule> {
        self.write("rename an archive policy rule", |transaction| {
            let mut statement = transaction.prepare_cached(sql::RULE_BY_NAME)?;
            let mut rows = statement.query([old])?;
            let rule = rows.next()?.map(stored).transpose()?.ok_or_else(|| unknown(old))?;
            let renamed = rule.renamed(new)?;
            let outcome = transaction.prepare_cached(sql::RENAME_RULE)?.execute([old, new]);
            outcome.map_err(|error| duplicate(error, new))?;
            Ok(renamed)
        })
    }

    /// Removes a rule. Metrics that got their policy by it keep it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownArchivePolicyRule`].
    pub fn delete_rule(&self, name: &str) -> Result<()> {
        self.write("delete an archive policy rule", |transaction| {
            match transaction.prepare_cached(sql::DELETE_RULE)?.execute([name])? {
                0 => Err(unknown(name).into()),
                _ => Ok(()),
            }
        })
    }

    /// The policy that a metric of this name gets by rule; one without a name counts as the empty name.
    ///
    /// # Errors
    ///
    /// [`Error::NoArchivePolicyRuleMatch`].
    pub fn policy_for_name(&self, metric_name: &str) -> Result<StoredPolicy> {
        self.read("find the archive policy of a name", |connection| {
            let rules = all(connection)?;
            let rule = first_match(&rules, metric_name)?;
            let policy = policies::by_name(connection, rule.archive_policy_name())?;
            policy.ok_or_else(|| Error::UnknownArchivePolicy { name: rule.archive_policy_name().to_owned() }.into())
        })
    }
}

/// All rules as `connection` sees them, in the order in which they are asked.
pub(super) fn all(connection: &Connection) -> Result<Vec<ArchivePolicyRule>, Failure> {
    let mut statement = connection.prepare_cached(sql::RULES)?;
    let mut rows = statement.query([])?;
    let mut rules = Vec::new();
    while let Some(row) = rows.next()? {
        rules.push(stored(row)?);
    }
    rules.sort_by(ArchivePolicyRule::precedence);
    Ok(rules)
}

/// The rule that decides for a metric of this name.
pub(super) fn first_match<'a>(rules: &'a [ArchivePolicyRule], metric_name: &str) -> Result<&'a ArchivePolicyRule> {
    let rule = rules.iter().find(|rule| rule.matches(metric_name));
    rule.ok_or_else(|| Error::NoArchivePolicyRuleMatch { name: metric_name.to_owned() })
}

pub(super) fn insert(connection: &Connection, rule: &ArchivePolicyRule) -> Result<(), Failure> {
    let policy = policies::policy_id(connection, rule.archive_policy_name())?;
    let inserted = connection.prepare_cached(sql::INSERT_RULE)?.execute((rule.name(), rule.metric_pattern(), policy));
    inserted.map(|_| ()).map_err(|error| duplicate(error, rule.name()))
}

fn stored(row: &Row) -> Result<ArchivePolicyRule, Failure> {
    let (name, pattern, policy): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    ArchivePolicyRule::new(name, pattern, policy).map_err(|error| Failure::Damaged(error.to_string()))
}

fn unknown(name: &str) -> Error {
    Error::UnknownArchivePolicyRule { name: name.to_owned() }
}

fn duplicate(error: rusqlite::Error, name: &str) -> Failure {
    let exists = Error::ArchivePolicyRuleExists { name: name.to_owned() };
    if Failure::is_duplicate(&error) { exists.into() } else { error.into() }
}
