//! What is broken off is gone on with: the daemon dies, or the client does; nothing is lost, and nothing is sent for nothing.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use test_support::daemon::Daemon;

use crate::{
    fake::Fake,
    setup::{SUPPLIER, Setup, check_counts, daemon_binary, end_of, host, hosts, last_event, said, sluice_in},
};

/// Rows of a feed that takes some steps.
const ROWS: usize = 60_000;

/// Begins to push in small pieces, and waits until the journal says that some are stored.
fn push_until_some_is_stored(mut command: Command, state: &Path) -> Child {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    loop {
        let journals = fs::read_dir(state.join("sluice/push")).into_iter().flatten();
        let lines = |path| fs::read_to_string(path).unwrap_or_default().lines().count();
        if journals.flatten().any(|entry| 10 < lines(entry.path())) {
            return child;
        }
        assert_eq!(child.try_wait().unwrap(), None, "the push has ended too early");
        std::thread::yield_now();
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn journals(setup: &Setup) -> usize {
    fs::read_dir(setup.path("state/sluice/push")).map_or(0, Iterator::count)
}

#[test]
fn a_push_outlives_the_daemon() {
    let mut setup = Setup::start();
    let path = setup.write("feed.ndjson", hosts(0..ROWS));
    let arguments =
        ["push", "--supplier", SUPPLIER, "--create-supplier", "--json", "--piece-size", "20000", &path];
    // The next daemon has to be where the client looks for it.
    let listen = setup.daemon.address().to_string();
    let child = push_until_some_is_stored(setup.sluice(&arguments), &setup.path("state"));
    setup.daemon.kill();
    setup.daemon = restart(&setup, &listen);
    let (stdout, _) = end_of(child, 0);
    let end = last_event(&stdout);
    check_counts(&end, ROWS as u64, ROWS as u64, 0);
    assert!(stdout.contains("\"event\":\"remark\"") && stdout.contains("cannot reach"), "{stdout}");
    assert_eq!(setup.detected((0..ROWS).map(host)), ROWS);
    assert_eq!(journals(&setup), 0);
}

fn restart(setup: &Setup, listen: &str) -> Daemon {
    let mut daemon = Daemon::start_at(&daemon_binary(), setup.dir.path(), listen, &[]);
    daemon.wait_until_ready();
    daemon
}

#[test]
fn an_interrupted_push_is_gone_on_with() {
    for (name, code) in [("-INT", Some(130)), ("-TERM", Some(130)), ("-KILL", None)] {
        let setup = Setup::start();
        let path = setup.write("feed.ndjson", hosts(0..ROWS));
        let arguments =
            ["push", "--supplier", SUPPLIER, "--create-supplier", "--json", "--piece-size", "20000", &path];
        let child = push_until_some_is_stored(setup.sluice(&arguments), &setup.path("state"));
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), code);
        assert_eq!(journals(&setup), 1);

        let (stdout, _) = said(setup.sluice(&arguments), b"", 0);
        let remark: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
        assert!(remark["text"].as_str().unwrap().starts_with("goes on behind "), "{stdout}");
        assert!(4 * 20_000 <= remark["bytes"].as_u64().unwrap(), "{stdout}");
        check_counts(&last_event(&stdout), ROWS as u64, ROWS as u64, 0);
        assert_eq!(setup.detected((0..ROWS).map(host)), ROWS);
        assert_eq!(journals(&setup), 0);
    }
}

