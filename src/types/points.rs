//! Points on their way from chunks to an answer: timestamps that lie evenly are not written out one by one.
//!
//! Most archives have a point for each group, so that first, step and count say all about a million timestamps; and what
//! many series have in common need not be compared, or held, for each of them. This module must never change a timestamp:
//! [`Starts`] are the same ones in whatever form they are held.

use std::ops::Range;

use super::Columns;

/// Ascending timestamps.
#[derive(Debug, Clone, PartialEq)]
pub enum Starts {
    /// This many, each a step after the one before.
    Even {
        /// The first, in ns.
        first: i64,
        /// From one to the next, in ns.
        step: i64,
        /// How many.
        rows: usize,
    },
    /// These.
    Listed(Vec<i64>),
}

impl Default for Starts {
    fn default() -> Self {
        Starts::Even { first: 0, step: 1, rows: 0 }
    }
}

impl Starts {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Starts::Even { rows, .. } => *rows,
            Starts::Listed(list) => list.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends `more` of them from `from` on, a `step` apart; the caller knows that the last one is no overflow.
    pub fn extend_even(&mut self, from: i64, by: i64, more: usize) {
        match self {
            Starts::Even { first, step, rows } if *rows == 0 => (*first, *step, *rows) = (from, by, more),
            Starts::Even { first, step, rows } if *step == by && nth(*first, by, *rows) == from => *rows += more,
            _ => self.list().extend((0..more).map(|i| nth(from, by, i))),
        }
    }

    /// Appends these.
    pub fn extend(&mut self, timestamps: &[i64]) {
        if let Starts::Even { first, step, rows } = self
            && *rows > 0
            && timestamps.iter().enumerate().all(|(i, timestamp)| *timestamp == nth(*first, *step, *rows + i))
        {
            *rows += timestamps.len();
        } else {
            self.list().extend_from_slice(timestamps);
        }
    }

    /// The timestamps, written out.
    pub fn list(&mut self) -> &mut Vec<i64> {
        if let Starts::Even { first, step, rows } = *self {
            *self = Starts::Listed((0..rows).map(|i| nth(first, step, i)).collect());
        }
        match self {
            Starts::Listed(list) => list,
            // Was replaced above; an empty list is what no timestamps are.
            even @ Starts::Even { .. } => {
                *even = Starts::Listed(Vec::new());
                even.list()
            }
        }
    }

    /// The same, owned.
    pub fn into_list(mut self) -> Vec<i64> {
        std::mem::take(self.list())
    }

    /// Keeps the first `rows`.
    pub fn truncate(&mut self, kept: usize) {
        match self {
            Starts::Even { rows, .. } => *rows = kept.min(*rows),
            Starts::Listed(list) => list.truncate(kept),
        }
    }

    /// Removes some of them.
    fn remove(&mut self, removed: Range<usize>) {
        match self {
            Starts::Even { first, step, rows } if removed.start == 0 => {
                *first = nth(*first, *step, removed.end);
                *rows -= removed.end.min(*rows);
            }
            Starts::Even { rows, .. } if removed.end == *rows => *rows = removed.start,
            _ => drop(self.list().drain(removed)),
        }
    }

    /// Of those at `from` and after, how many lie before `timestamp`.
    fn before(&self, from: usize, timestamp: i64) -> usize {
        match self {
            Starts::Even { first, step, rows } => {
                let distance = i128::from(timestamp) - i128::from(nth(*first, *step, from));
                let groups = (distance + i128::from(*step) - 1).div_euclid(i128::from((*step).max(1)));
                groups.clamp(0, (*rows - from.min(*rows)) as i128) as usize
            }
            Starts::Listed(list) => list.get(from..).unwrap_or_default().partition_point(|start| *start < timestamp),
        }
    }
}

fn nth(first: i64, step: i64, i: usize) -> i64 {
    first.wrapping_add(step.wrapping_mul(i as i64))
}

/// Timestamps and values of one series, parallel and sorted by time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Points {
    /// When.
    pub starts: Starts,
    /// One value for each timestamp.
    pub values: Vec<f64>,
}

