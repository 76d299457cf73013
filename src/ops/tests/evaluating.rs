//! What operators make of values, against naive evaluations.

use super::*;

const NULL: EvaluateOptions = EvaluateOptions { fill: Some(Fill::Null), needed_overlap: 100.0, from: None, to: None };

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

const REDUCTIONS: [&str; 11] = ["mean", "sum", "count", "std", "var", "min", "max", "first", "last", "median", "95pct"];

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
    let hidden = Operation::Binary { operator: BinaryOperator::Add, left: metric, right: Box::new(aggregated.clone()) };
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
