//! Resource types and resources as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::{Given, scalars};
use crate::ffi::error::Failure;
use crate::{
    Attribute, AttributeValue, DeletedResources, NewResource, Resource, ResourceGroup, ResourceId, ResourceMetric,
    ResourceTypeUpdate, ResourceUpdate,
};

/// What absent and null mean apart: absent changes nothing, null takes away.
#[expect(clippy::option_option, reason = "absent and null are not the same")]
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// One change of a resource type.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum TypeChangeIn {
    Add { name: String, attribute: Attribute, fill: Option<Value> },
    Remove { name: String },
    Change { name: String, attribute: Attribute, fill: Option<Value> },
}

/// The changes of a resource type, one after the other.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct TypeUpdateIn(Vec<TypeChangeIn>);

impl TypeUpdateIn {
    /// The update.
    pub fn build(self) -> Result<ResourceTypeUpdate, Failure> {
        let mut update = ResourceTypeUpdate::new();
        let fill = |value: Option<Value>| scalars::attribute(value.unwrap_or_default(), "update");
        for change in self.0 {
            update = match change {
                TypeChangeIn::Add { name, attribute, fill: value } => update.add_filled(name, attribute, fill(value)?),
                TypeChangeIn::Remove { name } => update.remove(name),
                TypeChangeIn::Change { name, attribute, fill: value } => {
                    update.change_filled(name, attribute, fill(value)?)
                }
            };
        }
        Ok(update)
    }
}

/// A metric that a resource is to have: the id of one that is there, or what a new one is to be like.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ResourceMetricIn {
    Existing(String),
    New(NewMetricIn),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMetricIn {
    archive_policy_name: Option<String>,
    unit: Option<String>,
}

/// The metrics that a resource is to have, by name.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct MetricsIn(BTreeMap<String, ResourceMetricIn>);

impl MetricsIn {
    /// The metrics.
    pub fn build(self) -> Result<BTreeMap<String, ResourceMetric>, Failure> {
        let built = self.0.into_iter().map(|(name, metric)| match metric {
            ResourceMetricIn::Existing(id) => Ok((name, ResourceMetric::existing(scalars::uuid(&id, "metrics")?))),
            ResourceMetricIn::New(NewMetricIn { archive_policy_name, unit }) => {
                Ok((name, ResourceMetric { existing: None, archive_policy_name, unit }))
            }
        });
        built.collect()
    }
}

fn attributes(values: BTreeMap<String, Value>) -> Result<BTreeMap<String, AttributeValue>, Failure> {
    values.into_iter().map(|(name, value)| Ok((name, scalars::attribute(value, "attributes")?))).collect()
}

/// A resource to be created.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceIn {
    id: String,
    #[serde(rename = "type")]
    resource_type: Option<String>,
    creator: Option<String>,
    user_id: Option<String>,
    project_id: Option<String>,
    started_at: Option<Given>,
    ended_at: Option<Given>,
    as_of: Option<Given>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(default)]
    metrics: MetricsIn,
}

impl ResourceIn {
    /// The resource.
    pub fn build(self) -> Result<NewResource, Failure> {
        let id = ResourceId::new(&self.id, self.creator.as_deref())?;
        let mut resource = NewResource::new(self.resource_type.unwrap_or_else(|| "generic".to_owned()), id);
        resource.creator = self.creator;
        resource.user_id = self.user_id;
        resource.project_id = self.project_id;
        resource.started_at = scalars::optional_timestamp(self.started_at.as_ref())?;
        resource.ended_at = scalars::optional_timestamp(self.ended_at.as_ref())?;
        resource.as_of = scalars::optional_timestamp(self.as_of.as_ref())?;
        resource.attributes = attributes(self.attributes)?;
        resource.metrics = self.metrics.build()?;
        Ok(resource)
    }
}

/// A change of a resource.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent and null are not the same")]
pub struct ResourceUpdateIn {
    #[serde(default, deserialize_with = "present")]
    user_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    project_id: Option<Option<String>>,
    started_at: Option<Given>,
    as_of: Option<Given>,
    if_unchanged_since: Option<Given>,
    #[serde(default, deserialize_with = "present")]
    ended_at: Option<Option<Given>>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    metrics: Option<MetricsIn>,
}

impl ResourceUpdateIn {
    /// The update.
    pub fn build(self) -> Result<ResourceUpdate, Failure> {
        let ended_at = self.ended_at.map(|given| scalars::optional_timestamp(given.as_ref())).transpose()?;
        Ok(ResourceUpdate {
            user_id: self.user_id,
            project_id: self.project_id,
            started_at: scalars::optional_timestamp(self.started_at.as_ref())?,
            as_of: scalars::optional_timestamp(self.as_of.as_ref())?,
            if_unchanged_since: scalars::optional_timestamp(self.if_unchanged_since.as_ref())?,
            ended_at,
            attributes: attributes(self.attributes)?,
            metrics: self.metrics.map(MetricsIn::build).transpose()?,
        })
    }
}

/// A resource, or one revision of it.
pub fn resource(resource: &Resource) -> Value {
    let time = |time: Option<crate::Timestamp>| time.map(|time| time.to_string());
    let attributes: Map<String, Value> =
        resource.attributes.iter().map(|(name, value)| (name.clone(), scalars::attribute_out(value))).collect();
    let metric = |metric: &crate::MetricRef| json!({ "key": metric.key.get(), "id": metric.id.to_string() });
    let metrics: Map<String, Value> = resource.metrics.iter().map(|(name, of)| (name.clone(), metric(of))).collect();
    json!({
        "id": resource.id.to_string(),
        "original_resource_id": resource.original_id,
        "type": resource.resource_type,
        "creator": resource.creator,
        "user_id": resource.user_id,
        "project_id": resource.project_id,
        "started_at": resource.started_at.to_string(),
        "ended_at": time(resource.ended_at),
        "revision": resource.revision,
        "revision_start": resource.revision_start.to_string(),
        "revision_end": time(resource.revision_end),
        "attributes": attributes,
        "metrics": metrics,
    })
}

/// Several of them.
pub fn resources(all: &[Resource]) -> Value {
    all.iter().map(resource).collect()
}

/// What resources agree in.
pub fn group(group: &[(String, AttributeValue)]) -> Value {
    Value::Object(group.iter().map(|(name, value)| (name.clone(), scalars::attribute_out(value))).collect())
}

/// Groups of resources.
pub fn groups(all: &[ResourceGroup]) -> Value {
    let of = |one: &ResourceGroup| json!({ "group": group(&one.group), "resources": resources(&one.resources) });
    all.iter().map(of).collect()
}

/// What became of resources that were deleted.
pub fn deleted(deleted: &DeletedResources) -> Value {
    let metrics: Vec<u64> = deleted.metrics.iter().map(|key| key.get()).collect();
    json!({ "resources": deleted.resources, "metrics": metrics })
}
