//! Creating metrics: many at once, all or none.

use std::collections::HashMap;

use rusqlite::Connection;
use uuid::{Builder, Uuid};

use super::super::failure::Failure;
use super::super::{Indexer, policies, rules, sql, together};
use super::{StoredMetric, parameter};
use crate::error::{Error, Result};
use crate::types::{ArchivePolicyRule, Metric, MetricKey, MetricRef, MetricStatus, NewMetric, Timestamp};

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
            for metric in metrics {
                creating.add(metric.clone(), None)?;
            }
            creating.finish()
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
    /// The number and name of the policy of `metric`; the name it brought is taken.
    fn of(&mut self, connection: &Connection, metric: &mut NewMetric) -> Result<(u32, String), Failure> {
        if let Some(name) = metric.archive_policy_name.take() {
            return Ok((id_of(&mut self.ids, connection, &name)?, name));
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

/// Metrics on their way into the index: made one by one, written many at once.
pub(in crate::indexer) struct Creating<'a> {
    connection: &'a Connection,
    now: Timestamp,
    choice: PolicyChoice,
    /// The highest key that any metric ever had before these.
    highest: Option<i64>,
    ids: Option<FreshIds>,
    made: Vec<StoredMetric>,
    /// The keys of the resources that they belong to.
    owners: Vec<Option<i64>>,
    written: usize,
}

impl<'a> Creating<'a> {
    /// None yet.
    pub fn new(connection: &'a Connection, now: Timestamp) -> Self {
        let (choice, made, owners) = (PolicyChoice::default(), Vec::new(), Vec::new());
        Creating { connection, now, choice, highest: None, made, owners, ids: None, written: 0 }
    }

    /// Makes a metric of `owner`, or of nobody.
    pub fn add(&mut self, mut new: NewMetric, owner: Option<Owner>) -> Result<MetricRef, Failure> {
        check(&new)?;
        let (policy_id, archive_policy_name) = self.choice.of(self.connection, &mut new)?;
        let key = self.next_key()?;
        let (resource_key, resource_id) = owner.unzip();
        let (now, ids) = (self.now, &mut self.ids);
        let metric = Metric {
            key,
            id: new.id.unwrap_or_else(|| ids.get_or_insert_with(|| FreshIds::new(now)).take()),
            name: new.name,
            unit: new.unit,
            creator: new.creator,
            resource_id,
            archive_policy_name,
            status: MetricStatus::Active,
            created_at: self.now,
        };
        self.owners.push(resource_key);
        let reference = MetricRef { key, id: metric.id };
        self.made.push(StoredMetric { metric, policy_id });
        Ok(reference)
    }

    /// The key after the highest one that there ever was.
    fn next_key(&mut self) -> Result<MetricKey, Failure> {
        let highest = match self.highest {
            Some(highest) => highest,
            None => *self.highest.insert(highest(self.connection, sql::HIGHEST_METRIC)?),
        };
        let key = key_behind(highest, self.made.len())?;
        Ok(MetricKey::new(u64::try_from(key).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, key))?))
    }

    /// Writes those that are not written yet; what an index of the table refuses is a duplicate.
    pub fn write(&mut self) -> Result<(), Failure> {
        let (made, owners) = (&self.made[self.written..], &self.owners[self.written..]);
        let written = together::insert(self.connection, (sql::INSERT_METRIC, 9), made.len(), |row, places| {
            let StoredMetric { metric, policy_id } = &made[row];
            places.put(parameter(metric.key))?;
            places.put(metric.id.as_bytes())?;
            places.put(&metric.name)?;
            places.put(&metric.unit)?;
            places.put(&metric.creator)?;
            places.put(policy_id)?;
            places.put(0)?;
            places.put(metric.created_at.nanos())?;
            places.put(owners[row])
        });
        match written {
            Ok(()) => {
                self.written = self.made.len();
                Ok(())
            }
            Err(stopped) if Failure::is_duplicate(&stopped.error) => {
                Err(duplicate(self.connection, &made[stopped.row].metric, owners[stopped.row])?)
            }
            Err(stopped) => Err(stopped.error.into()),
        }
    }

    /// Writes what is left to write, and counts all; they come back in the order in which they were made.
    pub fn finish(mut self) -> Result<Vec<StoredMetric>, Failure> {
        self.write()?;
        if !self.made.is_empty() {
            let added = i64::try_from(self.made.len()).unwrap_or(i64::MAX);
            self.connection.prepare_cached(sql::ADD_TO_ACTIVE_COUNT)?.execute([added])?;
        }
        Ok(self.made)
    }
}

/// The key of the row behind so many others that are all behind the one with the highest key.
pub(in crate::indexer) fn key_behind(highest: i64, others: usize) -> rusqlite::Result<i64> {
    let key = i64::try_from(others).ok().and_then(|others| highest.checked_add(others)?.checked_add(1));
    key.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, highest))
}

/// The highest key of a table, by the statement that says it.
pub(in crate::indexer) fn highest(connection: &Connection, statement: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached(statement)?.query_row([], |row| row.get(0))
}

/// New identifiers, of version 7: such as are made at about the same time lie together in the index on them, of which a batch
/// would otherwise change every page. Those of one batch count up from a random number (RFC 9562, section 6.2, method 2), so
/// that each lies behind the one before.
struct FreshIds {
    millis: u64,
    random: [u8; 2],
    next: u64,
}

impl FreshIds {
    /// The bits of a count; far from its end at first, so that no batch reaches that.
    const START: u64 = (1 << 61) - 1;

    fn new(now: Timestamp) -> Self {
        let millis = u64::try_from(now.nanos() / 1_000_000).unwrap_or_default();
        // Bytes 6 and 8 of a random identifier carry its version and variant; the others are random.
        let [first, second, a, b, c, d, _, e, _, f, g, h, ..] = Uuid::new_v4().into_bytes();
        FreshIds { millis, random: [first, second], next: u64::from_be_bytes([a, b, c, d, e, f, g, h]) & Self::START }
    }

    fn take(&mut self) -> Uuid {
        let mut tail = [0; 10];
        tail[..2].copy_from_slice(&self.random);
        tail[2..].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        Builder::from_unix_timestamp_millis(self.millis, &tail).into_uuid()
    }
}

/// Which of its two unique attributes a metric shares with another.
fn duplicate(connection: &Connection, metric: &Metric, resource_key: Option<i64>) -> Result<Failure, Failure> {
    // Of metrics without a resource that name their creator, names may be the same.
    let exclusive = resource_key.is_some() || metric.creator.is_none();
    let parameters = (&metric.name, resource_key.unwrap_or_default());
    let taken = exclusive && connection.prepare_cached(sql::NAME_IS_TAKEN)?.exists(parameters)?;
    let name = metric.name.clone().filter(|_| taken).unwrap_or_else(|| metric.id.to_string());
    Ok(Error::MetricExists { name }.into())
}
