//! Links that lead somewhere, and those that do not.

use expect_test::{Expect, expect};

use super::check;
use crate::tidy::made_up;

#[track_caller]
fn check_links(files: &[(&str, &str)], want: &Expect) {
    let (dir, _) = made_up::write(files);
    let findings = check(dir.path()).unwrap();
    want.assert_eq(&findings.join("\n"));
}

#[test]
fn links_to_files_and_headings_are_followed() {
    let readme = "\
# Two  words, `code.rs` & more_

[here](#two--words-coders--more_), [there](docs/a.md), [a directory](docs), [elsewhere](https://example.com/#none)
![image](image.svg) `[no link](none.md)`

```text
[no link](none.md)
```

| table |
|---|
| [in a table](docs/a.md#twice) [again](docs/a.md#twice-1) |
";
    let a = "# Twice\n\nText\n\n# Twice\n\n[back](../README.md)\n";
    check_links(&[("README.md", readme), ("docs/a.md", a), ("image.svg", "")], &expect![""]);
}

#[test]
fn a_link_to_nothing_is_found() {
    let readme = "\
# Title

[a](none.md)
![b](none.svg) [c](#none)
[d](docs/a.md#title), [e](docs/a.md#twice-1) [f](image.svg#title) [g](/README.md)

| table |
|---|
| [h](none) |

[i][]

[i]: none.md#title
";
    check_links(
        &[("README.md", readme), ("docs/a.md", "# Twice\n"), ("image.svg", "")],
        &expect![[r##"
            README.md:3: none.md leads to no file
            README.md:4: none.svg leads to no file
            README.md:4: #none leads to no heading
            README.md:5: docs/a.md#title leads to no heading
            README.md:5: docs/a.md#twice-1 leads to no heading
            README.md:5: image.svg#title leads to no heading
            README.md:5: /README.md leads to no file
            README.md:9: none leads to no file
            README.md:11: none.md#title leads to no file"##]],
    );
}

#[test]
fn what_is_hidden_or_built_is_left_alone() {
    let text = "[a](none.md)\n";
    check_links(&[(".git/a.md", text), ("target/book/a.md", text), ("a.txt", text)], &expect![""]);
}

#[test]
fn the_book_is_whole_by_itself() {
    check_links(
        &[
            ("README.md", "[the book](docs/src/SUMMARY.md)\n"),
            ("docs/src/SUMMARY.md", "- [A](a.md)\n- [B](dir/b.md)\n"),
            ("docs/src/a.md", "[B](dir/b.md), [outside](../../README.md)\n"),
            ("docs/src/dir/b.md", "[A](../a.md)\n"),
            ("docs/src/forgotten.md", ""),
        ],
        &expect![[r#"
            docs/src/a.md:1: ../../README.md leads out of the book
            docs/src/forgotten.md is not named in docs/src/SUMMARY.md"#]],
    );
}
