//! What is left of a segment that does not open, or of a block of entries that fails its checksum.
//!
//! Header and trailer say nothing that the name does not, and the footer nothing that the entries do not: where entries begin
//! is found by looking for them, for the first of a block says where its own chunks begin, and all together where its entries do.
//! A block in which one byte changed is mended when that makes its checksum right, its chunks fill their place, and each
//! of them passes its own checksum. Nothing is taken for what was written that a checksum does not confirm.

use std::ops::Range;
use std::path::Path;

use super::format::{BLOCK_ENTRIES, BlockRef, ENTRY_SIZE, Entry, Footer, HEADER_SIZE, MAX_CHUNK, TRAILER_SIZE, u32_at};
use super::reader::SegmentReader;
use super::runs::{Layout, Tails};
use super::whole::Whole;
use crate::codec::{crc, mend};
use crate::error::Result;
use crate::fs::Fs;

/// The bytes of a footer beside its blocks, and of each block.
const FOOTER: u64 = 48;
const FOOTER_BLOCK: u64 = 44;

impl SegmentReader {
    /// Opens what can be found of the segment at `path` without its header, footer and trailer; and whether that is all of it.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn salvage(fs: &dyn Fs, path: &Path) -> Result<(Self, bool)> {
        let file = fs.open(path)?;
        let length = file.len();
        let mut bytes = vec![0; length as usize];
        file.read_at(0, &mut bytes)?;
        let mut footer = Footer {
            blocks: Vec::new(),
            entries: 0,
            first_time: i64::MAX,
            last_time: i64::MIN,
            first_metric: u64::MAX,
            last_metric: 0,
        };
        let mut start = HEADER_SIZE;
        while let Some((at, entries)) = next_block(&bytes, start) {
            let Some(first) = entries.first() else { break };
            footer.blocks.push(BlockRef {
                metric: first.metric,
                granularity: first.granularity,
                first: first.first,
                chunks: start as u64,
                offset: at as u64,
                entries: entries.len() as u32,
            });
            for entry in &entries {
                footer.entries += 1;
                footer.first_time = footer.first_time.min(entry.first);
                footer.last_time = footer.last_time.max(entry.last);
                footer.first_metric = footer.first_metric.min(entry.metric);
                footer.last_metric = footer.last_metric.max(entry.metric);
            }
            start = at + entries.len() * ENTRY_SIZE + 4;
        }
        let rest = length.saturating_sub(start as u64);
        let whole = rest == FOOTER + FOOTER_BLOCK * footer.blocks.len() as u64 + TRAILER_SIZE as u64;
        Ok((SegmentReader::of_parts(file, length, footer), whole))
    }

    /// The entries of a block that fails its checksum, when one changed byte explains that and all that they lead to is sound.
    pub fn mended_entries(&self, chunks: &Range<u64>, count: u32) -> Option<Vec<Entry>> {
        let length = count as usize * ENTRY_SIZE;
        let mut bytes = vec![0; length + 4];
        self.read_range(&(chunks.end..chunks.end + bytes.len() as u64), &mut bytes).ok()?;
        let sum = u32_at(&bytes, length);
        bytes.truncate(length);
        let mut found = None;
        mend(&mut bytes, sum, &mut |bytes| {
            found = self.confirmed(bytes, chunks);
            found.is_some()
        });
        found
    }

    /// The entries in these bytes, when they fill their place and all their chunks pass their checksums.
    fn confirmed(&self, bytes: &[u8], chunks: &Range<u64>) -> Option<Vec<Entry>> {
        let entries = entries_of(bytes)?;
        let mut layout = Layout::begin(chunks.start);
        let fill_their_place = entries.iter().all(|entry| layout.take(entry)) && layout.end() == chunks.end;
        if !fill_their_place || entries.is_empty() || !entries.is_sorted_by(|a, b| a.key() < b.key()) {
            return None;
        }
        let mut whole = Whole::default();
        let sound = entries.iter().all(|entry| {
            let read = whole.read(self, std::slice::from_ref(entry));
            read.is_ok() && self.verify(entry, whole.chunk(entry)).is_ok()
        });
        sound.then_some(entries)
    }
}

