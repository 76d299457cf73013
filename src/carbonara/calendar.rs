//! What points are resampled to: a timespan, or a group of the calendar.
//!
//! Calendar groups are those of the Gregorian calendar in UTC. Nothing here may depend on a time zone or a locale.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};

use super::window::group_start;
use crate::error::{Error, Result};
use crate::types::Timespan;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
const WEEK: i64 = 7 * DAY;
/// Days from the Sunday before the epoch, which was a Thursday, to the epoch.
const SINCE_SUNDAY: i64 = 4;

/// The groups that [`resample`](super::resample) makes: of a fixed length, or of the calendar (UTC).
///
/// ```
/// use gnocchetti::internals::carbonara::Sampling;
///
/// let sampling: Sampling = "Q".parse()?;
/// assert_eq!(sampling, Sampling::Quarter);
/// assert_eq!(sampling.to_string(), "Q");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Groups of this length, counted from the epoch.
    Timespan(Timespan),
    /// `Y`: years.
    Year,
    /// `H`: half-years, from January and July.
    HalfYear,
    /// `Q`: quarters, from January, April, July and October.
    Quarter,
    /// `M`: months.
    Month,
    /// `W`: weeks, from Sunday.
    Week,
}

const NAMED: [(Sampling, &str); 5] = [
    (Sampling::Year, "Y"),
    (Sampling::HalfYear, "H"),
    (Sampling::Quarter, "Q"),
    (Sampling::Month, "M"),
    (Sampling::Week, "W"),
];

impl Sampling {
    /// Start and last timestamp of the group that holds `t` (ns, not negative). The week of the epoch counts from the
    /// epoch, so that no start is negative.
    pub(crate) fn group_of(self, t: i64) -> (i64, i64) {
        match self {
            Sampling::Timespan(span) => {
                let start = group_start(t, span.nanos());
                (start, start.saturating_add(span.nanos() - 1))
            }
            Sampling::Week => {
                let day = t / DAY;
                let sunday = (day - (day + SINCE_SUNDAY) % 7) * DAY;
                (sunday.max(0), sunday.saturating_add(WEEK - 1))
            }
            Sampling::Year => months(t, 12),
            Sampling::HalfYear => months(t, 6),
            Sampling::Quarter => months(t, 3),
            Sampling::Month => months(t, 1),
        }
    }
}

/// The group of `length` months (a divisor of 12) that holds `t`.
fn months(t: i64, length: i32) -> (i64, i64) {
    let date = DateTime::from_timestamp_nanos(t).date_naive();
    let month = date.year() * 12 + date.month0() as i32;
    let first = month - month % length;
    // Only a month after the last nanosecond there is has no start.
    (month_start(first).unwrap_or(0), month_start(first + length).map_or(i64::MAX, |next| next - 1))
}

/// When month `month`, counted from the year 0, starts; `None` after the end of time.
fn month_start(month: i32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(month / 12, (month % 12) as u32 + 1, 1)?;
    date.and_time(NaiveTime::MIN).and_utc().timestamp_nanos_opt()
}

impl FromStr for Sampling {
    type Err = Error;

    /// `Y`, `H`, `Q`, `M`, `W`, or what [`Timespan`] understands.
    fn from_str(text: &str) -> Result<Self> {
        match NAMED.iter().find(|(_, name)| *name == text) {
            Some((sampling, _)) => Ok(*sampling),
            None => text.parse().map(Sampling::Timespan),
        }
    }
}

