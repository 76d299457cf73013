//! One segment by itself: its parts, and what each of its chunks says.

use super::{Finding, FindingKind, Walk};
use crate::codec::{Scratch, decode_aggregates, decode_measures};
use crate::engine::partition;
use crate::error::{Corruption, Result};
use crate::query::Segment;
use crate::segment::{Entry, Kind, MEASURES, Part, STATE, SegmentName};
use crate::types::SeriesState;

/// Progress is told after so many bytes.
const STEP: u64 = 4 << 20;

/// Looks through all of a segment, which MANIFEST says to have `bytes` bytes.
pub(super) fn inspect(segment: &Segment, bytes: u64, walk: &mut Walk<'_>) -> Result<()> {
    let reader = &segment.reader;
    if reader.bytes() != bytes {
        let what = format!("the file has {} bytes where MANIFEST says {bytes}", reader.bytes());
        walk.find(FindingKind::Inconsistent, Corruption::new(reader.path(), bytes, what));
    }
    let mut scratch = Scratch::default();
    let mut told = 0;
    reader.inspect(kind_of(segment.name), &mut |part| {
        match part {
            Part::Chunk { entry, bytes } => {
                walk.report.chunks += 1;
                if let Err(what) = contents(segment.name, entry, bytes, &mut scratch) {
                    let corruption = Corruption::new(reader.path(), entry.offset, what);
                    walk.report.add(Finding::new(FindingKind::Contents, corruption).of_chunk(entry));
                }
                // Where its front ends: that ascends.
                let at = entry.front_range().end;
                if at.saturating_sub(told) >= STEP {
                    walk.advance(reader.path(), at - told);
                    told = at;
                }
            }
            Part::DamagedChunk { entry, corruption, .. } => {
                walk.report.add(Finding::new(FindingKind::Chunk, corruption).of_chunk(entry));
            }
            Part::DamagedEntries { corruption, count, chunks } => {
                let mut finding = Finding::new(FindingKind::Entries, corruption);
                let (start, end) = (chunks.start, chunks.end);
                finding.what =
                    format!("{} ({count} chunks in bytes {start} to {end}, the first of this metric)", finding.what);
                walk.report.add(finding);
            }
            Part::Inconsistent(corruption) => walk.find(FindingKind::Inconsistent, corruption),
        }
        Ok(())
    })?;
    walk.advance(reader.path(), reader.bytes().saturating_sub(told));
    walk.report.segments += 1;
    walk.report.bytes += reader.bytes();
    Ok(())
}

/// The kind of segment that a name stands for.
pub(in crate::engine) fn kind_of(name: SegmentName) -> Kind {
    match name {
        SegmentName::Raw { .. } => Kind::Raw,
        SegmentName::Level0 { .. } => Kind::Level0,
        SegmentName::Archive { .. } => Kind::Archive,
    }
}

/// Whether a chunk that has the bytes that were written says what its entry, and the place of its file, say.
pub(in crate::engine) fn contents(
    name: SegmentName,
    entry: &Entry,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<(), String> {
    let rows = entry.rows as usize;
    let timestamps = match entry.granularity {
        STATE => {
            let state = SeriesState::from_bytes(bytes).ok_or("the state of a series is impossible")?;
            return if state.newest.max(0) == entry.first && entry.first == entry.last && rows == 1 {
                Ok(())
            } else {
                Err("the state of a series is filed under another time than its newest".to_owned())
            };
        }
        MEASURES => {
            let (mut timestamps, mut values) = (Vec::new(), Vec::new());
            decode_measures(bytes, rows, scratch, &mut timestamps, &mut values).map_err(|error| error.to_string())?;
            timestamps
        }
        granularity => {
            let block = decode_aggregates(bytes, rows, granularity, scratch).map_err(|error| error.to_string())?;
            if block.timestamps.iter().any(|start| start.rem_euclid(granularity) != 0) {
                return Err("a group does not start at a multiple of its length".to_owned());
            }
            block.timestamps
        }
    };
    if !timestamps.is_sorted_by(|a, b| a < b) {
        return Err("the rows of a chunk are out of order".to_owned());
    }
    if timestamps.first() != Some(&entry.first) || timestamps.last() != Some(&entry.last) {
        return Err("the rows of a chunk are not of the time that its entry says".to_owned());
    }
    let SegmentName::Archive { granularity, partition: start, .. } = name else { return Ok(()) };
    let inside = |time| partition::start(time, granularity) == start;
    if entry.granularity != granularity || !inside(entry.first) || !inside(entry.last) {
        return Err("a chunk lies in a partition that is not its own".to_owned());
    }
    Ok(())
}
