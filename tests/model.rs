//! Any sequence of pushes, policy changes, checkpoints, merges, crashes and reopenings equals a naive model.
//!
//! The model keeps every accepted measure for ever and computes each aggregate from them when asked: no window, no
//! sealing, no segments. What the database answers must equal it bit for bit after every step.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use gnocchetti::{
    AggregationMethod, ArchivePolicy, ArchivePolicyUpdate, Database, Definition, Durability, MetricKey, NewMetric,
    Options, Query, Timespan,
};
use proptest::prelude::*;
use support::at;
use support::naive::{archives, assert_same, methods, naive, value};
use support::restarted::Restarted;

/// The naive model of one metric.
struct Model {
    granularities: Vec<i64>,
    points: Vec<Option<u64>>,
    back_window: i64,
    rate: bool,
    accepted: BTreeMap<i64, f64>,
    newest: Option<i64>,
    sealed_until: i64,
    /// Per granularity: what retention hid at some moment may or may not come back when it is lengthened.
    hidden: Vec<i64>,
}

impl Model {
    fn first_mutable(&self) -> i64 {
        let block = self.granularities[self.granularities.len() - 1];
        let window = self.back_window + i64::from(self.rate);
        let open = self.newest.map_or(0, |newest| newest / block * block - window * block);
        self.sealed_until.max(open)
    }

    fn push(&mut self, batch: &[(i64, f64)]) -> (u64, u64, u64) {
        let first = if self.newest.is_none() { 0 } else { self.first_mutable() };
        let (mut accepted, mut overwritten, mut late) = (0, 0, 0);
        for &(timestamp, value) in batch {
            if timestamp < first {
                late += 1;
            } else {
                accepted += 1;
                overwritten += u64::from(self.accepted.insert(timestamp, value).is_some());
                self.newest = self.newest.max(Some(timestamp));
            }
        }
        if accepted > 0 {
            self.sealed_until = self.first_mutable();
        }
        self.retain();
        (accepted, overwritten, late)
    }

    fn floor(&self, i: usize) -> i64 {
        let (g, newest) = (self.granularities[i], self.newest.unwrap_or(0));
        self.points[i].map_or(i64::MIN, |points| newest / g * g - points as i64 * g)
    }

    fn retain(&mut self) {
        for i in 0..self.granularities.len() {
            self.hidden[i] = self.hidden[i].max(self.floor(i));
        }
    }

    fn aggregates(&self, i: usize, method: AggregationMethod) -> Vec<(i64, f64)> {
        let g = self.granularities[i];
        let all: Vec<(i64, f64)> = self.accepted.iter().map(|(t, v)| (*t, *v)).collect();
        let differences = || all.windows(2).map(|pair| (pair[1].0, pair[1].1 - pair[0].1)).collect();
        let points: Vec<(i64, f64)> = if method.is_rate() { differences() } else { all.clone() };
        let mut groups: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (timestamp, value) in points {
            groups.entry(timestamp / g * g).or_default().push(value);
        }
        let kept = groups.iter().filter(|(start, _)| **start > self.floor(i));
        kept.filter_map(|(start, values)| Some((*start, naive(method.method(), values)?))).collect()
    }
}

