//! `sluice changes`: a copy that is kept by it equals an export, over breaks, restarts and interruptions.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sluice_model::cursor::Cursor;

use crate::{
    fake::Fake,
    setup::{SUPPLIER, Setup, end_of, host, hosts, said, sluice_in},
};

/// The file that keeps the cursor.
const KEPT: &str = "kept.cursor";

/// Rows by indicator, without what a line of changes has besides.
#[derive(Default, PartialEq, Debug)]
struct Copy(BTreeMap<String, Value>);

impl Copy {
    /// The rows of an export of all suppliers.
    fn of_export(setup: &Setup, more: &[&str]) -> Self {
        let rows = setup.run(&[&["export"], more].concat(), 0);
        let mut copy = Self::default();
        rows.lines().for_each(|line| copy.put(line));
        copy
    }

    fn put(&mut self, line: &str) {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row.as_object_mut().unwrap().remove("op");
        self.0.insert(row["indicator"].as_str().unwrap().to_owned(), row);
    }

    /// Takes lines of changes; how many there are of each kind.
    fn take(&mut self, lines: &str) -> [usize; 3] {
        let mut counts = [0; 3];
        for line in lines.lines() {
            let told: Value = serde_json::from_str(line).unwrap();
            let kind = ["put", "remove", "cursor"].iter().position(|op| told["op"] == *op).unwrap();
            counts[kind] += 1;
            match kind {
                0 => self.put(line),
                1 => drop(self.0.remove(told["indicator"].as_str().unwrap()).unwrap()),
                _ => assert!(told["cursor"].as_str().unwrap().parse::<Cursor>().is_ok(), "{line}"),
            }
        }
        counts
    }
}

fn delete(setup: &Setup, numbers: std::ops::Range<usize>) {
    let gone = setup.write("gone.txt", numbers.map(|n| host(n) + "\n").collect::<String>());
    setup.run(&["delete", "--supplier", SUPPLIER, &gone], 0);
}

#[test]
fn a_copy_is_begun_by_an_export_and_kept_by_changes() {
    let setup = Setup::start();
    let feed = setup.write("feed.ndjson", hosts(0..20));
    setup.push(&[&feed], 0);
    let mut copy = Copy::of_export(&setup, &["--cursor-file", KEPT]);
    assert_eq!(copy.0.len(), 20);
    let first = fs::read_to_string(setup.path(KEPT)).unwrap();
    setup.push(&[&setup.write("more.ndjson", hosts(20..25))], 0);
    delete(&setup, 0..3);
    let changed = setup.run(&["changes", "--cursor-file", KEPT], 0);
    assert_eq!(copy.take(&changed), [5, 3, 1], "{changed}");
    assert_eq!(copy, Copy::of_export(&setup, &[]));
    let second = fs::read_to_string(setup.path(KEPT)).unwrap();
    assert_eq!(
        changed.lines().last().unwrap(),
        format!("{{\"op\":\"cursor\",\"cursor\":\"{}\"}}", second.trim())
    );
    // What was told is not told again, and from the first cursor on, all is.
    assert_eq!(copy.take(&setup.run(&["changes", "--cursor-file", KEPT], 0)), [0, 0, 1]);
    let since = setup.run(&["changes", "--since", first.trim(), "--kind", "domain"], 0);
    assert_eq!(since.lines().count(), 9, "{since}");
    assert_eq!(setup.run(&["changes", "--since", first.trim(), "--kind", "ipv4"], 0).lines().count(), 1);
    // An export that comes to nothing keeps the cursor of the copy that there is.
    setup.run(&["export", "--cursor-file", KEPT, "--supplier", "Nobody"], 5);
    assert!(fs::read_to_string(setup.path(KEPT)).unwrap().trim().parse::<Cursor>().is_ok());
}

#[test]
fn where_it_is_to_begin_has_to_be_known() {
    let dir = tempfile::tempdir().unwrap();
    let told = |arguments: &[&str], code: i32| {
        let mut command = sluice_in(dir.path(), "http://192.0.2.1");
        command.arg("changes").args(arguments);
        said(command, b"", code).1
    };
    told(&[], 2);
    told(&["--since", "c1.00"], 2);
    let begin = "`sluice export --cursor-file kept.cursor` begins a copy\n";
    assert_eq!(told(&["--cursor-file", KEPT], 2), format!("sluice: {KEPT} is not there: {begin}"));
    for damaged in ["", "c1.00", &CURSOR[..40]] {
        fs::write(dir.path().join(KEPT), damaged).unwrap();
        assert_eq!(told(&["--cursor-file", KEPT], 2), format!("sluice: {KEPT} has no cursor: {begin}"));
    }
}

/// A command that goes on, and its lines as they come.
fn follow(mut command: Command) -> (Child, Lines<BufReader<ChildStdout>>) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

fn interrupt(child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    end_of(child, 130);
}

