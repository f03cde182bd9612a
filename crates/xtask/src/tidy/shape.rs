//! The shape of the product: how much of it are types, closures and swallowed surprises, how long functions and files
//! are.
//!
//! In: the packages. Out: the figures of [`PRODUCT`] as a line, and a finding for each that is over its bound. The
//! bounds are between what the tidy codebases of the field have and what Sluice once had: many types are many words to
//! learn, and `unwrap_or_default()` mostly stands where something "cannot happen" and would go unsaid. Tests do not
//! count.

use std::path::Path;

use proc_macro2::Span;
use syn::{
    Block, ExprClosure, ExprMethodCall, ImplItemFn, ItemFn, Signature,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use super::{
    names,
    tree::{Module, Package, shown},
};

/// The crates that make up the daemon and its client.
const PRODUCT: [&str; 7] = [
    "sluice-model",
    "sluice-store",
    "sluice-sync",
    "sluice-ingest",
    "sluice-server",
    "sluice-cli",
    "sluice-manual",
];

/// Structs, enums, traits and aliases for each 1,000 lines of code.
const TYPES_PER_THOUSAND_MAX: usize = 17;
/// Closures for each 1,000 lines of code.
const CLOSURES_PER_THOUSAND_MAX: usize = 35;
/// Calls of `unwrap_or_default()` for each 1,000 lines of code.
const DEFAULTS_PER_THOUSAND_MAX: usize = 1;
/// Lines of a function, from its signature to its last brace.
const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a file.
const FILE_LINES_MAX: usize = 450;

/// What is counted.
#[derive(Default)]
pub(super) struct Shape {
    code_lines: usize,
    types: usize,
    closures: usize,
    defaults: usize,
    function_lines_most: usize,
    file_lines_most: usize,
    findings: Vec<String>,
}

impl Shape {
    /// Counts the product.
    pub(super) fn of(root: &Path, packages: &[Package]) -> Self {
        let mut shape = Self::default();
        let product = packages.iter().filter(|package| PRODUCT.contains(&package.name.as_str()));
        for module in product.flat_map(Package::product) {
            shape.add(&shown(root, &module.file), module);
        }
        shape
    }

    fn add(&mut self, file: &str, module: &Module) {
        self.code_lines += module.code_lines();
        self.types += names::types(module).len();
        let lines = module.source.lines().count();
        self.file_lines_most = self.file_lines_most.max(lines);
        if FILE_LINES_MAX < lines {
            self.findings.push(format!("{file} has {lines} lines, over the limit of {FILE_LINES_MAX}"));
        }
        let mut counter = FileCounter { file, shape: self };
        module.items.iter().for_each(|item| counter.visit_item(item));
    }

    /// The figures in a line.
    pub(super) fn text(&self) -> String {
        let per_thousand = |count: usize| {
            let tenths = (count * 10_000 + self.code_lines / 2).checked_div(self.code_lines).unwrap_or(0);
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        format!(
            "{} lines of code; of each 1,000: {} types, {} closures, {} unwrap_or_default(); longest function {}, \
             longest file {} lines",
            self.code_lines,
            per_thousand(self.types),
            per_thousand(self.closures),
            per_thousand(self.defaults),
            self.function_lines_most,
            self.file_lines_most,
        )
    }

    /// Lists what is over its bound.
    pub(super) fn into_findings(mut self) -> Vec<String> {
        for (what, count, max) in [
            ("types", self.types, TYPES_PER_THOUSAND_MAX),
            ("closures", self.closures, CLOSURES_PER_THOUSAND_MAX),
            ("unwrap_or_default()", self.defaults, DEFAULTS_PER_THOUSAND_MAX),
        ] {
            if max * self.code_lines < count * 1_000 {
                let lines = self.code_lines;
                self.findings.push(format!(
                    "{count} {what} in {lines} lines of code, over the limit of {max} in 1,000"
                ));
            }
        }
        self.findings
    }
}

/// Counts what is inside of a file.
struct FileCounter<'a> {
    file: &'a str,
    shape: &'a mut Shape,
}

impl FileCounter<'_> {
    fn count_function(&mut self, signature: &Signature, block: &Block) {
        let (start, end): (Span, Span) = (signature.span(), block.span());
        let lines = end.end().line + 1 - start.start().line;
        self.shape.function_lines_most = self.shape.function_lines_most.max(lines);
        if FUNCTION_LINES_MAX < lines {
            let (file, name) = (self.file, &signature.ident);
            let finding =
                format!("{file}: `{name}` has {lines} lines, over the limit of {FUNCTION_LINES_MAX}");
            self.shape.findings.push(finding);
        }
    }
}

impl<'ast> Visit<'ast> for FileCounter<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.count_function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.count_function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        self.shape.closures += 1;
        visit::visit_expr_closure(self, closure);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.shape.defaults += usize::from(call.method == "unwrap_or_default");
        visit::visit_expr_method_call(self, call);
    }
}

#[cfg(test)]
mod tests;