/// What is done to the database between two comparisons.
#[derive(Debug, Clone)]
enum Step {
    Push(Vec<(usize, i64, f64)>),
    PushOne(usize, i64, f64),
    /// Moves later pushes this far on: blocks close.
    Jump(i64),
    Update {
        back_window: u32,
        factor: u64,
    },
    Flush,
    Checkpoint,
    Maintain,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![5 => 0_i64..400, 1 => 0_i64..2000];
    prop_oneof![
        8 => prop::collection::vec((0_usize..2, time.clone(), value()), 1..40).prop_map(Step::Push),
        6 => (0_usize..2, time, value()).prop_map(|(m, t, v)| Step::PushOne(m, t, v)),
        4 => prop_oneof![4 => 20_i64..500, 1 => 1000_i64..50_000_000].prop_map(Step::Jump),
        1 => (0_u32..4, 1_u64..40).prop_map(|(back_window, factor)| Step::Update { back_window, factor }),
        1 => Just(Step::Flush),
        3 => Just(Step::Checkpoint),
        2 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

fn options() -> Options {
    let options = Options::new().background(false).durability(Durability::Kernel(Duration::from_secs(60)));
    options.grace(Duration::ZERO).max_future(None).memory(4096)
}

/// The database under test, its directory, and the model of its two metrics.
struct Run {
    own: Restarted,
    keys: Vec<MetricKey>,
    models: Vec<Model>,
    methods: Vec<AggregationMethod>,
    now: i64,
}

impl Run {
    fn new(archives: &[(i64, Option<u64>)], back_window: u32, methods: Vec<AggregationMethod>) -> Run {
        let own = Restarted::new(options);
        let db = own.db();
        let mut policy = ArchivePolicy::builder("p").back_window(back_window);
        for (granularity, points) in archives {
            policy = policy.definition(definition(*granularity, *points));
        }
        let names = methods.iter().map(ToString::to_string);
        db.create_archive_policy(&policy.aggregation_methods(names).build().unwrap()).unwrap();
        let new = [NewMetric::named("a").archive_policy("p"), NewMetric::named("b").archive_policy("p")];
        let keys = db.create_metrics(&new).unwrap().iter().map(|metric| metric.key).collect();
        let model = || Model {
            granularities: archives.iter().map(|(g, _)| *g).collect(),
            points: archives.iter().map(|(_, points)| *points).collect(),
            back_window: i64::from(back_window),
            rate: methods.iter().any(|method| method.is_rate()),
            accepted: BTreeMap::new(),
            newest: None,
            sealed_until: 0,
            hidden: vec![i64::MIN; archives.len()],
        };
        let models = vec![model(), model()];
        Run { own, keys, models, methods, now: 0 }
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
            Step::Update { back_window, factor } => self.update(*back_window, *factor),
            Step::Flush => self.db().flush().unwrap(),
            Step::Checkpoint => self.db().checkpoint().unwrap(),
            Step::Maintain => self.db().maintain().unwrap(),
            Step::Reopen => self.own.reopen(),
            Step::Crash => self.own.crash(),
        }
    }

    fn push(&mut self, measures: &[(usize, i64, f64)]) {
        let db = self.own.db();
        let mut batch = db.batch();
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

    fn update(&mut self, back_window: u32, factor: u64) {
        let mut definitions = Vec::new();
        for (i, granularity) in self.models[0].granularities.clone().into_iter().enumerate() {
            let points = self.models[0].points[i].map(|points| (points * factor / 8).clamp(1, 100_000));
            self.models.iter_mut().for_each(|model| model.points[i] = points);
            definitions.push(definition(granularity, points));
        }
        let update = ArchivePolicyUpdate::new().back_window(back_window).definitions(definitions);
        self.db().update_archive_policy("p", &update).unwrap();
        for model in &mut self.models {
            model.back_window = i64::from(back_window);
            model.retain();
        }
    }

    fn compare(&self) {
        for (model, key) in self.models.iter().zip(&self.keys) {
            assert_eq!(self.db().last_measure(*key).unwrap().map(gnocchetti::Timestamp::nanos), model.newest);
            for i in 0..model.granularities.len() {
                let query = Query::new(*key).granularity(Timespan::from_nanos(model.granularities[i]).unwrap());
                let answers = self.db().measures_of(&query, &self.methods).unwrap();
                for (method, columns) in self.methods.iter().zip(answers) {
                    let expected = model.aggregates(i, *method);
                    assert_same(
                        &columns,
                        &expected,
                        model.hidden[i],
                        &format!("{method} at {}", model.granularities[i]),
                    );
                }
            }
        }
    }
}

fn definition(granularity: i64, points: Option<u64>) -> Definition {
    Definition::new(Some(Timespan::from_nanos(granularity).unwrap()), points, None).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_database_equals_the_model(
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
    std::env::var("GNOCCHETTI_MODEL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}
