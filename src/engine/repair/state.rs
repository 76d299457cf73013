//! The state of a series made again from what it left behind.
//!
//! Its newest time stands in the entry of the damaged chunk, its policy in the index. Up to where it is sealed follows from both,
//! as it did when it was sealed, and is never below what an older state or the aggregates say. The journal is replayed for it from
//! where MANIFEST says: what it had seen already is applied once more, which changes nothing.

use super::rebuild::points;
use crate::head::Plan;
use crate::query::View;
use crate::segment::{Entry, MEASURES, STATE, SegmentReader};
use crate::types::{AggregationMethod, Measure, SeriesState};

/// The state of a series, and whether that is all of it: the measure before the window may be known to nobody else.
pub(super) fn rebuild(view: &View, damaged: &Entry, plan: &Plan, before_journal: u64) -> (SeriesState, bool) {
    let newest = damaged.first;
    let mut sealed_until = plan.first_mutable(newest, 0);
    let mut previous: Option<Measure> = None;
    let mut earlier = |measure: Option<Measure>| {
        if previous.is_none_or(|known| measure.is_some_and(|measure| measure.timestamp > known.timestamp)) {
            previous = measure.or(previous);
        }
    };
    let mut runs = Vec::new();
    for segment in view.segments() {
        let mut entries = Vec::new();
        // What cannot be read says nothing.
        if segment.reader.find_metric(damaged.metric, &mut entries).is_err() {
            continue;
        }
        for entry in entries {
            match entry.granularity {
                STATE => {
                    if let Some(older) = read(&segment.reader, &entry, SeriesState::from_bytes) {
                        sealed_until = sealed_until.max(older.sealed_until);
                        earlier(older.previous);
                    }
                }
                MEASURES => runs.push((entry, segment)),
                granularity => sealed_until = sealed_until.max(entry.last.saturating_add(granularity)),
            }
        }
    }
    let keep_from = plan.keep_from(sealed_until);
    for (entry, segment) in runs.iter().filter(|(entry, _)| entry.first < keep_from) {
        earlier(read(&segment.reader, entry, |bytes| last_before(entry, bytes, keep_from)));
    }
    let previous = previous.or_else(|| last_sealed(view, damaged.metric, plan, newest, (sealed_until, keep_from)));
    let needs_previous = plan.policy.methods().has_rate() && sealed_until > 0;
    let whole = previous.is_some() || !needs_previous;
    let policy = plan.id;
    let state =
        SeriesState { newest, sealed_until, stored_until: sealed_until, sequence: before_journal, policy, previous };
    (state, whole)
}

/// The measure before the window by the `last` of the group before it. Its time is that group's, which nobody asks for.
fn last_sealed(
    view: &View,
    metric: u64,
    plan: &Plan,
    newest: i64,
    (sealed_until, keep_from): (i64, i64),
) -> Option<Measure> {
    let finest = plan.archives.first().filter(|_| sealed_until == keep_from)?;
    if !plan.stored.contains(AggregationMethod::LAST) {
        return None;
    }
    let points = points(view, metric, finest.granularity, AggregationMethod::LAST, 0..sealed_until)?;
    let (start, value) = points.iter().next_back()?;
    // Groups that had expired before they were sealed were never stored: then this need not be the last one.
    (start >= finest.kept_from(newest)).then(|| Measure::new(start, value))
}

fn read<T>(reader: &SegmentReader, entry: &Entry, look: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let (mut bytes, mut found) = (Vec::new(), None);
    let read = reader.read(std::slice::from_ref(entry), &mut bytes, &mut |_, chunk| {
        found = look(chunk);
        Ok(())
    });
    found.filter(|_| read.is_ok())
}

/// The newest measure of a run that is older than `end`.
fn last_before(entry: &Entry, bytes: &[u8], end: i64) -> Option<Measure> {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    let rows = entry.rows as usize;
    crate::codec::decode_measures(bytes, rows, &mut crate::codec::Scratch::default(), &mut timestamps, &mut values)
        .ok()?;
    let at = timestamps.partition_point(|timestamp| *timestamp < end).checked_sub(1)?;
    Some(Measure::new(*timestamps.get(at)?, *values.get(at)?))
}
