//! Searching for resources and their history.

use rusqlite::{Connection, params_from_iter};

use super::super::Indexer;
use super::super::failure::Failure;
use super::super::resource_types::layout;
use super::super::resources::rows::{Found, Rows};
use super::arms::Arm;
use super::bind::Context;
use super::statement::{Question, Statement, build};
use crate::error::Result;
use crate::types::{Filter, History, Resource, ResourceSearch};

impl Indexer {
    /// The resources, or revisions, that `search` asks for, of those that `visibility` finds too.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceType`]; [`Error::UnknownAttribute`], [`Error::InvalidAttributeValue`],
    /// [`Error::InvalidFilter`], [`Error::FilterTooLarge`] for what one of the filters says;
    /// [`Error::InvalidPagination`] for a marker that is none of the resources.
    ///
    /// [`Error::UnknownResourceType`]: crate::Error::UnknownResourceType
    /// [`Error::UnknownAttribute`]: crate::Error::UnknownAttribute
    /// [`Error::InvalidAttributeValue`]: crate::Error::InvalidAttributeValue
    /// [`Error::InvalidFilter`]: crate::Error::InvalidFilter
    /// [`Error::FilterTooLarge`]: crate::Error::FilterTooLarge
    /// [`Error::InvalidPagination`]: crate::Error::InvalidPagination
    pub fn search_resources(&self, search: &ResourceSearch, visibility: Option<&Filter>) -> Result<Vec<Resource>> {
        self.read("search resources", |connection| {
            let found = select(connection, search, visibility)?;
            let mut rows = Rows::committed(connection, &self.layouts);
            let details = search.details || search.resource_type != crate::types::GENERIC;
            found.into_iter().map(|found| rows.complete(found, details)).collect()
        })
    }
}

/// The rows that a search finds.
pub(in crate::indexer) fn select(
    connection: &Connection,
    search: &ResourceSearch,
    visibility: Option<&Filter>,
) -> Result<Vec<Found>, Failure> {
    let statement = statement(connection, search, visibility)?;
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let mut rows = prepared.query(params_from_iter(statement.values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Found::read(row)?);
    }
    Ok(found)
}

/// The statement of a search.
pub(in crate::indexer) fn statement(
    connection: &Connection,
    search: &ResourceSearch,
    visibility: Option<&Filter>,
) -> Result<Statement, Failure> {
    let layout = layout::required(connection, &search.resource_type)?;
    let question = Question {
        filter: search.filter.as_ref(),
        visibility,
        history: search.history,
        sort: &search.sort,
        limit: search.limit,
        marker: search.marker,
        context: Context { now: search.now, creator: search.creator.as_deref() },
    };
    match search.history {
        History::Current => build(connection, &[Arm::Current(&layout)], &question),
        _ => build(connection, &[Arm::Past(&layout), Arm::Current(&layout)], &question),
    }
}
