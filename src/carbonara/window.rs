//! When time closes: starts of groups, the late rule, what raw measures are still needed, and how far an archive reaches
//! back.
//!
//! Numbers in, numbers out: nothing here may look at measures. Every result is clamped to the range of timestamps instead
//! of overflowing, and clamping never changes an answer, since no measure lies outside that range.

/// The start of the group of length `g` that holds `t`, in ns: ⌊t/g⌋·g.
///
/// # Panics
///
/// When `g` is 0.
///
/// ```
/// use gnocchetti::internals::carbonara::group_start;
///
/// assert_eq!(group_start(59, 60), 0);
/// assert_eq!(group_start(60, 60), 60);
/// ```
#[inline]
pub fn group_start(t: i64, g: i64) -> i64 {
    t.saturating_sub(t.rem_euclid(g))
}

/// The oldest timestamp a metric still accepts: a measure before it is late.
///
/// `newest` is the metric's newest measure before the batch, `block` its coarsest granularity, `window_blocks` the back
/// window in effect (one more than the policy's when it has any `rate:` method), all times in ns. What was sealed stays
/// sealed, so the result is never below `sealed_until`; nor is it negative.
///
/// # Panics
///
/// When `block` is 0.
///
/// ```
/// use gnocchetti::internals::carbonara::first_mutable;
///
/// assert_eq!(first_mutable(200, 60, 2, 0), 60);
/// assert_eq!(first_mutable(200, 60, 2, 120), 120);
/// ```
pub fn first_mutable(newest: i64, block: i64, window_blocks: u32, sealed_until: i64) -> i64 {
    // A window that saturates reaches back to before the epoch, as the true one does.
    let window = block.saturating_mul(i64::from(window_blocks));
    group_start(newest, block).saturating_sub(window).max(sealed_until).max(0)
}

/// The start of the first group of length `g` that is still open when all that ends at or before `sealed_until` is closed.
///
/// # Panics
///
/// When `g` is 0.
///
/// ```
/// use gnocchetti::internals::carbonara::first_open;
///
/// assert_eq!(first_open(150, 60), 120);
/// ```
pub fn first_open(sealed_until: i64, g: i64) -> i64 {
    group_start(sealed_until, g)
}

/// Raw measures at or after this are still needed by an open group of some granularity (ns). Without granularities it is
/// `sealed_until` itself.
///
/// # Panics
///
/// When a granularity is 0.
///
/// ```
/// use gnocchetti::internals::carbonara::keep_from;
///
/// // Sealed until 90 s: the group [0, 90) of 90 s is closed, [60, 120) of 60 s is not.
/// assert_eq!(keep_from(90, [60, 90].into_iter()), 60);
/// ```
pub fn keep_from(sealed_until: i64, granularities: impl Iterator<Item = i64>) -> i64 {
    granularities.fold(sealed_until, |least, g| least.min(first_open(sealed_until, g)))
}

/// The timestamp that points of an archive must be younger than to be kept; `None` when the archive keeps for ever.
///
/// It counts from the group of the metric's own `newest` measure, never from a clock. `g` is the archive's granularity;
/// all in ns. The result may be negative, when nothing is too old yet.
///
/// # Panics
///
/// When `g` is 0.
///
/// ```
/// use gnocchetti::internals::carbonara::retention_floor;
///
/// // Ten points of 60 s: the group of 1234 starts at 1200, and the points 660 to 1200 are kept.
/// assert_eq!(retention_floor(1234, 60, Some(600)), Some(600));
/// assert_eq!(retention_floor(1234, 60, None), None);
/// ```
pub fn retention_floor(newest: i64, g: i64, timespan: Option<i64>) -> Option<i64> {
    timespan.map(|timespan| group_start(newest, g).saturating_sub(timespan))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: i64 = i64::MAX;

    #[test]
    fn groups_start_at_multiples_up_to_the_end_of_time() {
        assert_eq!(group_start(0, 7), 0);
        assert_eq!(group_start(6, 7), 0);
        assert_eq!(group_start(7, 7), 7);
        assert_eq!(group_start(MAX, 1), MAX);
        assert_eq!(group_start(MAX, MAX), MAX);
        assert_eq!(group_start(MAX - 1, MAX), 0);
        assert_eq!(group_start(MAX, MAX / 2 + 1), MAX / 2 + 1);
        assert_eq!(group_start(i64::MIN, 60), i64::MIN);
    }

    #[test]
    fn a_measure_is_late_behind_the_window_or_behind_what_is_sealed() {
        assert_eq!(first_mutable(3_599, 3_600, 0, 0), 0);
        assert_eq!(first_mutable(3_600, 3_600, 0, 0), 3_600);
        assert_eq!(first_mutable(7_300, 3_600, 1, 0), 3_600);
        assert_eq!(first_mutable(7_300, 3_600, 9, 0), 0, "never negative");
        assert_eq!(first_mutable(7_300, 3_600, 9, 5_000), 5_000, "a grown window opens nothing again");
    }

    #[test]
    fn windows_longer_than_time_itself_reach_the_epoch() {
        assert_eq!(first_mutable(MAX, MAX, u32::MAX, 0), 0);
        assert_eq!(first_mutable(MAX, MAX, 1, 0), 0);
        assert_eq!(first_mutable(MAX, 1, u32::MAX, 0), MAX - i64::from(u32::MAX));
        assert_eq!(first_mutable(MAX, 1, 0, 0), MAX);
    }

    #[test]
    fn raw_measures_stay_while_any_granularity_needs_them() {
        assert_eq!(keep_from(180, [60, 90].into_iter()), 180);
        assert_eq!(keep_from(120, [60, 90].into_iter()), 90);
        assert_eq!(keep_from(120, [60, MAX].into_iter()), 0);
        assert_eq!(keep_from(120, std::iter::empty()), 120);
        assert_eq!(first_open(MAX, MAX), MAX);
    }

    #[test]
    fn retention_counts_from_the_newest_group() {
        assert_eq!(retention_floor(119, 60, Some(60)), Some(0));
        assert_eq!(retention_floor(0, 60, Some(MAX)), Some(-MAX));
        assert_eq!(retention_floor(i64::MIN, 60, Some(MAX)), Some(i64::MIN));
        assert_eq!(retention_floor(MAX, 1, Some(1)), Some(MAX - 1));
        assert_eq!(retention_floor(MAX, 1, None), None);
    }
}
