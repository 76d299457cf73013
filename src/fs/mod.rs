//! The only door to files.
//!
//! Everything that the library reads from or writes to a disk passes through [`Fs`] and [`File`]: a handful of calls,
//! each with a contract that says what is promised and what a crash may leave, so that a test can stand in for the disk
//! and keep no more than was promised. This module must never interpret a byte of what passes through, never decide
//! when something is synced, and never map a file into memory. Layers above hold an `Arc<dyn Fs>`; bytes go down
//! through [`File::append`] and [`File::sync`], and come up through [`File::read_at`].
//!
//! What "crash" means in the contracts: the power goes, or the kernel stops. When only the process dies, everything
//! that was handed to the kernel stays: every call that returned has then happened, in its order.

mod bounded;
#[cfg(feature = "internals")]
mod counting;
mod duplicate;
mod lock;
mod mounts;
mod real;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};

pub use bounded::BoundedFs;
#[cfg(feature = "internals")]
pub use counting::CountingFs;
pub use duplicate::{copy, link_or_copy};
pub use mounts::is_network;
pub use real::RealFs;

/// The largest file that [`Fs::read`] takes into memory at once, in bytes.
pub const READ_LIMIT: u64 = 1 << 30;

/// One name in a directory, as [`Fs::list`] returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name within the directory. A name that is no UTF-8 (never one of ours) has its odd bytes replaced.
    pub name: String,
    /// Whether it is a directory (or a link to one).
    pub is_dir: bool,
    /// Length in bytes of a file; without meaning for a directory.
    pub len: u64,
}

/// A file system: names, directories, locks.
///
/// All errors are [`Error::Io`](crate::Error::Io) or [`Error::DiskFull`](crate::Error::DiskFull), with the path and
/// what was being done, unless a method says otherwise. Calls that a signal interrupts are repeated.
///
/// ```
/// use gnocchetti::internals::fs::{Fs, RealFs};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("greeting");
/// let file = RealFs.create(&path)?;
/// file.append(b"ciao")?;
/// file.sync()?; // the bytes survive a power cut ...
/// RealFs.sync_dir(folder.path())?; // ... and now their name does, too
/// assert_eq!(RealFs.read(&path)?.unwrap(), b"ciao");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[allow(clippy::missing_errors_doc, reason = "what holds for all methods is said once, above")]
pub trait Fs: Send + Sync + std::fmt::Debug {
    /// Creates the directory and those above it that are missing; one that exists is left as it is.
    ///
    /// A crash may leave any part of the chain missing until [`Fs::sync_dir`] returned for the parent of each.
    fn create_dir_all(&self, path: &Path) -> Result<()>;

    /// Creates an empty file for appending (at position 0) and reading. It is an error when the name exists.
    ///
    /// A crash may leave the name missing until [`Fs::sync_dir`] returned for its directory.
    fn create(&self, path: &Path) -> Result<Arc<dyn File>>;

    /// Opens an existing file for reading only.
    ///
    /// [`File::len`] is the length it has now; bytes that a writer appends later can be read all the same.
    fn open(&self, path: &Path) -> Result<Arc<dyn File>>;

    /// The bytes of a whole small file; `None` when there is no such file.
    ///
    /// # Errors
    /// A file of more than [`READ_LIMIT`] bytes is refused (`ErrorKind::FileTooLarge`) before memory is taken for it.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>>;

    /// Gives the file `from` the name `to`, in place of a file that has it. Both lie on one file system.
    ///
    /// At every moment, also for other processes, `to` is the whole old file or the whole new one. A crash may leave
    /// either until [`Fs::sync_dir`] returned for the directory of `to`; what the new file *holds* is as durable as its
    /// own [`File::sync`] made it, so that goes first.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Gives the file `from` a second name `to`, which nothing has: one file under two names (a hard link).
    ///
    /// For files that are written no more. Each name can be removed, or renamed, and the other stays. A crash may leave the
    /// name `to` missing until [`Fs::sync_dir`] returned for its directory; what it holds is as durable as it was under
    /// `from`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) of kind `AlreadyExists` when the name is taken; of kind `CrossesDevices`,
    /// `Unsupported`, `PermissionDenied` or `TooManyLinks` where this file cannot have that name, though a copy could
    /// ([`link_or_copy`]). A file system without links says `Unsupported`, as this default does.
    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        let _ = from;
        Err(Error::io("link", to, ErrorKind::Unsupported.into()))
    }

    /// Whether `path`, or what of it exists, is `directory` or lies within it, whatever links lead there.
    ///
    /// This default compares the names alone.
    fn is_within(&self, path: &Path, directory: &Path) -> Result<bool> {
        Ok(path.starts_with(directory))
    }

    /// Removes the name of a file; an absent one is no error, so that a removal can be repeated.
    ///
    /// Who has the file open keeps it. A crash may bring the name back until [`Fs::sync_dir`] returned.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Removes an empty directory. An absent one, and one that is not empty, are no error: the latter stays.
    ///
    /// A crash may bring it back until [`Fs::sync_dir`] returned for its parent.
    fn remove_dir(&self, path: &Path) -> Result<()>;

    /// Makes durable which names the directory holds: creations, renames and removals before the call.
    fn sync_dir(&self, path: &Path) -> Result<()>;

    /// What the directory holds, sorted by name; an absent directory holds nothing.
    ///
    /// Names that vanish while the list is made are left out.
    fn list(&self, path: &Path) -> Result<Vec<DirEntry>>;

    /// Takes the lock that `path` stands for, creating the file when needed, and writes this process's id into it.
    ///
    /// The lock belongs to the returned value: a second call fails in this process too. The file is never removed, for
    /// a removed lock file could be held twice. A crash, of the process too, releases the lock.
    ///
    /// # Errors
    /// [`Error::Locked`](crate::Error::Locked), with the directory of `path` and the holder's process id, when it is
    /// held.
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>>;

    /// Whether somebody holds the lock that `path` stands for. The file need not be writable, nor be there.
    ///
    /// A file system that cannot tell says no, as this default does.
    fn is_locked(&self, path: &Path) -> Result<bool> {
        let _ = path;
        Ok(false)
    }

    /// The type of the file system that `path` (or what of it exists) lies on, such as `ext4`; `None` when unknown.
    fn kind(&self, path: &Path) -> Option<String>;
}

