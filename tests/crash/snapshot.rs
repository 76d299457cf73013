//! Snapshots on the simulated disk: cut at every call, and each call failing once. The database is as it was; what lies where
//! the snapshot was to be is none, or all of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gnocchetti::{Database, Error, Options, Result};
use parking_lot::Mutex;

use crate::disk::{Call, Fault, IndexCopy, SimDisk};
use crate::image::{Change, Cut, Dice, Image, Node};
use crate::matrix::more;
use crate::model::{Model, ask, difference};
use crate::run::{Findings, Soak, Trouble, caught, in_parallel, scratch};
use crate::workload::{Level, Op, generate, perform};

/// The database, and its snapshot, below the root of the disk.
const DATABASE: &str = "db";
const SNAPSHOT: &str = "snapshot";

/// Who makes the snapshot: the writer, or a reader of what the journal has beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    Writer,
    Reader,
}

/// A disk below a real folder, with a database that a workload has been through; nothing is closed.
struct Stage {
    folder: tempfile::TempDir,
    disk: SimDisk,
    db: Option<Database>,
    model: Model,
}

/// Everything as it was just before a call of the snapshot.
struct Moment {
    what: String,
    image: Image,
    doing: Option<(usize, Change)>,
}

impl Stage {
    fn new(image: Image) -> Self {
        let folder = scratch();
        for name in [DATABASE, SNAPSHOT] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let disk = SimDisk::new(folder.path(), image);
        Stage { folder, disk, db: None, model: Model::default() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, level: Level, name: &str) -> Result<Database> {
        level.open(&self.at(name), Arc::new(self.disk.clone()))
    }

    fn read(&self, name: &str) -> Result<Database> {
        Database::open_read_only_with_fs(self.at(name), Options::new(), Arc::new(self.disk.clone()))
    }

    /// After so many operations of a workload, the last of which are in the journal alone.
    fn after_workload(level: Level, seed: u64) -> Self {
        let mut stage = Stage::new(Image::default());
        let mut db = stage.open(level, DATABASE).unwrap();
        let ops = generate(seed);
        let barrier = ops.iter().rposition(Op::is_barrier).unwrap_or(0);
        for op in &ops[..=barrier] {
            if *op == Op::Reopen {
                db.close().unwrap();
                db = stage.open(level, DATABASE).unwrap();
            } else {
                perform(&db, op).unwrap();
            }
            stage.model.apply(op);
        }
        for op in more(&stage.model) {
            perform(&db, &op).unwrap();
            stage.model.apply(&op);
        }
        db.flush().unwrap();
        stage.db = Some(db);
        stage
    }

    fn snapshot(&self, maker: Maker) -> Result<()> {
        let target = self.at(SNAPSHOT);
        match (maker, &self.db) {
            (Maker::Writer, Some(db)) => db.snapshot(target).map(drop),
            _ => self.read(DATABASE)?.snapshot(target).map(drop),
        }
    }

    /// Makes the snapshot, and keeps each moment of it.
    fn moments(&self, maker: Maker) -> Vec<Moment> {
        let moments = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&moments);
        self.disk.watch(move |sight| {
            let what = format!("before {:?} {}", sight.call, sight.name);
            into.lock().push(Moment { what, image: sight.image.clone(), doing: sight.doing });
        });
        self.snapshot(maker).unwrap();
        std::mem::take(&mut *moments.lock())
    }

    /// What the disk has of the index of a snapshot becomes a real file, as `SQLite` will see it.
    fn write_out_index(&self) {
        let image = self.disk.image();
        if let Some(Node::File(inode)) = image.node("snapshot/index.sqlite") {
            std::fs::write(self.at(SNAPSHOT).join("index.sqlite"), image.bytes(inode)).unwrap();
        }
    }
}

fn lost(what: &str, error: &Error) -> Trouble {
    Trouble::Lost(format!("{what}: {error}"))
}

fn compare(db: &Database, model: &Model, what: &str) -> std::result::Result<(), Trouble> {
    let found = ask(db).map_err(|error| lost(what, &error))?;
    let expected = model.answers();
    if found == expected { Ok(()) } else { Err(Trouble::Wrong(format!("{what}: {}", difference(&found, &expected)))) }
}

/// What lies at the target is a whole database, or none; which of them.
fn check_target(stage: &Stage, model: &Model) -> std::result::Result<bool, Trouble> {
    let db = match stage.read(SNAPSHOT) {
        Err(Error::NotADatabase { .. }) => {
            return match stage.open(Level::Sync, SNAPSHOT) {
                // Nothing but names of directories that were never made, or `LOCK`: a new database may be made there.
                Ok(db) if db.stats().is_ok_and(|stats| stats.metrics_ever == 0) => Ok(false),
                Err(Error::NotADatabase { .. }) => Ok(false),
                opened => Err(Trouble::Wrong(format!("no snapshot, and yet it is opened: {:?}", opened.err()))),
            };
        }
        opened => opened.map_err(|error| lost("the snapshot cannot be read", &error))?,
    };
    compare(&db, model, "the snapshot, read")?;
    drop(db);
    let open = || stage.open(Level::Sync, SNAPSHOT).map_err(|error| lost("the snapshot cannot be opened", &error));
    let db = open()?;
    compare(&db, model, "the snapshot, opened")?;
    let mut model = model.clone();
    let op = model.living().next().map(|slot| Op::PushOne(slot, model.later(), 1.5));
    if let Some(op) = op {
        perform(&db, &op).map_err(|error| lost("the snapshot takes no more", &error))?;
        model.apply(&op);
    }
    db.maintain().map_err(|error| lost("the snapshot cannot be maintained", &error))?;
    db.close().map_err(|error| lost("the snapshot cannot be closed", &error))?;
    compare(&open()?, &model, "the snapshot, with more and opened again").map(|()| true)
}

