//! Timestamps of raw measures: any strictly ascending nanoseconds.
//!
//! They are an integer stream for which the encoder also tries a straight line, since clocks tick. The decoder promises
//! what everything above relies on: strictly ascending order.

use super::DecodeError;
use super::ints::{self, Lines};
use super::reader::Reader;

/// Appends `timestamps`.
pub fn encode(timestamps: &[i64], scratch: &mut ints::Scratch, out: &mut Vec<u8>) {
    debug_assert!(ascending(timestamps), "timestamps must ascend");
    ints::encode(timestamps, Lines::Try, scratch, out);
}

/// Reads `n` timestamps into `out`, replacing what is there.
pub fn decode(reader: &mut Reader<'_>, n: usize, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    ints::decode(reader, n, out)?;
    if ascending(out) { Ok(()) } else { Err(DecodeError("timestamps do not ascend")) }
}

fn ascending(timestamps: &[i64]) -> bool {
    timestamps.windows(2).fold(true, |all, pair| all & (pair[0] < pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_checked() {
        for (numbers, good) in [([1, 2, 3], true), ([1, 3, 3], false), ([2, 1, 3], false)] {
            let mut bytes = Vec::new();
            ints::encode(&numbers, Lines::Try, &mut ints::Scratch::default(), &mut bytes);
            assert_eq!(decode(&mut Reader::new(&bytes), 3, &mut Vec::new()).is_ok(), good, "{numbers:?}");
        }
    }
}
