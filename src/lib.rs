#![doc = "Gnocchi's model of time series, embedded."]

mod carbonara;
mod codec;
mod database;
mod engine;
pub mod error;
mod fs;
mod head;
mod indexer;
mod journal;
mod query;
mod segment;
mod types;

pub use carbonara::Sampling;
pub use database::{Batch, Database, Report};
pub use engine::{Options, Stats};
pub use error::{Corruption, Error, Result};
pub use query::Query;
pub use types::{
    AggregateBlock, AggregateColumn, AggregationMethod, ArchivePolicy, ArchivePolicyBuilder, ArchivePolicyRule,
    ArchivePolicyUpdate, Attribute, AttributeKind, AttributeValue, Columns, Definition, DeletedResources, Durability,
    Filter, History, Marker, Measure, Method, MethodSet, Metric, MetricKey, MetricRef, MetricSearch, MetricStatus,
    NewMetric, NewResource, Nulls, Operator, Pushed, Resource, ResourceGroup, ResourceId, ResourceMetric,
    ResourceSearch, ResourceType, ResourceTypeUpdate, ResourceUpdate, Sort, Timespan, Timestamp,
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
    pub mod fs {
        pub use crate::fs::*;
    }
    /// See the module of this name in the source.
    pub mod indexer {
        pub use crate::indexer::*;
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
