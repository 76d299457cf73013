//! Ingestion: measures are checked, judged by the late rule, journaled, applied. All of a push, or nothing of it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::MutexGuard;

use super::clock::Guard;
use super::load::{plan_of, unknown};
use super::room::{PushBytes, raw_bytes};
use super::state::Plans;
use super::{Counters, Engine, records};
use crate::codec::{Scratch, encode_batch};
use crate::error::{Error, Result};
use crate::head::{Admission, Plan, Series};
use crate::query::window_damaged;
use crate::types::{Durability, MetricKey, Pushed, Timestamp};

/// What a measure takes in a record at most: its value and two steps, of key and time; and what the record takes besides.
const MEASURE_BYTES: u64 = 28;
const RECORD_BYTES: u64 = 24;

/// What so many measures take in the journal at most.
fn record_bytes(measures: usize) -> u64 {
    RECORD_BYTES + MEASURE_BYTES * measures as u64
}

/// What so many measures of so many series take on the disk at most.
fn push_bytes(measures: usize, series: usize) -> PushBytes {
    PushBytes { journal: record_bytes(measures), raw: raw_bytes(measures as u64, series as u64) }
}

/// Measures on their way in: columns, with what becomes of each metric's. Reused from push to push.
#[derive(Default)]
pub struct Batch {
    keys: Vec<u64>,
    timestamps: Vec<i64>,
    values: Vec<f64>,
    /// Key and rows of each metric, ascending by key.
    groups: Vec<(u64, Range<usize>)>,
    outcome: Vec<(MetricKey, Pushed)>,
    body: Vec<u8>,
    scratch: Scratch,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("measures", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Batch {
    /// Adds a measure.
    pub fn add(&mut self, metric: MetricKey, timestamp: Timestamp, value: f64) {
        self.keys.push(metric.get());
        self.timestamps.push(timestamp.nanos());
        self.values.push(value);
    }

    /// Adds measures of one metric; the slices are equally long.
    pub fn extend(&mut self, metric: MetricKey, timestamps: &[i64], values: &[f64]) {
        self.keys.resize(self.keys.len() + timestamps.len(), metric.get());
        self.timestamps.extend_from_slice(timestamps);
        self.values.extend_from_slice(values);
    }

    /// Adds measures of several metrics; the slices are equally long.
    pub fn extend_keyed(&mut self, metrics: &[MetricKey], timestamps: &[i64], values: &[f64]) {
        self.keys.extend(metrics.iter().map(|metric| metric.get()));
        self.timestamps.extend_from_slice(timestamps);
        self.values.extend_from_slice(values);
    }

    /// How many measures wait.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Drops the waiting measures.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.timestamps.clear();
        self.values.clear();
    }

    /// What became of the measures of the last push, by metric in ascending order of keys.
    pub fn outcome(&self) -> &[(MetricKey, Pushed)] {
        &self.outcome
    }

    /// Brings each metric's measures together, in order of keys, each metric's in the order in which they were added.
    fn group(&mut self) {
        if !self.keys.is_sorted() {
            let mut order: Vec<u32> = (0..self.keys.len() as u32).collect();
            order.sort_by_key(|&at| self.keys[at as usize]);
            self.keys = order.iter().map(|&at| self.keys[at as usize]).collect();
            self.timestamps = order.iter().map(|&at| self.timestamps[at as usize]).collect();
            self.values = order.iter().map(|&at| self.values[at as usize]).collect();
        }
        self.groups.clear();
        let mut start = 0;
        while let Some(&key) = self.keys.get(start) {
            let length = self.keys[start..].iter().take_while(|&&k| k == key).count();
            self.groups.push((key, start..start + length));
            start += length;
        }
    }
}

/// A locked series of a push, its policy, and which of its measures are accepted.
struct Admitted<'a> {
    series: MutexGuard<'a, Series>,
    plan: u32,
    admission: Admission,
}

/// Remembers the last policy looked up: the series of a push mostly share a few.
struct PlanCache<'a> {
    plans: &'a Plans,
    last: Option<Arc<Plan>>,
}

impl PlanCache<'_> {
    fn get(&mut self, key: u64, policy: u32) -> Result<&Plan> {
        if self.last.as_ref().is_none_or(|plan| plan.id != policy) {
            self.last = Some(plan_of(self.plans, key, policy)?);
        }
        self.last.as_deref().ok_or_else(|| unknown(key))
    }
}

impl Engine {
    /// Pushes all of `batch`, and empties it; on an error nothing of it happened, and it is as it was but for its order.
    pub fn push(&self, batch: &mut Batch) -> Result<Pushed> {
        self.check_writable()?;
        self.check_times(&batch.timestamps)?;
        batch.group();
        let (measures, series) = (batch.keys.len(), batch.groups.len());
        let room = self.wait_for_room(push_bytes(measures, series))?;
        let (total, sequence) = self.push_grouped(batch)?;
        drop(room);
        batch.clear();
        if let (Some(sequence), Durability::Sync) = (sequence, self.options.durability) {
            self.journal.commit(sequence)?;
        }
        Ok(total)
    }

