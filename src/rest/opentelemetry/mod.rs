//! `/v1/metrics`: OpenTelemetry's metrics over HTTP, in protobuf and in JSON.
//!
//! Every data point becomes a measure, those of histograms and summaries several. A series is a metric of the resource that
//! it was measured of, and has the name of the instrument and its attributes behind an `@`, as those of Prometheus have.

mod message;

#[cfg(test)]
mod tests;

use axum::http::{HeaderValue, StatusCode, header};
use prost::Message;
use serde_json::json;

use self::message::{Histogram, KeyValue, Metric, Numbers, Request, Resource, Summary};
use super::call::{Call, Reply};
use super::failure::Failure;
use super::ingest::{Incoming, make_type};
use super::metric_name::{encoded, labelled};
use super::server::App;
use crate::{Attribute, ResourceType, Timestamp};

/// The type of the resources that measures are of.
const TYPE: &str = "opentelemetry";

/// The flag of a data point that says that there is no value.
const NO_VALUE: u32 = 1;

/// `POST`.
pub(super) fn write(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    let unreadable = |error: &dyn std::fmt::Display| Failure::bad(format!("The body is no request of OTLP: {error}"));
    let in_json = call.content_type().eq_ignore_ascii_case("application/json");
    let request = if in_json {
        serde_json::from_slice(&call.body).map_err(|error| unreadable(&error))?
    } else if call.content_type().eq_ignore_ascii_case("application/x-protobuf") {
        Request::decode(call.body.as_ref()).map_err(|error| unreadable(&error))?
    } else {
        return Err(Failure::of(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    };
    let incoming = measures(&request)?;
    make_type(app, &user, &resource_type())?;
    incoming.push(app, &user)?;
    if in_json {
        return Reply::json(&json!({}));
    }
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    Ok(Reply::empty(StatusCode::OK).header(header::CONTENT_TYPE, protobuf))
}

/// The measures of a request.
fn measures(request: &Request) -> Result<Incoming, Failure> {
    let mut incoming = Incoming::of(TYPE);
    for of_resource in &request.resource_metrics {
        let none = Resource::default();
        let resource = of_resource.resource.as_ref().unwrap_or(&none);
        let name = resource_name(resource);
        for (attribute, key) in
            [("service", "service.name"), ("instance", "service.instance.id"), ("host", "host.name")]
        {
            if let Some(value) = attribute_of(resource, key).filter(|value| !value.is_empty()) {
                incoming.attribute(&name, attribute, &value);
            }
        }
        let mut series = Series { incoming: &mut incoming, resource: &name };
        for metric in of_resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            series.metric(metric)?;
        }
    }
    Ok(incoming)
}

/// What a resource is called: by its instance, which is one of a kind; or by everything that is said of it.
fn resource_name(resource: &Resource) -> String {
    let service = attribute_of(resource, "service.name").unwrap_or_else(|| "unknown_service".to_owned());
    let instance = attribute_of(resource, "service.instance.id").filter(|instance| !instance.is_empty());
    if let Some(instance) = instance {
        let namespace = attribute_of(resource, "service.namespace").filter(|namespace| !namespace.is_empty());
        let namespace = namespace.map_or_else(String::new, |namespace| format!("{}:", encoded(&namespace)));
        return format!("{namespace}{}@{}", encoded(&service), encoded(&instance));
    }
    labelled(&service, pairs(&resource.attributes, "service.name").iter().map(|(key, value)| (*key, value.as_str())))
}

fn attribute_of(resource: &Resource, key: &str) -> Option<String> {
    let found = resource.attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref().map(ToString::to_string)
}

/// Attributes as texts, but for one.
fn pairs<'a>(attributes: &'a [KeyValue], but: &str) -> Vec<(&'a str, String)> {
    let shown = |one: &'a KeyValue| (one.key.as_str(), one.value.as_ref().map(ToString::to_string).unwrap_or_default());
    attributes.iter().filter(|one| one.key != but).map(shown).collect()
}

