//! Aggregation arithmetic.
