//! What an operation makes of the series that it asks for: as they are fetched, where that can be, or of all at once.
//!
//! Both ways give the same answer to the last bit; which one it is depends on the operation and on the points, never on the
//! number of threads. Nothing is added up here: [`Running`] and [`evaluate`] do that, in the order of the series.

use super::sources::{Source, Spare, fetch, several, shared};
use super::threads::in_turn;
use crate::database::Database;
use crate::error::{Corruption, Result};
use crate::ops::{EvaluateOptions, Operation, OutputSeries, Running, evaluate};
use crate::types::{Points, Timespan};

/// The answer of `operation` about these sources, at the granularities asked for, or at all that they have in common; and the
/// damage that was met, where it is to be skipped.
pub(super) fn answer(
    database: &Database,
    operation: &Operation,
    sources: Vec<Source>,
    asked: &[Timespan],
    options: &EvaluateOptions,
    skip_damaged: bool,
) -> Result<(Vec<OutputSeries>, Vec<Corruption>)> {
    let granularities = shared(database, &sources, asked)?;
    // What is lost of one series takes points from the answer, which nobody knows before the last one was read.
    if !skip_damaged && let Some(series) = running(database, operation, &sources, &granularities, options)? {
        return Ok((series, Vec::new()));
    }
    let (inputs, skipped) = fetch(database, sources, &granularities, options, skip_damaged)?;
    Ok((evaluate(operation, &inputs, options)?.series, skipped))
}

/// The answer as it comes of one series after the other; none where it does not.
fn running(
    database: &Database,
    operation: &Operation,
    sources: &[Source],
    granularities: &[Timespan],
    options: &EvaluateOptions,
) -> Result<Option<Vec<OutputSeries>>> {
    let Some(one) = Running::of(operation, options) else { return Ok(None) };
    let mut coarsest_first: Vec<usize> = (0..granularities.len()).collect();
    coarsest_first.sort_unstable_by_key(|at| std::cmp::Reverse(granularities[*at]));
    // Of no series at all there is an error to tell, which is `evaluate`'s.
    let none = granularities.is_empty() || sources.is_empty();
    let twice = coarsest_first.windows(2).any(|pair| granularities[pair[0]] == granularities[pair[1]]);
    if none || twice || !sources.iter().all(Source::is_always_there) {
        return Ok(None);
    }
    let mut running = vec![one; granularities.len()];
    let spare = Spare::default();
    let ask = |piece: &[Source]| several(database, piece, granularities, options, &spare);
    let mut take = |piece: Vec<Vec<Points>>| {
        // One that was deleted meanwhile may have points of some granularities only.
        let whole = piece.iter().all(|series| series.len() == granularities.len());
        let added = whole
            && running.iter_mut().enumerate().all(|(at, running)| {
                let series: Vec<&Points> = piece.iter().map(|series| &series[at]).collect();
                running.add(&series)
            });
        spare.put(piece.into_iter().flatten());
        added
    };
    if !in_turn(sources, database.threads, &ask, &mut take)? {
        return Ok(None);
    }
    let finished = running.into_iter().zip(granularities).map(|(running, granularity)| running.finish(*granularity));
    let mut finished: Vec<Option<OutputSeries>> = finished.collect();
    Ok(coarsest_first.into_iter().map(|at| finished[at].take()).collect())
}
