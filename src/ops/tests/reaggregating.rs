//! The older question, as the operation that it stands for.

use super::*;

fn question(metrics: &[&str], method: &str, reaggregation: Option<&str>, resample: Option<&str>) -> Reaggregation {
    Reaggregation {
        metrics: metrics.iter().map(|metric| (*metric).to_owned()).collect(),
        method: method.parse().unwrap(),
        reaggregation: reaggregation.map(|name| name.parse().unwrap()),
        resample: resample.map(|sampling| sampling.parse().unwrap()),
        options: EvaluateOptions::default(),
        skip_damaged: false,
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
