//! `gnt_resource_batch`: measures pushed by resource and metric name.

use std::ffi::c_char;

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::gnt_error;
use super::handle::Noun;
use super::metrics::{MetricList, gnt_metric_list};
use super::push::gnt_pushed;
use super::status::gnt_status;
use crate::ResourceId;

/// Measures of metrics that are named as within their resources, which wait to be pushed together. It belongs to no database
/// and may be used again. The caller owns it.
pub enum gnt_resource_batch {}

/// What a `gnt_resource_batch` holds: stretches of measures, in the order in which they were added.
#[derive(Default)]
pub struct Waiting {
    stretches: Vec<Stretch>,
    timestamps: Vec<i64>,
    values: Vec<f64>,
}

struct Stretch {
    resource: ResourceId,
    metric: String,
    measures: usize,
}

impl Noun for gnt_resource_batch {
    type Value = Waiting;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:rbch");
    const NAME: &'static str = "gnt_resource_batch";
}

/// An empty batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_resource_batch_new(
    batch: *mut *mut gnt_resource_batch,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        call.out(batch, "batch")?.give(Waiting::default());
        Ok(())
    })
}

/// Frees a batch, and drops the measures that wait in it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_resource_batch_free(batch: *mut gnt_resource_batch) {
    begin!().value((), |call| call.take(batch, "batch").map(drop));
}

/// Adds `count` measures of a metric of a resource: the resource by the id with which it was created, a UUID or any other text,
/// and its creator (NULL: none), from both of which its UUID is derived. All of them, or on an error none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_resource_batch_extend(
    batch: *mut gnt_resource_batch,
    resource: *const c_char,
    resource_length: usize,
    creator: *const c_char,
    creator_length: usize,
    metric: *const c_char,
    metric_length: usize,
    timestamps: *const i64,
    values: *const f64,
    count: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let batch = call.exclusive(batch, "batch")?;
        let creator = call.optional_text(creator, creator_length, "creator")?;
        let resource = ResourceId::new(call.text(resource, resource_length, "resource")?, creator)?;
        let metric = call.text(metric, metric_length, "metric")?.to_owned();
        let timestamps = call.slice(timestamps, count, "timestamps")?;
        let values = call.slice(values, count, "values")?;
        if let Some(early) = timestamps.iter().find(|timestamp| **timestamp < 0) {
            return Err(crate::Error::BeforeEpoch { value: format!("{early} ns") }.into());
        }
        batch.stretches.push(Stretch { resource, metric, measures: count });
        batch.timestamps.extend_from_slice(timestamps);
        batch.values.extend_from_slice(values);
        Ok(())
    })
}

/// How many measures wait. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_resource_batch_length(batch: *const gnt_resource_batch) -> usize {
    begin!().value(0, |call| Ok(call.shared(batch, "batch")?.timestamps.len()))
}

/// Pushes all measures of a batch: all of them, and the batch is empty; or on an error none, and they still wait.
/// `create_metrics`: whether metrics that a resource does not have are made, by rule; GNT_UNKNOWN_RESOURCE_METRICS tells all that
/// are missing. `pushed` and `created`, the metrics that were made, may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_commit_resources(
    database: *const gnt_database,
    batch: *mut gnt_resource_batch,
    create_metrics: bool,
    pushed: *mut gnt_pushed,
    created: *mut *mut gnt_metric_list,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let waiting = call.exclusive(batch, "batch")?;
        let mut measures = database.resource_batch();
        measures.create_metrics(create_metrics);
        let (mut timestamps, mut values) = (waiting.timestamps.as_slice(), waiting.values.as_slice());
        for stretch in &waiting.stretches {
            let (these, rest) = timestamps.split_at(stretch.measures.min(timestamps.len()));
            let (of_these, of_rest) = values.split_at(stretch.measures.min(values.len()));
            measures.extend(&stretch.resource, &stretch.metric, these, of_these)?;
            (timestamps, values) = (rest, of_rest);
        }
        let outcome = measures.commit(None)?;
        *waiting = Waiting::default();
        call.write(pushed, || outcome.total.into());
        if let Ok(out) = call.out(created, "created") {
            out.give(MetricList::from(outcome.created));
        }
        Ok(())
    })
}
