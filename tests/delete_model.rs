//! Deleting stretches of time, among pushes, policy changes, checkpoints, merges, crashes and reopenings, equals a naive
//! model; and a reader beside the writer sees the same.
//!
//! The model keeps the raw measures of the window, and each group that has closed as the list of measures that it was made
//! of. A deletion takes measures out of these lists. What the database says of a group that lies partly inside is checked
//! against what it may say, and believed; then its values must be those that the list makes, bit for bit.

mod support;

use std::collections::BTreeMap;
use std::ops::Bound;

use gnocchetti::{
    AggregationMethod, ArchivePolicy, ArchivePolicyUpdate, Database, DeleteOptions, DeletedMeasures, MetricKey,
    NewMetric, Options, Partial, PartialOutcome, Query, Timestamp,
};
use proptest::prelude::*;
use support::naive::{archives, assert_same, methods, naive, value};
use support::restarted::Restarted;
use support::{archive, at, options, span};

/// What a closed group was made of: measures, and differences by the times of their later measures.
#[derive(Clone, Default, Debug)]
struct Group {
    plain: Vec<(i64, f64)>,
    differences: Vec<(i64, f64)>,
}

/// The naive model of one metric.
struct Model {
    granularities: Vec<i64>,
    points: Vec<Option<u64>>,
    back_window: i64,
    rate: bool,
    raw: BTreeMap<i64, f64>,
    previous: Option<(i64, f64)>,
    closed: Vec<BTreeMap<i64, Group>>,
    newest: Option<i64>,
    sealed_until: i64,
    /// The newest measure and `sealed_until` before its clock jumped.
    jump: Option<(i64, i64)>,
    hidden: Vec<i64>,
}

impl Model {
    fn block(&self) -> i64 {
        self.granularities[self.granularities.len() - 1]
    }

    /// From when on measures are accepted when `newest` is the newest one.
    fn open_from(&self, newest: i64) -> i64 {
        let window = self.back_window + i64::from(self.rate);
        newest / self.block() * self.block() - window * self.block()
    }

    fn first_mutable(&self) -> i64 {
        self.newest.map_or(self.sealed_until, |newest| self.sealed_until.max(self.open_from(newest)))
    }

    /// What a jump closed is held.
    fn seal_until(&self) -> i64 {
        self.jump.map_or(self.sealed_until, |(_, sealed_until)| sealed_until)
    }

    fn jumps(&self, from: i64, to: i64) -> bool {
        to / self.block() - from / self.block() > 1
    }

    /// What a batch up to `last` does to a window whose newest measure was `old`.
    fn look_for_jump(&mut self, old: Option<i64>, last: i64) {
        if old.is_none_or(|old| last / self.block() > old / self.block()) {
            self.jump = old.filter(|old| self.jumps(*old, last)).map(|old| (old, self.sealed_until));
        }
        let is_before = last / self.block() < old.unwrap_or(0).max(last) / self.block();
        if let Some((newest, sealed_until)) = self.jump.filter(|(newest, _)| is_before && !self.jumps(*newest, last)) {
            let newest = newest.max(last);
            self.jump = Some((newest, sealed_until.max(self.open_from(newest))));
        }
    }

    fn keep_from(&self) -> i64 {
        let sealed = self.seal_until();
        self.granularities.iter().map(|g| sealed / g * g).min().unwrap().min(sealed)
    }

    fn push(&mut self, batch: &[(i64, f64)]) -> (u64, u64, u64) {
        let first = self.first_mutable();
        let (mut accepted, mut overwritten, mut late) = (0, 0, 0);
        let (old, mut last) = (self.newest, 0);
        for &(timestamp, value) in batch {
            if timestamp < first {
                late += 1;
            } else {
                accepted += 1;
                overwritten += u64::from(self.raw.insert(timestamp, value).is_some());
                self.newest = self.newest.max(Some(timestamp));
                last = last.max(timestamp);
            }
        }
        if accepted > 0 {
            let before = self.seal_until();
            self.look_for_jump(old, last);
            self.sealed_until = self.first_mutable();
            self.close(before);
        }
        self.retain();
        (accepted, overwritten, late)
    }

    /// Closes what ended between `before` and now.
    fn close(&mut self, before: i64) {
        for i in 0..self.granularities.len() {
            let g = self.granularities[i];
            let newly = before / g * g..self.seal_until() / g * g;
            let groups = self.open_groups(i);
            self.closed[i].extend(groups.into_iter().filter(|(start, _)| newly.contains(start)));
        }
        let kept = self.raw.split_off(&self.keep_from());
        let gone = std::mem::replace(&mut self.raw, kept);
        self.previous = gone.last_key_value().map(|(t, v)| (*t, *v)).or(self.previous);
    }

