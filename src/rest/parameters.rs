//! The query of a request: parameters as they stand there, and the times and lengths of time that some of them are.
//!
//! A parameter may be given several times. What takes one value takes the last; what cannot be read is refused with its
//! name, in the words that Gnocchi's clients know.

use serde_json::json;
use uuid::Uuid;

use super::call::Call;
use super::failure::Failure;
use crate::{Database, Marker, Sampling, Timespan, Timestamp};

/// What stands in a query, in its order.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The last value under this name.
    pub(super) fn get(&self, name: &str) -> Option<&String> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All values under this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All names and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter()
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Parameters(pairs.into_iter().collect())
    }
}

/// A value of the query that cannot be taken.
pub(super) fn invalid(name: &str, reason: &str) -> Failure {
    Failure::bad(json!({"cause": "Argument value error", "detail": name, "reason": reason}))
}

impl Call {
    /// A point in time, also relative to now.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Failure> {
        let parse = |text: &String| Timestamp::parse_at(text, Database::now());
        let time = self.query.get(name).map(parse).transpose();
        time.map_err(|_| invalid(name, "Must be a datetime or a timestamp"))
    }

    /// The length of time in `granularity`.
    pub(super) fn granularity(&self) -> Result<Option<Timespan>, Failure> {
        let parse = |text: &String| timespan(text).map_err(|reason| invalid("granularity", &reason));
        self.query.get("granularity").map(parse).transpose()
    }

    /// How points are to be grouped anew: `resample`, which needs a granularity.
    pub(super) fn resample(&self) -> Result<Option<Sampling>, Failure> {
        let Some(text) = self.query.get("resample").filter(|text| !text.is_empty()) else { return Ok(None) };
        if self.query.get("granularity").is_none_or(String::is_empty) {
            return Err(Failure::bad("A granularity must be specified to resample"));
        }
        let sampling = text.parse().or_else(|_| timespan(text).map(Sampling::Timespan));
        sampling.map(Some).map_err(Failure::bad)
    }
}

/// A length of time, or what is wrong with the text.
pub(super) fn timespan(text: &str) -> Result<Timespan, String> {
    text.parse().map_err(|error| match error {
        crate::Error::InvalidTimespan { reason, .. } if reason.contains("positive") => {
            "Timespan must be positive".to_owned()
        }
        _ => "Unable to parse timespan".to_owned(),
    })
}

/// The identifier that a text is, in any form that is taken for one.
pub(super) fn uuid(text: &str) -> Option<Uuid> {
    text.parse::<Marker>().ok().filter(|_| !text.contains('@')).map(|marker| marker.id)
}
