//! `/v1/resource`: resources of every type and their history.
//!
//! Whom a rule lets see or change what is a filter, which the database evaluates with the question.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::access::User;
use super::call::{Call, Reply};
use super::failure::Failure;
use super::filter;
use super::given::Given;
use super::resource_body::{Sent, unchanged};
use super::search::listed;
use super::server::App;
use super::shapes;
use crate::{Database, Error, Filter, History, NewResource, Resource, ResourceId, ResourceSearch, ResourceUpdate};

/// The type that all resources are of.
const GENERIC: &str = "generic";

/// `GET` of `/v1/resource`: all types, and where their resources are.
pub(super) fn types(app: &App, call: &Call) -> Result<Reply, Failure> {
    call.user()?;
    let one = |name: String| (name.clone(), json!(format!("{}/v1/resource/{name}", call.origin())));
    let types = app.database.resource_types()?.into_iter().map(|found| one(found.name));
    Reply::json(&Value::Object(types.collect()))
}

/// `GET`: a page of the resources of a type, with what they were where the query says so.
pub(super) fn list(app: &App, call: &Call) -> Result<Reply, Failure> {
    let visibility = call.user()?.resources_for(app, "list resource");
    app.database.resource_type(call.named("type"))?;
    let history = if call.switch("history", false)? { History::All } else { History::Current };
    let search = ResourceSearch::of(call.named("type")).history(history);
    listed(app, call, search, visibility?.as_ref())
}

/// `GET` of the history of one: all its revisions, of which the current state is the last.
pub(super) fn history(app: &App, call: &Call) -> Result<Reply, Failure> {
    let resource = asked(app, call, "get resource")?;
    let search = ResourceSearch::of(call.named("type")).filter(Filter::eq("id", resource.id)).history(History::All);
    listed(app, call, search, None)
}

/// `POST`: creates one with its metrics.
pub(super) fn create(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let of = app.database.resource_type(call.named("type"))?;
    let body = call.json()?;
    let (id, sent) = Sent::new(&Given::whole(&body), &of, user.name())?;
    user.must(app, "create resource")?;
    if sent.has_new_metrics() {
        user.must(app, "create metric")?;
    }
    let new = NewResource {
        creator: Some(user.name().to_owned()),
        user_id: sent.user_id.flatten(),
        project_id: sent.project_id.flatten(),
        started_at: sent.started_at,
        ended_at: sent.ended_at,
        attributes: sent.attributes,
        metrics: sent.metrics.unwrap_or_default(),
        ..NewResource::new(of.name.clone(), id.clone())
    };
    let created = app.database.create_resources(&[new]).map_err(|error| match error {
        Error::ResourceExists { .. } => Error::ResourceExists { resource: id.id().to_string() }.into(),
        other => unchanged(other),
    })?;
    let created = created.first().ok_or_else(|| Error::UnknownResource { resource: id.id().to_string() })?;
    Reply::created(call, ["resource", &of.name, &created.id.to_string()], &shapes::resource(created))
}

/// `GET` of one.
pub(super) fn show(app: &App, call: &Call) -> Result<Reply, Failure> {
    Reply::json(&shapes::resource(&asked(app, call, "get resource")?))
}

/// `PATCH`: changes what is named, and leaves the rest as it is.
pub(super) fn update(app: &App, call: &Call) -> Result<Reply, Failure> {
    let resource = asked(app, call, "update resource")?;
    let user = call.user()?;
    let body = call.json()?;
    let of = app.database.resource_type(call.named("type"))?;
    let sent = Sent::change(&Given::whole(&body), &of)?;
    if sent == Sent::default() {
        return Reply::json(&shapes::resource(&resource));
    }
    if sent.has_new_metrics() {
        user.must(app, "create metric")?;
    }
    let update = ResourceUpdate {
        user_id: sent.user_id,
        project_id: sent.project_id,
        started_at: sent.started_at,
        ended_at: sent.ended_at.map(Some),
        attributes: sent.attributes,
        metrics: sent.metrics,
        as_of: None,
    };
    let visibility = user.resources_for(app, "update resource")?;
    let updated = app.database.update_resource(resource.id, &update, visibility.as_ref()).map_err(unchanged)?;
    Reply::json(&shapes::resource(&as_type(updated, &of.name)))
}

/// `DELETE` of one, with its history and its metrics.
pub(super) fn delete(app: &App, call: &Call) -> Result<Reply, Failure> {
    let resource = asked(app, call, "delete resource")?;
    let visibility = call.user()?.resources_for(app, "delete resource")?;
    app.database.delete_resource(resource.id, visibility.as_ref())?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `DELETE` of all that a filter finds, which must not be everything.
pub(super) fn delete_found(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let mut search = ResourceSearch::of(call.named("type")).now(Database::now()).creator(user.name());
    app.database.resource_type(&search.resource_type)?;
    search.filter = filter::sent(call)?;
    let everything = search.filter.as_ref().map(Filter::is_everything).transpose()?.unwrap_or(true);
    if everything {
        return Err(Failure::bad("caution: the query can not be empty, or it will delete entire database"));
    }
    let visibility = user.resources_for(app, "delete resources")?;
    let deleted = app.database.delete_resources(&search, visibility.as_ref())?;
    Reply::json(&json!({"deleted": deleted.resources}))
}

/// The resource in the path, for a caller whom the rule `name` lets use it.
pub(super) fn asked(app: &App, call: &Call, name: &str) -> Result<Resource, Failure> {
    let user = call.user()?;
    let allowed = user.resources_for(app, name);
    let Ok(Some(filter)) = &allowed else {
        let resource = known(app, call)?;
        return allowed.map(|_| resource);
    };
    match lookup(app, call, &user, Some(filter)) {
        Err(Error::UnknownResource { .. }) => {
            // It may be there for others.
            known(app, call)?;
            Err(Failure::of(StatusCode::FORBIDDEN))
        }
        found => of_type(app, call.named("type"), found),
    }
}

/// The resource in the path, whoever asks.
pub(super) fn known(app: &App, call: &Call) -> Result<Resource, Failure> {
    of_type(app, call.named("type"), lookup(app, call, &call.user()?, None))
}

/// What was found, if it is of this type; otherwise that there is no such type, or no such resource.
fn of_type(app: &App, of: &str, found: crate::Result<Resource>) -> Result<Resource, Failure> {
    match found {
        Ok(resource) if of == GENERIC || resource.resource_type == of => Ok(as_type(resource, of)),
        found => {
            app.database.resource_type(of)?;
            let resource = found?.id.to_string();
            Err(Error::UnknownResource { resource }.into())
        }
    }
}

/// The resource that the caller knows by the identifier in the path, where the filter finds it.
fn lookup(app: &App, call: &Call, user: &User, visibility: Option<&Filter>) -> crate::Result<Resource> {
    let id = call.named("id");
    let known = ResourceId::new(id, Some(user.name()));
    let known = known.map_err(|_| Error::UnknownResource { resource: id.to_owned() })?;
    app.database.resource(known.id(), visibility)
}

/// A resource as one of this type: as a generic one it has no attributes of its own.
fn as_type(mut resource: Resource, of: &str) -> Resource {
    if of == GENERIC {
        resource.attributes.clear();
    }
    resource
}
