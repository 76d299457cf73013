//! Rows of resources and revisions, and what other tables have about them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::resource_types::layout::{self, Layout, LayoutCache};
use super::super::sql;
use crate::error::Error;
use crate::types::{AttributeValue, MetricKey, MetricRef, Resource, Timestamp};

/// A resource, or a revision of one, still without its attributes and metrics.
#[derive(Debug)]
pub(in crate::indexer) struct Found {
    pub key: i64,
    pub type_id: u32,
    type_revision: i64,
    pub resource: Resource,
}

impl Found {
    /// What is in a row of the columns that a search selects.
    pub fn read(row: &Row) -> Result<Self, Failure> {
        let revision: Option<i64> = row.get(12)?;
        let resource = Resource {
            id: Uuid::from_bytes(row.get(1)?),
            original_id: row.get(2)?,
            resource_type: row.get(4)?,
            creator: row.get(6)?,
            user_id: row.get(7)?,
            project_id: row.get(8)?,
            started_at: required_time(row, 9)?,
            ended_at: time(row, 10)?,
            revision: revision.map(|revision| number(12, revision)).transpose()?,
            revision_start: required_time(row, 11)?,
            revision_end: time(row, 13)?,
            attributes: BTreeMap::new(),
            metrics: BTreeMap::new(),
        };
        Ok(Found { key: row.get(0)?, type_id: row.get(3)?, type_revision: row.get(5)?, resource })
    }
}

pub(super) fn number(column: usize, value: i64) -> rusqlite::Result<u64> {
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn time(row: &Row, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let damaged = |error: Error| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error));
    row.get::<_, Option<i64>>(column)?.map(|nanos| Timestamp::from_nanos(nanos).map_err(damaged)).transpose()
}

pub(super) fn required_time(row: &Row, column: usize) -> rusqlite::Result<Timestamp> {
    let null = || rusqlite::Error::InvalidColumnType(column, "time".to_owned(), Type::Null);
    time(row, column)?.ok_or_else(null)
}

/// What completes rows that were found.
pub(in crate::indexer) struct Rows<'a> {
    connection: &'a Connection,
    committed: Option<&'a LayoutCache>,
    known: HashMap<u32, Arc<Layout>>,
}

impl<'a> Rows<'a> {
    /// For a connection that sees what was committed, and nothing else.
    pub fn committed(connection: &'a Connection, cache: &'a LayoutCache) -> Self {
        Rows { connection, committed: Some(cache), known: HashMap::new() }
    }

    /// For a transaction that may have changed what it sees.
    pub fn uncommitted(connection: &'a Connection) -> Self {
        Rows { connection, committed: None, known: HashMap::new() }
    }

    fn layout(&mut self, found: &Found) -> Result<Arc<Layout>, Failure> {
        if let Some(layout) = self.known.get(&found.type_id) {
            return Ok(Arc::clone(layout));
        }
        let layout = match self.committed {
            Some(cache) => cache.get(self.connection, found.type_id, number(5, found.type_revision)?)?,
            None => Arc::new(layout::by_id(self.connection, found.type_id)?),
        };
        self.known.insert(found.type_id, Arc::clone(&layout));
        Ok(layout)
    }

    /// The resource with its metrics and, where `details` are wanted, its attributes.
    pub fn complete(&mut self, found: Found, details: bool) -> Result<Resource, Failure> {
        let attributes = if details { self.attributes(&found)? } else { BTreeMap::new() };
        let metrics = self.metrics(found.key)?;
        Ok(Resource { attributes, metrics, ..found.resource })
    }

    /// The attributes that its type gives it.
    pub fn attributes(&mut self, found: &Found) -> Result<BTreeMap<String, AttributeValue>, Failure> {
        let layout = self.layout(found)?;
        if layout.columns.is_empty() {
            return Ok(BTreeMap::new());
        }
        let columns = layout.column_list();
        let columns = columns.trim_start_matches(", ");
        let (select, key) = match found.resource.revision {
            None => (format!("SELECT {columns} FROM {} WHERE key = ?1", layout.current_table()), found.key),
            Some(revision) => {
                (format!("SELECT {columns} FROM {} WHERE revision = ?1", layout.past_table()), revision as i64)
            }
        };
        let mut statement = self.connection.prepare_cached(&select)?;
        let mut rows = statement.query([key])?;
        let Some(row) = rows.next()? else {
            let what = format!("resource {} has no row of its attributes", found.resource.id);
            return Err(Failure::Damaged(what));
        };
        let value = |(at, column): (usize, &layout::Column)| Ok((column.name.clone(), column.read(row.get_ref(at)?)?));
        layout.columns.iter().enumerate().map(value).collect()
    }

    /// The metrics of the resource with this key.
    fn metrics(&self, key: i64) -> Result<BTreeMap<String, MetricRef>, Failure> {
        let mut statement = self.connection.prepare_cached(sql::METRICS_OF_RESOURCE)?;
        let metrics = statement.query_map([key], |row| {
            let key = MetricKey::new(number(1, row.get(1)?)?);
            Ok((row.get(0)?, MetricRef { key, id: Uuid::from_bytes(row.get(2)?) }))
        })?;
        Ok(metrics.collect::<Result<_, _>>()?)
    }
}
