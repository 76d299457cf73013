//! Rows on their way into a table, many to a statement: most of what a row costs by itself is opening the table's indexes and
//! writing down the highest key, which a statement does once.
//!
//! The caller gives a statement that adds one row, says how many rows there are, and binds the values of each when asked;
//! nothing is copied before that. A row that is refused is never passed over: the caller learns which one it was, and must
//! undo the transaction, since those before it are there.

use std::ops::Range;

use rusqlite::{Connection, Statement, ToSql};

/// How many rows a statement adds, most first.
const SIZES: [usize; 4] = [256, 32, 4, 1];

/// How many values `SQLite` lets a statement have.
const MOST_VALUES: usize = 32_766;

/// The row that could not be added, and why.
pub(super) struct Stopped {
    pub row: usize,
    pub error: rusqlite::Error,
}

/// The places of one row's values in a statement.
pub(super) struct Places<'s, 'c> {
    statement: &'s mut Statement<'c>,
    next: usize,
}

impl Places<'_, '_> {
    /// Binds the next value of the row.
    pub fn put(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.next += 1;
        self.statement.raw_bind_parameter(self.next, value)
    }
}

/// Adds `rows` rows by `insert`, an `INSERT OR FAIL` of one row that ends with the places of its `columns` values; `bind`
/// gives them, in that order.
pub(super) fn insert(
    connection: &Connection,
    (insert, columns): (&str, usize),
    rows: usize,
    mut bind: impl FnMut(usize, &mut Places) -> rusqlite::Result<()>,
) -> Result<(), Stopped> {
    let mut first = 0;
    for size in SIZES.into_iter().filter(|size| size * columns <= MOST_VALUES) {
        while rows - first >= size {
            add(connection, (insert, columns), first..first + size, &mut bind)?;
            first += size;
        }
    }
    Ok(())
}

/// Adds these rows by one statement.
fn add(
    connection: &Connection,
    (insert, columns): (&str, usize),
    rows: Range<usize>,
    bind: &mut impl FnMut(usize, &mut Places) -> rusqlite::Result<()>,
) -> Result<(), Stopped> {
    let stopped = |row| move |error| Stopped { row, error };
    let more = format!(", ({})", vec!["?"; columns].join(", "));
    let statement = connection.prepare_cached(&format!("{insert}{}", more.repeat(rows.len() - 1)));
    let mut statement = statement.map_err(stopped(rows.start))?;
    let mut places = Places { statement: &mut statement, next: 0 };
    for row in rows.clone() {
        bind(row, &mut places).map_err(stopped(row))?;
    }
    // What `OR FAIL` has added before it fails stays, and counts as changed.
    statement.raw_execute().map_err(|error| {
        let added = usize::try_from(connection.changes()).unwrap_or(usize::MAX);
        Stopped { row: rows.start.saturating_add(added).min(rows.end - 1), error }
    })?;
    Ok(())
}
