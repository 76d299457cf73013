//! Immutable files of chunks.
