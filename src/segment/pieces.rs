//! Stretches of a segment that are read together: as few reads as that takes, and every stretch found again in what came.
//!
//! Ranges come in ascending order; those that lie close to each other are one read, with what is between them. What was read is
//! as the file has it: whether it is sound is for the callers.

use std::ops::Range;

use super::reader::SegmentReader;
use crate::error::Result;

/// So many bytes are copied in the time of a call: a gap that is not longer is read with what is around it.
pub(super) const GAP: u64 = 4 << 10;

/// How long a gap is read with so many chunks. With one alone not a byte more: whatever lies beside it may be unreadable.
pub(super) fn gap_for(chunks: usize) -> u64 {
    if chunks == 1 { 0 } else { GAP }
}

/// What was read last. Its memory is used again from one reading to the next.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Which stretches of the file are there, ascending, and where in `bytes` each begins.
    held: Vec<(Range<u64>, usize)>,
    /// Of which segment, by its number.
    of: Option<u64>,
}

impl Pieces {
    /// Reads these ranges, in place of what was read before, with gaps of up to `gap` bytes between them.
    pub(super) fn read(
        &mut self,
        reader: &SegmentReader,
        gap: u64,
        ranges: impl Iterator<Item = Range<u64>>,
    ) -> Result<()> {
        self.forget();
        let mut held = std::mem::take(&mut self.held);
        for range in ranges {
            match held.last_mut() {
                Some((last, _)) if range.start >= last.start && range.start <= last.end.saturating_add(gap) => {
                    last.end = last.end.max(range.end);
                }
                _ => held.push((range, 0)),
            }
        }
        let mut length = 0;
        for (range, at) in &mut held {
            *at = length;
            length += range.end.saturating_sub(range.start) as usize;
        }
        self.make_room(length);
        for (range, at) in &held {
            let end = at + (range.end - range.start) as usize;
            reader.read_at(range.start, &mut self.bytes[*at..end])?;
        }
        (self.held, self.of) = (held, reader.number());
        Ok(())
    }

    /// Whether these ranges of the segment are what was read, or within it.
    pub(super) fn hold(&self, reader: &SegmentReader, mut ranges: impl Iterator<Item = Range<u64>>) -> bool {
        self.of.is_some() && self.of == reader.number() && ranges.all(|range| self.place(&range).is_some())
    }

    /// Holds nothing any more.
    pub(super) fn forget(&mut self) {
        self.held.clear();
        self.of = None;
    }

    /// Gives back memory beyond `most` bytes; what was read must be forgotten.
    pub(super) fn shrink(&mut self, most: usize) {
        if self.bytes.len() > most {
            self.bytes = Vec::new();
        }
    }

    /// The memory grows: what is read need not be cleared before.
    fn make_room(&mut self, length: usize) {
        if self.bytes.len() < length {
            self.bytes.resize(length, 0);
        }
    }

    /// Where in the bytes this range begins; none of one that was not read.
    fn place(&self, range: &Range<u64>) -> Option<usize> {
        let behind = self.held.partition_point(|(held, _)| held.start <= range.start);
        let (held, at) = self.held.get(behind.checked_sub(1)?)?;
        (range.end <= held.end).then(|| at + (range.start - held.start) as usize)
    }

    /// The bytes of a range that was read; none of any other.
    pub(super) fn get(&self, range: &Range<u64>) -> &[u8] {
        let length = range.end.saturating_sub(range.start) as usize;
        let found = self.place(range).and_then(|at| self.bytes.get(at..at + length));
        found.unwrap_or_default()
    }

    /// The bytes from where this range begins on, `length` of them: behind the range they may be anything.
    pub(super) fn get_longer(&mut self, range: &Range<u64>, length: usize) -> &[u8] {
        let Some(at) = self.place(range) else { return &[] };
        self.make_room(at + length);
        &self.bytes[at..at + length]
    }

    /// How many reads it took.
    #[cfg(test)]
    pub(super) fn reads(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::RealFs;
    use crate::segment::{Chunk, Kind, SegmentWriter};

    #[test]
    fn what_lies_close_together_is_one_read_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000007.seg");
        let mut writer = SegmentWriter::create(&RealFs, &path, Kind::Raw, 7).unwrap();
        let bytes: Vec<u8> = (0..20_000_u32).map(|i| ((i * 7) >> 3) as u8).collect();
        let front = bytes.len();
        writer.add(&Chunk { metric: 1, granularity: 0, first: 0, last: 9, rows: 2, bytes: &bytes, front }).unwrap();
        writer.finish().unwrap();
        let reader = SegmentReader::open(&RealFs, &path, Kind::Raw, 7).unwrap();
        let file = std::fs::read(&path).unwrap();
        let mut pieces = Pieces::default();
        let far = 300 + GAP + 1;
        for (ranges, gap, reads) in [
            (vec![100..200, 200..300], 0, 1),
            (vec![100..200, 201..300], 0, 2),
            (vec![100..200, 201..300], GAP, 1),
            (vec![100..300, far..far + 50], GAP, 2),
            (vec![100..300, far - 1..far + 50, 150..160], GAP, 1),
            (vec![500..500, 500..500], GAP, 1),
            (vec![], GAP, 0),
        ] {
            pieces.read(&reader, gap, ranges.clone().into_iter()).unwrap();
            assert_eq!(pieces.reads(), reads, "{ranges:?}");
            for range in &ranges {
                assert_eq!(pieces.get(range), &file[range.start as usize..range.end as usize]);
                assert!(pieces.hold(&reader, std::iter::once(range.clone())));
            }
            assert!(pieces.get(&(90..101)).is_empty() && pieces.get(&(15_000..15_001)).is_empty());
        }
        pieces.read(&reader, 0, std::iter::once(100..200)).unwrap();
        assert_eq!(pieces.get_longer(&(150..160), 100_000)[..10], file[150..160]);
        pieces.forget();
        pieces.shrink(200_000);
        assert!(pieces.bytes.len() >= 100_000);
        pieces.shrink(50_000);
        assert_eq!(pieces.bytes.capacity(), 0);
        assert!(pieces.get(&(150..160)).is_empty() && pieces.get_longer(&(150..160), 10).is_empty());
        let beyond = file.len() as u64;
        assert!(pieces.read(&reader, 0, [100..200, beyond..beyond + 1].into_iter()).is_err());
        assert!(!pieces.hold(&reader, std::iter::once(100..200)), "what was read in part is not held");
    }
}
