//! A file system that runs out of space, or calls back, at a place of the test's choice.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gnocchetti::internals::fs::{DirEntry, File, Fs, Lock, RealFs};
use gnocchetti::{Error, Result};
use parking_lot::Mutex;

/// One call on the way to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Create,
    Append,
    Sync,
    SyncDir,
    Rename,
    Link,
    Remove,
}

type Opening = Box<dyn FnMut(&Path) + Send>;
type Hook = Box<dyn FnMut(Call, &Path) -> Result<()> + Send>;

/// Asks a hook before each call that changes something; what the hook refuses does not happen.
#[derive(Clone, Default)]
pub struct FaultFs {
    hook: Arc<Mutex<Option<Hook>>>,
    hasty: bool,
    linkless: Arc<AtomicBool>,
    opening: Arc<Mutex<Option<Opening>>>,
    /// A stretch of all files that the medium does not give back.
    unreadable: Arc<Mutex<Range<u64>>>,
}

impl std::fmt::Debug for FaultFs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultFs").finish_non_exhaustive()
    }
}

impl FaultFs {
    /// One that syncs nothing, for tests that open thousands of databases.
    pub fn hasty() -> FaultFs {
        FaultFs { hasty: true, ..FaultFs::default() }
    }

    /// From now on files cannot have a second name.
    pub fn refuse_links(&self) {
        self.linkless.store(true, Ordering::Relaxed);
    }

    /// From now on `hook` is called before a file is opened.
    pub fn on_open(&self, hook: impl FnMut(&Path) + Send + 'static) {
        *self.opening.lock() = Some(Box::new(hook));
    }

    /// From now on this stretch of any file cannot be read, nor what reaches into it.
    pub fn make_unreadable(&self, stretch: Range<u64>) {
        *self.unreadable.lock() = stretch;
    }

    /// From now on `hook` is asked.
    pub fn set(&self, hook: impl FnMut(Call, &Path) -> Result<()> + Send + 'static) {
        *self.hook.lock() = Some(Box::new(hook));
    }

    /// From now on nothing is asked and all goes through.
    pub fn clear(&self) {
        *self.hook.lock() = None;
        *self.opening.lock() = None;
    }

    /// The disk is full from the `nth` append (counted from 0) on, for so many appends. Returns the count of appends.
    pub fn fill(&self, nth: u64, times: u64) -> Arc<AtomicU64> {
        let appends = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&appends);
        self.set(move |call, path| {
            if call != Call::Append {
                return Ok(());
            }
            let at = counter.fetch_add(1, Ordering::Relaxed);
            if at >= nth && at - nth < times { Err(full(path)) } else { Ok(()) }
        });
        appends
    }

    fn ask(&self, call: Call, path: &Path) -> Result<()> {
        // The hook is taken out meanwhile: what it calls in turn is not asked about.
        let taken = self.hook.lock().take();
        let Some(mut hook) = taken else { return Ok(()) };
        let answer = hook(call, path);
        self.hook.lock().get_or_insert(hook);
        answer
    }
}

/// What a full disk says.
pub fn full(path: &Path) -> Error {
    const ENOSPC: i32 = 28;
    let source = std::io::Error::from_raw_os_error(ENOSPC);
    Error::DiskFull { operation: "append to", path: path.to_path_buf(), source }
}

/// What a broken disk says.
pub fn broken(path: &Path) -> Error {
    Error::Io { operation: "sync", path: path.to_path_buf(), source: std::io::Error::other("the disk is broken") }
}

impl Fs for FaultFs {
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        RealFs.create_dir_all(path)
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.ask(Call::Create, path)?;
        Ok(Arc::new(FaultFile { fs: self.clone(), inner: RealFs.create(path)? }))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        if let Some(hook) = &mut *self.opening.lock() {
            hook(path);
        }
        Ok(Arc::new(FaultFile { fs: self.clone(), inner: RealFs.open(path)? }))
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        RealFs.read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.ask(Call::Rename, to)?;
        RealFs.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        self.ask(Call::Link, to)?;
        if self.linkless.load(Ordering::Relaxed) {
            let source = std::io::ErrorKind::CrossesDevices.into();
            return Err(Error::Io { operation: "link", path: to.to_path_buf(), source });
        }
        RealFs.link(from, to)
    }

    fn is_within(&self, path: &Path, directory: &Path) -> Result<bool> {
        RealFs.is_within(path, directory)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.ask(Call::Remove, path)?;
        RealFs.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        RealFs.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        self.ask(Call::SyncDir, path)?;
        if self.hasty { Ok(()) } else { RealFs.sync_dir(path) }
    }

    fn list(&self, path: &Path) -> Result<Vec<DirEntry>> {
        RealFs.list(path)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        RealFs.lock(path)
    }

    fn kind(&self, path: &Path) -> Option<String> {
        RealFs.kind(path)
    }
}

#[derive(Debug)]
struct FaultFile {
    fs: FaultFs,
    inner: Arc<dyn File>,
}

impl File for FaultFile {
    fn append(&self, bytes: &[u8]) -> Result<()> {
        self.fs.ask(Call::Append, self.path())?;
        self.inner.append(bytes)
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.inner.truncate(len)
    }

    fn sync(&self) -> Result<()> {
        self.fs.ask(Call::Sync, self.path())?;
        if self.fs.hasty { Ok(()) } else { self.inner.sync() }
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let unreadable = self.fs.unreadable.lock().clone();
        if offset < unreadable.end && offset + buf.len() as u64 > unreadable.start {
            return Err(Error::Io {
                operation: "read",
                path: self.path().to_path_buf(),
                source: std::io::Error::other("the medium does not give it back"),
            });
        }
        self.inner.read_at(offset, buf)
    }

    fn path(&self) -> &Path {
        self.inner.path()
    }
}
