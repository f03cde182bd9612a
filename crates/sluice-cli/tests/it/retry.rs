//! A daemon that is busy, refuses early, or is not the one that is meant.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    fake::Fake,
    setup::{SUPPLIER, Setup, check_counts, end_of, hosts, last_event, said, sluice_in, until_success},
};

const RECEIPT: &str = "{\"rows\":2,\"accepted\":2,\"refused\":0,\"committed_lines\":2}";

fn push(dir: &tempfile::TempDir, fake: &Fake, more: &[&str]) -> Command {
    fs::write(dir.path().join("feed.ndjson"), hosts(0..2)).unwrap();
    let mut command = sluice_in(dir.path(), &fake.url());
    command.args(["push", "--supplier", SUPPLIER, "--json", "feed.ndjson"]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_busy_daemon_is_asked_again_when_it_says() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake, &[]).spawn().unwrap();
    let asked = fake.receive();
    let refused = Instant::now();
    asked.answer(
        429,
        "Retry-After: 2\r\n",
        "{\"type\":\"/problems/busy\",\"detail\":\"The service is busy\"}",
    );
    let again = fake.take(200, "", RECEIPT);
    assert!(Duration::from_secs(2) <= refused.elapsed(), "{:?}", refused.elapsed());
    assert_eq!(String::from_utf8_lossy(&again.body), hosts(0..2));
    let (stdout, _) = end_of(child, 0);
    assert!(stdout.contains("The service is busy (429); tries again in 2s"), "{stdout}");
    check_counts(&last_event(&stdout), 2, 2, 0);
}

#[test]
fn a_daemon_that_stays_busy_is_given_up() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake, &["--retry-for", "5s"]).spawn().unwrap();
    fake.take(429, "Retry-After: 60\r\n", "[{\"status\":\"no\",\"reason\":\"Too busy\"}]");
    let (_, stderr) = end_of(child, 3);
    assert_eq!(stderr, "sluice: feed.ndjson: Too busy (429); the same command goes on from there\n");
}

/// A quarter of a second, a half, a whole one and two; four seconds more would be too long.
#[test]
fn pauses_double() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake, &["--retry-for", "7s"]).spawn().unwrap();
    for _ in 0..5 {
        fake.take(429, "", "{\"detail\":\"busy\"}");
    }
    end_of(child, 3);
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake, &[]).spawn().unwrap();
    let first = fake.receive();
    let key = first.key().to_owned();
    drop(first);
    let question = fake.take(404, "", "{}");
    assert!(question.head.starts_with(&format!("DELETE /v1/batches/{key} ")), "{}", question.head);
    drop(fake.receive_head());
    fake.take(404, "", "{}");
    let last = fake.take(200, "", RECEIPT);
    assert_ne!(last.key(), key);
    check_counts(&last_event(&end_of(child, 0).0), 2, 2, 0);
}

#[test]
fn a_request_that_was_carried_out_without_an_answer_is_not_sent_again() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake, &[]).spawn().unwrap();
    drop(fake.receive());
    // It has ended, so there is nothing to cancel.
    fake.take(409, "", "{}");
    fake.take(200, "", &RECEIPT.replace('{', "{\"state\":\"done\","));
    check_counts(&last_event(&end_of(child, 0).0), 2, 2, 0);
}

#[test]
fn what_is_stored_of_a_request_is_not_stored_again() {
    // The daemon has no room for the rest, or the rest did not come.
    for (status, detail) in [(503, "busy"), (408, "The body did not arrive in time")] {
        let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
        let child = push(&dir, &fake, &[]).spawn().unwrap();
        fake.take(status, "Retry-After: 0\r\n", &format!("{{\"detail\":\"{detail}\"}}"));
        let counts = "\"rows\":1,\"accepted\":1,\"refused\":0,\"committed_lines\":1";
        fake.take(200, "", &format!("{{\"state\":\"failed\",{counts}}}"));
        let again = fake.take(200, "", "{\"rows\":1,\"accepted\":1,\"refused\":0,\"committed_lines\":2}");
        let wanted = format!("POST /v1/suppliers/{SUPPLIER}/indicators?format=ndjson&from_line=2 ");
        assert!(again.head.starts_with(&wanted), "{}", again.head);
        check_counts(&last_event(&end_of(child, 0).0), 2, 2, 0);
    }
}

