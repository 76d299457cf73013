//! Writing a journal file anew, before anything relies on what was read from it.
//!
//! What recovery read came from the kernel's memory. A sync makes that durable unless one has failed before: the kernel may then
//! keep pages that it never wrote and calls clean, which are read all the same and written no more. A new journal file that
//! follows such records would, after a power cut, follow nothing. A copy has none of that past.

use std::path::Path;

use super::format::{file_name, parse_file_name, path_of};
use crate::error::Result;
use crate::fs::{self, Fs};

/// What is added to the name of a copy that is being made.
const TEMPORARY: &str = ".tmp";

/// Makes what is read from journal file `number` durable, whatever happened to it before: replaces it, atomically, by a copy.
/// `None`: by nothing. Copies that a crash left unfinished are removed.
///
/// # Errors
/// When the file cannot be read or copied; it is then as it was.
pub fn renew(fs: &dyn Fs, dir: &Path, number: Option<u64>) -> Result<()> {
    for entry in fs.list(dir)? {
        if entry.name.strip_suffix(TEMPORARY).and_then(parse_file_name).is_some() {
            fs.remove(&dir.join(entry.name))?;
        }
    }
    let Some(number) = number else { return Ok(()) };
    let temporary = dir.join(file_name(number) + TEMPORARY);
    let path = path_of(dir, number);
    let renewed = fs::copy(fs, &path, &temporary, u64::MAX).and_then(|_| fs.rename(&temporary, &path));
    if let Err(error) = renewed {
        // The first error is the one to report; what stays behind is removed the next time.
        let _ = fs.remove(&temporary);
        return Err(error);
    }
    fs.sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fs::RealFs;
    use crate::journal::{Journal, recover};
    use crate::types::Durability;

    #[test]
    fn a_renewed_file_holds_what_the_old_one_held() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let journal = Journal::create(Arc::new(RealFs), dir.to_path_buf(), 3, 7, Durability::Sync).unwrap();
        let body = vec![5; (1 << 20) + 17];
        journal.append(1, &body).unwrap();
        journal.flush().unwrap();
        let before = std::fs::read(path_of(dir, 3)).unwrap();
        renew(&RealFs, dir, Some(3)).unwrap();
        assert_eq!(std::fs::read(path_of(dir, 3)).unwrap(), before);
        let mut bodies = Vec::new();
        let found = recover(&RealFs, dir, 3, 7, &mut |sequence, _, body| {
            bodies.push((sequence, body.to_vec()));
            Ok(())
        });
        assert_eq!((found.unwrap().records, bodies), (1, vec![(7, body)]));
    }

    #[test]
    fn copies_that_were_left_behind_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["00000003.jnl.tmp", "00000003.jnl", "notes.tmp"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        renew(&RealFs, folder.path(), None).unwrap();
        let left = RealFs.list(folder.path()).unwrap();
        assert_eq!(left.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["00000003.jnl", "notes.tmp"]);
    }
}
