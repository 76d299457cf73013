//! `repair`: after damage and repair the database opens, is sound, answers as before outside of exactly the spans that the report
//! calls lost, and a second repair finds nothing; also when the first one was cut off anywhere.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gnocchetti::internals::engine::Manifest;
use gnocchetti::internals::fs::RealFs;
use gnocchetti::internals::segment::{Entry, Kind, SegmentReader, number_of};
use gnocchetti::{
    Database, DeleteOptions, Error, FindingKind, MetricKey, NewMetric, Outcome, Partial, Repair, RepairReport,
    StoredData,
};
use support::fault::{Call, FaultFs, broken};
use support::{at, copy_tree, files, metric, options, policy, query};

type Answers = BTreeMap<(u64, i64, String), BTreeMap<i64, u64>>;

/// All answers of a database, the bits of each point.
fn answers(db: &Database) -> Answers {
    let mut found = BTreeMap::new();
    for known in db.metrics(None, 100).unwrap() {
        for granularity in [10, 60] {
            for method in db.policy_of(known.key).unwrap().methods().iter() {
                let columns = db.measures(&query(known.key, granularity, method)).unwrap();
                assert!(columns.timestamps.is_sorted_by(|a, b| a < b));
                let points = columns.iter().map(|(t, v)| (t, v.to_bits())).collect();
                found.insert((known.key.get(), granularity, method.to_string()), points);
            }
        }
    }
    found
}

/// A closed database with segments of all kinds, in the making or merged.
struct Sample {
    folder: tempfile::TempDir,
    root: PathBuf,
    expected: Answers,
}

const METHODS: [&str; 6] = ["mean", "count", "rate:max", "min", "last", "rate:last"];

impl Sample {
    fn new(merged: bool) -> Sample {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("db");
        let db = Database::open(&root, options()).unwrap();
        db.create_archive_policy(&policy("p", 1, &[(10, None), (60, None)], &METHODS)).unwrap();
        let keys: Vec<MetricKey> = ["a", "b", "c"].iter().map(|name| metric(&db, name, "p")).collect();
        for from in [0, 300, 600] {
            for time in (from..from + 300).step_by(4) {
                for key in &keys {
                    db.push(*key, at(time), (time * 7 % 23) as f64 / 4.0).unwrap();
                }
            }
            if merged { db.maintain().unwrap() } else { db.checkpoint().unwrap() }
        }
        let expected = answers(&db);
        db.close().unwrap();
        Sample { folder, root, expected }
    }

    /// One of which much was deleted: whole groups, parts of groups, the newest measures, the measure before the window, and
    /// all of a metric.
    fn with_deletions(merged: bool) -> Sample {
        let sample = Sample::new(merged);
        let db = Database::open(&sample.root, options()).unwrap();
        let delete = |key: u64, from: i64, to: i64, partial: Partial| {
            let options = DeleteOptions::new().partial(partial);
            db.delete_measures(MetricKey::new(key), at(from)..at(to), options).unwrap();
        };
        delete(1, 120, 300, Partial::Keep);
        delete(1, 430, 445, Partial::Remove);
        delete(1, 880, 2000, Partial::Keep);
        delete(2, 700, 860, Partial::Keep);
        delete(3, 0, 2000, Partial::Keep);
        if !merged {
            db.push(MetricKey::new(1), at(890), 5.0).unwrap();
            db.push(MetricKey::new(2), at(850), 5.0).unwrap();
        }
        let expected = answers(&db);
        db.close().unwrap();
        Sample { expected, ..sample }
    }

    fn segments(&self) -> Vec<PathBuf> {
        files(&self.root).into_iter().filter(|path| path.extension().is_some_and(|e| e == "seg")).collect()
    }

    /// A copy in which a byte of `file` is another one.
    fn damaged(&self, file: &Path, offset: u64) -> PathBuf {
        let copy = self.folder.path().join("copy");
        if copy.exists() {
            std::fs::remove_dir_all(&copy).unwrap();
        }
        copy_tree(&self.root, &copy);
        let mut bytes = std::fs::read(copy.join(file)).unwrap();
        bytes[offset as usize] ^= 0x24;
        std::fs::write(copy.join(file), bytes).unwrap();
        copy
    }

