//! What people and machines are told, whatever happens, and what of the daemon's words reaches them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    fake::Fake,
    setup::{SUPPLIER, check_counts, end_of, hosts, last_event, said, sluice_in},
};

const RECEIPT: &str = "{\"rows\":2,\"accepted\":2,\"refused\":0,\"committed_lines\":2}";
const BUSY: &str = "{\"detail\":\"busy\"}";

fn push(dir: &TempDir, fake: &Fake, more: &[&str]) -> Command {
    fs::write(dir.path().join("feed.ndjson"), hosts(0..2)).unwrap();
    let mut command = sluice_in(dir.path(), &fake.url());
    command.args(["push", "--supplier", SUPPLIER]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn events(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Checks that the last event says why it failed, as standard error does.
#[track_caller]
fn check_failed((stdout, stderr): &(String, String), why: &str) {
    let last = events(stdout).pop().unwrap();
    assert_eq!(last["event"], "failed", "{stdout}");
    let text = last["text"].as_str().unwrap();
    assert!(text.contains(why), "{text}");
    assert_eq!(stderr, &format!("sluice: {text}\n"));
}

#[test]
fn the_last_event_says_why_it_failed_however_early() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let json = |more: &[&str]| push(&dir, &fake, &[&["--json", "--retry-for", "1ms"], more].concat());
    let mut nobody = json(&["feed.ndjson"]);
    nobody.env_remove("SLUICE_CLIENT_USER");
    check_failed(&said(nobody, b"", 2), "who asks?");
    check_failed(&said(json(&["no-such-file"]), b"", 6), "no-such-file");
    let child = json(&["feed.ndjson", "--create-supplier"]).spawn().unwrap();
    fake.take(401, "", "{\"detail\":\"Who?\"}");
    check_failed(&end_of(child, 4), "Who? (401)");
    let nowhere = json(&["feed.ndjson", "--create-supplier", "--url", "http://127.0.0.1:1"]);
    check_failed(&said(nowhere, b"", 3), "cannot reach");
    // Of a push that is gone on with, what is stored is asked for before anything is sent.
    let child = json(&["feed.ndjson"]).spawn().unwrap();
    fake.take(503, "", BUSY);
    check_failed(&end_of(child, 3), "feed.ndjson: busy (503); the same command goes on from there");
    let child = json(&["feed.ndjson"]).spawn().unwrap();
    fake.take(503, "", BUSY);
    check_failed(&end_of(child, 3), "busy (503)");
    // Somebody does not want to wait for the first answer.
    let child = json(&["feed.ndjson", "--create-supplier"]).spawn().unwrap();
    let waiting = fake.receive();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    check_failed(&end_of(child, 130), "interrupted");
    drop(waiting);
}

#[test]
fn whom_it_is_told_why_it_takes_longer() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let supplier = "[{\"name\":\"ExampleFeed\"}]";
    let run = |more: &[&str]| {
        let child =
            push(&dir, &fake, &[&["--create-supplier", "feed.ndjson"], more].concat()).spawn().unwrap();
        fake.take(503, "Retry-After: 0\r\n", BUSY);
        fake.take(200, "", supplier);
        fake.take(429, "Retry-After: 0\r\n", BUSY);
        fake.take(200, "", RECEIPT);
        end_of(child, 0)
    };
    let (_, stderr) = run(&[]);
    let [asked, sent] =
        ["(503)", "(429)"].map(|status| format!("sluice: busy {status}; tries again in 50ms\n"));
    assert_eq!(stderr, asked + &sent);
    let (stdout, stderr) = run(&["--json"]);
    let names: Vec<_> = events(&stdout).iter().map(|event| event["event"].clone()).collect();
    assert_eq!((names, stderr.as_str()), (vec![json!("remark"), json!("remark"), json!("end")], ""));
    let (stdout, stderr) = run(&["--quiet"]);
    assert_eq!((stdout.lines().count(), stderr.as_str()), (1, ""));
}

/// A table is one request, of whatever size, and was none at all before its answer.
#[test]
fn rows_of_a_long_request_are_counted_while_it_is_sent() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    fs::File::create(dir.path().join("feed.csv")).unwrap().set_len(1 << 40).unwrap();
    let mut child = push(&dir, &fake, &["--json", "feed.csv"]).spawn().unwrap();
    let request = fake.receive_head();
    let key = request.key().to_owned();
    let mut body = request.body_as_it_comes();
    let read = move || {
        let mut buffer = vec![0; 65_536];
        // On and on, until the client goes, and leaves the processor to others.
        while body.read(&mut buffer).is_ok_and(|got| got != 0) {
            thread::sleep(Duration::from_millis(1));
        }
    };
    thread::Builder::new().name("body".to_owned()).spawn(read).unwrap();
    let state = "{\"state\":\"running\",\"rows\":7,\"accepted\":4,\"refused\":3,\"committed_lines\":8}";
    let question = fake.take(200, "", state);
    assert!(question.head.starts_with(&format!("GET /v1/batches/{key} ")), "{}", question.head);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let counted = lines.find(|line| line.contains("\"rows\":7,\"accepted\":4,\"refused\":3")).unwrap();
    assert!(counted.starts_with("{\"event\":\"progress\""), "{counted}");
    request.answer(200, "", RECEIPT);
    check_counts(&last_event(&lines.last().unwrap()), 2, 2, 0);
    assert!(child.wait().unwrap().success());
}

