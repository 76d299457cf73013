//! Codecs: hostile bytes give an error or what can be encoded again; whatever is encoded comes back bit for bit.

use gnocchetti::internals::codec::{
    Points, Scratch, decode_aggregate, decode_aggregates, decode_batch, decode_measures, encode_aggregates,
    encode_batch, encode_measures,
};
use gnocchetti::{AggregateBlock, AggregateColumn, AggregationMethod, Columns};

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn ascend(timestamps: &[i64]) -> bool {
    timestamps.windows(2).all(|pair| pair[0] < pair[1])
}

/// The first two bytes: how many rows the caller expects.
fn rows(data: &[u8]) -> Option<(usize, &[u8])> {
    let (rows, rest) = data.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_le_bytes(*rows)) + 1, rest))
}

/// The next eight: of which granularity.
fn granularity(data: &[u8]) -> Option<(i64, &[u8])> {
    let (granularity, rest) = data.split_first_chunk::<8>()?;
    Some((i64::from_le_bytes(*granularity).checked_abs()?.max(1), rest))
}

/// A chunk of aggregates.
pub fn aggregates(data: &[u8]) {
    let Some((rows, data)) = rows(data) else { return };
    let Some((granularity, bytes)) = granularity(data) else { return };
    let mut scratch = Scratch::default();
    let block = decode_aggregates(bytes, rows, granularity, &mut scratch);
    if let Ok(block) = &block {
        assert_eq!(block.rows(), rows);
        for column in &block.columns {
            single(bytes, granularity, block, column, &mut scratch);
        }
        // What is too large to encode again in the time there is, other inputs show in small.
        if rows * block.columns.len() <= 1 << 14 && ascend(&block.timestamps) {
            block_comes_back(block, granularity, &mut scratch);
        }
    } else {
        let mut out = Points::default();
        let decoded = decode_aggregate(bytes, rows, granularity, AggregationMethod::MEAN, &mut scratch, &mut out);
        assert!(decoded.is_ok() || out.is_empty(), "what was appended is taken back");
    }
}

/// One method alone is what it is among all.
fn single(bytes: &[u8], granularity: i64, block: &AggregateBlock, column: &AggregateColumn, scratch: &mut Scratch) {
    let mut out = Points::default();
    let found = decode_aggregate(bytes, block.rows(), granularity, column.method, scratch, &mut out);
    assert_eq!(found, Ok(true));
    let out = Columns::from(out);
    let rows = || (0..block.rows()).filter(|row| column.has(*row));
    assert!(rows().map(|row| block.timestamps[row]).eq(out.timestamps.iter().copied()));
    assert!(rows().map(|row| column.values[row].to_bits()).eq(bits(&out.values)));
}

fn block_comes_back(block: &AggregateBlock, granularity: i64, scratch: &mut Scratch) {
    let mut bytes = Vec::new();
    encode_aggregates(block, granularity, scratch, &mut bytes);
    let back = decode_aggregates(&bytes, block.rows(), granularity, scratch).expect("what was encoded");
    assert_eq!(back.timestamps, block.timestamps);
    assert_eq!(back.columns.len(), block.columns.len());
    for (back, column) in back.columns.iter().zip(&block.columns) {
        assert_eq!(back.method, column.method);
        for row in 0..block.rows() {
            assert_eq!(back.has(row), column.has(row));
            assert!(!column.has(row) || back.values[row].to_bits() == column.values[row].to_bits());
        }
    }
}

/// A chunk of measures.
pub fn measures(data: &[u8]) {
    let Some((rows, bytes)) = rows(data) else { return };
    let mut scratch = Scratch::default();
    let (mut timestamps, mut values) = (vec![7], vec![0.5]);
    if decode_measures(bytes, rows, &mut scratch, &mut timestamps, &mut values).is_err() {
        assert_eq!((timestamps, values), (vec![7], vec![0.5]), "what was appended is taken back");
        return;
    }
    assert_eq!((timestamps.len(), values.len()), (rows + 1, rows + 1));
    if ascend(&timestamps[1..]) {
        measures_come_back(&timestamps[1..], &values[1..], &mut scratch);
    }
}

fn measures_come_back(timestamps: &[i64], values: &[f64], scratch: &mut Scratch) {
    let mut bytes = Vec::new();
    encode_measures(timestamps, values, scratch, &mut bytes);
    let (mut times, mut back) = (Vec::new(), Vec::new());
    decode_measures(&bytes, values.len(), scratch, &mut times, &mut back).expect("what was encoded");
    assert_eq!((times.as_slice(), bits(&back)), (timestamps, bits(values)));
}

