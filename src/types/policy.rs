//! Archive policies: what is kept of a metric, how finely, how long, and how late a measure may come.
//!
//! A policy comes out of [`ArchivePolicyBuilder::build`], [`ArchivePolicy::updated`] or storage (serde), and each of
//! the three checks every rule: an [`ArchivePolicy`] that exists is valid. It must never change in place, since metrics
//! keep their policy for life: a change is a new value, and only points, timespans and the back window may differ in
//! it.

mod builder;
mod definition;
mod methods;
mod update;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{AggregationMethod, MethodSet, Timespan};
use crate::error::{Error, Result};

pub use builder::ArchivePolicyBuilder;
pub use definition::Definition;
pub use update::ArchivePolicyUpdate;

/// How many characters a policy's name may have.
const MAX_NAME: usize = 255;

/// What is kept of a metric: archives of several granularities, the aggregation methods of all of them, and how many
/// blocks stay open for late measures.
///
/// ```
/// use gnocchetti::{ArchivePolicy, Definition, Timespan};
///
/// let policy = ArchivePolicy::builder("sensors")
///     .back_window(1)
///     .definition(Definition::spanning(Timespan::MINUTE, Timespan::from_days(7)?)?)
///     .definition(Definition::unlimited(Timespan::HOUR))
///     .aggregation_methods(["mean", "max", "95pct"])
///     .build()?;
/// assert_eq!(policy.block(), Timespan::HOUR);
/// assert_eq!(policy.definitions()[0].points(), Some(7 * 24 * 60));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct ArchivePolicy {
    name: String,
    back_window: u32,
    definitions: Vec<Definition>,
    aggregation_methods: Vec<String>,
    methods: MethodSet,
}

impl ArchivePolicy {
    /// Begins a policy of this name; see [`ArchivePolicyBuilder`].
    pub fn builder(name: impl Into<String>) -> ArchivePolicyBuilder {
        ArchivePolicyBuilder::new(name.into())
    }

    /// The four policies that a new database gets: `bool`, `low`, `medium` and `high`, as Gnocchi has them.
    ///
    /// ```
    /// let names: Vec<_> = gnocchetti::ArchivePolicy::defaults().iter().map(|p| p.name().to_owned()).collect();
    /// assert_eq!(names, ["bool", "low", "medium", "high"]);
    /// ```
    pub fn defaults() -> Vec<ArchivePolicy> {
        const SECONDS_FOR_A_YEAR: Definition = Definition::constant(Timespan::SECOND, 365 * 86_400);
        const SECONDS_FOR_AN_HOUR: Definition = Definition::constant(Timespan::SECOND, 3600);
        const MINUTES_FOR_A_WEEK: Definition = Definition::constant(Timespan::MINUTE, 7 * 1440);
        const FIVE_MINUTES_FOR_A_MONTH: Definition =
            Definition::constant(Timespan::constant(5 * Timespan::MINUTE.nanos()), 30 * 288);
        const HOURS_FOR_A_YEAR: Definition = Definition::constant(Timespan::HOUR, 365 * 24);

        vec![
            Self::default_policy("bool", 3600, &[SECONDS_FOR_A_YEAR], &[AggregationMethod::LAST]),
            Self::default_policy("low", 0, &[FIVE_MINUTES_FOR_A_MONTH], &methods::DEFAULT),
            Self::default_policy("medium", 0, &[MINUTES_FOR_A_WEEK, HOURS_FOR_A_YEAR], &methods::DEFAULT),
            Self::default_policy(
                "high",
                0,
                &[SECONDS_FOR_AN_HOUR, MINUTES_FOR_A_WEEK, HOURS_FOR_A_YEAR],
                &methods::DEFAULT,
            ),
        ]
    }