#[test]
fn rows_that_were_refused_before_a_break_are_told_as_well() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake, &["--rejects", "rejects"]).spawn().unwrap();
    let first = fake.take(503, "Retry-After: 0\r\n", "{\"detail\":\"busy\"}");
    let counts = "\"rows\":1,\"accepted\":0,\"refused\":1,\"committed_lines\":1";
    fake.take(200, "", &format!("{{\"state\":\"cancelled\",{counts}}}"));
    // The daemon is away for a moment.
    drop(fake.receive());
    let reject =
        "{\"line\":1,\"byte\":0,\"reason\":\"unknown-tag\",\"value\":null,\"hint\":\"\",\"row\":{\"a\":1}}\n";
    let question = fake.take(200, "", reject);
    let wanted = format!("GET /v1/batches/{}/rejects ", first.key());
    assert!(question.head.starts_with(&wanted), "{}", question.head);
    fake.take(200, "", "{\"rows\":1,\"accepted\":1,\"refused\":0,\"committed_lines\":2}");
    check_counts(&last_event(&end_of(child, 1).0), 2, 1, 1);
    let rejects = fs::read_to_string(dir.path().join("rejects")).unwrap();
    assert_eq!(rejects.matches("\"reason\":\"unknown-tag\"").count(), 1, "{rejects}");
}

#[test]
fn an_answer_of_something_else_is_no_receipt() {
    for other in [
        "{}",
        "[]",
        "<html></html>",
        "{\"batch\":\"other\",\"rows\":2,\"accepted\":2,\"refused\":0,\"committed_lines\":2}",
    ] {
        let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
        let child = push(&dir, &fake, &[]).spawn().unwrap();
        fake.take(200, "", other);
        let (_, stderr) = end_of(child, 5);
        assert!(stderr.contains("the answer is not one"), "{stderr}");
    }
}

#[test]
fn an_answer_that_tells_of_other_lines_is_no_receipt() {
    for lines in [1, 3] {
        let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
        let child = push(&dir, &fake, &[]).spawn().unwrap();
        fake.take(200, "", &RECEIPT.replace("lines\":2", &format!("lines\":{lines}")));
        let (stdout, stderr) = end_of(child, 5);
        let said = format!("the daemon tells of {lines} lines, and 2 were sent");
        assert!(stderr.contains(&said), "{stderr}");
        // What came of it is told to machines too.
        let event: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        assert_eq!((&event["event"], &event["accepted"]), (&json!("failed"), &json!(2)), "{stdout}");
        assert!(event["text"].as_str().unwrap().contains(&said), "{stdout}");
    }
}

/// A daemon that takes the body and then says nothing is asked whether it is at work, and given up once it is not.
#[test]
fn a_daemon_that_hangs_is_noticed() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake, &["--timeout", "3s"]).spawn().unwrap();
    let hanging = fake.receive();
    let batch = format!("/v1/batches/{} ", hanging.key());
    for _ in 0..2 {
        let question = fake.take(200, "", &RECEIPT.replace('{', "{\"state\":\"running\","));
        assert!(question.head.starts_with(&format!("GET {batch}")), "{}", question.head);
    }
    // Now it hangs altogether.
    let silent = fake.receive();
    assert!(silent.head.starts_with(&format!("GET {batch}")), "{}", silent.head);
    // It is back.
    let cancelled = fake.take(404, "", "{}");
    assert!(cancelled.head.starts_with(&format!("DELETE {batch}")), "{}", cancelled.head);
    fake.take(200, "", RECEIPT);
    let (stdout, _) = end_of(child, 0);
    assert!(stdout.contains("says nothing for 3s; tries again in 250ms"), "{stdout}");
    check_counts(&last_event(&stdout), 2, 2, 0);
}

#[test]
fn a_body_that_stops_half_way_counts_as_silence() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let mut command = push(&dir, &fake, &["--timeout", "300ms", "--retry-for", "100ms"]);
    fs::File::create(dir.path().join("feed.ndjson")).unwrap().set_len(64 << 20).unwrap();
    let child = command.spawn().unwrap();
    let hanging = fake.receive_head();
    drop(fake.receive());
    let (_, stderr) = end_of(child, 3);
    assert!(stderr.contains("says nothing for 300ms; the same command goes on from there"), "{stderr}");
    drop(hanging);
}

