//! One series: what it last accepted, what has closed, and its window.

use std::sync::Arc;

use super::plan::Plan;
use super::window::{Raw, Run, slice, sort_keeping_last};
use crate::codec::{DecodeError, Scratch};
use crate::types::{BeforeJump, Measure, Pushed, SeriesState};

/// Whether a series is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Not looked for yet, or released: segments say, or the index.
    Unknown,
    /// In memory; the window's stored runs may still be in segments only (see [`Window`]).
    Resident,
    /// Its metric was deleted.
    Deleted,
}

/// The part of a window that raw segments hold too.
#[derive(Debug)]
pub enum Window {
    /// In memory: its runs, in the order in which they were accepted.
    Runs(Vec<Run>),
    /// In raw segments only.
    Stored,
}

/// The measures of one push for one series, judged by the late rule.
#[derive(Debug, PartialEq)]
pub enum Admission {
    /// All are newer than everything before, in ascending order: nothing to sort, nothing to overwrite.
    InOrder,
    /// What remains after the late ones were dropped, sorted, the last of equal timestamps kept.
    Sorted {
        /// The measures to accept.
        measures: Vec<Measure>,
        /// What became of the pushed ones, overwriting within the push counted.
        pushed: Pushed,
    },
}

/// What is kept of a state that segments have, until its series is told: a checkpoint has one of each that it takes.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    until: i64,
    newest: i64,
    previous: Measure,
}

impl Stored {
    /// What is kept of this state.
    pub fn of(state: &SeriesState) -> Self {
        let previous = state.previous.unwrap_or(NONE);
        Stored { until: state.stored_until, newest: state.before_jump().newest, previous }
    }
}

/// A series in memory. Owned by its slot's lock.
#[derive(Debug)]
pub struct Series {
    newest: i64,
    sealed_until: i64,
    stored_until: i64,
    sequence: u64,
    /// `sealed_until` is up to date as long as `newest` stays below this.
    next_close: i64,
    /// Of a negative time when there is none.
    previous: Measure,
    /// What it was before its clock jumped, while that can be undone.
    jump: Option<Box<BeforeJump>>,
    /// The newest measure by the state that segments have, not counting what had jumped by that.
    stored_newest: i64,
    /// Accepted since the last checkpoint: sorted, each timestamp once.
    tail: Vec<Measure>,
    /// Accepted before that, and being written to a segment.
    frozen: Option<Arc<Vec<Measure>>>,
    window: Window,
    policy: u32,
    /// The policy's revision for which `next_close` holds.
    revision: u32,
    presence: Presence,
    dirty: bool,
}

/// No measure comes before the window.
const NONE: Measure = Measure { timestamp: -1, value: 0.0 };

impl Series {
    /// A slot nobody has looked into yet.
    pub const fn unknown() -> Self {
        Series {
            newest: -1,
            sealed_until: 0,
            stored_until: 0,
            sequence: 0,
            next_close: -1,
            previous: NONE,
            jump: None,
            stored_newest: -1,
            tail: Vec::new(),
            frozen: None,
            window: Window::Runs(Vec::new()),
            policy: 0,
            revision: 0,
            presence: Presence::Unknown,
            dirty: false,
        }
    }

    /// Makes it the series with this state, whose window (if any) is in raw segments.
    pub fn load(&mut self, state: &SeriesState, window: Window) {
        *self = Series {
            newest: state.newest,
            sealed_until: state.sealed_until,
            stored_until: state.stored_until,
            sequence: state.sequence,
            next_close: -1,
            previous: state.previous.unwrap_or(NONE),
            jump: state.jump.map(Box::new),
            stored_newest: state.before_jump().newest,
            tail: Vec::new(),
            frozen: None,
            window,
            policy: state.policy,
            revision: 0,
            presence: Presence::Resident,
            dirty: false,
        };
    }

    /// What it was before its clock jumped, while that can be undone.
    pub fn jump(&self) -> Option<BeforeJump> {
        self.jump.as_deref().copied()
    }

