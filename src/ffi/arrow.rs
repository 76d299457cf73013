//! Results for tools that speak Arrow's C data interface: the same memory, shared and not copied.
//!
//! Whoever gets an `ArrowArray` calls its release function once, at any time and from any thread; until then it keeps the columns
//! alive, also when the result was freed and the database closed. An array is a struct of columns; each may be moved out of it
//! and released by itself, as the interface allows, so that each holds its own share of the memory.

mod abi;
mod export;
mod stream;

pub use abi::{ArrowArray, ArrowArrayStream, ArrowSchema};

use super::call::begin;
use super::error::{Failure, gnt_error};
use super::result::gnt_result;
use super::status::gnt_status;

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
        let Some(series) = result.shared.get(index) else {
            let reason = format!("there are {} series", result.shared.len());
            return Err(Failure::InvalidArgument { argument: "index", reason });
        };
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
