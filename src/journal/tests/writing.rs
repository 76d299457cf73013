//! What append, commit, tick and rotate promise while the disk behaves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::disk::SimDisk;
use super::format::{HEADER_LEN, OVERHEAD, path_of};
use super::*;
use crate::fs::{CountingFs, RealFs};

const SECOND: Duration = Duration::from_secs(1);

/// The file without the zeros reserved behind it; the tests' bodies do not end in zeros.
fn written(disk: &SimDisk, number: u64) -> Vec<u8> {
    let mut bytes = disk.bytes(&path_of(&dir(), number));
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(end);
    bytes
}

#[test]
fn what_was_appended_comes_back_over_many_files() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Kernel(SECOND));
    let mut records: Vec<Record> = Vec::new();
    let mut total = 0;
    for file in 1..=4_u64 {
        for kind in 0..5 {
            let body = vec![kind; (file * 7) as usize + kind as usize * 20_000];
            let sequence = journal.append(kind, &body).unwrap();
            records.push((sequence, kind, body));
        }
        assert_eq!((journal.file_number(), journal.last_sequence()), (file, file * 5));
        let length: usize = records[records.len() - 5..].iter().map(|(_, _, body)| body.len() + OVERHEAD).sum();
        assert_eq!(journal.bytes(), (HEADER_LEN + length) as u64);
        total += journal.bytes();
        assert_eq!(journal.total_bytes(), total);
        if file < 4 {
            assert_eq!(journal.rotate(file + 1).unwrap(), file * 5);
            assert_eq!(journal.durable_sequence(), file * 5, "a file is durable before the next one is begun");
            let length = disk.bytes(&path_of(&dir(), file)).len() as u64;
            assert_eq!(length, total - (total - length), "no reserved room stays behind");
        }
    }
    let (found, outcome) = read(&disk, &dir());
    assert_eq!(found, records);
    let recovered = outcome.unwrap();
    assert_eq!((recovered.last_file, recovered.torn), (Some(4), None));
}

#[test]
fn a_finished_file_is_as_long_as_its_records() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Sync);
    journal.append(1, &[0; 10]).unwrap();
    let length = journal.bytes();
    assert!(disk.bytes(&path_of(&dir(), 1)).len() as u64 > length, "room is reserved while it is written");
    journal.rotate(2).unwrap();
    assert_eq!(disk.bytes(&path_of(&dir(), 1)).len() as u64, length);
}

#[test]
fn empty_bodies_and_empty_files_are_fine() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Sync);
    journal.rotate(5).unwrap();
    journal.append(0, b"").unwrap();
    journal.rotate(6).unwrap();
    journal.flush().unwrap();
    let (records, outcome) = read(&disk, &dir());
    assert_eq!(records, [(1, 0, vec![])]);
    let found = outcome.unwrap();
    assert_eq!((found.last_sequence, found.last_file, found.records, found.torn), (1, Some(6), 1, None));
}

#[test]
fn a_record_is_with_the_kernel_when_append_returns_unless_buffered() {
    for durability in [Durability::Sync, Durability::Kernel(SECOND)] {
        let disk = SimDisk::default();
        let journal = journal(&disk, durability);
        journal.append(3, b"small").unwrap();
        assert_eq!(written(&disk, 1).len() as u64, journal.bytes());
        journal.append(3, &vec![1; 100_000]).unwrap();
        assert_eq!(written(&disk, 1).len() as u64, journal.bytes());
        assert_eq!(journal.durable_sequence(), 0);
    }
}

#[test]
fn buffered_records_stay_in_the_process_until_many_or_flushed() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Buffered(SECOND));
    journal.append(3, b"small").unwrap();
    assert_eq!(written(&disk, 1).len(), HEADER_LEN);
    journal.flush().unwrap();
    assert_eq!(written(&disk, 1).len() as u64, journal.bytes());
    let before = written(&disk, 1).len();
    for _ in 0..60 {
        journal.append(3, &vec![1; 20_000]).unwrap();
    }
    let (kernel, all) = (written(&disk, 1).len(), journal.bytes() as usize);
    assert!(kernel > before && kernel < all && all - kernel <= 1 << 20, "{before} {kernel} {all}");
    journal.append(3, &vec![1; 50_000]).unwrap();
    assert_eq!(written(&disk, 1).len() as u64, journal.bytes(), "a large one takes those before it along");
}

#[test]
fn dropping_writes_nothing() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Buffered(SECOND));
    journal.append(3, b"small").unwrap();
    drop(journal);
    assert_eq!(written(&disk, 1).len(), HEADER_LEN);
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_anything_is_written() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Sync);
    let body = vec![0; MAX_BODY + 1];
    let refused = journal.append(1, &body).unwrap_err();
    assert!(
        matches!(refused, Error::PushTooLarge { bytes, limit } if (bytes, limit) == (body.len() as u64, 256 << 20))
    );
    assert_eq!(written(&disk, 1).len(), HEADER_LEN);
    assert_eq!(journal.append(1, b"next").unwrap(), 1);
}

#[test]
fn commit_syncs_once_for_everything_before() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Sync);
    let before = disk.syncs();
    let first = journal.append(1, b"a").unwrap();
    let second = journal.append(1, b"b").unwrap();
    journal.commit(first).unwrap();
    assert_eq!((journal.durable_sequence(), disk.syncs() - before), (second, 1));
    journal.commit(second).unwrap();
    journal.flush().unwrap();
    journal.commit(u64::MAX).unwrap();
    assert_eq!(disk.syncs() - before, 1, "what is durable is not synced again");
}

