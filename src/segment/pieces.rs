//! Stretches of a segment that are read together: as few reads as that takes, and every stretch found again in what came.
//!
//! Ranges come in ascending order; those that lie close to each other are one read, with what is between them. What was read is
//! as the file has it: whether it is sound is for the callers.

use std::ops::Range;

use super::reader::SegmentReader;
use crate::error::Result;

/// So many bytes are copied in the time of a call: a gap that is not longer is read with what is around it.
const GAP: u64 = 4 << 10;

/// What was read last. Its memory is used again from one reading to the next.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Which stretches of the file are there, and where in `bytes` each begins.
    held: Vec<(Range<u64>, usize)>,
}

impl Pieces {
    /// Reads these ranges, in place of what was read before.
    pub(super) fn read(&mut self, reader: &SegmentReader, ranges: impl Iterator<Item = Range<u64>>) -> Result<()> {
        self.held.clear();
        let mut length = 0;
        for range in ranges {
            let added = match self.held.last_mut() {
                Some((last, _)) if range.start >= last.start && range.start <= last.end.saturating_add(GAP) => {
                    let end = last.end.max(range.end);
                    let added = end - last.end;
                    last.end = end;
                    added
                }
                _ => {
                    let added = range.end.saturating_sub(range.start);
                    self.held.push((range, length));
                    added
                }
            };
            length += added as usize;
        }
        self.make_room(length);
        for (range, at) in &self.held {
            let end = at + (range.end - range.start) as usize;
            reader.read_at(range.start, &mut self.bytes[*at..end])?;
        }
        Ok(())
    }

    /// The memory only ever grows: what is read need not be cleared before.
    fn make_room(&mut self, length: usize) {
        if self.bytes.len() < length {
            self.bytes.resize(length, 0);
        }
    }

    /// Where in the bytes this range begins; none of one that was not read.
    fn place(&self, range: &Range<u64>) -> Option<usize> {
        let holds = |held: &&(Range<u64>, usize)| range.start >= held.0.start && range.end <= held.0.end;
        let (held, at) = self.held.iter().find(holds)?;
        Some(at + (range.start - held.start) as usize)
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
}
