//! The disk refuses: what is lost, what goes on, what is given up.

use std::time::Duration;

use libc::{EIO, ENOSPC};

use super::disk::{Call, Dice, SimDisk};
use super::format::path_of;
use super::*;

const KERNEL: Durability = Durability::Kernel(Duration::from_secs(1));
const BUFFERED: Durability = Durability::Buffered(Duration::from_secs(1));

fn is_failed<T: std::fmt::Debug>(result: Result<T>) -> bool {
    match result {
        Err(Error::Failed { reason }) => !reason.is_empty(),
        _ => false,
    }
}

/// A failed journal refuses everything that would have to be kept.
fn assert_given_up(journal: &Journal) {
    assert!(journal.failure().is_some());
    assert!(is_failed(journal.append(1, b"x")));
    assert!(is_failed(journal.rotate(99)));
}

#[test]
fn a_short_append_leaves_no_trace() {
    for (body, after) in [(vec![5; 30], 0), (vec![5; 100_000], 0), (vec![5; 100_000], 1)] {
        for torn in [0, 1, 24, 25, 29] {
            let disk = SimDisk::default();
            let journal = journal(&disk, KERNEL);
            journal.append(1, b"first").unwrap();
            let bytes = journal.bytes();
            disk.fail(Call::Append, after, ENOSPC, torn);
            assert!(matches!(journal.append(2, &body), Err(Error::DiskFull { .. })));
            assert_eq!((journal.last_sequence(), journal.bytes(), journal.failure()), (1, bytes, None));
            assert_eq!(disk.bytes(&path_of(&dir(), 1)).len() as u64, bytes, "cut back at once");
            assert_eq!(journal.append(3, b"second").unwrap(), 2);
            journal.flush().unwrap();
            let (records, outcome) = read(&disk.crash(&mut Dice(7)), &dir());
            assert_eq!(records, [(1, 1, b"first".to_vec()), (2, 3, b"second".to_vec())]);
            assert_eq!(outcome.unwrap().torn, None);
        }
    }
}

#[test]
fn buffered_records_outlast_a_full_disk() {
    let disk = SimDisk::default();
    let journal = journal(&disk, BUFFERED);
    let mut accepted = 0_u64;
    disk.fail(Call::Append, 0, ENOSPC, 77);
    let refused = loop {
        match journal.append(1, &vec![3; 20_000]) {
            Ok(sequence) => accepted = sequence,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::DiskFull { .. }));
    assert!(accepted > 40, "the buffer was full");
    assert_eq!((journal.last_sequence(), journal.failure()), (accepted, None));
    disk.fail(Call::Append, 0, ENOSPC, 5);
    assert!(matches!(journal.commit(accepted), Err(Error::DiskFull { .. })));
    journal.commit(accepted).unwrap();
    let (records, outcome) = read(&disk.crash(&mut Dice(7)), &dir());
    assert_eq!((records.len() as u64, outcome.unwrap().torn), (accepted, None));
}

#[test]
fn a_large_record_is_refused_when_those_buffered_before_it_are() {
    let disk = SimDisk::default();
    let journal = journal(&disk, BUFFERED);
    journal.append(1, b"small").unwrap();
    disk.fail(Call::Append, 0, ENOSPC, 3);
    assert!(journal.append(2, &vec![4; 50_000]).is_err());
    journal.flush().unwrap();
    assert_eq!(read(&disk, &dir()).0, [(1, 1, b"small".to_vec())]);
}

#[test]
fn when_the_torn_record_cannot_be_cut_off_the_journal_is_given_up() {
    let disk = SimDisk::default();
    let journal = journal(&disk, KERNEL);
    journal.append(1, b"first").unwrap();
    disk.fail(Call::Append, 0, ENOSPC, 20);
    disk.fail(Call::Truncate, 0, EIO, 0);
    assert!(is_failed(journal.append(2, b"second")));
    let reason = journal.failure().unwrap();
    assert!(reason.contains("append") && reason.contains("truncate"), "{reason}");
    assert_given_up(&journal);
    assert!(is_failed(journal.commit(1)));
    let (records, outcome) = read(&disk, &dir());
    assert_eq!(records, [(1, 1, b"first".to_vec())]);
    // 20 bytes are there; those of the durable number, and most of the sequence number, are zeros.
    assert_eq!(outcome.unwrap().torn.unwrap().bytes, 9);
}

