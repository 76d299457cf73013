//! `gnt_error`: what went wrong, as an object that the caller owns.

mod details;

use std::ffi::{CString, c_char};

use super::call::begin;
use super::handle::Noun;
use super::status::{gnt_status, gnt_status_code};
use super::text::cstring;
use crate::Error;
pub use details::of_corruption;

/// Why a call from C failed.
#[derive(Debug)]
pub enum Failure {
    /// The library says so.
    Library(Error),
    Null {
        argument: &'static str,
    },
    WrongHandle {
        argument: &'static str,
        expected: &'static str,
    },
    InvalidUtf8 {
        argument: &'static str,
        valid: usize,
    },
    Panic {
        said: String,
    },
    Poisoned {
        argument: &'static str,
    },
    InvalidJson {
        argument: &'static str,
        reason: String,
    },
    InvalidArgument {
        argument: &'static str,
        reason: String,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Library(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Library(error) => write!(f, "{error}"),
            Failure::Null { argument } => write!(f, "argument `{argument}` is NULL"),
            Failure::WrongHandle { argument, expected } => {
                write!(f, "argument `{argument}` is no live {expected}: it was freed, or is something else")
            }
            Failure::InvalidUtf8 { argument, valid } => {
                write!(f, "argument `{argument}` is not UTF-8 from byte {valid} on")
            }
            Failure::Panic { said } => write!(f, "the library panicked, please report it: {said}"),
            Failure::Poisoned { argument } => {
                write!(f, "an earlier call on `{argument}` panicked: it may be freed, nothing else")
            }
            Failure::InvalidJson { argument, reason } => write!(f, "argument `{argument}` cannot be read: {reason}"),
            Failure::InvalidArgument { argument, reason } => {
                write!(f, "argument `{argument}` cannot be taken: {reason}")
            }
        }
    }
}

impl Failure {
    /// The number for C.
    pub fn status(&self) -> gnt_status {
        let code = match self {
            Failure::Library(error) => return error.code(),
            Failure::Null { .. } => gnt_status_code::GNT_NULL_POINTER,
            Failure::WrongHandle { .. } => gnt_status_code::GNT_WRONG_HANDLE,
            Failure::InvalidUtf8 { .. } => gnt_status_code::GNT_INVALID_UTF8,
            Failure::Panic { .. } => gnt_status_code::GNT_PANIC,
            Failure::Poisoned { .. } => gnt_status_code::GNT_POISONED,
            Failure::InvalidJson { .. } => gnt_status_code::GNT_INVALID_JSON,
            Failure::InvalidArgument { .. } => gnt_status_code::GNT_INVALID_ARGUMENT,
        };
        code as gnt_status
    }

    /// The object for C.
    pub fn into_object(self) -> ErrorObject {
        let details = details::of(&self).to_string();
        ErrorObject { status: self.status(), message: cstring(self.to_string()), details: cstring(details) }
    }
}

/// What a `gnt_error` holds.
pub struct ErrorObject {
    status: gnt_status,
    message: CString,
    details: CString,
}

#[cfg(test)]
impl ErrorObject {
    pub(in crate::ffi) fn status(&self) -> gnt_status {
        self.status
    }
}

/// What went wrong: a number, a message for people, and details for programs. The caller owns it.
pub enum gnt_error {}

impl Noun for gnt_error {
    type Value = ErrorObject;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:erro");
    const NAME: &'static str = "gnt_error";
}

/// The number of the error: what the function returned. GNT_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_error_status(error: *const gnt_error) -> gnt_status {
    begin!().value(0, |call| Ok(call.shared(error, "error")?.status))
}

/// What was wrong, with which value, where, and what to do: UTF-8, ended by a NUL, valid until the error is freed. An empty
/// text for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_error_message(error: *const gnt_error) -> *const c_char {
    begin!().value(c"".as_ptr(), |call| Ok(call.shared(error, "error")?.message.as_ptr()))
}

/// The parts of the error as a JSON object, by the names that Rust has for them: for GNT_CORRUPT `file`, `offset`, `metric`,
/// `first`, `last` and `what`; for GNT_LOCKED `path` and `pid`; and so on. UTF-8, ended by a NUL, valid until the error is
/// freed. `{}` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_error_details(error: *const gnt_error) -> *const c_char {
    begin!().value(c"{}".as_ptr(), |call| Ok(call.shared(error, "error")?.details.as_ptr()))
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_error_free(error: *mut gnt_error) {
    begin!().value((), |call| call.take(error, "error").map(drop));
}
