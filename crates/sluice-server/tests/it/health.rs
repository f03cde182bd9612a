//! `health`, by which a container is judged that holds nothing else to ask with.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use crate::{commands::sluiced, process::Process};

/// Exit code, and what is said, of a question to `address`, which stands as PORT in it.
fn ask(address: &str, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = sluiced()
        .args(["--listen", address, "health"])
        .envs(environment.iter().copied())
        // It is about this machine.
        .env("http_proxy", "http://192.0.2.1:9")
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    (output.status.code(), said.replace(port, "PORT"))
}

#[test]
fn a_daemon_that_is_ready_is_healthy_at_any_of_its_addresses() {
    let process = Process::after("");
    let port = process.address().port();
    let healthy = |address| (Some(0), format!("ready: http://{address}:PORT/readyz is answered with 200\n"));
    assert_eq!(ask(&format!("127.0.0.1:{port}"), &[]), healthy("127.0.0.1"));
    // As it stands in the configuration of a daemon that others reach.
    let plain = [("SLUICE_ALLOW_PLAIN_HTTP", "true")];
    assert_eq!(ask(&format!("0.0.0.0:{port}"), &plain), healthy("127.0.0.1"));
    let (code, said) = ask(&format!("[::]:{port}"), &plain);
    assert!(code == Some(1) && said.contains("http://[::1]:PORT/readyz does not answer"), "{said}");
}

#[test]
fn a_daemon_with_a_certificate_of_its_own_is_asked_over_tls() {
    const TLS: (&str, &str) = ("SLUICE_TLS__SELF_SIGNED", "true");
    let process = Process::after(&format!("export {}={}", TLS.0, TLS.1));
    let address = process.address().to_string();
    // Its store may still open.
    let mut answer = ask(&address, &[TLS]);
    while answer.1.contains("is answered with 425") {
        answer = ask(&address, &[TLS]);
    }
    assert_eq!(answer, (Some(0), "ready: https://127.0.0.1:PORT/readyz is answered with 200\n".to_owned()));
}

#[test]
fn a_daemon_that_takes_no_writes_or_is_not_there_is_not_healthy() {
    let process = Process::after("export SLUICE_DISK_RESERVE_BYTES=9000000000000000000");
    let (code, said) = ask(&process.address().to_string(), &[]);
    assert_eq!(said, "sluiced: not ready: http://127.0.0.1:PORT/readyz is answered with 507\n");
    assert_eq!(code, Some(1));
    // A port that nobody else gets meanwhile: it is bound, and not listened on.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let (code, said) = ask(&address.to_string(), &[]);
    assert!(said.starts_with("sluiced: http://127.0.0.1:PORT/readyz does not answer: "), "{said}");
    assert_eq!(code, Some(1));
}
