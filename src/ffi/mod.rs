//! The C ABI: what `include/gnocchetti.h` declares, one file per noun of C.
//!
//! A call comes in as raw pointers and numbers, and becomes a [`Call`](call::Call): there NULL, wrong handles and texts that
//! are not UTF-8 are refused, panics are caught, and errors become a status and an error object. What is left is a call of
//! the public API. Nothing here may decide what a measure means, keep state of a process or thread, unwind into C, or write
//! an output before it is sure that the call succeeds. The conventions that C callers rely on stand in `cbindgen.toml`, from
//! where they get into the header.

#![expect(unsafe_code, reason = "C hands over raw pointers")]
#![allow(non_camel_case_types, reason = "types are called as C calls them")]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]
// The contract of every function is the header's conventions, told once; and its text is read by C's users.
#![allow(clippy::missing_safety_doc, clippy::missing_errors_doc, clippy::doc_markdown)]

mod arrow;
mod call;
mod check;
mod database;
mod deletion;
mod error;
mod handle;
mod json;
mod log;
mod metrics;
mod operations;
mod options;
mod policies;
mod push;
mod query;
mod resource_batch;
mod resources;
mod result;
mod snapshot;
mod status;
mod text;
mod version;
