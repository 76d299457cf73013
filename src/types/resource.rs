//! Resources: the things whose metrics are measured, as the index describes them.
//!
//! What a caller wants made, changed or found comes in as plain values, and what the index has comes back as such.
//! Nothing here reads a clock or knows how a resource is stored.

mod change;
mod id;
mod search;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{AttributeValue, MetricKey, Timestamp};
pub use change::{NewResource, ResourceMetric, ResourceUpdate};
pub(crate) use id::parse_uuid;
pub use id::{Marker, ResourceId};
pub use search::{History, MetricSearch, Nulls, ResourceSearch, Sort};

/// A resource, or one revision of it, as the index has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its identifier.
    pub id: Uuid,
    /// The identifier it was created with; the same, unless that was no UUID.
    pub original_id: String,
    /// The name of its type.
    pub resource_type: String,
    /// Who created it.
    pub creator: Option<String>,
    /// The user it belongs to.
    pub user_id: Option<String>,
    /// The project it belongs to.
    pub project_id: Option<String>,
    /// Since when it is there.
    pub started_at: Timestamp,
    /// Until when it was there, if it is not any more.
    pub ended_at: Option<Timestamp>,
    /// The number of this revision; none when it is the current state.
    pub revision: Option<u64>,
    /// Since when this is its state.
    pub revision_start: Timestamp,
    /// Until when this was its state; none when it still is.
    pub revision_end: Option<Timestamp>,
    /// All attributes that its type has, null where it has none.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Its metrics of today, by name.
    pub metrics: BTreeMap<String, MetricRef>,
}

impl Resource {
    /// The user that created it: what its creator says before the first `:`.
    pub fn created_by_user_id(&self) -> Option<&str> {
        self.creator.as_deref().map(|creator| creator.split_once(':').map_or(creator, |(user, _)| user))
    }

    /// The project that created it: what its creator says after the first `:`, empty when it says none.
    pub fn created_by_project_id(&self) -> Option<&str> {
        self.creator.as_deref().map(|creator| creator.split_once(':').map_or("", |(_, project)| project))
    }

    /// Where a next page begins when this is the last one of a page.
    pub fn marker(&self) -> Marker {
        Marker { id: self.id, revision: self.revision }
    }
}

/// What a metric is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricRef {
    /// The number by which measures refer to it.
    pub key: MetricKey,
    /// Its identifier for the outside world.
    pub id: Uuid,
}

/// What became of resources that were deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedResources {
    /// How many there were.
    pub resources: usize,
    /// Their metrics, which are deleted with them.
    pub metrics: Vec<MetricKey>,
}

/// Resources that agree in what they were grouped by.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceGroup {
    /// What they agree in: attribute and value, in the order asked for.
    pub group: Vec<(String, AttributeValue)>,
    /// The resources, or revisions, in order of creation.
    pub resources: Vec<Resource>,
}
