//! Reading of chunks what one method needs of them, and no more.
//!
//! The front of each is read and verified; it says which parts the method takes, and these are read and verified too. Where
//! what nobody needs is short, it is read with the rest: copying it takes less than one more call of the system. Nothing that
//! was not verified is ever handed out but as a place that the decoder, which knows the same parts, does not look at.

use std::ops::Range;

use super::format::Entry;
use super::reader::{SegmentReader, side_by_side};
use crate::codec::{Part, Parts, crc};
use crate::error::Result;
use crate::types::AggregationMethod;

/// So many bytes are copied in the time of a call.
const GAP: u64 = 4 << 10;

/// Memory of the reading, used again from one to the next.
#[derive(Debug, Default)]
pub struct Room {
    bytes: Vec<u8>,
    parts: Parts,
}

impl SegmentReader {
    /// Reads of the chunks of `entries` (aggregates, ascending offsets) what `method` needs and hands each to `take`: the bytes
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
        while let Some((run, range)) = side_by_side(rest) {
            let length = (range.end - range.start) as usize;
            if room.bytes.len() < length {
                room.bytes.resize(length, 0);
            }
            self.read_run(run, range.start, method, room, take)?;
            rest = &rest[run.len()..];
        }
        Ok(())
    }

    /// Chunks that lie side by side from `base` on, for which there is room.
    fn read_run(
        &self,
        run: &[Entry],
        base: u64,
        method: AggregationMethod,
        Room { bytes, parts }: &mut Room,
        take: &mut dyn FnMut(&Entry, &[u8]) -> Result<()>,
    ) -> Result<()> {
        // What was read last, which lies at its place behind `base`.
        let mut there = base..base;
        let mut read = |wanted: Range<u64>, reach: &dyn Fn() -> u64, bytes: &mut [u8]| {
            if wanted.start >= there.start && wanted.end <= there.end {
                return Ok(());
            }
            there = wanted.start..reach();
            let (start, end) = ((there.start - base) as usize, (there.end - base) as usize);
            self.read_at(there.start, &mut bytes[start..end])
        };
        for (i, entry) in run.iter().enumerate() {
            read(front_of(entry), &|| reach(run[i..].iter().map(front_of)), bytes)?;
            let at = (entry.offset - base) as usize;
            let whole = at..at + entry.length as usize;
            self.verify_front(entry, &bytes[whole.clone()])?;
            if entry.has_parts() {
                let wanted = parts.of(&bytes[at..at + entry.front as usize], method);
                let wanted = wanted.map_err(|error| self.damaged(entry, error.to_string()))?;
                // Before anything is read: parts are read together with those behind them.
                if wanted.iter().any(|part| part.range.end > entry.length as usize) {
                    return Err(self.damaged(entry, "a part of a chunk lies behind its end"));
                }
                for (k, part) in wanted.iter().enumerate() {
                    let place =
                        |part: &Part| entry.offset + part.range.start as u64..entry.offset + part.range.end as u64;
                    read(place(part), &|| reach(wanted[k..].iter().map(place)), bytes)?;
                    if crc(&bytes[at + part.range.start..at + part.range.end]) != part.sum {
                        return Err(self.damaged(entry, format!("what a chunk has of {method} fails its checksum")));
                    }
                }
            }
            take(entry, &bytes[whole])?;
        }
        Ok(())
    }
}

fn front_of(entry: &Entry) -> Range<u64> {
    entry.offset..entry.offset + u64::from(entry.front)
}

/// Up to where it is worth reading from the first of these on, which ascend.
fn reach(mut ranges: impl Iterator<Item = Range<u64>>) -> u64 {
    let mut end = ranges.next().map_or(0, |range| range.end);
    for range in ranges {
        if range.start > end + GAP {
            break;
        }
        end = range.end;
    }
    end
}
