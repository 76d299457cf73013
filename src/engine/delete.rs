//! Deleting a stretch of time of one metric: raw measures and sealed groups, at once and for good.
//!
//! Everything that the metric has accepted, and the aggregates of all that has closed, goes to segments first, as in a
//! checkpoint of this one series; so what is deleted does not depend on what background work had done. Then one replacement
//! of MANIFEST does all of it: it names the *erasures* in older segments ([`crate::query::Erasures`]), a segment with the series'
//! new state, and one with the groups that were computed anew. There is no record in the journal: a crash finds MANIFEST
//! from before or from after, replay derives nothing, and readers in other processes come to it as to any new MANIFEST.
//!
//! The lock of the series is held all along, so that nobody sees a half of it. This module must never rewrite a segment:
//! merges do, when they come by.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::aggregates::{chunk_bytes, interleave, retain, row_bytes};
use super::checkpoint::write_series;
use super::load::plan_of;
use super::recompute::{complete, compose, from_raw};
use super::room::Sealing;
use super::{Engine, Maintenance, erased, rows};
use crate::carbonara::{first_open, group_start};
use crate::codec::Scratch;
use crate::error::{Error, Result};
use crate::head::{Archive, Plan, Raw, Series};
use crate::query::{Erasure, Erasures, View, window_damaged, within};
use crate::segment::{Chunk, MEASURES, STATE, SegmentName};
use crate::types::{
    AggregateBlock, DeleteOptions, DeletedMeasures, MetricKey, Partial, PartialGroup, PartialOutcome, SeriesState,
    Timespan, Timestamp,
};

/// What is to be done.
struct Deletion {
    key: u64,
    from: i64,
    /// The first time that stays; the end of time stays not.
    to: i64,
    plan: Arc<Plan>,
    /// The series as it was.
    before: SeriesState,
    /// Its window as it was.
    raw: Raw,
    view: Arc<View>,
    options: DeleteOptions,
}

/// What changes.
struct Change {
    state: SeriesState,
    erasures: Vec<(i64, Range<i64>)>,
    /// Groups computed anew, by granularity, ascending.
    anew: Vec<(i64, AggregateBlock)>,
    removed: u64,
    partial: Vec<PartialGroup>,
}

impl Engine {
    /// Deletes what a metric has in `[from, to)`; a `to` of `i64::MAX` has no end.
    pub fn delete_measures(
        &self,
        key: MetricKey,
        (from, to): (i64, i64),
        options: DeleteOptions,
    ) -> Result<DeletedMeasures> {
        self.check_writable()?;
        if from > to {
            return Err(Error::InvalidRange { start: from, end: to });
        }
        let mut maintenance = self.maintenance.lock();
        // Deletions before this one have left files, too.
        self.count_after_checkpoint()?;
        let mut series = self.state.lock_series(key.get())?;
        self.store_series(&mut maintenance, key.get(), &mut series)?;
        let deletion = self.deletion(key.get(), (from, to), options, &series)?;
        let change = deletion.change()?;
        let answer = deletion.answer(&change)?;
        if change.is_any(&deletion) {
            self.commit_deletion(&mut maintenance, &deletion, &change)?;
            let bytes = series.window_bytes() as i64;
            series.cut(&change.state);
            let freed = bytes - series.window_bytes() as i64;
            self.state.window_bytes.fetch_sub(freed, Ordering::Relaxed);
        }
        Ok(answer)
    }

    /// Brings everything that a series accepted, and all that has closed of it, into segments.
    fn store_series(&self, maintenance: &mut Maintenance, key: u64, series: &mut Series) -> Result<()> {
        // What was acknowledged before the deletion must not be lost where the deletion is not.
        self.journal.flush()?;
        if series.is_stored() {
            return Ok(());
        }
        let is_listed = !series.mark_dirty();
        let stored = self.write_one(maintenance, key, series);
        if stored.is_err() {
            series.mark_dirty();
            if !is_listed {
                self.dirty.lock().push(key);
            }
        }
        stored
    }

    fn write_one(&self, maintenance: &mut Maintenance, key: u64, series: &mut Series) -> Result<()> {
        let names = begin(maintenance);
        // A checkpoint goes on without a window that is damaged; here nothing may stay unsealed.
        let plan = plan_of(&self.plans(), key, series.policy())?;
        self.state.restore_window(key, series, &plan)?;
        let taken = self.take_locked(key, series)?;
        let mut output = self.create_output(names)?;
        let release = match write_series(&mut output, taken, &mut Sealing::of_all(self)) {
            Ok(release) => release,
            Err(error) => {
                // No MANIFEST names these. What cannot be removed now is when the next one is written.
                drop(output);
                if self.remove_segments(&names).is_ok() {
                    maintenance.begun.retain(|name| !names.contains(name));
                }
                return Err(error);
            }
        };
        let mut view = (*self.view()).clone();
        self.finish_output(output, &mut view)?;
        self.commit_view(maintenance, view)?;
        self.release_locked(release, series);
        Ok(())
    }

