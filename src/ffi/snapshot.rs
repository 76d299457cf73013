//! Snapshots: a backup of a database while it is used.

use std::ffi::{c_char, c_void};

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::gnt_error;
use super::status::gnt_status;
use crate::{SnapshotProgress, SnapshotReport};

/// How far a snapshot has come. That of a reader may begin again, when its writer has replaced files meanwhile.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gnt_snapshot_progress {
    /// Files that are there.
    pub files: u64,
    /// Bytes that are there.
    pub bytes: u64,
    /// How many files there will be.
    pub total_files: u64,
    /// How many bytes there will be.
    pub total_bytes: u64,
}

impl From<SnapshotProgress> for gnt_snapshot_progress {
    fn from(progress: SnapshotProgress) -> Self {
        let SnapshotProgress { files, bytes, total_files, total_bytes } = progress;
        gnt_snapshot_progress { files, bytes, total_files, total_bytes }
    }
}

/// What a snapshot consists of, without the few bytes of MANIFEST.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gnt_snapshot_report {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, the bytes that were copied; the others lie in files that the database and the snapshot share.
    pub copied_bytes: u64,
}

impl From<SnapshotReport> for gnt_snapshot_report {
    fn from(report: SnapshotReport) -> Self {
        let SnapshotReport { files, bytes, copied_bytes } = report;
        gnt_snapshot_report { files, bytes, copied_bytes }
    }
}

/// Is told how far a snapshot has come: `userdata` as it was given, and numbers that are valid during the call.
pub type gnt_snapshot_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, progress: *const gnt_snapshot_progress)>;

/// Makes a snapshot: a database of its own in `directory`, which must be empty or not there yet, as this one is at one moment
/// of the call. All that was pushed before the call is in it, and nothing that is pushed after that moment; pushes and
/// queries go on meanwhile. Segments are shared with it, under a second name, where the file system can; otherwise they are
/// copied, as the index always is. A database that is open for reading gives the newest state that its writer has handed to
/// the kernel.
///
/// `progress`, which may be NULL, is called on this thread, and must not unwind. `report` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_snapshot(
    database: *const gnt_database,
    directory: *const c_char,
    directory_length: usize,
    progress: gnt_snapshot_callback,
    userdata: *mut c_void,
    report: *mut gnt_snapshot_report,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let directory = call.text(directory, directory_length, "directory")?;
        let made = database.snapshot_with_progress(directory, |done| {
            if let Some(progress) = progress {
                // SAFETY: the caller gave a function of this type, to be called with this during the call.
                unsafe { progress(userdata, &gnt_snapshot_progress::from(done)) };
            }
        })?;
        call.write(report, || made.into());
        Ok(())
    })
}
