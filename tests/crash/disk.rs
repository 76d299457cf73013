//! The simulated disk: an [`Fs`] over an [`Image`] that counts its calls, shows itself before each, dies or fails at one of
//! them when told to, and leaves out or puts off syncs where a bug is planted.
//!
//! The index does not come through here: `SQLite` has its files in a real directory, the root or one below it, and this disk lists
//! them there; the copy of an index in a snapshot becomes a file of this disk once it is opened to be synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ThreadId;

use gnocchetti::internals::fs::{DirEntry, File, Fs, Lock};
use gnocchetti::{Error, Result};
use parking_lot::{Mutex, MutexGuard};

use crate::image::{Change, Image, Node, parent};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// How much room a reservation really gets: megabytes of zeros would only make the tests slow, and it is a hint.
const ROOM: usize = 4096;

/// The index's files; what `SQLite` keeps in shared memory is not part of its state.
const INDEX: [&str; 2] = ["index.sqlite", "index.sqlite-wal"];

/// One call on the way to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    CreateDir,
    Create,
    Rename,
    Link,
    Remove,
    RemoveDir,
    SyncDir,
    Append,
    Truncate,
    Reserve,
    Sync,
    /// Everything that changes nothing: opening, reading, listing.
    Read,
}

impl Call {
    pub const ALL: [Call; 12] = [
        Call::CreateDir,
        Call::Create,
        Call::Rename,
        Call::Link,
        Call::Remove,
        Call::RemoveDir,
        Call::SyncDir,
        Call::Append,
        Call::Truncate,
        Call::Reserve,
        Call::Sync,
        Call::Read,
    ];
}

/// A call that fails, and the process lives.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub call: Call,
    /// Which of its kind, from 0.
    pub nth: u64,
    /// No space left, or else a broken disk.
    pub full: bool,
    /// Of an append, so many tenths are written all the same.
    pub tenths: usize,
}

