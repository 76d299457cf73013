//! Never lose a measure: the database is cut off at every call, killed, and made to run on failing and full disks.
//!
//! `docs/reliability.md` says what is simulated and how to run more of it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod disk;
mod faults;
mod flips;
mod full;
mod image;
mod kill;
mod matrix;
mod model;
mod planted;
mod read_only;
mod run;
mod snapshot;
mod workload;