/// The entries in these bytes, all of a block.
fn entries_of(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (mut tails, count) = (Tails::default(), bytes.len() / ENTRY_SIZE);
    (0..count).map(|i| tails.entry(bytes, i, count)).collect()
}

/// Where the entries of the block begin whose chunks begin at `start`, and what they are.
fn next_block(bytes: &[u8], start: usize) -> Option<(usize, Vec<Entry>)> {
    let wanted = (start as u64).to_le_bytes();
    let longest = BLOCK_ENTRIES * MAX_CHUNK as usize;
    let end = bytes.len().saturating_sub(ENTRY_SIZE + 4).min(start.saturating_add(longest));
    // The first entry names the place where its chunk, the first of the block, begins.
    let mut candidates = (start..=end).filter(|at| bytes.get(at + 32..at + 40) == Some(&wanted[..]));
    candidates.find_map(|at| Some((at, block_at(bytes, start, at)?)))
}

fn block_at(bytes: &[u8], start: usize, at: usize) -> Option<Vec<Entry>> {
    let mut layout = Layout::begin(start as u64);
    for count in 1..=BLOCK_ENTRIES {
        let from = at + (count - 1) * ENTRY_SIZE;
        let record: &[u8; ENTRY_SIZE] = bytes.get(from..from + ENTRY_SIZE)?.try_into().ok()?;
        if !layout.take(&Entry::get(record)?) {
            return None;
        }
        if layout.end() == at as u64 {
            let all = bytes.get(at..at + count * ENTRY_SIZE)?;
            let sum = bytes.get(at + all.len()..at + all.len() + 4)?;
            return if crc(all) == u32_at(sum, 0) { entries_of(all) } else { None };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::RealFs;
    use crate::segment::{Chunk, Kind, SegmentWriter};

    #[test]
    fn all_of_a_segment_is_found_without_its_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000007.seg");
        let mut writer = SegmentWriter::create(&RealFs, &path, Kind::Level0, 7).unwrap();
        for metric in 0..300 {
            let bytes = vec![metric as u8; metric as usize % 7];
            let chunk =
                Chunk { metric, granularity: 60, first: 120, last: 180, rows: 2, bytes: &bytes, front: bytes.len() };
            writer.add(&chunk).unwrap();
        }
        writer.finish().unwrap();
        let mut expected = Vec::new();
        let reader = SegmentReader::open(&RealFs, &path, Kind::Level0, 7).unwrap();
        reader.each_entry(&mut |entry| expected.push(entry)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for offset in [2, 20, bytes.len() - 100, bytes.len() - 20, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[offset] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(SegmentReader::open(&RealFs, &path, Kind::Level0, 7).is_err());
            let (salvaged, whole) = SegmentReader::salvage(&RealFs, &path).unwrap();
            let mut found = Vec::new();
            salvaged.each_entry(&mut |entry| found.push(entry)).unwrap();
            assert!(whole && found == expected && salvaged.totals() == reader.totals(), "byte {offset}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 70 - 44 * 3]).unwrap();
        assert!(!SegmentReader::salvage(&RealFs, &path).unwrap().1, "something is cut off");
    }

    #[test]
    fn a_block_with_one_changed_byte_is_mended_wherever_that_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000007.seg");
        let mut writer = SegmentWriter::create(&RealFs, &path, Kind::Level0, 7).unwrap();
        for metric in 0..4 {
            let bytes = [metric as u8, 9, 9];
            writer
                .add(&Chunk {
                    metric,
                    granularity: 60,
                    first: 120,
                    last: 180,
                    rows: 2,
                    bytes: &bytes,
                    front: bytes.len(),
                })
                .unwrap();
        }
        writer.finish().unwrap();
        let reader = SegmentReader::open(&RealFs, &path, Kind::Level0, 7).unwrap();
        let mut expected = Vec::new();
        reader.each_entry(&mut |entry| expected.push(entry)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (chunks, offset, count, _) = reader.block_facts(0);
        for at in offset as usize..offset as usize + 4 * ENTRY_SIZE + 4 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x5a;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(reader.mended_entries(&chunks, count).as_ref(), Some(&expected), "byte {at}");
            damaged[at ^ 8] ^= 0x11;
            damaged[offset as usize + 3] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(reader.mended_entries(&chunks, count), None, "more than one byte");
        }
    }
}
