//! The pieces of a window, and how they become one sorted series again.
//!
//! A window is a list of runs in the order in which they were accepted, then what a checkpoint is writing, then the tail.
//! Each piece is sorted and holds a timestamp once; where two hold the same one, the later piece's measure counts.

use std::sync::Arc;

use crate::codec::{DecodeError, Scratch, decode_measures};
use crate::types::Measure;

/// A sorted piece of a window, encoded as a raw segment holds it.
#[derive(Debug, Clone)]
pub struct Run {
    /// Timestamp of the first measure.
    pub first: i64,
    /// Timestamp of the last measure.
    pub last: i64,
    /// How many measures.
    pub rows: u32,
    /// The measures.
    pub bytes: Arc<[u8]>,
}

impl Run {
    /// Roughly how much memory it takes.
    pub fn bytes(&self) -> u64 {
        self.bytes.len() as u64 + 64
    }

    /// Appends the measures with timestamps in `[from, to)`.
    pub fn read(&self, from: i64, to: i64, scratch: &mut Scratch, out: &mut Raw) -> Result<(), DecodeError> {
        let start = out.timestamps.len();
        decode_measures(&self.bytes, self.rows as usize, scratch, &mut out.timestamps, &mut out.values)?;
        out.trim(start, from, to);
        Ok(())
    }
}

/// The measures of a sorted slice with timestamps in `[from, to)`.
pub fn slice(measures: &[Measure], from: i64, to: i64) -> &[Measure] {
    let start = measures.partition_point(|measure| measure.timestamp < from);
    let end = measures.partition_point(|measure| measure.timestamp < to);
    &measures[start..end.max(start)]
}

/// Raw measures in columns.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Raw {
    /// Nanoseconds since the epoch.
    pub timestamps: Vec<i64>,
    /// One value per timestamp.
    pub values: Vec<f64>,
}

impl Raw {
    /// Appends measures.
    pub fn extend(&mut self, measures: &[Measure]) {
        self.timestamps.extend(measures.iter().map(|measure| measure.timestamp));
        self.values.extend(measures.iter().map(|measure| measure.value));
    }

    /// Keeps of the sorted rows from `start` on only those in `[from, to)`.
    fn trim(&mut self, start: usize, from: i64, to: i64) {
        let rows = &self.timestamps[start..];
        let end = start + rows.partition_point(|timestamp| *timestamp < to);
        let begin = start + rows.partition_point(|timestamp| *timestamp < from);
        self.timestamps.truncate(end);
        self.values.truncate(end);
        if begin > start {
            self.timestamps.drain(start..begin.min(end));
            self.values.drain(start..begin.min(end));
        }
    }

    /// Makes runs that were appended one after the other one sorted series: of equal timestamps the last one stays.
    pub fn settle(&mut self) {
        if self.timestamps.is_sorted_by(|a, b| a < b) {
            return;
        }
        let mut measures: Vec<Measure> =
            self.timestamps.iter().zip(&self.values).map(|(&timestamp, &value)| Measure { timestamp, value }).collect();
        sort_keeping_last(&mut measures);
        self.timestamps.clear();
        self.values.clear();
        self.extend(&measures);
    }
}

/// Sorts by time; of equal timestamps keeps the one that came last. Returns how many were overwritten so.
pub fn sort_keeping_last(measures: &mut Vec<Measure>) -> u64 {
    measures.sort_by_key(|measure| measure.timestamp);
    let before = measures.len();
    let mut kept = 0;
    for at in 0..before {
        if kept > 0 && measures[kept - 1].timestamp == measures[at].timestamp {
            measures[kept - 1] = measures[at];
        } else {
            measures[kept] = measures[at];
            kept += 1;
        }
    }
    measures.truncate(kept);
    (before - kept) as u64
}
