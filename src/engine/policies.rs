//! Changes of policies and deletions of metrics: the index commits, then the journal is told, then they take effect.

use super::load::unknown;
use super::manifest::PolicyRecord;
use super::{Engine, records};
use crate::error::{Error, Result};
use crate::indexer::StoredPolicy;
use crate::types::{ArchivePolicy, ArchivePolicyUpdate, MetricKey};

impl Engine {
    /// Creates an archive policy.
    pub fn create_archive_policy(&self, policy: &ArchivePolicy) -> Result<StoredPolicy> {
        self.check_writable()?;
        let stored = self.state.index.create_archive_policy(policy)?;
        self.bring_into_force(&stored).inspect_err(|_| {
            self.taken_back(self.state.index.delete_archive_policy(policy.name()));
        })?;
        Ok(stored)
    }

    /// Changes an archive policy; each metric's next push is judged by it, and every query from now on.
    pub fn update_archive_policy(&self, name: &str, update: &ArchivePolicyUpdate) -> Result<StoredPolicy> {
        self.check_writable()?;
        let unknown = || Error::UnknownArchivePolicy { name: name.to_owned() };
        let old = self.state.index.archive_policy(name)?.ok_or_else(unknown)?.policy;
        let stored = self.state.index.update_archive_policy(name, update)?;
        self.bring_into_force(&stored).inspect_err(|_| {
            let back = ArchivePolicyUpdate::new().back_window(old.back_window());
            let back = back.definitions(old.definitions().iter().copied());
            self.taken_back(self.state.index.update_archive_policy(name, &back));
        })?;
        Ok(stored)
    }

    /// Deletes an archive policy that nothing uses.
    pub fn delete_archive_policy(&self, name: &str) -> Result<()> {
        self.check_writable()?;
        let found = self.state.index.archive_policy(name)?;
        let stored = found.ok_or_else(|| Error::UnknownArchivePolicy { name: name.to_owned() })?;
        self.state.index.delete_archive_policy(name)?;
        let _gate = self.gate.write();
        let mut plans = self.state.plans.write();
        let mut changed = (**plans).clone();
        changed.remove(&stored.id);
        *plans = std::sync::Arc::new(changed);
        Ok(())
    }

    /// The journal could not be told of a change that the index had committed, which therefore took it back. When it could
    /// not do that either, they differ until the next open reconciles them: no push may be judged before.
    fn taken_back<T>(&self, outcome: Result<T>) {
        if let Err(error) = outcome {
            let reason = format!("a change of an archive policy could neither be journaled nor taken back: {error}");
            self.failure.get_or_init(|| reason);
        }
    }

    fn bring_into_force(&self, stored: &StoredPolicy) -> Result<()> {
        let record = PolicyRecord::new(stored.id, stored.revision, &stored.policy)?;
        let body = records::policy_body(&record)
            .map_err(|reason| Error::InvalidArchivePolicy { name: stored.policy.name().to_owned(), reason })?;
        // No push may be between its judgement and its record: replay must judge it by the same policy.
        let _gate = self.gate.write();
        self.journal.append(records::POLICY, &body)?;
        self.state.put_plan(&record, &self.root)
    }

    /// Deletes a metric: gone for readers when this returns, and its name free. The index alone decides: recovery deletes
    /// what it calls deleted, so that a journal that cannot be told (the disk is full) is no reason to fail.
    pub fn delete_metric(&self, key: MetricKey) -> Result<()> {
        self.check_writable()?;
        if key.get() >= crate::head::MAX_KEY {
            return Err(unknown(key.get()));
        }
        self.state.index.mark_deleted(key)?;
        self.forget_deleted(&[key])
    }

    /// Forgets metrics that the index has just called deleted.
    pub fn forget_deleted(&self, keys: &[MetricKey]) -> Result<()> {
        self.check_usable()?;
        let _gate = self.gate.read();
        for key in keys {
            if let Err(error) = self.journal.append(records::DELETE_METRIC, &key.get().to_le_bytes()) {
                tracing::warn!(%key, %error, "a metric's deletion is in the index only");
            }
            self.state.forget(key.get());
        }
        self.forgotten.lock().extend(keys.iter().map(|key| key.get()));
        self.wake_worker();
        Ok(())
    }
}
