//! What a push asks of the daemon beside sending rows: what became of them, how it goes, and what it does where it may not ask.

use std::{
    fs,
    process::{Child, Stdio},
};

use tempfile::TempDir;

use crate::{
    fake::Fake,
    setup::{SUPPLIER, check_counts, end_of, hosts, last_event, sluice_in},
};

/// What is said to whom something is not allowed.
const FORBIDDEN: &str = "{\"detail\":\"Not yours\"}";
/// Rows of the feed.
const ROWS: usize = 300;

/// A feed, and where it is sent.
struct Feed {
    dir: TempDir,
    fake: Fake,
}

impl Feed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("feed.ndjson"), hosts(0..ROWS)).unwrap();
        Self { dir, fake: Fake::start() }
    }

    fn push(&self, more: &[&str]) -> Child {
        let mut command = sluice_in(self.dir.path(), &self.fake.url());
        command.args(["push", "--supplier", SUPPLIER, "--json", "feed.ndjson"]);
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Receives a piece and says that all of it is stored; gives its key and its rows.
    fn store(&self) -> (String, String) {
        let piece = self.fake.receive();
        assert!(piece.head.starts_with("POST "), "{}", piece.head);
        let (key, body) = (piece.key().to_owned(), String::from_utf8(piece.body.clone()).unwrap());
        piece.answer(200, "", &receipt(body.lines().count()));
        (key, body)
    }

    /// Says that a batch, and no other, is there.
    fn list(&self, key: &str) {
        self.fake.take(200, "", "[{\"name\":\"ExampleFeed\",\"retention\":60}]");
        let list =
            format!("{{\"batches\":[{{\"batch\":\"{key}\",\"action\":\"add\",\"parameters\":{{}}}}]}}");
        self.fake.take(200, "", &list);
    }
}

fn receipt(lines: usize) -> String {
    format!("{{\"rows\":{lines},\"accepted\":{lines},\"refused\":0,\"committed_lines\":{lines}}}")
}

/// Somebody may push, and nothing else.
#[test]
fn who_may_not_ask_goes_on_behind_what_is_stored() {
    for status in [401, 403] {
        let feed = Feed::new();
        let pieces = ["--piece-size", "5000", "--retry-for", "1ms"];
        let child = feed.push(&pieces);
        let (_, stored) = feed.store();
        feed.fake.take(500, "", "{}");
        end_of(child, 3);

        let child = feed.push(&pieces);
        feed.fake.take(status, "", FORBIDDEN);
        // What became of the second request may not be asked either, so it is sent again.
        let question = feed.fake.take(403, "", FORBIDDEN);
        assert!(question.head.starts_with("DELETE /v1/batches/"), "{}", question.head);
        let question = feed.fake.take(403, "", FORBIDDEN);
        assert!(question.head.starts_with("GET /v1/batches/"), "{}", question.head);
        let mut received = stored.clone();
        while received.len() < hosts(0..ROWS).len() {
            received += &feed.store().1;
        }
        assert_eq!(received, hosts(0..ROWS));
        let (stdout, _) = end_of(child, 0);
        check_counts(&last_event(&stdout), ROWS as u64, ROWS as u64, 0);
        let asked = "may not ask whether what was stored before is still there, and goes on all the same: ";
        assert_eq!(stdout.matches(&format!("{asked}Not yours ({status})")).count(), 1, "{stdout}");
        let sent = "may not ask what became of the last request, and sends it again: Not yours (403)";
        assert_eq!(stdout.matches(sent).count(), 1, "{stdout}");
        let behind = format!("goes on behind {} rows", stored.lines().count());
        assert!(stdout.contains(&behind), "{stdout}");
    }
}

#[test]
fn who_may_not_list_batches_goes_on_behind_what_is_stored() {
    let feed = Feed::new();
    let pieces = ["--piece-size", "5000", "--retry-for", "1ms"];
    let child = feed.push(&pieces);
    feed.store();
    let key = feed.fake.take(500, "", "{}").key().to_owned();
    end_of(child, 3);
    let child = feed.push(&pieces);
    feed.fake.take(200, "", "[{\"name\":\"ExampleFeed\",\"retention\":60}]");
    feed.fake.take(403, "", FORBIDDEN);
    // Nobody may cancel anything, but what became of it is told: it is under way, and then it is done.
    feed.fake.take(403, "", FORBIDDEN);
    let running = receipt(0).replace('{', "{\"state\":\"running\",");
    let question = feed.fake.take(200, "", &running);
    assert!(question.head.starts_with(&format!("GET /v1/batches/{key} ")), "{}", question.head);
    let (_, stderr) = end_of(child, 3);
    assert!(stderr.contains("the daemon is at work on the request still"), "{stderr}");
}