#[test]
fn a_question_is_asked_again() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let ask = |arguments: &[&str]| {
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for (arguments, answer) in [
        (&["tags", "list", "-o", "json"][..], "[]"),
        (&["lookup", "192.0.2.1", "-o", "json"], "[{\"object\":\"192.0.2.1\",\"result\":\"detected\"}]"),
    ] {
        let child = ask(arguments);
        let first = fake.take(503, "Retry-After: 0\r\n", "{\"detail\":\"busy\"}");
        drop(fake.receive());
        fake.take(500, "", "{\"detail\":\"broken\"}");
        assert_eq!(fake.take(200, "", answer).body, first.body);
        end_of(child, 0);
    }
    // What changes something is sent again only if nothing can have come of it.
    let create = ["tags", "create", "malware"];
    let child = ask(&create);
    fake.take(429, "Retry-After: 0\r\n", "{\"detail\":\"busy\"}");
    fake.take(201, "", "[{\"status\":\"done\"}]");
    end_of(child, 0);
    let child = ask(&create);
    fake.take(500, "", "{\"detail\":\"broken\"}");
    end_of(child, 3);
    let child = ask(&create);
    drop(fake.receive());
    end_of(child, 3);
}

/// The connections of those that were not to be sent would wait in the socket.
#[test]
fn pieces_of_one_file_are_not_sent_at_once() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let mut command = push(&dir, &fake, &["--piece-size", "1", "--format", "ndjson"]);
    let long =
        format!("{{\"indicator\":\"192.0.2.1\",\"context\":{{\"x\":\"{}\"}}}}\n", "x".repeat(16 << 20));
    fs::write(dir.path().join("feed.ndjson"), long.clone() + &hosts(0..8)).unwrap();
    let child = command.spawn().unwrap();
    let first = fake.receive();
    assert_eq!(first.body.len(), long.len());
    first.answer(403, "", "{\"detail\":\"Not here\"}");
    end_of(child, 4);
    assert!(!fake.has_more());
}

#[test]
fn a_file_that_changes_meanwhile_is_not_said_to_be_stored() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let child = push(&dir, &fake, &[]).spawn().unwrap();
    let request = fake.receive();
    fs::write(dir.path().join("feed.ndjson"), hosts(0..3)).unwrap();
    request.answer(200, "", RECEIPT);
    let (_, stderr) = end_of(child, 6);
    assert!(stderr.contains("feed.ndjson: has changed while it was sent"), "{stderr}");
}

#[test]
fn an_answer_that_comes_before_the_body_counts() {
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    let mut command = push(&dir, &fake, &[]);
    let length = 300 << 20;
    fs::File::create(dir.path().join("feed.ndjson")).unwrap().set_len(length).unwrap();
    let child = command.spawn().unwrap();
    let received = fake.receive_head().answer_early(403, "", "{\"detail\":\"Not here\"}");
    assert!(received < length / 2, "{received} bytes were sent after the answer");
    let (_, stderr) = end_of(child, 4);
    assert_eq!(stderr, "sluice: Not here (403)\n");
}

#[test]
fn the_real_daemon_refuses_early_too() {
    let setup = Setup::start();
    let path = setup.path("feed.ndjson");
    fs::File::create(&path).unwrap().set_len(300 << 20).unwrap();
    let arguments = ["push", "--supplier", "NoSuchFeed", path.to_str().unwrap()];
    let (_, stderr) = said(setup.sluice(&arguments), b"", 5);
    assert!(stderr.contains("Supplier doesn't exist; --create-supplier creates it (404)"), "{stderr}");
}

#[test]
fn a_certificate_is_trusted_if_it_is_named() {
    let setup = Setup::begin(&[("SLUICE_TLS__SELF_SIGNED", "true")]);
    let url = format!("https://{}", setup.daemon.address());
    let list = |more: &[&str]| {
        let mut command = sluice_in(setup.dir.path(), &url);
        command.args(["suppliers", "list"]).args(more);
        command
    };
    until_success(|| list(&["--insecure"]));
    let (_, stderr) = said(list(&[]), b"", 3);
    assert!(stderr.contains("certificate"), "{stderr}");
    let certificate = setup.path("data/tls-certificate.pem");
    said(list(&["--ca-file", certificate.to_str().unwrap()]), b"", 0);
    // Trying again has no point, and takes minutes.
    let path = setup.write("feed.ndjson", hosts(0..2));
    let mut push = sluice_in(setup.dir.path(), &url);
    push.args(["push", "--supplier", SUPPLIER, &path]);
    let (_, stderr) = said(push, b"", 3);
    assert!(!stderr.contains("tries again"), "{stderr}");
}
