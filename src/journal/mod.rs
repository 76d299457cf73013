//! Measures made durable in arrival order: the write-ahead log.
//!
//! What is accepted is appended here before it is applied, and read back from here after a crash. [`Journal`] writes:
//! records go through [`Journal::append`] into the current file, and [`Journal::commit`] waits until the disk has them,
//! one sync serving all who wait. [`recover`] reads: it hands out the records in order, and tells an end that a crash
//! tore (cut there, and said so) from damage to what was durable (an error that says where). The journal must never
//! look into a record's body, never append to a file that it did not create itself, never read a clock, and never go
//! on after a sync that failed. The bytes are described in `docs/format/journal.md`, the promises in
//! `docs/durability.md`.

mod create;
mod evidence;
mod format;
mod leader;
mod reader;
mod recovery;
mod renew;
mod salvage;
mod sync;
#[cfg(test)]
mod tests;
mod writer;

#[cfg(feature = "internals")]
pub use format::FORMAT_VERSION;
pub use format::{MAX_BODY, file_name, parse_file_name};
pub use recovery::{Bookmark, Recovered, follow, recover, remove_before};
#[cfg(feature = "internals")]
pub use recovery::{OnRecord, TornTail};
pub use renew::renew;
pub use salvage::salvage;
pub use writer::Journal;
