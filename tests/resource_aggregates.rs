//! Operations across the metrics of resources: together, in groups, in groups as they were over time, and by the older call.

use gnocchetti::ops::{EvaluateOptions, Fill, OutputLabel, Reaggregation};
use gnocchetti::{
    Aggregated, Aggregates, AggregationMethod, ArchivePolicy, Attribute, AttributeValue, Database, Definition, Error,
    Filter, NewMetric, NewResource, Options, Resource, ResourceAggregates, ResourceMetric, ResourceSearch,
    ResourceType, ResourceUpdate, Sampling, Timespan, Timestamp,
};

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
/// 2020-03-10T00:00:00Z.
const DAY: i64 = 1_583_798_400_000_000_000;

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos).unwrap()
}

/// A time of that day.
fn clock(hour: i64, minute: i64) -> Timestamp {
    at(DAY + hour * HOUR + minute * MINUTE)
}

fn open(directory: &tempfile::TempDir) -> Database {
    let db = Database::open(directory.path().join("db"), Options::new().background(false)).unwrap();
    let policy = ArchivePolicy::builder("p")
        .definition(Definition::unlimited(Timespan::MINUTE))
        .definition(Definition::unlimited(Timespan::HOUR))
        .build()
        .unwrap();
    db.create_archive_policy(&policy).unwrap();
    let instance = ResourceType::new("instance")
        .attribute("host", Attribute::string())
        .attribute("flavor", Attribute::string().optional());
    db.create_resource_type(&instance).unwrap();
    db
}

/// An instance with metrics of these names, each with a measure of its value every ten minutes from 8:00 until 14:00.
fn instance(db: &Database, name: &str, host: &str, flavor: Option<&str>, metrics: &[(&str, f64)]) -> Resource {
    let mut new = NewResource::named("instance", name, Some("agent:cloud")).unwrap().as_of(clock(9, 0));
    new = new.project(format!("project-{host}")).attribute("host", host).attribute("flavor", flavor);
    for (metric, _) in metrics {
        new = new.metric(*metric, ResourceMetric::under("p"));
    }
    let created = db.create_resources(&[new]).unwrap().remove(0);
    let mut batch = db.batch();
    for (metric, value) in metrics {
        for tick in 0..36 {
            batch.add(created.metrics[*metric].key, at(DAY + 8 * HOUR + tick * 10 * MINUTE), *value);
        }
    }
    batch.commit().unwrap();
    created
}

fn change(db: &Database, resource: &Resource, hour: i64, minute: i64, attribute: &str, value: &str) {
    let update = ResourceUpdate::new().attribute(attribute, value).as_of(clock(hour, minute));
    db.update_resource(resource.id, &update, None).unwrap();
}

fn hourly(text: &str) -> Aggregates {
    Aggregates::new(text.parse().unwrap()).granularity(Timespan::HOUR)
}

fn of_instances(aggregates: Aggregates) -> ResourceAggregates {
    ResourceAggregates::new(aggregates, ResourceSearch::of("instance"))
}

/// Hour and value of each point.
type Points = [(i64, f64)];

/// Values of the group, and its points.
type Shown = (Vec<String>, Vec<(i64, f64)>);

/// Values of each group, and the points of its only series.
fn shown(answers: &[Aggregated]) -> Vec<Shown> {
    let one = |answer: &Aggregated| {
        assert_eq!(answer.series.len(), 1, "{answer:?}");
        let points = answer.series[0].columns.iter().map(|(time, value)| ((time - DAY) / HOUR, value)).collect();
        (answer.group.iter().map(|(_, value)| value.to_string()).collect(), points)
    };
    answers.iter().map(one).collect()
}

