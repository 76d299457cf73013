//! Snapshots: the whole of a database as of one moment, in a directory of its own, while others go on writing.
//!
//! What makes a state is taken in this order: the journal position, and in the same instant the index; then the segments. Files
//! that are never written again (segments, and journal files that others follow) get a second name where they can have
//! one; the index is copied through `SQLite`; MANIFEST comes last. A crash at any moment leaves a directory that is no database
//! yet, or one that is complete. The snapshot is what a crash in the instant of the cut would have left, with everything on
//! the disk; opening it is recovery, as ever.
//!
//! A writer's snapshot begins with a checkpoint, so that little is left to replay; what is pushed while that writes is in the
//! journal, and the snapshot takes those files along. (The checkpoint's segments alone would not do: a series taken late may have a
//! push that one taken early has not.) Nothing here may write to a file that the database has, nor hold a lock while bytes
//! are copied that are more than a checkpoint leaves.

mod target;

use std::path::Path;
use std::sync::Arc;

use super::manifest::{Manifest, SegmentRecord};
use super::open::{INDEX, JOURNAL};
use super::reader::{Reader, read_manifest, until_whole};
use super::recover::check_complete;
use super::{Engine, Maintenance};
use crate::error::Result;
use crate::indexer::Observer;
use crate::journal::{self, Bookmark, Recovered};
use crate::query::View;
use target::Target;

/// How far a snapshot has come. A reader's may begin again, when its writer has replaced files meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotProgress {
    /// Bytes that are there.
    pub done: u64,
    /// How many bytes there will be.
    pub total: u64,
}

/// What a snapshot consists of, without the few bytes of MANIFEST.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotReport {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, the bytes that were copied; the others lie in files that the database and the snapshot share.
    pub copied_bytes: u64,
}

/// Whoever watches a snapshot.
pub type Watch<'a> = dyn FnMut(SnapshotProgress) + 'a;

/// The last of the journal that belongs to a snapshot.
#[derive(Debug, Clone, Copy)]
struct Tail {
    /// The numbers of the first file and the last.
    first_file: u64,
    last_file: u64,
    /// So much of it, or all.
    bytes: u64,
}

impl Engine {
    /// Makes a snapshot in `directory`, which must be absent or empty: all that was pushed before the call, and nothing that
    /// is pushed after its cut.
    pub fn snapshot(&self, directory: &Path, watch: &mut Watch<'_>) -> Result<SnapshotReport> {
        self.check_writable()?;
        Target::begin(&*self.fs, &self.root, directory)?.fill(|target| {
            let observer = self.index().observer()?;
            // The view keeps the files of its segments from being removed.
            let (manifest, _view) = self.take_state(&observer, target)?;
            finish(target, &manifest, &observer, watch)
        })
    }

    /// Cuts, and takes the journal's files: the next checkpoint would remove them.
    fn take_state(&self, observer: &Observer, target: &mut Target<'_>) -> Result<(Manifest, Arc<View>)> {
        let mut maintenance = self.maintenance.lock();
        self.checkpoint_locked(&mut maintenance)?;
        self.journal.flush()?;
        let (tail, last_sequence, deleted) = self.cut_with_index(&maintenance, observer)?;
        let view = self.view();
        let mut manifest = Manifest { deleted, ..self.manifest_of(&maintenance, &view)? };
        take_journal(target, &mut manifest, tail, last_sequence)?;
        Ok((manifest, view))
    }

    /// The journal up to the cut, when there is any of it, the number of its last record, and what was deleted before: not what
    /// the index that goes with it still knows.
    fn cut_with_index(&self, maintenance: &Maintenance, observer: &Observer) -> Result<(Option<Tail>, u64, Vec<u64>)> {
        let _gate = self.gate.write();
        observer.pin()?;
        let deleted = self.state.deleted.lock().iter().copied().collect();
        let last = self.journal.last_sequence();
        if last < maintenance.position.sequence {
            return Ok((None, last, deleted));
        }
        let (first_file, last_file) = (maintenance.position.file, self.journal.file_number());
        let last = self.journal.rotate(last_file + 1)?;
        Ok((Some(Tail { first_file, last_file, bytes: u64::MAX }), last, deleted))
    }
}

