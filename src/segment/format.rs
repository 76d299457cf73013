//! The bytes of a segment: header, chunk entries, footer, trailer. `docs/format/segment.md` shows them all.
//!
//! Nothing here does I/O. Entries are fixed-width records, searched in place; the footer holds one reference per block of
//! entries only, so that opening a segment costs nothing per metric.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::runs::Lies;
use crate::codec::{LONGEST_FRONT, MAX_ROWS};

/// First and last eight bytes of every segment.
pub(super) const MAGIC: [u8; 8] = *b"GNTSEG\r\n";
/// The version of everything in this file. Version 1 had no chunks in parts, neither it nor version 2 states of series whose
/// clock jumped, and no version before this one runs of several chunks; their entries are read as those of this one.
pub const FORMAT_VERSION: u32 = 4;
/// The first version whose chunks of aggregates are as they are now.
pub(super) const PARTS_VERSION: u32 = 2;
/// Magic, version, kind, number, checksum.
pub(super) const HEADER_SIZE: usize = 28;
/// Footer's offset, length and checksum, magic.
pub(super) const TRAILER_SIZE: usize = 24;
/// One [`Entry`].
pub const ENTRY_SIZE: usize = 52;
/// A block of entries is one read of some 6.5 KiB: two pages, and a binary search of seven steps.
pub(super) const BLOCK_ENTRIES: usize = 128;
/// No chunk is larger: 65,536 rows of 216 methods at worst 10 bytes each.
pub(super) const MAX_CHUNK: u32 = 160 << 20;
/// An entry has its rows in so many bits of four bytes, and in the others how long its chunk's front is.
const ROWS_BITS: u32 = 17;
const _: () = assert!(MAX_ROWS < 1 << ROWS_BITS && LONGEST_FRONT < 1 << (u32::BITS - ROWS_BITS));

/// The "granularity" under which a raw segment stores a series' state.
pub const STATE: i64 = -1;
/// The "granularity" under which a raw segment stores raw measures.
pub const MEASURES: i64 = 0;

/// What a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Raw measures and states of series.
    Raw,
    /// Aggregates, freshly sealed, of all archives.
    Level0,
    /// Aggregates of one partition of one archive.
    Archive,
}

impl Kind {
    pub(super) fn code(self) -> u32 {
        match self {
            Kind::Raw => 1,
            Kind::Level0 => 2,
            Kind::Archive => 3,
        }
    }
}

/// Where one chunk lies, whose it is, and what its bytes must sum up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The metric's key.
    pub metric: u64,
    /// The archive's granularity in ns, or [`MEASURES`], or [`STATE`].
    pub granularity: i64,
    /// Timestamp of the first row.
    pub first: i64,
    /// Timestamp of the last row.
    pub last: i64,
    /// Where the chunk's front begins in the file.
    pub offset: u64,
    /// Where its tail begins: the parts, or nothing. Its entry does not say that, but those beside it do.
    pub tail: u64,
    /// How many bytes it has, front and tail together.
    pub length: u32,
    /// How many rows it has.
    pub rows: u32,
    /// How many bytes its checksum is of: all, or the front of a chunk whose parts have checksums of their own.
    pub front: u32,
    /// CRC-32C of its front.
    pub crc: u32,
}

impl Entry {
    /// Whether parts of its chunk have checksums of their own.
    pub fn has_parts(&self) -> bool {
        self.front < self.length
    }

    /// Where its front lies.
    pub fn front_range(&self) -> Range<u64> {
        self.offset..self.front_end()
    }

    /// Where its tail lies.
    pub fn tail_range(&self) -> Range<u64> {
        self.tail..self.tail.saturating_add(self.tail_length())
    }

    /// Where in the file byte `at` of the chunk lies.
    pub fn place(&self, at: usize) -> u64 {
        let at = at as u64;
        match at.checked_sub(self.front.into()) {
            None => self.offset.saturating_add(at),
            Some(behind) => self.tail.saturating_add(behind),
        }
    }

    pub(super) fn front_end(&self) -> u64 {
        self.offset.saturating_add(self.front.into())
    }

    pub(super) fn tail_length(&self) -> u64 {
        u64::from(self.length - self.front)
    }

