//! [`Attribute`]: what values an attribute takes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AttributeValue, cut};
use crate::error::{Error, Result};
use crate::types::Timestamp;
use crate::types::resource::parse_uuid;

/// How long a text can be at most, also when nothing is said.
const MAX_LENGTH: u32 = 256;

/// What kind of values an attribute has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AttributeKind {
    /// Texts of so many characters.
    String {
        /// The least number, 0 to 256.
        min_length: u32,
        /// The greatest number, 1 to 256.
        max_length: u32,
    },
    /// UUIDs.
    Uuid,
    /// Numbers.
    Number {
        /// The least one, if there is one.
        min: Option<f64>,
        /// The greatest one, if there is one.
        max: Option<f64>,
    },
    /// True or false.
    Bool,
    /// Points in time.
    Datetime,
}

impl AttributeKind {
    /// What the kind is called.
    pub const fn name(self) -> &'static str {
        match self {
            AttributeKind::String { .. } => "string",
            AttributeKind::Uuid => "uuid",
            AttributeKind::Number { .. } => "number",
            AttributeKind::Bool => "bool",
            AttributeKind::Datetime => "datetime",
        }
    }

    /// What values of this kind are, for an error.
    fn expected(self) -> String {
        match self {
            AttributeKind::String { min_length: 0, max_length } => format!("a text of at most {max_length} characters"),
            AttributeKind::String { min_length, max_length } => {
                format!("a text of {min_length} to {max_length} characters")
            }
            AttributeKind::Uuid => "a UUID".to_owned(),
            AttributeKind::Number { min: None, max: None } => "a number".to_owned(),
            AttributeKind::Number { min: Some(min), max: None } => format!("a number of at least {min}"),
            AttributeKind::Number { min: None, max: Some(max) } => format!("a number of at most {max}"),
            AttributeKind::Number { min: Some(min), max: Some(max) } => format!("a number from {min} to {max}"),
            AttributeKind::Bool => "true or false".to_owned(),
            AttributeKind::Datetime => "a point in time".to_owned(),
        }
    }
}

/// What values an attribute takes, and whether each resource must have one.
///
/// As JSON it is what Gnocchi's API has: `{"type": "string", "required": true, "min_length": 0, "max_length": 256}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Attribute {
    /// What kind of values.
    pub kind: AttributeKind,
    /// Whether each resource must have one.
    pub required: bool,
}

impl Attribute {
    /// Any text up to 256 characters; required.
    pub const fn string() -> Self {
        Attribute::string_of(0, MAX_LENGTH)
    }

    /// A text of so many characters; required.
    pub const fn string_of(min_length: u32, max_length: u32) -> Self {
        Attribute { kind: AttributeKind::String { min_length, max_length }, required: true }
    }

    /// A UUID; required.
    pub const fn uuid() -> Self {
        Attribute { kind: AttributeKind::Uuid, required: true }
    }

    /// Any number that is finite; required.
    pub const fn number() -> Self {
        Attribute::number_of(None, None)
    }

    /// A number not less than `min` and not greater than `max`; required.
    pub const fn number_of(min: Option<f64>, max: Option<f64>) -> Self {
        Attribute { kind: AttributeKind::Number { min, max }, required: true }
    }

    /// True or false; required.
    pub const fn bool() -> Self {
        Attribute { kind: AttributeKind::Bool, required: true }
    }

    /// A point in time; required.
    pub const fn datetime() -> Self {
        Attribute { kind: AttributeKind::Datetime, required: true }
    }

    /// The same, not required.
    #[must_use]
    pub const fn optional(self) -> Self {
        Attribute { required: false, ..self }
    }

    /// Whether an attribute of this name can be defined like that.
    pub(super) fn check_definition(&self, name: &str) -> Result<()> {
        let refused = |reason: String| Err(Error::InvalidAttribute { attribute: cut(name), reason });
        match self.kind {
            AttributeKind::String { min_length, max_length } => {
                if max_length == 0 || max_length > MAX_LENGTH {
                    return refused(format!("its max_length is {max_length}, not 1 to {MAX_LENGTH}"));
                }
                if min_length > max_length {
                    return refused(format!("its min_length {min_length} is more than its max_length {max_length}"));
                }
            }
            AttributeKind::Number { min, max } => {
                if let Some(limit) = [min, max].into_iter().flatten().find(|limit| !limit.is_finite()) {
                    return refused(format!("its limit {limit} is not finite"));
                }
                if let (Some(min), Some(max)) = (min, max)
                    && min > max
                {
                    return refused(format!("its min {min} is more than its max {max}"));
                }
            }
            AttributeKind::Uuid | AttributeKind::Bool | AttributeKind::Datetime => {}
        }
        Ok(())
    }

