//! [`Layout`]: a resource type together with where the values of its attributes lie.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::sql;
use crate::error::Error;
use crate::types::{Attribute, AttributeKind, AttributeValue, GENERIC, ResourceType, Timestamp};

/// One attribute and its column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::indexer) struct Column {
    /// What callers call it.
    pub name: String,
    /// The number by which its column is called: never used twice within a type.
    pub number: u32,
    /// What values it takes.
    pub attribute: Attribute,
}

impl Column {
    /// The name of its column.
    pub fn column(&self) -> String {
        format!("a{}", self.number)
    }

    /// `SQLite`'s name of the type of its column.
    pub fn storage(&self) -> &'static str {
        match self.attribute.kind {
            AttributeKind::String { .. } => "TEXT",
            AttributeKind::Uuid => "BLOB",
            AttributeKind::Number { .. } => "REAL",
            AttributeKind::Bool | AttributeKind::Datetime => "INTEGER",
        }
    }

    /// What a row has in its column.
    pub fn read(&self, value: ValueRef) -> Result<AttributeValue, Failure> {
        let damaged = || Failure::Damaged(format!("attribute `{}` of a resource is of another kind", self.name));
        Ok(match (self.attribute.kind, value) {
            (_, ValueRef::Null) => AttributeValue::Null,
            (AttributeKind::String { .. }, ValueRef::Text(text)) => {
                AttributeValue::Text(String::from_utf8(text.to_vec()).map_err(|_| damaged())?)
            }
            (AttributeKind::Uuid, ValueRef::Blob(id)) => {
                AttributeValue::Uuid(Uuid::from_slice(id).map_err(|_| damaged())?)
            }
            (AttributeKind::Number { .. }, ValueRef::Real(number)) => AttributeValue::Number(number),
            (AttributeKind::Bool, ValueRef::Integer(value)) => AttributeValue::Bool(value != 0),
            (AttributeKind::Datetime, ValueRef::Integer(nanos)) => {
                AttributeValue::Time(Timestamp::from_nanos(nanos).map_err(|_| damaged())?)
            }
            _ => return Err(damaged()),
        })
    }
}

/// A value as `SQLite` keeps it.
pub(in crate::indexer) fn stored_value(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Null => Value::Null,
        AttributeValue::Bool(value) => Value::Integer(i64::from(*value)),
        AttributeValue::Number(number) => Value::Real(*number),
        AttributeValue::Text(text) => Value::Text(text.clone()),
        AttributeValue::Uuid(id) => Value::Blob(id.as_bytes().to_vec()),
        AttributeValue::Time(time) => Value::Integer(time.nanos()),
    }
}

/// A resource type as the index has it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::indexer) struct Layout {
    /// The number by which resources refer to it; never used twice.
    pub id: u32,
    /// 1 when it was made, and one more with each change.
    pub revision: u64,
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub columns: Vec<Column>,
    /// The number of the next new column.
    pub next_column: u32,
}

impl Layout {
    /// The layout of a type that is new.
    pub fn new(new: &ResourceType) -> Self {
        let mut layout = Layout { id: 0, revision: 1, name: new.name.clone(), columns: Vec::new(), next_column: 1 };
        for (name, attribute) in &new.attributes {
            layout.add(name, *attribute);
        }
        layout
    }

    /// Whether resources of it have no tables of their own.
    pub fn is_generic(&self) -> bool {
        self.name == GENERIC
    }

    /// The table of what its resources have now.
    pub fn current_table(&self) -> String {
        format!("resource_attributes_{}", self.id)
    }

    /// The table of what they had.
    pub fn past_table(&self) -> String {
        format!("revision_attributes_{}", self.id)
    }

    /// The type as callers know it.
    pub fn resource_type(&self) -> ResourceType {
        let attributes = self.columns.iter().map(|column| (column.name.clone(), column.attribute)).collect();
        ResourceType { name: self.name.clone(), attributes }
    }

