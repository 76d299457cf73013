//! Snapshots: a backup of a database while it is used.

use std::ffi::{c_char, c_void};

use super::call::begin;
use super::check::{gnt_progress_callback, teller};
use super::database::{gnt_database, on};
use super::error::gnt_error;
use super::status::gnt_status;
use crate::SnapshotReport;

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

/// Makes a snapshot: a database of its own in `directory`, which must be empty or not there yet, as this one is at one moment
/// of the call. All that was pushed before the call is in it, and nothing that is pushed after that moment; pushes and
/// queries go on meanwhile. Segments are shared with it, under a second name, where the file system can; otherwise they are
/// copied, as the index always is. A database that is open for reading gives the newest state that its writer has handed to
/// the kernel.
///
/// `progress` is told of the bytes that are there and those that will be. It and `report` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_snapshot(
    database: *const gnt_database,
    directory: *const c_char,
    directory_length: usize,
    progress: gnt_progress_callback,
    userdata: *mut c_void,
    report: *mut gnt_snapshot_report,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let directory = call.text(directory, directory_length, "directory")?;
        let mut tell = teller(progress, userdata);
        let made = database.snapshot_with_progress(directory, |at| tell(at.done, at.total))?;
        call.write(report, || made.into());
        Ok(())
    })
}
