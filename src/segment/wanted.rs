//! Reading of chunks what one method needs of them, and no more.
//!
//! The fronts of several chunks are read together and verified; they say which parts the method takes, and these are read and
//! verified too. Where what nobody needs is short, it is read with the rest: copying it takes less than one more call of the system.
//! Nothing that was not verified is ever handed out but as a place that the decoder, which knows the same parts, does not look at.

use super::format::Entry;
use super::fronts::Fronts;
use super::pieces::{Pieces, gap_for};
use super::reader::{SegmentReader, read_together};
use crate::codec::{Part, Parts, crc};
use crate::error::Result;
use crate::types::AggregationMethod;

/// Memory of the reading, used again from one to the next.
#[derive(Debug, Default)]
pub struct Room {
    fronts: Fronts,
    work: Work,
}

#[derive(Debug, Default)]
struct Work {
    parts: Pieces,
    directory: Parts,
    needs: Vec<Need>,
    /// A chunk that is put together.
    whole: Vec<u8>,
}

/// Takes a chunk, and what its front says.
pub(super) type Take<'a> = dyn FnMut(&Entry, &[u8], &Parts) -> Result<()> + 'a;

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

impl Room {
    /// Holds nothing of what was read: what comes next is read from the files.
    pub fn forget(&mut self) {
        self.fronts.forget();
    }
}

impl SegmentReader {
    /// Reads of the chunks of `entries` (aggregates, in their order) what `method` needs and hands each to `take`, with what its
    /// front says: the bytes that reading this method takes are verified, the others may be anything.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) when what is needed fails its checksum; the disk's; and what `take` returns.
    pub fn read_method(
        &self,
        entries: &[Entry],
        method: AggregationMethod,
        room: &mut Room,
        take: &mut Take<'_>,
    ) -> Result<()> {
        let mut rest = entries;
        while !rest.is_empty() {
            let (together, behind) = rest.split_at(read_together(rest));
            let Room { fronts, work } = &mut *room;
            let fronts = fronts.bring(self, together)?;
            let taken = self.take_fronts(together, method, (&mut *fronts, &mut *work), take)?;
            if taken < together.len() {
                self.read_parts(&together[taken..], method, fronts, work)?;
                self.take_whole(&together[taken..], method, (fronts, work), take)?;
            }
            rest = behind;
        }
        Ok(())
    }

    /// Verifies fronts and hands on chunks, up to the first of which a part is needed; how many these were.
    fn take_fronts(
        &self,
        entries: &[Entry],
        method: AggregationMethod,
        (fronts, Work { directory, .. }): (&mut Pieces, &mut Work),
        take: &mut Take<'_>,
    ) -> Result<usize> {
        for (at, entry) in entries.iter().enumerate() {
            let front = fronts.get(&entry.front_range());
            self.verify_front(entry, front)?;
            let needed = directory.of(front, method).map_err(|error| self.damaged(entry, error.to_string()))?;
            if entry.has_parts() && !needed.is_empty() {
                return Ok(at);
            }
            take(entry, fronts.get_longer(&entry.front_range(), entry.length as usize), directory)?;
        }
        Ok(entries.len())
    }

    /// Verifies fronts, and reads and verifies the parts that are needed.
    fn read_parts(
        &self,
        entries: &[Entry],
        method: AggregationMethod,
        fronts: &Pieces,
        Work { parts, directory, needs, .. }: &mut Work,
    ) -> Result<()> {
        needs.clear();
        for (of, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.has_parts()) {
            let front = fronts.get(&entry.front_range());
            self.verify_front(entry, front)?;
            let wanted = directory.of(front, method).map_err(|error| self.damaged(entry, error.to_string()))?;
            for part in wanted {
                // Before anything is read: what lies behind the chunk is another's.
                if part.range.start < front.len() || part.range.end > entry.length as usize {
                    return Err(self.damaged(entry, "a part of a chunk lies outside it"));
                }
                needs.push(Need { of, part: part.clone() });
            }
        }
        parts.read(self, gap_for(entries.len()), needs.iter().map(|need| need.place(entries)))?;
        for need in &*needs {
            let bytes = parts.get(&need.place(entries));
            // Of entries that do not ascend, which nobody writes, it may not be found.
            if bytes.len() != need.part.range.len() || crc(bytes) != need.part.sum {
                return Err(self.damaged(&entries[need.of], format!("what a chunk has of {method} fails its checksum")));
            }
        }
        Ok(())
    }

