//! What is done to the database while it is cut: a sequence of operations, the same for the same seed, that passes through
//! everything that writes.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gnocchetti::internals::fs::Fs;
use gnocchetti::{
    AggregationMethod, ArchivePolicy, ArchivePolicyUpdate, Database, Definition, DeleteOptions, Durability, MetricKey,
    NewMetric, Options, Result, Timespan, Timestamp,
};

use crate::image::Dice;
use crate::model::Model;

/// Granularities in ns, with how many points they keep, finest first.
pub type Archives = Vec<(i64, Option<u64>)>;

/// One call of the public API.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    CreatePolicy(&'static str),
    CreateMetric(String, &'static str),
    /// Measures of metrics, by their places in the order of creation.
    Push(Vec<(usize, i64, f64)>),
    PushOne(usize, i64, f64),
    Update(&'static str, u32, Archives),
    Delete(usize),
    /// What a metric has from one time on, up to another or for ever.
    DeleteMeasures(usize, i64, Option<i64>),
    Flush,
    Checkpoint,
    Maintain,
    Reopen,
}

impl Op {
    /// Whether it is one of those of which a crash leaves all up to one of them: pushes, and deletions among them.
    pub fn is_push(&self) -> bool {
        matches!(self, Op::Push(_) | Op::PushOne(..) | Op::DeleteMeasures(..))
    }

    /// Whether the index has it, whatever becomes of the journal.
    pub fn is_index(&self) -> bool {
        matches!(self, Op::CreatePolicy(_) | Op::CreateMetric(..) | Op::Update(..) | Op::Delete(_))
    }

    /// Whether the journal is told of what the index has committed.
    pub fn is_both(&self) -> bool {
        matches!(self, Op::CreatePolicy(_) | Op::Update(..) | Op::Delete(_))
    }

    /// Whether everything before it is durable when it returns.
    pub fn is_barrier(&self) -> bool {
        matches!(self, Op::Flush | Op::Checkpoint | Op::Maintain | Op::Reopen | Op::DeleteMeasures(..))
    }
}

/// How a database is opened: which level of durability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Sync,
    Kernel,
    Buffered,
}

impl Level {
    pub const ALL: [Level; 3] = [Level::Sync, Level::Kernel, Level::Buffered];

    pub fn name(self) -> &'static str {
        match self {
            Level::Sync => "sync",
            Level::Kernel => "kernel",
            Level::Buffered => "buffered",
        }
    }

    /// With no deadline that could come during a test.
    fn durability(self) -> Durability {
        let never = Duration::from_secs(3600);
        match self {
            Level::Sync => Durability::Sync,
            Level::Kernel => Durability::Kernel(never),
            Level::Buffered => Durability::Buffered(never),
        }
    }

    /// Opens a database that does nothing by itself and keeps no more in memory than it must.
    pub fn open(self, root: &Path, fs: Arc<dyn Fs>) -> Result<Database> {
        let options = Options::new().background(false).durability(self.durability());
        let options = options.grace(Duration::ZERO).max_future(None).memory(4096);
        let db = Database::open_with_fs(root, options, fs)?;
        if self != Level::Sync {
            // The thread that keeps deadlines syncs once when it starts; nothing is there to be synced yet.
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(db)
    }
}

/// The policies of the workloads, as they are created: granularities that do not divide one another, short windows, short
/// retention.
pub fn archives_of(policy: &str) -> (u32, Archives) {
    match policy {
        "plain" => (1, vec![(10, None), (60, Some(30))]),
        _ => (0, vec![(7, Some(60)), (90, None)]),
    }
}

