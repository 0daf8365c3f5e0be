//! The modules of the workspace's crates, as their sources say.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use syn::{Attribute, Item, ItemMod, UseTree, Visibility};

/// A module by the names that lead to it from the root of its crate.
pub type ModulePath = Vec<String>;

/// One module: where it stands, and what its names mean.
#[derive(Default)]
pub struct Module {
    pub file: PathBuf,
    /// Everything in it but its tests and the modules within.
    pub items: Vec<Item>,
    /// Names that a `use` brings, each with its path. `*` stands for all of a module.
    pub uses: Vec<Use>,
}

/// One name of a `use`.
pub struct Use {
    pub name: String,
    pub path: Vec<String>,
    /// Others may use the name by this module's path.
    pub public: bool,
}

/// One crate: a library, a program, or a test.
pub struct Crate {
    pub modules: BTreeMap<ModulePath, Module>,
}

/// All crates of the workspace.
pub struct Sources {
    pub crates: Vec<Crate>,
}

impl Sources {
    /// Each library, program, test and example of the workspace's packages.
    pub fn of_workspace(workspace: &Path) -> Self {
        let cargo = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
            .current_dir(workspace)
            .output()
            .expect("cargo metadata");
        let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("JSON of cargo metadata");
        let packages = metadata["packages"].as_array().expect("packages");
        let targets = packages.iter().flat_map(|package| package["targets"].as_array().expect("targets"));
        let files = targets.map(|target| Path::new(target["src_path"].as_str().expect("a path")));
        let read = |file: &Path| fs::read_to_string(workspace.join(file)).ok();
        let crates =
            files.map(|file| Crate::read(file.strip_prefix(workspace).expect("a file of ours"), &read));
        Self { crates: crates.collect() }
    }

    /// One library, for this test's own tests.
    pub fn of_crate(directory: &Path, read: impl Fn(&Path) -> Option<String>) -> Self {
        Self { crates: vec![Crate::read(&directory.join("lib.rs"), &read)] }
    }
}

impl Crate {
    fn read(root: &Path, read: &impl Fn(&Path) -> Option<String>) -> Self {
        let mut this = Self { modules: BTreeMap::new() };
        let directory = root.parent().expect("a directory");
        this.add_file(Vec::new(), root, directory, read);
        this
    }

    /// `directory` is where the files of the modules within are.
    fn add_file(
        &mut self,
        path: ModulePath,
        file: &Path,
        directory: &Path,
        read: &impl Fn(&Path) -> Option<String>,
    ) {
        let text = read(file).unwrap_or_else(|| panic!("{} can't be read", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if !is_test(&parsed.attrs) {
            self.add(path, file, directory, parsed.items, read);
        }
    }

    fn add(
        &mut self,
        path: ModulePath,
        file: &Path,
        directory: &Path,
        items: Vec<Item>,
        read: &impl Fn(&Path) -> Option<String>,
    ) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items {
            match item {
                Item::Mod(within) if !is_test(&within.attrs) => {
                    let inner = [path.as_slice(), &[within.ident.to_string()]].concat();
                    self.add_within(inner, file, directory, within, read);
                }
                Item::Use(item) if !is_test(&item.attrs) => {
                    let public = !matches!(item.vis, Visibility::Inherited);
                    flatten(&item.tree, Vec::new(), public, &mut module.uses);
                }
                Item::Mod(_) | Item::Use(_) => {}
                item => module.items.push(item),
            }
        }
        self.modules.insert(path, module);
    }

    fn add_within(
        &mut self,
        path: ModulePath,
        file: &Path,
        directory: &Path,
        module: ItemMod,
        read: &impl Fn(&Path) -> Option<String>,
    ) {
        let name = module.ident.to_string();
        let below = directory.join(&name);
        if let Some((_, items)) = module.content {
            return self.add(path, file, &below, items, read);
        }
        let elsewhere = module.attrs.iter().find_map(path_attribute);
        let beside = directory.join(format!("{name}.rs"));
        let found = match elsewhere {
            Some(elsewhere) => normalised(&file.parent().expect("a directory").join(elsewhere)),
            None if read(&beside).is_some() => beside,
            None => below.join("mod.rs"),
        };
        self.add_file(path, &found, &below, read);
    }
}

/// Is it compiled only for the tests within the crate?
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
    pair.path.is_ident("path").then(|| text.value())
}

/// Without `..`, so that one file has one name.
fn normalised(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}

fn flatten(tree: &UseTree, mut path: Vec<String>, public: bool, into: &mut Vec<Use>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten(&step.tree, path, public, into);
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, path.clone(), public, into);
            }
        }
        UseTree::Name(name) if name.ident == "self" => {
            into.push(Use { name: path.last().cloned().unwrap_or_default(), path, public });
        }
        UseTree::Name(name) => {
            path.push(name.ident.to_string());
            into.push(Use { name: name.ident.to_string(), path, public });
        }
        UseTree::Rename(renamed) => {
            if renamed.ident != "self" {
                path.push(renamed.ident.to_string());
            }
            into.push(Use { name: renamed.rename.to_string(), path, public });
        }
        UseTree::Glob(_) => into.push(Use { name: "*".into(), path, public }),
    }
}
