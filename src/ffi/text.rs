//! `gnt_text`: a text that the library gives and the caller owns; the shapes in which texts are shown inside of handles; and
//! what texts that say a time mean, for bindings.

use std::ffi::{CString, c_char};

use super::call::begin;
use super::error::gnt_error;
use super::handle::Noun;
use super::status::gnt_status;
use crate::{Timespan, Timestamp};

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

/// The point in time that a text says, in ns since the epoch: ISO 8601 (UTC unless it says otherwise), seconds since the epoch,
/// or relative to `now`, which is in ns too: `now`, `-1 hour`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_parse_timestamp(
    text: *const c_char,
    text_length: usize,
    now: i64,
    timestamp: *mut i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let text = call.text(text, text_length, "text")?;
        let out = call.out(timestamp, "timestamp")?;
        out.write(Timestamp::parse_at(text, Timestamp::from_nanos(now)?)?.nanos());
        Ok(())
    })
}

/// The length of time that a text says, in ns: `5 minutes`, `1h30m`, `00:05:00`, or seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gnt_parse_timespan(
    text: *const c_char,
    text_length: usize,
    timespan: *mut i64,
    error: *mut *mut gnt_error,
) -> gnt_status {
    begin!(error).run(|call| {
        let text = call.text(text, text_length, "text")?;
        let out = call.out(timespan, "timespan")?;
        out.write(text.parse::<Timespan>()?.nanos());
        Ok(())
    })
}
