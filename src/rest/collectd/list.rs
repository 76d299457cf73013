//! collectd's values as JSON, as its plugin `write_http` sends them: a list of objects, each with the values of one identity at
//! one time.
//!
//! What is read is a pure function of the bytes, and is printed as JSON that is read as the same. What else an object has, such
//! as `meta`, is left out; what it must have and has not is refused with its place.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::naming::Identity;

/// Values of one identity at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueList {
    /// The values; one that is no number is null.
    pub values: Vec<Option<f64>>,
    /// What kind of value each is.
    pub dstypes: Vec<Kind>,
    /// What each is called.
    pub dsnames: Vec<String>,
    /// Seconds since the epoch.
    pub time: f64,
    /// What was measured.
    #[serde(flatten)]
    pub identity: Identity,
}

/// What a value means; here all are measures as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// How much there is.
    Gauge,
    /// How much there was since some time, which may begin anew.
    Counter,
    /// As a counter, and may fall.
    Derive,
    /// How much there was since the last time.
    Absolute,
}

impl ValueList {
    /// Its values with their names.
    pub fn named(&self) -> impl Iterator<Item = (&str, f64)> {
        self.dsnames.iter().zip(&self.values).filter_map(|(name, value)| Some((name.as_str(), (*value)?)))
    }

    /// What it lacks to be one.
    fn lacks(&self) -> Option<&'static str> {
        let count = self.values.len();
        if count == 0 || self.dstypes.len() != count || self.dsnames.len() != count {
            return Some("as many dstypes and dsnames as values, and at least one");
        }
        let mut seen = HashSet::with_capacity(count);
        if !self.dsnames.iter().all(|name| seen.insert(name)) {
            return Some("a dsname of its own for each value");
        }
        self.identity.lacks()
    }
}

/// All values of a body.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn parse(body: &[u8]) -> Result<Vec<ValueList>, String> {
    let lists: Vec<ValueList> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    match lists.iter().enumerate().find_map(|(at, list)| list.lacks().map(|lacked| (at, lacked))) {
        Some((at, lacked)) => Err(format!("item {at} lacks {lacked}")),
        None => Ok(lists),
    }
}
