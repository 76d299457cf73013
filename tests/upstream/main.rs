//! The same measures, given to Gnocchi 4.7.1 and to the database, must come out equal, bit for bit.
//!
//! Gnocchi's answers are recordings: a small one lies beside this file, so that every run of the tests has it; `ci/upstream.sh`
//! installs Gnocchi, makes a large one, and names it in `GNOCCHETTI_UPSTREAM_RECORDING`. Where `docs/semantics.md` lists
//! a difference, a rule of `verdict` decides from the measures alone whether it is one.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod history;
mod operations;
mod recording;
mod replay;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use gnocchetti::{AggregationMethod, Columns, Method};
use history::History;
use recording::Series;
use replay::Replay;
use verdict::{Archive, Group, Judged, Verdict};

/// The share of points that must be equal, percentiles at least but for last bits, in percent: rules are for exceptions.
const EQUAL: u64 = 95;

/// How many findings of a series are shown.
const SHOWN: usize = 5;

/// What a recording came to.
#[derive(Default)]
struct Report {
    passed: usize,
    failed: usize,
    verdicts: BTreeMap<Verdict, u64>,
    /// Those with a point that was compared.
    methods: BTreeSet<String>,
}

impl Report {
    fn of(all: &[Series]) -> Report {
        let replay = Replay::new(all);
        let mut report = Report::default();
        for (number, series) in all.iter().enumerate() {
            let findings = report.series(&replay, number, series);
            if findings.is_empty() {
                report.passed += 1;
            } else {
                report.failed += 1;
                println!("FAILED: series {}, {} findings, such as:", series.name, findings.len());
                findings.iter().take(SHOWN).for_each(|finding| println!("    {finding}"));
            }
        }
        report
    }

    fn series(&mut self, replay: &Replay, number: usize, series: &Series) -> Vec<String> {
        let history = History::new(series);
        let mut findings = Vec::new();
        let pushed: Vec<_> = replay.pushed[number].iter().map(|pushed| (pushed.accepted, pushed.late)).collect();
        if pushed != history.outcomes {
            findings.push(format!("accepted and late: {pushed:?} here, {:?} by the late rule", history.outcomes));
        }
        // What the whole of each archive came to, by which the same resampled is judged.
        let mut wholes: BTreeMap<(i64, u8), (Columns, Judged)> = BTreeMap::new();
        for asked in &series.queries {
            let points = series.archives.iter().find(|(known, _)| *known == asked.granularity).expect("an archive").1;
            let archive = Archive { history: &history, granularity: asked.granularity, points };
            for ((method, ours), theirs) in asked.methods.iter().zip(replay.answer(number, asked)).zip(&asked.answers) {
                let key = (asked.granularity, method.id());
                let judged = if asked.resample.is_some() {
                    let (points, judged) = &wholes[&key];
                    archive.judge_resampled(*method, points, judged, &ours, &theirs.0)
                } else {
                    archive.judge(*method, &ours, &theirs.0)
                };
                self.count(*method, &judged);
                findings.extend(judged.findings.iter().map(|finding| format!("{method} {asked} {finding}")));
                if asked.is_whole() {
                    wholes.insert(key, (ours, judged));
                }
            }
        }
        findings
    }

    fn count(&mut self, method: AggregationMethod, judged: &Judged) {
        for verdict in &judged.verdicts {
            *self.verdicts.entry(*verdict).or_default() += 1;
        }
        if judged.verdicts.contains(&Verdict::Exact) {
            self.methods.insert(method.to_string());
        }
    }

    fn print(&self) {
        for (verdict, count) in &self.verdicts {
            println!("{count:>9} points {}", verdict.meaning());
        }
        println!("{} passed, {} failed", self.passed, self.failed);
    }

    /// `large`: whether every method must have been compared, and not only those with a name.
    fn check(&self, large: bool) {
        let points: u64 = self.verdicts.values().sum();
        let of = |verdict| self.verdicts.get(&verdict).copied().unwrap_or_default();
        let equal = of(Verdict::Exact) + of(Verdict::LastBits);
        assert!(equal * 100 >= points * EQUAL, "only {equal} of {points} points are equal");
        let wanted = AggregationMethod::all().filter(|m| large || !matches!(m.method(), Method::Percentile(_)));
        let missing: Vec<_> = wanted.map(|m| m.to_string()).filter(|name| !self.methods.contains(name)).collect();
        assert!(missing.is_empty(), "never compared: {missing:?}");
        assert_eq!(self.failed, 0, "series that differ");
    }
}

