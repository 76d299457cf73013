//! `aggregate`: the values of all series at one timestamp become one.
//!
//! Columns are run through one after the other, from the first series to the last, so that a sum's order is that of the
//! series and memory is read in order. Only quantiles gather the values of a row.

use std::borrow::Cow;
use std::ops::Deref;

use super::reduction::{Moment, Pick, Statistic, quantile};

/// One value for each of `rows` rows of `columns`; NaN is no value.
pub(super) fn across(columns: &[Cow<'_, [f64]>], rows: usize, statistic: Statistic) -> Vec<f64> {
    match statistic {
        Statistic::Moment(moment) => moments(columns, rows, moment),
        Statistic::Pick(pick) => picks(columns, rows, pick),
        Statistic::Quantile(percent) => quantiles(columns, rows, percent),
    }
}

fn moments(columns: &[Cow<'_, [f64]>], rows: usize, moment: Moment) -> Vec<f64> {
    let (sums, counts) = sums(columns, rows);
    match moment {
        Moment::Count => counts,
        Moment::Sum => sums,
        Moment::Mean => quotients(sums, &counts),
        Moment::Variance => variances(columns, sums, &counts),
        Moment::Deviation => variances(columns, sums, &counts).into_iter().map(f64::sqrt).collect(),
    }
}

/// The sum of the values of each row, and how many there are.
fn sums(columns: &[Cow<'_, [f64]>], rows: usize) -> (Vec<f64>, Vec<f64>) {
    let sums = plain_sums(columns, rows);
    // A value that is NaN makes its row's sum NaN: where none is, there is a value everywhere.
    if !sums.iter().any(|sum| sum.is_nan()) {
        return (sums, vec![columns.len() as f64; rows]);
    }
    let mut counts = vec![0.0; rows];
    let mut sums = vec![0.0; rows];
    for column in columns {
        for ((count, sum), value) in counts.iter_mut().zip(&mut sums).zip(column.iter()) {
            let present = !value.is_nan();
            *count += f64::from(u8::from(present));
            *sum += if present { *value } else { 0.0 };
        }
    }
    (sums, counts)
}

/// The sum of each row, of values and what is none alike.
fn plain_sums(columns: &[Cow<'_, [f64]>], rows: usize) -> Vec<f64> {
    let mut sums = vec![0.0; rows];
    add_up(&mut sums, columns);
    sums
}

/// Adds columns to sums, one after the other.
pub(super) fn add_up(sums: &mut [f64], columns: &[impl Deref<Target = [f64]>]) {
    // Several columns at once, in their order: sums are fetched and put back once for all of them.
    let (together, rest) = columns.as_chunks::<4>();
    for [a, b, c, d] in together {
        for ((((sum, a), b), c), d) in sums.iter_mut().zip(a.iter()).zip(b.iter()).zip(c.iter()).zip(d.iter()) {
            *sum = *sum + a + b + c + d;
        }
    }
    for column in rest {
        for (sum, value) in sums.iter_mut().zip(column.iter()) {
            *sum += value;
        }
    }
}

/// Variances of the population: a second pass, around the means.
fn variances(columns: &[Cow<'_, [f64]>], sums: Vec<f64>, counts: &[f64]) -> Vec<f64> {
    let means = quotients(sums, counts);
    let mut squares = vec![0.0; means.len()];
    for column in columns {
        for ((square, mean), value) in squares.iter_mut().zip(&means).zip(column.iter()) {
            let distance = value - mean;
            *square += if value.is_nan() { 0.0 } else { distance * distance };
        }
    }
    quotients(squares, counts)
}

/// Sums divided by counts.
pub(super) fn quotients(mut sums: Vec<f64>, counts: &[f64]) -> Vec<f64> {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum /= count;
    }
    sums
}

fn picks(columns: &[Cow<'_, [f64]>], rows: usize, pick: Pick) -> Vec<f64> {
    let mut picked = vec![f64::NAN; rows];
    pick_out(&mut picked, columns, pick);
    picked
}

/// Of what was picked of each row, and the values of columns one after the other, picks one.
pub(super) fn pick_out(picked: &mut [f64], columns: &[impl Deref<Target = [f64]>], pick: Pick) {
    for column in columns {
        for (picked, value) in picked.iter_mut().zip(column.iter()) {
            *picked = pick.of(*picked, *value);
        }
    }
}

fn quantiles(columns: &[Cow<'_, [f64]>], rows: usize, percent: u8) -> Vec<f64> {
    let mut values = Vec::with_capacity(columns.len());
    let row = |i: usize| {
        values.clear();
        values.extend(columns.iter().map(|column| column[i]).filter(|value| !value.is_nan()));
        quantile(&mut values, percent)
    };
    (0..rows).map(row).collect()
}
