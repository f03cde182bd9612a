//! A daemon with an empty data directory, and the smallest client that shows every byte of an answer.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sluice_server::{
    Daemon, Ending, Phase,
    auth::{
        accounts::{AccountsFile, User},
        password::hash_password,
        role::Role,
    },
    config::{self, Config, RawConfig},
    serve,
};

/// A running daemon; stopped and checked when dropped.
pub(crate) struct Running {
    daemon: Option<Daemon>,
    _dir: tempfile::TempDir,
}

/// A parsed answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// The header of a user whose password is `secret`.
pub(crate) fn as_user(name: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:secret")))
}

impl Running {
    /// Starts a daemon with the users `admin`, `ann` (analyst) and `tom` (manager of the tenant `acme`).
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let variables = [
            ("SLUICE_LISTEN", "127.0.0.1:0".to_owned()),
            ("SLUICE_DATA_DIR", dir.path().display().to_string()),
            ("SLUICE_TENANTS", "[\"acme\"]".to_owned()),
            ("SLUICE_DISK_RESERVE_BYTES", "0".to_owned()),
            ("SLUICE_HTTP__BODY_STALL_SECONDS", "1".to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
        let config: Config = config::load(None, variables, RawConfig::default()).unwrap();
        let password_hash = hash_password(b"secret").unwrap();
        AccountsFile::new(dir.path())
            .change(|accounts| {
                for (name, role, tenants) in [
                    ("admin", Role::Administrator, vec![]),
                    ("ann", Role::Analyst, vec![]),
                    ("tom", Role::TenantManager, vec!["acme".to_owned()]),
                ] {
                    let (name, password_hash) = (name.to_owned(), password_hash.clone());
                    accounts.add_user(User { name, password_hash, role, tenants })?;
                }
                Ok(())
            })
            .unwrap();
        let daemon = serve(config).unwrap();
        let mut phase = daemon.phase();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(phase.wait_for(|phase| *phase == Phase::Ready)).unwrap();
        Self { daemon: Some(daemon), _dir: dir }
    }

    /// A connection that gives up reading after a while.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.daemon.as_ref().unwrap().address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends raw bytes and reads until the connection closes.
    pub(crate) fn send(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is how a refused body may end.
        drop(stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Asks as `admin`.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, &as_user("admin"), body.as_bytes())
    }

    /// Asks with the given header lines.
    pub(crate) fn ask_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n");
        parse(&self.send(&[head.as_bytes(), body].concat()))
    }
}

/// Parses a whole answer.
#[track_caller]
pub(crate) fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Asks and compares status and body.
#[track_caller]
pub(crate) fn check(running: &Running, method: &str, path: &str, body: &str, status: u16, want: &str) {
    let answer = running.ask(method, path, body);
    assert_eq!((answer.status, answer.body.as_str()), (status, want), "{method} {path} {body}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-length"), Some(want.len().to_string().as_str()));
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop();
            let ending = daemon.join();
            assert!(std::thread::panicking() || matches!(ending, Ok(Ending::Stopped)), "{ending:?}");
        }
    }
}
