//! Upkeep of resources: those whose metrics fell silent are ended, those measured again are opened, those that ended long
//! ago are deleted.
//!
//! No push takes part: when a metric was measured last is asked of its series, or of the segments, and only for metrics
//! of resources. A pass takes no lock for longer than a page of them.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::{Counters, Engine};
use crate::error::Result;
use crate::types::{DeletedResources, Timespan, Timestamp};

/// So many metrics are looked at, and so many resources changed, at a time.
const PAGE: usize = 1000;
/// A pass begins every tenth of the shortest time that is waited for, but not more and not less often than so.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(300);

impl Engine {
    /// How often the options want a pass; `None`: never.
    pub(super) fn upkeep_interval(&self) -> Option<Duration> {
        let options = [self.options.resource_inactive_after, self.options.resource_cleanup_after];
        let shortest = options.into_iter().flatten().map(Timespan::nanos).min()?;
        Some(Duration::from_nanos(shortest as u64 / 10).clamp(SHORTEST, LONGEST))
    }

    /// One pass, as far as the options want it.
    pub(super) fn upkeep(&self) -> Result<()> {
        let before = |now: Timestamp, span: Timespan| Timestamp::from_nanos((now.nanos() - span.nanos()).max(0));
        if let Some(span) = self.options.resource_inactive_after {
            self.normalize_ends(before(now(), span)?)?;
        }
        if let Some(span) = self.options.resource_cleanup_after {
            let before = before(now(), span)?;
            while !self.stopping.load(Ordering::Acquire) {
                if self.delete_ended_resources(before, PAGE)?.resources < PAGE {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Passes until the engine stops.
    pub(super) fn run_upkeep(&self) {
        let Some(interval) = self.upkeep_interval() else { return };
        loop {
            let (stop, condition) = &self.stop;
            let mut stopped = stop.lock();
            if !*stopped {
                condition.wait_for(&mut stopped, interval);
            }
            if *stopped {
                return;
            }
            drop(stopped);
            let outcome = self.check_writable().and_then(|()| self.upkeep());
            *self.upkeep_error.lock() = outcome.err().map(|error| error.to_string());
        }
    }

    /// Ends the resources all of whose metrics were silent since a time, and takes their end from those that were measured
    /// at their end or later. Returns the ids of the former and of the latter.
    pub fn normalize_ends(&self, silent_since: Timestamp) -> Result<(Vec<Uuid>, Vec<Uuid>)> {
        self.check_usable()?;
        let (mut ended, mut reopened) = (Vec::new(), Vec::new());
        let (mut silent, mut measured) = (Vec::new(), Vec::new());
        let mut after = None;
        while !self.stopping.load(Ordering::Acquire) {
            let page = self.index().metrics_of_resources(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            let view = self.view();
            for metric in &page {
                let state = self.state.series_state(metric.key.get(), &view)?;
                let newest = state.map_or(-1, |state| state.newest);
                match metric.resource_ended_at {
                    Some(end) if newest >= end.nanos() => measured.push((metric.key, Timestamp::from_nanos(newest)?)),
                    // What was created since, and not measured yet, is not silent.
                    None if newest.max(metric.created_at.nanos()) < silent_since.nanos() => silent.push(metric.key),
                    _ => {}
                }
            }
        }
        for measured in measured.chunks(PAGE) {
            reopened.extend(self.index().reopen_resources(measured, now())?);
        }
        for ids in self.index().silent_resources(&silent)?.chunks(PAGE) {
            ended.extend(self.index().end_resources(ids, now(), now())?);
        }
        Counters::add(&self.counters.resources_ended, ended.len() as u64);
        Counters::add(&self.counters.resources_reopened, reopened.len() as u64);
        Ok((ended, reopened))
    }

    /// Deletes up to `limit` resources that ended before a time.
    pub fn delete_ended_resources(&self, before: Timestamp, limit: usize) -> Result<DeletedResources> {
        self.check_usable()?;
        let deleted = self.index().delete_ended_resources(before, limit)?;
        self.forget_deleted(&deleted.metrics)?;
        Counters::add(&self.counters.resources_deleted, deleted.resources as u64);
        Ok(deleted)
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)).unwrap_or_default()
}
