//! A disk in memory that keeps apart what it was told and what it has to keep: it fails on request, and after a crash
//! holds no more than the contracts of [`Fs`] and [`File`] promise.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, Result};
use crate::fs::{DirEntry, File, Fs, Lock};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    Create,
    Remove,
    SyncDir,
    Append,
    Truncate,
    Sync,
}

/// Nothing special, or failure with this code after so many bytes.
type Outcome = Option<(i32, usize)>;

#[derive(Debug, Clone, Default)]
pub(super) struct SimDisk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    names: Mutex<Names>,
    /// What the next calls of a kind do.
    faults: Mutex<BTreeMap<Call, VecDeque<Outcome>>>,
    /// Held by a test to keep syncs from returning.
    gate: Mutex<()>,
    syncing: AtomicUsize,
    syncs: AtomicU64,
}

#[derive(Debug, Default)]
struct Names {
    live: BTreeMap<PathBuf, Arc<Mutex<Image>>>,
    durable: BTreeMap<PathBuf, Arc<Mutex<Image>>>,
}

#[derive(Debug, Default, Clone)]
struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// What was done since the last sync.
    pending: Vec<Change>,
    /// What another process will have made of it after so many reads.
    overwrite: Option<(usize, Vec<u8>)>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

/// Numbers that decide what a crash keeps.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

impl SimDisk {
    /// After `after` more calls of this kind, one fails with the error `code`; an append has then written `written`
    /// bytes.
    pub(super) fn fail(&self, call: Call, after: usize, code: i32, written: usize) {
        let mut faults = self.0.faults.lock();
        let queue = faults.entry(call).or_default();
        queue.extend(std::iter::repeat_n(None, after));
        queue.push_back(Some((code, written)));
    }

    /// No sync returns until the guard is dropped.
    pub(super) fn hold_syncs(&self) -> MutexGuard<'_, ()> {
        self.0.gate.lock()
    }

    /// Syncs of files that have begun.
    pub(super) fn syncs(&self) -> u64 {
        self.0.syncs.load(Ordering::SeqCst)
    }

    pub(super) fn bytes(&self, path: &Path) -> Vec<u8> {
        self.0.names.lock().live[path].lock().live.clone()
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        self.0.names.lock().live.contains_key(path)
    }

    /// Puts a file there, as durable as can be.
    pub(super) fn install(&self, path: &Path, bytes: &[u8]) {
        let image = Image { live: bytes.to_vec(), durable: bytes.to_vec(), ..Image::default() };
        let image = Arc::new(Mutex::new(image));
        let mut names = self.0.names.lock();
        names.live.insert(path.to_path_buf(), Arc::clone(&image));
        names.durable.insert(path.to_path_buf(), image);
    }

    /// The file has these bytes once it was read from so many times: another process writes them.
    pub(super) fn after_reads(&self, path: &Path, reads: usize, bytes: &[u8]) {
        self.0.names.lock().live[path].lock().overwrite = Some((reads, bytes.to_vec()));
    }

    /// The same file cut to `len`, for those who have it open too.
    pub(super) fn shorten(&self, path: &Path, len: usize) {
        self.0.names.lock().live[path].lock().live.truncate(len);
    }

    /// The disk that the next boot finds. This one stays as it is.
    pub(super) fn crash(&self, dice: &mut Dice) -> SimDisk {
        let after = SimDisk::default();
        let names = self.0.names.lock();
        for path in names.live.keys().chain(names.durable.keys()) {
            let image = match (names.live.get(path), names.durable.get(path)) {
                (Some(image), Some(_)) => image,
                (Some(image), None) | (None, Some(image)) if dice.below(2) == 0 => image,
                _ => continue,
            };
            if !after.exists(path) {
                after.install(path, &image.lock().after_crash(dice));
            }
        }
        after
    }

    fn fault(&self, call: Call) -> Option<(io::Error, usize)> {
        let fault = self.0.faults.lock().get_mut(&call).and_then(VecDeque::pop_front).flatten();
        fault.map(|(code, written)| (io::Error::from_raw_os_error(code), written))
    }

    fn check(&self, call: Call, operation: &'static str, path: &Path) -> Result<()> {
        self.fault(call).map_or(Ok(()), |(error, _)| Err(Error::io(operation, path, error)))
    }

    fn file(&self, path: &Path, image: &Arc<Mutex<Image>>) -> Arc<dyn File> {
        let len = AtomicU64::new(image.lock().live.len() as u64);
        Arc::new(SimFile { disk: self.clone(), path: path.to_path_buf(), image: Arc::clone(image), len })
    }
}

impl Image {
    fn apply(bytes: &mut Vec<u8>, change: &Change) {
        match change {
            Change::Resize(len) => bytes.resize(*len, 0),
            Change::Write(at, written) => {
                bytes.resize(bytes.len().max(at + written.len()), 0);
                bytes[*at..at + written.len()].copy_from_slice(written);
            }
        }
    }

    fn change(&mut self, change: Change) {
        Image::apply(&mut self.live, &change);
        self.pending.push(change);
    }

