//! The head of an aggregate chunk: which methods it holds, how each is written, and where.
//!
//! Layout: a varint of bits (0–8 the named methods in the order of their numbers, 9 percentiles follow, 10 `rate:`
//! methods follow, 11 row sets follow); percentiles as a count and one byte each, ascending; for `rate:` such a varint
//! (bits 0–9) and its percentiles; row sets as a count and their lengths; then for each method in ascending order a
//! descriptor (bits 0–2 the [`Kind`], bit 3 the others of its family refer to it, bits 4–5 its rows, bit 6 its stream is a
//! part), the number of its row set when the descriptor does not say it, the length of its stream when the kind has one,
//! and the checksum of that when it is a part.
//!
//! A *part* is a stream that lies behind all that are none, the *front*: whoever does not need it need not read it.

use std::ops::Range;

use crate::codec::DecodeError;
use crate::codec::reader::Reader;
use crate::codec::varint::put;
use crate::types::{AggregationMethod, Method};

const NAMED: u8 = 9;
const PERCENTILES: u64 = 1 << 9;
const RATES: u64 = 1 << 10;
const ROW_SETS: u64 = 1 << 11;
const RATE_OFFSET: u8 = 108;
const REFERENCE: u8 = 1 << 3;
const PART: u8 = 1 << 6;

const NOT_THERE: DecodeError = DecodeError("a column derives from one that is not there");

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On its own, as `column` does.
    Own,
    /// As integers above the reference's.
    Relative,
    /// `sum`, as integers above count times the reference.
    Product,
    /// `std`, as what its square differs from what count and sum say.
    Deviation,
    /// `mean`, as `sum / count`: no bytes.
    Quotient,
    /// Bit for bit the reference: no bytes.
    Same,
    /// The reference plus +0.0: no bytes.
    PlusZero,
    /// `std`, as [`Kind::Deviation`], but min and max say something too.
    Bounded,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::Own,
        Kind::Relative,
        Kind::Product,
        Kind::Deviation,
        Kind::Quotient,
        Kind::Same,
        Kind::PlusZero,
        Kind::Bounded,
    ];

    fn has_stream(self) -> bool {
        !matches!(self, Kind::Quotient | Kind::Same | Kind::PlusZero)
    }
}

/// In which rows a column has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// In all.
    All,
    /// Where the family's `count` exceeds 1.
    Counted,
    /// In those of the chunk's row set with this number.
    Set(u8),
}

/// One column of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub method: AggregationMethod,
    pub kind: Kind,
    /// Whether the others of its family (with or without `rate:`) refer to it.
    pub reference: bool,
    pub rows: Rows,
    /// Where its stream is in the streams; empty when it has none.
    pub stream: Range<usize>,
    /// The checksum of its stream, when that is a part.
    pub part: Option<u32>,
    /// Whether the reading needs it: see [`Directory::want`].
    pub wanted: bool,
}

/// What the head of a chunk says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// In ascending order of their methods.
    pub entries: Vec<Entry>,
    /// Where each row set is in the streams.
    pub sets: Vec<Range<usize>>,
    /// How many bytes the streams that are no parts take together: those of the front.
    pub front: usize,
    /// How many bytes all streams take together.
    pub length: usize,
}

impl Directory {
    /// Appends the head. Streams lie one after another: first the row sets, then the columns, parts last.
    pub fn write(&self, out: &mut Vec<u8>) {
        let first_rate = self.entries.partition_point(|entry| !entry.method.is_rate());
        let (plain, rates) = self.entries.split_at(first_rate);
        let more = if rates.is_empty() { 0 } else { RATES } | if self.sets.is_empty() { 0 } else { ROW_SETS };
        write_methods(plain, more, out);
        if !rates.is_empty() {
            write_methods(rates, 0, out);
        }
        if !self.sets.is_empty() {
            put(out, self.sets.len() as u64);
            self.sets.iter().for_each(|set| put(out, set.len() as u64));
        }
        self.entries.iter().for_each(|entry| write_entry(entry, out));
    }

