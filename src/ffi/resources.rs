//! Resource types, resources, their history, and searching them: JSON in and out.
//!
//! A program that links the library sees everything, so that no function takes what Rust calls `visibility`: it is for servers
//! that answer for others.

use std::ffi::c_char;

use serde_json::json;

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::gnt_error;
use super::json::resources::{self, MetricsIn, ResourceIn, ResourceUpdateIn, TypeUpdateIn};
use super::json::scalars::uuid;
use super::json::searches::ResourceSearchIn;
use super::json::{read, written};
use super::status::gnt_status;
use super::text::gnt_text;
use crate::{ResourceType, Timestamp};

/// Creates a resource type: `{"name": "instance", "attributes": {"host": {"type": "string", "required": true}}}`, attributes as in
/// Gnocchi.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_create_resource_type(
    database: *const gnt_database,
    resource_type: *const c_char,
    resource_type_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let resource_type = call.text(resource_type, resource_type_length, "resource_type")?;
        let resource_type: ResourceType = read(resource_type, "resource_type")?;
        database.create_resource_type(&resource_type)?;
        Ok(())
    })
}

/// The resource type of this name, as gnt_create_resource_type takes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_resource_type(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    resource_type: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(name, name_length, "name")?;
        let out = call.out(resource_type, "resource_type")?;
        out.give(written(&database.resource_type(name)?)?);
        Ok(())
    })
}

/// All resource types by name: a JSON list of what gnt_resource_type gives. `generic` is always there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_resource_types(
    database: *const gnt_database,
    resource_types: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(resource_types, "resource_types")?;
        out.give(written(&database.resource_types()?)?);
        Ok(())
    })
}

/// Adds, takes away and changes attributes of a resource type, one after the other and all or none: `[{"op": "add", "name":
/// "cores", "attribute": {"type": "number"}, "fill": 1}, {"op": "remove", "name": "host"}]`, and `change`, which is as `add`.
/// `fill` is what existing resources get that have none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_update_resource_type(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    update: *const c_char,
    update_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(name, name_length, "name")?;
        let update = call.text(update, update_length, "update")?;
        let update: TypeUpdateIn = read(update, "update")?;
        database.update_resource_type(name, &update.build()?)?;
        Ok(())
    })
}

/// Deletes a resource type that no resource is of.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_resource_type(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(name, name_length, "name")?;
        database.delete_resource_type(name)?;
        Ok(())
    })
}

/// Creates resources, and the new ones among their metrics, all of them or on an error none: a JSON list of `{"id": "web-1",
/// "type": "instance", "creator": …, "user_id": …, "project_id": …, "started_at": …, "ended_at": …, "attributes": {"host":
/// "node-a"}, "metrics": {"cpu": {"archive_policy_name": "low", "unit": "%"}}}`, where all but `id` may be absent and a metric may
/// be the id of one that is there. Gives what gnt_search_resources gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_create_resources(
    database: *const gnt_database,
    resources: *const c_char,
    resources_length: usize,
    created: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let resources = call.text(resources, resources_length, "resources")?;
        let out = call.out(created, "created")?;
        let new: Vec<ResourceIn> = read(resources, "resources")?;
        let new = new.into_iter().map(ResourceIn::build).collect::<Result<Vec<_>, _>>()?;
        out.give(written(&resources::resources(&database.create_resources(&new)?))?);
        Ok(())
    })
}

/// The resource of this id, a UUID, as it is now: one of what gnt_search_resources gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_resource(
    database: *const gnt_database,
    id: *const c_char,
    id_length: usize,
    resource: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let id = call.text(id, id_length, "id")?;
        let out = call.out(resource, "resource")?;
        out.give(written(&resources::resource(&database.resource(uuid(id, "id")?, None)?))?);
        Ok(())
    })
}

/// The resource that `creator` (NULL: nobody) created under this identifier, UUID or any other text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_resource_by_original_id(
    database: *const gnt_database,
    original_id: *const c_char,
    original_id_length: usize,
    creator: *const c_char,
    creator_length: usize,
    resource: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let original_id = call.text(original_id, original_id_length, "original_id")?;
        let out = call.out(resource, "resource")?;
        let creator = call.optional_text(creator, creator_length, "creator")?;
        let found = database.resource_by_original_id(original_id, creator, None)?;
        out.give(written(&resources::resource(&found))?);
        Ok(())
    })
}

/// Changes a resource: `{"user_id": …, "project_id": …, "started_at": …, "ended_at": …, "attributes": {…}, "metrics": {…}}`. What is
/// absent stays, null takes away, `metrics` are all that it is to have. What it was before becomes a revision of its history.
/// With `"if_unchanged_since": revision_start` it is GNT_RESOURCE_CHANGED unless its current state began then. Gives what it is now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_update_resource(
    database: *const gnt_database,
    id: *const c_char,
    id_length: usize,
    update: *const c_char,
    update_length: usize,
    resource: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let id = call.text(id, id_length, "id")?;
        let update = call.text(update, update_length, "update")?;
        let out = call.out(resource, "resource")?;
        let update: ResourceUpdateIn = read(update, "update")?;
        let updated = database.update_resource(uuid(id, "id")?, &update.build()?, None)?;
        out.give(written(&resources::resource(&updated))?);
        Ok(())
    })
}

