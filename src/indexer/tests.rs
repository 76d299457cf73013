mod mending;
mod metrics;
mod opening;
mod plans;
mod policies;
mod resource_types;
mod resources;
mod rules;
mod search_metrics;
mod search_model;
mod search_plans;
mod searches;

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::types::{ArchivePolicy, Definition, MetricKey, NewMetric, Timespan, Timestamp};

/// An index in a directory of its own, with the default policies.
struct Fixture {
    indexer: Indexer,
    directory: TempDir,
}

impl std::ops::Deref for Fixture {
    type Target = Indexer;

    fn deref(&self) -> &Indexer {
        &self.indexer
    }
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let indexer = Indexer::open(&directory.path().join("index.sqlite")).unwrap();
        indexer.create_default_policies().unwrap();
        Fixture { indexer, directory }
    }

    /// Closes it without a word, as a crash would, and opens it again.
    fn reopened(self) -> Self {
        let Fixture { indexer, directory } = self;
        let path = indexer.path.clone();
        drop(indexer);
        Fixture { indexer: Indexer::open(&path).unwrap(), directory }
    }

    fn create(&self, metric: NewMetric) -> StoredMetric {
        self.create_metrics(&[metric], now()).unwrap().remove(0)
    }
}

fn now() -> Timestamp {
    Timestamp::from_nanos(1_425_652_440_123_456_789).unwrap()
}

fn policy(name: &str) -> ArchivePolicy {
    ArchivePolicy::builder(name).definition(Definition::points_of(Timespan::MINUTE, 60).unwrap()).build().unwrap()
}

fn keys(metrics: &[StoredMetric]) -> Vec<MetricKey> {
    metrics.iter().map(|stored| stored.metric.key).collect()
}