    /// The newest measure by which anything may expire. It is that of the state in segments, and of that what it was before
    /// its clock jumped: what came in since may be lost with the power, and with it the batch that made a jump final.
    pub fn stored_newest(&self) -> i64 {
        self.stored_newest
    }

    /// Up to where groups may be sealed: what a jump closed is held until the next block closes.
    pub fn seal_until(&self) -> i64 {
        self.jump.as_deref().map_or(self.sealed_until, |before| before.sealed_until)
    }

    /// Forgets everything: its metric is gone.
    pub fn delete(&mut self) {
        *self = Series { presence: Presence::Deleted, ..Series::unknown() };
    }

    /// Whether it is in memory.
    pub fn presence(&self) -> Presence {
        self.presence
    }

    /// Its policy's number.
    pub fn policy(&self) -> u32 {
        self.policy
    }

    /// What a raw segment stores of it.
    pub fn state(&self) -> SeriesState {
        SeriesState {
            newest: self.newest,
            sealed_until: self.sealed_until,
            stored_until: self.stored_until,
            sequence: self.sequence,
            policy: self.policy,
            previous: Some(self.previous).filter(|measure| measure.timestamp >= 0),
            jump: self.jump(),
        }
    }

    /// Whether its stored runs are in memory.
    pub fn has_window(&self) -> bool {
        matches!(self.window, Window::Runs(_))
    }

    /// Puts the stored runs, read from raw segments, back into memory.
    pub fn restore_window(&mut self, runs: Vec<Run>) {
        self.window = Window::Runs(runs);
    }

    /// Whether all timestamps are ascending and newer than everything accepted: such measures can never be late.
    pub fn in_order(&self, timestamps: &[i64]) -> bool {
        let Some(&first) = timestamps.first() else { return true };
        first > self.newest
            && first >= self.sealed_until
            && (timestamps.len() == 1 || timestamps.is_sorted_by(|a, b| a < b))
    }

    /// Rule 1, for one push: which of its measures are accepted.
    pub fn admit(&self, plan: &Plan, timestamps: &[i64], values: &[f64]) -> Admission {
        if self.in_order(timestamps) {
            return Admission::InOrder;
        }
        let first_mutable =
            if self.newest < 0 { self.sealed_until } else { plan.first_mutable(self.newest, self.sealed_until) };
        let all = timestamps.iter().zip(values).map(|(&timestamp, &value)| Measure { timestamp, value });
        let mut measures: Vec<Measure> = all.filter(|measure| measure.timestamp >= first_mutable).collect();
        let accepted = measures.len() as u64;
        let overwritten = sort_keeping_last(&mut measures);
        let pushed = Pushed { accepted, overwritten, late: timestamps.len() as u64 - accepted };
        Admission::Sorted { measures, pushed }
    }

    /// How many of these sorted measures replace one of the window. The window's runs must be in memory.
    pub fn count_overwritten(&self, measures: &[Measure], scratch: &mut Scratch) -> Result<u64, DecodeError> {
        let known = measures.partition_point(|measure| measure.timestamp <= self.newest);
        let Some(&Measure { timestamp: first, .. }) = measures.first().filter(|_| known > 0) else { return Ok(0) };
        let mut present = Raw::default();
        self.snapshot(first, i64::MAX).read(first, i64::MAX, scratch, &mut present)?;
        let hit = |measure: &&Measure| present.timestamps.binary_search(&measure.timestamp).is_ok();
        Ok(measures[..known].iter().filter(hit).count() as u64)
    }

    /// Applies measures that [`in_order`](Self::in_order) confirmed.
    pub fn apply_in_order(&mut self, plan: &Plan, sequence: u64, timestamps: &[i64], values: &[f64]) {
        let Some(&newest) = timestamps.last() else { return };
        if let ([timestamp], [value]) = (timestamps, values) {
            self.make_room();
            self.tail.push(Measure { timestamp: *timestamp, value: *value });
        } else {
            let measures = timestamps.iter().zip(values).map(|(&timestamp, &value)| Measure { timestamp, value });
            self.tail.extend(measures);
        }
        self.accepted(plan, sequence, newest);
    }

