//! Beginning a journal file.
//!
//! The name and the header are durable before the first record is written, and a file that could not be begun is gone
//! before the one before it grows on: recovery counts on both.

use std::path::Path;
use std::sync::Arc;

use super::format::{encode_header, path_of};
use crate::error::{Error, Result};
use crate::fs::{File, Fs};

/// Why there is no new file.
pub(super) enum NewFileError {
    /// And after a crash there will not be one either.
    Absent(Error),
    /// But after a crash there may be one, for which the file before must then have ended where it says.
    Unknown(Error),
}

impl NewFileError {
    pub(super) fn into_error(self) -> Error {
        match self {
            NewFileError::Absent(error) | NewFileError::Unknown(error) => error,
        }
    }
}

/// Creates a file with its header, and makes both durable, before any record can go there.
pub(super) fn create_file(
    fs: &dyn Fs,
    dir: &Path,
    file_number: u64,
    first_sequence: u64,
) -> Result<Arc<dyn File>, NewFileError> {
    let path = path_of(dir, file_number);
    let file = fs.create(&path).map_err(NewFileError::Absent)?;
    if let Err(error) = file.append(&encode_header(file_number, first_sequence)) {
        // Gone for good, or else a crash could bring back a file that claims to follow one which has since grown.
        let removed = fs.remove(&path).and_then(|()| fs.sync_dir(dir));
        return Err(if removed.is_ok() { NewFileError::Absent(error) } else { NewFileError::Unknown(error) });
    }
    file.sync().and_then(|()| fs.sync_dir(dir)).map_err(NewFileError::Unknown)?;
    Ok(file)
}
