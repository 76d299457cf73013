//! Resources in groups, for operations across their metrics.

use std::cmp::Ordering;

use super::super::Indexer;
use crate::error::{Error, Result};
use crate::types::{AttributeValue, Filter, Resource, ResourceGroup, ResourceSearch};

/// How many attributes can be grouped by.
const MAX_ATTRIBUTES: usize = 16;

impl Indexer {
    /// What a search finds, in groups of those that agree in all of these attributes; null agrees with null. Groups come
    /// in the order of their values, null first; the resources of each in the order of the search. Without attributes,
    /// there is one group of all, or none when nothing is found.
    ///
    /// # Errors
    ///
    /// What [`Indexer::search_resources`] refuses; [`Error::UnknownAttribute`] for one that resources of the type do not
    /// have; [`Error::InvalidQuery`] for more than 16.
    pub fn group_resources(
        &self,
        search: &ResourceSearch,
        attributes: &[&str],
        visibility: Option<&Filter>,
    ) -> Result<Vec<ResourceGroup>> {
        if attributes.len() > MAX_ATTRIBUTES {
            let reason = format!("resources are grouped by more than {MAX_ATTRIBUTES} attributes");
            return Err(Error::InvalidQuery { reason });
        }
        self.check_attributes(&search.resource_type, attributes)?;
        let mut keyed: Vec<(Vec<AttributeValue>, Resource)> = Vec::new();
        for resource in self.search_resources(search, visibility)? {
            keyed.push((attributes.iter().map(|name| value(&resource, name)).collect(), resource));
        }
        keyed.sort_by(|(a, _), (b, _)| compare_all(a, b));
        let mut groups: Vec<(Vec<AttributeValue>, Vec<Resource>)> = Vec::new();
        for (key, resource) in keyed {
            match groups.last_mut().filter(|(last, _)| compare_all(last, &key) == Ordering::Equal) {
                Some((_, resources)) => resources.push(resource),
                None => groups.push((key, vec![resource])),
            }
        }
        let named = |values: Vec<AttributeValue>| {
            attributes.iter().map(|name| (*name).to_owned()).zip(values).collect::<Vec<_>>()
        };
        Ok(groups.into_iter().map(|(key, resources)| ResourceGroup { group: named(key), resources }).collect())
    }

    fn check_attributes(&self, resource_type: &str, attributes: &[&str]) -> Result<()> {
        let unknown_type = || Error::UnknownResourceType { name: resource_type.to_owned() };
        let definition = self.resource_type(resource_type)?.ok_or_else(unknown_type)?;
        for name in attributes {
            if common(name).is_none() && !definition.attributes.contains_key(*name) {
                let attribute = name.chars().take(300).collect();
                return Err(Error::UnknownAttribute { of: format!("resource type `{resource_type}`"), attribute });
            }
        }
        Ok(())
    }
}

type Getter = fn(&Resource) -> AttributeValue;

/// What gets an attribute that every resource has.
fn common(name: &str) -> Option<Getter> {
    Some(match name {
        "id" => |resource| resource.id.into(),
        "original_resource_id" => |resource| resource.original_id.as_str().into(),
        "type" => |resource| resource.resource_type.as_str().into(),
        "creator" => |resource| resource.creator.as_deref().into(),
        "created_by_user_id" => |resource| resource.created_by_user_id().into(),
        "created_by_project_id" => |resource| resource.created_by_project_id().into(),
        "user_id" => |resource| resource.user_id.as_deref().into(),
        "project_id" => |resource| resource.project_id.as_deref().into(),
        "started_at" => |resource| resource.started_at.into(),
        "ended_at" => |resource| resource.ended_at.into(),
        "revision_start" => |resource| resource.revision_start.into(),
        "revision_end" => |resource| resource.revision_end.into(),
        "revision" => |resource| resource.revision.map_or(-1.0, |revision| revision as f64).into(),
        _ => return None,
    })
}

fn value(resource: &Resource, name: &str) -> AttributeValue {
    match common(name) {
        Some(get) => get(resource),
        None => resource.attributes.get(name).cloned().unwrap_or_default(),
    }
}

fn compare_all(a: &[AttributeValue], b: &[AttributeValue]) -> Ordering {
    let orders = a.iter().zip(b).map(|(a, b)| compare(a, b));
    orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Null first, then values; those of one attribute are of one kind.
fn compare(a: &AttributeValue, b: &AttributeValue) -> Ordering {
    use AttributeValue::{Bool, Null, Number, Text, Time, Uuid};
    let kind = |value: &AttributeValue| match value {
        Null => 0,
        Bool(_) => 1,
        Number(_) => 2,
        Text(_) => 3,
        Uuid(_) => 4,
        Time(_) => 5,
    };
    match (a, b) {
        (Bool(a), Bool(b)) => a.cmp(b),
        (Number(a), Number(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (Text(a), Text(b)) => a.cmp(b),
        (Uuid(a), Uuid(b)) => a.cmp(b),
        (Time(a), Time(b)) => a.cmp(b),
        _ => kind(a).cmp(&kind(b)),
    }
}