fn hours(from: i64, to: i64, value: f64) -> Vec<(i64, f64)> {
    (from..to).map(|hour| (hour, value)).collect()
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn metrics_of_resources_are_named_as_within_them() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    instance(&db, "a", "h1", None, &[("cpu.user", 10.0), ("cpu.system", 2.0), ("disk", 7.0)]);
    instance(&db, "b", "h2", None, &[("cpu.user", 30.0)]);
    db.create_metric(NewMetric::named("cpu.user").archive_policy("p")).unwrap();
    let ask = |text: &str| db.aggregates_of_resources(&of_instances(hourly(text)), None);
    for (text, value) in [
        ("(aggregate sum (metric cpu.user mean))", 40.0),
        ("(aggregate sum (metric cpu.* mean))", 42.0),
        ("(aggregate count (metric (cpu.* mean) (*sk mean)))", 4.0),
        ("(aggregate sum (metric (disk mean) (nothing mean)))", 7.0),
    ] {
        assert_eq!(shown(&ask(text).unwrap()), [(vec![], hours(8, 14, value))], "{text}");
    }
    let each = ask("(metric cpu.* mean)").unwrap().remove(0);
    let labels: Vec<(Option<String>, String)> = each
        .series
        .iter()
        .map(|series| match &series.label {
            OutputLabel::Metric(label) => (label.resource.clone(), label.metric.clone()),
            OutputLabel::Aggregated => panic!("{series:?}"),
        })
        .collect();
    let id = |name: &str| Some(db.resource_by_original_id(name, Some("agent:cloud"), None).unwrap().id.to_string());
    let expected = [(id("a"), "cpu.system"), (id("a"), "cpu.user"), (id("b"), "cpu.user")];
    assert_eq!(labels, expected.map(|(id, name)| (id, name.to_owned())));
    let Err(Error::UnknownMetric { metric }) = ask("(metric (net.* mean) (abc mean))") else { panic!() };
    assert_eq!(metric, "abc`, `net.*");
}

#[test]
fn without_a_granularity_all_that_are_shared_count() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let hour_only = ArchivePolicy::builder("h").definition(Definition::unlimited(Timespan::HOUR)).build().unwrap();
    db.create_archive_policy(&hour_only).unwrap();
    let day_only = ArchivePolicy::builder("d").definition(Definition::unlimited(Timespan::DAY)).build().unwrap();
    db.create_archive_policy(&day_only).unwrap();
    instance(&db, "a", "h1", None, &[("x", 1.0)]);
    let new = NewResource::named("instance", "b", None).unwrap().attribute("host", "h1");
    db.create_resources(&[new.metric("x", ResourceMetric::under("h"))]).unwrap();
    let question = of_instances(Aggregates::new("(aggregate max (metric x mean))".parse().unwrap()));
    let answers = db.aggregates_of_resources(&question, None).unwrap();
    let granularities: Vec<Sampling> = answers[0].series.iter().map(|series| series.granularity).collect();
    assert_eq!(granularities, [Sampling::Timespan(Timespan::HOUR)]);
    let new = NewResource::named("instance", "c", None).unwrap().attribute("host", "h1");
    db.create_resources(&[new.metric("x", ResourceMetric::under("d"))]).unwrap();
    assert!(matches!(db.aggregates_of_resources(&question, None), Err(Error::Unaggregable { .. })));
}

