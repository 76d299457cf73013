//! Check: everything that a directory holds is read, decoded, and compared with everything else.
//!
//! What is to be walked is a [`Ground`]: what MANIFEST names at one moment, held open. The writer takes it under its
//! maintenance lock and walks it afterwards, while pushes and merges go on; a reader takes what it has seen; a directory that
//! does not open is walked as it lies there. First the journal, then each segment by itself ([`segments`]), then all series
//! across segments and index ([`series`]), then the index, then the files that nothing names ([`files`]). A check must never
//! change anything, nor stop at the first finding.

mod directory;
mod files;
mod report;
mod segments;
mod series;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

pub use directory::check_directory;
pub(super) use files::QUARANTINE;
pub(super) use report::path;
pub use report::{CheckProgress, CheckReport, Finding, FindingKind, OnProgress, StoredData};

use super::Engine;
use super::manifest::{Manifest, SegmentRecord};
use super::reader::Reader;
use crate::error::{Corruption, Error, Result};
use crate::fs::Fs;
use crate::indexer::Indexer;
use crate::query::{Erasures, Segment};
use crate::segment::SegmentName;
use crate::types::MetricKey;
use files::Listed;
pub(super) use segments::{contents, kind_of};

/// How many findings of the index are listed.
const INDEX_FINDINGS: usize = 100;

/// A segment that MANIFEST names; `None` when it cannot be opened.
type Named = (SegmentRecord, Option<Arc<Segment>>);

/// What is walked.
struct Ground<'a> {
    fs: &'a dyn Fs,
    root: &'a Path,
    segments: Vec<Named>,
    index: Option<&'a Indexer>,
    /// Metrics that are deleted, whether or not the index still knows them.
    deleted: BTreeSet<u64>,
    /// What was deleted of the segments.
    erased: Arc<Erasures>,
    /// Whether what this segment has of a metric that the index does not know counts no more: see [`gone_since`].
    is_gone: &'a dyn Fn(u64, &Path) -> bool,
}

/// Whether a metric of which a segment has something is deleted by now, or the segment counts no more. The index lets go of a
/// deleted metric when MANIFEST names it, and MANIFEST names it until no segment that counts has anything of it: so one of which
/// this holds for all segments may have been deleted since they were listed, and no other one has to be.
fn gone_since(fs: &dyn Fs, root: &Path, metric: u64, segment: &Path) -> bool {
    let Ok(Some(now)) = Manifest::read(fs, root) else { return false };
    let counts = |record: &SegmentRecord| record.name().is_some_and(|name| name.path(root) == segment);
    now.deleted.binary_search(&metric).is_ok() || !now.segments.iter().any(counts)
}

/// What has been found, and who is told how far the walk has come.
struct Walk<'a> {
    report: CheckReport,
    progress: &'a mut OnProgress<'a>,
    done: u64,
    total: u64,
}

impl<'a> Walk<'a> {
    fn new(total: u64, progress: &'a mut OnProgress<'a>) -> Self {
        Walk { report: CheckReport::default(), progress, done: 0, total }
    }

    /// Says that the walk is over.
    fn finish(self, root: &Path) -> CheckReport {
        (self.progress)(CheckProgress { file: root, done: self.done, total: self.done });
        self.report
    }

    fn find(&mut self, kind: FindingKind, corruption: Corruption) {
        self.report.add(Finding::new(kind, corruption));
    }

    /// Says that `bytes` more of `file` were gone through.
    fn advance(&mut self, file: &Path, bytes: u64) {
        self.done += bytes;
        (self.progress)(CheckProgress { file, done: self.done, total: self.total.max(self.done) });
    }
}

impl Engine {
    /// Checks the database while it is in use.
    pub fn check(&self, progress: &mut OnProgress<'_>) -> Result<CheckReport> {
        self.check_usable()?;
        let mut progress = |at: CheckProgress<'_>| progress(at);
        let is_gone = |metric, segment: &Path| gone_since(&*self.fs, &self.root, metric, segment);
        let (ground, mut walk) = {
            let maintenance = self.maintenance.lock();
            let manifest = self.manifest_in_force()?;
            let view = self.view();
            let segments = view.segments().map(|s| (super::checkpoint::record_of(s), Some(Arc::clone(s)))).collect();
            let deleted = self.state.deleted.lock().clone();
            let index = Some(&*self.state.index);
            let erased = Arc::clone(&view.erased);
            let (fs, root, is_gone) = (&*self.fs, &*self.root, &is_gone);
            let ground = Ground { fs, root, segments, index, deleted, erased, is_gone };
            let mut walk = Walk::new(ground.bytes() + self.journal.bytes(), &mut progress);
            // What is named changes only under the lock; so does what the journal begins with.
            let listed = Listed::read(&*self.fs, &self.root)?;
            let mut named: HashSet<SegmentName> = maintenance.begun.iter().copied().collect();
            named.extend(maintenance.superseded.iter().filter_map(|old| old.record.name()));
            listed.strays(&ground, &manifest, &named, true, &mut walk);
            files::compare(&ground, &manifest, &mut walk);
            files::journal(&ground, &manifest, true, &mut walk)?;
            (ground, walk)
        };
        ground.walk(&mut walk)?;
        Ok(walk.finish(&self.root))
    }

