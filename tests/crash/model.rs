//! The naive model: every accepted measure is kept for ever, each aggregate computed from them when asked. What a database
//! answers must be what this answers after some prefix of the same operations.

use std::collections::BTreeMap;

use gnocchetti::{AggregationMethod, Database, Method, Query, Timestamp};

use crate::workload::{Archives, Op, archives_of, methods_of};

/// Everything that can be asked, in a form that can be compared: what, and its points with values as bits.
pub type Answers = BTreeMap<String, Vec<(i64, u64)>>;

#[derive(Debug, Clone)]
struct Policy {
    back_window: i64,
    archives: Archives,
    methods: Vec<AggregationMethod>,
}

#[derive(Debug, Clone)]
struct Metric {
    name: String,
    policy: &'static str,
    deleted: bool,
    accepted: BTreeMap<i64, f64>,
    newest: Option<i64>,
    sealed_until: i64,
    /// The newest measure and `sealed_until` before its clock jumped.
    jump: Option<(i64, i64)>,
}

/// Policies and metrics, and what was pushed.
#[derive(Debug, Clone, Default)]
pub struct Model {
    policies: BTreeMap<&'static str, Policy>,
    metrics: Vec<Metric>,
}

impl Policy {
    fn block(&self) -> i64 {
        self.archives.last().map_or(1, |(granularity, _)| *granularity)
    }

    /// From when on measures are accepted when `newest` is the newest one.
    fn open_from(&self, newest: i64) -> i64 {
        let window = self.back_window + i64::from(self.methods.iter().any(|method| method.is_rate()));
        newest / self.block() * self.block() - window * self.block()
    }
}

impl Metric {
    fn first_mutable(&self, policy: &Policy) -> i64 {
        self.newest.map_or(self.sealed_until, |newest| self.sealed_until.max(policy.open_from(newest)))
    }

    /// What a batch up to `last` does to a window whose newest measure was `old`: a block that closes makes an earlier jump
    /// final, and more than one are a jump.
    fn look_for_jump(&mut self, policy: &Policy, old: Option<i64>, last: i64) {
        let block = policy.block();
        if old.is_none_or(|old| last / block > old / block) {
            self.jump = old.filter(|old| last / block - old / block > 1).map(|old| (old, self.sealed_until));
        }
        let is_before = last / block < old.unwrap_or(0).max(last) / block;
        if let Some((newest, sealed_until)) =
            self.jump.filter(|(newest, _)| is_before && last / block - newest / block <= 1)
        {
            let newest = newest.max(last);
            self.jump = Some((newest, sealed_until.max(policy.open_from(newest))));
        }
    }

    /// Pushes one metric's part of a batch; returns how many were accepted, overwrote, came late.
    fn push(&mut self, policy: &Policy, batch: &[(i64, f64)]) -> [u64; 3] {
        let first = self.first_mutable(policy);
        let [mut accepted, mut overwritten, mut late] = [0; 3];
        let (old, mut last) = (self.newest, 0);
        for &(timestamp, value) in batch {
            if timestamp < first {
                late += 1;
            } else {
                accepted += 1;
                overwritten += u64::from(self.accepted.insert(timestamp, value).is_some());
                self.newest = self.newest.max(Some(timestamp));
                last = last.max(timestamp);
            }
        }
        if accepted > 0 {
            self.look_for_jump(policy, old, last);
            self.sealed_until = self.first_mutable(policy);
        }
        [accepted, overwritten, late]
    }

    /// From when on raw measures are kept.
    fn keep_from(&self, policy: &Policy) -> i64 {
        let sealed = self.jump.map_or(self.sealed_until, |(_, sealed_until)| sealed_until);
        let open = policy.archives.iter().map(|(granularity, _)| sealed / granularity * granularity);
        open.min().unwrap_or(0)
    }

    /// Deletes a stretch of time that cuts no group in two; returns how many raw measures that were.
    fn delete(&mut self, policy: &Policy, from: i64, to: Option<i64>) -> u64 {
        let (keep_from, before) = (self.keep_from(policy), self.accepted.clone());
        self.accepted.retain(|t, _| *t < from || to.is_some_and(|to| *t >= to));
        let newest = self.accepted.last_key_value().map(|(t, _)| *t);
        if newest != self.newest
            && let Some((old, sealed_until)) = self.jump
        {
            let left = newest.filter(|newest| *newest > old);
            self.sealed_until = sealed_until.max(left.map_or(0, |newest| policy.open_from(newest)));
            self.jump =
                self.jump.filter(|_| left.is_some_and(|left| (left / policy.block()) - (old / policy.block()) > 1));
        }
        self.newest = newest;
        before.keys().filter(|t| **t >= keep_from && !self.accepted.contains_key(t)).count() as u64
    }

