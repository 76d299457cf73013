//! Writing a segment, once, front to back.
//!
//! Chunks that follow one another are a *run*: their fronts lie side by side, and their tails behind the last of these (see
//! [`super::runs`]), so that who needs no parts reads those of a whole archive, and of its neighbours, at once. No run goes beyond
//! its block.

use std::path::Path;
use std::sync::Arc;

use super::format::{BLOCK_ENTRIES, BlockRef, Entry, FORMAT_VERSION, Footer, Kind, header, trailer};
use crate::codec::crc;
use crate::error::{Corruption, Error, Result};
use crate::fs::{File, Fs};
use crate::types::encoding;

/// Appends go to the file in pieces of this size.
const BUFFER: usize = 128 << 10;
/// A run ends when its tails have so many bytes: they wait in memory until then.
const RUN: usize = 128 << 10;

/// A chunk on its way into a segment.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// The metric's key.
    pub metric: u64,
    /// The archive's granularity, or [`super::MEASURES`], or [`super::STATE`].
    pub granularity: i64,
    /// Timestamp of the first row.
    pub first: i64,
    /// Timestamp of the last row.
    pub last: i64,
    /// How many rows.
    pub rows: u32,
    /// The encoded rows.
    pub bytes: &'a [u8],
    /// How many of the bytes the segment keeps a checksum of: all of them, unless those behind have their own.
    pub front: usize,
}

/// A segment being written. Chunks come in ascending order of (metric, granularity, first timestamp); nobody sees the file
/// before MANIFEST names it, and one that is never finished is an orphan that the next open removes.
#[derive(Debug)]
pub struct SegmentWriter {
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    /// The tails of the run whose fronts are written.
    tails: Vec<u8>,
    /// Where the next chunk's front goes, or the tails of those before it.
    position: u64,
    /// Where the current block's chunks began.
    block_start: u64,
    pending: Vec<Entry>,
    last_key: Option<(u64, i64, i64)>,
    footer: Footer,
}

impl SegmentWriter {
    /// Creates the file, which must not exist; its directory must.
    ///
    /// # Errors
    ///
    /// The disk's; the file must not exist.
    pub fn create(fs: &dyn Fs, path: &Path, kind: Kind, number: u64) -> Result<Self> {
        let file = fs.create(path)?;
        let header = header(FORMAT_VERSION, kind, number);
        let position = header.len() as u64;
        let footer = Footer {
            blocks: Vec::new(),
            entries: 0,
            first_time: i64::MAX,
            last_time: i64::MIN,
            first_metric: u64::MAX,
            last_metric: 0,
        };
        let buffer = header.to_vec();
        Ok(SegmentWriter {
            file,
            buffer,
            tails: Vec::new(),
            position,
            block_start: position,
            pending: Vec::new(),
            last_key: None,
            footer,
        })
    }

    /// How many chunks were added.
    pub fn entries(&self) -> u64 {
        self.footer.entries
    }

    /// Adds a chunk.
    ///
    /// # Errors
    ///
    /// The disk's; and [`Error::Corrupt`] when the chunk is out of order, which would make it unfindable.
    pub fn add(&mut self, chunk: &Chunk<'_>) -> Result<()> {
        let key = (chunk.metric, chunk.granularity, chunk.first);
        if self.last_key.is_some_and(|last| last >= key) {
            let what = "a chunk was to be written out of order; the segment was given up, nothing stored is affected";
            return Err(Corruption::new(self.file.path(), self.position, what).of_metric(chunk.metric).into());
        }
        self.last_key = Some(key);
        let (front, tail) = chunk.bytes.split_at_checked(chunk.front).unwrap_or((chunk.bytes, &[]));
        let entry = Entry {
            metric: chunk.metric,
            granularity: chunk.granularity,
            first: chunk.first,
            last: chunk.last,
            offset: self.position,
            tail: 0,
            length: chunk.bytes.len() as u32,
            rows: chunk.rows,
            front: front.len() as u32,
            crc: crc(front),
        };
        self.buffer.extend_from_slice(front);
        self.position += front.len() as u64;
        self.tails.extend_from_slice(tail);
        self.note(&entry);
        self.pending.push(entry);
        if self.tails.len() >= RUN {
            self.end_run()?;
        }
        if self.pending.len() == BLOCK_ENTRIES {
            self.end_block()?;
        }
        if self.buffer.len() >= BUFFER {
            self.spill()?;
        }
        Ok(())
    }

    fn note(&mut self, entry: &Entry) {
        let footer = &mut self.footer;
        footer.entries += 1;
        footer.first_time = footer.first_time.min(entry.first);
        footer.last_time = footer.last_time.max(entry.last);
        footer.first_metric = footer.first_metric.min(entry.metric);
        footer.last_metric = footer.last_metric.max(entry.metric);
    }

    /// Puts the tails of a run behind its fronts.
    fn end_run(&mut self) -> Result<()> {
        if self.tails.is_empty() {
            return Ok(());
        }
        self.position += self.tails.len() as u64;
        if self.buffer.len() + self.tails.len() < BUFFER {
            self.buffer.extend_from_slice(&self.tails);
        } else {
            // Not first to the buffer, which would grow by it: a merge has many writers.
            self.spill()?;
            self.file.append(&self.tails)?;
        }
        self.tails.clear();
        Ok(())
    }

    fn end_block(&mut self) -> Result<()> {
        self.end_run()?;
        let Some(first) = self.pending.first() else { return Ok(()) };
        self.footer.blocks.push(BlockRef {
            metric: first.metric,
            granularity: first.granularity,
            first: first.first,
            chunks: self.block_start,
            offset: self.position,
            entries: self.pending.len() as u32,
        });
        let start = self.buffer.len();
        for entry in &self.pending {
            entry.put(&mut self.buffer);
        }
        let sum = crc(&self.buffer[start..]);
        self.buffer.extend_from_slice(&sum.to_le_bytes());
        self.position += (self.buffer.len() - start) as u64;
        self.block_start = self.position;
        self.pending.clear();
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        self.file.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the rest and syncs the file; the caller syncs its directory. Returns the file's size in bytes.
    ///
    /// # Errors
    ///
    /// The disk's; the segment is to be given up then.
    pub fn finish(mut self) -> Result<u64> {
        self.end_block()?;
        let footer = encoding::encode(&self.footer).map_err(|reason| Error::Io {
            operation: "describe the segment",
            path: self.file.path().to_path_buf(),
            source: std::io::Error::other(reason),
        })?;
        let end = trailer(self.position, &footer);
        self.buffer.extend_from_slice(&footer);
        self.buffer.extend_from_slice(&end);
        self.spill()?;
        self.file.sync()?;
        Ok(self.file.len())
    }
}
