//! Reading beside a writer, in this process or another: MANIFEST, the segments it names, the journal's tail, the index.
//!
//! These are not replaced at one instant, and nobody waits for a reader. So MANIFEST is read first; then the journal from
//! where it says, whole or not at all; then the segments; the index last, for the journal refers only to what the index has
//! committed before. A file of these that is gone was superseded: then there is a newer MANIFEST, and it starts over with
//! what it has already. What comes of it is the state after a prefix of the records handed to the kernel.
//!
//! A reader must never write, create or remove a file (`SQLite` keeps its reader's marks in the index's `-shm`), nor hold a
//! lock for longer than it takes to see that nobody else does, which only an index that cannot be written makes it ask; nor
//! hold the index's state for longer than a call: the writer could not shorten the index's log.

use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::manifest::{MANIFEST, Manifest};
use super::open::{INDEX, JOURNAL, LOCK, open_segments, plans_of};
use super::records::Rows;
use super::recover::check_complete;
use super::state::{State, Usable};
use super::tail::Tail;
use super::{Options, Stats};
use crate::error::{Error, Result};
use crate::fs::{BoundedFs, Fs};
use crate::indexer::{Indexer, Source};
use crate::journal::{self, Bookmark};
use crate::query::{Segment, View};
use crate::segment::SegmentName;

/// So often a reader starts over, each time because the writer has replaced MANIFEST meanwhile.
const ATTEMPTS: u32 = 32;
/// So often it looks again although MANIFEST is the same, before it believes in damage.
const DOUBTS: u32 = 3;
/// What it waits before that.
const PAUSE: Duration = Duration::from_millis(2);

/// Segments that are open already.
type Known = HashMap<SegmentName, Arc<Segment>>;

/// A database that is open for reading only.
pub struct Reader {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) root: PathBuf,
    usable: Usable,
    index: Arc<Indexer>,
    /// Queries share it for the moment in which they take their snapshot.
    seen: RwLock<Seen>,
    refreshing: Mutex<()>,
}

/// What a reader has seen.
struct Seen {
    manifest: Manifest,
    /// Up to where the journal is in the state.
    bookmark: Bookmark,
    /// Which state of the index it was compared with.
    index_version: i64,
    state: State,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens the database in `root`, which must be there.
    pub fn open(root: &Path, options: &Options, fs: Arc<dyn Fs>) -> Result<Self> {
        options.check()?;
        let fs: Arc<dyn Fs> = Arc::new(BoundedFs::new(fs));
        // Before SQLite makes a file of its own where there is no database.
        read_manifest(&*fs, root)?;
        let index = Arc::new(open_index(&*fs, root)?);
        let seen = look(&*fs, root, &index, Known::new())?;
        let (seen, refreshing) = (RwLock::new(seen), Mutex::new(()));
        Ok(Reader { fs, root: root.to_path_buf(), usable: Usable::new(), index, seen, refreshing })
    }

    /// Refuses a handle that was closed, or inherited through `fork`.
    pub fn check_usable(&self) -> Result<()> {
        self.usable.check()
    }

    /// Whether this is a handle that a child made by `fork` inherited.
    pub fn is_inherited(&self) -> bool {
        self.usable.is_inherited()
    }