    /// Reads the head, replacing what is here.
    pub fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.entries.clear();
        self.sets.clear();
        let bits = reader.varint()?;
        if bits >= 2 * ROW_SETS {
            return Err(DecodeError("a later kind of aggregate chunk"));
        }
        self.read_methods(reader, bits, 0)?;
        if bits & RATES != 0 {
            let bits = reader.varint()?;
            if bits >= RATES {
                return Err(DecodeError("an unknown kind of rate methods"));
            }
            self.read_methods(reader, bits, RATE_OFFSET)?;
        }
        let mut end = 0;
        if bits & ROW_SETS != 0 {
            for _ in 0..reader.count(usize::from(u8::MAX))? {
                self.sets.push(next_range(reader, &mut end)?);
            }
        }
        for entry in &mut self.entries {
            read_entry(reader, entry, self.sets.len(), &mut end)?;
        }
        self.front = end;
        for entry in self.entries.iter_mut().filter(|entry| entry.part.is_some()) {
            let start = end;
            end = start.saturating_add(entry.stream.len());
            entry.stream = start..end;
        }
        self.length = end;
        Ok(())
    }

    /// Lets the columns be wanted that reading `method` takes, and no others. False when it is not here.
    pub fn want(&mut self, method: AggregationMethod) -> Result<bool, DecodeError> {
        self.entries.iter_mut().for_each(|entry| entry.wanted = false);
        match self.position(method) {
            Some(at) => self.want_column(at).map(|()| true),
            None => Ok(false),
        }
    }

    fn want_column(&mut self, at: usize) -> Result<(), DecodeError> {
        let Some(entry) = self.entries.get_mut(at).filter(|entry| !entry.wanted) else { return Ok(()) };
        entry.wanted = true;
        let (kind, rows, method) = (entry.kind, entry.rows, entry.method);
        if matches!(kind, Kind::Relative | Kind::Product | Kind::Same | Kind::PlusZero) {
            let reference = self.reference(method)?.method;
            self.want_relative(reference)?;
        }
        let others: &[Method] = match kind {
            Kind::Own | Kind::Relative | Kind::Same | Kind::PlusZero => &[],
            Kind::Product => &[Method::Count],
            Kind::Quotient | Kind::Deviation => &[Method::Count, Method::Sum],
            Kind::Bounded => &[Method::Count, Method::Sum, Method::Min, Method::Max],
        };
        let count = (rows == Rows::Counted).then_some(&Method::Count);
        for other in others.iter().chain(count) {
            self.want_relative(AggregationMethod::new(*other, method.is_rate()))?;
        }
        Ok(())
    }

    fn want_relative(&mut self, method: AggregationMethod) -> Result<(), DecodeError> {
        let at = self.position(method).ok_or(NOT_THERE)?;
        self.want_column(at)
    }

    fn position(&self, method: AggregationMethod) -> Option<usize> {
        self.entries.iter().position(|entry| entry.method == method)
    }

    fn read_methods(&mut self, reader: &mut Reader<'_>, bits: u64, offset: u8) -> Result<(), DecodeError> {
        for id in (0..NAMED).filter(|id| bits >> id & 1 != 0) {
            self.add(id + offset)?;
        }
        if bits & PERCENTILES != 0 {
            let mut last = 0;
            for _ in 0..reader.count(99)? {
                let percentile = reader.byte()?;
                if percentile <= last || percentile > 99 {
                    return Err(DecodeError("percentiles do not ascend"));
                }
                self.add(NAMED - 1 + percentile + offset)?;
                last = percentile;
            }
        }
        Ok(())
    }

    fn add(&mut self, id: u8) -> Result<(), DecodeError> {
        let method = AggregationMethod::from_id(id).ok_or(DecodeError("an unknown aggregation method"))?;
        self.entries.push(Entry {
            method,
            kind: Kind::Own,
            reference: false,
            rows: Rows::All,
            stream: 0..0,
            part: None,
            wanted: true,
        });
        Ok(())
    }

    /// The column of `method`.
    pub fn find(&self, method: AggregationMethod) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.method == method)
    }

    /// The column that others of `method`'s family refer to.
    pub fn reference(&self, method: AggregationMethod) -> Result<&Entry, DecodeError> {
        let found = self.entries.iter().find(|entry| entry.reference && entry.method.is_rate() == method.is_rate());
        match found {
            Some(entry) if entry.kind == Kind::Own => Ok(entry),
            _ => Err(DecodeError("a column refers to none")),
        }
    }

    /// The column of another method of `method`'s family.
    pub fn relative(&self, method: AggregationMethod, other: Method) -> Result<&Entry, DecodeError> {
        let other = AggregationMethod::new(other, method.is_rate());
        self.find(other).ok_or(NOT_THERE)
    }
}