#[test]
fn after_a_failed_sync_nothing_is_accepted_and_nothing_promised() {
    let disk = SimDisk::default();
    let journal = journal(&disk, KERNEL);
    journal.append(1, b"kept").unwrap();
    journal.flush().unwrap();
    journal.append(1, b"unknown").unwrap();
    disk.fail(Call::Sync, 0, EIO, 0);
    assert!(is_failed(journal.commit(2)));
    assert!(is_failed(journal.commit(2)), "the next sync would succeed, and prove nothing");
    assert!(is_failed(journal.flush()));
    assert!(is_failed(journal.tick(std::time::Instant::now())));
    journal.commit(1).unwrap(); // was durable before
    assert_eq!(journal.durable_sequence(), 1);
    assert_given_up(&journal);
}

#[test]
fn everyone_who_waits_for_a_sync_learns_that_it_failed() {
    let disk = SimDisk::default();
    let journal = journal(&disk, KERNEL);
    for _ in 0..8 {
        journal.append(1, b"x").unwrap();
    }
    disk.fail(Call::Sync, 0, EIO, 0);
    let gate = disk.hold_syncs();
    std::thread::scope(|scope| {
        let commits: Vec<_> = (1..=8).map(|sequence| (scope.spawn(|| journal.commit(8)), sequence)).collect();
        std::thread::sleep(Duration::from_millis(20));
        drop(gate);
        for (commit, _) in commits {
            assert!(is_failed(commit.join().unwrap()));
        }
    });
    assert_eq!(disk.syncs(), 2, "that of the header, and the one that failed");
}

#[test]
fn a_full_disk_at_a_sync_is_a_failed_sync() {
    let disk = SimDisk::default();
    let journal = journal(&disk, KERNEL);
    journal.append(1, b"x").unwrap();
    disk.fail(Call::Sync, 0, ENOSPC, 0);
    assert!(is_failed(journal.flush()), "not DiskFull, which says that nothing was lost");
    assert_given_up(&journal);
}

#[test]
fn rotation_that_cannot_begin_a_file_goes_on_in_the_old_one() {
    for (call, written) in [(Call::Create, 0), (Call::Append, 0), (Call::Append, 31)] {
        let disk = SimDisk::default();
        let journal = journal(&disk, KERNEL);
        journal.append(1, b"a").unwrap();
        disk.fail(call, 0, ENOSPC, written);
        assert!(matches!(journal.rotate(2), Err(Error::DiskFull { .. })));
        assert_eq!((journal.file_number(), journal.failure()), (1, None));
        journal.append(1, b"b").unwrap();
        journal.flush().unwrap();
        for seed in 0..20 {
            assert_eq!(read(&disk.crash(&mut Dice(seed)), &dir()).1.unwrap().records, 2);
        }
        assert_eq!(journal.rotate(2).unwrap(), 2);
        journal.append(1, b"c").unwrap();
        assert_eq!(read(&disk, &dir()).0.len(), 3);
    }
}

#[test]
fn rotation_that_leaves_a_doubtful_file_gives_the_journal_up() {
    let faults: [&[(Call, usize)]; 5] = [
        &[(Call::Append, 0), (Call::Remove, 0)],
        &[(Call::Append, 0), (Call::SyncDir, 0)],
        &[(Call::SyncDir, 0)],
        &[(Call::Sync, 0)],
        &[(Call::Sync, 1)],
    ];
    for faults in faults {
        let disk = SimDisk::default();
        let journal = journal(&disk, KERNEL);
        journal.append(1, b"a").unwrap();
        for &(call, after) in faults {
            disk.fail(call, after, EIO, 10);
        }
        assert!(is_failed(journal.rotate(2)), "{faults:?}");
        assert_given_up(&journal);
    }
}

#[test]
fn rotation_that_cannot_cut_the_reserved_room_off_changes_nothing() {
    let disk = SimDisk::default();
    let journal = journal(&disk, KERNEL);
    journal.append(1, b"a").unwrap();
    disk.fail(Call::Truncate, 0, EIO, 0);
    assert!(matches!(journal.rotate(2), Err(Error::Io { .. })));
    assert_eq!((journal.file_number(), disk.exists(&path_of(&dir(), 2))), (1, false));
    assert_eq!(journal.append(1, b"b").unwrap(), 2);
    journal.rotate(2).unwrap();
    assert_eq!(read(&disk, &dir()).0.len(), 2);
}

#[test]
fn creation_reports_what_the_disk_says() {
    for (call, code) in [(Call::Create, EIO), (Call::Append, ENOSPC), (Call::Sync, EIO), (Call::SyncDir, EIO)] {
        let disk = SimDisk::default();
        disk.fail(call, 0, code, 0);
        let created = Journal::create(Arc::new(disk), dir(), 1, 1, KERNEL);
        assert_eq!(matches!(created, Err(Error::DiskFull { .. })), code == ENOSPC);
        assert!(created.is_err());
    }
}
