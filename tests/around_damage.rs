//! Life beside damage: queries that skip it answer right or not at all, other metrics notice nothing, merges and expiry go on,
//! and the damaged bytes stay where they are.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gnocchetti::internals::fs::RealFs;
use gnocchetti::internals::segment::{Entry, Kind, SegmentReader, number_of};
use gnocchetti::ops::{EvaluateOptions, Fill, OutputLabel, Predicate, Reaggregation};
use gnocchetti::{
    Aggregated, Aggregates, AggregationMethod, Database, Error, MetricKey, NewResource, Query, ResourceAggregates,
    ResourceMetric, ResourceSearch, Sampling,
};
use support::{at, everything, files, metric, options, policy, query, segments, span};

type Points = BTreeMap<i64, u64>;

/// Every answer that a database gives about some metrics: of each granularity and method, the bits of each point.
fn answers(db: &Database, keys: &[MetricKey]) -> BTreeMap<(u64, i64, String), Points> {
    let mut found = BTreeMap::new();
    for key in keys {
        for granularity in [10, 60] {
            for method in db.policy_of(*key).unwrap().methods().iter() {
                let columns = db.measures(&query(*key, granularity, method)).unwrap();
                assert!(columns.timestamps.is_sorted_by(|a, b| a < b), "{key} {granularity} {method}");
                let points = columns.iter().map(|(t, v)| (t, v.to_bits())).collect();
                found.insert((key.get(), granularity, method.to_string()), points);
            }
        }
    }
    found
}

struct Sample {
    _folder: tempfile::TempDir,
    root: PathBuf,
    keys: Vec<MetricKey>,
}

impl Sample {
    /// Metrics with sealed aggregates and open windows; nothing merged. `memory(0)`: windows are read from the disk.
    fn new() -> (Sample, Database) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("db");
        let db = Database::open(&root, options().memory(0)).unwrap();
        let methods = ["mean", "count", "rate:max", "std", "last"];
        db.create_archive_policy(&policy("p", 2, &[(10, None), (60, None)], &methods)).unwrap();
        let keys: Vec<MetricKey> = ["a", "b", "c"].iter().map(|name| metric(&db, name, "p")).collect();
        for (round, from) in (0..900).step_by(150).enumerate() {
            for time in (from..from + 150).step_by(3) {
                for key in &keys {
                    db.push(*key, at(time), (time * (round as i64 + 3) % 17) as f64 / 4.0).unwrap();
                }
            }
            db.checkpoint().unwrap();
        }
        (Sample { _folder: folder, root, keys }, db)
    }

    fn files(&self, directory: &str) -> Vec<PathBuf> {
        let found = files(&self.root).into_iter().filter(|path| path.starts_with(directory));
        found.map(|path| self.root.join(path)).collect()
    }

    fn open(&self) -> Database {
        Database::open(&self.root, options().memory(0)).unwrap()
    }
}

