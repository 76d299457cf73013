//! The writing half: append, commit, rotate.
//!
//! A record is encoded and handed to the kernel (or, when buffered, kept) under the one append lock, which gives it its
//! sequence number; syncing happens outside that lock, by one leader at a time. Lock order: leadership, then the
//! append lock. A record is in the file whole or not at all: what a failed write left is cut off before anything else
//! is written, and where that fails, or a sync does, the journal has failed and refuses everything but questions.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::create::{NewFileError, create_file};
use super::format::{MAX_BODY, OVERHEAD, encode_record, salt};
use super::leader::Leadership;
use crate::error::{Error, Result};
use crate::fs::{File, Fs};
use crate::types::Durability;

/// Buffered records are handed to the kernel when so many bytes are waiting.
const SPILL_AT: usize = 1 << 20;

/// A body from this length on is written by a call of its own: copying it next to its head would cost more.
const LARGE_BODY: usize = 32 << 10;

/// Files grow by so much at a time, filled by zeros, so that most syncs need not write the file's size: a third of the
/// time of a small commit on ext4. Recovery takes the zeros for what they are.
const RESERVE_STEP: u64 = 4 << 20;

/// Shorter intervals would only keep a thread spinning, longer ones are no different from never.
const INTERVALS: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(365 * 86_400);

/// The write-ahead log, open for writing.
///
/// Any number of threads may call it. Dropping it writes nothing, so that a child process after `fork` cannot: what is
/// to survive is flushed first.
///
/// ```
/// use std::sync::Arc;
/// use gnocchetti::Durability;
/// use gnocchetti::internals::{fs::RealFs, journal::{Journal, recover}};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let dir = folder.path().to_path_buf();
/// let journal = Journal::create(Arc::new(RealFs), dir.clone(), 1, 1, Durability::Sync)?;
/// let sequence = journal.append(7, b"body")?;
/// journal.commit(sequence)?; // now it survives a power cut
///
/// let mut found = Vec::new();
/// recover(&RealFs, &dir, 1, 1, &mut |sequence, kind, body| {
///     found.push((sequence, kind, body.to_vec()));
///     Ok(())
/// })?;
/// assert_eq!(found, [(1, 7, b"body".to_vec())]);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
pub struct Journal {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    durability: Durability,
    writer: Mutex<Writer>,
    leadership: Leadership,
    /// The highest sequence number appended; written under the append lock.
    last: AtomicU64,
    /// The highest sequence number known durable; written by the leader.
    durable: AtomicU64,
    bytes: AtomicU64,
    /// Bytes of the files before the current one.
    bytes_before: AtomicU64,
    file_number: AtomicU64,
    /// When `tick` syncs next.
    next_sync: Mutex<Option<Instant>>,
    failure: OnceLock<String>,
}

/// What the append lock guards.
struct Writer {
    file: Arc<dyn File>,
    salt: u32,
    next_sequence: u64,
    /// Whole records, in order, that the kernel does not have yet. Empty between calls unless buffered.
    buffer: Vec<u8>,
    /// How many bytes of the file the kernel has: header and whole records.
    handed: u64,
    /// Up to where zeros are reserved.
    reserved: u64,
}

impl Journal {
    /// Creates journal file `file_number` in `dir`, an existing directory, and makes the empty file durable.
    ///
    /// The first record gets the sequence number `next_sequence` (at least 1; 0 is taken for 1).
    ///
    /// # Errors
    /// When the file exists, or cannot be created, written or synced.
    pub fn create(
        fs: Arc<dyn Fs>,
        dir: PathBuf,
        file_number: u64,
        next_sequence: u64,
        durability: Durability,
    ) -> Result<Journal> {
        let next_sequence = next_sequence.max(1);
        let file = create_file(&*fs, &dir, file_number, next_sequence).map_err(NewFileError::into_error)?;
        let writer = Writer::new(file, file_number, next_sequence, Vec::new());
        Ok(Journal {
            fs,
            dir,
            durability,
            leadership: Leadership::default(),
            last: AtomicU64::new(next_sequence - 1),
            durable: AtomicU64::new(next_sequence - 1),
            bytes: AtomicU64::new(writer.handed),
            bytes_before: AtomicU64::new(0),
            file_number: AtomicU64::new(file_number),
            writer: Mutex::new(writer),
            next_sync: Mutex::new(None),
            failure: OnceLock::new(),
        })
    }

