//! Predicates over values: which points of a series a search finds.
//!
//! A predicate is read from JSON, where it is an object with one operator, and then applied to value after value. Reading
//! bounds its depth; applying it cannot fail.

use serde_json::{Map, Value};

use super::arithmetic::binary;
use super::operation::{MAX_DEPTH, too_deep};
use super::operator::BinaryOperator;
use crate::error::{Error, Place, Result};
use crate::types::Columns;

const OPERATORS: &str = "an operator: and, or, a comparison or arithmetic";

/// A condition on a value.
///
/// `{">=": 50}` compares the value with 50, and `{"+": 3}` adds 3 to it. With a list of two, the operator is applied to
/// these instead, each a number or again an object: `{"<": [{"%": 10}, 5]}` holds when the value's remainder by ten is
/// less than five. `{"and": […]}` holds when all of a list do, `{"or": […]}` when any does.
///
/// ```
/// use gnocchetti::ops::Predicate;
///
/// let predicate = Predicate::from_json(&serde_json::json!({"and": [{">=": 50}, {"!=": [{"*": 2}, 120]}]}))?;
/// assert!(predicate.matches(55.0));
/// assert!(!predicate.matches(60.0));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate(Condition);

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// Holds unless it is zero.
    Term(Term),
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    /// The value that is looked at.
    Value,
    Number(f64),
    Binary {
        operator: BinaryOperator,
        left: Box<Term>,
        right: Box<Term>,
    },
}

impl Predicate {
    /// The predicate that JSON says.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOperation`] for what is none, with what was expected and its JSON pointer;
    /// [`Error::OperationTooLarge`] when it is nested more than [`MAX_DEPTH`] levels deep.
    pub fn from_json(value: &Value) -> Result<Self> {
        condition(value, &Path::Top, 1).map(Predicate)
    }

    /// Whether a value satisfies it.
    pub fn matches(&self, value: f64) -> bool {
        self.0.holds(value)
    }

    /// The points whose values satisfy it.
    ///
    /// ```
    /// use gnocchetti::Columns;
    /// use gnocchetti::ops::Predicate;
    ///
    /// let points = Columns { timestamps: vec![0, 60, 120], values: vec![1.0, 5.0, 9.0] };
    /// let found = Predicate::from_json(&serde_json::json!({">": 4}))?.select(&points);
    /// assert_eq!(found.timestamps, [60, 120]);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn select(&self, points: &Columns) -> Columns {
        let (timestamps, values) = points.iter().filter(|(_, value)| self.matches(*value)).unzip();
        Columns { timestamps, values }
    }
}

impl Condition {
    fn holds(&self, value: f64) -> bool {
        match self {
            Condition::All(conditions) => conditions.iter().all(|condition| condition.holds(value)),
            Condition::Any(conditions) => conditions.iter().any(|condition| condition.holds(value)),
            Condition::Term(term) => term.of(value) != 0.0,
        }
    }
}

impl Term {
    fn of(&self, value: f64) -> f64 {
        match self {
            Term::Value => value,
            Term::Number(number) => *number,
            Term::Binary { operator, left, right } => binary(*operator, left.of(value), right.of(value)),
        }
    }
}

/// The way to a JSON value; only errors follow it.
enum Path<'a> {
    Top,
    Under(&'a Path<'a>, &'a str),
    At(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Path::Top => String::new(),
            Path::Under(path, key) => format!("{}/{}", path.pointer(), key.replace('~', "~0").replace('/', "~1")),
            Path::At(path, i) => format!("{}/{i}", path.pointer()),
        }
    }
}

fn condition(value: &Value, path: &Path<'_>, depth: usize) -> Result<Condition> {
    let (name, argument) = single(value, path, depth)?;
    let inner = Path::Under(path, name);
    let all = match name {
        "and" | "∧" => true,
        "or" | "∨" => false,
        _ => return term(name, argument, path, depth).map(Condition::Term),
    };
    let Value::Array(values) = argument else {
        return Err(refuse(name, "a list of conditions", argument, &inner));
    };
    let conditions = values.iter().enumerate().map(|(i, value)| condition(value, &Path::At(&inner, i), depth + 1));
    let conditions = conditions.collect::<Result<_>>()?;
    Ok(if all { Condition::All(conditions) } else { Condition::Any(conditions) })
}

/// The only entry of an object.
fn single<'a>(value: &'a Value, path: &Path<'_>, depth: usize) -> Result<(&'a str, &'a Value)> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let entry = |object: &'a Map<String, Value>| if object.len() == 1 { object.iter().next() } else { None };
    match value.as_object().and_then(entry) {
        Some((name, argument)) => Ok((name, argument)),
        None => Err(refuse("search", "an object with one operator", value, path)),
    }
}

/// The operator `name` of the object at `path`.
fn term(name: &str, argument: &Value, path: &Path<'_>, depth: usize) -> Result<Term> {
    let Some(operator) = BinaryOperator::named(name).filter(|operator| operator.is_of_predicates()) else {
        return Err(refuse("search", OPERATORS, &Value::String(name.to_owned()), path));
    };
    let inner = Path::Under(path, name);
    let (left, right) = match argument {
        Value::Number(number) => (Term::Value, Term::Number(number.as_f64().unwrap_or(f64::NAN))),
        Value::Array(operands) => match operands.as_slice() {
            [left, right] => {
                (operand(left, name, &Path::At(&inner, 0), depth)?, operand(right, name, &Path::At(&inner, 1), depth)?)
            }
            _ => return Err(refuse(name, "a list of two operands", argument, &inner)),
        },
        _ => return Err(refuse(name, "a number or a list of two operands", argument, &inner)),
    };
    Ok(Term::Binary { operator, left: Box::new(left), right: Box::new(right) })
}

fn operand(value: &Value, outer: &str, path: &Path<'_>, depth: usize) -> Result<Term> {
    match value {
        Value::Number(number) => Ok(Term::Number(number.as_f64().unwrap_or(f64::NAN))),
        Value::Object(_) => {
            let (name, argument) = single(value, path, depth + 1)?;
            term(name, argument, path, depth + 1)
        }
        _ => Err(refuse(outer, "a number, or an object with one operator", value, path)),
    }
}

fn refuse(operation: &str, expected: &str, value: &Value, path: &Path<'_>) -> Error {
    let found = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("`{}`", text.chars().take(40).collect::<String>()),
        Value::Array(values) => format!("a list of {}", values.len()),
        Value::Object(entries) => format!("an object of {}", entries.len()),
    };
    let (operation, expected) = (operation.to_owned(), expected.to_owned());
    Error::InvalidOperation { operation, expected, found, place: Place::Pointer(path.pointer()) }
}