    /// Pushes one measure: the same as a batch of one, without its bookkeeping.
    pub fn push_one(&self, key: MetricKey, timestamp: i64, value: f64) -> Result<Pushed> {
        self.check_writable()?;
        self.check_times(&[timestamp])?;
        let room = self.wait_for_room(push_bytes(1, 1))?;
        let gate = self.gate.read();
        let mut series = self.state.lock_series(key.get())?;
        let plans = self.state.plans.read();
        let plan = plans.get(&series.policy()).ok_or_else(|| unknown(key.get()))?;
        let mut pushed = Pushed { accepted: 1, ..Pushed::default() };
        let in_order = series.in_order(&[timestamp]);
        if !in_order {
            pushed = self.judge_one(key.get(), &mut series, plan, timestamp, value)?;
        }
        let mut sequence = None;
        if pushed.accepted > 0 {
            let mut body = Vec::with_capacity(40);
            encode_batch(&[key.get()], &[timestamp], &[value], false, &mut body);
            let number = self.journal.append(records::MEASURES, &body)?;
            if in_order {
                series.apply_in_order(plan, number, &[timestamp], &[value]);
            } else {
                series.apply_sorted(plan, number, &[crate::types::Measure::new(timestamp, value)]);
            }
            if series.mark_dirty() {
                self.dirty.lock().push(key.get());
            }
            sequence = Some(number);
        }
        // Within the gate: what a checkpoint takes is counted by then.
        self.count(pushed);
        drop((plans, series, gate, room));
        if let (Some(sequence), Durability::Sync) = (sequence, self.options.durability) {
            self.journal.commit(sequence)?;
        }
        Ok(pushed)
    }

    fn judge_one(&self, key: u64, series: &mut Series, plan: &Plan, timestamp: i64, value: f64) -> Result<Pushed> {
        let Admission::Sorted { measures, mut pushed } = series.admit(plan, &[timestamp], &[value]) else {
            return Ok(Pushed { accepted: 1, ..Pushed::default() });
        };
        if !measures.is_empty() {
            self.state.restore_window(key, series, plan)?;
            let mut scratch = Scratch::default();
            let overwritten = series.count_overwritten(&measures, &mut scratch);
            pushed.overwritten = overwritten.map_err(|error| window_damaged(key, &error))?;
        }
        Ok(pushed)
    }

    fn count(&self, pushed: Pushed) {
        Counters::add(&self.counters.accepted, pushed.accepted);
        if pushed.overwritten + pushed.late > 0 {
            Counters::add(&self.counters.overwritten, pushed.overwritten);
            Counters::add(&self.counters.late, pushed.late);
        }
        let waiting = self.dirty_measures.fetch_add(pushed.accepted, Ordering::Relaxed) + pushed.accepted;
        let full =
            waiting.saturating_mul(16) > self.options.checkpoint_at() || self.journal.bytes() > self.journal_share();
        if full {
            self.wake_worker();
        }
    }

    /// Refuses measures that are too far in the future, before anything happens.
    fn check_times(&self, timestamps: &[i64]) -> Result<()> {
        self.check_newest(timestamps.iter().copied().max().unwrap_or(0))
    }

