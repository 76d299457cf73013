//! The index made anew from its rows, where only what is made of rows is damaged.
//!
//! Each table lies in a tree of its own, in order of its keys; beside it lie *lists*, which are `SQLite`'s indexes: copies of some
//! columns in another order. A list that is damaged can be made again from the rows, when it is sure that all rows are there: no
//! tree of rows is damaged, each list of all rows of a table has as many entries, and where a list is damaged as a whole, there is
//! another one to tell. Nothing else is taken for mendable: a tree that lost a page has lost rows, and nobody else has them.
//! The index itself is never written: what is made is a new file, which must pass every check before anybody hears of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use super::connection::{self, Source};
use super::failure::Failure;
use super::{Indexer, schema};
use crate::error::Result;

/// So many findings are looked at; an index that has more is not mended.
const MOST: usize = 1_000_000;
/// So many rows are named in a text.
const NAMED: usize = 20;

/// A list that did not fit the rows of its table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DamagedList {
    /// What it is called.
    pub name: String,
    /// The table it is of.
    pub table: String,
    /// The keys of rows that it lacked, or had otherwise.
    pub rows: BTreeSet<i64>,
    /// Whether its structure, or the number of its entries, was wrong.
    miscounted: bool,
}

impl DamagedList {
    /// What was wrong with it, and what that means.
    pub fn what(&self) -> String {
        let DamagedList { name, table, rows, .. } = self;
        let some: Vec<String> = rows.iter().take(NAMED).map(i64::to_string).collect();
        let rows = match (rows.len(), some.join(", ")) {
            (0, _) => String::new(),
            (n, some) if n <= NAMED => format!(", differing in rows {some}"),
            (n, some) => format!(", differing in {n} rows, such as {some}"),
        };
        format!(
            "the list `{name}` did not fit the rows of `{table}`{rows}; it was made again from them, and where it was a row that \
            had changed, that counts as it is now"
        )
    }
}

impl Indexer {
    /// Writes this index to a new file at `path` with all its lists made anew, when nothing else of it is damaged, and says which
    /// were damaged; `None`, and no file, when more is.
    ///
    /// # Errors
    ///
    /// [`Error::DiskFull`](crate::Error::DiskFull), [`Error::Index`](crate::Error::Index).
    pub fn mended_into(&self, path: &Path) -> Result<Option<Vec<DamagedList>>> {
        let described = |failure: Failure| failure.into_error("mend", &self.path);
        let connection = connection::reader(&self.path, self.source()).map_err(described)?;
        let damaged = match self::damaged(&connection) {
            Ok(Some(damaged)) if !damaged.is_empty() => damaged,
            Ok(_) => return Ok(None),
            Err(error) => return unless_damaged(error).map_err(described),
        };
        match copied(&connection, &self.path, path) {
            Ok(true) => Ok(Some(damaged)),
            Ok(false) => Ok(None),
            Err(error) => unless_damaged(error).map_err(described),
        }
    }
}

/// Nothing, where the reason is that the index says what cannot be.
fn unless_damaged<T>(failure: Failure) -> Result<Option<T>, Failure> {
    use ErrorCode::{ConstraintViolation, DatabaseCorrupt, NotADatabase};
    match &failure {
        Failure::Damaged(_) => Ok(None),
        Failure::Sqlite(error) => match error.sqlite_error_code() {
            Some(ConstraintViolation | DatabaseCorrupt | NotADatabase) => Ok(None),
            _ => Err(failure),
        },
        Failure::Refused(_) => Err(failure),
    }
}

/// Makes the file, and whether it is sound and has as many rows.
fn copied(damaged: &Connection, source: &Path, path: &Path) -> Result<bool, Failure> {
    write_anew(source, path)?;
    let copy = connection::reader(path, Source::Immutable)?;
    Ok(schema::findings(&copy, 1)?.is_empty() && rows(&copy)? == rows(damaged)?)
}

/// Writes all rows of `source` to a new file, and lists of them. (`VACUUM` and copies of pages would take lists as they are.)
fn write_anew(source: &Path, path: &Path) -> Result<(), Failure> {
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| Failure::Damaged("no UTF-8".to_owned()));
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(path, flags)?;
    // Nobody knows the file yet: there is nothing to go back to.
    copy.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    // Tables come one after the other; in the end all references are checked.
    copy.pragma_update(None, "foreign_keys", false)?;
    copy.execute("ATTACH DATABASE ?1 AS source", [text(source)?])?;
    let number = |pragma: &str| copy.pragma_query_value(Some("source"), pragma, |row| row.get::<_, i64>(0));
    let numbers = [("application_id", number("application_id")?), ("user_version", number("user_version")?)];
    let transaction = copy.transaction()?;
    let parts = {
        let sql = "SELECT type, name, sql FROM source.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
            ORDER BY type = 'index', rowid";
        let mut schema = transaction.prepare(sql)?;
        let rows = schema.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<rusqlite::Result<Vec<(String, String, String)>>>()?
    };
    for (kind, name, sql) in parts {
        transaction.execute_batch(&sql)?;
        if kind == "table" {
            let table = quoted(&name);
            transaction
                .execute(&format!("INSERT INTO main.{table} SELECT * FROM source.{table} NOT INDEXED WHERE 1"), [])?;
        }
    }
    transaction.execute_batch(
        "DELETE FROM main.sqlite_sequence; INSERT INTO main.sqlite_sequence SELECT * FROM source.sqlite_sequence",
    )?;
    for (pragma, number) in numbers {
        transaction.pragma_update(Some("main"), pragma, number)?;
    }
    Ok(transaction.commit()?)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// How many rows each table has, by the tables themselves.
