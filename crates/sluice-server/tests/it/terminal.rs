//! The real daemon in the foreground of a terminal, which closes.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    client::Connection,
    daemon::{request, wait_until, with_password},
};

/// In its own directory: the number of the process, then what it says, in two files.
const SHELL: &str = "echo $$ >\"$DIR/number\"; exec \"$SLUICED\" --listen 127.0.0.1:0 --data-dir \"$DIR/data\" \
    --admin-password-file \"$DIR/password\" >\"$DIR/printed\" 2>\"$DIR/said\"";

/// A terminal, made by `script`, with a daemon in its foreground; both are killed when dropped.
struct Terminal {
    script: Child,
    dir: tempfile::TempDir,
}

impl Terminal {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("password"), "secret\n").unwrap();
        let script = Command::new("script")
            .args(["-q", "-c", SHELL, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("DIR", dir.path())
            .env("SLUICED", env!("CARGO_BIN_EXE_sluiced"))
            .env("SLUICE_DISK_RESERVE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { script, dir }
    }

    /// Closes the terminal, as the end of whoever shows it does.
    fn close(&mut self) {
        self.script.kill().unwrap();
        self.script.wait().unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Waits until a file has `text`, and gives the file.
    #[track_caller]
    fn wait_for(&self, name: &str, text: &str) -> String {
        let mut content = String::new();
        wait_until(text, || {
            content = fs::read_to_string(self.file(name)).unwrap_or_default();
            content.contains(text)
        });
        content
    }

    fn signal(&self, name: &str) -> bool {
        let number = fs::read_to_string(self.file("number")).unwrap_or_default();
        let sent = Command::new("kill").args(["-s", name, number.trim()]).stderr(Stdio::null()).status();
        sent.unwrap().success()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both may have ended long ago.
        drop(self.script.kill());
        drop(self.script.wait());
        if is_running(&self.file("number")) {
            self.signal("KILL");
        }
    }
}

/// Tells whether the process whose number is in a file is a daemon that has not ended.
fn is_running(number: &Path) -> bool {
    let number = fs::read_to_string(number).unwrap_or_default();
    let name = fs::read_to_string(format!("/proc/{}/comm", number.trim())).unwrap_or_default();
    name.trim() == "sluiced"
}

/// SIGHUP means two things: while the terminal is there, to read the files anew; when it has closed, to stop.
#[test]
fn a_terminal_that_closes_ends_the_daemon_in_good_order() {
    let mut terminal = Terminal::open();
    let printed = terminal.wait_for("printed", "\n");
    let address = printed.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    let address: SocketAddr = address.parse().unwrap();
    terminal.wait_for("said", "ready: requests are taken");
    assert!(terminal.signal("HUP"));
    terminal.wait_for("said", "configuration, accounts and certificate are read anew and in force");
    let mut connection = Connection::open(address);
    let put = br#"[{"indicator":"terminal.example.com"}]"#;
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    assert!(connection.send(&request("PUT", path, &with_password("admin", "secret"), put)));
    assert_eq!(connection.answer().status, 201);
    terminal.close();
    let said = terminal.wait_for("said", "stopped in good order");
    assert!(said.contains("the terminal has closed"), "{said}");
    connection.check_closed();
    wait_until("the daemon has ended", || !is_running(&terminal.file("number")));
}
