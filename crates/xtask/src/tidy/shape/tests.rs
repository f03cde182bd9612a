//! Each figure over its bound, one at a time.

use super::{PRODUCT, Shape};
use crate::tidy::made_up;

/// The figures and findings of a product of one file.
fn shape(source: &str) -> (String, Vec<String>) {
    let (dir, mut package) = made_up::read(&[("src/lib.rs", source)]);
    PRODUCT[0].clone_into(&mut package.name);
    let shape = Shape::of(dir.path(), &[package]);
    (shape.text(), shape.into_findings())
}

#[track_caller]
fn check(source: &str, want: &[&str]) {
    assert_eq!(shape(source).1, want);
}

/// So many lines of code.
fn lines(count: usize) -> String {
    "const A: u8 = 1;\n".repeat(count)
}

#[test]
fn comments_blanks_and_tests_do_not_count() {
    let source = "//! A.\n\n// B.\nstruct C;\n#[cfg(test)]\nmod tests {\n    struct D;\n}\n";
    let want = "1 lines of code; of each 1,000: 1000.0 types, 0.0 closures, 0.0 unwrap_or_default(); longest \
                function 0, longest file 8 lines";
    assert_eq!(shape(source).0, want);
}

#[test]
fn what_is_at_its_bound_passes() {
    check(&(lines(58) + "type B = u8;\n"), &[]);
    check(
        &(lines(27) + "const F: fn() = || ();\n"),
        &["1 closures in 28 lines of code, over the limit of 35 in 1,000"],
    );
    check(&(lines(28) + "const F: fn() = || ();\n"), &[]);
}

#[test]
fn too_many_types_closures_and_defaults_are_found() {
    check(&(lines(57) + "trait B {}\n"), &["1 types in 58 lines of code, over the limit of 17 in 1,000"]);
    let inner = lines(40) + "fn f() { g(|| ()); g(|| ()); }\n";
    check(&inner, &["2 closures in 41 lines of code, over the limit of 35 in 1,000"]);
    let default = lines(40) + "fn f() { g().unwrap_or_default(); }\n";
    check(&default, &["1 unwrap_or_default() in 41 lines of code, over the limit of 1 in 1,000"]);
}

#[test]
fn long_functions_and_files_are_found() {
    let function = |lines: usize| format!("fn long() {{\n{}}}\n", "g();\n".repeat(lines - 2));
    check(&function(70), &[]);
    check(&function(71), &["src/lib.rs: `long` has 71 lines, over the limit of 70"]);
    let method = format!("impl A {{\n{}}}\n", function(71));
    check(&method, &["src/lib.rs: `long` has 71 lines, over the limit of 70"]);
    check(&lines(450), &[]);
    check(&lines(451), &["src/lib.rs has 451 lines, over the limit of 450"]);
}

#[test]
fn what_is_not_the_product_is_not_counted() {
    let (dir, package) = made_up::read(&[("src/lib.rs", "struct A;\n")]);
    assert!(Shape::of(dir.path(), &[package]).into_findings().is_empty());
}
