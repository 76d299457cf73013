//! A database that is closed and opened, or crashes, in the middle of what is done to it.

use std::path::{Path, PathBuf};

use gnocchetti::{Database, Options};

use super::copy_tree;

/// The database, and the directories that it has lain in.
pub struct Restarted {
    db: Option<Database>,
    directories: Vec<tempfile::TempDir>,
    path: PathBuf,
    options: fn() -> Options,
}

impl Restarted {
    /// A new one, opened each time with these options.
    pub fn new(options: fn() -> Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let db = Some(Database::open(&path, options()).unwrap());
        Restarted { db, directories: vec![directory], path, options }
    }

    pub fn db(&self) -> &Database {
        self.db.as_ref().unwrap()
    }

    /// Where it lies now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn reopen(&mut self) {
        self.db.take().unwrap().close().unwrap();
        self.db = Some(Database::open(&self.path, (self.options)()).unwrap());
    }

    /// Goes on with a copy of the directory as it lies there now: what a crash of the process leaves.
    pub fn crash(&mut self) {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("db");
        copy_tree(&self.path, &copy);
        self.db = Some(Database::open(&copy, (self.options)()).unwrap());
        self.path = copy;
        self.directories.push(directory);
    }
}
