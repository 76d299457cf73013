//! The parts of a chunk: long streams that are read, and verified, only where the question needs them.
//!
//! Whoever keeps a chunk keeps a checksum of its front; the front has the checksums of the parts. This module tells which
//! stretches behind a front belong to a question, and what is left of a chunk of which some parts are damaged. It must never
//! take a byte for sound that no checksum confirms.

use std::ops::Range;

use super::directory::{Directory, Entry};
use crate::codec::reader::Reader;
use crate::codec::{DecodeError, crc};
use crate::types::AggregationMethod;

/// No front is longer: what names its length has 15 bits. (Nine out of ten have some three kilobytes.)
pub const LONGEST_FRONT: usize = (1 << 15) - 1;

/// A stretch of a chunk that has a checksum of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where in the chunk.
    pub range: Range<usize>,
    /// The CRC-32C of its bytes.
    pub sum: u32,
}

/// Tells the parts of chunks; its memory is used again from chunk to chunk.
#[derive(Debug, Default)]
pub struct Parts {
    /// What the front that was looked at last says.
    directory: Directory,
    /// How many bytes that takes at its begin, and the method that was asked for; none while that is not known.
    opened: Option<(usize, AggregationMethod)>,
    found: Vec<Part>,
}

impl Parts {
    /// The parts that reading one method takes beside the front, in the order in which they lie.
    ///
    /// # Errors
    ///
    /// When the bytes are no front.
    pub fn of(&mut self, front: &[u8], method: AggregationMethod) -> Result<&[Part], DecodeError> {
        self.opened = None;
        let mut reader = Reader::new(front);
        self.directory.read(&mut reader)?;
        self.directory.want(method)?;
        self.opened = Some((front.len() - reader.rest().len(), method));
        self.collect(front.len())
    }

    /// What was found by the last question: what the front says, how many bytes of it say that, and the method.
    pub(super) fn opened(&self) -> Option<(&Directory, usize, AggregationMethod)> {
        self.opened.map(|(head, method)| (&self.directory, head, method))
    }

    /// The methods that cannot be read, because a part that they need fails its checksum. The front, `chunk[..front]`, was
    /// verified before.
    ///
    /// # Errors
    ///
    /// When the bytes are no such chunk.
    pub fn damaged(&mut self, chunk: &[u8], front: usize) -> Result<Vec<AggregationMethod>, DecodeError> {
        self.opened = None;
        self.directory.read(&mut Reader::new(chunk.get(..front).unwrap_or(chunk)))?;
        if front.checked_add(self.directory.length - self.directory.front) != Some(chunk.len()) {
            return Err(DecodeError("a chunk has another length than its directory says"));
        }
        if self.collect(front)?.iter().all(|part| is_sound(part, chunk)) {
            return Ok(Vec::new());
        }
        let mut damaged = Vec::new();
        let methods: Vec<AggregationMethod> = self.directory.entries.iter().map(|entry| entry.method).collect();
        for method in methods {
            self.directory.want(method)?;
            if !self.collect(front)?.iter().all(|part| is_sound(part, chunk)) {
                damaged.push(method);
            }
        }
        Ok(damaged)
    }

    /// The parts of the columns that are wanted.
    fn collect(&mut self, front: usize) -> Result<&[Part], DecodeError> {
        self.found.clear();
        let before = self.directory.front;
        let wanted = |entry: &&Entry| entry.wanted && !entry.stream.is_empty();
        for entry in self.directory.entries.iter().filter(wanted) {
            let Some(sum) = entry.part else { continue };
            let place = |at: usize| at.checked_sub(before).and_then(|behind| front.checked_add(behind));
            let (Some(start), Some(end)) = (place(entry.stream.start), place(entry.stream.end)) else {
                return Err(DecodeError("a part lies nowhere"));
            };
            self.found.push(Part { range: start..end, sum });
        }
        Ok(&self.found)
    }
}

