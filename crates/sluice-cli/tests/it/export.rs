//! `sluice export`: rows out, whole or not at all, gone on with after a break, and what was exported pushed again.

use std::{
    fs,
    ops::Range,
    process::{Child, Command, Stdio},
};

use sluice_model::cursor::Cursor;

use crate::{
    fake::Fake,
    setup::{SUPPLIER, Setup, check_counts, end_of, host, hosts, said, sluice_in},
};

/// Rows as they are exported, without their times.
fn plain(rows: &str) -> String {
    let cut = |line: &str| line.split(",\"updated\":").next().unwrap().to_owned();
    rows.lines().fold(String::new(), |plain, line| format!("{plain}{}\n", cut(line)))
}

#[test]
fn what_is_exported_can_be_pushed_again() {
    let setup = Setup::start();
    let feed = setup.write("feed.ndjson", hosts(0..2_000));
    check_counts(&setup.push(&[&feed], 0), 2_000, 2_000, 0);
    let (rows, told) = said(setup.sluice(&["export", "--supplier", SUPPLIER]), b"", 0);
    assert_eq!(rows.lines().count(), 2_000);
    assert!(
        rows.starts_with("{\"indicator\":\"host0.example.com\",\"kind\":\"domain\",\"context\":{\"n\":0},"),
        "{rows}"
    );
    assert!(!rows.contains("\"end\"") && told.starts_with("2,000 rows, "), "{told}");
    let path = setup.path("exported.ndjson");
    let exported = path.to_str().unwrap();
    assert_eq!(setup.run(&["export", "--supplier", SUPPLIER, "-o", exported], 0), "");
    assert_eq!(fs::read_to_string(&path).unwrap(), rows);
    setup.run(&["delete", "--supplier", SUPPLIER, exported], 0);
    assert_eq!(setup.run(&["export"], 0), "");
    check_counts(&setup.push(&[exported], 0), 2_000, 2_000, 0);
    assert_eq!(plain(&setup.run(&["export", "--supplier", SUPPLIER], 0)), plain(&rows));
    // Of all suppliers, each row says whose it is.
    let all = setup.run(
        &["export", "--kind", "domain", "--min-confidence", "50", "--updated-after", "2001-01-01T00:00:00Z"],
        0,
    );
    assert_eq!(all.lines().count(), 2_000);
    assert!(
        all.contains(&format!("\"suppliers\":[{{\"name\":\"{SUPPLIER}\",\"context\":{{\"n\":0}},")),
        "{all}"
    );
    assert_eq!(setup.run(&["export", "--kind", "ipv4"], 0), "");
    let table = setup.path("all.csv");
    setup.run(&["export", "--csv", "-o", table.to_str().unwrap()], 0);
    let table = fs::read_to_string(table).unwrap();
    assert!(
        table.starts_with(
            "indicator,kind,supplier,context,tags,updated,expires,url\nhost0.example.com,domain,"
        ),
        "{table}"
    );
    assert_eq!(table.lines().count(), 2_001);
    // Nothing else is left there.
    assert!(!setup.path("all.csv.unfinished").exists() && !setup.path("exported.ndjson.unfinished").exists());
}

/// Lines of an export, the `n`th of which is of [`host`] `n`.
fn lines(numbers: Range<usize>) -> String {
    numbers.fold(String::new(), |lines, n| {
        format!("{lines}{{\"indicator\":\"{}\",\"kind\":\"domain\"}}\n", host(n))
    })
}

const CURSOR: &str = "c1.0123456789abcdef00000000000012d66b49d20004e7405b";

fn head(cursor: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nsluice-cursor: {cursor}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn begin(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_broken_export_goes_on_behind_the_last_row() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start();
    let mut command = sluice_in(dir.path(), &fake.url());
    command.args(["export", "--tag", "C2", "-o", "rows"]);
    let child = begin(command);
    // A refusal for now, a row and a half, a break between two rows, and the rest.
    fake.receive().answer_raw(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let first = fake.receive();
    assert!(first.head.starts_with("GET /v1/indicators?tag=C2 HTTP/1.1\r\n"), "{}", first.head);
    assert!(first.head.contains("accept: application/x-ndjson\r\n"), "{}", first.head);
    first.answer_raw(&format!("{}{}", head(CURSOR), chunk(&format!("{}{{\"indi", lines(0..1)))));
    let second = fake.receive();
    assert!(
        second.head.starts_with("GET /v1/indicators?tag=C2&after=host0.example.com HTTP/1.1\r\n"),
        "{}",
        second.head
    );
    second.answer_raw(&format!("{}{}0\r\n\r\n", head(CURSOR), chunk(&lines(1..3))));
    assert!(!dir.path().join("rows").exists());
    let third = fake.receive();
    assert!(third.head.contains("&after=host2.example.com "), "{}", third.head);
    let end = format!("{}{}", lines(3..4), "{\"end\":true,\"rows\":1}\n");
    third.answer_raw(&format!("{}{}0\r\n\r\n", head(CURSOR), chunk(&end)));
    let (_, told) = end_of(child, 0);
    assert_eq!(fs::read_to_string(dir.path().join("rows")).unwrap(), lines(0..4));
    assert!(told.contains("the answer ends without its last line") && told.contains("4 rows, "), "{told}");
}

/// What goes on from another place, or has lost rows, is no export.
#[test]
fn what_is_not_whole_is_told() {
    let other = Cursor { store: 1, commit: 2, judged_seconds: 3 }.to_string();
    for (second, said_of_it) in [
        (
            format!("{}{}0\r\n\r\n", head(CURSOR), chunk("{\"end\":true,\"rows\":1}\n")),
            "the daemon tells of 1 rows, and 0 came",
        ),
        (head(&other), "another daemon answers now"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let fake = Fake::start();
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args(["export", "-o", "rows"]);
        let child = begin(command);
        fake.receive().answer_raw(&format!("{}{}", head(CURSOR), chunk(&lines(0..1))));
        fake.receive().answer_raw(&second);
        let (_, told) = end_of(child, 5);
        assert!(told.contains(said_of_it), "{told}");
        assert!(!dir.path().join("rows").exists());
    }
}

/// A table goes on from nowhere: a file is begun anew, and what went to standard output cannot be taken back.
#[test]
fn a_broken_table_is_begun_anew_where_it_can_be() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start();
    let table = |rows: &str| format!("{}{}", head(CURSOR), chunk(&format!("indicator,kind\n{rows}")));
    for (file, code) in [("rows", 0), ("-", 3)] {
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args(["export", "--csv", "-o", file]);
        let child = begin(command);
        let first = fake.receive();
        assert!(first.head.contains("accept: text/csv\r\n"), "{}", first.head);
        first.answer_raw(&table("a.example.com,domain\nb.example"));
        if code == 0 {
            fake.receive().answer_raw(&format!("{}0\r\n\r\n", table("a.example.com,domain\n")));
        }
        end_of(child, code);
    }
    assert_eq!(
        fs::read_to_string(dir.path().join("rows")).unwrap(),
        "indicator,kind\na.example.com,domain\n"
    );
}
