//! Repair: a directory that is damaged becomes a sound one, and what that cost is told exactly.
//!
//! Nobody may have the database open. What all goes by comes first: MANIFEST ([`manifest`]) and the index ([`index`]) are mended where
//! that leaves no doubt, or nothing is done at all. Damaged segments are written anew without what is damaged ([`segments`]): that is kept
//! aside ([`quarantine`]) and, where other bytes say exactly what it was, made again ([`rebuild`], [`state`]). One replacement of
//! MANIFEST commits all of that, as it does a merge. Then the journal is replayed around what is damaged in it, as an open does,
//! and committed as that is. A repair can be interrupted at any point and done again; done twice, it finds nothing. It must never
//! guess a value, and never remove bytes that it has not kept elsewhere.

mod aggregates;
mod index;
mod manifest;
mod quarantine;
mod rebuild;
mod report;
mod segments;
mod state;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

pub use report::{JournalLoss, Outcome, Repair, RepairReport};

use super::check::{CheckProgress, OnProgress};
use super::manifest::Manifest;
use super::open::{JOURNAL, LOCK};
use super::options::Replay;
use super::records::{self, Rows};
use super::{Engine, Options};
use crate::error::Result;
use crate::fs::{BoundedFs, Fs};
use crate::journal;

/// Repairs the database in `root`.
///
/// # Errors
///
/// [`Irreparable`](crate::Error::Irreparable) when more of MANIFEST or the index is damaged than can be mended without doubt;
/// [`Locked`](crate::Error::Locked); and the disk's.
pub fn repair_directory(root: &Path, fs: Arc<dyn Fs>, progress: &mut OnProgress<'_>) -> Result<RepairReport> {
    let bounded: Arc<dyn Fs> = Arc::new(BoundedFs::new(Arc::clone(&fs)));
    let mut report = RepairReport::default();
    {
        let fs = &*bounded;
        // Before anything is created where there is no database.
        manifest::read(fs, root)?;
        let _lock = fs.lock(&root.join(LOCK))?;
        let read = manifest::read(fs, root)?;
        let index = index::sound(fs, root)?;
        manifest::replace(fs, root, &read, &mut report)?;
        let index = index.replace(fs, root, &mut report)?;
        segments::repair(fs, root, &index, &read.0, &mut report, &mut |at: CheckProgress<'_>| progress(at))?;
        journal_losses(fs, root, &manifest::read(fs, root)?.0, &mut report)?;
    }
    let engine = Engine::open(root, Options { replay: Replay::Salvage, background: false, ..Options::default() }, fs)?;
    engine.close()?;
    Ok(report)
}

/// Notes what the journal lacks, and keeps the files that lack it.
fn journal_losses(fs: &dyn Fs, root: &Path, manifest: &Manifest, report: &mut RepairReport) -> Result<()> {
    let directory = root.join(JOURNAL);
    let mut rows = Rows::default();
    let mut unreadable = Vec::new();
    let (file, first) = (manifest.journal_file, manifest.journal_sequence);
    let (last, _, gaps) = journal::salvage(fs, &directory, file, first, &mut |sequence, kind, body| {
        if records::parse(kind, body, &mut rows).is_err() {
            unreadable.push(sequence);
        }
        Ok(())
    })?;
    let mut kept = BTreeSet::new();
    let durable = manifest.journal_durable;
    for gap in gaps {
        let through = gap.next.map_or(durable.max(gap.expected), |next| next.saturating_sub(1));
        if through < gap.expected || (gap.next.is_none() && durable < gap.expected) {
            continue;
        }
        let name = gap.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let about = serde_json::json!({ "file": gap.file.to_string_lossy(), "offset": gap.offset, "what": gap.what });
        let length = fs.open(&gap.file)?.len();
        let whole = 0..length;
        let quarantined =
            quarantine::keep(fs, root, &gap.file, std::slice::from_ref(&whole), &format!("journal-{name}"), &about)?;
        kept.insert(gap.expected);
        let records = (gap.expected, through);
        let (file, offset, what) = (gap.file, gap.offset, gap.what);
        report.journal.push(JournalLoss { file, offset, records, what, quarantined: Some(quarantined) });
    }
    if last < durable && !kept.contains(&(last + 1)) {
        let what = format!("it ends with record {last}, and {durable} was durable when MANIFEST was written");
        let loss = JournalLoss { file: directory, offset: 0, records: (last + 1, durable), what, quarantined: None };
        report.journal.push(loss);
    }
    Ok(())
}
