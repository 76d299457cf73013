//! A file system that keeps few files open for reading, however many were asked for.
//!
//! A database has a segment for each partition of each archive: thousands, where a process may have some hundred files
//! open, most of them the host program's own. A file opened here closes its handle when others need the room, and opens it
//! again when it is next read. It must never do so with a file that is written: those are few, and pass through.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{DirEntry, File, Fs, Lock};
use crate::error::Result;

/// A quarter of the 1,024 files that a process may usually have open.
const MOST_OPEN: usize = 256;

/// Wraps another [`Fs`]: files from [`Fs::open`] share a bounded number of handles. Who opens a file sees to it that its
/// name stays while it reads.
#[derive(Debug)]
pub struct BoundedFs {
    inner: Arc<dyn Fs>,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    most: usize,
    /// Those that are open, the longest open first.
    open: Mutex<VecDeque<Arc<Handle>>>,
}

/// An open file, or none.
#[derive(Debug, Default)]
struct Handle(Mutex<Option<Arc<dyn File>>>);

impl BoundedFs {
    /// Keeps at most a few hundred files of `inner` open for reading.
    pub fn new(inner: Arc<dyn Fs>) -> Self {
        BoundedFs::with_limit(inner, MOST_OPEN)
    }

    fn with_limit(inner: Arc<dyn Fs>, most: usize) -> Self {
        BoundedFs { inner, pool: Arc::new(Pool { most, open: Mutex::default() }) }
    }
}

impl Pool {
    /// Notes that `handle` was opened, and closes others for it.
    fn opened(&self, handle: &Arc<Handle>) {
        let mut open = self.open.lock();
        open.push_back(Arc::clone(handle));
        while open.len() > self.most {
            let Some(oldest) = open.pop_front() else { return };
            *oldest.0.lock() = None;
        }
    }
}

impl Fs for BoundedFs {
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        self.inner.create_dir_all(path)
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.inner.create(path)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        let file = BoundedFile {
            fs: Arc::clone(&self.inner),
            pool: Arc::clone(&self.pool),
            path: path.to_path_buf(),
            handle: Arc::default(),
        };
        file.get()?;
        Ok(Arc::new(file))
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        self.inner.read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.inner.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        self.inner.link(from, to)
    }

    fn is_within(&self, path: &Path, directory: &Path) -> Result<bool> {
        self.inner.is_within(path, directory)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.inner.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.inner.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        self.inner.sync_dir(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<DirEntry>> {
        self.inner.list(path)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        self.inner.lock(path)
    }

    fn is_locked(&self, path: &Path) -> Result<bool> {
        self.inner.is_locked(path)
    }

    fn kind(&self, path: &Path) -> Option<String> {
        self.inner.kind(path)
    }
}

#[derive(Debug)]
struct BoundedFile {
    fs: Arc<dyn Fs>,
    pool: Arc<Pool>,
    path: PathBuf,
    handle: Arc<Handle>,
}

impl BoundedFile {
    /// The open file; whoever holds it can go on reading when the pool closes it.
    fn get(&self) -> Result<Arc<dyn File>> {
        let mut slot = self.handle.0.lock();
        if let Some(file) = &*slot {
            return Ok(Arc::clone(file));
        }
        let file = self.fs.open(&self.path)?;
        *slot = Some(Arc::clone(&file));
        // The pool locks handles too, this one among them.
        drop(slot);
        self.pool.opened(&self.handle);
        Ok(file)
    }
}

impl Drop for BoundedFile {
    fn drop(&mut self) {
        let opened = self.handle.0.lock().take().is_some();
        if opened {
            self.pool.open.lock().retain(|handle| !Arc::ptr_eq(handle, &self.handle));
        }
    }
}

impl File for BoundedFile {
    fn append(&self, bytes: &[u8]) -> Result<()> {
        self.get()?.append(bytes)
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.get()?.truncate(len)
    }

    fn sync(&self) -> Result<()> {
        self.get()?.sync()
    }

    fn len(&self) -> u64 {
        self.get().map_or(0, |file| file.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.get()?.read_at(offset, buf)
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::RealFs;

    fn open_handles(fs: &BoundedFs) -> usize {
        fs.pool.open.lock().iter().filter(|handle| handle.0.lock().is_some()).count()
    }

    #[test]
    fn many_files_are_read_through_few_handles() {
        let directory = tempfile::tempdir().unwrap();
        let fs = BoundedFs::with_limit(Arc::new(RealFs), 3);
        let mut files = Vec::new();
        for i in 0..20_u8 {
            let path = directory.path().join(i.to_string());
            fs.create(&path).unwrap().append(&[i; 4]).unwrap();
            files.push(fs.open(&path).unwrap());
        }
        for round in 0..3_u64 {
            for (i, file) in files.iter().enumerate() {
                let mut byte = [0];
                file.read_at(round, &mut byte).unwrap();
                assert_eq!((usize::from(byte[0]), file.len()), (i, 4));
                assert!(open_handles(&fs) <= 3);
            }
        }
        drop(files);
        assert_eq!(open_handles(&fs), 0);
    }

    #[test]
    fn threads_that_share_few_handles_read_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let fs = BoundedFs::with_limit(Arc::new(RealFs), 2);
        let files: Vec<_> = (0..8_u8)
            .map(|i| {
                let path = directory.path().join(i.to_string());
                fs.create(&path).unwrap().append(&[i]).unwrap();
                fs.open(&path).unwrap()
            })
            .collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for turn in 0..2000 {
                        let mut byte = [0];
                        files[turn % 8].read_at(0, &mut byte).unwrap();
                        assert_eq!(usize::from(byte[0]), turn % 8);
                    }
                });
            }
        });
    }
}
