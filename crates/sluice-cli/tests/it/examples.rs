//! The examples of the book, run as they stand there, where what they need is there.

use std::{fs, path::Path, process::Command};

use crate::setup::{SUPPLIER, Setup, host, said};

#[test]
fn the_python_script_pushes_a_file() {
    // Nothing else needs Python.
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let setup = Setup::start();
    setup.run(&["suppliers", "create", SUPPLIER], 0);
    let token = setup.run(&["tokens", "create", "feed", "--scope", "write"], 0);
    let script =
        fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/push.py")).unwrap();
    let push = |name: &str, content: &str, supplier: &str, code: i32| {
        setup.write(name, content);
        let mut command = Command::new("python3");
        command.arg(&script).args([name, supplier]).current_dir(setup.dir.path());
        command.env("SLUICE_CLIENT_URL", format!("http://{}", setup.daemon.address()));
        command.env("SLUICE_CLIENT_TOKEN", token.trim());
        said(command, b"", code)
    };
    let rows = format!("{{\"indicator\":\"{}\"}}\n{{\"indicator\":\"bad name\"}}\n", host(1));
    let (stdout, _) = push("feed.ndjson", &rows, SUPPLIER, 0);
    assert_eq!(stdout, "1 stored, 1 refused\nfeed.ndjson:2: invalid-indicator: bad name\n");
    assert_eq!(push("feed.csv", &format!("n,url\n1,{}\n", host(2)), SUPPLIER, 0).0, "1 stored, 0 refused\n");
    assert_eq!(push("list.txt", &host(3), SUPPLIER, 0).0, "1 stored, 0 refused\n");
    assert_eq!(setup.detected((1..4).map(host)), 3);
    assert_eq!(push("list.txt", &host(3), "NoSuchFeed", 1).1, "404: Supplier doesn't exist\n");
}
