//! Measures on their way in: one at a time, or collected in a `gnt_batch`.

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::gnt_error;
use super::handle::Noun;
use super::status::gnt_status;
use crate::{BatchBuffer, MetricKey, Pushed, Timestamp};

/// How many measures of a push were accepted, overwrote another one, or came too late.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gnt_pushed {
    /// Measures within the window, those that overwrote another included.
    pub accepted: u64,
    /// Accepted measures at a time that had one already: the last wins.
    pub overwritten: u64,
    /// Measures that were dropped because their block had closed.
    pub late: u64,
}

impl From<Pushed> for gnt_pushed {
    fn from(pushed: Pushed) -> Self {
        let Pushed { accepted, overwritten, late } = pushed;
        gnt_pushed { accepted, overwritten, late }
    }
}

/// What became of the measures of one metric.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gnt_metric_pushed {
    /// The metric's key.
    pub metric: u64,
    /// What became of its measures.
    pub pushed: gnt_pushed,
}

/// Measures that wait to be pushed together: checked together, journaled as one record, made durable by one sync. It belongs
/// to no database, may be used again and again, and keeps its memory. The caller owns it.
pub enum gnt_batch {}

/// What a `gnt_batch` holds.
#[derive(Default)]
pub struct Waiting {
    buffer: BatchBuffer,
    /// What became of each metric's measures at the last commit.
    outcome: Vec<gnt_metric_pushed>,
}

impl Noun for gnt_batch {
    type Value = Waiting;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:btch");
    const NAME: &'static str = "gnt_batch";
}

/// Pushes one measure: when this returns it is visible to every reader in the process, and as durable as the options say.
/// `timestamp` is in ns since the epoch. `pushed` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_push(
    database: *const gnt_database,
    metric: u64,
    timestamp: i64,
    value: f64,
    pushed: *mut gnt_pushed,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let outcome = database.push(MetricKey::new(metric), Timestamp::from_nanos(timestamp)?, value)?;
        call.write(pushed, || outcome.into());
        Ok(())
    })
}

/// An empty batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_batch_new(batch: *mut *mut gnt_batch, error: *mut *mut gnt_error) -> gnt_status {
    begin!(error).run(|call| {
        call.out(batch, "batch")?.give(Waiting::default());
        Ok(())
    })
}

/// Frees a batch, and drops the measures that wait in it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_batch_free(batch: *mut gnt_batch) {
    begin!().value((), |call| call.take(batch, "batch").map(drop));
}

/// Adds a measure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_batch_add(
    batch: *mut gnt_batch,
    metric: u64,
    timestamp: i64,
    value: f64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let batch = call.exclusive(batch, "batch")?;
        batch.buffer.add(MetricKey::new(metric), Timestamp::from_nanos(timestamp)?, value);
        Ok(())
    })
}

/// Adds `count` measures of one metric: as many timestamps and values. All of them, or on an error none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_batch_extend(
    batch: *mut gnt_batch,
    metric: u64,
    timestamps: *const i64,
    values: *const f64,
    count: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let batch = call.exclusive(batch, "batch")?;
        let timestamps = call.slice(timestamps, count, "timestamps")?;
        let values = call.slice(values, count, "values")?;
        batch.buffer.extend(MetricKey::new(metric), timestamps, values)?;
        Ok(())
    })
}

/// Adds `count` measures of several metrics: as many keys, timestamps and values. All of them, or on an error none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_batch_extend_keyed(
    batch: *mut gnt_batch,
    metrics: *const u64,
    timestamps: *const i64,
    values: *const f64,
    count: usize,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let batch = call.exclusive(batch, "batch")?;
        let metrics = call.slice(metrics.cast::<MetricKey>(), count, "metrics")?;
        let timestamps = call.slice(timestamps, count, "timestamps")?;
        let values = call.slice(values, count, "values")?;
        batch.buffer.extend_keyed(metrics, timestamps, values)?;
        Ok(())
    })
}

/// How many measures wait. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_batch_length(batch: *const gnt_batch) -> usize {
    begin!().value(0, |call| Ok(call.shared(batch, "batch")?.buffer.len()))
}

/// Drops the measures that wait, and keeps the memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_batch_clear(batch: *mut gnt_batch, error: *mut *mut gnt_error) -> gnt_status {
    begin!(error).run(|call| {
        call.exclusive(batch, "batch")?.buffer.clear();
        Ok(())
    })
}

/// Pushes all measures of a batch: all of them, and the batch is empty; or on an error none, and they still wait. (After
/// GNT_FAILED nobody knows whether they are on the disk.) `pushed` may be NULL; gnt_batch_outcome has it by metric.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_commit(
    database: *const gnt_database,
    batch: *mut gnt_batch,
    pushed: *mut gnt_pushed,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let Waiting { buffer, outcome } = call.exclusive(batch, "batch")?;
        let report = database.commit(buffer)?;
        outcome.clear();
        let per_metric = report.per_metric().iter();
        outcome
            .extend(per_metric.map(|(key, pushed)| gnt_metric_pushed { metric: key.get(), pushed: (*pushed).into() }));
        call.write(pushed, || report.total().into());
        Ok(())
    })
}

/// What became of the measures of the last gnt_commit, by metric in ascending order of keys: `count` of them, valid until the
/// batch is changed or freed. NULL, and a count of 0, when there was none. `count` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_batch_outcome(batch: *const gnt_batch, count: *mut usize) -> *const gnt_metric_pushed {
    begin!().value(std::ptr::null(), |call| {
        call.write(count, || 0);
        let outcome = &call.shared(batch, "batch")?.outcome;
        call.write(count, || outcome.len());
        Ok(if outcome.is_empty() { std::ptr::null() } else { outcome.as_ptr() })
    })
}