    /// Hands on chunks of which the parts that are needed were read.
    fn take_whole(
        &self,
        entries: &[Entry],
        method: AggregationMethod,
        (fronts, Work { parts, directory, needs, whole }): (&Pieces, &mut Work),
        take: &mut Take<'_>,
    ) -> Result<()> {
        let mut needs = needs.iter().peekable();
        for (at, entry) in entries.iter().enumerate() {
            let front = fronts.get(&entry.front_range());
            if !entry.has_parts() {
                self.verify_front(entry, front)?;
            }
            directory.of(front, method).map_err(|error| self.damaged(entry, error.to_string()))?;
            if whole.len() < entry.length as usize {
                whole.resize(entry.length as usize, 0);
            }
            whole[..front.len()].copy_from_slice(front);
            while let Some(need) = needs.next_if(|need| need.of == at) {
                whole[need.part.range.clone()].copy_from_slice(parts.get(&need.place(entries)));
            }
            take(entry, &whole[..entry.length as usize], directory)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::Random;
    use crate::codec::{Scratch, decode_opened, encode_aggregates};
    use crate::error::Error;
    use crate::fs::RealFs;
    use crate::segment::{Chunk, Kind, SegmentWriter};
    use crate::types::{AggregateBlock, AggregateColumn, Points};

    const MINUTE: i64 = 60_000_000_000;
    const ROWS: usize = 200;
    const METHODS: [&str; 3] = ["sum", "min", "max"];

    fn method(name: &str) -> AggregationMethod {
        name.parse().unwrap()
    }

    /// A segment of metrics with so many chunks each, every fifth of small numbers, which make no parts; and the values of each
    /// metric and method.
    fn segment(path: &std::path::Path, metrics: u64, chunks: i64) -> (SegmentReader, Vec<[Vec<f64>; 3]>) {
        write(path, (metrics, chunks), 7)
    }

    /// One that differs from others by its number and its values only.
    fn numbered(path: &std::path::Path, number: u64) -> (SegmentReader, Vec<[Vec<f64>; 3]>) {
        write(path, (12, 4), number)
    }

    fn write(
        path: &std::path::Path,
        (metrics, chunks): (u64, i64),
        number: u64,
    ) -> (SegmentReader, Vec<[Vec<f64>; 3]>) {
        let mut random = Random(number);
        let mut writer = SegmentWriter::create(&RealFs, path, Kind::Level0, number).unwrap();
        let mut all = Vec::new();
        for metric in 0..metrics {
            let mut values = [const { Vec::new() }; 3];
            for chunk in 0..chunks {
                let small = (metric as i64 + chunk) % 5 == 4;
                let mut next = || if small { random.below(9) as f64 } else { 50.0 + random.normal() };
                let columns = METHODS.map(|name| {
                    let values = (0..ROWS).map(|_| next()).collect();
                    AggregateColumn { method: method(name), values, present: None }
                });
                columns.iter().zip(&mut values).for_each(|(column, values)| values.extend(&column.values));
                let timestamps: Vec<i64> = (0..ROWS as i64).map(|row| (chunk * ROWS as i64 + row) * MINUTE).collect();
                let (first, last) = (timestamps[0], timestamps[ROWS - 1]);
                let block = AggregateBlock { timestamps, columns: columns.into() };
                let mut bytes = Vec::new();
                let front = encode_aggregates(&block, MINUTE, &mut Scratch::default(), &mut bytes);
                assert_eq!(front == bytes.len(), small, "parts");
                let (rows, bytes) = (ROWS as u32, &bytes[..]);
                writer.add(&Chunk { metric, granularity: MINUTE, first, last, rows, bytes, front }).unwrap();
            }
            all.push(values);
        }
        writer.finish().unwrap();
        (SegmentReader::open(&RealFs, path, Kind::Level0, number).unwrap(), all)
    }

    fn entries(reader: &SegmentReader, metric: u64) -> Vec<Entry> {
        let mut entries = Vec::new();
        reader.find_metric(metric, &mut entries).unwrap();
        entries
    }

    fn read(reader: &SegmentReader, entries: &[Entry], name: &str, room: &mut Room) -> Vec<f64> {
        let (mut points, mut scratch) = (Points::default(), Scratch::default());
        let mut take = |entry: &Entry, chunk: &[u8], opened: &Parts| {
            assert_eq!(chunk.len(), entry.length as usize);
            assert!(decode_opened(opened, chunk, ROWS, MINUTE, &mut scratch, &mut points).unwrap());
            Ok(())
        };
        reader.read_method(entries, method(name), room, &mut take).unwrap();
        points.values
    }

    #[test]
    fn every_method_is_read_whole_whatever_was_read_before() {
        let folder = tempfile::tempdir().unwrap();
        let (reader, all) = segment(&folder.path().join("00000007.seg"), 60, 7);
        let (mut room, mut random) = (Room::default(), Random(4));
        let in_order = (0..60).flat_map(|metric| (0..3).map(move |at| (metric, at, 0..7)));
        let in_none = (0..400).map(|_| {
            let first = random.below(7);
            (random.below(60), random.below(3), first..first + 1 + random.below(7 - first))
        });
        for (metric, at, chunks) in in_order.chain(in_none) {
            let entries = &entries(&reader, metric as u64)[chunks.clone()];
            let expected = &all[metric][at][chunks.start * ROWS..chunks.end * ROWS];
            assert_eq!(read(&reader, entries, METHODS[at], &mut room), expected, "{metric} {at} {chunks:?}");
        }
    }

    #[test]
    fn the_fronts_of_a_metric_are_one_read_and_those_of_the_next_ones_come_with_the_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000007.seg");
        let (reader, all) = segment(&path, 12, 4);
        let mut room = Room::default();
        let holds = |room: &Room, metric| room.fronts.holds(&reader, &entries(&reader, metric));
        read(&reader, &entries(&reader, 0), "sum", &mut room);
        assert_eq!((room.fronts.reads(&reader), holds(&room, 0), holds(&room, 1)), (1, true, false));
        read(&reader, &entries(&reader, 1), "sum", &mut room);
        assert_eq!(room.fronts.reads(&reader), 1);
        assert!((1..4).all(|metric| holds(&room, metric)));
        // What is held is no file's: a question of its own reads anew.
        let changed = entries(&reader, 2)[0].offset;
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[changed as usize] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(read(&reader, &entries(&reader, 2), "sum", &mut room), all[2][0]);
        room.forget();
        let refused = reader.read_method(&entries(&reader, 2), method("sum"), &mut room, &mut |_, _, _| Ok(()));
        assert!(matches!(refused, Err(Error::Corrupt(_))));
        // Far from there, and far from each other: nothing is read ahead.
        for metric in [9, 4, 11] {
            room.forget();
            read(&reader, &entries(&reader, metric), "sum", &mut room);
            assert!((0..12).all(|other| holds(&room, other) == (other == metric)));
        }
    }

    #[test]
    fn what_is_held_of_one_segment_is_not_taken_for_anothers() {
        let folder = tempfile::tempdir().unwrap();
        let made: Vec<_> =
            (7..13).map(|number| numbered(&folder.path().join(format!("{number}.seg")), number)).collect();
        let mut room = Room::default();
        for metric in 0..12 {
            for (reader, all) in &made {
                assert_eq!(read(reader, &entries(reader, metric), "sum", &mut room), all[metric as usize][0]);
            }
        }
        // As many as are held: each goes on where it was.
        let (two, mut room) = (&made[..2], Room::default());
        for metric in 0..2 {
            for (reader, _) in two {
                read(reader, &entries(reader, metric), "sum", &mut room);
            }
        }
        assert!(two.iter().all(|(reader, _)| room.fronts.holds(reader, &entries(reader, 2))));
    }
}
