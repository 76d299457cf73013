//! The tables, and how an index of an older version gets them.
//!
//! `PRAGMA user_version` is the number of migrations that an index has been through. Each is one transaction together
//! with that number, so that a crash leaves the index at one version or the next. A migration that was released is
//! never edited: what it lacks is another one's.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::failure::Failure;
use super::resource_types;
use crate::error::Error;

/// What `PRAGMA application_id` says of our files ("gnoc" in ASCII), so that another program's `SQLite` file is not
/// taken for ours.
const APPLICATION_ID: i32 = 0x676e_6f63;

/// From an empty file on. Partial indexes on the status are what frees the name and id of a deleted metric at once.
///
/// The second one adds resources. What all resources have lies in `resources`, and in `revisions` as it was before each
/// change; the attributes of each type lie in two tables of that type, next to these two (`layout` writes them). A metric
/// refers to its resource by the key, in whose order all of these tables grow, and not by the id, which is random.
///
/// The third one lets creators choose the names of metrics without a resource without regard to anybody's: such a name is
/// told from its like by the metric's key. Names of metrics that nobody is named as creator of stay unique, and come first.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE archive_policies (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        policy TEXT NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE archive_policy_rules (
        name TEXT NOT NULL PRIMARY KEY,
        metric_pattern TEXT NOT NULL,
        policy_id INTEGER NOT NULL REFERENCES archive_policies (id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX rules_by_policy ON archive_policy_rules (policy_id);

    CREATE TABLE metrics (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL CHECK (length(id) = 16),
        name TEXT,
        unit TEXT,
        creator TEXT,
        policy_id INTEGER NOT NULL REFERENCES archive_policies (id),
        resource_id BLOB CHECK (length(resource_id) = 16),
        status INTEGER NOT NULL CHECK (status IN (0, 1)),
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX metrics_by_id ON metrics (id) WHERE status = 0;
    CREATE UNIQUE INDEX metrics_by_name ON metrics (name) WHERE status = 0 AND resource_id IS NULL AND name IS NOT NULL;
    CREATE UNIQUE INDEX metrics_by_resource ON metrics (resource_id, name) WHERE status = 0 AND resource_id IS NOT NULL;
    CREATE INDEX metrics_by_policy ON metrics (policy_id);
    CREATE INDEX metrics_deleted ON metrics (key) WHERE status = 1;

    CREATE TABLE metric_totals (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        active INTEGER NOT NULL
    ) STRICT;
    INSERT INTO metric_totals (id, active) VALUES (1, 0);
",
    "
    CREATE TABLE resource_types (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        attributes TEXT NOT NULL,
        next_column INTEGER NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT;
    INSERT INTO resource_types (id, name, attributes, next_column, revision) VALUES (1, 'generic', '[]', 1, 1);

    CREATE TABLE resources (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL CHECK (length(id) = 16),
        original_id TEXT NOT NULL,
        type_id INTEGER NOT NULL REFERENCES resource_types (id),
        creator TEXT,
        user_id TEXT,
        project_id TEXT,
        started_at INTEGER NOT NULL,
        ended_at INTEGER CHECK (ended_at >= started_at),
        revision_start INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX resources_by_id ON resources (id);
    CREATE INDEX resources_by_original_id ON resources (original_id);
    CREATE INDEX resources_by_type ON resources (type_id, revision_start, started_at, key);
    CREATE INDEX resources_by_creator ON resources (creator);
    CREATE INDEX resources_by_creating_project ON resources (substr(creator, instr(creator || ':', ':') + 1));
    CREATE INDEX resources_by_user ON resources (user_id);
    CREATE INDEX resources_by_project ON resources (project_id);
    CREATE INDEX resources_by_start ON resources (started_at);
    CREATE INDEX resources_by_end ON resources (ended_at);
    CREATE INDEX resources_by_revision ON resources (revision_start, started_at, key);

    CREATE TABLE revisions (
        revision INTEGER PRIMARY KEY AUTOINCREMENT,
        resource_key INTEGER NOT NULL REFERENCES resources (key) ON DELETE CASCADE,
        type_id INTEGER NOT NULL,
        user_id TEXT,
        project_id TEXT,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        revision_start INTEGER NOT NULL,
        revision_end INTEGER NOT NULL CHECK (revision_end >= revision_start)
    ) STRICT;
    CREATE INDEX revisions_by_resource ON revisions (resource_key, revision_start);
    CREATE INDEX revisions_by_type ON revisions (type_id, resource_key, revision_start);
    CREATE INDEX revisions_by_user ON revisions (user_id);
    CREATE INDEX revisions_by_project ON revisions (project_id);
    CREATE INDEX revisions_by_start ON revisions (started_at);
    CREATE INDEX revisions_by_end ON revisions (ended_at);
    CREATE INDEX revisions_by_revision_start ON revisions (revision_start, started_at);
    CREATE INDEX revisions_by_revision_end ON revisions (revision_end);

    DROP INDEX metrics_by_name;
    DROP INDEX metrics_by_resource;
    ALTER TABLE metrics DROP COLUMN resource_id;
    ALTER TABLE metrics ADD COLUMN resource_key INTEGER REFERENCES resources (key);
    CREATE UNIQUE INDEX metrics_by_name ON metrics (name, ifnull(resource_key, 0))
        WHERE status = 0 AND name IS NOT NULL;
    CREATE INDEX metrics_by_resource ON metrics (resource_key) WHERE resource_key IS NOT NULL;
    CREATE INDEX metrics_by_creator ON metrics (creator) WHERE creator IS NOT NULL;
    CREATE INDEX metrics_by_unit ON metrics (unit) WHERE unit IS NOT NULL;
",
    "
    DROP INDEX metrics_by_name;
    CREATE UNIQUE INDEX metrics_by_name ON metrics (
        name, ifnull(resource_key, 0), CASE WHEN resource_key IS NULL AND creator IS NOT NULL THEN key ELSE 0 END
    ) WHERE status = 0 AND name IS NOT NULL;
",
];

/// The newest version that this library reads.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings the index up to date and into WAL mode; looks before it touches anything.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    check(connection, path)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        let reason = format!("its journal mode is {mode} and cannot be WAL there");
        return Err(not_a_database(path, reason));
    }
    migrate_up_to(connection, VERSION)
}

/// Migrates an index that is older than `target`, in as many transactions as there are versions between.
fn migrate_up_to(connection: &mut Connection, target: u32) -> Result<(), Failure> {
    while version(connection)? < target {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        migrate(&transaction)?;
        transaction.commit()?;
    }
    Ok(())
}

/// An index as the library of that version left it.
#[cfg(test)]
pub(super) fn prepare_up_to(connection: &mut Connection, path: &Path, target: u32) -> Result<(), Failure> {
    check(connection, path)?;
    migrate_up_to(connection, target)
}

/// One migration; none when another process was faster.
fn migrate(transaction: &Transaction) -> Result<(), Failure> {
    let version = version(transaction)?;
    if let Some(migration) = MIGRATIONS.get(version as usize) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(())
}

/// Whether the file is an index of a version that can be read, or empty.
fn check(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = version(connection)?;
    let tables = connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(())).optional()?;
    let empty = application == 0 && found == 0 && tables.is_none();
    if application != APPLICATION_ID && !empty {
        return Err(not_a_database(path, "it is an SQLite file of another program".to_owned()));
    }
    if found > VERSION {
        let path = path.to_path_buf();
        let supported = VERSION;
        return Err(Error::UnsupportedFormat { path, found, supported }.into());
    }
    Ok(())
}

