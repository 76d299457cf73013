//! Resources as they are sent, to be created or changed: what every one has, the attributes of its type, its metrics.
//!
//! Each part is checked before anything is asked of the database, so that what is wrong is said in the words, and with
//! the place, that Gnocchi's clients know.

use std::collections::BTreeMap;

use serde_json::Value;

use super::failure::Failure;
use super::given::{Given, Object};
use super::metric::new_metric;
use super::parameters::uuid;
use crate::{
    Attribute, AttributeKind, AttributeValue, Database, Error, ResourceId, ResourceMetric, ResourceType, Timestamp,
};

/// What every resource has, beside its identifier.
const OWN: [&str; 5] = ["started_at", "ended_at", "user_id", "project_id", "metrics"];

/// What was sent of a resource, but for its identifier.
#[derive(Debug, Default, PartialEq)]
#[expect(clippy::option_option, reason = "absent and null are not the same")]
pub(super) struct Sent {
    /// Its user, or none.
    pub(super) user_id: Option<Option<String>>,
    /// Its project, or none.
    pub(super) project_id: Option<Option<String>>,
    /// Since when it is there.
    pub(super) started_at: Option<Timestamp>,
    /// Until when it was there.
    pub(super) ended_at: Option<Timestamp>,
    /// The attributes of its type.
    pub(super) attributes: BTreeMap<String, AttributeValue>,
    /// Its metrics by name.
    pub(super) metrics: Option<BTreeMap<String, ResourceMetric>>,
}

impl Sent {
    /// A resource of this type to be created, and what its creator calls it.
    pub(super) fn new(given: &Given<'_>, of: &ResourceType, creator: &str) -> Result<(ResourceId, Self), Failure> {
        let required = of.attributes.iter().filter(|(_, attribute)| attribute.required).map(|(name, _)| name.as_str());
        let required: Vec<&str> = std::iter::once("id").chain(required).collect();
        let (object, sent) = Sent::read(given, of, &["id"], &required)?;
        let given = object.need("id")?;
        let text = given.text()?;
        let id = ResourceId::new(text, Some(creator)).map_err(|error| given.invalid(&unidentified(text, error)))?;
        Ok((id, sent))
    }

    /// What is to change of a resource of this type.
    pub(super) fn change(given: &Given<'_>, of: &ResourceType) -> Result<Self, Failure> {
        Sent::read(given, of, &[], &[]).map(|(_, sent)| sent)
    }

    fn read<'a>(
        given: &Given<'a>,
        of: &ResourceType,
        more: &[&str],
        required: &[&str],
    ) -> Result<(Object<'a>, Self), Failure> {
        // Gnocchi looks at metrics before all else.
        let metrics = given.members()?.into_iter().find(|(key, _)| *key == "metrics");
        let metrics = metrics.map(|(_, given)| self::metrics(&given)).transpose()?;
        let attributes = of.attributes.keys().map(String::as_str);
        let known: Vec<&str> = OWN.into_iter().chain(more.iter().copied()).chain(attributes).collect();
        let object = given.object(&known, required)?;
        let now = Database::now();
        let time = |key: &str| object.get(key).map(|given| time(&given, now)).transpose();
        let mut attributes = BTreeMap::new();
        for (name, attribute) in &of.attributes {
            let Some(given) = object.get(name) else { continue };
            let value = value_of(attribute, name, given.value(), now).map_err(|reason| given.invalid(&reason))?;
            attributes.insert(name.clone(), value);
        }
        let sent = Sent {
            user_id: owner(&object, "user_id")?,
            project_id: owner(&object, "project_id")?,
            started_at: time("started_at")?,
            ended_at: time("ended_at")?,
            attributes,
            metrics,
        };
        Ok((object, sent))
    }

    /// Whether a metric is to be made.
    pub(super) fn has_new_metrics(&self) -> bool {
        self.metrics.iter().flat_map(BTreeMap::values).any(|metric| metric.existing.is_none())
    }
}

/// The metrics that a resource is to have, by name: ids of such as are there, or what new ones are to be like.
pub(super) fn metrics(given: &Given<'_>) -> Result<BTreeMap<String, ResourceMetric>, Failure> {
    given.members()?.into_iter().map(|(name, given)| Ok((name.to_owned(), metric(name, &given)?))).collect()
}

