//! What is searched for, in which order, and how much of it.

use std::str::FromStr;

use super::Marker;
use crate::error::{Error, Result};
use crate::types::{Filter, MetricKey, MetricStatus, Timestamp};

/// Which states of resources are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum History {
    /// Those of now.
    #[default]
    Current,
    /// All there ever were, and those of now.
    All,
    /// The state that each resource had at this time.
    At(Timestamp),
    /// All that resources had at any time from the first (inside) to the second (outside).
    Between(Timestamp, Timestamp),
}

/// Where what has no value goes in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// Before all that have one.
    First,
    /// Behind all that have one.
    Last,
}

/// One attribute to sort by.
///
/// ```
/// use gnocchetti::{Nulls, Sort};
///
/// let sort: Sort = "ended_at:desc-nullslast".parse()?;
/// assert_eq!(sort, Sort::by("ended_at").descending().nulls(Nulls::Last));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// The attribute's name.
    pub attribute: String,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Where null goes; when absent, it counts as less than all values.
    pub nulls: Option<Nulls>,
}

impl Sort {
    /// The least value first.
    pub fn by(attribute: impl Into<String>) -> Self {
        Sort { attribute: attribute.into(), descending: false, nulls: None }
    }

    /// The greatest value first.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// With null there.
    #[must_use]
    pub fn nulls(mut self, nulls: Nulls) -> Self {
        self.nulls = Some(nulls);
        self
    }

    /// Whether null comes before all values.
    pub fn nulls_first(&self) -> bool {
        self.nulls.map_or(!self.descending, |nulls| nulls == Nulls::First)
    }
}

impl FromStr for Sort {
    type Err = Error;

    /// `attribute`, `attribute:asc`, `attribute:desc`, each direction also with `-nullsfirst` or `-nullslast`.
    fn from_str(text: &str) -> Result<Self> {
        let (attribute, direction) = text.split_once(':').unwrap_or((text, "asc"));
        let (direction, nulls) = direction.split_once('-').map_or((direction, None), |(d, n)| (d, Some(n)));
        let descending = match direction.trim() {
            "asc" | "" => Some(false),
            "desc" => Some(true),
            _ => None,
        };
        let nulls = match nulls {
            None => Some(None),
            Some("nullsfirst") => Some(Some(Nulls::First)),
            Some("nullslast") => Some(Some(Nulls::Last)),
            Some(_) => None,
        };
        let (Some(descending), Some(nulls)) = (descending, nulls) else {
            let shown: String = text.chars().take(80).collect();
            let form = "after the attribute comes :asc or :desc, with -nullsfirst or -nullslast";
            return Err(Error::InvalidPagination { reason: format!("`{shown}` is no order: {form}") });
        };
        Ok(Sort { attribute: attribute.trim().to_owned(), descending, nulls })
    }
}

/// A search for resources.
///
/// Without an order, resources come in that of their creation, and their revisions in that of time; with one, so do
/// those that are equal in it.
///
/// ```
/// use gnocchetti::{Filter, ResourceSearch, Sort};
///
/// let search = ResourceSearch::of("instance")
///     .filter(Filter::like("host", "compute%"))
///     .sort(Sort::by("started_at").descending())
///     .limit(100);
/// assert_eq!(search.limit, Some(100));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceSearch {
    /// The name of the type; `generic` is all of them.
    pub resource_type: String,
    /// What they must be like; everything when absent.
    pub filter: Option<Filter>,
    /// Which states are asked about.
    pub history: History,
    /// In which order they come.
    pub sort: Vec<Sort>,
    /// How many of them come at most.
    pub limit: Option<usize>,
    /// The last one of the page before.
    pub marker: Option<Marker>,
    /// Whether resources found by a search of all types come with the attributes of their own.
    pub details: bool,
    /// What times in the filter are relative to; when absent, none can be relative.
    pub now: Option<Timestamp>,
    /// The creator from whose texts identifiers in the filter are derived.
    pub creator: Option<String>,
}

impl ResourceSearch {
    /// For all resources of this type.
    pub fn of(resource_type: impl Into<String>) -> Self {
        ResourceSearch {
            resource_type: resource_type.into(),
            filter: None,
            history: History::Current,
            sort: Vec::new(),
            limit: None,
            marker: None,
            details: true,
            now: None,
            creator: None,
        }
    }

    /// For resources of all types.
    pub fn generic() -> Self {
        ResourceSearch::of(crate::types::GENERIC)
    }

    /// That are like this.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// In these states.
    #[must_use]
    pub fn history(mut self, history: History) -> Self {
        self.history = history;
        self
    }

    /// In this order; each further call decides between those that the ones before leave equal.
    #[must_use]
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort.push(sort);
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Behind this one.
    #[must_use]
    pub fn after(mut self, marker: impl Into<Marker>) -> Self {
        self.marker = Some(marker.into());
        self
    }

    /// Without the attributes of their own types, when all types are searched.
    #[must_use]
    pub fn without_details(mut self) -> Self {
        self.details = false;
        self
    }

    /// With times in the filter relative to this one.
    #[must_use]
    pub fn now(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
        self
    }

    /// With identifiers in the filter as this creator knows them.
    #[must_use]
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = Some(creator.into());
        self
    }
}

/// A search for metrics.
///
/// Their attributes are `key`, `id`, `name`, `unit`, `creator`, `created_by_user_id`, `created_by_project_id`,
/// `archive_policy_name`, `resource_id`, `status`, `created_at`; and, for a metric of a resource, what that has, such
/// as `resource.project_id`. Without an order they come in that of their creation.
///
/// ```
/// use gnocchetti::{Filter, MetricSearch};
///
/// let search = MetricSearch::new().filter(Filter::eq("archive_policy_name", "low")).limit(10);
/// assert!(search.sort.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSearch {
    /// What they must be like; everything when absent.
    pub filter: Option<Filter>,
    /// Active ones, or those deleted that have not left the index yet.
    pub status: MetricStatus,
    /// In which order they come.
    pub sort: Vec<Sort>,
    /// How many of them come at most.
    pub limit: Option<usize>,
    /// The last one of the page before.
    pub marker: Option<Marker>,
    /// Only those created after that of this key, which need not be there any more; without an order only.
    pub after_key: Option<MetricKey>,
    /// What times in the filter are relative to; when absent, none can be relative.
    pub now: Option<Timestamp>,
    /// The creator from whose texts identifiers of resources in the filter are derived.
    pub creator: Option<String>,
}

impl Default for MetricSearch {
    fn default() -> Self {
        MetricSearch {
            filter: None,
            status: MetricStatus::Active,
            sort: Vec::new(),
            limit: None,
            marker: None,
            after_key: None,
            now: None,
            creator: None,
        }
    }
}

impl MetricSearch {
    /// For all active metrics.
    pub fn new() -> Self {
        MetricSearch::default()
    }

    /// That are like this.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Of this status.
    #[must_use]
    pub fn status(mut self, status: MetricStatus) -> Self {
        self.status = status;
        self
    }

    /// In this order; each further call decides between those that the ones before leave equal.
    #[must_use]
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort.push(sort);
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Behind this one.
    #[must_use]
    pub fn after(mut self, marker: impl Into<Marker>) -> Self {
        self.marker = Some(marker.into());
        self
    }
}
