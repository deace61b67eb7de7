//! The old form of `torch.save`: the input is the file.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lgf_fuzz::check(bytes);
});
