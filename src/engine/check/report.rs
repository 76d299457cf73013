//! What a check says: findings, each with its place, whose data it touches, and what to do.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::error::Corruption;
use crate::segment::{Entry, MEASURES, STATE};

/// So many findings are listed; of more, there is only the number.
const LISTED: usize = 1 << 16;

/// What kind of trouble a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// MANIFEST cannot be read: nobody knows which files count.
    Manifest,
    /// A file that MANIFEST names is not there.
    MissingFile,
    /// The header, footer or trailer of a segment is damaged: the database does not open.
    Segment,
    /// A block of chunk entries is damaged: its chunks, up to 128, cannot be told apart.
    Entries,
    /// The bytes of a chunk are not those that were written, or cannot be read.
    Chunk,
    /// A chunk is what was written, and says what cannot be.
    Contents,
    /// Parts of a segment, or a segment and MANIFEST, do not fit together.
    Inconsistent,
    /// Two segments have aggregates of the same stretch of the same archive.
    Overlap,
    /// The state of a series does not fit its chunks, or is missing.
    State,
    /// Segments have data of a metric that the index does not know.
    UnknownMetric,
    /// Records of the journal that were durable are damaged or missing: the database does not open.
    Journal,
    /// The index is damaged, or its parts do not fit together.
    Index,
    /// The journal's last record was never written whole, as a crash leaves it. Nothing was promised about it.
    TornTail,
    /// A file that nothing names: left by a crash, or not of this database. It does not count.
    StrayFile,
}

impl FindingKind {
    /// Whether something is damaged; else it is only worth knowing.
    pub fn is_damage(self) -> bool {
        !matches!(self, FindingKind::TornTail | FindingKind::StrayFile)
    }

    /// What to do about it.
    fn advice(self) -> &'static str {
        match self {
            FindingKind::Manifest | FindingKind::Index => {
                "keep a copy of the directory, then repair: it mends what leaves no doubt; else restore it from a snapshot"
            }
            FindingKind::MissingFile => "put the file back; without it, repair goes on and lists what is gone",
            FindingKind::Segment
            | FindingKind::Entries
            | FindingKind::Chunk
            | FindingKind::Contents
            | FindingKind::Journal => {
                "keep a copy of the directory, look for a failing disk, then repair: it sets aside only what is damaged"
            }
            FindingKind::State => {
                "keep a copy of the directory, then repair: it makes the state anew where that is possible"
            }
            FindingKind::Inconsistent | FindingKind::Overlap => {
                "keep a copy of the directory and report it: no damage of bytes does this"
            }
            FindingKind::UnknownMetric => {
                "restore the index that belongs to these files; nothing of the metric is shown meanwhile"
            }
            FindingKind::TornTail => "nothing: the next open cuts it off",
            FindingKind::StrayFile => "nothing: it takes space; remove it when you know what it is",
        }
    }
}

/// What damaged bytes held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredData {
    /// The state of a series: its newest time, and up to where it is sealed.
    State,
    /// Raw measures.
    Measures,
    /// Sealed aggregates of the archive of [`Finding::granularity`].
    Aggregates,
}

impl StoredData {
    /// What is filed under a chunk's granularity.
    pub(in crate::engine) fn of(granularity: i64) -> Self {
        match granularity {
            STATE => StoredData::State,
            MEASURES => StoredData::Measures,
            _ => StoredData::Aggregates,
        }
    }
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of trouble it is.
    pub kind: FindingKind,
    /// The file.
    #[serde(serialize_with = "path")]
    pub file: PathBuf,
    /// The byte at which it was noticed.
    pub offset: u64,
    /// The key of the metric whose data it touches, when known.
    pub metric: Option<u64>,
    /// The id of that metric, when the index knows it.
    pub metric_id: Option<Uuid>,
    /// What the bytes held, when known.
    pub data: Option<StoredData>,
    /// The granularity of the archive in ns, when they held aggregates.
    pub granularity: Option<i64>,
    /// The first and the last time (ns) of what they held: of measures, or starts of groups.
    pub span: Option<(i64, i64)>,
    /// How many rows they held; 0 when unknown.
    pub rows: u64,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: &'static str,
}

impl Finding {
    pub(in crate::engine) fn new(kind: FindingKind, corruption: Corruption) -> Self {
        let Corruption { file, offset, metric, span, what } = corruption;
        Finding {
            kind,
            file,
            offset,
            metric,
            metric_id: None,
            data: None,
            granularity: None,
            span,
            rows: 0,
            what,
            advice: kind.advice(),
        }
    }

    /// The same, about the chunk of this entry.
    pub(in crate::engine) fn of_chunk(mut self, entry: &Entry) -> Self {
        self.metric = Some(entry.metric);
        self.data = Some(StoredData::of(entry.granularity));
        self.granularity = (entry.granularity > 0).then_some(entry.granularity);
        self.span = Some((entry.first, entry.last));
        self.rows = entry.rows.into();
        self
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}: {}", self.file.display(), self.offset, self.what)?;
        match (self.metric_id, self.metric) {
            (Some(id), _) => write!(f, "; metric {id}")?,
            (None, Some(key)) => write!(f, "; metric key {key}")?,
            (None, None) => {}
        }
        match (self.data, self.granularity) {
            (Some(StoredData::State), _) => f.write_str(", its state")?,
            (Some(StoredData::Measures), _) => f.write_str(", raw measures")?,
            (_, Some(granularity)) => write!(f, ", archive of {granularity} ns")?,
            _ => {}
        }
        if let Some((first, last)) = self.span {
            write!(f, ", times {first} to {last} ns")?;
        }
        Ok(())
    }
}

/// What a check went through, and what it found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// What was found, in the order of the walk.
    pub findings: Vec<Finding>,
    /// Findings that are not listed, for there are too many.
    pub unlisted: u64,
    /// Segments looked through.
    pub segments: u64,
    /// Their chunks, each of which was decoded.
    pub chunks: u64,
    /// Bytes of segments and journal read.
    pub bytes: u64,
    /// Records of the journal that MANIFEST still needs.
    pub journal_records: u64,
    /// Metrics of which segments have something.
    pub metrics: u64,
}

impl CheckReport {
    /// Whether nothing is damaged. There may be findings that are only worth knowing.
    pub fn is_sound(&self) -> bool {
        self.unlisted == 0 && !self.findings.iter().any(|finding| finding.kind.is_damage())
    }

    pub(in crate::engine) fn add(&mut self, finding: Finding) {
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }
}

/// How far a check or a repair has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckProgress<'a> {
    /// The file that it is at.
    pub file: &'a Path,
    /// Bytes that it has gone through.
    pub done: u64,
    /// Bytes that there are to go through.
    pub total: u64,
}

/// What is told how far a check or a repair has come.
pub type OnProgress<'a> = dyn FnMut(CheckProgress<'_>) + 'a;

/// A path as text, whatever its bytes.
pub(in crate::engine) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}
