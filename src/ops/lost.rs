//! What damage makes unknown of results.
//!
//! A point that is lost is an absent one: a fill may stand for it, and an aggregate over several series does without it. A
//! result that is made of several times is not: where one of its points may be missing, or only absent from what it was made
//! of, it is unknown itself, and left out. Nothing here is done, nor any memory asked for, when nothing is lost.

use std::ops::Range;

use super::evaluate::Walk;
use super::input::Input;
use super::table::Table;
use crate::carbonara::Sampling;

/// Of which values the joined table lacks what the inputs lost.
pub(super) fn of_inputs(inputs: &[&Input], joined: &Table<'_>) -> Vec<Vec<bool>> {
    if inputs.iter().all(|input| input.lost.is_empty()) {
        return Vec::new();
    }
    let of_input = |(at, input): (usize, &&Input)| {
        let values = joined.columns.get(at).map(|column| &**column).unwrap_or_default();
        let rows = joined.timestamps.iter().zip(values);
        // A NaN that was measured is there.
        let is_lost = |time: &i64| touch(&input.lost, *time, *time) && input.timestamps.binary_search(time).is_err();
        rows.map(|(time, value)| value.is_nan() && is_lost(time)).collect()
    };
    inputs.iter().enumerate().map(of_input).collect()
}

/// Those of some columns.
pub(super) fn columns(lost: &[Vec<bool>], columns: &[usize]) -> Vec<Vec<bool>> {
    columns.iter().filter_map(|column| lost.get(*column).cloned()).collect()
}

/// Where all that there could be of a table is lost.
pub(super) fn of_all(table: &Table<'_>) -> Vec<Vec<bool>> {
    if table.lost.is_empty() {
        return Vec::new();
    }
    let is_lost =
        |row: usize| table.lost.iter().any(|lost| lost[row]) && table.columns.iter().all(|column| column[row].is_nan());
    vec![(0..table.rows()).map(is_lost).collect()]
}

/// Where one of two values is lost, of columns that go together as `combine` brings them together.
pub(super) fn of_pairs(left: &[Vec<bool>], right: &[Vec<bool>]) -> Vec<Vec<bool>> {
    let (Some(last_left), Some(last_right)) = (left.len().checked_sub(1), right.len().checked_sub(1)) else {
        return if left.is_empty() { right.to_vec() } else { left.to_vec() };
    };
    let pair = |i: usize| {
        let (left, right) = (&left[i.min(last_left)], &right[i.min(last_right)]);
        left.iter().zip(right).map(|(left, right)| *left || *right).collect()
    };
    (0..=last_left.max(last_right)).map(pair).collect()
}

/// Whether any of these stretches reaches into `first..=last`.
fn touch(lost: &[(i64, i64)], first: i64, last: i64) -> bool {
    lost.iter().any(|stretch| stretch.0 <= last && stretch.1 >= first)
}

impl Table<'_> {
    /// The table in which what is lost is no value.
    pub(super) fn forget_lost(mut self) -> Self {
        for (column, lost) in self.columns.iter_mut().zip(&self.lost) {
            if lost.iter().any(|lost| *lost) {
                let values = column.to_mut().iter_mut().zip(lost);
                values.filter(|(_, lost)| **lost).for_each(|(value, _)| *value = f64::NAN);
            }
        }
        self
    }
}

impl Walk<'_> {
    /// What is lost of results that are made of `window` rows each.
    pub(super) fn lost_in_windows(&self, table: &Table<'_>, window: usize) -> Vec<Vec<bool>> {
        let results = (table.rows() + 1).saturating_sub(window);
        self.lost_in(table, &(0..results).map(|row| (row..row + window, None)))
    }

    /// What is lost of groups that begin at these times, made also of the `before` rows before them.
    pub(super) fn lost_in_groups(
        &self,
        table: &Table<'_>,
        starts: &[i64],
        sampling: Sampling,
        before: usize,
    ) -> Vec<Vec<bool>> {
        let group = |start: &i64| {
            let (first, last) = sampling.group_of(*start);
            let row = |time: i64| table.timestamps.partition_point(|timestamp| *timestamp < time);
            (row(first).saturating_sub(before)..row(last.saturating_add(1)), Some((first, last)))
        };
        self.lost_in(table, &starts.iter().map(group))
    }

    /// What is lost of results, each made of some rows of a table, and of all that lies between them and in a stretch of time.
    fn lost_in(
        &self,
        table: &Table<'_>,
        results: &(impl Iterator<Item = (Range<usize>, Option<(i64, i64)>)> + Clone),
    ) -> Vec<Vec<bool>> {
        if self.inputs.iter().all(|input| input.lost.is_empty()) {
            return Vec::new();
        }
        let time_of = |rows: &Range<usize>, stretch: Option<(i64, i64)>| {
            let (first, last) = (table.timestamps.get(rows.start), rows.end.checked_sub(1));
            let last = last.and_then(|last| table.timestamps.get(last)).map(|last| table.granularity.group_of(*last).1);
            let (from, to) = stretch.unwrap_or((i64::MAX, i64::MIN));
            (from.min(first.copied().unwrap_or(from)), to.max(last.unwrap_or(to)))
        };
        let of_column = |at: usize| {
            let own = table.sources.get(at).and_then(|source| self.inputs.get(*source)).filter(|_| !table.aggregated);
            let is_lost = |(rows, stretch): (Range<usize>, Option<(i64, i64)>)| {
                let (first, last) = time_of(&rows, stretch);
                let missing = |input: &Input| touch(&input.lost, first, last);
                let before = table.lost.get(at).is_some_and(|lost| lost[rows].iter().any(|lost| *lost));
                before || own.map_or_else(|| self.inputs.iter().any(|input| missing(input)), |input| missing(input))
            };
            results.clone().map(is_lost).collect()
        };
        (0..table.columns.len()).map(of_column).collect()
    }
}
