//! Values without I/O: time, measures, aggregation methods, archive policies, columns.
//!
//! What the rest of the crate passes around. Everything here is plain data with its parsing, printing and validation;
//! nothing reads a clock (relative times take the "now" they are relative to), touches a file or knows a layer above.

mod columns;
mod deletion;
mod durability;
pub mod encoding;
mod filter;
mod measure;
mod method;
mod metric;
mod points;
mod policy;
mod pushed;
mod resource;
mod resource_type;
mod rule;
mod series;
mod time;

pub use columns::{AggregateBlock, AggregateColumn, Columns};
pub use deletion::{DeleteOptions, DeletedMeasures, Partial, PartialGroup, PartialOutcome};
pub use durability::Durability;
#[cfg(test)]
pub(crate) use filter::MAX_DEPTH;
pub use filter::{Comparison, Filter, Operator, Test, Tree};
pub use measure::Measure;
pub use method::{AggregationMethod, Method, MethodSet};
pub use metric::{Metric, MetricKey, MetricStatus, NewMetric};
pub use points::{Points, Starts};
pub use policy::{ArchivePolicy, ArchivePolicyBuilder, ArchivePolicyUpdate, Definition};
pub use pushed::Pushed;
pub use resource::{
    DeletedResources, History, Marker, MetricRef, MetricSearch, NewResource, Nulls, Resource, ResourceGroup,
    ResourceId, ResourceMetric, ResourceSearch, ResourceUpdate, Sort,
};
pub use resource_type::{
    Attribute, AttributeKind, AttributeValue, GENERIC, ResourceType, ResourceTypeUpdate, TypeChange,
};
pub(crate) use resource_type::{time_of, uuid_of};
pub use rule::{ArchivePolicyRule, Glob};
pub use series::{BeforeJump, SeriesState};
pub use time::{Timespan, Timestamp};