fn write_methods(entries: &[Entry], more: u64, out: &mut Vec<u8>) {
    let plain = |entry: &Entry| entry.method.id() % RATE_OFFSET;
    let named = entries.partition_point(|entry| plain(entry) < NAMED);
    let (named, percentiles) = entries.split_at(named);
    let bits = named.iter().fold(more, |bits, entry| bits | 1 << plain(entry));
    put(out, bits | if percentiles.is_empty() { 0 } else { PERCENTILES });
    if !percentiles.is_empty() {
        put(out, percentiles.len() as u64);
        out.extend(percentiles.iter().map(|entry| plain(entry) - (NAMED - 1)));
    }
}

fn write_entry(entry: &Entry, out: &mut Vec<u8>) {
    let (rows, number) = match entry.rows {
        Rows::All => (0, None),
        Rows::Counted => (1, None),
        Rows::Set(0) => (2, None),
        Rows::Set(number) => (3, Some(number)),
    };
    let kind = entry.kind as u8;
    let part = if entry.part.is_some() { PART } else { 0 };
    out.push(kind | if entry.reference { REFERENCE } else { 0 } | rows << 4 | part);
    out.extend(number);
    if entry.kind.has_stream() {
        put(out, entry.stream.len() as u64);
    }
    out.extend(entry.part.iter().flat_map(|sum| sum.to_le_bytes()));
}

fn read_entry(reader: &mut Reader<'_>, entry: &mut Entry, sets: usize, end: &mut usize) -> Result<(), DecodeError> {
    let byte = reader.byte()?;
    let kind = Kind::ALL.get(usize::from(byte & 7));
    let (Some(&kind), true) = (kind, byte < 2 * PART) else {
        return Err(DecodeError("an unknown kind of column"));
    };
    let is_part = byte & PART != 0;
    if is_part && !kind.has_stream() {
        return Err(DecodeError("a column without bytes of its own is to be a part"));
    }
    entry.kind = kind;
    entry.reference = byte & REFERENCE != 0;
    entry.rows = match byte >> 4 & 3 {
        0 => Rows::All,
        1 => Rows::Counted,
        2 => Rows::Set(0),
        _ => Rows::Set(reader.byte()?),
    };
    if let Rows::Set(number) = entry.rows
        && usize::from(number) >= sets
    {
        return Err(DecodeError("a column names a row set that is not there"));
    }
    // Where a part lies is known when all of the front is.
    entry.stream = match (kind.has_stream(), is_part) {
        (false, _) => 0..0,
        (true, false) => next_range(reader, end)?,
        (true, true) => 0..reader.count(usize::MAX)?,
    };
    entry.part = if is_part { Some(reader.sum()?) } else { None };
    Ok(())
}

