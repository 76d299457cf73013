//! The crash matrix: a workload is cut at every call, and what the cut leaves is opened, compared, used further.
//!
//! The workload runs once per level and seed; before each call that changes something the disk and the index are
//! kept as they are (a *moment*). Each moment is then cut in every way. What a level promises at that moment must be there:
//! the answers must be those of a prefix of the pushes that is no shorter than what was promised, and no longer than what
//! was begun; with all that the index had committed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gnocchetti::{Database, Error, Query};
use parking_lot::Mutex;

use crate::disk::{Call, IndexCopy, Plant, SimDisk};
use crate::image::{Change, Cut, Dice, Image};
use crate::model::{Answers, Model, ask, difference};
use crate::run::{Findings, Soak, Trouble, caught, in_parallel, scratch};
use crate::workload::{Level, Op, generate, key, perform};

/// Everything as it was just before a call.
pub struct Moment {
    number: u64,
    /// The call, and which operation made it.
    what: String,
    image: Image,
    doing: Option<(usize, Change)>,
    index: Arc<IndexCopy>,
    progress: Progress,
}

/// How far the workload has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Operations begun, and those that returned.
    begun: usize,
    done: usize,
    /// Operations before the last one that made everything durable.
    durable: usize,
}

/// A workload that has run, with all its moments.
pub struct Recording {
    level: Level,
    seed: u64,
    ops: Vec<Op>,
    pub moments: Vec<Moment>,
    /// Answers after so many pushes and so many operations on the index.
    known: Mutex<HashMap<(usize, usize), Arc<Answers>>>,
}

/// Which prefixes may be there: numbers of pushes, and of operations on the index.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    pushes: (usize, usize),
    index: (usize, usize),
}

/// One cut: where, how, and what decides the rest.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub moment: usize,
    pub cut: Cut,
    pub dice: u64,
}

impl Recording {
    /// Runs the workload, on a disk with a bug where one is planted.
    pub fn of(level: Level, seed: u64, plant: Option<Plant>) -> Recording {
        let folder = scratch();
        let disk = SimDisk::new(folder.path(), Image::default());
        if let Some(plant) = plant {
            disk.plant(plant);
        }
        let progress = Arc::new(Mutex::new(Progress::default()));
        let moments = Arc::new(Mutex::new(Vec::<Moment>::new()));
        let ops = generate(seed);
        watch(&disk, folder.path(), &ops, &progress, &moments);
        play(&disk, folder.path(), level, &ops, &progress);
        let moments = std::mem::take(&mut *moments.lock());
        Recording { level, seed, ops, moments, known: Mutex::default() }
    }

    fn allowed(&self, progress: Progress, cut: Cut) -> Allowed {
        let promised = match self.level {
            Level::Sync => progress.done,
            Level::Kernel if cut == Cut::Process => progress.done,
            Level::Kernel | Level::Buffered => progress.durable,
        };
        let count = |upto: usize, wanted: fn(&Op) -> bool| self.ops[..upto].iter().filter(|op| wanted(op)).count();
        Allowed {
            pushes: (count(promised, Op::is_push), count(progress.begun, Op::is_push)),
            index: (count(progress.done, Op::is_index), count(progress.begun, Op::is_index)),
        }
    }

    fn answers(&self, pushes: usize, index: usize) -> Arc<Answers> {
        if let Some(known) = self.known.lock().get(&(pushes, index)) {
            return Arc::clone(known);
        }
        let answers = Arc::new(Model::after(prefix(&self.ops, pushes, index)).answers());
        self.known.lock().insert((pushes, index), Arc::clone(&answers));
        answers
    }

    /// Which prefix a database has; or what it has instead.
    fn find(&self, found: &Answers, allowed: Allowed) -> Result<(usize, usize), Trouble> {
        let (fewest, most) = allowed.pushes;
        let has = |pushes: usize| {
            let index = (allowed.index.0..=allowed.index.1).rev().find(|index| *self.answers(pushes, *index) == *found);
            index.map(|index| (pushes, index))
        };
        if let Some(prefix) = (fewest..=most).rev().find_map(has) {
            return Ok(prefix);
        }
        if let Some((pushes, _)) = (0..fewest).rev().find_map(has) {
            return Err(Trouble::Lost(format!("{pushes} pushes are there, {fewest} were promised")));
        }
        let expected = self.answers(fewest, allowed.index.0);
        let what = difference(found, &expected);
        Err(Trouble::Wrong(format!("no prefix of {fewest} to {most} pushes answers so; of the shortest, {what}")))
    }

