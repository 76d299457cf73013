//! Reading what was sent: objects with known keys, lists, values. What does not fit is refused with its place, in the
//! words that Gnocchi's clients know.

use std::fmt;

use serde_json::{Map, Value, json};

use super::failure::Failure;
use crate::Timespan;

/// One step from a value to a part of it.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Key(key) => f.write_str(key),
            Step::Index(index) => write!(f, "{index}"),
        }
    }
}

/// A part of what was sent, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Given<'a> {
    value: &'a Value,
    path: Vec<Step>,
}

impl<'a> Given<'a> {
    /// All that was sent.
    pub(super) fn whole(value: &'a Value) -> Self {
        Given { value, path: Vec::new() }
    }

    fn at(&self, value: &'a Value, step: Step) -> Given<'a> {
        let mut path = self.path.clone();
        path.push(step);
        Given { value, path }
    }

    /// The failure to take this value: `reason`, and its place.
    pub(super) fn invalid(&self, reason: &str) -> Failure {
        let inside = if matches!(self.path.last(), Some(Step::Key(_))) { " for dictionary value" } else { "" };
        refuse(&format!("{reason}{inside}"), &self.path)
    }

    fn misplaced(&self, reason: &str, key: &str) -> Failure {
        let mut path = self.path.clone();
        path.push(Step::Key(key.to_owned()));
        refuse(reason, &path)
    }

    /// An object with no keys but the `known` ones, and all that are `required`.
    pub(super) fn object(&self, known: &[&str], required: &[&str]) -> Result<Object<'a>, Failure> {
        let Value::Object(map) = self.value else { return Err(self.invalid("expected a dictionary")) };
        if let Some(extra) = map.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(self.misplaced("extra keys not allowed", extra));
        }
        if let Some(missing) = required.iter().find(|key| !map.contains_key(**key)) {
            return Err(self.misplaced("required key not provided", missing));
        }
        Ok(Object { given: self.clone(), map })
    }

    /// It as it was sent.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// The members of an object with any keys.
    pub(super) fn members(&self) -> Result<Vec<(&'a str, Given<'a>)>, Failure> {
        let Value::Object(map) = self.value else { return Err(self.invalid("expected a dictionary")) };
        Ok(map.iter().map(|(key, value)| (key.as_str(), self.at(value, Step::Key(key.clone())))).collect())
    }

    /// The failure to take it where it stands: `reason`, and its place.
    pub(super) fn refused(&self, reason: &str) -> Failure {
        refuse(reason, &self.path)
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Result<Vec<Given<'a>>, Failure> {
        let Value::Array(items) = self.value else { return Err(self.invalid("expected a list")) };
        Ok(items.iter().enumerate().map(|(index, item)| self.at(item, Step::Index(index))).collect())
    }

    /// The items of a list that has some.
    pub(super) fn some(&self) -> Result<Vec<Given<'a>>, Failure> {
        let items = self.list()?;
        if items.is_empty() { Err(self.invalid("length of value must be at least 1")) } else { Ok(items) }
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'a str, Failure> {
        self.value.as_str().ok_or_else(|| self.invalid("expected str"))
    }

    /// A whole number of at least `least`, also written as a text.
    pub(super) fn whole_number(&self, least: u64) -> Result<u64, Failure> {
        let number = match self.value {
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.invalid("expected int"))?;
        let fits = u64::try_from(number).ok().filter(|number| *number >= least);
        fits.ok_or_else(|| self.invalid(&format!("value must be at least {least}")))
    }

    /// A length of time: seconds, or a text.
    pub(super) fn timespan(&self) -> Result<Timespan, Failure> {
        let parsed: crate::Result<Timespan> = match self.value {
            Value::Number(number) => number.to_string().parse(),
            Value::String(text) => text.parse(),
            _ => return Err(self.invalid("Unable to parse timespan")),
        };
        parsed.map_err(|error| match error {
            crate::Error::InvalidTimespan { reason, .. } if reason.contains("positive") => {
                self.invalid("Timespan must be positive")
            }
            other => self.invalid(&other.to_string()),
        })
    }
}

/// An object that has what it may and must have.
#[derive(Debug)]
pub(super) struct Object<'a> {
    given: Given<'a>,
    map: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// What it has under this key.
    pub(super) fn get(&self, key: &str) -> Option<Given<'a>> {
        self.map.get(key).map(|value| self.given.at(value, Step::Key(key.to_owned())))
    }

    /// What it must have under this key.
    pub(super) fn need(&self, key: &str) -> Result<Given<'a>, Failure> {
        self.get(key).ok_or_else(|| self.given.misplaced("required key not provided", key))
    }
}

fn refuse(reason: &str, path: &[Step]) -> Failure {
    let detail: Vec<String> = path.iter().map(ToString::to_string).collect();
    let step = |step: &Step| match step {
        Step::Key(key) => format!("['{key}']"),
        Step::Index(index) => format!("[{index}]"),
    };
    let place: String = path.iter().map(step).collect();
    let place = if place.is_empty() { place } else { format!(" @ data{place}") };
    Failure::bad(json!({"cause": "Invalid input", "reason": format!("{reason}{place}"), "detail": detail}))
}
