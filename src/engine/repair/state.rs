//! The state of a series made again from what it left behind.
//!
//! Its newest time stands in the entry of the damaged chunk, its policy in the index. What measures are late follows from both. Up
//! to where groups are stored does not: the newest measure may be of a clock that jumped, which seals nothing at first. That
//! is never below what an older state, or the aggregates, say is stored, and never beyond a raw measure that they do not: so
//! nothing that was accepted is taken for stored. Whether the clock had jumped is told as it was told then, from the newest
//! measure and the one in an earlier block that is left; should deleted ones have lain between, this is held one block longer.
//! The journal is replayed for it from where MANIFEST says: what it had seen already is applied once more, which changes
//! nothing; but not what came before measures were deleted, which would bring those back.

use super::rebuild::points;
use crate::codec::{Scratch, decode_measures};
use crate::head::{Plan, sort_keeping_last};
use crate::query::{View, hidden};
use crate::segment::{Entry, MEASURES, STATE, SegmentReader, Whole};
use crate::types::{AggregationMethod, BeforeJump, Measure, SeriesState};

/// The state of a series, and whether that is all of it: the measure before the window may be known to nobody else.
pub(super) fn rebuild(view: &View, damaged: &Entry, plan: &Plan, before_journal: u64) -> (SeriesState, bool) {
    let newest = newest(view, damaged, plan);
    let erased = view.erased.of(damaged.metric, MEASURES);
    let found = find(view, damaged);
    // Not by an older state's `sealed_until`: that may be of a jump of the clock which was undone.
    let known_until = found.older.iter().map(|older| older.stored_until).fold(found.stored_until, i64::max);
    let sealed_until = plan.first_mutable(newest, known_until);
    let jump = found.before(plan.block_of(newest)).filter(|before| plan.jumps(*before, newest));
    let jump = jump.map(|before| BeforeJump { newest: before, sealed_until: plan.first_mutable(before, known_until) });
    let closed_until = jump.map_or(sealed_until, |before| before.sealed_until);
    let open_from = found.raw.iter().map(|measure| measure.timestamp).find(|time| *time >= known_until);
    let stored_until = known_until.max(open_from.map_or(closed_until, |time| plan.block_of(time).min(closed_until)));
    let keep_from = plan.keep_from(stored_until);
    let remembered = found.older.iter().filter(|older| !erased.iter().any(|erasure| erasure.forgets(older)));
    let remembered = remembered.filter_map(|older| older.previous).max_by_key(|measure| measure.timestamp);
    let left = found.raw.iter().rfind(|measure| measure.timestamp < keep_from).copied();
    let previous = [remembered, left].into_iter().flatten().max_by_key(|measure| measure.timestamp);
    let previous = previous.or_else(|| last_sealed(view, damaged.metric, plan, newest, (stored_until, keep_from)));
    // What lay between that and the window may have been deleted, after which there was none.
    let previous = previous.filter(|m| !erased.iter().any(|erasure| erasure.touches(0, m.timestamp, keep_from - 1)));
    let needs_previous = plan.policy.methods().has_rate() && stored_until > 0;
    let whole = previous.is_some() || !needs_previous;
    let policy = plan.id;
    let sequence = erased.iter().map(|erasure| erasure.sequence).fold(before_journal, u64::max);
    let state = SeriesState { newest, sealed_until, stored_until, sequence, policy, previous, jump };
    (state, whole)
}

/// What segments tell of a series whose state is damaged. What cannot be read says nothing.
#[derive(Default)]
struct Found {
    /// Other states of it.
    older: Vec<SeriesState>,
    /// Groups up to this have aggregates.
    stored_until: i64,
    /// Starts of the newest groups that have, one of each chunk.
    last_groups: Vec<i64>,
    /// Raw measures that are left, by time.
    raw: Vec<Measure>,
}

fn find(view: &View, damaged: &Entry) -> Found {
    let erased = view.erased.of(damaged.metric, MEASURES);
    let mut found = Found::default();
    for segment in view.segments() {
        let mut entries = Vec::new();
        if segment.reader.find_metric(damaged.metric, &mut entries).is_err() {
            continue;
        }
        for entry in entries {
            match entry.granularity {
                STATE => found.older.extend(read(&segment.reader, &entry, SeriesState::from_bytes)),
                MEASURES => {
                    let mut run = read(&segment.reader, &entry, |bytes| measures(&entry, bytes)).unwrap_or_default();
                    run.retain(|measure| !hidden(erased, segment.name.number(), measure.timestamp));
                    found.raw.extend(run);
                }
                granularity => {
                    found.stored_until = found.stored_until.max(entry.last.saturating_add(granularity));
                    found.last_groups.push(entry.last);
                }
            }
        }
    }
    // Of equal times the later segment's measure counts.
    sort_keeping_last(&mut found.raw);
    found
}

impl Found {
    /// The newest time before `end` at which something is left: of a group, its start.
    fn before(&self, end: i64) -> Option<i64> {
        let raw = self.raw.iter().map(|measure| measure.timestamp);
        raw.chain(self.last_groups.iter().copied()).filter(|time| *time < end).max()
    }
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
    let (mut whole, mut found) = (Whole::default(), None);
    let read = reader.read(std::slice::from_ref(entry), &mut whole, &mut |_, chunk| {
        found = look(chunk);
        Ok(())
    });
    found.filter(|_| read.is_ok())
}

/// The measures of a run.
fn measures(entry: &Entry, bytes: &[u8]) -> Option<Vec<Measure>> {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    decode_measures(bytes, entry.rows as usize, &mut Scratch::default(), &mut timestamps, &mut values).ok()?;
    Some(timestamps.into_iter().zip(values).map(|(timestamp, value)| Measure { timestamp, value }).collect())
}
