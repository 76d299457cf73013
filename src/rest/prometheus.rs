//! `/v1/prometheus/write`: Prometheus' remote write 1.0.
//!
//! The labels `job` and `instance` say which resource a series belongs to: `job@instance`, of the type `prometheus`. Its
//! metric has the name of the series, and behind an `@` all further labels in order, so that no two series are one metric.

use axum::http::StatusCode;
use prost::Message;

use super::call::{Call, Reply};
use super::failure::Failure;
use super::ingest::{Incoming, make_type};
use super::metric_name::{encoded, labelled};
use super::server::App;
use crate::{Attribute, ResourceType, Timestamp};

/// The type of the resources that series belong to.
const TYPE: &str = "prometheus";

/// The value by which Prometheus says that a series has ended; it is no measure.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Remote write's message; what else it may have (metadata, exemplars, native histograms) has no place in a measure.
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    milliseconds: i64,
}

/// `POST /v1/prometheus/write`.
pub(super) fn write(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    if call.content_type_parameter("proto").is_some_and(|proto| proto != "prometheus.WriteRequest") {
        let reason = "This server reads prometheus.WriteRequest: remote write 1.0";
        return Err(Failure::because(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let incoming = measures(&unpacked(&call.body, app.max_body())?)?;
    make_type(app, &user, &resource_type())?;
    incoming.push(app, &user)?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// The message in a body, which may have so many bytes.
fn unpacked(body: &[u8], most: usize) -> Result<WriteRequest, Failure> {
    let length = snap::raw::decompress_len(body).map_err(|error| unreadable(&error))?;
    if length > most {
        return Err(Failure::of(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let bytes = snap::raw::Decoder::new().decompress_vec(body).map_err(|error| unreadable(&error))?;
    WriteRequest::decode(bytes.as_slice()).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::bad(format!("The body is no remote write request: {error}"))
}

/// The measures of a message.
fn measures(request: &WriteRequest) -> Result<Incoming, Failure> {
    let mut incoming = Incoming::of(TYPE);
    for series in &request.series {
        let label =
            |name: &str| series.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str());
        let (job, instance) = (label("job").unwrap_or("none"), label("instance").unwrap_or("none"));
        let name = label("__name__").ok_or_else(|| Failure::bad("A series has no label `__name__'"))?;
        let further = |label: &&Label| !matches!(label.name.as_str(), "__name__" | "job" | "instance");
        let further = series.labels.iter().filter(further).map(|label| (label.name.as_str(), label.value.as_str()));
        let metric = labelled(name, further);
        let resource = format!("{}@{}", encoded(job), encoded(instance));
        incoming.attribute(&resource, "job", job);
        incoming.attribute(&resource, "instance", instance);
        for sample in series.samples.iter().filter(|sample| sample.value.to_bits() != STALE) {
            incoming.add(&resource, metric.clone(), time(sample.milliseconds)?, sample.value);
        }
    }
    Ok(incoming)
}

fn time(milliseconds: i64) -> Result<Timestamp, Failure> {
    let nanos = milliseconds.checked_mul(1_000_000);
    let nanos = nanos.ok_or_else(|| Failure::bad(format!("The timestamp {milliseconds} is after 2262")))?;
    Ok(Timestamp::from_nanos(nanos)?)
}

fn resource_type() -> ResourceType {
    let text = Attribute::string_of(1, 256);
    ResourceType::new(TYPE).attribute("job", text).attribute("instance", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)], samples: &[(f64, i64)]) -> Series {
        let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
        let sample = |(value, milliseconds): &(f64, i64)| Sample { value: *value, milliseconds: *milliseconds };
        Series { labels: labels.iter().map(label).collect(), samples: samples.iter().map(sample).collect() }
    }

    fn packed(series: Vec<Series>) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(&WriteRequest { series }.encode_to_vec()).unwrap()
    }

    #[test]
    fn series_that_differ_in_a_label_are_metrics_of_their_own() {
        let labels =
            |code: &'static str| [("__name__", "hits"), ("code", code), ("instance", "a:9090"), ("job", "web/x")];
        let stale = (f64::from_bits(STALE), 2000);
        let body = packed(vec![series(&labels("200"), &[(1.0, 1000), stale]), series(&labels("500"), &[(2.0, 1000)])]);
        let incoming = measures(&unpacked(&body, 1 << 20).unwrap()).unwrap();
        let shown: Vec<_> = incoming.shown().collect();
        let expected = [
            ("web%2Fx@a:9090", "hits@code=200", 1_000_000_000, 1.0),
            ("web%2Fx@a:9090", "hits@code=500", 1_000_000_000, 2.0),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_type_of_resources_can_be_made() {
        resource_type().check().unwrap();
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let status = |failure: Failure| failure.response(false).status().as_u16();
        assert_eq!(status(unpacked(b"\x05nonsense", 100).unwrap_err()), 400);
        assert_eq!(
            status(unpacked(&snap::raw::Encoder::new().compress_vec(b"\xff\xff").unwrap(), 100).unwrap_err()),
            400
        );
        // Claims 4 GiB.
        assert_eq!(status(unpacked(b"\xff\xff\xff\xff\x0f", 100).unwrap_err()), 413);
        for (labels, milliseconds) in
            [(&[("job", "x")][..], 1), (&[("__name__", "x")], -1), (&[("__name__", "x")], i64::MAX)]
        {
            let request = WriteRequest { series: vec![series(labels, &[(1.0, milliseconds)])] };
            assert_eq!(status(measures(&request).unwrap_err()), 400);
        }
    }
}
