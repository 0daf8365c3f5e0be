//! Which file imports from which.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::source::{Crate, ModulePath, Sources, is_test};

/// How many re-exports one name is followed through.
const MAX_REEXPORTS: usize = 8;

/// One file uses what another one defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub from: PathBuf,
    pub to: PathBuf,
    /// As it is written.
    pub path: String,
}

/// All files, and what they import; one import for each pair of them.
pub struct Graph {
    pub imports: Vec<Import>,
}

impl Graph {
    pub fn of(sources: &Sources) -> Self {
        let mut imports = BTreeMap::new();
        for within in &sources.crates {
            for (module_path, module) in &within.modules {
                for path in paths(within, module_path) {
                    let Some(to) = within.resolve(module_path, &path, 0) else { continue };
                    let to = &within.modules[&to].file;
                    if *to != module.file {
                        imports.entry((module.file.clone(), to.clone())).or_insert_with(|| path.join("::"));
                    }
                }
            }
        }
        let imports = imports.into_iter().map(|((from, to), path)| Import { from, to, path });
        Self { imports: imports.collect() }
    }

    /// Each circle by its imports. Of those that share files only one is found.
    pub fn circles(&self) -> Vec<Vec<Import>> {
        let mut left: BTreeSet<&Import> = self.imports.iter().collect();
        let mut circles = Vec::new();
        loop {
            // What imports nothing that is left is in no circle.
            loop {
                let ends: BTreeSet<&Path> = left.iter().map(|import| &*import.from).collect();
                let before = left.len();
                left.retain(|import| ends.contains(&*import.to));
                if left.len() == before {
                    break;
                }
            }
            let Some(first) = left.first() else { return circles };
            let mut walked = vec![*first];
            let circle = loop {
                let here = &walked[walked.len() - 1].to;
                if let Some(start) = walked.iter().position(|import| import.from == *here) {
                    break walked.split_off(start);
                }
                walked.extend(left.iter().find(|import| import.from == *here));
            };
            left.retain(|import| !circle.iter().any(|other| other.from == import.from));
            circles.push(circle.into_iter().cloned().collect());
        }
    }
}

/// Every path that a module's code names. What it only re-exports from the modules within is no import.
fn paths(within: &Crate, module_path: &ModulePath) -> BTreeSet<Vec<String>> {
    let module = &within.modules[module_path];
    let mut named = Paths::default();
    for item in &module.items {
        named.visit_item(item);
    }
    for used in &module.uses {
        let target = within.resolve(module_path, &used.path, 0);
        let is_within = target.is_some_and(|target| target.starts_with(module_path));
        if !(used.public && is_within) || named.found.iter().any(|path| path[0] == used.name) {
            named.found.insert(used.path.clone());
        }
    }
    named.found
}

#[derive(Default)]
struct Paths {
    found: BTreeSet<Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    /// `pub(super)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.found.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.read_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

impl Paths {
    /// `a::b::c` among a macro's arguments, which nobody parses.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                other => {
                    self.found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.read_tokens(group.stream());
                    }
                }
            }
        }
        self.found.extend((!path.is_empty()).then_some(path));
    }
}

impl Crate {
    /// The module that defines what `path` names in the module `from`; none if that is another crate's.
    fn resolve(&self, from: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        match &**first {
            "crate" => self.descend(Vec::new(), rest, depth),
            "self" => self.descend(from.clone(), rest, depth),
            "super" => {
                let (_, above) = from.split_last()?;
                if rest.first().is_some_and(|next| next == "super") {
                    return self.resolve(&above.to_vec(), rest, depth);
                }
                self.descend(above.to_vec(), rest, depth)
            }
            // A name of this module: one of the modules within, or one that it imports.
            _ => {
                let mut inner = from.clone();
                inner.push(first.clone());
                if self.modules.contains_key(&inner) {
                    return self.descend(inner, rest, depth);
                }
                let used = self.modules[from].uses.iter().find(|used| used.name == *first)?;
                if depth > MAX_REEXPORTS || used.path == *path {
                    return None;
                }
                self.resolve(from, &[used.path.as_slice(), rest].concat(), depth + 1)
            }
        }
    }

    fn descend(&self, module: ModulePath, rest: &[String], depth: usize) -> Option<ModulePath> {
        let Some((first, below)) = rest.split_first() else { return Some(module) };
        let mut inner = module.clone();
        inner.push(first.clone());
        if self.modules.contains_key(&inner) {
            return self.descend(inner, below, depth);
        }
        let uses = &self.modules.get(&module)?.uses;
        if depth <= MAX_REEXPORTS {
            if let Some(used) = uses.iter().find(|used| used.name == *first) {
                return self.resolve(&module, &[used.path.as_slice(), below].concat(), depth + 1);
            }
            let mut globs = uses.iter().filter(|used| used.public && used.name == "*");
            let through = globs.find_map(|used| {
                let target = self.resolve(&module, &used.path, depth + 1)?;
                self.defines(&target, first).then_some(target)
            });
            if through.is_some() {
                return through;
            }
        }
        Some(module)
    }

    fn defines(&self, module: &ModulePath, name: &str) -> bool {
        self.modules[module].items.iter().any(|item| match item {
            syn::Item::Const(item) => item.ident == name,
            syn::Item::Enum(item) => item.ident == name,
            syn::Item::Fn(item) => item.sig.ident == name,
            syn::Item::Static(item) => item.ident == name,
            syn::Item::Struct(item) => item.ident == name,
            syn::Item::Trait(item) => item.ident == name,
            syn::Item::Type(item) => item.ident == name,
            _ => false,
        })
    }
}
