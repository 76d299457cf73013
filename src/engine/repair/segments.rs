//! Segments written anew without what is damaged in them.
//!
//! All segments are looked through first, since what one lacks another may give. Then each damaged one is written again, chunk by
//! chunk as it is, but for the damaged ones; then one MANIFEST names the new ones in the places of the old ones, which are
//! superseded. Until that is in place, everything is as it was, and what was written belongs to nobody.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::aggregates::{Remains, remains};
use super::report::{Outcome, Repair, RepairReport};
use super::{quarantine, state};
use crate::codec::{DecodeError, Scratch, decode_aggregates, encode_aggregates};
use crate::engine::aggregates::retain;
use crate::engine::check::{CheckProgress, Finding, FindingKind, OnProgress, contents, kind_of};
use crate::engine::manifest::{Manifest, SegmentRecord};
use crate::engine::open::open_segment;
use crate::error::{Corruption, Error, Result};
use crate::fs::Fs;
use crate::head::{Plan, Run};
use crate::indexer::Indexer;
use crate::query::{Segment, View, cut, hidden, touched};
use crate::segment::{
    Chunk, ENTRY_SIZE, Entry, MEASURES, Part, STATE, SegmentName, SegmentReader, SegmentWriter, Whole,
};
use crate::types::{AggregateBlock, MetricKey, SeriesState};

/// A segment that is to be written anew.
struct Patient {
    /// Its place in MANIFEST's list.
    at: usize,
    segment: Arc<Segment>,
    /// What is damaged in it, by offset.
    damaged: HashMap<u64, Finding>,
    /// Entries of damaged blocks that were mended, by where their chunks begin.
    mended: HashMap<u64, Vec<Entry>>,
}

/// What is put in the place of a damaged chunk.
pub(super) enum Instead {
    Nothing,
    /// A series' state.
    State(Vec<u8>),
    /// Rows of an archive.
    Rows(AggregateBlock),
}

/// All that is needed to tell what a damaged chunk held.
pub(super) struct Ground<'a> {
    fs: &'a dyn Fs,
    root: &'a Path,
    index: &'a Indexer,
    plans: HashMap<u32, Plan>,
    deleted: BTreeSet<u64>,
    pub(super) view: View,
    /// All segments could be opened, so that what is not in the view was never stored.
    pub(super) whole: bool,
    before_journal: u64,
}

/// Repairs the segments that `manifest` names, and commits that.
pub(super) fn repair(
    fs: &dyn Fs,
    root: &Path,
    index: &Indexer,
    manifest: &Manifest,
    report: &mut RepairReport,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let mut next = manifest.clone();
    let (mut patients, mut gone) = (Vec::new(), Vec::new());
    let erased = Arc::new(manifest.erasures.iter().copied().collect());
    let expired_early = manifest.expired_early.clone();
    let mut view = View { erased, expired_early, ..View::default() };
    let mut whole = true;
    let total = manifest.segments.iter().map(|record| record.bytes).sum();
    let mut done = 0;
    for (at, record) in manifest.segments.iter().enumerate() {
        let Some(name) = record.name() else { continue };
        let path = name.path(root);
        match admit(fs, root, at, record, name)? {
            Admitted::Segment(patient, opened) => {
                whole &= opened;
                view.add(Arc::clone(&patient.segment));
                if !patient.damaged.is_empty() || !patient.mended.is_empty() || !opened {
                    patients.push(patient);
                }
            }
            Admitted::Gone(finding) => {
                whole = false;
                gone.push(at);
                report.repairs.push(lost(finding, None));
            }
        }
        done += record.bytes;
        progress(CheckProgress { file: &path, done, total });
    }
    if patients.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let stored = index.archive_policies()?.into_iter();
    let plans = stored.map(|p| (p.id, Plan::new(p.id, p.revision, p.policy))).collect();
    let mut deleted: BTreeSet<u64> = manifest.deleted.iter().copied().collect();
    deleted.extend(index.deleted_keys()?.iter().map(|key| key.get()));
    let before_journal = manifest.journal_sequence.saturating_sub(1);
    let ground = Ground { fs, root, index, plans, deleted, view, whole, before_journal };
    let mut replaced: HashMap<usize, Option<SegmentRecord>> = gone.into_iter().map(|at| (at, None)).collect();
    for patient in patients {
        let number = next.next_file;
        next.next_file += 1;
        let record = ground.rewrite(&patient, number, report)?;
        if let Some(old) = manifest.segments.get(patient.at) {
            next.superseded.push(old.clone());
        }
        replaced.insert(patient.at, record);
    }
    let records = manifest.segments.iter().enumerate();
    next.segments =
        records.filter_map(|(at, record)| replaced.remove(&at).unwrap_or_else(|| Some(record.clone()))).collect();
    next.write(fs, root)
}