/// Cuts a moment and looks at both; whether the snapshot was there.
fn check_cut(
    moment: &Moment,
    cut: Cut,
    dice: u64,
    index: &IndexCopy,
    model: &Model,
) -> std::result::Result<bool, Trouble> {
    let mut dice = Dice::new(dice);
    let stage = Stage::new(moment.image.cut(cut, moment.doing.as_ref(), &mut dice));
    index.restore(&stage.at(DATABASE));
    stage.write_out_index();
    let there = check_target(&stage, model)?;
    let db = stage.open(Level::Sync, DATABASE).map_err(|error| lost("the database cannot be opened", &error))?;
    compare(&db, model, "the database")?;
    Ok(there)
}

fn scenarios() -> Vec<(Level, Maker, u64)> {
    let seeds = Soak::asked().pick(1, 1, 8);
    let pairs = [(Level::Sync, Maker::Writer), (Level::Buffered, Maker::Writer), (Level::Kernel, Maker::Reader)];
    (1..=seeds).flat_map(|seed| pairs.map(|(level, maker)| (level, maker, seed))).collect()
}

#[test]
fn a_cut_snapshot_is_none_or_whole() {
    let findings = Findings::default();
    let mut total = 0;
    for (level, maker, seed) in scenarios() {
        let stage = Stage::after_workload(level, seed);
        let moments = stage.moments(maker);
        assert!(moments.iter().any(|moment| moment.what.starts_with("before Link snapshot/")), "segments are linked");
        let copies = moments.iter().any(|moment| moment.what.starts_with("before Append snapshot/journal/"));
        assert_eq!(copies, maker == Maker::Reader, "only a reader copies what the journal has");
        let index = IndexCopy::of(&stage.at(DATABASE));
        let cases: Vec<(usize, Cut)> = (0..moments.len()).flat_map(|at| Cut::ALL.map(|cut| (at, cut))).collect();
        total += cases.len() as u64;
        let made = Mutex::new(0);
        in_parallel(&cases, |&(at, cut)| {
            let (moment, dice) = (&moments[at], seed * 1000 + at as u64);
            let checked = caught(|| check_cut(moment, cut, dice, &index, &stage.model));
            match checked.unwrap_or_else(|panic| Err(Trouble::Wrong(format!("panic: {panic}")))) {
                Ok(there) => *made.lock() += u64::from(there),
                Err(trouble) => {
                    findings.trouble(&format!("{maker:?} {} {seed}, {cut:?} {}", level.name(), moment.what), trouble);
                }
            }
        });
        let made = made.into_inner();
        assert!(made > 0 && made < cases.len() as u64 / 2, "{made} of {} cuts left a snapshot", cases.len());
    }
    findings.conclude("cut snapshots", "cuts", total);
}

/// Fails one call; the snapshot says so, and its directory is as good as new.
fn check_fault(stage: &Stage, fault: Fault, maker: Maker) -> std::result::Result<bool, Trouble> {
    stage.disk.fail(fault);
    let made = stage.snapshot(maker);
    if stage.disk.has_failed().is_none() {
        return made.map(|()| false).map_err(|error| lost("nothing failed", &error));
    }
    let swallowed = [Call::Reserve, Call::RemoveDir].contains(&fault.call);
    if made.is_ok() && !swallowed {
        return Err(Trouble::Wrong(format!("a snapshot says nothing of {:?}", stage.disk.has_failed())));
    }
    // What is left is none, or whole, whatever could not be removed.
    stage.write_out_index();
    check_target(stage, &stage.model).map(|_| true)
}

#[test]
fn a_snapshot_that_meets_a_failing_disk_says_so() {
    let findings = Findings::default();
    let mut total = 0;
    for (maker, full) in [(Maker::Writer, false), (Maker::Reader, true)] {
        let before = Stage::after_workload(Level::Kernel, 1).disk.counts();
        let calls = [Call::Create, Call::Link, Call::Rename, Call::SyncDir, Call::Append, Call::Sync, Call::CreateDir];
        for call in calls {
            for nth in (0..).step_by(Soak::asked().pick(3, 1, 1)) {
                let stage = Stage::after_workload(Level::Kernel, 1);
                let nth = before.get(&call).copied().unwrap_or(0) + nth;
                let fault = Fault { call, nth, full, tenths: 4 };
                match check_fault(&stage, fault, maker) {
                    Ok(true) => total += 1,
                    Ok(false) => break,
                    Err(trouble) => {
                        findings.trouble(&format!("{maker:?} {fault:?}"), trouble);
                        break;
                    }
                }
            }
        }
    }
    assert!(total > 15, "only {total} calls failed");
    findings.conclude("snapshots on a failing disk", "faults", total);
}

/// The root of the disk is not the database's directory here, and its index is found all the same.
#[test]
fn a_database_below_the_root_is_the_same() {
    let stage = Stage::after_workload(Level::Sync, 2);
    compare(stage.db.as_ref().unwrap(), &stage.model, "below the root").unwrap();
    assert!(Path::new(&stage.at(DATABASE)).join("index.sqlite").exists());
}
