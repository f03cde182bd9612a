//! A daemon and a client with a directory of their own.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use test_support::{
    client::LOOKUP_PATH,
    daemon::{CREDENTIALS, Daemon},
};

/// The supplier of all tests.
pub(crate) const SUPPLIER: &str = "ExampleFeed";

/// Longest wait for a command to succeed, or for something to hold.
const SUCCESS_WAIT: Duration = Duration::from_mins(1);

/// A running daemon, and what its client needs.
pub(crate) struct Setup {
    pub(crate) daemon: Daemon,
    pub(crate) dir: TempDir,
}

impl Setup {
    /// Starts a daemon and waits until it is ready.
    pub(crate) fn start() -> Self {
        let mut setup = Self::begin(&[]);
        setup.daemon.wait_until_ready();
        setup
    }

    /// The same, with something to look up.
    pub(crate) fn with_feed() -> Self {
        let setup = Self::start();
        let feed = concat!(
            "{\"indicator\":\"evil.example.com\",\"context\":{\"family\":\"ExampleBot\"}}\n",
            "{\"indicator\":\"198.51.100.0/28\"}\n"
        );
        let path = setup.write("feed.ndjson", feed);
        setup.push(&[&path], 0);
        setup
    }

    /// Starts a daemon with these variables in its environment, and waits until it listens.
    pub(crate) fn begin(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = Daemon::start_with(&daemon_binary(), dir.path(), settings);
        daemon.wait_for_address();
        Self { daemon, dir }
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The client, with these arguments, as the administrator of the daemon.
    pub(crate) fn sluice(&self, arguments: &[&str]) -> Command {
        let mut command = sluice_in(self.dir.path(), &format!("http://{}", self.daemon.address()));
        command.args(arguments);
        command
    }

    /// Runs the client; checks its exit code and gives what it said on standard output.
    pub(crate) fn run(&self, arguments: &[&str], code: i32) -> String {
        let (stdout, _) = said(self.sluice(arguments), b"", code);
        stdout
    }

    /// Pushes files with more arguments; checks its exit code and gives what it said last.
    pub(crate) fn push(&self, arguments: &[&str], code: i32) -> Value {
        let mut all = vec!["push", "--supplier", SUPPLIER, "--create-supplier", "--json"];
        all.extend(arguments);
        last_event(&self.run(&all, code))
    }

    /// How many of these values are detected.
    pub(crate) fn detected(&self, values: impl Iterator<Item = String>) -> usize {
        let objects: Vec<_> = values.map(|value| serde_json::json!({"object": value})).collect();
        let body = Value::Array(objects).to_string();
        let answer = self.daemon.client().request("POST", LOOKUP_PATH, body.as_bytes()).unwrap();
        answer.text().matches("\"result\":\"detected\"").count()
    }
}

/// The client, as the administrator of a daemon at this URL, with its files below `dir`.
pub(crate) fn sluice_in(dir: &Path, url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.env_clear().current_dir(dir).stdin(Stdio::null());
    command.env("XDG_STATE_HOME", dir.join("state")).env("XDG_CONFIG_HOME", dir.join("config"));
    command.env("SLUICE_CLIENT_PASSWORD", CREDENTIALS.1).env("SLUICE_CLIENT_USER", CREDENTIALS.0);
    command.env("SLUICE_CLIENT_URL", url);
    command
}

/// Runs a command with this input; checks its exit code and gives what it said on standard output and standard error.
pub(crate) fn said(mut command: Command, input: &[u8], code: i32) -> (String, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that needs no input may end before.
    drop(std::io::Write::write_all(&mut stdin, input));
    drop(stdin);
    end_of(child, code)
}

/// Runs a command until it succeeds.
pub(crate) fn until_success(command: impl Fn() -> Command) {
    let give_up = Instant::now() + SUCCESS_WAIT;
    loop {
        let output = command().output().unwrap();
        if output.status.success() {
            return;
        }
        assert!(Instant::now() < give_up, "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Waits until something holds.
pub(crate) fn wait_until(mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + SUCCESS_WAIT;
    while !holds() {
        assert!(Instant::now() < give_up, "it does not hold");
    }
}

/// Waits for the end of a command, whose exit code must be this one; gives what it said.
pub(crate) fn end_of(child: Child, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(status.code(), Some(code), "{stdout}\n{stderr}");
    (stdout, stderr)
}

/// The last event that `--json` has told.
pub(crate) fn last_event(stdout: &str) -> Value {
    let event: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(event["event"], "end", "{stdout}");
    event
}

/// Checks the counts of an event.
#[track_caller]
pub(crate) fn check_counts(event: &Value, rows: u64, accepted: u64, refused: u64) {
    let counts = [&event["rows"], &event["accepted"], &event["refused"]].map(|count| count.as_u64().unwrap());
    assert_eq!(counts, [rows, accepted, refused], "{event}");
}

/// The daemon's binary, which cargo builds beside the client's for all tests of the workspace.
pub(crate) fn daemon_binary() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_sluice")).with_file_name("sluiced");
    assert!(path.exists(), "{} is missing: cargo test --workspace builds it", path.display());
    path
}

/// Lines of NDJSON with these indicators, the `n`th of which is `host{n}.example.com`.
pub(crate) fn hosts(numbers: std::ops::Range<usize>) -> String {
    let mut lines = String::new();
    for n in numbers {
        writeln!(lines, "{{\"indicator\":\"{}\",\"context\":{{\"n\":{n}}}}}", host(n)).unwrap();
    }
    lines
}

/// The name of a host of [`hosts`].
pub(crate) fn host(number: usize) -> String {
    format!("host{number}.example.com")
}
