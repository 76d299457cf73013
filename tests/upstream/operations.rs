//! Operations over random series must come out as Gnocchi evaluated them, and so must groups of a resource over time.
//!
//! A small recording lies beside this file; `ci/upstream.sh` makes a large one and names it in `GNOCCHETTI_UPSTREAM_OPERATIONS`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gnocchetti::ops::{EvaluateOptions, Input, Operation, OutputLabel, OutputSeries, Presence, Reference, evaluate};
use gnocchetti::{AggregationMethod, Error, Sampling, Timespan};
use serde::Deserialize;

use crate::recording::Points;

/// How much a value may differ, relative to its size.
const TOLERANCE: f64 = 1e-12;

/// A point: its time, its granularity, and the bits of its value.
type Point = (i64, i64, String);

#[derive(Deserialize)]
struct Case {
    operation: serde_json::Value,
    #[serde(default)]
    fill: Option<serde_json::Value>,
    #[serde(default)]
    needed_overlap: Option<f64>,
    from: Option<i64>,
    to: Option<i64>,
    inputs: Vec<(String, i64, Vec<i64>, String)>,
    /// From, to and value of each state of the resource.
    #[serde(default)]
    states: Option<Vec<(i64, Option<i64>, String)>>,
    #[serde(default)]
    error: Option<String>,
    /// For each series or group its name, none for the one of all metrics.
    #[serde(default)]
    answer: Vec<(Option<String>, Vec<Point>)>,
}

/// Name and points of each series or group: time, granularity, value.
type Shown = BTreeMap<Option<String>, Vec<(i64, i64, f64)>>;

impl Case {
    fn operation(&self) -> Operation {
        Operation::from_json(&self.operation).unwrap_or_else(|error| panic!("{}: {error}", self.operation))
    }

    fn options(&self) -> EvaluateOptions {
        let fill = self.fill.as_ref().filter(|fill| !fill.is_null());
        let fill = fill.map(|fill| fill.as_str().map_or_else(|| fill.to_string(), str::to_owned));
        let fill = if self.states.is_some() { Some("dropna".to_owned()) } else { fill };
        let fill = fill.map(|fill| fill.parse().expect("a fill"));
        let needed_overlap = self.needed_overlap.unwrap_or(100.0);
        EvaluateOptions { fill, needed_overlap, from: self.from, to: self.to }
    }

    fn inputs(&self, presence: Option<&Presence>) -> Vec<Input> {
        let input = |(name, granularity, timestamps, values): &(String, i64, Vec<i64>, String)| {
            let Points(columns) = (timestamps.clone(), values.clone()).into();
            let reference = Reference::new(name.as_str(), AggregationMethod::MEAN);
            let granularity = Timespan::from_nanos(*granularity).expect("a granularity");
            Input { presence: presence.cloned(), ..Input::new(reference, granularity, columns) }
        };
        self.inputs.iter().map(input).collect()
    }

    /// What the database makes of it.
    fn ours(&self) -> Result<Shown, Error> {
        let (operation, options) = (self.operation(), self.options());
        let Some(states) = &self.states else {
            return Ok(shown(evaluate(&operation, &self.inputs(None), &options)?.series, None));
        };
        let mut times: BTreeMap<&str, Vec<std::ops::Range<i64>>> = BTreeMap::new();
        for (start, end, value) in states {
            let start = self.from.unwrap_or(0).max(*start);
            let end = end.unwrap_or(i64::MAX).min(self.to.unwrap_or(i64::MAX));
            times.entry(value).or_default().push(start..end);
        }
        let mut groups = Shown::new();
        for (value, times) in times {
            let inputs = self.inputs(Some(&Presence::new(times)));
            groups.extend(shown(evaluate(&operation, &inputs, &options)?.series, Some(value)));
        }
        groups.retain(|_, points| !points.is_empty());
        Ok(groups)
    }

    /// What Gnocchi made of it.
    fn theirs(&self) -> Shown {
        let point = |(time, granularity, bits): &Point| {
            (*time, *granularity, f64::from_bits(u64::from_str_radix(bits, 16).expect("hexadecimal digits")))
        };
        self.answer.iter().map(|(name, points)| (name.clone(), points.iter().map(point).collect())).collect()
    }

