//! Chunks whose long columns have checksums of their own: a column that is damaged takes no other with it, in queries, checks
//! and repair; and segments of version 1, which have none, are read and merged as ever.

mod support;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gnocchetti::internals::codec::{Scratch, crc, decode_aggregates, encode_aggregates};
use gnocchetti::internals::fs::RealFs;
use gnocchetti::internals::segment::{Chunk, Entry, Kind, Room, SegmentReader, SegmentWriter, Whole, number_of};
use gnocchetti::{
    AggregateBlock, AggregateColumn, Aggregates, AggregationMethod, Database, Error, FindingKind, MetricKey, Outcome,
};
use support::fault::FaultFs;
use support::{at, everything, files, metric, options, points, policy, query, span};

const METHODS: [&str; 7] = ["mean", "sum", "min", "max", "count", "std", "rate:max"];
const STEP: i64 = 5;
/// Two measures in each group of the finer archive, six in each of the coarser one.
const FINE: i64 = 2 * STEP;
const COARSE: i64 = 6 * STEP;

/// Values with all the digits that a float has.
fn value(metric: usize, i: i64) -> f64 {
    let mixed = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ ((metric as u64) << 7));
    50.0 + ((mixed ^ (mixed >> 29)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A database of two metrics with full chunks, merged and closed.
struct Sample {
    _folder: tempfile::TempDir,
    root: PathBuf,
    keys: Vec<MetricKey>,
}

fn sample(value: fn(usize, i64) -> f64) -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("db");
    let db = Database::open(&root, options()).unwrap();
    db.create_archive_policy(&policy("p", 0, &[(FINE, None), (COARSE, None)], &METHODS)).unwrap();
    let keys: Vec<MetricKey> = ["a", "b"].iter().map(|name| metric(&db, name, "p")).collect();
    for (i, key) in keys.iter().enumerate() {
        let times: Vec<i64> = (0..1800).map(|i| i * STEP).collect();
        let values: Vec<f64> = (0..1800).map(|at| value(i, at)).collect();
        let mut batch = db.batch();
        batch.extend(*key, &times, &values).unwrap();
        batch.commit().unwrap();
    }
    db.maintain().unwrap();
    db.close().unwrap();
    Sample { _folder: folder, root, keys }
}

fn open(root: &Path) -> Database {
    Database::open(root, options()).unwrap()
}

fn method(name: &str) -> AggregationMethod {
    name.parse().unwrap()
}

/// The archive segments, of which there is one for each granularity, and what is in them.
fn archives(root: &Path) -> Vec<(PathBuf, SegmentReader, Vec<Entry>)> {
    let names = files(root).into_iter().filter(|name| name.starts_with("archive"));
    let opened = names.map(|name| {
        let path = root.join(name);
        let number = number_of(path.file_name().unwrap().to_str().unwrap()).unwrap();
        let reader = SegmentReader::open(&RealFs, &path, Kind::Archive, number).unwrap();
        let mut entries = Vec::new();
        reader.each_entry(&mut |entry| entries.push(entry)).unwrap();
        (path, reader, entries)
    });
    opened.collect()
}

/// The parts of a chunk, found by what their checksums say: the front names them in order, each begins where one ends.
fn parts(chunk: &[u8], front: usize) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = front;
    for end in front + 1..=chunk.len() {
        let sum = crc(&chunk[start..end]).to_le_bytes();
        if end - start >= 1024 && chunk[..front].windows(4).any(|bytes| bytes == sum) {
            found.push(start..end);
            start = end;
        }
    }
    assert_eq!(start, chunk.len(), "parts fill the chunk");
    found
}

/// A chunk as it was before it was written, out of its segment.
fn chunk(segment: &[u8], entry: &Entry) -> Vec<u8> {
    let lies = [entry.front_range(), entry.tail_range()];
    lies.map(|range| &segment[range.start as usize..range.end as usize]).concat()
}

/// Changes a byte of the part with this number of a metric's first chunk in an archive; the entry.
fn damage(sample: &Sample, key: MetricKey, granularity: i64, part: usize) -> Entry {
    let found = archives(&sample.root).into_iter().find_map(|(path, _, entries)| {
        let entry = entries.into_iter().find(|e| e.metric == key.get() && e.granularity == granularity)?;
        Some((path, entry))
    });
    let (path, entry) = found.unwrap();
    assert!(entry.has_parts());
    let mut bytes = std::fs::read(&path).unwrap();
    let range = parts(&chunk(&bytes, &entry), entry.front as usize)[part].clone();
    bytes[entry.place(range.start + 30) as usize] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
    entry
}

