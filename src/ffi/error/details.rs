//! The parts of an error as JSON, by the names they have in Rust.
//!
//! A test fails for a variant that has parts and tells none of them.

use serde_json::{Map, Value, json};

use super::Failure;
use crate::{Corruption, Error, Place};

/// The details of a failure: an object, empty when there is nothing to tell beyond the message.
pub fn of(failure: &Failure) -> Value {
    match failure {
        Failure::Library(error) => of_error(error).or_else(|| of_other(error)).unwrap_or_else(|| json!({})),
        Failure::WrongHandle { argument, expected } => json!({ "argument": argument, "expected": expected }),
        Failure::InvalidUtf8 { argument, valid } => json!({ "argument": argument, "valid": valid }),
        Failure::Panic { said } => json!({ "said": said }),
        Failure::Null { argument } | Failure::Poisoned { argument } => json!({ "argument": argument }),
        Failure::InvalidJson { argument, reason } | Failure::InvalidArgument { argument, reason } => {
            json!({ "argument": argument, "reason": reason })
        }
    }
}

/// Of errors that have a name or value of what was asked for.
fn of_error(error: &Error) -> Option<Value> {
    Some(match error {
        Error::InvalidTimestamp { value, reason } | Error::InvalidTimespan { value, reason } => {
            json!({ "value": value, "reason": reason })
        }
        Error::BeforeEpoch { value } | Error::InvalidAggregationMethod { value } => json!({ "value": value }),
        Error::TooFarInFuture { timestamp, limit } => json!({ "timestamp": timestamp, "limit": limit }),
        Error::InvalidArchivePolicy { name, reason }
        | Error::InvalidArchivePolicyRule { name, reason }
        | Error::InvalidResourceType { name, reason } => json!({ "name": name, "reason": reason }),
        Error::InvalidDefinition { definition, reason } => json!({ "definition": definition, "reason": reason }),
        Error::ArchivePolicyInUse { name, used_by } | Error::ResourceTypeInUse { name, used_by } => {
            json!({ "name": name, "used_by": used_by })
        }
        Error::ArchivePolicyExists { name }
        | Error::UnknownArchivePolicy { name }
        | Error::ArchivePolicyRuleExists { name }
        | Error::UnknownArchivePolicyRule { name }
        | Error::NoArchivePolicyRuleMatch { name }
        | Error::MetricExists { name }
        | Error::ResourceTypeExists { name }
        | Error::UnknownResourceType { name } => json!({ "name": name }),
        Error::InvalidMetric { attribute, value, reason } => {
            json!({ "attribute": attribute, "value": value, "reason": reason })
        }
        Error::UnknownMetric { metric } => json!({ "metric": metric }),
        Error::MethodNotKept { metric, method, kept } => json!({ "metric": metric, "method": method, "kept": kept }),
        Error::UnknownGranularity { metric, granularity, kept } => {
            json!({ "metric": metric, "granularity": granularity, "kept": kept })
        }
        Error::UnknownReferenceMethod { metric, method } => json!({ "metric": metric, "method": method }),
        Error::InvalidAttribute { attribute, reason } => json!({ "attribute": attribute, "reason": reason }),
        Error::UnknownAttribute { of, attribute } => json!({ "of": of, "attribute": attribute }),
        Error::InvalidAttributeValue { attribute, value, expected } => {
            json!({ "attribute": attribute, "value": value, "expected": expected })
        }
        Error::MissingAttribute { resource_type, attribute } => {
            json!({ "resource_type": resource_type, "attribute": attribute })
        }
        Error::InvalidResourceId { id, reason } => json!({ "id": id, "reason": reason }),
        Error::ResourceExists { resource } | Error::UnknownResource { resource } => json!({ "resource": resource }),
        _ => return None,
    })
}

