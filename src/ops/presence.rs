//! When a series counts: how much of each group its resource belonged to what is asked about.
//!
//! Operations below `aggregate` see a series as a whole, so that a difference or a window at the edge of such a time is
//! what it is without that edge. Where series come together, or leave as results, each value is multiplied by its share.

use std::ops::Range;
use std::sync::Arc;

use crate::carbonara::Sampling;

/// The times in which a series counts, in ns. A point of a group that lies outside of all of them is none; one of a group
/// of which they cover a part counts for that part of its value.
///
/// ```
/// use gnocchetti::ops::Presence;
///
/// let presence = Presence::new([0..30, 50..60]);
/// assert_eq!(presence.share(&(0..20)), 1.0);
/// assert_eq!(presence.share(&(20..40)), 0.5);
/// assert_eq!(presence.share(&(30..50)), 0.0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence(Arc<[Range<i64>]>);

impl Presence {
    /// These times, in any order; where they overlap they count once.
    pub fn new(times: impl IntoIterator<Item = Range<i64>>) -> Self {
        let mut times: Vec<Range<i64>> = times.into_iter().filter(|time| time.start < time.end).collect();
        times.sort_unstable_by_key(|time| time.start);
        let mut merged: Vec<Range<i64>> = Vec::with_capacity(times.len());
        for time in times {
            match merged.last_mut().filter(|last| time.start <= last.end) {
                Some(last) => last.end = last.end.max(time.end),
                None => merged.push(time),
            }
        }
        Presence(merged.into())
    }

    /// Which part of a group it is there, from 0 to 1.
    pub fn share(&self, group: &Range<i64>) -> f64 {
        let first = self.0.partition_point(|time| time.end <= group.start);
        let mut covered = 0;
        for time in self.0[first..].iter().take_while(|time| time.start < group.end) {
            covered += time.end.min(group.end) - time.start.max(group.start);
        }
        let length = group.end.saturating_sub(group.start);
        if covered >= length { 1.0 } else { covered as f64 / length as f64 }
    }

    /// The shares of the groups that begin at these times.
    pub(super) fn shares(&self, starts: &[i64], sampling: Sampling) -> Vec<f64> {
        starts.iter().map(|start| self.share(&group_at(*start, sampling))).collect()
    }
}

/// The group of a point.
fn group_at(start: i64, sampling: Sampling) -> Range<i64> {
    let (first, last) = sampling.group_of(start);
    first..last.saturating_add(1)
}

/// Multiplies values by their shares; what has none is no value.
pub(super) fn weigh(values: &mut [f64], shares: &[f64]) {
    for (value, share) in values.iter_mut().zip(shares) {
        if *share == 0.0 {
            *value = f64::NAN;
        } else if *share != 1.0 {
            *value *= share;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(times: &[(i64, i64)]) -> Presence {
        Presence::new(times.iter().map(|(from, to)| *from..*to))
    }

    #[test]
    fn times_are_merged_and_those_of_no_length_left_out() {
        let merged = presence(&[(50, 60), (0, 10), (5, 20), (20, 30), (40, 40), (45, 44)]);
        assert_eq!(&*merged.0, [0..30, 50..60]);
        assert_eq!(presence(&[]).share(&(0..10)), 0.0);
    }

    #[test]
    fn a_share_is_the_part_of_the_group_that_is_covered() {
        let presence = presence(&[(10, 20), (25, 30), (40, i64::MAX)]);
        for (group, share) in [(0..10, 0.0), (0..20, 0.5), (10..20, 1.0), (10..30, 0.75), (30..40, 0.0), (35..45, 0.5)]
        {
            assert_eq!(presence.share(&group), share, "{group:?}");
        }
        assert_eq!(presence.share(&(i64::MAX - 10..i64::MAX)), 1.0);
    }

    #[test]
    fn groups_of_the_calendar_have_their_own_lengths() {
        const DAY: i64 = 86_400_000_000_000;
        let january = presence(&[(0, 31 * DAY)]);
        assert_eq!(january.shares(&[0, 31 * DAY], Sampling::Month), [1.0, 0.0]);
        assert_eq!(january.shares(&[0], Sampling::Quarter), [31.0 / 90.0]);
    }

    #[test]
    fn what_has_no_share_is_no_value() {
        let mut values = [1.0, 2.0, f64::NAN, 8.0];
        weigh(&mut values, &[1.0, 0.25, 0.5, 0.0]);
        assert_eq!(values[..2], [1.0, 0.5]);
        assert!(values[2].is_nan() && values[3].is_nan());
    }
}
