//! Man pages and completions are written, and tell the exit codes.

use std::fs;

use crate::setup::{said, sluice_in};

#[test]
fn pages_and_completions_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = sluice_in(dir.path(), "http://192.0.2.1");
    command.args(["manual", "share"]);
    said(command, b"", 0);
    let page = fs::read_to_string(dir.path().join("share/man/man1/sluice.1")).unwrap();
    assert!(page.contains("Exit codes") && page.contains("interrupted"), "{page}");
    for name in [
        "man/man1/sluice-push.1",
        "man/man1/sluice-suppliers-create.1",
        "bash-completion/completions/sluice",
        "zsh/site-functions/_sluice",
        "fish/vendor_completions.d/sluice.fish",
    ] {
        let text = fs::read_to_string(dir.path().join("share").join(name)).unwrap();
        assert!(text.contains("sluice"), "{name}");
    }
}
