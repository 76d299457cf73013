//! The directory around the segments: the journal that MANIFEST needs, what MANIFEST says of its own segments, and files that
//! nothing names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{FindingKind, Ground, Walk};
use crate::engine::manifest::{MANIFEST, Manifest, SegmentRecord};
use crate::engine::open::{INDEX, JOURNAL, LOCK};
use crate::engine::records::{self, Rows};
use crate::engine::recover::{check_complete, damaged};
use crate::error::{Corruption, Error, Result};
use crate::fs::Fs;
use crate::journal;
use crate::segment::{ARCHIVE, LEVEL0, RAW, SegmentName, number_of};

/// The directory of what repair set aside.
pub(in crate::engine) const QUARANTINE: &str = "quarantine";

/// Reads the journal from where MANIFEST says, record by record. `live`: somebody is writing it.
pub(super) fn journal(ground: &Ground<'_>, manifest: &Manifest, live: bool, walk: &mut Walk<'_>) -> Result<()> {
    let directory = ground.root.join(JOURNAL);
    let (file, first) = (manifest.journal_file, manifest.journal_sequence);
    let mut rows = Rows::default();
    let mut records = 0;
    let mut bytes = 0;
    let found = journal::recover(ground.fs, &directory, file, first, &mut |sequence, kind, body| {
        records += 1;
        bytes += body.len() as u64;
        records::parse(kind, body, &mut rows).map(drop).map_err(|what| damaged(&directory, sequence, &what))
    });
    walk.report.journal_records = records;
    walk.report.bytes += bytes;
    walk.advance(&directory, bytes);
    let complete = found.and_then(|found| {
        let begins = file == 0 || found.first_file == Some(file);
        // What a writer keeps in its memory is not there yet.
        if !live {
            check_complete(&directory, manifest, &found, begins)?;
        }
        Ok(found)
    });
    match complete {
        Ok(found) => {
            if let Some(torn) = found.torn.filter(|_| !live) {
                let what = format!("{} bytes behind the last record are none: {}", torn.bytes, torn.what);
                walk.find(FindingKind::TornTail, Corruption::new(torn.file, torn.offset, what));
            }
            Ok(())
        }
        Err(Error::Corrupt(corruption)) => {
            walk.find(FindingKind::Journal, *corruption);
            Ok(())
        }
        Err(Error::Io { path, source, .. }) => {
            walk.find(FindingKind::Journal, Corruption::new(path, 0, source.to_string()));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Compares what MANIFEST says of segments with one another.
pub(super) fn compare(ground: &Ground<'_>, manifest: &Manifest, walk: &mut Walk<'_>) {
    let path = ground.root.join(MANIFEST);
    let mut seen = HashSet::new();
    for record in &manifest.segments {
        if !seen.insert(record.number) || record.number >= manifest.next_file {
            let what = format!("segment {} is named twice, or has a number that was not given yet", record.number);
            walk.find(FindingKind::Inconsistent, Corruption::new(&path, 0, what));
        }
    }
    if let Some(both) = manifest.superseded.iter().find(|record| seen.contains(&record.number)) {
        let what = format!("segment {} counts and is superseded", both.number);
        walk.find(FindingKind::Inconsistent, Corruption::new(&path, 0, what));
    }
    if manifest.journal_durable >= manifest.journal_sequence && manifest.journal_file == 0 {
        walk.find(FindingKind::Inconsistent, Corruption::new(&path, 0, "it knows of records and of no journal file"));
    }
}

/// The files of a directory.
pub(super) struct Listed {
    root: PathBuf,
    /// Relative to the root.
    files: Vec<PathBuf>,
}

impl Listed {
    pub(super) fn read(fs: &dyn Fs, root: &Path) -> Result<Self> {
        let mut listed = Listed { root: root.to_path_buf(), files: Vec::new() };
        listed.collect(fs, Path::new(""))?;
        Ok(listed)
    }

    fn collect(&mut self, fs: &dyn Fs, directory: &Path) -> Result<()> {
        for entry in fs.list(&self.root.join(directory))? {
            let path = directory.join(&entry.name);
            // What repair set aside is there on purpose.
            if entry.is_dir && path != Path::new(QUARANTINE) {
                self.collect(fs, &path)?;
            } else if !entry.is_dir {
                self.files.push(path);
            }
        }
        Ok(())
    }

    /// Segments that lie in the places of segments.
    pub(super) fn segments(&self) -> impl Iterator<Item = SegmentName> + '_ {
        self.files.iter().filter_map(|path| segment_name(path))
    }

    /// Reports files that nothing names. `also` names segments besides those of MANIFEST; `live`: somebody is writing.
    pub(super) fn strays(
        &self,
        ground: &Ground<'_>,
        manifest: &Manifest,
        also: &HashSet<SegmentName>,
        live: bool,
        walk: &mut Walk<'_>,
    ) {
        let named = manifest.segments.iter().chain(&manifest.superseded).filter_map(SegmentRecord::name);
        let named: HashSet<SegmentName> = named.chain(also.iter().copied()).collect();
        for path in &self.files {
            let expected = match segment_name(path) {
                Some(name) => named.contains(&name) || (live && name.number() >= manifest.next_file),
                None => is_ours(path, manifest, live),
            };
            if !expected {
                let what = "nothing names this file";
                walk.find(FindingKind::StrayFile, Corruption::new(ground.root.join(path), 0, what));
            }
        }
    }
}

/// The segment that a file, relative to the root, is by its name and place.
fn segment_name(path: &Path) -> Option<SegmentName> {
    let parts: Vec<&str> = path.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
    let name = match parts.as_slice() {
        [directory, file] if *directory == RAW => SegmentName::Raw { number: number_of(file)? },
        [directory, file] if *directory == LEVEL0 => SegmentName::Level0 { number: number_of(file)? },
        [directory, granularity, partition, file] if *directory == ARCHIVE => {
            let (granularity, partition) = (granularity.parse().ok()?, partition.parse().ok()?);
            SegmentName::Archive { granularity, partition, number: number_of(file)? }
        }
        _ => return None,
    };
    (name.path(Path::new("")) == path).then_some(name)
}

/// Whether a file that is no segment belongs to the database.
fn is_ours(path: &Path, manifest: &Manifest, live: bool) -> bool {
    let Some(name) = path.to_str() else { return false };
    if let Some(number) = name.strip_prefix("journal/").and_then(journal::parse_file_name) {
        return live || number >= manifest.journal_file;
    }
    let of_index = name.strip_prefix(INDEX).is_some_and(|rest| ["", "-wal", "-shm", "-journal"].contains(&rest));
    of_index || [LOCK, MANIFEST].contains(&name) || (live && name == format!("{MANIFEST}.tmp"))
}