    fn replay(&self, case: Case) -> String {
        let (level, seed, number) = (self.level.name(), self.seed, self.moments[case.moment].number);
        format!(
            "GNOCCHETTI_CRASH_REPLAY={level}/{seed}/{number}/{}/{} cargo test --test crash replay -- --nocapture ({})",
            case.cut.name(),
            case.dice,
            self.moments[case.moment].what
        )
    }
}

/// The operations without the pushes after the first so many, and without the later changes of the index.
pub fn prefix(ops: &[Op], pushes: usize, index: usize) -> impl Iterator<Item = &Op> {
    let (mut pushed, mut changed) = (0, 0);
    ops.iter().filter(move |op| {
        pushed += usize::from(op.is_push());
        changed += usize::from(op.is_index());
        (!op.is_push() || pushed <= pushes) && (!op.is_index() || changed <= index)
    })
}

/// Keeps a moment before each call.
fn watch(disk: &SimDisk, root: &Path, ops: &[Op], progress: &Arc<Mutex<Progress>>, moments: &Arc<Mutex<Vec<Moment>>>) {
    let (progress, moments, root) = (Arc::clone(progress), Arc::clone(moments), root.to_path_buf());
    let names: Vec<String> = ops.iter().map(|op| format!("{op:?}").chars().take(40).collect()).collect();
    disk.watch(move |sight| {
        let mut moments = moments.lock();
        let progress = *progress.lock();
        let index = IndexCopy::of(&root);
        let index = match moments.last() {
            Some(moment) if *moment.index == index => Arc::clone(&moment.index),
            _ => Arc::new(index),
        };
        let op = names.get(progress.done).map_or("the end", String::as_str);
        let what = format!("before {:?} {} in {op}", sight.call, sight.name);
        moments.push(Moment {
            number: sight.number,
            what,
            image: sight.image.clone(),
            doing: sight.doing,
            index,
            progress,
        });
    });
}

/// Runs the workload to its end. What the pushes report must be what the model says.
fn play(disk: &SimDisk, root: &Path, level: Level, ops: &[Op], progress: &Mutex<Progress>) {
    let open = || level.open(root, Arc::new(disk.clone())).unwrap();
    let mut model = Model::default();
    let mut db = open();
    for op in ops {
        progress.lock().begun += 1;
        if *op == Op::Reopen {
            db.close().unwrap();
            db = open();
        } else {
            let reported = perform(&db, op).unwrap_or_else(|error| panic!("{op:?}: {error}"));
            assert_eq!(reported, model.apply(op), "{op:?}");
        }
        let mut progress = progress.lock();
        progress.done += 1;
        if op.is_barrier() {
            progress.durable = progress.done;
        }
    }
    db.close().unwrap();
}

/// Cuts, opens, compares, goes on. Counts what came about in `findings`.
pub fn check(recording: &Recording, case: Case, findings: &Findings) -> Result<(), Trouble> {
    let moment = &recording.moments[case.moment];
    let mut dice = Dice::new(case.dice);
    let mut allowed = recording.allowed(moment.progress, case.cut);
    let mut image = moment.image.cut(case.cut, moment.doing.as_ref(), &mut dice);
    let mut index = Arc::clone(&moment.index);
    if dice.one_in(4)
        && let Some((image_then, index_then)) = cut_recovery(&image, &index, &mut dice)
    {
        findings.count("of these, cut a second time while recovering");
        image = image_then;
        index = Arc::new(index_then);
        // The first cut spared what the second did not have to, as no acknowledgement came between.
        allowed.pushes.0 = recording.allowed(moment.progress, Cut::Nothing).pushes.0.min(allowed.pushes.0);
    }
    let start = Start::new(image, &index);
    let db = start.open()?;
    let found = ask(&db).map_err(|error| unreadable(&error))?;
    let (pushes, changes) = recording.find(&found, allowed)?;
    count_index_ahead(recording, moment, (pushes, changes), findings);
    let model = Model::after(prefix(&recording.ops, pushes, changes));
    go_on(start, db, model, &mut dice)
}

/// Counts where the index had committed what the journal does not know: its record was about to be written, or came after
/// a push that is lost.
fn count_index_ahead(recording: &Recording, moment: &Moment, (pushes, changes): (usize, usize), findings: &Findings) {
    let Progress { begun, done, .. } = moment.progress;
    let committed = prefix(&recording.ops, usize::MAX, changes).filter(|op| op.is_both()).count();
    let known = recording.ops[..done].iter().filter(|op| op.is_both()).count();
    let about_to_be_told = committed > known && moment.doing.is_some() && begun > done;
    let mut pushed = 0;
    let mut lost_before = false;
    for op in &recording.ops[..done] {
        pushed += usize::from(op.is_push());
        lost_before |= op.is_both() && pushed > pushes;
    }
    if about_to_be_told || lost_before {
        findings.count("of these, the index ahead of the journal");
    }
}

