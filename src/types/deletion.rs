//! Deleting a stretch of time of one metric: what is asked, and what became of it. Plain data.

use super::{Timespan, Timestamp};

/// What becomes of a sealed group that lies partly inside of the deleted time, when what is left of it cannot be computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Partial {
    /// It stays as it is, with the deleted measures in it.
    #[default]
    Keep,
    /// It is removed, with the measures in it that were not to be deleted.
    Remove,
}

/// How measures are deleted.
///
/// ```
/// use gnocchetti::{DeleteOptions, Partial};
///
/// let options = DeleteOptions::new().partial(Partial::Remove);
/// assert_ne!(options, DeleteOptions::new());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    pub(crate) partial: Partial,
}

impl DeleteOptions {
    /// The defaults.
    pub fn new() -> Self {
        DeleteOptions::default()
    }

    /// What becomes of sealed groups partly inside that cannot be computed anew. Default: [`Partial::Keep`].
    #[must_use]
    pub fn partial(mut self, partial: Partial) -> Self {
        self.partial = partial;
        self
    }
}

/// What became of a sealed group that lay partly inside of the deleted time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartialOutcome {
    /// It is what the measures left in it make, bit for bit; nothing, when there are none.
    Recomputed,
    /// It is as it was, the deleted measures in it.
    Kept,
    /// It is gone, measures that were not to be deleted with it.
    Removed,
}

impl PartialOutcome {
    /// Its name: `recomputed`, `kept` or `removed`.
    pub fn name(self) -> &'static str {
        match self {
            PartialOutcome::Recomputed => "recomputed",
            PartialOutcome::Kept => "kept",
            PartialOutcome::Removed => "removed",
        }
    }
}

/// A sealed group that lay partly inside of the deleted time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialGroup {
    /// Its archive: the length of the group.
    pub granularity: Timespan,
    /// When it starts.
    pub start: Timestamp,
    /// What became of it.
    pub outcome: PartialOutcome,
}

/// What a deletion did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedMeasures {
    /// How many raw measures were removed: those that could still change an aggregate. Of groups that had closed nobody knows
    /// how many were in them.
    pub removed: u64,
    /// The metric's newest measure that is left. Where only aggregates are left of the time before the deleted one, it is
    /// the start of the newest of their groups; `None`: nothing is left.
    pub newest: Option<Timestamp>,
    /// From when on the metric accepts measures, until a newer one closes more: what had closed stays closed.
    pub accepted_from: Timestamp,
    /// The sealed groups that lay partly inside, finest archive first, each archive's in order of time.
    pub partial: Vec<PartialGroup>,
}
