//! Metrics: the named things that are measured, as the index describes them.

use std::fmt;

use uuid::Uuid;

use super::Timestamp;

/// The number by which a database knows one of its metrics: small, never used twice, stable for the metric's life.
///
/// ```
/// assert_eq!(gnocchetti::MetricKey::new(7).to_string(), "7");
/// ```
// Transparent, so that an array of numbers from C is one of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct MetricKey(u64);

impl MetricKey {
    /// The key with this number, as [`MetricKey::get`] returned it.
    pub const fn new(key: u64) -> Self {
        MetricKey(key)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for MetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Whether a metric is there, or deleted and about to leave the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricStatus {
    /// It can be pushed to and read.
    Active,
    /// It is gone for readers; the next maintenance takes it out of the index.
    Delete,
}

/// A metric as the index describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The number by which measures refer to it.
    pub key: MetricKey,
    /// Its identifier for the outside world.
    pub id: Uuid,
    /// Its name, when it has one.
    pub name: Option<String>,
    /// The unit of its values, when stated.
    pub unit: Option<String>,
    /// Who created it.
    pub creator: Option<String>,
    /// The resource it belongs to, when it has one.
    pub resource_id: Option<Uuid>,
    /// The name of its archive policy, for life.
    pub archive_policy_name: String,
    /// Whether it is there or being deleted.
    pub status: MetricStatus,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A metric to be created. It names its archive policy, or gets one by rule: by its name, or by the empty name.
///
/// Its name must be free unless it names its creator: creators choose names without regard to anybody's, even their own.
///
/// ```
/// use gnocchetti::NewMetric;
///
/// let metric = NewMetric::named("cpu.user").archive_policy("low").unit("%");
/// assert_eq!(metric.name.as_deref(), Some("cpu.user"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewMetric {
    /// Its identifier; a random one when absent.
    pub id: Option<Uuid>,
    /// Its name: not empty, without `/`, at most 255 characters; one that no other metric without a creator has, when it
    /// names no creator either.
    pub name: Option<String>,
    /// The unit of its values: at most 31 characters.
    pub unit: Option<String>,
    /// Who creates it.
    pub creator: Option<String>,
    /// Its archive policy; when absent, the rule with the longest pattern that matches the name decides.
    pub archive_policy_name: Option<String>,
}

impl NewMetric {
    /// A metric of this name.
    pub fn named(name: impl Into<String>) -> Self {
        NewMetric { name: Some(name.into()), ..NewMetric::default() }
    }

    /// A metric without a name, known by its id only.
    pub fn unnamed() -> Self {
        NewMetric::default()
    }

    /// With this identifier rather than a random one.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// With this unit of its values.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Created by this user or agent.
    #[must_use]
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = Some(creator.into());
        self
    }

    /// Under this archive policy, whatever the rules say.
    #[must_use]
    pub fn archive_policy(mut self, name: impl Into<String>) -> Self {
        self.archive_policy_name = Some(name.into());
        self
    }
}