/// A bug planted on the way to the disk.
#[derive(Debug, Clone, Copy)]
pub enum Plant {
    /// Syncs of files whose names begin so do nothing.
    FileSync(&'static str),
    /// As before, but for the first sync of each file.
    LaterSync(&'static str),
    /// Syncs of directories whose names begin so do nothing; of the root, where the name is empty.
    DirSync(&'static str),
    /// Segments are synced only after MANIFEST, which names them, has been.
    ManifestFirst,
}

/// The index's files as they lay there at some moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexCopy(Vec<(&'static str, Vec<u8>)>);

impl IndexCopy {
    pub fn of(root: &Path) -> Self {
        IndexCopy(INDEX.into_iter().filter_map(|name| Some((name, std::fs::read(root.join(name)).ok()?))).collect())
    }

    pub fn restore(&self, root: &Path) {
        for (name, bytes) in &self.0 {
            std::fs::write(root.join(name), bytes).unwrap();
        }
    }
}

/// What a watcher sees before each call that changes something.
pub struct Sight<'a> {
    /// The number of the call, from 0.
    pub number: u64,
    pub call: Call,
    pub name: &'a str,
    /// The append about to be made.
    pub doing: Option<(usize, Change)>,
    pub image: &'a Image,
}

type Watcher = Box<dyn FnMut(Sight<'_>) + Send>;

/// Paths that are locked.
type Locks = Arc<Mutex<BTreeSet<PathBuf>>>;

#[derive(Debug, Clone)]
pub struct SimDisk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    /// Calls of the engine's own threads pass, but are not counted: they come when they come.
    driver: ThreadId,
    locked: Locks,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    image: Image,
    /// Calls that change something.
    calls: u64,
    counts: BTreeMap<Call, u64>,
    stop_at: Option<u64>,
    died_with: Option<IndexCopy>,
    fault: Option<Fault>,
    /// What the fault has hit.
    failed: Option<String>,
    plant: Option<Plant>,
    put_off: Vec<usize>,
    synced: BTreeSet<usize>,
    due: bool,
    watcher: Option<Watcher>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl SimDisk {
    /// The disk at `root`, a real directory that has the index's files.
    pub fn new(root: &Path, image: Image) -> Self {
        let state = Mutex::new(State { image, ..State::default() });
        let driver = std::thread::current().id();
        SimDisk(Arc::new(Shared { root: root.to_path_buf(), driver, locked: Locks::default(), state }))
    }

    pub fn plant(&self, plant: Plant) {
        self.0.state.lock().plant = Some(plant);
    }

    pub fn watch(&self, watcher: impl FnMut(Sight<'_>) + Send + 'static) {
        self.0.state.lock().watcher = Some(Box::new(watcher));
    }

    /// The process dies at the `nth` call from now.
    pub fn stop_after(&self, nth: u64) {
        let mut state = self.0.state.lock();
        state.stop_at = Some(state.calls + nth);
    }

    /// The index as it was when the process died; `None` while it lives.
    pub fn died_with(&self) -> Option<IndexCopy> {
        self.0.state.lock().died_with.clone()
    }

    /// One call will fail.
    pub fn fail(&self, fault: Fault) {
        self.0.state.lock().fault = Some(fault);
    }

    /// On which name that call was made; `None` when it was not yet.
    pub fn has_failed(&self) -> Option<String> {
        self.0.state.lock().failed.clone()
    }

    /// How often each call was made.
    pub fn counts(&self) -> BTreeMap<Call, u64> {
        self.0.state.lock().counts.clone()
    }

    pub fn image(&self) -> Image {
        self.0.state.lock().image.clone()
    }

    /// How many segments lie on the disk.
    pub fn segments(&self) -> u64 {
        let state = self.0.state.lock();
        state.image.names().filter(|(name, _)| is_segment(name)).count() as u64
    }

    fn name(&self, path: &Path) -> Option<String> {
        Some(path.strip_prefix(&self.0.root).ok()?.to_str()?.to_owned())
    }

    /// What comes before every call: the count, the watcher, the death, the failure.
    fn enter(&self, call: Call, path: &Path, doing: Option<(usize, Change)>) -> Result<Entered<'_>> {
        let mut guard = self.0.state.lock();
        let state = &mut *guard;
        if std::thread::current().id() != self.0.driver {
            let dead = state.died_with.is_some();
            return if dead { Err(failure(call, path, EIO)) } else { Ok(Entered { state: guard, fault: None }) };
        }
        if call != Call::Read {
            let number = state.calls;
            state.calls += 1;
            let name = self.name(path).unwrap_or_default();
            if let Some(watcher) = &mut state.watcher {
                watcher(Sight { number, call, name: &name, doing, image: &state.image });
            }
            if state.stop_at == Some(number) && state.died_with.is_none() {
                state.died_with = Some(IndexCopy::of(&self.0.root));
            }
            if std::mem::take(&mut state.due) {
                let put_off = std::mem::take(&mut state.put_off);
                for inode in put_off {
                    state.image.sync(inode);
                }
            }
        }
        if state.died_with.is_some() {
            return Err(failure(call, path, EIO));
        }
        let count = state.counts.entry(call).or_default();
        let nth = *count;
        *count += 1;
        let fault = state.fault.filter(|fault| fault.call == call && fault.nth == nth);
        if fault.is_some() {
            state.failed = Some(self.name(path).unwrap_or_default());
        }
        Ok(Entered { state: guard, fault })
    }

    /// As `enter`, of a call of which nothing happens when it fails.
    fn enter_or_fail(&self, call: Call, path: &Path) -> Result<MutexGuard<'_, State>> {
        let Entered { state, fault } = self.enter(call, path, None)?;
        fault.map_or(Ok(state), |fault| Err(fault.error(path)))
    }

    /// What `SQLite` wrote becomes a file of this disk when somebody opens it to sync it: written just now.
    fn import_index(&self, image: &mut Image, path: &Path) {
        let Some(name) = self.name(path).filter(|name| is_index(path) && image.node(name).is_none()) else { return };
        if let (Ok(bytes), Node::File(inode)) = (std::fs::read(path), image.create(&name, false)) {
            image.change(inode, Change::Write(0, bytes.into()));
        }
    }

    fn open_inode(&self, path: &Path, inode: usize, len: usize, writable: bool) -> Arc<dyn File> {
        let len = AtomicU64::new(len as u64);
        Arc::new(SimFile { disk: self.clone(), path: path.to_path_buf(), inode, len, writable })
    }
}

struct Entered<'a> {
    state: MutexGuard<'a, State>,
    fault: Option<Fault>,
}

impl Fault {
    fn error(&self, path: &Path) -> Error {
        failure(self.call, path, if self.full { ENOSPC } else { EIO })
    }
}

fn failure(call: Call, path: &Path, code: i32) -> Error {
    let operation = match call {
        Call::CreateDir | Call::Create => "create",
        Call::Rename => "rename",
        Call::Link => "link",
        Call::Remove | Call::RemoveDir => "remove",
        Call::SyncDir => "sync directory",
        Call::Append => "append to",
        Call::Truncate => "truncate",
        Call::Reserve => "reserve room in",
        Call::Sync => "sync",
        Call::Read => "read",
    };
    let (path, source) = (path.to_path_buf(), io::Error::from_raw_os_error(code));
    if code == ENOSPC { Error::DiskFull { operation, path, source } } else { Error::Io { operation, path, source } }
}

fn other(operation: &'static str, path: &Path, kind: io::ErrorKind) -> Error {
    Error::Io { operation, path: path.to_path_buf(), source: kind.into() }
}

fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| INDEX.iter().any(|index| name == *index))
}