    /// `value` as an attribute `name` of this definition has it; null when it is null. Times may be relative to `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidAttributeValue`].
    ///
    /// ```
    /// use gnocchetti::{Attribute, AttributeValue, Timestamp, Uuid};
    ///
    /// let id = "e495ebad-be64-46c0-81d6-b079beb48df9";
    /// let value = Attribute::uuid().check("flavor", &AttributeValue::from(id), Timestamp::default())?;
    /// assert_eq!(value, AttributeValue::Uuid(id.parse::<Uuid>().unwrap()));
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn check(&self, name: &str, value: &AttributeValue, now: Timestamp) -> Result<AttributeValue> {
        if *value == AttributeValue::Null {
            return Ok(AttributeValue::Null);
        }
        self.converted(value, now).ok_or_else(|| Error::InvalidAttributeValue {
            attribute: name.to_owned(),
            value: cut(&value.to_string()),
            expected: self.kind.expected(),
        })
    }

    fn converted(&self, value: &AttributeValue, now: Timestamp) -> Option<AttributeValue> {
        match (self.kind, value) {
            (AttributeKind::String { min_length, max_length }, AttributeValue::Text(text)) => {
                let length = text.chars().take(max_length as usize + 1).count();
                let fits = (min_length as usize..=max_length as usize).contains(&length) && !text.contains('\0');
                fits.then(|| value.clone())
            }
            (AttributeKind::Number { min, max }, AttributeValue::Number(number)) => {
                let fits =
                    number.is_finite() && min.is_none_or(|min| *number >= min) && max.is_none_or(|max| *number <= max);
                fits.then(|| value.clone())
            }
            (AttributeKind::Uuid, AttributeValue::Uuid(_))
            | (AttributeKind::Bool, AttributeValue::Bool(_))
            | (AttributeKind::Datetime, AttributeValue::Time(_)) => Some(value.clone()),
            (AttributeKind::Uuid, AttributeValue::Text(text)) => parse_uuid(text).map(AttributeValue::Uuid),
            (AttributeKind::Datetime, AttributeValue::Text(_) | AttributeValue::Number(_)) => {
                time_of(value, Some(now)).map(AttributeValue::Time)
            }
            _ => None,
        }
    }
}

/// The point in time that a value says, if it says one; one relative to now only when that is known.
pub(crate) fn time_of(value: &AttributeValue, now: Option<Timestamp>) -> Option<Timestamp> {
    match value {
        AttributeValue::Time(time) => Some(*time),
        AttributeValue::Number(seconds) => Timestamp::from_secs_f64(*seconds).ok(),
        AttributeValue::Text(text) => match now {
            Some(now) => Timestamp::parse_at(text, now).ok(),
            None => text.parse().ok(),
        },
        AttributeValue::Null | AttributeValue::Bool(_) | AttributeValue::Uuid(_) => None,
    }
}

/// The UUID that a value says, if it says one.
pub(crate) fn uuid_of(value: &AttributeValue) -> Option<Uuid> {
    match value {
        AttributeValue::Uuid(id) => Some(*id),
        AttributeValue::Text(text) => parse_uuid(text),
        _ => None,
    }
}

/// An attribute as Gnocchi's API and the index write it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "yes")]
    required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_length: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_length: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
}

fn yes() -> bool {
    true
}

impl From<Attribute> for Written {
    fn from(attribute: Attribute) -> Self {
        let Attribute { kind, required } = attribute;
        let written = Written {
            kind: kind.name().to_owned(),
            required,
            min_length: None,
            max_length: None,
            min: None,
            max: None,
        };
        match kind {
            AttributeKind::String { min_length, max_length } => {
                Written { min_length: Some(min_length), max_length: Some(max_length), ..written }
            }
            AttributeKind::Number { min, max } => Written { min, max, ..written },
            AttributeKind::Uuid | AttributeKind::Bool | AttributeKind::Datetime => written,
        }
    }
}

impl TryFrom<Written> for Attribute {
    type Error = String;

    fn try_from(written: Written) -> std::result::Result<Self, String> {
        let Written { kind, required, min_length, max_length, min, max } = written;
        let lengths = min_length.is_some() || max_length.is_some();
        let limits = min.is_some() || max.is_some();
        let kind = match kind.as_str() {
            "string" if !limits => {
                let (min_length, max_length) = (min_length.unwrap_or(0), max_length.unwrap_or(MAX_LENGTH));
                AttributeKind::String { min_length, max_length }
            }
            "number" if !lengths => AttributeKind::Number { min, max },
            "uuid" if !lengths && !limits => AttributeKind::Uuid,
            "bool" if !lengths && !limits => AttributeKind::Bool,
            "datetime" if !lengths && !limits => AttributeKind::Datetime,
            "string" | "number" | "uuid" | "bool" | "datetime" => {
                return Err(format!("an attribute of type {kind} has no such limits"));
            }
            _ => return Err(format!("`{kind}` is no type of attributes")),
        };
        Ok(Attribute { kind, required })
    }
}
