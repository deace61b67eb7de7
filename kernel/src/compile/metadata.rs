//! `cargo metadata` for the analyser: this platform, and only the packages whose types appear in cells.
//!
//! The analyser reads every source file of every package that is named: 460 packages of all platforms, 380 MB of Rust,
//! most of which no cell can name.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::cargo::output_of;
use super::manifest::{LIBRARY, Manifest, Needs};
use super::{Place, become_program};
use snapshot::{METADATA, NOTEBOOK};

/// What the answer says in the place of a kernel's own folder.
pub const SLOT: &str = "@SLOT@";
/// Types of packages that are left out cannot be inferred in cells, so everything a cell may hold is kept.
const KEPT: [&str; 7] = [NOTEBOOK, LIBRARY, "anyhow", "image", "plotters", "polars", "tch"];
const KEPT_PREFIXES: [&str; 2] = ["plotters-", "polars-"];
/// The insides of file formats, which appear in no signature that a cell calls.
const INSIDES: [&str; 5] =
    ["polars-arrow-format", "polars-async", "polars-parquet", "polars-parquet-format", "polars-row"];
/// The package that evcxr makes up to see whether a dependency is there.
const VALIDATION: &str = "evcxr_dummy_validate_dep";

pub fn answer(place: &Place, arguments: &[String]) -> Result<u8> {
    let mut cargo = Command::new(&place.cargo);
    cargo.env_remove("CARGO").args(arguments);
    // The analyser names the workspace's manifest, or the crate's own.
    let manifests = [Some(place.slot.as_path()), place.slot.parent()];
    let asked = value_of(arguments, "--manifest-path").map(Path::new);
    let of_notebook = asked.is_some_and(|path| manifests.contains(&path.parent()));
    let manifest = Manifest::parse(&fs::read_to_string(place.slot.join("Cargo.toml")).unwrap_or_default());
    let project = place.snapshot.as_ref().map(|snapshot| snapshot.project.clone());
    let needs = project.as_deref().map(|project| manifest.needs(project));
    if !of_notebook {
        // That the library of this project is there need not be looked up.
        let known = manifest.name == VALIDATION && needs == Some(Needs::Library);
        return if known { Ok(0) } else { become_program(cargo) };
    }
    let alone = arguments.iter().any(|argument| argument == "--no-deps");
    if let (Some(Needs::Library | Needs::Nothing), Some(snapshot)) = (&needs, &place.snapshot)
        && let Ok(text) = fs::read_to_string(snapshot.folder.join(METADATA))
        && let Some(workspace) = place.slot.parent()
    {
        let text = text.replace(SLOT, &workspace.display().to_string());
        if needs == Some(Needs::Library) && !alone {
            print!("{text}");
        } else {
            print!("{}", keep(serde_json::from_str(&text)?, |name| name == NOTEBOOK));
        }
        return Ok(0);
    }
    if alone {
        return become_program(cargo);
    }
    if value_of(arguments, "--filter-platform").is_none()
        && let Some(target) = std::env::var_os("CARGO_BUILD_TARGET")
    {
        cargo.arg("--filter-platform").arg(target);
    }
    print!("{}", keep_packages(serde_json::from_str(&output_of(&mut cargo)?)?, |_| true));
    Ok(0)
}

fn value_of<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str())
}

/// The packages whose types appear in cells: the library's, of which cargo also names some that are not compiled, and a
/// person's own.
pub fn keep_packages(metadata: Value, compiled: impl Fn(&str) -> bool) -> Value {
    let packages = metadata["packages"].as_array();
    let notebook = packages.and_then(|all| all.iter().find(|package| package["name"] == NOTEBOOK));
    let own: HashSet<String> = notebook
        .and_then(|package| package["dependencies"].as_array())
        .map(|all| all.iter().filter_map(|each| each["name"].as_str().map(str::to_string)).collect())
        .unwrap_or_default();
    // Before the setup cell the notebook has no dependency, and there is nothing to read.
    let library = own.contains(LIBRARY);
    keep(metadata, |name| {
        let of_library = KEPT.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let read = of_library && !INSIDES.contains(&name) && (name == LIBRARY || compiled(name));
        name == NOTEBOOK || own.contains(name) || (library && read)
    })
}

/// Takes the packages that are not kept out of the list and out of the graph.
fn keep(mut metadata: Value, kept: impl Fn(&str) -> bool) -> Value {
    let retain = |list: &mut Value, keep: &dyn Fn(&Value) -> bool| {
        if let Some(list) = list.as_array_mut() {
            list.retain(keep);
        }
    };
    retain(&mut metadata["packages"], &|package| package["name"].as_str().is_some_and(&kept));
    let ids: HashSet<String> = metadata["packages"]
        .as_array()
        .map(|all| all.iter().filter_map(|package| package["id"].as_str().map(str::to_string)).collect())
        .unwrap_or_default();
    let known = |id: &Value| id.as_str().is_some_and(|id| ids.contains(id));
    for key in ["workspace_members", "workspace_default_members"] {
        retain(&mut metadata[key], &known);
    }
    if let Some(nodes) = metadata["resolve"]["nodes"].as_array_mut() {
        nodes.retain(|node| known(&node["id"]));
        for node in nodes {
            retain(&mut node["dependencies"], &known);
            retain(&mut node["deps"], &|each| known(&each["pkg"]));
        }
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(own: &[&str]) -> Value {
        let package = |name: &str, needs: &[&str]| {
            let needs: Vec<Value> = needs.iter().map(|name| json!({"name": name})).collect();
            json!({"name": name, "id": format!("{name}#1"), "dependencies": needs})
        };
        let node = |name: &str, needs: &[&str]| {
            let ids: Vec<String> = needs.iter().map(|name| format!("{name}#1")).collect();
            let deps: Vec<Value> = ids.iter().map(|id| json!({"pkg": id})).collect();
            json!({"id": format!("{name}#1"), "dependencies": ids, "deps": deps})
        };
        let library: &[&str] = &["polars", "windows"];
        json!({
            "packages": [package(NOTEBOOK, own), package(LIBRARY, library), package("polars", &[]),
                         package("windows", &[]), package("regex", &[])],
            "workspace_members": ["ctx#1", "pin#1"],
            "resolve": {"nodes": [node(NOTEBOOK, own), node(LIBRARY, library), node("polars", &[]), node("windows", &[])]},
        })
    }

    fn names(metadata: &Value) -> Vec<&str> {
        metadata["packages"].as_array().unwrap().iter().filter_map(|package| package["name"].as_str()).collect()
    }

    #[test]
    fn only_what_a_cell_can_hold_is_kept_and_the_graph_stays_whole() {
        let kept = keep_packages(metadata(&[LIBRARY]), |_| true);
        assert_eq!(names(&kept), [NOTEBOOK, LIBRARY, "polars"]);
        assert_eq!(kept["resolve"]["nodes"][1]["deps"], json!([{"pkg": "polars#1"}]));
        assert_eq!(kept["workspace_members"], json!(["ctx#1"]));
        assert_eq!(
            names(&keep_packages(metadata(&[LIBRARY, "regex"]), |_| true)),
            [NOTEBOOK, LIBRARY, "polars", "regex"]
        );
        assert_eq!(names(&keep_packages(metadata(&[]), |_| true)), [NOTEBOOK]);
        assert_eq!(names(&keep_packages(metadata(&[LIBRARY]), |_| false)), [NOTEBOOK, LIBRARY]);
    }
}