    /// Appends one record, and returns its sequence number: one more than that of the record before.
    ///
    /// When it returns, the record is with the kernel ([`Durability::Sync`], [`Durability::Kernel`]) or in this
    /// process's memory ([`Durability::Buffered`]). It is durable when [`Journal::commit`] says so.
    ///
    /// # Errors
    /// [`Error::PushTooLarge`] for a body of more than [`MAX_BODY`] bytes; [`Error::DiskFull`] or [`Error::Io`] when
    /// the kernel refuses. In each case nothing was appended, and the journal goes on. [`Error::Failed`] when it
    /// cannot go on.
    pub fn append(&self, kind: u8, body: &[u8]) -> Result<u64> {
        if body.len() > MAX_BODY {
            return Err(Error::PushTooLarge { bytes: body.len() as u64, limit: MAX_BODY as u64 });
        }
        let mut writer = self.writer.lock();
        self.check()?;
        let sequence = writer.next_sequence;
        let head = encode_record(writer.salt, sequence, self.durable_sequence(), kind, body);
        self.put(&mut writer, &head, body)?;
        writer.next_sequence = sequence + 1;
        self.last.store(sequence, Ordering::Release);
        self.bytes.store(writer.bytes(), Ordering::Release);
        Ok(sequence)
    }

    /// Returns when record `sequence`, and with it every one before, is durable.
    ///
    /// One of the callers syncs for all whose records are with it; appends go on meanwhile. A number that was not
    /// given out yet stands for the last one that was.
    ///
    /// # Errors
    /// [`Error::Failed`] when a sync failed, here or in another thread: whether the record survives is then unknown
    /// until recovery. [`Error::DiskFull`] or [`Error::Io`] when buffered records could not be handed to the kernel;
    /// they stay in memory, and a later call tries again.
    pub fn commit(&self, sequence: u64) -> Result<()> {
        let sequence = sequence.min(self.last_sequence());
        let covered = || self.durable_sequence() >= sequence;
        self.leadership.commit(covered, || self.check().err(), || self.sync_appended())
    }