    /// Repairs a copy, and looks at what came of it.
    fn repair(&self, copy: &Path, what: &str) -> RepairReport {
        let report = Database::repair(copy, &mut |_| {}).unwrap_or_else(|error| panic!("{what}: {error}"));
        let checked = Database::check_directory(copy, &mut |_| {}).unwrap();
        assert!(checked.is_sound() && checked.findings.is_empty(), "{what}: {:#?}", checked.findings);
        let again = Database::repair(copy, &mut |_| {}).unwrap();
        assert_eq!((again.repairs, again.journal), (Vec::new(), Vec::new()), "{what}: twice");
        self.compare(copy, &report, what);
        report
    }

    fn compare(&self, copy: &Path, report: &RepairReport, what: &str) {
        let db = Database::open(copy, options()).unwrap();
        let found = answers(&db);
        for ((key, granularity, method), right) in &self.expected {
            let given = &found[&(*key, *granularity, method.clone())];
            let what = format!("{what}, metric {key}, {granularity} ns, {method}");
            let spans: Vec<&Repair> = report.repairs.iter().filter(|r| r.finding.metric == Some(*key)).collect();
            for (start, bits) in right {
                let gone = spans.iter().any(|repair| is_gone(repair, *start, *granularity, method));
                let touched = spans.iter().any(|repair| is_touched(repair, *start, *granularity, method));
                if gone {
                    assert!(!given.contains_key(start), "{what}: {start} is there");
                } else if !touched {
                    assert_eq!(given.get(start), Some(bits), "{what}: {start}");
                }
            }
            assert!(given.keys().all(|start| right.contains_key(start)), "{what}: something is new");
        }
        db.push(MetricKey::new(1), at(1000), 1.0).unwrap();
        db.maintain().unwrap();
        assert_eq!(db.check(&mut |_| {}).unwrap().findings, [], "{what}");
    }
}

/// Whether a report says that this point is gone.
fn is_gone(repair: &Repair, start: i64, granularity: i64, method: &str) -> bool {
    repair.finding.granularity == Some(granularity)
        && repair.lost.is_some_and(|(first, last)| (first..=last).contains(&start))
        && (repair.methods.is_empty() || repair.methods.iter().any(|lost| lost == method))
}

/// Whether raw measures that are gone were of this group, or of the one before its first measure.
fn is_touched(repair: &Repair, start: i64, granularity: i64, method: &str) -> bool {
    let reach = if method.starts_with("rate:") { 4 } else { 0 };
    repair.finding.data == Some(StoredData::Measures)
        && repair.lost.is_some_and(|(first, last)| start <= last + reach && start + granularity > first)
}

fn entries(file: &Path) -> (u64, Vec<Entry>) {
    let number = number_of(file.file_name().unwrap().to_str().unwrap()).unwrap();
    let kinds = [Kind::Raw, Kind::Level0, Kind::Archive];
    let opened = kinds.into_iter().find_map(|kind| SegmentReader::open(&RealFs, file, kind, number).ok()).unwrap();
    let mut entries = Vec::new();
    opened.each_entry(&mut |entry| entries.push(entry)).unwrap();
    (opened.bytes(), entries)
}

#[test]
fn a_damaged_chunk_costs_exactly_what_the_report_says() {
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for merged in [false, true] {
        let sample = Sample::new(merged);
        for file in sample.segments() {
            for entry in entries(&sample.root.join(&file)).1 {
                let what = format!("{} at {} (merged {merged})", file.display(), entry.offset);
                let copy = sample.damaged(&file, entry.place(entry.length as usize / 2));
                let bytes = std::fs::read(copy.join(&file)).unwrap();
                let report = sample.repair(&copy, &what);
                let [repair] = &report.repairs[..] else { panic!("{what}: {:#?}", report.repairs) };
                assert_eq!(
                    (repair.finding.metric, repair.finding.offset),
                    (Some(entry.metric), entry.offset),
                    "{what}"
                );
                assert!(repair.finding.metric_id.is_some(), "{what}");
                let kept = std::fs::read(repair.quarantined.as_ref().unwrap()).unwrap();
                let lies = [entry.front_range(), entry.tail_range()];
                let damaged = lies.map(|range| &bytes[range.start as usize..range.end as usize]).concat();
                assert_eq!(kept, damaged, "{what}");
                *outcomes.entry(format!("{:?} {:?}", repair.finding.data.unwrap(), repair.outcome)).or_default() += 1;
                match (entry.granularity, repair.outcome) {
                    (-1 | 0, Outcome::NotNeeded) | (-1, Outcome::Rebuilt) | (0 | 10, Outcome::Lost) => {}
                    (60, Outcome::PartlyRebuilt) => assert_eq!(repair.methods, ["mean"], "{what}"),
                    other => panic!("{what}: {other:?}"),
                }
            }
        }
    }
    assert!(outcomes.len() >= 5, "{outcomes:?}");
}

