//! Metrics: created, found, listed, deleted; and lists of them.

use std::ffi::{CString, c_char};

use serde::Deserialize;

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::{Failure, gnt_error};
use super::handle::Noun;
use super::json::scalars::uuid;
use super::json::{self, PolicyOut};
use super::status::gnt_status;
use super::text::{cstring, gnt_string, gnt_text, shown};
use crate::{Metric, MetricKey, MetricStatus, NewMetric};

/// A metric as the index describes it, inside of a list. Later versions may add members at its end.
#[repr(C)]
#[derive(Debug)]
pub struct gnt_metric {
    /// The number by which measures refer to it: never 0, never used twice.
    pub key: u64,
    /// Its identifier for the outside world: a UUID.
    pub id: gnt_string,
    /// Its name, when it has one.
    pub name: gnt_string,
    /// The unit of its values, when stated.
    pub unit: gnt_string,
    /// Who created it, when stated.
    pub creator: gnt_string,
    /// The resource it belongs to, when it has one: a UUID.
    pub resource_id: gnt_string,
    /// The name of its archive policy, for life.
    pub archive_policy_name: gnt_string,
    /// When it was created, in ns since the epoch.
    pub created_at: i64,
    /// Whether it was deleted, and has not left the index yet.
    pub deleted: bool,
}

/// A list of metrics. The caller owns it.
pub enum gnt_metric_list {}

/// What a `gnt_metric_list` holds: the metrics, and the texts that they show.
pub struct MetricList {
    shown: Vec<gnt_metric>,
    _texts: Vec<CString>,
}

// SAFETY: the pointers in `shown` lead to the texts beside it, which nobody changes.
unsafe impl Send for MetricList {}
// SAFETY: as above.
unsafe impl Sync for MetricList {}

impl Noun for gnt_metric_list {
    type Value = MetricList;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:mlst");
    const NAME: &'static str = "gnt_metric_list";
}

impl From<Vec<Metric>> for MetricList {
    fn from(metrics: Vec<Metric>) -> Self {
        let mut texts = Vec::new();
        // A text's bytes stay where they are when the list of texts grows.
        let mut text = |text: Option<String>| {
            let text = text.map(cstring);
            let view = shown(text.as_ref());
            texts.extend(text);
            view
        };
        let shown = metrics.into_iter().map(|metric| gnt_metric {
            key: metric.key.get(),
            id: text(Some(metric.id.to_string())),
            name: text(metric.name),
            unit: text(metric.unit),
            creator: text(metric.creator),
            resource_id: text(metric.resource_id.map(|id| id.to_string())),
            archive_policy_name: text(Some(metric.archive_policy_name)),
            created_at: metric.created_at.nanos(),
            deleted: metric.status == MetricStatus::Delete,
        });
        let shown = shown.collect();
        MetricList { shown, _texts: texts }
    }
}

/// How many metrics a list has. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_metric_list_length(list: *const gnt_metric_list) -> usize {
    begin!().value(0, |call| Ok(call.shared(list, "list")?.shown.len()))
}

/// A metric of a list, valid until the list is freed. NULL for one that is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_metric_list_get(list: *const gnt_metric_list, index: usize) -> *const gnt_metric {
    begin!().value(std::ptr::null(), |call| {
        let found = call.shared(list, "list")?.shown.get(index);
        Ok(found.map_or(std::ptr::null(), std::ptr::from_ref))
    })
}

/// Frees a list. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_metric_list_free(list: *mut gnt_metric_list) {
    begin!().value((), |call| call.take(list, "list").map(drop));
}

/// A metric to be created, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricIn {
    id: Option<String>,
    name: Option<String>,
    unit: Option<String>,
    creator: Option<String>,
    archive_policy_name: Option<String>,
}

impl MetricIn {
    fn build(self) -> Result<NewMetric, Failure> {
        let MetricIn { id, name, unit, creator, archive_policy_name } = self;
        let id = id.map(|id| uuid(&id, "metrics")).transpose()?;
        Ok(NewMetric { id, name, unit, creator, archive_policy_name })
    }
}

/// Creates a metric of this name and gives its key. When this returns it survives a power cut. `archive_policy` may be NULL:
/// the rules decide by the name; `unit` too: none; and `key`, when the caller does not want it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_create_metric(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    archive_policy: *const c_char,
    archive_policy_length: usize,
    unit: *const c_char,
    unit_length: usize,
    key: *mut u64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let mut metric = NewMetric::named(call.text(name, name_length, "name")?);
        let policy = call.optional_text(archive_policy, archive_policy_length, "archive_policy")?;
        metric.archive_policy_name = policy.map(str::to_owned);
        metric.unit = call.optional_text(unit, unit_length, "unit")?.map(str::to_owned);
        let created = database.create_metric(metric)?;
        call.write(key, || created.key.get());
        Ok(())
    })
}

