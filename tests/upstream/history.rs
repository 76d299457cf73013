//! What the inputs say of each group, without any answer: its values, and whether Gnocchi computed it by the same rule.
//!
//! Two of the differences that `docs/semantics.md` lists depend on how a stream was cut into batches. Gnocchi computes anew,
//! with every batch, all groups from the batch's oldest measure on, out of the measures of its window. A percentile's
//! position counts from the first of them. The difference that leads into the first of them is lost unless its earlier
//! measure is younger than one granularity before that group, and still in the window.

use std::collections::BTreeMap;

use crate::recording::Series;

/// The measures that a series accepted, and how Gnocchi last computed each group.
pub struct History {
    accepted: BTreeMap<i64, f64>,
    /// For each granularity, in order of the archives.
    computed: Vec<(i64, BTreeMap<i64, Computed>)>,
    /// For each batch: accepted, late.
    pub outcomes: Vec<(u64, u64)>,
}

/// How Gnocchi last computed a group.
#[derive(Debug, Clone, Copy)]
pub struct Computed {
    /// How many measures it processed before those of the group.
    pub measures_before: usize,
    /// How many differences.
    pub differences_before: usize,
    /// Whether it lacked the difference that leads into the group.
    pub difference_lost: bool,
}

impl History {
    pub fn new(series: &Series) -> History {
        let computed = series.archives.iter().map(|(granularity, _)| (*granularity, BTreeMap::new())).collect();
        let mut history = History { accepted: BTreeMap::new(), computed, outcomes: Vec::new() };
        let block = series.archives.iter().map(|(granularity, _)| *granularity).max().expect("an archive");
        let rate = series.methods.iter().any(|method| method.is_rate());
        let open = (i64::from(series.back_window) + i64::from(rate)) * block;
        for batch in &series.batches {
            let first_mutable = history.newest().map_or(i64::MIN, |newest| newest / block * block - open);
            history.push(&batch.0.timestamps, &batch.0.values, first_mutable);
        }
        history
    }

    fn push(&mut self, timestamps: &[i64], values: &[f64], first_mutable: i64) {
        let mut accepted = 0;
        for (timestamp, value) in timestamps.iter().zip(values).filter(|(t, _)| **t >= first_mutable) {
            self.accepted.insert(*timestamp, *value);
            accepted += 1;
        }
        self.outcomes.push((accepted, timestamps.len() as u64 - accepted));
        let oldest = timestamps.iter().min().expect("a batch is not empty");
        let (window, _) = self.accepted.range(first_mutable..).next().expect("the newest measure is in the window");
        let oldest = *oldest.max(window);
        for (granularity, groups) in &mut self.computed {
            compute(&self.accepted, first_mutable, oldest, *granularity, groups);
        }
    }

    /// The newest measure.
    pub fn newest(&self) -> Option<i64> {
        self.accepted.last_key_value().map(|(timestamp, _)| *timestamp)
    }

    /// How Gnocchi last computed the group that begins at `start`; `None` for a group without a measure.
    pub fn computed(&self, granularity: i64, start: i64) -> Option<Computed> {
        let (_, groups) = self.computed.iter().find(|(known, _)| *known == granularity)?;
        groups.get(&start).copied()
    }

    /// The largest finite value, without its sign.
    pub fn magnitude(&self) -> f64 {
        self.accepted.values().filter(|value| value.is_finite()).fold(0.0, |largest, value| value.abs().max(largest))
    }

    /// The values of a group, or its differences, in order of time.
    pub fn values(&self, granularity: i64, start: i64, rate: bool) -> Vec<f64> {
        let group = self.accepted.range(start..start + granularity);
        if !rate {
            return group.map(|(_, value)| *value).collect();
        }
        let mut before = self.accepted.range(..start).next_back().map(|(_, value)| *value);
        let difference = |(_, value): (&i64, &f64)| before.replace(*value).map(|before| value - before);
        group.filter_map(difference).collect()
    }
}

/// All groups from that of `oldest` on are computed, from the measures since `window`.
fn compute(
    accepted: &BTreeMap<i64, f64>,
    window: i64,
    oldest: i64,
    granularity: i64,
    groups: &mut BTreeMap<i64, Computed>,
) {
    let start = oldest / granularity * granularity;
    let has_any = |from: i64, to: i64| from < to && accepted.range(from..to).next().is_some();
    let difference_known = has_any(window.max(start - granularity), start);
    let has_predecessor = has_any(i64::MIN, start);
    let mut current = None;
    for (position, (timestamp, _)) in accepted.range(window.max(start)..).enumerate() {
        let group = timestamp / granularity * granularity;
        if current.replace(group) != Some(group) {
            let differences_before = if difference_known { position } else { position.saturating_sub(1) };
            let difference_lost = position == 0 && has_predecessor && !difference_known;
            groups.insert(group, Computed { measures_before: position, differences_before, difference_lost });
        }
    }
}
