//! Writing one family of columns: which relations hold between them, and which of those are worth it.
//!
//! One column is the family's *reference*, usually `min`; it is written first and on its own. Then count and sum, which
//! means and deviations derive from; then the rest.

use std::ops::Range;

use super::derive::{plus_zero, quotient};
use super::deviation::{FARTHEST, Group};
use super::directory::{Directory, Entry, Kind, Rows};
use super::presence::Source;
use crate::codec::column::{self, Form, keep_smaller};
use crate::codec::decimal::{Corrections, scale, ulps, write_with};
use crate::types::Method;

/// A column as integers over a power of ten.
struct Integers {
    rows: Rows,
    exponent: u8,
    numbers: Vec<i64>,
}

/// What is known while a family is written.
pub struct Family<'a> {
    sources: &'a [Source<'a>],
    scratch: &'a mut column::Scratch,
    streams: &'a mut Vec<u8>,
    reference: Option<usize>,
    counts: Option<Integers>,
    /// The integers of the reference, of min, max and sum, by column, as far as they were written as such.
    integers: Vec<Option<Integers>>,
}

impl<'a> Family<'a> {
    /// The columns of a family, to be written to the end of `streams`.
    pub fn new(sources: &'a [Source<'a>], scratch: &'a mut column::Scratch, streams: &'a mut Vec<u8>) -> Self {
        Family {
            sources,
            scratch,
            streams,
            reference: reference(sources),
            counts: find(sources, Method::Count).and_then(|count| counts(&sources[count])),
            integers: sources.iter().map(|_| None).collect(),
        }
    }

    /// Writes all columns and adds their entries.
    pub fn write(mut self, directory: &mut Directory) {
        let mut written: Vec<Option<(Kind, Range<usize>)>> = vec![None; self.sources.len()];
        let sum = self.sources.iter().position(|source| source.method.method() == Method::Sum);
        for i in self.reference.into_iter().chain(sum).chain(0..self.sources.len()) {
            if written[i].is_none() {
                let start = self.streams.len();
                let kind = self.write_column(i);
                written[i] = Some((kind, start..self.streams.len()));
            }
        }
        for (i, (source, written)) in self.sources.iter().zip(written).enumerate() {
            let (kind, stream) = written.unwrap_or((Kind::Own, 0..0));
            let reference = self.reference == Some(i);
            let (method, rows) = (source.method, source.rows);
            directory.entries.push(Entry { method, kind, reference, rows, stream, part: None, wanted: true });
        }
    }

    fn write_column(&mut self, i: usize) -> Kind {
        let source = &self.sources[i];
        if self.reference == Some(i) {
            if column::encode(&source.values, self.scratch, self.streams) {
                self.note_integers(i);
            }
            return Kind::Own;
        }
        if let Some(kind) = self.derived(source) {
            return kind;
        }
        if column::encode_constant(&source.values, self.streams) {
            return Kind::Own;
        }
        match source.method.method() {
            Method::Count => {
                column::encode(&source.values, self.scratch, self.streams);
                Kind::Own
            }
            Method::Std => self.write_deviation(i),
            _ => self.write_integers(i),
        }
    }

    /// The relation by which a column follows from others without a byte of its own.
    fn derived(&self, source: &Source<'_>) -> Option<Kind> {
        let method = source.method.method();
        let same = |values: &[f64], f: fn(f64) -> f64| {
            source.values.iter().zip(values).all(|(value, of)| value.to_bits() == f(*of).to_bits())
        };
        if let Some(reference) = self.reference.map(|i| &self.sources[i])
            && reference.rows == source.rows
        {
            if same(&reference.values, |value| value) {
                return Some(Kind::Same);
            }
            if matches!(method, Method::Mean | Method::Sum) && same(&reference.values, plus_zero) {
                return Some(Kind::PlusZero);
            }
        }
        (method == Method::Mean && self.is_quotient(source)).then_some(Kind::Quotient)
    }

    fn is_quotient(&self, mean: &Source<'_>) -> bool {
        let column = |method| find(self.sources, method).map(|i| &self.sources[i]);
        let (Some(sum), Some(count)) = (column(Method::Sum), column(Method::Count)) else {
            return false;
        };
        let operands = sum.values.iter().zip(count.values.iter());
        sum.rows == mean.rows
            && count.rows == mean.rows
            && mean.values.iter().zip(operands).all(|(mean, (s, c))| mean.to_bits() == quotient(*s, *c).to_bits())
    }

    /// Writes a column as integers, by the reference where that is smaller, or on its own.
    fn write_integers(&mut self, i: usize) -> Kind {
        let source = &self.sources[i];
        let reference = self.reference.and_then(|reference| self.integers[reference].as_ref());
        let related = reference.filter(|reference| reference.rows == source.rows);
        let digits = related.map_or(0, |reference| reference.exponent);
        if !self.scratch.image.make(&source.values, digits) {
            column::encode_inexact(&source.values, self.scratch, self.streams);
            return Kind::Own;
        }
        let relation = related.map(|reference| self.above_reference(source, reference));
        let others = relation.as_ref().map(|(_, numbers)| &numbers[..]);
        let form = column::encode_image(&source.values, others, self.scratch, self.streams);
        if form != Form::Inexact {
            self.note_integers(i);
        }
        match (form, relation) {
            (Form::Others, Some((kind, _))) => kind,
            _ => Kind::Own,
        }
    }

    /// The image's integers less what the reference (times count, for a sum) predicts.
    fn above_reference(&self, source: &Source<'_>, reference: &Integers) -> (Kind, Vec<i64>) {
        let scale = scale(self.scratch.image.exponent.saturating_sub(reference.exponent));
        let pairs = self.scratch.image.integers.iter().zip(&reference.numbers);
        let counts = self.counts.as_ref().filter(|counts| counts.rows == source.rows);
        match counts {
            Some(counts) if source.method.method() == Method::Sum => {
                let product = |r: i64, n: i64| r.wrapping_mul(scale).wrapping_mul(n);
                let numbers = pairs.zip(&counts.numbers).map(|((x, r), n)| x.wrapping_sub(product(*r, *n)));
                (Kind::Product, numbers.collect())
            }
            _ => (Kind::Relative, pairs.map(|(x, r)| x.wrapping_sub(r.wrapping_mul(scale))).collect()),
        }
    }

    /// Writes a deviation by what the other columns say of it, or as another column would be.
    fn write_deviation(&mut self, i: usize) -> Kind {
        let start = self.streams.len();
        let Some(kind) = self.put_deviation(&self.sources[i]) else {
            self.streams.truncate(start);
            return self.write_integers(i);
        };
        let middle = self.streams.len();
        if middle - start <= 4 * self.sources[i].values.len() {
            return kind;
        }
        let own = self.write_integers(i);
        keep_smaller(self.streams, start, middle, kind, own)
    }

    fn put_deviation(&mut self, source: &Source<'_>) -> Option<Kind> {
        let counts = self.counts.as_ref()?;
        let several = source.rows == Rows::Counted;
        if !several && source.rows != counts.rows {
            return None;
        }
        let sums = self.integers_of(Method::Sum, counts.rows, u8::MAX)?;
        let exponent = sums.exponent;
        let low = self.integers_of(Method::Min, counts.rows, exponent);
        let ends = low.zip(self.integers_of(Method::Max, counts.rows, exponent));
        let group = |row: usize| {
            let end = |end: &Integers| end.numbers[row].wrapping_mul(scale(exponent - end.exponent));
            let ends = ends.map(|(low, high)| (end(low), end(high)));
            Group { count: counts.numbers[row], sum: sums.numbers[row], ends }
        };
        let kind = if ends.is_some() { Kind::Bounded } else { Kind::Deviation };
        let groups = (0..sums.numbers.len()).map(group).filter(|group| !several || group.count > 1);
        let (numbers, corrections) = deviations(groups, &source.values, exponent)?;
        write_with(exponent, &corrections, &numbers, &mut self.scratch.ints, self.streams);
        Some(kind)
    }

    /// The integers of a column with these rows and at most so many digits.
    fn integers_of(&self, method: Method, rows: Rows, digits: u8) -> Option<&Integers> {
        let integers = self.integers[find(self.sources, method)?].as_ref()?;
        (integers.rows == rows && integers.exponent <= digits).then_some(integers)
    }

    /// Keeps the integers that were just written, when others may refer to them.
    fn note_integers(&mut self, i: usize) {
        let source = &self.sources[i];
        let method = source.method.method();
        if self.reference == Some(i) || matches!(method, Method::Sum | Method::Min | Method::Max) {
            let image = &self.scratch.image;
            let numbers = image.integers.clone();
            self.integers[i] = Some(Integers { rows: source.rows, exponent: image.exponent, numbers });
        }
    }
}