fn flip(file: &Path, offset: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[offset as usize] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

fn entries(file: &Path, kind: Kind) -> Vec<Entry> {
    let number = number_of(file.file_name().unwrap().to_str().unwrap()).unwrap();
    let mut entries = Vec::new();
    let reader = SegmentReader::open(&RealFs, file, kind, number).unwrap();
    reader.each_entry(&mut |entry| entries.push(entry)).unwrap();
    entries
}

/// Flips a byte of every chunk of the open and sealed parts in turn, and asks everything in both ways.
#[test]
fn a_query_answers_right_or_an_error_or_says_what_it_skipped() {
    let (sample, db) = Sample::new();
    let expected = answers(&db, &sample.keys);
    db.close().unwrap();
    let mut skips = 0;
    for (directory, kind) in [("raw", Kind::Raw), ("level0", Kind::Level0)] {
        for file in sample.files(directory) {
            for entry in entries(&file, kind) {
                flip(&file, entry.offset);
                skips += ask(&sample, &expected, &file, &entry);
                flip(&file, entry.offset);
            }
        }
    }
    assert!(skips > 100, "{skips} answers skipped something");
}

/// Returns how many answers skipped something.
fn ask(sample: &Sample, expected: &BTreeMap<(u64, i64, String), Points>, file: &Path, damaged: &Entry) -> u32 {
    let db = sample.open();
    let mut skips = 0;
    for ((key, granularity, method), right) in expected {
        let method: AggregationMethod = method.parse().unwrap();
        let question = query(MetricKey::new(*key), *granularity, method);
        let what = format!("{} at {} for {key}, {granularity}, {method}", file.display(), damaged.offset);
        match db.measures(&question) {
            Ok(columns) => {
                let points: Points = columns.iter().map(|(t, v)| (t, v.to_bits())).collect();
                assert_eq!(&points, right, "{what}");
            }
            Err(Error::Corrupt(damage)) => {
                assert_eq!(*key, damaged.metric, "{what}: another metric is told of it");
                assert_eq!((damage.metric, damage.offset), (Some(*key), damaged.offset), "{what}");
                assert_eq!(damage.span, Some((damaged.first, damaged.last)), "{what}");
                assert_eq!(damage.file, file, "{what}");
            }
            Err(error) => panic!("{what}: {error}"),
        }
        let answer = match db.measures_skipping_damage(&question, &[method]) {
            Ok(answer) => answer,
            Err(Error::Corrupt(_)) => {
                assert_eq!(damaged.granularity, -1, "{what}: only a damaged state leaves nothing to say");
                continue;
            }
            Err(error) => panic!("{what}: {error}"),
        };
        let mut missing = right.clone();
        for (time, value) in answer.columns[0].iter() {
            assert_eq!(missing.remove(&time), Some(value.to_bits()), "{what}: wrong at {time}");
        }
        assert_eq!(answer.skipped.is_empty(), db.measures(&question).is_ok(), "{what}");
        if answer.skipped.is_empty() {
            assert!(missing.is_empty(), "{what}: {missing:?}");
        } else {
            skips += 1;
            // Nothing is left out that the damage does not touch; a difference reaches to the next measure.
            let reach = if method.is_rate() { damaged.last + 3 } else { damaged.last };
            let touched = |start: &i64| *start <= reach && start + granularity > damaged.first;
            assert!(missing.keys().all(touched), "{what}: {missing:?}");
        }
        let by_two = Sampling::Timespan(span(granularity * 2));
        let resampled = db.measures_skipping_damage(&question.clone().resample(by_two), &[method]).unwrap();
        for (time, _) in resampled.columns[0].iter() {
            let touches = |start: &i64| *start >= time && *start < time + 2 * granularity;
            assert!(!missing.keys().any(touches), "{what}: resampled from less at {time}");
        }
    }
    skips
}

#[test]
fn merges_leave_a_damaged_segment_as_it_is_and_go_on() {
    for (directory, kind) in [("raw", Kind::Raw), ("level0", Kind::Level0)] {
        for which in [0, 2] {
            let (sample, db) = Sample::new();
            let expected = answers(&db, &sample.keys);
            let file = sample.files(directory)[which].clone();
            let entry = entries(&file, kind).into_iter().rfind(|entry| entry.metric == sample.keys[1].get()).unwrap();
            flip(&file, entry.offset);
            let bytes = std::fs::read(&file).unwrap();
            let before = segments(&sample.root).0;
            for _ in 0..2 {
                let Err(Error::Corrupt(damage)) = db.maintain() else { panic!("{directory}: nobody is told") };
                assert_eq!((&damage.file, damage.metric), (&file, Some(entry.metric)));
            }
            assert_eq!(db.stats().unwrap().damaged_segments, 1);
            assert_eq!(std::fs::read(&file).unwrap(), bytes, "it stays as it is");
            assert!(segments(&sample.root).0 < before, "the others were merged");
            let others = [sample.keys[0], sample.keys[2]];
            let of_others = |(key, ..): &(u64, i64, String)| others.iter().any(|other| other.get() == *key);
            let kept: BTreeMap<_, _> =
                expected.iter().filter(|(k, _)| of_others(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
            assert_eq!(answers(&db, &others), kept);
            db.close().unwrap();

            // With the bytes as they were, everything is there, in the right order.
            flip(&file, entry.offset);
            let db = sample.open();
            assert_eq!(answers(&db, &sample.keys), expected);
            assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);
            db.maintain().unwrap();
            assert_eq!(answers(&db, &sample.keys), expected);
            assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);
        }
    }
}

#[test]
fn what_has_expired_goes_although_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("db");
    let db = Database::open(&root, options()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(10, Some(5))], &["count"])).unwrap();
    let key = metric(&db, "a", "p");
    for time in 0..200 {
        db.push(key, at(time), 1.0).unwrap();
    }
    db.maintain().unwrap();
    let partition =
        |root: &Path| files(root).into_iter().filter(|path| path.starts_with("archive")).collect::<Vec<_>>();
    let damaged = root.join(&partition(&root)[0]);
    flip(&damaged, 30);
    db.push(key, at(100_000_000_000_000), 1.0).unwrap();
    db.push(key, at(200_000_000_000_000), 1.0).unwrap();
    db.maintain().unwrap();
    assert!(!damaged.exists());
    assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);
}

