//! Searching for resources and their history.

use rusqlite::Connection;

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
    /// ```
    /// use gnocchetti::internals::indexer::Indexer;
    /// use gnocchetti::{Attribute, Filter, NewResource, ResourceMetric, ResourceSearch, ResourceType, Timestamp};
    ///
    /// let directory = tempfile::tempdir().unwrap();
    /// let index = Indexer::open(&directory.path().join("index.sqlite"))?;
    /// index.create_default_policies()?;
    /// index.create_resource_type(&ResourceType::new("instance").attribute("host", Attribute::string()))?;
    /// let web = NewResource::named("instance", "web", Some("alice:sales"))?
    ///     .attribute("host", "compute1")
    ///     .metric("cpu", ResourceMetric::by_rule());
    /// index.create_resources(&[web], Timestamp::default())?;
    ///
    /// let search = ResourceSearch::of("instance").filter(Filter::parse("host like 'compute%'")?);
    /// let mine = Filter::eq("created_by_project_id", "sales");
    /// assert_eq!(index.search_resources(&search, Some(&mine))?[0].original_id, "web");
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
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
    statement(connection, search, visibility)?.rows(connection, Found::read)
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
        after_key: None,
        context: Context { now: search.now, creator: search.creator.as_deref() },
    };
    match search.history {
        History::Current => build(connection, &[Arm::Current(&layout)], &question),
        _ => build(connection, &[Arm::Past(&layout), Arm::Current(&layout)], &question),
    }
}
