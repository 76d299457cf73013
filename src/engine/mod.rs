//! The one place that sequences.
