use proptest::prelude::*;

use super::*;
use crate::codec::samples::{Random, column, mutate, same_bits};
use crate::codec::{MAX_ROWS, Scratch};
use crate::types::{AggregateBlock, AggregateColumn, AggregationMethod, Columns, Method, Points};

const MINUTE: i64 = 60_000_000_000;

fn method(name: &str) -> AggregationMethod {
    name.parse().unwrap()
}

/// What Carbonara makes of groups of measures, for these methods.
fn aggregate(groups: &[(i64, Vec<f64>)], methods: &[&str]) -> AggregateBlock {
    let mut methods: Vec<AggregationMethod> = methods.iter().map(|name| method(name)).collect();
    methods.sort_unstable();
    let columns = methods.into_iter().map(|method| {
        let made: Vec<Option<f64>> = groups.iter().map(|(_, values)| one(method.method(), values)).collect();
        AggregateColumn {
            method,
            values: made.iter().map(|value| value.unwrap_or(0.0)).collect(),
            present: made.contains(&None).then(|| made.iter().map(Option::is_some).collect()),
        }
    });
    AggregateBlock { timestamps: groups.iter().map(|(start, _)| *start).collect(), columns: columns.collect() }
}

fn one(method: Method, values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let sum = values.iter().fold(0.0, |sum, value| sum + value);
    let sorted = || {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let percentile = |p: f64| {
        let rank = p * (n - 1.0);
        let (low, part) = (rank.floor() as usize, rank.fract());
        let sorted = sorted();
        sorted[low] + (sorted[(low + 1).min(sorted.len() - 1)] - sorted[low]) * part
    };
    Some(match method {
        Method::Sum => sum,
        Method::Mean => sum / n,
        Method::Min => sorted()[0],
        Method::Max => sorted()[values.len() - 1],
        Method::Count => n,
        Method::Std if values.len() < 2 => return None,
        Method::Std => (values.iter().map(|v| (v - sum / n) * (v - sum / n)).sum::<f64>() / (n - 1.0)).sqrt(),
        Method::First => values[0],
        Method::Last => values[values.len() - 1],
        Method::Median => percentile(0.5),
        Method::Percentile(p) => percentile(f64::from(p) / 100.0),
    })
}

const SIX: [&str; 6] = ["mean", "min", "max", "sum", "std", "count"];
const TEN: [&str; 10] = ["mean", "min", "max", "sum", "std", "count", "first", "last", "median", "95pct"];

/// Groups of `each` measures of a random walk, changed by `shape`.
fn walk(groups: usize, each: usize, shape: impl Fn(f64) -> f64) -> Vec<(i64, Vec<f64>)> {
    let mut random = Random(groups as u64);
    let mut level = 50.0;
    let mut step = || {
        level = (level + random.normal()).clamp(0.0, 100.0);
        shape(level)
    };
    (0..groups).map(|i| (28_333_333 * MINUTE + i as i64 * MINUTE, (0..each).map(|_| step()).collect())).collect()
}

/// Encodes, decodes everything and each method alone, and compares bit for bit.
fn round_trip(block: &AggregateBlock, granularity: i64) -> Vec<u8> {
    let mut scratch = Scratch::default();
    let mut bytes = vec![3];
    encode_aggregates(block, granularity, &mut scratch, &mut bytes);
    let bytes = bytes.split_off(1);
    let back = decode_aggregates(&bytes, block.rows(), granularity, &mut scratch).unwrap();
    assert_eq!(back.timestamps, block.timestamps);
    assert_eq!(back.columns.len(), block.columns.len());
    for (column, back) in block.columns.iter().zip(&back.columns) {
        assert_eq!(column.method, back.method);
        let mut out = Points::from(Columns { timestamps: vec![1], values: vec![0.5] });
        assert!(decode_aggregate(&bytes, block.rows(), granularity, column.method, &mut scratch, &mut out).unwrap());
        let mut expected = Columns { timestamps: vec![1], values: vec![0.5] };
        for row in 0..block.rows() {
            assert_eq!(column.has(row), back.has(row));
            let value = if column.has(row) { column.values[row] } else { 0.0 };
            assert_eq!(value.to_bits(), back.values[row].to_bits(), "{} in row {row}", column.method);
            if column.has(row) {
                expected.push(block.timestamps[row], column.values[row]);
            }
        }
        assert_eq!(out.starts.clone().into_list(), expected.timestamps);
        assert!(same_bits(&out.values, &expected.values));
    }
    for absent in AggregationMethod::all().filter(|method| block.column(*method).is_none()).take(20) {
        let mut out = Points::default();
        assert!(!decode_aggregate(&bytes, block.rows(), granularity, absent, &mut scratch, &mut out).unwrap());
        assert!(out.is_empty());
    }
    bytes
}

fn bytes_per_row(groups: &[(i64, Vec<f64>)], methods: &[&str]) -> f64 {
    round_trip(&aggregate(groups, methods), MINUTE).len() as f64 / groups.len() as f64
}

#[test]
fn sizes_of_a_random_walk() {
    let whole = bytes_per_row(&walk(360, 6, f64::floor), &SIX);
    assert!(whole <= 2.65, "{whole}");
    let full = bytes_per_row(&walk(360, 6, |v| v), &SIX);
    assert!(full <= 26.6, "{full}");
    let single = bytes_per_row(&walk(360, 1, f64::floor), &SIX);
    assert!(single <= 0.7, "{single}");
    let single = bytes_per_row(&walk(360, 1, |v| v), &TEN);
    assert!(single <= 6.7, "{single}");
    let hundredths = bytes_per_row(&walk(360, 6, |v| (v * 100.0).round() / 100.0), &TEN);
    assert!(hundredths <= 16.0, "{hundredths}");
}

#[test]
fn a_group_of_one_measure_has_one_value() {
    let block = aggregate(&walk(4, 1, f64::floor), &TEN);
    let bytes = round_trip(&block, MINUTE);
    assert!(bytes.len() <= 50, "{bytes:?}");
    let negative_zero = aggregate(&[(0, vec![-0.0]), (MINUTE, vec![1.5])], &TEN);
    round_trip(&negative_zero, MINUTE);
}

#[test]
fn golden() {
    let groups = [(0, vec![1.0, 2.0]), (MINUTE, vec![4.0]), (3 * MINUTE, vec![3.0, 5.0])];
    let bytes = round_trip(&aggregate(&groups, &SIX), MINUTE);
    assert_eq!(
        bytes,
        [
            &[63][..],                     // six methods
            &[4],                          // mean: sum / count
            &[0, 5, 8, 5, 0, 5, 0, 5],     // sum, min (the reference), max, count on their own
            &[23, 3],                      // std where counted, bounded by min and max
            &[1, 0, 4, 0b1011],            // starts: a bitmap of four places from 0
            &[128, 19, 6, 4, 0b1000_0010], // sum 3 4 8: zigzagged differences 2 and 8
            &[128, 17, 2, 2, 0b10_11_00],  // min 1 4 3: above 1
            &[128, 17, 4, 2, 0b11_10_00],  // max 2 4 5: above 2
            &[128, 17, 2, 1, 0b101],       // count 2 1 2: above 1
            &[128, 0, 0],                  // std: no excess
        ]
        .concat()
    );
}

#[test]
fn damage_never_panics_and_allocates_by_rows_only() {
    let mut random = Random(11);
    let mut groups = walk(300, 5, |v| (v * 10.0).floor() / 10.0);
    groups.retain(|_| random.below(10) > 0);
    for (_, values) in &mut groups {
        values.truncate(1 + random.below(5));
    }
    let names: Vec<String> = TEN.iter().flat_map(|name| [(*name).to_owned(), format!("rate:{name}")]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut block = aggregate(&groups, &names);
    for column in block.columns.iter_mut().filter(|column| column.method.is_rate()) {
        let present = column.present.get_or_insert_with(|| vec![true; groups.len()]);
        (present[0], present[17]) = (false, false);
    }
    let bytes = round_trip(&block, MINUTE);
    let mut scratch = Scratch::default();
    let rows = groups.len();
    mutate(&bytes, 20_000, |bytes| {
        if let Ok(block) = decode_aggregates(bytes, rows, MINUTE, &mut scratch) {
            assert!(block.columns.len() <= 216);
            assert!(
                block.columns.iter().all(|column| column.values.len() == rows && column.values.capacity() <= 2 * rows)
            );
        }
        for name in &names[..6] {
            let mut out = Points::from(Columns { timestamps: vec![1], values: vec![0.5] });
            if decode_aggregate(bytes, rows, MINUTE, method(name), &mut scratch, &mut out).is_err() {
                assert!(out.starts.len() == 1 && out.values.len() == 1);
            }
            assert_eq!(out.starts.len(), out.values.len());
        }
    });
    for rows in [0, MAX_ROWS + 1] {
        assert!(decode_aggregates(&bytes, rows, MINUTE, &mut scratch).is_err());
    }
}

/// Any columns, with values of any kind, present anywhere.
fn any_block() -> impl Strategy<Value = AggregateBlock> {
    let method = prop_oneof![3 => 0u8..9, 1 => 9u8..108, 3 => 108u8..117, 1 => 117u8..216];
    let methods = prop::collection::btree_set(method, 0..12);
    (1usize..80, methods).prop_flat_map(|(rows, methods)| {
        let n = methods.len();
        let columns = prop::collection::vec((column(rows), 0u8..4, prop::collection::vec(any::<bool>(), rows)), n);
        (Just(methods), columns, prop::collection::vec(prop_oneof![5 => Just(1i64), 1 => 1i64..1000], rows)).prop_map(
            |(methods, columns, gaps)| {
                let mut at = 0;
                let shared = columns.first().map(|(_, _, mask)| mask.clone());
                let columns = methods.into_iter().zip(columns).map(|(id, (values, kind, mask))| AggregateColumn {
                    method: AggregationMethod::from_id(id).unwrap(),
                    values,
                    present: match kind {
                        0 => Some(mask),
                        1 => shared.clone(),
                        _ => None,
                    },
                });
                AggregateBlock {
                    timestamps: gaps
                        .iter()
                        .map(|gap| {
                            at += gap;
                            at * MINUTE
                        })
                        .collect(),
                    columns: columns.collect(),
                }
            },
        )
    })
}

/// Real groups of hostile measures.
fn any_groups() -> impl Strategy<Value = Vec<(i64, Vec<f64>)>> {
    (1usize..40, 1usize..5).prop_flat_map(|(groups, most)| {
        (column(groups * most), prop::collection::vec(1..=most, groups)).prop_map(move |(values, sizes)| {
            let groups = values.chunks(most).zip(sizes).zip(0i64..);
            groups.map(|((values, size), i)| (i * MINUTE, values[..size].to_vec())).collect()
        })
    })
}

proptest! {
    #[test]
    fn any_block_comes_back(block in any_block()) {
        round_trip(&block, MINUTE);
    }

    #[test]
    fn aggregates_of_any_measures_come_back(
        groups in any_groups(),
        methods in prop::sample::subsequence(TEN.to_vec(), 0..=10),
        rate: bool,
    ) {
        let mut block = aggregate(&groups, &methods);
        if rate {
            block.columns.iter_mut().for_each(|column| column.method = column.method.rate());
        }
        round_trip(&block, MINUTE);
    }
}
