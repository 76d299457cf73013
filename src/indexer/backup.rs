//! A copy of the index as of one moment, while others go on changing it.
//!
//! An [`Observer`] is a connection of its own. Once pinned it sees the last commit, whatever is committed later; what it copies
//! is that. It must not be kept: while it is pinned, the index's log cannot be made short.

use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;
use super::{Indexer, connection};
use crate::error::{Error, Result};

/// So many pages are copied between two calls of whoever watches.
const PAGES: i32 = 256;

/// Sees one state of the index.
pub struct Observer {
    connection: Connection,
    path: PathBuf,
}

impl Indexer {
    /// A connection that is not pinned yet.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index) when it cannot be opened.
    pub fn observer(&self) -> Result<Observer> {
        let connection = connection::reader(&self.path, self.source());
        let connection = connection.map_err(|failure| failure.into_error("open for a copy", &self.path))?;
        Ok(Observer { connection, path: self.path.clone() })
    }
}

impl Observer {
    /// From now on it sees what was last committed before this call.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index), also when it is pinned already.
    pub fn pin(&self) -> Result<()> {
        let begun = self.connection.execute_batch("BEGIN");
        // A transaction sees nothing before it reads.
        let begun = begun.and_then(|()| self.number("user_version").map(drop));
        begun.map_err(|error| self.described("look at", error))
    }

    fn number(&self, pragma: &str) -> rusqlite::Result<u64> {
        self.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map(|number| number as u64)
    }

    /// How long a copy would be, in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Index`](crate::Error::Index).
    pub fn bytes(&self) -> Result<u64> {
        let product = self.number("page_count").and_then(|pages| Ok(pages * self.number("page_size")?));
        product.map_err(|error| self.described("measure", error))
    }

    /// Writes what it sees to a new file, which is on the disk then, and its name in no directory yet. `watch` is told from
    /// time to time how many bytes are written.
    ///
    /// # Errors
    ///
    /// [`Error::DiskFull`](crate::Error::DiskFull), [`Error::Index`](crate::Error::Index); a part of the file may be there.
    pub fn copy_to(&self, path: &Path, watch: &mut dyn FnMut(u64)) -> Result<()> {
        self.copy(path, watch).map_err(|failure| failure.into_error("copy", path))
    }

    fn copy(&self, path: &Path, watch: &mut dyn FnMut(u64)) -> Result<(), Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // Nobody else knows the file, and nobody will know it unless it is whole: no locks, nothing to go back to.
        let mut copy = Connection::open_with_flags_and_vfs(path, flags, c"unix-none")?;
        copy.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        copy.pragma_update(None, "synchronous", "FULL")?;
        let page_size = self.number("page_size")?;
        let backup = Backup::new(&self.connection, &mut copy)?;
        loop {
            let step = backup.step(PAGES)?;
            let progress = backup.progress();
            watch(u64::from((progress.pagecount - progress.remaining).unsigned_abs()) * page_size);
            match step {
                StepResult::Done => return Ok(()),
                StepResult::More => {}
                // It reads one state, which no writer keeps from it, into a file that nobody knows.
                _ => return Err(Error::Index { operation: "copy", source: "it is locked".into() }.into()),
            }
        }
    }

    fn described(&self, operation: &'static str, error: rusqlite::Error) -> Error {
        Failure::from(error).into_error(operation, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NewMetric, Timestamp};

    fn open(path: &Path) -> Indexer {
        Indexer::open(path).unwrap()
    }

    #[test]
    fn a_copy_is_of_the_moment_of_the_pin() {
        let folder = tempfile::tempdir().unwrap();
        let index = open(&folder.path().join("index.sqlite"));
        index.create_default_policies().unwrap();
        let create = |from: u32, to: u32| {
            let metrics: Vec<NewMetric> = (from..to).map(|i| NewMetric::named(format!("metric {i}"))).collect();
            index.create_metrics(&metrics, Timestamp::default()).unwrap();
        };
        create(0, 30_000);
        let observer = index.observer().unwrap();
        observer.pin().unwrap();
        create(30_000, 30_010);
        assert!(observer.pin().is_err(), "only once");
        let mut seen = Vec::new();
        let target = folder.path().join("copy.sqlite");
        let bytes = observer.bytes().unwrap();
        observer
            .copy_to(&target, &mut |written| {
                seen.push(written);
                create(40_000 + seen.len() as u32 * 10, 40_010 + seen.len() as u32 * 10);
            })
            .unwrap();
        drop(observer);
        assert!(seen.len() > 1 && seen.is_sorted(), "{seen:?}");
        assert_eq!((seen.last(), std::fs::metadata(&target).unwrap().len()), (Some(&bytes), bytes));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "the index with its two, and the copy alone");
        let copy = open(&target);
        copy.integrity_check().unwrap();
        assert_eq!(copy.metric_count().unwrap(), 30_000);
        let created = copy.create_metrics(&[NewMetric::named("more")], Timestamp::default()).unwrap();
        assert_eq!(created[0].metric.key.get(), 30_001, "it goes on");
    }
}
