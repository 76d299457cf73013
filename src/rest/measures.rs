//! Measures as they are sent: lists of objects with a timestamp and a value.
//!
//! Timestamps are numbers of seconds, dates, or relative to now; in one list all are of the same kind, that of the
//! first. A list is taken whole or refused whole.

use serde_json::Value;

use super::failure::Failure;
use super::given::Given;
use crate::{Database, Error, Timestamp};

/// Measures of one metric, in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Measures {
    /// Nanoseconds since the epoch.
    pub(super) timestamps: Vec<i64>,
    /// As many values.
    pub(super) values: Vec<f64>,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Seconds,
    Date,
    Relative,
}

impl Measures {
    /// The measures that were sent.
    pub(super) fn of(given: &Given<'_>) -> Result<Self, Failure> {
        let wrong = || given.invalid("unexpected measures format");
        let items = given.value().as_array().ok_or_else(wrong)?;
        let now = Database::now();
        let mut measures = Measures::default();
        let mut form = None;
        for item in items {
            let written = item.as_object().and_then(|item| item.get("timestamp")).ok_or_else(wrong)?;
            let read = time(written, now).map_err(|reason| refuse_time(given, reason))?;
            if *form.get_or_insert(read.1) != read.1 {
                return Err(refuse_time(given, UNREADABLE));
            }
            measures.timestamps.push(read.0.nanos());
        }
        for item in items {
            let number = item.get("value").and_then(number);
            measures.values.push(number.ok_or_else(|| given.invalid("unexpected measures value"))?);
        }
        Ok(measures)
    }
}

const UNREADABLE: &str = "Unable to convert timestamps";

fn refuse_time(given: &Given<'_>, reason: &str) -> Failure {
    given.invalid(&format!("unexpected timestamp '{reason}'"))
}

fn time(value: &Value, now: Timestamp) -> Result<(Timestamp, Form), &'static str> {
    let why = |error: Error| match error {
        Error::BeforeEpoch { .. } => "Timestamp must be after Epoch",
        _ => UNREADABLE,
    };
    match value {
        Value::Number(number) => Ok((number.to_string().parse().map_err(why)?, Form::Seconds)),
        Value::String(text) => {
            if let Ok(time) = text.parse() {
                let form = if text.trim().parse::<f64>().is_ok() { Form::Seconds } else { Form::Date };
                return Ok((time, form));
            }
            Ok((Timestamp::parse_at(text, now).map_err(why)?, Form::Relative))
        }
        _ => Err(UNREADABLE),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
