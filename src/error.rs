//! What can go wrong, as values.
//!
//! Every failure of the library is one variant of [`Error`]: it says what was wrong, with which value, where, and what
//! to do. Each variant has a number ([`Error::code`]) that is the same in Rust, C and Python, is only ever appended to,
//! and is pinned by a test. This module must never know how an error came about: it uses nothing else of the crate, so
//! that every other module can use it. Errors of other libraries travel inside as sources, never as public types.

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
    /// The directory takes as many bytes as it may.
    #[error(
        "the directory takes {bytes} bytes, and of {limit} that it may take an eighth is kept for checkpoints and merges; delete metrics, let points expire early (OverDisk::Expire), keep fewer points, or raise Options::disk"
    )]
    DiskLimit {
        /// What the directory takes.
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
    /// The error's number: the same in Rust, C and Python, never reused.
    ///
    /// ```
    /// assert_eq!(gnocchetti::Error::Closed.code(), 31);
    /// ```
    pub fn code(&self) -> u32 {
        match self {
            Error::InvalidTimestamp { .. } => 1,
            Error::BeforeEpoch { .. } => 2,
            Error::TooFarInFuture { .. } => 3,
            Error::InvalidTimespan { .. } => 4,
            Error::InvalidAggregationMethod { .. } => 5,
            Error::InvalidArchivePolicy { .. } => 6,
            Error::ArchivePolicyExists { .. } => 7,
            Error::UnknownArchivePolicy { .. } => 8,
            Error::ArchivePolicyInUse { .. } => 9,
            Error::InvalidArchivePolicyRule { .. } => 10,
            Error::ArchivePolicyRuleExists { .. } => 11,
            Error::UnknownArchivePolicyRule { .. } => 12,
            Error::NoArchivePolicyRuleMatch { .. } => 13,
            Error::InvalidMetric { .. } => 14,
            Error::MetricExists { .. } => 15,
            Error::UnknownMetric { .. } => 16,
            Error::MethodNotKept { .. } => 17,
            Error::UnknownGranularity { .. } => 18,
            Error::InvalidQuery { .. } => 19,
            Error::InvalidOption { .. } => 20,
            Error::Io { .. } => 21,
            Error::DiskFull { .. } => 22,
            Error::Corrupt(_) => 23,
            Error::UnsupportedFormat { .. } => 24,
            Error::NotADatabase { .. } => 25,
            Error::Locked { .. } => 26,
            Error::NetworkFileSystem { .. } => 27,
            Error::Failed { .. } => 28,
            Error::Forked { .. } => 29,
            Error::Index { .. } => 30,
            Error::Closed => 31,
            Error::PushTooLarge { .. } => 32,
            Error::InvalidDefinition { .. } => 33,
            Error::InvalidOperation { .. } => 34,
            Error::OperationTooLarge { .. } => 35,
            Error::Unaggregable { .. } => 36,
            Error::UnknownReferenceMethod { .. } => 37,
            Error::InvalidResourceType { .. } => 40,
            Error::ResourceTypeExists { .. } => 41,
            Error::UnknownResourceType { .. } => 42,
            Error::ResourceTypeInUse { .. } => 43,
            Error::InvalidAttribute { .. } => 44,
            Error::UnknownAttribute { .. } => 45,
            Error::InvalidAttributeValue { .. } => 46,
            Error::MissingAttribute { .. } => 47,
            Error::InvalidResourceId { .. } => 48,
            Error::ResourceExists { .. } => 49,
            Error::UnknownResource { .. } => 50,
            Error::InvalidFilter { .. } => 51,
            Error::FilterTooLarge { .. } => 52,
            Error::InvalidPagination { .. } => 53,
            Error::UnknownResourceMetrics { .. } => 54,
            Error::ResourceChanged { .. } => 55,
            Error::Irreparable { .. } => 58,
            Error::ReadOnly { .. } => 61,
            Error::SnapshotTarget { .. } => 62,
            Error::Outrun { .. } => 63,
            Error::InvalidRange { .. } => 64,
            Error::MemoryLimit { .. } => 66,
            Error::DiskLimit { .. } => 67,
        }
    }

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
pub(crate) use tests::all as all_errors;

#[cfg(test)]
mod tests {
    use super::*;

    /// One error of each kind, with its number.
    pub(crate) fn all() -> Vec<(u32, Error)> {
        let text = String::new;
        let io = || std::io::Error::other("x");
        let path = PathBuf::new;
        vec![
            (1, Error::InvalidTimestamp { value: text(), reason: text() }),
            (2, Error::BeforeEpoch { value: text() }),
            (3, Error::TooFarInFuture { timestamp: 0, limit: 0 }),
            (4, Error::InvalidTimespan { value: text(), reason: text() }),
            (5, Error::InvalidAggregationMethod { value: text() }),
            (6, Error::InvalidArchivePolicy { name: text(), reason: text() }),
            (7, Error::ArchivePolicyExists { name: text() }),
            (8, Error::UnknownArchivePolicy { name: text() }),
            (9, Error::ArchivePolicyInUse { name: text(), used_by: text() }),
            (10, Error::InvalidArchivePolicyRule { name: text(), reason: text() }),
            (11, Error::ArchivePolicyRuleExists { name: text() }),
            (12, Error::UnknownArchivePolicyRule { name: text() }),
            (13, Error::NoArchivePolicyRuleMatch { name: text() }),
            (14, Error::InvalidMetric { attribute: "", value: text(), reason: text() }),
            (15, Error::MetricExists { name: text() }),
            (16, Error::UnknownMetric { metric: text() }),
            (17, Error::MethodNotKept { metric: 0, method: text(), kept: text() }),
            (18, Error::UnknownGranularity { metric: 0, granularity: text(), kept: text() }),
            (19, Error::InvalidQuery { reason: text() }),
            (20, Error::InvalidOption { option: "", value: text(), reason: text() }),
            (21, Error::Io { operation: "", path: path(), source: io() }),
            (22, Error::DiskFull { operation: "", path: path(), source: io() }),
            (23, Corruption::new("f", 0, "x").into()),
            (24, Error::UnsupportedFormat { path: path(), found: 0, supported: 0 }),
            (25, Error::NotADatabase { path: path(), reason: text() }),
            (26, Error::Locked { path: path(), pid: 0 }),
            (27, Error::NetworkFileSystem { path: path(), kind: text() }),
            (28, Error::Failed { reason: text() }),
            (29, Error::Forked { opened_by: 0 }),
            (30, Error::Index { operation: "", source: "x".into() }),
            (31, Error::Closed),
            (32, Error::PushTooLarge { bytes: 0, limit: 0 }),
            (33, Error::InvalidDefinition { definition: text(), reason: text() }),
            (34, Error::InvalidOperation { operation: text(), expected: text(), found: text(), place: Place::Byte(0) }),
            (35, Error::OperationTooLarge { what: "", limit: 0 }),
            (36, Error::Unaggregable { references: Vec::new(), reason: text() }),
            (37, Error::UnknownReferenceMethod { metric: text(), method: text() }),
            (40, Error::InvalidResourceType { name: text(), reason: text() }),
            (41, Error::ResourceTypeExists { name: text() }),
            (42, Error::UnknownResourceType { name: text() }),
            (43, Error::ResourceTypeInUse { name: text(), used_by: text() }),
            (44, Error::InvalidAttribute { attribute: text(), reason: text() }),
            (45, Error::UnknownAttribute { of: text(), attribute: text() }),
            (46, Error::InvalidAttributeValue { attribute: text(), value: text(), expected: text() }),
            (47, Error::MissingAttribute { resource_type: text(), attribute: text() }),
            (48, Error::InvalidResourceId { id: text(), reason: text() }),
            (49, Error::ResourceExists { resource: text() }),
            (50, Error::UnknownResource { resource: text() }),
            (51, Error::InvalidFilter { position: None, reason: text() }),
            (52, Error::FilterTooLarge { what: "", limit: 0 }),
            (53, Error::InvalidPagination { reason: text() }),
            (54, Error::UnknownResourceMetrics { resources: Vec::new(), metrics: Vec::new() }),
            (55, Error::ResourceChanged { resource: text(), expected: text(), since: text() }),
            (58, Error::Irreparable { path: path(), reason: text() }),
            (61, Error::ReadOnly { call: "", path: path() }),
            (62, Error::SnapshotTarget { path: path(), reason: text() }),
            (63, Error::Outrun { path: path(), attempts: 0 }),
            (64, Error::InvalidRange { start: 1, end: 0 }),
            (66, Error::MemoryLimit { waiting: 0, limit: 0 }),
            (67, Error::DiskLimit { bytes: 0, limit: 0 }),
        ]
    }

    #[test]
    fn numbers_stay_what_they_are() {
        for (code, error) in all() {
            assert_eq!(error.code(), code, "{error:?}");
        }
    }

    #[test]
    fn no_number_is_given_twice() {
        let mut codes: Vec<u32> = all().iter().map(|(_, error)| error.code()).collect();
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
    }

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
