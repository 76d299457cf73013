//! Questions across metrics, and what answers them.

use crate::error::Corruption;
use crate::ops::{EvaluateOptions, Fill, Operation, OutputSeries};
use crate::types::{AttributeValue, Metric, Resource, ResourceSearch, Timespan, Timestamp};

/// A question across metrics: an operation, and over which points it is evaluated.
///
/// ```
/// use gnocchetti::{Aggregates, Timespan};
///
/// let question = Aggregates::new("(aggregate max (metric (cpu0 mean) (cpu1 mean)))".parse()?)
///     .granularity(Timespan::MINUTE)
///     .needed_overlap(50.0);
/// # let _ = question;
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregates {
    pub(super) operation: Operation,
    pub(super) granularities: Vec<Timespan>,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) details: bool,
    pub(super) skip_damaged: bool,
    fill: Option<Fill>,
    needed_overlap: Option<f64>,
}

impl Aggregates {
    /// This operation over all points of all granularities that its metrics share. At a time at which only some metrics
    /// have a point, those count; [`fill`](Self::fill) and [`needed_overlap`](Self::needed_overlap) say otherwise.
    pub fn new(operation: Operation) -> Self {
        Aggregates {
            operation,
            granularities: Vec::new(),
            from: None,
            to: None,
            details: false,
            skip_damaged: false,
            fill: None,
            needed_overlap: None,
        }
    }

    /// Only at this granularity; called several times, at those.
    #[must_use]
    pub fn granularity(mut self, granularity: Timespan) -> Self {
        self.granularities.push(granularity);
        self
    }

    /// From the group that holds this time on.
    #[must_use]
    pub fn from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// Only groups that start before this time.
    #[must_use]
    pub fn to(mut self, to: Timestamp) -> Self {
        self.to = Some(to);
        self
    }

    /// What stands where a metric has no point at a time at which another has one.
    #[must_use]
    pub fn fill(mut self, fill: Fill) -> Self {
        self.fill = Some(fill);
        self
    }

    /// At how many of 100 times all metrics must have a point, when nothing is filled in.
    #[must_use]
    pub fn needed_overlap(mut self, percent: f64) -> Self {
        self.needed_overlap = Some(percent);
        self
    }

    /// Whether the answer says of which metrics, or resources, it was made. Default: no.
    #[must_use]
    pub fn details(mut self, yes: bool) -> Self {
        self.details = yes;
        self
    }

    /// Whether the answer leaves out what damaged bytes make unknown, instead of being an error. Default: no.
    ///
    /// Points that are lost count as absent ones, so that a fill may stand for them, and an aggregate over several metrics
    /// does without; what is made of several times (`resample`, `rolling`, rates) is left out where one of them may be
    /// missing. [`Aggregated::skipped`] says what is damaged.
    #[must_use]
    pub fn skip_damaged(mut self, yes: bool) -> Self {
        self.skip_damaged = yes;
        self
    }

    pub(super) fn options(&self) -> EvaluateOptions {
        let mut options = EvaluateOptions::asked(self.fill, self.needed_overlap);
        options.from = self.from.map(Timestamp::nanos);
        options.to = self.to.map(Timestamp::nanos);
        options
    }
}

/// A question across the metrics of resources: the operation names metrics as they are called within a resource.
///
/// ```
/// use gnocchetti::{Aggregates, Filter, ResourceAggregates, ResourceSearch};
///
/// let mean = Aggregates::new("(aggregate mean (metric cpu.* mean))".parse()?);
/// let by_host = ResourceAggregates::new(mean, ResourceSearch::of("instance").filter(Filter::eq("flavor", "small")))
///     .group_by("host")
///     .use_history(true);
/// # let _ = by_host;
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceAggregates {
    pub(super) aggregates: Aggregates,
    pub(super) resources: ResourceSearch,
    pub(super) group_by: Vec<String>,
    pub(super) use_history: bool,
}

impl ResourceAggregates {
    /// This question about the resources that a search finds: over all of them together, unless they are grouped.
    pub fn new(aggregates: Aggregates, resources: ResourceSearch) -> Self {
        ResourceAggregates { aggregates, resources, group_by: Vec::new(), use_history: false }
    }

    /// An answer for each value of this attribute; called several times, for each combination of values.
    #[must_use]
    pub fn group_by(mut self, attribute: impl Into<String>) -> Self {
        self.group_by.push(attribute.into());
        self
    }

    /// Whether resources count for the groups in which they were, and no longer than they were in them, and not only for
    /// those in which they are now. Default: no.
    ///
    /// A resource counts for what it was first since ever, so that measures older than its creation in the index are not
    /// lost. Of a point whose group it was in for a part of the time, it counts that part of the value.
    #[must_use]
    pub fn use_history(mut self, yes: bool) -> Self {
        self.use_history = yes;
        self
    }

    /// The attributes to group by, each once and in order of their names, as in Gnocchi.
    pub(super) fn attributes(&self) -> Vec<&str> {
        names(&self.group_by)
    }
}

/// Each name once, in order.
pub(super) fn names(attributes: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = attributes.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The answer to a question across metrics, or to that about one group of resources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Aggregated {
    /// What the resources agree in, attribute and value, in order of the attributes' names; nothing without grouping.
    pub group: Vec<(String, AttributeValue)>,
    /// For each granularity, coarsest first, one series of all metrics, or one for each.
    pub series: Vec<OutputSeries>,
    /// With details, and when the question names metrics: those, in the order in which it names them.
    pub metrics: Vec<Metric>,
    /// With details, and when the question is about resources: those with such metrics; with history, each of their states
    /// that counted.
    pub resources: Vec<Resource>,
    /// What was left out because it is damaged, when the question skips that: each place once. Empty when the answer is whole.
    pub skipped: Vec<Corruption>,
}