#[test]
fn whoever_follows_is_told_as_it_happens_and_goes_on_after_an_interruption() {
    let setup = Setup::start();
    setup.push(&[&setup.write("feed.ndjson", hosts(0..3))], 0);
    let mut copy = Copy::of_export(&setup, &["--cursor-file", KEPT]);
    let command = || setup.sluice(&["changes", "--follow", "--cursor-file", KEPT]);
    let (child, mut lines) = follow(command());
    for n in 3..6 {
        setup.push(&[&setup.write(&format!("{n}.ndjson"), hosts(n..n + 1))], 0);
        // It comes while nothing else does.
        let told = lines.next().unwrap().unwrap();
        assert!(told.contains(&format!("{{\"op\":\"put\",\"indicator\":\"{}\"", host(n))), "{told}");
        assert!(lines.next().unwrap().unwrap().starts_with("{\"op\":\"cursor\","));
        copy.put(&told);
    }
    // Nobody else goes on with the same file meanwhile.
    for other in [["changes", "--cursor-file", KEPT], ["export", "--cursor-file", KEPT]] {
        let (_, refused) = said(setup.sluice(&other), b"", 6);
        assert_eq!(refused, format!("sluice: another command goes on with {KEPT}\n"));
    }
    interrupt(child);
    delete(&setup, 0..2);
    let (child, mut lines) = follow(command());
    let mut told = String::new();
    while !told.contains("\"op\":\"cursor\"") {
        told += &(lines.next().unwrap().unwrap() + "\n");
    }
    assert_eq!(copy.take(&told), [0, 2, 1], "{told}");
    assert_eq!(copy, Copy::of_export(&setup, &[]));
    interrupt(child);
}

const CURSOR: &str = "c1.0123456789abcdef00000000000012d66b49d20004e7405b";

fn head(commit: u64) -> String {
    let cursor = cursor_at(commit);
    format!(
        "HTTP/1.1 200 OK\r\nsluice-cursor: {cursor}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )
}

fn cursor_at(commit: u64) -> Cursor {
    Cursor { commit, ..CURSOR.parse().unwrap() }
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// What was cut off is asked for again with the cursor before, and lines that did not come to their end are not told.
#[test]
fn what_breaks_off_is_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start();
    fs::write(dir.path().join(KEPT), CURSOR).unwrap();
    let mut command = sluice_in(dir.path(), &fake.url());
    command.args(["changes", "--follow", "--cursor-file", KEPT, "--tag", "C2", "--min-confidence", "50"]);
    let (child, mut lines) = follow(command);
    let kept = || fs::read_to_string(dir.path().join(KEPT)).unwrap().trim().to_owned();
    let target =
        |after: &str| format!("GET /v1/changes?after={after}&tag=C2&min_confidence=50&wait=30 HTTP/1.1\r\n");
    let busy =
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let line = |n: usize| {
        format!(
            "{{\"op\":\"remove\",\"indicator\":\"{}\",\"kind\":\"domain\",\"reason\":\"deleted\"}}\n",
            host(n)
        )
    };
    let whole = format!("{}{}0\r\n\r\n", head(7), chunk(&format!("{}{}", line(1), line(2))));
    for answer in [
        busy,
        &format!("{}{}", head(7), chunk(&format!("{}{{\"op\":", line(1)))),
        &format!("{}{}0\r\n\r\n", head(7), chunk("{\"op\":")),
        &whole,
    ] {
        let asked = fake.receive();
        assert!(asked.head.starts_with(&target(CURSOR)), "{}", asked.head);
        assert_eq!(kept(), CURSOR);
        asked.answer_raw(answer);
    }
    let asked = fake.receive();
    let seventh = cursor_at(7).to_string();
    assert!(asked.head.starts_with(&target(&seventh)), "{}", asked.head);
    assert_eq!(kept(), seventh);
    asked.answer_raw(&format!("{}0\r\n\r\n", head(8)));
    let asked = fake.receive();
    assert!(asked.head.starts_with(&target(&cursor_at(8).to_string())), "{}", asked.head);
    let body = "{\"type\":\"/problems/history-gone\",\"detail\":\"The cursor is older than the history\"}";
    asked.answer(410, "Content-Type: application/problem+json\r\n", body);
    let mut told = String::new();
    while let Some(Ok(line)) = lines.next() {
        told += &(line + "\n");
    }
    let cursor = format!("{{\"op\":\"cursor\",\"cursor\":\"{seventh}\"}}\n");
    assert_eq!(told, [line(1), line(1), line(2), cursor].concat());
    let (_, why) = end_of(child, 7);
    let last = "sluice: The cursor is older than the history (410); `sluice export --cursor-file FILE` makes the copy anew\n";
    assert!(why.ends_with(last), "{why}");
}

/// The rows of an export that broke off are of several moments; what has changed since the first is asked for.
#[test]
fn an_export_keeps_the_cursor_of_its_first_answer() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start();
    let mut command = sluice_in(dir.path(), &fake.url());
    command.args(["export", "--cursor-file", KEPT]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let row = "{\"indicator\":\"a.example.com\",\"kind\":\"domain\"}\n";
    fake.receive().answer_raw(&format!("{}{}", head(7), chunk(row)));
    let second = fake.receive();
    assert_eq!(fs::read_to_string(dir.path().join(KEPT)).unwrap(), "");
    second.answer_raw(&format!("{}{}0\r\n\r\n", head(9), chunk("{\"end\":true,\"rows\":0}\n")));
    end_of(child, 0);
    assert_eq!(fs::read_to_string(dir.path().join(KEPT)).unwrap(), format!("{}\n", cursor_at(7)));
}