    /// What is different.
    fn finding(&self) -> Option<String> {
        match (self.ours(), &self.error) {
            (Err(Error::Unaggregable { reason, .. }), Some(theirs)) => {
                let overlap = theirs.contains("overlap") || theirs.contains("Rolling");
                (overlap && reason != *theirs).then(|| format!("{reason} instead of {theirs}"))
            }
            (ours, Some(theirs)) => Some(format!("{ours:?} instead of {theirs}")),
            (Err(error), None) => Some(error.to_string()),
            (Ok(ours), None) => self.compare(&ours),
        }
    }

    fn compare(&self, ours: &Shown) -> Option<String> {
        let theirs = self.theirs();
        let named = |(name, points): (&Option<String>, &Vec<(i64, i64, f64)>)| (name.clone(), points.len());
        let counts = |shown: &Shown| shown.iter().map(named).collect::<Vec<_>>();
        if counts(ours) != counts(&theirs) {
            return Some(format!("{:?} points instead of {:?}", counts(ours), counts(&theirs)));
        }
        let pairs = ours.values().flatten().zip(theirs.values().flatten());
        let differs = |(ours, theirs): &(&(i64, i64, f64), &(i64, i64, f64))| {
            (ours.0, ours.1) != (theirs.0, theirs.1) || !close(ours.2, theirs.2)
        };
        pairs.into_iter().find(differs).map(|(ours, theirs)| format!("{ours:?} instead of {theirs:?}"))
    }
}

fn close(ours: f64, theirs: f64) -> bool {
    ours == theirs
        || ours.is_nan() && theirs.is_nan()
        || (ours - theirs).abs() <= TOLERANCE * ours.abs().max(theirs.abs())
}

fn shown(series: Vec<OutputSeries>, group: Option<&str>) -> Shown {
    let mut shown = Shown::new();
    for series in series {
        let Sampling::Timespan(granularity) = series.granularity else { panic!("groups of the calendar") };
        let name = match &series.label {
            OutputLabel::Metric(label) => Some(label.metric.clone()),
            OutputLabel::Aggregated => group.map(str::to_owned),
        };
        let points = series.columns.iter().map(|(time, value)| (time, granularity.nanos(), value));
        shown.entry(name).or_default().extend(points);
    }
    shown
}

fn recorded(named: Option<PathBuf>) -> Vec<Case> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/upstream/operations.jsonl");
    let text = std::fs::read_to_string(named.unwrap_or_else(beside)).expect("a recording");
    text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect()
}

#[test]
fn operations_come_out_as_gnocchi_does_them() {
    let named = std::env::var_os("GNOCCHETTI_UPSTREAM_OPERATIONS").map(PathBuf::from);
    let least = if named.is_some() { 500 } else { 60 };
    let cases = recorded(named);
    assert!(cases.len() >= least, "{} operations are too few", cases.len());
    let mut differing = 0;
    for case in &cases {
        if let Some(finding) = case.finding() {
            differing += 1;
            println!("FAILED: {} fill {:?}: {finding}", case.operation, case.fill);
        }
    }
    let grouped = cases.iter().filter(|case| case.states.is_some()).count();
    println!("{} operations equal, {differing} different, {grouped} of them over time", cases.len() - differing);
    assert_eq!(differing, 0, "operations that differ");
}

fn is_finite(bits: &str) -> bool {
    f64::from_bits(u64::from_str_radix(bits, 16).unwrap()).is_finite()
}

#[test]
fn a_wrong_result_of_an_operation_is_found() {
    let mut found = 0;
    for mut case in recorded(None) {
        let point = case.answer.iter_mut().flat_map(|(_, points)| points).find(|(_, _, bits)| is_finite(bits));
        let Some((_, _, bits)) = point else { continue };
        let value = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
        *bits = format!("{:016x}", (value + 1e-9 + value.abs() * 1e-9).to_bits());
        assert!(case.finding().is_some(), "{}", case.operation);
        found += 1;
    }
    assert!(found > 40, "{found}");
}
