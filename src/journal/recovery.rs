//! The reading half: what the journal held when its writer went away.
//!
//! Records are handed out in sequence, without a gap, from the first one asked for. Where bytes are no record, the
//! question is whether a crash may have left them so. It may, where nothing shows that the record was durable: a torn
//! tail, cut off and reported. It may not where a later record was written knowing this one durable, or where a later
//! file begins beyond it (a file is begun only when the one before is durable): then durable measures are damaged, and
//! that is an error. Recovery writes nothing, so that a reader in another process may do it too.

use std::path::{Path, PathBuf};

use super::evidence::{Lost, examine};
use super::format::{HEAD_LEN, HEADER_LEN, parse_file_name, parse_header, path_of};
use super::reader::{FileReader, Next};
use crate::error::{Corruption, Result};
use crate::fs::Fs;

/// What [`recover`] calls for each record: with its sequence number, its kind, its body.
pub type OnRecord<'a> = dyn FnMut(u64, u8, &[u8]) -> Result<()> + 'a;

/// A place between two records, from which reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookmark {
    /// The number of the journal file.
    pub file: u64,
    /// Where in it the next record begins; 0: before the header.
    pub offset: u64,
    /// The sequence number of the next record.
    pub sequence: u64,
}

/// What [`recover`] and [`follow`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Behind the last record.
    pub end: Bookmark,
    /// The number of the first file read; `None` when there is none from the first asked for on.
    pub first_file: Option<u64>,
    /// The sequence number of the last record; one less than the first asked for when there was none.
    pub last_sequence: u64,
    /// The number of the last file; `None` when there is no file from the first asked for on. Whether that may be is
    /// for the caller to know.
    pub last_file: Option<u64>,
    /// How many records were handed out.
    pub records: u64,
    /// What a crash left behind the last record.
    pub torn: Option<TornTail>,
}

/// Bytes at the end of the journal that are no record, and that nothing shows to have been durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The file they are in.
    pub file: PathBuf,
    /// Where in it they begin: the end of its last record.
    pub offset: u64,
    /// How many they are, zeros at the end left out.
    pub bytes: u64,
    /// Why they are no record.
    pub what: String,
}

/// Reads the journal files in `dir` from number `first_file` on, and calls `on_record` with the sequence number, kind
/// and body of each record, in order, beginning with `first_sequence`.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt), with file and offset, when records are damaged or missing that were
/// durable; [`Error::UnsupportedFormat`](crate::Error::UnsupportedFormat) for a file of a newer version;
/// [`Error::Io`](crate::Error::Io) when a file cannot be read (also one that its writer removed meanwhile); and what
/// `on_record` returns. Records before the error have been handed out.
///
/// ```
/// use gnocchetti::internals::{fs::RealFs, journal::recover};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let found = recover(&RealFs, folder.path(), 1, 1, &mut |_, _, _| Ok(()))?;
/// assert_eq!((found.last_sequence, found.last_file, found.records), (0, None, 0));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
pub fn recover(
    fs: &dyn Fs,
    dir: &Path,
    first_file: u64,
    first_sequence: u64,
    on_record: &mut OnRecord<'_>,
) -> Result<Recovered> {
    follow(fs, dir, Bookmark { file: first_file, offset: 0, sequence: first_sequence }, on_record)
}

/// As [`recover`], from where an earlier call ended: what was appended since.
///
/// # Errors
/// As [`recover`].
pub fn follow(fs: &dyn Fs, dir: &Path, from: Bookmark, on_record: &mut OnRecord<'_>) -> Result<Recovered> {
    let from = Bookmark { sequence: from.sequence.max(1), ..from };
    let mut recovery = Recovery { expected: from.sequence, end: from, first_file: None, records: 0, torn: None };
    let numbers: Vec<u64> = file_numbers(fs, dir)?.into_iter().filter(|&number| number >= from.file).collect();
    for &number in &numbers {
        recovery.first_file.get_or_insert(number);
        let mut reader = FileReader::open(fs, dir, number)?;
        if number == from.file && from.offset > 0 {
            reader.rewind(from.offset);
            // Reserved room was looked through when it was first met; most calls find that nothing came.
            if numbers.last() == Some(&number) && reader.peek(HEAD_LEN)?.iter().take(HEAD_LEN).all(|&byte| byte == 0) {
                break;
            }
        }
        recovery.read_file(reader, number, on_record)?;
    }
    let Recovery { expected, end, first_file, records, torn } = recovery;
    let last_file = numbers.last().copied();
    Ok(Recovered { end, first_file, last_sequence: expected - 1, last_file, records, torn })
}

