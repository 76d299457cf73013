//! The columns of a chunk that is being read, each made of its stream and of what it derives from.
//!
//! A hostile directory cannot lead in circles: a reference stands on its own, and each kind that derives from sum or
//! count is only good for the one method that does.

use super::derive::{plus_zero, quotient, quotients};
use super::deviation::Group;
use super::directory::{Directory, Entry, Kind, Rows};
use crate::codec::decimal::{self, Head, scale};
use crate::codec::reader::Reader;
use crate::codec::{DecodeError, column, grid, ints};
use crate::types::Method;

const MISFIT: DecodeError = DecodeError("a column derives from one that does not fit");

/// Memory of the reading.
#[derive(Default)]
pub struct Buffers {
    counts: Vec<i64>,
    sums: Vec<i64>,
    reference: Vec<i64>,
    ends: [Vec<i64>; 2],
    numbers: Vec<i64>,
    floats: Vec<f64>,
    present: Vec<bool>,
}

/// A chunk behind its directory and group starts.
pub struct Chunk<'a> {
    directory: &'a Directory,
    streams: &'a [u8],
    rows: usize,
    column: &'a mut column::Scratch,
    buffers: &'a mut Buffers,
}

impl<'a> Chunk<'a> {
    /// The streams are what is left to read; their lengths must be those of the directory.
    pub fn new(
        directory: &'a Directory,
        mut reader: Reader<'a>,
        rows: usize,
        column: &'a mut column::Scratch,
        buffers: &'a mut Buffers,
    ) -> Result<Self, DecodeError> {
        let streams = reader.rest();
        if streams.len() != directory.length {
            return Err(DecodeError("a chunk has another length than its directory says"));
        }
        Ok(Chunk { directory, streams, rows, column, buffers })
    }

