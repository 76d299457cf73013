//! MANIFEST mended where its checksums and the directory leave no doubt of what it was.
//!
//! A header says nothing that the rest does not, but for the format version, and has a checksum of its own: one that is made again
//! must be the one that it belongs to. A changed byte of the contents is found as one of a block of entries is: each change of one byte
//! that makes the checksum right is tried, and taken when the contents are read, every file that they name lies there, as long as
//! they say, and no other change explains the damage. More is not made up. Which segments count cannot be told from the segments
//! themselves: those that a merge replaced lie beside what they became, one that was being written when a process died looks like
//! one that counts, and what was deleted of them, or expired early, stands in MANIFEST alone.

use std::collections::HashSet;
use std::path::Path;

use super::quarantine;
use super::report::{Outcome, Repair, RepairReport};
use super::segments::rebuilt;
use crate::codec::{crc, mend};
use crate::engine::check::{Finding, FindingKind};
use crate::engine::manifest::{FORMAT_VERSION, HEADER, MAGIC, MANIFEST, Manifest};
use crate::engine::open::JOURNAL;
use crate::error::{Corruption, Error, Result};
use crate::fs::Fs;
use crate::journal;

/// MANIFEST, and what is damaged of the file when it was mended.
pub(super) type Read = (Manifest, Option<Corruption>);

/// MANIFEST, without which nobody knows what belongs to the database, as it is or mended; nothing is written.
///
/// # Errors
///
/// [`Error::Irreparable`]; [`Error::NotADatabase`] for an empty directory; [`Error::UnsupportedFormat`].
pub(super) fn read(fs: &dyn Fs, root: &Path) -> Result<Read> {
    let path = root.join(MANIFEST);
    let irreparable = |reason: String| Error::Irreparable { path: path.clone(), reason };
    match Manifest::read(fs, root) {
        Ok(Some(manifest)) => Ok((manifest, None)),
        Ok(None) if fs.list(root)?.is_empty() => {
            Err(Error::NotADatabase { path: root.to_path_buf(), reason: "there is nothing".to_owned() })
        }
        Ok(None) => Err(irreparable("it is missing".to_owned())),
        Err(Error::Corrupt(corruption)) => match fs.read(&path)?.and_then(|bytes| mended(fs, root, &path, &bytes)) {
            Some(manifest) => Ok((manifest, Some(*corruption))),
            None => Err(irreparable(corruption.what)),
        },
        Err(error) => Err(error),
    }
}

/// Keeps the file that was damaged, and puts what it was in its place.
pub(super) fn replace(fs: &dyn Fs, root: &Path, (manifest, damage): &Read, report: &mut RepairReport) -> Result<()> {
    let Some(corruption) = damage else { return Ok(()) };
    let path = root.join(MANIFEST);
    let finding = Finding::new(FindingKind::Manifest, corruption.clone());
    let quarantined = Some(quarantine::keep_file(fs, root, &path, MANIFEST, &finding)?);
    manifest.write(fs, root)?;
    report.repairs.push(Repair { quarantined, ..rebuilt(finding, Outcome::Rebuilt) });
    Ok(())
}

/// What these damaged bytes were, when there is no doubt.
fn mended(fs: &dyn Fs, root: &Path, path: &Path, bytes: &[u8]) -> Option<Manifest> {
    let (header, body) = bytes.split_at_checked(HEADER)?;
    if let Some(header) = (1..=FORMAT_VERSION).map(|version| header_of(version, body)).find(|made| fits(made, header)) {
        return Manifest::parse(path, &[&header[..], body].concat()).ok();
    }
    let word = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
    if !header.starts_with(&MAGIC) || crc(&header[..20]) != word(20)? || word(12)? as usize != body.len() {
        return None;
    }
    let mut found: Vec<Manifest> = Vec::new();
    mend(&mut body.to_vec(), word(16)?, &mut |body| {
        let parsed = Manifest::parse(path, &[header, body].concat());
        found.extend(parsed.ok().filter(|manifest| is_there(fs, root, manifest)));
        false
    });
    found.pop().filter(|_| found.is_empty())
}

/// The header of these contents.
fn header_of(version: u32, body: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&version.to_le_bytes());
    header[12..16].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[16..20].copy_from_slice(&crc(body).to_le_bytes());
    let sum = crc(&header[..20]);
    header[20..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// Whether a damaged header was this one: its checksum says so, or all but its checksum.
fn fits(made: &[u8; HEADER], damaged: &[u8]) -> bool {
    made[20..] == damaged[20..] || made[..20] == damaged[..20]
}

/// Whether all that a manifest names lies there, as long as it says.
fn is_there(fs: &dyn Fs, root: &Path, manifest: &Manifest) -> bool {
    let mut numbers = HashSet::new();
    let segments = manifest.segments.iter().all(|record| {
        let length = record.name().and_then(|name| fs.open(&name.path(root)).ok()).map(|file| file.len());
        length == Some(record.bytes) && record.number < manifest.next_file && numbers.insert(record.number)
    });
    let first = root.join(JOURNAL).join(journal::file_name(manifest.journal_file));
    segments && (manifest.journal_file == 0 || fs.open(&first).is_ok())
}