    /// Returns when everything appended before the call is durable.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn flush(&self) -> Result<()> {
        self.commit(self.last_sequence())
    }

    /// Keeps the promise of [`Durability::Kernel`] and [`Durability::Buffered`]: syncs what is due at `now`, and
    /// returns when to call again. `None` under [`Durability::Sync`], where nothing is ever due.
    ///
    /// What is appended after a call is synced, at the latest, by the call at the time it returned.
    ///
    /// # Errors
    /// As [`Journal::commit`]; unless the journal has failed, call again after the interval.
    pub fn tick(&self, now: Instant) -> Result<Option<Instant>> {
        let Some(interval) = self.durability.interval() else {
            return Ok(None);
        };
        let next = {
            let mut next_sync = self.next_sync.lock();
            match *next_sync {
                Some(due) if now < due => return Ok(Some(due)),
                _ => *next_sync.insert(now + interval.clamp(*INTERVALS.start(), *INTERVALS.end())),
            }
        };
        self.flush()?;
        Ok(Some(next))
    }

    /// Goes on in a new file `next_file`, once everything in the old one is durable and cut to its length; returns the
    /// last sequence number of the old file.
    ///
    /// Appends wait meanwhile; a [`Journal::flush`] just before makes that short. When it returns, the new file is
    /// durable, too.
    ///
    /// # Errors
    /// When the new file cannot be created or its header not written, the journal goes on in the old one.
    /// [`Error::Failed`] when something could not be synced: then it goes on no more.
    pub fn rotate(&self, next_file: u64) -> Result<u64> {
        let leader = self.leadership.lead_unless(|| self.failure.get().is_some());
        let mut writer = self.writer.lock();
        self.check()?;
        let last = writer.next_sequence - 1;
        self.finish_file(&mut writer)?;
        self.durable.store(last, Ordering::Release);
        let file = match create_file(&*self.fs, &self.dir, next_file, writer.next_sequence) {
            Ok(file) => file,
            Err(NewFileError::Absent(error)) => return Err(error),
            Err(NewFileError::Unknown(error)) => return Err(self.fail(&error)),
        };
        let finished = writer.handed;
        let buffer = std::mem::take(&mut writer.buffer);
        *writer = Writer::new(file, next_file, writer.next_sequence, buffer);
        self.bytes_before.fetch_add(finished, Ordering::Relaxed);
        self.bytes.store(writer.handed, Ordering::Release);
        self.file_number.store(next_file, Ordering::Relaxed);
        drop(leader);
        Ok(last)
    }

    /// The sequence number of the last record appended; one less than the first to come when there is none.
    pub fn last_sequence(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// The highest sequence number known to be durable.
    pub fn durable_sequence(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// The length of the current file in bytes: header and records, those in memory included, reserved room not.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of all files since [`Journal::create`], counted as in [`Journal::bytes`].
    pub fn total_bytes(&self) -> u64 {
        // In this order: while a file ends, it counts twice, and not for nothing.
        let bytes = self.bytes.load(Ordering::Acquire);
        self.bytes_before.load(Ordering::Relaxed) + bytes
    }

    /// The number of the current file.
    pub fn file_number(&self) -> u64 {
        self.file_number.load(Ordering::Relaxed)
    }

    /// Why nothing is accepted any more; `None` while all is well.
    pub fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }

    fn check(&self) -> Result<()> {
        match self.failure.get() {
            Some(reason) => Err(Error::Failed { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Refuses everything from now on; the first reason stays.
    fn fail(&self, reason: &dyn std::fmt::Display) -> Error {
        let reason = self.failure.get_or_init(|| reason.to_string()).clone();
        Error::Failed { reason }
    }

    /// The leader's part of a commit.
    fn sync_appended(&self) -> Result<()> {
        let (file, last) = {
            let mut writer = self.writer.lock();
            self.check()?;
            self.spill(&mut writer)?;
            (Arc::clone(&writer.file), writer.next_sequence - 1)
        };
        // Without the append lock: this takes as long as thousands of appends. The file stays the current one, for
        // `rotate` needs the leadership.
        file.sync().map_err(|error| self.fail(&error))?;
        self.durable.store(last, Ordering::Release);
        Ok(())
    }

    fn finish_file(&self, writer: &mut MutexGuard<'_, Writer>) -> Result<()> {
        self.spill(writer)?;
        writer.file.truncate(writer.handed)?;
        writer.reserved = writer.handed;
        writer.file.sync().map_err(|error| self.fail(&error))
    }

    fn put(&self, writer: &mut Writer, head: &[u8; OVERHEAD], body: &[u8]) -> Result<()> {
        if body.len() >= LARGE_BODY {
            self.spill(writer)?;
            return self.hand_over(writer, &[head, body]);
        }
        let buffered = matches!(self.durability, Durability::Buffered(_));
        if buffered && writer.buffer.len() + head.len() + body.len() > SPILL_AT {
            self.spill(writer)?; // before, not after: when it fails, this record has not been accepted
        }
        writer.buffer.extend_from_slice(head);
        writer.buffer.extend_from_slice(body);
        if buffered {
            return Ok(());
        }
        let handed = self.spill(writer);
        writer.buffer.clear();
        handed
    }

    /// Hands the buffer to the kernel; when that fails, it stays.
    fn spill(&self, writer: &mut Writer) -> Result<()> {
        if writer.buffer.is_empty() {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut writer.buffer);
        let handed = self.hand_over(writer, &[&buffer]);
        if handed.is_ok() {
            buffer.clear();
        }
        writer.buffer = buffer;
        handed
    }

    /// Writes all the parts at the end of the file, or nothing.
    fn hand_over(&self, writer: &mut Writer, parts: &[&[u8]]) -> Result<()> {
        let end = writer.handed + parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if end > writer.reserved {
            // Only a matter of speed: when it cannot be had, the append itself will say what is wrong.
            let reserved = end.next_multiple_of(RESERVE_STEP);
            writer.reserved = writer.file.reserve(reserved).map_or(end, |()| reserved);
        }
        let written = parts.iter().try_for_each(|part| writer.file.append(part));
        if let Err(error) = written {
            writer.reserved = writer.handed;
            return match writer.file.truncate(writer.handed) {
                Ok(()) => Err(error),
                Err(second) => Err(self.fail(&format_args!("{error}; and then: {second}"))),
            };
        }
        writer.handed = end;
        Ok(())
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("dir", &self.dir)
            .field("file_number", &self.file_number())
            .field("durability", &self.durability)
            .field("last", &self.last_sequence())
            .field("durable", &self.durable_sequence())
            .field("failure", &self.failure.get())
            .finish_non_exhaustive()
    }
}

impl Writer {
    fn new(file: Arc<dyn File>, file_number: u64, next_sequence: u64, buffer: Vec<u8>) -> Self {
        let handed = file.len();
        Writer { file, salt: salt(file_number), next_sequence, buffer, handed, reserved: handed }
    }

    fn bytes(&self) -> u64 {
        self.handed + self.buffer.len() as u64
    }
}