    /// The bytes of a column. Of one that is not wanted they may not have been read.
    fn stream(&self, entry: &Entry) -> Result<&'a [u8], DecodeError> {
        if !entry.wanted {
            return Err(MISFIT);
        }
        self.streams.get(entry.stream.clone()).ok_or(MISFIT)
    }

    /// Notes in `present` in which rows the column has a value, nothing when it has in all, and says in how many.
    pub fn mark(&mut self, entry: &Entry, present: &mut Vec<bool>) -> Result<usize, DecodeError> {
        present.clear();
        match entry.rows {
            Rows::All => return Ok(self.rows),
            Rows::Set(number) => {
                let set = self.directory.sets.get(usize::from(number)).and_then(|set| self.streams.get(set.clone()));
                grid::decode_rows(set.ok_or(MISFIT)?, self.rows, present)?;
            }
            Rows::Counted => {
                let count = self.directory.relative(entry.method, Method::Count)?;
                if count.rows == Rows::Counted {
                    return Err(MISFIT);
                }
                let there = self.mark(count, present)?;
                present.resize(self.rows, there == self.rows);
                self.with_floats(count, there, |floats, _| {
                    let places = present.iter_mut().filter(|has| **has);
                    places.zip(floats).for_each(|(has, count)| *has = *count > 1.0);
                })?;
            }
        }
        Ok(present.iter().filter(|has| **has).count())
    }

    /// Appends the values of a column that has `n` of them.
    pub fn values(&mut self, entry: &Entry, n: usize, out: &mut Vec<f64>) -> Result<(), DecodeError> {
        let start = out.len();
        match (entry.kind, entry.method.method()) {
            (Kind::Own, _) => column::decode(self.stream(entry)?, n, self.column, out),
            (Kind::Same, _) => self.reference_values(entry, n, out),
            (Kind::PlusZero, _) => {
                self.reference_values(entry, n, out)?;
                out[start..].iter_mut().for_each(|value| *value = plus_zero(*value));
                Ok(())
            }
            (Kind::Quotient, Method::Mean) => {
                let sum = self.operand(entry, Method::Sum, entry.rows)?;
                let count = self.operand(entry, Method::Count, entry.rows)?;
                self.values(sum, n, out)?;
                if n > 0
                    && let Some(count) = self.constant(count)?
                {
                    quotients(&mut out[start..], count);
                    return Ok(());
                }
                self.with_floats(count, n, |counts, _| {
                    out[start..].iter_mut().zip(counts).for_each(|(sum, count)| *sum = quotient(*sum, *count));
                })
            }
            (Kind::Deviation | Kind::Bounded, Method::Std) => self.deviations(entry, n, out),
            (Kind::Relative, _) | (Kind::Product, Method::Sum) => {
                let (head, reader) = self.integers(entry, n)?;
                head.to_floats(&self.buffers.numbers, out);
                decimal::correct(reader, head, &mut out[start..], &mut self.column.distances)
            }
            _ => Err(MISFIT),
        }
    }

    /// Another column of the family, which must have the rows `rows`.
    fn operand(&self, entry: &Entry, method: Method, rows: Rows) -> Result<&'a Entry, DecodeError> {
        let operand = self.directory.relative(entry.method, method)?;
        if operand.rows == rows { Ok(operand) } else { Err(MISFIT) }
    }

    /// The value that all of a column are, when its bytes say so at once.
    fn constant(&self, entry: &Entry) -> Result<Option<f64>, DecodeError> {
        if entry.kind == Kind::Own { self.stream(entry).map(column::decode_constant) } else { Ok(None) }
    }

    /// The reference of the family, which must have the same rows.
    fn reference(&self, entry: &Entry) -> Result<&'a Entry, DecodeError> {
        let reference = self.directory.reference(entry.method)?;
        if reference.rows == entry.rows { Ok(reference) } else { Err(MISFIT) }
    }

    fn reference_values(&mut self, entry: &Entry, n: usize, out: &mut Vec<f64>) -> Result<(), DecodeError> {
        let reference = self.reference(entry)?;
        column::decode(self.stream(reference)?, n, self.column, out)
    }

    /// Calls `f` with the values of a column.
    fn with_floats<T>(
        &mut self,
        entry: &Entry,
        n: usize,
        f: impl FnOnce(&[f64], &mut Buffers) -> T,
    ) -> Result<T, DecodeError> {
        let mut floats = std::mem::take(&mut self.buffers.floats);
        floats.clear();
        let decoded = self.values(entry, n, &mut floats);
        let result = decoded.map(|()| f(&floats, self.buffers));
        self.buffers.floats = floats;
        result
    }

    /// Reads counts into the buffer of counts.
    fn counts(&mut self, entry: &Entry, n: usize) -> Result<(), DecodeError> {
        self.with_floats(entry, n, |floats, buffers| {
            buffers.counts.clear();
            buffers.counts.extend(floats.iter().map(|&count| count as i64));
        })
    }

    /// Reads a column's integers into the buffer of numbers; what corrects them is left to read.
    fn integers(&mut self, entry: &Entry, n: usize) -> Result<(Head, Reader<'a>), DecodeError> {
        let mut reader = Reader::new(self.stream(entry)?);
        let head = Head::read(&mut reader)?;
        match entry.kind {
            Kind::Own => ints::decode(&mut reader, n, &mut self.buffers.numbers)?,
            Kind::Relative => {
                let scale = self.reference_integers(entry, n, head)?;
                let Buffers { numbers, reference, .. } = &mut *self.buffers;
                ints::decode(&mut reader, n, numbers)?;
                for (number, &reference) in numbers.iter_mut().zip(&*reference) {
                    *number = number.wrapping_add(reference.wrapping_mul(scale));
                }
            }
            Kind::Product => {
                let count = self.operand(entry, Method::Count, entry.rows)?;
                self.counts(count, n)?;
                let scale = self.reference_integers(entry, n, head)?;
                let Buffers { numbers, reference, counts, .. } = &mut *self.buffers;
                ints::decode(&mut reader, n, numbers)?;
                for ((number, &reference), &count) in numbers.iter_mut().zip(&*reference).zip(&*counts) {
                    *number = number.wrapping_add(reference.wrapping_mul(scale).wrapping_mul(count));
                }
            }
            _ => return Err(MISFIT),
        }
        Ok((head, reader))
    }

    /// Reads the reference's integers into their buffer, and says how many of `head`'s units one of theirs is.
    fn reference_integers(&mut self, entry: &Entry, n: usize, head: Head) -> Result<i64, DecodeError> {
        let stream = self.stream(self.reference(entry)?)?;
        let exponent = column::decode_integers(stream, n, &mut self.buffers.reference)?;
        head.exponent().checked_sub(exponent).map(scale).ok_or(MISFIT)
    }

    fn deviations(&mut self, entry: &Entry, n: usize, out: &mut Vec<f64>) -> Result<(), DecodeError> {
        let count = self.directory.relative(entry.method, Method::Count)?;
        let mut present = std::mem::take(&mut self.buffers.present);
        let there = self.mark(count, &mut present);
        self.buffers.present = present;
        let there = there?;
        let exponent = self.operands(entry, count, there)?;
        let mut reader = Reader::new(self.stream(entry)?);
        let head = Head::read(&mut reader)?;
        let start = out.len();
        let Buffers { numbers, counts, sums, ends: [lows, highs], .. } = &mut *self.buffers;
        ints::decode(&mut reader, n, numbers)?;
        let bounded = entry.kind == Kind::Bounded;
        let group = |i: usize| {
            let ends = if bounded { Some((*lows.get(i)?, *highs.get(i)?)) } else { None };
            Some(Group { count: *counts.get(i)?, sum: *sums.get(i)?, ends })
        };
        let several = entry.rows == Rows::Counted;
        let groups = (0..there).filter_map(group).filter(|group| !several || group.count > 1);

        out.extend(groups.zip(&*numbers).map(|(group, &excess)| group.deviation(excess, exponent)));
        if out.len() - start != n {
            return Err(MISFIT);
        }
        decimal::correct(reader, head, &mut out[start..], &mut self.column.distances)
    }

    /// Reads what deviations derive from into its buffers, all in units of the sum's exponent, which it returns.
    fn operands(&mut self, entry: &Entry, count: &Entry, n: usize) -> Result<u8, DecodeError> {
        let exponent = self.integers(self.operand(entry, Method::Sum, count.rows)?, n)?.0.exponent();
        std::mem::swap(&mut self.buffers.numbers, &mut self.buffers.sums);
        if entry.kind == Kind::Bounded {
            for (i, method) in [Method::Min, Method::Max].into_iter().enumerate() {
                let head = self.integers(self.operand(entry, method, count.rows)?, n)?.0;
                let scale = exponent.checked_sub(head.exponent()).map(scale).ok_or(MISFIT)?;
                let Buffers { numbers, ends, .. } = &mut *self.buffers;
                std::mem::swap(numbers, &mut ends[i]);
                if scale != 1 {
                    ends[i].iter_mut().for_each(|end| *end = end.wrapping_mul(scale));
                }
            }
        }
        self.counts(count, n)?;
        Ok(exponent)
    }
}
