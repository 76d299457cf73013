use std::collections::BTreeMap;

use proptest::prelude::*;

use super::interval::{Interval, Unfit};
use super::line::{Change, Line, Refused, Samples, Timing, lines, parse};
use crate::Timestamp;

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos).unwrap()
}

#[test]
fn a_line_has_a_name_values_a_type_a_rate_and_tags() {
    let line = parse("web.hits:2|c|@0.5|#host:a,up,host:b:c").unwrap();
    assert_eq!((line.name.as_str(), line.rate), ("web.hits", 0.5));
    assert_eq!(line.samples, Samples::Counts(vec![2.0]));
    let tags: Vec<(&str, Vec<&str>)> =
        line.tags.iter().map(|(key, values)| (key.as_str(), values.iter().map(String::as_str).collect())).collect();
    assert_eq!(tags, [("host", vec!["a", "b:c"]), ("up", vec![""])]);
    let samples = |text: &str| parse(text).unwrap().samples;
    assert_eq!(samples("x:-1.5e3:2|c"), Samples::Counts(vec![-1500.0, 2.0]));
    assert_eq!(samples("x:4:+2:-1|g"), Samples::Gauge(vec![Change::To(4.0), Change::By(2.0), Change::By(-1.0)]));
    assert_eq!(samples("x:320:7|ms|@0.1"), Samples::Timings(Timing::Milliseconds, vec![320.0, 7.0]));
    assert_eq!(samples("x:1|h"), Samples::Timings(Timing::Histogram, vec![1.0]));
    assert_eq!(samples("x:1|d"), Samples::Timings(Timing::Distribution, vec![1.0]));
    assert_eq!(samples("x:2001:db8::1|s"), Samples::Member("2001:db8::1".to_owned()));
}

#[test]
fn what_is_no_line_is_refused_for_a_reason() {
    for (text, reason) in [
        ("", "form"),
        ("x", "form"),
        ("x:1", "form"),
        (":1|c", "form"),
        ("a|b:1|c", "form"),
        ("x:1|c|@0.5|@0.5", "form"),
        ("x:1|c|#:v", "form"),
        ("x:|c", "value"),
        ("x:nan|g", "value"),
        ("x:inf|g", "value"),
        ("x:1e999|g", "value"),
        ("x:+-1|g", "value"),
        ("x:1:|ms", "value"),
        ("x:1|", "type"),
        ("x:1|q", "type"),
        ("x:1|c:2|c", "extension"),
        ("x:1|c|@0", "rate"),
        ("x:1|c|@2", "rate"),
        ("x:1|c|@x", "rate"),
        ("x:+1|g|@0.5", "rate"),
        ("_e{1,1}:a|b", "event"),
        ("_sc|name|0", "event"),
        ("x:1|c|T1656581400", "extension"),
        ("x:1|c|c:ci-1", "extension"),
        ("x:1|c|", "extension"),
    ] {
        assert_eq!(parse(text).map_err(Refused::name), Err(reason), "{text}");
    }
}

#[test]
fn a_datagram_has_lines_and_one_that_is_no_text_does_not_spoil_the_others() {
    let found: Vec<_> = lines(b"a:1|c\r\n\n\xff:1|c\nb:2|c").collect();
    assert_eq!(found, [Ok("a:1|c"), Err(Refused::Text), Ok("b:2|c")]);
    assert_eq!(lines(b"\n").count(), 0);
}

/// What an interval makes of lines, each of which came at its time: metric, time and value.
fn measures(interval: &mut Interval, at_end: bool) -> Vec<(String, i64, f64)> {
    let incoming = interval.measures("r", at_end);
    incoming.shown().map(|(_, metric, time, value)| (metric.to_owned(), time, value)).collect()
}

fn take_all(interval: &mut Interval, told: &[(&str, i64)]) {
    for (line, time) in told {
        interval.take(&parse(line).unwrap(), at(*time)).unwrap();
    }
}

