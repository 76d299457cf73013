//! One writer at a time: an advisory lock on a file that also says who holds it.
//!
//! The lock lies on the open file description (`flock`), so that two handles of one process exclude each other like
//! two processes do, and the kernel releases it when the process dies. It must never remove the file, nor be released
//! by a child that `fork` gave a copy to.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::real::retry;
use super::{Lock, directory_of};
use crate::error::{Error, Result};

#[derive(Debug)]
pub(super) struct HeldLock {
    file: fs::File,
    pid: u32,
}

impl HeldLock {
    pub(super) fn take(path: &Path) -> Result<HeldLock> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = retry("open", path, || options.open(path))?;
        let taken = loop {
            match file.try_lock() {
                Ok(()) => break true,
                Err(fs::TryLockError::WouldBlock) => break false,
                Err(fs::TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(fs::TryLockError::Error(error)) => return Err(Error::io("lock", path, error)),
            }
        };
        if !taken {
            return Err(Error::Locked { path: directory_of(path).to_path_buf(), pid: holder(&file) });
        }
        let pid = std::process::id();
        // Ten digits whatever the id, in one write: who reads it meanwhile sees the old one or the new one whole.
        let written = file.write_all_at(format!("{pid:>10}\n").as_bytes(), 0);
        written.map_err(|source| Error::io("write to", path, source))?;
        Ok(HeldLock { file, pid })
    }
}

impl HeldLock {
    /// Whether somebody holds the lock. That can only be found out by taking it, shared, for an instant.
    pub(super) fn is_held(path: &Path) -> Result<bool> {
        let file = match retry("open", path, || fs::File::open(path)) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        loop {
            match file.try_lock_shared() {
                Ok(()) => return Ok(false), // released when the file is closed
                Err(fs::TryLockError::WouldBlock) => return Ok(true),
                Err(fs::TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(fs::TryLockError::Error(error)) => return Err(Error::io("look for the lock of", path, error)),
            }
        }
    }
}

impl Lock for HeldLock {}

impl Drop for HeldLock {
    fn drop(&mut self) {
        // The lock is shared with children that inherited the file through fork: merely closing it here would leave it
        // to them, and unlocking there would take it from the parent.
        if std::process::id() == self.pid {
            let _ = self.file.unlock();
        }
    }
}

/// The process id that the holder wrote; 0 when there is none to read.
fn holder(file: &fs::File) -> u32 {
    let mut text = [0; 10];
    match file.read_exact_at(&mut text, 0) {
        Ok(()) => std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0),
        Err(_) => 0,
    }
}