/// Gives a resource further metrics: `{"cpu": {"archive_policy_name": "low"}, "load": {}}`. Gives what it is now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_append_metrics(
    database: *const gnt_database,
    id: *const c_char,
    id_length: usize,
    metrics: *const c_char,
    metrics_length: usize,
    resource: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let id = call.text(id, id_length, "id")?;
        let metrics = call.text(metrics, metrics_length, "metrics")?;
        let out = call.out(resource, "resource")?;
        let metrics: MetricsIn = read(metrics, "metrics")?;
        let updated = database.append_metrics(uuid(id, "id")?, &metrics.build()?, None)?;
        out.give(written(&resources::resource(&updated))?);
        Ok(())
    })
}

/// Deletes a resource with its history and its metrics. Gives `{"resources": 1, "metrics": [keys]}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_resource(
    database: *const gnt_database,
    id: *const c_char,
    id_length: usize,
    deleted: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let id = call.text(id, id_length, "id")?;
        let out = call.out(deleted, "deleted")?;
        let deleted = database.delete_resource(uuid(id, "id")?, None)?;
        out.give(written(&resources::deleted(&deleted))?);
        Ok(())
    })
}

/// As gnt_delete_resource, only when the resource's current state began at `revision_start`, in ns since the epoch; otherwise it is
/// GNT_RESOURCE_CHANGED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_resource_unchanged(
    database: *const gnt_database,
    id: *const c_char,
    id_length: usize,
    revision_start: i64,
    deleted: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let id = call.text(id, id_length, "id")?;
        let out = call.out(deleted, "deleted")?;
        let since = Timestamp::from_nanos(revision_start)?;
        let deleted = database.delete_resource_unchanged(uuid(id, "id")?, since, None)?;
        out.give(written(&resources::deleted(&deleted))?);
        Ok(())
    })
}

/// Deletes all resources that a search finds, with their history and metrics. A search without a filter is refused. Gives what
/// gnt_delete_resource gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_resources(
    database: *const gnt_database,
    search: *const c_char,
    search_length: usize,
    deleted: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let search = call.text(search, search_length, "search")?;
        let out = call.out(deleted, "deleted")?;
        let search: ResourceSearchIn = read(search, "search")?;
        let deleted = database.delete_resources(&search.build()?, None)?;
        out.give(written(&resources::deleted(&deleted))?);
        Ok(())
    })
}

/// Deletes up to `limit` resources that ended before a time, in ns since the epoch. Gives what gnt_delete_resource gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_ended_resources(
    database: *const gnt_database,
    before: i64,
    limit: usize,
    deleted: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(deleted, "deleted")?;
        let deleted = database.delete_ended_resources(Timestamp::from_nanos(before)?, limit)?;
        out.give(written(&resources::deleted(&deleted))?);
        Ok(())
    })
}

/// The resources, or revisions of them, that a search finds: `{"type": "instance", "filter": "host = 'node-a'", "history": true,
/// "sort": ["started_at:desc"], "limit": 10, "marker": …, "details": true, "creator": …, "now": …}`, where each member may be absent.
/// `history` is true, `{"at": time}` or `{"from": time, "to": time}`; a filter is a text or Gnocchi's JSON. Gives a JSON list of
/// `{"id", "original_resource_id", "type", "creator", "user_id", "project_id", "started_at", "ended_at", "revision",
/// "revision_start", "revision_end", "attributes": {…}, "metrics": {"cpu": {"key", "id"}}}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_search_resources(
    database: *const gnt_database,
    search: *const c_char,
    search_length: usize,
    found: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let search = call.text(search, search_length, "search")?;
        let out = call.out(found, "found")?;
        let search: ResourceSearchIn = read(search, "search")?;
        out.give(written(&resources::resources(&database.search_resources(&search.build()?, None)?))?);
        Ok(())
    })
}

/// The resources that a search finds, in groups that agree in these attributes, a JSON list of names: a JSON list of `{"group":
/// {"host": "node-a"}, "resources": […]}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_group_resources(
    database: *const gnt_database,
    search: *const c_char,
    search_length: usize,
    attributes: *const c_char,
    attributes_length: usize,
    groups: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let search = call.text(search, search_length, "search")?;
        let attributes = call.text(attributes, attributes_length, "attributes")?;
        let out = call.out(groups, "groups")?;
        let search: ResourceSearchIn = read(search, "search")?;
        let attributes: Vec<String> = read(attributes, "attributes")?;
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        out.give(written(&resources::groups(&database.group_resources(&search.build()?, &attributes, None)?))?);
        Ok(())
    })
}

/// Ends the resources whose metrics all had no measure since a time, in ns since the epoch, as of that time, and takes their end
/// from those that have had one since they ended. Gives `{"ended": [ids], "reopened": [ids]}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_normalize_ends(
    database: *const gnt_database,
    silent_since: i64,
    changed: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(changed, "changed")?;
        let (ended, reopened) = database.normalize_ends(Timestamp::from_nanos(silent_since)?)?;
        let texts = |ids: &[crate::Uuid]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        out.give(written(&json!({ "ended": texts(&ended), "reopened": texts(&reopened) }))?);
        Ok(())
    })
}
