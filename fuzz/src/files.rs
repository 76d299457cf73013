//! Files: the journal and its recovery, segments, MANIFEST.

use std::path::Path;
use std::sync::Arc;

use crc32c::{crc32c, crc32c_append};
use gnocchetti::internals::codec::{Points, Scratch, decode_aggregates, decode_batch, decode_measures, decode_opened};
use gnocchetti::internals::engine::Manifest;
use gnocchetti::internals::journal::recover;
use gnocchetti::internals::segment::{Entry, Kind, MEASURES, Part, Room, STATE, Scan, SegmentReader, Whole};
use gnocchetti::{AggregationMethod, Result};

use super::memory::MemoryFs;

/// Bits of the first byte.
const MENDED: u8 = 1;
const RENUMBERED: u8 = 2;
const TWO_FILES: u8 = 4;

/// The number of the segment that is fuzzed.
const NUMBER: u64 = 1;

fn set(bytes: &mut [u8], at: usize, word: &[u8]) {
    if let Some(place) = at.checked_add(word.len()).and_then(|end| bytes.get_mut(at..end)) {
        place.copy_from_slice(word);
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

fn set_crc(bytes: &mut [u8], at: usize, covered: std::ops::Range<usize>) {
    if let Some(sum) = bytes.get(covered).map(crc32c) {
        set(bytes, at, &sum.to_le_bytes());
    }
}

/// Journal files: recovery, and the batches in them.
///
/// The first byte has the bits above; with two files, two more bytes say where the first one ends.
pub fn journal(data: &[u8]) {
    let Some((&mode, mut files)) = data.split_first() else { return };
    let mut parts = vec![files];
    if mode & TWO_FILES != 0 {
        let Some((at, rest)) = files.split_first_chunk::<2>() else { return };
        files = rest;
        let (first, second) = files.split_at(usize::from(u16::from_le_bytes(*at)).min(files.len()));
        parts = vec![first, second];
    }
    let fs = MemoryFs::default();
    let mut sequence = 1;
    for (number, part) in (1..).zip(parts) {
        let mut part = part.to_vec();
        if mode & MENDED != 0 {
            sequence = mend_journal(&mut part, number, sequence, mode & RENUMBERED != 0);
        }
        fs.put(&format!("journal/{number:08}.jnl"), part);
    }
    let mut records = 0;
    let found = read_journal(&fs, &mut records);
    if let Ok(found) = &found {
        assert_eq!((found.last_sequence, found.records), (records, records), "records are handed out in sequence");
    }
    let mut again = 0;
    let repeated = read_journal(&fs, &mut again);
    assert_eq!((found.ok(), records), (repeated.ok(), again), "recovery changes nothing");
}

fn read_journal(fs: &MemoryFs, records: &mut u64) -> Result<gnocchetti::internals::journal::Recovered> {
    recover(fs, Path::new("journal"), 1, 1, &mut |sequence, _, body| {
        *records += 1;
        assert_eq!(sequence, *records);
        let (mut keys, mut timestamps, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let decoded = decode_batch(body, &mut keys, &mut timestamps, &mut values);
        assert!(decoded.is_ok() || keys.is_empty() && timestamps.is_empty() && values.is_empty());
        Ok(())
    })
}

/// Gives header and records their checksums and, if wanted, their numbers; returns the sequence number that comes next.
fn mend_journal(file: &mut [u8], number: u64, mut sequence: u64, renumber: bool) -> u64 {
    set(file, 0, b"GNTJRNL\n");
    if renumber {
        set(file, 8, &1_u32.to_le_bytes());
        set(file, 12, &number.to_le_bytes());
        set(file, 20, &sequence.to_le_bytes());
    }
    set_crc(file, 28, 0..28);
    let salt = crc32c(&number.to_le_bytes());
    let mut at = 32;
    while let Some(length) = u32_at(file, at + 4) {
        let end = at + 24 + length as usize;
        if length == 0 || end > file.len() {
            break;
        }
        if renumber {
            set(file, at + 8, &sequence.to_le_bytes());
            let durable = u64_at(file, at + 16).unwrap_or(0).min(sequence - 1);
            set(file, at + 16, &durable.to_le_bytes());
        }
        let sum = crc32c_append(salt, &file[at + 4..end]);
        set(file, at, &sum.to_le_bytes());
        sequence += 1;
        at = end;
    }
    sequence
}

/// A segment: opened, walked, scanned, searched, looked through, and salvaged; all of its chunks decoded, whole and by methods.
/// The second byte says of which kind.
pub fn segment(data: &[u8]) {
    let Some((&[mode, kind], file)) = data.split_first_chunk::<2>() else { return };
    let (code, kind) = match kind % 3 {
        0 => (1_u32, Kind::Raw),
        1 => (2, Kind::Level0),
        _ => (3, Kind::Archive),
    };
    let mut file = file.to_vec();
    if mode & MENDED != 0 {
        mend_segment(&mut file, code);
    }
    let fs = MemoryFs::with("segment", file);
    // What is refused with an error is as good as what is read.
    if let Ok(reader) = SegmentReader::open(&fs, Path::new("segment"), kind, NUMBER) {
        let mut damaged = 0;
        let inspected = reader.inspect(kind, &mut |part| {
            damaged += u32::from(matches!(part, Part::DamagedEntries { .. }));
            Ok(())
        });
        assert!(inspected.is_ok() && damaged as usize <= reader.blocks());
        read_segment(&Arc::new(reader)).unwrap_or_default();
    }
    if let Ok((salvaged, _)) = SegmentReader::salvage(&fs, Path::new("segment")) {
        salvaged.inspect(kind, &mut |_| Ok(())).unwrap_or_default();
    }
}

fn read_segment(reader: &Arc<SegmentReader>) -> Result<()> {
    let mut entries = Vec::new();
    let walked = reader.each_entry(&mut |entry| entries.push(entry));
    let (mut found, mut room) = (Vec::new(), Room::default());
    for entry in entries.iter().take(64) {
        reader.find(entry.metric, entry.granularity, entry.first..i64::MAX, &mut found)?;
        if entry.granularity > 0 {
            read_methods(reader, &found, &mut room);
        }
        reader.find_metric(entry.metric, &mut found)?;
        reader
            .read(&[*entry], &mut Whole::default(), &mut |entry, chunk| {
                decode(entry, chunk);
                Ok(())
            })
            .unwrap_or_default();
        found.clear();
    }
    let mut scan = Scan::new(Arc::clone(reader))?;
    let mut scanned = 0;
    while scan.entry().is_some() {
        scanned += 1;
        scan.chunk().map(drop).unwrap_or_default();
        scan.advance()?;
    }
    assert!(walked.is_ok() && scanned == entries.len(), "a scan and a walk see the same");
    Ok(())
}

/// Reads of these chunks what some methods need of them; as an archive has them, these may be of any.
fn read_methods(reader: &SegmentReader, entries: &[Entry], room: &mut Room) {
    let (mut scratch, mut points) = (Scratch::default(), Points::default());
    for method in [AggregationMethod::MEAN, AggregationMethod::MAX, AggregationMethod::STD] {
        let read = reader.read_method(entries, method, room, &mut |entry, chunk, opened| {
            let (before, rows) = (points.len(), entry.rows as usize);
            let decoded = decode_opened(opened, chunk, rows, entry.granularity, &mut scratch, &mut points);
            assert!(points.len() == points.values.len() && points.len() - before <= rows);
            assert!(decoded.is_ok() || points.len() == before);
            Ok(())
        });
        read.unwrap_or_default();
    }
}

fn decode(entry: &Entry, chunk: &[u8]) {
    let mut scratch = Scratch::default();
    let rows = entry.rows as usize;
    match entry.granularity {
        STATE => {}
        MEASURES => {
            let (mut timestamps, mut values) = (Vec::new(), Vec::new());
            let decoded = decode_measures(chunk, rows, &mut scratch, &mut timestamps, &mut values);
            let expected = if decoded.is_ok() { rows } else { 0 };
            assert_eq!((timestamps.len(), values.len()), (expected, expected));
        }
        granularity => {
            let decoded = decode_aggregates(chunk, rows, granularity, &mut scratch);
            assert!(decoded.is_err() || decoded.is_ok_and(|block| block.rows() == rows));
        }
    }
}

/// A position that is said, when it is one below `end`.
fn place(at: Option<u64>, end: usize) -> Option<usize> {
    at.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < end)
}

/// Gives a segment the header that is expected, and chunks, blocks of entries and footer their checksums.
fn mend_segment(file: &mut [u8], kind: u32) {
    set(file, 0, b"GNTSEG\r\n");
    let version = u32_at(file, 8).filter(|version| (1..=4).contains(version)).unwrap_or(1);
    set(file, 8, &version.to_le_bytes());
    set(file, 12, &kind.to_le_bytes());
    set(file, 16, &NUMBER.to_le_bytes());
    set_crc(file, 24, 0..24);
    let Some(trailer) = file.len().checked_sub(24) else { return };
    set(file, trailer + 16, b"GNTSEG\r\n");
    let Some(footer) = place(u64_at(file, trailer), trailer) else { return };
    let blocks = u64_at(file, footer).unwrap_or(0).min(64) as usize;
    for block in 0..blocks {
        // A reference to a block: metric, granularity, first, chunks, offset, entries.
        let at = footer + 8 + block * 44;
        let (Some(offset), Some(entries)) = (place(u64_at(file, at + 32), trailer), u32_at(file, at + 40)) else {
            break;
        };
        let entries = (entries as usize).min(trailer / 52);
        for entry in 0..entries {
            let at = offset + entry * 52;
            let (Some(chunk), Some(length)) = (place(u64_at(file, at + 32), trailer), u32_at(file, at + 40)) else {
                break;
            };
            // The checksum is of the front, or of all where nothing says how long that is.
            let front = u32_at(file, at + 44).map_or(0, |word| word >> 17);
            let front = if front == 0 { length } else { front };
            set_crc(file, at + 48, chunk..chunk + front as usize);
        }
        let end = offset + entries * 52;
        set_crc(file, end, offset..end);
    }
    set(file, trailer + 8, &((trailer - footer) as u32).to_le_bytes());
    set_crc(file, trailer + 12, footer..trailer);
}

/// MANIFEST: read, its policies too, and what could be read is written and read again.
pub fn manifest(data: &[u8]) {
    let Some((&mode, file)) = data.split_first() else { return };
    let mut file = file.to_vec();
    if mode & MENDED != 0 {
        set(&mut file, 0, b"GNTMANI\n");
        set(&mut file, 8, &1_u32.to_le_bytes());
        let length = file.len().saturating_sub(24) as u32;
        set(&mut file, 12, &length.to_le_bytes());
        let end = file.len();
        set_crc(&mut file, 16, 24..end);
        set_crc(&mut file, 20, 0..20);
    }
    let fs = MemoryFs::with("db/MANIFEST", file);
    let root = Path::new("db");
    let Ok(Some(manifest)) = Manifest::read(&fs, root) else { return };
    for record in &manifest.policies {
        record.policy(root).map(drop).unwrap_or_default();
    }
    assert!(manifest.write(&fs, root).is_ok());
    assert_eq!(Manifest::read(&fs, root).ok().flatten(), Some(manifest));
}
