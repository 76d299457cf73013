//! Filters as texts of the query language, with no more parentheses than it takes to be read as the same tree.

use super::{Test, Tree, lexer};
use crate::types::AttributeValue;

/// A filter as a text.
pub(super) fn query(tree: &Tree) -> String {
    let mut text = String::new();
    print(tree, &mut text);
    text
}

fn print(tree: &Tree, text: &mut String) {
    match tree {
        Tree::Compare(comparison) => {
            print_name(&comparison.attribute, text);
            match &comparison.test {
                Test::Is(operator, value) => {
                    text.push(' ');
                    text.push_str(operator.symbol());
                    text.push(' ');
                    print_value(value, text);
                }
                Test::In(values) => print_list(values, text),
            }
        }
        Tree::Not(inner) => {
            text.push_str("not ");
            let loose = matches!(&**inner, Tree::All(parts) | Tree::Any(parts) if !parts.is_empty());
            print_part(inner, loose, text);
        }
        Tree::All(parts) => {
            join(parts, "true", " and ", |part| matches!(part, Tree::All(_) | Tree::Any(_)), text);
        }
        Tree::Any(parts) => join(parts, "false", " or ", |part| matches!(part, Tree::Any(_)), text),
    }
}

fn join(parts: &[Tree], none: &str, between: &str, loose: impl Fn(&Tree) -> bool, text: &mut String) {
    if parts.is_empty() {
        text.push_str(none);
    }
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        print_part(part, loose(part), text);
    }
}

fn print_part(part: &Tree, parentheses: bool, text: &mut String) {
    if parentheses {
        text.push('(');
    }
    print(part, text);
    if parentheses {
        text.push(')');
    }
}

fn print_list(values: &[AttributeValue], text: &mut String) {
    text.push_str(" in [");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        print_value(value, text);
    }
    text.push(']');
}

fn print_name(name: &str, text: &mut String) {
    if lexer::is_plain_name(name) {
        text.push_str(name);
    } else {
        print_quoted(name, text);
    }
}

fn print_value(value: &AttributeValue, text: &mut String) {
    match super::written(value.clone()) {
        AttributeValue::Bool(value) => text.push_str(if value { "true" } else { "false" }),
        AttributeValue::Number(number) => {
            let written = format!("{number:?}");
            text.push_str(&written);
        }
        AttributeValue::Text(value) => print_quoted(&value, text),
        AttributeValue::Null | AttributeValue::Uuid(_) | AttributeValue::Time(_) => text.push_str("null"),
    }
}

fn print_quoted(value: &str, text: &mut String) {
    text.push('"');
    text.push_str(&value.replace('"', "\"\""));
    text.push('"');
}
