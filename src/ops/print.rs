//! Operations as JSON and as text, such that reading them gives the same tree.

use std::fmt;

use serde_json::{Number, Value};

use super::operation::{Operation, Reference};
use super::syntax::is_bare;
use crate::carbonara::Sampling;

const SECOND: i64 = 1_000_000_000;

impl Operation {
    /// The operation as JSON lists. Numbers that JSON has not (NaN, infinities) stand as strings.
    ///
    /// ```
    /// use gnocchetti::ops::Operation;
    ///
    /// let operation: Operation = "(resample max 1h (metric cpu mean))".parse()?;
    /// assert_eq!(operation.to_json(), serde_json::json!(["resample", "max", 3600, ["metric", "cpu", "mean"]]));
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn to_json(&self) -> Value {
        let list = |name: String, arguments: Vec<Value>| {
            Value::Array(std::iter::once(Value::String(name)).chain(arguments).collect())
        };
        let named = |name: &str, arguments| list(name.to_owned(), arguments);
        match self {
            Operation::Number(number) => json_number(*number),
            Operation::Metric(references) => match references.as_slice() {
                [one] => list("metric".to_owned(), pair(one)),
                several => named("metric", several.iter().map(|one| Value::Array(pair(one))).collect()),
            },
            Operation::Aggregate { reduction, of } => named("aggregate", vec![word(reduction), of.to_json()]),
            Operation::Rolling { reduction, window, of } => {
                named("rolling", vec![word(reduction), window.get().into(), of.to_json()])
            }
            Operation::Resample { method, sampling, of } => {
                named("resample", vec![word(method), json_sampling(*sampling), of.to_json()])
            }
            Operation::Unary { operator, of } => list(operator.to_string(), vec![of.to_json()]),
            Operation::Binary { operator, left, right } => {
                list(operator.to_string(), vec![left.to_json(), right.to_json()])
            }
            Operation::Clip { of, min, max } => {
                let operands = [Some(of), Some(min), max.as_ref()];
                named("clip", operands.into_iter().flatten().map(|operand| operand.to_json()).collect())
            }
        }
    }
}

fn word(name: &impl ToString) -> Value {
    Value::String(name.to_string())
}

fn pair(reference: &Reference) -> Vec<Value> {
    vec![word(&reference.metric), word(&reference.method)]
}

fn json_number(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

fn json_sampling(sampling: Sampling) -> Value {
    match sampling {
        Sampling::Timespan(span) if span.nanos() % SECOND == 0 => (span.nanos() / SECOND).into(),
        other => word(&other),
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Number(number) => write!(f, "{number:?}"),
            Operation::Metric(references) => {
                f.write_str("(metric")?;
                for reference in references {
                    let (metric, method) = (Quoted(&reference.metric), reference.method);
                    match references.len() {
                        1 => write!(f, " {metric} {method}")?,
                        _ => write!(f, " ({metric} {method})")?,
                    }
                }
                f.write_str(")")
            }
            Operation::Aggregate { reduction, of } => write!(f, "(aggregate {reduction} {of})"),
            Operation::Rolling { reduction, window, of } => write!(f, "(rolling {reduction} {window} {of})"),
            Operation::Resample { method, sampling, of } => write!(f, "(resample {method} {sampling} {of})"),
            Operation::Unary { operator, of } => write!(f, "({operator} {of})"),
            Operation::Binary { operator, left, right } => write!(f, "({operator} {left} {right})"),
            Operation::Clip { of, min, max: None } => write!(f, "(clip {of} {min})"),
            Operation::Clip { of, min, max: Some(max) } => write!(f, "(clip {of} {min} {max})"),
        }
    }
}

/// A word, in quotes when it needs them.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_bare(self.0) {
            return f.write_str(self.0);
        }
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