/// Cuts the recovery itself, at some call of it; `None` when it had fewer.
fn cut_recovery(image: &Image, index: &IndexCopy, dice: &mut Dice) -> Option<(Image, IndexCopy)> {
    let start = Start::new(image.clone(), index);
    start.disk.stop_after(dice.below(45));
    let opened = Level::Sync.open(start.folder.path(), Arc::new(start.disk.clone()));
    let index = start.disk.died_with()?;
    drop(opened);
    let cut = [Cut::Nothing, Cut::Torn, Cut::Random, Cut::Process][dice.below(4) as usize];
    Some((start.disk.image().cut(cut, None, dice), index))
}

fn unreadable(error: &Error) -> Trouble {
    Trouble::Lost(format!("it cannot be read: {error}"))
}

fn broken(what: &str) -> impl Fn(Error) -> Trouble {
    move |error| Trouble::Wrong(format!("{what}: {error}"))
}

/// A computer that starts with what the disk has.
pub struct Start {
    pub folder: tempfile::TempDir,
    pub disk: SimDisk,
}

impl Start {
    pub fn new(image: Image, index: &IndexCopy) -> Self {
        let folder = scratch();
        index.restore(folder.path());
        let disk = SimDisk::new(folder.path(), image);
        Start { folder, disk }
    }

    pub fn open(&self) -> Result<Database, Trouble> {
        let opened = Level::Sync.open(self.folder.path(), Arc::new(self.disk.clone()));
        opened.map_err(|error| Trouble::Lost(format!("it cannot be opened: {error}")))
    }

    /// The power goes, and nothing is kept that was not synced.
    pub fn cut(&self) -> Self {
        let index = IndexCopy::of(self.folder.path());
        // Whatever the old process still does, it does to the disk it knows.
        Start::new(self.disk.image().cut(Cut::Nothing, None, &mut Dice::new(0)), &index)
    }
}

/// The database takes more, and has all of it after another checkpoint, another cut, another start.
pub fn go_on(start: Start, db: Database, mut model: Model, dice: &mut Dice) -> Result<(), Trouble> {
    let (mut start, mut db) = (start, db);
    if dice.one_in(3) {
        // What a database shows after a recovery is durable, even if the recovery itself read what was not.
        let next = start.cut();
        drop(db);
        start = next;
        db = start.open()?;
        compare(&db, &model, "after a cut that followed the recovery at once")?;
    }
    for op in more(&model) {
        let reported = perform(&db, &op).map_err(broken("it takes no more"))?;
        let expected = model.apply(&op);
        if reported != expected {
            return Err(Trouble::Wrong(format!("{op:?} reported {reported:?} where {expected:?} belongs")));
        }
    }
    if dice.one_in(2) {
        db.checkpoint().map_err(broken("checkpoint"))?;
        compare(&db, &model, "after a checkpoint")?;
    } else {
        db.maintain().map_err(broken("maintain"))?;
        compare(&db, &model, "after maintenance")?;
        let stats = db.stats().map_err(broken("stats"))?;
        let (listed, there) =
            (stats.raw_segments + stats.level0_segments + stats.archive_segments, start.disk.segments());
        if listed != there {
            return Err(Trouble::Wrong(format!("{there} segments on the disk, {listed} in use")));
        }
    }
    let start = if dice.one_in(2) {
        db.close().map_err(broken("close"))?;
        start
    } else {
        let next = start.cut();
        drop(db);
        next
    };
    let db = start.open()?;
    compare(&db, &model, "after more and another start")?;
    if dice.one_in(4) {
        let report = db.check(&mut |_| {}).map_err(broken("check"))?;
        if !report.is_sound() {
            return Err(Trouble::Wrong(format!("a check finds {:?}", report.findings)));
        }
    }
    Ok(())
}

/// Pushes to every metric: single measures, a batch, one of them a correction.
pub fn more(model: &Model) -> Vec<Op> {
    let (now, living) = (model.later(), model.living().collect::<Vec<_>>());
    let mut ops: Vec<Op> = living.iter().map(|slot| Op::PushOne(*slot, now, 1.5)).collect();
    let batch = living.iter().flat_map(|slot| [(*slot, now + 100, 2.0), (*slot, now + 3, -2.0), (*slot, now, 0.25)]);
    ops.push(Op::Push(batch.collect()));
    ops
}