fn metric(name: &str, given: &Given<'_>) -> Result<ResourceMetric, Failure> {
    match given.value() {
        Value::String(text) => {
            uuid(text).map(ResourceMetric::existing).ok_or_else(|| given.invalid("not a valid value"))
        }
        Value::Object(_) => {
            let object = given.object(&["archive_policy_name", "unit", "name"], &[])?;
            if name.contains('/') {
                return Err(Failure::bad("'/' is not supported in metric name"));
            }
            new_metric(&object)
        }
        _ => Err(given.invalid("not a valid value")),
    }
}

/// Gnocchi's words for what identifies no resource.
fn unidentified(text: &str, error: Error) -> String {
    match error {
        _ if text.contains('/') => "'/' is not supported in resource id".to_owned(),
        Error::InvalidResourceId { reason, .. } if reason.contains("more than") => {
            "transformable resource id >289 max allowed characters".to_owned()
        }
        other => other.to_string(),
    }
}

/// Whom it is to belong to, if that was sent: somebody, or nobody.
#[expect(clippy::option_option, reason = "absent and null are not the same")]
fn owner(object: &Object<'_>, key: &str) -> Result<Option<Option<String>>, Failure> {
    let Some(given) = object.get(key) else { return Ok(None) };
    match given.value() {
        Value::Null => Ok(Some(None)),
        Value::String(text) => Ok(Some(Some(text.clone()))),
        _ => Err(given.invalid("not a valid value")),
    }
}

fn time(given: &Given<'_>, now: Timestamp) -> Result<Timestamp, Failure> {
    let time = match given.value() {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => Timestamp::parse_at(text, now).ok(),
        _ => None,
    };
    time.ok_or_else(|| given.invalid("not a valid value"))
}

/// The value of an attribute that was sent, or what is wrong with it.
pub(super) fn value_of(
    attribute: &Attribute,
    name: &str,
    sent: &Value,
    now: Timestamp,
) -> Result<AttributeValue, String> {
    let value = match sent {
        Value::Bool(value) => AttributeValue::from(*value),
        Value::Number(number) => AttributeValue::from(number.as_f64()),
        Value::String(text) => AttributeValue::from(text.as_str()),
        Value::Null | Value::Array(_) | Value::Object(_) => AttributeValue::Null,
    };
    // A resource may be without an attribute, but nothing that is sent says so.
    if value == AttributeValue::Null {
        return Err(words(attribute.kind, &value));
    }
    attribute.check(name, &value, now).map_err(|_| words(attribute.kind, &value))
}

/// Gnocchi's words for a value that is none.
fn words(kind: AttributeKind, value: &AttributeValue) -> String {
    let least = |least: &dyn std::fmt::Display, what: &str| format!("{what} must be at least {least}");
    let most = |most: &dyn std::fmt::Display, what: &str| format!("{what} must be at most {most}");
    match (kind, value) {
        (AttributeKind::String { min_length, max_length }, AttributeValue::Text(text)) => match text.chars().count() {
            length if length > max_length as usize => most(&max_length, "length of value"),
            length if length < min_length as usize => least(&min_length, "length of value"),
            _ => "not a valid value".to_owned(),
        },
        (AttributeKind::Number { min: Some(min), .. }, AttributeValue::Number(number)) if *number < min => {
            least(&min, "value")
        }
        (AttributeKind::Number { max: Some(max), .. }, AttributeValue::Number(number)) if *number > max => {
            most(&max, "value")
        }
        (AttributeKind::String { .. }, _) => "expected str".to_owned(),
        (AttributeKind::Number { .. }, _) => "expected Real".to_owned(),
        (AttributeKind::Bool, _) => "expected bool".to_owned(),
        (AttributeKind::Uuid, _) => "badly formed hexadecimal UUID string".to_owned(),
        (AttributeKind::Datetime, _) => "Unable to convert timestamps".to_owned(),
    }
}

