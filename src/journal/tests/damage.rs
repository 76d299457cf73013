//! Every byte cut off, every byte changed: what comes back is a prefix of what was written, or an error.

use proptest::prelude::*;

use super::format::path_of;
use super::recovery::{file, with_files};
use super::*;

/// Bodies, and before which of them everything is made durable.
fn histories() -> impl Strategy<Value = Vec<(bool, Vec<u8>)>> {
    // Some bodies are records themselves, of another file: bytes that look right in the wrong place.
    let nested = Just(file(2, 1, &[(0, b"nested"), (1, b"records")])[32..].to_vec());
    let body = prop_oneof![4 => proptest::collection::vec(any::<u8>(), 0..40), 1 => nested];
    proptest::collection::vec((any::<bool>(), body), 1..8)
}

/// The file, where each record ends in it, and the durable number each carries.
fn written(history: &[(bool, Vec<u8>)]) -> (Vec<u8>, Vec<usize>, Vec<u64>) {
    let (mut durable, mut ends, mut end, mut records) = (0, Vec::new(), 32, Vec::new());
    for (index, (synced, body)) in history.iter().enumerate() {
        durable = if *synced { index as u64 } else { durable };
        records.push((durable, body.as_slice()));
        end += 25 + body.len();
        ends.push(end);
    }
    let numbers = records.iter().map(|record| record.0).collect();
    (file(1, 1, &records), ends, numbers)
}

fn is_prefix(found: &[Record], history: &[(bool, Vec<u8>)]) -> bool {
    found.len() <= history.len()
        && found
            .iter()
            .enumerate()
            .all(|(index, (sequence, kind, body))| (*sequence, *kind, body) == (index as u64 + 1, 9, &history[index].1))
}

proptest! {
    #[test]
    fn cut_anywhere_the_whole_records_before_come_back(history in histories()) {
        let (bytes, ends, _) = written(&history);
        for cut in 0..=bytes.len() {
            let (found, outcome) = read(&with_files(&[(1, &bytes[..cut])]), &dir());
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            prop_assert!(is_prefix(&found, &history) && found.len() == whole);
            let clean = cut == 32 || ends.contains(&cut);
            let rest = &bytes[if cut < 32 { 0 } else { ends[..whole].last().copied().unwrap_or(32) }..cut];
            // Zeros look like room that was reserved and not written to.
            let shown = cut < 32 || rest.iter().any(|&byte| byte != 0);
            prop_assert_eq!(outcome.unwrap().torn.is_some(), !clean && shown, "cut at {}", cut);
        }
    }

    #[test]
    fn any_changed_byte_is_a_torn_tail_or_corruption_as_the_later_records_show(
        history in histories(), mask in 1_u8.., zeros in 0_usize..40
    ) {
        let (mut bytes, ends, durable) = written(&history);
        let records = bytes.len();
        bytes.resize(records + zeros, 0);
        for at in 0..records {
            bytes[at] ^= mask;
            let (found, outcome) = read(&with_files(&[(1, &bytes)]), &dir());
            bytes[at] ^= mask;
            let hit = ends.iter().filter(|&&end| end <= at).count();
            let (offset, proven) = if at < 32 {
                (0, true)
            } else {
                let start = if hit == 0 { 32 } else { ends[hit - 1] };
                (start, durable[hit + 1..].iter().any(|&durable| durable > hit as u64))
            };
            prop_assert!(is_prefix(&found, &history) && found.len() == hit, "byte {}", at);
            match outcome {
                Err(Error::Corrupt(damage)) => prop_assert!(proven && damage.offset == offset as u64, "byte {}", at),
                Ok(recovered) => {
                    let torn = recovered.torn.unwrap();
                    prop_assert!(!proven, "byte {}", at);
                    prop_assert_eq!(torn.offset, offset as u64);
                }
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_read_without_harm(
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        header in any::<bool>(), small in any::<bool>()
    ) {
        let mut bytes = if header { file(1, 1, &[]) } else { Vec::new() };
        bytes.extend(noise.iter().map(|byte| if small { byte % 3 } else { *byte }));
        let (found, outcome) = read(&with_files(&[(1, &bytes)]), &dir());
        prop_assert!(found.is_empty());
        prop_assert!(outcome.is_ok());
    }
}

#[test]
fn proof_is_found_wherever_it_lies() {
    // Around the edge of the first window in which the tail is searched: the proof's head begins at 57 + gap, the window
    // ends at 32 + window.
    let window = 256 << 10;
    for gap in (window - 52..window - 20).chain([0, 5 * window + 11]) {
        let filler = vec![0x11; gap];
        let mut bytes = file(1, 1, &[(0, &filler), (1, b"proof"), (2, b"more")]);
        bytes[33] ^= 1;
        let found = corruption(read(&with_files(&[(1, &bytes)]), &dir()).1);
        assert_eq!((found.file, found.offset), (path_of(&dir(), 1), 32), "gap {gap}");
        assert!(found.what.contains("record 2"), "{}", found.what);
    }
}

#[test]
fn proof_behind_a_stretch_of_zeros_is_found() {
    let zeros = vec![0; 3 << 20];
    let mut bytes = file(1, 1, &[(0, b"a"), (1, &zeros), (2, b"proof")]);
    let start = 32 + 26;
    bytes[start..start + 25].fill(0); // a lost sector: what is left of record 2 is nothing but zeros
    assert_eq!(corruption(read(&with_files(&[(1, &bytes)]), &dir()).1).offset, start as u64);
}

#[test]
fn made_up_records_cannot_make_recovery_slow() {
    // 40,000 heads, each claiming all the rest of the file: checking each claim would read some ten gigabytes.
    let mut bytes = file(1, 1, &[]);
    let end = 32 + 40_000 * 24;
    for at in (32..end).step_by(24) {
        let length = (end - at - 24).max(1) as u32;
        let sequence = if at == 32 { 1_u64 } else { 2 };
        bytes.extend_from_slice(&[1, 2, 3, 4]);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&sequence.to_le_bytes());
        bytes.extend_from_slice(&1_u64.to_le_bytes());
    }
    let begun = std::time::Instant::now();
    corruption(read(&with_files(&[(1, &bytes)]), &dir()).1);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}
