//! Opening: the lock, MANIFEST, the segments it names, the index, the journal's tail; and closing.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, OnceLock};

use parking_lot::{Condvar, Mutex, RwLock};

use super::disk::Account;
use super::manifest::{MANIFEST, Manifest, SegmentRecord};
use super::state::{Plans, State, Usable};
use super::{Counters, Engine, Maintenance, Options, Position, recover};
use crate::error::{Error, Result};
use crate::fs::{self, BoundedFs, Fs, Lock};
use crate::head::Plan;
use crate::indexer::Indexer;
use crate::journal::Journal;
use crate::query::{Segment, View};
use crate::segment::{ARCHIVE, Kind, LEVEL0, RAW, SegmentName, SegmentReader, number_of};

/// The index's file.
pub(super) const INDEX: &str = "index.sqlite";
/// The lock's file.
pub(super) const LOCK: &str = "LOCK";
/// The journal's directory.
pub(super) const JOURNAL: &str = "journal";

impl Engine {
    /// Opens the database in `root`, creating it when the directory is absent or empty, and recovers what a crash left in
    /// the journal.
    pub fn open(root: &Path, options: Options, fs: Arc<dyn Fs>) -> Result<Arc<Self>> {
        options.check()?;
        let fs: Arc<dyn Fs> = Arc::new(BoundedFs::new(fs));
        let (lock, manifest) = lock_and_read(&*fs, root)?;
        remove_leftovers(&*fs, root, &manifest)?;
        let index = open_index(&*fs, root, &manifest, &options)?;
        let view = open_segments(&*fs, root, &manifest, &mut HashMap::new())?;
        let plans = plans_of(root, &manifest)?;
        let journal_dir = root.join(JOURNAL);
        fs.create_dir_all(&journal_dir)?;
        fs.sync_dir(root)?;
        let unread = recover::unread(&*fs, &journal_dir, &manifest, options.replay)?;
        let journal =
            Journal::create(Arc::clone(&fs), journal_dir, unread.next_file, unread.next_sequence, options.durability)?;
        let maintenance = Maintenance {
            next_file: manifest.next_file,
            position: Position {
                file: manifest.journal_file,
                sequence: manifest.journal_sequence,
                plans: Arc::new(plans.clone()),
            },
            superseded: Vec::new(),
            begun: Vec::new(),
            named_deleted: manifest.deleted.clone(),
            expired_at: None,
            seals_more: false,
        };
        let engine = Engine {
            fs,
            root: root.to_path_buf(),
            usable: Usable::new(),
            _lock: lock,
            state: State::new(Arc::new(index), view, plans, &manifest, None),
            journal,
            gate: RwLock::new(()),
            dirty: Mutex::new(Vec::new()),
            dirty_measures: AtomicU64::new(0),
            maintenance: Mutex::new(maintenance),
            damaged: Mutex::default(),
            future_limit: AtomicI64::new(-1),
            account: Account::default(),
            forgotten: Mutex::default(),
            counters: Counters::default(),
            stopping: AtomicBool::new(false),
            failure: OnceLock::new(),
            background_error: Mutex::new(None),
            upkeep_error: Mutex::new(None),
            wake: (Mutex::new(false), Condvar::new()),
            stop: (Mutex::new(false), Condvar::new()),
            cuts: (Mutex::new(()), Condvar::new()),
            options,
        };
        engine.recover(&manifest)?;
        engine.count_after_checkpoint()?;
        Ok(Arc::new(engine))
    }

    /// Makes everything durable and leaves a directory that the next open need not recover. The threads have ended.
    pub fn close(&self) -> Result<()> {
        if self.check_usable().is_err() {
            return Ok(());
        }
        let checkpointed = if self.check_writable().is_ok() { self.checkpoint() } else { self.journal.flush() };
        self.usable.close();
        checkpointed?;
        self.state.index.checkpoint_wal().map(drop)
    }
}

/// Takes the lock of the one writer, and reads MANIFEST, or writes the first one.
fn lock_and_read(fs: &dyn Fs, root: &Path) -> Result<(Box<dyn Lock>, Manifest)> {
    fs.create_dir_all(root)?;
    if let Some(kind) = fs.kind(root).filter(|kind| fs::is_network(kind)) {
        return Err(Error::NetworkFileSystem { path: root.to_path_buf(), kind });
    }
    if Manifest::read(fs, root)?.is_none() {
        // Before anything is created there.
        refuse_foreign(fs, root)?;
    }
    let lock = fs.lock(&root.join(LOCK))?;
    let manifest = match Manifest::read(fs, root)? {
        Some(manifest) => {
            // A process that died while replacing it may have left it in place, and not durable: until it is, a power cut
            // brings back the one before, which needs files that this one calls superseded.
            fs.sync_dir(root)?;
            manifest
        }
        None => create(fs, root)?,
    };
    Ok((lock, manifest))
}

/// The policies in force at the manifest's journal position.
pub(super) fn plans_of(root: &Path, manifest: &Manifest) -> Result<Plans> {
    let mut plans = Plans::new();
    for record in &manifest.policies {
        let policy = record.policy(&root.join(MANIFEST))?;
        plans.insert(record.id, Arc::new(Plan::new(record.id, record.revision, policy)));
    }
    Ok(plans)
}

