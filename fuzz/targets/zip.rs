//! The zip form of `torch.save`: the input is the zip, and the pickle in a sound one.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lgf_fuzz::check(bytes);
    lgf_fuzz::check(&lgf_fuzz::packed(bytes));
});