    fn deletion(&self, key: u64, (from, to): (i64, i64), options: DeleteOptions, series: &Series) -> Result<Deletion> {
        let before = series.state();
        let plan = plan_of(&self.plans(), key, before.policy)?;
        let view = self.view();
        let mut raw = Raw::default();
        let (mut window, first) = (series.snapshot(i64::MIN, i64::MAX), plan.keep_from(before.stored_until));
        if !series.has_window() {
            window.runs = view.runs(key, first..i64::MAX)?;
        }
        window.read(first, i64::MAX, &mut Scratch::default(), &mut raw).map_err(|error| window_damaged(key, &error))?;
        Ok(Deletion { key, from, to, plan, before, raw, view, options })
    }

    /// One MANIFEST that has all of it.
    fn commit_deletion(&self, maintenance: &mut Maintenance, deletion: &Deletion, change: &Change) -> Result<()> {
        let key = deletion.key;
        let rows = change.anew.iter().map(|(_, block)| (block.rows() as u64, block.columns.len() as u64));
        let anew: u64 = rows.map(|(rows, columns)| rows * row_bytes(columns) + chunk_bytes(rows, columns)).sum();
        let _room = self.room_to_delete(anew)?;
        let names = begin(maintenance);
        let mut output = self.create_output(names)?;
        let stamp = change.state.newest.max(0);
        let bytes = change.state.to_bytes();
        let (granularity, front) = (STATE, bytes.len());
        let state = Chunk { metric: key, granularity, first: stamp, last: stamp, rows: 1, bytes: &bytes, front };
        if change.state != deletion.before {
            output.raw.add(&state)?;
        }
        for (granularity, block) in &change.anew {
            output.aggregates.write(key, *granularity, block)?;
        }
        let mut view = (*deletion.view).clone();
        self.finish_output(output, &mut view)?;
        let mut erasures: Erasures = (*view.erased).clone();
        let (before, sequence) = (names[0].number(), self.journal.last_sequence());
        for (granularity, times) in &change.erasures {
            let (granularity, from, to) = (*granularity, times.start, times.end);
            let new = Erasure { metric: key, granularity, from, to, before, sequence };
            erased::add(&deletion.view, &mut erasures, new)?;
        }
        view.erased = Arc::new(erasures);
        self.commit_view(maintenance, view)
    }
}

/// Names of a raw and a level-0 segment.
fn begin(maintenance: &mut Maintenance) -> [SegmentName; 2] {
    let raw = maintenance.begin(|number| SegmentName::Raw { number });
    [raw, maintenance.begin(|number| SegmentName::Level0 { number })]
}

impl Change {
    fn is_any(&self, deletion: &Deletion) -> bool {
        self.state != deletion.before || !self.erasures.is_empty()
    }
}

impl Deletion {
    fn is_deleted(&self, time: i64) -> bool {
        within(time, self.from, self.to)
    }

    fn change(&self) -> Result<Change> {
        let previous = self.before.previous.filter(|measure| !self.is_deleted(measure.timestamp));
        let removed = self.raw.timestamps.iter().filter(|timestamp| self.is_deleted(**timestamp)).count() as u64;
        let mut change = Change {
            state: SeriesState { previous, ..self.before },
            erasures: Vec::new(),
            anew: Vec::new(),
            removed,
            partial: Vec::new(),
        };
        let mut newest_left = None;
        for archive in &self.plan.archives {
            newest_left = newest_left.max(self.change_archive(archive, &mut change)?);
        }
        if self.before.newest >= 0 && self.is_deleted(self.before.newest) {
            // All of the window that is left lies before the deleted time.
            let window = self.raw.timestamps.iter().rev().find(|timestamp| !self.is_deleted(**timestamp)).copied();
            let stored = newest_left.max(previous.map(|measure| measure.timestamp));
            change.state.newest = window.or(stored).unwrap_or(-1);
            self.undo_jump(&mut change);
        }
        if removed > 0 || change.state != self.before {
            change.erasures.push((MEASURES, self.from..self.to));
        }
        Ok(change)
    }

    /// A jump of which nothing is left never was; of one of which less is left, the window is where that moves it.
    fn undo_jump(&self, change: &mut Change) {
        let Some(before) = self.before.jump else { return };
        let newest = change.state.newest;
        change.state.sealed_until = before.sealed_until;
        if newest > before.newest {
            change.state.sealed_until = self.plan.first_mutable(newest, before.sealed_until);
        }
        change.state.jump = Some(before).filter(|before| self.plan.jumps(before.newest, newest));
    }

