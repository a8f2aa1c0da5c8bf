#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| extract_job::fuzzing::package(bytes));
