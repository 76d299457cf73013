//! Changing a resource, which leaves what it was as a revision.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::resource_types::layout::{self, Layout, stored_value};
use super::super::search::Context;
use super::super::{Indexer, sql};
use super::create::{check_owner, check_times, missing, unknown as unknown_attribute};
use super::metrics::Attaching;
use super::rows::{Found, Rows};
use super::{UpdatedResource, check_unchanged, unknown, visible};
use crate::error::{Error, Result};
use crate::types::{AttributeValue, Filter, Resource, ResourceUpdate, Timestamp};

impl Indexer {
    /// Changes a resource that `visibility` finds. What it was becomes a revision that ends now, unless nothing but its
    /// metrics changes.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResource`](crate::Error::UnknownResource),
    /// [`Error::ResourceChanged`](crate::Error::ResourceChanged); and what [`Indexer::create_resources`] refuses in a
    /// resource.
    pub fn update_resource(
        &self,
        id: Uuid,
        update: &ResourceUpdate,
        visibility: Option<&Filter>,
        now: Timestamp,
    ) -> Result<UpdatedResource> {
        check_owner("user_id", update.user_id.as_ref().and_then(Option::as_deref))?;
        check_owner("project_id", update.project_id.as_ref().and_then(Option::as_deref))?;
        self.write("update a resource", |transaction| {
            let context = Context { now: Some(now), creator: None };
            let found = visible(transaction, id, visibility, context)?.ok_or_else(|| unknown(id))?;
            check_unchanged(&found.resource, update.if_unchanged_since)?;
            apply(transaction, found, update, now)
        })
    }
}

/// Changes the resource that was found.
pub(super) fn apply(
    connection: &Connection,
    mut found: Found,
    update: &ResourceUpdate,
    now: Timestamp,
) -> Result<UpdatedResource, Failure> {
    let layout = layout::by_id(connection, found.type_id)?;
    let changed = attributes(connection, &layout, &found, update, now)?;
    let next = common(&found.resource, update)?;
    let revised = !changed.is_empty() || next != found.resource;
    check_as_of(&found.resource, update)?;
    if revised {
        let now = next_revision(&found.resource, update, now)?;
        keep_revision(connection, &layout, found.key, now)?;
        write(connection, &layout, found.key, &next, now, &changed)?;
        found.resource = Resource { revision_start: now, ..next };
    }
    let mut attaching = Attaching::new(connection, now);
    if let Some(metrics) = &update.metrics {
        let (id, creator) = (found.resource.id, found.resource.creator.as_deref());
        connection.prepare_cached(sql::DETACH_METRICS)?.execute([found.key])?;
        attaching.attach(found.key, id, creator, metrics)?;
    }
    let metrics = attaching.finish()?;
    Ok(UpdatedResource { resource: Rows::uncommitted(connection).complete(found, true)?, revised, metrics })
}

/// When the new state begins. A clock that went back, or stands, must not make the one before end when or before it begins: by
/// their beginnings states are told apart.
fn next_revision(old: &Resource, update: &ResourceUpdate, now: Timestamp) -> Result<Timestamp> {
    match update.as_of {
        Some(time) => Ok(time),
        None if now > old.revision_start => Ok(now),
        None => Timestamp::from_nanos(old.revision_start.nanos().saturating_add(1)),
    }
}

/// Whether a resource can have changed when it is said to have.
fn check_as_of(old: &Resource, update: &ResourceUpdate) -> Result<()> {
    match update.as_of {
        Some(time) if time < old.revision_start => Err(Error::InvalidAttributeValue {
            attribute: "revision_start".to_owned(),
            value: time.to_string(),
            expected: format!("a time not before {}, when it became what it is", old.revision_start),
        }),
        _ => Ok(()),
    }
}

/// What every resource has, after the change.
fn common(old: &Resource, update: &ResourceUpdate) -> Result<Resource> {
    let mut next = old.clone();
    if let Some(user_id) = &update.user_id {
        next.user_id.clone_from(user_id);
    }
    if let Some(project_id) = &update.project_id {
        next.project_id.clone_from(project_id);
    }
    next.started_at = update.started_at.unwrap_or(old.started_at);
    next.ended_at = update.ended_at.unwrap_or(old.ended_at);
    check_times(next.started_at, next.ended_at)?;
    Ok(next)
}

/// The columns that get other values, and these.
fn attributes(
    connection: &Connection,
    layout: &Layout,
    found: &Found,
    update: &ResourceUpdate,
    now: Timestamp,
) -> Result<Vec<(String, Value)>, Failure> {
    if update.attributes.is_empty() {
        return Ok(Vec::new());
    }
    let old = Rows::uncommitted(connection).attributes(found)?;
    let mut changed = Vec::new();
    for (name, value) in &update.attributes {
        let column = layout.column(name).ok_or_else(|| unknown_attribute(layout, name))?;
        let value = column.attribute.check(name, value, now)?;
        if value == AttributeValue::Null && column.attribute.required {
            return Err(missing(layout, name).into());
        }
        if old.get(name) != Some(&value) {
            changed.push((column.column(), stored_value(&value)));
        }
    }
    Ok(changed)
}

/// Copies what the resource is into its history.
fn keep_revision(connection: &Connection, layout: &Layout, key: i64, end: Timestamp) -> Result<(), Failure> {
    let revision = connection.prepare_cached(sql::ADD_REVISION)?.insert([key, end.nanos()])?;
    if !layout.is_generic() {
        let columns = layout.column_list();
        let (past, current) = (layout.past_table(), layout.current_table());
        let copy = format!("INSERT INTO {past} (revision{columns}) SELECT ?2{columns} FROM {current} WHERE key = ?1");
        connection.prepare_cached(&copy)?.execute([key, revision])?;
    }
    Ok(())
}

fn write(
    connection: &Connection,
    layout: &Layout,
    key: i64,
    next: &Resource,
    now: Timestamp,
    changed: &[(String, Value)],
) -> Result<(), Failure> {
    connection.prepare_cached(sql::UPDATE_RESOURCE)?.execute(params![
        key,
        next.user_id,
        next.project_id,
        next.started_at.nanos(),
        next.ended_at.map(Timestamp::nanos),
        now.nanos(),
    ])?;
    if changed.is_empty() {
        return Ok(());
    }
    let sets: Vec<String> = (2..).zip(changed).map(|(at, (column, _))| format!("{column} = ?{at}")).collect();
    let update = format!("UPDATE {} SET {} WHERE key = ?1", layout.current_table(), sets.join(", "));
    let values = std::iter::once(Value::Integer(key)).chain(changed.iter().map(|(_, value)| value.clone()));
    connection.prepare_cached(&update)?.execute(params_from_iter(values))?;
    Ok(())
}
