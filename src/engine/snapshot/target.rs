//! The directory that becomes a snapshot: files come in, directories are synced, MANIFEST makes a database of it.
//!
//! It holds `LOCK` while it is filled, so that nobody else takes it for theirs. When something fails, what came in goes again;
//! `LOCK` stays, as it does in every database, and does not make a directory anything but empty.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::SnapshotReport;
use crate::engine::manifest::{MANIFEST, Manifest, SegmentRecord};
use crate::engine::open::{INDEX, LOCK, sync_above};
use crate::error::{Error, Result};
use crate::fs::{self, Fs, Lock};
use crate::indexer::Observer;

/// A directory that is being filled.
pub(super) struct Target<'a> {
    fs: &'a dyn Fs,
    /// The database's directory, and the new one.
    source: &'a Path,
    root: PathBuf,
    /// Held for its drop.
    _lock: Box<dyn Lock>,
    /// What came in, relative to the root: files with their bytes and whether they were copied, and directories.
    files: Vec<Taken>,
    directories: BTreeSet<PathBuf>,
}

struct Taken {
    name: PathBuf,
    bytes: u64,
    copied: bool,
}

impl<'a> Target<'a> {
    /// Makes the directory, when it may become a snapshot.
    pub(super) fn begin(fs: &'a dyn Fs, source: &'a Path, root: &Path) -> Result<Self> {
        check(fs, source, root)?;
        fs.create_dir_all(root)?;
        let lock = fs.lock(&root.join(LOCK))?;
        // As it is now that nobody else fills it.
        check(fs, source, root)?;
        let (root, directories) = (root.to_path_buf(), BTreeSet::new());
        Ok(Target { fs, source, root, _lock: lock, files: Vec::new(), directories })
    }

    /// Has `fill` do the work, and clears up behind it when that fails.
    pub(super) fn fill<T>(mut self, fill: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        fill(&mut self).inspect_err(|_| {
            // The first error is the one to report; what stays makes no database, and the next attempt names it.
            if let Err(error) = self.clear() {
                tracing::warn!(%error, "an unfinished snapshot could not be removed");
            }
        })
    }

    /// Takes a file of the database that is written no more.
    pub(super) fn duplicate(&mut self, name: &Path) -> Result<()> {
        let (from, to) = (self.source.join(name), self.root.join(name));
        if self.files.iter().any(|taken| taken.name == name) {
            return Ok(());
        }
        let bytes = self.fs.open(&from)?.len();
        self.expect(name, bytes)?;
        let linked = fs::link_or_copy(self.fs, &from, &to)?;
        self.arrived(bytes, !linked);
        Ok(())
    }

    /// Takes the first bytes of a file that may still grow.
    pub(super) fn copy(&mut self, name: &Path, most: u64) -> Result<()> {
        self.expect(name, most)?;
        let bytes = fs::copy(self.fs, &self.source.join(name), &self.root.join(name), most)?;
        self.arrived(bytes, true);
        Ok(())
    }

    /// Takes the index.
    pub(super) fn take_index(&mut self, name: &Path, index: &Observer, watch: &mut dyn FnMut(u64)) -> Result<()> {
        let (path, bytes) = (self.root.join(name), index.bytes()?);
        self.expect(name, bytes)?;
        index.copy_to(&path, watch)?;
        self.fs.open(&path)?.sync()?;
        self.arrived(bytes, true);
        Ok(())
    }

    /// Notes a file before it is there, so that it goes again whatever becomes of it.
    fn expect(&mut self, name: &Path, bytes: u64) -> Result<()> {
        let directory = name.parent().unwrap_or(Path::new(""));
        if !directory.as_os_str().is_empty() && !self.directories.contains(directory) {
            let made = directory.ancestors().filter(|above| !above.as_os_str().is_empty());
            self.directories.extend(made.map(Path::to_path_buf));
            self.fs.create_dir_all(&self.root.join(directory))?;
        }
        self.files.push(Taken { name: name.to_path_buf(), bytes, copied: false });
        Ok(())
    }

    fn arrived(&mut self, bytes: u64, copied: bool) {
        if let Some(taken) = self.files.last_mut() {
            (taken.bytes, taken.copied) = (bytes, copied);
        }
    }

    /// What is there.
    pub(super) fn report(&self) -> SnapshotReport {
        let mut report = SnapshotReport::default();
        for Taken { bytes, copied, .. } in &self.files {
            report.files += 1;
            report.bytes += bytes;
            report.copied_bytes += if *copied { *bytes } else { 0 };
        }
        report
    }

    /// Makes a database of it, once all its files and names are on the disk.
    pub(super) fn commit(&self, manifest: &Manifest) -> Result<()> {
        for directory in self.directories.iter().rev() {
            self.fs.sync_dir(&self.root.join(directory))?;
        }
        self.fs.sync_dir(&self.root)?;
        sync_above(self.fs, &self.root)?;
        manifest.write(self.fs, &self.root)
    }

    /// Lets go what another state of the database does not have: segments keep their names for ever, nothing else does.
    pub(super) fn begin_again(&mut self, segments: &[SegmentRecord]) -> Result<()> {
        let names = segments.iter().filter_map(SegmentRecord::name);
        let kept: BTreeSet<PathBuf> = names.map(|name| name.path(Path::new(""))).collect();
        for taken in self.files.extract_if(.., |taken| !kept.contains(&taken.name)) {
            self.fs.remove(&self.root.join(taken.name))?;
        }
        Ok(())
    }

    /// Removes everything but `LOCK`; MANIFEST for good before anything that it names.
    fn clear(&mut self) -> Result<()> {
        self.fs.remove(&self.root.join(MANIFEST))?;
        self.fs.sync_dir(&self.root)?;
        for taken in self.files.drain(..) {
            self.fs.remove(&self.root.join(taken.name))?;
        }
        for directory in std::mem::take(&mut self.directories).into_iter().rev() {
            self.fs.remove_dir(&self.root.join(directory))?;
        }
        Ok(())
    }
}

/// Refuses what may not become a snapshot.
fn check(fs: &dyn Fs, source: &Path, root: &Path) -> Result<()> {
    let refuse = |reason: String| Err(Error::SnapshotTarget { path: root.to_path_buf(), reason });
    if fs.is_within(root, source)? {
        return refuse(format!("it lies within the database in {}", source.display()));
    }
    let entries = match fs.list(root) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotADirectory => {
            return refuse("it is no directory".to_owned());
        }
        entries => entries?,
    };
    match entries.iter().find(|entry| entry.name != LOCK) {
        Some(entry) if entry.name == MANIFEST || entry.name == INDEX => {
            refuse(format!("it holds `{}`: a database lies there, or a snapshot that was cut off", entry.name))
        }
        Some(entry) => refuse(format!("it holds `{}`", entry.name)),
        None => Ok(()),
    }
}
