//! Resource types in the index: each is a row, and two tables with a column and an index per attribute.
//!
//! A type, its tables and what its resources have in them change in one transaction. Tables and columns are called by
//! numbers that are never used twice, so that no name of a caller becomes part of a statement.

pub(super) mod layout;
mod tables;

use rusqlite::Connection;

use super::failure::Failure;
use super::{Indexer, sql};
use crate::error::{Error, Result};
use crate::types::{AttributeValue, GENERIC, ResourceType, ResourceTypeUpdate, Timestamp, TypeChange};
use layout::Layout;

impl Indexer {
    /// Adds a resource type.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidResourceType`], [`Error::InvalidAttribute`], [`Error::ResourceTypeExists`].
    pub fn create_resource_type(&self, new: &ResourceType) -> Result<()> {
        new.check()?;
        self.write("create a resource type", |transaction| {
            let mut layout = Layout::new(new);
            let parameters = (&layout.name, layout.json()?, layout.next_column);
            let inserted = transaction.prepare_cached(sql::INSERT_TYPE)?.insert(parameters);
            let id = inserted.map_err(|error| {
                if Failure::is_duplicate(&error) {
                    Error::ResourceTypeExists { name: new.name.clone() }.into()
                } else {
                    Failure::from(error)
                }
            })?;
            layout.id = u32::try_from(id).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, id))?;
            tables::create(transaction, &layout)
        })
    }

    /// The resource type of this name, when there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], [`Error::Corrupt`].
    pub fn resource_type(&self, name: &str) -> Result<Option<ResourceType>> {
        self.read_once("look up a resource type", |connection| {
            Ok(layout::by_name(connection, name)?.map(|layout| layout.resource_type()))
        })
    }

    /// All resource types by name; [`generic`](GENERIC) is one of them.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], [`Error::Corrupt`].
    pub fn resource_types(&self) -> Result<Vec<ResourceType>> {
        self.read_once("list resource types", |connection| {
            Ok(layout::all(connection)?.iter().map(Layout::resource_type).collect())
        })
    }

    /// Changes the attributes of a resource type, and with them what its resources and their history have. No resource
    /// gets a revision by that. Times to fill with may be relative to `now`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceType`]; what [`ResourceType::updated`] refuses; [`Error::InvalidAttributeValue`] when a
    /// resource has a value that a changed attribute would not take.
    pub fn update_resource_type(
        &self,
        name: &str,
        update: &ResourceTypeUpdate,
        now: Timestamp,
    ) -> Result<ResourceType> {
        self.write("update a resource type", |transaction| {
            let mut layout = layout::required(transaction, name)?;
            let next = layout.resource_type().updated(update)?;
            for change in update.changes() {
                apply(transaction, &mut layout, change, now)?;
            }
            let parameters = (layout.id, layout.json()?, layout.next_column);
            transaction.prepare_cached(sql::UPDATE_TYPE)?.execute(parameters)?;
            Ok(next)
        })
    }

    /// Removes a resource type that no resource has.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownResourceType`]; [`Error::ResourceTypeInUse`] also for [`generic`](GENERIC).
    pub fn delete_resource_type(&self, name: &str) -> Result<()> {
        let in_use = |used_by: String| Error::ResourceTypeInUse { name: name.to_owned(), used_by };
        if name == GENERIC {
            return Err(in_use("it is built in".to_owned()));
        }
        self.write("delete a resource type", |transaction| {
            let layout = layout::required(transaction, name)?;
            if let Some(resource) = tables::user(transaction, &layout)? {
                return Err(in_use(format!("resource `{resource}` is of it")).into());
            }
            tables::drop(transaction, &layout)?;
            transaction.prepare_cached(sql::DELETE_TYPE)?.execute([layout.id])?;
            Ok(())
        })
    }
}

/// What does not fit together between resource types, resources and the attributes they have.
pub(super) fn findings(connection: &Connection) -> Result<Vec<String>, Failure> {
    let mut findings = Vec::new();
    for layout in layout::all(connection)?.iter().filter(|layout| !layout.is_generic()) {
        findings.extend(tables::findings(connection, layout)?);
    }
    Ok(findings)
}

/// Makes one change of a type that was found to be possible.
fn apply(connection: &Connection, layout: &mut Layout, change: &TypeChange, now: Timestamp) -> Result<(), Failure> {
    match change {
        TypeChange::Add { name, attribute, fill } => {
            let fill = attribute.check(name, fill, now)?;
            let column = layout.add(name, *attribute);
            tables::add_column(connection, layout, &column)?;
            if fill != AttributeValue::Null {
                tables::fill(connection, layout, &column, &fill)?;
            }
        }
        TypeChange::Remove { name } => {
            if let Some(column) = layout.remove(name) {
                tables::drop_column(connection, layout, &column)?;
            }
        }
        TypeChange::Change { name, attribute, fill } => {
            let fill = attribute.check(name, fill, now)?;
            if let Some(column) = layout.change(name, *attribute) {
                if fill != AttributeValue::Null {
                    tables::fill(connection, layout, &column, &fill)?;
                }
                tables::check_values(connection, layout, &column)?;
            }
        }
    }
    Ok(())
}
