//! Schemas and arrays, and how they are released.
//!
//! What an array needs beyond its columns (lists of pointers) is in a box behind `private_data`, with a share of the memory; the
//! release function takes the box back and with it all that it holds.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::Arc;

use super::{ArrowArray, ArrowSchema};
use crate::ffi::result::Shared;

/// What a schema holds.
struct SchemaParts {
    children: Vec<*mut ArrowSchema>,
    dictionary: *mut ArrowSchema,
}

/// What an array holds: the pointers that it shows, and what keeps the memory behind them.
struct ArrayParts {
    buffers: Vec<*const c_void>,
    children: Vec<*mut ArrowArray>,
    dictionary: *mut ArrowArray,
    _memory: Memory,
}

/// What keeps the memory of an array's buffers.
#[expect(dead_code, reason = "held for as long as the array, and not looked at")]
pub enum Memory {
    /// It has none.
    Nothing,
    /// The columns of a series.
    Series(Arc<Shared>),
    /// Texts of a dictionary.
    Texts(Arc<Texts>),
    /// Indices into a dictionary.
    Indices(Arc<[i32]>),
}

/// Texts one behind the other, and where each begins.
pub struct Texts {
    pub offsets: Vec<i32>,
    pub bytes: Vec<u8>,
}

/// A column of a schema.
pub fn schema(format: &'static CStr, name: &'static CStr, children: Vec<ArrowSchema>) -> ArrowSchema {
    with_dictionary(format, name, children, None)
}

/// A column of a schema whose values are in a dictionary.
pub fn with_dictionary(
    format: &'static CStr,
    name: &'static CStr,
    children: Vec<ArrowSchema>,
    dictionary: Option<ArrowSchema>,
) -> ArrowSchema {
    let mut parts = Box::new(SchemaParts {
        children: children.into_iter().map(|child| Box::into_raw(Box::new(child))).collect(),
        dictionary: dictionary.map_or(ptr::null_mut(), |dictionary| Box::into_raw(Box::new(dictionary))),
    });
    ArrowSchema {
        format: format.as_ptr(),
        name: name.as_ptr(),
        metadata: ptr::null(),
        flags: 0,
        n_children: parts.children.len() as i64,
        children: parts.children.as_mut_ptr(),
        dictionary: parts.dictionary,
        release: Some(release_schema),
        private_data: Box::into_raw(parts).cast(),
    }
}

/// The schema of points: `timestamp` and `value`.
pub fn schema_of_points() -> ArrowSchema {
    schema(c"+s", c"", schemas_of_columns().into())
}

/// The schemas of the columns of a series: timestamps and values.
pub fn schemas_of_columns() -> [ArrowSchema; 2] {
    [schema(c"tsn:UTC", c"timestamp", Vec::new()), schema(c"g", c"value", Vec::new())]
}

/// Releases a schema that this library made.
unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: whoever calls it gives the schema that has it, which nobody else uses.
    let Some(schema) = (unsafe { schema.as_mut() }) else { return };
    // SAFETY: `with_dictionary` made it from a box, and a schema is released once.
    let parts = unsafe { Box::from_raw(schema.private_data.cast::<SchemaParts>()) };
    for child in parts.children.iter().copied().chain([parts.dictionary]).filter(|child| !child.is_null()) {
        // SAFETY: `with_dictionary` made it from a box, which belongs to this schema.
        let child = unsafe { Box::from_raw(child) };
        released(child, |child| child.release, |child| child);
    }
    schema.release = None;
}

/// Releases what a parent owns, unless it was moved out of it.
fn released<T>(
    mut child: Box<T>,
    release: impl Fn(&T) -> Option<unsafe extern "C" fn(*mut T)>,
    pointer: impl Fn(&mut T) -> *mut T,
) {
    if let Some(release) = release(&child) {
        // SAFETY: the interface says that it is called with what has it, and once.
        unsafe { release(pointer(&mut child)) };
    }
}

/// An array of `length` over these buffers.
pub fn array(
    length: usize,
    buffers: Vec<*const c_void>,
    children: Vec<ArrowArray>,
    dictionary: Option<ArrowArray>,
    memory: Memory,
) -> ArrowArray {
    let mut parts = Box::new(ArrayParts {
        buffers,
        children: children.into_iter().map(|child| Box::into_raw(Box::new(child))).collect(),
        dictionary: dictionary.map_or(ptr::null_mut(), |dictionary| Box::into_raw(Box::new(dictionary))),
        _memory: memory,
    });
    ArrowArray {
        length: length as i64,
        null_count: 0,
        offset: 0,
        n_buffers: parts.buffers.len() as i64,
        n_children: parts.children.len() as i64,
        buffers: parts.buffers.as_mut_ptr(),
        children: parts.children.as_mut_ptr(),
        dictionary: parts.dictionary,
        release: Some(release_array),
        private_data: Box::into_raw(parts).cast(),
    }
}

/// The columns of a series: timestamps and values.
pub fn columns(series: &Arc<Shared>) -> [ArrowArray; 2] {
    let column = |data: *const c_void| {
        let memory = Memory::Series(Arc::clone(series));
        array(series.columns.len(), vec![ptr::null(), data], Vec::new(), None, memory)
    };
    [column(series.columns.timestamps.as_ptr().cast()), column(series.columns.values.as_ptr().cast())]
}

/// The points of a series as a struct array.
pub fn points(series: &Arc<Shared>) -> ArrowArray {
    array(series.columns.len(), vec![ptr::null()], columns(series).into(), None, Memory::Nothing)
}

/// Releases an array that this library made.
unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: whoever calls it gives the array that has it, which nobody else uses.
    let Some(array) = (unsafe { array.as_mut() }) else { return };
    // SAFETY: `array` made it from a box, and an array is released once.
    let parts = unsafe { Box::from_raw(array.private_data.cast::<ArrayParts>()) };
    for child in parts.children.iter().copied().chain([parts.dictionary]).filter(|child| !child.is_null()) {
        // SAFETY: `array` made it from a box, which belongs to this array.
        let child = unsafe { Box::from_raw(child) };
        released(child, |child| child.release, |child| child);
    }
    array.release = None;
}
