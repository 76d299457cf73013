//! Predicates over values.

use super::*;

fn predicate(json: &Value) -> Predicate {
    Predicate::from_json(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn predicates_hold_as_in_gnocchi() {
    let cases: [(Value, &[f64], &[f64]); 12] = [
        (json!({"=": 4}), &[4.0], &[40.0, f64::NAN]),
        (json!({">": 4}), &[40.0], &[4.0]),
        (json!({"and": [{">": 4}, {"<": 10}]}), &[5.0], &[40.0, 1.0]),
        (json!({"∧": [{"gt": 4}, {"lt": 10}]}), &[5.0], &[40.0, 1.0]),
        (json!({"or": [{"=": 4}, {"=": 10}]}), &[4.0, 10.0], &[-1.0]),
        (json!({"∨": [{"and": [{"≥": 1}, {"≤": 2}]}, {"eq": 10}]}), &[1.5, 10.0], &[0.5, 3.0]),
        (json!({"=": [{"%": 5}, 0]}), &[5.0, 10.0, -5.0], &[-1.0, 6.0]),
        (json!({"and": [{"≥": [{"+": 5}, 0]}, {"≠": [5, {"-": 6}]}]}), &[5.0, 10.0], &[11.0, -6.0]),
        (json!({">": [{"*": [{"+": 1}, {"-": 1}]}, 8]}), &[3.5, -4.0], &[3.0, -3.0]),
        (json!({"-": 3}), &[1.0, f64::NAN], &[3.0]),
        (json!({"and": []}), &[0.0], &[]),
        (json!({"or": []}), &[], &[0.0]),
    ];
    for (json, yes, no) in cases {
        let predicate = predicate(&json);
        assert!(yes.iter().all(|value| predicate.matches(*value)), "{json}");
        assert!(!no.iter().any(|value| predicate.matches(*value)), "{json}");
    }
}

#[test]
fn what_is_no_predicate_is_refused_with_its_place() {
    let cases = [
        (json!({}), ""),
        (json!([]), ""),
        (json!({"=": 1, "<": 2}), ""),
        (json!({"foo": [{"=": 4}, {"=": 10}]}), ""),
        (json!({"not": [{"=": 4}]}), ""),
        (json!({"clip_min": 3}), ""),
        (json!({"=": [1, 2, 3]}), "/="),
        (json!({"=": "1"}), "/="),
        (json!({"and": {"=": 1}}), "/and"),
        (json!({"and": [{"=": 1}, 5]}), "/and/1"),
        (json!({"or": [{"/": [{"+": 1}, null]}]}), "/or/0/~1/1"),
        (json!({"=": [{"and": []}, 1]}), "/=/0"),
    ];
    for (json, pointer) in cases {
        match Predicate::from_json(&json) {
            Err(Error::InvalidOperation { place, .. }) => {
                assert_eq!(place, Place::Pointer(pointer.to_owned()), "{json}");
            }
            other => panic!("{json}: {other:?}"),
        }
    }
}

#[test]
fn depth_is_bounded() {
    for wrap in [|inner: Value| json!({"and": [inner]}), |inner: Value| json!({"+": [inner, 1]})] {
        let nested = |levels: usize| (1..levels).fold(json!({"=": 1}), |inner, _| wrap(inner));
        assert!(Predicate::from_json(&nested(MAX_DEPTH)).is_ok());
        for levels in [MAX_DEPTH + 1, 300] {
            let refused = Predicate::from_json(&nested(levels));
            assert!(matches!(refused, Err(Error::OperationTooLarge { .. })), "{levels}");
        }
    }
}

proptest! {
    #[test]
    fn selected_points_are_those_that_match(values in proptest::collection::vec(-9.0..9.0, 0..40), bound in -9.0..9.0) {
        let columns = Columns { timestamps: (0..values.len() as i64).collect(), values };
        let found = predicate(&json!({"or": [{">=": bound}, {"<": [{"**": 2}, 1]}]})).select(&columns);
        let expected: Vec<(i64, f64)> = columns.iter().filter(|(_, v)| *v >= bound || v.powf(2.0) < 1.0).collect();
        prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    }
}
