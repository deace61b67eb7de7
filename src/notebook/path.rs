//! Paths of files that were written, as links.

use std::path::{Component, Path, PathBuf};

use maud::html;

use super::show::Show;

/// A path as a link to the file, where it lies in the project; its plain text is the path.
impl Show for PathBuf {
    fn html(&self) -> String {
        link(self, &self.display().to_string())
    }

    fn text(&self) -> String {
        self.display().to_string()
    }
}

/// The link to a data root elsewhere, beside the notebooks that people work on.
const RESULTS: &str = "results";

/// Words that lead to a file, as HTML: a link for a file in the project of the notebook or in the data root that lies
/// beside it as `results`, else the words alone.
pub(crate) fn link(path: &Path, words: &str) -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    let project = folder.ancestors().find(|folder| folder.join("Cargo.toml").exists());
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let way = match project.filter(|project| path.starts_with(project)) {
        Some(_) => Some(from(&folder, &path)),
        None => in_results(&folder, &path),
    };
    match way {
        Some(way) => html! { a href=(address(&way)) target="_blank" { (words) } }.into_string(),
        None => html! { span { (words) } }.into_string(),
    }
}

/// The way to a file through the folder of results.
fn in_results(folder: &Path, path: &Path) -> Option<PathBuf> {
    let root = folder.join(RESULTS).canonicalize().ok()?;
    let inside = path.canonicalize().ok()?.strip_prefix(root).ok()?.to_path_buf();
    Some(Path::new(RESULTS).join(inside))
}

/// The way from a folder, where a cell runs beside its notebook, to a file.
fn from(folder: &Path, path: &Path) -> PathBuf {
    let same = folder.components().zip(path.components()).take_while(|(ours, theirs)| ours == theirs).count();
    let up = folder.components().skip(same).map(|_| Component::ParentDir);
    up.chain(path.components().skip(same)).collect()
}

/// A path as the address of a link.
fn address(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(byte);
    path.to_string_lossy()
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_from_the_notebooks_to_the_file() {
        let way = from(Path::new("/p/notebooks"), Path::new("/p/data/out/a b#.html"));
        assert_eq!(address(&way), "../data/out/a%20b%23.html");
        assert_eq!(from(Path::new("/p"), Path::new("/p/x")), Path::new("x"));
    }

    #[test]
    fn a_data_root_elsewhere_is_reached_through_results() {
        let space = tempfile::tempdir().unwrap();
        let (work, root) = (space.path().join("work"), space.path().join("root"));
        std::fs::create_dir_all(root.join("figures")).unwrap();
        std::fs::create_dir_all(&work).unwrap();
        std::fs::write(root.join("figures/a.svg"), "").unwrap();
        std::os::unix::fs::symlink(&root, work.join(RESULTS)).unwrap();
        let way = in_results(&work, &root.join("figures/a.svg"));
        assert_eq!(way.as_deref(), Some(Path::new("results/figures/a.svg")));
        assert_eq!(in_results(&work, Path::new("/elsewhere")), None);
    }

    #[test]
    fn only_files_of_the_project_are_linked() {
        assert!(link(Path::new("data/out/report.html"), "report").contains("href=\"data/out/report.html\""));
        assert_eq!(link(Path::new("/elsewhere/<x>"), "<x>"), "<span>&lt;x&gt;</span>");
        assert_eq!(PathBuf::from("a/b").text(), "a/b");
    }
}