/// A batch of the journal.
pub fn batch(data: &[u8]) {
    let (mut keys, mut timestamps, mut values) = (vec![1], vec![2], vec![3.0]);
    if decode_batch(data, &mut keys, &mut timestamps, &mut values).is_err() {
        assert_eq!((keys, timestamps, values), (vec![1], vec![2], vec![3.0]), "what was appended is taken back");
        return;
    }
    assert!(keys.len() == timestamps.len() && keys.len() == values.len());
    batch_comes_back(&keys[1..], &timestamps[1..], &values[1..]);
}

fn batch_comes_back(keys: &[u64], timestamps: &[i64], values: &[f64]) {
    for compress in [false, true] {
        let mut bytes = Vec::new();
        encode_batch(keys, timestamps, values, compress, &mut bytes);
        let (mut back, mut times, mut floats) = (Vec::new(), Vec::new(), Vec::new());
        decode_batch(&bytes, &mut back, &mut times, &mut floats).expect("what was encoded");
        assert_eq!((back.as_slice(), times.as_slice(), bits(&floats)), (keys, timestamps, bits(values)));
    }
}

/// Measures of all shapes, encoded by each codec, come back.
///
/// The first byte says what the values are like, the second what the times are like; the rest is rows of nine bytes.
pub fn round_trip(data: &[u8]) {
    let Some((&[shape, rhythm], rest)) = data.split_first_chunk::<2>() else { return };
    let words: Vec<(u64, u8)> = rest
        .chunks_exact(9)
        .take(2048)
        .filter_map(|row| Some((u64::from_le_bytes(*row.first_chunk()?), *row.last()?)))
        .collect();
    if words.is_empty() {
        return;
    }
    let values: Vec<f64> = words.iter().map(|&(word, step)| value(shape, word, step)).collect();
    let granularity = [1, 7, 1_000_000_000, 60_000_000_000][usize::from(rhythm % 4)];
    let mut timestamps = Vec::with_capacity(words.len());
    let mut time = 0_i64;
    for &(word, step) in &words {
        timestamps.push(time);
        let groups = if rhythm & 4 == 0 { 1 } else { 1 + i64::from(step) };
        let apart = if rhythm & 8 == 0 { 0 } else { (word >> 40) as i64 };
        time += groups * granularity + apart;
    }
    let mut scratch = Scratch::default();
    measures_come_back(&timestamps, &values, &mut scratch);
    let keys: Vec<u64> =
        words.iter().map(|(word, step)| if rhythm & 16 == 0 { u64::from(*step) } else { *word }).collect();
    batch_comes_back(&keys, &timestamps, &values);
    let columns = columns(&words, &values);
    block_comes_back(&AggregateBlock { timestamps, columns }, granularity, &mut scratch);
}

fn value(shape: u8, word: u64, step: u8) -> f64 {
    match shape % 6 {
        0 => f64::from_bits(word),
        1 => f64::from(step),
        2 => f64::from(step) / 100.0,
        3 => (word as i64) as f64,
        4 => (word % 100_000) as f64 / 1000.0,
        _ => f64::from(step).sin(),
    }
}

/// Columns that derive from one another as those of real aggregates do, nearly, with rows that are missing.
fn columns(words: &[(u64, u8)], values: &[f64]) -> Vec<AggregateColumn> {
    let counts: Vec<f64> = words.iter().map(|(_, step)| f64::from(step % 5 + 1)).collect();
    let sums: Vec<f64> = values.iter().zip(&counts).map(|(value, count)| value * count).collect();
    let present: Vec<bool> = words.iter().map(|(word, _)| word & 0x300 != 0).collect();
    let column = |method, values, present| AggregateColumn { method, values, present };
    let mut columns = vec![
        column(AggregationMethod::MEAN, values.to_vec(), None),
        column(AggregationMethod::SUM, sums, None),
        column(AggregationMethod::MIN, values.to_vec(), None),
        column(AggregationMethod::MAX, values.iter().zip(&counts).map(|(a, b)| a + b).collect(), None),
        column(AggregationMethod::COUNT, counts, None),
        column(AggregationMethod::STD, values.iter().map(|value| value / 3.0).collect(), Some(present.clone())),
        column(AggregationMethod::MEAN.rate(), values.iter().map(|value| -value).collect(), Some(present)),
    ];
    columns.sort_by_key(|column| column.method);
    columns
}
