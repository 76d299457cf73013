//! Reading of chunks what one method needs of them, and no more.
//!
//! The fronts of chunks that lie side by side are read together and verified; they say which parts the method takes, and these
//! are read and verified too. Where what nobody needs is short, it is read with the rest: copying it takes less than one more call
//! of the system. Nothing that was not verified is ever handed out but as a place that the decoder, which knows the same parts,
//! does not look at.

use super::format::Entry;
use super::pieces::Pieces;
use super::reader::{SegmentReader, read_together};
use crate::codec::{Part, Parts, crc};
use crate::error::Result;
use crate::types::AggregationMethod;

/// Memory of the reading, used again from one to the next.
#[derive(Debug, Default)]
pub struct Room {
    fronts: Pieces,
    parts: Pieces,
    directory: Parts,
    needs: Vec<Need>,
    /// A chunk that is put together.
    whole: Vec<u8>,
}

/// A part that the method takes.
#[derive(Debug)]
struct Need {
    /// Of which chunk.
    of: usize,
    part: Part,
}

impl Need {
    /// Where in the file it lies.
    fn place(&self, entries: &[Entry]) -> std::ops::Range<u64> {
        let entry = &entries[self.of];
        entry.place(self.part.range.start)..entry.place(self.part.range.end)
    }
}

impl SegmentReader {
    /// Reads of the chunks of `entries` (aggregates, in their order) what `method` needs and hands each to `take`: the bytes
    /// that reading this method takes are verified, the others may be anything.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) when what is needed fails its checksum; the disk's; and what `take` returns.
    pub fn read_method(
        &self,
        entries: &[Entry],
        method: AggregationMethod,
        room: &mut Room,
        take: &mut dyn FnMut(&Entry, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut rest = entries;
        while !rest.is_empty() {
            let (together, behind) = rest.split_at(read_together(rest));
            self.read_fronts(together, method, room)?;
            if room.needs.is_empty() {
                for entry in together {
                    take(entry, room.fronts.get_longer(&entry.front_range(), entry.length as usize))?;
                }
            } else {
                self.read_parts(together, method, room)?;
                let Room { fronts, parts, needs, whole, .. } = &mut *room;
                let mut needs = needs.iter().peekable();
                for (at, entry) in together.iter().enumerate() {
                    let front = fronts.get(&entry.front_range());
                    if whole.len() < entry.length as usize {
                        whole.resize(entry.length as usize, 0);
                    }
                    whole[..front.len()].copy_from_slice(front);
                    while let Some(need) = needs.next_if(|need| need.of == at) {
                        whole[need.part.range.clone()].copy_from_slice(parts.get(&need.place(together)));
                    }
                    take(entry, &whole[..entry.length as usize])?;
                }
            }
            rest = behind;
        }
        Ok(())
    }

    /// Reads and verifies the fronts, and notes which parts are needed.
    fn read_fronts(&self, entries: &[Entry], method: AggregationMethod, room: &mut Room) -> Result<()> {
        let Room { fronts, directory, needs, .. } = room;
        needs.clear();
        fronts.read(self, entries.iter().map(Entry::front_range))?;
        for (of, entry) in entries.iter().enumerate() {
            let front = fronts.get(&entry.front_range());
            self.verify_front(entry, front)?;
            if !entry.has_parts() {
                continue;
            }
            let wanted = directory.of(front, method).map_err(|error| self.damaged(entry, error.to_string()))?;
            for part in wanted {
                // Before anything is read: what lies behind the chunk is another's.
                if part.range.start < front.len() || part.range.end > entry.length as usize {
                    return Err(self.damaged(entry, "a part of a chunk lies outside it"));
                }
                needs.push(Need { of, part: part.clone() });
            }
        }
        Ok(())
    }

    /// Reads and verifies the parts that are needed.
    fn read_parts(&self, entries: &[Entry], method: AggregationMethod, room: &mut Room) -> Result<()> {
        let Room { parts, needs, .. } = room;
        parts.read(self, needs.iter().map(|need| need.place(entries)))?;
        for need in &*needs {
            if crc(parts.get(&need.place(entries))) != need.part.sum {
                return Err(self.damaged(&entries[need.of], format!("what a chunk has of {method} fails its checksum")));
            }
        }
        Ok(())
    }
}
