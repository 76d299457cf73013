//! The same bytes under another name: by a link where there can be one, else by a copy.
//!
//! For files that are written no more. Who asks for it syncs the directory of the new name, and removes what a failure
//! left under it.

use std::io::ErrorKind;
use std::path::Path;

use super::Fs;
use crate::error::{Error, Result};

/// How much is copied at once.
const PART: u64 = 1 << 20;

/// Gives `to`, a name that nothing has, what the file `from` holds; whether by a link. A copy is synced.
///
/// # Errors
/// Those of the calls it makes; a part of a copy may be there then.
///
/// ```
/// use gnocchetti::internals::fs::{Fs, RealFs, link_or_copy};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let (one, two) = (folder.path().join("one"), folder.path().join("two"));
/// RealFs.create(&one)?.append(b"ciao")?;
/// link_or_copy(&RealFs, &one, &two)?;
/// RealFs.remove(&one)?;
/// assert_eq!(RealFs.read(&two)?.unwrap(), b"ciao");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
pub fn link_or_copy(fs: &dyn Fs, from: &Path, to: &Path) -> Result<bool> {
    use ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    match fs.link(from, to) {
        Ok(()) => Ok(true),
        // Permission may be lacking for the link alone: some systems let only a file's owner link it.
        Err(Error::Io { source, .. })
            if matches!(source.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported) =>
        {
            copy(fs, from, to, u64::MAX).map(|_| false)
        }
        Err(error) => Err(error),
    }
}

/// Copies the first `most` bytes of `from` into the new file `to`, and syncs that; returns how many there were.
///
/// # Errors
/// Those of the calls it makes; a part of the copy may be there then.
pub fn copy(fs: &dyn Fs, from: &Path, to: &Path, most: u64) -> Result<u64> {
    let (from, to) = (fs.open(from)?, fs.create(to)?);
    let (mut at, len) = (0, from.len().min(most));
    let mut part = Vec::new();
    while at < len {
        part.resize((len - at).min(PART) as usize, 0);
        from.read_at(at, &mut part)?;
        to.append(&part)?;
        at += part.len() as u64;
    }
    to.sync()?;
    Ok(len)
}
