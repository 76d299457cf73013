//! An archive policy made ready for the push path: its numbers looked up once, not once a measure.

use crate::carbonara;
use crate::types::{AggregationMethod, ArchivePolicy, MethodSet};

/// One archive of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// The length of a group, in ns.
    pub granularity: i64,
    /// How long groups are kept, in ns; `None`: for ever.
    pub timespan: Option<i64>,
}

impl Archive {
    /// The start from which groups are still kept when `newest` is the metric's newest measure.
    pub fn kept_from(&self, newest: i64) -> i64 {
        match carbonara::retention_floor(newest, self.granularity, self.timespan) {
            Some(floor) => floor.saturating_add(1).max(0),
            None => 0,
        }
    }
}

/// A policy in force, with its number and revision in the index.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The policy's number in the index.
    pub id: u32,
    /// Bumped by each change of the policy.
    pub revision: u64,
    /// The policy itself.
    pub policy: ArchivePolicy,
    /// The coarsest granularity, in ns.
    pub block: i64,
    /// How many blocks stay open behind the newest measure's.
    pub window_blocks: u32,
    /// The archives, finest first.
    pub archives: Vec<Archive>,
    /// What segments store of each group.
    pub stored: MethodSet,
}

impl Plan {
    /// The plan of a policy.
    pub fn new(id: u32, revision: u64, policy: ArchivePolicy) -> Self {
        let archives = policy.definitions().iter().map(|definition| Archive {
            granularity: definition.granularity().nanos(),
            timespan: definition.timespan().map(crate::types::Timespan::nanos),
        });
        let archives: Vec<Archive> = archives.collect();
        let mut stored = policy.methods().stored();
        // Whether a group has a `std` follows from its count, which costs almost nothing to store.
        if stored.contains(AggregationMethod::STD) {
            stored.insert(AggregationMethod::COUNT);
        }
        if stored.contains(AggregationMethod::STD.rate()) {
            stored.insert(AggregationMethod::COUNT.rate());
        }
        Plan {
            id,
            revision,
            block: archives.last().map_or(1, |archive| archive.granularity),
            window_blocks: u32::try_from(policy.window_blocks()).unwrap_or(u32::MAX),
            stored,
            archives,
            policy,
        }
    }

    /// Rule 1: measures at or after this are accepted when `newest` is the newest one so far.
    pub fn first_mutable(&self, newest: i64, sealed_until: i64) -> i64 {
        carbonara::first_mutable(newest, self.block, self.window_blocks, sealed_until)
    }

    /// The start of the block that holds a time.
    pub fn block_of(&self, time: i64) -> i64 {
        carbonara::group_start(time, self.block)
    }

    /// Whether a batch up to `last` moves a window whose newest measure is `newest` by more than one block.
    pub fn jumps(&self, newest: i64, last: i64) -> bool {
        let moved = self.block_of(last).saturating_sub(self.block_of(newest));
        moved > self.block
    }

    /// Rule 3: raw measures at or after this are still needed.
    pub fn keep_from(&self, sealed_until: i64) -> i64 {
        carbonara::keep_from(sealed_until, self.archives.iter().map(|archive| archive.granularity))
    }

    /// The archive of this granularity.
    pub fn archive(&self, granularity: i64) -> Option<&Archive> {
        self.archives.iter().find(|archive| archive.granularity == granularity)
    }
}
