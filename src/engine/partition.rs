//! Partitions: the stretches of time whose aggregates, of all metrics, lie together in one directory.

use crate::carbonara::group_start;

const DAY: i64 = 86_400 * 1_000_000_000;
/// Gnocchi's unit of storage: this many consecutive groups.
const SPLIT_POINTS: i64 = 3600;
/// A split longer than this would keep too much from expiring.
const LONGEST: i64 = 32 * DAY;

/// How long the partitions of an archive are: whole splits, at least a day's worth; where a split is longer than 32 days,
/// as many whole groups as fit in 32 days, and at least one.
pub(super) fn length(granularity: i64) -> i64 {
    let split = granularity.saturating_mul(SPLIT_POINTS);
    if split <= LONGEST {
        let splits = DAY / split + i64::from(DAY % split != 0);
        splits.saturating_mul(split)
    } else {
        (LONGEST / granularity).max(1).saturating_mul(granularity)
    }
}

/// The start of the partition that holds the group starting at `start`.
pub(super) fn start(start: i64, granularity: i64) -> i64 {
    group_start(start, length(granularity))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn partitions_are_whole_splits_of_about_a_day() {
        assert_eq!(length(SECOND), 24 * 3600 * SECOND);
        assert_eq!(length(7 * SECOND), 4 * 7 * 3600 * SECOND);
        assert_eq!(length(60 * SECOND), 60 * 3600 * SECOND);
        assert_eq!(length(3600 * SECOND), 768 * 3600 * SECOND);
        assert_eq!(length(40 * DAY), 40 * DAY);
        assert_eq!(length(i64::MAX), i64::MAX);
        assert_eq!(length(1), DAY);
        assert_eq!(start(DAY + 5, SECOND), DAY);
    }
}
