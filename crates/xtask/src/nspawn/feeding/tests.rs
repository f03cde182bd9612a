//! A server that answers as it is told shows that nothing goes uncounted.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use test_support::client::Client;

use super::{Feeding, Ledger, Outcomes, PIECE_ELEMENTS, SlowBody};
use crate::{
    feed::FeedOptions,
    nspawn::outcomes::{BUSY_MAX, GAP_MAX},
};

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

/// What comes of some work of clients of a server, and what is seen.
fn feed<T>(ledger: &Ledger, address: SocketAddr, work: impl FnOnce(&Feeding<'_>) -> T) -> (T, Outcomes) {
    let feeding = Feeding {
        ledger,
        client: &|| Client::new(address, "", ""),
        is_over: AtomicBool::new(false),
        answered: Vec::new(),
        seen: Mutex::default(),
    };
    (work(&feeding), feeding.seen.into_inner())
}

/// What is seen when a request is sent until it is answered.
fn ask(address: SocketAddr) -> (Option<u16>, Outcomes) {
    feed(&ledger(1), address, |feeding| {
        let answer = feeding.ask(&mut (feeding.client)(), "PUT", "/", b"[]");
        answer.map(|answer| answer.status)
    })
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
fn a_long_wait_and_too_many_refusals_are_a_gap() {
    let good = || Outcomes { longest: GAP_MAX / 2, busy: BUSY_MAX, ..Outcomes::default() };
    assert!(good().is_without_a_gap().is_ok());
    assert!(Outcomes { longest: GAP_MAX, ..good() }.is_without_a_gap().is_err());
    assert!(Outcomes { busy: BUSY_MAX + 1, ..good() }.is_without_a_gap().is_err());
    let told = |told| Outcomes { told, ..good() };
    assert!(told(0).told_the_slow(0).is_ok() && told(1).told_the_slow(0).is_err());
    assert!(told(1).told_the_slow(5).is_err() && told(2).told_the_slow(5).is_ok());
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

/// Answers a request once so much of it has arrived, and reads on until its client closes the connection; without an answer, it
/// closes at once.
fn serve_slowly(bytes_min: usize, answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let work = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut seen, mut piece) = (0, [0; 4_096]);
        while seen < bytes_min {
            seen += stream.read(&mut piece).unwrap();
        }
        if answer.is_empty() {
            return;
        }
        stream.write_all(answer.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        while stream.read(&mut piece).is_ok_and(|bytes| bytes != 0) {}
    };
    thread::Builder::new().spawn(work).unwrap();
    address
}

/// Sends one body; gives how long its client is to wait, what was acknowledged, and what was seen.
fn send_slowly(body: SlowBody, bytes_min: usize, answer: &'static str) -> (Duration, usize, Outcomes) {
    let ledger = ledger(10);
    let (wait, seen) = feed(&ledger, serve_slowly(bytes_min, answer), |feeding| feeding.send_one(0, body));
    let acknowledged = ledger.acknowledged.lock().iter().map(ExactSizeIterator::len).sum();
    (wait, acknowledged, seen)
}

#[test]
fn a_slow_push_that_is_refused_in_its_middle_was_told() {
    let refused =
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (wait, acknowledged, seen) = send_slowly(SlowBody::Announced, 20_000, refused);
    assert_eq!((wait, acknowledged, seen.told), (Duration::from_secs(5), 0, 1), "{}", seen.text());
    assert!(seen.is_without_a_gap().is_ok() && seen.told_the_slow(0).is_err());
}

#[test]
fn what_an_import_that_is_cut_off_says_is_durable_is_acknowledged() {
    let cut = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 23\r\nConnection: close\r\n\r\n\
               {\"committed_lines\": 63}";
    let (wait, acknowledged, seen) = send_slowly(SlowBody::Endless, 10_000, cut);
    assert_eq!((wait, acknowledged, seen.told), (Duration::from_secs(1), 63, 1), "{}", seen.text());
    assert!(PIECE_ELEMENTS < acknowledged, "those of several pieces");
}

#[test]
fn a_slow_body_that_is_cut_off_without_a_word_is_a_gap() {
    for body in [SlowBody::Announced, SlowBody::Endless] {
        let (_, acknowledged, seen) = send_slowly(body, 20_000, "");
        assert_eq!((acknowledged, seen.told, seen.cut.len()), (0, 0, 1), "{}", seen.text());
        assert!(seen.is_without_a_gap().is_err());
    }
}

#[test]
fn a_refusal_without_a_time_to_wait_is_wrong() {
    let refused = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (_, _, seen) = send_slowly(SlowBody::Endless, 100, refused);
    assert_eq!((seen.told, seen.wrong.len()), (0, 1), "{}", seen.text());
}
