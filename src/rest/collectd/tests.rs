use std::collections::BTreeSet;

use proptest::prelude::*;

use super::datagrams::Parts;
use super::list::{Kind, ValueList, parse};
use super::measures;
use super::naming::{self, Identity, resource_type};
use super::network::{self, Refused, Value, Values};
use super::types::Types;
use crate::rest::ingest::Incoming;

const BODY: &str = r#"[
    {"values": [197141504, 18446744073709551615], "dstypes": ["counter", "derive"], "dsnames": ["read", "write"],
     "time": 1251533299.265, "interval": 10.000, "host": "leeloo.lan/x", "plugin": "disk", "plugin_instance": "sda-1",
     "type": "disk_octets", "type_instance": "", "meta": {"a": [1]}},
    {"values": [0.5, null], "dstypes": ["gauge", "gauge"], "dsnames": ["value", "other"], "time": 2, "interval": 1,
     "host": "leeloo.lan/x", "plugin": "df", "type": "percent", "type_instance": "free-a/b"}
]"#;

#[test]
fn values_are_measures_as_they_are() {
    let incoming = measures(&parse(BODY.as_bytes()).unwrap()).unwrap();
    let expected = [
        ("leeloo.lan%2Fx", "df@percent-free-a%2Fb-value", 2_000_000_000, 0.5),
        ("leeloo.lan%2Fx", "disk-sda-1@disk_octets-read", 1_251_533_299_265_000_000, 197_141_504.0),
        ("leeloo.lan%2Fx", "disk-sda-1@disk_octets-write", 1_251_533_299_265_000_000, u64::MAX as f64),
    ];
    assert_eq!(incoming.shown().collect::<Vec<_>>(), expected);
}

#[test]
fn the_type_of_resources_can_be_made() {
    resource_type().check().unwrap();
}

#[test]
fn what_is_no_list_of_values_is_refused_with_its_place() {
    let refused = |from: &str, to: &str| parse(BODY.replacen(from, to, 1).as_bytes()).unwrap_err();
    assert!(refused("[197141504, 18446744073709551615]", "[1]").starts_with("item 0 lacks as many dstypes"));
    assert!(refused("\"value\", \"other\"", "\"a\", \"a\"").starts_with("item 1 lacks a dsname of its own"));
    assert_eq!(refused("\"plugin\": \"df\"", "\"plugin\": \"\""), "item 1 lacks a plugin");
    assert!(refused("\"plugin\": \"df\",", "").contains("missing field `plugin` at line"));
    assert!(refused("\"gauge\"", "\"speed\"").contains("unknown variant `speed`"));
    assert!(refused("197141504", "\"7\"").contains("line 2"));
    assert!(refused("197141504", "1e999").contains("out of range"));
    assert!(parse(b"{}").is_err() && parse(b"[{}]").is_err() && parse("[".repeat(10_000).as_bytes()).is_err());
    let at = |time: f64| {
        let mut lists = parse(BODY.as_bytes()).unwrap();
        lists[0].time = time;
        measures(&lists).is_ok()
    };
    assert!(at(0.0) && !at(-1.0) && !at(1e10));
}

fn part() -> impl Strategy<Value = String> {
    "[a,/@=%-]{1,3}"
}

fn identity() -> impl Strategy<Value = Identity> {
    let instance = || "[a,/@=%-]{0,3}";
    (part(), instance(), part(), instance()).prop_map(|(plugin, plugin_instance, kind, type_instance)| Identity {
        host: "h".to_owned(),
        plugin,
        plugin_instance,
        kind,
        type_instance,
    })
}

fn value_list() -> impl Strategy<Value = ValueList> {
    let kind = prop_oneof![Just(Kind::Gauge), Just(Kind::Counter), Just(Kind::Derive), Just(Kind::Absolute)];
    let value = any::<Option<f64>>().prop_map(|value| value.filter(|value| value.is_finite()));
    let values = prop::collection::vec((value, kind), 1..4);
    (values, identity(), 0.0..9e9).prop_map(|(values, identity, time)| {
        let dsnames = (0..values.len()).map(|at| format!("é{at}")).collect();
        let (values, dstypes) = values.into_iter().unzip();
        ValueList { values, dstypes, dsnames, time, identity }
    })
}

