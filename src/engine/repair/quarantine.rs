//! The directory `quarantine`: damaged bytes as they were found, each with a text beside it that says what they were.
//!
//! Nothing here is ever read or removed by the library. A repair that is done again after a crash writes the same once more.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engine::check::QUARANTINE;
use crate::error::{Error, Result};
use crate::fs::{self, Fs};

/// Where a medium does not give bytes back, so many at once are taken for zeros.
const SECTOR: u64 = 512;

/// Keeps the bytes that lie in these ranges of `file`, one behind the other, under `name`, and `about` beside it. Returns where.
pub(super) fn keep(
    fs: &dyn Fs,
    root: &Path,
    file: &Path,
    lies: &[std::ops::Range<u64>],
    name: &str,
    about: &impl Serialize,
) -> Result<PathBuf> {
    let directory = root.join(QUARANTINE);
    fs.create_dir_all(&directory)?;
    fs.sync_dir(root)?;
    let path = directory.join(name);
    let bytes =
        lies.iter().map(|range| read_what_can_be(fs, file, range.clone())).collect::<Result<Vec<_>>>()?.concat();
    fs::replace_atomically(fs, &path, &bytes)?;
    describe(fs, &path, about)?;
    Ok(path)
}

/// Keeps a whole file that is about to be replaced, under its name and the first number that is free, and `about` beside it.
/// Returns where.
pub(super) fn keep_file(fs: &dyn Fs, root: &Path, file: &Path, name: &str, about: &impl Serialize) -> Result<PathBuf> {
    let directory = root.join(QUARANTINE);
    fs.create_dir_all(&directory)?;
    fs.sync_dir(root)?;
    let kept = fs.list(&directory)?;
    let is_free = |name: &String| !kept.iter().any(|entry| entry.name == *name);
    let name =
        (1..=kept.len() + 1).map(|number| format!("{name}-{number}")).find(is_free).unwrap_or_else(|| name.to_owned());
    let path = directory.join(name);
    fs::link_or_copy(fs, file, &path)?;
    describe(fs, &path, about)?;
    Ok(path)
}

/// Writes beside what is kept what it was.
fn describe(fs: &dyn Fs, path: &Path, about: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(about).map_err(|error| Error::Io {
        operation: "describe",
        path: path.to_path_buf(),
        source: std::io::Error::other(error),
    })?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".json");
    fs::replace_atomically(fs, Path::new(&beside), &text)
}

fn read_what_can_be(fs: &dyn Fs, file: &Path, range: std::ops::Range<u64>) -> Result<Vec<u8>> {
    let file = fs.open(file)?;
    let range = range.start.min(file.len())..range.end.min(file.len());
    let mut bytes = vec![0; range.end.saturating_sub(range.start) as usize];
    if file.read_at(range.start, &mut bytes).is_ok() {
        return Ok(bytes);
    }
    for (i, part) in bytes.chunks_mut(SECTOR as usize).enumerate() {
        if file.read_at(range.start + i as u64 * SECTOR, part).is_err() {
            part.fill(0);
        }
    }
    Ok(bytes)
}