/// Writes the first MANIFEST of a directory that holds nothing of a database.
fn create(fs: &dyn Fs, root: &Path) -> Result<Manifest> {
    refuse_foreign(fs, root)?;
    sync_above(fs, root)?;
    let manifest = Manifest::empty();
    manifest.write(fs, root)?;
    Ok(manifest)
}

/// Refuses a directory without MANIFEST that holds anything else.
fn refuse_foreign(fs: &dyn Fs, root: &Path) -> Result<()> {
    let entries = fs.list(root)?;
    let foreign = entries.iter().find(|entry| entry.name != LOCK && entry.name != format!("{MANIFEST}.tmp"));
    if let Some(entry) = foreign {
        let reason =
            format!("there is `{}` but no {MANIFEST}; name an empty directory, or restore {MANIFEST}", entry.name);
        return Err(Error::NotADatabase { path: root.to_path_buf(), reason });
    }
    Ok(())
}

/// Makes the directory's own name durable, and those of the directories above it that may have been made with it. One that
/// may not be listed, or lies on a file system that syncs nothing because nothing can be made there, is older.
pub(super) fn sync_above(fs: &dyn Fs, root: &Path) -> Result<()> {
    use ErrorKind::{InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    let older = |kind: ErrorKind| matches!(kind, InvalidInput | PermissionDenied | ReadOnlyFilesystem | Unsupported);
    for directory in root.ancestors().skip(1) {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        match fs.sync_dir(directory) {
            Err(Error::Io { source, .. }) if older(source.kind()) => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Opens the index. Only a database that never stored anything may lack one: its creation was cut off.
fn open_index(fs: &dyn Fs, root: &Path, manifest: &Manifest, options: &Options) -> Result<Indexer> {
    let exists = fs.list(root)?.iter().any(|entry| entry.name == INDEX);
    if !exists && !manifest.is_pristine() {
        let reason = format!("{INDEX} is missing; without it nobody knows which metric is which");
        return Err(Error::NotADatabase { path: root.to_path_buf(), reason });
    }
    let index = Indexer::open(&root.join(INDEX))?;
    // A database that stored nothing may have been cut off between its creation and that of its policies.
    let is_new = manifest.is_pristine() && index.archive_policies()?.is_empty() && index.rules()?.is_empty();
    if is_new && options.default_policies {
        index.create_default_policies()?;
    }
    Ok(index)
}

/// Opens a segment that is, or is about to be, part of the state.
pub(super) fn open_segment(fs: &dyn Fs, root: &Path, name: SegmentName, level: u8) -> Result<Arc<Segment>> {
    let kind = match name {
        SegmentName::Raw { .. } => Kind::Raw,
        SegmentName::Level0 { .. } => Kind::Level0,
        SegmentName::Archive { .. } => Kind::Archive,
    };
    let reader = SegmentReader::open(fs, &name.path(root), kind, name.number())?;
    Ok(Arc::new(Segment { name, level, reader: Arc::new(reader) }))
}

/// The segments that MANIFEST names. Those that are not among `known` are opened, and known then.
pub(super) fn open_segments(
    fs: &dyn Fs,
    root: &Path,
    manifest: &Manifest,
    known: &mut HashMap<SegmentName, Arc<Segment>>,
) -> Result<View> {
    let erased = Arc::new(manifest.erasures.iter().copied().collect());
    let expired_early = manifest.expired_early.clone();
    let mut view = View { erased, expired_early, ..View::default() };
    for record in &manifest.segments {
        let Some(name) = record.name() else { continue };
        let segment = match known.entry(name) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(unknown) => Arc::clone(unknown.insert(open_segment(fs, root, name, record.level)?)),
        };
        view.add(segment);
    }
    Ok(view)
}

/// Removes what a crash left: segments that MANIFEST calls superseded, and those with a number it had not given yet.
fn remove_leftovers(fs: &dyn Fs, root: &Path, manifest: &Manifest) -> Result<()> {
    for directory in [RAW, LEVEL0, ARCHIVE] {
        fs.create_dir_all(&root.join(directory))?;
    }
    // The next MANIFEST names them no more: by then they must be gone for good, or nobody would remove them ever.
    let mut changed = BTreeSet::new();
    for name in manifest.superseded.iter().filter_map(SegmentRecord::name) {
        fs.remove(&name.path(root))?;
        changed.insert(name.directory(root));
    }
    let live: HashMap<u64, &SegmentRecord> = manifest.segments.iter().map(|record| (record.number, record)).collect();
    let mut directories: Vec<PathBuf> = vec![root.join(RAW), root.join(LEVEL0)];
    for granularity in subdirectories(fs, &root.join(ARCHIVE))? {
        directories.extend(subdirectories(fs, &granularity)?);
    }
    for directory in directories {
        let mut empty = true;
        for entry in fs.list(&directory)? {
            let orphan = number_of(&entry.name).is_some_and(|n| n >= manifest.next_file && !live.contains_key(&n));
            if orphan {
                fs.remove(&directory.join(&entry.name))?;
                changed.insert(directory.clone());
            } else {
                empty = false;
            }
        }
        if changed.contains(&directory) {
            fs.sync_dir(&directory)?;
        }
        if empty && directory.starts_with(root.join(ARCHIVE)) {
            fs.remove_dir(&directory)?;
        }
    }
    Ok(())
}

fn subdirectories(fs: &dyn Fs, directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs.list(directory)?;
    Ok(entries.iter().filter(|entry| entry.is_dir).map(|entry| directory.join(&entry.name)).collect())
}
