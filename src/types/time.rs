//! Points in time and lengths of time, in nanoseconds.
//!
//! Texts and numbers in all the forms that Gnocchi accepts come in, checked `i64` nanoseconds come out, and back.
//! Nothing here may read a clock: what is relative to now is told what now is. Arithmetic is checked; a text is taken
//! exactly, to the nanosecond (further digits are cut), and never goes through a float.

mod decimal;
mod duration;
mod iso;
mod timespan;
mod timestamp;

#[cfg(test)]
mod tests;

pub use timespan::Timespan;
pub use timestamp::Timestamp;

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;

/// Why a text or number cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    /// It is of no known form.
    Syntax,
    /// NaN or infinite.
    NotFinite,
    /// Further from zero than 64 bits of nanoseconds reach.
    Range,
    /// A date before 1970.
    BeforeEpoch,
    /// Of a known form, but of something that cannot be.
    Other(&'static str),
}
