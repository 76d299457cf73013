//! Merges of raw segments: neighbours in age become one, without the measures that windows no longer need, and with the latest
//! state of each series.
//!
//! Which of two measures of one time counts goes by the order of their segments: only such as lie side by side may become one.
//! In a limited directory merges make none larger than a share of it, so that there is room to rewrite it, and those that are too
//! large to become one with others are rewritten by themselves when a good part of them is of no use. This module must never
//! drop a measure that a window may still need: of a series whose state cannot be read, that is every one.

use std::sync::Arc;

use super::{Cursors, Effort, FAN_IN, Inputs, Loaded};
use crate::codec::{Scratch, decode_measures};
use crate::engine::checkpoint::write_runs;
use crate::engine::load::plan_of;
use crate::engine::{Counters, Engine, Maintenance};
use crate::error::{Error, Result};
use crate::head::{Raw, sort_keeping_last};
use crate::query::{Erasure, Segment, View, hidden};
use crate::segment::{Chunk, ENTRY_SIZE, Entry, Kind, MEASURES, STATE, SegmentName, SegmentWriter};
use crate::types::{Measure, SeriesState};

/// How many bytes of a raw segment are of use, and how many are not.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::engine) struct Use {
    pub(in crate::engine) live: u64,
    pub(in crate::engine) dead: u64,
}

impl Use {
    /// What rewriting it takes: where measures came late, runs that are made one may be somewhat longer.
    pub(in crate::engine) fn room(self) -> u64 {
        self.live + self.live / 8
    }
}

impl Engine {
    pub(super) fn raw_to_merge(&self, effort: Effort) -> Option<Inputs<'_>> {
        // What lies on both sides of a damaged one must not become one: which measure is the later one goes by their order.
        let runs = self.sound_runs(&self.view().raw);
        let whole = runs.iter().filter(|_| effort == Effort::All).map(Vec::as_slice);
        let due = runs.iter().flat_map(|run| run.chunk_by(|a, b| a.level == b.level)).filter(|run| run.len() >= FAN_IN);
        let mut parts = whole.chain(due).flat_map(|run| self.within_share(run)).filter(|part| part.len() > 1);
        if let Some(found) = parts.find_map(|part| self.with_room(part.to_vec())) {
            return Some(found);
        }
        let limit = self.options.disk.filter(|_| effort == Effort::All)?;
        // What is too large to become one with its neighbours would keep what nobody needs for ever.
        runs.iter().flatten().filter(|segment| segment.reader.bytes() > limit / 256).find_map(|segment| {
            // Where that cannot be told, the segment stays as it is.
            let use_of = self.use_of(segment).ok()?;
            let useless = use_of.dead >= segment.reader.bytes() / 4;
            let room = useless.then(|| self.room_to_merge(use_of.room())).flatten()?;
            Some((vec![Arc::clone(segment)], room))
        })
    }

    /// How much of a raw segment is of any use.
    pub(in crate::engine) fn use_of(&self, segment: &Segment) -> Result<Use> {
        let view = self.view();
        let mut entries = Vec::new();
        segment.reader.each_entry(&mut |entry| entries.push(entry))?;
        let mut found = Use::default();
        for of_metric in entries.chunk_by(|a, b| a.metric == b.metric) {
            let Some(first) = of_metric.first() else { continue };
            let needed_from = self.needed_from(first.metric, &view)?;
            for entry in of_metric {
                let lives = needed_from.is_some_and(|from| entry.granularity == STATE || entry.last >= from);
                let bytes = if lives { &mut found.live } else { &mut found.dead };
                *bytes += u64::from(entry.length) + ENTRY_SIZE as u64;
            }
        }
        Ok(found)
    }

    /// From when on raw measures of a metric are needed; `None` when it is gone.
    fn needed_from(&self, metric: u64, view: &View) -> Result<Option<i64>> {
        match self.state.series_state(metric, view) {
            Ok(Some(series)) => Ok(Some(plan_of(&self.plans(), metric, series.policy)?.keep_from(series.stored_until))),
            // Of a series whose state cannot be read, everything may still be needed.
            Err(Error::Corrupt(_)) => Ok(Some(i64::MIN)),
            known => Ok(known?.map(|_| i64::MIN)),
        }
    }

    /// Runs of raw segments that become none of more than a sixteenth of a limited directory: for one of that there is room as long
    /// as there is for pushes, so that what is deleted can always be left out of it.
    pub(in crate::engine) fn within_share<'s>(
        &self,
        run: &'s [Arc<Segment>],
    ) -> impl Iterator<Item = &'s [Arc<Segment>]> {
        let share = self.options.disk.map_or(u64::MAX, |limit| limit / 16);
        let mut rest = run;
        std::iter::from_fn(move || {
            let mut bytes = 0_u64;
            let fits = |segment: &&Arc<Segment>| {
                bytes = bytes.saturating_add(segment.reader.bytes());
                bytes <= share
            };
            let length = rest.iter().take_while(fits).count().max(1);
            let (part, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(part)
        })
    }

    /// Makes raw segments that lie side by side in age one, without what windows no longer need.
    pub(in crate::engine) fn merge_raw(&self, maintenance: &mut Maintenance, inputs: &[Arc<Segment>]) -> Result<()> {
        let view = self.view();
        let name = maintenance.begin(|number| SegmentName::Raw { number });
        let level = inputs.iter().map(|segment| segment.level).max().unwrap_or(0).saturating_add(1);
        let merged = self.write_raw(&view, inputs, name, level)?;
        let mut changed = (*view).clone();
        let at = changed.raw.iter().position(|s| inputs.iter().any(|input| input.name == s.name)).unwrap_or(0);
        changed.raw.retain(|segment| !inputs.iter().any(|input| input.name == segment.name));
        if let Some(merged) = merged {
            changed.raw.insert(at, merged);
        }
        self.commit_view(maintenance, changed)?;
        Counters::add(&self.counters.merges, 1);
        Ok(())
    }

    /// Writes the states of `inputs`, and the measures that windows still need; `None` when nothing is left.
    fn write_raw(
        &self,
        view: &View,
        inputs: &[Arc<Segment>],
        name: SegmentName,
        level: u8,
    ) -> Result<Option<Arc<Segment>>> {
        let path = name.path(&self.root);
        let mut writer = SegmentWriter::create(&*self.fs, &path, Kind::Raw, name.number())?;
        let mut cursors = Cursors::new(inputs)?;
        let (mut scratch, mut bytes) = (Scratch::default(), Vec::new());
        while let Some((metric, _)) = cursors.next_archive() {
            let states = cursors.take(metric, STATE)?;
            let chunks = cursors.take(metric, MEASURES)?;
            if let Some(keep_from) = self.needed_from(metric, view)? {
                write_state(&mut writer, metric, &states)?;
                let erased = view.erased.of(metric, MEASURES);
                let measures = merge_measures(&chunks, keep_from, erased, &mut scratch)?;
                write_runs(&mut writer, metric, &measures, &mut scratch, &mut bytes)?;
            }
        }
        let empty = writer.entries() == 0;
        writer.finish()?;
        let merged = if empty {
            self.fs.remove(&path)?;
            None
        } else {
            Some(self.open_segment(name, level)?)
        };
        self.fs.sync_dir(&name.directory(&self.root))?;
        Ok(merged)
    }
}