/// What became of a segment at first sight.
enum Admitted {
    /// It is there, and whether it opened.
    Segment(Patient, bool),
    /// It is not there.
    Gone(Finding),
}

fn admit(fs: &dyn Fs, root: &Path, at: usize, record: &SegmentRecord, name: SegmentName) -> Result<Admitted> {
    let path = name.path(root);
    let mut damaged = HashMap::new();
    let (segment, opened) = match open_segment(fs, root, name, record.level) {
        Ok(segment) => (segment, true),
        Err(Error::Corrupt(corruption)) => {
            let (reader, all) = SegmentReader::salvage(fs, &path)?;
            let mut finding = Finding::new(FindingKind::Segment, *corruption);
            if !all {
                finding.what = format!("{}; and not all of its entries can be found", finding.what);
            }
            damaged.insert(if all { u64::MAX } else { u64::MAX - 1 }, finding);
            (Arc::new(Segment { name, level: record.level, reader: Arc::new(reader) }), false)
        }
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let corruption = Corruption::new(path, 0, "MANIFEST names this segment, and it is not there");
            return Ok(Admitted::Gone(Finding::new(FindingKind::MissingFile, corruption)));
        }
        Err(error) => return Err(error),
    };
    let mut patient = Patient { at, segment, damaged, mended: HashMap::new() };
    patient.examine()?;
    Ok(Admitted::Segment(patient, opened))
}

impl Patient {
    /// Looks for what is damaged.
    fn examine(&mut self) -> Result<()> {
        let reader = Arc::clone(&self.segment.reader);
        let name = self.segment.name;
        let mut scratch = Scratch::default();
        let (damaged, mended) = (&mut self.damaged, &mut self.mended);
        reader.inspect(kind_of(name), &mut |part| {
            match part {
                Part::Chunk { entry, bytes } => {
                    if let Err(what) = contents(name, entry, bytes, &mut scratch) {
                        let corruption = Corruption::new(reader.path(), entry.offset, what);
                        let finding = Finding::new(FindingKind::Contents, corruption).of_chunk(entry);
                        damaged.insert(entry.offset, finding);
                    }
                }
                Part::DamagedChunk { entry, corruption, .. } => {
                    damaged.insert(entry.offset, Finding::new(FindingKind::Chunk, corruption).of_chunk(entry));
                }
                Part::DamagedEntries { chunks, count, corruption } => {
                    if let Some(entries) = reader.mended_entries(&chunks, count) {
                        mended.insert(chunks.start, entries);
                    }
                    damaged.insert(chunks.end, Finding::new(FindingKind::Entries, corruption));
                }
                // What no damage of bytes does is not for repair to judge.
                Part::Inconsistent(_) => {}
            }
            Ok(())
        })
    }
}

