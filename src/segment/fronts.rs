//! Fronts of chunks that were read, and those behind them that were read ahead.
//!
//! Who asks for one archive after the other, in their order, finds the fronts of the next ones read with those before: of each of a
//! few segments by itself, since an answer may take several. Immutable as segments are, what is held answers only the question
//! that it was read for: before the next one it is forgotten. What is read ahead is nobody's wish: where it cannot be read, what was
//! asked for is read without it.

use super::format::{BLOCK_ENTRIES, ENTRY_SIZE, Entry};
use super::pieces::{GAP, Pieces, gap_for};
use super::reader::SegmentReader;
use crate::error::Result;

/// So many bytes of fronts are read ahead.
const AHEAD: u64 = 128 << 10;
/// Between the last chunk of a block and the first of the next lie the entries of the one before.
const BLOCK: u64 = (BLOCK_ENTRIES * ENTRY_SIZE + 4) as u64;
/// Of so many segments fronts are held.
const MOST: usize = 4;

/// What is held.
#[derive(Debug, Default)]
pub(super) struct Fronts(Vec<Held>);

#[derive(Debug, Default)]
struct Held {
    pieces: Pieces,
    /// Where the chunk that was asked for last ends: its front, and its tail.
    ends: [u64; 2],
}

impl Fronts {
    /// Holds nothing any more. Of the memory, what long archives of several segments took is not kept for more than one of them.
    pub(super) fn forget(&mut self) {
        for (i, held) in self.0.iter_mut().enumerate() {
            held.pieces.forget();
            if i > 0 {
                held.pieces.shrink(2 * AHEAD as usize);
            }
        }
    }

    /// The fronts of these chunks, read from the file unless they are held.
    pub(super) fn bring(&mut self, reader: &SegmentReader, entries: &[Entry]) -> Result<&mut Pieces> {
        let place = self.place_for(reader);
        let held = &mut self.0[place];
        held.bring(reader, entries)?;
        Ok(&mut held.pieces)
    }

    /// Whether the fronts of these chunks are held.
    #[cfg(test)]
    pub(super) fn holds(&self, reader: &SegmentReader, entries: &[Entry]) -> bool {
        self.0.iter().any(|held| held.pieces.hold(reader, entries.iter().map(Entry::front_range)))
    }

    /// How many reads it took to have what is held of a segment.
    #[cfg(test)]
    pub(super) fn reads(&self, reader: &SegmentReader) -> usize {
        let held = self.0.iter().find(|held| held.pieces.hold(reader, std::iter::empty()));
        held.map_or(0, |held| held.pieces.reads())
    }

    /// Where those of this segment are held, or can be: in place of those that were let in first.
    fn place_for(&mut self, reader: &SegmentReader) -> usize {
        let is_of = |held: &Held| held.pieces.hold(reader, std::iter::empty());
        if let Some(known) = self.0.iter().position(is_of) {
            return known;
        }
        if self.0.len() < MOST {
            self.0.push(Held::default());
        } else {
            self.0.rotate_left(1);
        }
        self.0.len() - 1
    }
}

impl Held {
    fn bring(&mut self, reader: &SegmentReader, entries: &[Entry]) -> Result<()> {
        let Held { pieces, ends } = self;
        let ranges = || entries.iter().map(Entry::front_range);
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
        let gap = gap_for(entries.len());
        if !pieces.hold(reader, ranges()) {
            let close = |(end, most): (&u64, u64)| first.offset.checked_sub(*end).is_some_and(|gap| gap <= most);
            let follows = pieces.hold(reader, std::iter::empty()) && ends.iter().zip([GAP, BLOCK]).any(close);
            // Where the tail of the first begins, no front of its run lies any more; where it has none, those behind it hardly
            // have one.
            let end = if first.has_parts() { first.tail } else { reader.bytes() };
            let end = end.min(first.offset.saturating_add(AHEAD));
            let with_more = follows && end > last.front_end();
            let read = with_more && pieces.read(reader, gap, ranges().chain(Some(last.front_end()..end))).is_ok();
            if !read {
                pieces.read(reader, gap, ranges())?;
            }
        }
        *ends = [last.front_end(), last.tail_range().end];
        Ok(())
    }
}