impl Points {
    /// How many points there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Appends these.
    pub fn extend(&mut self, columns: &Columns) {
        self.starts.extend(&columns.timestamps);
        self.values.extend_from_slice(&columns.values);
    }

    /// Keeps the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        self.starts.truncate(rows);
        self.values.truncate(rows);
    }

    /// Of the points at `from` and after, keeps those in `times`.
    pub fn trim(&mut self, from: usize, times: &Range<i64>) {
        let begin = from + self.starts.before(from, times.start);
        let end = (from + self.starts.before(from, times.end)).max(begin);
        self.truncate(end);
        if begin > from {
            self.starts.remove(from..begin);
            self.values.drain(from..begin);
        }
    }
}

impl From<Points> for Columns {
    fn from(points: Points) -> Self {
        Columns { timestamps: points.starts.into_list(), values: points.values }
    }
}

impl From<Columns> for Points {
    fn from(columns: Columns) -> Self {
        Points { starts: Starts::Listed(columns.timestamps), values: columns.values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Stretches of timestamps: even ones by first, step and count, others listed.
    fn stretches() -> impl Strategy<Value = Vec<(i64, i64, usize, bool)>> {
        let stretch = (0i64..3, prop_oneof![4 => Just(10i64), 1 => 1i64..30], 0usize..6, any::<bool>());
        prop::collection::vec(stretch, 0..6)
    }

    /// The same stretches one after the other, as points and as columns.
    fn made(stretches: &[(i64, i64, usize, bool)]) -> (Points, Columns) {
        let (mut points, mut columns) = (Points::default(), Columns::default());
        let mut next = 0;
        for (gap, step, rows, even) in stretches {
            let from = next + gap * step;
            let more = Columns {
                timestamps: (0..*rows as i64).map(|i| from + i * step).collect(),
                values: (0..*rows).map(|i| (columns.len() + i) as f64).collect(),
            };
            if *even {
                points.starts.extend_even(from, *step, *rows);
                points.values.extend_from_slice(&more.values);
            } else {
                points.extend(&more);
            }
            columns.timestamps.extend(&more.timestamps);
            columns.values.extend(&more.values);
            next = more.timestamps.last().map_or(next, |last| last + step);
        }
        (points, columns)
    }

    #[test]
    fn even_stretches_that_follow_on_stay_one() {
        let mut starts = Starts::default();
        assert!(starts.is_empty());
        starts.extend_even(60, 60, 2);
        starts.extend_even(180, 60, 3);
        starts.extend(&[360, 420]);
        assert_eq!(starts, Starts::Even { first: 60, step: 60, rows: 7 });
        starts.extend_even(600, 60, 1);
        assert_eq!(starts.into_list(), [60, 120, 180, 240, 300, 360, 420, 600]);
    }

    #[test]
    fn the_ends_of_time_are_no_overflow() {
        let mut points = Points::default();
        points.starts.extend_even(i64::MAX - 1, 1, 2);
        points.values = vec![1.0, 2.0];
        points.trim(0, &(i64::MIN..i64::MAX));
        assert_eq!(Columns::from(points).timestamps, [i64::MAX - 1]);
    }

    proptest! {
        #[test]
        fn points_are_the_columns_that_they_stand_for(
            stretches in stretches(), from in 0usize..20, start in -20i64..300, length in 0i64..300,
        ) {
            let (mut points, columns) = made(&stretches);
            prop_assert_eq!(points.len(), columns.len());
            prop_assert_eq!(&Columns::from(points.clone()), &columns);
            let (from, times) = (from.min(columns.len()), start..start + length);
            points.trim(from, &times);
            let kept = |(row, (time, _)): &(usize, (i64, f64))| *row < from || times.contains(time);
            let kept: Vec<(i64, f64)> = columns.iter().enumerate().filter(kept).map(|(_, point)| point).collect();
            prop_assert_eq!(Columns::from(points).iter().collect::<Vec<_>>(), kept);
        }
    }
}