impl Ground<'_> {
    /// Writes a segment anew; `None` when nothing of it is left.
    fn rewrite(&self, patient: &Patient, number: u64, report: &mut RepairReport) -> Result<Option<SegmentRecord>> {
        let old = &patient.segment;
        let name = match old.name {
            SegmentName::Raw { .. } => SegmentName::Raw { number },
            SegmentName::Level0 { .. } => SegmentName::Level0 { number },
            SegmentName::Archive { granularity, partition, .. } => {
                SegmentName::Archive { granularity, partition, number }
            }
        };
        let path = name.path(self.root);
        // What a repair that was cut off left there belongs to nobody.
        self.fs.remove(&path)?;
        let mut writer = SegmentWriter::create(self.fs, &path, kind_of(name), number)?;
        for (key, finding) in patient.damaged.iter().filter(|(key, _)| **key >= u64::MAX - 1) {
            let quarantined = self.keep(patient, finding, std::slice::from_ref(&(0..old.reader.bytes())), "whole")?;
            let outcome = if *key == u64::MAX { Outcome::Rebuilt } else { Outcome::Lost };
            report.repairs.push(Repair { quarantined: Some(quarantined), ..rebuilt(finding.clone(), outcome) });
        }
        old.reader.inspect(kind_of(name), &mut |part| match part {
            Part::Chunk { entry, bytes } | Part::DamagedChunk { entry, bytes, .. } => {
                self.put(patient, entry, bytes, &mut writer, report)
            }
            Part::DamagedEntries { chunks, count, .. } => {
                self.put_block(patient, (&chunks, count), &mut writer, report)
            }
            Part::Inconsistent(_) => Ok(()),
        })?;
        let empty = writer.entries() == 0;
        let bytes = writer.finish()?;
        if empty {
            self.fs.remove(&path)?;
        }
        self.fs.sync_dir(&name.directory(self.root))?;
        Ok((!empty).then(|| SegmentRecord::new(name, old.level, bytes)))
    }

    /// Writes the chunks of a block that was mended, or notes that they are gone.
    fn put_block(
        &self,
        patient: &Patient,
        (chunks, count): (&std::ops::Range<u64>, u32),
        writer: &mut SegmentWriter,
        report: &mut RepairReport,
    ) -> Result<()> {
        let Some(finding) = patient.damaged.get(&chunks.end) else { return Ok(()) };
        let Some(entries) = patient.mended.get(&chunks.start) else {
            let end = chunks.end + u64::from(count) * ENTRY_SIZE as u64 + 4;
            let quarantined = self.keep(patient, finding, std::slice::from_ref(&(chunks.start..end)), "block")?;
            report.repairs.push(lost(finding.clone(), Some(quarantined)));
            return Ok(());
        };
        let mut whole = Whole::default();
        for entry in entries {
            let mut copied = Ok(());
            patient.segment.reader.read(std::slice::from_ref(entry), &mut whole, &mut |entry, chunk| {
                copied = self.copy(patient, writer, entry, chunk);
                Ok(())
            })?;
            copied?;
        }
        report.repairs.push(rebuilt(finding.clone(), Outcome::Rebuilt));
        Ok(())
    }

    /// Writes a chunk as it is, or what takes its place when it is damaged.
    fn put(
        &self,
        patient: &Patient,
        entry: &Entry,
        bytes: &[u8],
        writer: &mut SegmentWriter,
        report: &mut RepairReport,
    ) -> Result<()> {
        let Some(finding) = patient.damaged.get(&entry.offset) else {
            return self.copy(patient, writer, entry, bytes);
        };
        let lies = [entry.front_range(), entry.tail_range()];
        let quarantined = self.keep(patient, finding, &lies, &format!("metric-{}", entry.metric))?;
        let erased = self.view.erased.of(entry.metric, entry.granularity);
        let number = patient.segment.name.number();
        let sound = remains(&patient.segment.reader, entry, bytes);
        let sound = sound.map(|sound| sound.left(|start| !hidden(erased, number, start)));
        let (mut repair, instead) = self.replace(patient, finding, entry, sound)?;
        repair.quarantined = Some(quarantined);
        repair.finding.metric_id =
            self.index.metric_by_key(MetricKey::new(entry.metric))?.map(|stored| stored.metric.id);
        report.repairs.push(repair);
        match instead {
            Instead::Nothing => Ok(()),
            Instead::State(bytes) => add(writer, entry, &bytes),
            Instead::Rows(block) => add_rows(writer, entry, &block),
        }
    }

    /// Writes a chunk as it is, but for what was deleted of it: erasures do not count for a new segment.
    fn copy(&self, patient: &Patient, writer: &mut SegmentWriter, entry: &Entry, bytes: &[u8]) -> Result<()> {
        let (number, reader) = (patient.segment.name.number(), &patient.segment.reader);
        let Entry { metric, granularity, first, last, rows, .. } = *entry;
        let erased = self.view.erased.of(metric, granularity);
        if !touched(erased, number, first, last) {
            return add(writer, entry, bytes);
        }
        let damaged = |error: DecodeError| reader.damaged(entry, error.to_string());
        if granularity == MEASURES {
            let left = cut(Run { first, last, rows, bytes: bytes.into() }, erased, number).map_err(damaged)?;
            let Some(Run { first, last, rows, bytes }) = left else { return Ok(()) };
            let front = bytes.len();
            return writer.add(&Chunk { metric, granularity, first, last, rows, bytes: &bytes, front });
        }
        let block = decode_aggregates(bytes, rows as usize, granularity, &mut Scratch::default()).map_err(damaged)?;
        add_rows(writer, entry, &retain(&block, |timestamp| !hidden(erased, number, timestamp)))
    }

    fn keep(
        &self,
        patient: &Patient,
        finding: &Finding,
        lies: &[std::ops::Range<u64>],
        what: &str,
    ) -> Result<std::path::PathBuf> {
        let (kind, number) = match patient.segment.name {
            SegmentName::Raw { number } => ("raw", number),
            SegmentName::Level0 { number } => ("level0", number),
            SegmentName::Archive { number, .. } => ("archive", number),
        };
        let name = format!("{kind}-{number:08}-at-{}-{what}", lies.first().map_or(0, |range| range.start));
        quarantine::keep(self.fs, self.root, patient.segment.reader.path(), lies, &name, finding)
    }

    /// What becomes of a damaged chunk, of which `sound` can be read.
    fn replace(
        &self,
        patient: &Patient,
        finding: &Finding,
        entry: &Entry,
        sound: Option<Remains>,
    ) -> Result<(Repair, Instead)> {
        let found = self.index.metric_by_key(MetricKey::new(entry.metric))?;
        let plan = found.and_then(|stored| self.plans.get(&stored.policy_id));
        let Some(plan) = plan.filter(|_| !self.deleted.contains(&entry.metric)) else {
            return Ok((rebuilt(finding.clone(), Outcome::NotNeeded), Instead::Nothing));
        };
        if entry.granularity == STATE {
            return self.replace_state(finding, entry, plan);
        }
        let number = patient.segment.name.number();
        let mut erased = self.view.erased.of(entry.metric, entry.granularity).iter();
        if erased.any(|erasure| erasure.covers(number, entry.first, entry.last)) {
            return Ok((rebuilt(finding.clone(), Outcome::NotNeeded), Instead::Nothing));
        }
        let state = self.state(entry.metric, plan)?;
        Ok(match entry.granularity {
            MEASURES => (Ground::replace_measures(finding, entry, plan, state.as_ref()), Instead::Nothing),
            _ => self.replace_aggregates(finding, entry, plan, (state.as_ref(), sound)),
        })
    }

    /// The state of a series: the latest stored one, or the one that is made in its place; `None` when there is none.
    fn state(&self, metric: u64, plan: &Plan) -> Result<Option<SeriesState>> {
        match self.view.series(metric) {
            Ok(known) => Ok(known.map(|(state, _)| state)),
            Err(Error::Corrupt(_)) => {
                let latest = self.latest_state(metric);
                Ok(latest.map(|entry| state::rebuild(&self.view, &entry, plan, self.before_journal).0))
            }
            Err(error) => Err(error),
        }
    }

    /// The entry of the latest state of a series.
    fn latest_state(&self, metric: u64) -> Option<Entry> {
        let mut latest = None;
        for segment in &self.view.raw {
            let mut entries = Vec::new();
            if segment.reader.find_metric(metric, &mut entries).is_ok() {
                latest = entries.into_iter().find(|entry| entry.granularity == STATE).or(latest);
            }
        }
        latest
    }

    fn replace_state(&self, finding: &Finding, entry: &Entry, plan: &Plan) -> Result<(Repair, Instead)> {
        match self.view.series(entry.metric) {
            Ok(_) => return Ok((rebuilt(finding.clone(), Outcome::NotNeeded), Instead::Nothing)),
            Err(Error::Corrupt(_)) => {}
            Err(error) => return Err(error),
        }
        if self.latest_state(entry.metric) != Some(*entry) {
            return Ok((rebuilt(finding.clone(), Outcome::NotNeeded), Instead::Nothing));
        }
        let (state, whole) = state::rebuild(&self.view, entry, plan, self.before_journal);
        let mut repair = rebuilt(finding.clone(), if whole { Outcome::Rebuilt } else { Outcome::PartlyRebuilt });
        if !whole {
            let start = state.stored_until;
            repair.lost = Some((start, start));
            repair.methods = plan.policy.methods().iter().filter(|m| m.is_rate()).map(|m| m.to_string()).collect();
            repair.finding.what = format!("{}; the measure before {start} ns is not known", repair.finding.what);
        }
        Ok((repair, Instead::State(state.to_bytes())))
    }

    /// Raw measures are nowhere else; those of groups that are all sealed are not needed.
    fn replace_measures(finding: &Finding, entry: &Entry, plan: &Plan, state: Option<&SeriesState>) -> Repair {
        let needed_from = state.map_or(i64::MIN, |state| plan.keep_from(state.stored_until));
        if entry.last < needed_from {
            return rebuilt(finding.clone(), Outcome::NotNeeded);
        }
        let lost = Some((entry.first.max(needed_from), entry.last));
        Repair { lost, ..rebuilt(finding.clone(), Outcome::Lost) }
    }
}