#[test]
fn an_older_state_that_is_damaged_does_no_harm() {
    let (sample, db) = Sample::new();
    let expected = everything(&db).unwrap();
    db.close().unwrap();
    let raw = sample.files("raw");
    let state = |file: &Path| entries(file, Kind::Raw)[0];
    assert_eq!(state(&raw[1]).granularity, -1);
    flip(&raw[1], state(&raw[1]).offset);
    assert_eq!(everything(&sample.open()).unwrap(), expected);
    let newest = raw.last().unwrap();
    flip(newest, state(newest).offset);
    let db = sample.open();
    assert!(matches!(db.measures(&Query::new(sample.keys[0])), Err(Error::Corrupt(_))));
    assert!(db.measures(&Query::new(sample.keys[1])).is_ok());
    assert!(db.push(sample.keys[0], at(1000), 1.0).is_err(), "nobody knows whether it is late");
    db.push(sample.keys[1], at(1000), 1.0).unwrap();
    assert!(matches!(db.maintain(), Err(Error::Corrupt(_))));
    assert!(db.measures(&Query::new(sample.keys[1])).is_ok());
}

/// The points of each series of an answer, by the name of its metric.
fn by_metric(answer: &Aggregated) -> BTreeMap<String, Points> {
    let named = answer.series.iter().map(|series| {
        let name = match &series.label {
            OutputLabel::Metric(label) => label.metric.clone(),
            OutputLabel::Aggregated => "all".to_owned(),
        };
        (name, series.columns.iter().map(|(t, v)| (t, v.to_bits())).collect())
    });
    named.collect()
}

/// Flips a byte of every chunk of one metric in turn, and asks operations across metrics in both ways.
#[test]
fn operations_across_metrics_skip_what_is_damaged_and_say_so() {
    let (sample, db) = Sample::new();
    let ask = |text: &str| Aggregates::new(text.parse().unwrap()).granularity(span(10));
    let exact = ["(metric (a last) (b last) (c last))", "(resample sum 6e-8 (metric (a count) (b count)))"];
    let whole: Vec<_> = exact.iter().map(|text| by_metric(&db.aggregates(&ask(text)).unwrap())).collect();
    db.close().unwrap();
    let key = sample.keys[1].get();
    let mut skips = 0;
    for (directory, kind) in [("raw", Kind::Raw), ("level0", Kind::Level0)] {
        for file in sample.files(directory) {
            for entry in entries(&file, kind).into_iter().filter(|entry| entry.metric == key) {
                flip(&file, entry.offset);
                let db = sample.open();
                for (text, right) in exact.iter().zip(&whole) {
                    let what = format!("{text} with {} damaged at {}", file.display(), entry.offset);
                    let failed = match db.aggregates(&ask(text)) {
                        Ok(answer) => {
                            assert_eq!(&by_metric(&answer), right, "{what}");
                            false
                        }
                        Err(Error::Corrupt(damage)) => damage.metric == Some(key),
                        Err(error) => panic!("{what}: {error}"),
                    };
                    let answer = db.aggregates(&ask(text).skip_damaged(true)).unwrap();
                    assert_eq!(!answer.skipped.is_empty(), failed, "{what}");
                    assert!(answer.skipped.iter().all(|damage| damage.metric == Some(key)), "{what}");
                    skips += u32::from(failed);
                    for (name, points) in by_metric(&answer) {
                        let all = &right[&name];
                        assert!(points.iter().all(|(t, value)| all.get(t) == Some(value)), "{what}: wrong for {name}");
                        let fewer = points.len() < all.len();
                        assert!(!fewer || (name == "b" && failed), "{what}: {name} lacks something");
                        assert!(entry.granularity != -1 || !failed || name != "b" || points.is_empty(), "{what}");
                    }
                }
                flip(&file, entry.offset);
            }
        }
    }
    assert!(skips > 10, "{skips} answers skipped something");
}

