//! Metrics in the index: their life from creation over deletion to the removal of their row.
//!
//! A deleted metric frees its name and id at once but keeps its row, and with it its key, until MANIFEST names it: only
//! then does anyone who comes across its key in a file no longer need the index to know.

mod create;
mod lookup;

use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

use super::{Indexer, sql};
use crate::error::{Error, Result};
use crate::types::{Metric, MetricKey, MetricStatus, Timestamp};
pub(super) use create::{Creating, LARGE_BATCH, check, highest, key_behind};
pub(super) use lookup::by_id;
pub use lookup::{KnownKey, NamedMetric};

/// A metric as the index has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMetric {
    /// What it says.
    pub metric: Metric,
    /// The number of its archive policy: [`StoredPolicy::id`](super::StoredPolicy::id).
    pub policy_id: u32,
}

impl Indexer {
    /// Marks a metric as deleted: it is gone for lookups by id and name, both of which are free again.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMetric`] when there is none of this key, or it is deleted already.
    pub fn mark_deleted(&self, key: MetricKey) -> Result<StoredMetric> {
        self.write("delete a metric", |transaction| {
            let unknown = || Error::UnknownMetric { metric: key.to_string() };
            if transaction.prepare_cached(sql::MARK_DELETED)?.execute([parameter(key)])? == 0 {
                return Err(unknown().into());
            }
            transaction.prepare_cached(sql::ADD_TO_ACTIVE_COUNT)?.execute([-1])?;
            lookup::by_key(transaction, key)?.ok_or_else(|| unknown().into())
        })
    }

    /// Removes the rows of deleted metrics that the files know for deleted, and says how many there were. Keys of metrics
    /// that are active, or already gone, are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], [`Error::DiskFull`].
    pub fn purge(&self, keys: &[MetricKey]) -> Result<usize> {
        if keys.is_empty() {
            return Ok(0);
        }
        self.write("purge metrics", |transaction| {
            let mut statement = transaction.prepare_cached(sql::PURGE)?;
            let mut purged = 0;
            for key in keys {
                purged += statement.execute([parameter(*key)])?;
            }
            Ok(purged)
        })
    }
}

/// A key as `SQLite` knows it. Keys beyond its integers are no metric's, just as its largest one.
pub(super) fn parameter(key: MetricKey) -> i64 {
    i64::try_from(key.get()).unwrap_or(i64::MAX)
}

/// The metric in a row of the columns that `sql` names for it.
pub(super) fn row(row: &Row) -> rusqlite::Result<StoredMetric> {
    let damaged =
        |column: usize, error: Error| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error));
    let status: i64 = row.get(7)?;
    let metric = Metric {
        key: key(row, 0)?,
        id: Uuid::from_bytes(row.get(1)?),
        name: row.get(2)?,
        unit: row.get(3)?,
        creator: row.get(4)?,
        resource_id: row.get::<_, Option<[u8; 16]>>(5)?.map(Uuid::from_bytes),
        archive_policy_name: row.get(6)?,
        status: if status == 0 { MetricStatus::Active } else { MetricStatus::Delete },
        created_at: Timestamp::from_nanos(row.get(8)?).map_err(|error| damaged(8, error))?,
    };
    Ok(StoredMetric { metric, policy_id: row.get(9)? })
}

fn key(row: &Row, column: usize) -> rusqlite::Result<MetricKey> {
    let key: i64 = row.get(column)?;
    let key = u64::try_from(key).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, key))?;
    Ok(MetricKey::new(key))
}