/// Writes the latest of a series' states.
fn write_state(writer: &mut SegmentWriter, metric: u64, states: &[Loaded]) -> Result<()> {
    let decoded = states.iter().filter_map(|state| Some((SeriesState::from_bytes(&state.bytes)?, state)));
    if let Some((_, latest)) = decoded.max_by_key(|(state, _)| state.sequence) {
        let Entry { first, last, .. } = latest.entry;
        writer.add(&Chunk {
            metric,
            granularity: STATE,
            first,
            last,
            rows: 1,
            bytes: &latest.bytes,
            front: latest.bytes.len(),
        })?;
    }
    Ok(())
}

/// The measures of several runs, oldest first, that are still needed.
fn merge_measures(
    chunks: &[Loaded],
    keep_from: i64,
    erased: &[Erasure],
    scratch: &mut Scratch,
) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    for chunk in chunks.iter().filter(|chunk| chunk.entry.last >= keep_from) {
        let mut raw = Raw::default();
        decode_measures(&chunk.bytes, chunk.entry.rows as usize, scratch, &mut raw.timestamps, &mut raw.values)
            .map_err(|error| chunk.damaged(&error))?;
        let rows = raw.timestamps.iter().zip(&raw.values).map(|(&timestamp, &value)| Measure { timestamp, value });
        let lives = |at: i64| at >= keep_from && !hidden(erased, chunk.number, at);
        measures.extend(rows.filter(|measure| lives(measure.timestamp)));
    }
    sort_keeping_last(&mut measures);
    Ok(measures)
}
