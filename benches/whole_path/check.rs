//! What the database must answer, computed the naive way, and the comparison with what it does answer: bit for bit.

use gnocchetti::{AggregationMethod, Columns, Database, MetricKey, Query, Timespan};

use crate::setup::{METHODS, Outcome};

/// Compares every archive and method of a metric with what its measures make. They are sorted by time, times unique.
pub fn metric(db: &Database, key: MetricKey, measures: &[(i64, f64)]) -> Outcome<()> {
    let policy = db.policy_of(key)?;
    for definition in policy.definitions() {
        let granularity = definition.granularity();
        let newest = measures.last().map_or(0, |(timestamp, _)| *timestamp);
        let kept = definition.timespan().map_or(i64::MIN, |timespan| start(newest, granularity) - timespan.nanos());
        archive(db, key, granularity, measures, kept)?;
    }
    Ok(())
}

fn archive(db: &Database, key: MetricKey, granularity: Timespan, measures: &[(i64, f64)], kept: i64) -> Outcome<()> {
    let methods = METHODS.iter().map(|name| name.parse()).collect::<Result<Vec<AggregationMethod>, _>>()?;
    let answers = db.measures_of(&Query::new(key).granularity(granularity), &methods)?;
    for (method, answer) in methods.into_iter().zip(answers) {
        let mut expected = naive(measures, granularity, method);
        expected.retain(|(start, _)| *start > kept);
        same(&answer, &expected, &format!("{method} of metric {key} every {} ns", granularity.nanos()))?;
    }
    Ok(())
}

/// Compares one answer: the points of `method` that measures within `from..to` make.
pub fn range(
    answer: &Columns,
    measures: &[(i64, f64)],
    granularity: Timespan,
    method: AggregationMethod,
    within: std::ops::Range<i64>,
) -> Outcome<()> {
    let first = measures.partition_point(|(timestamp, _)| *timestamp < within.start);
    let last = measures.partition_point(|(timestamp, _)| *timestamp < within.end);
    same(answer, &naive(&measures[first..last], granularity, method), &format!("{method} within {within:?}"))
}

fn same(answer: &Columns, expected: &[(i64, f64)], what: &str) -> Outcome<()> {
    if answer.len() != expected.len() {
        return Err(format!("{what}: {} points, and {} were expected", answer.len(), expected.len()).into());
    }
    for (found, expected) in answer.iter().zip(expected) {
        if (found.0, found.1.to_bits()) != (expected.0, expected.1.to_bits()) {
            return Err(format!("{what}: {found:?}, and {expected:?} was expected").into());
        }
    }
    Ok(())
}

fn start(timestamp: i64, granularity: Timespan) -> i64 {
    timestamp - timestamp.rem_euclid(granularity.nanos())
}

/// Each group's start and value, where the method has one.
fn naive(measures: &[(i64, f64)], granularity: Timespan, method: AggregationMethod) -> Vec<(i64, f64)> {
    let groups = measures.chunk_by(|a, b| start(a.0, granularity) == start(b.0, granularity));
    groups.filter_map(|group| Some((start(group.first()?.0, granularity), aggregate(group, method)?))).collect()
}

fn aggregate(group: &[(i64, f64)], method: AggregationMethod) -> Option<f64> {
    let values = || group.iter().map(|(_, value)| *value);
    let count = group.len() as f64;
    let sum = values().fold(0.0, |sum, value| sum + value);
    match method {
        AggregationMethod::MEAN => Some(sum / count),
        AggregationMethod::SUM => Some(sum),
        AggregationMethod::COUNT => Some(count),
        AggregationMethod::MIN => values().min_by(f64::total_cmp),
        AggregationMethod::MAX => values().max_by(f64::total_cmp),
        AggregationMethod::STD if group.len() > 1 => {
            let squares = values().fold(0.0, |sum_, value| sum_ + (value - sum / count) * (value - sum / count));
            Some((squares / (count - 1.0)).sqrt())
        }
        _ => None,
    }
}