/// A part of a datagram.
fn part_of(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &(content.len() as u16 + 4).to_be_bytes(), content].concat()
}

/// A datagram as collectd sends them: what stays the same is said once.
fn datagram() -> Vec<u8> {
    let mut gauges = vec![0, 2, 1, 1];
    gauges.extend([0.25_f64.to_le_bytes(), f64::NAN.to_le_bytes()].concat());
    let counters =
        [&[0, 3, 0, 2, 3][..], &7_u64.to_be_bytes(), &(-7_i64).to_be_bytes(), &u64::MAX.to_be_bytes()].concat();
    [
        part_of(0x0000, b"web-1\0"),
        part_of(0x0008, &((1_500_000_000_u64 << 30) + (1 << 29)).to_be_bytes()),
        part_of(0x0009, &(10_u64 << 30).to_be_bytes()),
        part_of(0x0002, b"load\0"),
        part_of(0x0004, b"load\0"),
        part_of(0x0006, &gauges),
        part_of(0x0001, &5_u64.to_be_bytes()),
        part_of(0x0003, b"a/b\0"),
        part_of(0x0005, b"x\0"),
        part_of(0x0006, &counters),
    ]
    .concat()
}

#[test]
fn datagrams_have_parts_that_stay_true_for_all_values_behind() {
    let read: Vec<Values> = network::parse(&datagram()).into_iter().map(Result::unwrap).collect();
    assert_eq!(read.len(), 2);
    assert_eq!((read[0].nanos(), read[1].nanos()), (1_500_000_000_500_000_000, 5_000_000_000));
    assert_eq!(read[1].values, [Value::Counter(7), Value::Derive(-7), Value::Absolute(u64::MAX)]);
    assert_eq!((read[1].identity.plugin_instance.as_str(), read[1].identity.type_instance.as_str()), ("a/b", "x"));
    assert!(matches!(read[0].values[..], [Value::Gauge(0.25), Value::Gauge(none)] if none.is_nan()));
}

#[test]
fn values_of_datagrams_are_called_as_those_in_json() {
    let mut types = Types::default();
    types.add("load shortterm:GAUGE:0:5000, midterm:GAUGE:0:5000").unwrap();
    let mut parts = Parts { types, waiting: Incoming::of(naming::TYPE), measures: 0 };
    for values in network::parse(&datagram()) {
        parts.add(&values.unwrap()).unwrap();
    }
    let shown: Vec<_> = parts.waiting.shown().collect();
    let expected = [
        ("web-1", "load-a%2Fb@load-x-0", 5_000_000_000, 7.0),
        ("web-1", "load-a%2Fb@load-x-1", 5_000_000_000, -7.0),
        ("web-1", "load-a%2Fb@load-x-2", 5_000_000_000, u64::MAX as f64),
        ("web-1", "load@load-shortterm", 1_500_000_000_500_000_000, 0.25),
    ];
    assert_eq!(shown, expected);
    let mut values = network::parse(&datagram()).remove(0).unwrap();
    for time in [0, u64::MAX] {
        values.time = time;
        assert_eq!(parts.add(&values).is_ok(), time != 0);
    }
    parts.measures = 99_999;
    assert_eq!(parts.add(&values), Err("full"));
}

