//! Words and lists become operations: names, numbers of arguments, what may stand where.
//!
//! Recursion is bounded by what `syntax` lets through.

use std::num::NonZeroUsize;
use std::str::FromStr;

use serde_json::Value;

use super::operation::{MAX_DEPTH, Operation, Reference, too_deep};
use super::operator::{BinaryOperator, UnaryOperator};
use super::reduction::Reduction;
use super::syntax::{self, Item, Node, refuse};
use crate::carbonara::Sampling;
use crate::error::{Error, Result};
use crate::types::{AggregationMethod, Timespan};

const OPERATION: &str = "an operation: metric, aggregate, rolling, resample, clip or an operator, in a list";
/// No window is longer: up to here a float counts every integer.
const MAX_WINDOW: f64 = (1_u64 << 53) as f64;

impl Operation {
    /// The operation that JSON lists say, as in `["aggregate", "mean", ["metric", ["a", "max"], ["b", "max"]]]`; or that
    /// a JSON string says in the form of text.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOperation`] for what is no operation or has no metric in it, with what was expected and where (a
    /// JSON pointer, or a byte of the text). [`Error::UnknownReferenceMethod`] when a metric is asked for a method that
    /// does not exist. [`Error::OperationTooLarge`] beyond [`MAX_DEPTH`] levels, [`MAX_NODES`](super::MAX_NODES) words
    /// and lists, or [`MAX_BYTES`](super::MAX_BYTES) of text.
    ///
    /// ```
    /// use gnocchetti::ops::Operation;
    ///
    /// let operation = Operation::from_json(&serde_json::json!(["+", ["metric", "cpu.*", "mean"], 2]))?;
    /// assert_eq!(operation.to_string(), "(+ (metric cpu.* mean) 2.0)");
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn from_json(value: &Value) -> Result<Self> {
        match value {
            Value::String(text) => text.parse(),
            lists => whole(&syntax::of_json(lists)?),
        }
    }
}

impl FromStr for Operation {
    type Err = Error;

    /// The operation that a text says, as in `(aggregate mean (metric (a max) (b max)))`. Words with blanks or parentheses
    /// stand in quotes. Errors are those of [`Operation::from_json`].
    fn from_str(text: &str) -> Result<Self> {
        whole(&syntax::of_text(text)?)
    }
}

fn whole(node: &Node) -> Result<Operation> {
    let Item::List(_) = &node.item else {
        return Err(refuse("operations", OPERATION, node));
    };
    let operation = operation(node, "operations", 1)?;
    if operation.is_constant() {
        return Err(refuse("operations", "at least one metric", node));
    }
    Ok(operation)
}

/// The operation at `node`, an operand of `outer`.
fn operation(node: &Node, outer: &str, depth: usize) -> Result<Operation> {
    let Item::List(items) = &node.item else {
        return match node.number() {
            Some(number) => Ok(Operation::Number(number)),
            None => Err(refuse(outer, "an operation in a list, or a number", node)),
        };
    };
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let Some((head, arguments)) = items.split_first() else {
        return Err(refuse(outer, OPERATION, node));
    };
    let Some(name) = head.word() else {
        return Err(refuse(outer, OPERATION, head));
    };
    Call { name, node, arguments, depth }.operation(head)
}

/// A list with its name.
struct Call<'a> {
    name: &'a str,
    node: &'a Node,
    arguments: &'a [Node],
    depth: usize,
}

