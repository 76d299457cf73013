//! Resources in the index: their life from creation over changes, each of which leaves a revision, to deletion.
//!
//! What a resource is now and what it was lie apart, so that the history costs nothing until something changes. A
//! resource, its attributes and its metrics change in one transaction.

mod create;
mod delete;
mod ending;
mod groups;
mod metrics;
mod named;
pub(super) mod rows;
mod update;

use rusqlite::Connection;
use uuid::Uuid;

use super::failure::Failure;
use super::metrics::StoredMetric;
use super::search::{Context, select};
use super::{Indexer, sql};
use crate::error::{Error, Result};
use crate::types::{Filter, Resource, ResourceId, ResourceSearch, Timestamp};
pub use groups::{State, StateGroup};
pub use named::{NamedMetrics, Resolved};
use rows::{Found, Rows};

/// What creating resources has made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatedResources {
    /// The resources, in the order given.
    pub resources: Vec<Resource>,
    /// The metrics that are new, not those that were there before.
    pub metrics: Vec<StoredMetric>,
}

/// What became of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdatedResource {
    /// The resource as it is now.
    pub resource: Resource,
    /// Whether what it was before is a revision of its history now.
    pub revised: bool,
    /// The metrics that are new, not those that were there before.
    pub metrics: Vec<StoredMetric>,
}

impl Indexer {
    /// The resource of this id, when there is one that `visibility` finds.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], [`Error::Corrupt`]; what a search of all resources refuses in `visibility`.
    pub fn resource(&self, id: Uuid, visibility: Option<&Filter>) -> Result<Option<Resource>> {
        self.read("look up a resource", |connection| {
            let Some(found) = visible(connection, id, visibility, Context::default())? else { return Ok(None) };
            Rows::committed(connection, &self.layouts).complete(found, true).map(Some)
        })
    }

    /// The resource that this creator knows as `original`, when there is one that `visibility` finds.
    ///
    /// # Errors
    ///
    /// As [`Indexer::resource`]; [`Error::InvalidResourceId`] when none can be known as that.
    pub fn resource_by_original_id(
        &self,
        original: &str,
        creator: Option<&str>,
        visibility: Option<&Filter>,
    ) -> Result<Option<Resource>> {
        self.resource(ResourceId::new(original, creator)?.id(), visibility)
    }
}

/// The resource of this id as `connection` sees it, when `visibility` finds it too.
fn visible(
    connection: &Connection,
    id: Uuid,
    visibility: Option<&Filter>,
    context: Context,
) -> Result<Option<Found>, Failure> {
    let Some(visibility) = visibility else {
        let mut statement = connection.prepare_cached(sql::RESOURCE_BY_ID)?;
        let mut rows = statement.query([id.as_bytes()])?;
        return rows.next()?.map(Found::read).transpose();
    };
    let mut search = ResourceSearch::generic().filter(Filter::eq("id", id));
    search.now = context.now;
    Ok(select(connection, &search, Some(visibility))?.pop())
}

/// Refuses a resource whose state did not begin at the time at which it is `expected` to have.
fn check_unchanged(resource: &Resource, expected: Option<Timestamp>) -> Result<()> {
    match expected {
        Some(expected) if expected != resource.revision_start => Err(Error::ResourceChanged {
            resource: resource.id.to_string(),
            expected: expected.to_string(),
            since: resource.revision_start.to_string(),
        }),
        _ => Ok(()),
    }
}

fn unknown(id: Uuid) -> Error {
    Error::UnknownResource { resource: id.to_string() }
}
