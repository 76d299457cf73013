//! A chunk of raw measures: the timestamps, then the values as one column.

use super::reader::Reader;
use super::{DecodeError, Scratch, check_rows, column, timestamps};

/// Appends a chunk of measures to `out`.
///
/// The timestamps must be strictly ascending, as many as the values, 1 to [`MAX_ROWS`](super::MAX_ROWS); what breaks this
/// cannot be decoded.
pub fn encode_measures(timestamps: &[i64], values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    debug_assert!(timestamps.len() == values.len() && check_rows(values.len()).is_ok());
    timestamps::encode(timestamps, &mut scratch.column.ints, out);
    column::encode(values, &mut scratch.column, out);
}

/// Appends the `rows` measures of a chunk to `timestamps` and `values`.
///
/// # Errors
///
/// When the bytes are no such chunk. What was appended until then is taken back.
pub fn decode_measures(
    bytes: &[u8],
    rows: usize,
    scratch: &mut Scratch,
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    check_rows(rows)?;
    let mut reader = Reader::new(bytes);
    let start = values.len();
    timestamps::decode(&mut reader, rows, &mut scratch.times)?;
    let decoded = column::decode(reader.rest(), rows, &mut scratch.column, values);
    match decoded {
        Ok(()) => timestamps.extend_from_slice(&scratch.times),
        Err(_) => values.truncate(start),
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::samples::{Random, hostile, mutate, same_bits};
    use proptest::prelude::*;

    fn round_trip(timestamps: &[i64], values: &[f64]) -> Vec<u8> {
        let mut scratch = Scratch::default();
        let mut bytes = vec![1];
        encode_measures(timestamps, values, &mut scratch, &mut bytes);
        let (mut times, mut back) = (vec![3], vec![0.5]);
        decode_measures(&bytes[1..], values.len(), &mut scratch, &mut times, &mut back).unwrap();
        assert_eq!(times[1..], *timestamps);
        assert!(same_bits(&back[1..], values));
        bytes.split_off(1)
    }

    #[test]
    fn golden() {
        assert_eq!(round_trip(&[1000, 2000, 3000], &[1.0, 1.0, 1.0]).len(), 11);
        assert_eq!(round_trip(&[5], &[0.5]), [0, 10, 0, 0xbf, 0xc0, 3]);
    }

    #[test]
    fn sizes() {
        let mut random = Random(1);
        let times: Vec<i64> = (0..360).map(|i| 1_700_000_000_000_000_000 + i * 10_000_000_000).collect();
        let mut level = 50.0;
        let walk: Vec<f64> = (0..360)
            .map(|_| {
                level += random.normal();
                level
            })
            .collect();
        let whole: Vec<f64> = walk.iter().map(|v| v.floor()).collect();
        assert!(round_trip(&times, &whole).len() <= 360 / 2);
        assert!(round_trip(&times, &walk).len() <= 360 * 66 / 10);
    }

    #[test]
    fn damage_changes_nothing_on_error() {
        let times: Vec<i64> = (0..500).map(|i| i * 1_000 + i * i % 7).collect();
        let values: Vec<f64> = (0..500).map(|i| f64::from(i % 40) * 0.25).collect();
        let bytes = round_trip(&times, &values);
        let mut scratch = Scratch::default();
        mutate(&bytes, 20_000, |bytes| {
            let (mut times, mut values) = (vec![1], vec![2.0]);
            let rows = if decode_measures(bytes, 500, &mut scratch, &mut times, &mut values).is_ok() { 501 } else { 1 };
            assert!(times.len() == rows && values.len() == rows && values.capacity() <= 1100);
        });
        assert!(decode_measures(&bytes, 0, &mut scratch, &mut Vec::new(), &mut Vec::new()).is_err());
        assert!(decode_measures(&bytes, crate::codec::MAX_ROWS + 1, &mut scratch, &mut vec![], &mut vec![]).is_err());
    }

    proptest! {
        #[test]
        fn any_measures_come_back(values in hostile(200), first: i32, gaps in prop::collection::vec(1i64..1 << 40, 200)) {
            let mut at = i64::from(first);
            let times: Vec<i64> = values.iter().zip(&gaps).map(|(_, gap)| { at += gap; at }).collect();
            round_trip(&times, &values);
        }
    }
}
