//! What may change in a policy that metrics use already.

use super::{ArchivePolicy, Definition};
use crate::error::Result;

/// What to change in an [`ArchivePolicy`]; what is absent stays.
///
/// ```
/// use gnocchetti::{ArchivePolicy, ArchivePolicyUpdate, Definition, Timespan};
///
/// let policy = ArchivePolicy::builder("p").definition(Definition::points_of(Timespan::HOUR, 24)?).build()?;
/// let update = ArchivePolicyUpdate::new().back_window(2).definition(Definition::unlimited(Timespan::HOUR));
/// let updated = policy.updated(&update)?;
/// assert_eq!((updated.back_window(), updated.definitions()[0].points()), (2, None));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct ArchivePolicyUpdate {
    /// The new back window.
    pub back_window: Option<u32>,
    /// The new definitions, all of them: each granularity of the policy exactly once.
    pub definitions: Option<Vec<Definition>>,
}

impl ArchivePolicyUpdate {
    /// An update that changes nothing yet.
    pub fn new() -> Self {
        ArchivePolicyUpdate::default()
    }

    /// With this back window. It counts for a metric from its next batch on.
    pub fn back_window(mut self, blocks: u32) -> Self {
        self.back_window = Some(blocks);
        self
    }

    /// With this definition for its granularity. All granularities must be named when one is.
    pub fn definition(mut self, definition: Definition) -> Self {
        self.definitions.get_or_insert_default().push(definition);
        self
    }

    /// With these definitions. All granularities must be named when one is.
    pub fn definitions(mut self, definitions: impl IntoIterator<Item = Definition>) -> Self {
        self.definitions.get_or_insert_default().extend(definitions);
        self
    }
}

impl ArchivePolicy {
    /// The policy with the changes of `update` applied.
    ///
    /// Points and timespans may change, also to and from unlimited, and the back window. Granularities and methods may
    /// not: what is stored was computed by them.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArchivePolicy`](crate::Error::InvalidArchivePolicy) when the granularities are not exactly the
    /// ones that the policy has.
    pub fn updated(&self, update: &ArchivePolicyUpdate) -> Result<ArchivePolicy> {
        let mut updated = self.clone();
        if let Some(back_window) = update.back_window {
            updated.back_window = back_window;
        }
        if let Some(definitions) = &update.definitions {
            updated.definitions.clone_from(definitions);
            updated = updated.checked()?;
            if updated.definitions.len() != self.definitions.len() {
                return Err(self.invalid("granularities cannot be added or dropped"));
            }
            let pairs = || self.definitions.iter().zip(&updated.definitions);
            if let Some((old, _)) = pairs().find(|(old, new)| old.granularity() != new.granularity()) {
                return Err(self.invalid(format!("its granularity {} cannot be changed", old.granularity())));
            }
        }
        Ok(updated)
    }
}
