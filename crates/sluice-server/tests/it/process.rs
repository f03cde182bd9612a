//! The real daemon as a process of its own, with what a shell can do to it first: limits, variables, signals.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};

use tempfile::TempDir;

use crate::{
    client::{Answer, Connection},
    daemon::{request, with_password},
};

/// A running daemon; killed when dropped.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    dir: Arc<TempDir>,
    is_plain: bool,
}

/// Passes standard input on as a socket that the service manager holds.
pub(crate) const SOCKET_SETUP: &str = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1";

/// The header of its administrator.
pub(crate) fn as_administrator() -> String {
    with_password("admin", "secret")
}

impl Process {
    /// Starts the daemon in a shell that has done `setup`, and waits until its store is open.
    pub(crate) fn after(setup: &str) -> Self {
        let process = Self::start(setup, Stdio::null(), Arc::new(tempfile::tempdir().unwrap()));
        while process.is_plain && process.ask("GET", "/readyz", b"").status == 425 {}
        process
    }

    /// Starts the daemon in a directory that may have been used before, on a socket that is open, as a service manager does.
    pub(crate) fn activated(socket: &TcpListener, dir: &Arc<TempDir>) -> Self {
        let passed = Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
        Self::start(SOCKET_SETUP, passed, Arc::clone(dir))
    }

    /// Kills it and starts another one on the same directory.
    pub(crate) fn killed_and_started(mut self) -> Self {
        self.kill();
        let process = Self::start("", Stdio::null(), Arc::clone(&self.dir));
        while process.ask("GET", "/readyz", b"").status == 425 {}
        process
    }

    /// The same in a directory that may have been used before, with this as standard input of the shell; waits for nothing.
    pub(crate) fn start(setup: &str, stdin: Stdio, dir: Arc<TempDir>) -> Self {
        let password_file = dir.path().join("password");
        fs::write(&password_file, "secret\n").unwrap();
        let mut child = Command::new("sh")
            .args(["-c", &format!("{setup}\nexec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_sluiced")])
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir.path().join("data"))
            .arg("--admin-password-file")
            .arg(&password_file)
            .env("SLUICE_DISK_RESERVE_BYTES", "0")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(fs::File::options().create(true).append(true).open(dir.path().join("said")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("://").nth(1).and_then(|rest| rest.split(". To").next());
        // Who has it speak TLS waits for itself.
        let is_plain = line.contains("http://");
        Self { address: address.unwrap().trim_end().parse().unwrap(), child, dir, is_plain }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What it said on standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("said")).unwrap()
    }

    /// A file of `/proc` about it.
    pub(crate) fn about(&self, what: &str) -> String {
        fs::read_to_string(Path::new("/proc").join(self.id().to_string()).join(what)).unwrap()
    }

    /// Connects.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks as administrator on a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.ask_with(method, path, &as_administrator(), body)
    }

    /// Asks with the given header lines on a connection of its own.
    #[track_caller]
    pub(crate) fn ask_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut connection = self.connect();
        let _is_taken = connection.send(&request(method, path, headers, body));
        connection.answer()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops all of its threads where they are; SIGCONT has them go on.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        let is_running = |thread: &fs::DirEntry| {
            // One that has ended meanwhile has no status.
            fs::read_to_string(thread.path().join("status")).is_ok_and(|status| !status.contains("State:\tT"))
        };
        while Path::new("/proc")
            .join(self.id().to_string())
            .join("task")
            .read_dir()
            .unwrap()
            .any(|thread| is_running(&thread.unwrap()))
        {}
    }

    /// Waits until it says that it is not ready any more, as it does once it stops.
    pub(crate) fn wait_until_it_stops(&self) {
        while self.ask("GET", "/readyz", b"").status != 503 {}
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
