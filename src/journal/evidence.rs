//! What stands behind a damaged place: nothing but zeros, what a crash tore, or proof that durable records are gone.
//!
//! A record says which sequence number was durable when it was written. So a later record that still checks proves that
//! the damaged one had reached the disk, and that it was not a crash that took it. Without looking behind the damage, a
//! flipped bit in the middle of a file would pass for its torn end, and everything after it would silently be gone.

use super::format::{HEAD_LEN, Head, OVERHEAD};
use super::reader::FileReader;
use crate::error::Result;

/// How much is looked at at once.
const WINDOW: usize = 256 << 10;

/// What [`examine`] found from a damaged place to the end of the file.
pub(super) struct Tail {
    /// Behind the last byte that is not zero; the damaged place itself when all are.
    pub(super) end: u64,
    /// Sequence number of a record that proves the damage touched what was durable.
    pub(super) witness: Option<u64>,
}

/// What a witness must look like.
#[derive(Clone, Copy)]
pub(super) struct Lost {
    /// The first sequence number that cannot be read.
    pub(super) sequence: u64,
    /// Only a record written when at least this one was durable proves anything.
    pub(super) durable: u64,
}

/// Searches everything from the reader's position to the end of its file; the reader is then used up.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn examine(reader: &mut FileReader<'_>, lost: Lost) -> Result<Tail> {
    let from = reader.offset;
    let mut tail = Tail { end: from, witness: None };
    // Bytes that look like records are checked up to four times the tail's length: only made-up ones exceed that.
    let mut budget = reader.len.saturating_sub(from).saturating_mul(4);
    loop {
        let offset = reader.offset;
        let window = reader.peek(WINDOW)?;
        let window = &window[..window.len().min(WINDOW)];
        if is_zero(window) {
            // Reserved room, mostly: no need to look at each byte for a record.
            if window.len() < WINDOW {
                return Ok(tail);
            }
            reader.consume(WINDOW - HEAD_LEN);
            continue;
        }
        let last = window.iter().rposition(|&byte| byte != 0).unwrap_or(0);
        tail.end = tail.end.max(offset + last as u64 + 1);
        let found = candidates(window, offset, from, lost);
        let step = window.len().saturating_sub(HEAD_LEN - 1);
        if tail.witness.is_none() {
            tail.witness = verify(reader, found, &mut budget)?;
        }
        if step == 0 || window_is_last(reader, offset) {
            return Ok(tail);
        }
        reader.consume(step);
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()])
}

fn window_is_last(reader: &FileReader<'_>, offset: u64) -> bool {
    offset + WINDOW as u64 >= reader.len
}

/// Positions in the file, and heads, of what may be records that prove `lost` was durable.
fn candidates(window: &[u8], offset: u64, from: u64, lost: Lost) -> Vec<(u64, Head)> {
    let plausible = |(at, bytes): (usize, &[u8])| {
        let (at, head) = (offset + at as u64, Head::parse(bytes.first_chunk()?));
        // No more records fit between the damage and here than this.
        let newest = lost.sequence.saturating_add((at - from) / OVERHEAD as u64);
        let in_order = (lost.sequence..=newest).contains(&head.sequence) && head.durable < head.sequence;
        (head.length > 0 && in_order && head.durable >= lost.durable).then_some((at, head))
    };
    window.windows(HEAD_LEN).enumerate().filter_map(plausible).collect()
}

/// The first of the candidates that is a record.
fn verify(reader: &FileReader<'_>, candidates: Vec<(u64, Head)>, budget: &mut u64) -> Result<Option<u64>> {
    let mut record = Vec::new();
    for (at, head) in candidates {
        if !head.fits(reader.len.saturating_sub(at + HEAD_LEN as u64)) {
            continue;
        }
        let size = HEAD_LEN as u64 + u64::from(head.length);
        let Some(left) = budget.checked_sub(size) else {
            return Ok(Some(head.sequence));
        };
        *budget = left;
        record.resize(size as usize, 0);
        reader.read_at(at, &mut record)?;
        if head.checks(reader.salt, &record) {
            return Ok(Some(head.sequence));
        }
    }
    Ok(None)
}
