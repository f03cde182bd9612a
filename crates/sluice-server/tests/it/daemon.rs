//! Daemons with an empty data directory and a user of each role.
//!
//! Out: a [`Running`] daemon, shared by all tests that want nothing special, or one with settings of its own. It
//! is stopped in good order when its last user drops it, and must then say that it ended well.

use std::{
    fmt::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use expect_test::Expect;
use sha2::{Digest as _, Sha256};
use sluice_server::{
    Daemon, Ending, Phase, ServeError,
    auth::{
        accounts::{Accounts, AccountsFile, Token, User},
        error::AuthError,
        password::hash_password,
        role::Role,
        scope::Scope,
    },
    config::{self, Flags},
    serve,
};
use sluice_store::DirLock;
use socket2::{Domain, Socket, Type};

use crate::client::{Answer, Connection, HANG_GUARD};

/// Users and their roles; the password of each is `secret`.
const USERS: [(&str, Role, &[&str]); 3] = [
    ("admin", Role::Administrator, &[]),
    ("ann", Role::Analyst, &[]),
    ("tom", Role::TenantManager, &["acme"]),
];

/// Tokens that stand for their own name.
const TOKENS: [(&str, Scope, &[&str], u64); 5] = [
    ("reader", Scope::Read, &[], u64::MAX),
    ("writer", Scope::Write, &["acme"], u64::MAX),
    ("root", Scope::Admin, &[], u64::MAX),
    ("scraper", Scope::Metrics, &[], u64::MAX),
    ("expired", Scope::Admin, &[], 1_700_000_000),
];

/// A running daemon; stopped and checked when dropped.
pub(crate) struct Running {
    daemon: Option<Daemon>,
    dir: Arc<tempfile::TempDir>,
}

/// The header of a user whose password is `secret`.
pub(crate) fn as_user(name: &str) -> String {
    with_password(name, "secret")
}

/// The header of a user with some password.
pub(crate) fn with_password(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{password}")))
}

/// The header of a token.
pub(crate) fn as_token(text: &str) -> String {
    format!("Authorization: Bearer {text}\r\n")
}

/// The daemon of all tests that want nothing special.
pub(crate) fn shared() -> Arc<Running> {
    static SHARED: Mutex<Weak<Running>> = Mutex::new(Weak::new());
    // A test that failed while it held this has left a good value behind.
    let mut slot = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    slot.upgrade().unwrap_or_else(|| {
        let running = Arc::new(Running::start(&[]));
        *slot = Arc::downgrade(&running);
        running
    })
}

fn add_accounts(accounts: &mut Accounts) -> Result<(), AuthError> {
    static HASH: LazyLock<String> = LazyLock::new(|| hash_password(b"secret").unwrap());
    let owned = |tenants: &[&str]| tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
    for (name, role, tenants) in USERS {
        let (name, password_hash, tenants) = (name.to_owned(), HASH.clone(), owned(tenants));
        accounts.add_user(User { name, password_hash, role, tenants })?;
    }
    for (name, scope, tenants, expires_at_seconds) in TOKENS {
        let digest = Sha256::digest(name).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let (name, tenants) = (name.to_owned(), owned(tenants));
        accounts.add_token(Token { name, digest, scope, tenants, expires_at_seconds })?;
    }
    Ok(())
}

impl Running {
    /// Starts a daemon with `SLUICE_*` settings of its own and waits until it is ready.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let running = Self::open(Arc::new(tempfile::tempdir().unwrap()), settings);
        running.wait_for(Phase::Ready);
        running
    }

    /// Starts a daemon on a directory that may have been used before; waits for nothing.
    pub(crate) fn open(dir: Arc<tempfile::TempDir>, settings: &[(&str, &str)]) -> Self {
        Self::open_on(vec![], dir, settings).unwrap()
    }

    /// The same, on sockets that are open already.
    pub(crate) fn open_on(
        sockets: Vec<TcpListener>,
        dir: Arc<tempfile::TempDir>,
        settings: &[(&str, &str)],
    ) -> Result<Self, ServeError> {
        let data_dir = dir.path().display().to_string();
        let defaults = [
            ("SLUICE_LISTEN", "127.0.0.1:0"),
            ("SLUICE_DATA_DIR", data_dir.as_str()),
            ("SLUICE_TENANTS", r#"["acme","umbrella"]"#),
            ("SLUICE_DISK_RESERVE_BYTES", "0"),
        ];
        let is_default = |(name, _): &&(&str, &str)| settings.iter().all(|(set, _)| set != name);
        let variables = defaults.iter().filter(is_default).chain(settings);
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = config::load(None, variables, Flags::default()).unwrap();
        let accounts = AccountsFile::new(dir.path());
        if accounts.read().unwrap().users.is_empty() {
            accounts.change(add_accounts).unwrap();
        }
        let lock = DirLock::take(dir.path()).map_err(ServeError::DataDir)?;
        Ok(Self { daemon: Some(serve(config, lock, sockets.into())?), dir })
    }

    /// Stops the daemon, and starts one on the same directory.
    pub(crate) fn restart(self, settings: &[(&str, &str)]) -> Self {
        let running = Self::open(self.stop(), settings);
        running.wait_for(Phase::Ready);
        running
    }

    /// Stops the daemon in good order; leaves its directory.
    pub(crate) fn stop(self) -> Arc<tempfile::TempDir> {
        Arc::clone(&self.dir)
    }

    /// Waits for the daemon, which has a reason to end; gives it.
    pub(crate) fn end(&mut self) -> Ending {
        self.daemon.take().unwrap().join().unwrap()
    }

    /// Waits until the daemon is as far as that.
    pub(crate) fn wait_for(&self, wanted: Phase) {
        let mut phase = self.daemon().phase();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(phase.wait_for(|phase| *phase == wanted)).unwrap();
    }

    /// Waits until the daemon has ended by itself.
    #[track_caller]
    pub(crate) fn wait_for_end(&self) {
        let mut phase = self.daemon().phase();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = async { while phase.changed().await.is_ok() {} };
        let ended = runtime.block_on(async { tokio::time::timeout(HANG_GUARD, ended).await });
        assert!(ended.is_ok(), "the daemon does not end");
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.daemon().addresses()[0]
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    /// Connects from another address of the loopback network.
    pub(crate) fn connect_from(&self, from: [u8; 4]) -> TcpStream {
        connect_from(from, self.address())
    }

    /// Asks from another address of the loopback network.
    #[track_caller]
    pub(crate) fn ask_from(&self, from: [u8; 4], headers: &str) -> Answer {
        let mut connection = Connection::over(self.connect_from(from));
        assert!(connection.send(&request("GET", "/api/1.0/suppliers", headers, b"")));
        connection.answer()
    }

    /// Sends raw bytes on a connection of their own and reads one answer.
    #[track_caller]
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        let mut connection = self.connect();
        // A refusal may come before the last byte is taken.
        let _is_taken = connection.send(request);
        connection.answer()
    }

    /// Asks as `admin`; the path begins after `/api/`.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, &format!("/api/{path}"), &as_user("admin"), body.as_bytes())
    }

    /// Asks with the given header lines.
    #[track_caller]
    pub(crate) fn ask_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.send(&request(method, path, headers, body))
    }

    /// Looks values up and gives, for each, what detected it: `Supplier_URL example.com {"a":1}`.
    #[track_caller]
    pub(crate) fn detections(&self, tenant: &str, objects: &[&str]) -> Vec<String> {
        let body: Vec<_> = objects.iter().map(|object| serde_json::json!({"object": object})).collect();
        let path = if tenant.is_empty() { "1.0/lookup".into() } else { format!("1.3/{tenant}/lookup") };
        let answer = self.ask("POST", &path, &serde_json::to_string(&body).unwrap());
        assert_eq!(answer.status, 200, "{answer:?}");
        let results: Vec<serde_json::Value> = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(results.len(), objects.len());
        let told = results.iter().zip(objects).map(|(result, object)| {
            assert_eq!(result["object"], *object);
            let categories = result["categories"].as_array().unwrap();
            assert_eq!(result["result"], if categories.is_empty() { "not detected" } else { "detected" });
            let told = categories.iter().map(|category| {
                let text = |name: &str| category[name].as_str().unwrap().to_owned();
                format!("{} {} {}", text("category"), text("detected_indicator"), category["context"])
            });
            told.collect::<Vec<_>>().join(", ")
        });
        told.collect()
    }

    /// Creates suppliers with `confidence` and the longest retention.
    #[track_caller]
    pub(crate) fn add_suppliers(&self, names: &[&str], confidence: u8) {
        for name in names {
            let body = format!(r#"[{{"name":"{name}","confidence":{confidence},"retention":5256000}}]"#);
            assert_eq!(self.ask("POST", "1.0/suppliers", &body).status, 201);
        }
    }

    /// Creates tags.
    #[track_caller]
    pub(crate) fn add_tags(&self, names: &[&str]) {
        for name in names {
            let body = format!(r#"[{{"name":"{name}","weight":1}}]"#);
            assert_eq!(self.ask("POST", "1.1/tags", &body).status, 201);
        }
    }

    /// Adds indicators, all of which must be taken.
    #[track_caller]
    pub(crate) fn put(&self, supplier: &str, body: &str) {
        let answer = self.ask("PUT", &format!("1.3/{supplier}/indicators"), body);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

/// Connects from another address of the loopback network.
pub(crate) fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// Waits for a condition; fails if it does not come true within the hang guard.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < HANG_GUARD, "still not true: {what}");
    }
}

/// A request with its length, if it has a body.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n");
    [head.as_bytes(), body].concat()
}