    /// Lets the tail grow by an eighth, not by doubling: a hundred thousand series that are half empty cost more than
    /// moving some measures does.
    fn make_room(&mut self) {
        if self.tail.len() == self.tail.capacity() {
            self.tail.reserve_exact((self.tail.len() / 8).max(8));
        }
    }

    /// Applies sorted measures, overwriting those at the same time.
    pub fn apply_sorted(&mut self, plan: &Plan, sequence: u64, measures: &[Measure]) {
        let (Some(first), Some(last)) = (measures.first(), measures.last()) else { return };
        let at = self.tail.partition_point(|measure| measure.timestamp < first.timestamp);
        if at == self.tail.len() {
            self.tail.extend_from_slice(measures);
        } else {
            let newer = self.tail.split_off(at);
            merge(&newer, measures, &mut self.tail);
        }
        self.accepted(plan, sequence, last.timestamp);
    }

    /// Applies a record of the journal again, by the plan that was in force when it was written; one that it has seen is
    /// passed over, which is false.
    pub fn replay(&mut self, plan: &Plan, sequence: u64, timestamps: &[i64], values: &[f64]) -> bool {
        if sequence <= self.sequence {
            return false;
        }
        match self.admit(plan, timestamps, values) {
            Admission::InOrder => self.apply_in_order(plan, sequence, timestamps, values),
            Admission::Sorted { measures, .. } => self.apply_sorted(plan, sequence, &measures),
        }
        true
    }

    /// After a batch whose newest measure is `last`.
    fn accepted(&mut self, plan: &Plan, sequence: u64, last: i64) {
        let newest = self.newest.max(last);
        if newest >= self.next_close {
            self.look_for_jump(plan, newest);
        }
        if let Some(before) = self.jump.as_deref_mut()
            && plan.block_of(last) < plan.block_of(newest)
            && !plan.jumps(before.newest, last)
        {
            // It came in between; what lies in the block to where it jumped counts as part of the jump.
            before.newest = before.newest.max(last);
            before.sealed_until = plan.first_mutable(before.newest, before.sealed_until);
        }
        self.newest = newest;
        self.sequence = sequence;
        if newest >= self.next_close || self.revision != plan.revision as u32 {
            self.sealed_until = plan.first_mutable(newest, self.sealed_until);
            self.next_close = (newest - newest % plan.block).saturating_add(plan.block);
            self.revision = plan.revision as u32;
        }
    }

    /// A block that closes makes an earlier jump final, and may be one itself.
    fn look_for_jump(&mut self, plan: &Plan, newest: i64) {
        if plan.block_of(newest) <= plan.block_of(self.newest) {
            return;
        }
        let jumps = self.newest >= 0 && plan.jumps(self.newest, newest);
        let before = BeforeJump { newest: self.newest, sealed_until: self.sealed_until };
        self.jump = jumps.then(|| Box::new(before));
    }

    /// Marks it as having changed since the last checkpoint; true when it was not so marked before.
    pub fn mark_dirty(&mut self) -> bool {
        !std::mem::replace(&mut self.dirty, true)
    }

    /// Sets the tail aside, so that a checkpoint can work on it outside the lock while pushes go on, and forgets that the
    /// series was dirty.
    pub fn freeze(&mut self) {
        self.dirty = false;
        let mut measures = std::mem::take(&mut self.tail);
        if let Some(frozen) = self.frozen.take() {
            // An earlier checkpoint failed before it could release these.
            let newer = std::mem::take(&mut measures);
            merge(&frozen, &newer, &mut measures);
        }
        self.frozen = (!measures.is_empty()).then(|| Arc::new(measures));
    }

    /// What a checkpoint is writing, or failed to write.
    pub fn frozen(&self) -> Option<&Arc<Vec<Measure>>> {
        self.frozen.as_ref()
    }

    /// The stored runs in memory, in the order in which they were accepted.
    pub fn runs(&self) -> &[Run] {
        match &self.window {
            Window::Runs(runs) => runs,
            Window::Stored => &[],
        }
    }

