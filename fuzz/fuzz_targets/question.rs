#![no_main]
#![allow(missing_docs, reason = "the macro's own function")]

libfuzzer_sys::fuzz_target!(|data: &[u8]| admitone_fuzz::question(data));
