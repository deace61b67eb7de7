//! What must hold of decision files, whatever stands in them.

use super::file::{parse, write_to};
use crate::readers::read;

/// A decision file: trials that come back as they are when they are written again, or one error.
pub(crate) fn decisions(bytes: &[u8]) -> bool {
    let found = read(parse(bytes));
    if let Some(found) = &found {
        let mut text = Vec::new();
        write_to(&mut text, found).expect("it is in memory");
        // Numbers that are none are not equal to themselves.
        assert_eq!(format!("{:?}", read(parse(&text[..]))), format!("{:?}", Some(found)));
    }
    found.is_some()
}
