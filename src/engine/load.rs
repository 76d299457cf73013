//! Bringing a series into memory when it is first touched, and the snapshots that queries answer from.

use std::sync::Arc;

use parking_lot::MutexGuard;

use super::state::{Plans, State};
use crate::error::{Error, Result};
use crate::head::{Plan, Presence, Run, Series, Window};
use crate::query::{Request, Snapshot, View};
use crate::types::{MetricKey, MetricStatus, SeriesState};

impl State {
    /// Locks a series and makes sure that it is in memory.
    pub(super) fn lock_series(&self, key: u64) -> Result<MutexGuard<'_, Series>> {
        let slot = self.series.slot(key).ok_or_else(|| unknown(key))?;
        let mut series = slot.lock();
        self.ensure_loaded(key, &mut series)?;
        Ok(series)
    }

    /// Makes sure that a locked series is in memory.
    pub(super) fn ensure_loaded(&self, key: u64, series: &mut Series) -> Result<()> {
        match series.presence() {
            Presence::Resident => Ok(()),
            Presence::Deleted => Err(unknown(key)),
            Presence::Unknown => {
                self.load(key, series)?;
                match &self.tail {
                    Some(tail) => tail.lock().apply(key, series),
                    None => Ok(()),
                }
            }
        }
    }

    fn load(&self, key: u64, series: &mut Series) -> Result<()> {
        if self.deleted.lock().contains(&key) {
            series.delete();
            return Err(unknown(key));
        }
        let view = self.view();
        if let Some((state, has_measures)) = view.series(key)? {
            let window = if has_measures { Window::Stored } else { Window::Runs(Vec::new()) };
            series.load(&state, window);
            return Ok(());
        }
        let found = self.index.metric_by_key(MetricKey::new(key))?;
        let active = found.filter(|stored| stored.metric.status == MetricStatus::Active);
        let stored = active.ok_or_else(|| unknown(key))?;
        series.load(&SeriesState::new(stored.policy_id), Window::Runs(Vec::new()));
        Ok(())
    }

    /// Makes freshly created metrics known, so that their first push looks nothing up. Another thread may have found one in
    /// the index, pushed to it and had it evicted before this one comes to it: then segments know it, and say what it is.
    pub fn adopt(&self, key: MetricKey, policy: u32) {
        if let Some(slot) = self.series.slot(key.get()) {
            let mut series = slot.lock();
            if series.presence() == Presence::Unknown && matches!(self.view().series(key.get()), Ok(None)) {
                series.load(&SeriesState::new(policy), Window::Runs(Vec::new()));
            }
        }
    }

    /// Brings the stored runs of a window back into memory.
    pub(super) fn restore_window(&self, key: u64, series: &mut Series, plan: &Plan) -> Result<()> {
        if !series.has_window() {
            let keep_from = plan.keep_from(series.state().stored_until);
            let runs = self.view().runs(key, keep_from..i64::MAX)?;
            let bytes: u64 = runs.iter().map(Run::bytes).sum();
            self.window_bytes.fetch_add(bytes as i64, std::sync::atomic::Ordering::Relaxed);
            series.restore_window(runs);
        }
        Ok(())
    }

    /// What a query needs, taken under the series' lock.
    pub fn snapshot(&self, key: MetricKey, request: &dyn Fn(&Plan) -> Result<Request>) -> Result<Snapshot> {
        let series = self.lock_series(key.get())?;
        let plan = self.plan_in_force(key.get(), series.policy())?;
        // Under the series' lock: segments are published before series are released, so the view has all that the series
        // no longer holds.
        Snapshot::take(key.get(), &series, &plan, self.view(), &request(&plan)?)
    }

    /// The series' state, without keeping it in memory; `None` when the metric is gone.
    pub(super) fn series_state(&self, key: u64, view: &View) -> Result<Option<SeriesState>> {
        self.look(key, view, Series::state, |stored| stored)
    }

    /// The newest measure by which a series' points may expire, and its policy; `None` when the metric is gone.
    ///
    /// It is that of the state in segments, before its clock jumped if that can still be undone; also of a series in memory, where
    /// it is at hand, so that nothing is read. What came in since may be lost with the power: a batch that made a jump final, too.
    pub(super) fn expires_by(&self, key: u64, view: &View) -> Result<Option<(i64, u32)>> {
        let of_resident = |series: &Series| (series.stored_newest(), series.policy());
        self.look(key, view, of_resident, |stored| (stored.before_jump().newest, stored.policy))
    }

    /// Looks at a series in memory, or at what segments know of it.
    fn look<T>(
        &self,
        key: u64,
        view: &View,
        resident: impl FnOnce(&Series) -> T,
        stored: impl FnOnce(SeriesState) -> T,
    ) -> Result<Option<T>> {
        let Some(slot) = self.series.slot(key) else { return Ok(None) };
        let series = slot.lock();
        match series.presence() {
            Presence::Resident => Ok(Some(resident(&series))),
            Presence::Deleted => Ok(None),
            Presence::Unknown if self.deleted.lock().contains(&key) => Ok(None),
            Presence::Unknown => Ok(view.series(key)?.map(|(state, _)| stored(state))),
        }
    }

    /// The newest and the oldest time that a metric has something at; `None` when it never had a measure.
    pub fn newest(&self, key: MetricKey) -> Result<Option<i64>> {
        let newest = self.lock_series(key.get())?.state().newest;
        Ok((newest >= 0).then_some(newest))
    }

    /// The policy of a metric.
    pub fn plan(&self, key: MetricKey) -> Result<Arc<Plan>> {
        let policy = self.lock_series(key.get())?.policy();
        self.plan_in_force(key.get(), policy)
    }

    /// The plan of a series' policy. One that was created just now, or by another process, only the index may know.
    fn plan_in_force(&self, key: u64, policy: u32) -> Result<Arc<Plan>> {
        let known = plan_of(&self.plans(), key, policy);
        if known.is_ok() {
            return known;
        }
        let stored = self.index.archive_policies()?.into_iter().find(|stored| stored.id == policy);
        stored.map_or(known, |stored| Ok(Arc::new(Plan::new(stored.id, stored.revision, stored.policy))))
    }
}

/// The error of a key that no metric has.
pub(super) fn unknown(key: u64) -> Error {
    Error::UnknownMetric { metric: format!("key {key}") }
}

/// The plan of a series' policy.
pub(super) fn plan_of(plans: &Plans, key: u64, policy: u32) -> Result<Arc<Plan>> {
    plans
        .get(&policy)
        .cloned()
        .ok_or_else(|| Error::UnknownArchivePolicy { name: format!("number {policy} of metric key {key}") })
}
