//! Series of one granularity brought onto the same timestamps: the sorted union of theirs.
//!
//! Series that share their timestamps, as they mostly do, are borrowed and not copied. Otherwise timestamps are merged
//! pair by pair, and each series is spread over the union. Then holes are filled, or, without a fill, the stretch in which
//! all series overlap is measured against the overlap needed.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::evaluate::EvaluateOptions;
use super::input::Input;
use super::table::{Table, part};
use crate::carbonara::{Sampling, group_start};
use crate::error::{Error, Result};

/// How many values a table may have: 1 GiB of them.
pub(super) const MAX_CELLS: usize = 1 << 27;

/// Timestamps and values of one series.
type Series<'a> = (&'a [i64], &'a [f64]);

/// The table of `inputs`, which share one granularity.
pub(super) fn join<'a>(inputs: &[&'a Input], options: &EvaluateOptions) -> Result<Table<'a>> {
    // Most series have the timestamps of the first, and what holds of these need not be looked at again.
    let like_first: Vec<bool> = inputs.iter().map(|input| shares_timestamps(input, inputs)).collect();
    let shared = inputs.first().map(|first| within(first, options)).transpose()?.unwrap_or_default();
    let series = inputs.iter().zip(&like_first);
    let series = series.map(|(input, like)| {
        let rows = if *like { shared.clone() } else { within(input, options)? };
        cut(input, rows)
    });
    let series = series.collect::<Result<Vec<Series<'a>>>>()?;
    let (timestamps, mut columns) = align(&series, &like_first, options)?;
    if let Some(fill) = options.fill.filter(|fill| fill.carries()) {
        for column in columns.iter_mut().filter(|column| column.iter().any(|value| value.is_nan())) {
            fill.carry_into(column.to_mut());
        }
    }
    let mut table = Table {
        granularity: inputs.first().map_or(Sampling::Week, |input| Sampling::Timespan(input.granularity)),
        timestamps,
        columns,
        sources: (0..inputs.len()).collect(),
        weighed: false,
        aggregated: false,
        truths: false,
        lost: Vec::new(),
    };
    if options.fill.is_none() {
        table = overlapping(table, options).map_err(|reason| unaggregable(inputs, reason))?;
    }
    Ok(table)
}

/// That `inputs` cannot be brought together.
pub(super) fn unaggregable(inputs: &[&Input], reason: impl Into<String>) -> Error {
    let named = |input: &&Input| (input.reference.metric.clone(), input.reference.method.to_string());
    Error::Unaggregable { references: inputs.iter().map(named).collect(), reason: reason.into() }
}

/// Whether an input has the timestamps of the first.
fn shares_timestamps(input: &Input, inputs: &[&Input]) -> bool {
    let same =
        |first: &&Input| Arc::ptr_eq(&first.timestamps, &input.timestamps) || first.timestamps == input.timestamps;
    inputs.first().is_some_and(same)
}

/// Which points of an input lie between the bounds, of which the first is rounded down to the granularity.
fn within(input: &Input, options: &EvaluateOptions) -> Result<Range<usize>> {
    let timestamps = &*input.timestamps;
    if timestamps.first().is_some_and(|t| *t < 0) {
        return refuse(input, "begin before the epoch");
    }
    if !timestamps.is_sorted_by(|a, b| a < b) {
        return refuse(input, "are not strictly ascending in time");
    }
    let from = options.from.map_or(0, |from| group_start(from.max(0), input.granularity.nanos()));
    let begin = timestamps.partition_point(|t| *t < from);
    let end = options.to.map_or(timestamps.len(), |to| timestamps.partition_point(|t| *t < to)).max(begin);
    Ok(begin..end)
}

/// Some points of an input.
fn cut(input: &Input, rows: Range<usize>) -> Result<Series<'_>> {
    if input.timestamps.len() != input.values.len() {
        return refuse(input, "have not one value for each timestamp");
    }
    Ok((&input.timestamps[rows.clone()], &input.values[rows]))
}

fn refuse<T>(input: &Input, reason: &str) -> Result<T> {
    Err(Error::InvalidQuery { reason: format!("the points of `{}` {reason}", input.label.metric) })
}

type Aligned<'a> = (Cow<'a, [i64]>, Vec<Cow<'a, [f64]>>);

