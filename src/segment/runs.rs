//! Runs: chunks whose fronts lie side by side, with their tails, in the same order, behind the last of these.
//!
//! Where a run ends, nobody writes down: the next chunk's front lies either where the front before it ends, and goes on with the
//! run, or where the run's tails end, and begins another. (Versions before 4 have runs of one chunk.) This module finds out by that
//! where tails lie, and whether chunks lie as they must. It reads nothing; what it says of entries that were damaged is as wrong as
//! they are, and never a panic: checksums judge.

use super::format::{ENTRY_SIZE, Entry};

/// What says where the tails of others lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lies {
    pub(super) offset: u64,
    pub(super) front_end: u64,
    pub(super) tail_length: u64,
}

/// How far chunks fill their place, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Where the fronts of the run end, and its tails begin.
    fronts_end: u64,
    /// How many bytes of tails the run has.
    tails: u64,
}

impl Layout {
    /// The first chunk is to lie at `start`.
    pub(super) fn begin(start: u64) -> Self {
        Layout { fronts_end: start, tails: 0 }
    }

    /// Takes the next chunk; false when that does not lie where it must.
    pub(super) fn take(&mut self, entry: &Entry) -> bool {
        if entry.offset != self.fronts_end {
            if entry.offset != self.end() {
                return false;
            }
            self.tails = 0;
        }
        self.fronts_end = entry.front_end();
        self.tails = self.tails.saturating_add(entry.tail_length());
        true
    }

    /// Where the last run ends.
    pub(super) fn end(&self) -> u64 {
        self.fronts_end.saturating_add(self.tails)
    }
}

/// Where the tails of a run lie, told for one chunk after the other.
#[derive(Debug, Default)]
pub(super) struct Tails {
    /// Up to which chunk the run is known to go.
    until: usize,
    next: u64,
}

impl Tails {
    /// Entry `i` of a block of `count`, whose bytes these are, with where its tail lies; `None` when it describes no possible chunk.
    /// Entries come in ascending order, none left out behind the first.
    pub(super) fn entry(&mut self, bytes: &[u8], i: usize, count: usize) -> Option<Entry> {
        let mut entry = record_at(bytes, i).and_then(Entry::get)?;
        // Where nothing lies, it does not matter, and whole blocks of such are one run.
        if entry.has_parts() {
            if i >= self.until {
                self.find(&entry, i, count, &|i| record_at(bytes, i).map(Lies::get));
            }
            entry.tail = self.next;
            self.next = self.next.saturating_add(entry.tail_length());
        }
        Some(entry)
    }

    /// Looks at the chunks around for where the run of this one begins and ends.
    fn find(&mut self, entry: &Entry, i: usize, count: usize, get: &impl Fn(usize) -> Option<Lies>) {
        let mut before = 0_u64;
        let mut front = entry.offset;
        for other in (0..i).rev().map_while(get) {
            if other.front_end != front {
                break;
            }
            before = before.saturating_add(other.tail_length);
            front = other.offset;
        }
        let mut fronts_end = entry.front_end();
        self.until = i + 1;
        for other in (i + 1..count).map_while(get) {
            if other.offset != fronts_end {
                break;
            }
            fronts_end = other.front_end;
            self.until += 1;
        }
        self.next = fronts_end.saturating_add(before);
    }
}

