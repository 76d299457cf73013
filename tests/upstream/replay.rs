//! The same inputs, given to the database.

use std::time::Duration;

use gnocchetti::{
    ArchivePolicy, Columns, Database, Definition, Durability, MetricKey, NewMetric, Options, Pushed, Query, Timespan,
    Timestamp,
};

use crate::recording::{Asked, Series};

/// A database that has had all measures of all series.
pub struct Replay {
    pub db: Database,
    pub keys: Vec<MetricKey>,
    /// For each series, what became of each of its batches.
    pub pushed: Vec<Vec<Pushed>>,
    _directory: tempfile::TempDir,
}

impl Replay {
    /// Pushes the first batches of all series at once, then the second ones, and so on. Between them the database seals
    /// and merges, which no answer may show.
    pub fn new(all: &[Series]) -> Replay {
        let directory = tempfile::tempdir().expect("a directory");
        let options = Options::new().background(false).durability(Durability::Kernel(Duration::from_secs(60)));
        let db = Database::open(directory.path().join("db"), options.max_future(None)).expect("opened");
        let mut keys = Vec::new();
        for (number, series) in all.iter().enumerate() {
            let name = format!("series {number}");
            db.create_archive_policy(&policy(&name, series)).expect("a policy of Gnocchi's is one of ours");
            let metric = db.create_metric(NewMetric::named(&name).archive_policy(&name)).expect("created");
            keys.push(metric.key);
        }
        let mut replay = Replay { db, keys, pushed: all.iter().map(|_| Vec::new()).collect(), _directory: directory };
        let rounds = all.iter().map(|series| series.batches.len()).max().unwrap_or_default();
        for round in 0..rounds {
            replay.push(all, round);
            if round % 2 == 0 {
                replay.db.checkpoint().expect("written");
            }
            if round % 3 == 2 {
                replay.db.maintain().expect("merged");
            }
        }
        replay
    }

    fn push(&mut self, all: &[Series], round: usize) {
        let mut batch = self.db.batch();
        for (series, key) in all.iter().zip(&self.keys) {
            if let Some(points) = series.batches.get(round) {
                batch.extend(*key, &points.0.timestamps, &points.0.values).expect("no time before the epoch");
            }
        }
        let report = batch.commit().expect("pushed");
        for (key, pushed) in report.per_metric() {
            let number = self.keys.iter().position(|known| known == key).expect("a key of ours");
            self.pushed[number].push(*pushed);
        }
    }

    /// The database's answer to what Gnocchi was asked, for each method.
    pub fn answer(&self, number: usize, asked: &Asked) -> Vec<Columns> {
        let at = |nanos| Timestamp::from_nanos(nanos).expect("not before the epoch");
        let mut query = Query::new(self.keys[number]).granularity(timespan(asked.granularity));
        if let Some(from) = asked.from {
            query = query.from(at(from));
        }
        if let Some(to) = asked.to {
            query = query.to(at(to));
        }
        if let Some(sampling) = asked.resample {
            query = query.resample(sampling);
        }
        self.db.measures_of(&query, &asked.methods).expect("answered")
    }
}

fn timespan(nanos: i64) -> Timespan {
    Timespan::from_nanos(nanos).expect("positive")
}

fn policy(name: &str, series: &Series) -> ArchivePolicy {
    let mut policy = ArchivePolicy::builder(name).back_window(series.back_window);
    for (granularity, points) in &series.archives {
        policy = policy.definition(Definition::new(Some(timespan(*granularity)), *points, None).expect("a definition"));
    }
    policy.aggregation_methods(series.methods.iter().map(ToString::to_string)).build().expect("valid")
}