    /// Groups of the raw measures, whether or not all of a group is there.
    fn open_groups(&self, i: usize) -> BTreeMap<i64, Group> {
        let g = self.granularities[i];
        let mut groups: BTreeMap<i64, Group> = BTreeMap::new();
        let mut before = self.previous;
        for (&t, &v) in &self.raw {
            let group = groups.entry(t / g * g).or_default();
            group.plain.push((t, v));
            group.differences.extend(before.map(|(_, earlier)| (t, v - earlier)));
            before = Some((t, v));
        }
        groups
    }

    fn floor(&self, i: usize) -> i64 {
        self.floor_of(i, self.newest.unwrap_or(0))
    }

    fn floor_of(&self, i: usize, newest: i64) -> i64 {
        let g = self.granularities[i];
        self.points[i].map_or(i64::MIN, |points| newest / g * g - points as i64 * g)
    }

    fn retain(&mut self) {
        for i in 0..self.granularities.len() {
            self.hidden[i] = self.hidden[i].max(self.floor(i));
        }
    }

    fn aggregates(&self, i: usize, method: AggregationMethod) -> Vec<(i64, f64)> {
        let g = self.granularities[i];
        let closed = self.seal_until() / g * g;
        let mut groups = self.closed[i].clone();
        groups.extend(self.open_groups(i).into_iter().filter(|(start, _)| *start >= closed));
        let kept = groups.iter().filter(|(start, _)| self.newest.is_some() && **start > self.floor(i));
        let values = |group: &Group| -> Vec<f64> {
            let points = if method.is_rate() { &group.differences } else { &group.plain };
            points.iter().map(|(_, value)| *value).collect()
        };
        let with_values = kept.map(|(start, group)| (*start, values(group))).filter(|(_, values)| !values.is_empty());
        with_values.filter_map(|(start, values)| Some((start, naive(method.method(), &values)?))).collect()
    }

    fn delete(&mut self, hole: &Hole, said: &DeletedMeasures) {
        let old_newest = self.newest;
        let kept_by = self.jump.map_or(old_newest, |(newest, _)| Some(newest));
        let removed = self.raw.keys().filter(|t| hole.has(**t)).count() as u64;
        assert_eq!(said.removed, removed);
        self.raw.retain(|t, _| !hole.has(*t));
        self.previous = self.previous.filter(|(t, _)| !hole.has(*t));
        let mut partial = said.partial.iter().map(|p| (p.granularity.nanos(), p.start.nanos(), p.outcome)).peekable();
        // The newest group that is left for sure, and whether one that retention once hid may be younger.
        let (mut newest_left, mut perhaps) = (None, None);
        for i in 0..self.granularities.len() {
            let g = self.granularities[i];
            let (floor, hidden) = (kept_by.map_or(i64::MAX, |newest| self.floor_of(i, newest)), self.hidden[i]);
            self.closed[i].retain(|start, _| !hole.has_all(*start, g));
            let cut: Vec<i64> = self.closed[i].keys().copied().filter(|start| hole.cuts(*start, g)).collect();
            for start in cut {
                let listed = partial.next_if(|(of, at, _)| (*of, *at) == (g, start));
                assert!(listed.is_some() || start <= hidden, "{start} of {g} is not listed");
                assert!(listed.is_none() || start > floor, "{start} of {g} is listed, though nobody sees it");
                if let Some((_, _, outcome)) = listed {
                    self.cut(i, start, hole, outcome);
                }
            }
            for start in self.closed[i].keys().copied().filter(|start| *start > floor) {
                let best = if start > hidden { &mut newest_left } else { &mut perhaps };
                *best = (*best).max(Some(start));
            }
        }
        assert_eq!(partial.next(), None, "groups that are not there are listed");
        if old_newest.is_some_and(|newest| hole.has(newest)) {
            let left = self.raw.last_key_value().map(|(t, _)| *t);
            let stored = newest_left.max(self.previous.map(|(t, _)| t));
            self.newest = left.or(stored);
            if left.is_none() && perhaps > stored {
                self.newest = said.newest.map(Timestamp::nanos);
                assert!(self.newest >= stored && self.newest <= perhaps);
            }
            if let Some((before, sealed_until)) = self.jump {
                let left = self.newest.filter(|newest| *newest > before);
                self.sealed_until = sealed_until.max(left.map_or(0, |newest| self.open_from(newest)));
                self.jump = self.jump.filter(|_| left.is_some_and(|newest| self.jumps(before, newest)));
                if self.jump.is_none() {
                    self.close(sealed_until);
                }
            }
        }
        assert_eq!(said.newest.map(Timestamp::nanos), self.newest);
        assert_eq!(said.accepted_from.nanos(), self.first_mutable());
        self.retain();
    }