/// Removes the journal files with a number below `file_number`: those that MANIFEST needs no more.
///
/// A removal that a crash undoes does no harm: recovery does not look there, and the next call removes it again.
///
/// # Errors
/// When a file cannot be removed; those before it are.
pub fn remove_before(fs: &dyn Fs, dir: &Path, file_number: u64) -> Result<()> {
    let numbers = file_numbers(fs, dir)?;
    numbers.into_iter().filter(|&number| number < file_number).try_for_each(|number| fs.remove(&path_of(dir, number)))
}

/// The numbers of the journal files in `dir`, ascending. Anything else there is not ours to judge.
fn file_numbers(fs: &dyn Fs, dir: &Path) -> Result<Vec<u64>> {
    let entries = fs.list(dir)?;
    let files = entries.iter().filter(|entry| !entry.is_dir);
    let mut numbers: Vec<u64> = files.filter_map(|entry| parse_file_name(&entry.name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

struct Recovery {
    /// The sequence number of the record to come.
    expected: u64,
    /// Behind the last record handed out.
    end: Bookmark,
    first_file: Option<u64>,
    records: u64,
    torn: Option<TornTail>,
}

impl Recovery {
    fn read_file(&mut self, mut reader: FileReader<'_>, number: u64, on_record: &mut OnRecord<'_>) -> Result<()> {
        let mut doubted = None;
        loop {
            let stopped = self.read_records(&mut reader, number, on_record)?;
            let offset = reader.offset;
            self.end = Bookmark { file: number, offset, sequence: self.expected };
            let Some(what) = stopped else { return Ok(()) };
            let Some(witness) = self.torn_or_witness(&mut reader, what)? else {
                return Ok(());
            };
            if doubted == Some(offset) {
                let what = format!("{what}; it was durable when record {witness}, further on, was written");
                return Err(Corruption::new(&reader.path, offset, what).into());
            }
            // A live writer may have completed the record after this place was read, and before the witness was. What
            // was durable when the witness was written can be read now, if it can be read at all.
            doubted = Some(offset);
            reader.rewind(offset);
        }
    }

    /// Hands out records from where the reader stands. Returns at the end of the file, or with what is wrong there.
    fn read_records(
        &mut self,
        reader: &mut FileReader<'_>,
        number: u64,
        on_record: &mut OnRecord<'_>,
    ) -> Result<Option<&'static str>> {
        let path = reader.path.clone();
        if reader.offset == 0 {
            match parse_header(reader.peek(HEADER_LEN)?, &path, number)? {
                Ok(first_sequence) => self.begin_file(&path, first_sequence)?,
                Err(what) => return Ok(Some(what)),
            }
            reader.consume(HEADER_LEN);
        }
        loop {
            let offset = reader.offset;
            match reader.next_record()? {
                Next::Record { head, kind, body, size } => {
                    if head.sequence != self.expected || head.durable >= head.sequence {
                        let what = format!("record {} where {} belongs", head.sequence, self.expected);
                        return Err(Corruption::new(path, offset, what).into());
                    }
                    on_record(head.sequence, kind, body)?;
                    self.expected += 1;
                    self.records += 1;
                    reader.consume(size);
                }
                Next::End => return Ok(None),
                Next::Damage(what) => return Ok(Some(what)),
            }
        }
    }

    /// A file begins where the one before ended: then bytes behind that one's last record were cut off by an earlier
    /// recovery. If it begins later, they were records, and durable ones.
    fn begin_file(&mut self, path: &Path, first_sequence: u64) -> Result<()> {
        if first_sequence == self.expected {
            self.torn = None;
            return Ok(());
        }
        let what = format!("{} begins with record {first_sequence} where {} belongs", path.display(), self.expected);
        Err(match self.torn.take() {
            Some(torn) => Corruption::new(torn.file, torn.offset, format!("{}, and {what}", torn.what)),
            None => Corruption::new(path, 20, what),
        }
        .into())
    }

    /// Takes the bytes from the reader's position on for zeros never written or a torn tail, and notes the latter; or
    /// else returns the number of a record that speaks against it.
    fn torn_or_witness(&mut self, reader: &mut FileReader<'_>, what: &str) -> Result<Option<u64>> {
        let offset = reader.offset;
        // A header is durable before any record is written: any record at all shows that it was.
        let durable = if offset == 0 { 0 } else { self.expected };
        let tail = examine(reader, Lost { sequence: self.expected, durable })?;
        let bytes = tail.end - offset;
        if tail.witness.is_none() && (bytes > 0 || offset == 0) {
            // Of several the first: what comes after it was never read.
            self.torn.get_or_insert(TornTail { file: reader.path.clone(), offset, bytes, what: what.to_owned() });
        }
        Ok(tail.witness)
    }
}
