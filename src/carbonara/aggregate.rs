//! Aggregates of raw measures, by granularity: what sealing stores and what a query over the open window shows.
//!
//! Both entries share one path, so that an aggregate is the same whether it was read before or after it was sealed.
//! Differences (for `rate:`) are formed here, over all measures in order of time, before groups are looked at: a
//! difference belongs to the group of its later measure and may reach back over any gap.

use std::ops::Range;

use super::groups::{Groups, measures_of};
use super::kernel::{self, Rows};
use crate::types::{AggregateBlock, AggregateColumn, AggregationMethod, Columns, Measure, Method, MethodSet};

/// All methods of `methods` for the groups of length `g` whose start lies in `starts`.
///
/// `timestamps` (ns, strictly ascending, not negative) and `values` are the raw measures; those outside the asked groups
/// serve `rate:` methods only, as does `previous`, the measure just before `timestamps[0]`, if there is one. The block has
/// a row for each asked group that holds a measure. A method may be absent from a row: `std` of one measure, `rate:`
/// methods where there is no difference, `rate:std` where there is but one.
///
/// # Panics
///
/// When the slices differ in length, or `g` is 0.
///
/// ```
/// use gnocchetti::internals::carbonara::aggregate;
/// use gnocchetti::{AggregationMethod, MethodSet};
///
/// let methods: MethodSet = [AggregationMethod::MEAN, AggregationMethod::STD].into_iter().collect();
/// let block = aggregate(&[0, 10, 60], &[1.0, 3.0, 5.0], None, 60, 0..i64::MAX, &methods);
/// assert_eq!(block.timestamps, [0, 60]);
/// assert_eq!(block.columns[0].values, [2.0, 5.0]);
/// assert!(block.columns[1].has(0) && !block.columns[1].has(1));
/// ```
pub fn aggregate(
    timestamps: &[i64],
    values: &[f64],
    previous: Option<Measure>,
    g: i64,
    starts: Range<i64>,
    methods: &MethodSet,
) -> AggregateBlock {
    let (plain, rate): (Vec<AggregationMethod>, _) = methods.iter().partition(|method| !method.is_rate());
    block(timestamps, values, previous, g, &starts, [&plain, &rate])
}

/// One method for the groups of length `g` whose start lies in `starts`: points are appended to `out`, only for groups
/// that have a value. Arguments and panics as for [`aggregate`], and so are the values.
///
/// ```
/// use gnocchetti::internals::carbonara::aggregate_one;
/// use gnocchetti::{AggregationMethod, Columns};
///
/// let mut out = Columns::default();
/// aggregate_one(&[0, 10, 60], &[1.0, 3.0, 5.0], None, 60, 0..i64::MAX, AggregationMethod::MAX.rate(), &mut out);
/// assert_eq!(out.iter().collect::<Vec<_>>(), [(0, 2.0), (60, 2.0)]);
/// ```
pub fn aggregate_one(
    timestamps: &[i64],
    values: &[f64],
    previous: Option<Measure>,
    g: i64,
    starts: Range<i64>,
    method: AggregationMethod,
    out: &mut Columns,
) {
    let one: &[AggregationMethod] = &[method];
    let wanted = if method.is_rate() { [&[], one] } else { [one, &[]] };
    let block = block(timestamps, values, previous, g, &starts, wanted);
    for column in block.columns {
        append(&block.timestamps, &column, out);
    }
}

/// Appends the rows of which `column` has a value.
pub(super) fn append(timestamps: &[i64], column: &AggregateColumn, out: &mut Columns) {
    let Some(present) = &column.present else {
        out.timestamps.extend_from_slice(timestamps);
        out.values.extend_from_slice(&column.values);
        return;
    };
    for ((t, value), present) in timestamps.iter().zip(&column.values).zip(present) {
        if *present {
            out.push(*t, *value);
        }
    }
}

/// The block of the `[plain, rate]` methods.
fn block(
    timestamps: &[i64],
    values: &[f64],
    previous: Option<Measure>,
    g: i64,
    starts: &Range<i64>,
    [plain, rate]: [&[AggregationMethod]; 2],
) -> AggregateBlock {
    assert_eq!(timestamps.len(), values.len(), "each timestamp has one value");
    let asked = measures_of(timestamps, g, starts);
    let before = match asked.start.checked_sub(1) {
        Some(i) => Some(values[i]),
        None => previous.map(|measure| measure.value),
    };
    let mut groups = Groups::of_length(&timestamps[asked.clone()], g);
    let values = &values[asked];
    let mut columns = columns_of(&Rows { values, bounds: &groups.bounds }, plain, false);
    if !rate.is_empty() {
        columns.extend(rate_columns(values, before, &mut groups.bounds, rate));
    }
    AggregateBlock { timestamps: groups.starts, columns }
}

/// The columns of `rate:` methods; a series' very first measure has no difference, which `bounds` is made to say.
fn rate_columns(
    values: &[f64],
    before: Option<f64>,
    bounds: &mut [usize],
    methods: &[AggregationMethod],
) -> Vec<AggregateColumn> {
    let differences = differences(values, before);
    let mut first_is_empty = false;
    if before.is_none() && bounds.len() > 1 {
        bounds[0] = 1;
        first_is_empty = bounds[1] == 1;
    }
    let rows = Rows { values: &differences, bounds: &bounds[usize::from(first_is_empty)..] };
    columns_of(&rows, methods, first_is_empty)
}

/// Each value minus the one before it. The first is 0 when nothing is before it.
fn differences(values: &[f64], before: Option<f64>) -> Vec<f64> {
    let mut differences = Vec::with_capacity(values.len());
    if let Some(first) = values.first() {
        differences.push(before.map_or(0.0, |before| first - before));
        differences.extend(values.windows(2).map(|pair| pair[1] - pair[0]));
    }
    differences
}

/// The columns of `methods`, which are all plain or all `rate:`; with one more row in front that has no value, when
/// `first_is_empty`.
fn columns_of(rows: &Rows<'_>, methods: &[AggregationMethod], first_is_empty: bool) -> Vec<AggregateColumn> {
    let bare: Vec<Method> = methods.iter().map(|method| method.method()).collect();
    let columns = kernel::columns(rows, &bare);
    let column = |(&method, mut values): (&AggregationMethod, Vec<f64>)| {
        let lacking = method.method() == Method::Std && rows.counts().any(|n| n < 2);
        let mut present = lacking.then(|| rows.counts().map(|n| n > 1).collect::<Vec<bool>>());
        if first_is_empty {
            values.insert(0, 0.0);
            present.get_or_insert_with(|| vec![true; rows.len()]).insert(0, false);
        }
        AggregateColumn { method, values, present }
    };
    methods.iter().zip(columns).map(column).collect()
}
