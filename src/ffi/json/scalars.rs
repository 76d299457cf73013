//! The values that JSON has in attributes, times and identifiers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Given;
use crate::ffi::error::Failure;
use crate::{AttributeValue, Error, Filter, Timestamp, Uuid};

/// A point in time that was given.
pub fn timestamp(given: &Given) -> Result<Timestamp, Error> {
    match given {
        Given::Number(seconds) => Timestamp::from_secs_f64(*seconds),
        Given::Text(text) => text.parse(),
    }
}

/// A point in time that may be absent.
pub fn optional_timestamp(given: Option<&Given>) -> Result<Option<Timestamp>, Error> {
    given.map(timestamp).transpose()
}

/// A UUID that was given.
pub fn uuid(text: &str, argument: &'static str) -> Result<Uuid, Failure> {
    text.parse().map_err(|_| Failure::InvalidArgument { argument, reason: format!("`{text}` is no UUID") })
}

/// The value of an attribute.
pub fn attribute(value: Value, argument: &'static str) -> Result<AttributeValue, Failure> {
    Ok(match value {
        Value::Null => AttributeValue::Null,
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(number) => AttributeValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => AttributeValue::Text(text),
        Value::Array(_) | Value::Object(_) => {
            let reason = format!("`{value}` is no value of an attribute");
            return Err(Failure::InvalidJson { argument, reason });
        }
    })
}

/// The value of an attribute on its way out: UUIDs and times are texts there.
pub fn attribute_out(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Null => Value::Null,
        AttributeValue::Bool(value) => json!(value),
        AttributeValue::Number(value) => json!(value),
        AttributeValue::Text(text) => json!(text),
        AttributeValue::Uuid(id) => json!(id.to_string()),
        AttributeValue::Time(time) => json!(time.to_string()),
    }
}

/// A filter: a text of the filter language, or the same as Gnocchi's JSON.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct FilterIn(Value);

impl FilterIn {
    /// The filter, checked.
    pub fn build(&self) -> Result<Filter, Error> {
        match &self.0 {
            Value::String(text) => Filter::parse(text),
            other => Filter::from_json(&other.to_string()),
        }
    }
}