/// In the order in which they lie: `sum` is in the front, `mean` and `count` need no bytes worth a part.
const MIN: usize = 0;
const MAX: usize = 1;

#[test]
fn long_columns_have_checksums_of_their_own_and_short_chunks_stay_whole() {
    let floats = sample(value);
    for (_, _, entries) in archives(&floats.root) {
        assert!(entries.iter().all(Entry::has_parts));
        assert!(entries.iter().all(|entry| entry.front < entry.length / 2));
    }
    let whole = sample(|_, i| (i % 7) as f64);
    for (_, _, entries) in archives(&whole.root) {
        assert!(!entries.iter().any(Entry::has_parts), "small numbers");
    }
}

#[test]
fn a_damaged_column_takes_no_other_with_it() {
    let sample = sample(value);
    let key = sample.keys[0];
    let before = open(&sample.root);
    let expected: Vec<_> = METHODS.iter().map(|name| points(&before, key, FINE, method(name))).collect();
    before.close().unwrap();
    let entry = damage(&sample, key, FINE, MAX);
    let db = open(&sample.root);
    for (name, expected) in METHODS.iter().zip(&expected) {
        let query = query(key, FINE, method(name));
        if *name == "max" {
            let error = db.measures(&query).unwrap_err();
            let Error::Corrupt(corruption) = &error else { panic!("{error}") };
            assert_eq!((corruption.metric, corruption.offset), (Some(key.get()), entry.offset));
            assert_eq!(corruption.span, Some((entry.first, entry.last)));
            let undamaged = db.measures_skipping_damage(&query, &[method(name)]).unwrap();
            assert_eq!(undamaged.skipped.len(), 1);
            let found = &undamaged.columns[0];
            let rest: Vec<(i64, f64)> = expected.iter().copied().filter(|(start, _)| *start > entry.last).collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), rest);
        } else {
            assert_eq!(&points(&db, key, FINE, method(name)), expected, "{name}");
        }
    }
    let report = db.check(&mut |_| {}).unwrap();
    let [finding] = &report.findings[..] else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.kind, finding.metric), (FindingKind::Chunk, Some(key.get())));
    assert!(finding.what.contains("max") && !finding.what.contains("min"), "{}", finding.what);
    // Background work leaves the segment as it is, and goes on.
    for time in [1800 * STEP + 1000, 1800 * STEP + 1000 + COARSE] {
        db.push(key, at(time), 1.0).unwrap();
    }
    db.maintain().unwrap_err();
    assert_eq!(&points(&db, key, FINE, method("sum"))[..900], &expected[1][..900]);
}

#[test]
fn repair_keeps_the_other_columns_and_makes_again_what_it_can() {
    for (granularity, part, name, outcome) in [
        (FINE, MIN, "min", Outcome::PartlyRebuilt),
        (FINE, MAX, "max", Outcome::PartlyRebuilt),
        (COARSE, MAX, "max", Outcome::Rebuilt),
    ] {
        let sample = sample(value);
        let key = sample.keys[1];
        let before = everything(&open(&sample.root)).unwrap();
        let db = open(&sample.root);
        let all: Vec<_> = METHODS.iter().map(|name| points(&db, key, granularity, method(name))).collect();
        db.close().unwrap();
        let entry = damage(&sample, key, granularity, part);
        let report = Database::repair(&sample.root, &mut |_| {}).unwrap();
        let [repair] = &report.repairs[..] else { panic!("{:#?}", report.repairs) };
        assert_eq!(repair.outcome, outcome, "{name} at {granularity}");
        assert!(repair.quarantined.as_ref().unwrap().exists());
        let checked = Database::check_directory(&sample.root, &mut |_| {}).unwrap();
        assert_eq!(checked.findings, []);
        let db = open(&sample.root);
        if outcome == Outcome::Rebuilt {
            assert_eq!(repair.lost, None);
            assert_eq!(everything(&db).unwrap(), before);
            continue;
        }
        assert_eq!((&repair.methods[..], repair.lost), (&[name.to_owned()][..], Some((entry.first, entry.last))));
        for (method_name, all) in METHODS.iter().zip(all) {
            let found = points(&db, key, granularity, method(method_name));
            let gone = |start: i64| *method_name == name && (entry.first..=entry.last).contains(&start);
            let expected: Vec<(i64, f64)> = all.into_iter().filter(|(start, _)| !gone(*start)).collect();
            assert_eq!(found, expected, "{method_name} without {name}");
        }
    }
}

