//! Columns: the shape in which answers leave the library and aggregates travel inside it.
//!
//! [`Columns`] is one series of timestamps and values. [`AggregateBlock`] is a stretch of one archive: one row per group,
//! one column per aggregation method, with a mark where a method has no value for a group.

use super::AggregationMethod;

/// Timestamps and values of one series, parallel and sorted by time.
///
/// ```
/// let mut columns = gnocchetti::Columns::default();
/// columns.push(0, 1.5);
/// columns.push(60_000_000_000, 2.5);
/// assert_eq!(columns.iter().last(), Some((60_000_000_000, 2.5)));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// Nanoseconds since the epoch.
    pub timestamps: Vec<i64>,
    /// One value for each timestamp.
    pub values: Vec<f64>,
}

impl Columns {
    /// How many points there are.
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Adds a point at the end.
    pub fn push(&mut self, timestamp: i64, value: f64) {
        self.timestamps.push(timestamp);
        self.values.push(value);
    }

    /// Removes all points and keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.values.clear();
    }

    /// Keeps the first `rows` points.
    pub fn truncate(&mut self, rows: usize) {
        self.timestamps.truncate(rows);
        self.values.truncate(rows);
    }

    /// The points in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, f64)> + '_ {
        self.timestamps.iter().copied().zip(self.values.iter().copied())
    }
}

/// One aggregation method's values for the rows of an [`AggregateBlock`].
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateColumn {
    /// Which method.
    pub method: AggregationMethod,
    /// One value per row; where the method has none, the value is meaningless (0 by convention).
    pub values: Vec<f64>,
    /// Which rows have a value; `None` when all have.
    pub present: Option<Vec<bool>>,
}

impl AggregateColumn {
    /// Whether row `row` has a value.
    pub fn has(&self, row: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present[row])
    }
}

/// Rows of one archive: groups in ascending order of their start, and each method's value for them.
///
/// A row exists for each group that holds at least one measure.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AggregateBlock {
    /// Starts of the groups: multiples of the granularity, strictly ascending.
    pub timestamps: Vec<i64>,
    /// The columns, in ascending order of their methods.
    pub columns: Vec<AggregateColumn>,
}

impl AggregateBlock {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.timestamps.len()
    }

    /// The column of `method`, when the block has it.
    pub fn column(&self, method: AggregationMethod) -> Option<&AggregateColumn> {
        self.columns.iter().find(|column| column.method == method)
    }
}
