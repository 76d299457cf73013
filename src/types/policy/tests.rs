use proptest::prelude::*;

use super::*;

fn secs(seconds: u64) -> Timespan {
    Timespan::from_secs(seconds).unwrap()
}

fn with_methods(methods: &[&str]) -> Result<ArchivePolicy> {
    ArchivePolicy::builder("p")
        .definition(Definition::unlimited(Timespan::MINUTE))
        .aggregation_methods(methods.iter().copied())
        .build()
}

fn methods_of(methods: &[&str]) -> String {
    with_methods(methods).unwrap().methods().to_string()
}

fn reason(error: Error) -> String {
    match error {
        Error::InvalidArchivePolicy { reason, .. } | Error::InvalidDefinition { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn any_two_of_three_make_a_definition() {
    let minute = Some(secs(60));
    let cases = [
        (minute, Some(10), None, 60, Some(10)),
        (minute, None, Some(secs(600)), 60, Some(10)),
        (None, Some(10), Some(secs(600)), 60, Some(10)),
        (minute, Some(10), Some(secs(600)), 60, Some(10)),
        (minute, None, None, 60, None),
        (minute, None, Some(secs(659)), 60, Some(10)),
    ];
    for (granularity, points, timespan, seconds, kept) in cases {
        let definition = Definition::new(granularity, points, timespan).unwrap();
        assert_eq!(definition.granularity(), secs(seconds));
        assert_eq!(definition.points(), kept);
        assert_eq!(definition.timespan(), kept.map(|points| secs(seconds * points)));
    }
}

#[test]
fn a_granularity_from_points_and_timespan_is_whole_nanoseconds() {
    let third = Definition::new(None, Some(3), Some(secs(10))).unwrap();
    assert_eq!(third.granularity().nanos(), 3_333_333_333);
    assert_eq!(third.timespan().unwrap().nanos(), 9_999_999_999);
}

#[test]
fn what_makes_no_definition_is_refused() {
    let nano = Timespan::from_nanos(1).unwrap();
    let longest = Timespan::from_nanos(i64::MAX).unwrap();
    let cases = [
        (None, None, None, "at least two"),
        (None, Some(5), None, "at least two"),
        (None, None, Some(secs(5)), "at least two"),
        (Some(secs(1)), Some(0), None, "at least one point"),
        (None, Some(0), Some(secs(1)), "at least one point"),
        (Some(secs(2)), None, Some(secs(1)), "shorter than the granularity"),
        (Some(secs(1)), Some(60), Some(secs(61)), "timespan ≠ granularity × points"),
        (None, Some(2), Some(nano), "less than a nanosecond"),
        (Some(longest), Some(2), None, "292 years"),
        (Some(secs(1)), Some(u64::MAX), None, "292 years"),
        (Some(longest), Some(u64::MAX), Some(longest), "292 years"),
    ];
    for (granularity, points, timespan, expected) in cases {
        let refused = reason(Definition::new(granularity, points, timespan).unwrap_err());
        assert!(refused.contains(expected), "{granularity:?} {points:?} {timespan:?}: {refused}");
    }
    let error = Definition::new(Some(secs(1)), Some(60), Some(secs(61))).unwrap_err();
    assert!(error.to_string().contains("granularity 0:00:01; points 60; timespan 0:01:01"), "{error}");
    assert_eq!(error.code(), 32);
}

#[test]
fn methods_add_to_and_take_from_a_base() {
    assert_eq!(methods_of(&[]), "mean, sum, min, max, count, std");
    assert_eq!(methods_of(&["last"]), "last");
    assert_eq!(methods_of(&["-mean", "-std"]), "sum, min, max, count");
    assert_eq!(methods_of(&["+12pct", "+rate:last"]), "mean, sum, min, max, count, std, 12pct, rate:last");
    assert_eq!(methods_of(&["mean", "max", "-max", "+rate:max"]), "mean, rate:max");
    assert_eq!(methods_of(&["max", "+mean", "-mean"]), "max");
    assert_eq!(methods_of(&["max", "-mean", "+mean"]), "mean, max");
    let all_but_mean = with_methods(&["*", "-mean"]).unwrap();
    assert_eq!(all_but_mean.methods().len(), 215);
    assert!(!all_but_mean.methods().contains(AggregationMethod::MEAN));
}

#[test]
fn the_methods_are_remembered_as_given() {
    let policy = with_methods(&["-mean", "+95pct"]).unwrap();
    assert_eq!(policy.aggregation_methods(), ["-mean", "+95pct"]);
    let default = with_methods(&[]).unwrap();
    assert_eq!(default.aggregation_methods(), ["mean", "min", "max", "sum", "std", "count"]);
}

#[test]
fn unknown_methods_are_refused_as_they_were_written() {
    for bad in ["", "wtf", "+", "-", "**", "+*", "-*", "++mean", "+wtf", "Mean", "é", "0pct", "nunique"] {
        let error = with_methods(&["mean", bad]).unwrap_err();
        assert!(matches!(&error, Error::InvalidAggregationMethod { value } if value == bad), "{bad}: {error}");
    }
}

#[test]
fn a_policy_that_breaks_a_rule_is_refused() {
    let minute = Definition::unlimited(Timespan::MINUTE);
    let long = "ä".repeat(256);
    let none_left = ["-mean", "-min", "-max", "-sum", "-std", "-count"];
    let cases = [
        (ArchivePolicy::builder("").definition(minute), "name is empty"),
        (ArchivePolicy::builder(long).definition(minute), "more than 255"),
        (ArchivePolicy::builder("p"), "at least one definition"),
        (
            ArchivePolicy::builder("p").definitions([minute, Definition::points_of(Timespan::MINUTE, 5).unwrap()]),
            "more than one definition has granularity 0:01:00",
        ),
        (ArchivePolicy::builder("p").definition(minute).aggregation_methods(none_left), "no aggregation method"),
    ];
    for (builder, expected) in cases {
        let refused = reason(builder.build().unwrap_err());
        assert!(refused.contains(expected), "{refused}");
    }
    assert!(ArchivePolicy::builder("ä".repeat(255)).definition(minute).build().is_ok());
}

#[test]
fn definitions_are_sorted_and_found_by_granularity() {
    let policy = ArchivePolicy::builder("p")
        .back_window(u32::MAX)
        .definitions([Definition::unlimited(Timespan::DAY), Definition::points_of(Timespan::SECOND, 7).unwrap()])
        .definition(Definition::unlimited(Timespan::HOUR))
        .aggregation_methods(["rate:mean"])
        .build()
        .unwrap();
    let granularities: Vec<_> = policy.definitions().iter().map(Definition::granularity).collect();
    assert_eq!(granularities, [Timespan::SECOND, Timespan::HOUR, Timespan::DAY]);
    assert_eq!(policy.block(), Timespan::DAY);
    assert_eq!(policy.definition(Timespan::SECOND).unwrap().points(), Some(7));
    assert_eq!(policy.definition(Timespan::MINUTE), None);
    assert_eq!(policy.window_blocks(), u64::from(u32::MAX) + 1);
    assert_eq!(with_methods(&["mean"]).unwrap().window_blocks(), 0);
}

#[test]
fn the_default_policies_are_valid_and_those_of_gnocchi() {
    for policy in ArchivePolicy::defaults() {
        let again = ArchivePolicy::builder(policy.name())
            .back_window(policy.back_window())
            .definitions(policy.definitions().iter().copied())
            .aggregation_methods(policy.aggregation_methods().iter().cloned())
            .build()
            .unwrap();
        assert_eq!(again, policy);
    }
    let described: Vec<String> = ArchivePolicy::defaults()
        .iter()
        .map(|policy| {
            let archives =
                policy.definitions().iter().map(|d| format!("{} for {}", d.granularity(), d.timespan().unwrap()));
            let archives = archives.collect::<Vec<_>>().join("; ");
            format!("{} ({}): {archives}: {}", policy.name(), policy.back_window(), policy.methods())
        })
        .collect();
    assert_eq!(
        described,
        [
            "bool (3600): 0:00:01 for 365 days, 0:00:00: last",
            "low (0): 0:05:00 for 30 days, 0:00:00: mean, sum, min, max, count, std",
            "medium (0): 0:01:00 for 7 days, 0:00:00; 1:00:00 for 365 days, 0:00:00: mean, sum, min, max, count, std",
            "high (0): 0:00:01 for 1:00:00; 0:01:00 for 7 days, 0:00:00; 1:00:00 for 365 days, 0:00:00: \
             mean, sum, min, max, count, std",
        ]
    );
}

#[test]
fn an_update_changes_points_and_back_window_only() {
    let (second, hour) = (Timespan::SECOND, Timespan::HOUR);
    let policy = ArchivePolicy::builder("p")
        .definitions([Definition::points_of(second, 20).unwrap(), Definition::unlimited(hour)])
        .aggregation_methods(["*"])
        .build()
        .unwrap();
    assert_eq!(policy.updated(&ArchivePolicyUpdate::new()).unwrap(), policy);

    let wider = policy.updated(&ArchivePolicyUpdate::new().back_window(3)).unwrap();
    assert_eq!((wider.back_window(), wider.definitions()), (3, policy.definitions()));

    let swapped = ArchivePolicyUpdate::new()
        .definition(Definition::points_of(hour, 5).unwrap())
        .definition(Definition::unlimited(second));
    let swapped = policy.updated(&swapped).unwrap();
    assert_eq!(swapped.definition(second).unwrap().points(), None);
    assert_eq!(swapped.definition(hour).unwrap().points(), Some(5));
    assert_eq!((swapped.back_window(), swapped.methods()), (0, policy.methods()));

    let keep = Definition::unlimited(second);
    let refused = [
        (vec![keep], "added or dropped"),
        (vec![], "at least one definition"),
        (vec![keep, keep], "more than one"),
        (vec![keep, Definition::unlimited(Timespan::MINUTE)], "granularity 1:00:00 cannot be changed"),
        (vec![keep, Definition::unlimited(hour), Definition::unlimited(Timespan::DAY)], "added or dropped"),
    ];
    for (definitions, expected) in refused {
        let error = policy.updated(&ArchivePolicyUpdate::new().definitions(definitions)).unwrap_err();
        let refused = reason(error);
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn stored_policies_are_checked_when_they_are_read() {
    let policy = with_methods(&["mean", "+rate:95pct"]).unwrap();
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(
        json,
        [
            r#"{"name":"p","back_window":0,"definition":[{"granularity":60000000000,"points":null}],"#,
            r#""aggregation_methods":["mean","+rate:95pct"],"methods":["mean","rate:95pct"]}"#,
        ]
        .concat()
    );
    assert_eq!(serde_json::from_str::<ArchivePolicy>(&json).unwrap(), policy);
    let spoilt = [
        (r#""name":"p""#, r#""name":"""#),
        ("60000000000", "0"),
        ("60000000000", "-5"),
        ("null", "0"),
        ("null", "9223372036854775807"),
        (r#"["mean","rate:95pct"]"#, r#"["mean","rate:0pct"]"#),
        (r#"["mean","rate:95pct"]"#, "[]"),
        (r#"["mean","+rate:95pct"]"#, r#"["wtf"]"#),
        (r#"[{"granularity":60000000000,"points":null}]"#, "[]"),
    ];
    for (good, bad) in spoilt {
        assert!(json.contains(good));
        let spoilt = json.replacen(good, bad, 1);
        assert!(serde_json::from_str::<ArchivePolicy>(&spoilt).is_err(), "{spoilt}");
    }
}

#[test]
fn methods_are_for_life_whatever_the_list_would_mean_now() {
    let json = serde_json::to_string(&with_methods(&["*"]).unwrap()).unwrap();
    let (head, _) = json.split_once(r#""methods":["#).unwrap();
    let of_an_older_version = format!(r#"{head}"methods":["mean","max"]}}"#);
    let read: ArchivePolicy = serde_json::from_str(&of_an_older_version).unwrap();
    assert_eq!((read.aggregation_methods(), read.methods().to_string()), (&["*".to_owned()][..], "mean, max".into()));
}

fn definition() -> impl Strategy<Value = Definition> {
    (1i64..=1_000_000_000_000, prop::option::of(1u64..1_000_000))
        .prop_map(|(nanos, points)| Definition::new(Some(Timespan::from_nanos(nanos).unwrap()), points, None).unwrap())
}

proptest! {
    #[test]
    fn a_definition_never_exceeds_what_was_asked_for(
        granularity in prop::option::of(1i64..),
        points in prop::option::of(any::<u64>()),
        timespan in prop::option::of(1i64..),
    ) {
        let span = |nanos: Option<i64>| nanos.map(|nanos| Timespan::from_nanos(nanos).unwrap());
        if let Ok(definition) = Definition::new(span(granularity), points, span(timespan)) {
            match definition.points() {
                None => prop_assert!(points.is_none() && timespan.is_none()),
                Some(kept) => {
                    let g = i128::from(definition.granularity().nanos());
                    let whole = g * i128::from(kept);
                    prop_assert_eq!(whole, i128::from(definition.timespan().unwrap().nanos()));
                    prop_assert!(points.is_none_or(|points| points == kept));
                    if let Some(timespan) = timespan {
                        let slack = if granularity.is_some() { g } else { i128::from(kept) };
                        prop_assert!((0..slack).contains(&(i128::from(timespan) - whole)));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_stored_comes_back(
        name in "\\PC{1,40}",
        back_window: u32,
        definitions in prop::collection::vec(definition(), 1..6),
        ids in prop::collection::vec((0u8..216, 0..3usize), 0..12),
    ) {
        let method = |(id, sign): &(u8, usize)| {
            format!("{}{}", ["", "+", "-"][*sign], AggregationMethod::from_id(*id).unwrap())
        };
        let methods = ids.iter().map(method);
        let built = ArchivePolicy::builder(name).back_window(back_window).definitions(definitions)
            .aggregation_methods(methods).build();
        if let Ok(policy) = built {
            let json = serde_json::to_string(&policy).unwrap();
            prop_assert_eq!(&serde_json::from_str::<ArchivePolicy>(&json).unwrap(), &policy);
            let config = bincode::config::standard().with_fixed_int_encoding();
            let bytes = bincode::serde::encode_to_vec(&policy, config).unwrap();
            let (decoded, _): (ArchivePolicy, usize) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
            prop_assert_eq!(decoded, policy);
        }
    }
}