fn compare(db: &Database, model: &Model, when: &str) -> Result<(), Trouble> {
    let found = ask(db).map_err(|error| unreadable(&error))?;
    let expected = model.answers();
    if found != expected {
        return Err(Trouble::Wrong(format!("{when}, {}", difference(&found, &expected))));
    }
    match model.deleted().find(|slot| !matches!(db.measures(&Query::new(key(*slot))), Err(Error::UnknownMetric { .. })))
    {
        Some(slot) => Err(Trouble::Wrong(format!("{when}, metric {} is back, though deleted", key(slot)))),
        None => Ok(()),
    }
}

/// As `check`; a panic is wrong, too.
pub fn check_all(recording: &Recording, case: Case, findings: &Findings) -> Result<(), Trouble> {
    caught(|| check(recording, case, findings)).unwrap_or_else(|panic| Err(Trouble::Wrong(format!("panic: {panic}"))))
}

/// How each moment is cut: in every way, at random several times.
fn cases(moment: usize, seed: u64, times: u64) -> impl Iterator<Item = Case> {
    let ways = Cut::ALL.into_iter().chain(std::iter::repeat_n(Cut::Random, times as usize - 1));
    ways.enumerate().map(move |(i, cut)| Case { moment, cut, dice: seed * 1_000_000 + moment as u64 * 100 + i as u64 })
}

#[test]
fn no_cut_loses_a_measure() {
    let soak = Soak::asked();
    let seeds = soak.pick(1, 1, 40);
    let findings = Findings::default();
    let total = AtomicU64::new(0);
    // Another workload at each level.
    for (level, seed) in (1..=seeds * 3).map(|seed| (Level::ALL[seed as usize % 3], seed)) {
        let recording = Recording::of(level, seed, None);
        let all: Vec<Case> = (0..recording.moments.len()).flat_map(|moment| cases(moment, seed, 2)).collect();
        // A sample takes some of all: the step is prime to the number of ways.
        let step = soak.pick(all.len().div_ceil(170) | 1, 1, 1);
        let some: Vec<Case> = all.into_iter().step_by(step).collect();
        in_parallel(&some, |case| {
            if findings.enough() {
                return;
            }
            total.fetch_add(1, Ordering::Relaxed);
            findings.count(&format!("cuts, {} of {}", case.cut.name(), level.name()));
            if let Err(trouble) = check_all(&recording, *case, &findings) {
                findings.trouble(&recording.replay(*case), trouble);
            }
        });
        println!("{} calls cut at {} with seed {seed}", recording.moments.len(), level.name());
    }
    findings.conclude("the crash matrix", "cuts", total.load(Ordering::Relaxed));
}

/// Does one cut again: `GNOCCHETTI_CRASH_REPLAY` as it was printed. Without it, the first cut of the matrix.
#[test]
fn replay() {
    let asked = std::env::var("GNOCCHETTI_CRASH_REPLAY").unwrap_or_else(|_| "sync/1/0/process/1000000".to_owned());
    let parts: Vec<&str> = asked.split('/').collect();
    let [level, seed, number, cut, dice] = parts[..] else { panic!("`{asked}` is no LEVEL/SEED/CALL/CUT/DICE") };
    let level = Level::ALL.into_iter().find(|known| known.name() == level).expect("a level");
    let cut = Cut::ALL.into_iter().find(|known| known.name() == cut).expect("a way to cut");
    let recording = Recording::of(level, seed.parse().expect("a seed"), None);
    let number: u64 = number.parse().expect("a call's number");
    let moment = recording.moments.iter().position(|moment| moment.number == number).expect("a call of the workload");
    let case = Case { moment, cut, dice: dice.parse().expect("a seed of the dice") };
    println!("{asked}: {}", recording.moments[moment].what);
    check(&recording, case, &Findings::default()).unwrap();
}

/// The simulated disk must be able to tell: what a moment's call is, the matrix counts on.
#[test]
fn a_workload_passes_through_every_call() {
    let recording = Recording::of(Level::Kernel, 1, None);
    // Links are the snapshots' alone.
    let changes = Call::ALL.into_iter().filter(|call| ![Call::Read, Call::Link].contains(call));
    for call in changes {
        let begins = format!("before {call:?} ");
        assert!(recording.moments.iter().any(|moment| moment.what.starts_with(&begins)), "no {call:?}");
    }
}