#[test]
fn groups_come_in_order_and_those_without_such_metrics_are_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    instance(&db, "a", "h2", Some("small"), &[("cpu", 10.0)]);
    instance(&db, "b", "h1", Some("small"), &[("cpu", 20.0)]);
    instance(&db, "c", "h2", Some("large"), &[("cpu", 40.0)]);
    instance(&db, "d", "h2", Some("small"), &[("cpu", 30.0)]);
    instance(&db, "e", "h3", None, &[("disk", 1.0)]);
    instance(&db, "f", "h1", None, &[("cpu", 5.0)]);
    let mean = || of_instances(hourly("(aggregate mean (metric cpu mean))").details(true));
    let by_host = db.aggregates_of_resources(&mean().group_by("host"), None).unwrap();
    let expected = [(texts(&["h1"]), hours(8, 14, 12.5)), (texts(&["h2"]), hours(8, 14, 80.0 / 3.0))];
    assert_eq!(shown(&by_host), expected);
    let names: Vec<&str> = by_host[1].resources.iter().map(|resource| resource.original_id.as_str()).collect();
    assert_eq!(names, ["a", "c", "d"]);

    let both = mean().group_by("host").group_by("flavor").group_by("host");
    let groups = db.aggregates_of_resources(&both, None).unwrap();
    let named: Vec<&str> = groups[0].group.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(named, ["flavor", "host"]);
    let values: Vec<Vec<String>> = shown(&groups).into_iter().map(|(group, _)| group).collect();
    let expected = [["null", "h1"], ["large", "h2"], ["small", "h1"], ["small", "h2"]];
    assert_eq!(values, expected.map(|values| texts(&values)));

    let mine = Filter::eq("project_id", "project-h1");
    let seen = db.aggregates_of_resources(&mean().group_by("host"), Some(&mine)).unwrap();
    assert_eq!(shown(&seen), [(texts(&["h1"]), hours(8, 14, 12.5))]);
    let unknown = db.aggregates_of_resources(&mean().group_by("unit"), None);
    assert!(matches!(unknown, Err(Error::UnknownAttribute { attribute, .. }) if attribute == "unit"));
    let nobody = of_instances(hourly("(metric nobody mean)")).group_by("host");
    assert!(matches!(db.aggregates_of_resources(&nobody, None), Err(Error::UnknownMetric { .. })));
}

/// The worked scenarios of one instance whose flavor changes, as Gnocchi's users know them: an hour in which it had a
/// flavor for a part of the time counts for that part.
#[test]
fn a_state_counts_for_the_part_of_the_time_that_it_lasted() {
    type Changes = &'static [(i64, i64, &'static str)];
    type Expected = &'static [(&'static str, &'static Points)];
    let scenarios: [(Changes, Expected); 3] = [
        (
            &[(10, 30, "2gb"), (11, 30, "1gb")],
            &[("1gb", &[(10, 50.0), (11, 50.0)]), ("2gb", &[(10, 50.0), (11, 50.0)])],
        ),
        (&[(10, 30, "2gb"), (10, 45, "1gb")], &[("1gb", &[(10, 75.0), (11, 100.0)]), ("2gb", &[(10, 25.0)])]),
        (
            &[(10, 15, "2gb"), (10, 30, "3gb"), (10, 45, "2gb"), (11, 0, "1gb")],
            &[("1gb", &[(10, 25.0), (11, 100.0)]), ("2gb", &[(10, 50.0)]), ("3gb", &[(10, 25.0)])],
        ),
    ];
    for (changes, expected) in scenarios {
        let directory = tempfile::tempdir().unwrap();
        let db = open(&directory);
        let vm = instance(&db, "vm", "h1", Some("1gb"), &[("cpu", 100.0)]);
        for (hour, minute, flavor) in changes {
            change(&db, &vm, *hour, *minute, "flavor", flavor);
        }
        let question = hourly("(aggregate mean (metric cpu mean))").from(clock(10, 0)).to(clock(12, 0));
        let question = of_instances(question).group_by("flavor").use_history(true);
        let expected: Vec<_> = expected.iter().map(|(flavor, points)| (texts(&[flavor]), points.to_vec())).collect();
        assert_eq!(shown(&db.aggregates_of_resources(&question, None).unwrap()), expected, "{changes:?}");
    }
}

