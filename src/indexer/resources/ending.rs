//! The end of resources that nobody announces: those whose metrics fell silent, and those that ended long ago.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::search::Context;
use super::super::{Indexer, sql};
use super::rows::{self, Found};
use super::{delete, update, visible};
use crate::error::Result;
use crate::types::{DeletedResources, MetricKey, ResourceUpdate, Timestamp};

/// A metric of a resource, and the end of that.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedMetric {
    /// The metric's key.
    pub key: MetricKey,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its resource ended, if it did.
    pub resource_ended_at: Option<Timestamp>,
}

impl Indexer {
    /// Up to `limit` metrics that belong to resources, in order of their keys, those after the key `after`.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn metrics_of_resources(&self, after: Option<MetricKey>, limit: usize) -> Result<Vec<OwnedMetric>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read_once("list metrics of resources", |connection| {
            let mut statement = connection.prepare_cached(sql::METRICS_OF_RESOURCES)?;
            let mut rows = statement.query([after.map_or(0, parameter), limit])?;
            let mut metrics = Vec::new();
            while let Some(row) = rows.next()? {
                let key = MetricKey::new(rows::number(0, row.get(0)?)?);
                let created_at = rows::required_time(row, 1)?;
                metrics.push(OwnedMetric { key, created_at, resource_ended_at: rows::time(row, 2)? });
            }
            Ok(metrics)
        })
    }

    /// The resources without an end whose metrics are all among `silent`, in order of creation. A resource without
    /// metrics is none of them.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn silent_resources(&self, silent: &[MetricKey]) -> Result<Vec<Uuid>> {
        self.read("look for silent resources", |connection| {
            let keys: HashSet<i64> = silent.iter().map(|key| parameter(*key)).collect();
            let mut found = BTreeMap::new();
            for key in &keys {
                let mut statement = connection.prepare_cached(sql::OPEN_RESOURCE_OF_METRIC)?;
                let resource = statement.query_row([key], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
                found.extend(resource.optional()?.map(|(key, id)| (key, Uuid::from_bytes(id))));
            }
            let mut resources = Vec::new();
            for (resource, id) in found {
                let mut statement = connection.prepare_cached(sql::KEYS_OF_RESOURCE)?;
                let metrics = statement.query_map([resource], |row| row.get::<_, i64>(0))?;
                let all = metrics.collect::<Result<Vec<_>, _>>()?;
                if all.iter().all(|metric| keys.contains(metric)) {
                    resources.push(id);
                }
            }
            Ok(resources)
        })
    }

    /// Ends resources that have no end yet, each with a revision, and says which ones. One that started later than
    /// `ended_at` ends when it started.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index), [`Error::DiskFull`](crate::Error::DiskFull).
    pub fn end_resources(&self, ids: &[Uuid], ended_at: Timestamp, now: Timestamp) -> Result<Vec<Uuid>> {
        self.write("end resources", |transaction| {
            let mut ended = Vec::new();
            for id in ids {
                let found = found(transaction, *id)?;
                let Some(open) = found.filter(|found| found.resource.ended_at.is_none()) else { continue };
                let end = ended_at.max(open.resource.started_at);
                update::apply(transaction, open, &ResourceUpdate::new().ended_at(Some(end)), now)?;
                ended.push(*id);
            }
            Ok(ended)
        })
    }

    /// Takes their end from resources one of whose metrics has a measure not older than that, each with a revision, and
    /// says which ones: `measured` are metrics and the times of their newest measures.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index), [`Error::DiskFull`](crate::Error::DiskFull).
    pub fn reopen_resources(&self, measured: &[(MetricKey, Timestamp)], now: Timestamp) -> Result<Vec<Uuid>> {
        self.write("reopen resources", |transaction| {
            let mut ids = BTreeSet::new();
            for (key, newest) in measured {
                let mut statement = transaction.prepare_cached(sql::ENDED_RESOURCE_OF_METRIC)?;
                let id = statement.query_row([parameter(*key), newest.nanos()], |row| row.get(0)).optional()?;
                ids.extend(id.map(Uuid::from_bytes));
            }
            for id in &ids {
                if let Some(found) = found(transaction, *id)? {
                    update::apply(transaction, found, &ResourceUpdate::new().ended_at(None), now)?;
                }
            }
            Ok(ids.into_iter().collect())
        })
    }

    /// Deletes the resources that ended before a time, the earliest first and at most `limit` of them, with their
    /// histories and metrics.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index), [`Error::DiskFull`](crate::Error::DiskFull).
    pub fn delete_ended_resources(&self, before: Timestamp, limit: usize) -> Result<DeletedResources> {
        self.write("delete ended resources", |transaction| {
            let mut statement = transaction.prepare_cached(sql::ENDED_RESOURCES)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let ids = statement.query_map([before.nanos(), limit], |row| row.get(0).map(Uuid::from_bytes))?;
            let mut ended = Vec::new();
            for id in ids {
                ended.extend(found(transaction, id?)?);
            }
            delete::delete(transaction, &ended)
        })
    }
}

fn found(connection: &Connection, id: Uuid) -> Result<Option<Found>, Failure> {
    visible(connection, id, None, Context::default())
}

fn parameter(key: MetricKey) -> i64 {
    i64::try_from(key.get()).unwrap_or(i64::MAX)
}
