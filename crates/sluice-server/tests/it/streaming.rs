//! Imports that come as slowly as their sources do.

use serde_json::{Value, json};

use crate::{
    client::Connection,
    daemon::{Running, as_user, request, wait_until},
};

/// Begins an import of unknown length.
fn begin(daemon: &Running, supplier: &str) -> Connection {
    let mut connection = daemon.connect();
    let headers = format!("{}Transfer-Encoding: chunked\r\n", as_user("admin"));
    let path = format!("/v1/suppliers/{supplier}/indicators");
    assert!(connection.send(&request("POST", &path, &headers, b"")));
    connection
}

fn is_found(daemon: &Running, object: &str) -> bool {
    daemon.detections("", &[object]) != [""]
}

#[track_caller]
fn end_of(connection: &mut Connection) -> (u16, Value) {
    let answer = connection.receive_text().unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

/// One row a second was cut off as too slow after ten seconds, and rows before a pause waited for those behind it.
#[test]
fn rows_are_stored_while_the_import_pauses_and_it_may_be_slow() {
    let daemon = Running::start(&[
        // What other bodies are held to, and what no test keeps to.
        ("SLUICE_HTTP__BODY_STALL", "1s"),
        ("SLUICE_HTTP__BODY_RATE_MIN", "1000000000B"),
        ("SLUICE_HTTP__BODY_DEADLINE", "1s"),
        ("SLUICE_HTTP__IMPORT_STALL", "1h"),
    ]);
    let mut connection = begin(&daemon, "InternalTI");
    // Of the third row, only a beginning is there.
    for chunk in ["first.streaming.example.com\n", "second.streaming.example.com\nthird.str"] {
        assert!(connection.send_chunk(chunk.as_bytes()));
    }
    wait_until("the rows are stored", || is_found(&daemon, "second.streaming.example.com"));
    assert!(is_found(&daemon, "first.streaming.example.com"));
    assert!(connection.send_chunk(b"eaming.example.com\nlast.streaming.example.com\n"));
    wait_until("the next rows are stored", || is_found(&daemon, "last.streaming.example.com"));
    assert!(is_found(&daemon, "third.streaming.example.com"));
    assert!(connection.send_chunk(b""));
    let (status, answer) = end_of(&mut connection);
    assert_eq!((status, &answer["accepted"], &answer["committed_lines"]), (200, &json!(4), &json!(4)));
}

#[test]
fn an_import_of_which_nothing_comes_is_given_up_and_can_be_gone_on_with() {
    let daemon = Running::start(&[("SLUICE_HTTP__IMPORT_STALL", "8s")]);
    let mut connection = begin(&daemon, "InternalTI");
    assert!(connection.send_chunk(b"a.stalled.example.com\nb.stal"));
    let (status, problem) = end_of(&mut connection);
    assert_eq!((status, &problem["type"]), (408, &json!("/problems/body-too-slow")));
    assert_eq!((&problem["committed_lines"], &problem["accepted"]), (&json!(1), &json!(1)), "{problem}");
    connection.check_closed();
    assert!(is_found(&daemon, "a.stalled.example.com") && !is_found(&daemon, "b.stal"));
}
