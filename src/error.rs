//! What can go wrong, as values.
//!
//! Every failure of the library is one variant of [`Error`]: it says what was wrong, with which value, where, and what
//! to do. Each variant has a number ([`Error::code`]) that is the same in Rust, C and Python, is only ever appended to,
//! and is pinned by a test. This module must never know how an error came about: it uses nothing else of the crate, so
//! that every other module can use it. Errors of other libraries travel inside as sources, never as public types.

mod number;
mod place;

use std::path::{Path, PathBuf};

pub use place::{Corruption, Place};

/// What every fallible function of the library returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error type of the whole library.
///
/// ```
/// use gnocchetti::{Error, Timespan};
///
/// let error = "5 parsecs".parse::<Timespan>().unwrap_err();
/// assert!(matches!(error, Error::InvalidTimespan { .. }));
/// assert!(error.to_string().contains("5 parsecs"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text or number that is no point in time.
    #[error("`{value}` is not a timestamp: {reason}")]
    InvalidTimestamp {
        /// The value as it was given.
        value: String,
        /// Why it cannot be taken.
        reason: String,
    },
    /// A point in time before 1970-01-01T00:00:00Z.
    #[error("timestamp {value} lies before the epoch (1970-01-01T00:00:00Z); measures start there")]
    BeforeEpoch {
        /// The value as it was given.
        value: String,
    },
    /// A measure further in the future than `Options::max_future` allows, or further ahead of the caller's clock than
    /// `Options::clock` does.
    #[error(
        "timestamp {timestamp} ns is after {limit} ns, the furthest in the future that is accepted; check the sender's clock, or raise what Options::max_future or Options::clock allows"
    )]
    TooFarInFuture {
        /// The timestamp refused, in ns.
        timestamp: i64,
        /// The newest timestamp that would have been accepted, in ns.
        limit: i64,
    },
    /// A text or number that is no length of time.
    #[error("`{value}` is not a timespan: {reason}")]
    InvalidTimespan {
        /// The value as it was given.
        value: String,
        /// Why it cannot be taken.
        reason: String,
    },
    /// A name that is no aggregation method.
    #[error(
        "`{value}` is not an aggregation method; known are mean, sum, min, max, count, std, first, last, median, 1pct to 99pct, and rate: before each"
    )]
    InvalidAggregationMethod {
        /// The name as it was given.
        value: String,
    },
    /// An archive policy that breaks a rule.
    #[error("archive policy `{name}` is not valid: {reason}")]
    InvalidArchivePolicy {
        /// The policy's name.
        name: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// A definition of an archive policy that cannot be kept.
    #[error("archive policy definition `{definition}` is not valid: {reason}")]
    InvalidDefinition {
        /// What it was to be made of.
        definition: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a policy of that name already.
    #[error("archive policy `{name}` already exists")]
    ArchivePolicyExists {
        /// The policy's name.
        name: String,
    },
    /// There is no policy of that name.
    #[error("archive policy `{name}` does not exist")]
    UnknownArchivePolicy {
        /// The name asked for.
        name: String,
    },
    /// A policy that metrics or rules still use cannot be deleted.
    #[error("archive policy `{name}` is still used by {used_by}")]
    ArchivePolicyInUse {
        /// The policy's name.
        name: String,
        /// What uses it.
        used_by: String,
    },
    /// An archive policy rule that breaks a rule of its own.
    #[error("archive policy rule `{name}` is not valid: {reason}")]
    InvalidArchivePolicyRule {
        /// The rule's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a rule of that name already.
    #[error("archive policy rule `{name}` already exists")]
    ArchivePolicyRuleExists {
        /// The rule's name.
        name: String,
    },
    /// There is no rule of that name.
    #[error("archive policy rule `{name}` does not exist")]
    UnknownArchivePolicyRule {
        /// The name asked for.
        name: String,
    },
    /// A metric was to get its policy by rule, and no rule's pattern matches its name.
    #[error("no archive policy rule matches metric name `{name}`; name a policy or create a rule, `*` matches all")]
    NoArchivePolicyRuleMatch {
        /// The metric's name.
        name: String,
    },
    /// A metric's name, unit or other attribute that cannot be taken.
    #[error("{attribute} `{value}` of a metric is not valid: {reason}")]
    InvalidMetric {
        /// Which attribute.
        attribute: &'static str,
        /// Its value as it was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a metric of that name or id already.
    #[error("metric `{name}` already exists")]
    MetricExists {
        /// The name or id.
        name: String,
    },
    /// There is no such metric (or it was deleted).
    #[error("metric `{metric}` does not exist")]
    UnknownMetric {
        /// The id, name or key asked for.
        metric: String,
    },
    /// The metric's policy does not keep this aggregation method.
    #[error("metric `{metric}` keeps no aggregation method `{method}`; its archive policy keeps {kept}")]
    MethodNotKept {
        /// The metric's key.
        metric: u64,
        /// The method asked for.
        method: String,
        /// The methods that are kept.
        kept: String,
    },
    /// The metric's policy has no archive of this granularity.
    #[error("metric `{metric}` has no archive of granularity {granularity}; its archive policy has {kept}")]
    UnknownGranularity {
        /// The metric's key.
        metric: u64,
        /// The granularity asked for.
        granularity: String,
        /// The granularities there are.
        kept: String,
    },
    /// A query that asks for what cannot be.
    #[error("this query cannot be answered: {reason}")]
    InvalidQuery {
        /// What is wrong with it.
        reason: String,
    },
    /// An option that cannot be taken.
    #[error("option `{option}` cannot be {value}: {reason}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A call to the operating system failed on a file.
    #[error("cannot {operation} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no space, or no quota, left on the disk.
    #[error("no space left to {operation} {}; free some, nothing was lost: {source}", .path.display())]
    DiskFull {
        /// What was being done.
        operation: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Stored bytes are damaged.
    #[error("damaged: {0}")]
    Corrupt(Box<Corruption>),
    /// The directory was written by a newer version of the library.
    #[error("{} has format version {found}; this library reads up to {supported}: upgrade the library", .path.display())]
    UnsupportedFormat {
        /// The file that says so.
        path: PathBuf,
        /// The version it names.
        found: u32,
        /// The newest version that this library reads.
        supported: u32,
    },
    /// The directory holds something else, or a part of a database only.
    #[error("{} is not a database: {reason}", .path.display())]
    NotADatabase {
        /// The directory.
        path: PathBuf,
        /// What was found there.
        reason: String,
    },
    /// Another process, or another handle of this one, has the database open for writing.
    #[error("{} is open for writing in process {pid}; one database has one writer", .path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, as far as it is known (0 when it is not).
        pid: u32,
    },
    /// The directory lies on a file system whose locks and syncs cannot be relied on.
    #[error("{} lies on {kind}, a network file system: writing there is not safe", .path.display())]
    NetworkFileSystem {
        /// The directory.
        path: PathBuf,
        /// The file system's type.
        kind: String,
    },
    /// An earlier failure of the disk left unknown what is stored; writing goes on after reopening.
    #[error("refusing to write since an earlier failure ({reason}); close and reopen the database to recover")]
    Failed {
        /// The first failure.
        reason: String,
    },
    /// The handle was inherited through `fork`.
    #[error("this database was opened by process {opened_by}; after fork a child must open its own")]
    Forked {
        /// The process that opened it.
        opened_by: u32,
    },
    /// The call writes, and the database was opened for reading only.
    #[error("`{call}` is refused: {} is open for reading only; open it for writing", .path.display())]
    ReadOnly {
        /// What was called.
        call: &'static str,
        /// The directory, or the file in it.
        path: PathBuf,
    },
    /// The writer replaced files faster than this reader could read them.
    #[error(
        "{} was replaced {attempts} times while it was read; raise Options::grace of the writer", .path.display()
    )]
    Outrun {
        /// The directory.
        path: PathBuf,
        /// So often it was tried.
        attempts: u32,
    },
    /// As many measures wait in memory as may, and `Options::over_memory` says to refuse.
    #[error(
        "measures that wait for a checkpoint take {waiting} bytes of memory and {limit} are allowed; push again when a checkpoint is through, raise Options::memory and Options::dirty_bytes, or have pushes wait (OverMemory::Block)"
    )]
    MemoryLimit {
        /// What the waiting measures take, in bytes.
        waiting: u64,
        /// How much they may take.
        limit: u64,
    },
    /// The directory would take more bytes than it may.
    #[error(
        "with this the directory takes up to {bytes} bytes, what a checkpoint writes of it included, and of {limit} that it may take an eighth is kept for checkpoints and merges; push less at a time, delete metrics, let points expire early (OverDisk::Expire), keep fewer points, or raise Options::disk"
    )]
    DiskLimit {
        /// What the directory takes, and what this takes at most: in the journal, and of the checkpoint behind it.
        bytes: u64,
        /// How much it may take.
        limit: u64,
    },
    /// What a repair goes by is damaged itself.
    #[error("{} cannot be repaired: {reason}; restore it from a snapshot of the directory", .path.display())]
    Irreparable {
        /// MANIFEST or the index.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// One push carries more than one journal record takes.
    #[error("{bytes} bytes in one push are more than the {limit} that one journal record takes; split it into several")]
    PushTooLarge {
        /// How many bytes the record would have had.
        bytes: u64,
        /// How many it may have.
        limit: u64,
    },
    /// A text or JSON list that is no operation, or no search of values.
    #[error("operation `{operation}` at {place}: expected {expected}, found {found}")]
    InvalidOperation {
        /// The operation in which it was noticed; `operations` when none had begun.
        operation: String,
        /// What may stand there.
        expected: String,
        /// What stands there, shortened.
        found: String,
        /// Where.
        place: Place,
    },
    /// An operation that would take more stack, memory or time than is allowed.
    #[error("this operation has more than {limit} {what}")]
    OperationTooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much of it is allowed.
        limit: usize,
    },
    /// Series that an operation cannot bring together.
    #[error("metrics cannot be aggregated: {reason}")]
    Unaggregable {
        /// The metrics, as the operation names them, with their aggregation methods.
        references: Vec<(String, String)>,
        /// Why not.
        reason: String,
    },
    /// An operation asks a metric for an aggregation method that does not exist.
    #[error("metric `{metric}` is asked for `{method}`, which is not an aggregation method")]
    UnknownReferenceMethod {
        /// The metric, as the operation names it.
        metric: String,
        /// The method, as the operation names it.
        method: String,
    },
    /// `SQLite` failed on the index.
    #[error("the index failed to {operation}: {source}")]
    Index {
        /// What was being done.
        operation: &'static str,
        /// What `SQLite` said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A resource type that breaks a rule of its own, or an attribute of it that does.
    #[error("resource type `{name}` is not valid: {reason}")]
    InvalidResourceType {
        /// The type's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a resource type of that name already.
    #[error("resource type `{name}` already exists")]
    ResourceTypeExists {
        /// The type's name.
        name: String,
    },
    /// There is no resource type of that name.
    #[error("resource type `{name}` does not exist")]
    UnknownResourceType {
        /// The name asked for.
        name: String,
    },
    /// A resource type that is built in, or that resources still have, cannot be changed or deleted like that.
    #[error("resource type `{name}` is still used: {used_by}")]
    ResourceTypeInUse {
        /// The type's name.
        name: String,
        /// What uses it.
        used_by: String,
    },
    /// A definition of an attribute that cannot be.
    #[error("attribute `{attribute}` of a resource type is not valid: {reason}")]
    InvalidAttribute {
        /// The attribute's name.
        attribute: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What was asked about has no attribute of that name.
    #[error("{of} has no attribute `{attribute}`")]
    UnknownAttribute {
        /// Whose attribute it was to be: a resource type, or metrics.
        of: String,
        /// The name asked for.
        attribute: String,
    },
    /// A value that its attribute cannot have, or cannot be compared with.
    #[error("`{value}` is no value for attribute `{attribute}`, which takes {expected}")]
    InvalidAttributeValue {
        /// The attribute's name.
        attribute: String,
        /// The value as it was given.
        value: String,
        /// What the attribute takes.
        expected: String,
    },
    /// A new resource lacks an attribute that its type requires, or a change takes one away.
    #[error("resource type `{resource_type}` requires attribute `{attribute}`")]
    MissingAttribute {
        /// The type's name.
        resource_type: String,
        /// The attribute's name.
        attribute: String,
    },
    /// An identifier that no resource can have.
    #[error("`{id}` is no resource id: {reason}")]
    InvalidResourceId {
        /// The identifier as it was given.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a resource of that identifier already.
    #[error("resource `{resource}` already exists")]
    ResourceExists {
        /// The identifier.
        resource: String,
    },
    /// There is no such resource.
    #[error("resource `{resource}` does not exist")]
    UnknownResource {
        /// The identifier asked for.
        resource: String,
    },
    /// A filter that says nothing, or nothing that can be asked.
    #[error("this filter is not valid{}: {reason}", .position.map(|at| format!(" at character {at}")).unwrap_or_default())]
    InvalidFilter {
        /// The character (1 is the first) at which the text stops making sense, where that can be said.
        position: Option<usize>,
        /// What is wrong there.
        reason: String,
    },
    /// A filter that is larger or deeper than one question may be.
    #[error("this filter has more than {limit} {what}")]
    FilterTooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// An order or a place in it that cannot be continued from.
    #[error("this page cannot be listed: {reason}")]
    InvalidPagination {
        /// What is wrong.
        reason: String,
    },
    /// A directory that cannot become a snapshot.
    #[error("a snapshot cannot be made in {}: {reason}; name a directory that is empty or not there yet", .path.display())]
    SnapshotTarget {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A batch of measures by resource and metric name names what is not there.
    #[error("measures were pushed to what does not exist: {}; nothing of the batch was pushed", missing(.resources, .metrics))]
    UnknownResourceMetrics {
        /// All resources that are not there: their ids, and how they were named.
        resources: Vec<(String, String)>,
        /// All metrics that resources do not have: the ids of these, and the metrics' names.
        metrics: Vec<(String, String)>,
    },
    /// A stretch of time that ends before it begins.
    #[error("the time from {start} ns to {end} ns ends before it begins; exchange the two")]
    InvalidRange {
        /// When it begins, in ns.
        start: i64,
        /// When it ends, in ns.
        end: i64,
    },
    /// A resource is not what a change or deletion of it expects.
    #[error(
        "resource `{resource}` has changed: it is as it is since {since}, not since {expected}; look at it, and decide again"
    )]
    ResourceChanged {
        /// The identifier.
        resource: String,
        /// Since when its state was to be what it is.
        expected: String,
        /// Since when it is.
        since: String,
    },
}

fn missing(resources: &[(String, String)], metrics: &[(String, String)]) -> String {
    let resources = resources.iter().map(|(_, name)| format!("resource `{name}`"));
    let metrics = metrics.iter().map(|(resource, name)| format!("metric `{resource}/{name}`"));
    resources.chain(metrics).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// An error of the system while doing `operation` on `path`.
    pub(crate) fn io(operation: &'static str, path: &Path, source: std::io::Error) -> Self {
        let full = matches!(source.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT));
        let path = path.to_path_buf();
        if full { Error::DiskFull { operation, path, source } } else { Error::Io { operation, path, source } }
    }
}

impl From<Corruption> for Error {
    fn from(corruption: Corruption) -> Self {
        Error::Corrupt(Box::new(corruption))
    }
}

#[cfg(test)]
pub(crate) use number::tests::all as all_errors;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let full = Error::io("write", Path::new("f"), std::io::Error::from_raw_os_error(libc::ENOSPC));
        assert!(matches!(full, Error::DiskFull { .. }));
        let other = Error::io("write", Path::new("f"), std::io::Error::from_raw_os_error(libc::EIO));
        assert!(matches!(other, Error::Io { .. }));
    }

    #[test]
    fn a_corruption_says_where_and_whose() {
        let corruption =
            Corruption::new("raw/00000001.seg", 42, "a chunk fails its checksum").of_metric(7).of_span(1, 2);
        let text = Error::from(corruption).to_string();
        for part in ["raw/00000001.seg", "42", "checksum", "7", "1..=2"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
