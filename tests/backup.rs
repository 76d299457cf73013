//! The backup as a user runs it: beside a program that has the database open, again and again.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod example;
mod support;

use std::process::Command;

use gnocchetti::Database;
use support::{at, count, metric, options, policy};

#[test]
fn the_newest_snapshots_are_kept_and_have_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backups) = (folder.path().join("db"), folder.path().join("backups"));
    let db = Database::open(&path, options()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(10, None)], &["count"])).unwrap();
    let key = metric(&db, "cpu", "p");
    let backup = example::build("backup");
    for n in 0..4 {
        db.push(key, at(n), 1.0).unwrap();
        let output = Command::new(&backup).args([&path, &backups]).args(["--keep", "2"]).output().unwrap();
        let (stdout, _) = example::texts(&output);
        assert!(stdout.contains("1 metrics"), "{stdout}");
        assert_eq!(
            stdout.lines().count(),
            if n < 2 { 1 } else { 2 },
            "one is removed for each that is too many: {stdout}"
        );
    }
    let mut there: Vec<_> = std::fs::read_dir(&backups).unwrap().map(|entry| entry.unwrap().path()).collect();
    there.sort();
    let counts: Vec<u64> = there.iter().map(|path| count(&Database::open(path, options()).unwrap(), key, 10)).collect();
    assert_eq!(counts, [3, 4]);
}

#[test]
fn it_says_how_it_is_used() {
    for arguments in [&["only one"][..], &["a", "b", "--keep", "0"], &["a", "b", "--kept", "1"]] {
        let output = Command::new(example::build("backup")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: backup"));
    }
}