/// What the deviations exceed their least by, and what makes them exact; none when too few of them are near.
fn deviations(groups: impl Iterator<Item = Group>, values: &[f64], exponent: u8) -> Option<(Vec<i64>, Corrections)> {
    let (mut numbers, mut corrections) = (Vec::with_capacity(values.len()), Corrections::default());
    let mut last = 0;
    for (group, &value) in groups.zip(values) {
        let near = group.excess(value, exponent).and_then(|excess| {
            let distance = ulps(value, group.deviation(excess, exponent));
            (distance.unsigned_abs() < FARTHEST).then_some((excess, distance))
        });
        if let Some((excess, distance)) = near {
            last = excess;
            corrections.push(distance);
        } else {
            corrections.push_exception(value);
            if corrections.exceptions() > values.len() / 16 + 1 {
                return None;
            }
        }
        numbers.push(last);
    }
    Some((numbers, corrections))
}

fn find(sources: &[Source<'_>], method: Method) -> Option<usize> {
    sources.iter().position(|source| source.method.method() == method)
}

/// The column that the others resemble most.
fn reference(sources: &[Source<'_>]) -> Option<usize> {
    let rank = |source: &Source<'_>| match source.method.method() {
        Method::Min => Some(0),
        Method::Max => Some(1),
        Method::First => Some(2),
        Method::Last => Some(3),
        Method::Median => Some(4),
        Method::Percentile(_) => Some(5),
        Method::Sum => Some(6),
        Method::Mean => Some(7),
        _ => None,
    };
    let ranked = sources.iter().enumerate().filter_map(|(i, source)| Some((rank(source)?, i)));
    ranked.min().map(|(_, i)| i)
}

/// The counts, when all are whole and positive.
fn counts(source: &Source<'_>) -> Option<Integers> {
    let whole = |c: f64| (1.0..9e15).contains(&c) && (c as i64) as f64 == c;
    let numbers = || source.values.iter().map(|&c| c as i64).collect();
    let good = source.values.iter().all(|&c| whole(c));
    good.then(|| Integers { rows: source.rows, exponent: 0, numbers: numbers() })
}