    fn check_newest(&self, newest: i64) -> Result<()> {
        if let Some(limit) = self.options.clock.as_ref().map(Guard::limit).filter(|limit| newest > *limit) {
            return Err(Error::TooFarInFuture { timestamp: newest, limit });
        }
        if newest <= self.future_limit.load(Ordering::Relaxed) {
            return Ok(());
        }
        let limit = match self.options.max_future {
            None => i64::MAX - 1,
            Some(ahead) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(now.as_nanos()).unwrap_or(i64::MAX).saturating_add(ahead.nanos()).min(i64::MAX - 1)
            }
        };
        self.future_limit.store(limit, Ordering::Relaxed);
        if newest <= limit { Ok(()) } else { Err(Error::TooFarInFuture { timestamp: newest, limit }) }
    }

    /// Refuses measures that a push of them would refuse, for whoever has to prepare one.
    pub fn check_push<'a>(&self, columns: impl Iterator<Item = &'a [i64]>) -> Result<()> {
        self.check_writable()?;
        let (mut measures, mut newest) = (0, 0);
        for timestamps in columns {
            newest = timestamps.iter().copied().fold(newest, i64::max);
            measures += timestamps.len();
        }
        let bytes = record_bytes(measures);
        self.check_newest(newest)?;
        let limit = crate::journal::MAX_BODY as u64;
        if bytes > limit { Err(Error::PushTooLarge { bytes, limit }) } else { Ok(()) }
    }

    fn push_grouped(&self, batch: &mut Batch) -> Result<(Pushed, Option<u64>)> {
        let gate = self.gate.read();
        let plans = self.plans();
        let mut cache = PlanCache { plans: &plans, last: None };
        let mut admitted = Vec::with_capacity(batch.groups.len());
        let mut in_order = true;
        for (key, rows) in &batch.groups {
            let mut series = self.state.lock_series(*key)?;
            let plan = cache.get(*key, series.policy())?;
            let (timestamps, values) = (&batch.timestamps[rows.clone()], &batch.values[rows.clone()]);
            let mut admission = series.admit(plan, timestamps, values);
            if let Admission::Sorted { measures, pushed } = &mut admission {
                in_order = false;
                if !measures.is_empty() {
                    self.state.restore_window(*key, &mut series, plan)?;
                    let overwritten = series.count_overwritten(measures, &mut batch.scratch);
                    pushed.overwritten += overwritten.map_err(|error| window_damaged(*key, &error))?;
                }
            }
            admitted.push(Admitted { plan: series.policy(), series, admission });
        }
        let sequence = self.journal_batch(batch, &admitted, in_order)?;
        let total = self.apply(batch, admitted, sequence.unwrap_or(0), &mut cache)?;
        // Within the gate: what a checkpoint takes is counted by then.
        self.count(total);
        drop(gate);
        Ok((total, sequence))
    }

    /// Writes the accepted measures to the journal; `None` when there are none.
    fn journal_batch(&self, batch: &mut Batch, admitted: &[Admitted<'_>], in_order: bool) -> Result<Option<u64>> {
        batch.body.clear();
        let compress = self.options.compress_journal;
        if in_order {
            if batch.keys.is_empty() {
                return Ok(None);
            }
            encode_batch(&batch.keys, &batch.timestamps, &batch.values, compress, &mut batch.body);
        } else {
            let (mut keys, mut timestamps, mut values) = (Vec::new(), Vec::new(), Vec::new());
            for ((key, rows), Admitted { admission, .. }) in batch.groups.iter().zip(admitted) {
                match admission {
                    Admission::InOrder => {
                        timestamps.extend_from_slice(&batch.timestamps[rows.clone()]);
                        values.extend_from_slice(&batch.values[rows.clone()]);
                    }
                    Admission::Sorted { measures, .. } => {
                        timestamps.extend(measures.iter().map(|measure| measure.timestamp));
                        values.extend(measures.iter().map(|measure| measure.value));
                    }
                }
                keys.resize(timestamps.len(), *key);
            }
            if keys.is_empty() {
                return Ok(None);
            }
            encode_batch(&keys, &timestamps, &values, compress, &mut batch.body);
        }
        self.journal.append(records::MEASURES, &batch.body).map(Some)
    }

    fn apply(
        &self,
        batch: &mut Batch,
        admitted: Vec<Admitted<'_>>,
        sequence: u64,
        cache: &mut PlanCache<'_>,
    ) -> Result<Pushed> {
        let mut total = Pushed::default();
        let mut dirty = Vec::new();
        batch.outcome.clear();
        for ((key, rows), Admitted { mut series, plan, admission }) in batch.groups.iter().zip(admitted) {
            let plan = cache.get(*key, plan)?;
            let pushed = match admission {
                Admission::InOrder => {
                    let (timestamps, values) = (&batch.timestamps[rows.clone()], &batch.values[rows.clone()]);
                    series.apply_in_order(plan, sequence, timestamps, values);
                    Pushed { accepted: rows.len() as u64, ..Pushed::default() }
                }
                Admission::Sorted { measures, pushed } => {
                    series.apply_sorted(plan, sequence, &measures);
                    pushed
                }
            };
            if pushed.accepted > 0 && series.mark_dirty() {
                dirty.push(*key);
            }
            total += pushed;
            batch.outcome.push((MetricKey::new(*key), pushed));
        }
        if !dirty.is_empty() {
            self.dirty.lock().extend(dirty);
        }
        Ok(total)
    }

    /// Applies a replayed batch: keys ascending, each metric's measures as they were accepted.
    pub(super) fn replay_group(&self, key: u64, timestamps: &[i64], values: &[f64], sequence: u64) -> Result<bool> {
        let mut series = match self.state.lock_series(key) {
            Ok(series) => series,
            // Measures of a metric that was deleted later are no surprise.
            Err(Error::UnknownMetric { .. }) => return Ok(self.state.deleted.lock().contains(&key)),
            Err(error) => return Err(error),
        };
        let plan = plan_of(&self.plans(), key, series.policy())?;
        if !series.replay(&plan, sequence, timestamps, values) {
            return Ok(true);
        }
        if series.mark_dirty() {
            self.dirty.lock().push(key);
        }
        self.dirty_measures.fetch_add(timestamps.len() as u64, Ordering::Relaxed);
        Ok(true)
    }
}
