//! Names that a person gives: of networks, classes, sets, studies. Each becomes a part of a path, and of a table's
//! name.

use std::collections::HashMap;

use crate::error::{Code, Error, Result};

/// Bytes of a name: a file name has 255 at most, and more than a name stands in it.
const MAX_BYTES: usize = 100;

/// Whether a name may stand in a path: one part of it, in any script, with spaces, of at most 100 bytes. `kind` is
/// what is named, for the message.
///
/// ```
/// use lgf::files::check_name;
///
/// check_name("network", "ResNet-50 (außen), 第2版")?;
/// assert!(check_name("network", "../../b").is_err());
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`] for a name that is empty or too long, begins with a dot, or holds a separator or a control
/// character.
pub fn check_name(kind: &str, name: &str) -> Result<()> {
    let why = if name.trim().is_empty() {
        "it is empty".to_string()
    } else if name.len() > MAX_BYTES {
        format!("it has {} bytes, at most {MAX_BYTES}", name.len())
    } else if name.starts_with('.') {
        "it begins with a dot".to_string()
    } else if let Some(separator) = name.chars().find(|letter| ['/', '\\'].contains(letter)) {
        format!("it holds {separator}, and becomes one part of a path")
    } else if let Some(control) = name.chars().find(|letter| letter.is_control()) {
        format!("it holds the control character {control:?}")
    } else {
        return Ok(());
    };
    let shown: String = name.chars().take(60).collect();
    Err(Error::new(Code::Parameter, format!("{shown:?} cannot be the name of a {kind}: {why}"))
        .hint("give another name: any script and spaces will do"))
}

/// Whether names may stand beside each other: each as [`check_name`] has it, and none twice, in upper or lower case.
///
/// # Errors
/// [`Code::Parameter`] for the first that may not.
pub fn check_names<'n>(kind: &str, names: impl IntoIterator<Item = &'n str>) -> Result<()> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for name in names {
        check_name(kind, name)?;
        if let Some(other) = seen.insert(name.to_lowercase(), name) {
            let found = match other == name {
                true => format!("two of the {kind} names are {name:?}"),
                false => format!("the {kind} names {other:?} and {name:?} differ in case alone"),
            };
            return Err(Error::new(Code::Parameter, found)
                .hint("give each a name of its own: results are kept under it, on some disks whatever its case"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_86_a_name_that_leaves_its_folder_or_cannot_be_written_is_refused() {
        let long = "a".repeat(101);
        for (name, why) in [
            ("", "empty"),
            ("  ", "empty"),
            (".", "dot"),
            ("..", "dot"),
            (".hidden", "dot"),
            ("../../b", "dot"),
            ("a/b", "holds /"),
            ("/etc", "holds /"),
            ("a\\b", "holds \\"),
            ("a\0b", "'\\0'"),
            ("a\nb", "'\\n'"),
            (&long, "101 bytes"),
        ] {
            let error = check_name("network", name).unwrap_err();
            assert_eq!(error.code(), Code::Parameter);
            assert!(error.to_string().contains(why) && error.to_string().contains("network"), "{name:?}: {error}");
        }
        for name in ["resnet50", "ResNet 50, v1.5 (außen)", "第2版", "a..b", "a=b", "é", &long[..100]] {
            check_name("network", name).unwrap();
        }
    }

    #[test]
    fn bad_input_86_of_two_names_alike_but_for_their_case_the_second_is_refused() {
        check_names("class", ["a", "b", "ab"]).unwrap();
        let twice = check_names("network", ["a", "b", "a"]).unwrap_err().to_string();
        assert!(twice.contains("two of the network names are \"a\""), "{twice}");
        let case = check_names("network", ["ÄB", "äb"]).unwrap_err().to_string();
        assert!(case.contains("\"ÄB\" and \"äb\" differ in case alone"), "{case}");
        assert!(check_names("network", ["a", "b/c"]).unwrap_err().to_string().contains("holds /"));
    }
}
