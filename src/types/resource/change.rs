//! Resources to be made, and changes of them.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::ResourceId;
use crate::error::Result;
use crate::types::{AttributeValue, Timestamp};

/// A metric that a resource is to have.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResourceMetric {
    /// The metric that is there already and has the resource's creator; none for a new one.
    pub existing: Option<Uuid>,
    /// The archive policy of a new one; when absent, the rules say it by the metric's name.
    pub archive_policy_name: Option<String>,
    /// The unit of a new one: at most 31 characters.
    pub unit: Option<String>,
}

impl ResourceMetric {
    /// The metric of this id.
    pub fn existing(id: Uuid) -> Self {
        ResourceMetric { existing: Some(id), ..ResourceMetric::default() }
    }

    /// A new metric under the archive policy that the rules say.
    pub fn by_rule() -> Self {
        ResourceMetric::default()
    }

    /// A new metric under this archive policy.
    pub fn under(archive_policy_name: impl Into<String>) -> Self {
        ResourceMetric { archive_policy_name: Some(archive_policy_name.into()), ..ResourceMetric::default() }
    }

    /// With this unit.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }
}

/// A resource to be created.
///
/// ```
/// use gnocchetti::{NewResource, ResourceMetric};
///
/// let resource = NewResource::named("instance", "web-1", Some("alice:sales"))?
///     .attribute("host", "compute1")
///     .metric("cpu", ResourceMetric::under("low").unit("%"));
/// assert_eq!(resource.id.original(), "web-1");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewResource {
    /// Its identifier.
    pub id: ResourceId,
    /// The name of its type.
    pub resource_type: String,
    /// Who creates it: at most 255 characters; `user:project` where there are projects.
    pub creator: Option<String>,
    /// The user it belongs to: at most 255 characters.
    pub user_id: Option<String>,
    /// The project it belongs to: at most 255 characters.
    pub project_id: Option<String>,
    /// Since when it is there; `as_of` when absent.
    pub started_at: Option<Timestamp>,
    /// Until when it was there, not before `started_at`.
    pub ended_at: Option<Timestamp>,
    /// The attributes of its type.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Its metrics by name.
    pub metrics: BTreeMap<String, ResourceMetric>,
    /// Since when it is like this; the time of its creation in the index when absent. For histories from elsewhere.
    pub as_of: Option<Timestamp>,
}

impl NewResource {
    /// A resource of this type and identifier.
    pub fn new(resource_type: impl Into<String>, id: impl Into<ResourceId>) -> Self {
        NewResource {
            id: id.into(),
            resource_type: resource_type.into(),
            creator: None,
            user_id: None,
            project_id: None,
            started_at: None,
            ended_at: None,
            attributes: BTreeMap::new(),
            metrics: BTreeMap::new(),
            as_of: None,
        }
    }

    /// A resource of this type and creator, which knows it as `original`.
    ///
    /// # Errors
    ///
    /// As [`ResourceId::new`].
    pub fn named(resource_type: impl Into<String>, original: &str, creator: Option<&str>) -> Result<Self> {
        let mut resource = NewResource::new(resource_type, ResourceId::new(original, creator)?);
        resource.creator = creator.map(ToOwned::to_owned);
        Ok(resource)
    }

    /// Created by this user or agent.
    #[must_use]
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = Some(creator.into());
        self
    }

    /// Of this user.
    #[must_use]
    pub fn user(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = Some(user_id.into());
        self
    }

    /// Of this project.
    #[must_use]
    pub fn project(mut self, project_id: impl Into<String>) -> Self {
        self.project_id = Some(project_id.into());
        self
    }

    /// There since.
    #[must_use]
    pub fn started_at(mut self, time: Timestamp) -> Self {
        self.started_at = Some(time);
        self
    }

    /// There until.
    #[must_use]
    pub fn ended_at(mut self, time: Timestamp) -> Self {
        self.ended_at = Some(time);
        self
    }

    /// With this attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// With this metric.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, metric: ResourceMetric) -> Self {
        self.metrics.insert(name.into(), metric);
        self
    }

    /// Like this since then, and not since now.
    #[must_use]
    pub fn as_of(mut self, time: Timestamp) -> Self {
        self.as_of = Some(time);
        self
    }
}