    /// What is needed to read the raw measures in `[from, to)` outside the lock. When the window is
    /// [stored](Self::has_window) only, the stored runs are to be added from segments.
    pub fn snapshot(&self, from: i64, to: i64) -> WindowSnapshot {
        let overlap = |run: &&Run| run.last >= from && run.first < to;
        WindowSnapshot {
            runs: self.runs().iter().filter(overlap).cloned().collect(),
            frozen: self.frozen.clone(),
            tail: slice(&self.tail, from, to).to_vec(),
        }
    }

    /// After a checkpoint has published `state`: groups before its `stored_until` are in segments, the frozen measures
    /// are there as the runs `stored`, and measures before `keep_from` are needed no more.
    pub fn release(&mut self, state: &Stored, keep_from: i64, stored: Vec<Run>) {
        self.stored_until = state.until;
        self.stored_newest = state.newest;
        self.previous = state.previous;
        self.frozen = None;
        if let Window::Runs(runs) = &mut self.window {
            runs.retain(|run| run.last >= keep_from);
            runs.extend(stored);
            if runs.is_empty() {
                *runs = Vec::new();
            }
        }
        if self.tail.capacity() > 2 * self.tail.len() + 64 {
            self.tail.shrink_to_fit();
        }
    }

    /// After measures were deleted of what segments hold: what it is now. What is in memory of the window may have lost some,
    /// and is read anew.
    pub fn cut(&mut self, state: &SeriesState) {
        self.newest = state.newest;
        self.sealed_until = state.sealed_until;
        self.previous = state.previous.unwrap_or(NONE);
        self.jump = state.jump.map(Box::new);
        self.stored_newest = state.before_jump().newest;
        self.next_close = -1;
        self.drop_window();
    }

    /// Whether segments have all that it accepted, and all that may be sealed.
    pub fn is_stored(&self) -> bool {
        self.tail.is_empty() && self.frozen.is_none() && self.seal_until() == self.stored_until
    }

    /// Gives back the memory of the stored runs.
    pub fn drop_window(&mut self) {
        if !self.runs().is_empty() {
            self.window = Window::Stored;
        }
    }

    /// Gives back all memory but the slot, when segments know everything. False when they do not.
    pub fn evict(&mut self) -> bool {
        let stored =
            self.presence == Presence::Resident && !self.dirty && self.tail.is_empty() && self.frozen.is_none();
        if stored {
            *self = Series { policy: self.policy, ..Series::unknown() };
        }
        stored
    }

    /// Roughly how much memory the window's stored runs take.
    pub fn window_bytes(&self) -> u64 {
        self.runs().iter().map(Run::bytes).sum()
    }
}

/// The pieces of a window, taken under the series' lock and read outside of it.
#[derive(Debug, Clone, Default)]
pub struct WindowSnapshot {
    /// Stored runs, oldest first.
    pub runs: Vec<Run>,
    /// Measures that a checkpoint is writing.
    pub frozen: Option<Arc<Vec<Measure>>>,
    /// The newest measures.
    pub tail: Vec<Measure>,
}

impl WindowSnapshot {
    /// Appends the measures in `[from, to)`, sorted, the last accepted of equal timestamps.
    pub fn read(&self, from: i64, to: i64, scratch: &mut Scratch, out: &mut Raw) -> Result<(), DecodeError> {
        for run in &self.runs {
            run.read(from, to, scratch, out)?;
        }
        if let Some(frozen) = &self.frozen {
            out.extend(slice(frozen, from, to));
        }
        out.extend(slice(&self.tail, from, to));
        out.settle();
        Ok(())
    }
}

/// Merges two sorted slices into `out`; where both have a timestamp, `newer` wins.
fn merge(older: &[Measure], newer: &[Measure], out: &mut Vec<Measure>) {
    out.reserve(older.len() + newer.len());
    let (mut a, mut b) = (older, newer);
    while let (Some(x), Some(y)) = (a.first(), b.first()) {
        if x.timestamp < y.timestamp {
            out.push(*x);
            a = &a[1..];
        } else {
            if x.timestamp == y.timestamp {
                a = &a[1..];
            }
            out.push(*y);
            b = &b[1..];
        }
    }
    out.extend_from_slice(a);
    out.extend_from_slice(b);
}