    /// A policy that is known to be valid; a test builds each again through the builder.
    fn default_policy(
        name: &str,
        back_window: u32,
        definitions: &[Definition],
        methods: &[AggregationMethod],
    ) -> ArchivePolicy {
        ArchivePolicy {
            name: name.to_owned(),
            back_window,
            definitions: definitions.to_vec(),
            aggregation_methods: methods.iter().map(ToString::to_string).collect(),
            methods: methods.iter().copied().collect(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many blocks of its coarsest granularity stay open behind the block of the newest measure.
    pub fn back_window(&self) -> u32 {
        self.back_window
    }

    /// Its definitions, finest granularity first; there is at least one.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The definition of this granularity, when the policy has one.
    pub fn definition(&self, granularity: Timespan) -> Option<&Definition> {
        self.definitions.iter().find(|definition| definition.granularity() == granularity)
    }

    /// The methods in effect (`*`, `+m`, `-m` resolved); there is at least one.
    pub fn methods(&self) -> &MethodSet {
        &self.methods
    }

    /// The methods as they were given: `mean`, `*`, `+95pct`, `-std`. The default ones when none were.
    pub fn aggregation_methods(&self) -> &[String] {
        &self.aggregation_methods
    }

    /// Its coarsest granularity: the period in which time closes for its metrics.
    pub fn block(&self) -> Timespan {
        self.definitions.iter().map(Definition::granularity).max().unwrap_or(Timespan::DAY)
    }

    /// How many blocks before the block of the newest measure are open: the back window, and one more when any method
    /// is a `rate:` one, which needs the measure before a group.
    pub fn window_blocks(&self) -> u64 {
        u64::from(self.back_window) + u64::from(self.methods.has_rate())
    }

    /// The definitions sorted and checked, as every way to a policy needs them.
    fn checked(mut self) -> Result<Self> {
        check_name(&self.name)?;
        if self.definitions.is_empty() {
            return Err(self.invalid("it needs at least one definition"));
        }
        self.definitions.sort_by_key(Definition::granularity);
        let twice = self.definitions.windows(2).find(|pair| pair[0].granularity() == pair[1].granularity());
        if let Some(pair) = twice {
            let granularity = pair[0].granularity();
            return Err(self.invalid(format!("more than one definition has granularity {granularity}")));
        }
        if self.methods.is_empty() {
            return Err(self.invalid("no aggregation method is left, so that nothing could ever be read"));
        }
        Ok(self)
    }

    fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::InvalidArchivePolicy { name: self.name.clone(), reason: reason.into() }
    }
}

/// Whether a policy can have this name.
fn check_name(name: &str) -> Result<()> {
    let invalid = |reason: String| Err(Error::InvalidArchivePolicy { name: name.to_owned(), reason });
    if name.is_empty() {
        return invalid("its name is empty".to_owned());
    }
    if name.chars().count() > MAX_NAME {
        return invalid(format!("its name has more than {MAX_NAME} characters"));
    }
    Ok(())
}

/// A policy as files and the index hold it.
///
/// The methods in effect are stored beside those given: a policy's methods are for life, also when a later version of
/// the library knows more methods for `*` to mean, or other default ones.
#[derive(Serialize, Deserialize)]
struct Stored {
    name: String,
    back_window: u32,
    definition: Vec<Definition>,
    aggregation_methods: Vec<String>,
    methods: Vec<String>,
}

impl From<ArchivePolicy> for Stored {
    fn from(policy: ArchivePolicy) -> Self {
        Stored {
            name: policy.name,
            back_window: policy.back_window,
            definition: policy.definitions,
            aggregation_methods: policy.aggregation_methods,
            methods: policy.methods.iter().map(|method| method.to_string()).collect(),
        }
    }
}

impl TryFrom<Stored> for ArchivePolicy {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        methods::effective(&stored.aggregation_methods)?;
        let methods = stored.methods.iter().map(|name| name.parse()).collect::<Result<MethodSet>>()?;
        ArchivePolicy {
            name: stored.name,
            back_window: stored.back_window,
            definitions: stored.definition,
            aggregation_methods: stored.aggregation_methods,
            methods,
        }
        .checked()
    }
}
