//! What the log says of requests and logins: enough for whoever reads it, on one line each, and never more than so much.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use socket2::SockRef;

use crate::{
    client::{Answer, Connection},
    daemon::{as_token, request, wait_until, with_password},
    process::{Process, as_administrator},
};

const SUPPLIERS: &str = "/api/1.0/suppliers";
const INDICATORS: &str = "/api/1.0/suppliers/InternalTI/indicators";

fn get(process: &Process, headers: &str) -> Answer {
    process.ask_with("GET", SUPPLIERS, headers, b"")
}

fn id_of(answer: &Answer) -> &str {
    answer.header("x-request-id").unwrap_or_else(|| panic!("no id: {answer:?}"))
}

/// The lines that have a text in them.
fn lines_with(process: &Process, text: &str) -> Vec<String> {
    process.said().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

#[test]
fn an_answer_has_the_id_of_its_request_and_so_has_its_line() {
    let process = Process::after("export SLUICE_LOG__ACCESS=true");
    let own = get(&process, &format!("{}X-Request-Id: trace-7\r\n", as_administrator()));
    assert_eq!((own.status, id_of(&own)), (200, "trace-7"));
    let made = get(&process, &as_administrator());
    let hostile = get(&process, &format!("{}X-Request-Id: a\tb\r\n", as_administrator()));
    let refused = get(&process, "X-Request-Id: trace-8\r\n");
    assert_eq!((refused.status, id_of(&refused)), (401, "trace-8"));
    let body = format!("{}Expect: 100-continue\r\nContent-Length: 200000000\r\n", as_administrator());
    let early = process.ask_with("PUT", INDICATORS, &body, b"");
    assert_eq!(early.status, 400);
    for answer in [&own, &made, &hostile, &refused, &early] {
        let id = id_of(answer);
        let told = lines_with(&process, &format!("access: request request_id=\"{id}\" "));
        assert_eq!(told.len(), 1, "{id}: {}", process.said());
        assert!(told[0].contains(&format!(" status={} ", answer.status)), "{told:?}");
    }
    assert_ne!(id_of(&made), id_of(&hostile));
}

#[test]
fn the_access_log_counts_what_was_accepted_and_refused() {
    let process = Process::after("export SLUICE_LOG__ACCESS=true SLUICE_LOG__LEVEL=error");
    let body =
        br#"[{"indicator":"a.example.com"},{"indicator":"b.example.com"},{"indicator":"bad\\.example.com"}]"#;
    let answer = process.ask("PUT", INDICATORS, body);
    assert_eq!(answer.status, 202);
    let told = lines_with(&process, &format!("request_id=\"{}\"", id_of(&answer)));
    let [line] = told.as_slice() else { panic!("{}", process.said()) };
    for part in [
        " address=127.0.0.1 user=\"admin\" route=\"AddIndicators\" status=202 ",
        &format!(" received_bytes={} sent_bytes={} ", body.len(), answer.body.len()),
        " accepted=2 refused=1",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_refused_login_is_told_on_one_line_whatever_its_user_is_called() {
    let process = Process::after("");
    let hostile =
        "a\"\n<0>x login: login refused address=192.0.2.1 reason=\"wrong password\"\u{202e}\u{1b}[2J";
    for headers in [
        with_password("admin", "wrong"),
        with_password(hostile, "secret"),
        with_password(&"long".repeat(200), "secret"),
        as_token("sluice_never"),
        "Authorization: Basic !\r\n".to_owned(),
        String::new(),
    ] {
        assert_eq!(get(&process, &headers).status, 401);
    }
    let lines = lines_with(&process, "login refused");
    assert_eq!(lines.len(), 6, "{}", process.said());
    let wanted = [
        "\"wrong password\" user=\"admin\"",
        "\"unknown user\" user=\"a\\\"",
        "\"unknown user\" user=\"longlong",
        "\"unknown token\" user=\"token:\"",
        "\"malformed credentials\" user=\"-\"",
        "\"no credentials\" user=\"-\"",
    ];
    for (line, wanted) in lines.iter().zip(wanted) {
        let told = line.split_once(" WARN login: login refused address=127.0.0.1 reason=").unwrap().1;
        assert!(told.starts_with(wanted), "{line}");
        assert!(line.len() < 400 && !line.contains(char::is_control) && !line.contains('\u{202e}'), "{line}");
    }
}

#[test]
fn refused_logins_of_one_address_are_told_a_bounded_number_of_times() {
    let process = Process::after("");
    for _ in 0..50 {
        assert_eq!(get(&process, "").status, 401);
    }
    assert_eq!(lines_with(&process, "login refused").len(), 10, "{}", process.said());
}

/// A ban goes by these lines.
#[test]
fn requests_without_credentials_hide_no_guess() {
    let process = Process::after("");
    for _ in 0..50 {
        assert_eq!(get(&process, "").status, 401);
    }
    assert_eq!(get(&process, &with_password("admin", "wrong")).status, 401);
    let told = lines_with(&process, "login refused address=127.0.0.1 reason=\"wrong password\"");
    assert_eq!(told.len(), 1, "{}", process.said());
}

#[test]
fn a_full_disk_is_told_once_and_the_requests_that_it_fails_a_bounded_number_of_times() {
    let process = Process::after("export SLUICE_DISK_RESERVE_BYTES=9000000000000000000");
    for _ in 0..100 {
        assert_eq!(process.ask("PUT", INDICATORS, b"[]").status, 507);
    }
    wait_until("the state is told", || !lines_with(&process, "less free space than disk_reserve").is_empty());
    let told = lines_with(&process, "a request was refused");
    assert_eq!(told.len(), 60, "{}", process.said());
    for part in
        [" user=\"admin\" ", " route=\"AddIndicators\" ", &format!(" path=\"{INDICATORS}\" "), " status=507 "]
    {
        assert!(told[0].contains(part), "{part}: {}", told[0]);
    }
    assert_eq!(lines_with(&process, "less free space than disk_reserve").len(), 1);
}

#[test]
fn under_systemd_every_line_has_a_priority_and_no_time() {
    let process =
        Process::after("export JOURNAL_STREAM=$(stat -Lc %d:%i /dev/stderr) SLUICE_LOG__ACCESS=true");
    assert_eq!(get(&process, "").status, 401);
    assert_eq!(get(&process, &as_administrator()).status, 200);
    let said = process.said();
    assert!(said.lines().all(|line| line.starts_with('<') && line.get(2..3) == Some(">")), "{said}");
    assert_eq!(lines_with(&process, "<4>WARN login: login refused ").len(), 1, "{said}");
    assert_eq!(lines_with(&process, "<6>INFO sluiced::signals: ready").len(), 1, "{said}");
}

/// The daemon behind a shell that has done `setup`.
fn sluiced_after(setup: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{setup}\nexec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_sluiced")]);
    command
}

/// Whoever looks for errors finds why it ended.
#[test]
fn the_last_words_are_an_error_of_the_journal_and_json_where_lines_are() {
    let journal = "export JOURNAL_STREAM=$(stat -Lc %d:%i /dev/stderr)";
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("export SLUICE_METRICS_LISTEN={}", taken.local_addr().unwrap());
    for (setup, begins) in [
        (listen.clone(), "sluiced: cannot listen on "),
        (format!("{journal}; {listen}"), "<3>sluiced: cannot listen on "),
        (format!("{listen} SLUICE_LOG__FORMAT=json"), "{\"timestamp\":\""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let said = dir.path().join("said");
        let ended = sluiced_after(&setup)
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir.path().join("data"))
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .status();
        assert_eq!(ended.unwrap().code(), Some(1));
        let said = fs::read_to_string(&said).unwrap();
        let last = said.lines().last().unwrap();
        assert!(last.starts_with(begins) && last.contains("cannot listen on"), "{setup}: {said}");
        if begins.starts_with('{') {
            let last: Value = serde_json::from_str(last).unwrap();
            assert_eq!(last["level"], "ERROR");
        }
    }
}

/// What reads only JSON would drop the very lines that tell why the daemon does not start.
#[test]
fn faults_of_the_configuration_are_json_where_lines_are() {
    let output = sluiced_after("export SLUICE_DISK_RESERVE=lots SLUICE_HTTP__WORKERS=none")
        .args(["--log-format", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["level"].as_str(), line["message"].as_str())).collect();
    assert!(
        matches!(
            told.as_slice(),
            [(Some("ERROR"), Some(reserve)), (Some("ERROR"), Some(workers))]
                if reserve.contains("SLUICE_DISK_RESERVE:") && workers.contains("SLUICE_HTTP__WORKERS:")
        ),
        "{said}"
    );
}

#[test]
fn the_life_of_the_daemon_is_told() {
    let mut process = Process::after("");
    process.terminate();
    assert!(process.wait().success());
    let said = process.said();
    let begins = [
        "sluiced starts version=",
        "ready: requests are taken addresses=[127.0.0.1:",
        "stopping:",
        "stopped in",
    ];
    let mut rest = said.as_str();
    for begin in begins {
        rest = rest.split_once(begin).unwrap_or_else(|| panic!("{begin}: {said}")).1;
    }
}

#[test]
fn a_slow_request_is_told() {
    // Hashing a password takes longer than that.
    let process = Process::after("export SLUICE_LOG__SLOW_REQUEST=1ms");
    let answer = get(&process, &as_administrator());
    let told = lines_with(&process, &format!("a request was slow request_id=\"{}\"", id_of(&answer)));
    assert_eq!(told.len(), 1, "{}", process.said());
    let process = Process::after("export SLUICE_LOG__SLOW_REQUEST=0");
    assert_eq!(get(&process, &as_administrator()).status, 200);
    assert_eq!(lines_with(&process, "a request was slow").len(), 0, "{}", process.said());
}

#[test]
fn a_request_that_its_client_gives_up_has_a_line_too() {
    let process = Process::after("export SLUICE_LOG__ACCESS=true");
    let stream = TcpStream::connect(process.address()).unwrap();
    let handle = stream.try_clone().unwrap();
    let mut connection = Connection::over(stream);
    let headers = format!("{}Expect: 100-continue\r\nContent-Length: 1000\r\n", as_administrator());
    assert!(connection.send(&request("PUT", INDICATORS, &headers, b"")));
    assert_eq!(connection.answer().status, 100);
    // The end of the connection is a reset.
    SockRef::from(&handle).set_linger(Some(Duration::ZERO)).unwrap();
    drop((connection, handle));
    wait_until("it is told", || !lines_with(&process, "request given up by its client").is_empty());
    let line = lines_with(&process, "request given up by its client").remove(0);
    assert!(line.contains(" address=127.0.0.1 user=\"admin\" route=\"AddIndicators\" ms="), "{line}");
    assert_eq!(lines_with(&process, "AddIndicators").len(), 1, "{}", process.said());
}

const IMPORTS: &str = "/v1/suppliers/InternalTI/indicators";

/// Begins an import that is told how far it is while its body is sent, and gives the id of the request.
fn begin_import(process: &Process, length: &str, body: &[u8]) -> (Connection, String) {
    let mut connection = process.connect();
    let headers = format!("{}Accept: application/x-ndjson\r\n{length}\r\n", as_administrator());
    assert!(connection.send(&request("POST", IMPORTS, &headers, b"")) && connection.send(body));
    let head = connection.receive_head().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    (connection, id.to_owned())
}

/// They were once told of when they began: with 200, no bytes and no time, whatever became of them.
#[test]
fn an_answer_that_is_given_while_it_is_made_is_told_of_when_it_has_ended() {
    let process = Process::after("export SLUICE_LOG__ACCESS=true");
    let body = b"a.example.com\nb.example.com\nbad\\\n";
    let length = format!("Content-Length: {}", body.len());
    let (begin, last) = body.split_at(body.len() - 1);
    let (mut import, id) = begin_import(&process, &length, begin);
    let own = format!("request_id=\"{id}\"");
    assert_eq!(lines_with(&process, &own), [""; 0], "it has not ended");
    assert!(import.send(last));
    let mut told = String::new();
    while let Some(line) = import.receive_chunk() {
        told += &line;
    }
    let export = {
        let mut connection = process.connect();
        assert!(connection.send(&request("GET", IMPORTS, &as_administrator(), b"")));
        connection.receive_text().unwrap()
    };
    assert_eq!((export.status, export.body.lines().count()), (200, 3), "{export:?}");
    for (id, received_bytes, sent_bytes, counts) in [
        (id.as_str(), body.len(), told.len(), "accepted=2 refused=1"),
        (id_of(&export), 0, export.body.len(), "accepted=0 refused=0"),
    ] {
        let line = format!("access: request request_id=\"{id}\"");
        wait_until("it is told", || !lines_with(&process, &line).is_empty());
        let told = lines_with(&process, &format!("request_id=\"{id}\"")).join("\n");
        let want = format!(" status=200 received_bytes={received_bytes} sent_bytes={sent_bytes} ");
        assert!(told.contains(&want) && told.ends_with(counts), "{want}: {told}");
    }
}

#[test]
fn an_import_that_is_cut_off_is_told_of_with_the_status_of_its_last_line() {
    let mut process = Process::after("export SLUICE_LOG__ACCESS=true");
    // It cannot arrive before the daemon stops.
    let (mut import, id) = begin_import(&process, "Content-Length: 99999999999", b"a.example.com\n");
    process.terminate();
    let last: Value = serde_json::from_str(&import.receive_chunk().unwrap()).unwrap();
    assert!(process.wait().success());
    let status = last["status"].as_u64().unwrap();
    for line in ["life::request_log: a request was refused", "access: request"] {
        let told = lines_with(&process, &format!("{line} request_id=\"{id}\"")).join("\n");
        assert!(told.contains(&format!(" status={status} ")), "{line} {status}: {}", process.said());
    }
}

#[test]
fn an_import_whose_client_goes_away_is_told_of_with_what_had_arrived() {
    let process = Process::after("export SLUICE_LOG__ACCESS=true");
    let (import, id) = begin_import(&process, "Content-Length: 1000", b"a.example.com\n");
    drop(import);
    // The daemon may have found out before or after the last line, which is a problem.
    let lines = || lines_with(&process, &format!("request_id=\"{id}\""));
    wait_until("it is told", || !lines().is_empty());
    let told = lines().remove(0);
    assert!(told.contains("given up by its client") || told.contains(" status=400 "), "{told}");
    assert!(told.contains(" received_bytes=14 "), "{told}");
}

/// As when the journal hangs.
#[test]
fn a_log_that_nobody_reads_holds_up_neither_requests_nor_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let setup = format!("mkfifo {0}; exec 2<>{0}; export SLUICE_LOG__ACCESS=true", pipe.display());
    let mut process = Process::after(&setup);
    // Twice as much as the pipe holds.
    for _ in 0..800 {
        assert_eq!(get(&process, &as_administrator()).status, 200);
    }
    process.terminate();
    assert!(process.wait().success());
}
