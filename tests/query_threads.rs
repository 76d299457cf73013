//! `Options::query_threads`: however many threads answer a question about many metrics, the answer has the same bits, and an
//! error is the same.

mod support;

use std::path::{Path, PathBuf};

use gnocchetti::internals::fs::RealFs;
use gnocchetti::internals::segment::{Kind, SegmentReader, number_of};
use gnocchetti::{
    Aggregates, Attribute, Database, Error, MetricKey, NewMetric, NewResource, Options, ResourceAggregates,
    ResourceMetric, ResourceSearch, ResourceType,
};
use support::{at, files, options, policy, span};

const METRICS: usize = 150;
const THREADS: [usize; 4] = [1, 2, 7, 0];

/// Metrics of many magnitudes, so that any other order of adding them gives other bits; some points sealed, some not, some
/// metrics with other times than most.
fn sample() -> (tempfile::TempDir, PathBuf, Vec<MetricKey>) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("db");
    let db = Database::open(&root, options()).unwrap();
    let methods = ["mean", "max", "count", "rate:last"];
    db.create_archive_policy(&policy("p", 0, &[(10, None), (60, None)], &methods)).unwrap();
    db.create_archive_policy(&policy("other", 0, &[(60, None)], &["mean"])).unwrap();
    let new = |i: usize| NewMetric::named(format!("m{i:03}")).archive_policy("p");
    let metrics = db.create_metrics(&(0..METRICS).map(new).collect::<Vec<_>>()).unwrap();
    db.create_metric(NewMetric::named("m-other").archive_policy("other")).unwrap();
    for part in 0..2 {
        let mut batch = db.batch();
        for (i, metric) in metrics.iter().enumerate() {
            for time in (part * 600..part * 600 + 600).step_by(if i % 20 == 3 { 15 } else { 5 }) {
                let value = (time as f64 + 0.1).sin() * 10_f64.powi((i % 31) as i32 - 15);
                batch.add(metric.key, at(time), value);
            }
        }
        batch.commit().unwrap();
        if part == 0 {
            db.maintain().unwrap();
        }
    }
    db.create_resource_type(&ResourceType::new("host").attribute("rack", Attribute::string())).unwrap();
    for i in 0..70 {
        let new = NewResource::named("host", &format!("h{i}"), None).unwrap().attribute("rack", format!("r{}", i % 2));
        let created = db.create_resources(&[new.metric("load", ResourceMetric::under("p"))]).unwrap();
        let key = created[0].metrics["load"].key;
        for time in (0..300).step_by(5) {
            db.push(key, at(time), 1.0 / f64::from(i + 1)).unwrap();
        }
    }
    db.close().unwrap();
    (folder, root, metrics.iter().map(|metric| metric.key).collect())
}

fn with(threads: usize) -> Options {
    options().query_threads(threads)
}

const QUESTIONS: [&str; 5] = [
    "(aggregate mean (metric m??? mean))",
    "(aggregate sum (metric (m001 max) (m002 max) (m003 max) (m149 max)))",
    "(aggregate std (rolling mean 3 (metric m??? rate:last)))",
    "(* 2 (metric m??? count))",
    "(aggregate median (metric m??? mean))",
];

/// The answers to all questions, the bits of each value.
fn answers(db: &Database) -> Vec<String> {
    let mut answers = Vec::new();
    let mut note = |series: &[gnocchetti::ops::OutputSeries]| {
        for one in series {
            let bits: Vec<u64> = one.columns.values.iter().map(|value| value.to_bits()).collect();
            answers.push(format!("{:?} {:?} {:?} {bits:?}", one.label, one.granularity, one.columns.timestamps));
        }
    };
    for text in QUESTIONS {
        let question = Aggregates::new(text.parse().unwrap());
        note(&db.aggregates(&question).unwrap().series);
        note(&db.aggregates(&question.granularity(span(60))).unwrap().series);
    }
    let mean = Aggregates::new("(aggregate mean (metric load mean))".parse().unwrap());
    let by_rack = ResourceAggregates::new(mean, ResourceSearch::of("host")).group_by("rack");
    db.aggregates_of_resources(&by_rack, None).unwrap().iter().for_each(|group| note(&group.series));
    answers
}

