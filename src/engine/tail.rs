//! What the journal has and segments have not, as a reader keeps it: unapplied, until somebody asks for the series.
//!
//! A reader beside a writer of a million metrics is asked about a few of them. Bringing all of the journal's series into
//! memory would read as many places of the segments; taking the records apart only reads the journal. What is kept is
//! applied when its series is first loaded, by the policies that were in force when each record was written. This module
//! must never touch a file, nor judge anew what the writer accepted.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::load::plan_of;
use super::records::{self, Record, Rows};
use super::recover::damaged;
use super::state::{Plans, State};
use crate::error::Result;
use crate::head::{Plan, Presence, Series};

/// No group follows.
const LAST: u32 = u32::MAX;

/// The measures of one metric in one record.
#[derive(Debug, Clone, Copy)]
struct Group {
    sequence: u64,
    /// Where in the columns they begin.
    start: usize,
    rows: u32,
    /// The metric's next group.
    next: u32,
}

/// The groups of one metric, in the order in which they were accepted.
#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

/// Records of the journal that are not applied.
#[derive(Debug)]
pub(super) struct Tail {
    timestamps: Vec<i64>,
    values: Vec<f64>,
    groups: Vec<Group>,
    chains: HashMap<u64, Chain>,
    /// The policies, and the sequence number from which on they were in force.
    plans: Vec<(u64, Arc<Plans>)>,
    deleted: Vec<u64>,
    records: u64,
}

impl Tail {
    /// No record yet; these policies are in force.
    pub(super) fn new(plans: Arc<Plans>) -> Self {
        Tail {
            timestamps: Vec::new(),
            values: Vec::new(),
            groups: Vec::new(),
            chains: HashMap::new(),
            plans: vec![(0, plans)],
            deleted: Vec::new(),
            records: 0,
        }
    }

    /// Takes in the next record.
    pub(super) fn take_in(
        &mut self,
        (directory, sequence): (&Path, u64),
        kind: u8,
        body: &[u8],
        rows: &mut Rows,
    ) -> Result<()> {
        self.records += 1;
        match records::parse(kind, body, rows).map_err(|what| damaged(directory, sequence, &what))? {
            Record::Measures(rows) => {
                for (key, timestamps, values) in rows.groups() {
                    self.add(key, sequence, timestamps, values);
                }
            }
            Record::Policy(record) => {
                let plan = Plan::new(record.id, record.revision, record.policy(directory)?);
                let mut plans = (*self.plans()).clone();
                plans.insert(plan.id, Arc::new(plan));
                self.plans.push((sequence, Arc::new(plans)));
            }
            Record::DeleteMetric(key) => {
                self.chains.remove(&key);
                self.deleted.push(key);
            }
        }
        Ok(())
    }

    fn add(&mut self, key: u64, sequence: u64, timestamps: &[i64], values: &[f64]) {
        let (start, at) = (self.timestamps.len(), self.groups.len() as u32);
        self.timestamps.extend_from_slice(timestamps);
        self.values.extend_from_slice(values);
        self.groups.push(Group { sequence, start, rows: timestamps.len() as u32, next: LAST });
        let chain = self.chains.entry(key).or_insert(Chain { first: at, last: at });
        if chain.last != at {
            if let Some(before) = self.groups.get_mut(chain.last as usize) {
                before.next = at;
            }
            chain.last = at;
        }
    }

    /// The policies after the last record.
    pub(super) fn plans(&self) -> Arc<Plans> {
        self.plans.last().map(|(_, plans)| Arc::clone(plans)).unwrap_or_default()
    }

    /// Metrics that a record calls deleted.
    pub(super) fn deleted(&self) -> &[u64] {
        &self.deleted
    }

    /// How many records it took in, and how many measures were in them.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.records, self.timestamps.len() as u64)
    }

    /// Applies to a series that was just loaded what is kept for it, and keeps it no more.
    pub(super) fn apply(&mut self, key: u64, series: &mut Series) -> Result<()> {
        let Some(chain) = self.chains.remove(&key) else { return Ok(()) };
        let mut at = chain.first;
        while let Some(group) = self.groups.get(at as usize) {
            self.replay(key, *group, series)?;
            at = group.next;
        }
        Ok(())
    }

    fn replay(&self, key: u64, group: Group, series: &mut Series) -> Result<()> {
        let Group { sequence, start, rows, .. } = group;
        let rows = start..start + rows as usize;
        let (timestamps, values) = (self.timestamps.get(rows.clone()), self.values.get(rows));
        let newer = self.plans.partition_point(|(from, _)| *from <= sequence);
        if let (Some(timestamps), Some(values)) = (timestamps, values)
            && let Some((_, plans)) = newer.checked_sub(1).and_then(|i| self.plans.get(i))
        {
            let plan = plan_of(plans, key, series.policy())?;
            series.replay(&plan, sequence, timestamps, values);
        }
        Ok(())
    }
}

impl State {
    /// Takes in records that came after those it has. Series in memory change at once, others when they are loaded.
    ///
    /// On an error some did and some did not: the state is not to be used any more.
    pub(super) fn catch_up(&self, more: &Tail) -> Result<()> {
        let Some(tail) = &self.tail else { return Ok(()) };
        *self.plans.write() = more.plans();
        for (key, chain) in &more.chains {
            let slot = self.series.known_slot(*key);
            let mut resident = slot.map(|slot| slot.lock()).filter(|series| series.presence() == Presence::Resident);
            let mut at = chain.first;
            while let Some(group) = more.groups.get(at as usize) {
                match &mut resident {
                    Some(series) => more.replay(*key, *group, series)?,
                    None => tail.lock().add_from(more, *key, *group),
                }
                at = group.next;
            }
        }
        let mut tail = tail.lock();
        tail.records += more.records;
        tail.plans.extend(more.plans.iter().skip(1).cloned());
        drop(tail);
        for key in &more.deleted {
            self.forget(*key);
        }
        Ok(())
    }
}

impl Tail {
    fn add_from(&mut self, other: &Tail, key: u64, group: Group) {
        let rows = group.start..group.start + group.rows as usize;
        if let (Some(timestamps), Some(values)) = (other.timestamps.get(rows.clone()), other.values.get(rows)) {
            self.add(key, group.sequence, timestamps, values);
        }
    }
}
