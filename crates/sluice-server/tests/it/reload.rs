//! SIGHUP of the real daemon: its files are read anew beside traffic, and what is bad in them changes nothing.

use std::{
    fs,
    net::SocketAddr,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::UnixDatagram,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rustls::version::TLS13;
use serde_json::json;

use crate::{
    client::HANG_GUARD,
    commands::for_each_below,
    daemon::request,
    process::{Process, as_administrator},
    secure::connect,
};

/// A daemon with a configuration file and a certificate of its own, which tells a service manager how it is.
pub(crate) struct Reloaded {
    pub(crate) process: Process,
    /// What the service manager hears.
    told: UnixDatagram,
    dir: tempfile::TempDir,
    /// More lines of `[tls]`.
    tls: String,
}

impl Reloaded {
    fn start() -> Self {
        Self::start_with(|_| String::new())
    }

    /// With more lines of `[tls]`.
    pub(crate) fn start_with(more: impl FnOnce(&Path) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let told = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        told.set_read_timeout(Some(HANG_GUARD)).unwrap();
        let tls = more(dir.path());
        fs::write(dir.path().join("sluiced.toml"), configuration(dir.path(), "") + &tls).unwrap();
        make_certificate(dir.path());
        let setup = format!(
            "cd {}; unset SLUICE_DISK_RESERVE_BYTES SLUICE_DISK_RESERVE; export NOTIFY_SOCKET=$PWD/notify; set -- \"$@\" --config sluiced.toml",
            dir.path().display()
        );
        let process = Process::after(&setup);
        let daemon = Self { process, told, dir, tls };
        daemon.wait_until_told("READY=1");
        daemon
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Waits until the service manager hears something; returns the message.
    #[track_caller]
    fn wait_until_told(&self, what: &str) -> String {
        let mut message = [0; 1_000];
        loop {
            let length = self.told.recv(&mut message).unwrap();
            let message = String::from_utf8_lossy(&message[..length]).into_owned();
            if message.lines().any(|line| line == what) {
                return message;
            }
        }
    }

    /// Has it read its files, and returns what `systemctl status` then shows.
    #[track_caller]
    pub(crate) fn reload(&self) -> String {
        self.process.signal("HUP");
        let told = self.wait_until_told("RELOADING=1");
        // The service manager takes it for the answer to its signal only if it has the time.
        let time = told.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        assert!(time.is_some_and(|time| 0 < time.parse::<u64>().unwrap()), "{told}");
        let told = self.wait_until_told("READY=1");
        told.lines().find_map(|line| line.strip_prefix("STATUS=")).unwrap().to_owned()
    }

    /// Writes another configuration.
    fn configure(&self, more: &str) {
        fs::write(self.path("sluiced.toml"), configuration(self.dir.path(), more) + &self.tls).unwrap();
    }

    /// Asks on a connection of its own, trusting the certificate of that name.
    #[track_caller]
    fn ask(&self, certificate: &str, method: &str, path: &str, body: &[u8]) -> u16 {
        let mut connection = connect(self.process.address(), &self.path(certificate), &TLS13).unwrap();
        assert!(connection.send(&request(method, path, &as_administrator(), body)));
        connection.answer().status
    }

    fn is_trusted(&self, certificate: &str) -> bool {
        connect(self.process.address(), &self.path(certificate), &TLS13).is_ok()
    }
}

fn configuration(dir: &Path, more: &str) -> String {
    let (certificate, key) = (dir.join("certificate.pem"), dir.join("key.pem"));
    let reserve = if more.contains("disk_reserve") { "" } else { "disk_reserve = 0\n" };
    format!(
        "{reserve}{more}\n[tls]\ncertificate = {:?}\nkey = {:?}\n",
        certificate.display().to_string(),
        key.display().to_string()
    )
}

pub(crate) fn make_certificate(dir: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(dir.join("certificate.pem"), made.cert.pem()).unwrap();
    fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// The unit's own limit may be shorter than `stop_timeout`.
#[test]
fn the_service_manager_is_told_how_long_a_stop_takes() {
    let mut daemon = Reloaded::start();
    daemon.configure("http.stop_timeout = \"10m\"");
    daemon.reload();
    // It waits for a restart, so the stop takes what it took before.
    daemon.process.terminate();
    let told = daemon.wait_until_told("STOPPING=1");
    assert!(told.contains("EXTEND_TIMEOUT_USEC=85000000"), "{told}");
    assert!(daemon.process.wait().success());
}

const LOOKUP: &[u8] = br#"[{"object":"example.com"}]"#;

/// A feed is pushed and looked up on connections that stay open, while the certificate is replaced again and again.
#[test]
fn a_reload_drops_no_request_and_serves_the_new_certificate() {
    let daemon = Reloaded::start();
    let is_over = AtomicBool::new(false);
    fs::copy(daemon.path("certificate.pem"), daemon.path("first.pem")).unwrap();
    let body = br#"[{"indicator":"slow.example.com"}]"#;
    let headers = format!("{}Content-Length: {}\r\n", as_administrator(), body.len());
    let mut slow = connect(daemon.process.address(), &daemon.path("first.pem"), &TLS13).unwrap();
    assert!(slow.send(&request("PUT", "/api/1.0/suppliers/InternalTI/indicators", &headers, b"")));
    assert!(slow.send(&body[..5]));
    thread::scope(|scope| {
        let traffic = |_| {
            let mut connection =
                connect(daemon.process.address(), &daemon.path("first.pem"), &TLS13).unwrap();
            let is_over = &is_over;
            scope.spawn(move || {
                let mut answers = 0;
                while !is_over.load(Ordering::Relaxed) || answers == 0 {
                    assert!(connection.send(&request(
                        "POST",
                        "/api/1.0/lookup",
                        &as_administrator(),
                        LOOKUP
                    )));
                    assert_eq!(connection.answer().status, 200);
                    answers += 1;
                }
            })
        };
        let clients: Vec<_> = (0..3).map(traffic).collect();
        // Told to end before anything here fails.
        let reloads: Vec<_> = (0..5)
            .map(|_| {
                fs::copy(daemon.path("certificate.pem"), daemon.path("before.pem")).unwrap();
                make_certificate(daemon.dir.path());
                (daemon.reload(), daemon.is_trusted("certificate.pem"), daemon.is_trusted("before.pem"))
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(reloads, vec![(String::new(), true, false); 5]);
        for client in clients {
            client.join().unwrap();
        }
    });
    assert!(slow.send(&body[5..]));
    assert_eq!(slow.answer().status, 201);
}

#[test]
fn tenants_and_accounts_and_limits_are_read_anew_and_what_waits_is_named() {
    let daemon = Reloaded::start();
    let ask = |path| daemon.ask("certificate.pem", "GET", path, b"");
    let put = |path| {
        let body = br#"[{"indicator":"new.example.com"}]"#;
        daemon.ask("certificate.pem", "PUT", path, body)
    };
    assert_eq!(ask("/api/1.3/acme/suppliers/InternalTI"), 404);
    daemon.configure("tenants = [\"acme\"]");
    assert_eq!(daemon.reload(), "");
    assert_eq!(ask("/api/1.3/acme/suppliers/InternalTI"), 200);
    // Each part of the reload by itself.
    daemon.configure("tenants = [\"acme\"]\nlog_size_max = 1073741824");
    assert_eq!(daemon.reload(), "Some changed keys of the configuration wait for a restart");
    let said = daemon.process.said();
    assert!(said.lines().last().unwrap().contains("log_size_max"), "{said}");
    assert_eq!(put("/api/1.3/acme/suppliers/InternalTI/indicators"), 201);
    daemon.configure("tenants = [\"acme\"]\ndisk_reserve = 9000000000000000000\n[log]\naccess = true");
    assert_eq!(daemon.reload(), "");
    assert_eq!(put("/api/1.3/acme/suppliers/InternalTI/indicators"), 507);
    let said = daemon.process.said();
    assert!(said.contains("/api/1.3/acme/suppliers/InternalTI/indicators"), "{said}");
    let told = "audit: changed in the configuration key=\"log.access\" before=\"false\" after=\"true\"\n";
    assert!(said.contains(told), "{said}");
    daemon.configure("");
    assert_eq!(daemon.reload(), "");
    let accounts = daemon.process.data_dir().join("accounts.json");
    let kept = fs::read(&accounts).unwrap();
    fs::write(&accounts, json!({"users": [], "tokens": []}).to_string()).unwrap();
    assert_eq!(daemon.reload(), "");
    assert_eq!(ask("/api/1.3/acme/suppliers/InternalTI"), 401);
    fs::write(&accounts, kept).unwrap();
    daemon.reload();
    assert_eq!(ask("/api/1.3/acme/suppliers/InternalTI"), 200);
}

#[test]
fn a_bad_file_changes_nothing_and_the_log_says_so() {
    let daemon = Reloaded::start();
    fs::copy(daemon.path("certificate.pem"), daemon.path("first.pem")).unwrap();
    let refuse = |want: &str| {
        assert_eq!(daemon.reload(), "The last reload was refused; the log tells why");
        let said = daemon.process.said();
        let line = said.lines().last().unwrap();
        assert!(line.contains("everything stays as it was") && line.contains(want), "{line}");
        assert!(daemon.is_trusted("first.pem"));
        assert_eq!(daemon.ask("first.pem", "GET", "/api/1.3/acme/suppliers/InternalTI", b""), 404);
    };
    let (certificate, key) = (daemon.path("certificate.pem"), daemon.path("key.pem"));
    let good = (fs::read(&certificate).unwrap(), fs::read(&key).unwrap());
    // Whatever else is new, and good, does not count either.
    daemon.configure("tenants = [\"acme\", \"suppliers\"]");
    refuse("sluiced.toml:2: tenants");
    daemon.configure("tenants = [\"acme\"]");
    fs::write(&certificate, "nothing").unwrap();
    refuse("certificate.pem is not a PEM file");
    make_certificate(daemon.dir.path());
    fs::write(&key, &good.1).unwrap();
    refuse("the certificate and key cannot be used");
    fs::remove_file(&key).unwrap();
    refuse("key.pem");
    fs::write(&certificate, &good.0).unwrap();
    fs::write(&key, &good.1).unwrap();
    let accounts = daemon.process.data_dir().join("accounts.json");
    let kept = fs::read(&accounts).unwrap();
    fs::write(&accounts, "{").unwrap();
    refuse("accounts.json");
    fs::remove_file(&accounts).unwrap();
    refuse("cannot read");
    fs::write(&accounts, kept).unwrap();
    assert_eq!(daemon.reload(), "");
    assert_eq!(daemon.ask("first.pem", "GET", "/api/1.3/acme/suppliers/InternalTI", b""), 200);
}

/// It once made accounts and a password before it asked whose directory it is, if there were none in that moment; the first
/// one read them again, and everybody was locked out.
#[test]
fn a_second_daemon_on_a_data_directory_says_so_and_touches_nothing() {
    let process = Process::after("");
    // As they are while somebody replaces them; and nobody but the second one writes.
    process.freeze();
    let accounts = process.data_dir().join("accounts.json");
    let kept = fs::read(&accounts).unwrap();
    fs::remove_file(&accounts).unwrap();
    fs::set_permissions(process.data_dir(), fs::Permissions::from_mode(0o755)).unwrap();
    let look = || {
        let mut seen = Vec::new();
        for_each_below(&process.data_dir(), &mut |path, metadata| {
            let bytes = if metadata.is_file() { fs::read(path).unwrap() } else { vec![] };
            seen.push((path.to_owned(), metadata.mode(), metadata.modified().unwrap(), bytes));
        });
        seen.sort();
        seen
    };
    let before = look();
    let second = Command::new(env!("CARGO_BIN_EXE_sluiced"))
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(process.data_dir())
        .output()
        .unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    let want = format!(
        "sluiced: another process works on the data directory {}; stop that one first, or name a directory of its own \
         for this one",
        process.data_dir().display()
    );
    assert_eq!((second.status.code(), said.lines().last()), (Some(75), Some(want.as_str())));
    // It has not taken a port, not even for a moment.
    assert_eq!(String::from_utf8(second.stdout).unwrap(), "");
    assert!(look() == before, "the directory is as it was");
    fs::write(&accounts, kept).unwrap();
    process.signal("CONT");
    assert_eq!(process.ask("GET", "/readyz", b"").status, 200);
}