#[test]
fn only_what_is_missing_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let content = hosts(0..300);
    let path = dir.path().join("feed.ndjson");
    fs::write(&path, &content).unwrap();
    let push = |url: &str, more: &[&str]| {
        let mut command = sluice_in(dir.path(), url);
        command.args([
            "push",
            "--supplier",
            SUPPLIER,
            "--json",
            "--piece-size",
            "5000",
            "--retry-for",
            "1ms",
        ]);
        command.args(more).arg(&path);
        command
    };
    let receipt = |lines: usize| {
        format!("{{\"rows\":{lines},\"accepted\":{lines},\"refused\":0,\"committed_lines\":{lines}}}")
    };
    let lines = |body: &[u8]| String::from_utf8_lossy(body).lines().count();
    // Lines of pieces of 5,000 bytes and the rest of a line.
    let fake = Fake::start();
    let child = push(&fake.url(), &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let first = fake.receive();
    let (mut received, key, stored) = (first.body.clone(), first.key().to_owned(), lines(&first.body));
    first.answer(200, "", &receipt(stored));
    fake.take(500, "", "{}");
    let (stdout, _) = end_of(child, 3);
    assert!(!stdout.contains("\"event\":\"end\""));

    let child = push(&fake.url(), &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    still_knows(&fake, &key);
    let question = fake.take(404, "", "{}");
    assert!(question.head.starts_with("DELETE /v1/batches/"), "{}", question.head);
    while received.len() < content.len() {
        let next = fake.receive();
        received.extend(&next.body);
        let receipt = receipt(lines(&next.body));
        next.answer(200, "", &receipt);
    }
    let (stdout, _) = end_of(child, 0);
    assert_eq!(String::from_utf8(received).unwrap(), content);
    let goes_on = format!("{{\"event\":\"remark\",\"text\":\"goes on behind {stored} rows");
    assert!(stdout.starts_with(&goes_on), "{stdout}");
}

/// A daemon that has kept what it stored by a request.
fn still_knows(fake: &Fake, key: &str) {
    let question = fake.take(200, "", "[{\"name\":\"ExampleFeed\",\"retention\":60}]");
    assert!(question.head.starts_with("GET /api/1.3/suppliers/ExampleFeed "), "{}", question.head);
    let list = format!("{{\"batches\":[{{\"batch\":\"{key}\",\"action\":\"add\",\"parameters\":{{}}}}]}}");
    let question = fake.take(200, "", &list);
    assert!(
        question.head.starts_with("GET /v1/batches?supplier=ExampleFeed&limit=1000 "),
        "{}",
        question.head
    );
}

#[test]
fn a_file_that_has_changed_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("feed.ndjson");
    let push = |url: &str, more: &[&str]| {
        let mut command = sluice_in(dir.path(), url);
        command.args(["push", "--supplier", SUPPLIER, "--json", "--piece-size", "1", "--retry-for", "1ms"]);
        command.args(more).arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let receipt = "{\"rows\":1,\"accepted\":1,\"refused\":0,\"committed_lines\":1}";
    let fake = Fake::start();
    let broken_off = || {
        let child = push(&fake.url(), &[]).spawn().unwrap();
        assert_eq!(String::from_utf8_lossy(&fake.take(200, "", receipt).body), hosts(0..1));
        fake.take(500, "", "{}");
        end_of(child, 3);
    };
    fs::write(&path, hosts(0..2)).unwrap();
    broken_off();
    fs::write(&path, hosts(0..3)).unwrap();
    broken_off();
    let child = push(&fake.url(), &["--restart"]).spawn().unwrap();
    for n in 0..3 {
        assert_eq!(String::from_utf8_lossy(&fake.take(200, "", receipt).body), hosts(n..n + 1));
    }
    check_counts(&last_event(&end_of(child, 0).0), 3, 3, 0);
}

#[test]
fn a_supplier_that_is_created_anew_is_sent_everything() {
    let setup = Setup::start();
    let path = setup.write("feed.ndjson", hosts(0..ROWS));
    let arguments =
        ["push", "--supplier", SUPPLIER, "--create-supplier", "--json", "--piece-size", "20000", &path];
    let child = push_until_some_is_stored(setup.sluice(&arguments), &setup.path("state"));
    signal(&child, "-INT");
    end_of(child, 130);
    setup.run(&["suppliers", "delete", SUPPLIER], 0);
    check_counts(&last_event(&setup.run(&arguments, 0)), ROWS as u64, ROWS as u64, 0);
    assert_eq!(setup.detected((0..ROWS).map(host)), ROWS);
}

/// A push that is broken off, and what has to be done so that all of it is sent again.
fn check_begins_anew(what: &str, change: impl FnOnce(&mut Setup)) {
    let mut setup = Setup::start();
    let path = setup.write("feed.ndjson", hosts(0..ROWS));
    let arguments =
        ["push", "--supplier", SUPPLIER, "--create-supplier", "--json", "--piece-size", "20000", &path];
    let child = push_until_some_is_stored(setup.sluice(&arguments), &setup.path("state"));
    signal(&child, "-INT");
    end_of(child, 130);
    change(&mut setup);
    let stdout = setup.run(&arguments, 0);
    assert!(stdout.contains("\"text\":\"begins anew: "), "{what}: {stdout}");
    let end = last_event(&stdout);
    check_counts(&end, ROWS as u64, ROWS as u64, 0);
    assert_eq!(setup.detected((0..ROWS).map(host)), ROWS, "{what}");
}

#[test]
fn what_was_taken_back_since_is_sent_again() {
    check_begins_anew("deletion", |setup| {
        let gone = setup.write("gone.txt", host(0));
        setup.run(&["delete", "--supplier", SUPPLIER, &gone], 0);
    });
    check_begins_anew("replacement", |setup| {
        let other = setup.write("other.txt", "192.0.2.1");
        setup.run(&["push", "--supplier", SUPPLIER, "--replace", "--max-shrink", "100", &other], 0);
    });
    check_begins_anew("another data directory", |setup| {
        let listen = setup.daemon.address().to_string();
        setup.daemon.kill();
        fs::rename(setup.path("data"), setup.path("data-before")).unwrap();
        setup.daemon = restart(setup, &listen);
        setup.run(&["suppliers", "create", SUPPLIER], 0);
    });
}

/// Also where nothing is known yet of the only request that there was.
#[test]
fn a_request_that_was_begun_is_believed_no_more_than_others() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("feed.ndjson"), hosts(0..2)).unwrap();
    let fake = Fake::start();
    let push = || {
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args(["push", "--supplier", SUPPLIER, "--json", "--retry-for", "1ms", "feed.ndjson"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let child = push();
    let key = fake.take(503, "", "{\"detail\":\"busy\"}").key().to_owned();
    end_of(child, 3);
    for (action, parameters) in
        [("delete", "{}"), ("add", "{\"mode\":\"replace\"}"), ("bulk", "{}"), ("add", "{\"sha256\":\"0\"}")]
    {
        let child = push();
        fake.take(200, "", "[{\"name\":\"ExampleFeed\",\"retention\":60}]");
        let batch = |key: &str, action: &str, parameters: &str| {
            format!("{{\"batch\":\"{key}\",\"action\":\"{action}\",\"parameters\":{parameters}}}")
        };
        let list = [batch("other", action, parameters), batch(&key, "add", "{}")].join(",");
        fake.take(200, "", &format!("{{\"batches\":[{list}]}}"));
        // All of it is sent, and nothing is asked of the request before.
        let again = fake.take(503, "", "{\"detail\":\"busy\"}");
        assert!(again.head.starts_with("POST ") && !again.head.contains("from_line"), "{}", again.head);
        end_of(child, 3);
        fs::remove_dir_all(dir.path().join("state")).unwrap();
        let child = push();
        fake.take(503, "", "{\"detail\":\"busy\"}");
        end_of(child, 3);
    }
}

#[test]
fn what_has_expired_since_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("feed.ndjson");
    fs::write(&path, hosts(0..2)).unwrap();
    let fake = Fake::start();
    let push = || {
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args(["push", "--supplier", SUPPLIER, "--json", "--piece-size", "1", "--retry-for", "1ms"]);
        command.arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let receipt = "{\"rows\":1,\"accepted\":1,\"refused\":0,\"committed_lines\":1}";
    let child = push();
    fake.take(200, "", receipt);
    fake.take(500, "", "{}");
    end_of(child, 3);
    let child = push();
    fake.take(200, "", "[{\"name\":\"ExampleFeed\",\"retention\":0}]");
    for n in 0..2 {
        assert_eq!(String::from_utf8_lossy(&fake.take(200, "", receipt).body), hosts(n..n + 1));
    }
    let (stdout, _) = end_of(child, 0);
    assert!(stdout.contains("begins anew: what was stored before has expired"), "{stdout}");
}

#[test]
fn the_same_push_does_not_run_twice_at_once() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("feed.ndjson"), hosts(0..2)).unwrap();
    let fake = Fake::start();
    let push = || {
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args(["push", "--supplier", SUPPLIER, "feed.ndjson"]);
        command
    };
    let first = push().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let answer = fake.receive();
    let (_, stderr) = said(push(), b"", 6);
    assert!(stderr.contains("another command is sending the same files"), "{stderr}");
    answer.answer(200, "", "{\"rows\":2,\"accepted\":2,\"refused\":0,\"committed_lines\":2}");
    end_of(first, 0);
}

