//! Immutable files of chunks: sealed aggregates of many metrics, or raw measures and states of series.
//!
//! A segment is written once, front to back ([`SegmentWriter`]), synced, named by MANIFEST and from then on only read
//! ([`SegmentReader`], [`Scan`]) or removed. Chunks come encoded from above and leave verified against their checksums; this
//! module never looks inside them (but for the places of parts, which `codec` tells), never rewrites a file and never decides
//! which files there are.

mod format;
mod fronts;
mod inspect;
mod names;
mod pieces;
mod reader;
mod runs;
mod salvage;
mod scan;
#[cfg(test)]
mod tests;
mod wanted;
mod whole;
mod writer;

pub use format::{ENTRY_SIZE, Entry, Kind, MEASURES, STATE};
pub use inspect::{Cursor, Part};
pub use names::{ARCHIVE, LEVEL0, RAW, SegmentName, number_of};
pub use reader::{Blocks, SegmentReader};
pub use scan::Scan;
pub use wanted::Room;
pub use whole::Whole;
pub use writer::{Chunk, SegmentWriter};
