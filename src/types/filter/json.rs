//! Filters in Gnocchi's JSON form: one object per node, whose only key is the operator.

use serde_json::{Map, Value};

use super::{Filter, MAX_DEPTH, MAX_SOURCE, Operator, Test, Tree};
use crate::error::{Error, Result};
use crate::types::AttributeValue;

/// The filter that `json` says.
pub(super) fn filter(json: &str) -> Result<Filter> {
    if json.len() > MAX_SOURCE {
        return Err(Error::FilterTooLarge { what: "bytes", limit: MAX_SOURCE });
    }
    let value: Value = serde_json::from_str(json).map_err(|error| invalid(error.to_string()))?;
    let filter = node(&value, 0)?;
    filter.tree()?;
    Ok(filter)
}

fn node(value: &Value, depth: usize) -> Result<Filter> {
    if depth >= MAX_DEPTH {
        return Err(Error::FilterTooLarge { what: "levels", limit: MAX_DEPTH });
    }
    let Value::Object(object) = value else {
        return Err(invalid(format!("an object such as {{\"=\": {{…}}}} is expected, not {}", shown(value))));
    };
    let Some((operator, operand)) = only(object, "a node")? else {
        return Ok(Filter::all([]));
    };
    match operator {
        "and" | "∧" => Ok(Filter::all(nodes(operator, operand, depth)?)),
        "or" | "∨" => Ok(Filter::any(nodes(operator, operand, depth)?)),
        "not" | "¬" => Ok(!node(operand, depth + 1)?),
        "in" | "∈" => membership(operator, operand),
        other => match Operator::from_symbol(other) {
            Some(known) => comparison(other, known, operand),
            None => Err(invalid(format!("`{}` is no operator", cut(other)))),
        },
    }
}

fn nodes(operator: &str, operand: &Value, depth: usize) -> Result<Vec<Filter>> {
    let Value::Array(parts) = operand else {
        return Err(invalid(format!("`{operator}` takes a list of filters, not {}", shown(operand))));
    };
    parts.iter().map(|part| node(part, depth + 1)).collect()
}

fn membership(operator: &str, operand: &Value) -> Result<Filter> {
    match attribute(operator, operand)? {
        (name, Value::Array(values)) => {
            let values = values.iter().map(|value| scalar(name, value)).collect::<Result<Vec<_>>>()?;
            Ok(Filter::one_of(name, values))
        }
        (name, other) => Err(invalid(format!("`in` takes a list of values for `{}`, not {}", cut(name), shown(other)))),
    }
}

fn comparison(symbol: &str, operator: Operator, operand: &Value) -> Result<Filter> {
    let (name, value) = attribute(symbol, operand)?;
    Ok(Filter::compare(name, operator, scalar(name, value)?))
}

/// The attribute and what it is compared with.
fn attribute<'a>(operator: &str, operand: &'a Value) -> Result<(&'a str, &'a Value)> {
    let expected = || invalid(format!("`{operator}` takes one attribute and its value, not {}", shown(operand)));
    let Value::Object(object) = operand else { return Err(expected()) };
    only(object, "a comparison")?.ok_or_else(expected)
}

fn scalar(attribute: &str, value: &Value) -> Result<AttributeValue> {
    Ok(match value {
        Value::Null => AttributeValue::Null,
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => AttributeValue::Number(number.as_f64().unwrap_or(f64::INFINITY)),
        Value::String(text) => AttributeValue::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => {
            let reason = format!("`{}` is compared with one value, not {}", cut(attribute), shown(value));
            return Err(invalid(reason));
        }
    })
}

/// The only entry of an object, if there is one.
fn only<'a>(object: &'a Map<String, Value>, what: &str) -> Result<Option<(&'a str, &'a Value)>> {
    if object.len() > 1 {
        return Err(invalid(format!("{what} has one key, not {}", object.len())));
    }
    Ok(object.iter().next().map(|(key, value)| (key.as_str(), value)))
}

fn shown(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(object) if object.is_empty() => "nothing",
        Value::Object(_) => "an object",
    }
}

/// As much of a name as an error shows.
fn cut(name: &str) -> String {
    super::lexer::cut(name)
}

fn invalid(reason: String) -> Error {
    Error::InvalidFilter { position: None, reason }
}

/// A filter as JSON.
pub(super) fn text(tree: &Tree) -> String {
    value(tree).to_string()
}

fn value(tree: &Tree) -> Value {
    let list = |parts: &[Tree]| Value::Array(parts.iter().map(value).collect());
    match tree {
        Tree::All(parts) if parts.is_empty() => Value::Object(Map::new()),
        Tree::All(parts) => object("and", list(parts)),
        Tree::Any(parts) => object("or", list(parts)),
        Tree::Not(inner) => object("not", value(inner)),
        Tree::Compare(comparison) => {
            let (operator, operand) = match &comparison.test {
                Test::Is(operator, value) => (operator.symbol(), json_of(value)),
                Test::In(values) => ("in", Value::Array(values.iter().map(json_of).collect())),
            };
            object(operator, object(&comparison.attribute, operand))
        }
    }
}

fn object(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

fn json_of(value: &AttributeValue) -> Value {
    match super::written(value.clone()) {
        AttributeValue::Bool(value) => Value::Bool(value),
        AttributeValue::Number(number) => Value::from(number),
        AttributeValue::Text(text) => Value::String(text),
        AttributeValue::Null | AttributeValue::Uuid(_) | AttributeValue::Time(_) => Value::Null,
    }
}
