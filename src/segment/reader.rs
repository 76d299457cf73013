//! Reading a segment: found chunks are verified before anyone decodes them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::format::{
    BlockRef, ENTRY_SIZE, Entry, FORMAT_VERSION, Footer, HEADER_SIZE, Kind, MAGIC, PARTS_VERSION, TRAILER_SIZE, header,
    u32_at, u64_at,
};
use super::pieces::GAP;
use super::runs::Tails;
use super::whole::Whole;
use crate::codec::{Parts, crc};
use crate::error::{Corruption, Error, Result};
use crate::fs::{File, Fs};
use crate::types::{AggregationMethod, encoding};

/// Chunks are read together up to this many bytes.
const READ_AHEAD: u64 = 1 << 20;

/// An open segment. Holds its footer in memory and nothing else.
#[derive(Debug)]
pub struct SegmentReader {
    file: Arc<dyn File>,
    /// By which its blocks are known; none for a footer that was made anew.
    number: Option<u64>,
    /// The format version of its header; none for one that was not looked at.
    version: Option<u32>,
    length: u64,
    footer: Footer,
}

impl SegmentReader {
    /// Opens the segment at `path`, which must be of this kind and number.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when header, trailer or footer are damaged; [`Error::UnsupportedFormat`] for a newer version.
    pub fn open(fs: &dyn Fs, path: &Path, kind: Kind, number: u64) -> Result<Self> {
        let file = fs.open(path)?;
        let length = file.len();
        if length < (HEADER_SIZE + TRAILER_SIZE) as u64 {
            return Err(Corruption::new(path, length, "the segment ends before its trailer").into());
        }
        let version = check_header(&*file, kind, number)?;
        let footer = read_footer(&*file, length)?;
        Ok(SegmentReader { file, number: Some(number), version: Some(version), length, footer })
    }

    /// A segment whose footer is known otherwise.
    pub(super) fn of_parts(file: Arc<dyn File>, length: u64, footer: Footer) -> Self {
        SegmentReader { file, number: None, version: None, length, footer }
    }

    /// Whether chunks of aggregates may be copied from it as they are, for they are as they would be written now.
    pub fn is_current(&self) -> bool {
        self.version.is_some_and(|version| version >= PARTS_VERSION)
    }

    /// The file's size in bytes.
    pub fn bytes(&self) -> u64 {
        self.length
    }

    /// How many chunks it holds.
    #[cfg(any(test, feature = "internals"))]
    pub fn entries(&self) -> u64 {
        self.footer.entries
    }

    /// Timestamps of the earliest and the latest row of all.
    pub fn times(&self) -> (i64, i64) {
        (self.footer.first_time, self.footer.last_time)
    }

    /// The number by which its blocks and stretches are known.
    pub(super) fn number(&self) -> Option<u64> {
        self.number
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// What the footer says of all entries: how many, their times, their metrics.
    pub(super) fn totals(&self) -> (u64, (i64, i64), (u64, u64)) {
        let Footer { entries, first_time, last_time, first_metric, last_metric, .. } = self.footer;
        (entries, (first_time, last_time), (first_metric, last_metric))
    }

    /// What the footer says of a block: where its chunks lie, where its entries begin, how many, the key of the first.
    pub(super) fn block_facts(&self, index: usize) -> (Range<u64>, u64, u32, (u64, i64, i64)) {
        let block = &self.footer.blocks[index];
        (block.chunks..block.offset, block.offset, block.entries, block.key())
    }

    /// How many blocks of entries there are.
    pub fn blocks(&self) -> usize {
        self.footer.blocks.len()
    }

    /// The chunks of one metric and granularity that hold rows in `times`, appended to `out` in order of time.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when a block of entries fails its checksum; and the disk's.
    #[cfg(any(test, feature = "internals"))]
    pub fn find(&self, metric: u64, granularity: i64, times: Range<i64>, out: &mut Vec<Entry>) -> Result<()> {
        self.find_around(metric, granularity, times, &mut Blocks::default(), out, &mut Err)
    }

    /// As [`find`](Self::find); where a block of entries cannot be read, `on_damage` says whether to go on behind it. Blocks are
    /// read through `blocks`, which must have seen no segments but those of one database.
    ///
    /// # Errors
    ///
    /// What `on_damage` returns.
    pub fn find_around(
        &self,
        metric: u64,
        granularity: i64,
        times: Range<i64>,
        blocks: &mut Blocks,
        out: &mut Vec<Entry>,
        on_damage: &mut dyn FnMut(Error) -> Result<()>,
    ) -> Result<()> {
        if times.start >= times.end {
            return Ok(());
        }
        let mut visit = |entry: Entry| {
            if (entry.metric, entry.granularity) != (metric, granularity) {
                return (entry.metric, entry.granularity) < (metric, granularity);
            }
            if entry.first < times.end && entry.last >= times.start {
                out.push(entry);
            }
            entry.first < times.end
        };
        self.walk((metric, granularity, times.start), blocks, &mut visit, on_damage)
    }

    /// All chunks of one metric, appended to `out` in order.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn find_metric(&self, metric: u64, out: &mut Vec<Entry>) -> Result<()> {
        let mut visit = |entry: Entry| {
            if entry.metric == metric {
                out.push(entry);
            }
            entry.metric <= metric
        };
        self.walk((metric, i64::MIN, i64::MIN), &mut Blocks::default(), &mut visit, &mut Err)
    }

