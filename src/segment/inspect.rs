//! Looking at all of a segment, whatever is wrong with it: for checks and repair.
//!
//! [`SegmentReader::inspect`] goes through a segment block by block and chunk by chunk and hands out what it finds, damage
//! included: where a query would stop at the first, this goes on behind it. [`Cursor`] hands out entries in order and passes
//! over blocks that cannot be read. Both judge bytes by their checksums and places; what chunks say is for the layers above.

use std::ops::Range;
use std::sync::Arc;

use super::format::{ENTRY_SIZE, Entry, Kind};
use super::reader::SegmentReader;
use super::runs::Layout;
use super::whole::{Whole, chunk_of};
use super::{MEASURES, STATE};
use crate::error::{Corruption, Error, Result};

/// Chunks of one block are read together when they have at most so many bytes.
const TOGETHER: u64 = 4 << 20;

/// Something that [`SegmentReader::inspect`] comes across.
#[derive(Debug)]
pub enum Part<'a> {
    /// A chunk whose bytes are those that were written.
    Chunk {
        /// Where it lies.
        entry: &'a Entry,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A chunk that fails its checksum, or of which a part does, or that cannot be read.
    DamagedChunk {
        /// Where it lies.
        entry: &'a Entry,
        /// What is there; empty when it cannot be read.
        bytes: &'a [u8],
        /// Why, and whose it is.
        corruption: Corruption,
    },
    /// A block of entries that cannot be read: nobody can tell its chunks apart.
    DamagedEntries {
        /// Where its chunks lie.
        chunks: Range<u64>,
        /// How many there are.
        count: u32,
        /// Why.
        corruption: Corruption,
    },
    /// Parts that are whole and do not fit together.
    Inconsistent(Corruption),
}

