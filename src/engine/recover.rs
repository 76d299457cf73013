//! Recovery: what the journal has and segments have not goes back into the series, and from there into new segments before
//! anything is acknowledged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::manifest::Manifest;
use super::options::Replay;
use super::records::{Record, Rows};
use super::{Counters, Engine, records};
use crate::error::{Corruption, Error, Result};
use crate::fs::Fs;
use crate::head::Plan;
use crate::journal::{self, Recovered};

/// Where the journal goes on.
pub(super) struct Unread {
    pub(super) next_file: u64,
    pub(super) next_sequence: u64,
}

/// Reads the journal's tail once, without applying it, and makes sure that what was read is on the disk: a new journal
/// file must not exist before what it follows is durable.
///
/// [`Replay::Salvage`]: whatever is damaged is passed over, and new records get numbers behind all that there may have been.
pub(super) fn unread(fs: &dyn Fs, directory: &Path, manifest: &Manifest, replay: Replay) -> Result<Unread> {
    if replay == Replay::Salvage {
        let (file, first) = (manifest.journal_file, manifest.journal_sequence);
        let (last, last_file, _) = journal::salvage(fs, directory, file, first, &mut |_, _, _| Ok(()))?;
        let next_file = last_file.unwrap_or(0).max(manifest.journal_file) + 1;
        return Ok(Unread { next_file, next_sequence: last.max(manifest.journal_durable) + 1 });
    }
    let found =
        journal::recover(fs, directory, manifest.journal_file, manifest.journal_sequence, &mut |_, _, _| Ok(()))?;
    let mut last_file = manifest.journal_file.saturating_sub(1);
    let mut begins = manifest.journal_file == 0;
    for entry in fs.list(directory)? {
        let Some(number) = journal::parse_file_name(&entry.name).filter(|n| *n >= manifest.journal_file) else {
            continue;
        };
        fs.open(&directory.join(&entry.name))?.sync()?;
        last_file = last_file.max(number);
        begins |= number == manifest.journal_file;
    }
    check_complete(directory, manifest, &found, begins)?;
    journal::renew(fs, directory, found.last_file.filter(|_| found.records > 0))?;
    if let Some(torn) = &found.torn {
        let file = torn.file.display().to_string();
        tracing::warn!(
            file,
            offset = torn.offset,
            bytes = torn.bytes,
            what = torn.what,
            "the journal's torn tail is cut off"
        );
    }
    Ok(Unread { next_file: last_file + 1, next_sequence: found.last_sequence + 1 })
}

/// Refuses a journal that lacks what MANIFEST knows to have been durable. To go on without would not only lose measures: new
/// records would get the numbers of old ones that series in segments have seen, and replay would pass over them.
pub(super) fn check_complete(directory: &Path, manifest: &Manifest, found: &Recovered, begins: bool) -> Result<()> {
    if !begins {
        let missing = directory.join(journal::file_name(manifest.journal_file));
        let what = "this file, with which MANIFEST says that the journal goes on, is missing";
        return Err(Corruption::new(missing, 0, what).into());
    }
    if found.last_sequence < manifest.journal_durable {
        let (last, durable) = (found.last_sequence, manifest.journal_durable);
        let what = format!("the journal ends with record {last}, and {durable} was durable when MANIFEST was written");
        let (file, offset) = match &found.torn {
            Some(torn) => (torn.file.clone(), torn.offset),
            None => (directory.to_path_buf(), 0),
        };
        return Err(Corruption::new(file, offset, what).into());
    }
    Ok(())
}

impl Engine {
    /// Replays the journal from where MANIFEST says up to the file that was just created, reconciles the engine with the
    /// index, and commits the result.
    pub(super) fn recover(&self, manifest: &Manifest) -> Result<()> {
        let directory = self.root.join("journal");
        for key in &manifest.deleted {
            if let Some(slot) = self.state.series.slot(*key) {
                slot.lock().delete();
            }
        }
        let mut rows = Rows::default();
        let (file, first) = (manifest.journal_file, manifest.journal_sequence);
        let mut records = 0;
        let mut replay = |sequence, kind, body: &[u8]| {
            records += 1;
            self.replay(&directory, sequence, kind, body, &mut rows)
        };
        if self.options.replay == Replay::Salvage {
            journal::salvage(&*self.fs, &directory, file, first, &mut replay)?;
        } else {
            journal::recover(&*self.fs, &directory, file, first, &mut replay)?;
        }
        Counters::add(&self.counters.replayed, records);
        let lost = self.counters.unknown_metric_measures.load(Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(
                measures = lost,
                "the journal has measures of metrics that the index does not know; they are dropped"
            );
        }
        self.reconcile()?;
        // The checkpoint asks for room already.
        self.begin_account()?;
        let mut maintenance = self.maintenance.lock();
        maintenance.position.plans = self.plans();
        let nothing_changed = self.dirty.lock().is_empty();
        if nothing_changed {
            maintenance.position.file = self.journal.file_number();
            maintenance.position.sequence = self.journal.last_sequence() + 1;
            self.commit_view(&mut maintenance, (*self.view()).clone())?;
            journal::remove_before(&*self.fs, &directory, maintenance.position.file)
        } else {
            self.checkpoint_locked(&mut maintenance)
        }
    }

    fn replay(&self, directory: &Path, sequence: u64, kind: u8, body: &[u8], rows: &mut Rows) -> Result<()> {
        match records::parse(kind, body, rows).map_err(|what| damaged(directory, sequence, &what))? {
            Record::Measures(rows) => {
                for (key, timestamps, values) in rows.groups() {
                    if !self.replay_group(key, timestamps, values, sequence)? {
                        Counters::add(&self.counters.unknown_metric_measures, timestamps.len() as u64);
                    }
                }
                Ok(())
            }
            Record::Policy(record) => self.state.put_plan(&record, directory),
            Record::DeleteMetric(key) => {
                self.state.forget(key);
                Ok(())
            }
        }
    }

    /// The index commits before the journal is told: what the index has and the journal has not takes effect now.
    fn reconcile(&self) -> Result<()> {
        let mut plans = (*self.plans()).clone();
        let stored = self.state.index.archive_policies()?;
        plans.retain(|id, _| stored.iter().any(|policy| policy.id == *id));
        for policy in stored {
            if plans.get(&policy.id).is_none_or(|plan| plan.revision != policy.revision) {
                plans.insert(policy.id, Arc::new(Plan::new(policy.id, policy.revision, policy.policy)));
            }
        }
        *self.state.plans.write() = Arc::new(plans);
        for key in self.state.index.deleted_keys()? {
            self.state.forget(key.get());
            self.forgotten.lock().push(key.get());
        }
        Ok(())
    }
}

/// The error of a record that checks, and says nothing.
pub(super) fn damaged(directory: &Path, sequence: u64, what: &str) -> Error {
    Corruption::new(directory, 0, format!("record {sequence}: {what}")).into()
}
