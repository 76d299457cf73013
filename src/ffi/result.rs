//! `gnt_result`: series of timestamps and values, in the memory in which the library made them.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use super::call::begin;
use super::handle::Noun;
use super::text::{cstring, gnt_string, shown};
use crate::{AggregationMethod, Columns, Corruption, MetricKey, Sampling};

/// One series of a result. Everything it points to is valid until the result is freed, also when the database is closed
/// before. Later versions may add members at its end.
#[repr(C)]
#[derive(Debug)]
pub struct gnt_series {
    /// How many points there are.
    pub length: usize,
    /// Their timestamps in ns since the epoch, ascending: `length` of them, aligned to 8 bytes.
    pub timestamps: *const i64,
    /// Their values, as many. A NaN is one.
    pub values: *const f64,
    /// The key of the metric whose points they are; 0 when they are of several, or it is known by its label only.
    pub metric: u64,
    /// What the metric is called in the question: its key in digits, or its id or name in an operation; empty for the points of
    /// all metrics of an operation together.
    pub label: gnt_string,
    /// The aggregation method; empty for the points of all metrics of an operation together.
    pub method: gnt_string,
    /// The id of the resource through which the metric was found, when it was.
    pub resource: gnt_string,
    /// The length of the groups that points stand for, in ns; 0 when they are groups of the calendar.
    pub granularity: i64,
    /// What the points were resampled to as a text, such as `M`, when it was the calendar.
    pub calendar: gnt_string,
    /// What the resources agree in whose metrics' points they are, as a JSON object by attribute, when the question grouped.
    pub group: gnt_string,
}

/// The answer to a question: series by index. The caller owns it.
pub enum gnt_result {}

/// One series on its way out.
#[derive(Debug)]
pub struct Series {
    pub columns: Columns,
    pub metric: Option<MetricKey>,
    pub label: String,
    pub method: String,
    pub resource: Option<String>,
    pub granularity: Sampling,
    pub group: Option<String>,
}

impl Series {
    /// Points of a metric that was asked about by its key.
    pub fn of_metric(metric: MetricKey, method: AggregationMethod, granularity: Sampling, columns: Columns) -> Self {
        let (label, method) = (metric.to_string(), method.to_string());
        Series { columns, metric: Some(metric), label, method, resource: None, granularity, group: None }
    }
}

/// The memory that a series shows, shared with the Arrow arrays made of it.
#[derive(Debug)]
pub struct Shared {
    pub columns: Columns,
    pub label: CString,
    pub method: CString,
    resource: Option<CString>,
    calendar: Option<CString>,
    group: Option<CString>,
}

/// What a `gnt_result` holds.
#[derive(Debug)]
pub struct QueryResult {
    shown: Vec<gnt_series>,
    pub shared: Vec<Arc<Shared>>,
    details: CString,
    /// What a question that skips damage left out.
    pub skipped: Vec<Corruption>,
}

// SAFETY: the pointers in `shown` lead to what is shared beside it, which nobody changes.
unsafe impl Send for QueryResult {}
// SAFETY: as above.
unsafe impl Sync for QueryResult {}

impl Noun for gnt_result {
    type Value = QueryResult;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:rslt");
    const NAME: &'static str = "gnt_result";
}

impl QueryResult {
    /// These series, where they are.
    pub fn new(series: Vec<Series>) -> Self {
        let (shown, shared) = series.into_iter().map(show).unzip();
        QueryResult { shown, shared, details: c"[]".to_owned(), skipped: Vec::new() }
    }

    /// With of what it was made.
    pub fn with_details(self, details: CString) -> Self {
        QueryResult { details, ..self }
    }

    /// The same, which damage made incomplete.
    pub fn without(self, skipped: Vec<Corruption>) -> Self {
        QueryResult { skipped, ..self }
    }
}

fn show(series: Series) -> (gnt_series, Arc<Shared>) {
    let (granularity, calendar) = match series.granularity {
        Sampling::Timespan(span) => (span.nanos(), None),
        calendar => (0, Some(cstring(calendar.to_string()))),
    };
    let shared = Arc::new(Shared {
        columns: series.columns,
        label: cstring(series.label),
        method: cstring(series.method),
        resource: series.resource.map(cstring),
        calendar,
        group: series.group.map(cstring),
    });
    let view = gnt_series {
        length: shared.columns.len(),
        timestamps: shared.columns.timestamps.as_ptr(),
        values: shared.columns.values.as_ptr(),
        metric: series.metric.map_or(0, MetricKey::get),
        label: shown(Some(&shared.label)),
        method: shown(Some(&shared.method)),
        resource: shown(shared.resource.as_ref()),
        granularity,
        calendar: shown(shared.calendar.as_ref()),
        group: shown(shared.group.as_ref()),
    };
    (view, shared)
}

/// How many series a result has. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_result_length(result: *const gnt_result) -> usize {
    begin!().value(0, |call| Ok(call.shared(result, "result")?.shown.len()))
}

/// A series of a result, valid until the result is freed. NULL for one that is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_result_get(result: *const gnt_result, index: usize) -> *const gnt_series {
    begin!().value(std::ptr::null(), |call| {
        let found = call.shared(result, "result")?.shown.get(index);
        Ok(found.map_or(std::ptr::null(), std::ptr::from_ref))
    })
}

/// Of what the answers to a question about operations were made, when it asked for `"details"`: a JSON list of an object for each
/// answer, in order: `{"series": 1, "group": {"host": "a"}, "metrics": [{"key": 7, "id": …, "name": …, …}], "resources": […]}`,
/// where `series` is how many of the result's series are the answer's, and `group` is null when the question did not group. An
/// empty list when it did not ask, and for NULL. Valid until the result is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_result_details(result: *const gnt_result) -> *const c_char {
    begin!().value(c"[]".as_ptr(), |call| Ok(call.shared(result, "result")?.details.as_ptr()))
}

/// Frees a result. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_result_free(result: *mut gnt_result) {
    begin!().value((), |call| call.take(result, "result").map(drop));
}
