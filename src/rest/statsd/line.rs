//! statsd's lines: `name:value|type|@rate|#tag:value,tag`.
//!
//! What is read is a pure function of the line, and is printed as a line that is read as the same. Nothing here knows what
//! becomes of values. Of `DogStatsD`'s form, tags and several values of one line are read; what else it has is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Values of one name, told apart by tags.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What was measured.
    pub name: String,
    /// What was measured of it.
    pub samples: Samples,
    /// Which part of all that happened is said: 1 when everything is.
    pub rate: f64,
    /// What it is told apart by; a tag may have several values.
    pub tags: BTreeMap<String, BTreeSet<String>>,
}

/// The values of a line, by their type.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// `c`: so many more.
    Counts(Vec<f64>),
    /// `g`: a value that stays until it is changed.
    Gauge(Vec<Change>),
    /// `ms`, `h` and `d`: each is a measure.
    Timings(Timing, Vec<f64>),
    /// `s`: one of those that are counted once each.
    Member(String),
}

/// What becomes of a gauge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// It has this value.
    To(f64),
    /// It has so much more, or less: written with a sign.
    By(f64),
}

/// What values are called of which each is a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// `ms`
    Milliseconds,
    /// `h`
    Histogram,
    /// `d`
    Distribution,
}

impl Timing {
    /// The type as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Timing::Milliseconds => "ms",
            Timing::Histogram => "h",
            Timing::Distribution => "d",
        }
    }
}

/// Why a line is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is not UTF-8.
    Text,
    /// It is not `name:value|type`, or says something twice.
    Form,
    /// A value is no number.
    Value,
    /// There is no such type.
    Kind,
    /// The rate is not above 0 and at most 1, or stands where it would falsify: with a change of a gauge.
    Rate,
    /// An event or a service check of `DogStatsD`.
    Event,
    /// Something else that only `DogStatsD` has, such as a time or a container.
    Extension,
}

impl Refused {
    /// All there are, as counters call them.
    pub const NAMES: [&'static str; 7] = ["text", "form", "value", "type", "rate", "event", "extension"];

    /// What counters call it.
    pub fn name(self) -> &'static str {
        Refused::NAMES[self as usize]
    }
}

/// The lines of a datagram that say something.
pub fn lines(datagram: &[u8]) -> impl Iterator<Item = Result<&str, Refused>> {
    let lines = datagram.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.is_empty()).map(|line| std::str::from_utf8(line).map_err(|_| Refused::Text))
}

/// What a line says.
///
/// # Errors
///
/// [`Refused`] when it is none.
pub fn parse(line: &str) -> Result<Line, Refused> {
    if line.starts_with("_e{") || line.starts_with("_sc|") {
        return Err(Refused::Event);
    }
    let (name, rest) = line.split_once(':').ok_or(Refused::Form)?;
    let mut parts = rest.split('|');
    let values = parts.next().ok_or(Refused::Form)?;
    let kind = parts.next().ok_or(Refused::Form)?;
    if name.is_empty() || name.contains('|') {
        return Err(Refused::Form);
    }
    let (mut written_rate, mut written_tags) = (None, None);
    for part in parts {
        let (place, text) = if let Some(text) = part.strip_prefix('@') {
            (&mut written_rate, text)
        } else if let Some(text) = part.strip_prefix('#') {
            (&mut written_tags, text)
        } else {
            return Err(Refused::Extension);
        };
        if place.replace(text).is_some() {
            return Err(Refused::Form);
        }
    }
    let rate = written_rate.map_or(Ok(1.0), rate)?;
    let samples = samples(values, kind)?;
    let changes = matches!(&samples, Samples::Gauge(changes) if changes.iter().any(|one| matches!(one, Change::By(_))));
    if changes && rate < 1.0 {
        return Err(Refused::Rate);
    }
    Ok(Line { name: name.to_owned(), samples, rate, tags: tags(written_tags.unwrap_or_default())? })
}

fn samples(values: &str, kind: &str) -> Result<Samples, Refused> {
    let numbers = || values.split(':').map(number).collect::<Result<Vec<f64>, _>>();
    let timings = |timing| Ok(Samples::Timings(timing, numbers()?));
    match kind {
        "c" => Ok(Samples::Counts(numbers()?)),
        "g" => Ok(Samples::Gauge(values.split(':').map(change).collect::<Result<_, _>>()?)),
        "ms" => timings(Timing::Milliseconds),
        "h" => timings(Timing::Histogram),
        "d" => timings(Timing::Distribution),
        // A member may have any colons in it.
        "s" => Ok(Samples::Member(values.to_owned())),
        _ => Err(Refused::Kind),
    }
}

fn number(text: &str) -> Result<f64, Refused> {
    // `inf` and `nan` are numbers to Rust, and none here.
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|float: &f64| numeric && float.is_finite()).ok_or(Refused::Value)
}

fn change(text: &str) -> Result<Change, Refused> {
    let value = number(text)?;
    Ok(if text.starts_with(['+', '-']) { Change::By(value) } else { Change::To(value) })
}

fn rate(text: &str) -> Result<f64, Refused> {
    number(text).ok().filter(|rate| *rate > 0.0 && *rate <= 1.0).ok_or(Refused::Rate)
}

fn tags(text: &str) -> Result<BTreeMap<String, BTreeSet<String>>, Refused> {
    let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for tag in text.split(',').filter(|tag| !tag.is_empty()) {
        let (key, value) = tag.split_once(':').unwrap_or((tag, ""));
        if key.is_empty() {
            return Err(Refused::Form);
        }
        tags.entry(key.to_owned()).or_default().insert(value.to_owned());
    }
    Ok(tags)
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let numbers = |f: &mut fmt::Formatter<'_>, values: &[f64]| values.iter().try_for_each(|v| write!(f, ":{v:?}"));
        match &self.samples {
            Samples::Counts(values) => numbers(f, values).and_then(|()| f.write_str("|c"))?,
            Samples::Timings(timing, values) => numbers(f, values).and_then(|()| write!(f, "|{}", timing.name()))?,
            Samples::Member(member) => write!(f, ":{member}|s")?,
            Samples::Gauge(changes) => {
                changes.iter().try_for_each(|change| match change {
                    Change::To(value) => write!(f, ":{value:?}"),
                    Change::By(value) => write!(f, ":{value:+?}"),
                })?;
                f.write_str("|g")?;
            }
        }
        if self.rate < 1.0 {
            write!(f, "|@{:?}", self.rate)?;
        }
        let tags = self.tags.iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
        for (index, (key, value)) in tags.enumerate() {
            let (before, colon) = (if index == 0 { "|#" } else { "," }, if value.is_empty() { "" } else { ":" });
            write!(f, "{before}{key}{colon}{value}")?;
        }
        Ok(())
    }
}
