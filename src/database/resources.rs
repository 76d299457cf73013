//! Resource types, resources, their history, and searching them.
//!
//! Every read takes a `visibility`: a filter of the caller's that is evaluated with the question. What it does not find is
//! not there for that caller.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::indexer::{StoredMetric, UpdatedResource};
use crate::types::{
    DeletedResources, Filter, Metric, MetricSearch, NewResource, Resource, ResourceGroup, ResourceMetric,
    ResourceSearch, ResourceType, ResourceTypeUpdate, ResourceUpdate, Timestamp,
};

impl Database {
    /// Creates a resource type.
    ///
    /// # Errors
    ///
    /// [`Error::ResourceTypeExists`], [`Error::InvalidResourceType`], [`Error::InvalidAttribute`]; and the index's.
    pub fn create_resource_type(&self, resource_type: &ResourceType) -> Result<()> {
        self.writer("create_resource_type")?.index().create_resource_type(resource_type)
    }

    /// The resource type of this name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceType`]; and the index's.
    pub fn resource_type(&self, name: &str) -> Result<ResourceType> {
        let found = self.index()?.resource_type(name)?;
        found.ok_or_else(|| Error::UnknownResourceType { name: name.to_owned() })
    }

    /// All resource types, by name; `generic` is always there.
    ///
    /// # Errors
    ///
    /// The index's.
    pub fn resource_types(&self) -> Result<Vec<ResourceType>> {
        self.index()?.resource_types()
    }

    /// Adds, takes away and changes attributes of a resource type. A required one that is added is filled in, in the
    /// history too.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceType`], [`Error::UnknownAttribute`], [`Error::InvalidAttribute`],
    /// [`Error::InvalidAttributeValue`]; and the index's. Nothing is changed then.
    pub fn update_resource_type(&self, name: &str, update: &ResourceTypeUpdate) -> Result<ResourceType> {
        self.writer("update_resource_type")?.index().update_resource_type(name, update, Database::now())
    }

    /// Deletes a resource type that no resource is of.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceType`], [`Error::ResourceTypeInUse`]; and the index's.
    pub fn delete_resource_type(&self, name: &str) -> Result<()> {
        self.writer("delete_resource_type")?.index().delete_resource_type(name)
    }

    /// Creates resources, and the new ones among their metrics: all of them, or on an error none.
    ///
    /// ```
    /// use gnocchetti::{Attribute, Database, Filter, NewResource, Options, ResourceMetric, ResourceSearch, ResourceType};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// db.create_resource_type(&ResourceType::new("instance").attribute("host", Attribute::string()))?;
    /// let web = NewResource::named("instance", "web-1", None)?
    ///     .attribute("host", "node-a")
    ///     .metric("cpu", ResourceMetric::default());
    /// let created = db.create_resources(&[web])?;
    ///
    /// let on_node_a = ResourceSearch::of("instance").filter(Filter::parse("host = 'node-a'")?);
    /// assert_eq!(db.search_resources(&on_node_a, None)?, created);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ResourceExists`], [`Error::UnknownResourceType`], [`Error::InvalidAttributeValue`],
    /// [`Error::MissingAttribute`], [`Error::UnknownMetric`], and those of
    /// [`create_metrics`](Self::create_metrics).
    pub fn create_resources(&self, resources: &[NewResource]) -> Result<Vec<Resource>> {
        let created = self.writer("create_resources")?.index().create_resources(resources, Database::now())?;
        self.adopt(&created.metrics);
        Ok(created.resources)
    }

    /// The resource of this id, as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResource`] when there is none that `visibility` finds; and the index's.
    pub fn resource(&self, id: Uuid, visibility: Option<&Filter>) -> Result<Resource> {
        let found = self.index()?.resource(id, visibility)?;
        found.ok_or_else(|| Error::UnknownResource { resource: id.to_string() })
    }

    /// The resource that `creator` created under this identifier, UUID or any other text.
    ///
    /// # Errors
    ///
    /// As [`resource`](Self::resource).
    pub fn resource_by_original_id(
        &self,
        original: &str,
        creator: Option<&str>,
        visibility: Option<&Filter>,
    ) -> Result<Resource> {
        let found = self.index()?.resource_by_original_id(original, creator, visibility)?;
        found.ok_or_else(|| Error::UnknownResource { resource: original.to_owned() })
    }

    /// Changes a resource. What it was before becomes a revision of its history, when anything was changed at all.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResource`], [`Error::UnknownAttribute`], [`Error::InvalidAttributeValue`],
    /// [`Error::ResourceChanged`]; and those of [`create_resources`](Self::create_resources). Nothing is changed then.
    pub fn update_resource(&self, id: Uuid, update: &ResourceUpdate, visibility: Option<&Filter>) -> Result<Resource> {
        let updated =
            self.writer("update_resource")?.index().update_resource(id, update, visibility, Database::now())?;
        Ok(self.adopt_updated(updated))
    }

