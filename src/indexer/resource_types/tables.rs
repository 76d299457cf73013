//! The two tables of a resource type: what its resources have, and what they had at each revision.

use rusqlite::{Connection, OptionalExtension};

use super::super::failure::Failure;
use super::super::sql;
use super::layout::{Column, Layout, stored_value};
use crate::types::{AttributeValue, Timestamp};

/// The tables and what their rows are called by.
fn both(layout: &Layout) -> [(String, &'static str); 2] {
    [(layout.current_table(), "key"), (layout.past_table(), "revision")]
}

pub(super) fn create(connection: &Connection, layout: &Layout) -> Result<(), Failure> {
    for (table, key) in both(layout) {
        let mut columns = vec![format!("{key} INTEGER PRIMARY KEY")];
        columns.extend(layout.columns.iter().map(|column| format!("{} {}", column.column(), column.storage())));
        connection.execute_batch(&format!("CREATE TABLE {table} ({}) STRICT", columns.join(", ")))?;
        for column in &layout.columns {
            create_index(connection, &table, column)?;
        }
    }
    Ok(())
}

pub(super) fn drop(connection: &Connection, layout: &Layout) -> Result<(), Failure> {
    for (table, _) in both(layout) {
        connection.execute_batch(&format!("DROP TABLE {table}"))?;
    }
    Ok(())
}

fn create_index(connection: &Connection, table: &str, column: &Column) -> Result<(), Failure> {
    let name = column.column();
    connection.execute_batch(&format!("CREATE INDEX {table}_{name} ON {table} ({name})"))?;
    Ok(())
}

pub(super) fn add_column(connection: &Connection, layout: &Layout, column: &Column) -> Result<(), Failure> {
    for (table, _) in both(layout) {
        let (name, storage) = (column.column(), column.storage());
        connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {name} {storage}"))?;
        create_index(connection, &table, column)?;
    }
    Ok(())
}

pub(super) fn drop_column(connection: &Connection, layout: &Layout, column: &Column) -> Result<(), Failure> {
    for (table, _) in both(layout) {
        let name = column.column();
        connection.execute_batch(&format!("DROP INDEX {table}_{name}; ALTER TABLE {table} DROP COLUMN {name}"))?;
    }
    Ok(())
}

/// Gives `value` to all that have none, now and in the past.
pub(super) fn fill(
    connection: &Connection,
    layout: &Layout,
    column: &Column,
    value: &AttributeValue,
) -> Result<(), Failure> {
    for (table, _) in both(layout) {
        let name = column.column();
        let fill = format!("UPDATE {table} SET {name} = ?1 WHERE {name} IS NULL");
        connection.execute(&fill, [stored_value(value)])?;
    }
    Ok(())
}

/// Whether what resources have now is within the limits of `column`. The past is left as it was.
pub(super) fn check_values(connection: &Connection, layout: &Layout, column: &Column) -> Result<(), Failure> {
    let name = column.column();
    let distinct = format!("SELECT DISTINCT {name} FROM {} WHERE {name} IS NOT NULL", layout.current_table());
    let mut statement = connection.prepare(&distinct)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let value = column.read(row.get_ref(0)?)?;
        column.attribute.check(&column.name, &value, Timestamp::default())?;
    }
    Ok(())
}

/// A resource of the type, when there is one.
pub(super) fn user(connection: &Connection, layout: &Layout) -> Result<Option<String>, Failure> {
    let mut statement = connection.prepare_cached(sql::RESOURCE_OF_TYPE)?;
    Ok(statement.query_row([layout.id], |row| row.get(0)).optional()?)
}

/// Resources and revisions of the type without a row of their attributes, and such rows without them.
pub(super) fn findings(connection: &Connection, layout: &Layout) -> Result<Vec<String>, Failure> {
    let mut findings = Vec::new();
    for (whole, (part, key)) in ["resources", "revisions"].into_iter().zip(both(layout)) {
        let lonely = format!(
            "SELECT (SELECT count(*) FROM {whole} WHERE type_id = ?1 AND {key} NOT IN (SELECT {key} FROM {part})),
                (SELECT count(*) FROM {part} WHERE {key} NOT IN (SELECT {key} FROM {whole} WHERE type_id = ?1))"
        );
        let counted = connection.query_row(&lonely, [layout.id], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
        if counted != (0, 0) {
            let (without, beyond): (i64, i64) = counted;
            let name = &layout.name;
            findings.push(format!(
                "{without} {whole} of type `{name}` have no attributes, and {beyond} attributes belong to none"
            ));
        }
    }
    Ok(findings)
}
