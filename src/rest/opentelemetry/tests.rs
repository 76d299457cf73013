//! Requests of OTLP, in both forms, and the measures that they are.

use super::message::*;
use super::*;

const JSON: &str = r#"{"resourceMetrics": [{
    "resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "shop"}},
        {"key": "service.instance.id", "value": {"stringValue": "a/1"}}
    ]},
    "scopeMetrics": [{"scope": {"name": "s"}, "metrics": [
        {"name": "load", "unit": "1", "gauge": {"dataPoints": [
            {"attributes": [{"key": "core", "value": {"intValue": "0"}}], "timeUnixNano": "1000000000", "asDouble": 0.5},
            {"timeUnixNano": "1000000000", "flags": 1}
        ]}},
        {"name": "hits", "sum": {"isMonotonic": true, "aggregationTemporality": 2, "dataPoints": [
            {"attributes": [{"key": "ok", "value": {"boolValue": true}}], "timeUnixNano": 2000000000, "asInt": "7"}
        ]}},
        {"name": "time", "histogram": {"dataPoints": [
            {"timeUnixNano": "3000000000", "count": "3", "sum": 6.5, "max": 5,
             "bucketCounts": ["1", "1", "1"], "explicitBounds": [1, 2.5]}
        ]}},
        {"name": "rtt", "summary": {"dataPoints": [
            {"timeUnixNano": "4000000000", "count": 2, "sum": 3, "quantileValues": [{"quantile": 0.5, "value": 1}]}
        ]}},
        {"name": "size", "exponentialHistogram": {"dataPoints": [{"timeUnixNano": "5000000000", "count": 4, "scale": 1}]}}
    ]}]
}]}"#;

fn shown(request: &Request) -> Vec<(String, String, i64, f64)> {
    let incoming = measures(request).unwrap();
    let owned =
        |(resource, metric, time, value): (&str, &str, i64, f64)| (resource.to_owned(), metric.to_owned(), time, value);
    incoming.shown().map(owned).collect()
}

#[test]
fn data_points_of_all_kinds_are_measures() {
    let request: Request = serde_json::from_str(JSON).unwrap();
    let expected: Vec<(String, String, i64, f64)> = [
        ("hits@ok=true", 2, 7.0),
        ("load@core=0", 1, 0.5),
        ("rtt.count", 4, 2.0),
        ("rtt.sum", 4, 3.0),
        ("rtt@quantile=0.5", 4, 1.0),
        ("size.count", 5, 4.0),
        ("time.bucket@le=+Inf", 3, 3.0),
        ("time.bucket@le=1", 3, 1.0),
        ("time.bucket@le=2.5", 3, 2.0),
        ("time.count", 3, 3.0),
        ("time.max", 3, 5.0),
        ("time.sum", 3, 6.5),
    ]
    .map(|(metric, second, value)| ("shop@a%2F1".to_owned(), metric.to_owned(), second * 1_000_000_000, value))
    .into();
    assert_eq!(shown(&request), expected);
    let again = Request::decode(request.encode_to_vec().as_slice()).unwrap();
    assert_eq!(again, request);
}

#[test]
fn a_resource_without_an_instance_is_called_by_all_that_is_said_of_it() {
    let pair = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { string_value: Some(value.to_owned()), ..AnyValue::default() }),
    };
    let named = |attributes: Vec<KeyValue>| resource_name(&Resource { attributes });
    assert_eq!(named(vec![pair("service.name", "shop"), pair("host.name", "a")]), "shop@host.name=a");
    assert_eq!(named(vec![]), "unknown_service");
    let all = [("service.name", "shop"), ("service.namespace", "n"), ("service.instance.id", "1")];
    assert_eq!(named(all.iter().map(|(key, value)| pair(key, value)).collect()), "n:shop@1");
}

#[test]
fn the_type_of_resources_can_be_made() {
    resource_type().check().unwrap();
}

#[test]
fn what_is_no_request_is_refused() {
    for wrong in [
        r#"{"resourceMetrics": 1}"#,
        r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x", "gauge": {"dataPoints": [{"asInt": "1.5"}]}}]}]}]}"#,
    ] {
        assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
    }
    let point = Number { time_unix_nano: u64::MAX, as_double: Some(1.0), ..Number::default() };
    let gauge = Some(Numbers { data_points: vec![point] });
    for metric in [Metric { name: "x".to_owned(), gauge, ..Metric::default() }, Metric::default()] {
        let scope_metrics = vec![ScopeMetrics { metrics: vec![metric] }];
        let request = Request { resource_metrics: vec![ResourceMetrics { resource: None, scope_metrics }] };
        assert!(measures(&request).is_err());
    }
}
