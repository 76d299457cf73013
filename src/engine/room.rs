//! Room on a disk with a limit: set apart before anything is written, so that no two writers count on the same bytes.
//!
//! A push sets apart what it takes in the journal and what the checkpoint behind it writes of it, raw measures and states; a merge,
//! what it writes before what it replaces is gone; a checkpoint, the raw part of all that waits for it, and, series by series,
//! the aggregates of what has closed. Whoever finds none waits, or leaves its work for later: a push is refused whole, a merge
//! is left out, and of a series so much is sealed as there is room for. What stays unsealed stays raw, and answers as before.
//! All of it is arithmetic on counters, and nothing without [`Options::disk`](super::Options::disk).
//!
//! This module must never let a checkpoint find no room for measures that were accepted: nothing else makes the journal short.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::aggregates::{chunk_bytes, row_bytes};
use super::disk::{full, usable};
use super::{Counters, Engine};
use crate::carbonara::group_start;
use crate::error::{Error, Result};
use crate::head::{Archive, Plan};

/// What a segment takes besides what is in it, with the end of its last block.
pub(super) const FILE_BYTES: u64 = 4096;
/// What the two segments of a checkpoint take besides what is in them.
const CHECKPOINT_BYTES: u64 = 2 * FILE_BYTES;
/// What a raw segment takes of a measure, at most: two numbers of up to ten bytes, and a part of the entry of a chunk.
const RAW_MEASURE_BYTES: u64 = 21;
/// What it takes of a series besides: its state, and the entries of that and of a chunk of measures.
const RAW_SERIES_BYTES: u64 = 200;
/// How long a push waits before it looks again whether others have left it room.
const OTHERS: Duration = Duration::from_millis(1);

/// Bytes that are set apart for whoever holds it.
#[derive(Debug, Default)]
pub(super) struct Room<'a>(Option<(&'a AtomicU64, u64)>);

impl<'a> Room<'a> {
    fn take(of: &'a AtomicU64, bytes: u64) -> Self {
        of.fetch_add(bytes, Ordering::SeqCst);
        Room(Some((of, bytes)))
    }

    fn resize(&mut self, bytes: u64) {
        if let Some((of, had)) = &mut self.0 {
            of.fetch_add(bytes.wrapping_sub(*had), Ordering::SeqCst);
            *had = bytes;
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some((of, bytes)) = self.0 {
            of.fetch_sub(bytes, Ordering::SeqCst);
        }
    }
}

/// A push, as far as its bytes go.
#[derive(Debug, Clone, Copy)]
pub(super) struct PushBytes {
    /// What it takes in the journal, at most.
    pub journal: u64,
    /// What a checkpoint writes of it into a raw segment, at most.
    pub raw: u64,
}

/// What a checkpoint writes into a raw segment, at most, of so many measures of so many series.
pub(super) fn raw_bytes(measures: u64, series: u64) -> u64 {
    measures.saturating_mul(RAW_MEASURE_BYTES).saturating_add(series.saturating_mul(RAW_SERIES_BYTES))
}

impl Engine {
    /// Returns when the directory may grow by a push, whose bytes are set apart for it, or says that it may not.
    pub(super) fn wait_for_disk(&self, push: PushBytes) -> Result<Room<'_>> {
        let Some(limit) = self.options.disk else { return Ok(Room::default()) };
        if self.is_crowded() {
            self.wake_worker();
        }
        // Nothing may run in the background, or not come after the pushes: then they do themselves what holds the limit.
        let is_behind = || {
            let lags = self.journal.bytes() > self.journal_share() * 2;
            let directory = self.directory_bytes().saturating_add(push.journal);
            let is_last = directory.saturating_add(self.waiting_raw()).saturating_add(push.raw) > usable(limit);
            lags || is_last || directory > full(limit) && self.is_crowded()
        };
        loop {
            if !is_behind()
                && let Some(room) = self.room_to_push(push, limit)
            {
                return Ok(room);
            }
            let mut maintenance = self.maintenance.lock();
            if is_behind() {
                // What fails after the checkpoint, fails in the background's place, and is no reason to refuse a push.
                if let Some(error) = self.maintain_due_locked(&mut maintenance)? {
                    *self.background_error.lock() = Some(error.to_string());
                }
            }
            // While the lock is held, no merge has anything set apart.
            if let Some(room) = self.room_to_push(push, limit) {
                return Ok(room);
            }
            drop(maintenance);
            let with_it = self.directory_bytes().saturating_add(push.journal);
            let written = with_it.saturating_add(push.raw).saturating_add(CHECKPOINT_BYTES);
            if with_it > full(limit) || written > usable(limit) {
                Counters::add(&self.counters.disk_refused, 1);
                return Err(Error::DiskLimit { bytes: written, limit });
            }
            // What is missing is set apart for others that push now, or waits for a checkpoint that somebody makes.
            self.check_writable()?;
            std::thread::sleep(OTHERS);
        }
    }