fn is_sound(part: &Part, chunk: &[u8]) -> bool {
    chunk.get(part.range.clone()).is_some_and(|bytes| crc(bytes) == part.sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::Random;
    use crate::codec::{
        Scratch, decode_aggregate, decode_aggregates, decode_opened, decode_sound_aggregates, encode_aggregates,
    };
    use crate::types::{AggregateBlock, AggregateColumn, Points};

    const MINUTE: i64 = 60_000_000_000;
    const ROWS: usize = 300;

    fn method(name: &str) -> AggregationMethod {
        name.parse().unwrap()
    }

    /// Columns of floats with all their digits, of which the mean is the sum over the count.
    fn block() -> AggregateBlock {
        let mut random = Random(5);
        let timestamps: Vec<i64> = (0..ROWS as i64).map(|row| row * MINUTE).collect();
        let mut column = |name: &str| {
            let values = (0..ROWS).map(|_| 50.0 + random.normal()).collect();
            AggregateColumn { method: method(name), values, present: None }
        };
        let mut columns =
            vec![column("mean"), column("sum"), column("min"), column("max"), column("count"), column("std")];
        columns[4].values.fill(3.0);
        columns[0].values = columns[1].values.iter().map(|sum| sum / 3.0).collect();
        let mut missing = vec![true; ROWS];
        missing[7] = false;
        columns[5].present = Some(missing);
        columns[5].values[7] = 0.0;
        AggregateBlock { timestamps, columns }
    }

    fn encoded() -> (Vec<u8>, usize) {
        let mut bytes = Vec::new();
        let front = encode_aggregates(&block(), MINUTE, &mut Scratch::default(), &mut bytes);
        (bytes, front)
    }

    #[test]
    fn a_question_takes_the_front_and_its_parts_and_not_a_byte_more() {
        let (whole, front) = encoded();
        let (mut parts, mut scratch) = (Parts::default(), Scratch::default());
        for (name, count) in [("mean", 0), ("sum", 0), ("count", 0), ("min", 1), ("max", 1), ("std", 1), ("last", 0)] {
            let wanted = parts.of(&whole[..front], method(name)).unwrap().to_vec();
            assert_eq!(wanted.len(), count, "{name}");
            assert!(wanted.iter().all(|part| is_sound(part, &whole)));
            // What is not read may be anything.
            let mut bytes = vec![0xa5; whole.len()];
            bytes[..front].copy_from_slice(&whole[..front]);
            for part in &wanted {
                bytes[part.range.clone()].copy_from_slice(&whole[part.range.clone()]);
            }
            let read = |bytes: &[u8], scratch: &mut Scratch| {
                let mut out = Points::default();
                decode_aggregate(bytes, ROWS, MINUTE, method(name), scratch, &mut out).unwrap();
                out
            };
            let mut opened = Points::default();
            decode_opened(&parts, &bytes, ROWS, MINUTE, &mut scratch, &mut opened).unwrap();
            let points = read(&bytes, &mut scratch);
            assert_eq!(points, opened);
            assert_eq!(points, read(&whole, &mut scratch));
            assert_eq!(points.is_empty(), name == "last");
        }
    }

    #[test]
    fn what_is_not_wanted_is_not_decoded() {
        let (whole, front) = encoded();
        let mut directory = Directory::default();
        directory.read(&mut Reader::new(&whole[..front])).unwrap();
        let parts = directory.entries.iter().filter(|entry| entry.part.is_some()).count();
        assert_eq!(parts, 3, "min, max and std");
        assert_eq!(directory.length - directory.front, whole.len() - front);
    }

    #[test]
    fn damage_of_a_part_leaves_the_other_methods() {
        let (whole, front) = encoded();
        let (mut parts, mut scratch) = (Parts::default(), Scratch::default());
        assert_eq!(parts.damaged(&whole, front).unwrap(), []);
        let all = decode_aggregates(&whole, ROWS, MINUTE, &mut scratch).unwrap();
        for name in ["min", "max", "std"] {
            let mut bytes = whole.clone();
            let range = parts.of(&whole[..front], method(name)).unwrap()[0].range.clone();
            bytes[range.start + 20] ^= 4;
            let damaged = parts.damaged(&bytes, front).unwrap();
            assert_eq!(damaged, [method(name)]);
            let sound = decode_sound_aggregates(&bytes, ROWS, MINUTE, &damaged, &mut scratch).unwrap();
            let mut expected = all.clone();
            expected.columns.retain(|column| column.method != method(name));
            assert_eq!(sound, expected);
        }
        assert!(parts.damaged(&whole[..whole.len() - 1], front).is_err(), "cut");
        assert!(parts.damaged(&whole, front + 1).is_err(), "another front");
    }

    #[test]
    fn short_streams_are_no_parts() {
        let mut block = block();
        block.timestamps.truncate(100);
        for column in &mut block.columns {
            column.values.truncate(100);
            column.present.iter_mut().for_each(|present| present.truncate(100));
        }
        let mut bytes = vec![9, 9];
        let front = encode_aggregates(&block, MINUTE, &mut Scratch::default(), &mut bytes);
        assert_eq!(front, bytes.len() - 2);
    }

    #[test]
    fn a_front_that_nobody_could_name_has_no_parts() {
        let mut random = Random(6);
        let rows = 20_000;
        let mut column =
            |method| AggregateColumn { method, values: (0..rows).map(|_| random.normal()).collect(), present: None };
        let columns = vec![column(method("sum")), column(method("max"))];
        let block = AggregateBlock { timestamps: (0..rows as i64).map(|row| row * MINUTE).collect(), columns };
        let (mut bytes, mut scratch) = (Vec::new(), Scratch::default());
        let front = encode_aggregates(&block, MINUTE, &mut scratch, &mut bytes);
        assert_eq!(front, bytes.len());
        assert_eq!(decode_aggregates(&bytes, rows, MINUTE, &mut scratch).unwrap(), block);
    }
}