/// Where the measures of a resource go.
struct Series<'a> {
    incoming: &'a mut Incoming,
    resource: &'a str,
}

impl Series<'_> {
    fn metric(&mut self, metric: &Metric) -> Result<(), Failure> {
        let name = metric.name.as_str();
        if name.is_empty() {
            return Err(Failure::bad("A metric has no name"));
        }
        for numbers in [&metric.gauge, &metric.sum].into_iter().flatten() {
            self.numbers(name, numbers)?;
        }
        for point in metric.histogram.iter().flat_map(|histogram| &histogram.data_points) {
            self.histogram(name, point)?;
        }
        for point in metric.exponential_histogram.iter().flat_map(|histogram| &histogram.data_points) {
            let statistics = [(".sum", point.sum), (".min", point.min), (".max", point.max)];
            if point.flags & NO_VALUE == 0 {
                self.statistics(name, &point.attributes, point.time_unix_nano, point.count, statistics)?;
            }
        }
        for point in metric.summary.iter().flat_map(|summary| &summary.data_points) {
            self.summary(name, point)?;
        }
        Ok(())
    }

    fn numbers(&mut self, name: &str, numbers: &Numbers) -> Result<(), Failure> {
        for point in numbers.data_points.iter().filter(|point| point.flags & NO_VALUE == 0) {
            let value = point.as_double.or(point.as_int.map(|value| value as f64));
            if let Some(value) = value {
                self.add(name, &point.attributes, None, point.time_unix_nano, value)?;
            }
        }
        Ok(())
    }

    /// Count, sum, extremes, and for each bound how many values were not above it.
    fn histogram(&mut self, name: &str, point: &Histogram) -> Result<(), Failure> {
        if point.flags & NO_VALUE != 0 {
            return Ok(());
        }
        let (attributes, time) = (&point.attributes, point.time_unix_nano);
        let statistics = [(".sum", point.sum), (".min", point.min), (".max", point.max)];
        self.statistics(name, attributes, time, point.count, statistics)?;
        let bounds = point.explicit_bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        let mut below = 0_u64;
        for (bound, count) in bounds.zip(&point.bucket_counts) {
            below = below.saturating_add(*count);
            self.add(&format!("{name}.bucket"), attributes, Some(("le", &bound)), time, below as f64)?;
        }
        Ok(())
    }

    fn summary(&mut self, name: &str, point: &Summary) -> Result<(), Failure> {
        if point.flags & NO_VALUE != 0 {
            return Ok(());
        }
        let (attributes, time) = (&point.attributes, point.time_unix_nano);
        self.statistics(name, attributes, time, point.count, [(".sum", Some(point.sum)), ("", None), ("", None)])?;
        for one in &point.quantile_values {
            self.add(name, attributes, Some(("quantile", &one.quantile.to_string())), time, one.value)?;
        }
        Ok(())
    }

    fn statistics(
        &mut self,
        name: &str,
        attributes: &[KeyValue],
        time: u64,
        count: u64,
        others: [(&str, Option<f64>); 3],
    ) -> Result<(), Failure> {
        self.add(&format!("{name}.count"), attributes, None, time, count as f64)?;
        for (suffix, value) in others {
            if let Some(value) = value {
                self.add(&format!("{name}{suffix}"), attributes, None, time, value)?;
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: &str,
        attributes: &[KeyValue],
        further: Option<(&str, &str)>,
        time: u64,
        value: f64,
    ) -> Result<(), Failure> {
        let labels = pairs(attributes, "");
        let labels = labels.iter().map(|(key, value)| (*key, value.as_str())).chain(further);
        let late = || Failure::bad(format!("The timestamp {time} is after 2262"));
        let time = Timestamp::from_nanos(i64::try_from(time).map_err(|_| late())?)?;
        self.incoming.add(self.resource, labelled(name, labels), time, value);
        Ok(())
    }
}

fn resource_type() -> ResourceType {
    let text = Attribute::string_of(0, 256).optional();
    ["service", "instance", "host"].iter().fold(ResourceType::new(TYPE), |made, name| made.attribute(*name, text))
}
