//! What is fuzzed: each function takes any bytes at all and panics when something is wrong with how they are taken.
//!
//! libFuzzer calls them, each from a program in `targets/`, and `tests/fuzz.rs` calls them with what is kept in `seeds/` and
//! `regressions/`. Bytes that carry checksums are mended first (unless their first byte says not to), for what a checksum
//! refuses is seldom interesting. Files are in memory; nothing here touches a disk.

mod codecs;
mod files;
mod languages;
mod memory;
#[cfg(feature = "rest")]
mod protocols;

pub use codecs::{aggregates, batch, measures, round_trip};
pub use files::{journal, manifest, segment};
pub use languages::{filter, operations, predicate, words};
#[cfg(feature = "rest")]
pub use protocols::{collectd_json, collectd_network, line_protocol, statsd};

/// A fuzzed function.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("journal", journal),
    ("segment", segment),
    ("manifest", manifest),
    ("aggregates", aggregates),
    ("measures", measures),
    ("batch", batch),
    ("round_trip", round_trip),
    ("filter", filter),
    ("operations", operations),
    ("predicate", predicate),
    ("words", words),
    #[cfg(feature = "rest")]
    ("collectd_json", collectd_json),
    #[cfg(feature = "rest")]
    ("collectd_network", collectd_network),
    #[cfg(feature = "rest")]
    ("line_protocol", line_protocol),
    #[cfg(feature = "rest")]
    ("statsd", statsd),
];