    /// Sets bytes apart for a push, unless they are not there.
    fn room_to_push(&self, push: PushBytes, limit: u64) -> Option<Room<'_>> {
        let below = self.directory_bytes().saturating_add(push.journal) <= full(limit);
        // First taken, then looked: of two that do so at once, one at least sees the other.
        let room = Room::take(&self.account.pushing, push.journal.saturating_add(push.raw));
        (below && self.claimed() <= usable(limit)).then_some(room)
    }

    /// Sets apart what a merge of `bytes` writes before what it replaces is gone, unless they are not there.
    pub(super) fn room_to_merge(&self, bytes: u64) -> Option<Room<'_>> {
        let Some(limit) = self.options.disk else { return Some(Room::default()) };
        let room = Room::take(&self.account.merging, bytes);
        // What writes nothing needs no room, also where there is less than none.
        (bytes == 0 || self.claimed() <= usable(limit)).then_some(room)
    }

    /// Sets apart what a deletion writes, with so many bytes of groups that were computed anew, or refuses it.
    pub(super) fn room_to_delete(&self, anew: u64) -> Result<Room<'_>> {
        let bytes = anew + RAW_SERIES_BYTES + CHECKPOINT_BYTES;
        self.room_to_merge(bytes).ok_or_else(|| {
            let limit = self.options.disk.unwrap_or(u64::MAX);
            self.wake_worker();
            Error::DiskLimit { bytes: self.directory_bytes().saturating_add(bytes), limit }
        })
    }

    /// Sets apart what a checkpoint writes of all measures that wait; whoever pushed them made sure that it is there.
    pub(super) fn room_for_waiting(&self) -> Room<'_> {
        self.options.disk.map_or_else(Room::default, |_| Room::take(&self.account.merging, self.waiting_raw()))
    }

    /// What a checkpoint would write, at most, of the measures that wait for it.
    fn waiting_raw(&self) -> u64 {
        let measures = self.dirty_measures.load(Ordering::SeqCst);
        // Those that only wait to be sealed have no measure here.
        let series = (self.dirty.lock().len() as u64).min(measures);
        raw_bytes(measures, series).saturating_add(CHECKPOINT_BYTES)
    }

    /// What there is, and all that is set apart.
    fn claimed(&self) -> u64 {
        // In the order in which bytes go from one to the next: they are in one of them at least, whenever it is read.
        let pushing = self.account.pushing.load(Ordering::SeqCst);
        let waiting = self.waiting_raw();
        let merging = self.account.merging.load(Ordering::SeqCst);
        let apart = pushing.saturating_add(waiting).saturating_add(merging);
        apart.saturating_add(self.directory_bytes())
    }
}

/// The room that a checkpoint has for aggregates.
pub(super) struct Sealing<'a> {
    engine: &'a Engine,
    /// Whether what cannot be sealed wholly is an error.
    whole: bool,
    /// Twice what was written: once more when merges move it to its partitions.
    room: Room<'a>,
    written: u64,
    advanced: bool,
    waits: bool,
}

impl<'a> Sealing<'a> {
    /// Of all that there is room for.
    pub(super) fn of_what_fits(engine: &'a Engine) -> Self {
        let room = engine.options.disk.map_or_else(Room::default, |_| Room::take(&engine.account.merging, 0));
        Sealing { engine, whole: false, room, written: 0, advanced: false, waits: false }
    }

    /// Of everything, for whom nothing may stay unsealed.
    pub(super) fn of_all(engine: &'a Engine) -> Self {
        Sealing { whole: true, ..Sealing::of_what_fits(engine) }
    }