/// Makes of a segment what a version before 4 wrote: the front and the tail of each chunk lie side by side.
fn make_old(path: &Path, version: u8) {
    const ENTRY: usize = 52;
    let name = path.file_name().unwrap().to_str().unwrap();
    let kind = [("raw", Kind::Raw), ("level0", Kind::Level0), ("archive", Kind::Archive)];
    let is_of = |name: &str| path.components().any(|part| part.as_os_str() == name);
    let (_, kind) = kind.into_iter().find(|(name, _)| is_of(name)).unwrap();
    let reader = SegmentReader::open(&RealFs, path, kind, number_of(name).unwrap()).unwrap();
    let mut entries = Vec::new();
    reader.each_entry(&mut |entry| entries.push(entry)).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let chunks: Vec<Vec<u8>> = entries.iter().map(|entry| chunk(&bytes, entry)).collect();
    let mut at = 28;
    for (chunks, count) in chunks.chunks(128).zip(entries.chunks(128).map(<[Entry]>::len)) {
        let list = at + chunks.iter().map(Vec::len).sum::<usize>();
        for (i, chunk) in chunks.iter().enumerate() {
            bytes[at..at + chunk.len()].copy_from_slice(chunk);
            bytes[list + i * ENTRY + 32..][..8].copy_from_slice(&(at as u64).to_le_bytes());
            at += chunk.len();
        }
        let end = list + count * ENTRY;
        let sum = crc(&bytes[list..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
        at = end + 4;
    }
    bytes[8] = version;
    let sum = crc(&bytes[..24]);
    bytes[24..28].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

fn version(path: &Path) -> u8 {
    std::fs::read(path).unwrap()[8]
}

#[test]
fn segments_of_the_versions_before_are_read_and_merges_write_version_4() {
    for old in 1..4 {
        // In version 1 nothing has parts; in the others chunks of both kinds follow each other.
        let mixed = |metric, i| if metric == 1 && i >= 900 { (i % 7) as f64 } else { value(metric, i) };
        let small = |metric: usize, i: i64| ((i * 7 + metric as i64) % 23) as f64;
        old_segments_are_read(old, &sample(if old == 1 { small } else { mixed }));
    }
}

fn old_segments_are_read(old: u8, sample: &Sample) {
    let with_parts = |(_, _, entries): &(PathBuf, SegmentReader, Vec<Entry>)| {
        entries.windows(2).any(|pair| pair.iter().all(Entry::has_parts)) && !entries.iter().all(Entry::has_parts)
    };
    assert_eq!(archives(&sample.root).iter().any(with_parts), old > 1, "version {old}");
    let expected = everything(&open(&sample.root)).unwrap();
    let all = METHODS.map(|name| points(&open(&sample.root), sample.keys[1], FINE, method(name)));
    let wholly: Vec<String> = archives(&sample.root).iter().map(|(_, reader, _)| contents(reader)).collect();
    for name in files(&sample.root).iter().filter(|name| name.extension().is_some_and(|e| e == "seg")) {
        make_old(&sample.root.join(name), old);
    }
    for ((path, reader, entries), wholly) in archives(&sample.root).iter().zip(wholly) {
        assert_eq!((version(path), reader.is_current()), (old, old > 1));
        assert!(entries.iter().all(|entry| entry.tail == entry.front_range().end));
        assert_eq!(contents(reader), wholly);
    }
    let db = open(&sample.root);
    assert_eq!(everything(&db).unwrap(), expected);
    assert_eq!(METHODS.map(|name| points(&db, sample.keys[1], FINE, method(name))), all);
    assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);
    for i in 1800..2400 {
        db.push(sample.keys[0], at(i * STEP), 1.0).unwrap();
    }
    db.maintain().unwrap();
    db.close().unwrap();
    for (path, reader, _) in archives(&sample.root) {
        assert_eq!(version(&path), 4);
        assert!(reader.is_current());
    }
    let db = open(&sample.root);
    assert_eq!(METHODS.map(|name| points(&db, sample.keys[1], FINE, method(name))), all);
}

/// All that is in a segment of aggregates, as text.
fn contents(reader: &SegmentReader) -> String {
    let (mut entries, mut whole, mut scratch) = (Vec::new(), Whole::default(), Scratch::default());
    reader.each_entry(&mut |entry| entries.push(entry)).unwrap();
    let mut text = String::new();
    let mut take = |entry: &Entry, chunk: &[u8]| {
        let block = decode_aggregates(chunk, entry.rows as usize, entry.granularity, &mut scratch).unwrap();
        let (metric, parts) = (entry.metric, entry.has_parts());
        writeln!(text, "metric {metric} granularity {} parts {parts}", entry.granularity).unwrap();
        for (row, start) in block.timestamps.iter().enumerate() {
            text += &start.to_string();
            for column in &block.columns {
                let value = if column.has(row) { format!("{:?}", column.values[row]) } else { "-".to_owned() };
                write!(text, " {value}").unwrap();
            }
            text.push('\n');
        }
        Ok(())
    };
    reader.read(&entries, &mut whole, &mut take).unwrap();
    text
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("fixtures")
}

/// A segment of version 2, with chunks in parts, is read for ever; and so is one of version 4, with runs of them.
#[test]
fn segments_alone_have_what_they_had_when_they_were_written() {
    for expected in [2, 4] {
        let directory = fixtures().join(format!("segment-v{expected}"));
        let file = directory.join("00000001.seg");
        if expected == 4 && std::env::var_os("GNOCCHETTI_WRITE_FIXTURE").is_some() {
            std::fs::create_dir_all(&directory).unwrap();
            write_runs(&file);
            let reader = SegmentReader::open(&RealFs, &file, Kind::Archive, 1).unwrap();
            std::fs::write(directory.join("expected.txt"), contents(&reader)).unwrap();
        }
        let reader = SegmentReader::open(&RealFs, &file, Kind::Archive, 1).unwrap();
        assert_eq!(version(&file), expected);
        assert!(reader.is_current(), "merges copy its chunks as they are");
        let found = contents(&reader);
        assert!(found.contains("parts true") && found.contains("parts false"), "of both kinds");
        assert_eq!(found, std::fs::read_to_string(directory.join("expected.txt")).unwrap());
    }
}

/// Writes a segment of two metrics: three chunks of each that have parts, and one that has none.
fn write_runs(file: &Path) {
    std::fs::remove_file(file).ok();
    let mut writer = SegmentWriter::create(&RealFs, file, Kind::Archive, 1).unwrap();
    for metric in 1..3 {
        for (number, rows) in (0..).zip([200, 200, 20, 200]) {
            let times: Vec<i64> = (0..rows).map(|row| (number * 200 + row) * FINE * 1_000_000_000).collect();
            let values = |method: i64| (0..rows).map(|row| value(metric, number * 1000 + row * 7 + method)).collect();
            let column = |(name, i)| AggregateColumn { method: method(name), values: values(i), present: None };
            let mut columns: Vec<AggregateColumn> = ["sum", "min", "max"].into_iter().zip(0..).map(column).collect();
            columns.sort_unstable_by_key(|column| column.method);
            let (first, last) = (times[0], times[times.len() - 1]);
            let block = AggregateBlock { timestamps: times, columns };
            let mut bytes = Vec::new();
            let granularity = FINE * 1_000_000_000;
            let front = encode_aggregates(&block, granularity, &mut Scratch::default(), &mut bytes);
            let (metric, rows, bytes) = (metric as u64, rows as u32, &bytes[..]);
            writer.add(&Chunk { metric, granularity, first, last, rows, bytes, front }).unwrap();
        }
    }
    writer.finish().unwrap();
}

/// What is read together with what was asked for must not keep that from being read.
#[test]
fn what_lies_beside_an_unreadable_place_is_read() {
    let sample = sample(value);
    let (path, whole, entries) = archives(&sample.root).remove(0);
    let fs = FaultFs::default();
    let number = number_of(path.file_name().unwrap().to_str().unwrap()).unwrap();
    let reader = SegmentReader::open(&fs, &path, Kind::Archive, number).unwrap();
    let [a1, a2, b1, b2] = entries[..] else { panic!("two chunks of each metric") };
    let mut room = Room::default();
    let read = |entries: &[Entry], name: &str, room: &mut Room| {
        reader.read_method(entries, method(name), room, &mut |_, _, _| Ok(()))
    };
    fs.make_unreadable(b2.front_range());
    read(&[a1, a2], "mean", &mut room).unwrap();
    read(&[b1], "mean", &mut room).unwrap();
    let failed = read(&[b2], "mean", &mut room).unwrap_err();
    assert!(matches!(failed, Error::Io { .. }), "{failed}");
    // Its parts lie behind the fronts of the run, those of its neighbours before them.
    for entry in [a1, a2, b1] {
        read(&[entry], "max", &mut Room::default()).unwrap();
        reader.read(&[entry], &mut Whole::default(), &mut |_, _| Ok(())).unwrap();
    }
    fs.make_unreadable(0..0);
    assert_eq!(whole.blocks(), 1);
    // The answer around it lacks the rows of that chunk and no others.
    let db = Database::open_with_fs(&sample.root, options(), Arc::new(fs.clone())).unwrap();
    let question = query(sample.keys[1], FINE, method("mean"));
    let all = db.measures_of(&question, &[method("mean")]).unwrap().remove(0);
    fs.make_unreadable(b1.front_range());
    let around = db.measures_skipping_damage(&question, &[method("mean")]).unwrap();
    let left: Vec<i64> = around.columns[0].timestamps.clone();
    let lost = |time: &i64| (b1.first..=b1.last).contains(time);
    assert!(!around.skipped.is_empty());
    assert_eq!(left, all.timestamps.iter().copied().filter(|time| !lost(time)).collect::<Vec<_>>());
}

/// What was read for one question must not answer the next one.
#[test]
fn each_question_reads_the_files_anew() {
    let sample = sample(value);
    let db = open(&sample.root);
    let all = "(aggregate mean (metric (a mean) (b mean)))".parse().unwrap();
    let question = Aggregates::new(all).granularity(span(FINE));
    let answer = db.aggregates(&question).unwrap();
    let single = query(sample.keys[1], FINE, method("mean"));
    db.measures(&single).unwrap();
    let (path, _, entries) = archives(&sample.root).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = entries[3].offset as usize + 5;
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(db.aggregates(&question), Err(Error::Corrupt(_))));
    assert!(matches!(db.measures(&single), Err(Error::Corrupt(_))));
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(db.aggregates(&question).unwrap().series, answer.series);
}

/// What checksums confirm may still be nonsense: a chunk that ends before the parts that its front names is damage, no panic.
#[test]
fn a_chunk_that_ends_before_its_parts_is_damaged() {
    let sample = sample(value);
    let (path, _, entries) = archives(&sample.root).remove(0);
    let entry = entries[0];
    let bytes = std::fs::read(path).unwrap();
    let chunk = chunk(&bytes, &entry);
    let front = entry.front as usize;
    let ends = parts(&chunk, front).into_iter().flat_map(|part| [part.start + 1, part.end - 1]);
    for (at, length) in ends.enumerate() {
        let file = sample.root.join(format!("short-{at}.seg"));
        let mut writer = SegmentWriter::create(&RealFs, &file, Kind::Archive, 1).unwrap();
        let Entry { metric, granularity, first, last, rows, .. } = entry;
        let bytes = &chunk[..length];
        writer.add(&Chunk { metric, granularity, first, last, rows, bytes, front }).unwrap();
        writer.finish().unwrap();
        let reader = SegmentReader::open(&RealFs, &file, Kind::Archive, 1).unwrap();
        let mut entries = Vec::new();
        reader.find_metric(metric, &mut entries).unwrap();
        let read = |name: &str| reader.read_method(&entries, method(name), &mut Room::default(), &mut |_, _, _| Ok(()));
        let errors = METHODS.iter().filter_map(|name| read(name).err()).collect::<Vec<_>>();
        assert!(!errors.is_empty() && errors.iter().all(|error| matches!(error, Error::Corrupt(_))), "{errors:?}");
    }
}