    /// The attribute of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Its attributes as they are written into the index.
    pub fn json(&self) -> Result<String, Failure> {
        serde_json::to_string(&self.columns)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)).into())
    }

    /// The names of its columns, each behind a comma.
    pub fn column_list(&self) -> String {
        let names: Vec<String> =
            std::iter::once(String::new()).chain(self.columns.iter().map(Column::column)).collect();
        names.join(", ")
    }

    pub fn add(&mut self, name: &str, attribute: Attribute) -> Column {
        let column = Column { name: name.to_owned(), number: self.next_column, attribute };
        self.next_column += 1;
        self.columns.push(column.clone());
        column
    }

    pub fn remove(&mut self, name: &str) -> Option<Column> {
        let at = self.columns.iter().position(|column| column.name == name)?;
        Some(self.columns.remove(at))
    }

    pub fn change(&mut self, name: &str, attribute: Attribute) -> Option<Column> {
        let column = self.columns.iter_mut().find(|column| column.name == name)?;
        column.attribute = attribute;
        Some(column.clone())
    }
}

fn stored(row: &Row) -> Result<Layout, Failure> {
    let (id, name): (u32, String) = (row.get(0)?, row.get(1)?);
    let damaged = |what: String| Failure::Damaged(format!("resource type {id}: {what}"));
    let json = row.get_ref(2)?.as_str().map_err(|error| damaged(error.to_string()))?;
    let columns = serde_json::from_str(json).map_err(|error| damaged(error.to_string()))?;
    let revision: i64 = row.get(4)?;
    let revision = u64::try_from(revision).map_err(|_| damaged(format!("its revision is {revision}")))?;
    Ok(Layout { id, revision, name, columns, next_column: row.get(3)? })
}

/// The type of this name as `connection` sees it.
pub(in crate::indexer) fn by_name(connection: &Connection, name: &str) -> Result<Option<Layout>, Failure> {
    let mut statement = connection.prepare_cached(sql::TYPE_BY_NAME)?;
    let mut rows = statement.query([name])?;
    rows.next()?.map(stored).transpose()
}

/// The type of this name, which must be there.
pub(in crate::indexer) fn required(connection: &Connection, name: &str) -> Result<Layout, Failure> {
    let shown = || name.chars().take(300).collect();
    by_name(connection, name)?.ok_or_else(|| Error::UnknownResourceType { name: shown() }.into())
}

/// The type of this number, which some resource refers to.
pub(in crate::indexer) fn by_id(connection: &Connection, id: u32) -> Result<Layout, Failure> {
    let mut statement = connection.prepare_cached(sql::TYPE_BY_ID)?;
    let layout = statement.query_row([id], |row| Ok(stored(row))).optional()?;
    layout.unwrap_or_else(|| Err(Failure::Damaged(format!("a resource is of type {id}, which is not there"))))
}

/// All types as `connection` sees them, by name.
pub(in crate::indexer) fn all(connection: &Connection) -> Result<Vec<Layout>, Failure> {
    let mut statement = connection.prepare_cached(sql::TYPES)?;
    let mut rows = statement.query([])?;
    let mut layouts = Vec::new();
    while let Some(row) = rows.next()? {
        layouts.push(stored(row)?);
    }
    Ok(layouts)
}

/// Layouts that were committed, so that a lookup need not read that of its type each time.
///
/// One is used only when it has the revision that the reader sees, which says what it is for ever.
#[derive(Default)]
pub(in crate::indexer) struct LayoutCache {
    layouts: Mutex<HashMap<u32, Arc<Layout>>>,
}

impl LayoutCache {
    /// The layout of this type and revision, for a reader of what was committed.
    pub fn get(&self, connection: &Connection, id: u32, revision: u64) -> Result<Arc<Layout>, Failure> {
        if let Some(layout) = self.layouts.lock().get(&id).filter(|layout| layout.revision == revision) {
            return Ok(Arc::clone(layout));
        }
        let layout = Arc::new(by_id(connection, id)?);
        self.layouts.lock().insert(id, Arc::clone(&layout));
        Ok(layout)
    }
}
