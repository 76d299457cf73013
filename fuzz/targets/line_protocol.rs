//! See `line_protocol` of the library beside.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gnocchetti_fuzz::line_protocol(data));
