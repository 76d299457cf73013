//! Creating metrics: many at once, all or none.

use std::collections::HashMap;

use rusqlite::Connection;
use uuid::{Builder, Uuid};

use super::super::failure::Failure;
use super::super::{Indexer, policies, rules, sql};
use super::StoredMetric;
use crate::error::{Error, Result};
use crate::types::{ArchivePolicyRule, Metric, MetricKey, MetricStatus, NewMetric, Timestamp};

/// How many characters a name and a creator may have.
const MAX_NAME: usize = 255;
/// From this size on, a batch may have filled the page cache with what nobody needs soon.
pub(in crate::indexer) const LARGE_BATCH: usize = 10_000;
/// How many characters an error repeats of what was too long.
const SHOWN: usize = 300;
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
    /// [`Error::MetricExists`] when an active metric, or an earlier one of `metrics`, has the id, or, where neither
    /// names a creator, the name.
    pub fn create_metrics(&self, metrics: &[NewMetric], now: Timestamp) -> Result<Vec<StoredMetric>> {
        if metrics.is_empty() {
            return Ok(Vec::new());
        }
        metrics.iter().try_for_each(check)?;
        let stored = self.write("create metrics", |transaction| {
            let mut creating = Creating::new(transaction, now);
            let chosen = metrics.iter().map(|metric| creating.policy_of(metric)).collect::<Result<Vec<_>, _>>()?;
            let mut stored = Vec::with_capacity(metrics.len());
            for (metric, policy) in metrics.iter().zip(chosen) {
                stored.push(creating.insert(metric, policy, None)?);
            }
            creating.finish()?;
            Ok(stored)
        })?;
        if metrics.len() >= LARGE_BATCH {
            self.release_memory();
        }
        Ok(stored)
    }
}

/// Whether a metric can be like this, as far as that can be said without the index.
pub(in crate::indexer) fn check(metric: &NewMetric) -> Result<()> {
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
        } else if value.contains('\0') {
            "it contains NUL".to_owned()
        } else {
            continue;
        };
        let value = value.chars().take(SHOWN).collect();
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

/// The resource that a metric belongs to: its key, and its id.
type Owner = (i64, Uuid);

/// Metrics on their way into the index.
pub(in crate::indexer) struct Creating<'a> {
    connection: &'a Connection,
    now: Timestamp,
    choice: PolicyChoice,
    added: i64,
}

impl<'a> Creating<'a> {
    /// None yet.
    pub fn new(connection: &'a Connection, now: Timestamp) -> Self {
        Creating { connection, now, choice: PolicyChoice::default(), added: 0 }
    }

    /// Adds a metric to those of `owner`, or of nobody.
    pub fn add(&mut self, metric: &NewMetric, owner: Option<Owner>) -> Result<StoredMetric, Failure> {
        check(metric)?;
        let policy = self.policy_of(metric)?;
        self.insert(metric, policy, owner)
    }

    fn policy_of(&mut self, metric: &NewMetric) -> Result<(u32, String), Failure> {
        self.choice.of(self.connection, metric)
    }

    /// Writes one metric; what an index of the table refuses is a duplicate.
    fn insert(
        &mut self,
        metric: &NewMetric,
        (policy_id, archive_policy_name): (u32, String),
        owner: Option<Owner>,
    ) -> Result<StoredMetric, Failure> {
        let id = metric.id.unwrap_or_else(|| fresh_id(self.now));
        let NewMetric { name, unit, creator, .. } = metric;
        let (resource_key, resource_id) = owner.unzip();
        let mut statement = self.connection.prepare_cached(sql::INSERT_METRIC)?;
        let nanos = self.now.nanos();
        let inserted = statement.insert((id.as_bytes(), name, unit, creator, policy_id, nanos, resource_key));
        let key = inserted.or_else(|error| {
            if Failure::is_duplicate(&error) {
                Err(duplicate(self.connection, metric, id, resource_key)?)
            } else {
                Err(Failure::from(error))
            }
        })?;
        self.added += 1;
        let key = u64::try_from(key).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, key))?;
        let metric = Metric {
            key: MetricKey::new(key),
            id,
            name: name.clone(),
            unit: unit.clone(),
            creator: creator.clone(),
            resource_id,
            archive_policy_name,
            status: MetricStatus::Active,
            created_at: self.now,
        };
        Ok(StoredMetric { metric, policy_id })
    }

    /// Counts what was added.
    pub fn finish(self) -> Result<(), Failure> {
        if self.added > 0 {
            self.connection.prepare_cached(sql::ADD_TO_ACTIVE_COUNT)?.execute([self.added])?;
        }
        Ok(())
    }
}

/// A new identifier, of version 7: such as are made at about the same time lie together in the index on them, of which a
/// batch would otherwise change every page.
fn fresh_id(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.nanos() / 1_000_000).unwrap_or_default();
    let random = Uuid::new_v4().into_bytes();
    let mut tail = [0; 10];
    // Bytes 6 and 8 of a random identifier carry its version and variant; the ten others are random.
    let source = random.iter().enumerate().filter(|(at, _)| *at != 6 && *at != 8);
    tail.iter_mut().zip(source).for_each(|(to, (_, from))| *to = *from);
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// Which of its two unique attributes a metric shares with another.
fn duplicate(
    connection: &Connection,
    metric: &NewMetric,
    id: Uuid,
    resource_key: Option<i64>,
) -> Result<Failure, Failure> {
    // Of metrics without a resource that name their creator, names may be the same.
    let exclusive = resource_key.is_some() || metric.creator.is_none();
    let parameters = (&metric.name, resource_key.unwrap_or_default());
    let taken = exclusive && connection.prepare_cached(sql::NAME_IS_TAKEN)?.exists(parameters)?;
    let name = metric.name.clone().filter(|_| taken).unwrap_or_else(|| id.to_string());
    Ok(Error::MetricExists { name }.into())
}
