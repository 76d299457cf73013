//! [`Timespan`]: a length of time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{SECOND, Unreadable, decimal, duration};
use crate::error::{Error, Result};

/// A length of time: a positive number of nanoseconds, at most 2⁶³ − 1 (292 years).
///
/// It is read from everything that Gnocchi accepts: a number of seconds (`300`, `0.5`, `1e-3`), numbers with units
/// (`5 minutes`, `1h30m`, `1.5 days`, `1w3d2h32m`, in any case), and clocks (`00:05:00`, `2 days, 4:13:02`; `4:13` is
/// minutes and seconds). It prints as Gnocchi prints it, and what is printed is read back as the same.
///
/// ```
/// use gnocchetti::Timespan;
///
/// let timespan: Timespan = "1h30m".parse()?;
/// assert_eq!(timespan, Timespan::from_minutes(90)?);
/// assert_eq!(timespan.to_string(), "1:30:00");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Timespan(i64);

impl Timespan {
    /// One second.
    pub const SECOND: Timespan = Timespan::constant(SECOND);
    /// 60 seconds.
    pub const MINUTE: Timespan = Timespan::constant(60 * SECOND);
    /// 60 minutes.
    pub const HOUR: Timespan = Timespan::constant(3600 * SECOND);
    /// 24 hours.
    pub const DAY: Timespan = Timespan::constant(86_400 * SECOND);

    /// For constants only: what is wrong with one shows when the crate is compiled.
    pub(in crate::types) const fn constant(nanos: i64) -> Self {
        assert!(nanos > 0);
        Timespan(nanos)
    }

    /// A length of `nanos` ns.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTimespan`] when `nanos` is not positive.
    pub fn from_nanos(nanos: i64) -> Result<Self> {
        Timespan::positive(Ok(nanos), || format!("{nanos} ns"))
    }

    /// A length of `seconds` seconds, to the nearest nanosecond of the shortest decimal that means this float.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTimespan`] when that is not positive, not finite, or longer than 292 years.
    ///
    /// ```
    /// assert_eq!(gnocchetti::Timespan::from_secs_f64(0.1)?.nanos(), 100_000_000);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn from_secs_f64(seconds: f64) -> Result<Self> {
        Timespan::positive(decimal::nanos_of_float(seconds), || seconds.to_string())
    }

    fn positive(nanos: Result<i64, Unreadable>, value: impl Fn() -> String) -> Result<Self> {
        let reason = match nanos {
            Ok(nanos) if nanos > 0 => return Ok(Timespan(nanos)),
            Ok(_) => "it must be positive",
            Err(Unreadable::NotFinite) => "it is not finite",
            Err(Unreadable::Range) => "it is longer than 292 years",
            Err(_) => "give a number of seconds, units (1 hour 30 minutes, 1h30m) or a clock (01:30:00)",
        };
        Err(Error::InvalidTimespan { value: value(), reason: reason.into() })
    }

    /// A length of `seconds` seconds.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTimespan`] when it is 0 or longer than 292 years.
    ///
    /// ```
    /// use gnocchetti::Timespan;
    ///
    /// assert_eq!(Timespan::from_secs(300)?, Timespan::from_minutes(5)?);
    /// assert!(Timespan::from_days(200_000).is_err());
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn from_secs(seconds: u64) -> Result<Self> {
        Timespan::times(seconds, Timespan::SECOND, "s")
    }

    /// A length of `minutes` minutes.
    ///
    /// # Errors
    ///
    /// As [`Timespan::from_secs`].
    pub fn from_minutes(minutes: u64) -> Result<Self> {
        Timespan::times(minutes, Timespan::MINUTE, "min")
    }

    /// A length of `hours` hours.
    ///
    /// # Errors
    ///
    /// As [`Timespan::from_secs`].
    pub fn from_hours(hours: u64) -> Result<Self> {
        Timespan::times(hours, Timespan::HOUR, "h")
    }

    /// A length of `days` days of 24 hours.
    ///
    /// # Errors
    ///
    /// As [`Timespan::from_secs`].
    pub fn from_days(days: u64) -> Result<Self> {
        Timespan::times(days, Timespan::DAY, "d")
    }

    fn times(count: u64, unit: Timespan, symbol: &str) -> Result<Self> {
        unit.checked_mul(count).ok_or_else(|| {
            let reason = if count == 0 { "it must be positive" } else { "it is longer than 292 years" };
            Error::InvalidTimespan { value: format!("{count} {symbol}"), reason: reason.into() }
        })
    }

    /// The length in nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// `count` times this length; `None` when that is 0 or longer than 2⁶³ − 1 ns.
    pub fn checked_mul(self, count: u64) -> Option<Timespan> {
        let nanos = self.0.checked_mul(i64::try_from(count).ok()?)?;
        (nanos > 0).then_some(Timespan(nanos))
    }
}

impl fmt::Display for Timespan {
    /// As Gnocchi prints it: `0:05:00`, `30 days, 0:00:00`, `0:00:00.500000`; nine digits where microseconds do not do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, fraction) = (self.0 / SECOND, self.0 % SECOND);
        match seconds / 86_400 {
            0 => {}
            1 => f.write_str("1 day, ")?,
            days => write!(f, "{days} days, ")?,
        }
        write!(f, "{}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)?;
        match (fraction, fraction % 1000) {
            (0, _) => Ok(()),
            (_, 0) => write!(f, ".{:06}", fraction / 1000),
            _ => write!(f, ".{fraction:09}"),
        }
    }
}

impl FromStr for Timespan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let nanos = match decimal::number(text) {
            None => duration::parse(text),
            Some(number) => number.and_then(|number| {
                let magnitude = decimal::nanos(&[(number.magnitude, SECOND)]);
                if number.negative { Ok(-magnitude.unwrap_or(i64::MAX)) } else { magnitude }
            }),
        };
        Timespan::positive(nanos, || text.to_owned())
    }
}

impl TryFrom<i64> for Timespan {
    type Error = Error;

    fn try_from(nanos: i64) -> Result<Self> {
        Timespan::from_nanos(nanos)
    }
}

impl From<Timespan> for i64 {
    fn from(timespan: Timespan) -> i64 {
        timespan.nanos()
    }
}