    /// The order of chunks in a segment.
    pub fn key(&self) -> (u64, i64, i64) {
        (self.metric, self.granularity, self.first)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.metric.to_le_bytes());
        out.extend_from_slice(&self.granularity.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.last.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        let front = if self.front == self.length { 0 } else { self.front };
        out.extend_from_slice(&(self.rows | front << ROWS_BITS).to_le_bytes());
        out.extend_from_slice(&self.crc.to_le_bytes());
    }

    /// The entry in these [`ENTRY_SIZE`] bytes, of a chunk that lies by itself; `None` when it describes no possible chunk.
    pub(super) fn get(bytes: &[u8; ENTRY_SIZE]) -> Option<Entry> {
        let (length, rows_and_front) = (u32_at(bytes, 40), u32_at(bytes, 44));
        let front = rows_and_front >> ROWS_BITS;
        let mut entry = Entry {
            metric: u64_at(bytes, 0),
            granularity: u64_at(bytes, 8) as i64,
            first: u64_at(bytes, 16) as i64,
            last: u64_at(bytes, 24) as i64,
            offset: u64_at(bytes, 32),
            tail: 0,
            length,
            rows: rows_and_front & ((1 << ROWS_BITS) - 1),
            front: if front == 0 { length } else { front },
            crc: u32_at(bytes, 48),
        };
        entry.tail = entry.front_end();
        let possible = entry.granularity >= STATE
            && entry.first <= entry.last
            && entry.length <= MAX_CHUNK
            && (front == 0 || front < length)
            && (1..=MAX_ROWS).contains(&(entry.rows as usize));
        possible.then_some(entry)
    }
}

impl Lies {
    /// Of the entry in these bytes: what a run is told by, without a look at the rest.
    pub(super) fn get(bytes: &[u8; ENTRY_SIZE]) -> Self {
        let (offset, length, front) = (u64_at(bytes, 32), u32_at(bytes, 40), u32_at(bytes, 44) >> ROWS_BITS);
        let front = if front == 0 { length } else { front };
        let (front_end, tail_length) = (offset.saturating_add(front.into()), length.saturating_sub(front).into());
        Lies { offset, front_end, tail_length }
    }
}

/// Reads a little-endian `u64`; the callers' arrays are larger than `at + 8`.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// Reads a little-endian `u32`; the callers' arrays are larger than `at + 4`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

/// One block of entries: where it lies and the key of its first entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BlockRef {
    pub(super) metric: u64,
    pub(super) granularity: i64,
    pub(super) first: i64,
    /// Where the chunks of this block begin.
    pub(super) chunks: u64,
    /// Where the entries themselves begin; the chunks end there.
    pub(super) offset: u64,
    pub(super) entries: u32,
}

impl BlockRef {
    pub(super) fn key(&self) -> (u64, i64, i64) {
        (self.metric, self.granularity, self.first)
    }
}

/// What is known of a segment without looking into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Footer {
    pub(super) blocks: Vec<BlockRef>,
    pub(super) entries: u64,
    pub(super) first_time: i64,
    pub(super) last_time: i64,
    pub(super) first_metric: u64,
    pub(super) last_metric: u64,
}

/// The header of a segment of this format version.
pub(super) fn header(version: u32, kind: Kind, number: u64) -> [u8; HEADER_SIZE] {
    let mut bytes = [0; HEADER_SIZE];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    bytes[12..16].copy_from_slice(&kind.code().to_le_bytes());
    bytes[16..24].copy_from_slice(&number.to_le_bytes());
    let crc = crate::codec::crc(&bytes[..24]);
    bytes[24..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The trailer of a segment whose footer lies at `offset`.
pub(super) fn trailer(offset: u64, footer: &[u8]) -> [u8; TRAILER_SIZE] {
    let mut bytes = [0; TRAILER_SIZE];
    bytes[..8].copy_from_slice(&offset.to_le_bytes());
    bytes[8..12].copy_from_slice(&(footer.len() as u32).to_le_bytes());
    bytes[12..16].copy_from_slice(&crate::codec::crc(footer).to_le_bytes());
    bytes[16..].copy_from_slice(&MAGIC);
    bytes
}