    fn answers(&self, policy: &Policy, out: &mut Answers) {
        let name = &self.name;
        out.insert(format!("{name} newest"), self.newest.map(|newest| (newest, 0)).into_iter().collect());
        let all: Vec<(i64, f64)> = self.accepted.iter().map(|(t, v)| (*t, *v)).collect();
        let rates: Vec<(i64, f64)> = all.windows(2).map(|pair| (pair[1].0, pair[1].1 - pair[0].1)).collect();
        for &(granularity, points) in &policy.archives {
            let newest = self.newest.unwrap_or(0);
            let kept_after = points.map_or(i64::MIN, |n| newest / granularity * granularity - n as i64 * granularity);
            let (plain, rate) = (groups(&all, granularity, kept_after), groups(&rates, granularity, kept_after));
            for method in &policy.methods {
                let groups = if method.is_rate() { &rate } else { &plain };
                let points =
                    groups.iter().filter_map(|(at, values)| Some((*at, naive(method.method(), values)?.to_bits())));
                out.insert(format!("{name} {granularity} {method}"), points.collect());
            }
        }
    }
}

fn groups(points: &[(i64, f64)], granularity: i64, kept_after: i64) -> BTreeMap<i64, Vec<f64>> {
    let mut groups: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (timestamp, value) in points {
        let start = timestamp / granularity * granularity;
        if start > kept_after {
            groups.entry(start).or_default().push(*value);
        }
    }
    groups
}

/// One method of one group, as its definition says. The workloads push no NaN; `tests/model.rs` does.
fn naive(method: Method, values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let sum = values.iter().fold(0.0, |sum, value| sum + value);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(match method {
        Method::Mean => sum / n,
        Method::Sum => sum,
        Method::Count => n,
        Method::Min => sorted[0],
        Method::Max => sorted[sorted.len() - 1],
        Method::First => values[0],
        Method::Last => values[values.len() - 1],
        Method::Std if values.len() < 2 => return None,
        Method::Std => (values.iter().fold(0.0, |s, v| s + (v - sum / n) * (v - sum / n)) / (n - 1.0)).sqrt(),
        Method::Median if values.len() % 2 == 1 => sorted[values.len() / 2],
        Method::Median => f64::midpoint(sorted[values.len() / 2 - 1], sorted[values.len() / 2]),
        _ => unreachable!("no workload asks for {method:?}"),
    })
}

