//! A filter as a tree within bounds, to be walked by recursion.
//!
//! The one place that checks how large a filter is; nothing walks a filter that did not come through here.

use super::{Comparison, MAX_COMPARISONS, MAX_DEPTH, MAX_TEXT, MAX_VALUES, Step, Test};
use crate::error::{Error, Result};
use crate::types::AttributeValue;

/// A filter, at most [`MAX_DEPTH`] deep.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree<'a> {
    /// One attribute and what is asked of it.
    Compare(&'a Comparison),
    /// What the filter inside does not find.
    Not(Box<Tree<'a>>),
    /// What all of them find.
    All(Vec<Tree<'a>>),
    /// What any of them finds.
    Any(Vec<Tree<'a>>),
}

impl Tree<'_> {
    /// What it says of everything, when no attribute matters to that.
    pub fn constant(&self) -> Option<bool> {
        match self {
            Tree::Compare(_) => None,
            Tree::Not(inner) => inner.constant().map(|value| !value),
            Tree::All(parts) => joined(parts, false),
            Tree::Any(parts) => joined(parts, true),
        }
    }
}

/// What parts say together when one that is `decisive` decides.
fn joined(parts: &[Tree], decisive: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part.constant() {
            Some(value) if value == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}

/// What is left to use up.
struct Allowance {
    comparisons: usize,
    values: usize,
}

/// The tree that lies flat in `steps`.
pub(super) fn of(steps: &[Step]) -> Result<Tree<'_>> {
    let mut left = Allowance { comparisons: MAX_COMPARISONS, values: MAX_VALUES };
    let mut stack: Vec<(Tree, usize)> = Vec::new();
    for step in steps {
        let (tree, depth) = match step {
            Step::Compare(comparison) => {
                check(comparison, &mut left)?;
                (Tree::Compare(comparison), 1)
            }
            Step::Not => {
                let (inner, depth) = stack.pop().unwrap_or((Tree::All(Vec::new()), 1));
                (Tree::Not(Box::new(inner)), depth + 1)
            }
            Step::All(count) => join(&mut stack, *count, Tree::All),
            Step::Any(count) => join(&mut stack, *count, Tree::Any),
        };
        if depth > MAX_DEPTH {
            return Err(Error::FilterTooLarge { what: "levels", limit: MAX_DEPTH });
        }
        stack.push((tree, depth));
    }
    Ok(stack.pop().map_or(Tree::All(Vec::new()), |(tree, _)| tree))
}

fn join<'a>(
    stack: &mut Vec<(Tree<'a>, usize)>,
    count: usize,
    tree: fn(Vec<Tree<'a>>) -> Tree<'a>,
) -> (Tree<'a>, usize) {
    let parts = stack.split_off(stack.len().saturating_sub(count));
    let depth = parts.iter().map(|(_, depth)| *depth).max().unwrap_or_default();
    (tree(parts.into_iter().map(|(part, _)| part).collect()), depth + 1)
}

fn check(comparison: &Comparison, left: &mut Allowance) -> Result<()> {
    let too_many = |what, limit| Error::FilterTooLarge { what, limit };
    left.comparisons = left.comparisons.checked_sub(1).ok_or_else(|| too_many("comparisons", MAX_COMPARISONS))?;
    if comparison.attribute.len() > MAX_TEXT {
        return Err(too_many("bytes in the name of an attribute", MAX_TEXT));
    }
    let values = match &comparison.test {
        Test::Is(_, value) => std::slice::from_ref(value),
        Test::In(values) => values,
    };
    if values.is_empty() {
        let reason = format!("`{}` is to be one of no values", comparison.attribute);
        return Err(Error::InvalidFilter { position: None, reason });
    }
    left.values = left.values.checked_sub(values.len()).ok_or_else(|| too_many("values", MAX_VALUES))?;
    for value in values {
        match value {
            AttributeValue::Text(text) if text.len() > MAX_TEXT => {
                return Err(too_many("bytes in a value", MAX_TEXT));
            }
            AttributeValue::Number(number) if !number.is_finite() => {
                let reason = format!("`{}` cannot be compared with {number}", comparison.attribute);
                return Err(Error::InvalidFilter { position: None, reason });
            }
            _ => {}
        }
    }
    Ok(())
}
