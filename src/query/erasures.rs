//! What was deleted of segments that are never rewritten in place: readers and merges leave it out.
//!
//! An erasure is a stretch of one archive of one metric, or of its raw measures. It counts for segments that are older than it,
//! which their numbers tell: what is written afterwards lacks the deleted rows already, and may hold new ones at the same
//! times. This module must never decide what is deleted, nor when an erasure is done with.

use std::collections::BTreeMap;

use crate::codec::{DecodeError, Scratch, encode_measures};
use crate::head::{Raw, Run};
use crate::types::SeriesState;

/// A deleted stretch of an archive, or of raw measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// The metric's key.
    pub metric: u64,
    /// As in the entries of segments: an archive's granularity in ns, or that of raw measures.
    pub granularity: i64,
    /// The first deleted time.
    pub from: i64,
    /// The first time after it that is not; `i64::MAX`: there is none.
    pub to: i64,
    /// It counts in segments with numbers below this.
    pub before: u64,
    /// The journal's last record then: what came in up to it, and was not deleted, segments have.
    pub sequence: u64,
}

/// Whether `time` lies in `[from, to)`, where a `to` of `i64::MAX` has no end.
pub fn within(time: i64, from: i64, to: i64) -> bool {
    time >= from && (time < to || to == i64::MAX)
}

impl Erasure {
    /// Whether some row of a chunk from `first` to `last` in the segment of this number may lie in it.
    pub fn touches(&self, number: u64, first: i64, last: i64) -> bool {
        number < self.before && last >= self.from && (first < self.to || self.to == i64::MAX)
    }

    /// Whether the measure before the window that this state knows is erased: it is a state from before.
    pub fn forgets(&self, state: &SeriesState) -> bool {
        let previous = state.previous.filter(|_| state.sequence <= self.sequence);
        previous.is_some_and(|measure| within(measure.timestamp, self.from, self.to))
    }

    /// Whether all rows of such a chunk do.
    pub fn covers(&self, number: u64, first: i64, last: i64) -> bool {
        number < self.before && within(first, self.from, self.to) && within(last, self.from, self.to)
    }
}

/// All erasures, found by metric and granularity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erasures(BTreeMap<(u64, i64), Vec<Erasure>>);

impl Erasures {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Erasure> {
        self.0.values().flatten()
    }

    /// Those of one archive of a metric, or of its raw measures.
    pub fn of(&self, metric: u64, granularity: i64) -> &[Erasure] {
        self.0.get(&(metric, granularity)).map_or(&[], Vec::as_slice)
    }

    /// Whether anything of a metric, in whatever archive, is erased between these times.
    pub fn touch(&self, metric: u64, first: i64, last: i64) -> bool {
        let all = self.0.range((metric, i64::MIN)..=(metric, i64::MAX)).flat_map(|(_, erasures)| erasures);
        all.into_iter().any(|erasure| erasure.touches(0, first, last))
    }

    /// Takes those of one archive of a metric, or of its raw measures, out.
    pub fn take(&mut self, metric: u64, granularity: i64) -> Vec<Erasure> {
        self.0.remove(&(metric, granularity)).unwrap_or_default()
    }

    /// These, and one more.
    pub fn insert(&mut self, erasure: Erasure) {
        self.0.entry((erasure.metric, erasure.granularity)).or_default().push(erasure);
    }
}

impl FromIterator<Erasure> for Erasures {
    fn from_iter<T: IntoIterator<Item = Erasure>>(erasures: T) -> Self {
        let mut all = Erasures::default();
        erasures.into_iter().for_each(|erasure| all.insert(erasure));
        all
    }
}

/// Whether a chunk from `first` to `last` in the segment of this number may have rows that `erased` hides.
pub fn touched(erased: &[Erasure], number: u64, first: i64, last: i64) -> bool {
    erased.iter().any(|erasure| erasure.touches(number, first, last))
}

/// Whether `erased` hides a row at `time` of the segment of this number.
pub fn hidden(erased: &[Erasure], number: u64, time: i64) -> bool {
    erased.iter().any(|erasure| erasure.covers(number, time, time))
}

/// A run of the segment of this number without what `erased` hides; `None` when nothing is left.
pub fn cut(run: Run, erased: &[Erasure], number: u64) -> Result<Option<Run>, DecodeError> {
    if !touched(erased, number, run.first, run.last) {
        return Ok(Some(run));
    }
    let (mut scratch, mut raw) = (Scratch::default(), Raw::default());
    run.read(i64::MIN, i64::MAX, &mut scratch, &mut raw)?;
    let mut left = Raw::default();
    for (&timestamp, &value) in raw.timestamps.iter().zip(&raw.values) {
        if !hidden(erased, number, timestamp) {
            left.timestamps.push(timestamp);
            left.values.push(value);
        }
    }
    let (Some(&first), Some(&last)) = (left.timestamps.first(), left.timestamps.last()) else { return Ok(None) };
    let mut bytes = Vec::new();
    encode_measures(&left.timestamps, &left.values, &mut scratch, &mut bytes);
    Ok(Some(Run { first, last, rows: left.timestamps.len() as u32, bytes: bytes.into() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erasure(from: i64, to: i64, before: u64) -> Erasure {
        Erasure { metric: 1, granularity: 0, from, to, before, sequence: 0 }
    }

    fn run(timestamps: &[i64]) -> Run {
        let (mut scratch, mut bytes) = (Scratch::default(), Vec::new());
        let values: Vec<f64> = timestamps.iter().map(|t| *t as f64).collect();
        encode_measures(timestamps, &values, &mut scratch, &mut bytes);
        let (first, last) = (timestamps[0], timestamps[timestamps.len() - 1]);
        Run { first, last, rows: timestamps.len() as u32, bytes: bytes.into() }
    }

    fn left(run: Option<Run>) -> Vec<i64> {
        let mut raw = Raw::default();
        if let Some(run) = run {
            run.read(i64::MIN, i64::MAX, &mut Scratch::default(), &mut raw).unwrap();
        }
        raw.timestamps
    }

    #[test]
    fn an_erasure_counts_in_older_segments_only() {
        let erasures = [erasure(10, 20, 5)];
        assert_eq!(left(cut(run(&[9, 10, 19, 20]), &erasures, 4).unwrap()), [9, 20]);
        assert_eq!(left(cut(run(&[9, 10, 19, 20]), &erasures, 5).unwrap()), [9, 10, 19, 20]);
        assert!(left(cut(run(&[10, 19]), &erasures, 4).unwrap()).is_empty());
        assert_eq!(left(cut(run(&[1, 2]), &erasures, 4).unwrap()), [1, 2]);
    }

    #[test]
    fn an_erasure_up_to_the_end_of_time_has_no_end() {
        let open = erasure(10, i64::MAX, 5);
        assert!(open.covers(1, i64::MAX, i64::MAX) && open.touches(1, i64::MAX, i64::MAX));
        assert!(!open.covers(1, 9, i64::MAX) && open.touches(1, 9, 10));
    }

    #[test]
    fn erasures_are_found_by_metric_and_granularity() {
        let erasures: Erasures =
            [erasure(1, 2, 3), Erasure { granularity: 60, ..erasure(5, 6, 3) }].into_iter().collect();
        assert_eq!(erasures.of(1, 0), [erasure(1, 2, 3)]);
        assert!(erasures.of(2, 0).is_empty());
        assert_eq!(erasures.len(), 2);
    }
}
