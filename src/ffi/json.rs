//! JSON in and out: the shapes that Gnocchi's API has, with the names that Rust has.
//!
//! A length of time is a text (`1 minute`, `00:01:00`) or a number of seconds; a point in time is a text (ISO 8601, or seconds
//! since the epoch) or a number of seconds. Out go seconds for lengths and ISO 8601 for points. What is not known is refused,
//! so that a slip of the pen is not a default.

pub mod details;
mod policies;
pub mod resources;
pub mod scalars;
pub mod searches;

use std::ffi::CString;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use policies::{NewRule, PolicyIn, PolicyOut, PolicyUpdate};

use super::error::Failure;
use super::text::cstring;
use crate::{Error, Timespan};

/// Reads a value that C gave as JSON.
pub fn read<T: DeserializeOwned>(text: &str, argument: &'static str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::InvalidJson { argument, reason: error.to_string() })
}

/// Writes a value for C.
pub fn written<T: Serialize>(value: &T) -> Result<CString, Failure> {
    let text = serde_json::to_string(value);
    text.map(cstring).map_err(|error| Failure::InvalidJson { argument: "the answer", reason: error.to_string() })
}

/// A length of time as it may be given.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Given {
    /// Seconds.
    Number(f64),
    /// Any of the texts that the library reads.
    Text(String),
}

impl Given {
    /// As a length of time.
    pub fn timespan(&self) -> Result<Timespan, Error> {
        match self {
            Given::Number(seconds) => Timespan::from_secs_f64(*seconds),
            Given::Text(text) => text.parse(),
        }
    }
}

/// A length of time on its way out: seconds, whole ones as integers.
pub fn seconds(span: Timespan) -> serde_json::Value {
    const SECOND: i64 = 1_000_000_000;
    if span.nanos() % SECOND == 0 { (span.nanos() / SECOND).into() } else { (span.nanos() as f64 / 1e9).into() }
}
