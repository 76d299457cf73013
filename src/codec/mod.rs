//! Columns to bytes and back.