/// Writes rows of an archive in the place of a chunk.
fn add_rows(writer: &mut SegmentWriter, entry: &Entry, block: &AggregateBlock) -> Result<()> {
    let (Some(&first), Some(&last)) = (block.timestamps.first(), block.timestamps.last()) else { return Ok(()) };
    let Entry { metric, granularity, .. } = *entry;
    let mut bytes = Vec::new();
    let front = encode_aggregates(block, granularity, &mut Scratch::default(), &mut bytes);
    writer.add(&Chunk { metric, granularity, first, last, rows: block.rows() as u32, bytes: &bytes, front })
}

fn add(writer: &mut SegmentWriter, entry: &Entry, bytes: &[u8]) -> Result<()> {
    let Entry { metric, granularity, first, last, rows, front, .. } = *entry;
    let front = if granularity > 0 { front as usize } else { bytes.len() };
    writer.add(&Chunk { metric, granularity, first, last, rows, bytes, front })
}

pub(super) fn rebuilt(finding: Finding, outcome: Outcome) -> Repair {
    Repair { finding, outcome, lost: None, methods: Vec::new(), quarantined: None }
}

fn lost(finding: Finding, quarantined: Option<std::path::PathBuf>) -> Repair {
    let lost = finding.span;
    Repair { finding, outcome: Outcome::Lost, lost, methods: Vec::new(), quarantined }
}
