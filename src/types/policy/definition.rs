//! One archive of a policy: granularity × points = timespan.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::Timespan;
use crate::error::{Error, Result};

/// One archive of a policy: `points` aggregates, one every `granularity`; without points they are kept for ever.
///
/// ```
/// use gnocchetti::{Definition, Timespan};
///
/// let hours = Definition::spanning(Timespan::HOUR, Timespan::from_days(30)?)?;
/// assert_eq!(hours.points(), Some(720));
/// assert_eq!(hours, Definition::points_of(Timespan::HOUR, 720)?);
/// assert_eq!(Definition::unlimited(Timespan::HOUR).timespan(), None);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Definition {
    granularity: Timespan,
    points: Option<u64>,
}

impl Definition {
    /// The archive that any two of granularity, points and timespan describe; granularity alone is kept for ever.
    ///
    /// A timespan that is no multiple of the granularity is cut to one. Of points and timespan alone, the granularity
    /// is their quotient in whole nanoseconds.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidDefinition`] when too little is given, when all three are and do not agree, when there would be
    /// no point at all, or when granularity × points is longer than time itself (2⁶³ ns, 292 years).
    ///
    /// ```
    /// use gnocchetti::{Definition, Timespan};
    ///
    /// let derived = Definition::new(None, Some(60), Some(Timespan::HOUR))?;
    /// assert_eq!(derived.granularity(), Timespan::MINUTE);
    /// assert!(Definition::new(Some(Timespan::HOUR), None, Some(Timespan::MINUTE)).is_err());
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn new(granularity: Option<Timespan>, points: Option<u64>, timespan: Option<Timespan>) -> Result<Self> {
        let given = Given { granularity, points, timespan };
        match (granularity, points, timespan) {
            (_, Some(0), _) => Err(given.invalid("there must be at least one point")),
            (Some(granularity), None, None) => Ok(Definition { granularity, points: None }),
            (Some(granularity), Some(points), None) => given.bounded(granularity, points),
            (Some(granularity), None, Some(timespan)) => match timespan.nanos() / granularity.nanos() {
                0 => Err(given.invalid("the timespan is shorter than the granularity: not one point would be kept")),
                points => given.bounded(granularity, points as u64),
            },
            (None, Some(points), Some(timespan)) => {
                let nanos = u64::try_from(timespan.nanos()).unwrap_or_default() / points;
                let granularity = i64::try_from(nanos).ok().and_then(|nanos| Timespan::from_nanos(nanos).ok());
                let granularity =
                    granularity.ok_or_else(|| given.invalid("the granularity would be less than a nanosecond"))?;
                given.bounded(granularity, points)
            }
            (Some(granularity), Some(points), Some(timespan)) => {
                let definition = given.bounded(granularity, points)?;
                if definition.timespan() == Some(timespan) {
                    Ok(definition)
                } else {
                    Err(given.invalid("timespan ≠ granularity × points"))
                }
            }
            (None, _, _) => Err(given.invalid("at least two of granularity, points and timespan must be given")),
        }
    }

    /// The archive of this many points, one every `granularity`.
    ///
    /// # Errors
    ///
    /// As [`Definition::new`].
    pub fn points_of(granularity: Timespan, points: u64) -> Result<Self> {
        Definition::new(Some(granularity), Some(points), None)
    }

    /// The archive that reaches back `timespan` behind the newest measure, cut to whole groups.
    ///
    /// # Errors
    ///
    /// As [`Definition::new`].
    pub fn spanning(granularity: Timespan, timespan: Timespan) -> Result<Self> {
        Definition::new(Some(granularity), None, Some(timespan))
    }

    /// The archive that is kept for ever.
    pub fn unlimited(granularity: Timespan) -> Self {
        Definition { granularity, points: None }
    }

    /// For constants only: what is wrong with one shows when the crate is compiled.
    pub(super) const fn constant(granularity: Timespan, points: u64) -> Self {
        assert!(points > 0 && points <= (i64::MAX / granularity.nanos()) as u64);
        Definition { granularity, points: Some(points) }
    }

    /// The length of a group.
    pub fn granularity(&self) -> Timespan {
        self.granularity
    }

    /// How many groups are kept; `None`: for ever.
    pub fn points(&self) -> Option<u64> {
        self.points
    }

    /// How long groups are kept behind the newest measure: granularity × points; `None`: for ever.
    pub fn timespan(&self) -> Option<Timespan> {
        self.points.and_then(|points| self.granularity.checked_mul(points))
    }
}

/// What a definition was to be made of, for the text of an error.
#[derive(Clone, Copy)]
struct Given {
    granularity: Option<Timespan>,
    points: Option<u64>,
    timespan: Option<Timespan>,
}

impl Given {
    fn bounded(self, granularity: Timespan, points: u64) -> Result<Definition> {
        match granularity.checked_mul(points) {
            Some(_) => Ok(Definition { granularity, points: Some(points) }),
            None => {
                Err(self.invalid("granularity × points is more than 2⁶³ ns (292 years); leave points out to keep all"))
            }
        }
    }

    fn invalid(self, reason: &str) -> Error {
        Error::InvalidDefinition { definition: self.to_string(), reason: reason.to_owned() }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Given { granularity, points, timespan } = self;
        let parts = [
            granularity.map(|granularity| format!("granularity {granularity}")),
            points.map(|points| format!("points {points}")),
            timespan.map(|timespan| format!("timespan {timespan}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

/// A definition as files and the index hold it.
#[derive(Serialize, Deserialize)]
struct Stored {
    granularity: Timespan,
    points: Option<u64>,
}

impl From<Definition> for Stored {
    fn from(definition: Definition) -> Self {
        Stored { granularity: definition.granularity, points: definition.points }
    }
}

impl TryFrom<Stored> for Definition {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        Definition::new(Some(stored.granularity), stored.points, None)
    }
}