/// Nothing that was deleted comes back with a repair, and nothing else goes with it.
#[test]
fn damage_beside_deletions_costs_what_the_report_says_and_brings_nothing_back() {
    for merged in [false, true] {
        let sample = Sample::with_deletions(merged);
        for file in sample.segments() {
            for entry in entries(&sample.root.join(&file)).1 {
                let what = format!("{} at {} (merged {merged})", file.display(), entry.offset);
                let copy = sample.damaged(&file, entry.place(entry.length as usize / 2));
                let report = sample.repair(&copy, &what);
                assert_eq!(report.repairs.len(), 1, "{what}: {:#?}", report.repairs);
                let [repair] = &report.repairs[..] else { continue };
                let rates = |repair: &Repair| repair.methods.iter().all(|method| method.starts_with("rate:"));
                // Of what was deleted nothing can be lost, but that nothing is left before the window.
                let is_right = repair.outcome != Outcome::Lost && rates(repair);
                assert!(entry.metric != 3 || is_right, "{what}: {report:#?}");
                let reached = Database::open(&copy, options()).unwrap();
                let newest = |db: &Database, key| db.last_measure(MetricKey::new(key)).unwrap();
                let sound = Database::open_read_only(&sample.root, options()).unwrap();
                for key in [2, 3] {
                    assert_eq!(newest(&reached, key), newest(&sound, key), "{what}: newest of {key}");
                }
            }
        }
    }
}

/// An older state, which knows a jump that was undone, must not make anybody believe that measures were sealed.
#[test]
fn damage_behind_an_undone_jump_seals_nothing() {
    let sample = Sample::new(false);
    let key = MetricKey::new(1);
    let db = Database::open(&sample.root, options()).unwrap();
    db.push(key, at(10_000), 1.0).unwrap();
    db.checkpoint().unwrap();
    db.delete_measures(key, at(10_000).., DeleteOptions::new()).unwrap();
    assert!(answers(&db) == sample.expected);
    db.close().unwrap();
    let twin = sample.folder.path().join("twin");
    copy_tree(&sample.root, &twin);
    let twin = Database::open(&twin, options()).unwrap();
    let late = [700, 780, 840, 841, 900, 901, 961].map(|time| (time, twin.push(key, at(time), 9.0).unwrap().late));
    twin.maintain().unwrap();
    let expected = answers(&twin);
    let mut damaged = 0;
    for file in sample.segments() {
        for entry in
            entries(&sample.root.join(&file)).1.iter().filter(|entry| (entry.metric, entry.granularity) == (1, -1))
        {
            let what = format!("{} at {}", file.display(), entry.offset);
            let copy = sample.damaged(&file, entry.place(entry.length as usize / 2));
            Database::repair(&copy, &mut |_| {}).unwrap();
            let db = Database::open(&copy, options()).unwrap();
            assert!(answers(&db) == sample.expected, "{what}");
            for (time, late) in late {
                assert_eq!(db.push(key, at(time), 9.0).unwrap().late, late, "{what}: {time}");
            }
            db.maintain().unwrap();
            assert!(answers(&db) == expected, "{what}, maintained");
            damaged += 1;
        }
    }
    assert!(damaged >= 3, "{damaged}");
}

