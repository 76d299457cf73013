//! Points in time and lengths of time, in nanoseconds.

use std::str::FromStr;

use crate::error::{Error, Result};

/// A point in time: nanoseconds since the Unix epoch, not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `nanos` ns after the epoch.
    ///
    /// # Errors
    ///
    /// [`Error::BeforeEpoch`] when `nanos` is negative.
    pub fn from_nanos(nanos: i64) -> Result<Self> {
        if nanos < 0 {
            Err(Error::BeforeEpoch {
                value: format!("{nanos} ns"),
            })
        } else {
            Ok(Timestamp(nanos))
        }
    }

    /// Nanoseconds since the epoch.
    pub fn nanos(self) -> i64 {
        self.0
    }
}

/// A length of time: a positive number of nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timespan(i64);

impl Timespan {
    /// A length of `nanos` ns.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTimespan`] when `nanos` is not positive.
    pub fn from_nanos(nanos: i64) -> Result<Self> {
        if nanos > 0 {
            Ok(Timespan(nanos))
        } else {
            Err(Error::InvalidTimespan {
                value: format!("{nanos} ns"),
                reason: "it must be positive".into(),
            })
        }
    }

    /// The length in nanoseconds.
    pub fn nanos(self) -> i64 {
        self.0
    }
}

impl FromStr for Timespan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Err(Error::InvalidTimespan {
            value: text.to_owned(),
            reason: "not understood".into(),
        })
    }
}