fn is_segment(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "seg")
}

impl Fs for SimDisk {
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        let mut state = self.enter_or_fail(Call::CreateDir, path)?;
        let Some(name) = self.name(path) else { return Ok(()) };
        let mut missing = Vec::new();
        let mut at = name.as_str();
        while state.image.node(at).is_none() {
            missing.push(at.to_owned());
            at = parent(at);
        }
        for name in missing.iter().rev() {
            state.image.create(name, true);
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        let mut state = self.enter_or_fail(Call::Create, path)?;
        let name = self.name(path).ok_or_else(|| other("create", path, io::ErrorKind::PermissionDenied))?;
        if state.image.node(&name).is_some() {
            return Err(other("create", path, io::ErrorKind::AlreadyExists));
        }
        match (state.image.node(parent(&name)), state.image.create(&name, false)) {
            (Some(Node::Dir), Node::File(inode)) => Ok(self.open_inode(path, inode, 0, true)),
            _ => Err(other("create", path, io::ErrorKind::NotFound)),
        }
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        let mut state = self.enter_or_fail(Call::Read, path)?;
        self.import_index(&mut state.image, path);
        match self.name(path).and_then(|name| state.image.node(&name)) {
            Some(Node::File(inode)) => Ok(self.open_inode(path, inode, state.image.bytes(inode).len(), false)),
            _ => Err(other("open", path, io::ErrorKind::NotFound)),
        }
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let state = self.enter_or_fail(Call::Read, path)?;
        match self.name(path).and_then(|name| state.image.node(&name)) {
            Some(Node::File(inode)) => Ok(Some(state.image.bytes(inode).to_vec())),
            _ => Ok(None),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.enter_or_fail(Call::Rename, to)?;
        match (self.name(from), self.name(to)) {
            (Some(from), Some(to)) if state.image.node(&from).is_some() => {
                state.image.rename(&from, &to);
                Ok(())
            }
            _ => Err(other("rename", from, io::ErrorKind::NotFound)),
        }
    }

    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.enter_or_fail(Call::Link, to)?;
        let node = |path: &Path| self.name(path).and_then(|name| state.image.node(&name));
        match (node(from), node(to), self.name(to)) {
            (Some(Node::File(inode)), None, Some(to)) => {
                state.image.link(&to, Node::File(inode));
                Ok(())
            }
            (_, Some(_), _) => Err(other("link", to, io::ErrorKind::AlreadyExists)),
            _ => Err(other("link", from, io::ErrorKind::NotFound)),
        }
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let mut state = self.enter_or_fail(Call::Remove, path)?;
        if is_index(path) {
            let _ = std::fs::remove_file(path);
        }
        if let Some(name) = self.name(path) {
            state.image.remove(&name);
        }
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        let mut state = self.enter_or_fail(Call::RemoveDir, path)?;
        if let Some(name) = self.name(path)
            && state.image.list(&name).next().is_none()
        {
            state.image.remove(&name);
        }
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        let mut state = self.enter_or_fail(Call::SyncDir, path)?;
        // What lies above the root is not part of this disk.
        let Some(name) = self.name(path) else { return Ok(()) };
        let skipped = |wanted: &str| if wanted.is_empty() { name.is_empty() } else { name.starts_with(wanted) };
        if !matches!(state.plant, Some(Plant::DirSync(wanted)) if skipped(wanted)) {
            state.image.sync_dir(&name);
        }
        // With the next call: at this moment MANIFEST is durable, and what it names is not.
        state.due |= name.is_empty();
        Ok(())
    }

