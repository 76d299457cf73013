//! Which library it is that a program found at run time.

use std::ffi::c_char;

/// The version of the library, such as `0.1.0`: ended by a NUL, valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn gnt_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the ABI, the X of `libgnocchetti.so.X`: the library fits a program that was compiled with a header whose
/// GNT_ABI_VERSION is the same.
#[unsafe(no_mangle)]
pub extern "C" fn gnt_abi_version() -> u32 {
    GNT_ABI_VERSION
}

/// The version of the ABI that this header describes.
pub const GNT_ABI_VERSION: u32 = 0;
