//! Calls that fail while the process lives: each call of the workload fails once, and whoever asked is told. What had
//! returned stays, in the process and after it; what failed happened or did not; afterwards the same works again, if need be
//! after reopening.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gnocchetti::{Database, Error};

use crate::disk::{Call, Fault, IndexCopy, SimDisk};
use crate::image::{Cut, Dice, Image};
use crate::matrix::{Start, go_on, prefix};
use crate::model::{Answers, Model, ask, difference};
use crate::run::{Findings, Soak, Trouble, caught, in_parallel};
use crate::workload::{Level, Op, generate, perform};

/// One fault in one workload.
#[derive(Debug, Clone, Copy)]
struct Case {
    level: Level,
    seed: u64,
    fault: Fault,
}

impl Case {
    fn replay(&self) -> String {
        let Fault { call, nth, full, tenths } = self.fault;
        let (level, seed) = (self.level.name(), self.seed);
        format!(
            "GNOCCHETTI_CRASH_FAULT={level}/{seed}/{call:?}/{nth}/{full}/{tenths} cargo test --test crash faults::replay -- --nocapture"
        )
    }
}

/// A workload on a disk that fails once.
struct Run {
    case: Case,
    dice: Dice,
    start: Start,
    db: Option<Database>,
    /// What has taken effect.
    log: Vec<Op>,
    /// The model after that.
    model: Model,
    /// So many pushes of it survive whatever comes.
    promised: usize,
    /// The failure that somebody was told of.
    surfaced: Option<String>,
}

fn wrong<T>(what: String) -> Result<T, Trouble> {
    Err(Trouble::Wrong(what))
}

fn pushes(ops: &[Op]) -> usize {
    ops.iter().filter(|op| op.is_push()).count()
}

impl Run {
    fn new(case: Case) -> Self {
        let start = Start::new(Image::default(), &IndexCopy::default());
        start.disk.fail(case.fault);
        let dice = Dice::new(case.seed + case.fault.nth);
        Run { case, dice, start, db: None, log: Vec::new(), model: Model::default(), promised: 0, surfaced: None }
    }

    fn level_open(&self) -> gnocchetti::Result<Database> {
        self.case.level.open(self.start.folder.path(), Arc::new(self.start.disk.clone()))
    }

    /// Opens, and once more where the fault came into the way.
    fn open(&mut self) -> Result<(), Trouble> {
        let opened = self.level_open().or_else(|error| {
            self.surfaced = Some(error.to_string());
            self.level_open()
        });
        self.db = Some(opened.map_err(|error| Trouble::Lost(format!("it cannot be opened: {error}")))?);
        Ok(())
    }

    fn db(&self) -> &Database {
        self.db.as_ref().unwrap()
    }

    /// What is promised whatever happens next, now that `op` has returned.
    fn acknowledge(&mut self, op: &Op) {
        if self.case.level == Level::Sync || op.is_barrier() {
            self.promised = pushes(&self.log);
        }
    }

    fn step(&mut self, op: &Op) -> Result<(), Trouble> {
        if *op == Op::Reopen {
            return self.reopen();
        }
        let before = self.start.disk.has_failed().is_some();
        match perform(self.db(), op) {
            Ok(reported) => {
                let expected = self.model.apply(op);
                if reported != expected {
                    return wrong(format!("{op:?} reported {reported:?} where {expected:?} belongs"));
                }
                let swallowed = self.start.disk.has_failed().is_some() && !before;
                if swallowed && !may_be_swallowed(self.case.fault.call, op) {
                    return wrong(format!("{op:?} says nothing of the failure"));
                }
                self.log.push(op.clone());
                self.acknowledge(op);
                Ok(())
            }
            Err(error) if self.surfaced.is_none() => {
                self.surfaced = Some(error.to_string());
                self.after_failure(op)
            }
            Err(error) => wrong(format!("{op:?} fails though the disk works: {error}")),
        }
    }

    /// A call failed: nothing else has changed; the same works again, or else all writing is refused until reopening.
    fn after_failure(&mut self, op: &Op) -> Result<(), Trouble> {
        let found = self.ask()?;
        let all = pushes(&self.log);
        self.resolve(&found, Some(op), all, "in the process")?;
        match perform(self.db(), op) {
            Ok(_) if self.is_final() => return wrong(format!("{op:?} works after a failed sync of the journal")),
            Ok(_) => {
                self.model.apply(op);
                self.log.push(op.clone());
                self.acknowledge(op);
                return Ok(());
            }
            Err(Error::ArchivePolicyExists { .. } | Error::UnknownMetric { .. }) if self.log.last() == Some(op) => {
                return Ok(());
            }
            Err(Error::Failed { .. }) => {}
            Err(error) => return wrong(format!("{op:?} fails again though the disk works: {error}")),
        }
        let Some(slot) = self.model.living().next() else { return self.restart(Some(op)) };
        let push = Op::PushOne(slot, self.model.later(), 0.0);
        match perform(self.db(), &push) {
            Err(Error::Failed { .. }) => self.restart(Some(op)),
            other => wrong(format!("after a failure that was to be final, a push returned {other:?}")),
        }
    }