    fn cut(&mut self, i: usize, start: i64, hole: &Hole, outcome: PartialOutcome) {
        match outcome {
            PartialOutcome::Kept => assert_eq!(hole.partial, Partial::Keep),
            PartialOutcome::Removed => {
                assert_eq!(hole.partial, Partial::Remove);
                self.closed[i].remove(&start);
            }
            PartialOutcome::Recomputed => {
                let from_raw = start >= self.keep_from();
                let anew = self.open_groups(i).remove(&start).unwrap_or_default();
                let group = self.closed[i].get_mut(&start).unwrap();
                group.plain.retain(|(t, _)| !hole.has(*t));
                group.differences.retain(|(t, _)| !hole.has(*t));
                if from_raw {
                    assert_eq!(format!("{:?}", anew.plain), format!("{:?}", group.plain));
                    group.differences = anew.differences;
                } else if self.rate {
                    let behind = group.plain.iter().any(|(t, _)| *t >= hole.from);
                    assert!(!behind, "the difference across the hole is not known");
                }
                if group.plain.is_empty() {
                    self.closed[i].remove(&start);
                }
            }
        }
    }
}

/// A deletion.
#[derive(Debug, Clone)]
struct Hole {
    from: i64,
    to: Option<i64>,
    partial: Partial,
}

impl Hole {
    fn has(&self, t: i64) -> bool {
        t >= self.from && self.to.is_none_or(|to| t < to)
    }

    fn has_all(&self, start: i64, g: i64) -> bool {
        start >= self.from && self.to.is_none_or(|to| start + g <= to) && self.to != Some(self.from)
    }