    /// Until when a window is to be sealed, of which so much has closed and is not sealed: all of it, or up to the start of a block
    /// when there is no room for more. `timestamps` are those of its measures, `newest` is what retention counts from.
    pub(super) fn until(&mut self, plan: &Plan, newest: i64, closed: Range<i64>, timestamps: &[i64]) -> Result<i64> {
        let Some(limit) = self.engine.options.disk else { return Ok(closed.end) };
        let had = self.written;
        let free = usable(limit).saturating_sub(self.engine.claimed());
        // The first may take more, or what is large would never be sealed.
        let share = if had == 0 { u64::MAX } else { (limit / 16).saturating_sub(had) };
        // With its new state, also where no measure is new.
        let most = share.min((free / 2).saturating_sub(RAW_SERIES_BYTES));
        let part = affordable(plan, newest, closed.clone(), timestamps, most);
        let bytes = part.bytes + RAW_SERIES_BYTES;
        self.room.resize(2 * (had + bytes));
        let over = self.engine.claimed().saturating_sub(usable(limit));
        if self.whole && (over > 0 || part.next.is_some()) {
            self.room.resize(2 * had);
            let missing = over.saturating_add(2 * part.next.unwrap_or(0));
            return Err(Error::DiskLimit { bytes: limit.saturating_add(missing), limit });
        }
        // Less and less at a time would come to many files, and to no end.
        let too_little = part.next.is_some() && part.bytes < limit / 256;
        if too_little || over > 0 {
            self.room.resize(2 * had);
            self.waits = true;
            return Ok(closed.start);
        }
        self.written += bytes;
        self.advanced |= part.until > closed.start;
        self.waits |= part.until < closed.end;
        Ok(part.until)
    }

    /// Whether some of what was asked for was sealed, and some is left.
    pub(super) fn seals_more(&self) -> bool {
        self.waits && self.advanced
    }
}

/// How far a window can be sealed.
#[derive(Debug, PartialEq)]
struct Affordable {
    until: i64,
    /// What that takes, at most.
    bytes: u64,
    /// What it would take with the next block, when there is one for which there is no room.
    next: Option<u64>,
}

