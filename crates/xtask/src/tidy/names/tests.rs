//! Names that are twice in a small package, and names that only look so.

use super::check;
use crate::tidy::made_up;

const LIB: (&str, &str) = ("src/lib.rs", "mod a;\nmod b;\npub use a::Depth;\n#[cfg(test)]\nmod tests;\n");

#[track_caller]
fn check_package(a: &str, b: &str, want: &[&str]) {
    let files = [LIB, ("src/a.rs", a), ("src/b.rs", b), ("src/tests.rs", "struct Depth;\n")];
    let (dir, package) = made_up::read(&files);
    assert_eq!(check(dir.path(), &package), want);
}

#[test]
fn a_second_type_of_a_name_is_found() {
    let want = ["made-up has several types named Depth: src/a.rs, src/b.rs"];
    for second in
        ["struct Depth;", "enum Depth {}", "trait Depth {}", "type Depth = u8;", "fn f() { struct Depth; }"]
    {
        check_package("pub struct Depth(u8);", second, &want);
    }
    let twice = ["made-up has several types named Width: src/b.rs"];
    check_package("", "mod x { struct Width; }\nmod y { struct Width; }", &twice);
}

#[test]
fn tests_functions_and_imports_are_no_second_type() {
    let others =
        "use crate::a::Depth;\nfn depth(depth: Depth) -> Depth { depth }\n#[cfg(test)]\nstruct Depth;\n";
    check_package("pub struct Depth(u8);", others, &[]);
}
