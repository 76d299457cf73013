//! The state of a series made again from what it left behind.
//!
//! Its newest time stands in the entry of the damaged chunk, its policy in the index. Up to where it is sealed follows from
//! both, as it did when it was sealed, and is never below what was sealed by an older state, or what the aggregates say.
//! The journal is replayed for it from where MANIFEST says: what it had seen already is applied once more, which changes
//! nothing; but not what came before measures were deleted, which would bring those back.

use super::rebuild::points;
use crate::head::Plan;
use crate::query::{View, hidden};
use crate::segment::{Entry, MEASURES, STATE, SegmentReader};
use crate::types::{AggregationMethod, Measure, SeriesState};

/// The state of a series, and whether that is all of it: the measure before the window may be known to nobody else.
pub(super) fn rebuild(view: &View, damaged: &Entry, plan: &Plan, before_journal: u64) -> (SeriesState, bool) {
    let newest = newest(view, damaged, plan);
    let erased = view.erased.of(damaged.metric, MEASURES);
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
                        // Not by its `sealed_until`: that may be of a jump of the clock which was undone.
                        sealed_until = sealed_until.max(older.stored_until);
                        earlier(older.previous.filter(|_| !erased.iter().any(|erasure| erasure.forgets(&older))));
                    }
                }
                MEASURES => runs.push((entry, segment)),
                granularity => sealed_until = sealed_until.max(entry.last.saturating_add(granularity)),
            }
        }
    }
    // What a jump of the clock closed was not sealed.
    let stored_until =
        view.jumps.get(&damaged.metric).map_or(sealed_until, |before| before.sealed_until.min(sealed_until));
    let keep_from = plan.keep_from(stored_until);
    for (entry, segment) in runs.iter().filter(|(entry, _)| entry.first < keep_from) {
        let is_left = |time| time < keep_from && !hidden(erased, segment.name.number(), time);
        earlier(read(&segment.reader, entry, |bytes| last_of(entry, bytes, is_left)));
    }
    let previous = previous.or_else(|| last_sealed(view, damaged.metric, plan, newest, (stored_until, keep_from)));
    // What lay between that and the window may have been deleted, after which there was none.
    let previous = previous.filter(|m| !erased.iter().any(|erasure| erasure.touches(0, m.timestamp, keep_from - 1)));
    let needs_previous = plan.policy.methods().has_rate() && stored_until > 0;
    let whole = previous.is_some() || !needs_previous;
    let policy = plan.id;
    let sequence = erased.iter().map(|erasure| erasure.sequence).fold(before_journal, u64::max);
    let state = SeriesState { newest, sealed_until, stored_until, sequence, policy, previous };
    (state, whole)
}

/// The newest time, by which the state was filed. A series of which everything was deleted is filed under the epoch, as is one
/// whose only measures are of the epoch: of the latter there is something left.
fn newest(view: &View, damaged: &Entry, plan: &Plan) -> i64 {
    let (metric, probe) = (damaged.metric, plan.stored.iter().next());
    let sealed = |granularity| {
        probe.is_none_or(|method| points(view, metric, granularity, method, 0..1).is_none_or(|p| !p.is_empty()))
    };
    let is_emptied = damaged.first == 0
        && view.runs(metric, 0..1).is_ok_and(|runs| runs.iter().all(|run| run.first > 0))
        && !plan.archives.iter().any(|archive| sealed(archive.granularity));
    if is_emptied { -1 } else { damaged.first }
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

/// The newest measure of a run whose time `is_left` accepts.
fn last_of(entry: &Entry, bytes: &[u8], is_left: impl Fn(i64) -> bool) -> Option<Measure> {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    let rows = entry.rows as usize;
    crate::codec::decode_measures(bytes, rows, &mut crate::codec::Scratch::default(), &mut timestamps, &mut values)
        .ok()?;
    let at = timestamps.iter().rposition(|timestamp| is_left(*timestamp))?;
    Some(Measure::new(*timestamps.get(at)?, *values.get(at)?))
}
