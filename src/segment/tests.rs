//! A segment against the list of its chunks: everything found, read and scanned as written, nothing read from damage.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::error::{Error, Result};
use crate::fs::RealFs;

/// A chunk of the model, which owns its bytes.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    metric: u64,
    granularity: i64,
    first: i64,
    last: i64,
    rows: u32,
    bytes: Vec<u8>,
}

impl Known {
    fn chunk(&self) -> Chunk<'_> {
        let Known { metric, granularity, first, last, rows, ref bytes } = *self;
        Chunk { metric, granularity, first, last, rows, bytes, front: bytes.len() }
    }

    fn is(&self, entry: &Entry) -> bool {
        (self.metric, self.granularity, self.first, self.last, self.rows)
            == (entry.metric, entry.granularity, entry.first, entry.last, entry.rows)
            && entry.length as usize == self.bytes.len()
    }
}

/// Chunks in the order of a segment; those of one archive do not overlap.
fn chunks() -> impl Strategy<Value = Vec<Known>> {
    let lengths = prop_oneof![9 => 1_usize..40, 1 => 1_usize..3000];
    let one = (0_u64..12, prop::sample::select(vec![STATE, MEASURES, 1, 60]), 0_i64..50, 0_i64..9, lengths);
    prop::collection::vec(one, 0..400).prop_map(|mut all| {
        all.sort_unstable();
        let mut chunks: Vec<Known> = Vec::new();
        for (metric, granularity, gap, length, size) in all {
            let before = chunks.last().filter(|last| (last.metric, last.granularity) == (metric, granularity));
            let first = before.map_or(gap, |before| before.last + 1 + gap);
            let bytes = (0..size).map(|i| (i as u64 * 31 + metric + first as u64) as u8).collect();
            chunks.push(Known { metric, granularity, first, last: first + length, rows: length as u32 + 1, bytes });
        }
        chunks
    })
}

struct Fixture {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
}

fn write(chunks: &[Known]) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("00000007.seg");
    let mut writer = SegmentWriter::create(&RealFs, &path, Kind::Level0, 7).unwrap();
    for chunk in chunks {
        writer.add(&chunk.chunk()).unwrap();
    }
    assert_eq!(writer.entries(), chunks.len() as u64);
    let size = writer.finish().unwrap();
    assert_eq!(size, std::fs::metadata(&path).unwrap().len());
    Fixture { _folder: folder, path }
}

fn open(fixture: &Fixture) -> Result<SegmentReader> {
    SegmentReader::open(&RealFs, &fixture.path, Kind::Level0, 7)
}

/// The chunks behind some entries.
fn read(reader: &SegmentReader, entries: &[Entry]) -> Result<Vec<Vec<u8>>> {
    let (mut found, mut buffer) = (Vec::new(), Whole::default());
    reader.read(entries, &mut buffer, &mut |_, chunk| {
        found.push(chunk.to_vec());
        Ok(())
    })?;
    Ok(found)
}

fn assert_found(reader: &SegmentReader, found: &[Entry], expected: &[&Known]) {
    assert_eq!(found.len(), expected.len());
    assert!(expected.iter().zip(found).all(|(known, entry)| known.is(entry)));
    let bytes = read(reader, found).unwrap();
    assert!(expected.iter().zip(&bytes).all(|(known, bytes)| known.bytes == *bytes));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_found_by_metric_archive_and_time(
        chunks in chunks(),
        questions in prop::collection::vec((0_u64..13, prop::sample::select(vec![STATE, MEASURES, 1, 60, 7]), 0_i64..900, 0_i64..900), 20),
    ) {
        let fixture = write(&chunks);
        let reader = open(&fixture).unwrap();
        prop_assert_eq!(reader.entries(), chunks.len() as u64);
        for (metric, granularity, start, length) in questions {
            let times = start..start + length;
            let matches = |known: &&Known| (known.metric, known.granularity) == (metric, granularity)
                && known.first < times.end && known.last >= times.start && !times.is_empty();
            let expected: Vec<&Known> = chunks.iter().filter(matches).collect();
            let mut found = Vec::new();
            reader.find(metric, granularity, times.clone(), &mut found).unwrap();
            assert_found(&reader, &found, &expected);
            let expected: Vec<&Known> = chunks.iter().filter(|known| known.metric == metric).collect();
            found.clear();
            reader.find_metric(metric, &mut found).unwrap();
            assert_found(&reader, &found, &expected);
        }
    }

    #[test]
    fn a_scan_visits_every_chunk_in_order(chunks in chunks()) {
        let fixture = write(&chunks);
        let reader = Arc::new(open(&fixture).unwrap());
        let mut entries = Vec::new();
        reader.each_entry(&mut |entry| entries.push(entry)).unwrap();
        prop_assert_eq!(entries.len(), chunks.len());
        let mut scan = Scan::new(reader).unwrap();
        for (known, entry) in chunks.iter().zip(entries) {
            prop_assert!(known.is(&entry));
            prop_assert_eq!(scan.entry(), Some(&entry));
            prop_assert_eq!(scan.chunk().unwrap(), &known.bytes[..]);
            scan.advance().unwrap();
        }
        prop_assert_eq!(scan.entry(), None);
        prop_assert!(scan.chunk().unwrap().is_empty());
    }

    /// Whatever is changed, nothing else than what was written is ever handed out.
    #[test]
    fn a_damaged_segment_hands_out_what_was_written_or_an_error(
        chunks in chunks(), place in any::<prop::sample::Index>(), mask in 1_u8.., cut in any::<bool>(),
    ) {
        let fixture = write(&chunks);
        let mut bytes = std::fs::read(&fixture.path).unwrap();
        let at = place.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= mask;
        }
        std::fs::write(&fixture.path, &bytes).unwrap();
        match open(&fixture) {
            Ok(reader) => {
                prop_assert!(!cut, "a cut segment was opened");
                assert_undamaged_or_refused(&reader, &chunks);
            }
            Err(error) => prop_assert!(matches!(error, Error::Corrupt(_)), "{error:?}"),
        }
    }
}

