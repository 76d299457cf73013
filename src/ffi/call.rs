//! The one boundary: every function of C's runs its body here.
//!
//! A [`Call`] turns the raw arguments of a function into values, or into the [`Failure`] that says which argument was wrong.
//! [`Call::run`] catches what panics, poisons the handles that the call had, and makes of a failure a status and, when the
//! caller wants one, an error object. Functions without a status give their fallback instead.

#![allow(clippy::unused_self, reason = "a call is the witness that its pointers may be followed")]

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{Failure, gnt_error};
use super::handle::{self, Head, Noun};
use super::status::{gnt_status, gnt_status_code};

/// What may stand for the length of a text that ends with a NUL.
pub const NUL_TERMINATED: usize = usize::MAX;

/// A slice of C's has at most so many bytes; more is no slice, but a mistake.
const LONGEST: usize = isize::MAX as usize;

/// A call from C while it lasts: the witness that the header's conventions hold for the pointers it was called with.
pub struct Call<'a> {
    error: *mut *mut gnt_error,
    /// The handles that it uses.
    handles: [Cell<Option<&'a Head>>; 3],
}

/// Where a new handle is to be written: known not to be NULL.
pub struct Out<T>(*mut T);

impl<'a> Call<'a> {
    /// Begins a call.
    ///
    /// # Safety
    ///
    /// Every pointer that is given to this value's methods is an argument of the function that C called, and the caller
    /// keeps to the conventions in the header: pointers are NULL or point to what their type and the function's
    /// description say for as long as the call lasts, handles that are not const are used by nobody else meanwhile, and
    /// what was freed is not used.
    pub unsafe fn new(error: *mut *mut gnt_error) -> Self {
        Call { error, handles: [const { Cell::new(None) }; 3] }
    }

    /// Runs the body of a function.
    pub fn run(self, body: impl FnOnce(&Self) -> Result<(), Failure>) -> gnt_status {
        match catch_unwind(AssertUnwindSafe(|| body(&self))) {
            Ok(Ok(())) => gnt_status_code::GNT_OK as gnt_status,
            Ok(Err(failure)) => self.fail(failure),
            Err(payload) => {
                self.handles.iter().filter_map(Cell::take).for_each(Head::poison);
                let said = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let said = said.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
                // Dropping what a stranger panicked with could panic.
                std::mem::forget(payload);
                self.fail(Failure::Panic { said })
            }
        }
    }

    /// Runs the body of a function that has no status: `fallback` stands for whatever goes wrong.
    pub fn value<T>(self, fallback: T, body: impl FnOnce(&Self) -> Result<T, Failure>) -> T {
        let mut value = fallback;
        self.run(|call| body(call).map(|found| value = found));
        value
    }

    fn fail(&self, failure: Failure) -> gnt_status {
        let status = failure.status();
        if !self.error.is_null() {
            let object = catch_unwind(AssertUnwindSafe(|| handle::give::<gnt_error>(failure.into_object())));
            // SAFETY: it is not NULL, and the caller lets us write there.
            unsafe { self.error.write(object.unwrap_or(std::ptr::null_mut())) };
        }
        status
    }

    fn uses(&self, head: &'a Head) {
        if let Some(free) = self.handles.iter().find(|slot| slot.get().is_none()) {
            free.set(Some(head));
        }
    }

    /// A handle that others may use at the same time.
    pub fn shared<N: Noun>(&self, pointer: *const N, argument: &'static str) -> Result<&'a N::Value, Failure> {
        // SAFETY: it is an argument of this call's.
        let (head, value) = unsafe { handle::shared(pointer, argument) }?;
        self.uses(head);
        Ok(value)
    }

    /// As [`shared`](Self::shared), of an argument that may be NULL.
    pub fn optional<N: Noun>(
        &self,
        pointer: *const N,
        argument: &'static str,
    ) -> Result<Option<&'a N::Value>, Failure> {
        if pointer.is_null() { Ok(None) } else { self.shared(pointer, argument).map(Some) }
    }