/// What a jump closed is not taken for sealed when the state that knows the jump is damaged, and the jump can be undone as before.
#[test]
fn damage_of_a_state_that_jumped_seals_nothing_and_lets_it_be_undone() {
    for merged in [false, true] {
        let sample = Sample::new(merged);
        let key = MetricKey::new(1);
        let db = Database::open(&sample.root, options()).unwrap();
        db.push(key, at(10_000), 1.0).unwrap();
        let stored = if merged { db.maintain() } else { db.checkpoint() };
        stored.unwrap();
        let jumped = answers(&db);
        db.close().unwrap();
        let twin = sample.folder.path().join("twin");
        copy_tree(&sample.root, &twin);
        let states = sample.segments().into_iter().flat_map(|file| {
            let of_file = entries(&sample.root.join(&file)).1;
            of_file
                .into_iter()
                .filter(|entry| (entry.metric, entry.granularity) == (1, -1))
                .map(move |e| (file.clone(), e))
        });
        let (file, entry) = states.max_by_key(|(_, entry)| entry.first).unwrap();
        assert_eq!((entry.first, entry.length), (10_000, 72));
        let copy = sample.damaged(&file, entry.offset + 9);
        let report = Database::repair(&copy, &mut |_| {}).unwrap();
        assert_eq!(report.repairs.iter().map(|repair| repair.outcome).collect::<Vec<_>>(), [Outcome::Rebuilt]);
        let [found, expected] = [copy, twin].map(|root| {
            let db = Database::open(&root, options()).unwrap();
            assert!(answers(&db) == jumped, "merged {merged}: {}", root.display());
            db.maintain().unwrap();
            assert!(answers(&db) == jumped, "merged {merged}: {}, maintained", root.display());
            let said = db.delete_measures(key, at(10_000).., DeleteOptions::new()).unwrap();
            assert!(answers(&db) == sample.expected, "merged {merged}: {}, undone", root.display());
            let late = [700, 780, 840, 841, 900, 961].map(|time| db.push(key, at(time), 9.0).unwrap().late);
            db.maintain().unwrap();
            assert_eq!(db.check(&mut |_| {}).unwrap().findings, []);
            (said, late, answers(&db))
        });
        assert!(found == expected, "merged {merged}: {:?} and {:?}", (found.0, found.1), (expected.0, expected.1));
    }
}

#[test]
fn what_keeps_a_segment_from_opening_costs_nothing() {
    let sample = Sample::new(false);
    for file in sample.segments() {
        let (bytes, entries) = entries(&sample.root.join(&file));
        let last = entries.last().unwrap();
        let block = last.offset + u64::from(last.length);
        for offset in [0, 9, 25, block, block + 9, block + 40, bytes - 60, bytes - 20, bytes - 1] {
            let what = format!("{} at {offset}", file.display());
            let report = sample.repair(&sample.damaged(&file, offset), &what);
            assert_eq!(report.repairs.len(), 1, "{what}: {report:#?}");
            assert!(report.is_whole(), "{what}: {report:#?}");
        }
    }
}

#[test]
fn a_segment_that_is_gone_is_told_and_the_rest_goes_on() {
    let sample = Sample::new(true);
    let file = sample.segments().into_iter().find(|path| path.starts_with("archive/10")).unwrap();
    let copy = sample.damaged(&file, 0);
    std::fs::remove_file(copy.join(&file)).unwrap();
    assert!(Database::open(&copy, options()).is_err());
    let report = Database::repair(&copy, &mut |_| {}).unwrap();
    assert_eq!(report.repairs[0].outcome, Outcome::Lost);
    assert!(!report.is_whole());
    let db = Database::open(&copy, options()).unwrap();
    assert!(db.check(&mut |_| {}).unwrap().is_sound());
    let minutes = |(_, granularity, _): &(u64, i64, String)| *granularity == 60;
    let found: Answers = answers(&db).into_iter().filter(|(key, _)| minutes(key)).collect();
    let expected: Answers = sample.expected.clone().into_iter().filter(|(key, _)| minutes(key)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_damaged_journal_loses_the_damaged_record_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (root, copy) = (folder.path().join("db"), folder.path().join("copy"));
    let db = Database::open(&root, options()).unwrap();
    db.create_archive_policy(&policy("p", 3, &[(10, None)], &["count"])).unwrap();
    let keys = ["a", "b"].map(|name| metric(&db, name, "p"));
    for time in 0..20 {
        db.push(keys[0], at(time), 1.0).unwrap();
        db.push(keys[1], at(time), 1.0).unwrap();
        db.flush().unwrap();
    }
    copy_tree(&root, &copy);
    drop(db);
    let journal = files(&copy).into_iter().rfind(|path| path.starts_with("journal")).unwrap();
    let mut bytes = std::fs::read(copy.join(&journal)).unwrap();
    bytes[500] ^= 1;
    std::fs::write(copy.join(&journal), &bytes).unwrap();
    assert!(matches!(Database::open(&copy, options()), Err(Error::Corrupt(_))));
    let report = Database::repair(&copy, &mut |_| {}).unwrap();
    let [loss] = &report.journal[..] else { panic!("{report:#?}") };
    assert_eq!(loss.records.0, loss.records.1, "one record");
    assert_eq!(std::fs::read(loss.quarantined.as_ref().unwrap()).unwrap(), bytes);
    assert!(Database::check_directory(&copy, &mut |_| {}).unwrap().is_sound());
    assert_eq!(Database::repair(&copy, &mut |_| {}).unwrap(), RepairReport::default());
    let db = Database::open(&copy, options()).unwrap();
    let counts: u64 = keys.iter().map(|key| support::count(&db, *key, 10)).sum();
    assert_eq!(counts, 39);
    db.push(keys[0], at(30), 1.0).unwrap();
    db.close().unwrap();
    let db = Database::open(&copy, options()).unwrap();
    assert_eq!(keys.iter().map(|key| support::count(&db, *key, 10)).sum::<u64>(), 40);
}

fn flip(file: &Path, offset: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[offset] ^= 0x24;
    std::fs::write(file, bytes).unwrap();
}

/// The bytes of all files that have any, but for the lock's and what `SQLite` shares with who reads.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = files(root).into_iter().filter(|path| !path.starts_with("LOCK") && !path.ends_with("index.sqlite-shm"));
    all.map(|path| (path.clone(), std::fs::read(root.join(path)).unwrap()))
        .filter(|(_, bytes)| !bytes.is_empty())
        .collect()
}

