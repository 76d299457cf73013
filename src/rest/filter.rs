//! Filters of searches as they are sent, and what is wrong with one in the words that Gnocchi's clients know.
//!
//! What a filter finds is the database's business; here stands only which forms of one are taken.

use serde_json::{Value, json};

use super::call::Call;
use super::failure::Failure;
use super::given::Given;
use crate::{Error, Filter, Operator};

/// The filter that stands in the body, or else in the query.
pub(super) fn sent(call: &Call) -> Result<Option<Filter>, Failure> {
    if !call.body.is_empty() {
        let body = call.json()?;
        return of_json(&Given::whole(&body)).map(Some);
    }
    call.query.get("filter").filter(|text| !text.is_empty()).map(|text| of_text(text)).transpose()
}

/// The filter that a part of the body is: an object, or a text.
pub(super) fn of_part(given: &Given<'_>) -> Result<Filter, Failure> {
    match given.value() {
        Value::String(text) => of_text(text),
        _ => of_json(given),
    }
}

fn of_json(given: &Given<'_>) -> Result<Filter, Failure> {
    check(given)?;
    Filter::from_json(&given.value().to_string()).map_err(refused)
}

/// The filter that a text says. Gnocchi does not know `==` in one, and its tests see to it.
fn of_text(text: &str) -> Result<Filter, Failure> {
    if let Some(position) = double_equals(text) {
        return Err(Failure::bad(format!("Invalid filter: Expected `=` at character {position}, not `==`")));
    }
    Filter::parse(text).map_err(refused)
}

/// The place of the first `==` that stands in no quotes.
fn double_equals(text: &str) -> Option<usize> {
    let (mut quote, mut before) = (None, ' ');
    for (position, c) in text.chars().enumerate() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '=' && before == '=' => return Some(position),
            Some(_) | None => {}
        }
        before = if quote.is_some() { ' ' } else { c };
    }
    None
}

fn refused(error: Error) -> Failure {
    match error {
        Error::InvalidFilter { reason, .. } if reason.ends_with("one of no values") => {
            invalid("length of value must be at least 1")
        }
        Error::InvalidFilter { position: Some(position), reason } => {
            Failure::bad(format!("Invalid filter: Expected another text at character {position}: {reason}"))
        }
        other => invalid(&other.to_string()),
    }
}

fn invalid(reason: &str) -> Failure {
    Failure::bad(json!({"cause": "Invalid input", "reason": reason, "detail": []}))
}

/// Whether this has the form of a filter, and of its parts; JSON is never deep.
fn check(given: &Given<'_>) -> Result<(), Failure> {
    let mut members = given.members()?;
    let Some((operator, operand)) = members.pop() else { return Ok(()) };
    if !members.is_empty() {
        return Err(given.invalid("length of value must be at most 1"));
    }
    match operator {
        "and" | "∧" | "or" | "∨" => operand.some()?.iter().try_for_each(check),
        "not" | "¬" => check(&operand),
        "in" | "∈" => only(&operand)?.1.some()?.iter().try_for_each(scalar),
        "like" => match only(&operand)? {
            ("id", value) => Err(value.refused("value must not be one of ['id']")),
            (_, value) => scalar(&value),
        },
        other if Operator::from_symbol(other).is_some() => scalar(&only(&operand)?.1),
        _ => Err(operand.refused("extra keys not allowed")),
    }
}

/// The one attribute of a comparison, and what it is compared with.
fn only<'a>(given: &Given<'a>) -> Result<(&'a str, Given<'a>), Failure> {
    let mut members = given.members()?;
    match (members.pop(), members.len()) {
        (None, _) => Err(given.invalid("length of value must be at least 1")),
        (Some(member), 0) => Ok(member),
        _ => Err(given.invalid("length of value must be at most 1")),
    }
}

fn scalar(given: &Given<'_>) -> Result<(), Failure> {
    match given.value() {
        Value::Array(_) | Value::Object(_) => Err(given.invalid("expected str")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_is_refused_in_gnocchis_words() {
        let refused = |filter: Value| format!("{:?}", of_part(&Given::whole(&filter)).unwrap_err());
        let long: Vec<Value> = (0..1_001).map(|n| json!({"=": {"a": n}})).collect();
        for (filter, expected) in [
            (json!([]), "expected a dictionary"),
            (json!({"and": {"a": 1}}), "expected a list for dictionary value @ data['and']"),
            (json!({"and": []}), "length of value must be at least 1 for dictionary value @ data['and']"),
            (json!({"or": [{"=": {"a": []}}]}), "expected str for dictionary value @ data['or'][0]['=']['a']"),
            (json!({"not": [1]}), "expected a dictionary for dictionary value @ data['not']"),
            (json!({"like": {"id": ["a%"]}}), "value must not be one of ['id'] @ data['like']['id']"),
            (json!({"in": {"id": []}}), "length of value must be at least 1 for dictionary value @ data['in']['id']"),
            (json!({"=": {}}), "length of value must be at least 1 for dictionary value @ data['=']"),
            (json!({"=": {"a": 1, "b": 2}}), "length of value must be at most 1 for dictionary value @ data['=']"),
            (json!({"=": {"a": 1}, "<": {"a": 1}}), "length of value must be at most 1"),
            (json!({"is": {"a": 1}}), "extra keys not allowed @ data['is']"),
            (json!({"or": long}), "more than 1000 comparisons"),
            (json!("id in []"), "length of value must be at least 1"),
            (json!("id == a"), "Invalid filter: Expected `=` at character 4"),
            (json!("'a==' = b and c ==d"), "Invalid filter: Expected `=` at character 17"),
            (json!("a ="), "Invalid filter: Expected another text at character 4: a value is missing"),
        ] {
            let found = refused(filter);
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn filters_of_both_forms_are_the_same() {
        let filter = of_part(&Given::whole(&json!({"∧": [{"eq": {"a": "=="}}, {"not": {"in": {"b": [1]}}}]}))).unwrap();
        assert_eq!(of_part(&Given::whole(&json!("a = '==' and not b in [1]"))).unwrap(), filter);
        assert!(of_part(&Given::whole(&json!({}))).unwrap().is_everything().unwrap());
    }
}