fn assert_undamaged_or_refused(reader: &SegmentReader, chunks: &[Known]) {
    let mut found = Vec::new();
    for metric in 0..12 {
        found.clear();
        match reader.find_metric(metric, &mut found) {
            Ok(()) => {
                let expected: Vec<&Known> = chunks.iter().filter(|known| known.metric == metric).collect();
                assert!(found.len() == expected.len() && expected.iter().zip(&found).all(|(known, e)| known.is(e)));
                match read(reader, &found) {
                    Ok(bytes) => assert!(expected.iter().zip(&bytes).all(|(known, bytes)| known.bytes == *bytes)),
                    Err(error) => {
                        assert!(matches!(&error, Error::Corrupt(at) if at.metric == Some(metric)), "{error:?}");
                    }
                }
            }
            Err(error) => assert!(matches!(error, Error::Corrupt(_)), "{error:?}"),
        }
    }
}

fn known(metric: u64, granularity: i64, first: i64) -> Known {
    Known { metric, granularity, first, last: first + 5, rows: 6, bytes: vec![1, 2, 3] }
}

#[test]
fn an_empty_segment_is_a_segment() {
    let fixture = write(&[]);
    let reader = Arc::new(open(&fixture).unwrap());
    assert_eq!((reader.entries(), reader.blocks()), (0, 0));
    let mut found = Vec::new();
    reader.find_metric(0, &mut found).unwrap();
    reader.find(0, 60, 0..i64::MAX, &mut found).unwrap();
    assert!(found.is_empty() && Scan::new(reader).unwrap().entry().is_none());
}

#[test]
fn chunks_at_the_ends_of_blocks_are_found() {
    let chunks: Vec<Known> = (0..1000).map(|i| known(i / 300, 60, (i % 300) as i64 * 10)).collect();
    let fixture = write(&chunks);
    let reader = open(&fixture).unwrap();
    assert_eq!(reader.blocks(), 8);
    for chunk in &chunks {
        let mut found = Vec::new();
        reader.find(chunk.metric, 60, chunk.first..chunk.first + 1, &mut found).unwrap();
        reader.find(chunk.metric, 60, chunk.last..chunk.last + 1, &mut found).unwrap();
        assert_found(&reader, &found, &[chunk, chunk]);
    }
}

#[test]
fn chunks_out_of_order_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SegmentWriter::create(&RealFs, &folder.path().join("s"), Kind::Raw, 1).unwrap();
    writer.add(&known(5, 60, 100).chunk()).unwrap();
    for wrong in [known(5, 60, 100), known(5, 60, 90), known(5, 10, 200), known(4, 60, 200)] {
        assert!(matches!(writer.add(&wrong.chunk()), Err(Error::Corrupt(_))), "{wrong:?}");
    }
    writer.add(&known(5, 60, 106).chunk()).unwrap();
    assert_eq!(writer.entries(), 2);
}

#[test]
fn a_segment_is_what_its_name_says_or_not_opened() {
    let fixture = write(&[known(1, 60, 0)]);
    for (kind, number) in [(Kind::Raw, 7), (Kind::Archive, 7), (Kind::Level0, 8)] {
        let refused = SegmentReader::open(&RealFs, &fixture.path, kind, number);
        assert!(matches!(refused, Err(Error::Corrupt(_))), "{kind:?} {number}");
    }
    let mut bytes = std::fs::read(&fixture.path).unwrap();
    bytes[8] += 1;
    let sum = crate::codec::crc(&bytes[..24]);
    bytes[24..28].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&fixture.path, bytes).unwrap();
    assert!(matches!(open(&fixture), Err(Error::UnsupportedFormat { found: 5, supported: 4, .. })));
}

#[test]
fn an_existing_file_is_not_written_over() {
    let fixture = write(&[known(1, 60, 0)]);
    assert!(matches!(SegmentWriter::create(&RealFs, &fixture.path, Kind::Raw, 7), Err(Error::Io { .. })));
    open(&fixture).unwrap();
}

/// The bytes of a segment of one chunk, as `docs/format/segment.md` shows them.
#[test]
fn the_bytes_are_those_that_the_documentation_shows() {
    let fixture = write(&[known(3, 60, 120)]);
    let bytes = std::fs::read(&fixture.path).unwrap();
    let page = include_str!("../../docs/format/segment.md");
    let shown = page.split("```text hexdump").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let bytes_of = |line: &str| -> Vec<u8> {
        line.split_whitespace().skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    };
    let documented: Vec<u8> = shown.lines().flat_map(bytes_of).collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    assert_eq!(hex(&bytes), hex(&documented));
}
