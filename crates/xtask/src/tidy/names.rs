//! Names of types: one name stands for one thing inside a package.
//!
//! In: a package. Out: each name that two of its types have. Types are structs, enums, traits and aliases; those of
//! tests do not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use syn::visit::{self, Visit};

use super::tree::{Module, Package, shown};

/// Lists the names that stand for more than one type.
pub(super) fn check(root: &Path, package: &Package) -> Vec<String> {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for module in package.product() {
        for name in types(module) {
            files.entry(name).or_default().push(shown(root, &module.file));
        }
    }
    files.retain(|_, files| 1 < files.len());
    let finding = |(name, files): (String, Vec<String>)| {
        let files = BTreeSet::from_iter(files).into_iter().collect::<Vec<_>>().join(", ");
        format!("{} has several types named {name}: {files}", package.name)
    };
    files.into_iter().map(finding).collect()
}

/// The names of a file's types, also of those inside of functions.
pub(super) fn types(module: &Module) -> Vec<String> {
    let mut types = Types(Vec::new());
    module.items.iter().for_each(|item| types.visit_item(item));
    types.0
}

struct Types(Vec<String>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.0.push(item.ident.to_string());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.0.push(item.ident.to_string());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.0.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.0.push(item.ident.to_string());
    }
}

#[cfg(test)]
mod tests;