#[test]
fn a_line_that_was_told_is_gone_on_behind() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("feed.json"), "[]").unwrap();
    let fake = Fake::start();
    let push = || {
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args(["push", "--supplier", SUPPLIER, "--json", "--retry-for", "1ms", "feed.json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let child = push();
    let first = fake.take(503, "", "{\"detail\":\"busy\"}");
    assert!(!first.head.contains("from_line"), "{}", first.head);
    end_of(child, 3);
    let child = push();
    still_knows(&fake, first.key());
    let counts = "\"rows\":10,\"accepted\":10,\"refused\":0,\"committed_lines\":10";
    fake.take(200, "", &format!("{{\"state\":\"failed\",{counts}}}"));
    let second = fake.take(200, "", "{\"rows\":5,\"accepted\":4,\"refused\":1,\"committed_lines\":15}");
    assert!(second.head.contains("from_line=11"), "{}", second.head);
    check_counts(&last_event(&end_of(child, 1).0), 15, 14, 1);
}

/// What a reader of standard output sees while the push goes on.
#[test]
fn events_come_while_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start();
    fs::write(dir.path().join("feed.ndjson"), hosts(0..2)).unwrap();
    let mut command = sluice_in(dir.path(), &fake.url());
    command.args(["push", "--supplier", SUPPLIER, "--json", "feed.ndjson"]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let request = fake.receive();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (event["event"].as_str(), event["bytes"].as_u64()),
        (Some("progress"), event["total_bytes"].as_u64())
    );
    request.answer(200, "", "{\"rows\":2,\"accepted\":2,\"refused\":0,\"committed_lines\":2}");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    check_counts(&last_event(&rest), 2, 2, 0);
    assert!(child.wait().unwrap().success());
}