/// An operator behind `aggregate` has all series brought together first; times one, each value is the same to the bit.
#[test]
fn what_is_added_up_as_it_is_read_is_what_comes_of_all_at_once() {
    let (_folder, root, _) = sample();
    for threads in THREADS {
        let db = Database::open(&root, with(threads)).unwrap();
        let ask = |text: &str| db.aggregates(&Aggregates::new(text.parse().unwrap())).unwrap().series;
        for method in ["mean", "sum", "count", "min", "max", "first", "last"] {
            let of = format!("(aggregate {method} (metric m??? mean))");
            let (one_by_one, at_once) = (ask(&of), ask(&format!("(* 1 {of})")));
            assert_eq!(one_by_one.len(), 2, "one of each granularity");
            for (one, other) in one_by_one.iter().zip(&at_once) {
                assert_eq!((one.granularity, &one.label), (other.granularity, &other.label));
                assert_eq!(one.columns.timestamps, other.columns.timestamps);
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&one.columns.values), bits(&other.columns.values), "{method} by {threads}");
            }
        }
        db.close().unwrap();
    }
}

#[test]
fn answers_have_the_same_bits_however_many_threads_there_are() {
    let (_folder, root, _) = sample();
    let mut expected: Option<Vec<String>> = None;
    for threads in THREADS {
        let db = Database::open(&root, with(threads)).unwrap();
        let writer = answers(&db);
        let reader = answers(&Database::open_read_only(&root, with(threads)).unwrap());
        assert_eq!(writer, reader, "{threads} threads");
        let expected = expected.get_or_insert_with(|| writer.clone());
        assert!(expected.len() > 2 * METRICS);
        assert_eq!(&writer, expected, "{threads} threads");
    }
}

/// Changes a byte of the first chunk of a metric's finer archive.
fn damage(root: &Path, key: MetricKey) {
    for name in files(root).into_iter().filter(|name| name.starts_with("archive/10")) {
        let path = root.join(name);
        let number = number_of(path.file_name().unwrap().to_str().unwrap()).unwrap();
        let reader = SegmentReader::open(&RealFs, &path, Kind::Archive, number).unwrap();
        let mut found = Vec::new();
        reader.find_metric(key.get(), &mut found).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[found[0].offset as usize + 3] ^= 0x40;
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn errors_are_the_same_however_many_threads_there_are() {
    let (_folder, root, keys) = sample();
    for late in [140, 60, 33] {
        damage(&root, keys[late]);
    }
    let mut found = Vec::new();
    for threads in THREADS {
        let db = Database::open(&root, with(threads)).unwrap();
        let ask = |text: &str, granularity| {
            let question = Aggregates::new(text.parse().unwrap()).granularity(span(granularity));
            db.aggregates(&question).unwrap_err()
        };
        let damaged = ask(QUESTIONS[0], 10);
        assert!(matches!(&damaged, Error::Corrupt(at) if at.metric == Some(keys[33].get())), "{damaged}");
        let unknown = ask("(aggregate mean (metric m* max))", 60);
        assert!(matches!(&unknown, Error::UnknownReferenceMethod { .. }), "{unknown}");
        let granularity = ask("(aggregate mean (metric m* mean))", 10);
        assert!(!matches!(&granularity, Error::UnknownReferenceMethod { .. }), "{granularity}");
        found.push((damaged.to_string(), unknown.to_string(), granularity.to_string()));
    }
    found.dedup();
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn more_threads_than_make_sense_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("db");
    let refused = Database::open(&root, with(257)).unwrap_err();
    assert!(matches!(&refused, Error::InvalidOption { option: "query_threads", .. }), "{refused}");
    assert!(!root.exists());
    drop(Database::open(&root, with(256)).unwrap());
    assert!(Database::open_read_only(&root, with(257)).is_err());
}
