//! A result as a stream: one struct array for each series, with what tells the series apart in columns of their own.

use std::ffi::{CStr, CString, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use super::export::{self, Memory, Texts};
use super::{ArrowArray, ArrowArrayStream, ArrowSchema};
use crate::ffi::result::Shared;

/// What the interface asks to be returned when something failed: the number of `EIO`, which is the same everywhere.
const EIO: c_int = 5;

/// What a stream holds.
struct Stream {
    series: Vec<Arc<Shared>>,
    next: usize,
    /// What tells the series apart: columns by name, of one text for each series.
    texts: Vec<(&'static CStr, Arc<Texts>)>,
}

/// The stream of all series of a result, told apart by metric and method.
pub fn of(series: &[Arc<Shared>]) -> ArrowArrayStream {
    let texts = |text: fn(&Shared) -> &CString| Arc::new(texts(series.iter().map(|series| text(series).as_bytes())));
    let columns = vec![(c"metric", texts(|series| &series.label)), (c"method", texts(|series| &series.method))];
    stream(series.to_vec(), columns)
}

/// The stream of these series, told apart by what the caller calls them, if he calls them something.
pub fn labelled(series: Vec<Arc<Shared>>, labels: Option<&[&str]>) -> ArrowArrayStream {
    let labels = labels.map(|labels| (c"series", Arc::new(texts(labels.iter().map(|label| label.as_bytes())))));
    stream(series, labels.into_iter().collect())
}

fn stream(series: Vec<Arc<Shared>>, texts: Vec<(&'static CStr, Arc<Texts>)>) -> ArrowArrayStream {
    ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release),
        private_data: Box::into_raw(Box::new(Stream { series, next: 0, texts })).cast(),
    }
}

/// One text per series, one behind the other.
fn texts<'a>(all: impl Iterator<Item = &'a [u8]>) -> Texts {
    let mut texts = Texts { offsets: vec![0], bytes: Vec::new() };
    for text in all {
        texts.bytes.extend_from_slice(text);
        texts.offsets.push(texts.bytes.len() as i32);
    }
    texts
}

/// All rows of one series have the same text: its place in the dictionary, again and again.
fn constant(texts: &Arc<Texts>, place: usize, length: usize) -> ArrowArray {
    let indices: Arc<[i32]> = vec![place as i32; length].into();
    let buffers = vec![ptr::null(), texts.offsets.as_ptr().cast(), texts.bytes.as_ptr().cast()];
    let entries = texts.offsets.len() - 1;
    let dictionary = export::array(entries, buffers, Vec::new(), None, Memory::Texts(Arc::clone(texts)));
    let buffers = vec![ptr::null(), indices.as_ptr().cast()];
    export::array(length, buffers, Vec::new(), Some(dictionary), Memory::Indices(indices))
}

impl Stream {
    fn schema(&self) -> ArrowSchema {
        let text = |name| {
            let dictionary = export::schema(c"u", c"", Vec::new());
            export::with_dictionary(c"i", name, Vec::new(), Some(dictionary))
        };
        let mut children: Vec<_> = self.texts.iter().map(|(name, _)| text(*name)).collect();
        children.extend(export::schemas_of_columns());
        export::schema(c"+s", c"", children)
    }

    fn next(&mut self) -> Option<ArrowArray> {
        let place = self.next;
        let series = self.series.get(place)?;
        let length = series.columns.len();
        let mut children: Vec<_> = self.texts.iter().map(|(_, texts)| constant(texts, place, length)).collect();
        children.extend(export::columns(series));
        self.next += 1;
        Some(export::array(length, vec![ptr::null()], children, None, Memory::Nothing))
    }
}

/// What a stream says of itself when it has ended.
fn ended() -> ArrowArray {
    ArrowArray {
        length: 0,
        null_count: 0,
        offset: 0,
        n_buffers: 0,
        n_children: 0,
        buffers: ptr::null_mut(),
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release: None,
        private_data: ptr::null_mut(),
    }
}

/// Writes what `make` makes; what panics does not get out.
fn write<T>(out: *mut T, make: impl FnOnce() -> T) -> c_int {
    match catch_unwind(AssertUnwindSafe(make)) {
        Ok(made) if !out.is_null() => {
            // SAFETY: it is not NULL, and the interface says that it may be written to.
            unsafe { out.write(made) };
            0
        }
        _ => EIO,
    }
}

unsafe extern "C" fn get_schema(stream: *mut ArrowArrayStream, out: *mut ArrowSchema) -> c_int {
    // SAFETY: the interface says that it is called with the stream that has it, which nobody else uses.
    match unsafe { held(stream) } {
        Some(stream) if !out.is_null() => write(out, || stream.schema()),
        _ => EIO,
    }
}

unsafe extern "C" fn get_next(stream: *mut ArrowArrayStream, out: *mut ArrowArray) -> c_int {
    // SAFETY: the interface says that it is called with the stream that has it, which nobody else uses.
    match unsafe { held(stream) } {
        Some(stream) if !out.is_null() => write(out, || stream.next().unwrap_or_else(ended)),
        _ => EIO,
    }
}

/// What a stream that was not released holds.
///
/// # Safety
///
/// It is NULL or a stream that [`self::stream`] made, which nobody else uses while `'a` lasts.
unsafe fn held<'a>(stream: *mut ArrowArrayStream) -> Option<&'a mut Stream> {
    // SAFETY: the same is promised here.
    let stream = unsafe { stream.as_mut() }?;
    // SAFETY: `self::stream` put it there, and `release` takes it away.
    unsafe { stream.private_data.cast::<Stream>().as_mut() }
}

unsafe extern "C" fn get_last_error(_: *mut ArrowArrayStream) -> *const c_char {
    c"the library panicked, or was given NULL".as_ptr()
}

unsafe extern "C" fn release(stream: *mut ArrowArrayStream) {
    // SAFETY: the interface says that it is called with the stream that has it, which nobody else uses.
    let Some(stream) = (unsafe { stream.as_mut() }) else { return };
    // SAFETY: `self::stream` made it from a box, and a stream is released once.
    drop(unsafe { Box::from_raw(stream.private_data.cast::<Stream>()) });
    stream.private_data = ptr::null_mut();
    stream.release = None;
}
