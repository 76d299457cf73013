//! How connections to the index are set up.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;

/// How long a statement waits for another process that holds the index.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many prepared statements are kept: more than there are of fixed ones, so that searches and the tables of resource
/// types keep some of theirs too.
const STATEMENTS: usize = 160;

/// The page cache of the connection that writes, in KiB (`SQLite`'s meaning of a negative number). A batch of new
/// metrics touches the indexes on id and name all over; pages that do not fit are written to the log several times.
/// With a million metrics 16 MiB halve the rate. The memory is given back after a large batch.
const WRITER_CACHE_KIB: i64 = -65_536;

/// The page cache of a connection that reads.
const READER_CACHE_KIB: i64 = -16_384;

/// How many pages the write-ahead log may have before they are copied into the index. A batch of new resources changes
/// a thousand pages; those that the next batch changes again need not be copied each time.
const CHECKPOINT_PAGES: i64 = 8_192;

/// How long the file of the log may stay, in bytes, once what it held is in the index: a busy hour should not leave 32 MiB beside
/// an index of a few pages for ever.
const LOG_LIMIT: i64 = 4 << 20;

/// The connection that writes; makes the file when there is none. Nothing is written yet.
pub(super) fn writer(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What a statement of many rows may have to undo is some pages, and a file for them takes a sixth of the time of it all.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_LIMIT, |_| Ok(()))?;
    Ok(connection)
}

/// How a connection that cannot write comes by what was last committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Together with a writer, in this process or another: through the index of the log that lies beside it, in memory
    /// that they share (`-shm`).
    Shared,
    /// Nobody writes, there is no log, and there cannot be one: the file is all.
    Immutable,
    /// Nobody writes, but a log is left that cannot be moved into the file: its index is made in memory of our own.
    PrivateLog,
}

/// A connection that cannot write, to an index that is there.
pub(super) fn reader(path: &Path, source: Source) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match source {
        Source::Shared => Connection::open_with_flags(path, flags)?,
        Source::Immutable => Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?,
        Source::PrivateLog => {
            // Locks that could not be taken on a file that cannot be written are not asked for, nor shared memory.
            let connection = Connection::open_with_flags_and_vfs(path, flags, c"unix-none")?;
            connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
            connection
        }
    };
    set_up(&connection)?;
    connection.pragma_update(None, "cache_size", READER_CACHE_KIB)?;
    Ok(connection)
}

/// The URI by which `SQLite` is told that nobody changes the file.
fn immutable(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(*byte)),
            // Writing to a text cannot fail.
            other => drop(write!(uri, "%{other:02x}")),
        }
    }
    uri + "?immutable=1"
}

/// Has `work` done without waiting for others.
pub(super) fn at_once<T>(connection: &Connection, work: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = work();
    connection.busy_timeout(BUSY_TIMEOUT)?;
    done
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> Result<(), Failure> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The last connection to close would otherwise remove the write-ahead log, and a process that may only read the
    // directory could then not open the index. It also must not touch a file of a newer version.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    // How rows are found is written in the statements and depends on no value, not even on that of a limit: without this
    // `SQLite` plans a statement anew each time that another one is bound, which takes longer than most answers.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}
