//! Aggregates made again from those of a finer archive, where that gives every bit.
//!
//! A minimum is the minimum of minima, a count the sum of counts, a first value the first of first ones; `rate:` methods of these
//! likewise, for a difference belongs to the group of its later measure in every archive. A sum is not the sum of sums: floats
//! are added in the order of measures, and another order may end in another bit. So sums, and what rests on them, stay gone.

use crate::carbonara::{aggregate_one, group_start};
use crate::head::Plan;
use crate::query::{BufferPool, Tolerance, View};
use crate::segment::Entry;
use crate::types::{AggregateBlock, AggregateColumn, AggregationMethod, Columns, Method, Points};

/// The rows of a damaged chunk, with the methods that can be made again; `None` when none can, or when it is not sure that all
/// that is needed is there, as where something was deleted.
pub(super) fn aggregates(view: &View, plan: &Plan, damaged: &Entry, newest: i64) -> Option<AggregateBlock> {
    let coarse = damaged.granularity;
    let end = damaged.last.saturating_add(coarse);
    // A group of which a part was deleted need not be what is left of the finer ones.
    if view.erased.touch(damaged.metric, damaged.first, end - 1) {
        return None;
    }
    let mut finer: Vec<_> =
        plan.archives.iter().filter(|a| a.granularity < coarse && coarse % a.granularity == 0).collect();
    finer.sort_by_key(|archive| std::cmp::Reverse(archive.granularity));
    finer.into_iter().find_map(|archive| {
        // What has expired is not all there. Under a policy that was changed more may have expired once than now would: not if
        // something older is there.
        let early = view.expired_early.get(&archive.granularity).is_some_and(|until| damaged.first < *until);
        let reaches = !early && archive.kept_from(newest) <= damaged.first;
        let read = |method, from: i64, to: i64| points(view, damaged.metric, archive.granularity, method, from..to);
        let probe = plan.stored.iter().next()?;
        if !reaches || (plan.revision > 1 && read(probe, 0, damaged.first)?.is_empty()) {
            return None;
        }
        let mut block = AggregateBlock::default();
        for method in plan.stored.iter() {
            let Some(kernel) = kernel(method) else { continue };
            let fine = read(method, damaged.first, end)?;
            let mut made = Columns::default();
            aggregate_one(&fine.timestamps, &fine.values, None, coarse, 0..i64::MAX, kernel, &mut made);
            if !method.is_rate() && block.timestamps.is_empty() {
                block.timestamps.clone_from(&made.timestamps);
            }
            if block.timestamps.is_empty() {
                block.timestamps = starts(&read(probe, damaged.first, end)?, coarse);
            }
            block.columns.push(column(method, &block.timestamps, &made));
        }
        let same = block.timestamps.len() == damaged.rows as usize
            && block.timestamps.first() == Some(&damaged.first)
            && block.timestamps.last() == Some(&damaged.last);
        (same && !block.columns.is_empty()).then_some(block)
    })
}

/// Which method brings values of `method` together; `None` when none gives every bit.
fn kernel(method: AggregationMethod) -> Option<AggregationMethod> {
    match method.method() {
        Method::Min => Some(AggregationMethod::MIN),
        Method::Max => Some(AggregationMethod::MAX),
        Method::First => Some(AggregationMethod::FIRST),
        Method::Last => Some(AggregationMethod::LAST),
        Method::Count => Some(AggregationMethod::SUM),
        _ => None,
    }
}

/// The stored points of one method; `None` when some cannot be read.
pub(super) fn points(
    view: &View,
    metric: u64,
    granularity: i64,
    method: AggregationMethod,
    starts: std::ops::Range<i64>,
) -> Option<Columns> {
    let mut out = Points::default();
    let mut tolerance = Tolerance::none();
    let read = BufferPool::default()
        .lend(|buffers| view.aggregates((metric, granularity), starts, method, buffers, &mut tolerance, &mut out));
    read.ok().map(|()| out.into())
}

fn starts(points: &Columns, granularity: i64) -> Vec<i64> {
    let mut starts: Vec<i64> = points.timestamps.iter().map(|t| group_start(*t, granularity)).collect();
    starts.dedup();
    starts
}

/// A column over `timestamps`, where `made` has points for some of them.
fn column(method: AggregationMethod, timestamps: &[i64], made: &Columns) -> AggregateColumn {
    let found: Vec<Option<f64>> = timestamps
        .iter()
        .map(|timestamp| made.timestamps.binary_search(timestamp).ok().and_then(|at| made.values.get(at).copied()))
        .collect();
    let present = found.iter().any(Option::is_none).then(|| found.iter().map(Option::is_some).collect());
    AggregateColumn { method, values: found.into_iter().map(Option::unwrap_or_default).collect(), present }
}