    /// Gives a resource further metrics.
    ///
    /// # Errors
    ///
    /// As [`update_resource`](Self::update_resource).
    pub fn append_metrics(
        &self,
        id: Uuid,
        metrics: &BTreeMap<String, ResourceMetric>,
        visibility: Option<&Filter>,
    ) -> Result<Resource> {
        let updated =
            self.writer("append_metrics")?.index().append_metrics(id, metrics, visibility, Database::now())?;
        Ok(self.adopt_updated(updated))
    }

    /// Deletes a resource with its history and its metrics.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResource`]; and the index's and the disk's.
    pub fn delete_resource(&self, id: Uuid, visibility: Option<&Filter>) -> Result<DeletedResources> {
        let engine = self.writer("delete_resource")?;
        let deleted = engine.index().delete_resource(id, None, visibility)?;
        engine.forget_deleted(&deleted.metrics)?;
        Ok(deleted)
    }

    /// As [`delete_resource`](Self::delete_resource), only when the resource's current state began at `revision_start`.
    ///
    /// # Errors
    ///
    /// [`Error::ResourceChanged`] when it began later; those of [`delete_resource`](Self::delete_resource).
    pub fn delete_resource_unchanged(
        &self,
        id: Uuid,
        revision_start: Timestamp,
        visibility: Option<&Filter>,
    ) -> Result<DeletedResources> {
        let engine = self.writer("delete_resource_unchanged")?;
        let deleted = engine.index().delete_resource(id, Some(revision_start), visibility)?;
        engine.forget_deleted(&deleted.metrics)?;
        Ok(deleted)
    }

    /// Deletes all resources that a search finds, with their history and metrics. A search without a filter is refused.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidQuery`] for a search of everything; those of [`search_resources`](Self::search_resources).
    pub fn delete_resources(&self, search: &ResourceSearch, visibility: Option<&Filter>) -> Result<DeletedResources> {
        let engine = self.writer("delete_resources")?;
        let deleted = engine.index().delete_resources(search, visibility)?;
        engine.forget_deleted(&deleted.metrics)?;
        Ok(deleted)
    }

    /// Deletes up to `limit` resources that ended before a time, the earliest first.
    /// [`Options::resource_cleanup_after`](crate::Options::resource_cleanup_after) has it done by itself.
    ///
    /// # Errors
    ///
    /// The index's and the disk's.
    pub fn delete_ended_resources(&self, before: Timestamp, limit: usize) -> Result<DeletedResources> {
        self.writer("delete_ended_resources")?.delete_ended_resources(before, limit)
    }

    /// The resources, or revisions of them, that a search finds.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceType`], [`Error::UnknownAttribute`], [`Error::InvalidAttributeValue`],
    /// [`Error::InvalidPagination`], [`Error::FilterTooLarge`]; and the index's.
    pub fn search_resources(&self, search: &ResourceSearch, visibility: Option<&Filter>) -> Result<Vec<Resource>> {
        self.index()?.search_resources(search, visibility)
    }

    /// The resources that a search finds, in groups that agree in these attributes.
    ///
    /// # Errors
    ///
    /// As [`search_resources`](Self::search_resources).
    pub fn group_resources(
        &self,
        search: &ResourceSearch,
        attributes: &[&str],
        visibility: Option<&Filter>,
    ) -> Result<Vec<ResourceGroup>> {
        self.index()?.group_resources(search, attributes, visibility)
    }

    /// The metrics that a search finds.
    ///
    /// # Errors
    ///
    /// As [`search_resources`](Self::search_resources).
    pub fn search_metrics(&self, search: &MetricSearch, visibility: Option<&Filter>) -> Result<Vec<Metric>> {
        let found = self.index()?.search_metrics(search, visibility)?;
        Ok(found.into_iter().map(|stored| stored.metric).collect())
    }

    /// Ends, as of now, the resources whose metrics all had no measure since `silent_since` and are older than that, and takes
    /// their end from those that have had a measure at their end or later. Returns the ids of the former and of the latter.
    /// [`Options::resource_inactive_after`](crate::Options::resource_inactive_after) has it done by itself.
    ///
    /// # Errors
    ///
    /// The index's and the disk's.
    pub fn normalize_ends(&self, silent_since: Timestamp) -> Result<(Vec<Uuid>, Vec<Uuid>)> {
        self.writer("normalize_ends")?.normalize_ends(silent_since)
    }

    pub(super) fn adopt(&self, created: &[StoredMetric]) {
        // Only a writer creates any.
        let Ok(engine) = self.writer("create_metrics") else { return };
        for stored in created {
            engine.state().adopt(stored.metric.key, stored.policy_id);
        }
    }

    fn adopt_updated(&self, updated: UpdatedResource) -> Resource {
        self.adopt(&updated.metrics);
        updated.resource
    }
}
