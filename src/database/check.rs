//! Looking for damage.

use std::path::Path;
use std::sync::Arc;

use super::Database;
use crate::engine::{CheckReport, OnProgress, check_directory};
use crate::error::Result;
#[cfg(feature = "internals")]
use crate::fs::Fs;
use crate::fs::RealFs;

impl Database {
    /// Reads everything that the database has on its disk and compares it with everything else: MANIFEST, the journal, each
    /// chunk of each segment (its checksum, and what it decodes to), the order of chunks, what segments say of each other, the
    /// series, the index, the files that nothing names. All that is found is reported; nothing is changed.
    ///
    /// The database may be in use, and be open for reading only: what is walked is the state at one moment (of a reader, after a
    /// [`refresh`](Self::refresh)). Takes time in proportion to the directory, one thread, and little memory; `progress` is told
    /// how far it is. Pushes do not wait for it, merges only while the journal is read.
    ///
    /// ```
    /// use gnocchetti::{Database, NewMetric, Options, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// let metric = db.create_metric(NewMetric::named("load"))?;
    /// db.push(metric.key, Timestamp::from_nanos(0)?, 0.5)?;
    /// db.checkpoint()?;
    /// let report = db.check(&mut |at| eprintln!("{} of {} bytes", at.done, at.total))?;
    /// assert!(report.is_sound() && report.chunks > 0);
    /// for finding in &report.findings {
    ///     eprintln!("{finding}: {}", finding.advice);
    /// }
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Not for damage, which is reported. [`Error::NotADatabase`](crate::Error::NotADatabase) when MANIFEST is gone, the
    /// index's, and the disk's.
    pub fn check(&self, progress: &mut OnProgress<'_>) -> Result<CheckReport> {
        self.access.check(progress)
    }

    /// As [`check`](Self::check), of a directory that nobody has open, also when it does not open because of damage. Where
    /// MANIFEST cannot be read, each segment that lies there is looked through by itself.
    ///
    /// ```
    /// use gnocchetti::{Database, FindingKind, Options};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("db");
    /// Database::open(&path, Options::new().default_policies(true))?.close()?;
    /// assert!(Database::check_directory(&path, &mut |_| {})?.is_sound());
    /// # std::fs::create_dir_all(path.join("raw")).unwrap();
    /// std::fs::write(path.join("raw/what.is.this"), "?").unwrap();
    /// let report = Database::check_directory(&path, &mut |_| {})?;
    /// assert_eq!(report.findings[0].kind, FindingKind::StrayFile);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotADatabase`](crate::Error::NotADatabase) when there is nothing of one;
    /// [`Error::UnsupportedFormat`](crate::Error::UnsupportedFormat); and the disk's.
    pub fn check_directory(path: impl AsRef<Path>, progress: &mut OnProgress<'_>) -> Result<CheckReport> {
        check_directory(path.as_ref(), Arc::new(RealFs), progress)
    }

    /// As [`check_directory`](Self::check_directory), on another file system.
    ///
    /// # Errors
    ///
    /// As [`check_directory`](Self::check_directory).
    #[cfg(feature = "internals")]
    pub fn check_directory_with_fs(
        path: impl AsRef<Path>,
        fs: Arc<dyn Fs>,
        progress: &mut OnProgress<'_>,
    ) -> Result<CheckReport> {
        check_directory(path.as_ref(), fs, progress)
    }
}
