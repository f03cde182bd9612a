//! Passwords of commands on a terminal: asked for twice, and not shown.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, Command},
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};

use crate::{
    client::HANG_GUARD,
    commands::{first_start, run},
    daemon::wait_until,
};

/// A command on a terminal of its own.
struct Terminal {
    child: Child,
    /// What somebody types.
    keys: File,
    /// The terminal as the command sees it.
    line: File,
    shown_in: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn run(data_dir: &Path, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let line = File::options().read(true).write(true).open(name).unwrap();
        let stdio = || line.try_clone().unwrap();
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_sluiced"), "--data-dir"]).arg(data_dir);
        let child = command.args(arguments).stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        let keys = File::from(master);
        let mut screen = keys.try_clone().unwrap();
        let (shown_out, shown_in) = sync_channel(64);
        let read = move || {
            let mut bytes = [0; 1_024];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if shown_out.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("screen".to_owned()).spawn(read).unwrap();
        Self { child, keys, line, shown_in, shown: String::new() }
    }

    /// Waits until a prompt is shown and the line does not echo, and types.
    #[track_caller]
    fn answer(&mut self, prompt: &str, text: &str) {
        self.wait_for(prompt);
        let echoes = || tcgetattr(&self.line).unwrap().local_modes.contains(LocalModes::ECHO);
        wait_until("nothing is shown of what is typed", || !echoes());
        self.keys.write_all(text.as_bytes()).unwrap();
        self.keys.write_all(b"\n").unwrap();
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        while !self.shown.contains(text) {
            let bytes = self.shown_in.recv_timeout(HANG_GUARD);
            let bytes = bytes.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.shown));
            self.shown.push_str(&String::from_utf8(bytes).unwrap());
        }
    }

    /// Waits for the end of the command, which says something last; returns all that was shown.
    #[track_caller]
    fn end(mut self, last: &str) -> (String, Option<i32>) {
        self.wait_for(last);
        let status = self.child.wait().unwrap();
        let echoes = tcgetattr(&self.line).unwrap().local_modes.contains(LocalModes::ECHO);
        assert!(echoes, "the terminal is left without an echo");
        (std::mem::take(&mut self.shown), status.code())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_first_password_is_shown_to_whoever_starts_the_daemon_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let mut terminal = Terminal::run(&data_dir, &["--listen", "127.0.0.1:0"]);
    terminal.wait_for("/lookup -d ");
    let password = std::fs::read_to_string(data_dir.join("admin-password")).unwrap();
    let wanted = format!("The administrator admin has the password {}", password.trim_end());
    assert!(terminal.shown.contains(&wanted), "{}", terminal.shown);
    // Ctrl-C.
    terminal.keys.write_all(b"\x03").unwrap();
    let (_shown, code) = terminal.end("stopped in good order");
    assert_eq!(code, Some(0));
}

#[test]
fn a_password_is_asked_for_twice_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    let mut terminal = Terminal::run(&data_dir, &["user", "add", "bob"]);
    terminal.answer("Password: ", "first secret");
    terminal.answer("The same again: ", "first secret");
    let (shown, code) = terminal.end("user bob added");
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(code, Some(0));

    let hashes = || std::fs::read_to_string(data_dir.join("accounts.json")).unwrap();
    let before = hashes();
    let mut terminal = Terminal::run(&data_dir, &["user", "password", "bob"]);
    terminal.answer("Password: ", "second secret");
    terminal.answer("The same again: ", "other secret");
    let (shown, code) = terminal.end("the two are not the same; nothing has changed");
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!((code, hashes()), (Some(1), before.clone()));

    let mut terminal = Terminal::run(&data_dir, &["user", "password", "bob"]);
    terminal.answer("Password: ", "third secret");
    terminal.answer("The same again: ", "third secret");
    assert_eq!(terminal.end("password of user bob changed").1, Some(0));
    assert_ne!(hashes(), before);
}

#[test]
fn what_would_be_refused_is_refused_before_anything_is_typed() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    for (arguments, refusal) in [
        (&["user", "add", "admin"][..], "the name admin already exists"),
        (&["user", "add", "bob", "--role", "tenant-manager"], "a tenant manager holds a tenant or more"),
        (&["user", "password", "bob"], "the name bob does not exist"),
    ] {
        let (shown, code) = Terminal::run(&data_dir, arguments).end(refusal);
        assert!(!shown.contains("Password"), "{shown}");
        assert_eq!(code, Some(1));
    }
    // A pipe is read as it comes.
    assert!(run(&data_dir, &["user", "add", "bob"]).status.success());
}
