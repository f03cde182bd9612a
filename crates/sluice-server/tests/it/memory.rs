//! The real daemon as a process of its own, so that its memory can be read: bombs must stay small.

use std::thread;

use sluice_model::limits::MIB;

use crate::{
    client::Answer,
    daemon::request,
    encodings::gzip,
    process::{Process, as_administrator},
};

/// The most that the process may ever have held, with two threads that parse. It was 113 MiB when this was written:
/// a body of the limit held whole does not fit.
const RESIDENT_KIB_MAX: usize = 192 * MIB / 1024;

fn ask_with_gzip(process: &Process, method: &str, path: &str, body: &[u8]) -> Answer {
    let headers = format!("{}Content-Encoding: gzip\r\n", as_administrator());
    let mut connection = process.connect();
    let _is_taken = connection.send(&request(method, path, &headers, body));
    connection.answer()
}

/// A figure of `/proc` about the memory of a process, by name.
pub(crate) fn memory_of(process: &Process, name: &str) -> Option<usize> {
    let status = process.about("status");
    let line = status.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1).unwrap().parse().unwrap())
}

/// The kernel would clear two mebibytes for each buffer that is new, many times more than what is then written to it.
#[test]
fn memory_comes_in_small_pages() {
    // Kernels older than 5.0 do not tell.
    assert_ne!(memory_of(&Process::after(""), "THP_enabled:"), Some(1));
}

/// What the allocator keeps is in no plan. Three rounds of bodies of a feed took 276 MiB of 256, and were killed for it.
#[test]
fn free_memory_is_given_back_at_once_where_there_is_little() {
    // zstd's memory comes from glibc, which otherwise keeps 10 MiB after the training of a dictionary.
    let variables = ["MIMALLOC_PURGE_DELAY=", "MALLOC_MMAP_THRESHOLD_="];
    for (setup, wanted) in [
        ("export SLUICE_MEMORY=256MiB", [Some("0"), Some("131072")]),
        ("export SLUICE_MEMORY=2GiB", [None, None]),
        ("export SLUICE_MEMORY=256MiB MIMALLOC_PURGE_DELAY=7", [Some("7"), Some("131072")]),
        ("export SLUICE_MEMORY=256MiB MALLOC_MMAP_THRESHOLD_=65536", [Some("0"), Some("65536")]),
    ] {
        let environment = Process::after(setup).about("environ");
        let value = |name: &str| environment.split('\0').find_map(|variable| variable.strip_prefix(name));
        assert_eq!(variables.map(value), wanted, "{setup}");
    }
}

/// sled writes zeros to tables of figures that it never reads unless it is built to take fresh memory for them. With
/// them, a daemon at rest had 24 MiB of its own instead of 15.
#[test]
fn a_daemon_at_rest_takes_little() {
    let process = Process::after("export SLUICE_MEMORY=256MiB");
    let resident_kib = memory_of(&process, "RssAnon:").unwrap();
    assert!(resident_kib < 20 * 1_024, "{resident_kib} KiB");
}

#[test]
fn bombs_stay_small() {
    let process = Process::after("export SLUICE_INGEST__THREADS=2");
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
            let answer = ask_with_gzip(&process, method, path, bomb);
            assert_eq!(answer.status, 400, "{method} {path}: {answer:?}");
        }
    }
    let answer = ask_with_gzip(&process, "POST", "/api/1.0/lookup", &nothings);
    assert_eq!(answer.status, 400, "{answer:?}");
    let peak = memory_of(&process, "VmHWM:").unwrap();
    assert!(peak < RESIDENT_KIB_MAX, "{} MiB", peak / 1024);
    assert_eq!(process.ask("GET", "/readyz", b"").status, 200);
}

#[test]
fn four_long_bodies_at_once_fit_into_little_memory_or_are_told_to_come_back() {
    const ROUNDS: usize = 3;
    let process = Process::after("export SLUICE_INGEST__THREADS=2 SLUICE_MEMORY=256MiB");
    // 56 MB, nearly all of it contexts that must be stored.
    let body = |number: usize| {
        let elements = (0..56_000_000 / 4_000).map(|at| {
            let filler = format!("{number}-{at:05}").repeat(600);
            format!(r#"{{"indicator":"h{at}.{number}.example.com","context":{{"a":"{filler:.3940}"}}}}"#)
        });
        let body = format!("[{}]", elements.collect::<Vec<_>>().join(","));
        assert!(55_000_000 < body.len());
        body
    };
    let mut taken_count = 0;
    for round in 0..ROUNDS {
        let statuses: Vec<u16> = thread::scope(|scope| {
            let put = |number| {
                let (process, body) = (&process, body(number));
                scope.spawn(move || {
                    let path = "/api/1.0/suppliers/InternalTI/indicators";
                    process.ask("PUT", path, body.as_bytes()).status
                })
            };
            let putting: Vec<_> = (0..4).map(|number| put(4 * round + number)).collect();
            putting.into_iter().map(|put| put.join().unwrap()).collect()
        });
        assert!(statuses.iter().all(|status| matches!(status, 201 | 429)), "{statuses:?}");
        taken_count += statuses.iter().filter(|status| **status == 201).count();
        assert_eq!(process.ask("GET", "/readyz", b"").status, 200);
    }
    assert!(0 < taken_count);
    let peak = memory_of(&process, "VmHWM:").unwrap();
    assert!(peak < 256 * MIB / 1024, "{} MiB", peak / 1024);
}

#[test]
fn a_body_that_never_fits_into_little_memory_is_refused_for_good_and_the_limit_is_named() {
    let process = Process::after("export SLUICE_INGEST__THREADS=2 SLUICE_MEMORY=256MiB");
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    let wanted = format!("over the limit of {} bytes that the memory of the service sets", 60 * MIB);
    let declared =
        format!("{}Expect: 100-continue\r\nContent-Length: {}\r\n", as_administrator(), 60 * MIB + 1);
    let answer = process.ask_with("PUT", path, &declared, b"");
    assert!(answer.status == 400 && answer.reason().contains(&wanted), "{answer:?}");
    // What is compressed does not tell how long it is.
    let element = format!(r#"{{"indicator":"a.example.com","filler":"{}"}},"#, "x".repeat(4_000_000));
    let body = [gzip(b"["), gzip(element.as_bytes()).repeat(16), gzip(b"{}]")].concat();
    let answer = ask_with_gzip(&process, "PUT", path, &body);
    assert!(answer.status == 400 && answer.reason().contains(&wanted), "{answer:?}");
    let body = [gzip(b"["), gzip(element.as_bytes()).repeat(15), gzip(b"{}]")].concat();
    assert_eq!(ask_with_gzip(&process, "PUT", path, &body).status, 202);
}