impl Call<'_> {
    fn operation(&self, head: &Node) -> Result<Operation> {
        match self.name {
            "metric" => self.metric(),
            "aggregate" => {
                let [reduction, of] = self.arguments("a method and an operation")?;
                Ok(Operation::Aggregate { reduction: self.reduction(reduction)?, of: self.series(of)? })
            }
            "rolling" => {
                let [reduction, window, of] = self.arguments("a method, a window and an operation")?;
                let (reduction, window) = (self.reduction(reduction)?, self.window(window)?);
                Ok(Operation::Rolling { reduction, window, of: self.series(of)? })
            }
            "resample" => {
                let [method, sampling, of] = self.arguments("a method, a granularity and an operation")?;
                let (method, sampling) = (self.method(method)?, self.sampling(sampling)?);
                Ok(Operation::Resample { method, sampling, of: self.series(of)? })
            }
            "clip" => self.clip(),
            name => match (UnaryOperator::named(name), BinaryOperator::named(name)) {
                (Some(operator), _) => self.unary(operator),
                (None, Some(operator)) => {
                    let [left, right] = self.arguments("two operands")?;
                    Ok(Operation::Binary { operator, left: self.operand(left)?, right: self.operand(right)? })
                }
                (None, None) => Err(refuse(name, OPERATION, head)),
            },
        }
    }

    fn unary(&self, operator: UnaryOperator) -> Result<Operation> {
        let [of] = self.arguments("one operand")?;
        let of = match operator {
            UnaryOperator::RateOfChange | UnaryOperator::RateOfChangePerSecond => self.series(of)?,
            _ => self.operand(of)?,
        };
        Ok(Operation::Unary { operator, of })
    }

    fn clip(&self) -> Result<Operation> {
        let (of, min, max) = match self.arguments {
            [of, min] => (of, min, None),
            [of, min, max] => (of, min, Some(max)),
            _ => return Err(self.count("an operand and one or two bounds")),
        };
        let max = max.map(|max| self.operand(max)).transpose()?;
        Ok(Operation::Clip { of: self.operand(of)?, min: self.operand(min)?, max })
    }

    /// `metric` with a name and a method, or with lists of them.
    fn metric(&self) -> Result<Operation> {
        let references = match self.arguments {
            [] => return Err(self.count("at least one metric")),
            [name, method] if name.word().is_some() => vec![self.reference(name, method)?],
            lists => lists.iter().map(|list| self.listed_reference(list)).collect::<Result<_>>()?,
        };
        Ok(Operation::Metric(references))
    }

    fn listed_reference(&self, list: &Node) -> Result<Reference> {
        match &list.item {
            Item::List(pair) => match pair.as_slice() {
                [name, method] => self.reference(name, method),
                _ => Err(self.refuse("a list of a metric and a method", list)),
            },
            _ => Err(self.refuse("a metric and a method, or lists of these", list)),
        }
    }

    fn reference(&self, name: &Node, method: &Node) -> Result<Reference> {
        let metric = name.word().filter(|name| !name.is_empty());
        let metric = metric.ok_or_else(|| self.refuse("a metric's id or name, or a pattern", name))?;
        let word = method.word().ok_or_else(|| self.refuse("an aggregation method", method))?;
        let method = word
            .parse()
            .map_err(|_| Error::UnknownReferenceMethod { metric: metric.to_owned(), method: word.to_owned() })?;
        Ok(Reference::new(metric, method))
    }

    /// An operand that may be a number.
    fn operand(&self, node: &Node) -> Result<Box<Operation>> {
        operation(node, self.name, self.depth + 1).map(Box::new)
    }

    /// An operand that must have points.
    fn series(&self, node: &Node) -> Result<Box<Operation>> {
        let operand = self.operand(node)?;
        if operand.is_constant() { Err(self.refuse("an operation with a metric in it", node)) } else { Ok(operand) }
    }

    fn reduction(&self, node: &Node) -> Result<Reduction> {
        let reduction = node.word().and_then(|word| word.parse().ok());
        reduction.ok_or_else(|| self.refuse("an aggregation method or var, perhaps with rate: before it", node))
    }

    fn method(&self, node: &Node) -> Result<AggregationMethod> {
        let method = node.word().and_then(|word| word.parse().ok());
        method.ok_or_else(|| self.refuse("an aggregation method", node))
    }

    fn window(&self, node: &Node) -> Result<NonZeroUsize> {
        let window = node.number().filter(|n| n.fract() == 0.0 && (1.0..=MAX_WINDOW).contains(n));
        let window = window.and_then(|n| NonZeroUsize::new(n as usize));
        window.ok_or_else(|| self.refuse("a number of points: an integer from 1 on", node))
    }

    fn sampling(&self, node: &Node) -> Result<Sampling> {
        let sampling = match &node.item {
            Item::Number(seconds) => Timespan::from_secs_f64(*seconds).ok().map(Sampling::Timespan),
            Item::Word(word) => word.parse().ok(),
            _ => None,
        };
        sampling.ok_or_else(|| self.refuse("a timespan, or one of Y, H, Q, M and W", node))
    }

    /// The arguments, when there are as many as there should be.
    fn arguments<const N: usize>(&self, expected: &str) -> Result<&[Node; N]> {
        self.arguments.try_into().map_err(|_| self.count(expected))
    }

    fn count(&self, expected: &str) -> Error {
        let found = match self.arguments.len() {
            1 => "1 argument".to_owned(),
            n => format!("{n} arguments"),
        };
        let (operation, place) = (self.name.to_owned(), self.node.place.clone());
        Error::InvalidOperation { operation, expected: expected.to_owned(), found, place }
    }

    fn refuse(&self, expected: &str, node: &Node) -> Error {
        refuse(self.name, expected, node)
    }
}