/// The bytes of entry `i` of a block.
fn record_at(bytes: &[u8], i: usize) -> Option<&[u8; ENTRY_SIZE]> {
    bytes.get(i * ENTRY_SIZE..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fs::RealFs;
    use crate::segment::whole::{Whole, chunk_of};
    use crate::segment::{Chunk, Kind, SegmentReader, SegmentWriter};

    /// Metric, rows that follow the chunk before, and the bytes with the length of their front.
    #[derive(Debug, Clone)]
    struct Known {
        metric: u64,
        first: i64,
        bytes: Vec<u8>,
        front: usize,
    }

    impl Known {
        fn chunk(&self) -> Chunk<'_> {
            let Known { metric, first, ref bytes, front } = *self;
            Chunk { metric, granularity: 60, first, last: first, rows: 1, bytes, front }
        }
    }

    /// Chunks in order: with and without parts, in runs of any length.
    fn chunks() -> impl Strategy<Value = Vec<Known>> {
        let one = (prop::sample::select(vec![0_u64, 0, 0, 1]), 1_usize..60, prop::option::of(0_usize..60));
        prop::collection::vec(one, 1..500).prop_map(|all| {
            let mut metric = 0;
            let known = all.into_iter().zip(0_i64..).map(|((step, front, tail), first)| {
                metric += step;
                let length = front + tail.unwrap_or(0);
                let bytes = (0..length).map(|i| (i as i64 * 7 + first) as u8).collect();
                Known { metric, first, bytes, front }
            });
            known.collect()
        })
    }

    fn write(chunks: &[Known], path: &std::path::Path) -> SegmentReader {
        let mut writer = SegmentWriter::create(&RealFs, path, Kind::Level0, 7).unwrap();
        for known in chunks {
            writer.add(&known.chunk()).unwrap();
        }
        writer.finish().unwrap();
        SegmentReader::open(&RealFs, path, Kind::Level0, 7).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn fronts_lie_together_and_every_tail_is_found(chunks in chunks()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("00000007.seg");
            let reader = write(&chunks, &path);
            let file = std::fs::read(&path).unwrap();
            let (mut entries, mut block, mut whole, mut room) = (Vec::new(), Vec::new(), Whole::default(), Vec::new());
            for index in 0..reader.blocks() {
                let place = reader.block(index, &mut block).unwrap();
                let mut layout = Layout::begin(place.start);
                prop_assert!(block.iter().all(|entry| layout.take(entry)) && layout.end() == place.end);
                for at in 0..block.len() {
                    let mut layout = Layout::begin(place.start);
                    prop_assert!(block[..at].iter().all(|entry| layout.take(entry)));
                    let mut wrong = [block[at].offset + 1, block[at].offset.wrapping_sub(1)].into_iter();
                    let may_be = [layout.fronts_end, layout.end()];
                    let taken = |offset| layout.clone().take(&Entry { offset, ..block[at] });
                    let told = wrong.all(|offset| taken(offset) == may_be.contains(&offset));
                    prop_assert!(told, "chunk {at}");
                }
                entries.append(&mut block);
            }
            prop_assert_eq!(entries.len(), chunks.len());
            for (known, entry) in chunks.iter().zip(&entries) {
                prop_assert_eq!((known.metric, known.first), (entry.metric, entry.first));
                whole.read(&reader, std::slice::from_ref(entry)).unwrap();
                prop_assert_eq!(whole.chunk(entry), &known.bytes[..]);
                prop_assert_eq!(chunk_of(entry, 0, &file, &mut room), &known.bytes[..]);
                for (at, byte) in known.bytes.iter().enumerate() {
                    prop_assert_eq!(file[entry.place(at) as usize], *byte);
                }
            }
            // As found one by one, from anywhere in a run on; and without the footer.
            let mut found = Vec::new();
            for (at, entry) in entries.iter().enumerate() {
                found.clear();
                reader.find(entry.metric, 60, entry.first..i64::MAX, &mut found).unwrap();
                let count = entries[at..].iter().take_while(|other| other.metric == entry.metric).count();
                prop_assert_eq!(&found[..], &entries[at..at + count]);
            }
            let (salvaged, all) = SegmentReader::salvage(&RealFs, &path).unwrap();
            found.clear();
            salvaged.each_entry(&mut |entry| found.push(entry)).unwrap();
            prop_assert!(all && found == entries);
        }
    }

    #[test]
    fn a_run_ends_with_its_block() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = vec![1; 30];
        let chunks: Vec<Known> =
            (0..300).map(|i| Known { metric: i / 50, first: i as i64, bytes: bytes.clone(), front: 10 }).collect();
        let reader = write(&chunks, &folder.path().join("00000007.seg"));
        let mut entries = Vec::new();
        reader.each_entry(&mut |entry| entries.push(entry)).unwrap();
        let begins = |at: &usize| *at == 0 || entries[at - 1].front_end() != entries[*at].offset;
        let runs: Vec<usize> = (0..entries.len()).filter(begins).collect();
        assert_eq!(runs, [0, 128, 256]);
    }

    #[test]
    fn a_run_ends_before_its_tails_take_much_memory() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = vec![1; 50_000];
        let chunks: Vec<Known> =
            (0..10).map(|i| Known { metric: 1, first: i, bytes: bytes.clone(), front: 10 }).collect();
        let reader = write(&chunks, &folder.path().join("00000007.seg"));
        let mut entries = Vec::new();
        reader.each_entry(&mut |entry| entries.push(entry)).unwrap();
        let goes_on = entries.windows(2).map(|pair| pair[0].front_end() == pair[1].offset);
        assert_eq!(goes_on.collect::<Vec<_>>(), [true, true, false, true, true, false, true, true, false]);
    }

    #[test]
    fn nonsense_is_no_panic() {
        let entry = |offset: u64, front: u32, length: u32| Entry {
            metric: 1,
            granularity: 60,
            first: 0,
            last: 0,
            offset,
            tail: 0,
            length,
            rows: 1,
            front,
            crc: 0,
        };
        let entries = [entry(u64::MAX, 3, 9), entry(u64::MAX, 1, 7), entry(0, 5, 5), entry(3, 1, u32::MAX)];
        let mut layout = Layout::begin(u64::MAX);
        assert!(layout.take(&entries[0]) && layout.take(&entries[1]) && !layout.take(&entries[2]));
        let mut bytes = Vec::new();
        for entry in &entries {
            entry.put(&mut bytes);
        }
        for from in 0..entries.len() {
            let mut tails = Tails::default();
            let all = (from..entries.len()).map(|at| tails.entry(&bytes, at, entries.len()));
            assert!(all.flatten().all(|entry| entry.tail_range().start <= entry.tail_range().end));
        }
        assert_eq!(Tails::default().entry(&bytes, 0, 4).unwrap().tail_range(), u64::MAX..u64::MAX);
        assert!(Tails::default().entry(&bytes, 4, 9).is_none());
    }
}