/// All series over the union of their timestamps, of which some are known to be like those of the first.
fn align<'a>(series: &[Series<'a>], like_first: &[bool], options: &EvaluateOptions) -> Result<Aligned<'a>> {
    let shared = series.first().map_or(&[][..], |(timestamps, _)| timestamps);
    let unlike = series.iter().zip(like_first).filter(|(_, like)| !**like).map(|((timestamps, _), _)| *timestamps);
    let others: Vec<&[i64]> = unlike.filter(|timestamps| *timestamps != shared).collect();
    if others.is_empty() {
        return Ok((Cow::Borrowed(shared), series.iter().map(|(_, values)| Cow::Borrowed(*values)).collect()));
    }
    let timestamps = union(shared, &others);
    if timestamps.len().saturating_mul(series.len()) > MAX_CELLS {
        return Err(Error::OperationTooLarge {
            what: "values, counted over all timestamps of all series",
            limit: MAX_CELLS,
        });
    }
    let filler = options.fill.map_or(f64::NAN, super::Fill::filler);
    let columns = series.iter().map(|series| spread(*series, &timestamps, filler)).collect();
    Ok((Cow::Owned(timestamps), columns))
}

/// The sorted union of ascending slices, merged pair by pair.
fn union(first: &[i64], others: &[&[i64]]) -> Vec<i64> {
    let mut merged: Vec<Vec<i64>> = others
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => merge(left, right),
            single => single.concat(),
        })
        .collect();
    while merged.len() > 1 {
        merged = merged
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => merge(left, right),
                single => single.concat(),
            })
            .collect();
    }
    merge(first, merged.first().map_or(&[], Vec::as_slice))
}

/// The sorted union of two ascending slices.
pub(super) fn merge(left: &[i64], right: &[i64]) -> Vec<i64> {
    if left == right {
        return left.to_vec();
    }
    let mut merged = Vec::with_capacity(left.len().max(right.len()));
    let (mut i, mut j) = (0, 0);
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        merged.push(*a.min(b));
        i += usize::from(a <= b);
        j += usize::from(b <= a);
    }
    merged.extend_from_slice(&left[i..]);
    merged.extend_from_slice(&right[j..]);
    merged
}

/// One series over `timestamps`, which are a superset of its own.
fn spread<'a>((own, values): Series<'a>, timestamps: &[i64], filler: f64) -> Cow<'a, [f64]> {
    if own.len() == timestamps.len() {
        return Cow::Borrowed(values);
    }
    let mut points = own.iter().zip(values).peekable();
    let value_at = |t: &i64| points.next_if(|(own, _)| *own == t).map_or(filler, |(_, value)| *value);
    Cow::Owned(timestamps.iter().map(value_at).collect())
}

/// The table cut to where all series have values, at the ends that no bound fixes; or why they overlap too little.
fn overlapping<'a>(table: Table<'a>, options: &EvaluateOptions) -> Result<Table<'a>, String> {
    let complete = complete_rows(&table);
    let needed = options.needed_overlap;
    let overlapping = complete.iter().filter(|complete| **complete).count();
    let (Some(first), Some(last)) = (complete.iter().position(|c| *c), complete.iter().rposition(|c| *c)) else {
        return if needed > 0.0 { Err("No overlap".to_owned()) } else { Ok(table) };
    };
    let begin = if options.from.is_none() { first } else { 0 };
    let end = if options.to.is_none() { last + 1 } else { table.rows() };
    let percent = overlapping as f64 * 100.0 / (end - begin) as f64;
    if percent < needed {
        return Err(format!("Less than {needed:.6}% of datapoints overlap in this timespan ({percent:.2}%)"));
    }
    Ok(Table {
        timestamps: part(table.timestamps, begin..end),
        columns: table.columns.into_iter().map(|column| part(column, begin..end)).collect(),
        ..table
    })
}

/// In which rows no column is NaN.
fn complete_rows(table: &Table<'_>) -> Vec<bool> {
    let mut complete = vec![true; table.rows()];
    for column in &table.columns {
        for (complete, value) in complete.iter_mut().zip(column.iter()) {
            *complete &= !value.is_nan();
        }
    }
    complete
}
