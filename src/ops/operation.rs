//! The tree of an operation, and what can be asked of it without evaluating it.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use super::operator::{BinaryOperator, UnaryOperator};
use super::reduction::Reduction;
use crate::carbonara::Sampling;
use crate::error::{Error, Result};
use crate::types::AggregationMethod;

/// How deeply operations may be nested.
pub const MAX_DEPTH: usize = 64;

/// One metric of an operation, or all whose names match a pattern, and the aggregation method whose points are asked for.
///
/// ```
/// use gnocchetti::AggregationMethod;
/// use gnocchetti::ops::Reference;
///
/// assert!(Reference::new("cpu.*", AggregationMethod::MEAN).is_pattern());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The metric's id or name, or a pattern as those of Python's `fnmatch`.
    pub metric: String,
    /// Which of its aggregates.
    pub method: AggregationMethod,
}

impl Reference {
    /// The reference to `method` of `metric`.
    pub fn new(metric: impl Into<String>, method: AggregationMethod) -> Self {
        Reference { metric: metric.into(), method }
    }

    /// Whether it can stand for several metrics: it has a `*`, a `?` or a `[`.
    pub fn is_pattern(&self) -> bool {
        self.metric.contains(['*', '?', '['])
    }
}

/// An operation on series: a tree whose leaves are metrics and numbers.
///
/// It is read from JSON ([`Operation::from_json`]) or text (`str::parse`) and printed as either ([`Operation::to_json`],
/// `to_string`); what is printed is read back as the same tree.
///
/// ```
/// use gnocchetti::ops::Operation;
///
/// let operation: Operation = "(* 100 (aggregate mean (metric (cpu.user mean) (cpu.system mean))))".parse()?;
/// assert_eq!(operation.metrics().len(), 2);
/// assert_eq!(Operation::from_json(&operation.to_json())?, operation);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// A number.
    Number(f64),
    /// `metric`: the series of metrics.
    Metric(Vec<Reference>),
    /// `aggregate`: all series become one, timestamp by timestamp.
    Aggregate {
        /// What becomes of the values of one timestamp.
        reduction: Reduction,
        /// The series.
        of: Box<Operation>,
    },
    /// `rolling`: each value of each series becomes one of it and those before it.
    Rolling {
        /// What becomes of the values of one window.
        reduction: Reduction,
        /// How many values a window has.
        window: NonZeroUsize,
        /// The series.
        of: Box<Operation>,
    },
    /// `resample`: the points of each series are grouped again.
    Resample {
        /// What becomes of the values of one group.
        method: AggregationMethod,
        /// Into which groups.
        sampling: Sampling,
        /// The series.
        of: Box<Operation>,
    },
    /// An operator of one operand.
    Unary {
        /// Which one.
        operator: UnaryOperator,
        /// Its operand.
        of: Box<Operation>,
    },
    /// An operator of two operands.
    Binary {
        /// Which one.
        operator: BinaryOperator,
        /// The left operand.
        left: Box<Operation>,
        /// The right operand.
        right: Box<Operation>,
    },
    /// `clip`: values brought between two bounds; when they cross, the upper one wins.
    Clip {
        /// The values.
        of: Box<Operation>,
        /// The lower bound.
        min: Box<Operation>,
        /// The upper bound, when there is one.
        max: Option<Box<Operation>>,
    },
}

impl Operation {
    /// The metrics that it refers to, each once, in the order of their first mention.
    ///
    /// ```
    /// use gnocchetti::ops::Operation;
    ///
    /// let operation: Operation = "(/ (metric used mean) (metric total mean))".parse()?;
    /// let names: Vec<&str> = operation.metrics().iter().map(|reference| reference.metric.as_str()).collect();
    /// assert_eq!(names, ["used", "total"]);
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn metrics(&self) -> Vec<&Reference> {
        let mut seen = HashSet::new();
        let mut metrics = Vec::new();
        self.visit(&mut |operation| {
            if let Operation::Metric(references) = operation {
                metrics.extend(references.iter().filter(|reference| seen.insert(*reference)));
            }
        });
        metrics
    }

    /// Whether there is no metric in it.
    pub(super) fn is_constant(&self) -> bool {
        let mut metrics = 0;
        self.visit(&mut |operation| metrics += usize::from(matches!(operation, Operation::Metric(_))));
        metrics == 0
    }

    /// Refuses a tree that is nested more deeply than is evaluated; a parsed one never is.
    pub(super) fn check_depth(&self) -> Result<()> {
        let mut level: Vec<&Operation> = vec![self];
        for _ in 0..MAX_DEPTH {
            level = level.iter().flat_map(|operation| operation.operands()).collect();
            if level.is_empty() {
                return Ok(());
            }
        }
        if level.iter().all(|operation| matches!(operation, Operation::Number(_))) {
            return Ok(());
        }
        Err(too_deep())
    }

    /// Visits the operation and all below it, operands from left to right, without recursion.
    fn visit<'a>(&'a self, visitor: &mut impl FnMut(&'a Operation)) {
        let mut stack = vec![self];
        while let Some(operation) = stack.pop() {
            visitor(operation);
            stack.extend(operation.operands().rev());
        }
    }

    /// What it operates on, from left to right.
    fn operands(&self) -> impl DoubleEndedIterator<Item = &Operation> {
        let operands = match self {
            Operation::Number(_) | Operation::Metric(_) => [None, None, None],
            Operation::Aggregate { of, .. }
            | Operation::Rolling { of, .. }
            | Operation::Resample { of, .. }
            | Operation::Unary { of, .. } => [Some(of), None, None],
            Operation::Binary { left, right, .. } => [Some(left), Some(right), None],
            Operation::Clip { of, min, max } => [Some(of), Some(min), max.as_ref()],
        };
        operands.into_iter().flatten().map(Box::as_ref)
    }
}

pub(super) fn too_deep() -> Error {
    Error::OperationTooLarge { what: "levels", limit: MAX_DEPTH }
}
