//! A file system that counts what passes, and can be made slow to sync.
//!
//! For benches and tests: how many syncs a group commit saves, how many bytes are written for a byte pushed. It must
//! change nothing else about the file system it wraps.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{DirEntry, File, Fs, Lock};
use crate::error::Result;

/// Wraps another [`Fs`]: counts syncs and appended bytes, and lets every sync of a file take a while longer.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use gnocchetti::internals::fs::{CountingFs, Fs, RealFs};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let fs = CountingFs::new(Arc::new(RealFs), Duration::ZERO);
/// let file = fs.create(&folder.path().join("x"))?;
/// file.append(b"four")?;
/// file.sync()?;
/// assert_eq!((fs.syncs(), fs.appended_bytes()), (1, 4));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug)]
pub struct CountingFs {
    inner: Arc<dyn Fs>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Counters {
    sync_delay: Duration,
    syncs: AtomicU64,
    dir_syncs: AtomicU64,
    appended_bytes: AtomicU64,
}

impl CountingFs {
    /// Counts what goes to `inner`; every file sync sleeps for `sync_delay` first.
    pub fn new(inner: Arc<dyn Fs>, sync_delay: Duration) -> Self {
        let zero = || AtomicU64::new(0);
        let counters = Counters { sync_delay, syncs: zero(), dir_syncs: zero(), appended_bytes: zero() };
        CountingFs { inner, counters: Arc::new(counters) }
    }

    /// Calls of [`File::sync`] so far.
    pub fn syncs(&self) -> u64 {
        self.counters.syncs.load(Ordering::Relaxed)
    }

    /// Calls of [`Fs::sync_dir`] so far.
    pub fn dir_syncs(&self) -> u64 {
        self.counters.dir_syncs.load(Ordering::Relaxed)
    }

    /// Bytes appended to all files so far, those of failed appends left out.
    pub fn appended_bytes(&self) -> u64 {
        self.counters.appended_bytes.load(Ordering::Relaxed)
    }

    fn wrap(&self, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(CountingFile { inner, counters: Arc::clone(&self.counters) })
    }
}

impl Fs for CountingFs {
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        self.inner.create_dir_all(path)
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        Ok(self.wrap(self.inner.create(path)?))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        Ok(self.wrap(self.inner.open(path)?))
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
        self.counters.dir_syncs.fetch_add(1, Ordering::Relaxed);
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
struct CountingFile {
    inner: Arc<dyn File>,
    counters: Arc<Counters>,
}

impl File for CountingFile {
    fn append(&self, bytes: &[u8]) -> Result<()> {
        self.inner.append(bytes)?;
        self.counters.appended_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.inner.truncate(len)
    }

    fn reserve(&self, len: u64) -> Result<()> {
        self.inner.reserve(len)
    }

    fn sync(&self) -> Result<()> {
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        if !self.counters.sync_delay.is_zero() {
            std::thread::sleep(self.counters.sync_delay);
        }
        self.inner.sync()
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.inner.read_at(offset, buf)
    }

    fn path(&self) -> &Path {
        self.inner.path()
    }
}