/// Of the other errors.
fn of_other(error: &Error) -> Option<Value> {
    Some(match error {
        Error::InvalidQuery { reason } | Error::Failed { reason } | Error::InvalidPagination { reason } => {
            json!({ "reason": reason })
        }
        Error::InvalidOption { option, value, reason } => {
            json!({ "option": option, "value": value, "reason": reason })
        }
        Error::Io { operation, path, source } | Error::DiskFull { operation, path, source } => json!({
            "operation": operation,
            "path": path.to_string_lossy(),
            "errno": source.raw_os_error(),
        }),
        Error::Corrupt(corruption) => of_corruption(corruption),
        Error::UnsupportedFormat { path, found, supported } => {
            json!({ "path": path.to_string_lossy(), "found": found, "supported": supported })
        }
        Error::NotADatabase { path, reason }
        | Error::Irreparable { path, reason }
        | Error::SnapshotTarget { path, reason } => {
            json!({ "path": path.to_string_lossy(), "reason": reason })
        }
        Error::Locked { path, pid } => json!({ "path": path.to_string_lossy(), "pid": pid }),
        Error::NetworkFileSystem { path, kind } => json!({ "path": path.to_string_lossy(), "kind": kind }),
        Error::ReadOnly { call, path } => json!({ "call": call, "path": path.to_string_lossy() }),
        Error::MemoryLimit { waiting, limit } => json!({ "waiting": waiting, "limit": limit }),
        Error::Outrun { path, attempts } => json!({ "path": path.to_string_lossy(), "attempts": attempts }),
        Error::InvalidRange { start, end } => json!({ "start": start, "end": end }),
        Error::Forked { opened_by } => json!({ "opened_by": opened_by }),
        Error::Index { operation, source } => json!({ "operation": operation, "source": source.to_string() }),
        Error::DiskLimit { bytes, limit } | Error::PushTooLarge { bytes, limit } => {
            json!({ "bytes": bytes, "limit": limit })
        }
        Error::InvalidOperation { operation, expected, found, place } => json!({
            "operation": operation,
            "expected": expected,
            "found": found,
            "byte": if let Place::Byte(byte) = place { Some(byte) } else { None },
            "pointer": if let Place::Pointer(pointer) = place { Some(pointer) } else { None },
        }),
        Error::OperationTooLarge { what, limit } | Error::FilterTooLarge { what, limit } => {
            json!({ "what": what, "limit": limit })
        }
        Error::Unaggregable { references, reason } => json!({ "references": references, "reason": reason }),
        Error::UnknownResourceMetrics { resources, metrics } => json!({ "resources": resources, "metrics": metrics }),
        Error::ResourceChanged { resource, expected, since } => {
            json!({ "resource": resource, "expected": expected, "since": since })
        }
        Error::InvalidFilter { position, reason } => json!({ "position": position, "reason": reason }),
        _ => return None,
    })
}

/// The parts of a damage.
pub fn of_corruption(corruption: &Corruption) -> Value {
    let Corruption { file, offset, metric, span, what } = corruption;
    let mut details = Map::new();
    details.insert("file".to_owned(), json!(file.to_string_lossy()));
    details.insert("offset".to_owned(), json!(offset));
    details.insert("metric".to_owned(), json!(metric));
    details.insert("first".to_owned(), json!(span.map(|(first, _)| first)));
    details.insert("last".to_owned(), json!(span.map(|(_, last)| last)));
    details.insert("what".to_owned(), json!(what));
    Value::Object(details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::all_errors;

    #[test]
    fn every_error_with_parts_tells_them() {
        for (number, error) in all_errors() {
            let has_parts = format!("{error:?}").contains(['{', '(']);
            let details = of(&Failure::Library(error));
            let told = details.as_object().is_some_and(|details| !details.is_empty());
            assert_eq!(told, has_parts, "error {number}: {details}");
        }
    }

    #[test]
    fn a_corruption_says_where_and_whose() {
        let corruption = Corruption::new("raw/00000001.seg", 42, "bad").of_metric(7).of_span(1, 2);
        let details = of(&Failure::Library(corruption.into()));
        let expected =
            json!({ "file": "raw/00000001.seg", "offset": 42, "metric": 7, "first": 1, "last": 2, "what": "bad" });
        assert_eq!(details, expected);
    }
}