    /// Each change since the last sync is kept, lost, or, when it is a write, garbled: a part of it, then zeros or noise.
    fn after_crash(&self, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for change in &self.pending {
            match (dice.below(4), change) {
                (0, _) => {}
                (1, Change::Write(at, written)) => {
                    let kept = dice.below(written.len() as u64 + 1) as usize;
                    let noise = dice.below(2) == 0;
                    let tail = (kept..written.len()).map(|_| if noise { dice.below(256) as u8 } else { 0 });
                    let garbled = written[..kept].iter().copied().chain(tail.collect::<Vec<_>>()).collect();
                    Image::apply(&mut bytes, &Change::Write(*at, garbled));
                }
                (_, change) => Image::apply(&mut bytes, change),
            }
        }
        bytes
    }
}

impl Fs for SimDisk {
    fn create_dir_all(&self, _path: &Path) -> Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.check(Call::Create, "create", path)?;
        let mut names = self.0.names.lock();
        if names.live.contains_key(path) {
            return Err(Error::io("create", path, io::ErrorKind::AlreadyExists.into()));
        }
        let image = Arc::default();
        let file = self.file(path, &image);
        names.live.insert(path.to_path_buf(), image);
        Ok(file)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        match self.0.names.lock().live.get(path) {
            Some(image) => Ok(self.file(path, image)),
            None => Err(Error::io("open", path, io::ErrorKind::NotFound.into())),
        }
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        Ok(self.0.names.lock().live.get(path).map(|image| image.lock().live.clone()))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut names = self.0.names.lock();
        let image = names.live.remove(from);
        let image = image.ok_or_else(|| Error::io("rename", from, io::ErrorKind::NotFound.into()))?;
        names.live.insert(to.to_path_buf(), image);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.check(Call::Remove, "remove", path)?;
        self.0.names.lock().live.remove(path);
        Ok(())
    }

    fn remove_dir(&self, _path: &Path) -> Result<()> {
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        self.check(Call::SyncDir, "sync directory", path)?;
        let mut names = self.0.names.lock();
        names.durable = names.live.clone();
        Ok(())
    }

    fn list(&self, path: &Path) -> Result<Vec<DirEntry>> {
        let names = self.0.names.lock();
        let inside = names.live.iter().filter(|(name, _)| name.parent() == Some(path));
        let entry = |(name, image): (&PathBuf, &Arc<Mutex<Image>>)| DirEntry {
            name: name.file_name().unwrap().to_string_lossy().into_owned(),
            is_dir: false,
            len: image.lock().live.len() as u64,
        };
        Ok(inside.map(entry).collect())
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        Err(Error::io("lock", path, io::ErrorKind::Unsupported.into()))
    }

    fn kind(&self, _path: &Path) -> Option<String> {
        None
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    image: Arc<Mutex<Image>>,
    len: AtomicU64,
}

impl File for SimFile {
    fn append(&self, bytes: &[u8]) -> Result<()> {
        let len = self.len();
        let mut image = self.image.lock();
        if let Some((error, written)) = self.disk.fault(Call::Append) {
            image.change(Change::Write(len as usize, bytes[..written.min(bytes.len())].to_vec()));
            return Err(Error::io("append to", &self.path, error));
        }
        image.change(Change::Write(len as usize, bytes.to_vec()));
        self.len.store(len + bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.disk.check(Call::Truncate, "truncate", &self.path)?;
        self.image.lock().change(Change::Resize(len as usize));
        self.len.store(len, Ordering::Relaxed);
        Ok(())
    }

    fn reserve(&self, len: u64) -> Result<()> {
        // Less than asked for, which is only a hint: megabytes of zeros would make the tests slow.
        let mut image = self.image.lock();
        let room = (self.len() + 4096).min(len) as usize;
        if room > image.live.len() {
            image.change(Change::Resize(room));
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        assert_eq!(self.disk.0.syncing.fetch_add(1, Ordering::SeqCst), 0, "two syncs overlap");
        self.disk.0.syncs.fetch_add(1, Ordering::SeqCst);
        let taken = std::mem::take(&mut self.image.lock().pending);
        drop(self.disk.hold_syncs());
        let synced = self.disk.check(Call::Sync, "sync", &self.path);
        if synced.is_ok() {
            // Only what was there when the sync began; what failed to be written is dropped, as the kernel does.
            let mut image = self.image.lock();
            for change in &taken {
                Image::apply(&mut image.durable, change);
            }
        }
        self.disk.0.syncing.fetch_sub(1, Ordering::SeqCst);
        synced
    }

    fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let mut image = self.image.lock();
        match image.overwrite.take() {
            Some((0, bytes)) => image.live = bytes,
            Some((reads, bytes)) => image.overwrite = Some((reads - 1, bytes)),
            None => {}
        }
        let bytes = usize::try_from(offset).ok().and_then(|at| image.live.get(at..)?.get(..buf.len()));
        let bytes = bytes.ok_or_else(|| Error::io("read", &self.path, io::ErrorKind::UnexpectedEof.into()))?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
