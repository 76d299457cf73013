//! The series in memory: windows of raw measures, the late rule, and what has changed since the last checkpoint.
//!
//! A push finds its series' slot in the [`SeriesTable`], judges its measures by the late rule ([`Series::admit`]) and,
//! after the journal has them, applies them. A checkpoint freezes the tail, works outside the lock, and releases what
//! segments hold. This module never touches files, threads or clocks, and never stores an aggregate: what can still change
//! is computed from the window when asked for.

mod plan;
mod series;
mod table;
#[cfg(test)]
mod tests;
mod window;

pub use plan::{Archive, Plan};
pub use series::{Admission, Presence, Series, Stored, Window, WindowSnapshot};
pub use table::{MAX_KEY, SeriesTable};
pub use window::{Raw, Run, slice, sort_keeping_last};