    /// Takes the groups of one archive that have closed out of it; returns the start of the last that is left before the
    /// deleted time, or reaches into it.
    fn change_archive(&self, archive: &Archive, change: &mut Change) -> Result<Option<i64>> {
        let g = archive.granularity;
        let closed = first_open(self.before.stored_until, g);
        let kept_from = archive.kept_from(self.kept_by());
        let inside = self.inside(g, closed);
        if inside.start < inside.end && !self.view.chunks(self.key, g, &inside)?.is_empty() {
            change.erasures.push((g, inside));
        }
        let mut last = None;
        if self.before.newest < 0 || self.from == self.to {
            return Ok(last);
        }
        let mut anew = Vec::new();
        for start in self.cut_groups(g).filter(|start| *start < closed && *start >= kept_from) {
            let one = start..start.saturating_add(g);
            let row = rows::rows(&self.view, self.key, g, &one)?;
            if row.rows() == 0 {
                continue;
            }
            let made = self.recompute(start, g, &row, change)?;
            let outcome = match (&made, self.options.partial) {
                (Some(_), _) => PartialOutcome::Recomputed,
                (None, Partial::Keep) => PartialOutcome::Kept,
                (None, Partial::Remove) => PartialOutcome::Removed,
            };
            if outcome != PartialOutcome::Kept {
                change.erasures.push((g, one));
            }
            if outcome == PartialOutcome::Kept || made.as_ref().is_some_and(|made| made.rows() > 0) {
                last = Some(start);
            }
            anew.extend(made);
            let (granularity, start) = (Timespan::from_nanos(g)?, Timestamp::from_nanos(start)?);
            change.partial.push(PartialGroup { granularity, start, outcome });
        }
        let anew = interleave(&anew);
        if anew.rows() > 0 {
            change.anew.push((g, anew));
        }
        let whole = kept_from..group_start(self.from, g).min(closed);
        Ok(last.max(rows::last(&self.view, self.key, g, &whole)?))
    }

    /// Starts of the groups of length `g` that closed before `closed` and lie wholly inside.
    fn inside(&self, g: i64, closed: i64) -> Range<i64> {
        let first = group_start(self.from, g);
        let first = if first == self.from { first } else { first.saturating_add(g) };
        let end = if self.to == i64::MAX { closed } else { group_start(self.to, g).min(closed) };
        first..end
    }

    /// Starts of the groups of length `g` that lie partly inside: at most two.
    fn cut_groups(&self, g: i64) -> impl Iterator<Item = i64> {
        let (first, last) = (group_start(self.from, g), group_start(self.to, g));
        let cuts_first = first != self.from || (first == last && self.to != i64::MAX && last != self.to);
        let cuts_last = last != self.to && self.to != i64::MAX && last != first;
        cuts_first.then_some(first).into_iter().chain(cuts_last.then_some(last))
    }

    /// What is left of a group, when that is known; `row` is what it was.
    fn recompute(&self, start: i64, g: i64, row: &AggregateBlock, change: &Change) -> Result<Option<AggregateBlock>> {
        let stored = &self.plan.stored;
        if start >= self.plan.keep_from(self.before.stored_until) {
            let left = self.left();
            return Ok(Some(from_raw((&left.timestamps, &left.values), change.state.previous, (start, g), stored)));
        }
        let end = start.saturating_add(g);
        for finer in self.plan.archives.iter().filter(|archive| archive.granularity < g) {
            let length = finer.granularity;
            let tiles = start % length == 0 && end % length == 0;
            let uncut = self.cut_groups(length).all(|cut| cut < start || cut >= end);
            if !tiles || !uncut || finer.kept_from(self.kept_by()) > start {
                continue;
            }
            let parts = rows::rows(&self.view, self.key, length, &(start..end))?;
            if !complete(&parts, row) {
                continue;
            }
            let left = retain(&parts, |part| !self.is_deleted(part));
            // Behind the deleted time, the first difference would span it, from a measure that nobody knows.
            let spans = stored.has_rate() && left.timestamps.last().is_some_and(|last| *last >= self.from);
            if let Some(made) = compose(&left, start, stored).filter(|_| !spans) {
                return Ok(Some(made));
            }
        }
        Ok(None)
    }

    /// The measure from which retention counts.
    fn kept_by(&self) -> i64 {
        self.before.before_jump().newest
    }

    /// The window without what is deleted.
    fn left(&self) -> Raw {
        let mut left = Raw::default();
        for (&timestamp, &value) in self.raw.timestamps.iter().zip(&self.raw.values) {
            if !self.is_deleted(timestamp) {
                left.timestamps.push(timestamp);
                left.values.push(value);
            }
        }
        left
    }

    fn answer(&self, change: &Change) -> Result<DeletedMeasures> {
        let SeriesState { newest, sealed_until, .. } = change.state;
        let accepted_from = if newest < 0 { sealed_until } else { self.plan.first_mutable(newest, sealed_until) };
        Ok(DeletedMeasures {
            removed: change.removed,
            newest: (newest >= 0).then(|| Timestamp::from_nanos(newest)).transpose()?,
            accepted_from: Timestamp::from_nanos(accepted_from)?,
            partial: change.partial.clone(),
        })
    }
}