fn made(expected: &[(&str, i64, f64)]) -> Vec<(String, i64, f64)> {
    expected.iter().map(|(metric, time, value)| ((*metric).to_owned(), *time, *value)).collect()
}

#[test]
fn an_interval_adds_replaces_collects_and_counts() {
    let mut interval = Interval::default();
    take_all(
        &mut interval,
        &[
            ("hits:1|c", 10),
            ("hits:2:3|c|@0.1", 20),
            ("hits:1|c|#code:200,path:/a", 30),
            ("load:4|g", 40),
            ("load:-1|g", 50),
            ("new:+2|g", 60),
            ("took:5:6|ms", 70),
            ("took:5|ms", 70),
            ("who:alice|s", 80),
            ("who:bob|s", 90),
            ("who:alice|s", 100),
        ],
    );
    let expected = [
        ("hits|c", 20, 51.0),
        ("hits|c@code=200,path=%2Fa", 30, 1.0),
        ("load|g", 50, 3.0),
        ("new|g", 60, 2.0),
        ("took|ms", 70, 5.0),
        ("took|ms", 71, 6.0),
        ("took|ms", 72, 5.0),
        ("who|s", 100, 2.0),
    ];
    assert_eq!(measures(&mut interval, true), made(&expected));
    // Counters and sets begin anew, gauges are as they were, and what nobody said again is no measure.
    assert!(measures(&mut interval, true).is_empty());
    take_all(&mut interval, &[("hits:1|c", 200), ("load:+1|g", 210), ("who:bob|s", 220)]);
    let expected = [("hits|c", 200, 1.0), ("load|g", 210, 4.0), ("who|s", 220, 1.0)];
    assert_eq!(measures(&mut interval, true), made(&expected));
}

#[test]
fn no_two_values_are_of_one_time_even_when_the_clock_goes_back() {
    let mut interval = Interval::default();
    take_all(&mut interval, &[("x:1:2|ms", 100), ("x:3|ms", 100), ("x:4|ms", 50)]);
    let times: Vec<i64> = measures(&mut interval, true).into_iter().map(|(_, time, _)| time).collect();
    assert_eq!(times, [100, 101, 102, 103]);
    take_all(&mut interval, &[("x:5|ms", 60), ("y:1|c", 0)]);
    assert_eq!(measures(&mut interval, true), made(&[("x|ms", 104, 5.0), ("y|c", 105, 1.0)]));
}

#[test]
fn many_timings_are_pushed_early_and_too_many_are_refused() {
    let mut interval = Interval::default();
    let line = parse(&format!("x:{}|ms", vec!["1"; 9_999].join(":"))).unwrap();
    interval.take(&line, at(1)).unwrap();
    assert!(!interval.has_many());
    take_all(&mut interval, &[("x:1|ms", 1), ("y:1|c", 1)]);
    assert!(interval.has_many());
    assert_eq!(measures(&mut interval, false).len(), 10_000);
    assert!(!interval.has_many());
    assert_eq!(measures(&mut interval, true).len(), 1);
    for _ in 0..10 {
        interval.take(&line, at(1)).unwrap();
    }
    assert_eq!(interval.take(&line, at(1)), Err(Unfit::Full));
}

