//! What the engine is doing, in numbers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{EarlyExpiry, Engine, State};
use crate::error::Result;
use crate::query::Segment;

/// The state of a database in numbers. Counters count since it was opened; sizes are bytes on disk unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Metrics that are there.
    pub metrics: u64,
    /// Metrics that were ever created, deleted ones included.
    pub metrics_ever: u64,
    /// Deleted metrics whose bytes are not all reclaimed.
    pub deleted_metrics: u64,
    /// Measures accepted, those that overwrote another included.
    pub accepted: u64,
    /// Measures that overwrote another.
    pub overwritten: u64,
    /// Measures dropped because they came too late.
    pub late: u64,
    /// Pushes that waited for a checkpoint because too many measures waited in memory.
    pub pushes_blocked: u64,
    /// How long they waited, all together, in ns.
    pub blocked_nanos: u64,
    /// Pushes that were refused for that.
    pub pushes_refused: u64,
    /// What all files of the directory take, but for room that the journal's file reserves; each is looked at for it.
    pub disk_bytes: u64,
    /// How much they may take.
    pub disk_limit: Option<u64>,
    /// Pushes that were refused because the directory was full.
    pub disk_refused: u64,
    /// Partitions of archives that went before their time because the directory was full.
    pub expired_partitions: u64,
    /// Which archives ever lost points so, by granularity, and until when.
    pub expired_early: Vec<EarlyExpiry>,
    /// Measures that wait for the next checkpoint (about); in a reader, those that it has read from the journal.
    pub dirty_measures: u64,
    /// Memory of encoded windows.
    pub window_bytes: u64,
    /// The journal's current file.
    pub journal_bytes: u64,
    /// All that was ever appended to the journal since the database was opened.
    pub journal_bytes_written: u64,
    /// Raw segments.
    pub raw_segments: u64,
    /// Their size.
    pub raw_bytes: u64,
    /// Segments of freshly sealed aggregates.
    pub level0_segments: u64,
    /// Their size.
    pub level0_bytes: u64,
    /// Segments of archives.
    pub archive_segments: u64,
    /// Their size.
    pub archive_bytes: u64,
    /// Files that wait to be removed.
    pub superseded_files: u64,
    /// Segments in which merges met damage since the database was opened, and which they leave as they are.
    pub damaged_segments: u64,
    /// Checkpoints made.
    pub checkpoints: u64,
    /// Merges made.
    pub merges: u64,
    /// Journal records replayed when the database was opened; in a reader, those since the writer's last checkpoint.
    pub replayed_records: u64,
    /// Replayed measures that were dropped because the index knows no such metric.
    pub unknown_metric_measures: u64,
    /// Why the last checkpoint, merge or expiry in the background failed, when it did.
    pub background_error: Option<String>,
    /// Resources that were ended because their metrics fell silent.
    pub resources_ended: u64,
    /// Resources whose end was taken from them because they were measured again.
    pub resources_reopened: u64,
    /// Resources that were deleted because they had ended long ago.
    pub resources_deleted: u64,
    /// Why the last upkeep of resources in the background failed, when it did.
    pub upkeep_error: Option<String>,
}

impl State {
    /// What a state says by itself, in numbers.
    pub(super) fn stats(&self) -> Result<Stats> {
        let view = self.view();
        let bytes = |segments: &[Arc<Segment>]| segments.iter().map(|s| s.reader.bytes()).sum();
        let archives = || view.archives.values().flat_map(|partitions| partitions.values()).flatten();
        // One lock at a time: as parts of the expression below, they would all be held to its end.
        let metrics = self.index.metric_count()?;
        let metrics_ever = self.index.max_key()?.map_or(0, crate::types::MetricKey::get);
        let deleted_metrics = self.deleted.lock().len() as u64;
        Ok(Stats {
            metrics,
            metrics_ever,
            deleted_metrics,
            window_bytes: self.window_bytes.load(Ordering::Relaxed).max(0) as u64,
            raw_segments: view.raw.len() as u64,
            raw_bytes: bytes(&view.raw),
            level0_segments: view.level0.len() as u64,
            level0_bytes: bytes(&view.level0),
            archive_segments: archives().count() as u64,
            archive_bytes: archives().map(|segment| segment.reader.bytes()).sum(),
            expired_early: view
                .expired_early
                .iter()
                .map(|(&granularity, &until)| EarlyExpiry { granularity, until })
                .collect(),
            ..Stats::default()
        })
    }
}

impl Engine {
    /// The state in numbers.
    pub fn stats(&self) -> Result<Stats> {
        self.check_usable()?;
        let counters = &self.counters;
        let background_error = self.background_error.lock().clone();
        let upkeep_error = self.upkeep_error.lock().clone();
        Ok(Stats {
            accepted: counters.accepted.load(Ordering::Relaxed),
            overwritten: counters.overwritten.load(Ordering::Relaxed),
            late: counters.late.load(Ordering::Relaxed),
            pushes_blocked: counters.pushes_blocked.load(Ordering::Relaxed),
            blocked_nanos: counters.blocked_nanos.load(Ordering::Relaxed),
            pushes_refused: counters.pushes_refused.load(Ordering::Relaxed),
            disk_bytes: self.measure_directory(&|len| len)?,
            disk_limit: self.options.disk,
            disk_refused: counters.disk_refused.load(Ordering::Relaxed),
            expired_partitions: counters.expired_early.load(Ordering::Relaxed),
            dirty_measures: self.dirty_measures.load(Ordering::Relaxed),
            journal_bytes: self.journal.bytes(),
            journal_bytes_written: self.journal.total_bytes(),
            superseded_files: counters.superseded.load(Ordering::Relaxed),
            damaged_segments: self.damaged.lock().len() as u64,
            checkpoints: counters.checkpoints.load(Ordering::Relaxed),
            merges: counters.merges.load(Ordering::Relaxed),
            replayed_records: counters.replayed.load(Ordering::Relaxed),
            unknown_metric_measures: counters.unknown_metric_measures.load(Ordering::Relaxed),
            background_error,
            resources_ended: counters.resources_ended.load(Ordering::Relaxed),
            resources_reopened: counters.resources_reopened.load(Ordering::Relaxed),
            resources_deleted: counters.resources_deleted.load(Ordering::Relaxed),
            upkeep_error,
            ..self.state.stats()?
        })
    }
}
