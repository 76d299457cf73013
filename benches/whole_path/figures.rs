//! What is measured: every figure with its unit and target, the groups that yield them, and how they are printed.

use std::fmt::{self, Write};

use crate::setup::{Outcome, Run};
use crate::{bytes, ingest, memory, query, sync};

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// It is there to explain another one.
    Shown,
}

/// Whether figures are held against their targets: at the sizes of a quick run they mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    Target,
    None,
}

/// A figure: its name, unit and target.
#[derive(Debug)]
pub struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    pub target: Target,
}

/// Figures that are measured together.
pub struct Group {
    pub name: &'static str,
    pub figures: &'static [Figure],
    pub measure: fn(&Run) -> Outcome<Measured>,
}

const fn at_least(name: &'static str, target: f64, unit: &'static str) -> Figure {
    Figure { name, unit, target: Target::AtLeast(target) }
}

const fn at_most(name: &'static str, target: f64, unit: &'static str) -> Figure {
    Figure { name, unit, target: Target::AtMost(target) }
}

const fn shown(name: &'static str, unit: &'static str) -> Figure {
    Figure { name, unit, target: Target::Shown }
}

/// All groups, in the order in which they are measured.
pub const GROUPS: &[Group] = &[
    Group {
        name: "wide",
        figures: &[
            at_least("wide", 3e6, "measures/s"),
            at_most("journal_bytes", 10.5, "B/measure"),
            shown("wide_checkpoints", "checkpoints"),
            shown("wide_merges", "merges"),
            shown("wide_write_amp", "B/measure"),
            shown("wide_rss", "MB"),
        ],
        measure: ingest::wide,
    },
    Group { name: "deep", figures: &[at_least("deep", 1e7, "measures/s")], measure: ingest::deep },
    Group { name: "single", figures: &[at_least("single", 2e6, "calls/s")], measure: ingest::single },
    Group {
        name: "single_kernel",
        figures: &[at_least("single_kernel", 6e5, "calls/s"), shown("single_kernel_bare_append", "ns")],
        measure: ingest::single_kernel,
    },
    Group {
        name: "sync",
        figures: &[
            at_least("sync", 3e5, "measures/s"),
            at_least("sync_of_disk", 0.4, "of the disk's rate"),
            shown("sync_disk_fsyncs", "fsyncs/s"),
        ],
        measure: sync::alone,
    },
    Group { name: "sync8", figures: &[at_most("sync8", 3000.0, "syncs")], measure: sync::together },
    Group {
        name: "query_day",
        figures: &[at_most("query_day", 25.0, "µs"), at_most("query_day_max", 15.0, "µs")],
        measure: query::day,
    },
    Group {
        name: "scan_1m",
        figures: &[at_most("scan_1m", 10.0, "ms"), at_most("scan_1m_mean", 15.0, "ms")],
        measure: query::scan,
    },
    Group { name: "bytes_nab", figures: &[at_most("bytes_nab", 0.55, "B/value")], measure: bytes::nab },
    Group { name: "bytes_cpu_int", figures: &[at_most("bytes_cpu_int", 0.48, "B/value")], measure: bytes::cpu_int },
    Group {
        name: "bytes_cpu_float",
        figures: &[at_most("bytes_cpu_float", 4.7, "B/value")],
        measure: bytes::cpu_float,
    },
    Group { name: "bytes_counter", figures: &[shown("bytes_counter", "B/value")], measure: bytes::counter },
    Group {
        name: "mem_active",
        figures: &[at_most("mem_active", 300.0, "B/metric"), shown("mem_active_held", "B/metric")],
        measure: memory::active,
    },
    Group {
        name: "open_1m",
        figures: &[at_most("open_1m", 500.0, "ms"), at_most("mem_idle", 200.0, "B/metric")],
        measure: memory::reopened,
    },
];