#[test]
fn metrics_that_wait_are_bounded_and_no_gauge_is_forgotten() {
    let mut interval = Interval::default();
    let mut take = |line: &str, time| interval.take(&parse(line).unwrap(), at(time));
    for number in 0..100_000 {
        take(&format!("g{number}:1|g"), 1).unwrap();
    }
    assert_eq!(take("one-more:1|g", 1), Err(Unfit::Gauges));
    for number in 0..100_000 {
        take(&format!("c{number}:1|c"), 1).unwrap();
    }
    for line in ["one-more:1|c", "one-more:1|ms", "one-more:1|s"] {
        assert_eq!(take(line, 1), Err(Unfit::Full), "{line}");
    }
    take("c7:1|c", 2).unwrap();
    assert_eq!(measures(&mut interval, true).len(), 200_000);
    // Only gauges last: others begin anew with the interval.
    take_all(&mut interval, &[("g7:+1|g", 3), ("one-more:1|c", 4)]);
    measures(&mut interval, true);
    take_all(&mut interval, &[("g7:+1|g", 5), ("g8:+1|g", 6)]);
    assert_eq!(interval.take(&parse("one-more:1|g").unwrap(), at(7)), Err(Unfit::Gauges));
    let values: BTreeMap<String, f64> =
        measures(&mut interval, true).into_iter().map(|(metric, _, value)| (metric, value)).collect();
    assert_eq!(values, BTreeMap::from([("g7|g".into(), 3.0), ("g8|g".into(), 2.0)]));
}

#[test]
fn what_is_greater_than_numbers_are_is_refused_and_changes_nothing() {
    let mut interval = Interval::default();
    take_all(&mut interval, &[("c:1e308|c", 1), ("g:1e308|g", 2), ("n:-1e308|g", 3)]);
    for line in [
        "c:1e308|c",
        "c:1:1e308|c",
        "d:1|c|@1e-309",
        "d:1e308:1e308|c",
        "g:+1e308|g",
        "n:-1e308|g",
        "n:5:-1e308:-1e308|g",
    ] {
        assert_eq!(interval.take(&parse(line).unwrap(), at(4)), Err(Unfit::Overflow), "{line}");
    }
    take_all(&mut interval, &[("c:-1e308|c", 5), ("n:+1e308:1|g", 6)]);
    let expected = [("c|c", 5, 0.0), ("g|g", 2, 1e308), ("n|g", 6, 1.0)];
    let mut found = measures(&mut interval, true);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(found, made(&expected));
}

fn value() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |value| value.is_finite())
}

fn samples() -> impl Strategy<Value = (Samples, f64)> {
    let values = || prop::collection::vec(value(), 1..4);
    let change = prop_oneof![value().prop_map(|v| Change::To(v.abs())), value().prop_map(Change::By)];
    let timing = prop_oneof![Just(Timing::Milliseconds), Just(Timing::Histogram), Just(Timing::Distribution)];
    prop_oneof![
        (values(), 1e-9..=1.0).prop_map(|(values, rate)| (Samples::Counts(values), rate)),
        (timing, values(), 1e-9..=1.0).prop_map(|(timing, values, rate)| (Samples::Timings(timing, values), rate)),
        prop::collection::vec(change, 1..4).prop_map(|changes| (Samples::Gauge(changes), 1.0)),
        "[a-z0-9:#@, é]{0,6}".prop_map(|member| (Samples::Member(member), 1.0)),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(
        name in "m[a-z0-9.#@,= é]{0,8}",
        (samples, rate) in samples(),
        tags in prop::collection::btree_map(
            "[a-z.=@#é]{1,4}", prop::collection::btree_set("[a-z:=@#/é]{0,4}", 1..3), 0..3,
        ),
    ) {
        let line = Line { name, samples, rate, tags };
        prop_assert_eq!(parse(&line.to_string()), Ok(line));
    }

    #[test]
    fn any_datagram_is_taken_or_refused(datagram in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        "([a-c]{0,2}:?[-+0-9.e:]{0,4}\\|?(c|g|ms|h|d|s|x)\\|?[@#]?[a-b0-9:.,]{0,5}[\n|]?){0,4}".prop_map(String::into_bytes),
    ]) {
        let mut interval = Interval::default();
        for line in lines(&datagram).flatten() {
            if let Ok(line) = parse(line) {
                prop_assert_eq!(parse(&line.to_string()), Ok(line.clone()));
                prop_assert_eq!(interval.take(&line, at(1)), Ok(()));
            }
        }
        interval.measures("r", true);
    }
}
