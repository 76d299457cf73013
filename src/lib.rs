//! Gnocchi's model of time series as an embedded library: no server, one directory, nothing lost.
//!
//! An *archive policy* says what is kept of a metric: aggregates of some methods (`mean`, `max`, `95pct`, `rate:mean`, ...)
//! at some granularities, each for some number of points. *Measures* are pushed at any time and in any order within the
//! policy's back window; what is older is late and dropped. The aggregates of what can still change are computed when asked
//! for; those of what cannot are computed once, and stored once.
//!
//! ```
//! use gnocchetti::{AggregationMethod, ArchivePolicy, Database, Definition, NewMetric, Options, Query, Timestamp};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("metrics");
//! let db = Database::open(&path, Options::new())?;
//! let policy = ArchivePolicy::builder("cpu")
//!     .definition(Definition::spanning("1 second".parse()?, "1 hour".parse()?)?)
//!     .definition(Definition::spanning("1 minute".parse()?, "7 days".parse()?)?)
//!     .aggregation_methods(["mean", "max", "count"])
//!     .build()?;
//! db.create_archive_policy(&policy)?;
//! let metric = db.create_metric(NewMetric::named("cpu.user").archive_policy("cpu").unit("%"))?;
//!
//! let mut batch = db.batch();
//! for second in 0..120 {
//!     batch.add(metric.key, Timestamp::from_secs_f64(1.7e9 + f64::from(second))?, f64::from(second % 10));
//! }
//! assert_eq!(batch.commit()?.total().accepted, 120);
//!
//! let query = Query::new(metric.key).granularity("1 minute".parse()?);
//! let columns = db.measures_of(&query, &[AggregationMethod::MEAN, AggregationMethod::MAX])?;
//! assert_eq!(columns[1].values, [9.0, 9.0, 9.0]);
//! db.close()?;
//! # Ok::<(), gnocchetti::Error>(())
//! ```
//!
//! The rules of aggregation stand in `docs/semantics.md`, what survives which failure in `docs/durability.md`, the files
//! byte by byte in `docs/format`.
//!
//! # Features
//!
//! `capi`, on by default, is the C ABI: it adds the functions of `gnocchetti.h` to what cargo builds, and nothing to what
//! Rust sees. `rest` adds the module `rest`, Gnocchi's HTTP API, and `cli` with it the command.
//! `internals` opens the inner layers to this project's own tests and benches.

// What input, disk or another process can cause is an error, never a panic.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod carbonara;
mod codec;
mod database;
mod engine;
pub mod error;
#[cfg(feature = "capi")]
mod ffi;
mod fs;
mod head;
mod indexer;
mod journal;
pub mod ops;
mod query;
#[cfg(feature = "rest")]
pub mod rest;
mod segment;
mod types;

pub use carbonara::Sampling;
pub use database::{
    Aggregated, Aggregates, Batch, BatchBuffer, Database, Report, ResourceAggregates, ResourceBatch, ResourcesPushed,
    Undamaged, Visible,
};
pub use engine::{
    CheckProgress, CheckReport, EarlyExpiry, Finding, FindingKind, JournalLoss, OnProgress, Options, Outcome, OverDisk,
    OverMemory, Repair, RepairReport, SnapshotProgress, SnapshotReport, Stats, StoredData,
};
pub use error::{Corruption, Error, Place, Result};
pub use query::Query;
pub use types::{
    AggregateBlock, AggregateColumn, AggregationMethod, ArchivePolicy, ArchivePolicyBuilder, ArchivePolicyRule,
    ArchivePolicyUpdate, Attribute, AttributeKind, AttributeValue, Columns, Definition, DeleteOptions, DeletedMeasures,
    DeletedResources, Durability, Filter, History, Marker, Measure, Method, MethodSet, Metric, MetricKey, MetricRef,
    MetricSearch, MetricStatus, NewMetric, NewResource, Nulls, Operator, Partial, PartialGroup, PartialOutcome, Pushed,
    Resource, ResourceGroup, ResourceId, ResourceMetric, ResourceSearch, ResourceType, ResourceTypeUpdate,
    ResourceUpdate, Sort, Timespan, Timestamp,
};
pub use uuid::Uuid;

/// The inner layers, for this project's own tests, benches and fuzz targets. Nothing here is stable.
#[cfg(feature = "internals")]
pub mod internals {
    /// See the module of this name in the source.
    pub mod carbonara {
        pub use crate::carbonara::*;
    }
    /// See the module of this name in the source.
    pub mod codec {
        pub use crate::codec::*;
    }
    /// See the module of this name in the source.
    pub mod engine {
        pub use crate::engine::manifest::Manifest;
    }
    /// See the module of this name in the source.
    pub mod fs {
        pub use crate::fs::*;
    }
    /// See the module of this name in the source.
    pub mod indexer {
        pub use crate::indexer::*;
    }
    /// See the module of this name in the source.
    #[cfg(feature = "rest")]
    pub mod collectd {
        /// See the module of this name in the source.
        pub mod list {
            pub use crate::rest::collectd::list::*;
        }
        /// See the module of this name in the source.
        pub mod network {
            pub use crate::rest::collectd::network::*;
        }
    }
    /// See the module of this name in the source.
    #[cfg(feature = "rest")]
    pub mod influxdb {
        pub use crate::rest::influxdb::line::*;
    }
    /// See the module of this name in the source.
    #[cfg(feature = "rest")]
    pub mod statsd {
        pub use crate::rest::statsd::line::*;
    }
    /// See the module of this name in the source.
    pub mod journal {
        pub use crate::journal::*;
    }
    /// See the module of this name in the source.
    pub mod segment {
        pub use crate::segment::*;
    }
}

/// The README's programs run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
