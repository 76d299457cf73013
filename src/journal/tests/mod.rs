//! The journal against a disk that fails, tears and forgets.

mod crash;
mod damage;
mod disk;
mod failure;
mod layout;
mod recovery;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::error::{Corruption, Error, Result};
use crate::fs::Fs;
use crate::types::Durability;
use disk::SimDisk;

/// Sequence number, kind and body.
type Record = (u64, u8, Vec<u8>);

fn dir() -> PathBuf {
    PathBuf::from("journal")
}

fn journal(disk: &SimDisk, durability: Durability) -> Journal {
    Journal::create(Arc::new(disk.clone()), dir(), 1, 1, durability).unwrap()
}

/// Everything recovered from file 1 on; the records also when recovery ends in an error.
fn read(fs: &dyn Fs, dir: &Path) -> (Vec<Record>, Result<Recovered>) {
    let mut records = Vec::new();
    let outcome = recover(fs, dir, 1, 1, &mut |sequence, kind, body| {
        records.push((sequence, kind, body.to_vec()));
        Ok(())
    });
    if let Ok(recovered) = &outcome {
        assert_eq!(recovered.records, records.len() as u64);
        assert_eq!(recovered.last_sequence, records.len() as u64);
    }
    (records, outcome)
}

fn corruption(outcome: Result<Recovered>) -> Corruption {
    match outcome {
        Err(Error::Corrupt(corruption)) => *corruption,
        other => panic!("no corruption was found, but {other:?}"),
    }
}