impl SegmentReader {
    /// Goes through all of the segment. `kind` is what it is supposed to be.
    ///
    /// # Errors
    ///
    /// What `take` returns.
    pub fn inspect(&self, kind: Kind, take: &mut dyn FnMut(Part<'_>) -> Result<()>) -> Result<()> {
        let mut totals = Totals::default();
        let (mut entries, mut bytes) = (Vec::new(), Vec::new());
        let mut whole = true;
        for index in 0..self.blocks() {
            match self.block(index, &mut entries) {
                Ok(range) => {
                    self.inspect_order(kind, index, &entries, &mut totals, take)?;
                    self.inspect_chunks(&range, &entries, &mut bytes, take)?;
                }
                Err(error) => {
                    whole = false;
                    let (chunks, offset, count, first) = self.block_facts(index);
                    let corruption = self.corruption_of(error, offset).of_metric(first.0);
                    take(Part::DamagedEntries { chunks, count, corruption })?;
                }
            }
        }
        if whole && !totals.are(self) {
            let what = "the segment's footer does not say what its entries say";
            take(Part::Inconsistent(Corruption::new(self.path(), self.bytes(), what)))?;
        }
        Ok(())
    }

    /// Whether entries of a block ascend, lie side by side, and are of a kind that this segment may have.
    fn inspect_order(
        &self,
        kind: Kind,
        index: usize,
        entries: &[Entry],
        totals: &mut Totals,
        take: &mut dyn FnMut(Part<'_>) -> Result<()>,
    ) -> Result<()> {
        let (chunks, offset, _, first) = self.block_facts(index);
        let mut layout = Layout::begin(chunks.start);
        for (i, entry) in entries.iter().enumerate() {
            let at = offset + (i * ENTRY_SIZE) as u64;
            let mut wrong = |what: &str| {
                let corruption = Corruption::new(self.path(), at, what).of_metric(entry.metric);
                take(Part::Inconsistent(corruption.of_span(entry.first, entry.last)))
            };
            if i == 0 && entry.key() != first {
                wrong("the footer names another first chunk of this block")?;
            }
            if !layout.take(entry) {
                wrong("a chunk does not lie where the one before ends")?;
                layout = Layout::begin(entry.offset);
                layout.take(entry);
            }
            let may_be_here = match kind {
                Kind::Raw => [STATE, MEASURES].contains(&entry.granularity),
                Kind::Level0 | Kind::Archive => entry.granularity > 0,
            };
            if !may_be_here {
                wrong("a chunk of this kind does not belong into a segment of this kind")?;
            }
            if let Some(last) = totals.last.as_ref() {
                let same = (last.metric, last.granularity) == (entry.metric, entry.granularity);
                if last.key() >= entry.key() || (same && last.last >= entry.first) {
                    wrong("a chunk is out of order, or overlaps the one before it")?;
                }
            }
            totals.add(entry);
        }
        if layout.end() != chunks.end {
            let what = "bytes lie between the last chunk of a block and its entries";
            take(Part::Inconsistent(Corruption::new(self.path(), layout.end(), what)))?;
        }
        Ok(())
    }

    fn inspect_chunks(
        &self,
        range: &Range<u64>,
        entries: &[Entry],
        bytes: &mut Vec<u8>,
        take: &mut dyn FnMut(Part<'_>) -> Result<()>,
    ) -> Result<()> {
        // Where a part of the medium cannot be read, chunk by chunk what lies beside it can.
        let together = range.end - range.start <= TOGETHER && self.read_range(range, bytes).is_ok();
        let (mut room, mut alone) = (Vec::new(), Whole::default());
        for entry in entries {
            let chunk = if together {
                chunk_of(entry, range.start, bytes, &mut room)
            } else {
                if let Err(error) = alone.read(self, std::slice::from_ref(entry)) {
                    let corruption = self.corruption_of(error, entry.offset);
                    let corruption = corruption.of_metric(entry.metric).of_span(entry.first, entry.last);
                    take(Part::DamagedChunk { entry, bytes: &[], corruption })?;
                    continue;
                }
                alone.chunk(entry)
            };
            match self.verify(entry, chunk) {
                Ok(()) => take(Part::Chunk { entry, bytes: chunk })?,
                Err(error) => {
                    let corruption = self.corruption_of(error, entry.offset);
                    take(Part::DamagedChunk { entry, bytes: chunk, corruption })?;
                }
            }
        }
        Ok(())
    }

    /// What an error of this file says as a place in it.
    fn corruption_of(&self, error: Error, offset: u64) -> Corruption {
        match error {
            Error::Corrupt(corruption) => *corruption,
            other => Corruption::new(self.path(), offset, other.to_string()),
        }
    }
}

/// What a footer should say.
#[derive(Debug, Default)]
struct Totals {
    entries: u64,
    times: Option<(i64, i64)>,
    metrics: Option<(u64, u64)>,
    last: Option<Entry>,
}

impl Totals {
    fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        let (first, last) = self.times.unwrap_or((entry.first, entry.last));
        self.times = Some((first.min(entry.first), last.max(entry.last)));
        let (low, high) = self.metrics.unwrap_or((entry.metric, entry.metric));
        self.metrics = Some((low.min(entry.metric), high.max(entry.metric)));
        self.last = Some(*entry);
    }

    fn are(&self, reader: &SegmentReader) -> bool {
        let times = self.times.unwrap_or((i64::MAX, i64::MIN));
        let metrics = self.metrics.unwrap_or((u64::MAX, 0));
        reader.totals() == (self.entries, times, metrics)
    }
}

/// The entries of a segment in order, one block in memory at a time; blocks that cannot be read are passed over.
#[derive(Debug)]
pub struct Cursor {
    reader: Arc<SegmentReader>,
    next_block: usize,
    entries: Vec<Entry>,
    at: usize,
}

impl Cursor {
    /// A cursor on the first entry.
    pub fn new(reader: Arc<SegmentReader>) -> Self {
        let mut cursor = Cursor { reader, next_block: 0, entries: Vec::new(), at: 0 };
        cursor.load();
        cursor
    }

    fn load(&mut self) {
        self.at = 0;
        self.entries.clear();
        while self.entries.is_empty() && self.next_block < self.reader.blocks() {
            if self.reader.block(self.next_block, &mut self.entries).is_err() {
                self.entries.clear();
            }
            self.next_block += 1;
        }
    }

    /// The entry under the cursor; `None` at the end.
    pub fn entry(&self) -> Option<&Entry> {
        self.entries.get(self.at)
    }

    /// Moves to the next entry.
    pub fn advance(&mut self) {
        self.at += 1;
        if self.at >= self.entries.len() {
            self.load();
        }
    }
}
