//! Reading: a view over segments and the series in memory.
//!
//! A query takes a [`Snapshot`] under its series' lock (the state, what it needs of the window, and the [`View`] of
//! segments at that moment) and answers from it without any lock. Groups that are in segments are decoded, the others are
//! computed from the window; where both have a group, the series' own state says which one counts. This module changes
//! nothing, keeps no cache of answers, and never waits for a writer longer than for a series' lock.

mod erasures;
mod question;
mod read;
mod tolerance;
mod view;

pub use erasures::{Erasure, Erasures, cut, hidden, touched, within};
pub use question::Query;
pub use read::{Request, Snapshot, window_damaged};
pub use tolerance::{Tolerance, damage};
pub use view::{BufferPool, Buffers, Segment, View};
