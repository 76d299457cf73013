//! Archive policies in the index.

use rusqlite::{Connection, OptionalExtension, Row};

use super::failure::Failure;
use super::{Indexer, sql};
use crate::error::{Error, Result};
use crate::types::{ArchivePolicy, ArchivePolicyRule, ArchivePolicyUpdate};

/// A policy as the index has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPolicy {
    /// The number by which metrics refer to it; never used twice.
    pub id: u32,
    /// 1 when it was made, and one more with each change.
    pub revision: u64,
    /// What it says.
    pub policy: ArchivePolicy,
}

/// The rule that a new database has: all metrics get the policy `low`.
const DEFAULT_RULE: (&str, &str, &str) = ("default", "*", "low");

impl Indexer {
    /// Adds a policy.
    ///
    /// # Errors
    ///
    /// [`Error::ArchivePolicyExists`].
    pub fn create_archive_policy(&self, policy: &ArchivePolicy) -> Result<StoredPolicy> {
        self.write("create an archive policy", |transaction| insert(transaction, policy))
    }

    /// Adds Gnocchi's four policies and the rule `default`, which gives every metric the policy `low`: all or nothing.
    ///
    /// # Errors
    ///
    /// [`Error::ArchivePolicyExists`] or [`Error::ArchivePolicyRuleExists`] when one of them is there already.
    pub fn create_default_policies(&self) -> Result<Vec<StoredPolicy>> {
        self.write("create the default archive policies", |transaction| {
            let defaults = ArchivePolicy::defaults();
            let stored = defaults.iter().map(|policy| insert(transaction, policy)).collect::<Result<_, _>>()?;
            let (name, pattern, policy) = DEFAULT_RULE;
            super::rules::insert(transaction, &ArchivePolicyRule::new(name, pattern, policy)?)?;
            Ok(stored)
        })
    }

    /// The policy of this name, when there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], [`Error::Corrupt`].
    pub fn archive_policy(&self, name: &str) -> Result<Option<StoredPolicy>> {
        self.read_once("look up an archive policy", |connection| by_name(connection, name))
    }

    /// All policies in the order in which they were made.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], [`Error::Corrupt`].
    pub fn archive_policies(&self) -> Result<Vec<StoredPolicy>> {
        self.read_once("list archive policies", |connection| {
            let mut statement = connection.prepare_cached(sql::POLICIES)?;
            let mut rows = statement.query([])?;
            let mut policies = Vec::new();
            while let Some(row) = rows.next()? {
                policies.push(stored(row)?);
            }
            Ok(policies)
        })
    }

    /// Changes a policy, which gets its next revision by that.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownArchivePolicy`]; [`Error::InvalidArchivePolicy`] for what
    /// [`ArchivePolicy::updated`] refuses.
    pub fn update_archive_policy(&self, name: &str, update: &ArchivePolicyUpdate) -> Result<StoredPolicy> {
        self.write("update an archive policy", |transaction| {
            let old = by_name(transaction, name)?.ok_or_else(|| unknown(name))?;
            let policy = old.policy.updated(update)?;
            transaction.prepare_cached(sql::UPDATE_POLICY)?.execute((old.id, json(&policy)?))?;
            Ok(StoredPolicy { id: old.id, revision: old.revision + 1, policy })
        })
    }

    /// Removes a policy that nothing uses.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownArchivePolicy`]; [`Error::ArchivePolicyInUse`] while a rule names it or a metric has it, also a
    /// deleted one that has not left the index yet.
    pub fn delete_archive_policy(&self, name: &str) -> Result<()> {
        self.write("delete an archive policy", |transaction| {
            let id = policy_id(transaction, name)?;
            if let Some(used_by) = user(transaction, id)? {
                let name = name.to_owned();
                return Err(Error::ArchivePolicyInUse { name, used_by }.into());
            }
            transaction.prepare_cached(sql::DELETE_POLICY)?.execute([id])?;
            Ok(())
        })
    }
}

/// The policy of this name as `connection` sees it.
pub(super) fn by_name(connection: &Connection, name: &str) -> Result<Option<StoredPolicy>, Failure> {
    let mut statement = connection.prepare_cached(sql::POLICY_BY_NAME)?;
    let mut rows = statement.query([name])?;
    rows.next()?.map(stored).transpose()
}

fn stored(row: &Row) -> Result<StoredPolicy, Failure> {
    let (id, revision): (u32, i64) = (row.get(0)?, row.get(1)?);
    let damaged = |what: String| Failure::Damaged(format!("archive policy {id}: {what}"));
    let json = row.get_ref(2)?.as_str().map_err(|error| damaged(error.to_string()))?;
    let policy = serde_json::from_str(json).map_err(|error| damaged(error.to_string()))?;
    let revision = u64::try_from(revision).map_err(|_| damaged(format!("its revision is {revision}")))?;
    Ok(StoredPolicy { id, revision, policy })
}

/// The number of the policy `name`, which must be there.
pub(super) fn policy_id(connection: &Connection, name: &str) -> Result<u32, Failure> {
    let id = connection.prepare_cached(sql::POLICY_ID)?.query_row([name], |row| row.get(0)).optional()?;
    id.ok_or_else(|| unknown(name).into())
}

fn unknown(name: &str) -> Error {
    Error::UnknownArchivePolicy { name: name.to_owned() }
}

fn json(policy: &ArchivePolicy) -> Result<String, Failure> {
    let json = serde_json::to_string(policy);
    json.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)).into())
}

fn insert(connection: &Connection, policy: &ArchivePolicy) -> Result<StoredPolicy, Failure> {
    let inserted = connection.prepare_cached(sql::INSERT_POLICY)?.execute((policy.name(), json(policy)?));
    if let Err(error) = inserted {
        let exists = Error::ArchivePolicyExists { name: policy.name().to_owned() };
        return Err(if Failure::is_duplicate(&error) { exists.into() } else { error.into() });
    }
    let id = connection.last_insert_rowid();
    let id = u32::try_from(id).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, id))?;
    Ok(StoredPolicy { id, revision: 1, policy: policy.clone() })
}

/// Who uses the policy, for the text of an error.
fn user(connection: &Connection, id: u32) -> Result<Option<String>, Failure> {
    let rule = connection.prepare_cached(sql::RULE_OF_POLICY)?.query_row([id], |row| row.get::<_, String>(0));
    if let Some(rule) = rule.optional()? {
        return Ok(Some(format!("archive policy rule `{rule}`")));
    }
    let metric = connection.prepare_cached(sql::METRIC_OF_POLICY)?.query_row([id], |row| {
        let (key, name, status): (i64, Option<String>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let name = name.map(|name| format!(" (`{name}`)")).unwrap_or_default();
        let state = if status == 0 { "" } else { ", which is deleted, and leaves the index with the next maintenance" };
        Ok(format!("metric {key}{name}{state}"))
    });
    Ok(metric.optional()?)
}
