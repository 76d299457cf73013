//! Series of different times brought together.

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
    uneven.values.clear();
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
