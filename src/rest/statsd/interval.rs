//! What statsd's lines have said since the last flush, and what measures that makes.
//!
//! A counter is one measure, the sum since the last flush; a gauge that was set or changed is one, its value; a set is one,
//! how many different members there were; each timing is a measure of its own. Times are those of arrival, and no two are the
//! same, so that no measure takes the place of another. Memory is bounded: what would go beyond is refused, and so is what would make
//! a sum or a gauge greater than numbers are. A gauge is never forgotten, as changes of it count from what it was.

use std::collections::{HashMap, HashSet};

use super::line::{Change, Line, Samples};
use crate::rest::ingest::Incoming;
use crate::rest::metric_name::labelled;
use crate::{Timestamp, Uuid};

/// How many different counters, timings and sets may wait.
const MOST_METRICS: usize = 100_000;

/// How many different gauges are remembered.
const MOST_GAUGES: usize = 100_000;

/// How many members of sets, and how many timings, may wait.
const MOST_VALUES: usize = 100_000;

/// How many timings are enough to push them before the interval ends.
const MANY_TIMINGS: usize = 10_000;

/// Everything since the last flush.
#[derive(Debug, Default)]
pub(super) struct Interval {
    counters: HashMap<String, (i64, f64)>,
    gauges: HashMap<String, Gauge>,
    timings: HashMap<String, (Vec<i64>, Vec<f64>)>,
    sets: HashMap<String, (i64, HashSet<Uuid>)>,
    waiting_timings: usize,
    waiting_members: usize,
    /// The time of the latest value, which the next one must be after.
    clock: i64,
}

/// A gauge: what it is, and when that was said, if it was said since the last flush.
#[derive(Debug)]
struct Gauge {
    value: f64,
    said: Option<i64>,
}

/// Why what a line says is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// So much waits as may.
    Full,
    /// So many gauges are remembered as may be.
    Gauges,
    /// A sum or a gauge would be greater than numbers are.
    Overflow,
}

impl Unfit {
    /// All there are, as counters call them.
    pub(super) const NAMES: [&'static str; 3] = ["full", "gauges", "overflow"];

    /// What counters call it.
    pub(super) fn name(self) -> &'static str {
        Unfit::NAMES[self as usize]
    }
}

impl Interval {
    /// Takes what a line says that came at this time: all of it or, when it does not fit, nothing.
    pub(super) fn take(&mut self, line: &Line, now: Timestamp) -> Result<(), Unfit> {
        let metric = metric(line);
        match &line.samples {
            Samples::Counts(values) => self.count(metric, values.iter().sum::<f64>() / line.rate, now),
            Samples::Gauge(changes) => self.gauge(metric, changes, now),
            Samples::Timings(_, values) => self.timings(metric, values, now),
            Samples::Member(member) => self.member(metric, member, now),
        }
    }

    /// Refuses what there is no room for: one more metric when it is not known, and so many values.
    fn must_have_room(&self, known: bool, values: usize) -> Result<(), Unfit> {
        let metrics = self.counters.len() + self.timings.len() + self.sets.len();
        if values > MOST_VALUES || (!known && metrics >= MOST_METRICS) { Err(Unfit::Full) } else { Ok(()) }
    }

    /// Whether so many timings wait that they are to be pushed now.
    pub(super) fn has_many(&self) -> bool {
        self.waiting_timings >= MANY_TIMINGS
    }

    /// Hands over what waits, as measures of this resource: everything at the end of an interval, timings before it.
    pub(super) fn measures(&mut self, resource: &str, at_end: bool) -> Incoming {
        let mut incoming = Incoming::of("generic");
        self.waiting_timings = 0;
        for (metric, (times, values)) in self.timings.drain() {
            incoming.extend(resource, metric, times, values);
        }
        if !at_end {
            return incoming;
        }
        self.waiting_members = 0;
        for (metric, (time, sum)) in self.counters.drain() {
            incoming.extend(resource, metric, vec![time], vec![sum]);
        }
        for (metric, (time, members)) in self.sets.drain() {
            incoming.extend(resource, metric, vec![time], vec![members.len() as f64]);
        }
        for (metric, gauge) in &mut self.gauges {
            if let Some(time) = gauge.said.take() {
                incoming.extend(resource, metric.clone(), vec![time], vec![gauge.value]);
            }
        }
        incoming
    }

    fn count(&mut self, metric: String, more: f64, now: Timestamp) -> Result<(), Unfit> {
        let before = self.counters.get(&metric).map(|(_, sum)| *sum);
        self.must_have_room(before.is_some(), 0)?;
        let sum = finite(before.unwrap_or_default() + more)?;
        let time = self.next(now);
        self.counters.insert(metric, (time, sum));
        Ok(())
    }

    fn gauge(&mut self, metric: String, changes: &[Change], now: Timestamp) -> Result<(), Unfit> {
        let before = self.gauges.get(&metric).map(|gauge| gauge.value);
        if before.is_none() && self.gauges.len() >= MOST_GAUGES {
            return Err(Unfit::Gauges);
        }
        let change = |value: f64, change: &Change| match change {
            Change::To(value) => Ok(*value),
            Change::By(more) => finite(value + more),
        };
        let value = changes.iter().try_fold(before.unwrap_or_default(), change)?;
        let time = self.next(now);
        self.gauges.insert(metric, Gauge { value, said: Some(time) });
        Ok(())
    }

    fn timings(&mut self, metric: String, values: &[f64], now: Timestamp) -> Result<(), Unfit> {
        self.must_have_room(self.timings.contains_key(&metric), self.waiting_timings + values.len())?;
        let first = self.next(now);
        self.clock = first.saturating_add(values.len() as i64 - 1);
        self.waiting_timings += values.len();
        let waiting = self.timings.entry(metric).or_default();
        waiting.0.extend((first..).take(values.len()));
        waiting.1.extend(values);
        Ok(())
    }

    fn member(&mut self, metric: String, member: &str, now: Timestamp) -> Result<(), Unfit> {
        self.must_have_room(self.sets.contains_key(&metric), self.waiting_members + 1)?;
        let time = self.next(now);
        let set = self.sets.entry(metric).or_default();
        set.0 = time;
        // Members may be long, and only their number counts.
        self.waiting_members += usize::from(set.1.insert(Uuid::new_v5(&Uuid::NAMESPACE_OID, member.as_bytes())));
        Ok(())
    }

    /// The time of a value that came at this one.
    fn next(&mut self, now: Timestamp) -> i64 {
        self.clock = now.nanos().max(self.clock.saturating_add(1));
        self.clock
    }
}

fn finite(value: f64) -> Result<f64, Unfit> {
    if value.is_finite() { Ok(value) } else { Err(Unfit::Overflow) }
}

/// `name|type@tag=value`: as Gnocchi calls it, with the tags behind.
fn metric(line: &Line) -> String {
    let kind = match &line.samples {
        Samples::Counts(_) => "c",
        Samples::Gauge(_) => "g",
        Samples::Timings(timing, _) => timing.name(),
        Samples::Member(_) => "s",
    };
    let values = line.tags.values().map(|values| values.iter().map(String::as_str).collect::<Vec<_>>().join(","));
    let values: Vec<String> = values.collect();
    let tags = line.tags.keys().map(String::as_str).zip(values.iter().map(String::as_str));
    labelled(&format!("{}|{kind}", line.name), tags)
}
