//! The series in memory.
