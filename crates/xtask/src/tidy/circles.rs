//! Circles of imports inside a target.
//!
//! In: the files of a target. Out: each group of files, and each group of folders below the root, that cannot be read
//! one after the other, because each leads back to the others. An arrow goes from the file that names a thing to the
//! file that defines it: a name that is passed on by `use` is followed to where it stands. What macros are given is not
//! looked into.
//!
//! Example: `lib.rs` says `pub use a::Depth;`, `a.rs` defines it, and `b.rs`, of which `a.rs` uses something, says
//! `crate::Depth`. Then `a -> b` and `b -> a` are a circle; `lib.rs`, which only passes the name on, is not in it.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Item, UseTree, Visibility,
    visit::{self, Visit},
};

use super::tree::{Module, Target};

/// Imports that are followed one after the other; more are a circle of imports, which the compiler reports.
const HOPS_MAX: usize = 16;

/// Names from the root of a target on.
type Names = Vec<String>;

/// Who leads to whom, and by which path.
type Arrows = BTreeMap<Names, BTreeMap<Names, String>>;

/// Lists the circles between files and those between folders.
pub(super) fn check(target: &Target) -> Vec<String> {
    let arrows = arrows(target);
    let folders = between_folders(&arrows);
    let in_files = circles(&arrows).into_iter().map(|circle| format!("circle of files {circle}"));
    in_files
        .chain(circles(&folders).into_iter().map(|circle| format!("circle of folders {circle}")))
        .collect()
}

/// The arrows between files.
fn arrows(target: &Target) -> Arrows {
    let scopes = Scopes(target.product().map(|module| (module.path.clone(), Scope::of(module))).collect());
    let mut arrows = Arrows::new();
    for module in target.product() {
        let mut to = BTreeMap::new();
        for path in named(module) {
            match scopes.home(&module.path, &path, 0) {
                Some(home) if home != module.path => drop(to.insert(home, path.join("::"))),
                _ => {}
            }
        }
        arrows.insert(module.path.clone(), to);
    }
    arrows
}

/// The same between what lies directly below the root: folders, and files that have none.
fn between_folders(arrows: &Arrows) -> Arrows {
    let folder = |path: &Names| path.iter().take(1).cloned().collect::<Names>();
    let mut between = Arrows::new();
    for (from, to) in arrows {
        let leads_to = between.entry(folder(from)).or_default();
        for (to, path) in to {
            if folder(from) != folder(to) {
                leads_to.insert(folder(to), format!("{} names {path}", shown(from)));
            }
        }
    }
    between
}

/// What a file defines, and what it takes from others.
#[derive(Default)]
struct Scope {
    defined: BTreeSet<String>,
    /// By the name here: the path that it is taken from.
    imports: BTreeMap<String, Names>,
    /// Paths of which everything is taken.
    globs: Vec<Names>,
}

impl Scope {
    fn of(module: &Module) -> Self {
        let mut scope = Self::default();
        for item in &module.items {
            match item {
                Item::Use(item) => scope.take(&item.tree, &mut Vec::new()),
                item => scope.defined.extend(name(item)),
            }
        }
        scope
    }

