//! Creating metrics: many at once, all or none.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::{Indexer, policies, rules, sql};
use super::StoredMetric;
use crate::error::{Error, Result};
use crate::types::{ArchivePolicyRule, Metric, MetricKey, MetricStatus, NewMetric, Timestamp};

/// How many characters a name and a creator may have.
const MAX_NAME: usize = 255;
/// From this size on, a batch may have filled the page cache with what nobody needs soon.
const LARGE_BATCH: usize = 10_000;
/// How many characters a unit may have.
const MAX_UNIT: usize = 31;

impl Indexer {
    /// Adds metrics, in one transaction: when any of them cannot be, none is.
    ///
    /// A metric that names no archive policy gets the one that the rules say. What comes back is in the order given.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidMetric`]; [`Error::UnknownArchivePolicy`]; [`Error::NoArchivePolicyRuleMatch`];
    /// [`Error::MetricExists`] when an active metric, or an earlier one of `metrics`, has the id, or the name without
    /// belonging to a resource.
    pub fn create_metrics(&self, metrics: &[NewMetric], now: Timestamp) -> Result<Vec<StoredMetric>> {
        if metrics.is_empty() {
            return Ok(Vec::new());
        }
        metrics.iter().try_for_each(check)?;
        let stored = self.write("create metrics", |transaction| {
            let mut choice = PolicyChoice::default();
            let chosen = metrics.iter().map(|metric| choice.of(transaction, metric)).collect::<Result<Vec<_>, _>>()?;
            let mut statement = transaction.prepare_cached(sql::INSERT_METRIC)?;
            let mut stored = Vec::with_capacity(metrics.len());
            for (metric, policy) in metrics.iter().zip(chosen) {
                stored.push(insert(transaction, &mut statement, metric, policy, now)?);
            }
            let added = i64::try_from(stored.len()).unwrap_or(i64::MAX);
            transaction.prepare_cached(sql::ADD_TO_ACTIVE_COUNT)?.execute([added])?;
            Ok(stored)
        })?;
        if metrics.len() >= LARGE_BATCH {
            self.release_memory();
        }
        Ok(stored)
    }
}

/// Whether a metric can be like this, as far as that can be said without the index.
fn check(metric: &NewMetric) -> Result<()> {
    let limited =
        [("name", &metric.name, MAX_NAME), ("unit", &metric.unit, MAX_UNIT), ("creator", &metric.creator, MAX_NAME)];
    for (attribute, value, limit) in limited {
        let Some(value) = value else { continue };
        let reason = if value.chars().count() > limit {
            format!("it has more than {limit} characters")
        } else if attribute == "name" && value.is_empty() {
            "it is empty; a metric may have no name at all".to_owned()
        } else if attribute == "name" && value.contains('/') {
            "it contains `/`".to_owned()
        } else {
            continue;
        };
        let value = value.clone();
        return Err(Error::InvalidMetric { attribute, value, reason });
    }
    Ok(())
}

/// Which policy each metric of a batch gets. Policies and rules are looked up once each, not once per metric.
#[derive(Default)]
struct PolicyChoice {
    ids: HashMap<String, u32>,
    rules: Option<Vec<ArchivePolicyRule>>,
}

impl PolicyChoice {
    /// The number and name of the policy of `metric`.
    fn of(&mut self, connection: &Connection, metric: &NewMetric) -> Result<(u32, String), Failure> {
        if let Some(name) = &metric.archive_policy_name {
            return Ok((id_of(&mut self.ids, connection, name)?, name.clone()));
        }
        let rules = match &mut self.rules {
            Some(rules) => rules,
            none => none.insert(rules::all(connection)?),
        };
        let rule = rules::first_match(rules, metric.name.as_deref().unwrap_or_default())?;
        let name = rule.archive_policy_name();
        Ok((id_of(&mut self.ids, connection, name)?, name.to_owned()))
    }
}

fn id_of(ids: &mut HashMap<String, u32>, connection: &Connection, name: &str) -> Result<u32, Failure> {
    if let Some(id) = ids.get(name) {
        return Ok(*id);
    }
    let id = policies::policy_id(connection, name)?;
    ids.insert(name.to_owned(), id);
    Ok(id)
}

/// Writes one metric; what an index of the table refuses is a duplicate.
fn insert(
    connection: &Connection,
    statement: &mut CachedStatement,
    metric: &NewMetric,
    (policy_id, archive_policy_name): (u32, String),
    now: Timestamp,
) -> Result<StoredMetric, Failure> {
    let id = metric.id.unwrap_or_else(Uuid::new_v4);
    let NewMetric { name, unit, creator, .. } = metric;
    let inserted = statement.insert((id.as_bytes(), name, unit, creator, policy_id, now.nanos()));
    let key = inserted.or_else(|error| {
        if Failure::is_duplicate(&error) { Err(duplicate(connection, metric, id)?) } else { Err(Failure::from(error)) }
    })?;
    let key = u64::try_from(key).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, key))?;
    let metric = Metric {
        key: MetricKey::new(key),
        id,
        name: name.clone(),
        unit: unit.clone(),
        creator: creator.clone(),
        resource_id: None,
        archive_policy_name,
        status: MetricStatus::Active,
        created_at: now,
    };
    Ok(StoredMetric { metric, policy_id })
}

/// Which of its two unique attributes a metric shares with another.
fn duplicate(connection: &Connection, metric: &NewMetric, id: Uuid) -> Result<Failure, Failure> {
    let taken = connection.prepare_cached(sql::NAME_IS_TAKEN)?.exists([&metric.name])?;
    let name = metric.name.clone().filter(|_| taken).unwrap_or_else(|| id.to_string());
    Ok(Error::MetricExists { name }.into())
}
