//! The table of series: a slot with its own lock for every metric key.
//!
//! Keys are dense (the index numbers metrics one after the other), so a slot is found by arithmetic, without a lock and
//! without hashing. Slots are made in groups when one of the group is first touched, and never move.

use std::sync::OnceLock;

use parking_lot::Mutex;

use super::series::Series;

/// A slot: one byte of lock beside the series.
pub type Slot = Mutex<Series>;

/// Slots made at once: 1,024 of some 150 bytes are a good page run, and waste little for a small database.
const GROUP: usize = 1 << 10;
const GROUPS: usize = 1 << 12;
const REGIONS: usize = 1 << 12;
/// Keys at and above this have no slot: some 17 thousand million metrics.
pub const MAX_KEY: u64 = (GROUP * GROUPS * REGIONS) as u64;

type Group = OnceLock<Box<[Slot]>>;

/// All series of a database.
#[derive(Debug)]
pub struct SeriesTable {
    regions: Box<[OnceLock<Box<[Group]>>]>,
}

impl Default for SeriesTable {
    fn default() -> Self {
        SeriesTable { regions: (0..REGIONS).map(|_| OnceLock::new()).collect() }
    }
}

impl SeriesTable {
    /// The slot of `key`, made when it is not there yet; `None` for a key that no metric can have.
    pub fn slot(&self, key: u64) -> Option<&Slot> {
        if key >= MAX_KEY {
            return None;
        }
        let at = key as usize;
        let region = self.regions.get(at / (GROUP * GROUPS))?;
        let region = region.get_or_init(|| (0..GROUPS).map(|_| OnceLock::new()).collect());
        let group = region.get(at / GROUP % GROUPS)?;
        let group = group.get_or_init(|| (0..GROUP).map(|_| Mutex::new(Series::unknown())).collect());
        group.get(at % GROUP)
    }

    /// The slot of `key`, when it was made.
    pub fn known_slot(&self, key: u64) -> Option<&Slot> {
        let at = usize::try_from(key).ok()?;
        let region = self.regions.get(at / (GROUP * GROUPS))?.get()?;
        region.get(at / GROUP % GROUPS)?.get()?.get(at % GROUP)
    }

    /// All slots made so far, with their keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Slot)> {
        let regions = self.regions.iter().enumerate().filter_map(|(i, region)| Some((i, region.get()?)));
        let groups = regions.flat_map(|(i, region)| {
            region.iter().enumerate().filter_map(move |(j, group)| Some((i * GROUPS + j, group.get()?)))
        });
        groups.flat_map(|(i, group)| group.iter().enumerate().map(move |(j, slot)| ((i * GROUP + j) as u64, slot)))
    }
}
