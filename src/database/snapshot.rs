//! Snapshots: a backup of a database while it is used.

use std::path::Path;

use crate::database::Database;
use crate::engine::{SnapshotProgress, SnapshotReport};
use crate::error::Result;

impl Database {
    /// Makes a snapshot: a database of its own in `directory`, as this one is at one moment of the call.
    ///
    /// All that was pushed before the call is in it, nothing that is pushed after that moment, each push whole or not at all; and
    /// the index as of the same moment. Pushes and queries go on meanwhile. When it returns, the snapshot survives a power cut.
    ///
    /// Segments are shared with the snapshot, under a second name, where the file system has hard links and both directories
    /// lie on it; this takes no time and no space, and what this database later merges, expires or deletes stays there in the
    /// snapshot. Otherwise they are copied, as the index always is.
    ///
    /// Also of a database that is [open for reading](Self::open_read_only): then of the newest state that its writer has handed to
    /// the kernel, whether or not this handle was refreshed.
    ///
    /// ```
    /// use gnocchetti::{Database, NewMetric, Options, Query, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let (path, backup) = (directory.path().join("db"), directory.path().join("backup"));
    /// let db = Database::open(&path, Options::new().default_policies(true))?;
    /// let metric = db.create_metric(NewMetric::named("load"))?;
    /// db.push(metric.key, Timestamp::from_nanos(0)?, 0.5)?;
    /// let report = db.snapshot(&backup)?;
    /// assert!(report.copied_bytes <= report.bytes);
    /// db.delete_metric(metric.key)?;
    ///
    /// let then = Database::open(&backup, Options::new())?;
    /// assert_eq!(then.measures(&Query::new(metric.key))?.values, [0.5]);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotTarget`](crate::Error::SnapshotTarget) when `directory` is not empty, no directory, or within this
    /// database; [`Error::Locked`](crate::Error::Locked) while another snapshot is made there;
    /// [`Error::Outrun`](crate::Error::Outrun) when a reader's writer replaced files faster than they could be taken; the index's
    /// and the disk's. What was made is removed then, but for the directory with its `LOCK`, and can be tried again. After a
    /// crash in the middle, what lies there is no database, and is refused until it is removed.
    pub fn snapshot(&self, directory: impl AsRef<Path>) -> Result<SnapshotReport> {
        self.snapshot_with_progress(directory, |_| {})
    }

    /// As [`snapshot`](Self::snapshot); `progress` is told how far it has come, on this thread.
    ///
    /// ```
    /// # use gnocchetti::{Database, Options};
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new())?;
    /// db.snapshot_with_progress(directory.path().join("backup"), |at| {
    ///     println!("{} of {} bytes", at.done, at.total);
    /// })?;
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn snapshot_with_progress(
        &self,
        directory: impl AsRef<Path>,
        mut progress: impl FnMut(SnapshotProgress),
    ) -> Result<SnapshotReport> {
        self.access.snapshot(directory.as_ref(), &mut progress)
    }
}
