//! Results for tools that speak Arrow's C data interface: the same memory, shared and not copied.
//!
//! Whoever gets an `ArrowArray` calls its release function once, at any time and from any thread; until then it keeps the columns
//! alive, also when the result was freed and the database closed. An array is a struct of columns; each may be moved out of it
//! and released by itself, as the interface allows, so that each holds its own share of the memory.

mod abi;
mod capsule;
mod export;
mod stream;

use std::ffi::{c_char, c_void};
use std::sync::Arc;

pub use abi::{ArrowArray, ArrowArrayStream, ArrowSchema};

use super::call::{Call, NUL_TERMINATED, begin};
use super::error::{Failure, gnt_error};
use super::result::{Shared, gnt_result};
use super::status::gnt_status;

/// One series of a result.
fn series<'a>(all: &'a [Arc<Shared>], index: usize, argument: &'static str) -> Result<&'a Arc<Shared>, Failure> {
    let none = || Failure::InvalidArgument { argument, reason: format!("there are {} series", all.len()) };
    all.get(index).ok_or_else(none)
}

/// A series of a result as a struct array of the columns `timestamp` (`tsn:UTC`) and `value` (float64), without a copy. `schema`
/// may be NULL. Both belong to the caller, who calls their release functions; they outlive the result and the database.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_result_arrow(
    result: *const gnt_result,
    index: usize,
    schema: *mut ArrowSchema,
    array: *mut ArrowArray,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let result = call.shared(result, "result")?;
        let out = call.out(array, "array")?;
        let series = series(&result.shared, index, "index")?;
        call.write(schema, export::schema_of_points);
        out.write(export::points(series));
        Ok(())
    })
}

/// All series of a result as a stream of struct arrays, one for each series, of the columns `metric` and `method` (texts, by
/// dictionary), `timestamp` (`tsn:UTC`) and `value` (float64). Timestamps and values are not copied. The stream belongs to the
/// caller, who calls its release function; it and its arrays outlive the result and the database.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_result_arrow_stream(
    result: *const gnt_result,
    stream: *mut ArrowArrayStream,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let result = call.shared(result, "result")?;
        let out = call.out(stream, "stream")?;
        out.write(stream::of(&result.shared));
        Ok(())
    })
}

/// Series of any results as a stream of struct arrays, one for each, of the columns `series` (a text, by dictionary), `timestamp`
/// (`tsn:UTC`) and `value` (float64): the series `indices[i]` of `results[i]`, called `labels[i]`, for each `i` below `count`.
/// Labels end with a NUL; when `labels` is NULL, there is no column `series`. Timestamps and values are not copied. The stream
/// belongs to the caller, who calls its release function; it and its arrays outlive the results and the database.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_arrow_stream(
    results: *const *const gnt_result,
    indices: *const usize,
    labels: *const *const c_char,
    count: usize,
    stream: *mut ArrowArrayStream,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let results = call.slice(results, count, "results")?;
        let indices = call.slice(indices, count, "indices")?;
        let labels = if labels.is_null() { None } else { Some(texts(call, call.slice(labels, count, "labels")?)?) };
        let out = call.out(stream, "stream")?;
        let each = results.iter().zip(indices).map(|(result, index)| {
            let result = call.shared(*result, "results")?;
            Ok(Arc::clone(series(&result.shared, *index, "indices")?))
        });
        out.write(stream::labelled(each.collect::<Result<_, Failure>>()?, labels.as_deref()));
        Ok(())
    })
}

/// The destructor, for Python's PyCapsule_New, of a capsule named `arrow_schema`, `arrow_array` or `arrow_array_stream`, whose
/// struct lies in memory of malloc: releases the struct, unless it was taken out, and frees the memory. Nobody calls it but Python.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_arrow_capsule_free(capsule: *mut c_void) {
    begin!().value((), |_| {
        // SAFETY: Python calls it with a capsule that goes, and which nobody else uses any more.
        unsafe { capsule::free(capsule) };
        Ok(())
    });
}

fn texts<'a>(call: &Call<'a>, labels: &[*const c_char]) -> Result<Vec<&'a str>, Failure> {
    labels.iter().map(|label| call.text(*label, NUL_TERMINATED, "labels")).collect()
}
