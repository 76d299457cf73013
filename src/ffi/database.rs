//! `gnt_database`: opened, looked after, closed.

use std::ffi::c_char;

use tracing::{Dispatch, dispatcher};

use super::call::{Call, begin};
use super::error::{Failure, gnt_error};
use super::handle::Noun;
use super::json;
use super::options::gnt_options;
use super::status::gnt_status;
use super::text::gnt_text;
use crate::{Database, Options};

/// An open database: one directory, one writer. The caller owns it; all functions but gnt_close may be called on it from
/// several threads at once.
pub enum gnt_database {}

/// What a `gnt_database` holds.
pub struct OpenDatabase {
    database: Database,
    log: Option<Dispatch>,
}

impl Noun for gnt_database {
    type Value = OpenDatabase;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:base");
    const NAME: &'static str = "gnt_database";
}

/// Runs `body` so that what the library says goes to `log`.
fn logged<T>(log: Option<&Dispatch>, body: impl FnOnce() -> T) -> T {
    match log {
        Some(log) => dispatcher::with_default(log, body),
        None => body(),
    }
}

/// Runs a function on a database: `body` gets the call and the database.
pub fn on<'a>(
    call: Call<'a>,
    database: *const gnt_database,
    body: impl FnOnce(&Call<'a>, &'a Database) -> Result<(), Failure>,
) -> gnt_status {
    call.run(|call| {
        let open = call.shared(database, "database")?;
        logged(open.log.as_ref(), || body(call, &open.database))
    })
}

/// Opens what `path` names by `opener`.
fn opened(
    call: Call<'_>,
    (path, path_length): (*const c_char, usize),
    options: *const gnt_options,
    database: *mut *mut gnt_database,
    opener: impl FnOnce(&str, Options) -> crate::Result<Database>,
) -> gnt_status {
    call.run(|call| {
        let path = call.text(path, path_length, "path")?;
        let options = call.optional(options, "options")?;
        let out = call.out(database, "database")?;
        let log = options.and_then(|options| options.logger.clone()).map(super::log::Logger::dispatch);
        let options = options.map(|options| options.options.clone()).unwrap_or_default();
        let database = logged(log.as_ref(), || opener(path, options))?;
        out.give(OpenDatabase { database, log });
        Ok(())
    })
}

/// Opens the database in a directory, creating it when the directory is absent or empty. What a crash left in the journal is
/// recovered before this returns. `options` may be NULL: the defaults.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_open(
    path: *const c_char,
    path_length: usize,
    options: *const gnt_options,
    database: *mut *mut gnt_database,
    error: *mut *mut gnt_error,
) -> gnt_status {
    opened(begin!(error), (path, path_length), options, database, |path, options| Database::open(path, options))
}

/// Opens the database in a directory for reading, beside its one writer and other readers, in this process or another. It
/// sees the state after some of the pushes, and stays there until gnt_refresh. Calls that write give GNT_READ_ONLY. Of the
/// options, which may be NULL, only the log counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_open_read_only(
    path: *const c_char,
    path_length: usize,
    options: *const gnt_options,
    database: *mut *mut gnt_database,
    error: *mut *mut gnt_error,
) -> gnt_status {
    opened(begin!(error), (path, path_length), options, database, |path, options| {
        Database::open_read_only(path, options)
    })
}

/// Brings a database that is open for reading to the newest state that its writer has handed to the kernel; `changed` says
/// whether anything has changed. On the writer's own handle it does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_refresh(
    database: *const gnt_database,
    changed: *mut bool,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(changed, "changed")?;
        out.write(database.refresh()?);
        Ok(())
    })
}

/// Whether a database was opened for reading only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_is_read_only(
    database: *const gnt_database,
    read_only: *mut bool,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(read_only, "read_only")?;
        out.write(database.is_read_only());
        Ok(())
    })
}

/// Closes a database: everything is durable, and the next open has nothing to recover. The handle is freed, also when this
/// fails; no other call may be running on it. Results, lists and texts that it gave stay valid. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_close(database: *mut gnt_database, error: *mut *mut gnt_error) -> gnt_status {
    begin!(error).run(|call| {
        let Some(OpenDatabase { database, log }) = call.take(database, "database")? else { return Ok(()) };
        logged(log.as_ref(), || database.close())?;
        Ok(())
    })
}

/// Makes everything that was pushed durable now, whatever the durability.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_flush(database: *const gnt_database, error: *mut *mut gnt_error) -> gnt_status {
    on(begin!(error), database, |_, database| Ok(database.flush()?))
}

/// Writes everything that was pushed into segments, so that the next open has nothing to replay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_checkpoint(database: *const gnt_database, error: *mut *mut gnt_error) -> gnt_status {
    on(begin!(error), database, |_, database| Ok(database.checkpoint()?))
}

/// Does all background work now: a checkpoint, every merge there is to do, expiry, the removal of files that count no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_maintain(database: *const gnt_database, error: *mut *mut gnt_error) -> gnt_status {
    on(begin!(error), database, |_, database| Ok(database.maintain()?))
}

/// The state of the database in numbers: a JSON object, by the names of Rust's `Stats`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_stats(
    database: *const gnt_database,
    stats: *mut *mut gnt_text,
    error: *mut *mut gnt_error,
) -> gnt_status {
    on(begin!(error), database, |call, database| {
        let out = call.out(stats, "stats")?;
        out.give(json::written(&database.stats()?)?);
        Ok(())
    })
}

/// Reads all of the index and compares its parts with one another. Takes time in proportion to its size; nothing waits for
/// it. GNT_CORRUPT says what was found first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_check_index(database: *const gnt_database, error: *mut *mut gnt_error) -> gnt_status {
    on(begin!(error), database, |_, database| Ok(database.check_index()?))
}
