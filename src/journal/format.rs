//! The bytes of a journal file: names, the header, the head of a record.
//!
//! `docs/format/journal.md` is this module in prose, and a test compares bytes with it. Nothing here does I/O; what is
//! parsed may be anything at all, and is checked.

use std::path::{Path, PathBuf};

use crc32c::{crc32c, crc32c_append};

use crate::error::{Corruption, Error, Result};

/// The version of the file format that is written, and the newest that is read.
pub const FORMAT_VERSION: u32 = 1;

/// The longest body that one record takes, in bytes.
pub const MAX_BODY: usize = 256 << 20;

pub(super) const HEADER_LEN: usize = 32;
/// Checksum, length, sequence number, durable number; the payload follows.
pub(super) const HEAD_LEN: usize = 24;
/// What a record has besides its body: the head, and the payload's first byte, which is the record's kind.
pub(super) const OVERHEAD: usize = HEAD_LEN + 1;

const MAGIC: [u8; 8] = *b"GNTJRNL\n";

/// The name of the journal file with this number.
///
/// ```
/// assert_eq!(gnocchetti::internals::journal::file_name(7), "00000007.jnl");
/// ```
pub fn file_name(number: u64) -> String {
    format!("{number:08}.jnl")
}

pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(file_name(number))
}

/// The number of a journal file; `None` for any name that [`file_name`] does not make.
pub fn parse_file_name(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".jnl")?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// Where the checksums of a file's records start, so that a record of another file never passes for one of this.
pub(super) fn salt(file_number: u64) -> u32 {
    crc32c(&file_number.to_le_bytes())
}

pub(super) fn encode_header(file_number: u64, first_sequence: u64) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&file_number.to_le_bytes());
    header[20..28].copy_from_slice(&first_sequence.to_le_bytes());
    let crc = crc32c(&header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The file's first sequence number, or why the header is none: then the file is new and torn, or damaged.
///
/// # Errors
/// A header that checks, but is of a version not known or belongs to another file.
pub(super) fn parse_header(bytes: &[u8], path: &Path, file_number: u64) -> Result<Result<u64, &'static str>> {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        return Ok(Err("the file is shorter than its header"));
    };
    if header[..8] != MAGIC {
        return Ok(Err("the file does not start like a journal file"));
    }
    if crc32c(&header[..28]) != u32_at(header, 28) {
        return Ok(Err("the header's checksum differs"));
    }
    let version = u32_at(header, 8);
    if version > FORMAT_VERSION {
        let path = path.to_path_buf();
        return Err(Error::UnsupportedFormat { path, found: version, supported: FORMAT_VERSION });
    }
    if version == 0 {
        return Err(Corruption::new(path, 8, "format version 0 was never written").into());
    }
    let number = u64_at(header, 12);
    if number != file_number {
        return Err(Corruption::new(path, 12, format!("the header is that of journal file {number}")).into());
    }
    Ok(Ok(u64_at(header, 20)))
}

/// What stands before a record's payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) crc: u32,
    /// Of the payload, kind included: never 0 in a record.
    pub(super) length: u32,
    pub(super) sequence: u64,
    /// The highest sequence number known durable when the record was written.
    pub(super) durable: u64,
}

impl Head {
    pub(super) fn parse(bytes: &[u8; HEAD_LEN]) -> Head {
        let crc = u32_at(bytes, 0);
        Head { crc, length: u32_at(bytes, 4), sequence: u64_at(bytes, 8), durable: u64_at(bytes, 16) }
    }

    /// Whether a record can be of this length, `room` being the bytes between the head and the end of the file.
    pub(super) fn fits(&self, room: u64) -> bool {
        self.length > 0 && self.length as usize <= MAX_BODY + 1 && u64::from(self.length) <= room
    }

    /// Whether `record`, which this head begins, carries the right checksum.
    pub(super) fn checks(&self, salt: u32, record: &[u8]) -> bool {
        record.get(4..).is_some_and(|covered| crc32c_append(salt, covered) == self.crc)
    }
}

/// All of a record but its body. The body is at most [`MAX_BODY`] long.
pub(super) fn encode_record(salt: u32, sequence: u64, durable: u64, kind: u8, body: &[u8]) -> [u8; OVERHEAD] {
    let mut head = [0; OVERHEAD];
    head[4..8].copy_from_slice(&(body.len() as u32 + 1).to_le_bytes());
    head[8..16].copy_from_slice(&sequence.to_le_bytes());
    head[16..24].copy_from_slice(&durable.to_le_bytes());
    head[24] = kind;
    let crc = crc32c_append(crc32c_append(salt, &head[4..]), body);
    head[..4].copy_from_slice(&crc.to_le_bytes());
    head
}

fn u32_at<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
