//! Deleting resources: their history goes with them, and their metrics are marked as deleted.

use std::collections::HashMap;

use rusqlite::Connection;
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::resource_types::layout::{self, Layout};
use super::super::search::{Context, select};
use super::super::{Indexer, sql};
use super::rows::Found;
use super::{check_unchanged, unknown, visible};
use crate::error::{Error, Result};
use crate::types::{DeletedResources, Filter, History, MetricKey, ResourceSearch, Timestamp};

impl Indexer {
    /// Deletes a resource that `visibility` finds, with its history and its metrics; when a time is `expected`, only if its
    /// state began then.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResource`]; [`Error::ResourceChanged`].
    pub fn delete_resource(
        &self,
        id: Uuid,
        expected: Option<Timestamp>,
        visibility: Option<&Filter>,
    ) -> Result<DeletedResources> {
        self.write("delete a resource", |transaction| {
            let found = visible(transaction, id, visibility, Context::default())?.ok_or_else(|| unknown(id))?;
            check_unchanged(&found.resource, expected)?;
            delete(transaction, &[found])
        })
    }

    /// Deletes all resources that `search` and `visibility` find, with their histories and metrics, in one transaction.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFilter`] when the search has no filter, or one that finds everything: nobody means that. What
    /// [`Indexer::search_resources`] refuses; [`Error::InvalidQuery`] for a search of the past.
    pub fn delete_resources(&self, search: &ResourceSearch, visibility: Option<&Filter>) -> Result<DeletedResources> {
        let everything = search.filter.as_ref().map(Filter::is_everything).transpose()?.unwrap_or(true);
        if everything {
            let reason = "it would delete every resource; say which ones".to_owned();
            return Err(Error::InvalidFilter { position: None, reason });
        }
        if search.history != History::Current {
            return Err(Error::InvalidQuery { reason: "what is past cannot be deleted for itself".to_owned() });
        }
        self.write("delete resources", |transaction| {
            let found = select(transaction, search, visibility)?;
            delete(transaction, &found)
        })
    }
}

/// Deletes the resources that were found.
pub(super) fn delete(connection: &Connection, found: &[Found]) -> Result<DeletedResources, Failure> {
    let mut deleted = DeletedResources::default();
    let mut layouts: HashMap<u32, Layout> = HashMap::new();
    for resource in found {
        let layout = match layouts.entry(resource.type_id) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(layout::by_id(connection, resource.type_id)?),
        };
        delete_metrics(connection, resource.key, &mut deleted.metrics)?;
        if !layout.is_generic() {
            delete_attributes(connection, layout, resource.key)?;
        }
        deleted.resources += connection.prepare_cached(sql::DELETE_RESOURCE)?.execute([resource.key])?;
    }
    let gone = i64::try_from(deleted.metrics.len()).unwrap_or(i64::MAX);
    if gone > 0 {
        connection.prepare_cached(sql::ADD_TO_ACTIVE_COUNT)?.execute([-gone])?;
    }
    Ok(deleted)
}

fn delete_metrics(connection: &Connection, key: i64, deleted: &mut Vec<MetricKey>) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached(sql::KEYS_OF_RESOURCE)?;
    let keys = statement.query_map([key], |row| row.get::<_, i64>(0))?;
    for key in keys {
        let key = key?;
        let key = u64::try_from(key).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, key))?;
        deleted.push(MetricKey::new(key));
    }
    connection.prepare_cached(sql::DELETE_METRICS_OF_RESOURCE)?.execute([key])?;
    Ok(())
}

fn delete_attributes(connection: &Connection, layout: &Layout, key: i64) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached(sql::REVISIONS_OF_RESOURCE)?;
    let revisions = statement.query_map([key], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let past = format!("DELETE FROM {} WHERE revision = ?1", layout.past_table());
    let mut statement = connection.prepare_cached(&past)?;
    for revision in revisions {
        statement.execute([revision])?;
    }
    let current = format!("DELETE FROM {} WHERE key = ?1", layout.current_table());
    connection.prepare_cached(&current)?.execute([key])?;
    Ok(())
}
