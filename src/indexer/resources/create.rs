//! Creating resources: many at once with their metrics, all or none.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::super::failure::Failure;
use super::super::metrics::LARGE_BATCH;
use super::super::resource_types::layout::{self, Layout, stored_value};
use super::super::{Indexer, sql};
use super::CreatedResources;
use super::metrics::Attaching;
use crate::error::{Error, Result};
use crate::types::{AttributeValue, NewResource, Resource, Timestamp};

/// How many characters a creator, user and project may have.
const MAX_OWNER: usize = 255;

impl Indexer {
    /// Adds resources with their metrics, in one transaction: when any of them cannot be, none is.
    ///
    /// Times among the attributes may be relative to `now`, which is when those without another time start.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceType`]; [`Error::UnknownAttribute`], [`Error::InvalidAttributeValue`],
    /// [`Error::MissingAttribute`]; [`Error::ResourceExists`] when there is one of that id, or an earlier one of
    /// `resources` has it; for metrics what [`Indexer::create_metrics`] refuses, and [`Error::UnknownMetric`] for an
    /// existing one that is not there or has another creator.
    pub fn create_resources(&self, resources: &[NewResource], now: Timestamp) -> Result<CreatedResources> {
        if resources.is_empty() {
            return Ok(CreatedResources::default());
        }
        resources.iter().try_for_each(|resource| check(resource, now))?;
        let created = self.write("create resources", |transaction| {
            let mut creation = Creation::new(transaction, now);
            let made = resources.iter().map(|resource| creation.add(resource)).collect::<Result<_, _>>()?;
            Ok(CreatedResources { resources: made, metrics: creation.attaching.finish()? })
        })?;
        if created.metrics.len() + resources.len() >= LARGE_BATCH {
            self.release_memory();
        }
        Ok(created)
    }
}

/// Whether a resource can be like this, as far as that can be said without the index.
fn check(resource: &NewResource, now: Timestamp) -> Result<()> {
    let owners = [("creator", &resource.creator), ("user_id", &resource.user_id), ("project_id", &resource.project_id)];
    for (attribute, owner) in owners {
        check_owner(attribute, owner.as_deref())?;
    }
    check_times(resource.started_at.or(resource.as_of).unwrap_or(now), resource.ended_at)
}

/// Whether a resource can belong to this one.
pub(super) fn check_owner(attribute: &str, owner: Option<&str>) -> Result<()> {
    match owner {
        Some(owner) if owner.chars().count() > MAX_OWNER || owner.contains('\0') => Err(Error::InvalidAttributeValue {
            attribute: attribute.to_owned(),
            value: owner.chars().take(300).collect(),
            expected: format!("a text of at most {MAX_OWNER} characters without NUL"),
        }),
        _ => Ok(()),
    }
}

/// Whether a resource can be there from then to then.
pub(super) fn check_times(started_at: Timestamp, ended_at: Option<Timestamp>) -> Result<()> {
    match ended_at {
        Some(end) if end < started_at => Err(Error::InvalidAttributeValue {
            attribute: "ended_at".to_owned(),
            value: end.to_string(),
            expected: format!("a time not before it started at {started_at}"),
        }),
        _ => Ok(()),
    }
}

/// A batch of resources on its way into the index.
struct Creation<'a> {
    connection: &'a Connection,
    now: Timestamp,
    types: HashMap<String, (Arc<Layout>, String)>,
    attaching: Attaching<'a>,
}

impl<'a> Creation<'a> {
    fn new(connection: &'a Connection, now: Timestamp) -> Self {
        Creation { connection, now, types: HashMap::new(), attaching: Attaching::new(connection, now) }
    }

    /// The layout of a type, and the statement that adds the attributes of a resource.
    fn of_type(&mut self, name: &str) -> Result<(Arc<Layout>, String), Failure> {
        if let Some(known) = self.types.get(name) {
            return Ok(known.clone());
        }
        let layout = layout::required(self.connection, name)?;
        let insert = insert_attributes(&layout);
        let known = (Arc::new(layout), insert);
        self.types.insert(name.to_owned(), known.clone());
        Ok(known)
    }

    fn add(&mut self, new: &NewResource) -> Result<Resource, Failure> {
        let (layout, insert) = self.of_type(&new.resource_type)?;
        let attributes = attributes(&layout, &new.attributes, self.now)?;
        let revision_start = new.as_of.unwrap_or(self.now);
        let started_at = new.started_at.unwrap_or(revision_start);
        let inserted = self.connection.prepare_cached(sql::INSERT_RESOURCE)?.insert(params![
            new.id.id().as_bytes(),
            new.id.original(),
            layout.id,
            new.creator,
            new.user_id,
            new.project_id,
            started_at.nanos(),
            new.ended_at.map(Timestamp::nanos),
            revision_start.nanos(),
        ]);
        let key = inserted.map_err(|error| {
            if Failure::is_duplicate(&error) {
                Error::ResourceExists { resource: new.id.original().to_owned() }.into()
            } else {
                Failure::from(error)
            }
        })?;
        if !layout.is_generic() {
            let stored =
                layout.columns.iter().map(|column| attributes.get(&column.name).map_or(Value::Null, stored_value));
            let values = std::iter::once(Value::Integer(key)).chain(stored);
            self.connection.prepare_cached(&insert)?.execute(params_from_iter(values))?;
        }
        let metrics = self.attaching.attach(key, new.id.id(), new.creator.as_deref(), &new.metrics)?;
        Ok(Resource {
            id: new.id.id(),
            original_id: new.id.original().to_owned(),
            resource_type: new.resource_type.clone(),
            creator: new.creator.clone(),
            user_id: new.user_id.clone(),
            project_id: new.project_id.clone(),
            started_at,
            ended_at: new.ended_at,
            revision: None,
            revision_start,
            revision_end: None,
            attributes,
            metrics,
        })
    }
}

/// The statement that adds the attributes of a resource: its key first, then those of the layout in order.
fn insert_attributes(layout: &Layout) -> String {
    let places: Vec<String> = (1..=layout.columns.len() + 1).map(|at| format!("?{at}")).collect();
    let (table, columns) = (layout.current_table(), layout.column_list());
    format!("INSERT INTO {table} (key{columns}) VALUES ({})", places.join(", "))
}

/// All attributes of the type, as a new resource has them.
fn attributes(
    layout: &Layout,
    given: &BTreeMap<String, AttributeValue>,
    now: Timestamp,
) -> Result<BTreeMap<String, AttributeValue>> {
    if let Some(name) = given.keys().find(|name| layout.column(name).is_none()) {
        return Err(unknown(layout, name));
    }
    let value = |column: &layout::Column| {
        let value = given.get(&column.name).unwrap_or(&AttributeValue::Null);
        let value = column.attribute.check(&column.name, value, now)?;
        if value == AttributeValue::Null && column.attribute.required {
            return Err(missing(layout, &column.name));
        }
        Ok((column.name.clone(), value))
    };
    layout.columns.iter().map(value).collect()
}

pub(super) fn unknown(layout: &Layout, attribute: &str) -> Error {
    let attribute = attribute.chars().take(300).collect();
    Error::UnknownAttribute { of: format!("resource type `{}`", layout.name), attribute }
}

pub(super) fn missing(layout: &Layout, attribute: &str) -> Error {
    Error::MissingAttribute { resource_type: layout.name.clone(), attribute: attribute.to_owned() }
}