impl fmt::Display for Sampling {
    /// The letter, or the timespan in seconds with as many decimals as it needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Sampling::Timespan(span) = self {
            let (seconds, nanos) = (span.nanos() / SECOND, span.nanos() % SECOND);
            if nanos == 0 {
                return write!(f, "{seconds}");
            }
            let decimals = format!("{nanos:09}");
            return write!(f, "{seconds}.{}", decimals.trim_end_matches('0'));
        }
        NAMED.iter().find(|(sampling, _)| sampling == self).map_or(Ok(()), |(_, name)| f.write_str(name))
    }
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;
    use proptest::prelude::*;

    use super::*;

    const CALENDAR: [Sampling; 5] =
        [Sampling::Year, Sampling::HalfYear, Sampling::Quarter, Sampling::Month, Sampling::Week];

    fn nanos(text: &str) -> i64 {
        format!("{text}Z").parse::<DateTime<chrono::Utc>>().unwrap().timestamp_nanos_opt().unwrap()
    }

    /// Whether two days lie in one calendar group, told from their own fields.
    fn together(sampling: Sampling, a: NaiveDate, b: NaiveDate) -> bool {
        let half = |date: NaiveDate| (date.year(), date.month() > 6);
        match sampling {
            Sampling::Year => a.year() == b.year(),
            Sampling::HalfYear => half(a) == half(b),
            Sampling::Quarter => (a.year(), a.quarter()) == (b.year(), b.quarter()),
            Sampling::Month => (a.year(), a.month()) == (b.year(), b.month()),
            Sampling::Week => a.week(Weekday::Sun).first_day() == b.week(Weekday::Sun).first_day(),
            Sampling::Timespan(_) => unreachable!("not of the calendar"),
        }
    }

    proptest! {
        #[test]
        fn a_calendar_group_is_all_that_shares_its_date_fields(t in 0..=i64::MAX, which in 0..CALENDAR.len()) {
            let sampling = CALENDAR[which];
            let (start, last) = sampling.group_of(t);
            let date = |t: i64| DateTime::from_timestamp_nanos(t).date_naive();
            prop_assert!(0 <= start && start <= t && t <= last);
            prop_assert!(together(sampling, date(start), date(t)) && together(sampling, date(t), date(last)));
            prop_assert!(start == 0 || (start % DAY == 0 && !together(sampling, date(start - 1), date(t))));
            prop_assert!(last == i64::MAX || !together(sampling, date(last + 1), date(t)));
        }
    }

    #[test]
    fn groups_start_where_the_calendar_says() {
        let t = nanos("2016-02-29T23:59:59.999999999");
        for (sampling, start) in
            CALENDAR.into_iter().zip(["2016-01-01", "2016-01-01", "2016-01-01", "2016-02-01", "2016-02-28"])
        {
            assert_eq!(sampling.group_of(t).0, nanos(&format!("{start}T00:00:00")), "{sampling}");
        }
        assert_eq!(Sampling::HalfYear.group_of(nanos("2015-07-01T00:00:00")).0, nanos("2015-07-01T00:00:00"));
        assert_eq!(Sampling::Week.group_of(nanos("2015-03-06T14:34:12")).0, nanos("2015-03-01T00:00:00"));
    }

    #[test]
    fn the_epochs_own_week_starts_at_the_epoch() {
        assert_eq!(Sampling::Week.group_of(0), (0, 3 * DAY - 1));
        assert_eq!(Sampling::Week.group_of(3 * DAY).0, 3 * DAY);
    }

    #[test]
    fn the_last_groups_reach_to_the_end_of_time() {
        for sampling in CALENDAR {
            assert_eq!(sampling.group_of(i64::MAX).1, i64::MAX, "{sampling}");
        }
    }

    #[test]
    fn letters_and_lengths_read_and_print() {
        for sampling in CALENDAR {
            assert_eq!(sampling.to_string().parse::<Sampling>().unwrap(), sampling);
        }
        for text in ["", "y", "YY", "decade"] {
            assert!(text.parse::<Sampling>().is_err(), "{text}");
        }
        let print = |nanos| Sampling::Timespan(Timespan::from_nanos(nanos).unwrap()).to_string();
        assert_eq!([print(86_400 * SECOND), print(SECOND / 2), print(1)], ["86400", "0.5", "0.000000001"]);
    }
}