/// A change of a resource: what it does not name stays as it is.
///
/// ```
/// use gnocchetti::ResourceUpdate;
///
/// let update = ResourceUpdate::new().attribute("host", "compute2").ended_at(None);
/// assert_eq!(update.ended_at, Some(None));
/// assert_eq!(update.user_id, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceUpdate {
    /// Another user, or none.
    pub user_id: Option<Option<String>>,
    /// Another project, or none.
    pub project_id: Option<Option<String>>,
    /// Another beginning.
    pub started_at: Option<Timestamp>,
    /// Another end, or none.
    pub ended_at: Option<Option<Timestamp>>,
    /// Other values; null takes one away that is not required.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// All metrics it is to have. Those it has now are taken from it, and lose the names they had there.
    pub metrics: Option<BTreeMap<String, ResourceMetric>>,
    /// Since when it is like this, not before what it is until then began; now, when absent. For histories from elsewhere.
    pub as_of: Option<Timestamp>,
    /// Only when its current state began then, which is its `revision_start`; whatever it is, when absent.
    pub if_unchanged_since: Option<Timestamp>,
}

impl ResourceUpdate {
    /// Nothing changes yet.
    pub fn new() -> Self {
        ResourceUpdate::default()
    }

    /// Of another user, or of none.
    #[must_use]
    pub fn user(mut self, user_id: Option<&str>) -> Self {
        self.user_id = Some(user_id.map(ToOwned::to_owned));
        self
    }

    /// Of another project, or of none.
    #[must_use]
    pub fn project(mut self, project_id: Option<&str>) -> Self {
        self.project_id = Some(project_id.map(ToOwned::to_owned));
        self
    }

    /// There since.
    #[must_use]
    pub fn started_at(mut self, time: Timestamp) -> Self {
        self.started_at = Some(time);
        self
    }

    /// There until, or without an end.
    #[must_use]
    pub fn ended_at(mut self, time: Option<Timestamp>) -> Self {
        self.ended_at = Some(time);
        self
    }

    /// With another value of an attribute; null takes it away.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// With this metric, and no other than those that are named so.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, metric: ResourceMetric) -> Self {
        self.metrics.get_or_insert_default().insert(name.into(), metric);
        self
    }

    /// Only when its current state began then, so that nothing is lost that somebody else changed meanwhile.
    ///
    /// ```
    /// use gnocchetti::{Database, Error, NewResource, Options, ResourceUpdate};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new())?;
    /// let seen = db.create_resources(&[NewResource::named("generic", "web", None)?])?.remove(0);
    /// let mine = ResourceUpdate::new().user(Some("alice")).if_unchanged_since(seen.revision_start);
    /// db.update_resource(seen.id, &ResourceUpdate::new().user(Some("bob")), None)?;
    /// assert!(matches!(db.update_resource(seen.id, &mine, None), Err(Error::ResourceChanged { .. })));
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    #[must_use]
    pub fn if_unchanged_since(mut self, revision_start: Timestamp) -> Self {
        self.if_unchanged_since = Some(revision_start);
        self
    }

    /// Like this since then, and not since now.
    ///
    /// ```
    /// use gnocchetti::{Attribute, Database, History, NewResource, Options, ResourceSearch, ResourceType, ResourceUpdate};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new())?;
    /// db.create_resource_type(&ResourceType::new("instance").attribute("host", Attribute::string()))?;
    /// let old = NewResource::named("instance", "web", None)?.attribute("host", "a").as_of("2026-01-01".parse()?);
    /// let web = db.create_resources(&[old])?.remove(0);
    /// let moved = ResourceUpdate::new().attribute("host", "b").as_of("2026-02-01".parse()?);
    /// db.update_resource(web.id, &moved, None)?;
    ///
    /// let then = ResourceSearch::of("instance").history(History::At("2026-01-15".parse()?));
    /// assert_eq!(db.search_resources(&then, None)?[0].attributes["host"], "a".into());
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    #[must_use]
    pub fn as_of(mut self, time: Timestamp) -> Self {
        self.as_of = Some(time);
        self
    }

    /// Without any metrics, unless some are named.
    #[must_use]
    pub fn no_metrics(mut self) -> Self {
        self.metrics.get_or_insert_default();
        self
    }
}