impl Model {
    /// The model after some operations.
    pub fn after<'a>(ops: impl IntoIterator<Item = &'a Op>) -> Self {
        let mut model = Model::default();
        for op in ops {
            model.apply(op);
        }
        model
    }

    /// Does an operation; of a push, returns how many measures were accepted, overwrote, came late; of a deletion, how many
    /// raw measures it removed.
    pub fn apply(&mut self, op: &Op) -> Option<[u64; 3]> {
        match op {
            Op::CreatePolicy(name) => {
                let (back_window, archives) = archives_of(name);
                let policy = Policy { back_window: i64::from(back_window), archives, methods: methods_of(name) };
                self.policies.insert(*name, policy);
            }
            Op::CreateMetric(name, policy) => self.metrics.push(Metric {
                name: name.clone(),
                policy,
                deleted: false,
                accepted: BTreeMap::new(),
                newest: None,
                sealed_until: 0,
                jump: None,
            }),
            Op::Update(name, back_window, archives) => {
                if let Some(policy) = self.policies.get_mut(name) {
                    policy.back_window = i64::from(*back_window);
                    policy.archives.clone_from(archives);
                }
            }
            Op::Delete(slot) => self.metrics[*slot].deleted = true,
            Op::Push(measures) => return Some(self.push(measures)),
            Op::PushOne(slot, timestamp, value) => return Some(self.push(&[(*slot, *timestamp, *value)])),
            Op::DeleteMeasures(slot, from, to) => {
                let metric = &mut self.metrics[*slot];
                return Some([metric.delete(&self.policies[metric.policy], *from, *to), 0, 0]);
            }
            Op::Flush | Op::Checkpoint | Op::Maintain | Op::Reopen => {}
        }
        None
    }

    fn push(&mut self, measures: &[(usize, i64, f64)]) -> [u64; 3] {
        let mut total = [0; 3];
        for (slot, metric) in self.metrics.iter_mut().enumerate() {
            let own: Vec<(i64, f64)> = measures.iter().filter(|m| m.0 == slot).map(|m| (m.1, m.2)).collect();
            let pushed = metric.push(&self.policies[metric.policy], &own);
            total.iter_mut().zip(pushed).for_each(|(total, part)| *total += part);
        }
        total
    }

    /// A stretch of time, begun `back` before a metric's newest measure and so long, that a model without windows and seals can
    /// delete as the database does: it spares the newest measure, ends where groups of all archives end, and takes of a metric
    /// with differences only what is in the window. (`tests/delete_model.rs` has a model of the rest.)
    pub fn deletable(&self, slot: usize, [back, length]: [i64; 2]) -> Option<(i64, Option<i64>)> {
        let metric = &self.metrics[slot];
        let policy = &self.policies[metric.policy];
        let newest = metric.newest?;
        let all = policy.archives.iter().fold(1, |all, (g, _)| all * g / gcd(all, *g));
        let (from, to) = ((newest - back).max(0) / all * all, (newest - back + length).max(0) / all * all);
        let (from, to) = if policy.methods.iter().any(|method| method.is_rate()) {
            (metric.sealed_until.max(newest - back), newest - back / 4)
        } else {
            (from, to)
        };
        (from < to && to <= newest).then_some((from, Some(to)))
    }

    /// Places of metrics that are there.
    pub fn living(&self) -> impl Iterator<Item = usize> {
        self.metrics.iter().enumerate().filter(|(_, metric)| !metric.deleted).map(|(slot, _)| slot)
    }

    /// Places of metrics that were deleted.
    pub fn deleted(&self) -> impl Iterator<Item = usize> {
        self.metrics.iter().enumerate().filter(|(_, metric)| metric.deleted).map(|(slot, _)| slot)
    }

    /// A time at which no living metric takes a measure for late.
    pub fn later(&self) -> i64 {
        self.metrics.iter().filter_map(|metric| metric.newest).max().unwrap_or(0) + 1
    }

    /// What a database would answer.
    pub fn answers(&self) -> Answers {
        let mut out = Answers::new();
        for (name, policy) in &self.policies {
            out.insert(describe(name, policy.back_window as u32, &policy.archives), Vec::new());
        }
        for metric in self.metrics.iter().filter(|metric| !metric.deleted) {
            metric.answers(&self.policies[metric.policy], &mut out);
        }
        out
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn describe(name: &str, back_window: u32, archives: &Archives) -> String {
    format!("policy {name}: back window {back_window}, archives {archives:?}")
}

/// What a database answers.
pub fn ask(db: &Database) -> gnocchetti::Result<Answers> {
    let mut out = Answers::new();
    for policy in db.archive_policies()? {
        let definitions = policy.definitions().iter();
        let archives = definitions.map(|archive| (archive.granularity().nanos(), archive.points())).collect();
        out.insert(describe(policy.name(), policy.back_window(), &archives), Vec::new());
    }
    for metric in db.metrics(None, usize::MAX >> 1)? {
        let name = metric.name.unwrap_or_default();
        let newest = db.last_measure(metric.key)?.map(Timestamp::nanos);
        out.insert(format!("{name} newest"), newest.map(|newest| (newest, 0)).into_iter().collect());
        let policy = db.policy_of(metric.key)?;
        let methods: Vec<AggregationMethod> = policy.methods().iter().collect();
        for archive in policy.definitions() {
            let granularity = archive.granularity();
            let answers = db.measures_of(&Query::new(metric.key).granularity(granularity), &methods)?;
            for (method, columns) in methods.iter().zip(answers) {
                let points = columns.iter().map(|(timestamp, value)| (timestamp, value.to_bits())).collect();
                out.insert(format!("{name} {} {method}", granularity.nanos()), points);
            }
        }
    }
    Ok(out)
}

/// The first thing in which two answers differ.
pub fn difference(found: &Answers, expected: &Answers) -> String {
    for (what, points) in expected {
        match found.get(what) {
            None => return format!("`{what}` is missing"),
            Some(answer) if answer != points => {
                let at = answer.iter().zip(points).position(|(a, b)| a != b).unwrap_or(answer.len().min(points.len()));
                let show = |points: &[(i64, u64)]| points.get(at).map(|(time, bits)| (*time, f64::from_bits(*bits)));
                let (found, expected) = (show(answer), show(points));
                return format!("`{what}` has {found:?} where {expected:?} belongs (point {at})");
            }
            Some(_) => {}
        }
    }
    found
        .keys()
        .find(|what| !expected.contains_key(*what))
        .map_or("nothing".to_owned(), |what| format!("`{what}` is too much"))
}