#[test]
fn groups_are_those_that_resources_were_in_at_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let moving = instance(&db, "a", "h1", None, &[("cpu", 10.0)]);
    instance(&db, "b", "h1", None, &[("cpu", 30.0)]);
    instance(&db, "c", "h2", None, &[("cpu", 50.0)]);
    change(&db, &moving, 11, 0, "host", "h2");
    let mean = || of_instances(hourly("(aggregate mean (metric cpu mean))").details(true)).group_by("host");
    let now = db.aggregates_of_resources(&mean(), None).unwrap();
    let expected = [(texts(&["h1"]), hours(8, 14, 30.0)), (texts(&["h2"]), hours(8, 14, 30.0))];
    assert_eq!(shown(&now), expected);
    let then = db.aggregates_of_resources(&mean().use_history(true), None).unwrap();
    // Measures from before the creation at 9:00 count for what it was first.
    let first = [hours(8, 11, 20.0), hours(11, 14, 30.0)].concat();
    let second = [hours(8, 11, 50.0), hours(11, 14, 30.0)].concat();
    assert_eq!(shown(&then), [(texts(&["h1"]), first), (texts(&["h2"]), second)]);
    let states: Vec<(&str, bool)> =
        then[0].resources.iter().map(|state| (state.original_id.as_str(), state.revision.is_some())).collect();
    assert_eq!(states, [("a", true), ("b", false)]);
    // A filter leaves states out, not the time that others lasted.
    let on_h2 = ResourceSearch::of("instance").filter(Filter::eq("host", "h2"));
    let on_h2 = ResourceAggregates::new(hourly("(aggregate sum (metric cpu mean))"), on_h2).use_history(true);
    let expected = [hours(8, 11, 50.0), hours(11, 14, 60.0)].concat();
    assert_eq!(shown(&db.aggregates_of_resources(&on_h2, None).unwrap()), [(vec![], expected)]);
}

#[test]
fn differences_at_the_edge_of_a_state_are_those_of_the_resource() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let new = NewResource::named("instance", "vm", None).unwrap().as_of(clock(9, 0)).attribute("host", "h1");
    let vm = db.create_resources(&[new.metric("counter", ResourceMetric::under("p"))]).unwrap().remove(0);
    let mut batch = db.batch();
    for hour in 8..14 {
        // 0, 1, 4, 9, 16, 25 in these hours: differences are 1, 3, 5, 7, 9.
        for tick in 0..6 {
            batch.add(vm.metrics["counter"].key, clock(hour, 10 * tick), ((hour - 8) * (hour - 8)) as f64);
        }
    }
    batch.commit().unwrap();
    change(&db, &vm, 10, 0, "host", "h2");
    change(&db, &vm, 12, 30, "host", "h1");
    let rates = of_instances(hourly("(aggregate sum (rateofchange (metric counter mean)))"));
    let answers = db.aggregates_of_resources(&rates.group_by("host").use_history(true), None).unwrap();
    let expected = [
        (texts(&["h1"]), vec![(9, 1.0), (12, 3.5), (13, 9.0)]),
        (texts(&["h2"]), vec![(10, 3.0), (11, 5.0), (12, 3.5)]),
    ];
    assert_eq!(shown(&answers), expected);
    // Without anything that brings resources together, each result counts for its part.
    let plain = of_instances(hourly("(metric counter mean)").fill(Fill::Null)).group_by("host").use_history(true);
    let answers = db.aggregates_of_resources(&plain, None).unwrap();
    let expected = [
        (texts(&["h1"]), vec![(8, 0.0), (9, 1.0), (12, 8.0), (13, 25.0)]),
        (texts(&["h2"]), vec![(10, 4.0), (11, 9.0), (12, 8.0)]),
    ];
    assert_eq!(shown(&answers), expected);
}

