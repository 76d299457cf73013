//! What recovery makes of files that are missing, foreign, torn or still being written.

use super::disk::SimDisk;
use super::format::{encode_header, encode_record, parse_file_name, path_of, salt};
use super::*;

/// A file as a journal would write it: its first sequence number, and for each record the durable number and body.
pub(super) fn file(number: u64, first_sequence: u64, records: &[(u64, &[u8])]) -> Vec<u8> {
    let mut bytes = encode_header(number, first_sequence).to_vec();
    for (sequence, (durable, body)) in (first_sequence..).zip(records) {
        bytes.extend_from_slice(&encode_record(salt(number), sequence, *durable, 9, body));
        bytes.extend_from_slice(body);
    }
    bytes
}

/// A directory with these files, by number.
pub(super) fn with_files(files: &[(u64, &[u8])]) -> SimDisk {
    let disk = SimDisk::default();
    for (number, bytes) in files {
        disk.install(&path_of(&dir(), *number), bytes);
    }
    disk
}

fn torn(disk: &SimDisk, records: usize) -> TornTail {
    let (found, outcome) = read(disk, &dir());
    assert_eq!(found.len(), records);
    outcome.unwrap().torn.expect("a torn tail")
}

#[test]
fn names_are_those_that_are_written() {
    for number in [0, 1, 99_999_999, 100_000_000, u64::MAX] {
        assert_eq!(parse_file_name(&file_name(number)), Some(number));
    }
    for name in
        ["", ".jnl", "1.jnl", "000000001.jnl", "+0000001.jnl", "00000001.seg", "00000001.jnl.tmp", "0000000x.jnl"]
    {
        assert_eq!(parse_file_name(name), None, "{name}");
    }
}

#[test]
fn files_that_are_not_asked_for_or_not_ours_are_left_alone() {
    let disk = with_files(&[(3, b"old"), (7, &file(7, 10, &[(9, b"x")])), (100_000_000, &file(100_000_000, 11, &[]))]);
    disk.install(&dir().join("notes.txt"), b"not a journal");
    let mut records = 0;
    let outcome = recover(&disk, &dir(), 7, 10, &mut |_, _, _| {
        records += 1;
        Ok(())
    });
    let found = outcome.unwrap();
    assert_eq!((found.last_sequence, found.last_file, found.records, found.torn), (10, Some(100_000_000), 1, None));
    remove_before(&disk, &dir(), 7).unwrap();
    let left: Vec<_> = disk.list(&dir()).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(left, ["00000007.jnl", "100000000.jnl", "notes.txt"]);
}

#[test]
fn no_file_at_all_is_told_from_an_empty_one() {
    let none = read(&SimDisk::default(), &dir()).1.unwrap();
    assert_eq!(
        (none.last_sequence, none.first_file, none.last_file, none.records, none.torn),
        (0, None, None, 0, None)
    );
    let empty = read(&with_files(&[(1, &file(1, 1, &[]))]), &dir()).1.unwrap();
    assert_eq!((empty.last_sequence, empty.last_file, empty.records, empty.torn), (0, Some(1), 0, None));
}

#[test]
fn a_missing_file_in_the_middle_is_corruption() {
    let disk = with_files(&[(1, &file(1, 1, &[(0, b"a")])), (3, &file(3, 3, &[(2, b"c")]))]);
    let (records, outcome) = read(&disk, &dir());
    assert_eq!(records.len(), 1);
    let found = corruption(outcome);
    assert_eq!((found.file, found.offset), (path_of(&dir(), 3), 20));
    assert!(found.what.contains("record 3 where 2 belongs"), "{}", found.what);
}

#[test]
fn a_file_that_begins_before_the_end_of_the_one_before_is_corruption() {
    let disk = with_files(&[(1, &file(1, 1, &[(0, b"a"), (0, b"b")])), (2, &file(2, 2, &[(1, b"c")]))]);
    corruption(read(&disk, &dir()).1);
}

#[test]
fn a_missing_first_file_is_corruption() {
    corruption(read(&with_files(&[(2, &file(2, 4, &[]))]), &dir()).1);
}

#[test]
fn an_empty_or_torn_last_file_is_a_torn_tail() {
    let first = file(1, 1, &[(0, b"a")]);
    let header = encode_header(2, 2);
    for length in 0..header.len() {
        let tail = torn(&with_files(&[(1, &first), (2, &header[..length])]), 1);
        assert_eq!((tail.file, tail.offset), (path_of(&dir(), 2), 0));
    }
    for garbled in [vec![0; 4096], vec![0xAB; 5000]] {
        let tail = torn(&with_files(&[(1, &first), (2, &garbled)]), 1);
        assert_eq!(tail.bytes, garbled.iter().filter(|&&byte| byte != 0).count() as u64);
    }
}

#[test]
fn a_damaged_header_before_records_is_corruption() {
    let mut second = file(2, 2, &[(1, b"b")]);
    second[21] ^= 1;
    let found = corruption(read(&with_files(&[(1, &file(1, 1, &[(0, b"a")])), (2, &second)]), &dir()).1);
    assert_eq!((found.file, found.offset), (path_of(&dir(), 2), 0));
}

