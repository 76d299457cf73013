//! The end of a capsule, in which Python hands on what Arrow's C data interface describes.
//!
//! ctypes makes the capsule; what runs when it goes is here, since that may be while an exception is on its way, when no code of
//! Python's may run. The library is not linked against Python and calls nothing of it otherwise: what it asks of a capsule it
//! looks up in the process, which has Python when it has a capsule.

use std::ffi::{CStr, c_char, c_void};
use std::mem::transmute;

use super::{ArrowArray, ArrowArrayStream, ArrowSchema};

type GetName = unsafe extern "C" fn(*mut c_void) -> *const c_char;
type GetPointer = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;

/// What a capsule may hold.
trait Held {
    /// Calls the release function, unless somebody took the content and with it the duty to call it.
    ///
    /// # Safety
    ///
    /// Nobody else uses it.
    unsafe fn release(&mut self);
}

macro_rules! held {
    ($kind:ty) => {
        impl Held for $kind {
            unsafe fn release(&mut self) {
                if let Some(release) = self.release {
                    // SAFETY: the interface says that it is called with what has it, and once: it takes itself away.
                    unsafe { release(self) };
                }
            }
        }
    };
}
held!(ArrowSchema);
held!(ArrowArray);
held!(ArrowArrayStream);

/// Releases what a capsule of one of the interface's names holds, and frees its memory.
///
/// # Safety
///
/// It is NULL, or a capsule that goes and that nobody else uses any more, over memory of malloc.
pub unsafe fn free(capsule: *mut c_void) {
    let (Some(get_name), Some(get_pointer)) = (symbol(c"PyCapsule_GetName"), symbol(c"PyCapsule_GetPointer")) else {
        return;
    };
    if capsule.is_null() {
        return;
    }
    // SAFETY: the function of this name has this type in every version of Python 3.
    let get_name = unsafe { transmute::<*mut c_void, GetName>(get_name) };
    // SAFETY: as above.
    let get_pointer = unsafe { transmute::<*mut c_void, GetPointer>(get_pointer) };
    // SAFETY: it is a capsule, and its destructor runs with Python's lock.
    let name = unsafe { get_name(capsule) };
    // SAFETY: as above, and this is its name.
    let held = unsafe { get_pointer(capsule, name) };
    if name.is_null() || held.is_null() {
        return;
    }
    // SAFETY: names of capsules end with a NUL.
    match unsafe { CStr::from_ptr(name) }.to_bytes() {
        // SAFETY: the name says what it holds.
        b"arrow_schema" => unsafe { end::<ArrowSchema>(held) },
        // SAFETY: as above.
        b"arrow_array" => unsafe { end::<ArrowArray>(held) },
        // SAFETY: as above.
        b"arrow_array_stream" => unsafe { end::<ArrowArrayStream>(held) },
        _ => {}
    }
}

/// # Safety
///
/// It is a `T` in memory of malloc that nobody uses any more.
unsafe fn end<T: Held>(held: *mut c_void) {
    // SAFETY: it is one, and nobody else uses it.
    if let Some(held) = unsafe { held.cast::<T>().as_mut() } {
        // SAFETY: as above.
        unsafe { held.release() };
    }
    // SAFETY: it came from malloc, and is used no more.
    unsafe { libc::free(held) };
}

/// A function of this process, when it has one of that name.
fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends with a NUL.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}
