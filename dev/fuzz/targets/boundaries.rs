#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| transform_job::fuzzing::boundaries(bytes));
