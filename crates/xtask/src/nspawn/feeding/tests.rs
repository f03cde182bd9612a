//! A server that answers as it is told shows that nothing goes uncounted.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use parking_lot::Mutex;
use test_support::client::Client;

use super::{Feeding, Ledger, Outcomes};
use crate::feed::FeedOptions;

/// A ledger of a feed with so many lines.
fn ledger(lines: usize) -> Ledger {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("feed.jsonl");
    let line = |number| format!("{{\"indicator\":\"host-{number}.example.com\",\"context\":null}}");
    std::fs::write(&path, (0..lines).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    Ledger::new(&FeedOptions::of_file(&path)).unwrap()
}

/// Answers one connection after another with these texts, and closes each; an empty one is no answer.
fn serve(answers: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let work = move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4_096];
            assert_ne!(stream.read(&mut request).unwrap(), 0);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    };
    thread::Builder::new().spawn(work).unwrap();
    address
}

/// What is seen when a request is sent until it is answered.
fn ask(address: SocketAddr) -> (Option<u16>, Outcomes) {
    let ledger = ledger(1);
    let client = || Client::new(address, "", "");
    let feeding = Feeding {
        ledger: &ledger,
        client: &client,
        is_over: AtomicBool::new(false),
        answered: Vec::new(),
        seen: Mutex::default(),
    };
    let answer = feeding.ask(&mut client(), "PUT", "/", b"[]");
    (answer.map(|answer| answer.status), feeding.seen.into_inner())
}

#[test]
fn a_request_that_is_cut_off_and_one_that_is_busy_are_counted_and_sent_again() {
    let busy =
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let taken = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let address = serve(Vec::leak(vec!["", busy, taken]));
    let (status, seen) = ask(address);
    assert_eq!(
        (status, seen.busy, seen.cut.len(), seen.refused.len()),
        (Some(201), 1, 1, 0),
        "{}",
        seen.text()
    );
    assert!(seen.is_without_a_gap().is_err());
    assert!(seen.is_without_a_refusal().is_ok());
}

#[test]
fn a_refusal_without_a_time_to_wait_is_an_answer() {
    let address =
        serve(&["HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]);
    assert_eq!(ask(address).0, Some(429));
}

#[test]
fn what_is_not_found_is_lost() {
    let ledger = ledger(3);
    let found = r#"[{"result":"detected"},{"result":"detected"}]"#;
    let lost = r#"[{"result":"detected"},{"result":"not detected"}]"#;
    ledger.acknowledge(0..2);
    for (body, is_whole) in [(found, true), (lost, false)] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let answer: &'static str = String::leak(head + body);
        let address = serve(Vec::leak(vec![answer]));
        let checked = ledger.check(&mut Client::new(address, "", ""), 1);
        assert_eq!(checked.is_ok(), is_whole, "{checked:?}");
    }
}

#[test]
fn no_two_bodies_have_the_same_indicators() {
    let ledger = ledger(5);
    let (first, second) = (ledger.large_body(1_000), ledger.large_body(1_000));
    assert!(1_000 <= first.0.len() && 1_000 <= second.0.len());
    assert!(first.1.end <= second.1.start);
    assert_ne!(first.0, second.0);
    let is_used = ledger.next.load(Ordering::Relaxed);
    assert_eq!(is_used, second.1.end);
}
