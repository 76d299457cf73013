//! [`Timestamp`]: a point in time.

use std::fmt;
use std::str::FromStr;

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{SECOND, Unreadable, decimal, duration, iso};
use crate::error::{Error, Result};

/// A point in time: nanoseconds since the Unix epoch, not negative, up to 2262-04-11T23:47:16.854775807Z.
///
/// ```
/// use gnocchetti::Timestamp;
///
/// let timestamp: Timestamp = "2015-03-06 14:34:00.5+12:00".parse()?;
/// assert_eq!(timestamp.to_string(), "2015-03-06T02:34:00.500Z");
/// assert_eq!("1425609240.5".parse::<Timestamp>()?, timestamp);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `nanos` ns after the epoch.
    ///
    /// # Errors
    ///
    /// [`Error::BeforeEpoch`] when `nanos` is negative.
    pub fn from_nanos(nanos: i64) -> Result<Self> {
        if nanos < 0 { Err(Error::BeforeEpoch { value: format!("{nanos} ns") }) } else { Ok(Timestamp(nanos)) }
    }

    /// The point `seconds` s after the epoch, to the nearest nanosecond.
    ///
    /// What counts is the shortest decimal that means this float: 1425652440.4 is 1425652440400000000 ns, although no
    /// float is exactly that.
    ///
    /// # Errors
    ///
    /// [`Error::BeforeEpoch`] when `seconds` is negative, [`Error::InvalidTimestamp`] when it is NaN or beyond 2262.
    ///
    /// ```
    /// assert_eq!(gnocchetti::Timestamp::from_secs_f64(1425652440.4)?.nanos(), 1_425_652_440_400_000_000);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn from_secs_f64(seconds: f64) -> Result<Self> {
        if seconds < 0.0 {
            return Err(Error::BeforeEpoch { value: seconds.to_string() });
        }
        decimal::nanos_of_float(seconds).map(Timestamp).map_err(|why| refused(&seconds.to_string(), why))
    }

    /// The point in time that `text` says, where it may also be relative to `now`.
    ///
    /// Everything that Gnocchi accepts: seconds since the epoch (`1425652440.4`, `1e9`); ISO 8601 with and without time
    /// and offset, with `T` or a blank (`2015-03-06T14:34:00.123456789+02:00`, `2015-03-06`, `2015-03`), UTC unless an
    /// offset says otherwise; `now`, `today` (the midnight before, in UTC); and what is a [`Timespan`](super::Timespan)
    /// before or after now (`-1 hour`, `+5 minutes`, `2 days`). A bare `2015` is seconds since the epoch.
    ///
    /// # Errors
    ///
    /// [`Error::BeforeEpoch`] for what lies before 1970, [`Error::InvalidTimestamp`] for what is none or beyond 2262.
    ///
    /// ```
    /// use gnocchetti::Timestamp;
    ///
    /// let now = Timestamp::from_nanos(7_200_000_000_000)?;
    /// assert_eq!(Timestamp::parse_at("-1 hour", now)?.to_string(), "1970-01-01T01:00:00Z");
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn parse_at(text: &str, now: Timestamp) -> Result<Self> {
        Timestamp::parse(text, Some(now))
    }

    fn parse(text: &str, now: Option<Timestamp>) -> Result<Self> {
        let nanos = match absolute(text) {
            Err(Unreadable::Syntax) => relative(text, now),
            known => known,
        };
        match nanos {
            Ok(nanos) if nanos >= 0 => Ok(Timestamp(nanos)),
            Ok(_) | Err(Unreadable::BeforeEpoch) => Err(Error::BeforeEpoch { value: text.to_owned() }),
            Err(why) => Err(refused(text, why)),
        }
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Timestamp {
    type Error = Error;

    fn try_from(nanos: i64) -> Result<Self> {
        Timestamp::from_nanos(nanos)
    }
}

impl From<Timestamp> for i64 {
    fn from(timestamp: Timestamp) -> i64 {
        timestamp.nanos()
    }
}

/// Nanoseconds since the epoch of a number of seconds, or of a date.
fn absolute(text: &str) -> Result<i64, Unreadable> {
    match decimal::number(text) {
        None => iso::parse(text),
        Some(number) => {
            let number = number?;
            match decimal::nanos(&[(number.magnitude, SECOND)]) {
                Ok(nanos) if number.negative => Ok(-nanos),
                Err(Unreadable::Range) if number.negative => Err(Unreadable::BeforeEpoch),
                nanos => nanos,
            }
        }
    }
}

/// Nanoseconds since the epoch of a time relative to `now`.
fn relative(text: &str, now: Option<Timestamp>) -> Result<i64, Unreadable> {
    let from_now = |delta: i64| {
        let now = now.ok_or(Unreadable::Other("it is relative to now, and only a point of its own will do here"))?;
        now.nanos().checked_add(delta).ok_or(Unreadable::Range)
    };
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return from_now(0);
    }
    if text.eq_ignore_ascii_case("today") {
        return from_now(0).map(|now| now - now % (86_400 * SECOND));
    }
    match duration::parse(text) {
        Err(Unreadable::Range) if text.starts_with('-') => Err(Unreadable::BeforeEpoch),
        delta => from_now(delta?),
    }
}

fn refused(value: &str, why: Unreadable) -> Error {
    let reason = match why {
        Unreadable::Syntax => {
            "give seconds since the epoch, ISO 8601 (2015-03-06T14:34:00Z), or a time relative to now (-1 hour)"
        }
        Unreadable::NotFinite => "it is not finite",
        Unreadable::Range => "it is after 2262-04-11T23:47:16.854775807Z, the last one that can be told",
        Unreadable::BeforeEpoch => "it is before the epoch",
        Unreadable::Other(reason) => reason,
    };
    Error::InvalidTimestamp { value: value.to_owned(), reason: reason.to_owned() }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC, with milliseconds, microseconds or nanoseconds where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", DateTime::from_timestamp_nanos(self.0).format("%Y-%m-%dT%H:%M:%S%.fZ"))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// As [`Timestamp::parse_at`], except that nothing can be relative.
    fn from_str(text: &str) -> Result<Self> {
        Timestamp::parse(text, None)
    }
}
