//! Archive policies and their rules.

use crate::database::Database;
use crate::error::{Error, Result};
use crate::types::{ArchivePolicy, ArchivePolicyRule, ArchivePolicyUpdate};

impl Database {
    /// Creates an archive policy. When this returns it survives a power cut.
    ///
    /// ```
    /// use gnocchetti::{ArchivePolicy, Database, Definition, Options};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new())?;
    /// let policy = ArchivePolicy::builder("minutes")
    ///     .definition(Definition::spanning("1 minute".parse()?, "7 days".parse()?)?)
    ///     .aggregation_methods(["mean", "max"])
    ///     .build()?;
    /// db.create_archive_policy(&policy)?;
    /// assert_eq!(db.archive_policy("minutes")?, policy);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::ArchivePolicyExists`]; and the index's and the disk's.
    pub fn create_archive_policy(&self, policy: &ArchivePolicy) -> Result<ArchivePolicy> {
        self.writer("create_archive_policy")?.create_archive_policy(policy).map(|stored| stored.policy)
    }

    /// The archive policy of this name.
    ///
    /// # Errors
    ///
    /// [`crate::Error::UnknownArchivePolicy`]; and the index's.
    pub fn archive_policy(&self, name: &str) -> Result<ArchivePolicy> {
        let found = self.index()?.archive_policy(name)?;
        found.map(|stored| stored.policy).ok_or_else(|| Error::UnknownArchivePolicy { name: name.to_owned() })
    }

    /// All archive policies, by name.
    ///
    /// # Errors
    ///
    /// The index's.
    pub fn archive_policies(&self) -> Result<Vec<ArchivePolicy>> {
        let stored = self.index()?.archive_policies()?;
        Ok(stored.into_iter().map(|policy| policy.policy).collect())
    }

    /// Changes how long an archive policy keeps points, and its back window. A shorter timespan hides what it no longer
    /// covers at once; a changed back window counts from each metric's next push on.
    ///
    /// # Errors
    ///
    /// [`crate::Error::UnknownArchivePolicy`], [`crate::Error::InvalidArchivePolicy`] when it would change granularities;
    /// and the index's and the disk's.
    pub fn update_archive_policy(&self, name: &str, update: &ArchivePolicyUpdate) -> Result<ArchivePolicy> {
        self.writer("update_archive_policy")?.update_archive_policy(name, update).map(|stored| stored.policy)
    }

    /// Deletes an archive policy.
    ///
    /// # Errors
    ///
    /// [`crate::Error::UnknownArchivePolicy`]; [`crate::Error::ArchivePolicyInUse`] while a metric (one that is being
    /// deleted, too) or a rule uses it; and the index's.
    pub fn delete_archive_policy(&self, name: &str) -> Result<()> {
        self.writer("delete_archive_policy")?.delete_archive_policy(name)
    }

    /// Creates a rule: metrics that are created without an archive policy get that of the longest matching pattern.
    ///
    /// # Errors
    ///
    /// [`crate::Error::ArchivePolicyRuleExists`], [`crate::Error::UnknownArchivePolicy`]; and the index's.
    pub fn create_archive_policy_rule(&self, rule: &ArchivePolicyRule) -> Result<()> {
        self.writer("create_archive_policy_rule")?.index().create_rule(rule)
    }

    /// The archive policy that a metric of this name would get by rule.
    ///
    /// # Errors
    ///
    /// [`crate::Error::NoArchivePolicyRuleMatch`]; and the index's.
    pub fn archive_policy_for(&self, metric_name: &str) -> Result<ArchivePolicy> {
        self.index()?.policy_for_name(metric_name).map(|stored| stored.policy)
    }

    /// The rule of this name.
    ///
    /// # Errors
    ///
    /// [`crate::Error::UnknownArchivePolicyRule`]; and the index's.
    pub fn archive_policy_rule(&self, name: &str) -> Result<ArchivePolicyRule> {
        let found = self.index()?.rule(name)?;
        found.ok_or_else(|| Error::UnknownArchivePolicyRule { name: name.to_owned() })
    }

    /// All rules, by name.
    ///
    /// # Errors
    ///
    /// The index's.
    pub fn archive_policy_rules(&self) -> Result<Vec<ArchivePolicyRule>> {
        self.index()?.rules()
    }

    /// Gives a rule another name.
    ///
    /// # Errors
    ///
    /// [`crate::Error::UnknownArchivePolicyRule`], [`crate::Error::ArchivePolicyRuleExists`]; and the index's.
    pub fn rename_archive_policy_rule(&self, name: &str, new_name: &str) -> Result<()> {
        self.writer("rename_archive_policy_rule")?.index().rename_rule(name, new_name).map(drop)
    }

    /// Deletes a rule; metrics that got their policy by it keep it.
    ///
    /// # Errors
    ///
    /// [`crate::Error::UnknownArchivePolicyRule`]; and the index's.
    pub fn delete_archive_policy_rule(&self, name: &str) -> Result<()> {
        self.writer("delete_archive_policy_rule")?.index().delete_rule(name)
    }
}