/// Refuses an index that this version cannot read as it is.
pub(super) fn check_current(connection: &Connection, path: &Path) -> Result<(), Failure> {
    check(connection, path)?;
    match version(connection)? {
        VERSION => Ok(()),
        0 => Err(not_a_database(path, "nobody has finished creating it; open it for writing once".to_owned())),
        _ => Err(Error::ReadOnly { call: "bring the index up to date", path: path.to_path_buf() }.into()),
    }
}

fn not_a_database(path: &Path, reason: String) -> Failure {
    let path = path.to_path_buf();
    Error::NotADatabase { path, reason }.into()
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// What does not fit together in the index: at most `limit` findings.
pub(super) fn findings(connection: &Connection, limit: usize) -> Result<Vec<String>, Failure> {
    let mut findings = Vec::new();
    let mut statement = connection.prepare("SELECT integrity_check FROM pragma_integrity_check LIMIT ?1")?;
    let rows = statement.query_map([limit as i64], |row| row.get::<_, String>(0))?;
    for finding in rows {
        findings.push(finding?);
    }
    findings.retain(|finding| finding != "ok");
    let mut statement = connection.prepare("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT ?1")?;
    let rows = statement.query_map([limit as i64], |row| {
        let (table, rowid, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(format!("row {} of {table} refers to nothing in {parent}", rowid.unwrap_or_default()))
    })?;
    for finding in rows {
        findings.push(finding?);
    }
    let miscounted = "SELECT t.active, c.active FROM metric_totals AS t, \
        (SELECT count(*) AS active FROM metrics WHERE status = 0) AS c WHERE t.active <> c.active";
    let counts = connection.query_row(miscounted, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    if let Some((said, counted)) = counts.optional()? {
        findings.push(format!("the index says it has {said} active metrics and has {counted}"));
    }
    findings.extend(resource_types::findings(connection)?);
    findings.truncate(limit);
    Ok(findings)
}