/// Their methods.
pub fn methods_of(policy: &str) -> Vec<AggregationMethod> {
    let names: &[&str] = match policy {
        "plain" => &["mean", "max", "count", "rate:mean"],
        _ => &["sum", "min", "last", "std", "median"],
    };
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn definitions(archives: &Archives) -> impl Iterator<Item = Definition> {
    let granularity = |nanos| Some(Timespan::from_nanos(nanos).unwrap());
    archives.iter().map(move |&(nanos, points)| Definition::new(granularity(nanos), points, None).unwrap())
}

fn policy(name: &str) -> ArchivePolicy {
    let (back_window, archives) = archives_of(name);
    let builder = ArchivePolicy::builder(name).back_window(back_window).definitions(definitions(&archives));
    builder.aggregation_methods(methods_of(name).iter().map(ToString::to_string)).build().unwrap()
}

/// The key of the metric created as the `slot`th.
pub fn key(slot: usize) -> MetricKey {
    MetricKey::new(slot as u64 + 1)
}

/// Does an operation but `Reopen`; of a push, returns how many measures were accepted, overwrote, came late; of a deletion,
/// how many raw measures it removed.
pub fn perform(db: &Database, op: &Op) -> Result<Option<[u64; 3]>> {
    let at = |nanos| Timestamp::from_nanos(nanos).unwrap();
    let counts = |pushed: gnocchetti::Pushed| Some([pushed.accepted, pushed.overwritten, pushed.late]);
    match op {
        Op::CreatePolicy(name) => db.create_archive_policy(&policy(name)).map(drop)?,
        Op::CreateMetric(name, policy) => {
            db.create_metric(NewMetric::named(name).archive_policy(*policy)).map(drop)?;
        }
        Op::Push(measures) => {
            let mut batch = db.batch();
            for &(slot, time, value) in measures {
                batch.add(key(slot), at(time), value);
            }
            return batch.commit().map(|report| counts(report.total()));
        }
        Op::PushOne(slot, time, value) => return db.push(key(*slot), at(*time), *value).map(counts),
        Op::Update(name, back_window, archives) => {
            let update = ArchivePolicyUpdate::new().back_window(*back_window).definitions(definitions(archives));
            db.update_archive_policy(name, &update).map(drop)?;
        }
        Op::Delete(slot) => db.delete_metric(key(*slot))?,
        Op::DeleteMeasures(slot, from, to) => {
            let end = to.map_or(Bound::Unbounded, |to| Bound::Excluded(at(to)));
            let deleted = db.delete_measures(key(*slot), (Bound::Included(at(*from)), end), DeleteOptions::new())?;
            assert_eq!(deleted.partial, [], "the workload cuts no group in two");
            return Ok(Some([deleted.removed, 0, 0]));
        }
        Op::Flush => db.flush()?,
        Op::Checkpoint => db.checkpoint()?,
        Op::Maintain => db.maintain()?,
        Op::Reopen => unreachable!("whoever has the database reopens it"),
    }
    Ok(None)
}

/// Longer than a partition of the workloads' archives: after such a jump everything before is closed, much of it expired.
const JUMP: i64 = 2 * 86_400 * 1_000_000_000;

struct Generator {
    dice: Dice,
    now: i64,
    living: Vec<usize>,
    created: usize,
    ops: Vec<Op>,
}

/// The operations of one seed.
pub fn generate(seed: u64) -> Vec<Op> {
    let mut generator = Generator { dice: Dice::new(seed), now: 1000, living: Vec::new(), created: 0, ops: Vec::new() };
    generator.ops.push(Op::CreatePolicy("plain"));
    for name in ["a", "b", "c"] {
        generator.create(name, "plain");
    }
    generator.pushes(3);
    generator.ops.push(Op::CreatePolicy("odd"));
    for name in ["d", "e"] {
        generator.create(name, "odd");
    }
    for round in 0..9 {
        generator.round(round);
    }
    generator.ops
}

impl Generator {
    fn create(&mut self, name: &str, policy: &'static str) {
        self.ops.push(Op::CreateMetric(name.to_owned(), policy));
        self.living.push(self.created);
        self.created += 1;
    }

    fn round(&mut self, round: u64) {
        self.pushes(2);
        match round {
            1 => self.ops.push(Op::Maintain),
            2 => self.ops.push(Op::Update("plain", 2, vec![(10, Some(400)), (60, Some(20))])),
            3 => {
                let gone = self.living.remove(self.dice.below(3) as usize);
                self.ops.push(Op::Delete(gone));
                self.now += JUMP;
            }
            4 => self.create("a second time", "odd"),
            5 => self.ops.push(Op::Reopen),
            6 => {
                self.ops.push(Op::Update("odd", 1, vec![(7, Some(30)), (90, Some(9))]));
                self.pushes(1);
                let gone = self.living.pop().unwrap_or_default();
                self.ops.push(Op::Delete(gone));
            }
            7 => self.now += JUMP,
            _ => {}
        }
        self.pushes(2);
        if round.is_multiple_of(2) {
            self.delete_measures();
        } else {
            self.jump_and_back();
        }
        self.ops.push(if self.dice.one_in(2) { Op::Flush } else { Op::Checkpoint });
        self.pushes(1);
        match self.dice.below(4) {
            0 => self.ops.push(Op::Maintain),
            1 => self.ops.extend([Op::Checkpoint, Op::Maintain]),
            2 => self.ops.push(Op::Checkpoint),
            _ => {}
        }
    }

    /// Deletes a stretch of time of some metric, at times all of it.
    fn delete_measures(&mut self) {
        let slot = self.living[self.dice.below(self.living.len() as u64) as usize];
        let some = [self.dice.below(400) as i64, self.dice.below(1500) as i64];
        let range = if self.dice.one_in(5) { Some((0, None)) } else { Model::after(&self.ops).deletable(slot, some) };
        self.ops.extend(range.map(|(from, to)| Op::DeleteMeasures(slot, from, to)));
    }

    /// The clock of some metric's sender jumps, and what jumped is deleted.
    fn jump_and_back(&mut self) {
        let slot = self.living[self.dice.below(self.living.len() as u64) as usize];
        self.ops.push(Op::PushOne(slot, self.now + JUMP, 0.5));
        match self.dice.below(4) {
            0 => self.ops.push(Op::Maintain),
            1 => self.ops.push(Op::Checkpoint),
            2 => self.ops.extend([Op::Checkpoint, Op::Reopen]),
            _ => {}
        }
        self.ops.push(Op::DeleteMeasures(slot, self.now + JUMP / 2, None));
    }

    fn pushes(&mut self, n: usize) {
        for _ in 0..n {
            self.now += self.dice.below(90) as i64;
            if self.dice.one_in(2) {
                let (slot, time, value) = self.measure();
                self.ops.push(Op::PushOne(slot, time, value));
            } else {
                // Now and then a batch that is larger than a sector, and once in a while than a page.
                let most = [8, 8, 60, 300][self.dice.below(4) as usize];
                let measures = (0..=self.dice.below(most)).map(|_| self.measure()).collect();
                self.ops.push(Op::Push(measures));
            }
        }
    }

    /// Mostly in order, at times out of order, a duplicate, or late.
    fn measure(&mut self) -> (usize, i64, f64) {
        let slot = self.living[self.dice.below(self.living.len() as u64) as usize];
        let time = match self.dice.below(10) {
            0 => self.now - self.dice.below(60) as i64,
            1 => self.now - self.dice.below(900) as i64,
            2 => self.now / 10 * 10,
            _ => {
                self.now += self.dice.below(4) as i64;
                self.now
            }
        };
        (slot, time.max(0), self.dice.below(20_000) as f64 / 10.0 - 1000.0)
    }
}
