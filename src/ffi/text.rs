//! `gnt_text`: a text that the library gives and the caller owns; and the shapes in which texts are shown inside of handles.

use std::ffi::{CString, c_char};

use super::call::begin;
use super::handle::Noun;

/// A text that the library gives, JSON mostly. The caller owns it.
pub enum gnt_text {}

impl Noun for gnt_text {
    type Value = CString;
    const TAG: u64 = u64::from_le_bytes(*b"gnt:text");
    const NAME: &'static str = "gnt_text";
}

/// A text inside of something that the library owns: UTF-8, ended by a NUL that `length` does not count. `data` is NULL when
/// there is none.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gnt_string {
    /// The text.
    pub data: *const c_char,
    /// Its bytes.
    pub length: usize,
}

/// The text with a NUL behind it. C takes the first NUL for the end, so those inside become U+FFFD.
pub fn cstring(text: String) -> CString {
    let clean = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    CString::new(clean).unwrap_or_default()
}

/// A text as C sees it for as long as its owner lives.
pub fn shown(text: Option<&CString>) -> gnt_string {
    match text {
        Some(text) => gnt_string { data: text.as_ptr(), length: text.as_bytes().len() },
        None => gnt_string { data: std::ptr::null(), length: 0 },
    }
}

/// The text: UTF-8, ended by a NUL, valid until it is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_text_data(text: *const gnt_text) -> *const c_char {
    begin!().value(std::ptr::null(), |call| Ok(call.shared(text, "text")?.as_ptr()))
}

/// How many bytes the text has, its NUL not counted. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_text_length(text: *const gnt_text) -> usize {
    begin!().value(0, |call| Ok(call.shared(text, "text")?.as_bytes().len()))
}

/// Frees a text. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_text_free(text: *mut gnt_text) {
    begin!().value((), |call| call.take(text, "text").map(drop));
}
