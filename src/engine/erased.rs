//! The erasures that MANIFEST carries: how few say what was deleted, and when one is done with.
//!
//! A deletion adds some ([`add`]); those that adjoin become one where that says the same, so that whoever deletes day after day
//! does not make MANIFEST long. Merges leave out what is erased, and what no segment holds any more is forgotten
//! ([`Engine::forget_erasures`]). This module must never forget an erasure that a repair needs, which is longer than readers do.

use std::sync::Arc;

use super::{Engine, Maintenance};
use crate::error::{Error, Result};
use crate::query::{Erasure, Erasures, Segment, View};
use crate::segment::{Entry, MEASURES, STATE, Whole};
use crate::types::SeriesState;

/// Adds an erasure to those of `view`, in which no segment has its number or a later one.
pub(super) fn add(view: &View, erasures: &mut Erasures, mut new: Erasure) -> Result<()> {
    let mut apart = Vec::new();
    for old in erasures.take(new.metric, new.granularity) {
        // Where both have a time, the new one says all.
        let before = Erasure { to: old.to.min(new.from), ..old };
        let behind = Erasure { from: old.from.max(new.to), ..old };
        for part in [before, behind].into_iter().filter(|part| part.from < part.to) {
            let adjoins = part.to == new.from || part.from == new.to;
            if adjoins && !has_younger(view, &part)? {
                new = Erasure { from: new.from.min(part.from), to: new.to.max(part.to), ..new };
            } else {
                apart.push(part);
            }
        }
    }
    apart.into_iter().chain([new]).for_each(|erasure| erasures.insert(erasure));
    Ok(())
}

/// Whether segments for which `old` does not count have something of its time.
fn has_younger(view: &View, old: &Erasure) -> Result<bool> {
    for segment in view.segments().filter(|segment| segment.name.number() >= old.before) {
        if has_own(segment, &Erasure { before: u64::MAX, ..*old })? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a segment has a chunk that the erasure touches. What cannot be read may have one.
fn has_own(segment: &Segment, erasure: &Erasure) -> Result<bool> {
    let Some(entries) = entries(segment, erasure.metric)? else { return Ok(true) };
    let number = segment.name.number();
    let mut own = entries.iter().filter(|entry| entry.granularity == erasure.granularity);
    Ok(own.any(|entry| erasure.touches(number, entry.first, entry.last)))
}

/// A metric's chunks in a segment; `None` when they cannot be told.
fn entries(segment: &Segment, metric: u64) -> Result<Option<Vec<Entry>>> {
    let mut entries = Vec::new();
    match segment.reader.find_metric(metric, &mut entries) {
        Ok(()) => Ok(Some(entries)),
        Err(Error::Corrupt(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Engine {
    /// Forgets erasures that nobody needs any more.
    pub(super) fn forget_erasures(&self, maintenance: &mut Maintenance) -> Result<()> {
        let view = self.view();
        let mut needed = Erasures::default();
        for erasure in view.erased.iter() {
            if is_needed(&view, erasure, maintenance.position.sequence)? {
                needed.insert(*erasure);
            }
        }
        if needed == *view.erased {
            return Ok(());
        }
        self.commit_view(maintenance, View { erased: Arc::new(needed), ..(*view).clone() })
    }
}

/// Whether somebody needs an erasure, when the journal is replayed from `replayed_from` on.
fn is_needed(view: &View, erasure: &Erasure, replayed_from: u64) -> Result<bool> {
    for segment in view.segments().filter(|segment| segment.name.number() < erasure.before) {
        if has_own(segment, erasure)? {
            return Ok(true);
        }
    }
    if erasure.granularity != MEASURES {
        return Ok(false);
    }
    // Should the state be damaged, a repair replays what it had seen already, but not what was deleted then; and looks for
    // the measure before the window, but not in states from before.
    if replayed_from <= erasure.sequence {
        return Ok(true);
    }
    for segment in &view.raw {
        if has_erased_previous(segment, erasure)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a state from before the deletion has a measure that is erased.
fn has_erased_previous(segment: &Segment, erasure: &Erasure) -> Result<bool> {
    let Some(mut entries) = entries(segment, erasure.metric)? else { return Ok(true) };
    entries.retain(|entry| entry.granularity == STATE);
    let mut found = false;
    let read = segment.reader.read(&entries, &mut Whole::default(), &mut |_, chunk| {
        found |= SeriesState::from_bytes(chunk).is_some_and(|state| erasure.forgets(&state));
        Ok(())
    });
    match read {
        Ok(()) | Err(Error::Corrupt(_)) => Ok(found),
        Err(error) => Err(error),
    }
}
