//! What can go wrong inside a transaction, and what it is called outside.

use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::error::{Corruption, Error};

/// Each of these undoes the transaction.
#[derive(Debug)]
pub(super) enum Failure {
    /// `SQLite` failed.
    Sqlite(rusqlite::Error),
    /// The index refused, and this is why.
    Refused(Error),
    /// A row holds what was never written there.
    Damaged(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Refused(error)
    }
}

impl Failure {
    /// Whether a unique index refused a row.
    pub(super) fn is_duplicate(error: &rusqlite::Error) -> bool {
        error.sqlite_error().is_some_and(|error| {
            matches!(error.extended_code, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY)
        })
    }

    /// The error for outside: `operation` failed on the index at `path`.
    pub(super) fn into_error(self, operation: &'static str, path: &Path) -> Error {
        let error = match self {
            Failure::Refused(error) => return error,
            Failure::Damaged(what) => return Corruption::new(path, 0, what).into(),
            Failure::Sqlite(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                let source = std::io::Error::new(std::io::ErrorKind::StorageFull, error);
                Error::DiskFull { operation, path: path.to_path_buf(), source }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Corruption::new(path, 0, format!("the index cannot {operation}: {error}")).into()
            }
            _ => Error::Index { operation, source: Box::new(error) },
        }
    }
}
