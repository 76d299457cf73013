//! The order of a search, and the condition for what comes behind a place in it.

use super::Parameter;
use super::arms::Arm;
use super::bind::unknown;
use super::column::Column;
use crate::error::{Error, Result};
use crate::types::Sort;

/// How many attributes can be sorted by.
const MAX_SORTS: usize = 16;

/// One expression to sort by.
pub(super) struct Key {
    pub column: Column,
    descending: bool,
    nulls_first: bool,
}

/// What is sorted by, in this order: the attributes asked for.
pub(super) fn keys(arm: Arm, sorts: &[Sort]) -> Result<Vec<Key>> {
    if sorts.len() > MAX_SORTS {
        let reason = format!("it is sorted by more than {MAX_SORTS} attributes");
        return Err(Error::InvalidPagination { reason });
    }
    let key = |sort: &Sort| {
        let column = arm.column(&sort.attribute).ok_or_else(|| unknown(arm, &sort.attribute))?;
        Ok(Key { column, descending: sort.descending, nulls_first: sort.nulls_first() })
    };
    sorts.iter().map(key).collect()
}

/// A key that decides between rows which are equal in those before.
pub(super) fn tie(column: Column) -> Key {
    Key { column, descending: false, nulls_first: true }
}

/// `ORDER BY` the result columns from `first` on, where the keys are.
pub(super) fn clause(keys: &[Key], first: usize) -> String {
    let part = |(at, key): (usize, &Key)| {
        let direction = if key.descending { " DESC" } else { "" };
        let nulls = match (key.column.nullable, key.nulls_first, key.descending) {
            (true, true, true) => " NULLS FIRST",
            (true, false, false) => " NULLS LAST",
            _ => "",
        };
        format!("{}{direction}{nulls}", first + at)
    };
    let parts: Vec<String> = keys.iter().enumerate().map(part).collect();
    format!(" ORDER BY {}", parts.join(", "))
}

/// The condition for what comes behind the row that has these values; `null` says which of them are null.
pub(super) fn behind(keys: &[Key], values: &[(Parameter, bool)]) -> String {
    let plain = keys.iter().all(|key| !key.column.nullable && !key.descending);
    if plain {
        let columns: Vec<&str> = keys.iter().map(|key| key.column.sql.as_str()).collect();
        let values: Vec<String> = values.iter().map(|(value, _)| format!("?{value}")).collect();
        return format!("({}) > ({})", columns.join(", "), values.join(", "));
    }
    let mut cases = Vec::new();
    let mut equal = String::new();
    for (key, (value, null)) in keys.iter().zip(values) {
        if let Some(after) = after(key, *value, *null) {
            cases.push(format!("({equal}{after})"));
        }
        let same = format!("{} IS ?{value} AND ", key.column.sql);
        equal.push_str(&same);
    }
    format!("({}){}", cases.join(" OR "), bound(keys, values))
}

/// The condition for what comes behind one value of one key; none when nothing does.
fn after(key: &Key, value: Parameter, null: bool) -> Option<String> {
    let sql = &key.column.sql;
    let sign = if key.descending { "<" } else { ">" };
    match (null, key.nulls_first) {
        (true, true) => Some(format!("{sql} IS NOT NULL")),
        (true, false) => None,
        (false, true) => Some(format!("{sql} {sign} ?{value}")),
        (false, false) if !key.column.nullable => Some(format!("{sql} {sign} ?{value}")),
        (false, false) => Some(format!("({sql} {sign} ?{value} OR {sql} IS NULL)")),
    }
}

/// Where an index on the first key can begin, which the cases alone do not tell `SQLite`.
fn bound(keys: &[Key], values: &[(Parameter, bool)]) -> String {
    match (keys.first(), values.first()) {
        (Some(key), Some((value, false))) if key.nulls_first || !key.column.nullable => {
            let sign = if key.descending { "<=" } else { ">=" };
            format!(" AND {} {sign} ?{value}", key.column.sql)
        }
        _ => String::new(),
    }
}
