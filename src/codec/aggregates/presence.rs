//! In which rows which columns have values, found out once for a chunk.
//!
//! A `std` is there where the count exceeds 1: that is derived. Whatever else is missing is described by sets of rows; columns
//! that miss the same rows (all `rate:` ones, where a group has no difference) share one.

use std::borrow::Cow;

use super::directory::Rows;
use crate::types::{AggregateBlock, AggregateColumn, AggregationMethod, Method};

/// A column without its empty places.
pub struct Source<'a> {
    pub method: AggregationMethod,
    pub rows: Rows,
    pub values: Cow<'a, [f64]>,
}

/// The columns of a block, each with its rows, and the row sets that they name.
pub fn sort_out(block: &AggregateBlock) -> (Vec<Source<'_>>, Vec<&[bool]>) {
    let mut sets: Vec<&[bool]> = Vec::new();
    let sources = block.columns.iter().map(|column| {
        let rows = rows_of(column, block, &mut sets);
        let values = match (&column.present, rows) {
            (None, _) | (_, Rows::All) => Cow::Borrowed(&column.values[..]),
            (Some(present), _) => {
                let there = column.values.iter().zip(present).filter(|(_, has)| **has);
                Cow::Owned(there.map(|(value, _)| *value).collect())
            }
        };
        Source { method: column.method, rows, values }
    });
    (sources.collect(), sets)
}

fn rows_of<'a>(column: &'a AggregateColumn, block: &AggregateBlock, sets: &mut Vec<&'a [bool]>) -> Rows {
    let Some(present) = column.present.as_deref() else {
        return Rows::All;
    };
    if present.iter().all(|has| *has) {
        return Rows::All;
    }
    if column.method.method() == Method::Std && follows_count(column, present, block) {
        return Rows::Counted;
    }
    let number = sets.iter().position(|set| *set == present).unwrap_or_else(|| {
        sets.push(present);
        sets.len() - 1
    });
    Rows::Set(number as u8)
}

/// Whether a `std` is there exactly where its family's count exceeds 1.
fn follows_count(std: &AggregateColumn, present: &[bool], block: &AggregateBlock) -> bool {
    let count = AggregationMethod::new(Method::Count, std.method.is_rate());
    block.column(count).is_some_and(|count| {
        let several = |row: usize| count.has(row) && count.values[row] > 1.0;
        present.iter().enumerate().all(|(row, has)| *has == several(row))
    })
}
