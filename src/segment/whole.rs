//! Whole chunks, put together of front and tail where these lie apart.
//!
//! Nothing is verified here: what comes of bytes that are damaged, or of entries that are, is for the checksums.

use super::format::Entry;
use super::pieces::{Pieces, gap_for};
use super::reader::SegmentReader;
use crate::error::Result;

/// Memory of the reading of whole chunks, used again from one to the next.
#[derive(Debug, Default)]
pub struct Whole {
    pieces: Pieces,
    ranges: Vec<std::ops::Range<u64>>,
    chunk: Vec<u8>,
}

impl Whole {
    /// Reads these chunks, in place of what was read before.
    pub(super) fn read(&mut self, reader: &SegmentReader, entries: &[Entry]) -> Result<()> {
        let parts = entries.iter().filter(|entry| entry.has_parts()).map(Entry::tail_range);
        self.ranges.clear();
        self.ranges.extend(entries.iter().map(Entry::front_range).chain(parts));
        self.ranges.sort_unstable_by_key(|range| range.start);
        self.pieces.read(reader, gap_for(entries.len()), self.ranges.drain(..))
    }

    /// One of the chunks that were read, as it was before it was written.
    pub(super) fn chunk(&mut self, entry: &Entry) -> &[u8] {
        let front = self.pieces.get(&entry.front_range());
        if !entry.has_parts() {
            return front;
        }
        if entry.tail == entry.front_end() {
            return self.pieces.get(&(entry.offset..entry.tail_range().end));
        }
        self.chunk.clear();
        self.chunk.extend_from_slice(front);
        self.chunk.extend_from_slice(self.pieces.get(&entry.tail_range()));
        &self.chunk
    }
}

/// A chunk of a stretch of the file that begins at `start`; empty when it does not lie in it. `room` is for one whose parts lie
/// elsewhere.
pub(super) fn chunk_of<'a>(entry: &Entry, start: u64, bytes: &'a [u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    let slice = |range: std::ops::Range<u64>| {
        let at = |place: u64| place.checked_sub(start).map(|at| at as usize);
        at(range.start).zip(at(range.end)).and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default()
    };
    if entry.tail == entry.front_end() || !entry.has_parts() {
        return slice(entry.offset..entry.offset.saturating_add(entry.length.into()));
    }
    room.clear();
    room.extend_from_slice(slice(entry.front_range()));
    room.extend_from_slice(slice(entry.tail_range()));
    room
}