#[test]
fn a_manifest_of_which_one_byte_changed_is_what_it_was() {
    let sample = Sample::with_deletions(true);
    let length = std::fs::read(sample.root.join("MANIFEST")).unwrap().len();
    for offset in (0..24).step_by(5).chain((24..length).step_by(97)).chain([length - 1]) {
        let copy = sample.damaged(Path::new("MANIFEST"), offset as u64);
        let damaged = std::fs::read(copy.join("MANIFEST")).unwrap();
        let report = sample.repair(&copy, &format!("byte {offset} of MANIFEST"));
        assert!(report.is_whole() && report.repairs.len() == 1, "{offset}: {report:?}");
        let repair = &report.repairs[0];
        assert_eq!((repair.finding.kind, repair.outcome), (FindingKind::Manifest, Outcome::Rebuilt));
        assert_eq!(std::fs::read(repair.quarantined.as_ref().unwrap()).unwrap(), damaged, "{offset}");
    }
    // All of a header can be made again from what is behind it.
    let copy = sample.damaged(Path::new("MANIFEST"), 0);
    let mut bytes = std::fs::read(copy.join("MANIFEST")).unwrap();
    bytes[..20].fill(0);
    std::fs::write(copy.join("MANIFEST"), bytes).unwrap();
    assert!(sample.repair(&copy, "a header of zeros").is_whole());
}

/// What becomes of the bytes of a page.
type Change<'a> = &'a dyn Fn(&mut [u8]);

/// A page of the index, changed by what is given.
fn change_page(root: &Path, tree: &str, change: impl FnOnce(&mut [u8])) {
    let path = root.join("index.sqlite");
    let index = rusqlite::Connection::open(&path).unwrap();
    let page: u32 =
        index.query_row("SELECT rootpage FROM sqlite_schema WHERE name = ?1", [tree], |row| row.get(0)).unwrap();
    let size: u32 = index.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    drop(index);
    let (page, size) = (page as usize, size as usize);
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes[(page - 1) * size..page * size]);
    std::fs::write(path, bytes).unwrap();
}

/// Changes the last byte of a text where it stands.
fn change_text(page: &mut [u8], text: &str) {
    let at = page.windows(text.len()).position(|bytes| bytes == text.as_bytes()).unwrap();
    page[at + text.len() - 1] ^= 0x24;
}