    /// MANIFEST as it lies on the disk.
    fn manifest_in_force(&self) -> Result<Manifest> {
        let missing = || Error::NotADatabase { path: self.root.clone(), reason: "MANIFEST is gone".to_owned() };
        Manifest::read(&*self.fs, &self.root)?.ok_or_else(missing)
    }
}

impl Reader {
    /// Checks what this reader sees, after a refresh. Files that the writer superseded meanwhile do not count.
    pub fn check(&self, progress: &mut OnProgress<'_>) -> Result<CheckReport> {
        self.persist(|| self.refresh().map(drop))?;
        let mut progress = |at: CheckProgress<'_>| progress(at);
        let (fs, root) = self.place();
        let (manifest, view, deleted) = self.with_seen();
        let segments = view.segments().map(|s| (super::checkpoint::record_of(s), Some(Arc::clone(s)))).collect();
        let erased = Arc::clone(&view.erased);
        let is_gone = |metric, segment: &Path| gone_since(fs, root, metric, segment);
        let ground = Ground { fs, root, segments, index: Some(self.index()), deleted, erased, is_gone: &is_gone };
        let live = Reader::is_written(fs, root);
        let mut walk = Walk::new(ground.bytes(), &mut progress);
        let is_current = |found: &Manifest| Manifest::read(fs, root).is_ok_and(|now| now.as_ref() == Some(found));
        // A writer that goes on removes journal files, and names others, while these are looked at.
        let mut unheard = |_: CheckProgress<'_>| {};
        let mut around = Walk::new(0, &mut unheard);
        let listed = Listed::read(fs, root)?;
        listed.strays(&ground, &manifest, &HashSet::new(), live, &mut around);
        files::journal(&ground, &manifest, live, &mut around)?;
        if is_current(&manifest) {
            walk.report = around.report;
        }
        files::compare(&ground, &manifest, &mut walk);
        ground.walk(&mut walk)?;
        if !is_current(&manifest) {
            let gone = |finding: &Finding| matches!(fs.open(&finding.file), Err(Error::Io { .. }));
            walk.report.findings.retain(|finding| !gone(finding));
        }
        Ok(walk.finish(root))
    }
}

impl Ground<'_> {
    /// The size of all segments.
    fn bytes(&self) -> u64 {
        self.segments.iter().map(|(record, _)| record.bytes).sum()
    }

    /// Walks segments, each by itself.
    fn walk_segments(&self, walk: &mut Walk<'_>) -> Result<()> {
        for (record, segment) in &self.segments {
            if let Some(segment) = segment {
                segments::inspect(segment, record.bytes, walk)?;
            }
        }
        Ok(())
    }

    /// Walks segments, series and index.
    fn walk(&self, walk: &mut Walk<'_>) -> Result<()> {
        self.walk_segments(walk)?;
        let before = walk.report.findings.len();
        self.check_index(walk);
        // Nothing can be compared with an index that cannot be read.
        let readable = walk.report.findings.len() == before;
        series::compare(self, readable, walk)?;
        if readable {
            self.name_metrics(walk);
        }
        Ok(())
    }

    fn check_index(&self, walk: &mut Walk<'_>) {
        let Some(index) = self.index else { return };
        let findings = match index.findings(INDEX_FINDINGS) {
            Ok(findings) => findings,
            Err(error) => vec![error.to_string()],
        };
        for what in findings {
            walk.find(FindingKind::Index, Corruption::new(index.path(), 0, what));
        }
    }

    /// Adds the ids of metrics to findings that know their keys only.
    fn name_metrics(&self, walk: &mut Walk<'_>) {
        let Some(index) = self.index else { return };
        for finding in &mut walk.report.findings {
            let known = finding.metric.map(|key| index.metric_by_key(MetricKey::new(key)));
            if let Some(Ok(Some(stored))) = known {
                finding.metric_id = Some(stored.metric.id);
            }
        }
    }
}
