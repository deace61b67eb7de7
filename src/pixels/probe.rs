//! What must hold of pictures, whatever their files hold.

use super::decode::size_in;
use super::*;
use crate::error::Code;
use crate::readers::read;

/// A picture of any kind: one within the limits, that has the size that its header says and comes back as PNG, or one error.
pub(crate) fn picture(bytes: &[u8]) -> bool {
    let limits = Limits { pixels: 1 << 20, ..Limits::default() };
    let decoded = |limits: &Limits| {
        let decoded = decode_bytes(bytes, limits);
        assert!(decoded.as_ref().err().is_none_or(|error| error.code() != Code::Decoder), "the decoder panicked");
        read(decoded)
    };
    let (picture, filled) = (decoded(&limits), decoded(&Limits { cut: Cut::Fill, ..limits }));
    let size = read(size_in(bytes));
    if let Some(filled) = &filled {
        assert!(u64::from(filled.width()) * u64::from(filled.height()) <= limits.pixels);
        assert_eq!(size, Some((filled.height(), filled.width())));
        let again = encode_png(filled).and_then(|png| decode_bytes(&png, &limits));
        assert!(again.is_ok_and(|again| again == *filled));
    }
    if let Some(picture) = &picture {
        assert!(filled.as_ref() == Some(picture), "a whole picture is filled in");
    }
    picture.is_some()
}
