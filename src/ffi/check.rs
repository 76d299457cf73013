//! Looking for damage, in a database that is open and in a directory that may not open.

use std::ffi::{c_char, c_void};

use super::call::begin;
use super::database::{gnt_database, on};
use super::error::{gnt_error, of_corruption};
use super::json;
use super::result::gnt_result;
use super::status::gnt_status;
use super::text::gnt_text;
use crate::{CheckProgress, Database};

/// Is told how far a check, a repair or a snapshot has come, by the thread that called it: `userdata` as it was given, and bytes.
pub type gnt_progress_callback = Option<unsafe extern "C" fn(userdata: *mut c_void, done: u64, total: u64)>;

/// What tells C how far it is, while the call lasts.
pub fn teller(callback: gnt_progress_callback, userdata: *mut c_void) -> impl FnMut(u64, u64) {
    move |done, total| {
        if let Some(callback) = callback {
            // SAFETY: the caller gave a function of this type, to be called with this while the call lasts.
            unsafe { callback(userdata, done, total) };
        }
    }
}

/// As what a check tells.
fn checked(mut tell: impl FnMut(u64, u64)) -> impl FnMut(CheckProgress<'_>) {
    move |at| tell(at.done, at.total)
}

/// Reads everything that the database has on its disk and compares it with everything else; nothing is changed. The database
/// may be in use, and be open for reading only. The report is a JSON object by the names of Rust's `CheckReport`: `findings`,
/// each with `kind`, `file`, `offset`, `metric`, `metric_id`, `data`, `granularity`, `span`, `rows`, `what`, `advice`; and
/// counts. Damage is no failure of this call. `progress` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_check(
    database: *const gnt_database,
    progress: gnt_progress_callback,
    userdata: *mut c_void,
    report: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(report, "report")?;
        out.give(json::written(&database.check(&mut checked(teller(progress, userdata)))?)?);
        Ok(())
    })
}

/// As gnt_check, of a directory that nobody has open, also when it does not open because of damage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_check_directory(
    path: *const c_char,
    path_length: usize,
    progress: gnt_progress_callback,
    userdata: *mut c_void,
    report: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let path = call.text(path, path_length, "path")?;
        let out = call.out(report, "report")?;
        out.give(json::written(&Database::check_directory(path, &mut checked(teller(progress, userdata)))?)?);
        Ok(())
    })
}

/// Makes a damaged directory, which nobody may have open, a sound one. Only what is damaged is taken out, and kept in its
/// directory `quarantine`; what other bytes give exactly is made again. The report is a JSON object: `repairs`, each with the
/// members of a finding of gnt_check and `outcome` (`not_needed`, `rebuilt`, `partly_rebuilt`, `lost`), `lost` (first and last
/// time in ns), `methods`, `quarantined`; and `journal`, the records that are gone. GNT_IRREPARABLE when MANIFEST or the index
/// is damaged beyond what mends without doubt; nothing is changed then. `progress` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_repair(
    path: *const c_char,
    path_length: usize,
    progress: gnt_progress_callback,
    userdata: *mut c_void,
    report: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let path = call.text(path, path_length, "path")?;
        let out = call.out(report, "report")?;
        out.give(json::written(&Database::repair(path, &mut checked(teller(progress, userdata)))?)?);
        Ok(())
    })
}

/// What a question that skips damage left out: a JSON list of objects with `file`, `offset`, `metric`, `first`, `last`, `what`.
/// An empty list when the answer is whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_result_skipped(
    result: *const gnt_result,
    skipped: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let result = call.shared(result, "result")?;
        let out = call.out(skipped, "skipped")?;
        out.give(json::written(&result.skipped.iter().map(of_corruption).collect::<Vec<_>>())?);
        Ok(())
    })
}
