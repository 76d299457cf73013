//! Filters with parameters: each value becomes a parameter of the type that its attribute has.

use std::collections::HashMap;

use rusqlite::types::Value;

use super::Parameter;
use super::arms::Arm;
use super::column::Kind;
use crate::error::{Error, Result};
use crate::types::{
    AttributeValue, Comparison, Filter, Operator, ResourceId, Test, Timespan, Timestamp, Tree, time_of, uuid_of,
};

/// What values in a filter may be relative to.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::indexer) struct Context<'a> {
    pub now: Option<Timestamp>,
    pub creator: Option<&'a str>,
}

/// A filter with parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Compare(Bound),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

/// A comparison with parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    pub attribute: String,
    pub test: BoundTest,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum BoundTest {
    Null,
    NotNull,
    /// `=`, `<`, `<=`, `>` or `>=`.
    Is(&'static str, Parameter),
    IsNot(Parameter),
    In(Vec<Parameter>, bool),
    /// Of this form; and from the first of the other two up to before the second, where those are known.
    Like(Parameter, Option<(Parameter, Parameter)>),
}

/// The parameters of a statement.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub values: Vec<Value>,
}

impl Parameters {
    pub fn add(&mut self, value: impl Into<Value>) -> Parameter {
        self.values.push(value.into());
        self.values.len()
    }
}

/// `filter` about the rows of `arm`.
pub(super) fn bind(filter: &Filter, arm: Arm, context: Context, parameters: &mut Parameters) -> Result<Node> {
    let mut binding = Binding { arm, context, parameters, kinds: HashMap::new() };
    binding.node(&filter.tree()?)
}

struct Binding<'a> {
    arm: Arm<'a>,
    context: Context<'a>,
    parameters: &'a mut Parameters,
    kinds: HashMap<String, Kind>,
}

impl Binding<'_> {
    fn node(&mut self, tree: &Tree) -> Result<Node> {
        Ok(match tree {
            Tree::Compare(comparison) => Node::Compare(self.comparison(comparison)?),
            Tree::Not(inner) => Node::Not(Box::new(self.node(inner)?)),
            Tree::All(parts) => Node::All(parts.iter().map(|part| self.node(part)).collect::<Result<_>>()?),
            Tree::Any(parts) => Node::Any(parts.iter().map(|part| self.node(part)).collect::<Result<_>>()?),
        })
    }

    fn kind(&mut self, attribute: &str) -> Result<Kind> {
        if let Some(kind) = self.kinds.get(attribute) {
            return Ok(*kind);
        }
        let column = self.arm.column(attribute).ok_or_else(|| unknown(self.arm, attribute))?;
        self.kinds.insert(attribute.to_owned(), column.kind);
        Ok(column.kind)
    }

    fn comparison(&mut self, comparison: &Comparison) -> Result<Bound> {
        let attribute = &comparison.attribute;
        let kind = self.kind(attribute)?;
        let test = match &comparison.test {
            Test::Is(Operator::Eq, AttributeValue::Null) => BoundTest::Null,
            Test::Is(Operator::Ne, AttributeValue::Null) => BoundTest::NotNull,
            Test::Is(Operator::Ne, value) => BoundTest::IsNot(self.value(attribute, kind, value)?),
            Test::Is(Operator::Like, value) => self.like(attribute, kind, value)?,
            Test::Is(operator, value) => BoundTest::Is(operator.symbol(), self.value(attribute, kind, value)?),
            Test::In(values) => {
                let null = values.contains(&AttributeValue::Null);
                let values = values.iter().filter(|value| **value != AttributeValue::Null);
                let values = values.map(|value| self.value(attribute, kind, value)).collect::<Result<_>>()?;
                BoundTest::In(values, null)
            }
        };
        Ok(Bound { attribute: attribute.clone(), test })
    }

    fn value(&mut self, attribute: &str, kind: Kind, value: &AttributeValue) -> Result<Parameter> {
        let converted = converted(kind, value, self.context);
        let converted = converted.ok_or_else(|| refused(attribute, value, kind.expected()))?;
        Ok(self.parameters.add(converted))
    }

    fn like(&mut self, attribute: &str, kind: Kind, value: &AttributeValue) -> Result<BoundTest> {
        let AttributeValue::Text(pattern) = value else {
            return Err(refused(attribute, value, "a text after `like`"));
        };
        if kind != Kind::Text {
            let expected = format!("{}, and is no text to compare by `like`", kind.expected());
            return Err(refused(attribute, value, &expected));
        }
        if pattern.contains('\0') {
            return Err(refused(attribute, value, "a text without NUL after `like`"));
        }
        let (glob, prefix) = glob(pattern);
        let bounds = after(&prefix).map(|after| (self.parameters.add(prefix), self.parameters.add(after)));
        Ok(BoundTest::Like(self.parameters.add(glob), bounds))
    }
}

