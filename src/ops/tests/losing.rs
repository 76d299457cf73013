//! What damage makes unknown.

use super::*;

/// A metric of which the points of these minutes may be missing.
fn losing(metric: &str, points: &[(i64, f64)], lost: (i64, i64)) -> Input {
    let minutes = |minute: i64| minute.saturating_mul(MINUTE);
    Input { lost: vec![(minutes(lost.0), minutes(lost.1))], ..input(metric, points) }
}

/// `a` of minutes 0 to 9 without 4 and 5; `b` of all of them.
fn two() -> [Input; 2] {
    let a: Vec<(i64, f64)> = (0..10).filter(|t| !(4..6).contains(t)).map(|t| (t, t as f64)).collect();
    let b: Vec<(i64, f64)> = (0..10).map(|t| (t, 100.0)).collect();
    [losing("a", &a, (4, 5)), input("b", &b)]
}

fn times(text: &str, inputs: &[Input], options: &EvaluateOptions) -> Vec<i64> {
    points(text, inputs, options).into_iter().map(|(t, _)| t).collect()
}

#[test]
fn a_lost_point_is_an_absent_one() {
    let sum = "(aggregate sum (metric (a mean) (b mean)))";
    let summed = points(sum, &two(), &filled(Fill::DropNan));
    assert_eq!(summed[3..6], [(3, 103.0), (4, 100.0), (5, 100.0)]);
    assert_eq!(points(sum, &two(), &filled(Fill::Number(7.0)))[4], (4, 107.0));
    assert!(reason(sum, &two(), &overlap(100.0)).contains("80.00%"));
    let shown = eval("(metric (a mean) (b mean))", &two(), &filled(Fill::Null));
    assert_eq!((shown[0].2.len(), shown[1].2.len()), (8, 10), "what is lost is no hole");
}

#[test]
fn what_is_made_of_several_times_is_left_out_where_one_is_lost() {
    let drop = filled(Fill::DropNan);
    let all = [0, 1, 2, 3, 6, 7, 8, 9];
    let only = &two()[..1];
    assert_eq!(times("(metric a mean)", only, &drop), all);
    assert_eq!(times("(rateofchange (metric a mean))", only, &drop), [1, 2, 3, 7, 8, 9]);
    assert_eq!(times("(rateofchangesec (metric a mean))", only, &drop), [1, 2, 3, 7, 8, 9]);
    assert_eq!(times("(rolling sum 3 (metric a mean))", only, &drop), [2, 3, 8, 9]);
    assert_eq!(times("(rolling rate:sum 2 (metric a mean))", only, &drop), [2, 3, 8, 9]);
    assert_eq!(times("(resample sum 180 (metric a mean))", only, &drop), [0, 6, 9]);
    // A difference belongs to the group of its later point.
    assert_eq!(times("(resample rate:max 180 (metric a mean))", only, &drop), [0, 9]);
    // A window over windows does not do without those that are unknown.
    assert_eq!(times("(rolling max 2 (rolling sum 2 (metric a mean)))", only, &drop), [2, 3, 8, 9]);
    assert_eq!(times("(rolling count 2 (resample sum 120 (metric a mean)))", only, &drop), [2, 8]);
    // Whatever fills holes.
    for fill in [Fill::Null, Fill::Number(0.0), Fill::FullForward] {
        assert_eq!(times("(resample sum 180 (metric a mean))", only, &filled(fill)), [0, 6, 9], "{fill}");
        let shown = eval("(resample sum 180 (metric (a mean) (b mean)))", &two(), &filled(fill));
        let of = |i: usize| shown[i].2.iter().map(|(t, _)| *t).collect::<Vec<_>>();
        assert_eq!((of(0), of(1)), (vec![0, 6, 9], vec![0, 3, 6, 9]), "{fill}: of `b` nothing is lost");
    }
}

#[test]
fn several_series_do_without_the_one_that_lost_something() {
    let drop = filled(Fill::DropNan);
    let resampled = "(aggregate sum (resample sum 180 (metric (a mean) (b mean))))";
    let groups = [(0, 303.0), (3, 300.0), (6, 321.0), (9, 109.0)];
    assert_eq!(points(resampled, &two(), &drop), groups, "the whole group of `a` is absent");
    // Once they are one, nobody knows whose points a group lacks.
    let together = "(resample sum 180 (aggregate sum (metric (a mean) (b mean))))";
    assert_eq!(times(together, &two(), &drop), [0, 6, 9]);
    // A sum, a count or a comparison of nothing is no answer where something was lost.
    let one = &two()[..1];
    for nothing in [
        "(aggregate sum (resample sum 180 (metric a mean)))",
        "(aggregate count (resample sum 180 (metric a mean)))",
        "(< (resample sum 180 (metric a mean)) 1)",
        "(+ (> 5 (resample sum 180 (metric a mean))) (> 5 (resample sum 180 (metric a mean))))",
    ] {
        assert_eq!(times(nothing, one, &filled(Fill::Number(0.0))), [0, 6, 9], "{nothing}");
    }
    let difference = "(- (aggregate sum (metric a mean)) (aggregate sum (metric b mean)))";
    assert_eq!(times(difference, &two(), &drop), [0, 1, 2, 3, 6, 7, 8, 9]);
    assert_eq!(times("(aggregate rate:sum (metric a mean))", one, &drop), [1, 2, 3, 7, 8, 9]);
}

#[test]
fn where_nobody_knows_what_is_lost_only_points_are_given() {
    let all: Vec<(i64, f64)> = (0..10).map(|t| (t, 1.0)).collect();
    let inputs = [losing("a", &all, (i64::MIN, i64::MAX))];
    let drop = filled(Fill::DropNan);
    assert_eq!(times("(* 2 (metric a mean))", &inputs, &drop).len(), 10);
    assert_eq!(times("(resample sum 180 (metric a mean))", &inputs, &drop), [0_i64; 0]);
    assert_eq!(times("(rolling sum 2 (metric a mean))", &inputs, &drop), [0_i64; 0]);
}