/// How far within `closed` a window can be sealed for so many bytes: as far as whole blocks go.
fn affordable(plan: &Plan, newest: i64, closed: Range<i64>, timestamps: &[i64], bytes: u64) -> Affordable {
    let columns = plan.stored.len() as u64;
    let (mut found, mut with_it) = (Affordable { until: closed.start, bytes: 0, next: None }, 0);
    // Of each archive, the last group and how many there are so far. Those that have expired are not written.
    let kept = |archive: &Archive| (archive.kept_from(newest) - 1, 0_u64);
    let mut groups: Vec<(i64, u64)> = plan.archives.iter().map(kept).collect();
    for block in timestamps.chunk_by(|a, b| plan.block_of(*a) == plan.block_of(*b)) {
        let Some(&first) = block.first().filter(|first| **first < closed.end) else { break };
        for (archive, (last, rows)) in plan.archives.iter().zip(&mut groups) {
            for &timestamp in block {
                let group = group_start(timestamp, archive.granularity);
                if group > *last {
                    *last = group;
                    *rows += 1;
                }
            }
        }
        let of_archive = |(_, rows): &(_, u64)| rows * row_bytes(columns) + chunk_bytes(*rows, columns);
        with_it = groups.iter().map(of_archive).sum();
        if with_it > bytes {
            found.next = Some(with_it);
            return found;
        }
        let until = plan.block_of(first).saturating_add(plan.block).min(closed.end);
        // Where granularities do not divide each other, some measures of a block that is sealed are still needed.
        if until > closed.start {
            (found.until, found.bytes) = (until, with_it);
        }
    }
    Affordable { until: closed.end, bytes: with_it, next: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::carbonara;
    use crate::codec::samples::hostile;
    use crate::codec::{Scratch, encode_aggregates, encode_measures};
    use crate::types::{ArchivePolicy, Definition, Timespan};

    fn plan(seconds: &[u64], methods: &[&str]) -> Plan {
        let span = |seconds: &u64| Timespan::from_secs(*seconds).unwrap();
        let definitions = seconds.iter().map(|s| Definition::new(Some(span(s)), Some(1000), None).unwrap());
        let policy = ArchivePolicy::builder("p").definitions(definitions).aggregation_methods(methods.iter().copied());
        Plan::new(1, 1, policy.build().unwrap())
    }

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn whole_blocks_are_sealed_and_no_more_than_there_is_room_for() {
        let plan = plan(&[1, 10], &["max"]);
        let timestamps: Vec<i64> = (0..100).map(|second| second * SECOND).collect();
        let of = |closed, bytes| affordable(&plan, 99 * SECOND, closed, &timestamps, bytes);
        let all = of(0..90 * SECOND, u64::MAX);
        assert_eq!((all.until, all.next), (90 * SECOND, None));
        assert_eq!(all.bytes, 99 * row_bytes(1) + 2 * chunk_bytes(1, 1), "90 groups of a second, 9 of ten");
        assert_eq!(of(0..90 * SECOND, all.bytes), all);
        for bytes in (0..all.bytes).step_by(7) {
            let part = of(0..90 * SECOND, bytes);
            assert!(part.bytes <= bytes && part.next.is_some_and(|next| next > bytes) && part.until < all.until);
            assert_eq!(part.until % (10 * SECOND), 0);
        }
        let nothing = Affordable { until: 20 * SECOND, bytes: 0, next: None };
        assert_eq!(
            affordable(&plan, -1, 20 * SECOND..20 * SECOND, &[], 0),
            Affordable { until: 20 * SECOND, ..nothing }
        );
    }

    #[test]
    fn measures_of_a_sealed_block_are_no_progress() {
        // At one hour, the group of 40 minutes that began before is open.
        let plan = plan(&[1, 2400, 3600], &["max"]);
        let timestamps: Vec<i64> = (2400..10_800).map(|second| second * SECOND).collect();
        let closed = 3600 * SECOND..10_800 * SECOND;
        let of = |bytes| affordable(&plan, 10_800 * SECOND, closed.clone(), &timestamps, bytes);
        let all = of(u64::MAX);
        let mut seen = std::collections::BTreeSet::new();
        for bytes in (0..all.bytes).step_by(997) {
            let part = of(bytes);
            assert!(part.next.is_some() && (part.until == closed.start) == (part.bytes == 0));
            seen.insert(part.until / SECOND);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3600, 7200]);
    }

    #[test]
    fn what_has_expired_takes_no_room() {
        let plan = plan(&[1, 10], &["max"]);
        let timestamps: Vec<i64> = (0..3000).map(|second| second * SECOND).collect();
        let found = affordable(&plan, 2999 * SECOND, 0..2990 * SECOND, &timestamps, u64::MAX);
        let rows = |archive: &Archive| {
            let kept = archive.kept_from(2999 * SECOND)..2990 * SECOND;
            timestamps.iter().filter(|at| kept.contains(at) && *at % archive.granularity == 0).count() as u64
        };
        let (seconds, tens) = (rows(&plan.archives[0]), rows(&plan.archives[1]));
        assert!(seconds < 1000 && tens == 299, "{seconds} {tens}");
        let chunks = chunk_bytes(seconds, 1) + chunk_bytes(tens, 1);
        assert_eq!(found.bytes, (seconds + tens) * row_bytes(1) + chunks);
    }

    proptest! {
        #[test]
        fn no_encoding_takes_more_than_is_set_apart(
            values in hostile(900),
            sparse in prop::collection::btree_set(0..i64::MAX / 2, 900),
            dense in any::<bool>(),
        ) {
            let plan = plan(&[1, 7, 60], &["mean", "std", "median", "95pct", "first", "last", "rate:max", "rate:std"]);
            let times = sparse.iter().take(values.len()).enumerate();
            let timestamps: Vec<i64> =
                times.map(|(at, time)| if dense { at as i64 * SECOND / 3 } else { *time }).collect();
            let (mut scratch, mut bytes) = (Scratch::default(), Vec::new());
            encode_measures(&timestamps, &values, &mut scratch, &mut bytes);
            // With the state, and the entries of both.
            prop_assert!(bytes.len() as u64 + 72 + 2 * 53 <= raw_bytes(values.len() as u64, 1));

            let newest = timestamps[timestamps.len() - 1];
            let closed = 0..plan.block_of(newest).saturating_add(plan.block);
            let most = affordable(&plan, newest, closed.clone(), &timestamps, u64::MAX).bytes;
            let mut taken = 0;
            for archive in &plan.archives {
                let g = archive.granularity;
                let kept = archive.kept_from(newest)..closed.end;
                let block = carbonara::aggregate(&timestamps, &values, None, g, kept, &plan.stored);
                if block.rows() > 0 {
                    bytes.clear();
                    encode_aggregates(&block, g, &mut scratch, &mut bytes);
                    taken += bytes.len() as u64 + 53;
                }
            }
            prop_assert!(taken <= most, "{taken} of {most}");
        }
    }
}