#[test]
fn every_question_across_metrics_can_skip() {
    let (sample, db) = Sample::new();
    let found = db.create_resources(&[
        NewResource::named("generic", "one", None).unwrap().user("u").metric("load", ResourceMetric::under("p")),
        NewResource::named("generic", "two", None).unwrap().user("v").metric("load", ResourceMetric::under("p")),
    ]);
    let keys: Vec<MetricKey> = found.unwrap().iter().map(|resource| resource.metrics["load"].key).collect();
    for time in 0..300 {
        for key in &keys {
            db.push(*key, at(time), 1.0).unwrap();
        }
    }
    db.checkpoint().unwrap();
    db.close().unwrap();
    let file = sample.files("level0").pop().unwrap();
    let of_one = |entry: &Entry| (entry.metric, entry.granularity) == (keys[0].get(), 10);
    let damaged = entries(&file, Kind::Level0).into_iter().find(of_one).unwrap();
    flip(&file, damaged.offset);
    let db = sample.open();

    let sum = |skip| {
        Aggregates::new("(aggregate sum (metric load count))".parse().unwrap()).granularity(span(10)).skip_damaged(skip)
    };
    let of = |question| ResourceAggregates::new(question, ResourceSearch::generic()).group_by("user_id");
    assert!(matches!(db.aggregates_of_resources(&of(sum(false)), None), Err(Error::Corrupt(_))));
    let groups = db.aggregates_of_resources(&of(sum(true)), None).unwrap();
    assert_eq!((groups[0].skipped.len(), groups[1].skipped.len()), (1, 0), "only who misses something is told");
    assert_eq!(groups[0].skipped[0].span, Some((damaged.first, damaged.last)));
    let lengths = [0, 1].map(|i: usize| groups[i].series[0].columns.len());
    assert_eq!(lengths[0] as u32 + damaged.rows, lengths[1] as u32);

    let older = |skip_damaged| Reaggregation {
        metrics: vec!["load".to_owned()],
        method: AggregationMethod::COUNT,
        reaggregation: Some(AggregationMethod::SUM.into()),
        resample: None,
        options: EvaluateOptions { fill: Some(Fill::DropNan), ..EvaluateOptions::default() },
        skip_damaged,
    };
    let generic = ResourceSearch::generic();
    let ask = |question: &Reaggregation| db.reaggregate_resources(question, &generic, &[], &[span(10)], None);
    assert!(matches!(ask(&older(false)), Err(Error::Corrupt(_))));
    let answer = ask(&older(true)).unwrap().remove(0);
    assert_eq!((answer.skipped.len(), answer.series[0].columns.len()), (1, lengths[1]));
    let by_id = |key: MetricKey| db.metric_by_key(key).unwrap().id.to_string();
    let metrics = keys.iter().map(|key| by_id(*key)).collect();
    let named = Reaggregation { metrics, ..older(true) };
    assert_eq!(db.reaggregate(&named, &[span(10)]).unwrap(), answer);

    let above = Predicate::from_json(&serde_json::json!({">": 0})).unwrap();
    let question = query(keys[0], 10, AggregationMethod::COUNT);
    assert!(matches!(db.search_values(&question, &above), Err(Error::Corrupt(_))));
    let values = db.search_values_skipping_damage(&question, &above).unwrap();
    assert_eq!((values.columns[0].len(), values.skipped), (lengths[0], answer.skipped));
}
