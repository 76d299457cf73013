//! What takes the place of a damaged chunk of aggregates: those of its methods that are whole, and those that a finer archive
//! gives again.
//!
//! A chunk in parts has a checksum for each long column, so that damage of one leaves the others. Nothing is kept that no
//! checksum confirms, and nothing made again that is there.

use super::rebuild;
use super::report::{Outcome, Repair};
use super::segments::{Ground, Instead, rebuilt};
use crate::codec::{Scratch, decode_sound_aggregates, encode_aggregates};
use crate::engine::check::Finding;
use crate::head::Plan;
use crate::segment::{Entry, SegmentReader};
use crate::types::{AggregateBlock, AggregationMethod, SeriesState};

/// What can be read of a damaged chunk, and which of its methods cannot.
pub(super) struct Remains {
    block: AggregateBlock,
    damaged: Vec<AggregationMethod>,
}

/// What is whole of a damaged chunk of aggregates; `None` when nothing is.
pub(super) fn remains(reader: &SegmentReader, entry: &Entry, bytes: &[u8]) -> Option<Remains> {
    let damaged = reader.damaged_methods(entry, bytes)?;
    let (rows, granularity) = (entry.rows as usize, entry.granularity);
    let block = decode_sound_aggregates(bytes, rows, granularity, &damaged, &mut Scratch::default()).ok()?;
    let ends = (block.timestamps.first().copied(), block.timestamps.last().copied());
    let fits = ends == (Some(entry.first), Some(entry.last)) && !block.columns.is_empty();
    fits.then_some(Remains { block, damaged })
}

impl Ground<'_> {
    pub(super) fn replace_aggregates(
        &self,
        finding: &Finding,
        entry: &Entry,
        plan: &Plan,
        (state, sound): (Option<&SeriesState>, Option<Remains>),
    ) -> (Repair, Instead) {
        let archive = plan.archive(entry.granularity);
        let newest = state.map_or(i64::MIN, |state| state.newest);
        let kept_from = archive.filter(|_| state.is_some()).map_or(0, |archive| archive.kept_from(newest));
        if entry.last < kept_from {
            return (rebuilt(finding.clone(), Outcome::NotNeeded), Instead::Nothing);
        }
        let span = Some((entry.first.max(kept_from), entry.last));
        let made =
            if self.whole && state.is_some() { rebuild::aggregates(&self.view, plan, entry, newest) } else { None };
        let kept = plan.policy.methods();
        // Of a chunk that can be read in part, it is known which methods it had.
        let had: Vec<AggregationMethod> = match &sound {
            Some(remains) => remains.damaged.iter().copied().filter(|method| kept.contains(*method)).collect(),
            None => kept.iter().collect(),
        };
        let Some(block) = together(sound, made) else {
            return (Repair { lost: span, ..rebuilt(finding.clone(), Outcome::Lost) }, Instead::Nothing);
        };
        let missing = had.iter().filter(|method| block.column(**method).is_none());
        let methods: Vec<String> = missing.map(AggregationMethod::to_string).collect();
        let instead = encoded(&block, entry.granularity);
        if methods.is_empty() {
            return (rebuilt(finding.clone(), Outcome::Rebuilt), instead);
        }
        (Repair { lost: span, methods, ..rebuilt(finding.clone(), Outcome::PartlyRebuilt) }, instead)
    }
}

/// What is whole, and of what is not, what was made again.
fn together(sound: Option<Remains>, made: Option<AggregateBlock>) -> Option<AggregateBlock> {
    let Some(Remains { mut block, damaged }) = sound else { return made };
    if let Some(made) = made.filter(|made| made.timestamps == block.timestamps) {
        block.columns.extend(made.columns.into_iter().filter(|column| damaged.contains(&column.method)));
        block.columns.sort_by_key(|column| column.method);
    }
    Some(block)
}

fn encoded(block: &AggregateBlock, granularity: i64) -> Instead {
    let mut bytes = Vec::new();
    let front = encode_aggregates(block, granularity, &mut Scratch::default(), &mut bytes);
    Instead::Bytes(bytes, front)
}
