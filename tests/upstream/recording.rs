//! What a recording holds: series, and Gnocchi's answers for each. Written by `record.py`, one JSON object per line.

use std::fmt;
use std::path::Path;

use gnocchetti::{AggregationMethod, Columns, Sampling, Timespan};
use serde::Deserialize;

/// One metric: its archive policy, its measures in the order of their arrival, and what was asked afterwards.
#[derive(Deserialize)]
pub struct Series {
    pub name: String,
    pub back_window: u32,
    /// Granularity in ns, and the number of points; the finest first.
    pub archives: Vec<(i64, Option<u64>)>,
    #[serde(deserialize_with = "methods")]
    pub methods: Vec<AggregationMethod>,
    pub batches: Vec<Points>,
    pub queries: Vec<Asked>,
}

/// Timestamps in ns, and the bits of the values.
#[derive(Deserialize)]
#[serde(from = "(Vec<i64>, String)")]
pub struct Points(pub Columns);

/// A query, and Gnocchi's answer for each of its methods.
#[derive(Deserialize)]
pub struct Asked {
    pub granularity: i64,
    pub from: Option<i64>,
    pub to: Option<i64>,
    #[serde(deserialize_with = "sampling")]
    pub resample: Option<Sampling>,
    #[serde(deserialize_with = "methods")]
    pub methods: Vec<AggregationMethod>,
    pub answers: Vec<Points>,
}

impl Asked {
    /// Whether it asks for all points of the archive, as they are.
    pub fn is_whole(&self) -> bool {
        self.from.is_none() && self.to.is_none() && self.resample.is_none()
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every {} ns, from {:?} to {:?}, resampled {:?}", self.granularity, self.from, self.to, self.resample)
    }
}

impl From<(Vec<i64>, String)> for Points {
    fn from((timestamps, values): (Vec<i64>, String)) -> Self {
        let digits = values.as_bytes().chunks(16).map(|digits| std::str::from_utf8(digits).expect("ASCII"));
        let bits = digits.map(|digits| u64::from_str_radix(digits, 16).expect("sixteen hexadecimal digits"));
        let values: Vec<f64> = bits.map(f64::from_bits).collect();
        assert_eq!(timestamps.len(), values.len(), "a value for each timestamp");
        Points(Columns { timestamps, values })
    }
}

fn methods<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<AggregationMethod>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names.iter().map(|name| name.parse().map_err(serde::de::Error::custom)).collect()
}

/// A group of the calendar by name, or a number of ns.
#[derive(Deserialize)]
#[serde(untagged)]
enum Resample {
    Calendar(String),
    Nanoseconds(i64),
}

fn sampling<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Sampling>, D::Error> {
    let parsed = Option::<Resample>::deserialize(deserializer)?.map(|resample| match resample {
        Resample::Calendar(name) => name.parse(),
        Resample::Nanoseconds(length) => Timespan::from_nanos(length).map(Sampling::Timespan),
    });
    parsed.transpose().map_err(serde::de::Error::custom)
}

/// All series of a recording.
pub fn read(path: &Path) -> Vec<Series> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let series = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    series.collect()
}
