//! Aggregation arithmetic: which group a measure belongs to, which groups can still change, and what each aggregation
//! method makes of a group's values.
//!
//! Everything here is a pure function of slices and numbers. Nothing here may do I/O, read a clock or keep state between
//! calls, so that an aggregate never depends on when, or in how many pieces, it was computed. Raw measures come in as
//! parallel slices of timestamps and values; `groups` cuts them into stretches of one group each; `kernel` and `rank`
//! turn the stretches into one column per method, for `rate:` methods out of the column of differences; the columns leave
//! as an [`AggregateBlock`](crate::types::AggregateBlock) to be sealed or as [`Columns`](crate::types::Columns) to be
//! shown. `resample` sends points of an archive through the same kernels again, by timespan or calendar.
//!
//! Timestamps are nanoseconds since the epoch in `0..=i64::MAX`, granularities in `1..=i64::MAX`; no sum or product of
//! them overflows: what would lie outside is clamped. `docs/semantics.md` has the rules in full.

mod aggregate;
mod calendar;
mod groups;
mod kernel;
mod rank;
mod resample;
mod window;

pub use aggregate::{aggregate, aggregate_one};
pub use calendar::Sampling;
pub use resample::{resample, truncate};
pub use window::{first_mutable, first_open, group_start, keep_from, retention_floor};

#[cfg(test)]
mod tests;
