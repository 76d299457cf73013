//! Resources in groups, for operations across their metrics.

use std::cmp::Ordering;

use rusqlite::{Connection, OptionalExtension};

use super::super::failure::Failure;
use super::super::search::select;
use super::super::{Indexer, sql};
use super::rows::{Found, Rows};
use crate::error::{Error, Result};
use crate::types::{AttributeValue, Filter, GENERIC, Resource, ResourceGroup, ResourceSearch};

/// How many attributes can be grouped by.
const MAX_ATTRIBUTES: usize = 16;

/// States of resources that agree in what they were grouped by.
#[derive(Debug, Clone, PartialEq)]
pub struct StateGroup {
    /// What they agree in: attribute and value, in the order asked for.
    pub group: Vec<(String, AttributeValue)>,
    /// The states, in the order of the search.
    pub states: Vec<State>,
}

/// What a resource was like for some time, or is now.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The resource as it was, with its metrics of today.
    pub resource: Resource,
    /// Whether nothing is known of what it was before.
    pub first: bool,
}

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
        let groups = self.group_states(search, attributes, visibility)?;
        let resources = |states: Vec<State>| states.into_iter().map(|state| state.resource).collect();
        Ok(groups
            .into_iter()
            .map(|StateGroup { group, states }| ResourceGroup { group, resources: resources(states) })
            .collect())
    }

    /// As [`Indexer::group_resources`], of states, with which of them are the first ones.
    ///
    /// # Errors
    ///
    /// As [`Indexer::group_resources`].
    pub fn group_states(
        &self,
        search: &ResourceSearch,
        attributes: &[&str],
        visibility: Option<&Filter>,
    ) -> Result<Vec<StateGroup>> {
        if attributes.len() > MAX_ATTRIBUTES {
            let reason = format!("resources are grouped by more than {MAX_ATTRIBUTES} attributes");
            return Err(Error::InvalidQuery { reason });
        }
        self.check_attributes(&search.resource_type, attributes)?;
        let states = self.read("group resources", |connection| {
            let found = select(connection, search, visibility)?;
            let mut rows = Rows::committed(connection, &self.layouts);
            let details = search.details || search.resource_type != GENERIC;
            let state = |found: Found| {
                let first = is_first(connection, &found)?;
                Ok(State { resource: rows.complete(found, details)?, first })
            };
            found.into_iter().map(state).collect::<Result<Vec<State>, Failure>>()
        })?;
        Ok(grouped(states, attributes))
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

/// Whether no revision of the resource came before this state.
fn is_first(connection: &Connection, found: &Found) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached(sql::FIRST_REVISION_OF_RESOURCE)?;
    let first: Option<i64> = statement.query_row([found.key], |row| row.get(0)).optional()?;
    Ok(first == found.resource.revision.map(|revision| revision as i64))
}

fn grouped(states: Vec<State>, attributes: &[&str]) -> Vec<StateGroup> {
    let values = |state: &State| attributes.iter().map(|name| value(&state.resource, name)).collect();
    let mut keyed: Vec<(Vec<AttributeValue>, State)> =
        states.into_iter().map(|state| (values(&state), state)).collect();
    keyed.sort_by(|(a, _), (b, _)| compare_all(a, b));
    let mut groups: Vec<(Vec<AttributeValue>, Vec<State>)> = Vec::new();
    for (key, state) in keyed {
        match groups.last_mut().filter(|(last, _)| compare_all(last, &key) == Ordering::Equal) {
            Some((_, states)) => states.push(state),
            None => groups.push((key, vec![state])),
        }
    }
    let named = |values: Vec<AttributeValue>| attributes.iter().map(|name| (*name).to_owned()).zip(values).collect();
    groups.into_iter().map(|(key, states)| StateGroup { group: named(key), states }).collect()
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