fn next_range(reader: &mut Reader<'_>, end: &mut usize) -> Result<Range<usize>, DecodeError> {
    let start = *end;
    *end = start.saturating_add(reader.count(usize::MAX)?);
    Ok(start..*end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::mutate;

    fn sample() -> Directory {
        let entry = |name: &str, kind, rows, stream| Entry {
            method: name.parse().unwrap(),
            kind,
            reference: name == "min",
            rows,
            stream,
            part: None,
            wanted: true,
        };
        Directory {
            entries: vec![
                entry("mean", Kind::Quotient, Rows::All, 0..0),
                entry("min", Kind::Own, Rows::All, 9..309),
                entry("count", Kind::Own, Rows::All, 309..313),
                entry("std", Kind::Own, Rows::Counted, 313..313),
                entry("5pct", Kind::Relative, Rows::Set(1), 313..314),
                entry("99pct", Kind::Same, Rows::All, 0..0),
                entry("rate:last", Kind::Own, Rows::Set(0), 314..320),
                entry("rate:50pct", Kind::Own, Rows::Set(0), 320..321),
            ],
            sets: vec![0..4, 4..9],
            front: 321,
            length: 321,
        }
    }

    #[test]
    fn a_part_lies_behind_the_front_with_its_checksum() {
        let mut directory = sample();
        let last = directory.entries.len() - 1;
        directory.entries[1].part = Some(0x0403_0201);
        directory.entries[1].stream = 21..321;
        for (at, stream) in [(2, 9..13), (3, 13..13), (4, 13..14), (6, 14..20), (last, 20..21)] {
            directory.entries[at].stream = stream;
        }
        directory.front = 21;
        let mut bytes = Vec::new();
        directory.write(&mut bytes);
        assert!(bytes.windows(7).any(|entry| entry == [PART | REFERENCE, 0xac, 2, 1, 2, 3, 4]), "{bytes:?}");
        let mut back = Directory::default();
        let mut reader = Reader::new(&bytes);
        back.read(&mut reader).unwrap();
        reader.finish().unwrap();
        assert_eq!(back, directory);
        bytes.iter_mut().filter(|byte| **byte == PART | REFERENCE).for_each(|byte| *byte = PART | Kind::Same as u8);
        assert!(back.read(&mut Reader::new(&bytes)).is_err(), "no bytes, and a part");
    }

    #[test]
    fn reading_a_method_wants_what_it_derives_from() {
        let mut directory = sample();
        let wanted = |directory: &Directory| -> Vec<String> {
            directory.entries.iter().filter(|entry| entry.wanted).map(|entry| entry.method.to_string()).collect()
        };
        assert!(directory.want("5pct".parse().unwrap()).unwrap());
        assert_eq!(wanted(&directory), ["min", "5pct"]);
        assert!(directory.want("std".parse().unwrap()).unwrap());
        assert_eq!(wanted(&directory), ["count", "std"]);
        assert!(directory.want("rate:last".parse().unwrap()).unwrap());
        assert_eq!(wanted(&directory), ["rate:last"]);
        assert!(!directory.want("max".parse().unwrap()).unwrap());
        assert!(directory.want(AggregationMethod::MEAN).is_err(), "there is no sum");
    }

    #[test]
    fn golden() {
        let mut bytes = Vec::new();
        sample().write(&mut bytes);
        assert_eq!(
            bytes,
            [
                0b1011_0101,
                0b1_1100,
                2,
                5,
                99, // methods
                0b1000_0000,
                0b101,
                1,
                50, // rate methods
                2,
                4,
                5, // row sets
                4,
                8,
                0xac,
                2,
                0,
                4,
                16,
                0,
                49,
                1,
                1,
                5,
                32,
                6,
                32,
                1, // columns
            ]
        );
        let mut back = Directory::default();
        let mut reader = Reader::new(&bytes);
        back.read(&mut reader).unwrap();
        reader.finish().unwrap();
        assert_eq!(back, sample());
    }

    #[test]
    fn damage_gives_few_entries_at_most() {
        let mut bytes = Vec::new();
        sample().write(&mut bytes);
        let mut directory = Directory::default();
        mutate(&bytes, 20_000, |bytes| {
            let _ = directory.read(&mut Reader::new(bytes));
            assert!(directory.entries.len() <= 216 && directory.sets.len() <= 255);
        });
    }
}
