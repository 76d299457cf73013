//! Points in time and lengths of time, in nanoseconds.
//!
//! Texts and numbers in all the forms that Gnocchi accepts come in, checked `i64` nanoseconds come out, and back. Nothing
//! here may read a clock: what is relative to now is told what now is. Arithmetic is checked; a text is taken exactly, to
//! the nanosecond, and never goes through a float.

mod timespan;
mod timestamp;

pub use timespan::Timespan;
pub use timestamp::Timestamp;

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
