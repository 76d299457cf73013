//! Operations as they are sent, and why one cannot be answered, in the words that Gnocchi's clients know.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::failure::Failure;
use super::given::Given;
use super::server::App;
use crate::ops::Operation;
use crate::{Error, MetricKey, Timespan};

/// The operation that was sent, as lists or as a text.
pub(super) fn read(given: &Given<'_>) -> Result<Operation, Failure> {
    let value = given.value();
    Operation::from_json(value).map_err(|error| match (&error, value) {
        (Error::UnknownReferenceMethod { metric, method }, _) => unknown_method(metric, method),
        (Error::OperationTooLarge { .. }, _) => given.invalid(&error.to_string()),
        (_, Value::String(text)) if !is_list(text) => {
            let reason = "Fail to parse the operations string";
            Failure::bad(json!({"cause": "Invalid operations", "reason": reason, "detail": error.to_string()}))
        }
        _ => invalid(given, value, &error),
    })
}

/// Why this is no operation.
fn invalid(given: &Given<'_>, value: &Value, error: &Error) -> Failure {
    match value {
        Value::Array(items) if items.is_empty() => given.invalid("Operation must not be empty"),
        Value::Array(items) if items.len() == 1 => given.invalid("Operation need at least one argument"),
        Value::Array(items) => given.refused(&named(items.first().and_then(Value::as_str).unwrap_or_default(), error)),
        Value::String(text) => {
            let words = text.trim_start().trim_start_matches('(').trim_start();
            let end = words.find(|c: char| c.is_whitespace() || "()".contains(c)).unwrap_or(words.len());
            given.refused(&named(&words[..end], error))
        }
        other => given.invalid(&format!("Expected a tuple/list, got a {}", kind(other))),
    }
}

fn named(operation: &str, error: &Error) -> String {
    format!("'{operation}' operation invalid for dictionary value: {error}")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "dictionary",
    }
}

/// Whether the parentheses of a text match, those in quotes aside, and all of it stands in them.
fn is_list(text: &str) -> bool {
    let (mut depth, mut closed, mut quote, mut escaped) = (0_usize, false, None, false);
    for c in text.trim().chars() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '(') if !closed => depth += 1,
            (None, ')') => {
                depth = depth.saturating_sub(1);
                closed = depth == 0;
            }
            (None, _) if depth == 0 => return false,
            (None, '"' | '\'') => quote = Some(c),
            (Some(_) | None, _) => {}
        }
    }
    closed
}

/// Why the database does not answer.
pub(super) fn unanswered(app: &App, operation: &Operation, granularity: Option<Timespan>, error: Error) -> Failure {
    let cannot = |reason: &str, detail: Value| {
        Failure::bad(json!({"cause": "Metrics cannot be aggregated", "reason": reason, "detail": detail}))
    };
    match error {
        Error::Unaggregable { references, reason } => cannot(&reason, json!(references)),
        Error::UnknownReferenceMethod { metric, method } => unknown_method(&metric, &method),
        Error::UnknownGranularity { metric, .. } => {
            let id = app.database.metric_by_key(MetricKey::new(metric)).map(|metric| metric.id.to_string());
            let id = id.unwrap_or_default();
            let seconds = granularity.map(|span| span.nanos() as f64 / 1e9);
            let references = operation.metrics();
            let mut named = references.iter().filter(|reference| reference.metric == id).peekable();
            let shown = if named.peek().is_some() { named.collect() } else { references.iter().collect::<Vec<_>>() };
            let shown: Vec<_> = shown.iter().map(|one| json!([one.metric, one.method.to_string(), seconds])).collect();
            cannot("Granularities are missing", shown.into())
        }
        other => other.into(),
    }
}

fn unknown_method(metric: &str, method: &str) -> Failure {
    let description = json!({"cause": "Metrics with unknown aggregation", "detail": [[metric, method]]});
    Failure::because(StatusCode::NOT_FOUND, description)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_whose_parentheses_do_not_match_are_no_lists() {
        for list in ["(a)", " (a (b c) d) ", "(a \")\" '(' b)", "()", "(a))"] {
            assert!(is_list(list), "{list}");
        }
        for other in ["", "a", "(a", "(a (b)", "(a) b", "(a \")", "a (b)"] {
            assert!(!is_list(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_operation_is_refused_in_gnocchis_words() {
        let refused = |operations: Value| {
            let body = json!({"operations": operations});
            let given = Given::whole(&body).object(&["operations"], &[]).unwrap().need("operations").unwrap();
            format!("{:?}", read(&given).unwrap_err())
        };
        for (operations, expected) in [
            (json!([]), "Operation must not be empty for dictionary value @ data['operations']"),
            (json!({"a": 1}), "Expected a tuple/list, got a dictionary for dictionary value"),
            (json!("(metroc foo bar"), "Fail to parse the operations string"),
            (json!(["metric"]), "Operation need at least one argument for dictionary value"),
            (json!("(rolling blah 2 (metric a mean))"), "'rolling' operation invalid for dictionary value"),
            (json!(["notexist", ["metric", "a", "mean"]]), "'notexist' operation invalid for dictionary value"),
            (json!(["metric", "a", "what?"]), "Metrics with unknown aggregation"),
        ] {
            assert!(refused(operations).contains(expected), "{expected}");
        }
    }
}