    /// Whether nothing may be written any more: what the journal's file has is unknown.
    fn is_final(&self) -> bool {
        let failed = self.start.disk.has_failed();
        self.case.fault.call == Call::Sync && failed.is_some_and(|name| name.starts_with("journal/"))
    }

    /// Asks, and once more where the fault came into the way.
    fn ask(&mut self) -> Result<Answers, Trouble> {
        let before = self.start.disk.has_failed().is_some();
        let mut found = ask(self.db());
        if !before && self.start.disk.has_failed().is_some() {
            self.surfaced = found.as_ref().err().map(ToString::to_string);
            found = ask(self.db());
        }
        found.map_err(|error| Trouble::Lost(format!("it cannot be read: {error}")))
    }

    /// Finds out what the database has: the log with at least so many pushes, and `failed` or not.
    fn resolve(&mut self, found: &Answers, failed: Option<&Op>, least: usize, when: &str) -> Result<(), Trouble> {
        let with: Vec<Op> = self.log.iter().chain(failed).cloned().collect();
        let logs = [&with, &self.log];
        let mut prefixes =
            logs.into_iter().flat_map(|ops| (least..=pushes(ops)).rev().map(move |some| prefix(ops, some, usize::MAX)));
        let kept = prefixes.find_map(|ops| {
            let kept: Vec<Op> = ops.cloned().collect();
            let model = Model::after(&kept);
            (model.answers() == *found).then_some((kept, model))
        });
        drop(prefixes);
        if let Some((log, model)) = kept {
            (self.log, self.model) = (log, model);
            return Ok(());
        }
        let fewer =
            (0..least).rev().find(|some| Model::after(prefix(&self.log, *some, usize::MAX)).answers() == *found);
        match fewer {
            Some(fewer) => Err(Trouble::Lost(format!("{when}, {fewer} pushes are there, {least} were promised"))),
            None => wrong(format!("{when}, {}", difference(found, &self.model.answers()))),
        }
    }

    /// The process ends and another one opens the database; the kernel may or may not remember what it could not write, and
    /// at times the power goes while it recovers.
    fn restart(&mut self, failed: Option<&Op>) -> Result<(), Trouble> {
        let (mut image, index) = (self.start.disk.image(), IndexCopy::of(self.start.folder.path()));
        if self.dice.one_in(2) {
            image.evict();
        }
        self.db = None;
        let mut start = Start::new(image, &index);
        if self.dice.one_in(2) {
            start.disk.stop_after(self.dice.below(30));
            let opened = Level::Sync.open(start.folder.path(), Arc::new(start.disk.clone()));
            let index = start.disk.died_with();
            drop(opened);
            let cut = [Cut::Nothing, Cut::Random][self.dice.below(2) as usize];
            let image = start.disk.image().cut(cut, None, &mut self.dice);
            start = Start::new(image, &index.unwrap_or_else(|| IndexCopy::of(start.folder.path())));
        }
        self.start = start;
        self.open()?;
        let found = self.ask()?;
        self.resolve(&found, failed, self.promised, "after reopening")?;
        self.promised = pushes(&self.log);
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Trouble> {
        let before = self.start.disk.has_failed().is_some();
        if let Err(error) = self.db.take().unwrap().close() {
            if before {
                return wrong(format!("closing fails though the disk works: {error}"));
            }
            self.surfaced = Some(error.to_string());
            return self.restart(None);
        }
        self.promised = pushes(&self.log);
        self.open()?;
        let found = self.ask()?;
        self.resolve(&found, None, self.promised, "after closing and opening")
    }

    fn finish(mut self) -> Result<Option<String>, Trouble> {
        let found = self.ask()?;
        self.resolve(&found, None, pushes(&self.log), "at the end")?;
        if self.dice.one_in(2) {
            self.restart(None)?;
        }
        let Run { start, db, mut dice, surfaced, model, .. } = self;
        if let Some(db) = db {
            let checkpointed = db.checkpoint();
            if let Err(error) = checkpointed {
                return wrong(format!("a checkpoint at the end: {error}"));
            }
            go_on(start, db, model, &mut dice)?;
        }
        Ok(surfaced)
    }
}

/// Room is only a hint; that a metric is gone, the index alone decides; and what an attempt that failed, or found nothing to
/// write, left behind is removed by a later one. Merges read again what they could not read.
fn may_be_swallowed(call: Call, op: &Op) -> bool {
    match op {
        Op::Delete(_) => true,
        Op::Maintain if call == Call::Read => true,
        Op::Checkpoint | Op::Maintain | Op::DeleteMeasures(..) => {
            matches!(call, Call::Remove | Call::RemoveDir | Call::SyncDir | Call::Reserve)
        }
        _ => call == Call::Reserve,
    }
}

fn check(case: Case) -> Result<Option<String>, Trouble> {
    let mut run = Run::new(case);
    run.open()?;
    for op in generate(case.seed) {
        run.step(&op)?;
    }
    run.finish()
}

/// How often the workload makes each call when nothing fails.
fn calls(level: Level, seed: u64) -> BTreeMap<Call, u64> {
    let start = Start::new(Image::default(), &IndexCopy::default());
    let open = |disk: &SimDisk| level.open(start.folder.path(), Arc::new(disk.clone())).unwrap();
    let mut db = open(&start.disk);
    for op in generate(seed) {
        if op == Op::Reopen {
            db.close().unwrap();
            db = open(&start.disk);
        } else {
            perform(&db, &op).unwrap();
        }
    }
    start.disk.counts()
}

/// The ways in which a call of this kind fails: with a full disk or a broken one, and how much of it is done all the same.
fn ways(call: Call) -> &'static [(bool, usize)] {
    match call {
        Call::Append => &[(true, 0), (true, 5), (false, 9)],
        Call::Create | Call::CreateDir | Call::Reserve => &[(true, 0)],
        _ => &[(false, 0)],
    }
}