    /// A handle that only this call uses.
    pub fn exclusive<N: Noun>(&self, pointer: *mut N, argument: &'static str) -> Result<&'a mut N::Value, Failure> {
        // SAFETY: it is an argument of this call's.
        let (head, value) = unsafe { handle::exclusive(pointer, argument) }?;
        self.uses(head);
        Ok(value)
    }

    /// Takes a handle back from C; `None` for NULL.
    pub fn take<N: Noun>(&self, pointer: *mut N, argument: &'static str) -> Result<Option<N::Value>, Failure> {
        if pointer.is_null() {
            return Ok(None);
        }
        // SAFETY: it is an argument of this call's, by which C gives it up.
        unsafe { handle::take(pointer, argument) }.map(Some)
    }

    /// A text.
    pub fn text(&self, data: *const c_char, length: usize, argument: &'static str) -> Result<&'a str, Failure> {
        let bytes = if length == NUL_TERMINATED && !data.is_null() {
            // SAFETY: it is an argument of this call's, and by its length the caller says that it ends with a NUL.
            unsafe { CStr::from_ptr(data) }.to_bytes()
        } else {
            self.slice(data.cast::<u8>(), length, argument)?
        };
        std::str::from_utf8(bytes).map_err(|error| Failure::InvalidUtf8 { argument, valid: error.valid_up_to() })
    }

    /// A text that may be absent, which NULL says.
    pub fn optional_text(
        &self,
        data: *const c_char,
        length: usize,
        argument: &'static str,
    ) -> Result<Option<&'a str>, Failure> {
        if data.is_null() { Ok(None) } else { self.text(data, length, argument).map(Some) }
    }

    /// `length` numbers; NULL will do when there are none.
    pub fn slice<T: Plain>(&self, data: *const T, length: usize, argument: &'static str) -> Result<&'a [T], Failure> {
        if length == 0 {
            return Ok(&[]);
        }
        if data.is_null() {
            return Err(Failure::Null { argument });
        }
        if !data.is_aligned() {
            let reason = "it is not aligned as its type must be".to_owned();
            return Err(Failure::InvalidArgument { argument, reason });
        }
        if length > LONGEST / size_of::<T>() {
            return Err(Failure::InvalidArgument { argument, reason: format!("{length} are more than memory has") });
        }
        // SAFETY: it is an argument of this call's that points to so many; any bits are a `Plain` value.
        Ok(unsafe { std::slice::from_raw_parts(data, length) })
    }

    /// Where an output goes that the function cannot do without.
    pub fn out<T>(&self, out: *mut T, argument: &'static str) -> Result<Out<T>, Failure> {
        if out.is_null() { Err(Failure::Null { argument }) } else { Ok(Out(out)) }
    }

    /// Writes an output that the caller may not want.
    pub fn write<T>(&self, out: *mut T, value: impl FnOnce() -> T) {
        if let Ok(out) = self.out(out, "") {
            out.write(value());
        }
    }
}

impl<T> Out<T> {
    /// Writes the output, as the last thing that a function does.
    pub fn write(self, value: T) {
        // SAFETY: it is not NULL, and an argument of a call's that the caller lets us write to.
        unsafe { self.0.write(value) };
    }
}

impl<N: Noun> Out<*mut N> {
    /// Gives C a handle.
    pub fn give(self, value: N::Value) {
        self.write(handle::give::<N>(value));
    }
}

/// Types of which any bits are a value.
///
/// # Safety
///
/// No bits may be invalid.
pub unsafe trait Plain {}

// SAFETY: a byte may have any bits.
unsafe impl Plain for u8 {}
// SAFETY: an integer may have any bits.
unsafe impl Plain for i64 {}
// SAFETY: as above.
unsafe impl Plain for usize {}
// SAFETY: a float may have any bits.
unsafe impl Plain for f64 {}
// SAFETY: it is an integer and nothing else.
unsafe impl Plain for crate::MetricKey {}
// SAFETY: a pointer may have any bits as long as nobody follows it.
unsafe impl<T> Plain for *const T {}

/// Begins the call of a function with these arguments.
macro_rules! begin {
    ($error:expr) => {{
        // SAFETY: only arguments of this function are given to it, and its caller keeps to the header's conventions.
        unsafe { $crate::ffi::call::Call::new($error) }
    }};
    () => {
        begin!(std::ptr::null_mut())
    };
}
pub(super) use begin;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::options::{gnt_options, gnt_options_free, gnt_options_new, gnt_options_set_background};
    use crate::ffi::text::gnt_text;

    #[test]
    fn a_panic_stays_inside_and_poisons_the_handle() {
        let (mut options, mut error) = (std::ptr::null_mut::<gnt_options>(), std::ptr::null_mut());
        // SAFETY: both places may be written to.
        assert_eq!(unsafe { gnt_options_new(&raw mut options, &raw mut error) }, 0);
        let panicked = begin!(&raw mut error).run(|call| {
            call.exclusive(options, "options")?;
            panic!("a bug");
        });
        assert_eq!(panicked, gnt_status_code::GNT_PANIC as gnt_status);
        // SAFETY: the object was just written there, and is taken once.
        let object = unsafe { handle::take::<gnt_error>(error, "error") };
        assert_eq!(object.map(|object| object.status()).ok(), Some(panicked));
        // SAFETY: the handle is live, and nobody else uses it.
        let after = unsafe { gnt_options_set_background(options, true, std::ptr::null_mut()) };
        assert_eq!(after, gnt_status_code::GNT_POISONED as gnt_status);
        // SAFETY: as above; it is not used any more.
        unsafe { gnt_options_free(options) };
    }

    #[test]
    fn a_handle_of_another_kind_is_told_apart() {
        let text = handle::give::<gnt_text>(c"x".to_owned());
        let status = begin!().run(|call| call.shared(text.cast::<gnt_options>(), "options").map(drop));
        assert_eq!(status, gnt_status_code::GNT_WRONG_HANDLE as gnt_status);
        let crooked = text.cast::<u8>().wrapping_add(1).cast::<gnt_text>();
        let status = begin!().run(|call| call.shared(crooked, "text").map(drop));
        assert_eq!(status, gnt_status_code::GNT_WRONG_HANDLE as gnt_status);
        assert!(matches!(begin!().take(text, "text"), Ok(Some(_))));
    }
}
