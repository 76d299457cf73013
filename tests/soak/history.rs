//! What was pushed to a metric, and what the database must therefore answer, computed in the simplest way.
//!
//! A metric's measures are numbered; number and metric say when it was and what. How many were acknowledged says all.

use std::sync::atomic::{AtomicU64, Ordering};

use gnocchetti::{
    AggregationMethod, ArchivePolicy, Columns, Database, Definition, MetricKey, Query, Timespan, Timestamp,
};

/// Between one measure and the next, ns.
const STEP: i64 = 30_000_000_000;
/// How many measures make a group of each archive, and how many groups are kept: half a minute each for six hours, a
/// minute each for a day.
const ARCHIVES: [(u64, u64); 2] = [(1, 720), (2, 1440)];
const METHODS: [&str; 6] = ["count", "sum", "min", "max", "last", "rate:max"];
/// A measure so many steps before the newest is late: two blocks are open behind the newest one, for back window and rate.
pub const LATE: u64 = 8;
/// How many measures of a metric one partition of the coarsest archive has (3600 groups).
pub const PARTITION: u64 = 3600 * ARCHIVES[1].0;

pub fn policy(name: &str) -> ArchivePolicy {
    let archive = |(steps, points): (u64, u64)| {
        Definition::new(Some(Timespan::from_nanos(steps as i64 * STEP).unwrap()), Some(points), None).unwrap()
    };
    let policy = ArchivePolicy::builder(name).back_window(1).definitions(ARCHIVES.map(archive));
    policy.aggregation_methods(METHODS).build().unwrap()
}

pub fn time(n: u64) -> Timestamp {
    Timestamp::from_nanos(n as i64 * STEP).unwrap()
}

/// A metric, and how far it has come: pushes count up `begun` before they begin, `acked` after they returned.
#[derive(Debug)]
pub struct History {
    pub key: MetricKey,
    begun: AtomicU64,
    acked: AtomicU64,
}

/// What a group of measures comes to, by [`METHODS`].
type Aggregates = [Option<f64>; METHODS.len()];

impl History {
    pub fn new(key: MetricKey) -> Self {
        History { key, begun: AtomicU64::new(0), acked: AtomicU64::new(0) }
    }

    pub fn begin(&self, measures: u64) {
        self.begun.fetch_add(measures, Ordering::SeqCst);
    }

    pub fn acknowledge(&self, measures: u64) {
        self.acked.fetch_add(measures, Ordering::SeqCst);
    }

    pub fn acked(&self) -> u64 {
        self.acked.load(Ordering::SeqCst)
    }

    /// The `n`th measure's value: a whole number, of which sums are exact; it rises slowly, jumps, and is noisy.
    pub fn value(&self, n: u64) -> f64 {
        let noise = (n ^ self.key.get() << 7).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
        ((n / 16 + self.key.get()) % 1000 + noise) as f64
    }

    fn aggregates(&self, measures: std::ops::Range<u64>) -> Aggregates {
        let values = || measures.clone().map(|n| self.value(n));
        let rates = measures.clone().filter(|n| *n > 0).map(|n| self.value(n) - self.value(n - 1));
        [
            Some(measures.clone().count() as f64),
            Some(values().sum()),
            values().reduce(f64::min),
            values().reduce(f64::max),
            values().last(),
            rates.reduce(f64::max),
        ]
    }

    /// Compares what the database answers now with what was pushed, `acked` of it for certain; returns how many points
    /// were compared. What is being pushed may be there or not.
    pub fn check(&self, db: &Database, acked: u64) -> Result<u64, String> {
        let mut compared = 0;
        for archive in ARCHIVES {
            let granularity = Timespan::from_nanos(archive.0 as i64 * STEP).unwrap();
            let methods = METHODS.map(|name| name.parse::<AggregationMethod>().unwrap());
            let query = Query::new(self.key).granularity(granularity);
            let answer = db.measures_of(&query, &methods).map_err(|error| format!("metric {}: {error}", self.key))?;
            let begun = self.begun.load(Ordering::SeqCst);
            let wrong = |why: String| format!("metric {}, {granularity}, {acked} to {begun} pushed: {why}", self.key);
            compared += self.compare(archive, &answer, acked, begun).map_err(wrong)?;
        }
        Ok(compared)
    }

    fn compare(&self, archive: (u64, u64), answer: &[Columns], acked: u64, begun: u64) -> Result<u64, String> {
        let (steps, points) = archive;
        // The newest group, and with it the oldest that is kept, is that of a measure pushed for certain, or being pushed.
        let kept_from = |pushed: u64| (pushed.max(1) - 1) / steps + 1 - points.min((pushed.max(1) - 1) / steps + 1);
        let (may_be_there, must_be_there) = (kept_from(acked), kept_from(begun));
        let whole = if acked == begun { acked.div_ceil(steps) } else { acked / steps };
        let mut compared = 0;
        for (column, columns) in answer.iter().enumerate() {
            let group = |timestamp: i64| timestamp as u64 / (steps * STEP as u64);
            if let Some(early) = columns.timestamps.first().filter(|first| group(**first) < may_be_there) {
                return Err(format!("{}: a group that expired is there, at {early}", METHODS[column]));
            }
            let mut there = columns.iter().map(|(timestamp, value)| (group(timestamp), value)).peekable();
            while there.next_if(|(group, _)| *group < must_be_there).is_some() {}
            for group in must_be_there..whole {
                let measures = group * steps..((group + 1) * steps).min(begun);
                let Some(expected) = self.aggregates(measures)[column] else { continue };
                match there.next() {
                    Some(found) if found == (group, expected) => compared += 1,
                    found => return Err(format!("{}: {found:?}, not {:?}", METHODS[column], (group, expected))),
                }
            }
            if let Some((beyond, _)) = there.find(|(group, _)| group * steps >= begun) {
                return Err(format!("{}: group {beyond} was never pushed", METHODS[column]));
            }
        }
        Ok(compared)
    }
}
