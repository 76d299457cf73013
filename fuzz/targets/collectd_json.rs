//! See `collectd_json` of the library beside.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gnocchetti_fuzz::collectd_json(data));
