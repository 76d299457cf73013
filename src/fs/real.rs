//! The file system of the machine, through the standard library.
//!
//! Thin on purpose: every call is one call of the system, repeated when a signal interrupted it, with its error given
//! the path and the operation. It must never retry anything else, above all not a failed sync.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock::HeldLock;
use super::{DirEntry, File, Fs, Lock, READ_LIMIT, mounts};
use crate::error::{Error, Result};

/// The machine's own file system.
///
/// ```
/// use gnocchetti::internals::fs::{Fs, RealFs};
///
/// # let folder = tempfile::tempdir().unwrap();
/// assert!(RealFs.list(&folder.path().join("absent"))?.is_empty());
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFs;

impl Fs for RealFs {
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        retry("create directory", path, || fs::create_dir_all(path))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        let file = retry("create", path, || fs::OpenOptions::new().read(true).write(true).create_new(true).open(path))?;
        Ok(Arc::new(RealFile { file, path: path.to_path_buf(), len: AtomicU64::new(0) }))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        let file = retry("open", path, || fs::File::open(path))?;
        let len = retry("inspect", path, || file.metadata())?.len();
        Ok(Arc::new(RealFile { file, path: path.to_path_buf(), len: AtomicU64::new(len) }))
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let file = match retry("open", path, || fs::File::open(path)) {
            Ok(file) => file,
            Err(error) if is_kind(&error, ErrorKind::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let len = retry("inspect", path, || file.metadata())?.len();
        let too_large = || Error::io("read", path, ErrorKind::FileTooLarge.into());
        if len > READ_LIMIT {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(len as usize);
        // One byte more than allowed, to notice a file that grows while it is read.
        let read = (&file).take(READ_LIMIT + 1).read_to_end(&mut bytes);
        read.map_err(|source| Error::io("read", path, source))?;
        if bytes.len() as u64 > READ_LIMIT { Err(too_large()) } else { Ok(Some(bytes)) }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        retry("rename", from, || fs::rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        retry("link", to, || fs::hard_link(from, to))
    }

    fn is_within(&self, path: &Path, directory: &Path) -> Result<bool> {
        let directory = retry("resolve", directory, || fs::canonicalize(directory))?;
        let path = retry("resolve", path, || std::path::absolute(path))?;
        // Only what exists can be a link to elsewhere.
        let existing = path.ancestors().find_map(|ancestor| fs::canonicalize(ancestor).ok());
        Ok(existing.is_some_and(|existing| existing.starts_with(&directory)))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        ignore(retry("remove", path, || fs::remove_file(path)), &[ErrorKind::NotFound])
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        let removed = retry("remove directory", path, || fs::remove_dir(path));
        ignore(removed, &[ErrorKind::NotFound, ErrorKind::DirectoryNotEmpty])
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        let directory = retry("open directory", path, || fs::File::open(path))?;
        directory.sync_all().map_err(|source| Error::io("sync directory", path, source))
    }

    fn list(&self, path: &Path) -> Result<Vec<DirEntry>> {
        let failed = |source| Error::io("list", path, source);
        let entries = match retry("list", path, || fs::read_dir(path)) {
            Ok(entries) => entries,
            Err(error) if is_kind(&error, ErrorKind::NotFound) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut list = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            // Follows links, so that a directory may live elsewhere.
            let metadata = match fs::metadata(entry.path()) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            let name = entry.file_name().to_string_lossy().into_owned();
            list.push(DirEntry { name, is_dir: metadata.is_dir(), len: metadata.len() });
        }
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        Ok(Box::new(HeldLock::take(path)?))
    }

    fn is_locked(&self, path: &Path) -> Result<bool> {
        HeldLock::is_held(path)
    }

    fn kind(&self, path: &Path) -> Option<String> {
        mounts::kind(path)
    }
}

#[derive(Debug)]
struct RealFile {
    file: fs::File,
    path: PathBuf,
    /// Where the next append goes. One writer changes it; relaxed, for whoever serialises the appends orders it too.
    len: AtomicU64,
}

impl File for RealFile {
    fn append(&self, bytes: &[u8]) -> Result<()> {
        let len = self.len.load(Ordering::Relaxed);
        self.file.write_all_at(bytes, len).map_err(|source| Error::io("append to", &self.path, source))?;
        self.len.store(len + bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.file.set_len(len).map_err(|source| Error::io("truncate", &self.path, source))?;
        self.len.store(len, Ordering::Relaxed);
        Ok(())
    }

    fn reserve(&self, len: u64) -> Result<()> {
        // Not `truncate`: where the next append goes stays. Never cuts, for the appended bytes are below `len`.
        let len = len.max(self.len.load(Ordering::Relaxed));
        self.file.set_len(len).map_err(|source| Error::io("reserve", &self.path, source))
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|source| Error::io("sync", &self.path, source))
    }

    fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(buf, offset).map_err(|source| Error::io("read", &self.path, source))
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// Repeats a call that a signal interrupted. The calls on open files do so by themselves in the standard library.
pub(super) fn retry<T>(operation: &'static str, path: &Path, mut call: impl FnMut() -> io::Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done.map_err(|source| Error::io(operation, path, source)),
        }
    }
}

fn is_kind(error: &Error, kind: ErrorKind) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == kind)
}

fn ignore(result: Result<()>, kinds: &[ErrorKind]) -> Result<()> {
    match result {
        Err(error) if kinds.iter().any(|&kind| is_kind(&error, kind)) => Ok(()),
        result => result,
    }
}
