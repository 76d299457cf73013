//! How a policy is put together: everything is collected first and checked once, at the end.

use super::{ArchivePolicy, Definition, methods};
use crate::error::Result;

/// Collects what an [`ArchivePolicy`] is made of.
///
/// ```
/// use gnocchetti::{ArchivePolicy, Definition, Timespan};
///
/// let policy = ArchivePolicy::builder("rates")
///     .definition(Definition::unlimited(Timespan::MINUTE))
///     .aggregation_methods(["+rate:mean", "-std"])
///     .build()?;
/// assert_eq!(policy.methods().to_string(), "mean, sum, min, max, count, rate:mean");
/// assert_eq!(policy.window_blocks(), 1);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ArchivePolicyBuilder {
    name: String,
    back_window: u32,
    definitions: Vec<Definition>,
    aggregation_methods: Vec<String>,
}

impl ArchivePolicyBuilder {
    pub(super) fn new(name: String) -> Self {
        ArchivePolicyBuilder { name, back_window: 0, definitions: Vec::new(), aggregation_methods: Vec::new() }
    }

    /// How many blocks of the coarsest granularity stay open behind that of the newest measure; 0 unless told.
    pub fn back_window(mut self, blocks: u32) -> Self {
        self.back_window = blocks;
        self
    }

    /// Adds an archive.
    pub fn definition(mut self, definition: Definition) -> Self {
        self.definitions.push(definition);
        self
    }

    /// Adds archives.
    pub fn definitions(mut self, definitions: impl IntoIterator<Item = Definition>) -> Self {
        self.definitions.extend(definitions);
        self
    }

    /// Adds aggregation methods: `mean`, `rate:max`, `95pct`, …; `*` means all of them.
    ///
    /// `+m` adds to, and `-m` takes away from, what the other entries say, in the order given; when all entries are
    /// such changes, or there is none, they apply to the default methods: mean, min, max, sum, std, count.
    pub fn aggregation_methods<S: Into<String>>(mut self, methods: impl IntoIterator<Item = S>) -> Self {
        self.aggregation_methods.extend(methods.into_iter().map(Into::into));
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArchivePolicy`](crate::Error::InvalidArchivePolicy) when the name is empty or has more than 255
    /// characters, when there is no definition, or two of one granularity, or when no method is left;
    /// [`Error::InvalidAggregationMethod`](crate::Error::InvalidAggregationMethod) for a method that is none.
    pub fn build(mut self) -> Result<ArchivePolicy> {
        if self.aggregation_methods.is_empty() {
            self.aggregation_methods = methods::DEFAULT.iter().map(ToString::to_string).collect();
        }
        let methods = methods::effective(&self.aggregation_methods)?;
        ArchivePolicy {
            name: self.name,
            back_window: self.back_window,
            definitions: self.definitions,
            aggregation_methods: self.aggregation_methods,
            methods,
        }
        .checked()
    }
}
