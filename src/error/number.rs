//! The numbers of errors: the same in Rust, C and Python.
//!
//! Numbers are only appended to, never changed and never used again; a test pins each. Nothing may depend here on what an error
//! carries.

use super::Error;

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
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::error::{Corruption, Place};

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
}