/// Makes requests, each `METHOD path body` with the path from the version on, as `admin`, and returns every
/// status and body.
#[track_caller]
pub(crate) fn transcript(running: &Running, requests: &[&str]) -> String {
    let mut seen = String::new();
    for request in requests {
        let mut parts = request.splitn(3, ' ');
        let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
        let answer = running.ask(method, path, parts.next().unwrap_or_default());
        writeln!(seen, "{request}\n  {} {}", answer.status, answer.body).unwrap();
    }
    seen
}

/// Makes requests as [`transcript`] does, and compares.
#[track_caller]
pub(crate) fn check(running: &Running, requests: &[&str], want: &Expect) {
    want.assert_eq(&transcript(running, requests));
}

/// Makes requests whose paths begin with `{v}`, in each version, and checks that all versions answer the same.
#[track_caller]
pub(crate) fn check_versions(running: &Running, versions: &[&str], requests: &[&str], want: &Expect) {
    let told = versions.iter().map(|version| {
        let requests: Vec<String> =
            requests.iter().map(|request| request.replacen("{v}", version, 1)).collect();
        let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
        transcript(running, &requests).replace(&format!(" {version}/"), " ")
    });
    let told: Vec<String> = told.collect();
    for (version, one) in versions.iter().zip(&told) {
        assert!(*one == told[0], "{version} differs: {one}\nfrom {}", told[0]);
    }
    want.assert_eq(&told[0]);
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
