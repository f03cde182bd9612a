//! The real daemon as a process of its own, so that its memory can be read: bombs must stay small.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use sluice_model::limits::MIB;

use crate::{
    client::{Answer, Connection},
    daemon::{request, with_password},
    encodings::gzip,
};

/// The most that the process may ever have held, with two threads that parse. It was 113 MiB when this was written:
/// a body of the limit held whole does not fit.
const RESIDENT_KIB_MAX: usize = 192 * MIB / 1024;

struct Process {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Process {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let password_file = dir.path().join("password");
        fs::write(&password_file, "secret\n").unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sluiced"))
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir.path().join("data"))
            .arg("--admin-password-file")
            .arg(&password_file)
            .env("SLUICE_DISK_RESERVE_BYTES", "0")
            .env("SLUICE_INGEST__THREADS", "2")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap().split(". To").next().unwrap();
        let process = Self { address: address.parse().unwrap(), child, _dir: dir };
        while process.ask("GET", "/api/1.0/suppliers", "", b"").status == 425 {}
        process
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let headers = format!("{}{headers}", with_password("admin", "secret"));
        let mut connection = Connection::open(self.address);
        let _is_taken = connection.send(&request(method, path, &headers, body));
        connection.answer()
    }

    fn peak_kib(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn bombs_stay_small() {
    let mut process = Process::start();
    let element = format!(r#"{{"indicator":"x","object":"x","filler":"{}"}},"#, "x".repeat(4_000_000));
    // A gibibyte from 1 MB, in bodies of known elements, of white space and of one endless text.
    let elements = [gzip(b"["), gzip(element.as_bytes()).repeat(256)].concat();
    let text = [gzip(br#"[{"indicator":""#), gzip("x".repeat(4_000_000).as_bytes()).repeat(256)].concat();
    let nothings = [gzip(b"[{}"), gzip(",{}".repeat(1_000_000).as_bytes()).repeat(350)].concat();
    assert!(elements.len() + text.len() + nothings.len() < 10_000_000);
    for (method, path) in [
        ("PUT", "/api/1.0/suppliers/InternalTI/indicators"),
        ("DELETE", "/api/1.0/suppliers/InternalTI/indicators"),
        ("POST", "/api/1.0/lookup"),
        ("POST", "/api/1.0/suppliers"),
    ] {
        for bomb in [&elements, &text] {
            let answer = process.ask(method, path, "Content-Encoding: gzip\r\n", bomb);
            assert_eq!(answer.status, 400, "{method} {path}: {answer:?}");
        }
    }
    let answer = process.ask("POST", "/api/1.0/lookup", "Content-Encoding: gzip\r\n", &nothings);
    assert_eq!(answer.status, 400, "{answer:?}");
    let peak = process.peak_kib();
    assert!(peak < RESIDENT_KIB_MAX, "{} MiB", peak / 1024);
    assert!(process.child.try_wait().unwrap().is_none(), "the daemon has ended");
}
