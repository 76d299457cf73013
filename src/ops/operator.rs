//! The operators and all their names.
//!
//! One table per kind: the first name of each row is the one that is printed. Nothing here computes.

use std::fmt;

/// What is done to each value of one operand.
///
/// ```
/// use gnocchetti::ops::UnaryOperator;
///
/// assert_eq!(UnaryOperator::named("absolute"), Some(UnaryOperator::Absolute));
/// assert_eq!(UnaryOperator::Absolute.to_string(), "abs");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOperator {
    /// The value without its sign.
    Absolute,
    /// The value with the other sign.
    Negative,
    /// Cosine of radians.
    Cosine,
    /// Sine of radians.
    Sine,
    /// Tangent of radians.
    Tangent,
    /// Largest integer that is not larger.
    Floor,
    /// Smallest integer that is not smaller.
    Ceiling,
    /// The value minus the one before it; the first timestamp has none and is left out.
    RateOfChange,
    /// The value minus the one before it, per second between them; NaN at the first timestamp.
    RateOfChangePerSecond,
}

/// What is done to pairs of values of two operands.
///
/// ```
/// use gnocchetti::ops::BinaryOperator;
///
/// assert_eq!(BinaryOperator::named("≥"), Some(BinaryOperator::GreaterOrEqual));
/// assert_eq!(BinaryOperator::GreaterOrEqual.to_string(), ">=");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    /// Whether they are equal; a NaN equals nothing.
    Equal,
    /// Whether they differ; a NaN differs from all.
    NotEqual,
    /// Whether the left one is smaller.
    Less,
    /// Whether the left one is larger.
    Greater,
    /// Whether the left one is smaller, or they are equal.
    LessOrEqual,
    /// Whether the left one is larger, or they are equal.
    GreaterOrEqual,
    /// Sum; of two comparisons, whether any holds.
    Add,
    /// Difference.
    Subtract,
    /// Product; of two comparisons, whether both hold.
    Multiply,
    /// Quotient; by zero it is infinite or NaN.
    Divide,
    /// Remainder, of the sign of the right one; by zero NaN.
    Modulo,
    /// The left one to the power of the right one.
    Power,
    /// The larger one; a NaN gives way to the other.
    Max,
    /// The left one, but at least the right one; NaN when either is.
    ClipMin,
    /// The left one, but at most the right one; NaN when either is.
    ClipMax,
}

const UNARY: [(UnaryOperator, &[&str]); 9] = [
    (UnaryOperator::Absolute, &["abs", "absolute"]),
    (UnaryOperator::Negative, &["neg", "negative"]),
    (UnaryOperator::Cosine, &["cos"]),
    (UnaryOperator::Sine, &["sin"]),
    (UnaryOperator::Tangent, &["tan"]),
    (UnaryOperator::Floor, &["floor"]),
    (UnaryOperator::Ceiling, &["ceil"]),
    (UnaryOperator::RateOfChange, &["rateofchange"]),
    (UnaryOperator::RateOfChangePerSecond, &["rateofchangesec"]),
];

const BINARY: [(BinaryOperator, &[&str]); 15] = [
    (BinaryOperator::Equal, &["==", "=", "eq"]),
    (BinaryOperator::NotEqual, &["!=", "≠", "ne"]),
    (BinaryOperator::Less, &["<", "lt"]),
    (BinaryOperator::Greater, &[">", "gt"]),
    (BinaryOperator::LessOrEqual, &["<=", "≤", "le"]),
    (BinaryOperator::GreaterOrEqual, &[">=", "≥", "ge"]),
    (BinaryOperator::Add, &["+", "add"]),
    (BinaryOperator::Subtract, &["-", "sub"]),
    (BinaryOperator::Multiply, &["*", "×", "mul"]),
    (BinaryOperator::Divide, &["/", "÷", "div"]),
    (BinaryOperator::Modulo, &["%", "mod"]),
    (BinaryOperator::Power, &["**", "^", "pow"]),
    (BinaryOperator::Max, &["max"]),
    (BinaryOperator::ClipMin, &["clip_min"]),
    (BinaryOperator::ClipMax, &["clip_max"]),
];

impl UnaryOperator {
    /// The operator of this name.
    pub fn named(name: &str) -> Option<Self> {
        named(&UNARY, name)
    }

    /// All operators, each with all its names; the first is the one that is printed.
    pub fn all() -> &'static [(Self, &'static [&'static str])] {
        &UNARY
    }
}

impl BinaryOperator {
    /// The operator of this name.
    pub fn named(name: &str) -> Option<Self> {
        named(&BINARY, name)
    }

    /// All operators, each with all its names; the first is the one that is printed.
    pub fn all() -> &'static [(Self, &'static [&'static str])] {
        &BINARY
    }

    /// Whether it yields 1 for true and 0 for false.
    pub fn is_comparison(self) -> bool {
        use BinaryOperator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | Greater | LessOrEqual | GreaterOrEqual)
    }

    /// Whether values can be searched with it.
    pub(super) fn is_of_predicates(self) -> bool {
        !matches!(self, BinaryOperator::Max | BinaryOperator::ClipMin | BinaryOperator::ClipMax)
    }
}

fn named<O: Copy>(table: &[(O, &[&str])], name: &str) -> Option<O> {
    table.iter().find(|(_, names)| names.contains(&name)).map(|(operator, _)| *operator)
}

fn printed<O: PartialEq>(table: &[(O, &'static [&'static str])], operator: &O) -> &'static str {
    let row = table.iter().find(|(other, _)| other == operator);
    row.and_then(|(_, names)| names.first()).copied().unwrap_or_default()
}

impl fmt::Display for UnaryOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(printed(&UNARY, self))
    }
}

impl fmt::Display for BinaryOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(printed(&BINARY, self))
    }
}
