//! What metrics, resources and times look like in answers.

use chrono::{DateTime, Datelike, Timelike};
use serde_json::{Map, Value, json};

use crate::{AttributeValue, Metric, Resource, Timestamp};

/// `2262-04-11T23:47:16.854775807+00:00`.
const LONGEST_TIME: usize = 35;

/// A point in time, with as many decimals as it needs: none, six or nine.
pub(super) fn time(time: Timestamp) -> String {
    let mut bytes = Vec::with_capacity(LONGEST_TIME);
    write_time(&mut bytes, time);
    bytes.into_iter().map(char::from).collect()
}

/// Writes a point in time as [`time`] has it: by its digits, as an answer may have a million of them.
pub(super) fn write_time(bytes: &mut Vec<u8>, time: Timestamp) {
    let time = DateTime::from_timestamp_nanos(time.nanos());
    digits::<4>(bytes, time.year().unsigned_abs());
    for (before, value) in
        [(b'-', time.month()), (b'-', time.day()), (b'T', time.hour()), (b':', time.minute()), (b':', time.second())]
    {
        bytes.push(before);
        digits::<2>(bytes, value);
    }
    let nanos = time.nanosecond();
    if nanos > 0 {
        bytes.push(b'.');
        if nanos.is_multiple_of(1000) { digits::<6>(bytes, nanos / 1000) } else { digits::<9>(bytes, nanos) }
    }
    bytes.extend_from_slice(b"+00:00");
}

/// Writes the last `N` digits of a number, zeros in front too.
fn digits<const N: usize>(bytes: &mut Vec<u8>, mut value: u32) {
    let mut text = [b'0'; N];
    for place in text.iter_mut().rev() {
        *place += (value % 10) as u8;
        value /= 10;
    }
    bytes.extend_from_slice(&text);
}

/// A metric with the name of its archive policy, as it is shown when it was created.
pub(super) fn metric(metric: &Metric) -> Value {
    let mut object = bare_metric(metric);
    object.insert("archive_policy_name".to_owned(), json!(metric.archive_policy_name));
    object.insert("resource_id".to_owned(), json!(metric.resource_id));
    Value::Object(object)
}

/// A metric with its whole archive policy, as it stands in lists.
pub(super) fn metric_in_list(metric: &Metric, policy: &Value) -> Value {
    let mut object = bare_metric(metric);
    object.insert("archive_policy".to_owned(), policy.clone());
    object.insert("resource_id".to_owned(), json!(metric.resource_id));
    Value::Object(object)
}

/// A metric with its whole archive policy and its resource.
pub(super) fn metric_with_resource(metric: &Metric, policy: &Value, of: Option<&Resource>) -> Value {
    let mut object = bare_metric(metric);
    object.insert("archive_policy".to_owned(), policy.clone());
    object.insert("resource".to_owned(), of.map_or(Value::Null, resource));
    Value::Object(object)
}

fn bare_metric(metric: &Metric) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(metric.id));
    object.insert("name".to_owned(), json!(metric.name));
    object.insert("unit".to_owned(), json!(metric.unit));
    insert_creator(&mut object, metric.creator.as_deref());
    object
}

fn insert_creator(object: &mut Map<String, Value>, creator: Option<&str>) {
    let parts = creator.map(|creator| creator.split_once(':').unwrap_or((creator, "")));
    object.insert("creator".to_owned(), json!(creator));
    object.insert("created_by_user_id".to_owned(), json!(parts.map(|(user, _)| user)));
    object.insert("created_by_project_id".to_owned(), json!(parts.map(|(_, project)| project)));
}

/// A resource, or a revision of one, with the ids of its metrics.
pub(super) fn resource(resource: &Resource) -> Value {
    let mut object = Map::new();
    for (name, value) in &resource.attributes {
        object.insert(name.clone(), attribute(value));
    }
    let metrics: Map<String, Value> =
        resource.metrics.iter().map(|(name, metric)| (name.clone(), json!(metric.id))).collect();
    let fields = [
        ("id", json!(resource.id)),
        ("original_resource_id", json!(resource.original_id)),
        ("type", json!(resource.resource_type)),
        ("user_id", json!(resource.user_id)),
        ("project_id", json!(resource.project_id)),
        ("started_at", json!(time(resource.started_at))),
        ("ended_at", json!(resource.ended_at.map(time))),
        ("revision_start", json!(time(resource.revision_start))),
        ("revision_end", json!(resource.revision_end.map(time))),
        ("metrics", Value::Object(metrics)),
    ];
    object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    insert_creator(&mut object, resource.creator.as_deref());
    Value::Object(object)
}

/// The value of a resource's attribute.
pub(super) fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Null => Value::Null,
        AttributeValue::Bool(value) => json!(value),
        AttributeValue::Number(value) => json!(value),
        AttributeValue::Text(value) => json!(value),
        AttributeValue::Uuid(value) => json!(value),
        AttributeValue::Time(value) => json!(time(*value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_no_decimals_or_six_or_nine() {
        for (nanos, expected) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (1_425_652_440_000_000_000, "2015-03-06T14:34:00+00:00"),
            (1_425_652_440_400_000_000, "2015-03-06T14:34:00.400000+00:00"),
            (1_425_652_440_000_001_000, "2015-03-06T14:34:00.000001+00:00"),
            (1_425_652_440_000_000_001, "2015-03-06T14:34:00.000000001+00:00"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999+00:00"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00+00:00"),
            (i64::MAX, "2262-04-11T23:47:16.854775807+00:00"),
        ] {
            assert_eq!(time(Timestamp::from_nanos(nanos).unwrap()), expected, "{nanos}");
        }
    }

    #[test]
    fn a_written_time_is_the_same_time_when_it_is_read() {
        // Steps of some 40 days that meet every hour, minute and digit.
        for step in 0..2600 {
            let at = Timestamp::from_nanos(step * 3_517_263_517_263_517).unwrap();
            let text = time(at);
            assert_eq!(text.parse::<Timestamp>().unwrap(), at, "{text}");
            assert!(text.len() <= LONGEST_TIME, "{text}");
        }
    }
}