#[test]
fn a_damaged_list_of_the_index_is_made_again_from_the_rows() {
    let sample = Sample::new(true);
    let db = Database::open(&sample.root, options()).unwrap();
    let mut new = vec![NewMetric::named("a metric like no other").archive_policy("p").unit("things")];
    new.extend((0..50).map(|number| NewMetric::named(format!("metric {number}")).archive_policy("p")));
    let odd = db.create_metrics(&new).unwrap().remove(0);
    db.close().unwrap();
    let sample = Sample { expected: Answers::new(), ..sample };
    let damages: [(&str, &str, Change); 4] = [
        ("metrics_by_name", "an entry", &|page| change_text(page, "a metric like no other")),
        ("metrics_by_id", "all of a page", &|page| page.fill(0)),
        ("metrics_by_unit", "its cells", &|page| page[8..].fill(0x5a)),
        ("sqlite_autoindex_archive_policies_1", "an entry", &|page| change_text(page, "p")),
    ];
    for (list, what, change) in damages {
        let copy = sample.damaged(Path::new("LOCK"), 0);
        change_page(&copy, list, change);
        assert!(!Database::check_directory(&copy, &mut |_| {}).unwrap().is_sound(), "{list}, {what}");
        let damaged = std::fs::read(copy.join("index.sqlite")).unwrap();
        let report = sample.repair(&copy, &format!("{list}, {what}"));
        assert!(report.is_whole() && report.repairs.len() == 1, "{list}, {what}: {report:#?}");
        let repair = &report.repairs[0];
        assert_eq!((repair.finding.kind, repair.outcome), (FindingKind::Index, Outcome::Rebuilt));
        assert!(repair.finding.what.contains(&format!("`{list}`")), "{}", repair.finding.what);
        assert_eq!(std::fs::read(repair.quarantined.as_ref().unwrap()).unwrap(), damaged, "{list}, {what}");
        if list == "metrics_by_name" {
            assert_eq!(repair.finding.metric_id, Some(odd.id), "whose row it is");
        }
        let db = Database::open(&copy, options()).unwrap();
        let mut found = db.metric_by_name("a metric like no other").unwrap();
        found.created_at = odd.created_at;
        assert_eq!(found, odd);
        let next = db.create_metric(NewMetric::named("next").archive_policy("p")).unwrap();
        assert_eq!(next.key.get(), odd.key.get() + 51, "no key is given twice");
    }
}

#[test]
fn an_index_that_lost_rows_is_not_taken_for_mended() {
    let sample = Sample::new(true);
    let damages: [(&str, Change); 4] = [
        ("metrics", &|page| page.fill(0)),
        // A row less, that lists still have.
        ("metrics", &|page| page[4] -= 1),
        ("archive_policies", &|page| page[4] -= 1),
        ("metric_totals", &|page| *page.last_mut().unwrap() ^= 2),
    ];
    for (table, change) in damages {
        let copy = sample.damaged(Path::new("LOCK"), 0);
        change_page(&copy, table, change);
        let before = tree(&copy);
        let error = Database::repair(&copy, &mut |_| {}).unwrap_err();
        assert!(
            matches!(&error, Error::Irreparable { path, .. } if path.ends_with("index.sqlite")),
            "{table}: {error}"
        );
        assert!(tree(&copy) == before, "{table}: nothing was touched");
    }
}

/// Each call that changes something fails in turn while MANIFEST and a list of the index are both mended.
#[test]
fn mending_what_all_goes_by_can_be_cut_off_and_done_again() {
    let sample = Sample::new(true);
    for nth in 0.. {
        let copy = sample.damaged(Path::new("MANIFEST"), 30);
        change_page(&copy, "metrics_by_name", |page| page.fill(0));
        let fs = FaultFs::hasty();
        let mut seen = 0;
        fs.set(move |_, path| {
            seen += 1;
            if seen == nth + 1 { Err(broken(path)) } else { Ok(()) }
        });
        let first = Database::repair_with_fs(&copy, Arc::new(fs.clone()), &mut |_| {});
        fs.clear();
        let last = Database::repair_with_fs(&copy, Arc::new(fs), &mut |_| {});
        let last = last.unwrap_or_else(|error| panic!("call {nth}: {error}"));
        assert!(last.is_whole(), "call {nth}: {last:?}");
        let checked = Database::check_directory(&copy, &mut |_| {}).unwrap();
        assert_eq!(checked.findings, [], "call {nth}");
        if let Ok(report) = first {
            sample.compare(&copy, &report, "both mended");
            assert!(nth > 20 && report.repairs.len() == 2, "{nth} calls, {report:?}");
            break;
        }
    }
}

