//! The line protocol, by examples and against its own printing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::database_of;
use super::line::{Field, Line, Refused, parse};

fn one(text: &str) -> Line {
    let lines = parse(text).unwrap();
    assert_eq!(lines.len(), 1, "{text}");
    lines.into_iter().next().unwrap()
}

fn refused(text: &str) -> (usize, &'static str) {
    let Refused { line, expected } = parse(text).unwrap_err();
    (line, expected)
}

#[test]
fn a_line_has_a_measurement_tags_fields_and_a_time() {
    let line = one("cpu,host=web-1,core=0 user=1.5,system=2i,up=t,name=\"a b\",n=7u 1510581804179554816");
    assert_eq!(line.measurement, "cpu");
    assert_eq!(line.tags, BTreeMap::from([("core".into(), "0".into()), ("host".into(), "web-1".into())]));
    let fields: Vec<(&str, Option<f64>)> = line.fields.iter().map(|(key, value)| (&**key, value.number())).collect();
    let expected = [("user", Some(1.5)), ("system", Some(2.0)), ("up", Some(1.0)), ("name", None), ("n", Some(7.0))];
    assert_eq!(fields, expected);
    assert_eq!(line.timestamp, Some(1_510_581_804_179_554_816));
    assert_eq!(one("m f=-1e-3").timestamp, None);
}

#[test]
fn a_backslash_takes_what_would_end_a_name() {
    let line = one(r#"my\ mea\,s=ure,t\=k=v\ 1\,2 f\ 1="a \"b\" \\ c\d" 5"#);
    assert_eq!(line.measurement, "my mea,s=ure");
    assert_eq!(line.tags, BTreeMap::from([("t=k".into(), "v 1,2".into())]));
    assert_eq!(line.fields, [("f 1".into(), Field::Text(r#"a "b" \ c\d"#.into()))]);
    assert_eq!(one(r"C:\temp,p=D:\x free=1").tags["p"], r"D:\x");
}

#[test]
fn comments_empty_lines_and_ends_of_lines() {
    let text = "# first\n\r\n  \na x=1\r\n  b,t=u x=2 7 \n#last";
    let names: Vec<String> = parse(text).unwrap().into_iter().map(|line| line.measurement).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(parse("").unwrap(), []);
    let over_lines = parse("a s=\"one\ntwo\",x=1\nb x=2").unwrap();
    assert_eq!(over_lines[0].fields[0].1, Field::Text("one\ntwo".into()));
}

#[test]
fn what_is_no_line_is_refused_with_its_number() {
    assert_eq!(refused("a x=1\n\nb"), (3, "a blank and fields"));
    assert_eq!(refused("a s=\"1\n2\"\nb"), (3, "a blank and fields"));
    assert_eq!(refused(",t=u x=1"), (1, "a measurement"));
    assert_eq!(refused("a,t x=1").1, "a tag: its key, `=` and its value");
    assert_eq!(refused("a,t= x=1").1, "the value of a tag");
    assert_eq!(refused("a,t=u,t=v x=1").1, "each tag once");
    assert_eq!(refused("a x=").1, "a number, a boolean, or a text in quotes");
    for none in ["nan", "inf", "1e999", "0x10", "1.5i", "-1u", "9223372036854775808i", "yes", "1 1"] {
        assert!(parse(&format!("a x={none} x")).is_err(), "{none}");
    }
    assert_eq!(refused("a x=\"open").1, "a closing `\"`");
    assert_eq!(refused("a x=1 soon").1, "a timestamp: a whole number");
    assert_eq!(refused("a x=1 5 6").1, "the end of the line");
    assert_eq!(refused("a x=\"t\"5").1, "a comma, a blank, or the end of the line");
}

#[test]
fn databases_are_created_by_query() {
    for query in ["create database influxdbtest", "CREATE  DATABASE \"influxdbtest\";", "Create Database influxdbtest;"]
    {
        assert_eq!(database_of(query).as_deref(), Some("influxdbtest"), "{query}");
    }
    assert_eq!(database_of(r#"create database "a \"b\"""#).as_deref(), Some(r#"a "b""#));
    assert_eq!(database_of("CREATE DATABASE metrics WITH DURATION 30d").as_deref(), Some("metrics"));
    for other in
        ["select metrics plz", "create database", "createdatabase x", "create database a b", "create database 1a"]
    {
        assert_eq!(database_of(other), None, "{other}");
    }
}

fn printed(lines: &[Line]) -> String {
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What a line can say: no name ends in a backslash, or spans lines.
fn name() -> impl Strategy<Value = String> {
    r#"[a-z ,="\\é#]{0,6}[a-z,=é]"#
}

fn value() -> impl Strategy<Value = Field> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Field::Float),
        any::<i64>().prop_map(Field::Integer),
        any::<u64>().prop_map(Field::Unsigned),
        any::<bool>().prop_map(Field::Flag),
        "[a-z\\\\\" ,=\n]{0,8}".prop_map(Field::Text),
    ]
}

fn some_line() -> impl Strategy<Value = Line> {
    let tags = prop::collection::btree_map(name(), name(), 0..3);
    let fields = prop::collection::vec((name(), value()), 1..4);
    (name(), tags, fields, any::<Option<i64>>()).prop_map(|(name, tags, fields, timestamp)| {
        let measurement = format!("m{name}");
        Line { measurement, tags, fields, timestamp }
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(lines in prop::collection::vec(some_line(), 0..4)) {
        prop_assert_eq!(parse(&printed(&lines)), Ok(lines));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-c,= \\\\\"\n\r0-9.eiut#]{0,40}") {
        if let Ok(lines) = parse(&text) {
            prop_assert_eq!(parse(&printed(&lines)), Ok(lines));
        }
    }
}
