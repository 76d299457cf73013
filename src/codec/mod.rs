//! Columns to bytes and back: everything that this crate stores about measures passes through here.
//!
//! Data goes down in steps: a *chunk* ([`encode_measures`], [`encode_aggregates`], [`encode_batch`]) is a few columns;
//! a column of floats becomes integers where it can (`column`, `decimal`); integers become small differences (`ints`);
//! small differences become bits (`blocks`, `bits`). Reading goes up the same steps and does only those that the
//! question needs.
//!
//! Three things hold everywhere. Every input comes back bit for bit: NaN payloads, -0.0, subnormals, all of `i64`.
//! Bytes that were not written here give a [`DecodeError`], never a panic, and nothing is allocated by what they say:
//! row counts come from the caller and are at most [`MAX_ROWS`]. And a wrong byte may well decode to wrong values:
//! whoever keeps chunks keeps a [`crc`] with each and checks it first.
//!
//! No I/O, no clock. The bytes are described in `docs/format/codec.md`.

mod aggregates;
mod batch;
mod bits;
mod blocks;
mod checksum;
mod column;
mod decimal;
mod grid;
mod ints;
mod measures;
mod reader;
#[cfg(test)]
pub(crate) mod samples;
mod shuffled;
mod timestamps;
mod varint;

use std::fmt;

#[cfg(any(test, feature = "internals"))]
pub use crate::types::Points;
#[cfg(any(test, feature = "internals"))]
pub use aggregates::decode_aggregate;
pub use aggregates::{
    LONGEST_FRONT, Part, Parts, decode_aggregates, decode_opened, decode_sound_aggregates, encode_aggregates,
};
pub use batch::{decode_batch, encode_batch};
pub use checksum::{crc, mend};
pub use measures::{decode_measures, encode_measures};

/// The most rows that one chunk holds.
pub const MAX_ROWS: usize = 1 << 16;

/// Bytes that no encoder of this module wrote: the text says what was noticed.
///
/// The caller knows which file and where, and makes a [`Corruption`](crate::error::Corruption) of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError(&'static str);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for DecodeError {}

/// Memory that encoders and decoders use again from call to call. What is in it never matters; one per thread is
/// enough.
#[derive(Default)]
pub struct Scratch {
    column: column::Scratch,
    times: Vec<i64>,
    aggregates: aggregates::Scratch,
}

/// Refuses row counts that no chunk can have.
fn check_rows(rows: usize) -> Result<(), DecodeError> {
    if (1..=MAX_ROWS).contains(&rows) { Ok(()) } else { Err(DecodeError("impossible row count")) }
}
