//! Finding metrics.

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::{Indexer, sql};
use super::{StoredMetric, key, parameter, row};
use crate::error::Result;
use crate::types::{Metric, MetricKey, MetricStatus};

/// A metric's key, and what it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: u64,
    /// The metric's id.
    pub id: Uuid,
    /// The number of its archive policy.
    pub policy: u32,
    /// Whether it is not deleted.
    pub active: bool,
}

/// What a metric that belongs to no resource is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedMetric {
    /// By the engine.
    pub key: MetricKey,
    /// By the outside world.
    pub id: Uuid,
    /// By its name.
    pub name: String,
}

impl Indexer {
    /// The active metric of this id, when there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn metric_by_id(&self, id: Uuid) -> Result<Option<StoredMetric>> {
        self.read_once("look up a metric by id", |connection| by_id(connection, id))
    }

    /// The active metric of this name that belongs to no resource, when there is one: that without a creator before those
    /// of creators, and of these the oldest.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn metric_by_name(&self, name: &str) -> Result<Option<StoredMetric>> {
        self.read_once("look up a metric by name", |connection| {
            Ok(connection.prepare_cached(sql::METRIC_BY_NAME)?.query_row([name], row).optional()?)
        })
    }

    /// The active metrics of no resource whose names begin with `prefix` and are to be kept, in the order of their names. Made
    /// for thousands: other than a search, it reads of each only what is returned.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn metrics_by_prefix(&self, prefix: &str, keep: &dyn Fn(&str) -> bool) -> Result<Vec<NamedMetric>> {
        self.read_once("look up metrics by their names", |connection| {
            let mut statement = connection.prepare_cached(sql::NAMES_FROM)?;
            let mut rows = statement.query([prefix])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let name = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
                if !name.starts_with(prefix) {
                    break;
                }
                if keep(name) {
                    found.push(NamedMetric {
                        key: key(row, 1)?,
                        id: Uuid::from_bytes(row.get(2)?),
                        name: name.to_owned(),
                    });
                }
            }
            Ok(found)
        })
    }

    /// The metric of this key, when there is one, whatever its status.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn metric_by_key(&self, key: MetricKey) -> Result<Option<StoredMetric>> {
        self.read_once("look up a metric by key", |connection| by_key(connection, key))
    }

    /// Metrics of this status in ascending order of their keys: at most `limit`, and only those after `after`.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn metrics(&self, status: MetricStatus, after: Option<MetricKey>, limit: usize) -> Result<Vec<Metric>> {
        let statement = match status {
            MetricStatus::Active => sql::ACTIVE_METRICS,
            MetricStatus::Delete => sql::DELETED_METRICS,
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read_once("list metrics", |connection| {
            let mut statement = connection.prepare_cached(statement)?;
            let metrics = statement.query_map([after.map_or(0, parameter), limit], row)?;
            Ok(metrics.map(|stored| stored.map(|stored| stored.metric)).collect::<Result<_, _>>()?)
        })
    }

    /// How many active metrics there are.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn metric_count(&self) -> Result<u64> {
        self.read_once("count metrics", |connection| {
            let count: i64 = connection.prepare_cached(sql::ACTIVE_COUNT)?.query_row([], |row| row.get(0))?;
            Ok(u64::try_from(count).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, count))?)
        })
    }

    /// The keys of the metrics that are deleted but not purged, ascending.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn deleted_keys(&self) -> Result<Vec<MetricKey>> {
        self.read_once("list deleted metrics", |connection| {
            let mut statement = connection.prepare_cached(sql::DELETED_KEYS)?;
            let keys = statement.query_map([], |row| key(row, 0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// What segments are compared with: key, id and policy of all metrics, deleted ones too, in ascending order of keys: at
    /// most `limit`, and only those after `after`.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn keys(&self, after: u64, limit: usize) -> Result<Vec<KnownKey>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read_once("list keys", |connection| {
            let mut statement = connection.prepare_cached(sql::KEYS)?;
            let keys = statement.query_map([parameter(MetricKey::new(after)), limit], |row| {
                let status: i64 = row.get(3)?;
                let id = Uuid::from_bytes(row.get(1)?);
                Ok(KnownKey { key: key(row, 0)?.get(), id, policy: row.get(2)?, active: status == 0 })
            })?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// The highest key that any metric ever had, when there ever was one.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn max_key(&self) -> Result<Option<MetricKey>> {
        self.read_once("look up the highest key", |connection| {
            Ok(connection.prepare_cached(sql::MAX_KEY)?.query_row([], |row| key(row, 0)).optional()?)
        })
    }
}

/// The active metric of this id as `connection` sees it.
pub(in crate::indexer) fn by_id(connection: &Connection, id: Uuid) -> Result<Option<StoredMetric>, Failure> {
    Ok(connection.prepare_cached(sql::METRIC_BY_ID)?.query_row([id.as_bytes()], row).optional()?)
}

/// The metric of this key as `connection` sees it.
pub(super) fn by_key(connection: &Connection, key: MetricKey) -> Result<Option<StoredMetric>, Failure> {
    Ok(connection.prepare_cached(sql::METRIC_BY_KEY)?.query_row([parameter(key)], row).optional()?)
}
