//! What a notebook's Cargo.toml, as evcxr writes it, asks for.

use std::path::Path;

/// The library's name as a package.
pub const LIBRARY: &str = "local-global-features";

/// The lines of a notebook's Cargo.toml that differ from notebook to notebook.
#[derive(Debug, PartialEq)]
pub struct Manifest {
    pub name: String,
    pub opt_level: String,
    pub dependencies: Vec<String>,
}

/// What a notebook depends on.
#[derive(Debug, PartialEq)]
pub enum Needs {
    Nothing,
    /// The library of this project and nothing else.
    Library,
    /// Packages of the person's own.
    Others,
}

impl Manifest {
    pub fn parse(text: &str) -> Self {
        let mut section = "";
        let mut manifest = Manifest { name: String::new(), opt_level: "2".into(), dependencies: vec![] };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with('[') {
                section = line;
            } else if section == "[dependencies]" {
                manifest.dependencies.push(line.to_string());
            } else if let Some((key, value)) = line.split_once('=') {
                let value = value.trim().trim_matches('"').to_string();
                match (section, key.trim()) {
                    ("[package]", "name") => manifest.name = value,
                    ("[profile.dev]", "opt-level") => manifest.opt_level = value,
                    _ => {}
                }
            }
        }
        manifest.dependencies.sort();
        manifest
    }

    pub fn needs(&self, project: &Path) -> Needs {
        match &self.dependencies[..] {
            [] => Needs::Nothing,
            [line] if is_library(line, project) => Needs::Library,
            _ => Needs::Others,
        }
    }

    /// Whether a package of the person's own lies in a folder, where it can change at any time.
    pub fn has_own_folder(&self, project: &Path) -> bool {
        self.dependencies.iter().any(|line| line.contains("path") && !is_library(line, project))
    }
}

/// Whether a line is `local-global-features = { path = "PROJECT" }` and says nothing more.
fn is_library(line: &str, project: &Path) -> bool {
    let Some((name, what)) = line.split_once('=') else { return false };
    let inside = what.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let path = inside.and_then(|inside| inside.trim().strip_prefix("path")).map(str::trim_start);
    let path = path.and_then(|rest| rest.strip_prefix('=')).map(|value| value.trim().trim_matches('"'));
    name.trim() == LIBRARY && path.is_some_and(|path| Path::new(path) == project)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(dependencies: &str) -> Manifest {
        Manifest::parse(&format!(
            "[package]\nname = \"ctx\"\n[profile.dev]\nopt-level = 1\n\n[dependencies]\n{dependencies}\n"
        ))
    }

    #[test]
    fn only_the_library_by_itself_is_the_plain_case() {
        let project = Path::new("/a/project");
        let ours = "local-global-features = { path = \"/a/project\" }";
        assert_eq!(manifest("").needs(project), Needs::Nothing);
        assert_eq!(manifest(ours).needs(project), Needs::Library);
        for other in [
            "local-global-features = { path = \"/another/project\" }",
            "local-global-features = { path = \"/a/project\", default-features = false }",
            "local-global-features = \"0.1\"",
            "regex = \"1\"",
        ] {
            assert_eq!(manifest(other).needs(project), Needs::Others, "{other}");
        }
        let both = manifest(&format!("regex = \"1\"\n{ours}"));
        assert_eq!(both.needs(project), Needs::Others);
        assert!(!both.has_own_folder(project) && manifest("mine = { path = \"/mine\" }").has_own_folder(project));
        assert_eq!((both.name.as_str(), both.opt_level.as_str()), ("ctx", "1"));
    }
}
