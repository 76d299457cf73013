//! Filters: what a search asks for, as a tree of comparisons.
//!
//! A [`Filter`] is made by constructors, from Gnocchi's JSON form, or from its string form, and can be printed in both.
//! It says what is asked, never how: what its attributes are called in a table, and which values they take, is the
//! index's business. The tree lies flat, children before their parent, so that even one ten thousand levels deep is
//! made, copied and dropped without recursion; what walks it asks for [`Tree`] first, which has bounds.

mod json;
mod lexer;
mod parse;
mod print;
mod tree;

#[cfg(test)]
mod tests;

use std::ops::Not;

use uuid::Uuid;

use super::{AttributeValue, Timestamp};
use crate::error::Result;
pub use tree::Tree;

/// How deep a filter may be: each `not`, `and` and `or` is one level, and so is a comparison.
pub const MAX_DEPTH: usize = 50;
/// How many comparisons a filter may have.
pub const MAX_COMPARISONS: usize = 1_000;
/// How many values all comparisons of a filter may have together.
pub const MAX_VALUES: usize = 10_000;
/// How many bytes the name of an attribute and a text to compare with may have.
pub const MAX_TEXT: usize = 4_096;
/// How many bytes the written form of a filter may have.
pub const MAX_SOURCE: usize = 1_000_000;

/// How an attribute is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// It is the value; `null` is a value here.
    Eq,
    /// It is another value, or null.
    Ne,
    /// It is less.
    Lt,
    /// It is less or the same.
    Le,
    /// It is greater.
    Gt,
    /// It is greater or the same.
    Ge,
    /// It is a text of this form: `%` stands for any text, `_` for one character, `\` for the next character itself.
    Like,
}

impl Operator {
    /// The operator that is written like this, in any of its forms.
    ///
    /// ```
    /// use gnocchetti::Operator;
    ///
    /// assert_eq!(Operator::from_symbol("≤"), Operator::from_symbol("le"));
    /// assert_eq!(Operator::from_symbol("~"), None);
    /// ```
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" | "==" | "eq" => Operator::Eq,
            "!=" | "≠" | "ne" => Operator::Ne,
            "<" | "lt" => Operator::Lt,
            "<=" | "≤" | "le" => Operator::Le,
            ">" | "gt" => Operator::Gt,
            ">=" | "≥" | "ge" => Operator::Ge,
            "like" => Operator::Like,
            _ => return None,
        })
    }

    /// How it is printed.
    pub const fn symbol(self) -> &'static str {
        match self {
            Operator::Eq => "=",
            Operator::Ne => "!=",
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
            Operator::Like => "like",
        }
    }
}

/// What is asked of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// To compare like this with a value.
    Is(Operator, AttributeValue),
    /// To be one of these.
    In(Vec<AttributeValue>),
}

/// One attribute and what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The attribute's name.
    pub attribute: String,
    /// What is asked of it.
    pub test: Test,
}

/// One node of a filter; the nodes it joins are the ones right before it.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Compare(Comparison),
    Not,
    All(usize),
    Any(usize),
}

/// What a search asks for: comparisons of attributes, joined by `and`, `or` and `not`.
///
/// A comparison with an attribute that is null is neither true nor false, as in SQL: `a < 5` and `not a < 5` both leave
/// it out. Only `=` and `!=` know null: `a != 5` finds what has no `a`.
///
/// ```
/// use gnocchetti::Filter;
///
/// let filter = Filter::eq("host", "compute1").and(Filter::ge("cores", 8.0));
/// assert_eq!(filter.to_query()?, r#"host = "compute1" and cores >= 8.0"#);
/// assert_eq!(Filter::parse("host = compute1 ∧ cores ≥ 8")?, filter);
/// assert_eq!(Filter::from_json(r#"{"and": [{"eq": {"host": "compute1"}}, {">=": {"cores": 8}}]}"#)?, filter);
///
/// let error = Filter::parse("host = ").unwrap_err();
/// assert_eq!(error.to_string(), "this filter is not valid at character 8: a value is missing");
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    steps: Vec<Step>,
}

impl Filter {
    /// What has `attribute` compared like this with `value`.
    pub fn compare(attribute: impl Into<String>, operator: Operator, value: impl Into<AttributeValue>) -> Self {
        Filter::of(attribute.into(), Test::Is(operator, written(value.into())))
    }

    /// What has this value, where null is one.
    pub fn eq(attribute: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Filter::compare(attribute, Operator::Eq, value)
    }

    /// What has another value, or none.
    pub fn ne(attribute: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Filter::compare(attribute, Operator::Ne, value)
    }

    /// What has a lesser value.
    pub fn lt(attribute: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Filter::compare(attribute, Operator::Lt, value)
    }

    /// What has this value or a lesser one.
    pub fn le(attribute: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Filter::compare(attribute, Operator::Le, value)
    }

    /// What has a greater value.
    pub fn gt(attribute: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Filter::compare(attribute, Operator::Gt, value)
    }

