//! Languages and words that people write: filters, operations, predicates, times, policies. What can be read is printed,
//! and what is printed is read as the same.

use gnocchetti::ops::{EvaluateOptions, Input, Operation, Predicate, evaluate};
use gnocchetti::{
    AggregationMethod, ArchivePolicy, ArchivePolicyRule, Columns, Definition, Filter, Marker, ResourceType, Sort,
    Timespan, Timestamp,
};
use serde_json::Value;

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The language of filters, as text and as JSON.
pub fn filter(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for filter in [Filter::parse(text), Filter::from_json(text)].into_iter().flatten() {
        let (Ok(query), Ok(json)) = (filter.to_query(), filter.to_json()) else { continue };
        let by_query = Filter::parse(&query).expect("a printed filter");
        let by_json = Filter::from_json(&json).expect("a printed filter");
        for again in [by_query, by_json] {
            assert_eq!(again.to_query().ok().as_ref(), Some(&query));
            assert_eq!(again.to_json().ok().as_ref(), Some(&json));
            assert_eq!(again.is_everything().ok(), filter.is_everything().ok());
        }
    }
}

/// The language of operations, as text and as JSON; and what can be read is evaluated over a few points.
pub fn operations(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let json = serde_json::from_str::<Value>(text).ok();
    for operation in [text.parse().ok(), json.and_then(|json| Operation::from_json(&json).ok())].into_iter().flatten() {
        let operation: Operation = operation;
        let (printed, json) = (operation.to_string(), operation.to_json());
        let by_text: Operation = printed.parse().expect("a printed operation");
        let by_json = Operation::from_json(&json).expect("a printed operation");
        assert_eq!((by_text.to_string(), by_text.to_json()), (printed.clone(), json.clone()));
        assert_eq!((by_json.to_string(), by_json.to_json()), (printed, json));
        calculate(&operation);
    }
}

fn calculate(operation: &Operation) {
    let granularity = Timespan::MINUTE;
    let inputs: Vec<Input> = operation
        .metrics()
        .into_iter()
        .take(4)
        .zip(0..)
        .map(|(reference, n)| {
            let values = vec![f64::from(n), -2.5, 0.0, f64::NAN, 1e300];
            let timestamps = (0..5).map(|k| (k + i64::from(n)) * granularity.nanos()).collect();
            Input::new(reference.clone(), granularity, Columns { timestamps, values })
        })
        .collect();
    // An operation that cannot be evaluated is refused with an error.
    evaluate(operation, &inputs, &EvaluateOptions::default()).map(drop).unwrap_or_default();
}

/// Predicates over values, which are JSON.
pub fn predicate(data: &[u8]) {
    let Some(json) = text(data).and_then(|text| serde_json::from_str::<Value>(text).ok()) else { return };
    if let Ok(predicate) = Predicate::from_json(&json) {
        for value in [0.0, -1.5, f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE] {
            assert_eq!(predicate.matches(value), predicate.matches(value));
        }
    }
}

/// Everything that is a word or a small structure: times, methods, orders, patterns, policies, resource types.
pub fn words(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let now = Timestamp::from_nanos(1_700_000_000_123_456_789).expect("after the epoch");
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(Timestamp::parse_at(text, now).ok(), Some(time), "absolute times do not depend on now");
        assert_eq!(time.to_string().parse().ok(), Some(time));
    }
    Timestamp::parse_at(text, now).map(drop).unwrap_or_default();
    if let Ok(span) = text.parse::<Timespan>() {
        assert_eq!(span.to_string().parse().ok(), Some(span));
    }
    if let Ok(method) = text.parse::<AggregationMethod>() {
        assert_eq!(method.to_string().parse().ok(), Some(method));
    }
    if let Ok(marker) = text.parse::<Marker>() {
        assert_eq!(marker.to_string().parse().ok(), Some(marker));
    }
    text.parse::<Sort>().map(drop).unwrap_or_default();
    if let Ok(rule) = ArchivePolicyRule::new("rule", text, "policy") {
        assert!(text.contains(['*', '?', '[']) || rule.matches(text));
        rule.matches("cpu.user*[a-b]?");
    }
    serde_json::from_str::<Definition>(text).map(drop).unwrap_or_default();
    serde_json::from_str::<ResourceType>(text).map(drop).unwrap_or_default();
    if let Ok(policy) = serde_json::from_str::<ArchivePolicy>(text) {
        let json = serde_json::to_string(&policy).expect("a policy is JSON");
        assert_eq!(serde_json::from_str::<ArchivePolicy>(&json).ok(), Some(policy));
    }
}
