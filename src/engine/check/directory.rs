//! A directory as it lies there, whether or not it opens: what there is to read is read.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::files::{self, Listed};
use super::{CheckProgress, CheckReport, Finding, FindingKind, Ground, Named, OnProgress, Walk};
use crate::engine::manifest::{MANIFEST, Manifest, SegmentRecord};
use crate::engine::open::{INDEX, open_segment};
use crate::engine::reader::{Reader, open_index};
use crate::error::{Corruption, Error, Result};
use crate::fs::{BoundedFs, Fs};
use crate::indexer::Indexer;

/// Checks the directory `root`, which nobody should be writing.
///
/// # Errors
///
/// [`Error::NotADatabase`] when there is nothing of one; and the disk's when it cannot even be listed.
pub fn check_directory(root: &Path, fs: Arc<dyn Fs>, progress: &mut OnProgress<'_>) -> Result<CheckReport> {
    let fs: Arc<dyn Fs> = Arc::new(BoundedFs::new(fs));
    let fs = &*fs;
    let mut progress = |at: CheckProgress<'_>| progress(at);
    let listed = Listed::read(fs, root)?;
    let mut found = Vec::new();
    let manifest = match Manifest::read(fs, root) {
        Ok(Some(manifest)) => Some(manifest),
        Ok(None) if listed.segments().next().is_none() => {
            let reason = format!("there is no {MANIFEST} and no segment");
            return Err(Error::NotADatabase { path: root.to_path_buf(), reason });
        }
        Ok(None) => {
            let what = "it is missing: nobody knows which files count";
            found.push(Finding::new(FindingKind::Manifest, Corruption::new(root.join(MANIFEST), 0, what)));
            None
        }
        Err(Error::Corrupt(corruption)) => {
            found.push(Finding::new(FindingKind::Manifest, *corruption));
            None
        }
        Err(error) => return Err(error),
    };
    let records = match &manifest {
        Some(manifest) => manifest.segments.clone(),
        // Whatever lies there may have counted.
        None => listed.segments().map(|name| SegmentRecord::new(name, 0, size(fs, &name.path(root)))).collect(),
    };
    let segments: Vec<Named> = records.into_iter().map(|record| open(fs, root, record, &mut found)).collect();
    let index = index(fs, root, &mut found);
    let deleted: BTreeSet<u64> = manifest.iter().flat_map(|manifest| manifest.deleted.iter().copied()).collect();
    let erased = Arc::new(manifest.iter().flat_map(|manifest| manifest.erasures.iter().copied()).collect());
    let is_gone = |metric, segment: &Path| super::gone_since(fs, root, metric, segment);
    let ground = Ground { fs, root, segments, index: index.as_ref(), deleted, erased, is_gone: &is_gone };
    let live = Reader::is_written(fs, root);
    let mut walk = Walk::new(ground.bytes(), &mut progress);
    walk.report.findings = found;
    match &manifest {
        Some(manifest) => {
            listed.strays(&ground, manifest, &HashSet::new(), live, &mut walk);
            files::compare(&ground, manifest, &mut walk);
            files::journal(&ground, manifest, live, &mut walk)?;
            ground.walk(&mut walk)?;
        }
        None => ground.walk_segments(&mut walk)?,
    }
    Ok(walk.finish(root))
}

fn size(fs: &dyn Fs, path: &Path) -> u64 {
    fs.open(path).map_or(0, |file| file.len())
}

/// Opens a segment, or says why that cannot be.
fn open(fs: &dyn Fs, root: &Path, record: SegmentRecord, found: &mut Vec<Finding>) -> Named {
    let Some(name) = record.name() else { return (record, None) };
    let path = name.path(root);
    let (kind, corruption) = match open_segment(fs, root, name, record.level) {
        Ok(segment) => return (record, Some(segment)),
        Err(Error::Corrupt(corruption)) => (FindingKind::Segment, *corruption),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            (FindingKind::MissingFile, Corruption::new(path, 0, "MANIFEST names this segment, and it is not there"))
        }
        Err(error) => (FindingKind::Segment, Corruption::new(path, 0, error.to_string())),
    };
    found.push(Finding::new(kind, corruption));
    (record, None)
}

/// Opens the index for reading, or says why that cannot be.
fn index(fs: &dyn Fs, root: &Path, found: &mut Vec<Finding>) -> Option<Indexer> {
    match open_index(fs, root) {
        Ok(index) => Some(index),
        Err(error) => {
            let corruption = match error {
                Error::Corrupt(corruption) => *corruption,
                other => Corruption::new(root.join(INDEX), 0, other.to_string()),
            };
            found.push(Finding::new(FindingKind::Index, corruption));
            None
        }
    }
}
