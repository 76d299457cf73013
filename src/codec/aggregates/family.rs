//! Writing one family of columns: which relations hold between them, and which of those are worth it.
//!
//! One column is the family's *reference*, usually `min`; it is written first and on its own. Then count and sum, which
//! means and deviations derive from; then the rest.

use std::ops::Range;

use super::derive::{plus_zero, quotient};
use super::deviation::{FARTHEST, deviation, excess};
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
    reference_integers: Option<Integers>,
    counts: Option<Integers>,
    sums: Option<Integers>,
}

impl<'a> Family<'a> {
    /// The columns of a family, to be written to the end of `streams`.
    pub fn new(sources: &'a [Source<'a>], scratch: &'a mut column::Scratch, streams: &'a mut Vec<u8>) -> Self {
        Family {
            sources,
            scratch,
            streams,
            reference: reference(sources),
            reference_integers: None,
            counts: find(sources, Method::Count).and_then(counts),
            sums: None,
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
            directory.entries.push(Entry { method: source.method, kind, reference, rows: source.rows, stream });
        }
    }

    fn write_column(&mut self, i: usize) -> Kind {
        let source = &self.sources[i];
        if self.reference == Some(i) {
            if column::encode(&source.values, self.scratch, self.streams) {
                self.reference_integers = Some(self.image(source.rows));
                self.note_sum(source);
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
            Method::Std => self.write_deviation(source),
            _ => self.write_integers(source),
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
        let (Some(sum), Some(count)) = (find(self.sources, Method::Sum), find(self.sources, Method::Count)) else {
            return false;
        };
        let operands = sum.values.iter().zip(count.values.iter());
        sum.rows == mean.rows
            && count.rows == mean.rows
            && mean.values.iter().zip(operands).all(|(mean, (s, c))| mean.to_bits() == quotient(*s, *c).to_bits())
    }

    /// Writes a column as integers, by the reference where that is smaller, or on its own.
    fn write_integers(&mut self, source: &Source<'_>) -> Kind {
        let related = self.reference_integers.as_ref().filter(|reference| reference.rows == source.rows);
        let digits = related.map_or(0, |reference| reference.exponent);
        if !self.scratch.image.make(&source.values, digits) {
            column::encode_inexact(&source.values, self.scratch, self.streams);
            return Kind::Own;
        }
        let relation = related.map(|reference| self.above_reference(source, reference));
        let others = relation.as_ref().map(|(_, numbers)| &numbers[..]);
        let form = column::encode_image(&source.values, others, self.scratch, self.streams);
        if form != Form::Inexact {
            self.note_sum(source);
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

    /// Writes a deviation by count and sum, or as another column would be.
    fn write_deviation(&mut self, source: &Source<'_>) -> Kind {
        let start = self.streams.len();
        if !self.put_deviation(source) {
            self.streams.truncate(start);
            return self.write_integers(source);
        }
        let middle = self.streams.len();
        if middle - start <= 4 * source.values.len() {
            return Kind::Deviation;
        }
        let own = self.write_integers(source);
        keep_smaller(self.streams, start, middle, Kind::Deviation, own)
    }

    fn put_deviation(&mut self, source: &Source<'_>) -> bool {
        let (Some(counts), Some(sums)) = (&self.counts, &self.sums) else {
            return false;
        };
        let counted = source.rows == Rows::Counted;
        if counts.rows != sums.rows || !(counted || source.rows == counts.rows) {
            return false;
        }
        let pairs = counts.numbers.iter().zip(&sums.numbers).filter(|(n, _)| !counted || **n > 1);
        let (mut numbers, mut corrections) = (Vec::with_capacity(source.values.len()), Corrections::default());
        let mut last = 0;
        for ((&n, &sum), &value) in pairs.zip(source.values.iter()) {
            let near = excess(n, sum, value, sums.exponent).and_then(|excess| {
                let distance = ulps(value, deviation(n, sum, excess, sums.exponent));
                (distance.unsigned_abs() < FARTHEST).then_some((excess, distance))
            });
            match near {
                Some((excess, distance)) => {
                    last = excess;
                    corrections.push(distance);
                }
                None => corrections.push_exception(value),
            }
            numbers.push(last);
        }
        if corrections.exceptions() > numbers.len() / 16 + 1 {
            return false;
        }
        write_with(sums.exponent, &corrections, &numbers, &mut self.scratch.ints, self.streams);
        true
    }

    fn image(&self, rows: Rows) -> Integers {
        let image = &self.scratch.image;
        Integers { rows, exponent: image.exponent, numbers: image.integers.clone() }
    }

    fn note_sum(&mut self, source: &Source<'_>) {
        if source.method.method() == Method::Sum {
            self.sums = Some(self.image(source.rows));
        }
    }
}

fn find<'a>(sources: &'a [Source<'a>], method: Method) -> Option<&'a Source<'a>> {
    sources.iter().find(|source| source.method.method() == method)
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
