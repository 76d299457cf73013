//! Archive policies: what is kept of a metric, how finely, how long, and how late a measure may come.

use super::{MethodSet, Timespan};

/// One archive of a policy: `points` aggregates, one every `granularity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    granularity: Timespan,
    points: Option<u64>,
}

impl Definition {
    /// The length of a group.
    pub fn granularity(&self) -> Timespan {
        self.granularity
    }

    /// How many groups are kept; `None`: for ever.
    pub fn points(&self) -> Option<u64> {
        self.points
    }

    /// How long groups are kept: granularity × points; `None`: for ever.
    pub fn timespan(&self) -> Option<Timespan> {
        unimplemented!()
    }
}

/// What is kept of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchivePolicy {
    name: String,
    back_window: u32,
    definitions: Vec<Definition>,
    methods: MethodSet,
}

/// What [`ArchivePolicy`] may change.
#[derive(Debug, Clone, Default)]
pub struct ArchivePolicyUpdate {}

impl ArchivePolicy {
    /// Its definitions, finest granularity first.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// How many blocks of its coarsest granularity stay open behind the newest measure.
    pub fn back_window(&self) -> u32 {
        self.back_window
    }

    /// The methods in effect (`*`, `+m`, `-m` resolved).
    pub fn methods(&self) -> &MethodSet {
        &self.methods
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