    /// Refuses every call from now on.
    pub fn close(&self) {
        self.usable.close();
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The index, as of the last commit.
    pub fn index(&self) -> &Indexer {
        &self.index
    }

    /// What MANIFEST said at the last refresh, the segments that it named, and the metrics that are deleted.
    pub(super) fn with_seen(&self) -> (Manifest, Arc<View>, BTreeSet<u64>) {
        let seen = self.seen.read();
        let deleted = seen.state.deleted.lock().clone();
        (seen.manifest.clone(), seen.state.view(), deleted)
    }

    /// Where the database lies.
    pub(super) fn place(&self) -> (&dyn Fs, &Path) {
        (&*self.fs, &self.root)
    }

    /// Whether somebody has the directory open for writing, as far as that can be told.
    pub(super) fn is_written(fs: &dyn Fs, root: &Path) -> bool {
        fs.is_locked(&root.join(LOCK)).unwrap_or(true)
    }

    /// Looks at the state as of the last refresh, which waits meanwhile.
    pub fn with_state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.seen.read().state)
    }

    /// Asks, and asks again after a refresh when a file that is needed is gone.
    pub fn persist<T>(&self, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
        for _ in 0..ATTEMPTS {
            match ask() {
                // When nothing is newer, the file should be there.
                Err(error) if is_gone(&error) => {
                    if !self.refresh()? {
                        return Err(error);
                    }
                }
                answered => return answered,
            }
        }
        Err(Error::Outrun { path: self.root.clone(), attempts: ATTEMPTS })
    }

    /// Comes to the newest state that the writer has handed to the kernel; whether that is another one.
    pub fn refresh(&self) -> Result<bool> {
        self.usable.check()?;
        let _one_at_a_time = self.refreshing.lock();
        self.reconnect()?;
        let manifest = read_manifest(&*self.fs, &self.root)?;
        if self.seen.read().manifest == manifest
            && let Some(changed) = self.catch_up()?
        {
            return Ok(changed);
        }
        let known = self.seen.read().state.view().segments().map(|s| (s.name, Arc::clone(s))).collect();
        let seen = look(&*self.fs, &self.root, &self.index, known)?;
        let before = std::mem::replace(&mut *self.seen.write(), seen);
        drop(before);
        Ok(true)
    }

    /// An index that was read as if it were alone may have got a writer.
    pub(super) fn reconnect(&self) -> Result<()> {
        if self.index.source() == Source::Shared {
            return Ok(());
        }
        connect(&*self.fs, &self.root, |source| self.index.reconnect(source), |()| self.index.version())
    }

    /// Takes in what was appended to the journal; `None` when it does not go on where it was left.
    fn catch_up(&self) -> Result<Option<bool>> {
        let (from, plans, known_index) = {
            let seen = self.seen.read();
            let plans = seen.state.tail.as_ref().map(|tail| tail.lock().plans()).unwrap_or_default();
            (seen.bookmark, plans, seen.index_version)
        };
        let mut more = Tail::new(plans);
        let found = match read_journal(&*self.fs, &self.root, from, &mut more) {
            Ok(found) if from.file == 0 || found.first_file == Some(from.file) => found,
            Ok(_) => return Ok(None),
            Err(error) if may_pass(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let index_version = self.index.version()?;
        let deleted = if index_version == known_index { Vec::new() } else { self.index.deleted_keys()? };
        let mut seen = self.seen.write();
        // What it took in before it failed stays; a state looked up anew takes its place, or says what is wrong.
        if found.records > 0 && seen.state.catch_up(&more).is_err() {
            return Ok(None);
        }
        for key in deleted {
            seen.state.forget_once(key.get());
        }
        seen.bookmark = found.end;
        seen.index_version = index_version;
        Ok(Some(found.records > 0 || index_version != known_index))
    }

    /// The state in numbers.
    pub fn stats(&self) -> Result<Stats> {
        self.usable.check()?;
        let seen = self.seen.read();
        let tail = seen.state.tail.as_ref().map(|tail| tail.lock().size());
        let (replayed_records, dirty_measures) = tail.unwrap_or_default();
        let disk_bytes = super::disk::bytes_below(&*self.fs, &self.root, &|_, _, len| len)?;
        Ok(Stats { disk_bytes, dirty_measures, replayed_records, ..seen.state.stats()? })
    }
}

impl State {
    /// Forgets a metric, unless it is forgotten already.
    fn forget_once(&self, key: u64) {
        let known = self.deleted.lock().contains(&key);
        if !known {
            self.forget(key);
        }
    }
}

/// Opens the index together with a writer, or alone where there is none.
pub(super) fn open_index(fs: &dyn Fs, root: &Path) -> Result<Indexer> {
    connect(fs, root, |source| Indexer::open_read_only(&root.join(INDEX), source), Indexer::version)
}

/// The MANIFEST that is there now.
pub(super) fn read_manifest(fs: &dyn Fs, root: &Path) -> Result<Manifest> {
    let reason = || format!("there is no {MANIFEST}; who reads needs a database that somebody has created");
    Manifest::read(fs, root)?.ok_or_else(|| Error::NotADatabase { path: root.to_path_buf(), reason: reason() })
}

/// Connects to the index: together with a writer, or, where that cannot be and nobody writes, alone.
///
/// Shared memory that is there and cannot be written is of little use: each look makes an index of the log anew, as if all had
/// changed, which shows in the version.
fn connect<T>(
    fs: &dyn Fs,
    root: &Path,
    connect: impl Fn(Source) -> Result<T>,
    version: impl Fn(&T) -> Result<i64>,
) -> Result<T> {
    let is_locked = || fs.is_locked(&root.join(LOCK));
    match connect(Source::Shared) {
        Err(error) if !matches!(error, Error::Index { .. }) || is_locked()? => Err(error),
        Ok(shared) if version(&shared)? == version(&shared)? || is_locked()? => Ok(shared),
        _ => connect(source_alone(fs, root)?),
    }
}

/// How the index is read when nobody writes and nothing can be written: a log that is left, with an index of it of our own.
fn source_alone(fs: &dyn Fs, root: &Path) -> Result<Source> {
    let log = format!("{INDEX}-wal");
    let has_log = fs.list(root)?.iter().any(|entry| entry.name == log && entry.len > 0);
    Ok(if has_log { Source::PrivateLog } else { Source::Immutable })
}

/// Whether a file that should be there is not.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound)
}

