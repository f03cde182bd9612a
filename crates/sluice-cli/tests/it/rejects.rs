//! Rows that were refused, however many, and those that were not.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    fake::{Fake, Received},
    setup::{SUPPLIER, Setup, check_counts, end_of, hosts, last_event, said, sluice_in},
};

/// What is told of two rows that were refused, and of none of them why.
const RECEIPT: &str = "{\"rows\":2,\"accepted\":0,\"refused\":2,\"committed_lines\":2}";

/// Address space of a client for which an answer of 64 MB is too long if it gathers it.
const ADDRESS_SPACE_KIB: usize = 80_000;

/// The client within that.
fn sluice_within(dir: &TempDir, fake: &Fake, arguments: &[&str]) -> Command {
    let plain = sluice_in(dir.path(), &fake.url());
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("ulimit -v {ADDRESS_SPACE_KIB}; exec \"$@\""), "sh"])
        .arg(plain.get_program());
    command.args(arguments).env_clear().current_dir(dir.path());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn reject(line: usize, reason: &str) -> String {
    format!(
        "{{\"line\":{line},\"byte\":0,\"reason\":\"{reason}\",\"hint\":\"\",\"value\":\"x\",\"row\":{{\"a\":{line}}}}}\n"
    )
}

fn lines_of(dir: &TempDir) -> Vec<Value> {
    let text = fs::read_to_string(dir.path().join("rejects")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn push(dir: &TempDir, fake: &Fake) -> Command {
    fs::write(dir.path().join("feed.ndjson"), hosts(0..2)).unwrap();
    let mut command = sluice_in(dir.path(), &fake.url());
    command.args(["push", "--supplier", SUPPLIER, "--json", "feed.ndjson", "--rejects", "rejects"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn an_answer_that_breaks_off_is_gone_on_with() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake).spawn().unwrap();
    fake.take(200, "", RECEIPT);
    let rejects = reject(1, "unknown-tag") + &reject(2, "unknown-tag");
    fake.receive().break_off(&rejects, rejects.len() - 40);
    fake.take(429, "Retry-After: 0\r\n", "{}");
    fake.receive().break_off(&rejects, 10);
    let question = fake.take(200, "", &rejects);
    assert!(question.head.ends_with("\r\n\r\n") && question.head.contains("/rejects "), "{}", question.head);
    check_counts(&last_event(&end_of(child, 1).0), 2, 0, 2);
    let rows: Vec<_> = lines_of(&dir).into_iter().map(|mut line| line["row"].take()).collect();
    assert_eq!(rows, [json!({"a": 1}), json!({"a": 2})]);
}

/// What is told of rows in the answer is better than nothing.
#[test]
fn rows_that_may_not_be_read_are_those_of_the_answer() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake).spawn().unwrap();
    let rejects = reject(2, "unknown-tag");
    fake.take(200, "", &RECEIPT.replace('}', &format!(",\"rejects\":[{}]}}", rejects.trim())));
    fake.take(403, "", "{\"detail\":\"Not yours\"}");
    let (stdout, _) = end_of(child, 1);
    assert!(stdout.contains("cannot read the rows that were refused: Not yours (403)"), "{stdout}");
    assert!(stdout.contains("rejects has 1 of 2 refused rows"), "{stdout}");
    assert_eq!(lines_of(&dir)[0]["line"], 2);
}

#[test]
fn rejects_are_not_gathered_in_memory() {
    const ROWS: usize = 640;
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    fs::write(dir.path().join("feed.ndjson"), hosts(0..2)).unwrap();
    let long = reject(1, "unknown-tag").replace("\"x\"", &format!("\"{}\"", "x".repeat(100_000)));
    let arguments = ["push", "--supplier", SUPPLIER, "--json", "feed.ndjson", "--rejects", "rejects"];
    let child = sluice_within(&dir, &fake, &arguments).spawn().unwrap();
    let counts = format!("\"rows\":{ROWS},\"accepted\":0,\"refused\":{ROWS},\"committed_lines\":2");
    fake.take(200, "", &format!("{{{counts}}}"));
    let answer = |request: Received| {
        request.answer_long(ROWS * long.len(), |stream| {
            (0..ROWS).for_each(|_| stream.write_all(long.as_bytes()).unwrap());
        });
    };
    answer(fake.receive());
    check_counts(&last_event(&end_of(child, 1).0), ROWS as u64, 0, ROWS as u64);
    assert_eq!(lines_of(&dir).len(), ROWS);

    let mut command = sluice_within(&dir, &fake, &["batches", "rejects", "1"]);
    let told = dir.path().join("told");
    let child = command.stdout(fs::File::create(&told).unwrap()).spawn().unwrap();
    answer(fake.receive());
    end_of(child, 0);
    assert!(fs::read_to_string(&told).unwrap() == long.repeat(ROWS));
}

/// They are told among those that are refused, and are none of them.
#[test]
fn what_an_allow_list_keeps_out_is_no_refused_row() {
    let setup = Setup::start();
    let good = setup.write("good.txt", "good.example.com\nfine.example.com\n");
    setup.run(&["push", "--supplier", "FalsePositive", &good], 0);
    let rows = "{\"indicator\":\"good.example.com\"}\n{\"indicator\":\"bad\\\\name\"}\n{\"indicator\":\"fine.example.com\"}\n";
    let path = setup.write("feed.ndjson", rows);
    let push = ["push", "--supplier", SUPPLIER, "--create-supplier", &path];
    let (stdout, stderr) = said(setup.sluice(&push), b"", 1);
    assert!(stdout.starts_with("3 rows: 0 stored, 1 refused, 2 allow-listed; "), "{stdout}");
    let refused = format!("sluice: {path}:2: invalid-indicator \"bad\\\\name\" (Invalid indicator format)\n");
    assert_eq!(stderr, refused);
    let (_, stderr) = said(setup.sluice(&[&push[..], &["--rejects", "rejects"]].concat()), b"", 1);
    assert_eq!(stderr, "");
    let lines = lines_of(&setup.dir);
    assert_eq!((lines.len(), &lines[0]["line"]), (1, &json!(2)));
    // A lost row is noticed all the same, though others are told.
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = self::push(&dir, &fake).spawn().unwrap();
    fake.take(200, "", &RECEIPT.replace("\"refused\":2", "\"refused\":1,\"allowed\":1"));
    fake.take(200, "", &reject(1, "allow-listed"));
    let (stdout, _) = end_of(child, 1);
    assert!(stdout.contains("rejects has 0 of 1 refused rows"), "{stdout}");
}
