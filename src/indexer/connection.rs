//! How connections to the index are set up.

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

/// The connection that writes; makes the file when there is none. Nothing is written yet.
pub(super) fn writer(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    Ok(connection)
}

/// A connection that cannot write, to an index that is there.
pub(super) fn reader(path: &Path) -> Result<Connection, Failure> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.pragma_update(None, "cache_size", READER_CACHE_KIB)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The last connection to close would otherwise remove the write-ahead log, and a process that may only read the
    // directory could then not open the index. It also must not touch a file of a newer version.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}