    fn list(&self, path: &Path) -> Result<Vec<DirEntry>> {
        let state = self.enter_or_fail(Call::Read, path)?;
        let Some(directory) = self.name(path) else { return Ok(Vec::new()) };
        let base = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let mut entries: Vec<DirEntry> = Vec::new();
        for (name, node) in state.image.list(&directory) {
            let len = if let Node::File(inode) = node { state.image.bytes(inode).len() } else { 0 };
            entries.push(DirEntry { name: base(name), is_dir: node == Node::Dir, len: len as u64 });
        }
        for name in INDEX {
            if entries.iter().all(|entry| entry.name != name) {
                let metadata = std::fs::metadata(path.join(name));
                entries.extend(metadata.map(|m| DirEntry { name: name.to_owned(), is_dir: false, len: m.len() }));
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        if !self.0.locked.lock().insert(path.to_path_buf()) {
            let path = parent_path(path);
            return Err(Error::Locked { path, pid: std::process::id() });
        }
        Ok(Box::new(SimLock(Arc::clone(&self.0.locked), path.to_path_buf())))
    }

    fn kind(&self, _path: &Path) -> Option<String> {
        None
    }
}

fn parent_path(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

#[derive(Debug)]
struct SimLock(Locks, PathBuf);

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    inode: usize,
    len: AtomicU64,
    writable: bool,
}

impl File for SimFile {
    fn append(&self, bytes: &[u8]) -> Result<()> {
        if !self.writable {
            return Err(other("append to", &self.path, io::ErrorKind::PermissionDenied));
        }
        let at = self.len() as usize;
        let write = Change::Write(at, bytes.into());
        let Entered { mut state, fault } =
            self.disk.enter(Call::Append, &self.path, Some((self.inode, write.clone())))?;
        if let Some(fault) = fault {
            let written = bytes.len() * fault.tenths / 10;
            state.image.change(self.inode, Change::Write(at, bytes[..written].into()));
            return Err(fault.error(&self.path));
        }
        state.image.change(self.inode, write);
        self.len.store((at + bytes.len()) as u64, Ordering::Relaxed);
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        let mut state = self.disk.enter_or_fail(Call::Truncate, &self.path)?;
        state.image.change(self.inode, Change::Resize(len as usize));
        self.len.store(len, Ordering::Relaxed);
        Ok(())
    }

    fn reserve(&self, len: u64) -> Result<()> {
        let mut state = self.disk.enter_or_fail(Call::Reserve, &self.path)?;
        let room = (self.len() as usize + ROOM).min(len as usize);
        if room > state.image.bytes(self.inode).len() {
            state.image.change(self.inode, Change::Resize(room));
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let Entered { mut state, fault } = self.disk.enter(Call::Sync, &self.path, None)?;
        if let Some(fault) = fault {
            state.image.drop_unsynced(self.inode);
            return Err(fault.error(&self.path));
        }
        let name = self.disk.name(&self.path).unwrap_or_default();
        let first = state.synced.insert(self.inode);
        match state.plant {
            Some(Plant::FileSync(wanted)) if name.starts_with(wanted) => {}
            Some(Plant::LaterSync(wanted)) if name.starts_with(wanted) && !first => {}
            Some(Plant::ManifestFirst) if is_segment(&name) => state.put_off.push(self.inode),
            _ => state.image.sync(self.inode),
        }
        Ok(())
    }

    fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let state = self.disk.enter_or_fail(Call::Read, &self.path)?;
        let bytes = state.image.bytes(self.inode);
        let found = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)?.get(..buf.len()));
        let found = found.ok_or_else(|| other("read", &self.path, io::ErrorKind::UnexpectedEof))?;
        buf.copy_from_slice(found);
        Ok(())
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