/// Whether this may come of a writer that goes on while the state is read.
fn may_pass(error: &Error) -> bool {
    let ended = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::UnexpectedEof);
    matches!(error, Error::Corrupt(_)) || matches!(error, Error::Io { source, .. } if ended(source.kind()))
}

/// Comes to a whole state; `known` segments are not opened again.
fn look(fs: &dyn Fs, root: &Path, index: &Arc<Indexer>, mut known: Known) -> Result<Seen> {
    until_whole(fs, root, |manifest| look_once(fs, root, index, manifest, &mut known).map(Some))
}

/// Has `look` read a state, again and again while the writer replaces MANIFEST meanwhile; `None`: it has noticed that itself.
pub(super) fn until_whole<T>(
    fs: &dyn Fs,
    root: &Path,
    mut look: impl FnMut(&Manifest) -> Result<Option<T>>,
) -> Result<T> {
    let mut failed: Option<Manifest> = None;
    let mut doubts = 0;
    for _ in 0..ATTEMPTS {
        let manifest = read_manifest(fs, root)?;
        let same = failed.as_ref() == Some(&manifest);
        match look(&manifest) {
            Ok(Some(seen)) => return Ok(seen),
            Ok(None) => {}
            Err(error) if may_pass(&error) => {
                doubts = if same { doubts + 1 } else { 0 };
                if doubts == DOUBTS {
                    return Err(error);
                }
                if same {
                    std::thread::sleep(PAUSE);
                }
                failed = Some(manifest);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::Outrun { path: root.to_path_buf(), attempts: ATTEMPTS })
}

fn look_once(fs: &dyn Fs, root: &Path, index: &Arc<Indexer>, manifest: &Manifest, known: &mut Known) -> Result<Seen> {
    let mut tail = Tail::new(Arc::new(plans_of(root, manifest)?));
    let from = Bookmark { file: manifest.journal_file, offset: 0, sequence: manifest.journal_sequence };
    // First what goes at once when it is superseded; segments stay for a while.
    let found = read_journal(fs, root, from, &mut tail)?;
    let begins = from.file == 0 || found.first_file == Some(from.file);
    check_complete(&root.join(JOURNAL), manifest, &found, begins)?;
    let view = open_segments(fs, root, manifest, known)?;
    let index_version = index.version()?;
    let mut deleted = tail.deleted().to_vec();
    deleted.extend(index.deleted_keys()?.iter().map(|key| key.get()));
    let plans = (*tail.plans()).clone();
    let state = State::new(Arc::clone(index), view, plans, manifest, Some(tail));
    for key in deleted {
        state.forget_once(key);
    }
    Ok(Seen { manifest: manifest.clone(), bookmark: found.end, index_version, state })
}

fn read_journal(fs: &dyn Fs, root: &Path, from: Bookmark, tail: &mut Tail) -> Result<journal::Recovered> {
    let directory = root.join(JOURNAL);
    let mut rows = Rows::default();
    journal::follow(fs, &directory, from, &mut |sequence, kind, body| {
        tail.take_in((&directory, sequence), kind, body, &mut rows)
    })
}
