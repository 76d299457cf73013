//! The language of operations: what is read, printed and refused.

use super::*;

#[test]
fn every_name_of_every_operator_is_read() {
    for (operator, names) in UnaryOperator::all() {
        for name in *names {
            let operation = parse(&format!("({name} (metric a mean))"));
            assert!(matches!(operation, Operation::Unary { operator: read, .. } if read == *operator), "{name}");
            assert_eq!(operation.to_string(), format!("({} (metric a mean))", names[0]));
        }
    }
    for (operator, names) in BinaryOperator::all() {
        for name in *names {
            let json = json!([name, ["metric", "a", "mean"], 2]);
            let operation = Operation::from_json(&json).unwrap();
            assert!(matches!(operation, Operation::Binary { operator: read, .. } if read == *operator), "{name}");
            assert_eq!(operation.to_json(), json!([names[0], ["metric", "a", "mean"], 2.0]));
        }
    }
}

#[test]
fn json_and_text_say_the_same() {
    let pairs = [
        ("(metric a mean)", json!(["metric", "a", "mean"])),
        ("(metric (a mean) (b* 95pct))", json!(["metric", ["a", "mean"], ["b*", "95pct"]])),
        ("(aggregate rate:var (metric a mean))", json!(["aggregate", "rate:var", ["metric", "a", "mean"]])),
        ("(rolling max 3 (metric a mean))", json!(["rolling", "max", 3, ["metric", "a", "mean"]])),
        ("(resample sum 0.5 (metric a mean))", json!(["resample", "sum", "0.5", ["metric", "a", "mean"]])),
        ("(resample sum M (metric a mean))", json!(["resample", "sum", "M", ["metric", "a", "mean"]])),
        ("(clip (metric a mean) 1.0)", json!(["clip", ["metric", "a", "mean"], 1.0])),
        ("(clip (metric a mean) -1.0 1e300)", json!(["clip", ["metric", "a", "mean"], -1.0, 1e300])),
        (r#"(+ (metric "a \"b\" (c) \\" mean) 0.5)"#, json!(["+", ["metric", "a \"b\" (c) \\", "mean"], 0.5])),
    ];
    for (text, json) in pairs {
        let operation = parse(text);
        assert_eq!(operation.to_string(), text);
        assert_eq!(operation.to_json(), json);
        assert_eq!(Operation::from_json(&json).unwrap(), operation);
        assert_eq!(Operation::from_json(&Value::String(text.to_owned())).unwrap(), operation);
    }
}

#[test]
fn spellings_that_gnocchi_takes_are_taken() {
    let spellings = [
        (" ( + ( metric a mean )\n\t2 ) ", "(+ (metric a mean) 2.0)"),
        ("(- (metric a mean) (metric b mean)))", "(- (metric a mean) (metric b mean))"),
        ("(metric (a mean))", "(metric a mean)"),
        ("(metric 'a b' mean)", "(metric \"a b\" mean)"),
        ("(resample mean 1h30m (metric a mean))", "(resample mean 5400 (metric a mean))"),
        ("(* -Infinity (metric a mean))", "(* -inf (metric a mean))"),
    ];
    for (text, printed) in spellings {
        assert_eq!(parse(text).to_string(), printed);
    }
    let spelled = Operation::from_json(&json!(["rolling", "mean", "2", ["+", ["metric", "a", "mean"], "1e2"]]));
    assert_eq!(spelled.unwrap().to_string(), "(rolling mean 2 (+ (metric a mean) 100.0))");
}

#[test]
fn numbers_that_json_has_not_come_back() {
    let operation = parse("(clip (metric a mean) -inf inf)");
    assert_eq!(Operation::from_json(&operation.to_json()).unwrap(), operation);
    assert_eq!(parse("(+ (metric a mean) nan)").to_json()[2], json!("NaN"));
}

#[test]
fn metrics_are_listed_once_in_the_order_of_their_mention() {
    let text = "(+ (aggregate mean (metric (b mean) (a* max) (b mean))) (clip (metric c sum) (metric b mean)))";
    let listed: Vec<String> = parse(text).metrics().iter().map(|r| format!("{} {}", r.metric, r.method)).collect();
    assert_eq!(listed, ["b mean", "a* max", "c sum"]);
    assert!(parse(text).metrics()[1].is_pattern());
}

#[test]
fn errors_name_the_operation_the_place_and_what_was_expected() {
    let cases = [
        ("", "operations", "`(`", "the end of the text", 0),
        ("metric a mean", "operations", "`(`", "`metric a mean`", 0),
        ("(metroc foo bar", "metroc", "`)`", "the end of the text", 15),
        ("(metric a mean) x", "operations", "the end of the text", "`x`", 16),
        ("(metric \"a mean)", "operations", "a closing \"", "the end of the text", 16),
        ("(rolling mean 0 (metric a mean))", "rolling", "a number of points: an integer from 1 on", "`0`", 14),
        ("(rolling mean (metric a mean))", "rolling", "a method, a window and an operation", "2 arguments", 0),
        ("(+ (metric a mean) x)", "+", "an operation in a list, or a number", "`x`", 19),
        ("(aggregate mean 2)", "aggregate", "an operation with a metric in it", "`2`", 16),
        ("(+ 1 2)", "operations", "at least one metric", "a list of 3", 0),
        ("(metric)", "metric", "at least one metric", "0 arguments", 0),
        ("(metric a)", "metric", "a metric and a method, or lists of these", "`a`", 8),
        (
            "(resample mean 5parsecs (metric a mean))",
            "resample",
            "a timespan, or one of Y, H, Q, M and W",
            "`5parsecs`",
            15,
        ),
        (
            "(aggregate middle (metric a mean))",
            "aggregate",
            "an aggregation method or var, perhaps with rate: before it",
            "`middle`",
            11,
        ),
    ];
    for (text, operation, expected, found, byte) in cases {
        let (operation, expected, found) = (operation.to_owned(), expected.to_owned(), found.to_owned());
        assert_eq!(refused(text), (operation, expected, found, Place::Byte(byte)), "{text}");
    }
    assert_eq!(refused("(frobnicate (metric a mean))").0, "frobnicate");
}

#[test]
fn json_errors_have_pointers() {
    let cases = [
        (json!([]), "", "an empty list"),
        (json!({"foo": "bar"}), "", "an object"),
        (json!(["+", ["metric", "a", "mean"], null]), "/2", "null"),
        (json!(["abs", ["metric", ["a", "mean"], ["b", 3]]]), "/1/2/1", "3.0"),
        (json!(["abs", ["metric", ["a", "mean"], []]]), "/1/2", "an empty list"),
        (json!([["abs"], 1]), "/0", "a list of 1"),
    ];
    for (json, pointer, what) in cases {
        match Operation::from_json(&json) {
            Err(Error::InvalidOperation { found, place, .. }) => {
                assert_eq!((found.as_str(), place), (what, Place::Pointer(pointer.to_owned())), "{json}");
            }
            other => panic!("{json}: {other:?}"),
        }
    }
    let unknown = Operation::from_json(&json!(["metric", ["a", "mean"], ["b", "what?"]])).unwrap_err();
    assert!(matches!(unknown, Error::UnknownReferenceMethod { metric, method } if metric == "b" && method == "what?"));
}

#[test]
fn nesting_and_size_are_bounded() {
    let nested = |levels: usize| format!("{}(metric a mean){}", "(abs ".repeat(levels), ")".repeat(levels));
    assert!(nested(MAX_DEPTH - 1).parse::<Operation>().is_ok());
    let too_large = |result: crate::error::Result<Operation>| matches!(result, Err(Error::OperationTooLarge { .. }));
    for levels in [MAX_DEPTH, MAX_DEPTH + 1, 10_000, 500_000] {
        assert!(too_large(nested(levels).parse()), "{levels}");
    }
    assert!(too_large("(".repeat(1_000_000).parse()));
    assert!(too_large(format!("(metric {})", "(a mean)".repeat(MAX_NODES / 3 + 1)).parse()));
    assert!(too_large(" ".repeat(MAX_BYTES + 1).parse()));
    let mut json = json!(["metric", "a", "mean"]);
    for _ in 0..1_000 {
        json = json!(["abs", json]);
    }
    assert!(too_large(Operation::from_json(&json)));
}

#[test]
fn a_tree_built_too_deep_is_not_evaluated() {
    let mut operation = parse("(metric a mean)");
    for level in 1..=MAX_DEPTH {
        let evaluated = evaluate(&operation, &[input("a", &[(0, 1.0)])], &EvaluateOptions::default());
        assert!(evaluated.is_ok(), "{level}");
        operation = Operation::Unary { operator: UnaryOperator::Negative, of: Box::new(operation) };
    }
    let refused = evaluate(&operation, &[input("a", &[(0, 1.0)])], &EvaluateOptions::default());
    assert!(matches!(refused, Err(Error::OperationTooLarge { .. })));
}

fn method() -> impl Strategy<Value = AggregationMethod> {
    (0_u8..216).prop_map(|id| AggregationMethod::from_id(id).unwrap())
}

fn reduction() -> impl Strategy<Value = Reduction> {
    prop_oneof![method().prop_map(Reduction::Method), Just(Reduction::Variance), Just(Reduction::VarianceRate)]
}

fn sampling() -> impl Strategy<Value = Sampling> {
    let calendar = [Sampling::Year, Sampling::HalfYear, Sampling::Quarter, Sampling::Month, Sampling::Week];
    let span = (1..i64::MAX).prop_map(|nanos| Sampling::Timespan(Timespan::from_nanos(nanos).unwrap()));
    prop_oneof![proptest::sample::select(calendar.to_vec()), span]
}

/// Trees that have points: with numbers only where numbers may stand.
pub(super) fn tree() -> impl Strategy<Value = Operation> {
    let name = prop_oneof!["[a-z*?.-]{1,8}", "\\PC{1,8}"];
    let reference = (name, method()).prop_map(|(metric, method)| Reference::new(metric, method));
    let leaf = proptest::collection::vec(reference, 1..4).prop_map(Operation::Metric);
    leaf.prop_recursive(6, 40, 3, |inner| {
        let boxed = inner.prop_map(Box::new);
        let number = prop_oneof![any::<f64>().prop_filter("NaN equals nothing", |n| !n.is_nan()), -9.0..9.0];
        let operand = prop_oneof![3 => boxed.clone(), 1 => number.prop_map(|n| Box::new(Operation::Number(n)))];
        let unary: Vec<UnaryOperator> = UnaryOperator::all().iter().map(|row| row.0).collect();
        let binary: Vec<BinaryOperator> = BinaryOperator::all().iter().map(|row| row.0).collect();
        prop_oneof![
            (reduction(), boxed.clone()).prop_map(|(reduction, of)| Operation::Aggregate { reduction, of }),
            (reduction(), 1_usize..1_000_000, boxed.clone()).prop_map(|(reduction, window, of)| {
                Operation::Rolling { reduction, window: NonZeroUsize::new(window).unwrap(), of }
            }),
            (method(), sampling(), boxed.clone()).prop_map(|(method, sampling, of)| Operation::Resample {
                method,
                sampling,
                of
            }),
            (proptest::sample::select(unary), boxed.clone())
                .prop_map(|(operator, of)| Operation::Unary { operator, of }),
            (proptest::sample::select(binary), boxed.clone(), operand.clone(), any::<bool>()).prop_map(
                |(operator, left, right, swap)| {
                    let (left, right) = if swap { (right, left) } else { (left, right) };
                    Operation::Binary { operator, left, right }
                }
            ),
            (boxed, operand.clone(), proptest::option::of(operand)).prop_map(|(of, min, max)| Operation::Clip {
                of,
                min,
                max
            }),
        ]
    })
}

fn json() -> impl Strategy<Value = Value> {
    let word = prop_oneof!["metric|aggregate|rolling|resample|clip|mean|rate:max|abs|-|and|or|>=|%|60|M", "\\PC{0,6}"];
    let leaf = prop_oneof![
        word.clone().prop_map(Value::String),
        any::<f64>().prop_map(|n| json!(n)),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null)
    ];
    leaf.prop_recursive(5, 30, 4, move |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..4);
        let list = (word.clone(), list).prop_map(|(head, mut list)| {
            list.insert(0, Value::String(head));
            Value::Array(list)
        });
        let object = proptest::collection::vec((word.clone(), inner.clone()), 0..3);
        let pair = proptest::collection::vec(inner, 0..3).prop_map(Value::Array);
        prop_oneof![list, pair, object.prop_map(|entries| Value::Object(entries.into_iter().collect()))]
    })
}

fn text() -> impl Strategy<Value = String> {
    let near = "(\\((metric|abs|\\+|clip)? ?(a mean|2)?\\)?){0,9}";
    prop_oneof!["\\PC*", "[()a-z \"'\\\\0-9+*-]{0,60}", near]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(operation in tree()) {
        prop_assert_eq!(&operation.to_string().parse::<Operation>().unwrap(), &operation);
        prop_assert_eq!(&Operation::from_json(&operation.to_json()).unwrap(), &operation);
    }

    #[test]
    fn no_text_panics(text in text()) {
        if let Ok(operation) = text.parse::<Operation>() {
            prop_assert_eq!(&operation.to_string().parse::<Operation>().unwrap().to_string(), &operation.to_string());
        }
    }

    #[test]
    fn no_json_panics(value in json()) {
        if let Ok(operation) = Operation::from_json(&value) {
            let printed = operation.to_json();
            prop_assert_eq!(Operation::from_json(&printed).unwrap().to_json(), printed);
        }
        if let Ok(predicate) = Predicate::from_json(&value) {
            predicate.matches(1.0);
        }
    }
}
