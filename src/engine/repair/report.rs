//! What a repair says: each damaged place, what became of it, and exactly what is gone.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::engine::check::Finding;

/// What became of what a damaged place held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Nobody needed it any more: a later state, expired groups, measures whose groups are all sealed, a deleted metric.
    NotNeeded,
    /// It was made again, to the last bit.
    Rebuilt,
    /// A part of it was made again: all but [`Repair::methods`].
    PartlyRebuilt,
    /// It is gone.
    Lost,
}

/// A damaged place, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Repair {
    /// What was damaged, where, and whose it was. The file is the one that was damaged, which is there no more.
    #[serde(flatten)]
    pub finding: Finding,
    /// What became of it.
    pub outcome: Outcome,
    /// The first and the last time (ns) of what is gone: of raw measures, or starts of groups; `None` when nothing is, or when
    /// nobody can tell.
    pub lost: Option<(i64, i64)>,
    /// The aggregation methods that are gone, when not all are.
    pub methods: Vec<String>,
    /// Where the damaged bytes are kept; `None` when there were none.
    #[serde(serialize_with = "optional_path")]
    pub quarantined: Option<PathBuf>,
}

/// Records of the journal that are gone: pushes, of whichever metrics, that were not in segments yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JournalLoss {
    /// The journal's file.
    #[serde(serialize_with = "crate::engine::check::path")]
    pub file: PathBuf,
    /// The byte at which reading stopped.
    pub offset: u64,
    /// The numbers of the first and the last record that are gone.
    pub records: (u64, u64),
    /// What stands there instead.
    pub what: String,
    /// Where a copy of the file is kept; `None` when it was not there.
    #[serde(serialize_with = "optional_path")]
    pub quarantined: Option<PathBuf>,
}

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RepairReport {
    /// Each damaged place of the segments, in the order of the walk.
    pub repairs: Vec<Repair>,
    /// What the journal lacks.
    pub journal: Vec<JournalLoss>,
}

impl RepairReport {
    /// Whether nothing is gone.
    pub fn is_whole(&self) -> bool {
        let kept = |repair: &Repair| matches!(repair.outcome, Outcome::NotNeeded | Outcome::Rebuilt);
        self.journal.is_empty() && self.repairs.iter().all(kept)
    }
}

#[allow(clippy::ref_option, reason = "that is how serde calls it")]
fn optional_path<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Path::to_string_lossy).serialize(serializer)
}
