//! What the database has, as text: all of it in one line, a table, a chart per metric.

use gnocchetti::{
    AggregationMethod, ArchivePolicy, Columns, Database, Definition, Metric, Query, Result, Timespan, Timestamp,
};

use crate::POLICY;
use crate::common::{Length, Summary, Table, number};

/// How many characters a chart is wide.
const WIDTH: usize = 60;

/// How many metrics to ask for at a time.
const PAGE: usize = 1000;

/// How much there is, and of which time.
pub struct Stored {
    pub measures: u64,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// What the database has of all metrics at their finest granularity; `None` when it has nothing.
pub fn stored(db: &Database) -> Result<Option<Stored>> {
    let finest = finest(&db.archive_policy(POLICY)?);
    let mut stored: Option<Stored> = None;
    for metric in metrics(db)? {
        let counts = db.measures(&Query::new(metric.key).method(AggregationMethod::COUNT).granularity(finest))?;
        if let (Some(first), Some(last)) = (counts.timestamps.first(), db.last_measure(metric.key)?) {
            let first = Timestamp::from_nanos(*first)?;
            let so_far = stored.get_or_insert(Stored { measures: 0, first, last });
            so_far.measures += counts.values.iter().sum::<f64>() as u64;
            so_far.first = so_far.first.min(first);
            so_far.last = so_far.last.max(last);
        }
    }
    Ok(stored)
}

/// The agent's metrics, by name.
fn metrics(db: &Database) -> Result<Vec<Metric>> {
    let mut metrics: Vec<Metric> = Vec::new();
    loop {
        let page = db.metrics(metrics.last().map(|metric| metric.key), PAGE)?;
        if page.is_empty() {
            break;
        }
        metrics.extend(page);
    }
    metrics.retain(|metric| metric.archive_policy_name == POLICY);
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(metrics)
}

fn finest(policy: &ArchivePolicy) -> Timespan {
    policy.definitions()[0].granularity()
}

/// A table of all that is kept at the finest granularity, and a chart per metric of the time from `begin` to `end`.
pub fn tables(db: &Database, policy: &ArchivePolicy, begin: Timestamp, end: Timestamp) -> Result<String> {
    let finest = finest(policy);
    let at = chart_granularity(policy, begin, end);
    let mut table = Table::new(&["metric", "unit", "points", "last", "min", "mean", "max"], 2);
    let mut charts = Table::new(&["metric", "chart", "low", "high"], 2);
    for metric in metrics(db)? {
        let name = metric.name.clone().unwrap_or_default();
        let unit = metric.unit.clone().unwrap_or_default();
        let kept = Query::new(metric.key).granularity(finest);
        let last = db.measures(&kept.clone().method(AggregationMethod::LAST))?.values.last().copied();
        if let (Some(last), Some(all)) = (last, Summary::of(&db.measures_of(&kept, &Summary::METHODS)?)) {
            let values = [last, all.min, all.mean, all.max].map(number);
            table.row([name.clone(), unit, all.points.to_string()].into_iter().chain(values).collect());
        }
        let run = Query::new(metric.key).method(AggregationMethod::MEAN).granularity(at).from(begin).to(end);
        if let Some((chart, low, high)) = chart(&db.measures(&run)?, at, begin, end) {
            charts.row(vec![name, chart, number(low), number(high)]);
        }
    }
    let (finest, at) = (Length(finest), Length(at));
    Ok(format!("\nAll that is kept at {finest}:\n\n{table}\nThis run, means of {at}:\n\n{charts}"))
}

/// The granularity whose points fill a chart of this time best: the coarsest that still has one for each character, or
/// the finest.
fn chart_granularity(policy: &ArchivePolicy, begin: Timestamp, end: Timestamp) -> Timespan {
    let fills = |span: &Timespan| (end.nanos() - begin.nanos()) / span.nanos() >= WIDTH as i64;
    let granularities = policy.definitions().iter().map(Definition::granularity);
    granularities.rev().find(fills).unwrap_or(finest(policy))
}

/// Bars of eighths over the time from `begin` to `end`, a blank where there is no point; with the value of the lowest
/// and of the highest bar.
fn chart(points: &Columns, at: Timespan, begin: Timestamp, end: Timestamp) -> Option<(String, f64, f64)> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let first = begin.nanos() / at.nanos();
    let groups = (end.nanos() / at.nanos() - first + 1).max(1) as usize;
    let mut bars = vec![(0.0, 0.0); groups.min(WIDTH)];
    let width = bars.len();
    for (timestamp, value) in points.iter() {
        let group = (timestamp / at.nanos() - first).max(0) as usize;
        let (sum, count) = &mut bars[(group * width / groups).min(width - 1)];
        *sum += value;
        *count += 1.0;
    }
    let means: Vec<Option<f64>> = bars.iter().map(|(sum, count)| (*count > 0.0).then(|| sum / count)).collect();
    let low = means.iter().flatten().copied().reduce(f64::min)?;
    let high = means.iter().flatten().copied().reduce(f64::max)?;
    let bar = |mean: f64| {
        if high > low { BARS[((mean - low) / (high - low) * 7.0).round() as usize] } else { BARS[0] }
    };
    Some((means.into_iter().map(|mean| mean.map_or(' ', bar)).collect(), low, high))
}
