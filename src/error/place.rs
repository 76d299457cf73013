//! Where something is wrong: in a file, in a text, in a JSON value.
//!
//! Parts of errors that are worth a type of their own. Like all of this module, they must know nothing of who uses them.

use std::path::PathBuf;

/// Where stored bytes do not say what was written there.
///
/// `offset` is where in `file` the damage was noticed; `metric` and `span` say whose data and which time, as far as the
/// damaged place lets one know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corruption {
    /// The damaged file.
    pub file: PathBuf,
    /// The byte at which the damage was noticed.
    pub offset: u64,
    /// The key of the metric whose data is damaged, when known.
    pub metric: Option<u64>,
    /// First and last nanosecond of the data that cannot be read, when known.
    pub span: Option<(i64, i64)>,
    /// What is wrong with the bytes.
    pub what: String,
}

impl Corruption {
    /// Damage at `offset` of `file`; metric and span unknown.
    pub fn new(file: impl Into<PathBuf>, offset: u64, what: impl Into<String>) -> Self {
        Corruption { file: file.into(), offset, metric: None, span: None, what: what.into() }
    }

    /// The same damage, known to touch this metric.
    #[must_use]
    pub fn of_metric(mut self, metric: u64) -> Self {
        self.metric = Some(metric);
        self
    }

    /// The same damage, known to touch this stretch of time (ns, both ends inside).
    #[must_use]
    pub fn of_span(mut self, first: i64, last: i64) -> Self {
        self.span = Some((first, last));
        self
    }
}

impl std::fmt::Display for Corruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}: {}", self.file.display(), self.offset, self.what)?;
        if let Some(metric) = self.metric {
            write!(f, " (metric key {metric})")?;
        }
        if let Some((first, last)) = self.span {
            write!(f, " (times {first}..={last} ns)")?;
        }
        Ok(())
    }
}

/// Where in an operation something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At this byte of a text.
    Byte(usize),
    /// At this JSON pointer (RFC 6901) of a JSON value; empty for the whole value.
    Pointer(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Byte(byte) => write!(f, "byte {byte}"),
            Place::Pointer(pointer) if pointer.is_empty() => f.write_str("the top"),
            Place::Pointer(pointer) => f.write_str(pointer),
        }
    }
}