/// What is known of a piece is known by where it ends.
#[test]
fn pieces_of_another_size_are_gone_on_with() {
    let feed = Feed::new();
    let child = feed.push(&["--retry-for", "1ms"]);
    let key = feed.fake.take(503, "", "{}").key().to_owned();
    end_of(child, 3);
    // All of it was stored.
    let smaller = ["--piece-size", "5000", "--retry-for", "1ms"];
    let child = feed.push(&smaller);
    feed.list(&key);
    feed.fake.take(200, "", &receipt(ROWS).replace('{', "{\"state\":\"done\","));
    check_counts(&last_event(&end_of(child, 0).0), ROWS as u64, ROWS as u64, 0);

    // A part of it was.
    let child = feed.push(&["--retry-for", "1ms"]);
    let key = feed.fake.take(503, "", "{}").key().to_owned();
    end_of(child, 3);
    let child = feed.push(&smaller);
    feed.list(&key);
    feed.fake.take(200, "", &receipt(200).replace('{', "{\"state\":\"failed\","));
    feed.fake.take(500, "", "{}");
    end_of(child, 3);
    let child = feed.push(&smaller);
    feed.list(&key);
    feed.fake.take(404, "", "{}");
    let rest = feed.fake.receive();
    assert!(rest.head.contains("from_line=201"), "{}", rest.head);
    assert_eq!(String::from_utf8_lossy(&rest.body), hosts(0..ROWS));
    let counts = "\"rows\":100,\"accepted\":100,\"refused\":0,\"committed_lines\":300";
    rest.answer(200, "", &format!("{{{counts}}}"));
    check_counts(&last_event(&end_of(child, 0).0), ROWS as u64, ROWS as u64, 0);
}

/// Time in which the daemon is at work is none in which it is away.
#[test]
fn work_is_no_silence() {
    let feed = Feed::new();
    let child = feed.push(&["--timeout", "2s", "--retry-for", "5s"]);
    let working = feed.fake.receive();
    for _ in 0..4 {
        feed.fake.take(200, "", &receipt(0).replace('{', "{\"state\":\"running\","));
    }
    drop(working);
    feed.fake.take(404, "", "{}");
    feed.store();
    check_counts(&last_event(&end_of(child, 0).0), ROWS as u64, ROWS as u64, 0);
}

/// Who may not ask cannot know it, and does not give up what may be under way.
#[test]
fn an_answer_is_waited_for_where_nothing_is_told_of_it() {
    for status in [403, 429] {
        let feed = Feed::new();
        let child = feed.push(&["--timeout", "2s"]);
        let working = feed.fake.receive();
        for _ in 0..2 {
            let question = feed.fake.take(status, "", FORBIDDEN);
            assert!(question.head.starts_with("GET /v1/batches/"), "{}", question.head);
        }
        working.answer(200, "", &receipt(ROWS));
        check_counts(&last_event(&end_of(child, 0).0), ROWS as u64, ROWS as u64, 0);
        // But not for ever.
        let child = feed.push(&["--timeout", "2s", "--retry-for", "1ms"]);
        let working = feed.fake.receive();
        feed.fake.take(status, "", FORBIDDEN);
        let (_, stderr) = end_of(child, 3);
        assert!(stderr.contains("says nothing for 2s"), "{stderr}");
        drop(working);
    }
}

/// The rows before the last line were stored by the request before.
#[test]
fn an_end_that_cannot_be_read_costs_nothing() {
    let feed = Feed::new();
    let child = feed.push(&[]);
    feed.fake.take(503, "Retry-After: 0\r\n", "{\"detail\":\"busy\"}");
    feed.fake.take(200, "", &receipt(ROWS - 1).replace('{', "{\"state\":\"failed\","));
    let last = feed.fake.receive();
    assert!(last.head.contains(&format!("from_line={ROWS}")), "{}", last.head);
    let counts = format!("\"rows\":1,\"accepted\":0,\"refused\":1,\"committed_lines\":{ROWS}");
    last.answer(422, "", &format!("{{\"type\":\"/problems/no-usable-row\",\"detail\":\"None\",{counts}}}"));
    check_counts(&last_event(&end_of(child, 1).0), ROWS as u64, ROWS as u64 - 1, 1);
}
