//! The index put in order, where only the lists beside its tables are damaged, which the tables give again.
//!
//! A new file is made beside it and checked; then the damaged one gets a second name in the quarantine, and the new one takes its
//! place by one rename. The log belongs to the old file: it is empty before, or it would be taken for the new one's.

use std::path::{Path, PathBuf};

use super::quarantine;
use super::report::{Outcome, Repair, RepairReport};
use super::segments::rebuilt;
use crate::engine::check::{Finding, FindingKind};
use crate::engine::open::INDEX;
use crate::error::{Corruption, Error, Result};
use crate::fs::Fs;
use crate::indexer::{DamagedList, Indexer};
use crate::types::MetricKey;

/// An index that a repair can go by.
pub(super) enum Index {
    /// Nothing is wrong with it.
    Sound(Indexer),
    /// Some of its lists are damaged, and this copy is sound.
    Mended(Indexer, PathBuf, Vec<DamagedList>),
}

/// The index, without which nobody knows which metric is which; nothing of it is changed yet.
///
/// # Errors
///
/// [`Error::Irreparable`] when more than its lists is damaged.
pub(super) fn sound(fs: &dyn Fs, root: &Path) -> Result<Index> {
    let path = root.join(INDEX);
    let irreparable = |reason: String| Error::Irreparable { path: path.clone(), reason };
    if !fs.list(root)?.iter().any(|entry| entry.name == INDEX) {
        return Err(irreparable("it is missing".to_owned()));
    }
    let index = match Indexer::open(&path) {
        Ok(index) => index,
        Err(Error::Corrupt(corruption)) => return Err(irreparable(corruption.what)),
        Err(error) => return Err(error),
    };
    let finding = match index.findings(1) {
        Ok(findings) => findings.into_iter().next(),
        Err(Error::Corrupt(corruption)) => Some(corruption.what),
        Err(error) => return Err(error),
    };
    let Some(finding) = finding else { return Ok(Index::Sound(index)) };
    let copy = root.join(format!("{INDEX}.mended"));
    // What a repair that was cut off left.
    fs.remove(&copy)?;
    match index.mended_into(&copy) {
        Ok(Some(lists)) => Ok(Index::Mended(index, copy, lists)),
        refused => {
            fs.remove(&copy)?;
            refused?;
            Err(irreparable(finding))
        }
    }
}

impl Index {
    /// Puts what was mended in the place of what was damaged, which is kept.
    pub(super) fn replace(self, fs: &dyn Fs, root: &Path, report: &mut RepairReport) -> Result<Indexer> {
        let (damaged, copy, lists) = match self {
            Index::Sound(index) => return Ok(index),
            Index::Mended(damaged, copy, lists) => (damaged, copy, lists),
        };
        let path = root.join(INDEX);
        fs.open(&copy)?.sync()?;
        if !damaged.checkpoint_wal()? {
            return Err(Error::Index { operation: "empty the log of", source: "somebody reads it".into() });
        }
        drop(damaged);
        for ending in ["-wal", "-shm"] {
            fs.remove(&root.join(format!("{INDEX}{ending}")))?;
        }
        fs.sync_dir(root)?;
        let findings: Vec<Finding> = lists.iter().map(|list| finding(&path, list)).collect();
        let quarantined = quarantine::keep_file(fs, root, &path, INDEX, &findings)?;
        fs.rename(&copy, &path)?;
        fs.sync_dir(root)?;
        let index = Indexer::open(&path)?;
        for mut finding in findings {
            let stored = finding.metric.map(|key| index.metric_by_key(MetricKey::new(key))).transpose()?;
            finding.metric_id = stored.flatten().map(|stored| stored.metric.id);
            report
                .repairs
                .push(Repair { quarantined: Some(quarantined.clone()), ..rebuilt(finding, Outcome::Rebuilt) });
        }
        Ok(index)
    }
}

/// What was wrong with a list. The key of a metric is its row's.
fn finding(path: &Path, list: &DamagedList) -> Finding {
    let mut corruption = Corruption::new(path, 0, list.what());
    if let (Some(row), 1, "metrics") = (list.rows.first(), list.rows.len(), list.table.as_str()) {
        corruption.metric = u64::try_from(*row).ok();
    }
    Finding::new(FindingKind::Index, corruption)
}
