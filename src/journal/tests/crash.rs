//! Power cuts: whatever the disk forgets of what was not synced, nothing that was acknowledged is missing, and what
//! comes back is a prefix of what was appended. Several lives in a row, without anything removed in between.

use std::time::Duration;

use proptest::prelude::*;

use super::disk::{Call, Dice, SimDisk};
use super::*;

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Commit,
    Rotate,
    /// The next call of this kind fails, an append after so many bytes.
    Fault(Call, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let call = prop_oneof![
        4 => Just(Call::Append), 1 => Just(Call::Truncate), 1 => Just(Call::Sync), 1 => Just(Call::SyncDir),
        1 => Just(Call::Create), 1 => Just(Call::Remove),
    ];
    let step = prop_oneof![
        12 => (0_usize..90).prop_map(Step::Append),
        2 => (33_000_usize..40_000).prop_map(Step::Append),
        4 => Just(Step::Commit),
        2 => Just(Step::Rotate),
        1 => (call, 0_usize..200).prop_map(|(call, written)| Step::Fault(call, written)),
    ];
    proptest::collection::vec(step, 0..25)
}

/// What was appended, and how much of it was acknowledged as durable.
#[derive(Default)]
struct Model {
    records: Vec<Vec<u8>>,
    durable: usize,
    next_file: u64,
}

impl Model {
    /// One life of a journal: from creation to the crash.
    fn live(&mut self, disk: &SimDisk, durability: Durability, steps: &[Step], dice: &mut Dice) {
        self.next_file += 1;
        let first = self.records.len() as u64 + 1;
        let fs = Arc::new(disk.clone());
        let journal = Journal::create(fs, dir(), self.next_file, first, durability).unwrap();
        for step in steps {
            match step {
                Step::Append(length) => {
                    let body: Vec<u8> = (0..*length).map(|_| dice.below(256) as u8).collect();
                    if let Ok(sequence) = journal.append(9, &body) {
                        self.records.push(body);
                        assert_eq!(sequence, self.records.len() as u64);
                    }
                }
                Step::Commit => {
                    if journal.flush().is_ok() {
                        self.durable = self.records.len();
                    }
                }
                Step::Rotate => {
                    self.next_file += 1; // numbers are never used twice, not even after a failure
                    if journal.rotate(self.next_file).is_ok() {
                        self.durable = self.records.len();
                    }
                }
                Step::Fault(call, written) => disk.fail(*call, 0, libc::EIO, *written),
            }
        }
        assert!(journal.durable_sequence() as usize >= self.durable);
    }

    fn check(&mut self, disk: &SimDisk) {
        let (found, outcome) = read(disk, &dir());
        let recovered = outcome.unwrap();
        assert!(found.len() >= self.durable, "{} of {} durable records", found.len(), self.durable);
        assert!(found.iter().map(|(_, _, body)| body).eq(&self.records[..found.len()]), "another record than written");
        self.records.truncate(found.len());
        // What is there now goes on being there: a real recovery writes it elsewhere before it acknowledges anything.
        self.durable = found.len();
        assert!(recovered.last_file.is_none_or(|last| last <= self.next_file));
    }
}

fn durabilities() -> impl Strategy<Value = Durability> {
    let second = Duration::from_secs(1);
    prop_oneof![Just(Durability::Sync), Just(Durability::Kernel(second)), Just(Durability::Buffered(second))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_records_survive_every_crash(
        lives in proptest::collection::vec((durabilities(), steps()), 1..4), seed in any::<u64>()
    ) {
        let mut dice = Dice(seed);
        let mut model = Model::default();
        let mut disk = SimDisk::default();
        for (durability, steps) in lives {
            model.live(&disk, durability, &steps, &mut dice);
            disk = disk.crash(&mut dice);
            model.check(&disk);
        }
    }
}