pub(super) fn unknown(arm: Arm, attribute: &str) -> Error {
    Error::UnknownAttribute { of: arm.owner(), attribute: attribute.chars().take(300).collect() }
}

fn refused(attribute: &str, value: &AttributeValue, expected: &str) -> Error {
    Error::InvalidAttributeValue {
        attribute: attribute.to_owned(),
        value: value.to_string().chars().take(300).collect(),
        expected: expected.to_owned(),
    }
}

/// A value as a column of this kind has it.
fn converted(kind: Kind, value: &AttributeValue, context: Context) -> Option<Value> {
    let number = || match value {
        AttributeValue::Number(number) => Some(*number),
        AttributeValue::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    match kind {
        Kind::Text => match value {
            AttributeValue::Text(text) => Some(Value::Text(text.clone())),
            // Gnocchi compares texts with numbers as they are written.
            AttributeValue::Number(number) => Some(Value::Text(number.to_string())),
            _ => None,
        },
        Kind::ResourceId => resource_id(value, context).map(Value::Blob),
        Kind::Uuid => uuid_of(value).map(|id| Value::Blob(id.as_bytes().to_vec())),
        Kind::Number => number().map(Value::Real),
        Kind::Bool => match value {
            AttributeValue::Bool(value) => Some(Value::Integer(i64::from(*value))),
            _ => None,
        },
        Kind::Time => time_of(value, context.now).map(|time| Value::Integer(time.nanos())),
        Kind::Span => match value {
            AttributeValue::Text(text) => text.parse::<Timespan>().ok(),
            AttributeValue::Number(seconds) => Timespan::from_secs_f64(*seconds).ok(),
            _ => None,
        }
        .map(|span| Value::Integer(span.nanos())),
        Kind::Status => match value {
            AttributeValue::Text(text) if text == "active" => Some(Value::Integer(0)),
            AttributeValue::Text(text) if text == "delete" => Some(Value::Integer(1)),
            _ => None,
        },
        Kind::Revision => {
            number().filter(|n| n.fract() == 0.0 && n.abs() < 2_f64.powi(53)).map(|n| Value::Integer(n as i64))
        }
    }
}

fn resource_id(value: &AttributeValue, context: Context) -> Option<Vec<u8>> {
    let id = match value {
        AttributeValue::Text(text) => ResourceId::new(text, context.creator).ok()?.id(),
        AttributeValue::Uuid(id) => *id,
        _ => return None,
    };
    Some(id.as_bytes().to_vec())
}

/// A pattern of `like` as one of `SQLite`'s GLOB, which tells upper and lower case apart; and the text with which all
/// that fits begins.
fn glob(pattern: &str) -> (String, String) {
    let (mut glob, mut prefix) = (String::new(), String::new());
    let mut fixed = true;
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        let plain = match c {
            '%' | '_' => {
                fixed = false;
                glob.push(if c == '%' { '*' } else { '?' });
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if matches!(plain, '*' | '?' | '[') {
            glob.extend(['[', plain, ']']);
        } else {
            glob.push(plain);
        }
        if fixed {
            prefix.push(plain);
        }
    }
    (glob, prefix)
}

/// The least text that is greater than all that begin with `prefix`; none when there is none.
fn after(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = match last {
            char::MAX => None,
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(other as u32 + 1),
        };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}