#[test]
fn where_nothing_changed_history_makes_no_difference() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    for (i, host) in ["h1", "h2", "h1", "h3", "h2"].into_iter().enumerate() {
        let metrics = [("used", 10.0 * (i + 1) as f64), ("total", 100.0)];
        instance(&db, &format!("i{i}"), host, Some("f"), &metrics);
    }
    for text in [
        "(aggregate mean (metric used mean))",
        "(* 100 (/ (aggregate sum (metric used mean)) (aggregate sum (metric total mean))))",
        "(aggregate count (> (metric used mean) 25))",
        "(/ (metric used mean) (metric total mean))",
        "(aggregate rate:max (rolling mean 2 (metric used mean)))",
        "(aggregate 95pct (resample sum 7200 (metric used mean)))",
    ] {
        for fill in [None, Some(Fill::Null), Some(Fill::FullForward), Some(Fill::Number(0.0))] {
            let mut aggregates = Aggregates::new(text.parse().unwrap());
            if let Some(fill) = fill {
                aggregates = aggregates.fill(fill);
            }
            let grouped = of_instances(aggregates).group_by("host");
            let plain = db.aggregates_of_resources(&grouped, None).unwrap();
            let history = db.aggregates_of_resources(&grouped.use_history(true), None).unwrap();
            assert_eq!(format!("{plain:?}"), format!("{history:?}"), "{text} {fill:?}");
        }
    }
}

#[test]
fn the_older_call_answers_for_each_group() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    instance(&db, "a", "h1", Some("small"), &[("cpu", 10.0)]);
    instance(&db, "b", "h2", Some("small"), &[("cpu", 20.0)]);
    instance(&db, "c", "h2", Some("small"), &[("cpu", 40.0)]);
    instance(&db, "d", "h3", Some("small"), &[("disk", 40.0)]);
    let question = Reaggregation {
        metrics: vec!["cpu".to_owned()],
        method: AggregationMethod::MEAN,
        reaggregation: Some("max".parse().unwrap()),
        resample: None,
        options: EvaluateOptions::default(),
        skip_damaged: false,
    };
    let all = ResourceSearch::of("instance");
    let ask = |question: &Reaggregation, group_by: &[&str]| {
        db.reaggregate_resources(question, &all, group_by, &[Timespan::HOUR], None)
    };
    assert_eq!(shown(&ask(&question, &[]).unwrap()), [(vec![], hours(8, 14, 40.0))]);
    let mut by_host = ask(&question, &["host", "host"]).unwrap();
    assert_eq!(by_host.pop().unwrap().series, [], "h3 has no such metric");
    assert_eq!(shown(&by_host), [(texts(&["h1"]), hours(8, 14, 10.0)), (texts(&["h2"]), hours(8, 14, 40.0))]);
    assert!(matches!(by_host[0].series[0].label, OutputLabel::Metric(_)), "one metric is not aggregated");
    assert_eq!(by_host[1].series[0].label, OutputLabel::Aggregated);

    let resampled = Reaggregation { resample: Some(Sampling::Timespan(Timespan::DAY)), ..question.clone() };
    let points = shown(&ask(&resampled, &[]).unwrap());
    assert_eq!(points, [(vec![], vec![(0, 40.0)])]);
    let refused = db.reaggregate_resources(&resampled, &all, &[], &[], None);
    assert!(matches!(refused, Err(Error::InvalidQuery { .. })));
    let nothing = Reaggregation { metrics: vec!["nothing".to_owned()], ..question };
    assert_eq!(ask(&nothing, &[]).unwrap(), [Aggregated::default()]);
    assert!(matches!(ask(&nothing, &["unit"]), Err(Error::UnknownAttribute { .. })));
}

#[test]
fn what_happened_is_recorded_as_of_when_it_happened() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory);
    let vm = instance(&db, "vm", "h1", None, &[]);
    assert_eq!((vm.revision_start, vm.started_at), (clock(9, 0), clock(9, 0)));
    change(&db, &vm, 10, 0, "host", "h2");
    let early = ResourceUpdate::new().attribute("host", "h3").as_of(clock(9, 30));
    let Err(Error::InvalidAttributeValue { attribute, .. }) = db.update_resource(vm.id, &early, None) else { panic!() };
    assert_eq!(attribute, "revision_start");
    let now = db.resource(vm.id, None).unwrap();
    assert_eq!((now.revision_start, &now.attributes["host"]), (clock(10, 0), &AttributeValue::from("h2")));
}