#[test]
fn what_is_not_taken_of_a_datagram_is_told_and_the_rest_is_taken() {
    let whole = datagram();
    let told = |bytes: &[u8]| -> Vec<Option<Refused>> { network::parse(bytes).into_iter().map(Result::err).collect() };
    assert_eq!(told(&whole), [None, None]);
    for (part, expected) in [
        (part_of(0x0210, &[0; 40]), vec![Some(Refused::Encrypted), None, None]),
        (part_of(0x0200, &[0; 40]), vec![None, None]),
        (part_of(0x0fff, b""), vec![None, None]),
        (part_of(0x0100, b"disk is full\0"), vec![Some(Refused::Notification), None, None]),
        (part_of(0x0006, &[&[0, 1, 1][..], &[0; 8]].concat()), vec![Some(Refused::Nameless), None, None]),
        (part_of(0x0006, &[0, 0]), vec![Some(Refused::Form)]),
        (part_of(0x0006, &[&[0, 2, 1, 1][..], &[0; 8]].concat()), vec![Some(Refused::Form)]),
        (part_of(0x0006, &[&[0, 1, 9][..], &[0; 8]].concat()), vec![Some(Refused::Form)]),
        (part_of(0x0000, b"no end"), vec![Some(Refused::Form)]),
        (part_of(0x0000, b"\xff\0"), vec![Some(Refused::Form)]),
        (part_of(0x0000, &[&[b'h'; 256][..], b"\0"].concat()), vec![Some(Refused::Form)]),
        (part_of(0x0001, &[0; 7]), vec![Some(Refused::Form)]),
        (part_of(0x0001, &[255; 8]), vec![Some(Refused::Form)]),
        (vec![0, 0, 0, 3], vec![Some(Refused::Form)]),
        (vec![0, 0, 255, 255], vec![Some(Refused::Form)]),
    ] {
        assert_eq!(told(&[&part[..], &whole].concat()), expected, "{part:?}");
    }
    assert_eq!(told(&whole[..whole.len() - 1]), [None, Some(Refused::Form)]);
}

fn network_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::Counter),
        any::<f64>().prop_map(Value::Gauge),
        any::<i64>().prop_map(Value::Derive),
        any::<u64>().prop_map(Value::Absolute),
    ]
}

proptest! {
    #[test]
    fn parts_are_read_as_they_are_printed(
        all in prop::collection::vec((identity(), any::<u64>(), prop::collection::vec(network_value(), 1..4)), 0..4)
    ) {
        let all = all.into_iter().map(|(identity, time, values)| Values { identity, time, values });
        let printed: Vec<u8> = all.flat_map(|values| Vec::<u8>::from(&values)).collect();
        let read = network::parse(&printed);
        prop_assert!(read.iter().all(Result::is_ok));
        // Bytes are compared, for a NaN is not itself.
        prop_assert_eq!(read.iter().flatten().flat_map(Vec::<u8>::from).collect::<Vec<u8>>(), printed);
    }

    #[test]
    fn any_datagram_is_taken_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        at in 0..datagram().len(), with in any::<u8>(), cut in 0..datagram().len(),
    ) {
        let mut damaged = datagram();
        damaged[at] = with;
        let mut parts = Parts { types: Types::default(), waiting: Incoming::of(naming::TYPE), measures: 0 };
        for bytes in [&bytes[..], &damaged, &damaged[..cut]] {
            for values in network::parse(bytes).into_iter().flatten() {
                let _ = parts.add(&values).is_ok();
            }
        }
    }

    #[test]
    fn what_is_printed_is_read_as_the_same(lists in prop::collection::vec(value_list(), 0..4)) {
        prop_assert_eq!(parse(&serde_json::to_vec(&lists).unwrap()), Ok(lists));
    }

    #[test]
    fn different_identities_make_different_names(one in (identity(), part()), other in (identity(), part())) {
        let names: BTreeSet<String> = [&one, &other].map(|(identity, name)| identity.metric(name)).into();
        prop_assert_eq!(names.len(), if one == other { 1 } else { 2 });
        prop_assert!(names.iter().all(|name| !name.contains('/')));
    }

    #[test]
    fn damaged_bytes_are_read_or_refused(at in 0..BODY.len(), with in any::<u8>(), cut in 0..BODY.len()) {
        let mut bytes = BODY.as_bytes().to_vec();
        bytes[at] = with;
        for bytes in [&bytes[..], &bytes[..cut]] {
            if let Ok(lists) = parse(bytes) {
                prop_assert_eq!(parse(&serde_json::to_vec(&lists).unwrap()), Ok(lists.clone()));
                let _ = measures(&lists).is_ok();
            }
        }
    }
}
