//! Deleting a stretch of time of a metric.

use serde::Serialize;

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::gnt_error;
use super::json;
use super::status::gnt_status;
use super::text::gnt_text;
use crate::{DeleteOptions, DeletedMeasures, MetricKey, Partial, Timestamp};

/// What a deletion did, as JSON.
#[derive(Serialize)]
struct DeletedOut {
    removed: u64,
    newest: Option<i64>,
    accepted_from: i64,
    partial: Vec<PartialOut>,
}

/// A group that lay partly inside.
#[derive(Serialize)]
struct PartialOut {
    granularity: i64,
    start: i64,
    outcome: &'static str,
}

impl From<&DeletedMeasures> for DeletedOut {
    fn from(deleted: &DeletedMeasures) -> Self {
        let partial = deleted.partial.iter().map(|group| PartialOut {
            granularity: group.granularity.nanos(),
            start: group.start.nanos(),
            outcome: group.outcome.name(),
        });
        DeletedOut {
            removed: deleted.removed,
            newest: deleted.newest.map(Timestamp::nanos),
            accepted_from: deleted.accepted_from.nanos(),
            partial: partial.collect(),
        }
    }
}

/// Deletes what a metric has from `from` on and before `to`, in ns since the epoch; a `to` of INT64_MAX has no end. Raw measures
/// that could still change an aggregate, and closed groups wholly inside, are gone for good. A closed group partly inside is
/// computed anew where finer archives say exactly what is left; else it is kept, or removed when `remove_partial`. Gives
/// `{"removed": 2, "newest": 1425652440000000000, "accepted_from": 1425650400000000000, "partial": [{"granularity":
/// 3600000000000, "start": 1425648000000000000, "outcome": "kept"}]}`: how many raw measures were removed, the newest that is
/// left (null: none), from when on measures are accepted, and what became of each group partly inside (recomputed, kept,
/// removed).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_delete_measures(
    database: *const gnt_database,
    key: u64,
    from: i64,
    to: i64,
    remove_partial: bool,
    deleted: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(deleted, "deleted")?;
        let partial = if remove_partial { Partial::Remove } else { Partial::Keep };
        let range = Timestamp::from_nanos(from)?..Timestamp::from_nanos(to)?;
        let options = DeleteOptions::new().partial(partial);
        let deleted = database.delete_measures(MetricKey::new(key), range, options)?;
        out.give(json::written(&DeletedOut::from(&deleted))?);
        Ok(())
    })
}
