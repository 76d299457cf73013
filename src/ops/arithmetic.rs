//! What the operators make of numbers.
//!
//! Plain IEEE 754: nothing here fails, traps or looks at more than its operands. A comparison yields 1 or 0, and what
//! is known to be such a *truth* adds, as in Gnocchi, to whether any holds.

use super::operator::{BinaryOperator, UnaryOperator};

/// One pair of values.
#[inline]
pub(super) fn binary(operator: BinaryOperator, left: f64, right: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match operator {
        BinaryOperator::Equal => truth(left == right),
        BinaryOperator::NotEqual => truth(left != right),
        BinaryOperator::Less => truth(left < right),
        BinaryOperator::Greater => truth(left > right),
        BinaryOperator::LessOrEqual => truth(left <= right),
        BinaryOperator::GreaterOrEqual => truth(left >= right),
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => left / right,
        BinaryOperator::Modulo => modulo(left, right),
        BinaryOperator::Power => left.powf(right),
        BinaryOperator::Max => left.max(right),
        BinaryOperator::ClipMin => at_least(left, right),
        BinaryOperator::ClipMax => at_most(left, right),
    }
}

/// One pair of truths.
#[inline]
pub(super) fn binary_of_truths(operator: BinaryOperator, left: f64, right: f64) -> f64 {
    match operator {
        BinaryOperator::Add => left.max(right),
        other => binary(other, left, right),
    }
}

/// Whether an operator yields truths of operands of which both, or not both, are truths.
pub(super) fn yields_truths(operator: BinaryOperator, both: bool) -> bool {
    use BinaryOperator::{Add, ClipMax, ClipMin, Max, Multiply};
    operator.is_comparison() || both && matches!(operator, Add | Multiply | Max | ClipMin | ClipMax)
}

/// One value; the operators that look at its neighbour see none here.
#[inline]
pub(super) fn unary(operator: UnaryOperator, value: f64) -> f64 {
    match operator {
        UnaryOperator::Absolute => value.abs(),
        UnaryOperator::Negative => -value,
        UnaryOperator::Cosine => value.cos(),
        UnaryOperator::Sine => value.sin(),
        UnaryOperator::Tangent => value.tan(),
        UnaryOperator::Floor => value.floor(),
        UnaryOperator::Ceiling => value.ceil(),
        UnaryOperator::RateOfChange | UnaryOperator::RateOfChangePerSecond => f64::NAN,
    }
}

/// Each value minus the one before it, the first left out; of truths, whether it changed.
pub(super) fn differences(values: &[f64], truths: bool) -> Vec<f64> {
    let pairs = values.windows(2).map(|pair| pair[1] - pair[0]);
    if truths { pairs.map(f64::abs).collect() } else { pairs.collect() }
}

/// The remainder of floored division: it has the sign of the divisor.
fn modulo(left: f64, right: f64) -> f64 {
    let remainder = left % right;
    if remainder == 0.0 {
        return 0.0_f64.copysign(right);
    }
    if (remainder < 0.0) == (right < 0.0) || remainder.is_nan() { remainder } else { remainder + right }
}

/// `value`, but at least `least`; NaN when either is.
#[inline]
pub(super) fn at_least(value: f64, least: f64) -> f64 {
    if value.is_nan() || value > least { value } else { least }
}

/// `value`, but at most `most`; NaN when either is.
#[inline]
pub(super) fn at_most(value: f64, most: f64) -> f64 {
    if value.is_nan() || value < most { value } else { most }
}