/// Of standard input and of a plan nothing is kept.
#[test]
fn only_what_can_be_gone_on_with_is_said_to_be() {
    for (more, is_kept) in
        [(&["feed.ndjson"][..], true), (&["-"], false), (&["feed.ndjson", "--plan"], false)]
    {
        let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
        let mut command = push(&dir, &fake, &[more, &["--retry-for", "1ms"]].concat());
        command.stdin(fs::File::open(dir.path().join("feed.ndjson")).unwrap());
        let child = command.spawn().unwrap();
        fake.take(503, "", BUSY);
        let (_, stderr) = end_of(child, 3);
        assert_eq!(stderr.contains("; the same command goes on from there"), is_kept, "{stderr}");
    }
}

/// Whoever answers may be anybody.
#[test]
fn nothing_that_a_terminal_obeys_comes_from_the_daemon() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let told = |command: &mut Command, answers: &[(u16, &str)], code: i32| {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        for (status, body) in answers {
            fake.take(*status, "", body);
        }
        let (stdout, stderr) = end_of(child, code);
        for text in [&stdout, &stderr] {
            let is_plain = |character: char| character == '\n' || !character.is_control();
            assert!(text.chars().all(is_plain), "{text:?}");
        }
        stdout + &stderr
    };
    let sluice = |arguments: &[&str]| {
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args(arguments);
        command
    };
    let list = "[{\"name\":\"a\\u001b[2J\",\"status\":\"\u{9b}31m\"}]";
    let table = told(&mut sluice(&["suppliers", "list"]), &[(200, list)], 0);
    assert!(table.contains("a\\u{1b}[2J  \\u{9b}31m\n"), "{table}");
    let json = told(&mut sluice(&["suppliers", "list", "-o", "ndjson"]), &[(200, list)], 0);
    assert_eq!(json, "{\"name\":\"a\\u001b[2J\",\"status\":\"\\u009b31m\"}\n");
    let rejects = "{\"line\":1,\"value\":\"\u{9b}\"}\n";
    let lines = told(&mut sluice(&["batches", "rejects", "1"]), &[(200, rejects)], 0);
    assert_eq!(lines, "{\"line\":1,\"value\":\"\\u009b\"}\n");
    told(&mut sluice(&["tokens", "create", "a"]), &[(201, "{\"token\":\"\\u001bc\"}")], 0);
    told(&mut sluice(&["tags", "list"]), &[(404, "<html>\u{1b}]0;title\u{7}</html>\r\n<b>")], 5);
    let reject = "{\"line\":1,\"byte\":0,\"reason\":\"\\u001b\",\"hint\":\"\\u001b\",\"value\":\"\u{9b}\"}";
    let counts = "\"rows\":2,\"accepted\":1,\"refused\":1,\"committed_lines\":2";
    let receipt = format!("{{{counts},\"rejects\":[{reject}]}}");
    let told_of_row = told(&mut push(&dir, &fake, &["feed.ndjson"]), &[(200, &receipt)], 1);
    assert!(told_of_row.contains("feed.ndjson:1: \\u{1b} \"\\u009b\" (\\u{1b})"), "{told_of_row}");
}
