//! The code that runs a step, as a part of its key.

/// The room whose code a step is, and the step's name.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a>(pub &'static str, pub &'a str);

/// The hash of the sources of a room and of all rooms that it uses, comments and tests left out, and of the crates that the
/// library is built from. Empty for a room without steps, such as one that only shows.
pub(crate) fn code_of(room: &str) -> &'static str {
    let of_room = |part: &'static str| part.strip_prefix(room)?.strip_prefix('=');
    env!("LGF_CODE").split(';').find_map(of_room).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_that_runs_a_step_has_its_code() {
        for room in ["bbox", "edges", "datasets", "inference", "relevance", "overlap", "analysis", "sample"] {
            assert_eq!(code_of(room).len(), 32, "{room}");
        }
        assert_ne!(code_of("bbox"), code_of("edges"));
        for shown in ["notebook", "plots", "report", "bin", "bb", ""] {
            assert_eq!(code_of(shown), "", "{shown}");
        }
    }
}
