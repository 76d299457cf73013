//! Of what an answer across metrics was made, as JSON.

use serde_json::{Value, json};

use super::resources;
use crate::{Aggregated, Metric, MetricStatus};

/// An object for each answer, in their order: how many series are its, what its resources agree in when the question grouped,
/// and of what metrics or resources it was made.
pub fn details(answers: &[Aggregated], grouped: bool) -> Value {
    let of = |answer: &Aggregated| {
        json!({
            "series": answer.series.len(),
            "group": grouped.then(|| resources::group(&answer.group)),
            "metrics": answer.metrics.iter().map(metric).collect::<Value>(),
            "resources": resources::resources(&answer.resources),
        })
    };
    answers.iter().map(of).collect()
}

fn metric(metric: &Metric) -> Value {
    json!({
        "key": metric.key.get(),
        "id": metric.id.to_string(),
        "name": metric.name,
        "unit": metric.unit,
        "creator": metric.creator,
        "resource_id": metric.resource_id.map(|id| id.to_string()),
        "archive_policy_name": metric.archive_policy_name,
        "created_at": metric.created_at.to_string(),
        "deleted": metric.status == MetricStatus::Delete,
    })
}