#[test]
fn a_header_of_another_file_or_version_is_not_taken() {
    corruption(read(&with_files(&[(1, &file(2, 1, &[]))]), &dir()).1);
    for version in [0_u32, 2] {
        let mut bytes = file(1, 1, &[]);
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        match read(&with_files(&[(1, &bytes)]), &dir()).1.unwrap_err() {
            Error::UnsupportedFormat { found: 2, supported: 1, .. } => assert_eq!(version, 2),
            Error::Corrupt(_) => assert_eq!(version, 0),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_record_out_of_sequence_is_corruption() {
    let mut bytes = file(1, 1, &[(0, b"a")]);
    let offset = bytes.len() as u64;
    bytes.extend_from_slice(&encode_record(salt(1), 3, 0, 9, b""));
    let found = corruption(read(&with_files(&[(1, &bytes)]), &dir()).1);
    assert_eq!(found.offset, offset);
    let impossible = file(1, 1, &[(1, b"durable before it was written")]);
    corruption(read(&with_files(&[(1, &impossible)]), &dir()).1);
}

#[test]
fn a_record_of_another_file_is_none_of_this_one() {
    let stale = file(1, 1, &[(0, b"stale"), (1, b"stale")]);
    let mut bytes = file(2, 1, &[]);
    bytes.extend_from_slice(&stale[bytes.len()..]);
    let disk = with_files(&[(2, &bytes)]);
    assert_eq!(torn(&disk, 0).offset, 32);
}

#[test]
fn what_an_earlier_recovery_cut_off_stays_cut_off() {
    let mut first = file(1, 1, &[(0, b"a"), (0, b"torn")]);
    let end = first.len();
    first[end - 1] ^= 1;
    let disk = with_files(&[(1, &first), (2, &file(2, 2, &[(1, b"b"), (2, b"c")]))]);
    let (records, outcome) = read(&disk, &dir());
    assert_eq!(records, [(1, 9, b"a".to_vec()), (2, 9, b"b".to_vec()), (3, 9, b"c".to_vec())]);
    assert_eq!(outcome.unwrap().torn, None);
}

#[test]
fn damage_in_a_file_that_was_finished_is_corruption() {
    let mut first = file(1, 1, &[(0, b"a"), (0, b"b")]);
    let end = first.len();
    first[end - 1] ^= 1;
    for (number, second) in [(2, file(2, 3, &[])), (9, file(9, 3, &[(2, b"c")]))] {
        let found = corruption(read(&with_files(&[(1, &first), (number, &second)]), &dir()).1);
        assert_eq!((found.file, found.offset), (path_of(&dir(), 1), end as u64 - 26));
    }
}

#[test]
fn two_torn_ends_are_reported_as_the_first() {
    let mut first = file(1, 1, &[(0, b"a"), (0, b"b")]);
    first.pop();
    let tail = torn(&with_files(&[(1, &first), (2, b"GNT")]), 1);
    assert_eq!(tail.file, path_of(&dir(), 1));
}

#[test]
fn records_may_be_longer_than_what_is_read_at_once() {
    let bodies: Vec<Vec<u8>> = [10, 3 << 20, 0, (1 << 20) - 57, 1 << 20, 5].iter().map(|&len| vec![7; len]).collect();
    let records: Vec<(u64, &[u8])> = bodies.iter().map(|body| (0, body.as_slice())).collect();
    let (found, outcome) = read(&with_files(&[(1, &file(1, 1, &records))]), &dir());
    assert_eq!(outcome.unwrap().torn, None);
    assert!(found.iter().map(|(_, _, body)| body).eq(&bodies));
}

#[test]
fn a_length_beyond_the_limit_or_the_file_takes_no_memory() {
    for length in [0_u32, 2, (256 << 20) + 2, u32::MAX] {
        let mut bytes = file(1, 1, &[(0, b"")]);
        bytes[36..40].copy_from_slice(&length.to_le_bytes());
        assert_eq!(torn(&with_files(&[(1, &bytes)]), 0).offset, 32);
    }
}

#[test]
fn a_file_that_its_writer_cuts_short_is_read_to_its_new_end() {
    let bytes = file(1, 1, &[(0, b"a"), (0, b"b")]);
    let mut reserved = bytes.clone();
    reserved.resize(8 << 20, 0);
    let disk = with_files(&[(1, &reserved)]);
    let mut seen = 0;
    let outcome = recover(&disk, &dir(), 1, 1, &mut |_, _, _| {
        seen += 1;
        disk.shorten(&path_of(&dir(), 1), bytes.len());
        Ok(())
    });
    assert_eq!((outcome.unwrap().torn, seen), (None, 2));
}

#[test]
fn a_record_completed_while_its_file_is_read_is_no_corruption() {
    let whole = file(1, 1, &[(0, b"a"), (0, b"b"), (2, b"c")]);
    for damaged in [5, 32 + 26, 32 + 2 * 26 - 1] {
        let mut half = whole.clone();
        half[damaged] ^= 0xFF;
        let disk = with_files(&[(1, &half)]);
        disk.after_reads(&path_of(&dir(), 1), 1, &whole);
        assert_eq!(read(&disk, &dir()).1.unwrap().records, 3);
        corruption(read(&with_files(&[(1, &half)]), &dir()).1);
    }
}

#[test]
fn an_error_of_the_caller_ends_recovery() {
    let disk = with_files(&[(1, &file(1, 1, &[(0, b"a"), (0, b"b")]))]);
    let outcome = recover(&disk, &dir(), 1, 1, &mut |_, _, _| Err(Error::Closed));
    assert!(matches!(outcome, Err(Error::Closed)));
}
