use std::num::NonZeroUsize;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carbonara::Sampling;
use crate::error::{Error, Place};
use crate::types::{AggregationMethod, Columns, Timespan};

const MINUTE: i64 = 60_000_000_000;

fn parse(text: &str) -> Operation {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> (String, String, String, Place) {
    match text.parse::<Operation>() {
        Err(Error::InvalidOperation { operation, expected, found, place }) => (operation, expected, found, place),
        other => panic!("{text}: {other:?}"),
    }
}

/// Points `(minute, value)` of the mean of a metric, at a granularity of one minute.
fn input(metric: &str, points: &[(i64, f64)]) -> Input {
    input_at(metric, Timespan::MINUTE, points)
}

fn input_at(metric: &str, granularity: Timespan, points: &[(i64, f64)]) -> Input {
    let (timestamps, values) = points.iter().map(|(minute, value)| (minute * MINUTE, *value)).unzip();
    let reference = Reference::new(metric, AggregationMethod::MEAN);
    Input::new(reference, granularity, Columns { timestamps, values })
}

fn filled(fill: Fill) -> EvaluateOptions {
    EvaluateOptions { fill: Some(fill), ..EvaluateOptions::default() }
}

fn overlap(needed_overlap: f64) -> EvaluateOptions {
    EvaluateOptions { needed_overlap, ..EvaluateOptions::default() }
}

type Shown = Vec<(String, String, Vec<(i64, f64)>)>;

/// Label, granularity and points (in minutes) of each series.
fn show(evaluated: &Evaluated) -> Shown {
    let series = |series: &OutputSeries| {
        let label = match &series.label {
            OutputLabel::Aggregated => "aggregated".to_owned(),
            OutputLabel::Metric(label) => label.metric.clone(),
        };
        let points = series.columns.iter().map(|(t, value)| (t / MINUTE, value)).collect();
        (label, series.granularity.to_string(), points)
    };
    evaluated.series.iter().map(series).collect()
}

fn eval(text: &str, inputs: &[Input], options: &EvaluateOptions) -> Shown {
    show(&evaluate(&parse(text), inputs, options).unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// The points of the only series.
fn points(text: &str, inputs: &[Input], options: &EvaluateOptions) -> Vec<(i64, f64)> {
    let mut shown = eval(text, inputs, options);
    assert_eq!(shown.len(), 1, "{text}: {shown:?}");
    shown.remove(0).2
}

fn reason(text: &str, inputs: &[Input], options: &EvaluateOptions) -> String {
    match evaluate(&parse(text), inputs, options) {
        Err(Error::Unaggregable { reason, .. }) => reason,
        other => panic!("{text}: {other:?}"),
    }
}

mod language {
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
        assert!(
            matches!(unknown, Error::UnknownReferenceMethod { metric, method } if metric == "b" && method == "what?")
        );
    }

    #[test]
    fn nesting_and_size_are_bounded() {
        let nested = |levels: usize| format!("{}(metric a mean){}", "(abs ".repeat(levels), ")".repeat(levels));
        assert!(nested(MAX_DEPTH - 1).parse::<Operation>().is_ok());
        let too_large =
            |result: crate::error::Result<Operation>| matches!(result, Err(Error::OperationTooLarge { .. }));
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
        let word =
            prop_oneof!["metric|aggregate|rolling|resample|clip|mean|rate:max|abs|-|and|or|>=|%|60|M", "\\PC{0,6}"];
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
}

mod joining {
    use super::*;

    const BOTH: &str = "(metric (a mean) (b mean))";
    const SUM: &str = "(aggregate sum (metric (a mean) (b mean)))";
    const NAN: f64 = f64::NAN;

    fn holey() -> [Input; 2] {
        [input("a", &[(0, 1.0), (1, 2.0), (3, 4.0)]), input("b", &[(1, 10.0), (2, 20.0), (3, 30.0), (4, 40.0)])]
    }

    fn same(shown: &Shown, expected: &[(&str, &[(i64, f64)])]) {
        let text = |points: &[(i64, f64)]| format!("{points:?}");
        let shown: Vec<_> = shown.iter().map(|(label, _, points)| (label.clone(), text(points))).collect();
        let expected: Vec<_> = expected.iter().map(|(label, points)| ((*label).to_owned(), text(points))).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn fills_differ_in_what_stands_in_holes() {
        let cases: [(Fill, [&[f64]; 2]); 6] = [
            (Fill::Number(7.0), [&[1.0, 2.0, 7.0, 4.0, 7.0], &[7.0, 10.0, 20.0, 30.0, 40.0]]),
            (Fill::Null, [&[1.0, 2.0, NAN, 4.0, NAN], &[NAN, 10.0, 20.0, 30.0, 40.0]]),
            (Fill::Forward, [&[1.0, 2.0, 2.0, 4.0, 4.0], &[NAN, 10.0, 20.0, 30.0, 40.0]]),
            (Fill::Backward, [&[1.0, 2.0, 4.0, 4.0, NAN], &[10.0, 10.0, 20.0, 30.0, 40.0]]),
            (Fill::FullForward, [&[1.0, 2.0, 2.0, 4.0, 4.0], &[10.0, 10.0, 20.0, 30.0, 40.0]]),
            (Fill::FullBackward, [&[1.0, 2.0, 4.0, 4.0, 4.0], &[10.0, 10.0, 20.0, 30.0, 40.0]]),
        ];
        for (fill, [a, b]) in cases {
            let kept = |values: &[f64]| -> Vec<(i64, f64)> {
                let points = (0..).zip(values.iter().copied());
                points.filter(|(_, value)| matches!(fill, Fill::Null) || !value.is_nan()).collect()
            };
            same(&eval(BOTH, &holey(), &filled(fill)), &[("a", &kept(a)), ("b", &kept(b))]);
            assert_eq!(fill.to_string().parse::<Fill>().unwrap(), fill);
        }
        let dropped = eval(BOTH, &holey(), &filled(Fill::DropNan));
        same(&dropped, &[("a", &[(0, 1.0), (1, 2.0), (3, 4.0)]), ("b", &[(1, 10.0), (2, 20.0), (3, 30.0), (4, 40.0)])]);
        assert!(matches!("asdf".parse::<Fill>(), Err(Error::InvalidOption { option: "fill", .. })));
    }

    #[test]
    fn infinite_results_are_dropped_with_nan_ones() {
        let quotient = "(/ (metric a mean) (- (metric a mean) 2))";
        assert_eq!(points(quotient, &[input("a", &[(0, 1.0), (1, 2.0)])], &filled(Fill::DropNan)), [(0, -1.0)]);
        let kept = points(quotient, &[input("a", &[(0, 1.0), (1, 2.0)])], &filled(Fill::Null));
        assert_eq!(kept, [(0, -1.0), (1, f64::INFINITY)]);
    }

    #[test]
    fn overlap_is_measured_between_the_first_and_last_common_timestamp() {
        // Minutes 1 to 3 count; 1 and 3 are in both.
        assert_eq!(points(SUM, &holey(), &overlap(66.0)), [(1, 12.0), (2, 20.0), (3, 34.0)]);
        let reason = reason(SUM, &holey(), &overlap(67.0));
        assert_eq!(reason, "Less than 67.000000% of datapoints overlap in this timespan (66.67%)");
    }

    #[test]
    fn a_bound_that_is_asked_for_is_not_moved_to_the_overlap() {
        let from = EvaluateOptions { from: Some(30_000_000_000), needed_overlap: 50.0, ..EvaluateOptions::default() };
        assert_eq!(points(SUM, &holey(), &from), [(0, 1.0), (1, 12.0), (2, 20.0), (3, 34.0)]);
        let both = EvaluateOptions { to: Some(4 * MINUTE), ..from };
        assert_eq!(points(SUM, &holey(), &both), [(0, 1.0), (1, 12.0), (2, 20.0), (3, 34.0)]);
        let short = EvaluateOptions { from: Some(MINUTE), to: Some(2 * MINUTE), ..EvaluateOptions::default() };
        assert_eq!(points(SUM, &holey(), &short), [(1, 12.0)]);
    }

    #[test]
    fn series_without_overlap_are_refused_unless_none_is_needed() {
        let apart = [input("a", &[(0, 1.0)]), input("b", &[(1, 2.0)])];
        assert_eq!(reason(SUM, &apart, &overlap(1.0)), "No overlap");
        assert_eq!(points(SUM, &apart, &overlap(0.0)), [(0, 1.0), (1, 2.0)]);
        assert_eq!(reason(SUM, &[input("a", &[]), input("b", &[])], &overlap(100.0)), "No overlap");
        assert_eq!(points(SUM, &[input("a", &[]), input("b", &[])], &overlap(0.0)), []);
        assert_eq!(points(SUM, &[input("a", &[]), input("b", &[(0, 1.0)])], &filled(Fill::DropNan)), [(0, 1.0)]);
    }

    #[test]
    fn granularities_are_kept_apart_and_must_be_common() {
        let hours = |metric, points: &[(i64, f64)]| input_at(metric, Timespan::HOUR, points);
        let inputs = [
            input("a", &[(0, 1.0)]),
            hours("a", &[(0, 5.0)]),
            hours("b", &[(0, 6.0)]),
            input("b", &[(0, 2.0)]),
            input_at("b", Timespan::DAY, &[(0, 9.0)]),
        ];
        let shown = eval(SUM, &inputs, &EvaluateOptions::default());
        let expected = [("aggregated", "3600", vec![(0, 11.0)]), ("aggregated", "60", vec![(0, 3.0)])];
        assert_eq!(shown, expected.map(|(label, g, points)| (label.to_owned(), g.to_owned(), points)));
        let none = [input("a", &[(0, 1.0)]), hours("b", &[(0, 6.0)])];
        assert_eq!(reason(SUM, &none, &EvaluateOptions::default()), "No granularity match");
    }

    #[test]
    fn inputs_that_nothing_refers_to_are_ignored_and_missing_ones_named() {
        let inputs = [input("a", &[(0, 1.0)]), input("z", &[(7, 1.0)])];
        assert_eq!(points("(metric a mean)", &inputs, &EvaluateOptions::default()), [(0, 1.0)]);
        // A list is content with one of its metrics, as a pattern is.
        assert_eq!(points(SUM, &inputs, &EvaluateOptions::default()), [(0, 1.0)]);
        for text in ["(metric q mean)", "(+ (metric a mean) (metric q mean))"] {
            let error = evaluate(&parse(text), &inputs, &EvaluateOptions::default()).unwrap_err();
            assert!(matches!(error, Error::UnknownMetric { metric } if metric == "q"), "{text}");
        }
    }

    #[test]
    fn a_pattern_stands_for_all_that_were_found() {
        let of = |resource: &str, metric: &str, value| {
            let mut input = input("cpu.*", &[(0, value)]);
            input.label.resource = Some(resource.to_owned());
            metric.clone_into(&mut input.label.metric);
            input
        };
        let inputs = [of("vm1", "cpu.idle", 1.0), of("vm1", "cpu.user", 2.0), of("vm2", "cpu.idle", 4.0)];
        assert_eq!(points("(aggregate sum (metric cpu.* mean))", &inputs, &EvaluateOptions::default()), [(0, 7.0)]);
        let evaluated = evaluate(&parse("(metric cpu.* mean)"), &inputs, &EvaluateOptions::default()).unwrap();
        let labels: Vec<_> = evaluated.series.into_iter().map(|series| series.label).collect();
        assert_eq!(labels, inputs.map(|input| OutputLabel::Metric(input.label)));
    }

    #[test]
    fn inputs_out_of_order_or_given_twice_are_refused() {
        let twice = [input("a", &[(0, 1.0)]), input("a", &[(0, 1.0)])];
        let mut uneven = input("a", &[(0, 1.0)]);
        uneven.columns.values.clear();
        for inputs in [
            &twice[..],
            &[input("a", &[(1, 1.0), (0, 1.0)])],
            &[input("a", &[(1, 1.0), (1, 1.0)])],
            &[input("a", &[(-1, 1.0)])],
            &[uneven],
        ] {
            let error = evaluate(&parse("(metric a mean)"), inputs, &EvaluateOptions::default()).unwrap_err();
            assert!(matches!(error, Error::InvalidQuery { .. }), "{inputs:?}");
        }
    }

    #[test]
    fn tables_are_bounded() {
        let (series, length) = (1_200_i64, 100_i64);
        let inputs: Vec<Input> = (0..series)
            .map(|i| input(&format!("m{i}"), &(i * length..(i + 1) * length).map(|t| (t, 1.0)).collect::<Vec<_>>()))
            .collect();
        let operation = Operation::Metric(inputs.iter().map(|input| input.reference.clone()).collect());
        let error = evaluate(&operation, &inputs, &filled(Fill::Null)).unwrap_err();
        assert!(matches!(error, Error::OperationTooLarge { .. }));
    }

    proptest! {
        #[test]
        fn joined_series_are_those_of_a_map(
            series in proptest::collection::vec(proptest::collection::btree_map(0_i64..12, -9.0..9.0, 0..9), 1..7),
        ) {
            let inputs: Vec<Input> = series.iter().enumerate().map(|(i, points)| {
                input(&format!("m{i}"), &points.iter().map(|(t, v)| (*t, *v)).collect::<Vec<_>>())
            }).collect();
            let operation = Operation::Metric(inputs.iter().map(|input| input.reference.clone()).collect());
            let shown = show(&evaluate(&operation, &inputs, &filled(Fill::Number(0.25))).unwrap());
            let all: std::collections::BTreeSet<i64> = series.iter().flat_map(|points| points.keys().copied()).collect();
            for (points, (_, _, shown)) in series.iter().zip(&shown) {
                let expected: Vec<_> = all.iter().map(|t| (*t, points.get(t).copied().unwrap_or(0.25))).collect();
                prop_assert_eq!(shown, &expected);
            }
        }
    }
}

mod evaluating {
    use super::*;

    const NULL: EvaluateOptions =
        EvaluateOptions { fill: Some(Fill::Null), needed_overlap: 100.0, from: None, to: None };

    /// What a reduction is by its definition.
    fn naive(name: &str, values: &[f64]) -> f64 {
        let mut values: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let (n, sum) = (values.len() as f64, values.iter().sum::<f64>());
        let variance = values.iter().map(|value| (value - sum / n).powi(2)).sum::<f64>() / n;
        let (first, last) = (values.first().copied(), values.last().copied());
        match name {
            "count" => return n,
            "sum" => return sum + 0.0,
            "first" => return first.unwrap_or(f64::NAN),
            "last" => return last.unwrap_or(f64::NAN),
            _ => values.sort_by(f64::total_cmp),
        }
        let at = |percent: f64| {
            let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
            let position = last as f64 * percent / 100.0;
            let (low, high) = (values[position.floor() as usize], values[position.ceil() as usize]);
            low + (high - low) * position.fract()
        };
        match name {
            "mean" => sum / n,
            "var" => variance,
            "std" => variance.sqrt(),
            "min" => at(0.0),
            "max" => at(100.0),
            "median" => at(50.0),
            "95pct" => at(95.0),
            other => panic!("{other}"),
        }
    }

    const REDUCTIONS: [&str; 11] =
        ["mean", "sum", "count", "std", "var", "min", "max", "first", "last", "median", "95pct"];

    fn close(a: f64, b: f64) -> bool {
        a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![8 => -100.0..100.0, 2 => (-3_i8..4).prop_map(f64::from), 1 => Just(f64::NAN)]
    }

    fn table() -> impl Strategy<Value = Vec<Vec<f64>>> {
        (1_usize..6, 1_usize..40)
            .prop_flat_map(|(series, rows)| proptest::collection::vec(proptest::collection::vec(value(), rows), series))
    }

    fn inputs_of(table: &[Vec<f64>]) -> (String, Vec<Input>) {
        let input = |(i, values): (usize, &Vec<f64>)| {
            input(&format!("m{i}"), &(0..).zip(values.iter().copied()).collect::<Vec<_>>())
        };
        let inputs: Vec<Input> = table.iter().enumerate().map(input).collect();
        let names: Vec<String> = inputs.iter().map(|input| format!("({} mean)", input.label.metric)).collect();
        (format!("(metric {})", names.join(" ")), inputs)
    }

    proptest! {
        #[test]
        fn aggregates_are_those_of_their_definition(table in table()) {
            let (metric, inputs) = inputs_of(&table);
            for name in REDUCTIONS {
                let rows = (0..table[0].len()).map(|t| table.iter().map(|series| series[t]).collect::<Vec<_>>());
                let expected: Vec<f64> = rows.map(|row| naive(name, &row)).collect();
                let got = points(&format!("(aggregate {name} {metric})"), &inputs, &NULL);
                for ((t, got), expected) in got.iter().zip(&expected) {
                    prop_assert!(close(*got, *expected), "{name} at {t}: {got} {expected}");
                }
                let rates = points(&format!("(aggregate rate:{name} {metric})"), &inputs, &NULL);
                prop_assert_eq!(rates.len(), expected.len() - 1);
                for ((t, got), pair) in rates.iter().zip(got.windows(2)) {
                    prop_assert_eq!(*t, pair[1].0);
                    prop_assert!(close(*got, pair[1].1 - pair[0].1), "rate:{name} at {t}");
                }
            }
        }

        #[test]
        fn rolling_windows_are_those_of_their_definition(table in table(), window in 1_usize..30) {
            let (metric, inputs) = inputs_of(&table);
            for name in REDUCTIONS {
                let text = format!("(rolling {name} {window} {metric})");
                if window > table[0].len() {
                    prop_assert!(reason(&text, &inputs, &NULL).contains("greater than serie length"));
                    continue;
                }
                for (series, (_, _, got)) in table.iter().zip(eval(&text, &inputs, &NULL)) {
                    let expected: Vec<f64> = series.windows(window).map(|window| naive(name, window)).collect();
                    prop_assert_eq!(got.len(), expected.len());
                    prop_assert_eq!(got[0].0, window as i64 - 1);
                    for ((_, got), expected) in got.iter().zip(&expected) {
                        prop_assert!(close(*got, *expected), "{name}: {got} {expected}");
                    }
                }
            }
        }

        #[test]
        fn binary_operators_are_those_of_their_definition(left in value(), right in value()) {
            let truth = |holds: bool| f64::from(u8::from(holds));
            let any_nan = left.is_nan() || right.is_nan();
            let expected = [
                ("==", truth(left == right)), ("!=", truth(left != right)), ("<", truth(left < right)),
                (">", truth(left > right)), ("<=", truth(left <= right)), (">=", truth(left >= right)),
                ("+", left + right), ("-", left - right), ("*", left * right), ("/", left / right),
                ("%", if right == 0.0 { f64::NAN } else { left - (left / right).floor() * right }),
                ("**", left.powf(right)), ("max", left.max(right)),
                ("clip_min", if any_nan { f64::NAN } else { left.max(right) }),
                ("clip_max", if any_nan { f64::NAN } else { left.min(right) }),
            ];
            prop_assert_eq!(expected.len(), BinaryOperator::all().len());
            let inputs = [input("a", &[(0, left)]), input("b", &[(0, right)])];
            for (name, expected) in expected {
                let forms = [
                    format!("({name} (metric a mean) (metric b mean))"),
                    format!("({name} (metric a mean) {right:?})"),
                    format!("({name} {left:?} (metric b mean))"),
                    format!("(+ (* 0 (clip (metric a mean) 0 0)) ({name} {left:?} {right:?}))"),
                ];
                for form in &forms[..if any_nan { 3 } else { 4 }] {
                    let got = points(form, &inputs, &NULL)[0].1;
                    prop_assert!(close(got, expected), "{form}: {got} {expected}");
                }
            }
        }

        #[test]
        fn no_tree_panics(operation in language::tree(), table in table()) {
            let inputs: Vec<Input> = operation.metrics().into_iter().zip(table.iter().cycle()).map(|(reference, values)| {
                let timestamps = (0..values.len() as i64).map(|t| t * MINUTE).collect();
                Input::new(reference.clone(), Timespan::MINUTE, Columns { timestamps, values: values.clone() })
            }).collect();
            for options in [NULL, overlap(0.0), filled(Fill::FullForward)] {
                match evaluate(&operation, &inputs, &options) {
                    Ok(evaluated) => for series in evaluated.series {
                        prop_assert_eq!(series.columns.timestamps.len(), series.columns.values.len());
                        prop_assert!(series.columns.timestamps.is_sorted_by(|a, b| a < b));
                    },
                    Err(Error::Unaggregable { .. }) => {}
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
        }
    }

    #[test]
    fn unary_operators_are_those_of_their_definition() {
        type Function = fn(f64) -> f64;
        let expected: [(&str, Function); 7] = [
            ("abs", f64::abs),
            ("neg", |v| -v),
            ("cos", f64::cos),
            ("sin", f64::sin),
            ("tan", f64::tan),
            ("floor", f64::floor),
            ("ceil", f64::ceil),
        ];
        for (name, function) in expected {
            let got = points(&format!("({name} (metric a mean))"), &[input("a", &[(0, -1.5), (1, 0.25)])], &NULL);
            assert_eq!(got, [(0, function(-1.5)), (1, function(0.25))], "{name}");
            let constant = format!("(+ (metric a mean) ({name} -1.5))");
            assert_eq!(points(&constant, &[input("a", &[(0, 1.0)])], &NULL), [(0, 1.0 + function(-1.5))], "{name}");
        }
    }

    #[test]
    fn rates_of_change_are_differences_and_differences_per_second() {
        let series = [input("a", &[(0, 1.0), (1, 7.0), (3, 1.0)])];
        assert_eq!(points("(rateofchange (metric a mean))", &series, &NULL), [(1, 6.0), (3, -6.0)]);
        let per_second = points("(rateofchangesec (metric a mean))", &series, &NULL);
        assert!(per_second[0].1.is_nan());
        assert_eq!(per_second[1..], [(1, 0.1), (3, -0.05)]);
        for name in ["rateofchange", "rateofchangesec"] {
            assert_eq!(points(&format!("({name} (metric a mean))"), &[input("a", &[])], &NULL), [], "{name}");
        }
    }

    #[test]
    fn comparisons_yield_truths_that_add_to_whether_any_holds() {
        let series = [input("a", &[(0, 1.0), (1, 5.0), (2, 9.0)])];
        let cases: [(&str, &[f64]); 7] = [
            ("(+ (> (metric a mean) 0) (> (metric a mean) 4))", &[1.0, 1.0, 1.0]),
            ("(* (> (metric a mean) 0) (> (metric a mean) 4))", &[0.0, 1.0, 1.0]),
            ("(+ (> (metric a mean) 4) 1)", &[1.0, 2.0, 2.0]),
            ("(+ (abs (> (metric a mean) 4)) (> 2 1))", &[1.0, 1.0, 1.0]),
            ("(rateofchange (< (metric a mean) 4))", &[1.0, 0.0]),
            ("(rolling rate:max 1 (< (metric a mean) 4))", &[1.0, 0.0]),
            ("(rolling rate:sum 1 (< (metric a mean) 4))", &[-1.0, 0.0]),
        ];
        for (text, expected) in cases {
            let values: Vec<f64> = points(text, &series, &NULL).into_iter().map(|(_, value)| value).collect();
            assert_eq!(values, expected, "{text}");
        }
    }

    #[test]
    fn clip_brings_values_between_bounds() {
        let series = [input("a", &[(0, -5.0), (1, 5.0), (2, f64::NAN)]), input("b", &[(0, 0.0), (1, 9.0), (2, 0.0)])];
        let clipped = |text| points(text, &series, &NULL).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(clipped("(clip (metric a mean) -1 1)")[..2], [-1.0, 1.0]);
        assert_eq!(clipped("(clip (metric a mean) -1)")[..2], [-1.0, 5.0]);
        assert_eq!(clipped("(clip (metric a mean) 3 2)")[..2], [2.0, 2.0]);
        assert_eq!(clipped("(clip (metric a mean) (metric b mean))")[..2], [0.0, 9.0]);
        assert_eq!(clipped("(clip 4 (metric b mean) 6)"), [4.0, 6.0, 4.0]);
        assert!(clipped("(clip (metric a mean) -1 1)")[2].is_nan());
    }

    #[test]
    fn series_combine_one_to_one_or_one_to_all() {
        let series = [input("a", &[(0, 1.0)]), input("b", &[(0, 10.0)]), input("c", &[(0, 100.0)])];
        let shown = eval("(+ (metric (b mean) (a mean)) (metric c mean))", &series, &NULL);
        // Of several combined series the first is shown, as in Gnocchi; columns are in the order of the inputs.
        assert_eq!(shown, [("aggregated".to_owned(), "60".to_owned(), vec![(0, 101.0)])]);
        let spread = "(aggregate sum (+ (metric (b mean) (a mean)) (metric c mean)))";
        assert_eq!(points(spread, &series, &NULL), [(0, 211.0)]);
        let pairs = "(aggregate max (* (metric (a mean) (b mean)) (metric (b mean) (c mean))))";
        assert_eq!(points(pairs, &series, &NULL), [(0, 1000.0)]);
        let uneven = "(+ (metric (a mean) (b mean)) (metric (a mean) (b mean) (c mean)))";
        assert_eq!(reason(uneven, &series, &NULL), "`+` can't combine 2 timeseries with 3");
    }

    #[test]
    fn series_of_different_times_do_not_combine() {
        let series = [input("a", &[(0, 1.0), (1, 2.0), (2, 3.0)])];
        for text in [
            "(- (metric a mean) (rateofchange (metric a mean)))",
            "(- (resample mean 120 (metric a mean)) (metric a mean))",
            "(clip (metric a mean) 0 (rolling mean 2 (metric a mean)))",
        ] {
            assert!(reason(text, &series, &NULL).contains("different timestamps or granularity"), "{text}");
        }
    }

    #[test]
    fn resampling_groups_again_by_timespan_or_calendar() {
        let series = [input("a", &[(0, 1.0), (1, 3.0), (2, 5.0), (5, 8.0)])];
        let shown = |text| eval(text, &series, &NULL).remove(0);
        let (label, granularity, points) = shown("(resample mean 120 (metric a mean))");
        assert_eq!((label.as_str(), granularity.as_str()), ("a", "120"));
        assert_eq!(points, [(0, 2.0), (2, 5.0), (4, 8.0)]);
        assert_eq!(shown("(resample rate:sum 120 (metric a mean))").2, [(0, 2.0), (2, 2.0), (4, 3.0)]);
        // A deviation of one point is none; here it is that of the sample, as in Carbonara.
        assert_eq!(shown("(resample std 120 (metric a mean))").2, [(0, 2.0_f64.sqrt())]);
        let (_, granularity, points) = shown("(+ 1 (resample count M (metric a mean)))");
        assert_eq!((granularity.as_str(), points), ("M", vec![(0, 5.0)]));
    }

    #[test]
    fn a_tree_of_numbers_is_refused() {
        let number = || Box::new(Operation::Number(1.0));
        let mean = Reduction::Method(AggregationMethod::MEAN);
        let aggregated = Operation::Aggregate { reduction: mean, of: number() };
        let metric = Box::new(parse("(metric a mean)"));
        let hidden =
            Operation::Binary { operator: BinaryOperator::Add, left: metric, right: Box::new(aggregated.clone()) };
        for operation in [*number(), aggregated, hidden] {
            let error = evaluate(&operation, &[input("a", &[(0, 1.0)])], &NULL).unwrap_err();
            assert!(matches!(error, Error::InvalidQuery { .. }), "{operation}");
        }
    }

    /// Gnocchi's own example of its documentation of aggregates, in numbers that are easy to check.
    #[test]
    fn usage_in_percent_over_several_metrics() {
        let series = [
            input("used.a", &[(0, 2.0), (1, 4.0), (2, 8.0)]),
            input("used.b", &[(0, 6.0), (1, 4.0), (2, 0.0)]),
            input("total", &[(0, 16.0), (1, 16.0), (2, 32.0)]),
        ];
        let text = "(* 100 (/ (aggregate sum (metric (used.a mean) (used.b mean))) (metric total mean)))";
        assert_eq!(points(text, &series, &EvaluateOptions::asked(None, None)), [(0, 50.0), (1, 50.0), (2, 25.0)]);
    }
}

mod reaggregating {
    use super::*;

    fn question(metrics: &[&str], method: &str, reaggregation: Option<&str>, resample: Option<&str>) -> Reaggregation {
        Reaggregation {
            metrics: metrics.iter().map(|metric| (*metric).to_owned()).collect(),
            method: method.parse().unwrap(),
            reaggregation: reaggregation.map(|name| name.parse().unwrap()),
            resample: resample.map(|sampling| sampling.parse().unwrap()),
            options: EvaluateOptions::default(),
        }
    }

    #[test]
    fn the_operation_is_that_of_the_newer_call() {
        let cases = [
            (question(&["a", "b"], "max", None, None), "(aggregate max (metric (a max) (b max)))"),
            (question(&["a", "b"], "95pct", Some("var"), None), "(aggregate var (metric (a 95pct) (b 95pct)))"),
            (
                question(&["a", "b"], "mean", Some("min"), Some("Q")),
                "(aggregate min (resample mean Q (metric (a mean) (b mean))))",
            ),
            (
                question(&["a", "b"], "rate:mean", Some("sum"), Some("60")),
                "(aggregate sum (resample mean 60 (metric (a rate:mean) (b rate:mean))))",
            ),
            (question(&["a"], "mean", Some("min"), Some("60")), "(resample mean 60 (metric a mean))"),
        ];
        for (question, text) in cases {
            assert_eq!(question.plan().unwrap().0.to_string(), text);
        }
        assert!(matches!(question(&[], "mean", None, None).plan(), Err(Error::InvalidQuery { .. })));
    }

    #[test]
    fn a_single_metric_needs_no_overlap_and_keeps_its_label() {
        let (operation, options) = question(&["a"], "mean", Some("count"), None).plan().unwrap();
        for points in [vec![], vec![(0, 3.0), (1, f64::INFINITY)]] {
            let evaluated = evaluate(&operation, &[input("a", &points)], &options).unwrap();
            assert_eq!(show(&evaluated), [("a".to_owned(), "60".to_owned(), points)]);
        }
    }
}

mod searching {
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
}