/// An open file: appended to by one writer, read by anyone.
///
/// Calls may come from several threads, except that the caller lets no two of `append`, `truncate` and `reserve`
/// overlap. Errors are those of [`Fs`].
///
/// ```
/// use gnocchetti::internals::fs::{Fs, RealFs};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let file = RealFs.create(&folder.path().join("letters"))?;
/// file.append(b"abc")?;
/// file.append(b"def")?;
/// let mut middle = [0; 2];
/// file.read_at(2, &mut middle)?;
/// assert_eq!(&middle, b"cd");
/// assert!(file.read_at(5, &mut middle).is_err(), "only one byte is left there");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[allow(clippy::missing_errors_doc, reason = "what holds for all methods is said once, at `Fs`")]
#[allow(clippy::len_without_is_empty, reason = "nobody asks a file whether it is empty; its length is an offset")]
pub trait File: Send + Sync + std::fmt::Debug {
    /// Hands `bytes` to the kernel at the end of the file: position [`File::len`].
    ///
    /// When it fails, `len` has not moved, but some of the bytes (never all) may be in the file behind it:
    /// [`File::truncate`] to `len` before anything else is appended. Until [`File::sync`] returned, a crash may leave
    /// any part of the bytes, in any order, or others in their place, or a shorter file. A file from [`Fs::open`]
    /// refuses.
    fn append(&self, bytes: &[u8]) -> Result<()>;

    /// Cuts the file to `len` bytes, or fills it up with zeros, and goes on appending there.
    ///
    /// Durable with the next [`File::sync`]; a crash before may leave either length.
    fn truncate(&self, len: u64) -> Result<()>;

    /// Makes room for appends up to `len`, by zeros behind what is appended; [`File::len`] does not move.
    ///
    /// Only to make syncs cheaper: an append that does not change the file's size need not write its size either. A
    /// file system for which that is pointless does nothing, as this default does. Whoever reads the file back has to
    /// tell the zeros from what was appended. A crash may leave either size.
    fn reserve(&self, len: u64) -> Result<()> {
        let _ = len;
        Ok(())
    }

    /// Makes everything appended and truncated before the call durable; not the file's name ([`Fs::sync_dir`]).
    ///
    /// When it fails, nothing is known about any byte since the last sync that did not, and calling it again proves
    /// nothing: the kernel may have dropped the pages it could not write, and reports that once. The caller gives the
    /// file up. Two syncs of one file must not overlap, for only one of them would see the failure.
    fn sync(&self) -> Result<()>;

    /// Where the next append goes: the length as far as this handle knows it.
    fn len(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) of kind `UnexpectedEof` when the file ends before `buf` is full.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()>;

    /// The name it was opened by; what error messages show.
    fn path(&self) -> &Path;
}

/// A lock that is held until this value is dropped. See [`Fs::lock`].
///
/// After `fork` it stays the parent's: dropping the child's copy releases nothing.
pub trait Lock: Send + Sync + std::fmt::Debug {}

/// Makes `bytes` the content of the file `path`, so that after a crash it holds all of the old or all of the new.
///
/// Writes `path` with `.tmp` added, syncs it, renames it, and syncs the directory: in this order, for a name must not
/// become durable before what it names. When it returns, the new content survives a power cut.
///
/// # Errors
/// Those of the calls it makes. `path` is then the old file or the new one, and after a crash either.
///
/// ```
/// use gnocchetti::internals::fs::{Fs, RealFs, replace_atomically};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("STATE");
/// replace_atomically(&RealFs, &path, b"one")?;
/// replace_atomically(&RealFs, &path, b"two")?;
/// assert_eq!(RealFs.read(&path)?.unwrap(), b"two");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
pub fn replace_atomically(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = with_suffix(path, ".tmp");
    fs.remove(&temporary)?; // what a crash left of an earlier attempt
    let written = write_synced(fs, &temporary, bytes).and_then(|()| fs.rename(&temporary, path));
    if let Err(error) = written {
        // The first error is the one to report; what stays behind is removed by the next attempt.
        let _ = fs.remove(&temporary);
        return Err(error);
    }
    fs.sync_dir(directory_of(path))
}

fn write_synced(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> Result<()> {
    let file = fs.create(path)?;
    file.append(bytes)?;
    file.sync()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The directory that holds `path`; `.` for a bare name.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
