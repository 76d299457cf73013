//! Segments in which background work met damage: merges and expiry go on around them.
//!
//! A merge that stopped at a damaged chunk would keep the data of all other metrics from being merged, for ever; one that left
//! the chunk out would lose it; one that copied it would have to know where rows that nobody can read belong. So the whole
//! segment is left as it is, byte for byte, until repair has set the chunk aside, and all others are merged without it. Nothing
//! depends on remembering which ones: they are met again after the next open.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Engine;
use crate::error::{Corruption, Error, Result};
use crate::query::{Segment, damage};
use crate::segment::SegmentName;

/// The segments, and the damage that was met first.
pub(super) type Damaged = BTreeMap<SegmentName, Corruption>;

impl Engine {
    /// Whether background work has met no damage in this segment.
    pub(super) fn is_sound(&self, segment: &Segment) -> bool {
        !self.damaged.lock().contains_key(&segment.name)
    }

    /// Those of `segments` in which no damage was met.
    pub(super) fn sound(&self, segments: &[Arc<Segment>]) -> Vec<Arc<Segment>> {
        let damaged = self.damaged.lock();
        segments.iter().filter(|segment| !damaged.contains_key(&segment.name)).cloned().collect()
    }

    /// Those of `segments` in which no damage was met, in runs that lie side by side.
    pub(super) fn sound_runs(&self, segments: &[Arc<Segment>]) -> Vec<Vec<Arc<Segment>>> {
        let damaged = self.damaged.lock();
        let runs = segments.split(|segment| damaged.contains_key(&segment.name));
        runs.filter(|run| !run.is_empty()).map(<[_]>::to_vec).collect()
    }

    /// Does some work, and does it again around each segment in which it met damage. A segment that cannot be read may be so
    /// the next time: it counts as damaged when it was the same twice.
    pub(super) fn around_damage<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<T> {
        let mut doubted = None;
        loop {
            match work() {
                Err(Error::Io { operation: "read", path, .. }) if doubted.as_ref() != Some(&path) => {
                    doubted = Some(path);
                }
                Err(error) => self.leave_out(error)?,
                done => return done,
            }
        }
    }

    /// Notes in which segment damage was met.
    ///
    /// # Errors
    ///
    /// The error, when it is of something else, or of a segment that is left out already.
    pub(super) fn leave_out(&self, error: Error) -> Result<()> {
        let corruption = damage(error)?;
        let view = self.view();
        let segment = view.segments().find(|segment| segment.reader.path() == corruption.file);
        let Some(segment) = segment.filter(|segment| self.is_sound(segment)) else { return Err(corruption.into()) };
        tracing::warn!(%corruption, "a segment is damaged; merges leave it as it is until it is repaired");
        self.damaged.lock().insert(segment.name, corruption);
        Ok(())
    }

    /// The first damage that was met in segments that still count.
    pub(super) fn damage_met(&self) -> Result<()> {
        let view = self.view();
        let mut damaged = self.damaged.lock();
        damaged.retain(|name, _| view.segments().any(|segment| segment.name == *name));
        damaged.values().next().map_or(Ok(()), |corruption| Err(corruption.clone().into()))
    }
}
