//! The sources of the workspace as syntax trees.
//!
//! In: what cargo knows of the packages. Out: for each target its files, beginning with the root, as far as `mod`
//! declarations lead. What is compiled for tests alone is told apart: a file is marked, an item inside of a file is
//! left out.

use std::{
    collections::BTreeSet,
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use syn::{Attribute, Item, ItemMod, spanned::Spanned as _};

use super::arrows::{array, text};

/// A package of the workspace.
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest: PathBuf,
    pub(super) targets: Vec<Target>,
}

/// What a package builds: a library, a binary, a bench or a test.
pub(super) struct Target {
    /// Whether it is a test.
    pub(super) is_for_tests: bool,
    /// Its files. The root comes first.
    pub(super) modules: Vec<Module>,
}

/// A file.
pub(super) struct Module {
    pub(super) file: PathBuf,
    /// Its names from the root on; the root has none.
    pub(super) path: Vec<String>,
    pub(super) source: String,
    /// Its items, those for tests left out.
    pub(super) items: Vec<Item>,
    /// The lines of the items that were left out, counted from 1.
    test_lines: Vec<RangeInclusive<usize>>,
    /// Whether the whole file is compiled for tests alone.
    is_for_tests: bool,
}

impl Package {
    /// Reads all files of all targets.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is not Rust.
    pub(super) fn read(package: &Value) -> Result<Self> {
        let mut targets = Vec::new();
        for target in array(package, "targets") {
            let is_for_tests = array(target, "kind").iter().any(|kind| kind == "test");
            let root = Path::new(text(target, "src_path"));
            let dir = root.parent().context("a target lies in no directory")?;
            let mut modules = Vec::new();
            add(root, dir, &[], is_for_tests, &mut modules)?;
            targets.push(Target { is_for_tests, modules });
        }
        let manifest = PathBuf::from(text(package, "manifest_path"));
        Ok(Self { name: text(package, "name").to_owned(), manifest, targets })
    }

    /// The files that are not for tests alone, each once, also where several targets have it.
    pub(super) fn product(&self) -> Vec<&Module> {
        let mut found: Vec<&Module> = Vec::new();
        for module in self.targets.iter().flat_map(Target::product) {
            if found.iter().all(|earlier| earlier.file != module.file) {
                found.push(module);
            }
        }
        found
    }
}

impl Target {
    /// The files that are not for tests alone.
    pub(super) fn product(&self) -> impl Iterator<Item = &Module> {
        self.modules.iter().filter(|module| !module.is_for_tests)
    }
}

impl Module {
    /// Lines with code: no comments, blanks or items for tests.
    pub(super) fn code_lines(&self) -> usize {
        let is_code = |(number, line): &(usize, &str)| {
            let line = line.trim();
            let is_for_tests = self.test_lines.iter().any(|lines| lines.contains(number));
            !line.is_empty() && !line.starts_with("//") && !is_for_tests
        };
        (1..).zip(self.source.lines()).filter(is_code).count()
    }
}

/// A path as it is told: from the root of the workspace on.
pub(super) fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Adds the files below a directory that have an extension, but for directories that are hidden, built or not to be entered.
pub(super) fn gather(
    dir: &Path,
    extension: &str,
    may_enter: &impl Fn(&Path) -> bool,
    found: &mut BTreeSet<PathBuf>,
) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !is_hidden && !path.ends_with("target") && may_enter(&path) {
                gather(&path, extension, may_enter, found)?;
            }
        } else if path.extension().is_some_and(|own| own == extension) {
            found.insert(path);
        }
    }
    Ok(())
}

/// Adds a file and those that it declares, which lie in `dir`.
fn add(
    file: &Path,
    dir: &Path,
    path: &[String],
    is_for_tests: bool,
    modules: &mut Vec<Module>,
) -> Result<()> {
    let source = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let syntax = syn::parse_file(&source).with_context(|| format!("{} is not Rust", file.display()))?;
    let (mut items, mut test_lines, mut children) = (Vec::new(), Vec::new(), Vec::new());
    for item in syntax.items {
        let is_test = is_test(attributes(&item));
        if let Item::Mod(ItemMod { ident, content: None, .. }) = &item {
            children.push((ident.to_string(), is_for_tests || is_test));
        }
        if is_test {
            let span = item.span();
            test_lines.push(span.start().line..=span.end().line);
        } else {
            items.push(item);
        }
    }
    modules.push(Module {
        file: file.to_owned(),
        path: path.to_vec(),
        source,
        items,
        test_lines,
        is_for_tests,
    });
    for (name, is_for_tests) in children {
        let child = dir.join(format!("{name}.rs"));
        // One that is not there is the compiler's to report.
        if child.exists() {
            let path = [path, std::slice::from_ref(&name)].concat();
            add(&child, &dir.join(&name), &path, is_for_tests, modules)?;
        }
    }
    Ok(())
}

/// Returns true if an item is compiled for tests alone, or for tests and a feature that only benches use.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Ok(list) = attribute.meta.require_list() else { return false };
        let condition = list.tokens.to_string();
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("any (test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