    /// What has this value or a greater one.
    pub fn ge(attribute: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Filter::compare(attribute, Operator::Ge, value)
    }

    /// What has a text of this form: `%` stands for any text, `_` for one character. Upper and lower case differ.
    pub fn like(attribute: impl Into<String>, pattern: impl Into<String>) -> Self {
        Filter::compare(attribute, Operator::Like, pattern.into())
    }

    /// What has one of these values, at least one of which there must be.
    pub fn one_of<V: Into<AttributeValue>>(attribute: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter().map(|value| written(value.into())).collect();
        Filter::of(attribute.into(), Test::In(values))
    }

    /// What all of these find; with none of them, everything.
    pub fn all(filters: impl IntoIterator<Item = Filter>) -> Self {
        Filter::join(filters, Step::All)
    }

    /// What any of these finds; with none of them, nothing.
    pub fn any(filters: impl IntoIterator<Item = Filter>) -> Self {
        Filter::join(filters, Step::Any)
    }

    /// What this and `other` find.
    #[must_use]
    pub fn and(self, other: Filter) -> Self {
        Filter::all([self, other])
    }

    /// What this or `other` finds.
    #[must_use]
    pub fn or(self, other: Filter) -> Self {
        Filter::any([self, other])
    }

    fn of(attribute: String, test: Test) -> Self {
        Filter { steps: vec![Step::Compare(Comparison { attribute, test })] }
    }

    fn join(filters: impl IntoIterator<Item = Filter>, step: fn(usize) -> Step) -> Self {
        let mut filters = filters.into_iter();
        let mut steps = filters.next().map(|first| first.steps).unwrap_or_default();
        let mut count = usize::from(!steps.is_empty());
        for filter in filters {
            steps.extend(filter.steps);
            count += 1;
        }
        if count != 1 {
            steps.push(step(count));
        }
        Filter { steps }
    }

    /// The filter that this text says, in Gnocchi's query language.
    ///
    /// Comparisons are `attribute operator value`, joined by `not` (`¬`), `and` (`∧`) and `or` (`∨`), in this order of
    /// precedence, and parentheses. Operators are `=` `==` `eq`, `!=` `≠` `ne`, `<` `lt`, `<=` `≤` `le`, `>` `gt`, `>=`
    /// `≥` `ge`, `like`, and `in` (`∈`) with a list in brackets. Values are words, numbers, `true`, `false`, `null`, and
    /// texts in single or double quotes, where a doubled quote means one. A name that is no plain word is quoted too.
    /// `true` and `false` alone stand for everything and nothing.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFilter`](crate::Error::InvalidFilter) with the place, or
    /// [`Error::FilterTooLarge`](crate::Error::FilterTooLarge).
    pub fn parse(text: &str) -> Result<Self> {
        parse::filter(text)
    }

    /// The filter that this JSON says, in Gnocchi's form: `{"and": [{"=": {"host": "a"}}, {"in": {"id": ["b"]}}]}`.
    /// `{}` is everything.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFilter`](crate::Error::InvalidFilter), [`Error::FilterTooLarge`](crate::Error::FilterTooLarge).
    pub fn from_json(json: &str) -> Result<Self> {
        json::filter(json)
    }

    /// It as a text that [`Filter::parse`] takes for the same.
    ///
    /// # Errors
    ///
    /// [`Error::FilterTooLarge`](crate::Error::FilterTooLarge), and [`Error::InvalidFilter`](crate::Error::InvalidFilter)
    /// for what cannot be asked, such as to be one of no values.
    pub fn to_query(&self) -> Result<String> {
        Ok(print::query(&self.tree()?))
    }

    /// It as JSON that [`Filter::from_json`] takes for the same.
    ///
    /// # Errors
    ///
    /// As [`Filter::to_query`].
    pub fn to_json(&self) -> Result<String> {
        Ok(json::text(&self.tree()?))
    }

    /// It as a tree within bounds.
    ///
    /// # Errors
    ///
    /// As [`Filter::to_query`].
    pub(crate) fn tree(&self) -> Result<Tree<'_>> {
        tree::of(&self.steps)
    }

    /// Whether it is plain from its form alone that it finds everything.
    ///
    /// # Errors
    ///
    /// As [`Filter::to_query`].
    pub fn is_everything(&self) -> Result<bool> {
        Ok(self.tree()?.constant() == Some(true))
    }
}

impl Not for Filter {
    type Output = Filter;

    /// What this does not find.
    fn not(mut self) -> Filter {
        self.steps.push(Step::Not);
        self
    }
}

/// A value as it is written: the index reads identifiers and times from texts, whoever made the filter.
fn written(value: AttributeValue) -> AttributeValue {
    match value {
        AttributeValue::Uuid(id) => AttributeValue::Text(text_of_id(id)),
        AttributeValue::Time(time) => AttributeValue::Text(text_of_time(time)),
        other => other,
    }
}

fn text_of_id(id: Uuid) -> String {
    id.hyphenated().to_string()
}

fn text_of_time(time: Timestamp) -> String {
    time.to_string()
}
