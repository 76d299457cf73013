//! Reading one journal file from front to back, in large pieces.
//!
//! The file may be damaged, or still be written by another process: memory is bounded by what the file holds, and a
//! file that becomes shorter (its writer cut reserved room off) is read to its new end.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{HEAD_LEN, Head, path_of, salt};
use crate::error::{Error, Result};
use crate::fs::{File, Fs};

/// How much is read at once, at least.
const PIECE: u64 = 1 << 20;

pub(super) struct FileReader<'a> {
    fs: &'a dyn Fs,
    file: Arc<dyn File>,
    pub(super) path: PathBuf,
    pub(super) salt: u32,
    /// The file's length.
    pub(super) len: u64,
    /// Bytes read ahead; those before `start` are used up.
    buffer: Vec<u8>,
    start: usize,
    /// The position in the file of the first byte not used up.
    pub(super) offset: u64,
}

/// What stands at the reader's position.
pub(super) enum Next<'a> {
    /// A whole record that checks, `size` bytes long. It is used up by [`FileReader::consume`].
    Record { head: Head, kind: u8, body: &'a [u8], size: usize },
    /// The end of the file.
    End,
    /// Bytes that are no record: why not.
    Damage(&'static str),
}

impl<'a> FileReader<'a> {
    pub(super) fn open(fs: &'a dyn Fs, dir: &Path, number: u64) -> Result<FileReader<'a>> {
        let path = path_of(dir, number);
        let file = fs.open(&path)?;
        let len = file.len();
        Ok(FileReader { fs, file, path, salt: salt(number), len, buffer: Vec::new(), start: 0, offset: 0 })
    }

    /// The next `wanted` bytes, or fewer when the file ends before, or more when they are there.
    pub(super) fn peek(&mut self, wanted: usize) -> Result<&[u8]> {
        while self.buffer.len() - self.start < wanted {
            let ahead = self.buffer.len() - self.start;
            let missing = (wanted - ahead) as u64;
            let left = self.len.saturating_sub(self.offset + ahead as u64);
            let more = missing.max(PIECE).min(left) as usize;
            if more == 0 {
                break;
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.buffer.resize(ahead + more, 0);
            let read = self.file.read_at(self.offset + ahead as u64, &mut self.buffer[ahead..]);
            if let Err(error) = read {
                self.buffer.truncate(ahead);
                self.shorten(error)?;
            }
        }
        Ok(&self.buffer[self.start..])
    }

    /// Uses up `size` bytes that were peeked.
    pub(super) fn consume(&mut self, size: usize) {
        self.start += size;
        self.offset += size as u64;
    }

    /// Goes back to `offset`, and reads anew from there what was read before.
    pub(super) fn rewind(&mut self, offset: u64) {
        self.buffer.clear();
        self.start = 0;
        self.offset = offset;
    }

    pub(super) fn next_record(&mut self) -> Result<Next<'_>> {
        let room = self.len.saturating_sub(self.offset).saturating_sub(HEAD_LEN as u64);
        let Some(head) = self.peek(HEAD_LEN)?.first_chunk().map(Head::parse) else {
            return Ok(if self.offset >= self.len { Next::End } else { Next::Damage("a record's head is cut off") });
        };
        if head.length == 0 {
            return Ok(Next::Damage("a record of length 0"));
        }
        if !head.fits(room) {
            return Ok(Next::Damage("a record is longer than the rest of the file"));
        }
        let (size, salt) = (HEAD_LEN + head.length as usize, self.salt);
        match self.peek(size)?.get(..size) {
            Some(record) if head.checks(salt, record) => match &record[HEAD_LEN..] {
                [kind, body @ ..] => Ok(Next::Record { head, kind: *kind, body, size }),
                [] => Ok(Next::Damage("a record of length 0")),
            },
            Some(_) => Ok(Next::Damage("a record's checksum differs")),
            None => Ok(Next::Damage("a record is longer than the rest of the file")),
        }
    }

    /// Fills `buf` from anywhere in the file, past what is read ahead.
    pub(super) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.file.read_at(offset, buf)
    }

    /// After a read past the end: takes over the file's new, smaller length, or gives the error back.
    fn shorten(&mut self, error: Error) -> Result<()> {
        let past_end = matches!(&error, Error::Io { source, .. } if source.kind() == ErrorKind::UnexpectedEof);
        let len = if past_end { self.fs.open(&self.path)?.len() } else { self.len };
        if len < self.len {
            self.len = len;
            Ok(())
        } else {
            Err(error)
        }
    }
}
