//! Imports point downwards: in the crates with layers no module imports from a layer above its own, and nowhere in
//! the workspace do files import each other in a circle. Between crates cargo sees to both.
//!
//! The sources are read, not compiled: `use` lines, paths in code and paths in macros' arguments. What stands below
//! `#[cfg(test)]` may import what it likes.

#![cfg(test)]

mod graph;
mod source;

use std::path::{Path, PathBuf};

use graph::Graph;
use source::Sources;

/// The layers of a crate's sources, the lowest first. A module belongs to the layer with the longest matching path.
const LAYERS: [(&str, &[&str]); 2] = [
    ("operator/core/src", &["api", "model", "nginx", "manifests", "observed", "plan", "status", "lib"]),
    (
        "operator/src",
        &[
            "process",
            "cluster/watch",
            "cluster/read",
            "cluster/write",
            "cluster",
            "controller",
            "args",
            "lib",
            "main",
        ],
    ),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn graph() -> Graph {
    Graph::of(&Sources::of_workspace(&workspace()))
}

#[test]
fn modules_import_only_from_the_layers_below() {
    let graph = graph();
    let mut faults = Vec::new();
    for (directory, layers) in LAYERS {
        let within = graph.imports.iter().filter(|import| import.from.starts_with(directory));
        for import in within.filter(|import| import.to.starts_with(directory)) {
            let rank = |file: &Path| {
                layer_of(file, directory, layers)
                    .unwrap_or_else(|| panic!("{} is in no layer: add it to LAYERS", file.display()))
            };
            let (from, to) = (rank(&import.from), rank(&import.to));
            if to > from {
                faults.push(format!(
                    "{} ({}) imports {} from {} ({}), a layer above it",
                    import.from.display(),
                    layers[from],
                    import.path,
                    import.to.display(),
                    layers[to]
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The index of a file's layer.
fn layer_of(file: &Path, directory: &str, layers: &[&str]) -> Option<usize> {
    let module = file.strip_prefix(directory).ok()?.with_extension("");
    let all = layers.iter().enumerate().filter(|(_, layer)| module.starts_with(layer));
    all.max_by_key(|(_, layer)| layer.len()).map(|(index, _)| index)
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles = graph().circles();
    let told: Vec<String> = circles
        .iter()
        .map(|circle| {
            let steps = circle.iter().map(|import| {
                format!("  {} imports {} from {}", import.from.display(), import.path, import.to.display())
            });
            format!("a circle:\n{}", steps.collect::<Vec<_>>().join("\n"))
        })
        .collect();
    assert!(circles.is_empty(), "{}", told.join("\n"));
}

/// The tests above find nothing if nothing is read.
#[test]
fn each_way_to_import_is_seen() {
    let graph = Graph::of(&Sources::of_crate(Path::new("a/src"), |file| {
        let text = match file.to_str()? {
            "a/src/lib.rs" => "mod low; mod high; pub use high::Thing; fn f() { low::g() }",
            "a/src/low.rs" => {
                "fn g() { println!(\"{}\", crate::high::inner::X) } #[cfg(test)] mod tests { use super::*; }"
            }
            "a/src/high/mod.rs" => "mod inner; pub use inner::X; pub struct Thing;",
            "a/src/high/inner.rs" => "use crate::Thing; pub const X: i32 = 0;",
            _ => return None,
        };
        Some(text.to_owned())
    }));
    let seen: Vec<String> = graph
        .imports
        .iter()
        .map(|import| format!("{} -> {}", import.from.display(), import.to.display()))
        .collect();
    assert_eq!(
        seen,
        [
            "a/src/high/inner.rs -> a/src/high/mod.rs",
            "a/src/lib.rs -> a/src/low.rs",
            "a/src/low.rs -> a/src/high/inner.rs",
        ]
    );
    assert!(graph.circles().is_empty());
}