#[test]
fn appends_go_on_while_a_sync_runs_and_are_not_counted_in() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Sync);
    journal.append(1, b"a").unwrap();
    let begun = disk.syncs();
    let gate = disk.hold_syncs();
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| journal.commit(1));
        while disk.syncs() == begun {
            std::thread::yield_now();
        }
        assert_eq!(journal.append(1, b"b").unwrap(), 2);
        assert_eq!(journal.durable_sequence(), 0);
        drop(gate);
        commit.join().unwrap().unwrap();
    });
    assert_eq!(journal.durable_sequence(), 1);
}

#[test]
fn those_who_wait_together_share_a_sync() {
    const THREADS: u64 = 8;
    const COMMITS: u64 = 50;
    let folder = tempfile::tempdir().unwrap();
    let fs = Arc::new(CountingFs::new(Arc::new(RealFs), Duration::from_millis(1)));
    let counted: Arc<dyn Fs> = Arc::clone(&fs) as _;
    let journal = Journal::create(counted, folder.path().to_path_buf(), 1, 1, Durability::Sync).unwrap();
    let before = fs.syncs();
    std::thread::scope(|scope| {
        for thread in 0..THREADS as u8 {
            let journal = &journal;
            scope.spawn(move || {
                for _ in 0..COMMITS {
                    let sequence = journal.append(thread, b"body").unwrap();
                    journal.commit(sequence).unwrap();
                    assert!(journal.durable_sequence() >= sequence);
                }
            });
        }
    });
    let (commits, syncs) = (THREADS * COMMITS, fs.syncs() - before);
    assert!(syncs >= COMMITS && syncs * 2 < commits, "{syncs} syncs for {commits} commits");
    assert_eq!(read(&RealFs, folder.path()).0.len() as u64, commits);
}

#[test]
fn commits_and_appends_race_with_rotation() {
    let disk = SimDisk::default();
    let journal = journal(&disk, Durability::Buffered(SECOND));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (journal, done) = (&journal, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let sequence = journal.append(thread, &[thread + 1; 40]).unwrap();
                    journal.commit(sequence).unwrap();
                    assert!(journal.durable_sequence() >= sequence);
                }
            });
        }
        for file in 2..40 {
            journal.rotate(file).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let after = disk.crash(&mut disk::Dice(1));
    let (records, outcome) = read(&after, &dir());
    assert_eq!(records.len() as u64, journal.last_sequence());
    assert_eq!(outcome.unwrap().last_file, Some(39));
}

#[test]
fn ticks_sync_once_per_interval_and_only_when_there_is_something() {
    for durability in [Durability::Kernel(SECOND), Durability::Buffered(SECOND)] {
        let disk = SimDisk::default();
        let journal = journal(&disk, durability);
        let (start, created) = (Instant::now(), disk.syncs());
        let first = journal.tick(start).unwrap().unwrap();
        assert_eq!((first - start, disk.syncs()), (SECOND, created), "nothing to sync yet");
        journal.append(1, b"a").unwrap();
        assert_eq!(journal.tick(start + SECOND / 2).unwrap(), Some(first), "not due");
        assert_eq!(journal.durable_sequence(), 0);
        let second = journal.tick(first).unwrap().unwrap();
        assert_eq!((second - first, journal.durable_sequence()), (SECOND, 1));
        assert_eq!(journal.tick(second + SECOND * 9).unwrap(), Some(second + SECOND * 10));
        assert_eq!(disk.syncs(), created + 1);
    }
}

#[test]
fn ticks_mean_nothing_where_every_push_waits_and_odd_intervals_do_no_harm() {
    let now = Instant::now();
    assert_eq!(journal(&SimDisk::default(), Durability::Sync).tick(now).unwrap(), None);
    let never = journal(&SimDisk::default(), Durability::Kernel(Duration::MAX)).tick(now).unwrap().unwrap();
    assert!(never > now + Duration::from_secs(86_400));
    assert!(journal(&SimDisk::default(), Durability::Kernel(Duration::ZERO)).tick(now).unwrap().unwrap() > now);
}

#[test]
fn a_journal_goes_on_where_recovery_ended() {
    let disk = SimDisk::default();
    journal(&disk, Durability::Sync).append(1, b"old").unwrap();
    let journal = Journal::create(Arc::new(disk.clone()), dir(), 2, 2, Durability::Sync).unwrap();
    assert_eq!((journal.last_sequence(), journal.durable_sequence()), (1, 1));
    assert_eq!(journal.append(1, b"new").unwrap(), 2);
    assert_eq!(read(&disk, &dir()).0, [(1, 1, b"old".to_vec()), (2, 1, b"new".to_vec())]);
    let taken = Journal::create(Arc::new(disk), dir(), 2, 3, Durability::Sync);
    assert!(matches!(taken, Err(Error::Io { .. })), "no file is written over");
}

#[test]
fn sequence_numbers_begin_at_one() {
    let journal = Journal::create(Arc::new(SimDisk::default()), dir(), 1, 0, Durability::Sync).unwrap();
    assert_eq!(journal.last_sequence(), 0);
    assert_eq!(journal.append(1, b"").unwrap(), 1);
}