/// Creates metrics at once, all of them or on an error none: a JSON list of `{"name": …, "id": …, "unit": …, "creator": …,
/// "archive_policy_name": …}`, where each member may be absent. A name must be free, unless its creator is named.
/// `created` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_create_metrics(
    database: *const gnt_database,
    metrics: *const c_char,
    metrics_length: usize,
    created: *mut *mut gnt_metric_list,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let metrics: Vec<MetricIn> = json::read(call.text(metrics, metrics_length, "metrics")?, "metrics")?;
        let metrics = metrics.into_iter().map(MetricIn::build).collect::<Result<Vec<_>, _>>()?;
        let stored = database.create_metrics(&metrics)?;
        if let Ok(out) = call.out(created, "created") {
            out.give(MetricList::from(stored));
        }
        Ok(())
    })
}

/// The metric with this id, a UUID as text: a list of one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_metric_by_id(
    database: *const gnt_database,
    id: *const c_char,
    id_length: usize,
    metric: *mut *mut gnt_metric_list,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let id = call.text(id, id_length, "id")?;
        let out = call.out(metric, "metric")?;
        let id = uuid(id, "id")?;
        out.give(MetricList::from(vec![database.metric(id)?]));
        Ok(())
    })
}

/// The metric of this name that belongs to no resource: a list of one. When several have it, the one that names no creator, of
/// which there is one at most; else the oldest. GNT_UNKNOWN_METRIC when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_metric_by_name(
    database: *const gnt_database,
    name: *const c_char,
    name_length: usize,
    metric: *mut *mut gnt_metric_list,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let name = call.text(name, name_length, "name")?;
        let out = call.out(metric, "metric")?;
        out.give(MetricList::from(vec![database.metric_by_name(name)?]));
        Ok(())
    })
}

/// The metric with this key: a list of one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_metric_by_key(
    database: *const gnt_database,
    key: u64,
    metric: *mut *mut gnt_metric_list,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(metric, "metric")?;
        out.give(MetricList::from(vec![database.metric_by_key(MetricKey::new(key))?]));
        Ok(())
    })
}

/// The key behind which a page begins; 0 stands for the beginning.
fn after(key: u64) -> Option<MetricKey> {
    (key != 0).then(|| MetricKey::new(key))
}

/// Up to `limit` metrics in order of their keys, those after the key `after`; 0 begins. The last key of a page begins the
/// next one, and a list that is empty is the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_metrics(
    database: *const gnt_database,
    after_key: u64,
    limit: usize,
    metrics: *mut *mut gnt_metric_list,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(metrics, "metrics")?;
        out.give(MetricList::from(database.metrics(after(after_key), limit)?));
        Ok(())
    })
}

/// As gnt_metrics, of those that were deleted and have not left the index yet, as they do with the next maintenance.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_deleted_metrics(
    database: *const gnt_database,
    after_key: u64,
    limit: usize,
    metrics: *mut *mut gnt_metric_list,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(metrics, "metrics")?;
        out.give(MetricList::from(database.deleted_metrics(after(after_key), limit)?));
        Ok(())
    })
}

/// Deletes a metric with all its measures: gone for readers at once and for good, its name free. Its archive policy is in
/// use until the next maintenance (by itself within seconds); merges reclaim its bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_metric(
    database: *const gnt_database,
    key: u64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |_, database| Ok(database.delete_metric(MetricKey::new(key))?))
}

/// The archive policy of a metric, as gnt_archive_policy gives it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_policy_of(
    database: *const gnt_database,
    key: u64,
    policy: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(policy, "policy")?;
        out.give(json::written(&PolicyOut::from(&database.policy_of(MetricKey::new(key))?))?);
        Ok(())
    })
}

/// The time of the newest measure that a metric accepted, in ns since the epoch; -1 when it never had one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_last_measure(
    database: *const gnt_database,
    key: u64,
    timestamp: *mut i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(timestamp, "timestamp")?;
        out.write(database.last_measure(MetricKey::new(key))?.map_or(-1, crate::Timestamp::nanos));
        Ok(())
    })
}

/// The metrics that a search finds: `{"filter": …, "sort": ["name:desc"], "limit": 10, "marker": …, "after_key": …, "deleted":
/// false, "creator": …, "now": …}`, where each member may be absent. A filter is a text (`unit = '%'`) or Gnocchi's JSON; times
/// in it that are relative are so to `now`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_search_metrics(
    database: *const gnt_database,
    search: *const c_char,
    search_length: usize,
    metrics: *mut *mut gnt_metric_list,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let search = call.text(search, search_length, "search")?;
        let out = call.out(metrics, "metrics")?;
        let search: json::searches::MetricSearchIn = json::read(search, "search")?;
        out.give(MetricList::from(database.search_metrics(&search.build()?, None)?));
        Ok(())
    })
}