    /// Visits all entries in order.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn each_entry(&self, visit: &mut dyn FnMut(Entry)) -> Result<()> {
        let mut entries = Vec::new();
        for index in 0..self.footer.blocks.len() {
            self.block(index, &mut entries)?;
            for entry in &entries {
                visit(*entry);
            }
        }
        Ok(())
    }

    /// Visits entries in order from the last one that is not after `target` on, until `visit` says that it has enough.
    fn walk(
        &self,
        target: (u64, i64, i64),
        blocks: &mut Blocks,
        visit: &mut dyn FnMut(Entry) -> bool,
        on_damage: &mut dyn FnMut(Error) -> Result<()>,
    ) -> Result<()> {
        if target.0 < self.footer.first_metric || target.0 > self.footer.last_metric {
            return Ok(());
        }
        let first = self.footer.blocks.partition_point(|block| block.key() <= target).saturating_sub(1);
        for (i, reference) in self.footer.blocks.iter().enumerate().skip(first) {
            // Behind a block that was passed over, one may begin with another metric already.
            if i > first && reference.metric > target.0 {
                return Ok(());
            }
            let bytes = match blocks.read(self, reference, target.0) {
                Ok(bytes) => bytes,
                Err(error) => {
                    on_damage(error)?;
                    continue;
                }
            };
            let count = reference.entries as usize;
            let mut tails = Tails::default();
            for i in last_not_after(bytes, count, target)..count {
                if !visit(self.entry(reference, bytes, i, &mut tails)?) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Entry `i` of a block, whose chunk lies within it; `tails` has seen those before it.
    fn entry(&self, reference: &BlockRef, bytes: &[u8], i: usize, tails: &mut Tails) -> Result<Entry> {
        let inside = |range: Range<u64>| range.start >= reference.chunks && range.end <= reference.offset;
        let fits = |e: &Entry| inside(e.front_range()) && (!e.has_parts() || inside(e.tail_range()));
        tails.entry(bytes, i, reference.entries as usize).filter(fits).ok_or_else(|| {
            self.corrupt(reference.offset + (i * ENTRY_SIZE) as u64, "an entry describes no possible chunk")
        })
    }

    fn corrupt(&self, offset: u64, what: &str) -> Error {
        Corruption::new(self.file.path(), offset, what).into()
    }

    /// Reads a block of entries, for `metric`.
    fn read_block(&self, reference: &BlockRef, metric: u64, bytes: &mut Vec<u8>) -> Result<()> {
        let length = reference.entries as usize * ENTRY_SIZE;
        bytes.resize(length + 4, 0);
        self.file.read_at(reference.offset, bytes)?;
        if crc(&bytes[..length]) != u32_at(bytes, length) {
            let error =
                Corruption::new(self.file.path(), reference.offset, "a block of chunk entries fails its checksum");
            return Err(error.of_metric(metric).into());
        }
        Ok(())
    }

    /// The entries of block `index`, and where their chunks begin and end: for reading a segment front to back.
    pub(super) fn block(&self, index: usize, entries: &mut Vec<Entry>) -> Result<Range<u64>> {
        let reference = &self.footer.blocks[index];
        let mut bytes = Vec::new();
        self.read_block(reference, reference.metric, &mut bytes)?;
        entries.clear();
        let mut tails = Tails::default();
        for i in 0..reference.entries as usize {
            entries.push(self.entry(reference, &bytes, i, &mut tails)?);
        }
        Ok(reference.chunks..reference.offset)
    }

    /// Reads a range to the front of `bytes`, which only ever grows: what is read need not be cleared before.
    pub(super) fn read_range(&self, range: &Range<u64>, bytes: &mut Vec<u8>) -> Result<()> {
        let length = (range.end - range.start) as usize;
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        self.file.read_at(range.start, &mut bytes[..length])
    }

    /// Reads the chunks of `entries` (in their order), whole, and hands each, verified, to `take`.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when a chunk fails its checksum; the disk's; and what `take` returns.
    pub fn read(
        &self,
        entries: &[Entry],
        whole: &mut Whole,
        take: &mut dyn FnMut(&Entry, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut rest = entries;
        while !rest.is_empty() {
            let (together, behind) = rest.split_at(read_together(rest));
            whole.read(self, together)?;
            for entry in together {
                let chunk = whole.chunk(entry);
                self.verify(entry, chunk)?;
                take(entry, chunk)?;
            }
            rest = behind;
        }
        Ok(())
    }

    /// Reads a range of the file to `bytes`.
    pub(super) fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        self.file.read_at(offset, bytes)
    }

    /// Refuses a chunk whose bytes are not what was written.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], with file, offset, metric and span.
    pub fn verify(&self, entry: &Entry, chunk: &[u8]) -> Result<()> {
        self.verify_front(entry, chunk)?;
        if !entry.has_parts() {
            return Ok(());
        }
        let damaged = Parts::default().damaged(chunk, entry.front as usize);
        let damaged = damaged.map_err(|error| self.damaged(entry, error.to_string()))?;
        if damaged.is_empty() {
            return Ok(());
        }
        let methods: Vec<String> = damaged.iter().map(AggregationMethod::to_string).collect();
        let what =
            format!("what a chunk has of {} fails its checksum; its other methods are whole", methods.join(", "));
        Err(self.damaged(entry, what))
    }

    /// Refuses a chunk whose front is not what was written.
    pub(super) fn verify_front(&self, entry: &Entry, chunk: &[u8]) -> Result<()> {
        let sound = chunk.get(..entry.front as usize).is_some_and(|front| crc(front) == entry.crc);
        if sound { Ok(()) } else { Err(self.damaged(entry, "a chunk fails its checksum")) }
    }

    /// Which methods of a damaged chunk of aggregates cannot be read, when it is parts that are damaged and the others can.
    pub fn damaged_methods(&self, entry: &Entry, chunk: &[u8]) -> Option<Vec<AggregationMethod>> {
        let front = entry.front as usize;
        let whole = entry.granularity > 0 && entry.has_parts() && self.verify_front(entry, chunk).is_ok();
        let damaged = whole.then(|| Parts::default().damaged(chunk, front).ok()).flatten()?;
        (!damaged.is_empty()).then_some(damaged)
    }

    /// The error of a chunk that cannot be decoded although its checksum holds, or fails it.
    pub fn damaged(&self, entry: &Entry, what: impl Into<String>) -> Error {
        let corruption = Corruption::new(self.file.path(), entry.offset, what).of_metric(entry.metric);
        corruption.of_span(entry.first, entry.last).into()
    }
}

/// How many of `entries`, from the first on, are read together: at least that.
pub(super) fn read_together(entries: &[Entry]) -> usize {
    let (mut bytes, mut end) = (0, None);
    let fit = entries.iter().take_while(|entry| {
        // What lies between two that are read together is read, too.
        let gap = end.map_or(0, |end: u64| entry.offset.saturating_sub(end).min(GAP));
        end = Some(entry.front_end());
        bytes += u64::from(entry.length) + gap;
        bytes <= READ_AHEAD
    });
    fit.count().max(1)
}

/// Blocks of entries as they were read last, one of each segment: who looks up one metric after the other mostly finds the next
/// in the block in which the one before was. They are known by the segments' numbers, which a database gives once.
#[derive(Debug, Default)]
pub struct Blocks(Vec<Block>);

#[derive(Debug)]
struct Block {
    segment: Option<u64>,
    /// Where it lies; none while it is not known to be read.
    offset: Option<u64>,
    bytes: Vec<u8>,
}

/// Blocks of so many segments are kept; one has some seven kilobytes.
const MOST_BLOCKS: usize = 32;

impl Blocks {
    fn read(&mut self, reader: &SegmentReader, reference: &BlockRef, metric: u64) -> Result<&[u8]> {
        let kept = self.0.iter().position(|block| block.segment == reader.number);
        let place = kept.unwrap_or_else(|| {
            if self.0.len() >= MOST_BLOCKS {
                self.0.remove(0);
            }
            self.0.push(Block { segment: reader.number, offset: None, bytes: Vec::new() });
            self.0.len() - 1
        });
        let block = &mut self.0[place];
        if reader.number.is_none() || block.offset != Some(reference.offset) {
            block.offset = None;
            reader.read_block(reference, metric, &mut block.bytes)?;
            block.offset = Some(reference.offset);
        }
        Ok(&block.bytes)
    }
}

/// The index of the last entry of a block whose key is not after `target`; 0 when all are.
fn last_not_after(bytes: &[u8], count: usize, target: (u64, i64, i64)) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        let at = middle * ENTRY_SIZE;
        let key = (u64_at(bytes, at), u64_at(bytes, at + 8) as i64, u64_at(bytes, at + 16) as i64);
        if key <= target { low = middle + 1 } else { high = middle }
    }
    low.saturating_sub(1)
}

