//! Whether two answers agree, and by which rule of `docs/semantics.md` they may differ.
//!
//! Each rule is decided by the measures, and names the only difference that it allows; no difference is allowed because it
//! occurred.

use std::collections::BTreeMap;

use gnocchetti::{AggregationMethod, Columns, Method};

use crate::history::History;

/// How far a percentile may be off, as a share of the values between which it lies.
const LAST_BITS: f64 = 1e-9;

/// What became of one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Exact,
    LastBits,
    SignOfZero,
    MedianOverflow,
    InfiniteNeighbour,
    DifferenceLost,
    Expired,
    Consequence,
    Different,
}

impl Verdict {
    /// In words, for the report.
    pub fn meaning(self) -> &'static str {
        match self {
            Verdict::Exact => "equal bit for bit",
            Verdict::LastBits => {
                "percentile between measures, not in the first group processed: equal but for last bits"
            }
            Verdict::SignOfZero => "zeros of both signs in the group: equal but for the sign",
            Verdict::MedianOverflow => "median of an odd count beyond half the largest double: (v + v)/2 there",
            Verdict::InfiniteNeighbour => "percentile whose position is whole there only, next to NaN or infinity",
            Verdict::DifferenceLost => "rate: of a group whose first difference is lost there: not compared",
            Verdict::Expired => "expired here, kept there: the newest group has no point of this method",
            Verdict::Consequence => "resampled from points that differ as above: not compared",
            Verdict::Different => "different",
        }
    }

    /// Whether what is computed from such points can be compared.
    fn is_comparable(self) -> bool {
        matches!(self, Verdict::Exact | Verdict::LastBits | Verdict::SignOfZero)
    }
}

/// What one answer came to: a verdict for each timestamp, and a line for each that is different.
#[derive(Debug, Default)]
pub struct Judged {
    pub verdicts: Vec<Verdict>,
    pub findings: Vec<String>,
}

impl Judged {
    fn add(&mut self, verdict: Verdict, timestamp: i64, ours: Option<f64>, theirs: Option<f64>) {
        self.verdicts.push(verdict);
        if verdict == Verdict::Different {
            let shown =
                |value: Option<f64>| value.map_or("nothing".to_owned(), |v| format!("{v:?} ({:016x})", v.to_bits()));
            self.findings.push(format!("at {timestamp} ns: {} here, {} there", shown(ours), shown(theirs)));
        }
    }
}

/// The archive of a metric that an answer is read from.
#[derive(Clone, Copy)]
pub struct Archive<'a> {
    pub history: &'a History,
    pub granularity: i64,
    pub points: Option<u64>,
}

impl Archive<'_> {
    /// Compares the points of the archive.
    pub fn judge(self, method: AggregationMethod, ours: &Columns, theirs: &Columns) -> Judged {
        let mut judged = Judged::default();
        for (timestamp, (ours, theirs)) in side_by_side(ours, theirs) {
            judged.add(self.verdict(method, timestamp, ours, theirs), timestamp, ours, theirs);
        }
        judged
    }

    fn verdict(self, method: AggregationMethod, start: i64, ours: Option<f64>, theirs: Option<f64>) -> Verdict {
        let Some(computed) = self.history.computed(self.granularity, start) else { return Verdict::Different };
        let expired = self.points.is_some_and(|points| start <= self.newest() - points as i64 * self.granularity);
        if expired {
            let allowed = ours.is_none() && self.newest_has_no_point(method);
            return if allowed { Verdict::Expired } else { Verdict::Different };
        }
        if method.is_rate() && computed.difference_lost {
            return Verdict::DifferenceLost;
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else { return Verdict::Different };
        let before = if method.is_rate() { computed.differences_before } else { computed.measures_before };
        let values = self.history.values(self.granularity, start, method.is_rate());
        Group { values, before, slack: None, signs_differ: false }.verdict(method.method(), ours, theirs)
    }

    /// The start of the newest group.
    fn newest(self) -> i64 {
        self.history.newest().map_or(0, |newest| newest / self.granularity * self.granularity)
    }

    /// Whether Gnocchi counts the age of this method's points from an older group than the newest.
    fn newest_has_no_point(self, method: AggregationMethod) -> bool {
        let newest = self.newest();
        let lost = self.history.computed(self.granularity, newest).is_some_and(|computed| computed.difference_lost);
        let values = self.history.values(self.granularity, newest, method.is_rate()).len();
        values - usize::from(method.is_rate() && lost) < if method.method() == Method::Std { 2 } else { 1 }
    }

    /// Compares what was made of all points of the archive; `points` are ours, and `judged` what they came to.
    pub fn judge_resampled(
        self,
        method: AggregationMethod,
        points: &Columns,
        judged: &Judged,
        ours: &Columns,
        theirs: &Columns,
    ) -> Judged {
        let mut resampled = Judged::default();
        if !judged.verdicts.iter().all(|verdict| verdict.is_comparable()) {
            resampled.verdicts = vec![Verdict::Consequence; ours.len()];
            return resampled;
        }
        let slack = judged.verdicts.contains(&Verdict::LastBits).then(|| self.history.magnitude());
        let signs_differ = judged.verdicts.contains(&Verdict::SignOfZero);
        let all = side_by_side(ours, &since_the_epoch(theirs));
        let starts: Vec<i64> = all.keys().copied().collect();
        for (position, (start, (ours, theirs))) in all.into_iter().enumerate() {
            let end = starts.get(position + 1).copied().unwrap_or(i64::MAX);
            let before = points.timestamps.partition_point(|t| *t < start);
            let rows = before..points.timestamps.partition_point(|t| *t < end);
            let group = Group { values: points.values[rows].to_vec(), before, slack, signs_differ };
            let verdict = match (ours, theirs) {
                (Some(ours), Some(theirs)) => group.verdict(method.method(), ours, theirs),
                _ => Verdict::Different,
            };
            resampled.add(verdict, start, ours, theirs);
        }
        resampled
    }
}

