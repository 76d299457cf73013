//! Operations across the metrics of a database: fetched by id, name and pattern, at one granularity or all, sealed and open.

use gnocchetti::ops::{EvaluateOptions, Fill, OutputLabel, Predicate, Reaggregation};
use gnocchetti::{
    Aggregates, AggregationMethod, ArchivePolicy, Database, Definition, Error, Metric, NewMetric, Options, Query,
    Sampling, Timespan, Timestamp,
};

const MINUTE: i64 = 60_000_000_000;

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos).unwrap()
}

/// Three metrics with a measure each half minute for three hours, of 1, 2 and 3 times the minute's number; the third
/// misses every second minute. Half of it sealed and merged.
fn fleet(directory: &tempfile::TempDir) -> (Database, Vec<Metric>) {
    let db = Database::open(directory.path().join("db"), Options::new().background(false).max_future(None)).unwrap();
    let policy = ArchivePolicy::builder("p")
        .definition(Definition::unlimited(Timespan::MINUTE))
        .definition(Definition::unlimited(Timespan::HOUR))
        .build()
        .unwrap();
    db.create_archive_policy(&policy).unwrap();
    let new = ["cpu.0", "cpu.1", "disk"].map(|name| NewMetric::named(name).archive_policy("p"));
    let metrics = db.create_metrics(&new).unwrap();
    let mut batch = db.batch();
    for half in 0..360 {
        let minute = half / 2;
        for (i, metric) in metrics.iter().enumerate() {
            if i < 2 || minute % 2 == 0 {
                batch.add(metric.key, at(half * MINUTE / 2), (minute * (i as i64 + 1)) as f64);
            }
        }
        if half == 200 {
            batch.commit().unwrap();
            db.maintain().unwrap();
        }
    }
    batch.commit().unwrap();
    (db, metrics)
}

fn minutes(text: &str) -> Aggregates {
    Aggregates::new(text.parse().unwrap()).granularity(Timespan::MINUTE)
}

#[test]
fn metrics_are_named_by_id_by_name_and_by_pattern() {
    let directory = tempfile::tempdir().unwrap();
    let (db, metrics) = fleet(&directory);
    let by_id = format!("(aggregate sum (metric ({} mean) ({} mean)))", metrics[0].id, metrics[1].id);
    for text in
        [by_id.as_str(), "(aggregate sum (metric (cpu.0 mean) (cpu.1 mean)))", "(aggregate sum (metric cpu.* mean))"]
    {
        let answer = db.aggregates(&minutes(text)).unwrap();
        assert_eq!(answer.series.len(), 1, "{text}");
        let series = &answer.series[0];
        assert_eq!(
            (&series.label, series.granularity),
            (&OutputLabel::Aggregated, Sampling::Timespan(Timespan::MINUTE))
        );
        let expected: Vec<(i64, f64)> = (0..180).map(|minute| (minute * MINUTE, (minute * 3) as f64)).collect();
        assert_eq!(series.columns.iter().collect::<Vec<_>>(), expected, "{text}");
    }
}

#[test]
fn holes_are_dropped_filled_or_refused_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let (db, _) = fleet(&directory);
    let text = "(aggregate count (metric (cpu.0 mean) (disk mean)))";
    let points = |question: &Aggregates| db.aggregates(question).map(|answer| answer.series[0].columns.clone());
    let dropped = points(&minutes(text)).unwrap();
    assert_eq!((dropped.len(), dropped.values[0], dropped.values[1]), (180, 2.0, 1.0));
    let filled = points(&minutes(text).fill(Fill::Number(0.0))).unwrap();
    assert_eq!((filled.len(), filled.values[1]), (180, 2.0));
    assert!(matches!(points(&minutes(text).needed_overlap(80.0)), Err(Error::Unaggregable { .. })));
    assert_eq!(points(&minutes(text).needed_overlap(50.0)).unwrap().len(), 179);
}

#[test]
fn without_a_granularity_all_that_are_shared_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let (db, _) = fleet(&directory);
    let question =
        Aggregates::new("(* 2 (metric cpu.1 max))".parse().unwrap()).from(at(60 * MINUTE)).to(at(120 * MINUTE));
    let answer = db.aggregates(&question).unwrap();
    let shape: Vec<(Sampling, usize)> = answer.series.iter().map(|s| (s.granularity, s.columns.len())).collect();
    assert_eq!(shape, [(Sampling::Timespan(Timespan::HOUR), 1), (Sampling::Timespan(Timespan::MINUTE), 60)]);
    assert_eq!(answer.series[0].columns.values, [476.0]);
    assert_eq!(answer.series[1].columns.iter().next(), Some((60 * MINUTE, 240.0)));
}

#[test]
fn the_older_question_gives_the_same_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let (db, _) = fleet(&directory);
    let question = Reaggregation {
        metrics: vec!["cpu.0".into(), "cpu.1".into()],
        method: AggregationMethod::MEAN,
        reaggregation: Some("max".parse().unwrap()),
        resample: None,
        options: EvaluateOptions::default(),
        skip_damaged: false,
    };
    let old = db.reaggregate(&question, &[Timespan::HOUR]).unwrap();
    let new = Aggregates::new("(aggregate max (metric (cpu.0 mean) (cpu.1 mean)))".parse().unwrap());
    let new = db.aggregates(&new.granularity(Timespan::HOUR)).unwrap();
    assert_eq!(old.series[0].columns, new.series[0].columns);
}

#[test]
fn values_are_searched_with_arithmetic() {
    let directory = tempfile::tempdir().unwrap();
    let (db, metrics) = fleet(&directory);
    let predicate = Predicate::from_json(&serde_json::json!({"and": [{">=": [{"*": 2}, 300]}, {"<": 152}]})).unwrap();
    let query = Query::new(metrics[0].key).granularity(Timespan::MINUTE);
    assert_eq!(db.search_values(&query, &predicate).unwrap().values, [150.0, 151.0]);
}

#[test]
fn what_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (db, metrics) = fleet(&directory);
    let refused = |question: Aggregates| db.aggregates(&question).unwrap_err();
    assert!(matches!(refused(minutes("(metric nobody mean)")), Error::UnknownMetric { metric } if metric == "nobody"));
    assert!(matches!(refused(minutes("(metric net.* mean)")), Error::UnknownMetric { metric } if metric == "net.*"));
    let Error::UnknownReferenceMethod { metric, method } = refused(minutes("(metric disk median)")) else { panic!() };
    assert_eq!((metric, method), (metrics[2].id.to_string(), "median".to_owned()));
    let days = Aggregates::new("(metric disk mean)".parse().unwrap()).granularity(Timespan::DAY);
    assert!(matches!(refused(days), Error::UnknownGranularity { .. }));
}