impl Reader {
    /// As [`Engine::snapshot`], of the newest state that the writer, if there is one, has handed to the kernel.
    pub fn snapshot(&self, directory: &Path, watch: &mut Watch<'_>) -> Result<SnapshotReport> {
        self.check_usable()?;
        self.reconnect()?;
        Target::begin(&*self.fs, &self.root, directory)?
            .fill(|target| until_whole(&*self.fs, &self.root, |manifest| self.take(manifest, target, watch)))
    }

    /// `None` when the writer has replaced MANIFEST before the index was looked at: it may have forgotten metrics since whose
    /// bytes this one still names.
    fn take(
        &self,
        manifest: &Manifest,
        target: &mut Target<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Option<SnapshotReport>> {
        target.begin_again(&manifest.segments)?;
        let observer = self.index().observer()?;
        let from = Bookmark { file: manifest.journal_file, offset: 0, sequence: manifest.journal_sequence };
        let directory = self.root.join(JOURNAL);
        let found = journal::follow(&*self.fs, &directory, from, &mut |_, _, _| Ok(()))?;
        check_complete(&directory, manifest, &found, from.file == 0 || found.first_file == Some(from.file))?;
        // After the journal, which refers only to what the index has committed before.
        observer.pin()?;
        if read_manifest(&*self.fs, &self.root)? != *manifest {
            return Ok(None);
        }
        let mut manifest = manifest.clone();
        take_journal(target, &mut manifest, tail_of(&found), found.last_sequence)?;
        finish(target, &manifest, &observer, watch).map(Some)
    }
}

/// What was found of the journal; `None` when that is no record.
fn tail_of(found: &Recovered) -> Option<Tail> {
    let Bookmark { file: last_file, offset: bytes, .. } = found.end;
    let first_file = found.first_file.filter(|_| found.records > 0)?;
    Some(Tail { first_file, last_file, bytes })
}

/// Takes the journal's files from where `manifest` says, and says so in it.
fn take_journal(
    target: &mut Target<'_>,
    manifest: &mut Manifest,
    tail: Option<Tail>,
    last_sequence: u64,
) -> Result<()> {
    manifest.journal_durable = last_sequence;
    manifest.superseded.clear();
    manifest.journal_file = tail.map_or(0, |tail| tail.first_file);
    let Some(Tail { first_file, last_file, bytes }) = tail else { return Ok(()) };
    for number in first_file..=last_file {
        let name = Path::new(JOURNAL).join(journal::file_name(number));
        if number < last_file || bytes == u64::MAX {
            target.duplicate(&name)?;
        } else if bytes > 0 {
            // Its writer may go on in it.
            target.copy(&name, bytes)?;
        }
    }
    Ok(())
}

/// Takes the index and the segments, and makes a database of it all.
fn finish(
    target: &mut Target<'_>,
    manifest: &Manifest,
    observer: &Observer,
    watch: &mut Watch<'_>,
) -> Result<SnapshotReport> {
    let before = target.report().bytes;
    let segments = &manifest.segments;
    let total = before + observer.bytes()? + segments.iter().map(|record| record.bytes).sum::<u64>();
    watch(SnapshotProgress { done: before, total });
    target.take_index(Path::new(INDEX), observer, &mut |bytes| {
        watch(SnapshotProgress { done: before + bytes, total });
    })?;
    for name in segments.iter().filter_map(SegmentRecord::name) {
        target.duplicate(&name.path(Path::new("")))?;
        watch(SnapshotProgress { done: target.report().bytes, total });
    }
    target.commit(manifest)?;
    Ok(target.report())
}
