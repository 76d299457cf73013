//! The table that operations work on: series of one granularity over the same timestamps.
//!
//! Columns and timestamps are borrowed from the inputs for as long as nothing changes them. This module must never look
//! into an operation.

use std::borrow::Cow;
use std::ops::Range;

use crate::carbonara::Sampling;

/// Series over the same timestamps.
#[derive(Debug, Clone)]
pub(super) struct Table<'a> {
    pub granularity: Sampling,
    pub timestamps: Cow<'a, [i64]>,
    /// One column per series, each as long as `timestamps`.
    pub columns: Vec<Cow<'a, [f64]>>,
    /// Which input each column comes from; of no use once `aggregate` has made one of all.
    pub sources: Vec<usize>,
    /// Whether values count for their shares of the groups already.
    pub weighed: bool,
    /// Whether several series went into one.
    pub aggregated: bool,
    /// Whether all values are outcomes of comparisons.
    pub truths: bool,
    /// For each column, of which rows damage makes the value unknown, which is a NaN then; empty when of none.
    pub lost: Vec<Vec<bool>>,
}

impl<'a> Table<'a> {
    pub fn rows(&self) -> usize {
        self.timestamps.len()
    }

    /// The same table with each column replaced by one as long.
    pub fn map(mut self, mut change: impl FnMut(&mut [f64])) -> Self {
        for column in &mut self.columns {
            change(column.to_mut());
        }
        self
    }

    /// The same table without its first `rows` rows, with columns that lack them already. What is lost of them is to follow.
    pub fn behind(self, rows: usize, columns: Vec<Cow<'a, [f64]>>) -> Self {
        let all = self.timestamps.len();
        Table { timestamps: part(self.timestamps, rows.min(all)..all), columns, lost: Vec::new(), ..self }
    }
}

/// A stretch of a column.
pub(super) fn part<T: Clone>(column: Cow<'_, [T]>, rows: Range<usize>) -> Cow<'_, [T]> {
    match column {
        Cow::Borrowed(values) => Cow::Borrowed(&values[rows]),
        Cow::Owned(mut values) => {
            values.truncate(rows.end);
            values.drain(..rows.start);
            Cow::Owned(values)
        }
    }
}
