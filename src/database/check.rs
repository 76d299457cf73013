//! Looking for damage.

use std::path::Path;
use std::sync::Arc;

use super::Database;
use crate::engine::{CheckReport, OnProgress, RepairReport, check_directory, repair_directory};
use crate::error::{Corruption, Result};
#[cfg(feature = "internals")]
use crate::fs::Fs;
use crate::fs::RealFs;
use crate::query::{Query, Tolerance};
use crate::types::{AggregationMethod, Columns};

/// What could be read of an answer, and what could not.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Undamaged {
    /// The points: one series of columns per method, in the order of the question.
    pub columns: Vec<Columns>,
    /// What was left out, with its place and, where it can be known, its span. Empty when the answer is whole.
    pub skipped: Vec<Corruption>,
}

impl Database {
    /// As [`measures_of`](Self::measures_of), without the points that damage makes unknown, where that would give an error; and
    /// what was left out. The points that are given are right: a group of which some raw measures cannot be read is left out
    /// with them (for `rate:` methods also the one that holds the next measure), and so is a resampled group that lacks a point.
    ///
    /// ```
    /// use gnocchetti::{AggregationMethod, Database, NewMetric, Options, Query, Timestamp};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let db = Database::open(directory.path().join("db"), Options::new().default_policies(true))?;
    /// # let metric = db.create_metric(NewMetric::named("load"))?;
    /// db.push(metric.key, Timestamp::from_nanos(0)?, 3.0)?;
    /// let answer = db.measures_skipping_damage(&Query::new(metric.key), &[AggregationMethod::MAX])?;
    /// assert_eq!(answer.columns[0].values, [3.0]);
    /// for damage in &answer.skipped {
    ///     eprintln!("left out: {damage}");
    /// }
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`measures`](Self::measures); [`Error::Corrupt`](crate::Error::Corrupt) only when the state of the series itself is
    /// damaged: without it nobody knows what counts.
    pub fn measures_skipping_damage(&self, query: &Query, methods: &[AggregationMethod]) -> Result<Undamaged> {
        let (points, tolerance) = self.answer(query, methods, Tolerance::skipping)?;
        let columns = points.into_iter().map(Columns::from).collect();
        Ok(Undamaged { columns, skipped: tolerance.into_skipped() })
    }

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

    /// Makes a damaged directory, which nobody may have open, a sound one, and says exactly what that cost.
    ///
    /// Only what is damaged is taken out of its segment; its bytes are kept in the directory `quarantine`, each with a text
    /// beside it, and never removed. What other bytes give exactly is made again: headers, footers and entries, the states of
    /// series, of aggregates those methods that a finer archive gives to the last bit, a MANIFEST of which one byte or the header
    /// changed, and the lists beside the tables of the index. Of a damaged journal every record
    /// that can be read is replayed. All else is as it was. A repair that is interrupted can be done again; done twice, it
    /// finds nothing. Keep a copy of the directory first.
    ///
    /// ```
    /// use gnocchetti::{Database, Options};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("db");
    /// # Database::open(&path, Options::new())?.close()?;
    /// let report = Database::repair(&path, &mut |at| eprintln!("{} of {} bytes", at.done, at.total))?;
    /// for repair in &report.repairs {
    ///     eprintln!("{}: {:?}, gone: {:?}", repair.finding, repair.outcome, repair.lost);
    /// }
    /// assert!(report.is_whole());
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Irreparable`](crate::Error::Irreparable) when more of MANIFEST or the index is damaged than what the rest of it says
    /// again without doubt, for nobody knows then what belongs to the database;
    /// [`Error::Locked`](crate::Error::Locked) when somebody has it open; and the disk's. Nothing is changed then.
    pub fn repair(path: impl AsRef<Path>, progress: &mut OnProgress<'_>) -> Result<RepairReport> {
        repair_directory(path.as_ref(), Arc::new(RealFs), progress)
    }

    /// As [`repair`](Self::repair), on another file system.
    ///
    /// # Errors
    ///
    /// As [`repair`](Self::repair).
    #[cfg(feature = "internals")]
    pub fn repair_with_fs(
        path: impl AsRef<Path>,
        fs: Arc<dyn Fs>,
        progress: &mut OnProgress<'_>,
    ) -> Result<RepairReport> {
        repair_directory(path.as_ref(), fs, progress)
    }
}
