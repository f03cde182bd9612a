//! Circles in small packages: of two and of three files, over names that are passed on, and between folders.

use expect_test::{Expect, expect};

use super::check;
use crate::tidy::made_up;

#[track_caller]
fn check_files(files: &[(&str, &str)], want: &Expect) {
    let (_dir, package) = made_up::read(files);
    want.assert_eq(&package.targets.iter().flat_map(check).collect::<Vec<_>>().join("\n"));
}

#[test]
fn files_that_lead_one_way_are_no_circle() {
    let lib = "mod a;\nmod b;\nmod c;\npub use a::Depth;\n";
    let a = "use crate::b::{self, Width};\npub struct Depth(Width);\nfn f() { b::f() }\n";
    let b = "use std::fmt;\nuse super::c::*;\npub struct Width(C);\npub fn f() {}\n#[cfg(test)]\nuse crate::Depth;\n";
    check_files(
        &[("src/lib.rs", lib), ("src/a.rs", a), ("src/b.rs", b), ("src/c.rs", "pub struct C;\n")],
        &expect![""],
    );
}

#[test]
fn two_files_that_need_each_other_are_found() {
    let lib = "mod a;\nmod b;\n";
    let a = "use crate::b::Width;\npub struct Depth;\n";
    for b in ["use crate::a::Depth;\npub struct Width;\n", "pub struct Width;\nfn f() { crate::a::Depth; }\n"]
    {
        check_files(
            &[("src/lib.rs", lib), ("src/a.rs", a), ("src/b.rs", b)],
            &expect![[r#"
                circle of files a <-> b
                    a -> b (crate::b::Width)
                    b -> a (crate::a::Depth)
                circle of folders a <-> b
                    a -> b (a names crate::b::Width)
                    b -> a (b names crate::a::Depth)"#]],
        );
    }
}

#[test]
fn a_name_is_followed_to_where_it_stands() {
    let lib = "mod a;\nmod b;\npub use a::*;\npub use b::Width as Breadth;\n";
    let a = "use crate::Breadth;\npub struct Depth;\n";
    check_files(
        &[("src/lib.rs", lib), ("src/a.rs", a), ("src/b.rs", "use crate::Depth;\npub struct Width;\n")],
        &expect![[r#"
            circle of files a <-> b
                a -> b (crate::Breadth)
                b -> a (crate::Depth)
            circle of folders a <-> b
                a -> b (a names crate::Breadth)
                b -> a (b names crate::Depth)"#]],
    );
}

#[test]
fn parent_and_child_may_be_a_circle_but_are_one_folder() {
    let x = "mod y;\nmod z;\nuse y::Y;\npub struct X;\n";
    let (y, z) = ("use super::z::Z;\npub struct Y;\n", "use super::X;\npub struct Z;\n");
    check_files(
        &[("src/lib.rs", "mod x;\n"), ("src/x.rs", x), ("src/x/y.rs", y), ("src/x/z.rs", z)],
        &expect![[r#"
            circle of files x <-> x::y <-> x::z
                x -> x::y (y::Y)
                x::y -> x::z (super::z::Z)
                x::z -> x (super::X)"#]],
    );
}

#[test]
fn folders_may_be_a_circle_where_files_are_none() {
    let lib = "mod p;\nmod q;\n";
    let (a, b) = ("use crate::q::c::C;\n", "pub struct B;\n");
    let (c, d) = ("pub struct C;\n", "use crate::p::b::B;\n");
    check_files(
        &[
            ("src/lib.rs", lib),
            ("src/p.rs", "mod a;\npub mod b;\n"),
            ("src/p/a.rs", a),
            ("src/p/b.rs", b),
            ("src/q.rs", "pub mod c;\nmod d;\n"),
            ("src/q/c.rs", c),
            ("src/q/d.rs", d),
        ],
        &expect![[r#"
            circle of folders p <-> q
                p -> q (p::a names crate::q::c::C)
                q -> p (q::d names crate::p::b::B)"#]],
    );
}
