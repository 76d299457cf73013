//! Creating resources: many at once with their metrics, all or none.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use rusqlite::types::Value;

use super::super::failure::Failure;
use super::super::metrics::{LARGE_BATCH, highest, key_behind};
use super::super::resource_types::layout::{self, Layout, stored_value};
use super::super::{Indexer, sql, together};
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
            let mut creation = Creation::new(transaction, now)?;
            resources.iter().try_for_each(|resource| creation.add(resource))?;
            creation.finish()
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

/// A batch of resources on its way into the index: made one by one, written many at once.
struct Creation<'a> {
    connection: &'a Connection,
    now: Timestamp,
    /// The highest key that any resource ever had before these.
    highest: i64,
    types: HashMap<String, usize>,
    layouts: Vec<Layout>,
    made: Vec<Resource>,
    /// The types of these, as places among the layouts.
    type_of: Vec<usize>,
    attaching: Attaching<'a>,
}

impl<'a> Creation<'a> {
    fn new(connection: &'a Connection, now: Timestamp) -> Result<Self, Failure> {
        Ok(Creation {
            connection,
            now,
            highest: highest(connection, sql::HIGHEST_RESOURCE)?,
            types: HashMap::new(),
            layouts: Vec::new(),
            made: Vec::new(),
            type_of: Vec::new(),
            attaching: Attaching::new(connection, now),
        })
    }

    /// The place of a type.
    fn of_type(&mut self, name: &str) -> Result<usize, Failure> {
        if let Some(known) = self.types.get(name) {
            return Ok(*known);
        }
        let layout = layout::required(self.connection, name)?;
        self.types.insert(name.to_owned(), self.layouts.len());
        self.layouts.push(layout);
        Ok(self.layouts.len() - 1)
    }

    /// The key of one of the resources.
    fn key(&self, at: usize) -> rusqlite::Result<i64> {
        key_behind(self.highest, at)
    }

    /// Makes a resource, and its metrics.
    fn add(&mut self, new: &NewResource) -> Result<(), Failure> {
        let of_type = self.of_type(&new.resource_type)?;
        let attributes = attributes(&self.layouts[of_type], &new.attributes, self.now)?;
        let revision_start = new.as_of.unwrap_or(self.now);
        let key = self.key(self.made.len())?;
        let metrics = self.attaching.attach(key, new.id.id(), new.creator.as_deref(), &new.metrics)?;
        self.type_of.push(of_type);
        self.made.push(Resource {
            id: new.id.id(),
            original_id: new.id.original().to_owned(),
            resource_type: new.resource_type.clone(),
            creator: new.creator.clone(),
            user_id: new.user_id.clone(),
            project_id: new.project_id.clone(),
            started_at: new.started_at.unwrap_or(revision_start),
            ended_at: new.ended_at,
            revision: None,
            revision_start,
            revision_end: None,
            attributes,
            metrics,
        });
        Ok(())
    }

    /// Writes the resources, then what refers to them.
    fn finish(mut self) -> Result<CreatedResources, Failure> {
        self.write_resources()?;
        for of_type in (0..self.layouts.len()).filter(|of_type| !self.layouts[*of_type].is_generic()) {
            self.write_attributes(of_type)?;
        }
        let (made, highest) = (&mut self.made, self.highest);
        self.attaching.write(|key, name, metric| {
            if let Some(resource) = usize::try_from(key - highest - 1).ok().and_then(|at| made.get_mut(at)) {
                resource.metrics.insert(name, metric);
            }
        })?;
        Ok(CreatedResources { resources: self.made, metrics: self.attaching.finish()? })
    }

    fn write_resources(&self) -> Result<(), Failure> {
        let written = together::insert(self.connection, (sql::INSERT_RESOURCE, 10), self.made.len(), |row, places| {
            let resource = &self.made[row];
            places.put(self.key(row)?)?;
            places.put(resource.id.as_bytes())?;
            places.put(&resource.original_id)?;
            places.put(self.layouts[self.type_of[row]].id)?;
            places.put(&resource.creator)?;
            places.put(&resource.user_id)?;
            places.put(&resource.project_id)?;
            places.put(resource.started_at.nanos())?;
            places.put(resource.ended_at.map(Timestamp::nanos))?;
            places.put(resource.revision_start.nanos())
        });
        written.map_err(|stopped| {
            if Failure::is_duplicate(&stopped.error) {
                Error::ResourceExists { resource: self.made[stopped.row].original_id.clone() }.into()
            } else {
                Failure::from(stopped.error)
            }
        })
    }

    /// Writes the attributes that a type gives its resources.
    fn write_attributes(&self, of_type: usize) -> Result<(), Failure> {
        let layout = &self.layouts[of_type];
        let of_it: Vec<usize> = (0..self.made.len()).filter(|at| self.type_of[*at] == of_type).collect();
        let (insert, columns) = (insert_attributes(layout), layout.columns.len() + 1);
        let written = together::insert(self.connection, (&insert, columns), of_it.len(), |row, places| {
            places.put(self.key(of_it[row])?)?;
            let attributes = &self.made[of_it[row]].attributes;
            layout
                .columns
                .iter()
                .try_for_each(|column| places.put(attributes.get(&column.name).map_or(Value::Null, stored_value)))
        });
        written.map_err(|stopped| stopped.error.into())
    }
}

/// The statement that adds the attributes of a resource: its key first, then those of the layout in order.
fn insert_attributes(layout: &Layout) -> String {
    let places = vec!["?"; layout.columns.len() + 1].join(", ");
    let (table, columns) = (layout.current_table(), layout.column_list());
    format!("INSERT OR FAIL INTO {table} (key{columns}) VALUES ({places})")
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