#[test]
fn without_manifest_or_index_there_is_nothing_to_repair_by() {
    let sample = Sample::new(true);
    for file in ["MANIFEST", "index.sqlite"] {
        let copy = sample.damaged(Path::new(file), 40);
        if file == "index.sqlite" {
            let mut bytes = std::fs::read(copy.join(file)).unwrap();
            bytes[..100].fill(0xa5);
            std::fs::write(copy.join(file), bytes).unwrap();
        } else {
            flip(&copy.join(file), 50);
        }
        let before: Vec<PathBuf> = files(&copy);
        let error = Database::repair(&copy, &mut |_| {}).unwrap_err();
        assert!(matches!(&error, Error::Irreparable { path, .. } if path.ends_with(file)), "{error}");
        assert_eq!(files(&copy).len(), before.len(), "nothing was touched");
    }
    // One changed byte explains it, but what it names is not all there.
    let copy = sample.damaged(Path::new("MANIFEST"), 40);
    std::fs::remove_file(copy.join(&sample.segments()[0])).unwrap();
    let before = tree(&copy);
    assert!(matches!(Database::repair(&copy, &mut |_| {}), Err(Error::Irreparable { .. })));
    assert!(tree(&copy) == before, "nothing was touched");
    std::fs::remove_file(copy.join("MANIFEST")).unwrap();
    assert!(matches!(Database::repair(&copy, &mut |_| {}), Err(Error::Irreparable { .. })));
    let db = Database::open(&sample.root, options()).unwrap();
    assert!(matches!(Database::repair(&sample.root, &mut |_| {}), Err(Error::Locked { .. })));
    drop(db);
}

/// Each call that changes something fails in turn; what a repair that was cut off leaves, the next one repairs.
#[test]
fn a_repair_that_is_cut_off_can_be_done_again() {
    let sample = Sample::new(true);
    let file = sample.segments().into_iter().find(|path| path.starts_with("archive/60")).unwrap();
    let entry = entries(&sample.root.join(&file)).1[1];
    for call in [Call::Create, Call::Append, Call::Sync, Call::Rename, Call::Remove, Call::SyncDir] {
        for nth in 0..60 {
            let copy = sample.damaged(&file, entry.offset);
            let fs = FaultFs::hasty();
            let mut seen = 0;
            fs.set(move |asked, path| {
                seen += u32::from(asked == call);
                if asked == call && seen == nth + 1 { Err(broken(path)) } else { Ok(()) }
            });
            let what = format!("{call:?} {nth}");
            let first = Database::repair_with_fs(&copy, Arc::new(fs.clone()), &mut |_| {});
            fs.clear();
            let again = Database::repair(&copy, &mut |_| {}).unwrap();
            let report = if again.repairs.is_empty() { first.as_ref().ok().cloned() } else { Some(again) };
            let checked = Database::check_directory(&copy, &mut |_| {}).unwrap();
            assert!(checked.is_sound(), "{what}: {:#?}", checked.findings);
            let lost = |report: &RepairReport| assert_eq!(report.repairs[0].methods, ["mean"], "{what}");
            report.iter().for_each(lost);
            if let Some(report) = report {
                sample.compare(&copy, &report, &what);
            }
            if first.is_ok() {
                break;
            }
        }
    }
}

/// Where finer points went before their time, those that are left are not all there were.
#[test]
fn nothing_is_made_again_of_an_archive_that_lacks_points() {
    let sample = Sample::new(true);
    let coarse = |entry: &Entry| entry.granularity == 60;
    let find = |file: &PathBuf| entries(&sample.root.join(file)).1.into_iter().find(coarse).map(|e| (file.clone(), e));
    let (file, entry) = sample.segments().iter().find_map(find).unwrap();
    for (until, outcome) in [(entry.first, Outcome::PartlyRebuilt), (entry.first + 1, Outcome::Lost)] {
        let copy = sample.damaged(&file, entry.place(entry.length as usize / 2));
        let mut manifest = Manifest::read(&RealFs, &copy).unwrap().unwrap();
        manifest.expired_early.insert(10, until);
        manifest.write(&RealFs, &copy).unwrap();
        let report = Database::repair(&copy, &mut |_| {}).unwrap();
        let [repair] = &report.repairs[..] else { panic!("{:#?}", report.repairs) };
        assert_eq!(repair.outcome, outcome, "until {until}");
        assert_eq!(Manifest::read(&RealFs, &copy).unwrap().unwrap().expired_early, manifest.expired_early);
    }
}
