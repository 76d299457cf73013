//! Backs up a database while another program uses it: a snapshot named by the time, of which the newest few are kept.
//!
//! For a timer. On the database's own file system a snapshot takes next to no space; against a disk that dies, copy the newest
//! one elsewhere.

#[allow(dead_code, reason = "this example prints no tables")]
#[path = "../common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Arguments, Misused, Outcome};
use gnocchetti::{Database, Options, Timestamp};

const USAGE: &str = "\
Makes a snapshot of a database, which may be in use, below a directory of backups, and removes the oldest ones there.

Usage: backup DATABASE BACKUPS [OPTIONS]

Options:
  --keep N    how many snapshots are kept [7]
";

const NANOS: i64 = 1_000_000_000;

fn main() -> ExitCode {
    common::run(USAGE, &["--keep"], backup)
}

fn backup(arguments: &Arguments) -> Outcome<()> {
    let keep: usize = arguments.get("--keep", "7")?;
    Misused::unless(keep > 0, "--keep 0 would remove what was just made")?;
    let [database, backups] = arguments.words.as_slice() else {
        Misused::unless(false, "name the database, and the directory of its backups")?;
        return Ok(());
    };
    // Beside the writer, which notices nothing.
    let db = Database::open_read_only(database, Options::new())?;
    let target = Path::new(backups).join(name()?);
    let report = db.snapshot(&target)?;
    let metrics = Database::open_read_only(&target, Options::new())?.stats()?.metrics;
    let (target, bytes, copied) = (target.display(), report.bytes, report.copied_bytes);
    println!("{target}: {metrics} metrics, {bytes} bytes, of which {copied} were copied");
    let there = snapshots(Path::new(backups))?;
    for old in there.iter().rev().skip(keep) {
        std::fs::remove_dir_all(old)?;
        println!("{}: removed", old.display());
    }
    Ok(())
}

/// The time, so that names are in its order.
fn name() -> Outcome<String> {
    let nanos = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    let second = Timestamp::from_nanos(nanos / NANOS * NANOS)?.to_string();
    Ok(format!("{}.{:09}Z", second.trim_end_matches('Z'), nanos % NANOS))
}

/// The snapshots that are there, oldest first. One that was cut off has no MANIFEST, and is left to whoever looks why.
fn snapshots(backups: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(backups)? {
        let path = entry?.path();
        if path.join("MANIFEST").exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