fn recorded() -> Vec<Series> {
    recording::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/upstream/recorded.jsonl"))
}

#[test]
fn the_database_answers_as_gnocchi_does() {
    let named = std::env::var_os("GNOCCHETTI_UPSTREAM_RECORDING");
    let all = named.as_ref().map_or_else(recorded, |path| recording::read(&PathBuf::from(path)));
    assert!(all.len() >= if named.is_some() { 500 } else { 40 }, "{} series are too few", all.len());
    let report = Report::of(&all);
    report.print();
    report.check(named.is_some());
}

/// The recording with one answer of each series changed, one of a method that no rule is about; and how many there are.
fn changed(change: impl Fn(&mut Columns)) -> (Vec<Series>, usize) {
    let mut all = recorded();
    let mut count = 0;
    for query in all.iter_mut().filter_map(|series| series.queries.first_mut()) {
        let simple = ["mean", "sum", "count", "first", "last", "std"];
        let mut answers = query.methods.iter().zip(&mut query.answers);
        let is_simple = |method: &AggregationMethod| simple.contains(&method.to_string().as_str());
        if let Some((_, answer)) = answers.find(|(method, answer)| is_simple(method) && !answer.0.is_empty()) {
            change(&mut answer.0);
            count += 1;
        }
    }
    (all, count)
}

#[test]
fn a_wrong_answer_is_found_in_each_series() {
    let wrong_bit = changed(|answer| {
        let value = answer.values.last_mut().unwrap();
        *value = if value.is_nan() { 1.5 } else { f64::from_bits(value.to_bits() ^ 1) };
    });
    let missing_point = changed(|answer| {
        answer.timestamps.pop();
        answer.values.pop();
    });
    let wrong_time = changed(|answer| *answer.timestamps.last_mut().unwrap() += 1);
    for (all, count) in [wrong_bit, missing_point, wrong_time] {
        assert!(count > 10, "{count}");
        assert_eq!(Report::of(&all).failed, count);
    }
}

#[test]
fn a_difference_is_allowed_only_where_its_rule_applies() {
    let group = |values: &[f64], before| Group { values: values.to_vec(), before, slack: None, signs_differ: false };
    // The position of 56pct is 28.000000000000004, and 1028 when it counts from 1000 measures before.
    let mut ascending = [0.0; 51];
    ascending[29..].fill(f64::INFINITY);
    let infinite = |before| group(&ascending, before);
    let quarter = Method::Percentile(25);
    let verdicts = [
        (group(&[1.0, 2.0], 3).verdict(quarter, 1.25, 1.25 + 1e-12), Verdict::LastBits),
        (group(&[1.0, 2.0], 0).verdict(quarter, 1.25, 1.25 + 1e-12), Verdict::Different),
        (group(&[1.0, 2.0], 3).verdict(quarter, 1.25, 1.25 + 1e-6), Verdict::Different),
        (group(&[1.0, 2.0], 3).verdict(Method::Mean, 1.5, 1.5 + 1e-12), Verdict::Different),
        (group(&[0.0, -0.0], 0).verdict(Method::Min, -0.0, 0.0), Verdict::SignOfZero),
        (group(&[0.0, 1.0], 0).verdict(Method::Min, -0.0, 0.0), Verdict::Different),
        (group(&[0.0, -0.0], 0).verdict(Method::First, -0.0, 0.0), Verdict::Different),
        (group(&[1e308], 0).verdict(Method::Median, 1e308, f64::INFINITY), Verdict::MedianOverflow),
        (group(&[1e308, 1e308], 0).verdict(Method::Median, 1e308, f64::INFINITY), Verdict::Different),
        (group(&[1.0, f64::INFINITY], 3).verdict(quarter, f64::INFINITY, 1.0), Verdict::Different),
        (infinite(1000).verdict(Method::Percentile(56), f64::INFINITY, 0.0), Verdict::InfiniteNeighbour),
        (infinite(1000).verdict(Method::Percentile(56), f64::INFINITY, 1.0), Verdict::Different),
        (infinite(0).verdict(Method::Percentile(56), f64::INFINITY, 0.0), Verdict::Different),
    ];
    for (position, (found, expected)) in verdicts.into_iter().enumerate() {
        assert_eq!(found, expected, "{position}");
    }
}