/// Gnocchi's words for a resource that cannot be made or changed.
pub(super) fn unchanged(error: Error) -> Failure {
    match error {
        Error::UnknownMetric { metric } => Failure::bad(format!("Metric {metric} does not exist")),
        // All others were refused before.
        Error::InvalidAttributeValue { attribute, .. } if attribute == "ended_at" => {
            Failure::bad("Start timestamp cannot be after end timestamp")
        }
        other => super::metric::uncreated(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn host() -> ResourceType {
        ResourceType::new("host")
            .attribute("rack", Attribute::string_of(2, 5))
            .attribute("cores", Attribute::number_of(Some(1.0), Some(8.0)).optional())
            .attribute("flavor", Attribute::uuid().optional())
            .attribute("up", Attribute::bool().optional())
            .attribute("since", Attribute::datetime().optional())
    }

    #[test]
    fn what_was_sent_is_taken_apart() {
        let sent = json!({"id": "web", "rack": "r1", "cores": 2, "since": "1970-01-01T00:00:01Z", "user_id": null,
            "started_at": 1.5, "metrics": {"cpu": {"unit": "%"}, "load": "00000000-0000-0000-0000-000000000001"}});
        let (id, sent) = Sent::new(&Given::whole(&sent), &host(), "alice").unwrap();
        assert_eq!(id, ResourceId::new("web", Some("alice")).unwrap());
        assert_eq!((sent.user_id.clone(), sent.project_id.clone()), (Some(None), None));
        assert_eq!(sent.started_at.unwrap().nanos(), 1_500_000_000);
        assert_eq!(sent.attributes["since"], AttributeValue::from(Timestamp::from_nanos(1_000_000_000).unwrap()));
        assert_eq!(sent.attributes.len(), 3);
        let metrics = sent.metrics.as_ref().unwrap();
        assert_eq!(metrics["cpu"], ResourceMetric::by_rule().unit("%"));
        assert!(sent.has_new_metrics() && metrics["load"].existing.is_some());
        assert_eq!(Sent::change(&Given::whole(&json!({})), &host()).unwrap(), Sent::default());
    }

    #[test]
    fn what_is_wrong_is_said_in_gnocchis_words() {
        let long = "x".repeat(300);
        for (sent, why) in [
            (json!([]), "expected a dictionary"),
            (json!({"rack": "r1"}), "required key not provided @ data['id']"),
            (json!({"id": "a"}), "required key not provided @ data['rack']"),
            (json!({"id": "a", "rack": "r1", "x": 1}), "extra keys not allowed @ data['x']"),
            (json!({"id": "a/b", "rack": "r1"}), "'/' is not supported in resource id"),
            (json!({"id": long, "rack": "r1"}), ">289 max allowed characters for dictionary value @ data['id']"),
            (json!({"id": "a", "rack": "r"}), "length of value must be at least 2"),
            (json!({"id": "a", "rack": "r12345"}), "length of value must be at most 5"),
            (json!({"id": "a", "rack": null}), "expected str for dictionary value @ data['rack']"),
            (json!({"id": "a", "rack": "r1", "cores": "2"}), "expected Real"),
            (json!({"id": "a", "rack": "r1", "cores": 0}), "value must be at least 1"),
            (json!({"id": "a", "rack": "r1", "cores": 9}), "value must be at most 8"),
            (json!({"id": "a", "rack": "r1", "up": 1}), "expected bool"),
            (json!({"id": "a", "rack": "r1", "flavor": "x"}), "badly formed hexadecimal UUID string"),
            (json!({"id": "a", "rack": "r1", "since": "never"}), "Unable to convert timestamps"),
            (
                json!({"id": "a", "rack": "r1", "ended_at": null}),
                "not a valid value for dictionary value @ data['ended_at']",
            ),
            (json!({"id": "a", "rack": "r1", "user_id": 1}), "not a valid value"),
            (json!({"id": "a", "metrics": {"a/b": {}}}), "'/' is not supported in metric name"),
            (json!({"id": "a", "metrics": {"a": 1}}), "not a valid value for dictionary value @ data['metrics']['a']"),
        ] {
            let refused = format!("{:?}", Sent::new(&Given::whole(&sent), &host(), "alice").unwrap_err());
            assert!(refused.contains(why), "{why}: {refused}");
        }
    }
}