/// Bit for bit; which NaN it is, is not specified.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Gnocchi stamps the week of the epoch with the Sunday before it.
fn since_the_epoch(points: &Columns) -> Columns {
    let timestamps = points.timestamps.iter().map(|timestamp| *timestamp.max(&0)).collect();
    Columns { timestamps, values: points.values.clone() }
}

fn side_by_side(ours: &Columns, theirs: &Columns) -> BTreeMap<i64, (Option<f64>, Option<f64>)> {
    let mut all = BTreeMap::<i64, (Option<f64>, Option<f64>)>::new();
    for (timestamp, value) in ours.iter() {
        all.entry(timestamp).or_default().0 = Some(value);
    }
    for (timestamp, value) in theirs.iter() {
        all.entry(timestamp).or_default().1 = Some(value);
    }
    all
}

/// What a point was computed from.
pub struct Group {
    pub values: Vec<f64>,
    /// How many values Gnocchi processed before these.
    pub before: usize,
    /// That the values themselves may differ in last bits, those of numbers of this size.
    pub slack: Option<f64>,
    /// That the values themselves may differ in the sign of a zero.
    pub signs_differ: bool,
}

impl Group {
    pub fn verdict(&self, method: Method, ours: f64, theirs: f64) -> Verdict {
        if same(ours, theirs) {
            return Verdict::Exact;
        }
        let by_order = matches!(method, Method::Min | Method::Max | Method::Median | Method::Percentile(_));
        if by_order && ours == 0.0 && theirs == 0.0 && (self.signs_differ || self.has_both_zeros()) {
            return Verdict::SignOfZero;
        }
        match method {
            Method::Median => self.median(ours, theirs),
            Method::Percentile(percent) => self.percentile(percent, ours, theirs),
            _ => Verdict::Different,
        }
    }

    fn has_both_zeros(&self) -> bool {
        let has = |zero: f64| self.values.iter().any(|value| value.to_bits() == zero.to_bits());
        has(0.0) && has(-0.0)
    }

    fn median(&self, ours: f64, theirs: f64) -> Verdict {
        let overflows = self.values.len() % 2 == 1 && ours.abs() > f64::MAX / 2.0;
        if overflows && theirs == f64::INFINITY.copysign(ours) { Verdict::MedianOverflow } else { Verdict::Different }
    }

    fn percentile(&self, percent: u8, ours: f64, theirs: f64) -> Verdict {
        if self.before == 0 && self.slack.is_none() {
            return Verdict::Different;
        }
        let mut sorted = self.values.clone();
        sorted.sort_by(|a, b| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
        let position = (sorted.len() as f64 - 1.0) * (f64::from(percent) / 100.0);
        let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
        if below.is_finite() && above.is_finite() {
            let size = self.slack.unwrap_or_else(|| below.abs().max(above.abs()));
            let near = (ours - theirs).abs() <= size * LAST_BITS + f64::from_bits(2);
            return if near { Verdict::LastBits } else { Verdict::Different };
        }
        let whole = self.before as f64 + position;
        let there = sorted[position.round() as usize];
        let taken_for_whole = position.fract() != 0.0 && whole.fract() == 0.0 && same(theirs, there);
        if taken_for_whole { Verdict::InfiniteNeighbour } else { Verdict::Different }
    }
}
