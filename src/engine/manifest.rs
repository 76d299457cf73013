//! MANIFEST: the small file that says which segments and which journal position make the state.
//!
//! Replaced as a whole and atomically; what it does not name does not count. `docs/format/manifest.md` shows its bytes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::codec::crc;
use crate::error::{Corruption, Error, Result};
use crate::fs::{self, Fs};
use crate::query::Erasure;
use crate::segment::SegmentName;
use crate::types::{ArchivePolicy, encoding};

/// The file's name.
pub const MANIFEST: &str = "MANIFEST";
/// The version of the directory's format as a whole.
pub const FORMAT_VERSION: u32 = 2;

pub(super) const MAGIC: [u8; 8] = *b"GNTMANI\n";
/// Magic, version, length and checksum of what follows.
pub(super) const HEADER: usize = 24;

/// A segment that is part of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// 0: raw, 1: level 0, 2: archive.
    pub kind: u8,
    /// The file's number.
    pub number: u64,
    /// The archive's granularity (0 for other kinds), ns.
    pub granularity: i64,
    /// The partition's start (0 for other kinds), ns.
    pub partition: i64,
    /// How many merges its rows went through.
    pub level: u8,
    /// The file's size.
    pub bytes: u64,
}

impl SegmentRecord {
    /// The record of a segment.
    pub fn new(name: SegmentName, level: u8, bytes: u64) -> Self {
        let (kind, granularity, partition) = match name {
            SegmentName::Raw { .. } => (0, 0, 0),
            SegmentName::Level0 { .. } => (1, 0, 0),
            SegmentName::Archive { granularity, partition, .. } => (2, granularity, partition),
        };
        SegmentRecord { kind, number: name.number(), granularity, partition, level, bytes }
    }

    /// The segment's name; `None` for a kind that does not exist.
    pub fn name(&self) -> Option<SegmentName> {
        let number = self.number;
        match self.kind {
            0 => Some(SegmentName::Raw { number }),
            1 => Some(SegmentName::Level0 { number }),
            2 => Some(SegmentName::Archive { granularity: self.granularity, partition: self.partition, number }),
            _ => None,
        }
    }
}

/// An archive policy in force at the manifest's journal position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// Its number in the index.
    pub id: u32,
    /// Its revision there.
    pub revision: u64,
    /// The policy as JSON.
    pub json: String,
}

impl PolicyRecord {
    /// The record of a policy.
    pub fn new(id: u32, revision: u64, policy: &ArchivePolicy) -> Result<Self> {
        let json = serde_json::to_string(policy).map_err(|error| Error::InvalidArchivePolicy {
            name: policy.name().to_owned(),
            reason: format!("it cannot be written down: {error}"),
        })?;
        Ok(PolicyRecord { id, revision, json })
    }

    /// The policy; damage is blamed on `file`.
    pub fn policy(&self, file: &Path) -> Result<ArchivePolicy> {
        serde_json::from_str(&self.json).map_err(|error| {
            Corruption::new(file, 0, format!("archive policy {} is not valid: {error}", self.id)).into()
        })
    }
}

/// The state of a database but for the index, the journal's tail and the segments themselves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// The next number a segment gets. Files with this number or a higher one are orphans of a crash.
    pub next_file: u64,
    /// The first journal file to replay, which must be there; 0 when there never was one.
    pub journal_file: u64,
    /// The sequence number with which it begins.
    pub journal_sequence: u64,
    /// The highest sequence number that was durable: a journal that ends below it is damaged, not torn.
    pub journal_durable: u64,
    /// The segments; raw and level-0 ones and those of one partition oldest first.
    pub segments: Vec<SegmentRecord>,
    /// The policies in force there.
    pub policies: Vec<PolicyRecord>,
    /// Keys of deleted metrics whose bytes are not all reclaimed yet, ascending.
    pub deleted: Vec<u64>,
    /// Files that count no more, kept for readers that have not noticed.
    pub superseded: Vec<SegmentRecord>,
    /// What was deleted of the segments; since version 2.
    pub erasures: Vec<Erasure>,
    /// Granularity → the end of the latest partition that went before its time, ns; since version 2.
    pub expired_early: BTreeMap<i64, i64>,
}

impl Manifest {
    /// The manifest of a database that has nothing yet.
    pub fn empty() -> Self {
        Manifest { next_file: 1, journal_sequence: 1, ..Manifest::default() }
    }

    /// Whether nothing was ever stored.
    pub fn is_pristine(&self) -> bool {
        *self == Manifest { policies: self.policies.clone(), ..Manifest::empty() }
    }

    /// Reads the manifest in `root`; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedFormat`], and the disk's.
    pub fn read(fs: &dyn Fs, root: &Path) -> Result<Option<Self>> {
        let path = root.join(MANIFEST);
        let Some(bytes) = fs.read(&path)? else { return Ok(None) };
        Manifest::parse(&path, &bytes).map(Some)
    }

    /// The manifest that these bytes of `path` are.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let corrupt = |offset: usize, what: &str| Err(Corruption::new(path, offset as u64, what).into());
        if bytes.len() < HEADER || bytes[..8] != MAGIC {
            return corrupt(0, "this is no MANIFEST");
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (version, length, sum, header_sum) = (word(8), word(12), word(16), word(20));
        if header_sum != crc(&bytes[..20]) {
            return corrupt(8, "the header fails its checksum");
        }
        if version > FORMAT_VERSION {
            let path = path.to_path_buf();
            return Err(Error::UnsupportedFormat { path, found: version, supported: FORMAT_VERSION });
        }
        let body = &bytes[HEADER..];
        if version == 0 || body.len() != length as usize || crc(body) != sum {
            return corrupt(HEADER, "the contents fail their checksum, or are cut off");
        }
        let mut body = body.to_vec();
        if version == 1 {
            // What version 1 does not have is empty in it: erasures, and archives that lack points.
            body.resize(body.len() + 16, 0);
        }
        let manifest: Manifest = match encoding::decode(&body) {
            Ok(manifest) => manifest,
            Err(reason) => return corrupt(HEADER, &reason),
        };
        if manifest.segments.iter().chain(&manifest.superseded).any(|record| record.name().is_none()) {
            return corrupt(HEADER, "it names a segment of an unknown kind");
        }
        Ok(manifest)
    }

    /// Replaces the manifest in `root` atomically; when this returns, the new one survives a power cut.
    ///
    /// # Errors
    ///
    /// The disk's; the manifest is then the old one or the new one.
    pub fn write(&self, fs: &dyn Fs, root: &Path) -> Result<()> {
        let path = root.join(MANIFEST);
        let body = encoding::encode(self).map_err(|reason| Error::Io {
            operation: "describe the state for",
            path: path.clone(),
            source: std::io::Error::other(reason),
        })?;
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&crc(&body).to_le_bytes());
        bytes.extend_from_slice(&crc(&bytes).to_le_bytes());
        bytes.extend_from_slice(&body);
        fs::replace_atomically(fs, &path, &bytes)
    }
}
