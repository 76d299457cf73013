//! Cutting ascending timestamps into groups.
//!
//! A group is found once, at its first measure (one division, or one look at the calendar), and its end by comparing
//! timestamps with the last one it can hold. This module never looks at values.

use std::ops::Range;

use super::window::group_start;

/// Where the groups of a stretch of timestamps begin: rows in ascending order, each with at least one measure.
pub(super) struct Groups {
    /// Start of each group in ns.
    pub starts: Vec<i64>,
    /// The measures of row `i` are `bounds[i]..bounds[i + 1]`.
    pub bounds: Vec<usize>,
}

impl Groups {
    /// Groups of length `g`.
    pub fn of_length(timestamps: &[i64], g: i64) -> Groups {
        let span = match timestamps {
            [first, .., last] => last.saturating_sub(*first) / g,
            _ => 0,
        };
        let most = usize::try_from(span).unwrap_or(usize::MAX).saturating_add(2);
        // Where series are regular each group lies as far behind the one before as that one did: no division then.
        let (mut start, mut stride) = (0_i64, g);
        Groups::cut(timestamps, most, |t| {
            let within = t.wrapping_sub(start).wrapping_sub(stride);
            if (0..g).contains(&within) {
                start += stride;
            } else {
                let found = group_start(t, g);
                stride = found - start;
                start = found;
            }
            (start, start.saturating_add(g - 1))
        })
    }

    /// Groups of which `group_of` tells the start and the last timestamp from any timestamp inside; at most `most`.
    pub fn cut(timestamps: &[i64], most: usize, mut group_of: impl FnMut(i64) -> (i64, i64)) -> Groups {
        let capacity = most.min(timestamps.len());
        let mut groups = Groups { starts: Vec::with_capacity(capacity), bounds: Vec::with_capacity(capacity + 1) };
        groups.bounds.push(0);
        let (mut at, mut length) = (0, 1);
        while at < timestamps.len() {
            let (start, last) = group_of(timestamps[at]);
            let end = end_of_group(timestamps, at, last, length);
            groups.starts.push(start);
            groups.bounds.push(end);
            length = end - at;
            at = end;
        }
        groups
    }
}

/// The index behind the last timestamp that is at most `last`, in `from + 1..`; `guess` is how many measures there may be.
#[inline]
fn end_of_group(timestamps: &[i64], from: usize, last: i64, guess: usize) -> usize {
    // Every measure a group of its own: the most common shape, and the one where each group's cost counts most.
    if guess == 1 && timestamps.get(from + 1).is_none_or(|next| *next > last) {
        return from + 1;
    }
    search_end(timestamps, from, last, guess)
}

/// The same, for groups of any length. Tries `from + guess` first: regular series have as many measures in each group as in
/// the one before.
fn search_end(timestamps: &[i64], from: usize, last: i64, guess: usize) -> usize {
    let total = timestamps.len();
    let guessed = (from + guess).min(total);
    if timestamps[guessed - 1] > last {
        return from + 1 + timestamps[from + 1..guessed - 1].partition_point(|t| *t <= last);
    }
    let (mut inside, mut step) = (guessed, 1);
    loop {
        let ahead = (inside + step).min(total);
        if inside == total || timestamps[inside] > last {
            return inside;
        }
        if timestamps[ahead - 1] > last {
            return inside + timestamps[inside..ahead].partition_point(|t| *t <= last);
        }
        inside = ahead;
        step *= 2;
    }
}

/// The indices of the measures whose group of length `g` starts in `starts`.
pub(super) fn measures_of(timestamps: &[i64], g: i64, starts: &Range<i64>) -> Range<usize> {
    let Some((first, last)) = span_of(g, starts) else {
        return 0..0;
    };
    let from = timestamps.partition_point(|t| *t < first);
    let length = timestamps[from..].partition_point(|t| *t <= last);
    from..from + length
}

/// First and last timestamp that groups starting in `starts` can hold; `None` when no group starts there.
fn span_of(g: i64, starts: &Range<i64>) -> Option<(i64, i64)> {
    let from = starts.start.max(0);
    if starts.end <= from {
        return None;
    }
    let first = match from % g {
        0 => from,
        past => from.checked_add(g - past)?,
    };
    let last_start = group_start(starts.end - 1, g);
    (first <= last_start).then(|| (first, last_start.saturating_add(g - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_groups_that_start_in_the_range_count() {
        assert_eq!(span_of(60, &(0..1)), Some((0, 59)));
        assert_eq!(span_of(60, &(1..60)), None);
        assert_eq!(span_of(60, &(1..61)), Some((60, 119)));
        assert_eq!(span_of(60, &(-5..61)), Some((0, 119)));
        assert_eq!(span_of(60, &(60..60)), None);
        assert_eq!(span_of(i64::MAX, &(1..i64::MAX)), None);
        assert_eq!(span_of(i64::MAX, &(0..i64::MAX)), Some((0, i64::MAX - 1)));
        assert_eq!(span_of(i64::MAX / 2 + 1, &(1..i64::MAX)), Some((i64::MAX / 2 + 1, i64::MAX)));
    }

    proptest! {
        #[test]
        fn groups_hold_what_a_division_per_measure_says(
            deltas in prop::collection::vec(prop_oneof![1..4_i64, 1..200_i64, 1..i64::MAX / 8], 0..120),
            g in prop_oneof![1..40_i64, 1..=i64::MAX],
        ) {
            let timestamps: Vec<i64> = deltas.iter().scan(0_i64, |t, d| {
                *t = t.checked_add(*d)?;
                Some(*t)
            }).collect();
            let groups = Groups::of_length(&timestamps, g);
            let mut expected: Vec<(i64, usize)> = Vec::new();
            for (i, t) in timestamps.iter().enumerate() {
                match expected.last_mut() {
                    Some((start, end)) if *start == t / g * g => *end = i + 1,
                    _ => expected.push((t / g * g, i + 1)),
                }
            }
            let found: Vec<(i64, usize)> = groups.starts.into_iter().zip(groups.bounds[1..].iter().copied()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
