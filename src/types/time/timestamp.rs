//! [`Timestamp`]: a point in time.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A point in time: nanoseconds since the Unix epoch, not negative.
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
        if nanos < 0 {
            Err(Error::BeforeEpoch {
                value: format!("{nanos} ns"),
            })
        } else {
            Ok(Timestamp(nanos))
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
