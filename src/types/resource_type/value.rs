//! [`AttributeValue`]: what an attribute has, or is compared with.

use std::fmt;

use uuid::Uuid;

use crate::types::Timestamp;

/// The value of an attribute.
///
/// What is given may be looser than what is stored: an identifier or a time may be given as a text, a time also as
/// seconds since the epoch.
///
/// ```
/// use gnocchetti::AttributeValue;
///
/// assert_eq!(AttributeValue::from("compute1"), AttributeValue::Text("compute1".to_owned()));
/// assert_eq!(AttributeValue::from(None::<f64>), AttributeValue::Null);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum AttributeValue {
    /// None.
    #[default]
    Null,
    /// Of an attribute of kind `bool`.
    Bool(bool),
    /// Of an attribute of kind `number`.
    Number(f64),
    /// Of an attribute of kind `string`.
    Text(String),
    /// Of an attribute of kind `uuid`.
    Uuid(Uuid),
    /// Of an attribute of kind `datetime`.
    Time(Timestamp),
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttributeValue::Null => f.write_str("null"),
            AttributeValue::Bool(value) => write!(f, "{value}"),
            AttributeValue::Number(value) => write!(f, "{value}"),
            AttributeValue::Text(value) => f.write_str(value),
            AttributeValue::Uuid(value) => write!(f, "{value}"),
            AttributeValue::Time(value) => write!(f, "{value}"),
        }
    }
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        AttributeValue::Bool(value)
    }
}

impl From<f64> for AttributeValue {
    fn from(value: f64) -> Self {
        AttributeValue::Number(value)
    }
}

impl From<i32> for AttributeValue {
    fn from(value: i32) -> Self {
        AttributeValue::Number(f64::from(value))
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        AttributeValue::Text(value.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(value: String) -> Self {
        AttributeValue::Text(value)
    }
}

impl From<Uuid> for AttributeValue {
    fn from(value: Uuid) -> Self {
        AttributeValue::Uuid(value)
    }
}

impl From<Timestamp> for AttributeValue {
    fn from(value: Timestamp) -> Self {
        AttributeValue::Time(value)
    }
}

impl<T: Into<AttributeValue>> From<Option<T>> for AttributeValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(AttributeValue::Null, Into::into)
    }
}