/// The format version of a segment.
fn check_header(file: &dyn File, kind: Kind, number: u64) -> Result<u32> {
    let mut bytes = [0; HEADER_SIZE];
    file.read_at(0, &mut bytes)?;
    let sound = bytes[..8] == MAGIC && crc(&bytes[..24]) == u32_at(&bytes, 24);
    let version = u32_at(&bytes, 8);
    if sound && version > FORMAT_VERSION {
        let path = file.path().to_path_buf();
        return Err(Error::UnsupportedFormat { path, found: version, supported: FORMAT_VERSION });
    }
    if version == 0 || bytes != header(version, kind, number) {
        return Err(
            Corruption::new(file.path(), 0, "this is not the header of the segment that was expected here").into()
        );
    }
    Ok(version)
}

fn read_footer(file: &dyn File, length: u64) -> Result<Footer> {
    let corrupt = |offset: u64, what: &str| Error::from(Corruption::new(file.path(), offset, what));
    let at = length - TRAILER_SIZE as u64;
    let mut trailer = [0; TRAILER_SIZE];
    file.read_at(at, &mut trailer)?;
    let (offset, size) = (u64_at(&trailer, 0), u64::from(u32_at(&trailer, 8)));
    let fits = offset >= HEADER_SIZE as u64 && offset.checked_add(size) == Some(at) && trailer[16..] == MAGIC;
    if !fits {
        return Err(corrupt(at, "the segment's trailer is damaged or cut off"));
    }
    let mut bytes = vec![0; size as usize];
    file.read_at(offset, &mut bytes)?;
    if crc(&bytes) != u32_at(&trailer, 12) {
        return Err(corrupt(offset, "the segment's footer fails its checksum"));
    }
    let footer: Footer = encoding::decode(&bytes).map_err(|reason| corrupt(offset, &reason))?;
    let mut end = HEADER_SIZE as u64;
    for block in &footer.blocks {
        let follows = block.chunks == end && block.chunks <= block.offset && block.entries > 0;
        end = block.offset.saturating_add(u64::from(block.entries) * ENTRY_SIZE as u64 + 4);
        if !follows || end > offset {
            return Err(corrupt(offset, "the segment's footer names a block outside the file"));
        }
    }
    if end == offset { Ok(footer) } else { Err(corrupt(offset, "the segment's footer leaves bytes unaccounted for")) }
}
