//! Reading a journal around what is damaged, for repair: whatever record passes its checksum is handed out.
//!
//! [`recover`](super::recover) stops where durable records are damaged, since to go on as if nothing were missing would be to
//! lose them silently. Repair is asked to go on, and says what is missing.

use std::path::{Path, PathBuf};

use super::format::{HEADER_LEN, Head, parse_file_name, parse_header};
use super::reader::{FileReader, Next};
use super::recovery::OnRecord;
use crate::error::Result;
use crate::fs::Fs;

/// How much is looked at at once for the next record.
const WINDOW: usize = 1 << 20;

/// A stretch of a journal file that holds no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The file.
    pub file: PathBuf,
    /// Where the stretch begins.
    pub offset: u64,
    /// The sequence number that belongs there.
    pub expected: u64,
    /// The sequence number of the record behind it; `None` when there is none.
    pub next: Option<u64>,
    /// What is there instead.
    pub what: String,
}

/// Hands out every record from file `first_file` on that passes its checksum and has a higher sequence number than the one
/// before, beginning with `first_sequence`. Returns the highest number, the last file's number, and what lies between.
///
/// # Errors
///
/// What `on_record` returns, and the disk's.
pub fn salvage(
    fs: &dyn Fs,
    dir: &Path,
    first_file: u64,
    first_sequence: u64,
    on_record: &mut OnRecord<'_>,
) -> Result<(u64, Option<u64>, Vec<Gap>)> {
    let mut numbers: Vec<u64> = fs.list(dir)?.iter().filter_map(|entry| parse_file_name(&entry.name)).collect();
    numbers.retain(|number| *number >= first_file);
    numbers.sort_unstable();
    let mut expected = first_sequence.max(1);
    let mut gaps = Vec::new();
    for number in &numbers {
        let mut reader = FileReader::open(fs, dir, *number)?;
        let path = reader.path.clone();
        let header = parse_header(reader.peek(HEADER_LEN)?, &path, *number);
        let gap = |offset, expected, what: &str| Gap {
            file: path.clone(),
            offset,
            expected,
            next: None,
            what: what.to_owned(),
        };
        if let Ok(Err(what)) = &header {
            gaps.push(gap(0, expected, what));
        }
        let header = HEADER_LEN.min(reader.len as usize);
        reader.consume(header);
        loop {
            let offset = reader.offset;
            let what = match reader.next_record()? {
                Next::Record { head, kind, body, size } => {
                    if head.sequence >= expected {
                        if head.sequence > expected {
                            note(&mut gaps, gap(offset, expected, "records are missing"), head.sequence);
                        }
                        on_record(head.sequence, kind, body)?;
                        expected = head.sequence + 1;
                    }
                    reader.consume(size);
                    continue;
                }
                Next::End => break,
                Next::Damage(what) => what,
            };
            let found = next_record(&mut reader, expected)?;
            if let Some(next) = found {
                let torn = gap(offset, expected, what);
                gaps.push(torn);
                reader.rewind(next);
            } else {
                // Zeros and a torn end are what a crash leaves.
                break;
            }
        }
    }
    Ok((expected - 1, numbers.last().copied(), gaps))
}

/// The record that was just found lies behind the gap that was noted last, if that has none behind it yet.
fn note(gaps: &mut Vec<Gap>, missing: Gap, sequence: u64) {
    match gaps.last_mut().filter(|gap| gap.next.is_none() && gap.expected == missing.expected) {
        Some(gap) => gap.next = Some(sequence),
        None => gaps.push(Gap { next: Some(sequence), ..missing }),
    }
}

/// Where behind the reader's position the next record is that may follow `expected`.
fn next_record(reader: &mut FileReader<'_>, expected: u64) -> Result<Option<u64>> {
    let from = reader.offset + 1;
    reader.rewind(from);
    loop {
        let offset = reader.offset;
        let window = reader.peek(WINDOW)?;
        let window = window.get(..window.len().min(WINDOW)).unwrap_or_default();
        let plausible = |(at, bytes): (usize, &[u8])| {
            let head = Head::parse(bytes.first_chunk()?);
            // Each record takes more than its head.
            let newest = expected.saturating_add(offset + at as u64 - from + 1);
            let fits = head.length > 0 && (expected..=newest).contains(&head.sequence) && head.durable < head.sequence;
            fits.then_some(offset + at as u64)
        };
        let heads = window.windows(super::format::HEAD_LEN).enumerate();
        let candidates: Vec<u64> = heads.filter_map(plausible).collect();
        let step = window.len().saturating_sub(super::format::HEAD_LEN - 1);
        for candidate in candidates {
            reader.rewind(candidate);
            if matches!(reader.next_record()?, Next::Record { .. }) {
                return Ok(Some(candidate));
            }
        }
        reader.rewind(offset + step as u64);
        if step == 0 || reader.offset >= reader.len {
            return Ok(None);
        }
    }
}