/// The groups that the words name, in the order in which they are measured; all of them without a word. A word is the
/// name of a group or of a figure, or what several begin with: `bytes` is all that are called `bytes_…`.
pub fn named(words: &[String]) -> Outcome<Vec<&'static Group>> {
    let mut wanted = vec![words.is_empty(); GROUPS.len()];
    for word in words {
        let begins = format!("{word}_");
        let called: Vec<bool> = GROUPS.iter().map(|group| group.names().any(|name| name == word)).collect();
        let akin = || GROUPS.iter().map(|group| group.names().any(|name| name.starts_with(&begins))).collect();
        let found = if called.contains(&true) { called } else { akin() };
        if !found.contains(&true) {
            let names: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
            return Err(format!("nothing is called `{word}`; there are --quick {}", names.join(" ")).into());
        }
        wanted.iter_mut().zip(found).for_each(|(wanted, found)| *wanted |= found);
    }
    Ok(GROUPS.iter().zip(wanted).filter_map(|(group, wanted)| wanted.then_some(group)).collect())
}

impl Group {
    /// Its name, and those of its figures.
    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name).chain(self.figures.iter().map(|figure| figure.name))
    }
}

/// What a measuring process found: as text, the lines by which it tells the process above.
#[derive(Debug, Default)]
pub struct Measured {
    values: Vec<(String, f64)>,
    skipped: Option<String>,
}

impl Measured {
    /// One figure.
    pub fn one(name: &str, value: f64) -> Self {
        Measured::default().and(name, value)
    }

    /// One figure more.
    pub fn and(mut self, name: &str, value: f64) -> Self {
        self.values.push((name.to_owned(), value));
        self
    }

    /// No figure, and why.
    pub fn skipped(why: impl Into<String>) -> Self {
        Measured { skipped: Some(why.into()), ..Measured::default() }
    }

    /// What a process that printed this has found.
    pub fn parse(text: &str) -> Outcome<Self> {
        let mut measured = Measured::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("skipped", why)) => measured.skipped = Some(why.to_owned()),
                Some((name, value)) => measured = measured.and(name, value.parse()?),
                None => return Err(format!("not a figure: `{line}`").into()),
            }
        }
        Ok(measured)
    }

    /// The figure of this name.
    pub fn value(&self, name: &str) -> Outcome<f64> {
        let found = self.values.iter().find(|(own, _)| own == name);
        let value = found.map(|(_, value)| *value).ok_or_else(|| format!("{name} was not measured"))?;
        if value.is_finite() { Ok(value) } else { Err(format!("{name} is {value}").into()) }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.skipped.iter().try_for_each(|why| writeln!(f, "skipped {why}"))?;
        self.values.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))
    }
}

/// What is printed of a group, from what the process that measured it printed.
pub fn report(group: &Group, printed: &str, judgement: Judgement) -> Outcome<String> {
    let measured = Measured::parse(printed)?;
    if let Some(why) = measured.skipped {
        return Ok(format!("{} was skipped: {why}\n", group.name));
    }
    let mut text = String::new();
    for figure in group.figures {
        let value = measured.value(figure.name)?;
        writeln!(text, "{}", figure.verdict(value, judgement))?;
        writeln!(text, "figure: {} {} {}", figure.name, number(value), figure.unit)?;
    }
    Ok(text)
}

impl Figure {
    /// The target, and whether it is reached.
    fn verdict(&self, value: f64, judgement: Judgement) -> String {
        let Figure { name, unit, target } = self;
        let (words, reached) = match target {
            Target::AtLeast(least) => (format!("at least {} {unit}", number(*least)), value >= *least),
            Target::AtMost(most) => (format!("at most {} {unit}", number(*most)), value <= *most),
            Target::Shown => return format!("{name}: no target"),
        };
        match (judgement, reached) {
            (Judgement::None, _) => format!("{name}: {words}: not judged at this size"),
            (Judgement::Target, true) => format!("{name}: {words}: reached"),
            (Judgement::Target, false) => format!("{name}: {words}: MISSED"),
        }
    }
}

/// Four significant digits or all of the integer part, whichever is more; a whole number as such.
fn number(value: f64) -> String {
    let before = value.abs().max(1.0).log10().floor() as usize + 1;
    let digits = if value.fract() == 0.0 { 0 } else { 4_usize.saturating_sub(before) };
    format!("{value:.digits$}")
}