    /// Adds what a `use` takes; `path` is what stands before it.
    fn take(&mut self, tree: &UseTree, path: &mut Names) {
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                self.take(&tree.tree, path);
                path.pop();
            }
            UseTree::Group(tree) => tree.items.iter().for_each(|tree| self.take(tree, path)),
            UseTree::Glob(_) => self.globs.push(path.clone()),
            UseTree::Name(tree) => self.import(&tree.ident, None, path),
            UseTree::Rename(tree) => self.import(&tree.ident, Some(&tree.rename), path),
        }
    }

    fn import(&mut self, ident: &syn::Ident, rename: Option<&syn::Ident>, path: &Names) {
        let mut path = path.clone();
        // `use a::{self}` takes `a`.
        if ident != "self" {
            path.push(ident.to_string());
        }
        let name = rename.map(ToString::to_string).or_else(|| path.last().cloned());
        self.imports.extend(name.map(|name| (name, path)));
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// The files of a target, by their paths.
struct Scopes(BTreeMap<Names, Scope>);

impl Scopes {
    /// The file in which stands what a path names, when that is one of this target. A path that ends with a file leads
    /// to that file.
    fn home(&self, from: &Names, path: &[String], hops: usize) -> Option<Names> {
        if HOPS_MAX < hops {
            return None;
        }
        let mut module = from.clone();
        for (place, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => module.clear(),
                "self" => {}
                "super" => drop(module.pop()),
                _ => {
                    module.push(name.clone());
                    if !self.0.contains_key(&module) {
                        module.pop();
                        return self.home_of_name(&module, path.get(place..)?, place == 0, hops);
                    }
                }
            }
        }
        Some(module)
    }

    /// The same for a path that begins with a name in `module` which is not a file.
    fn home_of_name(&self, module: &Names, path: &[String], is_first: bool, hops: usize) -> Option<Names> {
        let (name, rest) = path.split_first()?;
        let scope = self.0.get(module)?;
        if let Some(import) = scope.imports.get(name) {
            // `use serde;` leads out of the target.
            let leads_on = import.as_slice() != [name.as_str()];
            return leads_on.then(|| self.home(module, &[import, rest].concat(), hops + 1)).flatten();
        }
        if scope.defined.contains(name) {
            return Some(module.clone());
        }
        // The first name of a path may be a crate.
        if is_first {
            return None;
        }
        let globs = scope.globs.iter().filter_map(|glob| self.home(module, glob, hops + 1));
        let defines = |home: &Names| self.0.get(home).is_some_and(|scope| scope.defined.contains(name));
        Some(globs.into_iter().find(defines).unwrap_or_else(|| module.clone()))
    }
}

/// The paths that a file names. What it passes on, it does not name: those who take it from here are led on.
fn named(module: &Module) -> BTreeSet<Names> {
    let mut paths = Paths(BTreeSet::new());
    let mut taken = Scope::default();
    for item in &module.items {
        match item {
            Item::Use(item) if matches!(item.vis, Visibility::Inherited) => {
                taken.take(&item.tree, &mut Vec::new());
            }
            Item::Use(_) => {}
            item => paths.visit_item(item),
        }
    }
    paths.0.into_iter().chain(taken.imports.into_values()).chain(taken.globs).collect()
}

/// Paths of several names; one that stands alone is taken by a `use`, or defined beside.
struct Paths(BTreeSet<Names>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if 1 < path.segments.len() {
            self.0.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }
}

/// The groups of which each member leads to every other, each with its arrows.
fn circles(arrows: &Arrows) -> Vec<String> {
    let reached: BTreeMap<_, _> = arrows.keys().map(|from| (from, reached(from, arrows))).collect();
    let leads_to = |from: &Names, to: &Names| reached.get(from).is_some_and(|reached| reached.contains(to));
    let mut found = BTreeSet::new();
    for from in arrows.keys().filter(|from| leads_to(from, from)) {
        let group = arrows.keys().filter(|to| leads_to(from, to) && leads_to(to, from));
        found.insert(group.collect::<Vec<_>>());
    }
    found.into_iter().map(|group| described(&group, arrows)).collect()
}

/// All that an arrow leads to, directly or over others.
fn reached<'a>(from: &Names, arrows: &'a Arrows) -> BTreeSet<&'a Names> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        for to in arrows.get(next).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

fn described(group: &[&Names], arrows: &Arrows) -> String {
    let members: Vec<_> = group.iter().map(|path| shown(path)).collect();
    let mut lines = vec![members.join(" <-> ")];
    for from in group {
        for (to, path) in arrows.get(*from).into_iter().flatten() {
            if group.contains(&to) {
                lines.push(format!("    {} -> {} ({path})", shown(from), shown(to)));
            }
        }
    }
    lines.join("\n")
}

fn shown(path: &Names) -> String {
    if path.is_empty() { "the root".to_owned() } else { path.join("::") }
}

#[cfg(test)]
mod tests;