fn cases(level: Level, seed: u64) -> Vec<Case> {
    let mut all = Vec::new();
    for (call, count) in calls(level, seed) {
        // Reads are many and alike.
        let step = if call == Call::Read { 23 } else { 1 };
        for nth in (0..count).step_by(step) {
            let faults = ways(call).iter().map(|&(full, tenths)| Fault { call, nth, full, tenths });
            all.extend(faults.map(|fault| Case { level, seed, fault }));
        }
    }
    all
}

#[test]
fn no_failing_call_loses_a_measure() {
    let soak = Soak::asked();
    let findings = Findings::default();
    let total = AtomicU64::new(0);
    for seed in 1..=soak.pick(3, 3, 30) {
        let level = Level::ALL[seed as usize % 3];
        let all = cases(level, seed);
        let step = soak.pick((all.len() / 40) | 1, 1, 1);
        let some: Vec<Case> = all.into_iter().skip(seed as usize % step).step_by(step).collect();
        in_parallel(&some, |case| {
            if findings.enough() {
                return;
            }
            total.fetch_add(1, Ordering::Relaxed);
            let Fault { call, full, .. } = case.fault;
            let how = if full { "no space" } else { "an error" };
            let outcome = caught(|| check(*case)).unwrap_or_else(|panic| wrong(format!("panic: {panic}")));
            match outcome {
                Ok(told) => findings
                    .count(&format!("{call:?}: {how}{}", if told.is_some() { "" } else { ", of no consequence" })),
                Err(trouble) => findings.trouble(&case.replay(), trouble),
            }
        });
    }
    findings.conclude("calls that fail", "faults", total.load(Ordering::Relaxed));
}

/// Makes one call fail again: `GNOCCHETTI_CRASH_FAULT` as it was printed. Without it, the first checkpoint's first file.
#[test]
fn replay() {
    let asked = std::env::var("GNOCCHETTI_CRASH_FAULT").unwrap_or_else(|_| "kernel/1/Create/4/true/0".to_owned());
    let parts: Vec<&str> = asked.split('/').collect();
    let [level, seed, call, nth, full, tenths] = parts[..] else {
        panic!("`{asked}` is no LEVEL/SEED/CALL/NTH/FULL/TENTHS")
    };
    let level = Level::ALL.into_iter().find(|known| known.name() == level).expect("a level");
    let call = Call::ALL.into_iter().find(|known| format!("{known:?}") == call).expect("a call");
    let (nth, full) = (nth.parse().expect("a number"), full.parse().expect("true or false"));
    let fault = Fault { call, nth, full, tenths: tenths.parse().expect("a number of tenths") };
    let told = check(Case { level, seed: seed.parse().expect("a seed"), fault }).unwrap();
    println!("{asked}: {told:?}");
    assert!(told.is_some() || std::env::var_os("GNOCCHETTI_CRASH_FAULT").is_some(), "nobody was told of the failure");
}
