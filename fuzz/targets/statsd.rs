//! See `statsd` of the library beside.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gnocchetti_fuzz::statsd(data));
