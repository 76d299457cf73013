//! Reading a segment front to back, for merges.

use std::sync::Arc;

use super::format::Entry;
use super::reader::SegmentReader;
use super::whole::chunk_of;
use crate::error::Result;

/// A cursor over all chunks of a segment, in order, one block of memory at a time.
#[derive(Debug)]
pub struct Scan {
    reader: Arc<SegmentReader>,
    next_block: usize,
    entries: Vec<Entry>,
    at: usize,
    chunks_start: u64,
    chunks: Vec<u8>,
    /// A chunk that is put together.
    whole: Vec<u8>,
}

impl Scan {
    /// A cursor on the first chunk.
    ///
    /// # Errors
    ///
    /// As [`SegmentReader::find`].
    pub fn new(reader: Arc<SegmentReader>) -> Result<Self> {
        let mut scan = Scan {
            reader,
            next_block: 0,
            entries: Vec::new(),
            at: 0,
            chunks_start: 0,
            chunks: Vec::new(),
            whole: Vec::new(),
        };
        scan.load()?;
        Ok(scan)
    }

    fn load(&mut self) -> Result<()> {
        self.at = 0;
        self.entries.clear();
        if self.next_block < self.reader.blocks() {
            let range = self.reader.block(self.next_block, &mut self.entries)?;
            self.reader.read_range(&range, &mut self.chunks)?;
            self.chunks_start = range.start;
            self.next_block += 1;
        }
        Ok(())
    }

    /// The chunk under the cursor; `None` at the end.
    pub fn entry(&self) -> Option<&Entry> {
        self.entries.get(self.at)
    }

    /// The verified bytes of the chunk under the cursor; empty at the end.
    ///
    /// # Errors
    ///
    /// As [`SegmentReader::verify`].
    pub fn chunk(&mut self) -> Result<&[u8]> {
        let Some(entry) = self.entries.get(self.at) else { return Ok(&[]) };
        let chunk = chunk_of(entry, self.chunks_start, &self.chunks, &mut self.whole);
        self.reader.verify(entry, chunk)?;
        Ok(chunk)
    }

    /// The segment it reads.
    pub fn reader(&self) -> &Arc<SegmentReader> {
        &self.reader
    }

    /// Moves to the next chunk.
    ///
    /// # Errors
    ///
    /// As [`SegmentReader::find`].
    pub fn advance(&mut self) -> Result<()> {
        self.at += 1;
        if self.at >= self.entries.len() { self.load() } else { Ok(()) }
    }
}