    fn cuts(&self, start: i64, g: i64) -> bool {
        let nonempty = self.to.is_none_or(|to| to > self.from);
        let overlaps = start + g > self.from && self.to.is_none_or(|to| start < to);
        nonempty && overlaps && !self.has_all(start, g)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push(Vec<(usize, i64, f64)>),
    PushOne(usize, i64, f64),
    Jump(i64),
    /// Of a metric, from so long before now on, so long; `None`: all that follows. Starts and lengths are rounded to this.
    Delete(usize, i64, Option<i64>, i64, Partial),
    Update(u32, u64),
    Checkpoint,
    Maintain,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![5 => 0_i64..400, 1 => 0_i64..2000];
    let length = prop_oneof![8 => (0_i64..300).prop_map(Some), 3 => (0_i64..3000).prop_map(Some), 1 => Just(None)];
    let round = prop::sample::select(vec![1_i64, 7, 10, 60, 60, 90]);
    let partial = prop::sample::select(vec![Partial::Keep, Partial::Remove]);
    let back = prop_oneof![4 => -400_i64..600, 1 => -2000_i64..10_000];
    prop_oneof![
        8 => prop::collection::vec((0_usize..2, time.clone(), value()), 1..40).prop_map(Step::Push),
        5 => (0_usize..2, time, value()).prop_map(|(m, t, v)| Step::PushOne(m, t, v)),
        4 => prop_oneof![4 => 20_i64..500, 1 => 1000_i64..50_000_000].prop_map(Step::Jump),
        8 => (0_usize..2, back, length, round, partial).prop_map(|(m, b, l, r, p)| Step::Delete(m, b, l, r, p)),
        1 => (0_u32..4, 1_u64..40).prop_map(|(back_window, factor)| Step::Update(back_window, factor)),
        3 => Just(Step::Checkpoint),
        3 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// The database under test, a reader of it, and the model of its two metrics.
struct Run {
    own: Restarted,
    reader: Database,
    keys: Vec<MetricKey>,
    models: Vec<Model>,
    methods: Vec<AggregationMethod>,
    now: i64,
}

fn small() -> Options {
    options().memory(4096)
}

impl Run {
    fn new(archives: &[(i64, Option<u64>)], back_window: u32, methods: Vec<AggregationMethod>) -> Run {
        let own = Restarted::new(small);
        let db = own.db();
        let definitions = archives.iter().map(|(granularity, points)| archive(*granularity, *points));
        let policy = ArchivePolicy::builder("p").back_window(back_window).definitions(definitions);
        let policy = policy.aggregation_methods(methods.iter().map(ToString::to_string)).build().unwrap();
        db.create_archive_policy(&policy).unwrap();
        let new = [NewMetric::named("a").archive_policy("p"), NewMetric::named("b").archive_policy("p")];
        let keys = db.create_metrics(&new).unwrap().iter().map(|metric| metric.key).collect();
        let model = || Model {
            granularities: archives.iter().map(|(g, _)| *g).collect(),
            points: archives.iter().map(|(_, points)| *points).collect(),
            back_window: i64::from(back_window),
            rate: methods.iter().any(|method| method.is_rate()),
            raw: BTreeMap::new(),
            previous: None,
            closed: vec![BTreeMap::new(); archives.len()],
            newest: None,
            sealed_until: 0,
            jump: None,
            hidden: vec![i64::MIN; archives.len()],
        };
        let models = vec![model(), model()];
        let reader = Database::open_read_only(own.path(), small()).unwrap();
        Run { own, reader, keys, models, methods, now: 5000 }
    }

    fn db(&self) -> &Database {
        self.own.db()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Push(measures) => self.push(measures),
            Step::PushOne(metric, time, value) => {
                let timestamp = self.now + time;
                let pushed = self.db().push(self.keys[*metric], at(timestamp), *value).unwrap();
                let expected = self.models[*metric].push(&[(timestamp, *value)]);
                assert_eq!((pushed.accepted, pushed.overwritten, pushed.late), expected);
            }
            Step::Jump(by) => self.now += by,
            Step::Delete(metric, back, length, round, partial) => {
                let from = ((self.now - back) / round * round).max(0);
                let to = length.map(|length| from + (length + round - 1) / round * round);
                self.delete(*metric, &Hole { from, to, partial: *partial });
            }
            Step::Update(back_window, factor) => self.update(*back_window, *factor),
            Step::Checkpoint => self.db().checkpoint().unwrap(),
            Step::Maintain => {
                self.db().maintain().unwrap();
                assert_eq!(self.db().check(&mut |_| {}).unwrap().findings, []);
            }
            Step::Reopen => self.own.reopen(),
            Step::Crash => self.crash(),
        }
    }

    fn push(&mut self, measures: &[(usize, i64, f64)]) {
        let mut batch = self.own.db().batch();
        for (metric, time, value) in measures {
            batch.add(self.keys[*metric], at(self.now + time), *value);
        }
        let report = batch.commit().unwrap();
        for (i, model) in self.models.iter_mut().enumerate() {
            let own = measures.iter().filter(|(metric, ..)| *metric == i);
            let own: Vec<(i64, f64)> = own.map(|(_, time, value)| (self.now + time, *value)).collect();
            let expected = model.push(&own);
            let found = report.per_metric().iter().find(|(key, _)| *key == self.keys[i]);
            let found = found.map_or((0, 0, 0), |(_, p)| (p.accepted, p.overwritten, p.late));
            assert_eq!(found, expected);
        }
    }

    fn delete(&mut self, metric: usize, hole: &Hole) {
        let end = hole.to.map_or(Bound::Unbounded, |to| Bound::Excluded(at(to)));
        let range = (Bound::Included(at(hole.from)), end);
        let options = DeleteOptions::new().partial(hole.partial);
        let said = self.db().delete_measures(self.keys[metric], range, options).unwrap();
        self.models[metric].delete(hole, &said);
        assert_eq!(self.db().check(&mut |_| {}).unwrap().findings, []);
    }

    fn update(&mut self, back_window: u32, factor: u64) {
        let mut definitions = Vec::new();
        for (i, granularity) in self.models[0].granularities.clone().into_iter().enumerate() {
            let points = self.models[0].points[i].map(|points| (points * factor / 8).clamp(1, 100_000));
            self.models.iter_mut().for_each(|model| model.points[i] = points);
            definitions.push(archive(granularity, points));
        }
        let update = ArchivePolicyUpdate::new().back_window(back_window).definitions(definitions);
        self.db().update_archive_policy("p", &update).unwrap();
        for model in &mut self.models {
            model.back_window = i64::from(back_window);
            model.retain();
        }
    }

    /// Goes on with a copy of the directory as it lies there now: what a crash of the process leaves.
    fn crash(&mut self) {
        self.own.crash();
        self.reader = Database::open_read_only(self.own.path(), small()).unwrap();
    }

    fn compare(&self) {
        self.reader.refresh().unwrap();
        for db in [self.db(), &self.reader] {
            for (model, key) in self.models.iter().zip(&self.keys) {
                assert_eq!(db.last_measure(*key).unwrap().map(Timestamp::nanos), model.newest);
                for i in 0..model.granularities.len() {
                    let query = Query::new(*key).granularity(span(model.granularities[i]));
                    let answers = db.measures_of(&query, &self.methods).unwrap();
                    for (method, columns) in self.methods.iter().zip(answers) {
                        let expected = model.aggregates(i, *method);
                        let what = format!("{method} at {}", model.granularities[i]);
                        assert_same(&columns, &expected, model.hidden[i], &what);
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 1000, ..ProptestConfig::default() })]

    #[test]
    fn deletions_equal_the_model(
        archives in archives(),
        back_window in 0_u32..3,
        methods in methods(),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut run = Run::new(&archives, back_window, methods);
        for step in &steps {
            run.step(step);
            run.compare();
        }
    }
}

/// How many sequences are tried: `GNOCCHETTI_MODEL_CASES` for a long run by hand.
fn cases() -> u32 {
    std::env::var("GNOCCHETTI_MODEL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}