fn rows(connection: &Connection) -> Result<BTreeMap<String, i64>, Failure> {
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mut counts = BTreeMap::new();
    for name in names {
        let count = format!("SELECT count(*) FROM {} NOT INDEXED", quoted(&name));
        counts.insert(name, connection.query_row(&count, [], |row| row.get(0))?);
    }
    Ok(counts)
}

/// The lists that are damaged; `None` when something else is.
fn damaged(connection: &Connection) -> Result<Option<Vec<DamagedList>>, Failure> {
    let (findings, to_its_end) = checked(connection)?;
    let mut lists: BTreeMap<String, DamagedList> = BTreeMap::new();
    let mut lost_pages = false;
    let lines = findings.iter().flat_map(|finding| finding.lines()).map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && *line != "ok" && !line.starts_with("***")) {
        match told(connection, line)? {
            Told::List { name, row } => {
                let list = lists.entry(name).or_default();
                match row {
                    Some(row) => drop(list.rows.insert(row)),
                    None => list.miscounted = true,
                }
            }
            Told::LostPage => lost_pages = true,
            Told::Other => return Ok(None),
        }
    }
    for (name, list) in &mut lists {
        list.name.clone_from(name);
        list.table =
            connection.query_row("SELECT tbl_name FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0))?;
    }
    // What is wrong with a tree is said first, of all of them; what may keep the check from going on is a list.
    let explained = to_its_end || lists.values().any(|list| list.miscounted);
    let unsure = |table: &String| lost_pages || lists.values().any(|list| list.miscounted && list.table == *table);
    for (table, rows) in rows(connection)? {
        let others = other_counts(connection, &table, &lists)?;
        if others.iter().any(|count| *count != rows)
            || (others.is_empty() && has_lists(&lists, &table) && unsure(&table))
        {
            return Ok(None);
        }
    }
    let whole = explained && findings.len() < MOST && !(lost_pages && lists.is_empty());
    Ok(whole.then(|| lists.into_values().collect()))
}

/// What `SQLite`'s own check says, and whether it came to its end.
fn checked(connection: &Connection) -> Result<(Vec<String>, bool), Failure> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let mut findings = Vec::new();
    for finding in statement.query_map([], |row| row.get::<_, String>(0))? {
        match finding {
            Ok(finding) => findings.push(finding),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                return Ok((findings, false));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((findings, true))
}

fn has_lists(lists: &BTreeMap<String, DamagedList>, table: &str) -> bool {
    lists.values().any(|list| list.table == table)
}

/// How many entries those lists of all rows of a table have that are not damaged as a whole.
fn other_counts(
    connection: &Connection,
    table: &str,
    damaged: &BTreeMap<String, DamagedList>,
) -> Result<Vec<i64>, Failure> {
    let sql = "SELECT name FROM pragma_index_list(?1) WHERE partial = 0 AND origin <> 'pk'";
    let mut statement = connection.prepare(sql)?;
    let lists = statement.query_map([table], |row| row.get::<_, String>(0))?;
    let mut counts = Vec::new();
    for list in lists {
        let list = list?;
        if damaged.get(&list).is_none_or(|damaged| !damaged.miscounted) {
            let count = format!("SELECT count(*) FROM {} INDEXED BY {}", quoted(table), quoted(&list));
            counts.push(connection.query_row(&count, [], |row| row.get(0))?);
        }
    }
    Ok(counts)
}

/// What a line of `SQLite`'s own check is about.
enum Told {
    /// A list, and a row that it lacks or has otherwise; `None`: the list as a whole.
    List { name: String, row: Option<i64> },
    /// A page that no tree leads to.
    LostPage,
    /// Anything else.
    Other,
}

fn told(connection: &Connection, line: &str) -> Result<Told, Failure> {
    if line.starts_with("Page ") && line.ends_with("never used") {
        return Ok(Told::LostPage);
    }
    if let Some(tree) = line.strip_prefix("Tree ") {
        let root: Option<i64> = tree.split([' ', ':']).next().and_then(|root| root.parse().ok());
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND rootpage = ?1";
        let name = connection.query_row(sql, [root], |row| row.get::<_, String>(0)).optional()?;
        return Ok(name.map_or(Told::Other, |name| Told::List { name, row: None }));
    }
    let Some((what, name)) = line.rsplit_once(" index ") else { return Ok(Told::Other) };
    let name = name.to_owned();
    let row_of = |ending: &str| {
        let row = what.strip_suffix(ending).and_then(|what| what.rsplit("row ").next());
        row.and_then(|row| row.parse::<i64>().ok())
    };
    let row = [" missing from", " values differ from", " of"].into_iter().find_map(row_of);
    Ok(match (what, row) {
        ("wrong # of entries in" | "non-unique entry in", _) => Told::List { name, row: None },
        (_, Some(row)) => Told::List { name, row: Some(row) },
        _ => Told::Other,
    })
}
