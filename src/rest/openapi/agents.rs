//! What agents send: `InfluxDB`'s lines, collectd's values, Prometheus' remote write, OpenTelemetry's metrics.

use axum::http::Method;
use serde_json::{Value, json};

use super::Description;
use super::operation::{operation, text};

/// The kind of bodies in protobuf.
const PROTOBUF: &str = "application/x-protobuf";

pub(super) fn describe(api: &mut Description) {
    let mut ping = operation("pingInfluxdb", "That there is somebody").for_everybody();
    ping = ping.answers_nothing(204, "There is.");
    api.add(Method::GET, "/v1/influxdb/ping", ping);
    let form = json!({"type": "object", "properties": {"q": text()}});
    let query = operation("queryInfluxdb", "`CREATE DATABASE` makes a resource type; nothing else can be asked")
        .query("q", &text(), "The query; it may also stand in the form that is sent")
        .sent("application/x-www-form-urlencoded", &form)
        .needs_no_body()
        .answers_nothing(204, "The resource type is there.")
        .refuses(&[501]);
    api.add(Method::POST, "/v1/influxdb/query", query);
    let precision = json!({"enum": ["ns", "n", "us", "u", "µ", "ms", "s", "m", "h"]});
    let write = operation("writeInfluxdb", "Measures in InfluxDB's line protocol")
        .query("db", &text(), "The resource type, `influxdb` when it is left out")
        .query("precision", &precision, "The unit of timestamps, `ns` when it is left out")
        .header(
            "X-Gnocchi-InfluxDB-Tag-Resource-ID",
            "The tag that says which resource a line is about; `host` otherwise",
        )
        .sent("text/plain", &text())
        .answers_nothing(204, "All of them are kept.")
        .refuses(&[404, 409]);
    api.add(Method::POST, "/v1/influxdb/write", write);
    let prometheus = operation("writePrometheus", "Prometheus' remote write 1.0")
        .sent(PROTOBUF, &bytes("A WriteRequest, compressed as a block of snappy"))
        .answers_nothing(202, "All measures are kept.")
        .refuses(&[404, 409]);
    api.add(Method::POST, "/v1/prometheus/write", prometheus);
    let object = json!({"type": "object"});
    let collectd = operation("writeCollectd", "What collectd's plugin write_http posts")
        .sent("application/json", &json!({"type": "array", "items": value_list()}))
        .answers_nothing(202, "All measures are kept.")
        .refuses(&[404, 409]);
    api.add(Method::POST, "/v1/collectd", collectd);
    let opentelemetry = operation("writeOpentelemetry", "Metrics of OpenTelemetry's OTLP over HTTP")
        .sent(PROTOBUF, &bytes("An ExportMetricsServiceRequest"))
        .sent("application/json", &json!({"type": "object", "properties": {"resourceMetrics": {"type": "array"}}}))
        .answers(200, "All measures are kept.", &object)
        .answers_kind(200, "All measures are kept.", PROTOBUF, &bytes("An ExportMetricsServiceResponse: nothing"))
        .refuses(&[404, 409]);
    api.add(Method::POST, "/v1/metrics", opentelemetry);
}

/// What collectd's plugin `write_http` posts.
fn value_list() -> Value {
    let texts = json!({"type": "array", "items": text()});
    let numbers = json!({"type": "array", "items": {"type": ["number", "null"]}});
    json!({
        "type": "object",
        "required": ["values", "dstypes", "dsnames", "time", "host", "plugin", "type"],
        "properties": {
            "values": numbers, "dstypes": texts, "dsnames": texts, "time": {"type": "number"}, "interval": {"type": "number"},
            "host": text(), "plugin": text(), "plugin_instance": text(), "type": text(), "type_instance": text(),
        },
    })
}

fn bytes(about: &str) -> Value {
    json!({"type": "string", "format": "binary", "description": about})
}
