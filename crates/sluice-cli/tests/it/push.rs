//! What is pushed is stored, in every format that the daemon takes; what is refused comes back.

use std::{fs, io::Write as _, iter, ops::Range, process::Stdio};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::setup::{SUPPLIER, Setup, check_counts, end_of, host, hosts, last_event, said, wait_until};

/// A table of hosts.
fn table(numbers: Range<usize>) -> String {
    let rows = numbers.map(|n| format!("{n},{}", host(n)));
    iter::once("n,domain".to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_format_is_stored_packed_or_not() {
    let setup = Setup::start();
    let ndjson = hosts(0..100);
    let array = format!("[{}]", hosts(100..200).trim_end().replace('\n', ","));
    let csv = table(200..300);
    let lines = format!("# a list\n{}", (300..400).map(|n| host(n) + "\n").collect::<String>());
    let contents = [("ndjson", ndjson), ("json", array), ("csv", csv), ("txt", lines)];
    let mut first = 0;
    for (name, content) in contents {
        let plain = setup.write(&format!("feed.{name}"), &content);
        let unpacked = setup.push(&[&plain], 0);
        check_counts(&unpacked, 100, 100, 0);
        assert_eq!(setup.detected((first..first + 100).map(host)), 100, "{name}");
        let gz = setup.write("feed.gz", gzip(&content.replace("host", "gz")));
        check_counts(&setup.push(&[&gz], 0), 100, 100, 0);
        assert_eq!(
            setup.detected((first..first + 100).map(|n| host(n).replace("host", "gz"))),
            100,
            "{name}"
        );
        let zst = zstd::encode_all(content.replace("host", "zst").as_bytes(), 1).unwrap();
        check_counts(&setup.push(&[&setup.write("feed.zst", zst)], 0), 100, 100, 0);
        assert_eq!(
            setup.detected((first..first + 100).map(|n| host(n).replace("host", "zst"))),
            100,
            "{name}"
        );
        first += 100;
    }
}

/// A document is one object over many lines, and its rows are told by what is in it.
#[test]
fn documents_are_stored_packed_or_not() {
    let setup = Setup::start();
    let stix = |n: usize| {
        let objects = (n..n + 3).map(|n| {
            json!({"type": "indicator", "id": format!("indicator--{n}"), "pattern_type": "stix",
                   "pattern": format!("[domain-name:value = '{}']", host(n))})
        });
        let bundle = json!({"type": "bundle", "id": "bundle--1", "objects": objects.collect::<Vec<_>>()});
        serde_json::to_string_pretty(&bundle).unwrap()
    };
    let misp = |n: usize| {
        let attributes = (n..n + 3).map(|n| json!({"type": "domain", "to_ids": true, "value": host(n)}));
        let event = json!({"Event": {"info": "a test", "Attribute": attributes.collect::<Vec<_>>()}});
        serde_json::to_string_pretty(&event).unwrap()
    };
    let mut number = 0;
    for (name, document) in [("stix", &stix as &dyn Fn(usize) -> String), ("misp", &misp)] {
        for more in [&[][..], &["--format", name], &["--piece-size", "10"]] {
            let path = setup.write("document.json", document(number));
            check_counts(&setup.push(&[&[path.as_str()], more].concat(), 0), 3, 3, 0);
            number += 3;
        }
        let gz = setup.write("document.gz", gzip(&document(number)));
        check_counts(&setup.push(&[&gz], 0), 3, 3, 0);
        number += 3;
    }
    assert_eq!(setup.detected((0..number).map(host)), number);
    // What a document has of other kinds is refused with the object that it stands in.
    let pattern =
        json!({"type": "indicator", "id": "indicator--x", "pattern_type": "yara", "pattern": "rule x {}"});
    let bundle = json!({"type": "bundle", "id": "bundle--1", "objects": [pattern]});
    let (path, rejects) = (setup.write("bundle.json", bundle.to_string()), setup.path("rejects.ndjson"));
    check_counts(&setup.push(&[&path, "--rejects", rejects.to_str().unwrap()], 1), 1, 0, 1);
    let refused: Value = serde_json::from_str(&fs::read_to_string(&rejects).unwrap()).unwrap();
    assert_eq!(refused["reason"], "unsupported-pattern");
}

/// Blank lines and notes count as lines, at the end too.
#[test]
fn lines_are_counted_as_the_daemon_counts_them() {
    let setup = Setup::start();
    let contents = [
        ("example.com\n\n\n", "lines"),
        ("# a note\nexample.com\n# another one", "lines"),
        ("\n\nexample.com", "lines"),
        ("{\"indicator\":\"example.com\"}\r\n\r\n", "ndjson"),
        ("{\"indicator\":\"example.com\"}\n \n", "ndjson"),
        ("\n{\"indicator\":\"example.com\"}", "ndjson"),
    ];
    for (content, format) in contents {
        let path = setup.write("feed", content);
        for more in [&[][..], &["--piece-size", "1"], &["--piece-size", "13"]] {
            check_counts(&setup.push(&[&[path.as_str(), "--format", format], more].concat(), 0), 1, 1, 0);
        }
    }
}

#[test]
fn a_file_in_pieces_is_one_file() {
    let setup = Setup::start();
    let path = setup.write("feed.ndjson", hosts(0..1_000));
    for more in [&["--piece-size", "1000"][..], &["--piece-size", "1000", "--any-order"]] {
        let end = setup.push(&[&[path.as_str()], more].concat(), 0);
        check_counts(&end, 1_000, 1_000, 0);
        assert_eq!(end["bytes"], fs::metadata(&path).unwrap().len());
    }
    assert_eq!(setup.detected((0..1_000).map(host)), 1_000);
}

#[test]
fn the_later_row_of_a_file_counts() {
    let setup = Setup::start();
    let row = |n: usize| format!("{{\"indicator\":\"example.com\",\"context\":{{\"n\":{n}}}}}\n");
    let path = setup.write("feed.ndjson", (0..300).map(row).collect::<String>());
    setup.push(&[&path, "--piece-size", "100"], 0);
    let found: Value =
        serde_json::from_str(&setup.run(&["lookup", "example.com", "-o", "ndjson"], 0)).unwrap();
    assert_eq!(found["categories"][0]["context"], json!({"n": 299}));
}

#[test]
fn many_files_are_pushed_at_once() {
    let setup = Setup::start();
    let files: Vec<_> =
        (0..20).map(|n| setup.write(&format!("{n}.ndjson"), hosts(n * 50..n * 50 + 50))).collect();
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    check_counts(&setup.push(&files, 0), 1_000, 1_000, 0);
    assert_eq!(setup.detected((0..1_000).map(host)), 1_000);
}

#[test]
fn standard_input_is_pushed_in_pieces_or_as_a_whole() {
    let setup = Setup::start();
    for (content, more) in [
        (hosts(0..500), &["--piece-size", "1000"][..]),
        (table(500..600), &[]),
        ((600..700).map(|n| host(n) + "\n").collect(), &["--format", "lines", "--piece-size", "100"]),
    ] {
        let rows = content.matches("example.com").count() as u64;
        let arguments = ["push", "--supplier", SUPPLIER, "--create-supplier", "--json", "-"];
        let (stdout, _) = said(setup.sluice(&[&arguments, more].concat()), content.as_bytes(), 0);
        check_counts(&last_event(&stdout), rows, rows, 0);
    }
    let (stdout, _) =
        said(setup.sluice(&["push", "--supplier", SUPPLIER, "--json", "-"]), &gzip(&hosts(700..800)), 0);
    check_counts(&last_event(&stdout), 100, 100, 0);
    assert_eq!(setup.detected((0..800).map(host)), 800);
}

/// `tail -F feed.ndjson | sluice push -`: nothing was sent before there were 16 MiB.
#[test]
fn rows_of_a_pipe_that_is_alive_are_pushed_while_it_is() {
    let setup = Setup::start();
    let mut command = setup.sluice(&["push", "--supplier", SUPPLIER, "--create-supplier", "--json", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for number in 0..2 {
        stdin.write_all(hosts(number..number + 1).as_bytes()).unwrap();
        wait_until(|| setup.detected((0..2).map(host)) == number + 1);
    }
    drop(stdin);
    check_counts(&last_event(&end_of(child, 0).0), 2, 2, 0);
}

#[test]
fn refused_rows_are_mended_and_pushed_again() {
    let setup = Setup::start();
    let bad = |n: usize| format!("{{\"indicator\":\"bad\\\\{}\",\"context\":{{\"n\":{n}}}}}\n", host(n));
    let rows: String =
        (0..300).map(|n| if n % 100 == 7 { bad(n) } else { hosts(n..n + 1) }).collect::<String>() + "{torn\n";
    let path = setup.write("feed.ndjson", &rows);
    let rejects = setup.path("rejects.ndjson");
    let end = setup.push(&[&path, "--rejects", rejects.to_str().unwrap(), "--piece-size", "2000"], 1);
    check_counts(&end, 301, 297, 4);

    let lines = fs::read_to_string(&rejects).unwrap();
    let refused: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<_> = refused.iter().map(|row| (row["line"].as_u64(), row["reason"].as_str())).collect();
    let invalid = Some("invalid-indicator");
    assert_eq!(
        places,
        [(Some(8), invalid), (Some(108), invalid), (Some(208), invalid), (Some(301), Some("not-json"))]
    );
    // The byte is that of the file, not of the piece.
    for row in &refused {
        let line = rows[usize::try_from(row["byte"].as_u64().unwrap()).unwrap()..].lines().next().unwrap();
        let read = serde_json::from_str(line).unwrap_or(Value::Null);
        assert_eq!(row["row"], read, "{line}");
    }
    assert_eq!(refused[3]["value"], "{torn");
    let mended: String =
        refused[..3].iter().map(|row| row["row"].to_string().replace(r"bad\\", "") + "\n").collect();
    check_counts(&setup.push(&[&setup.write("mended.ndjson", mended)], 0), 3, 3, 0);
    assert_eq!(setup.detected((0..300).map(host)), 300);
}

#[test]
fn all_refused_rows_are_told_however_many_of_a_request() {
    let setup = Setup::start();
    let content = (0..500).map(|n| format!("{n},bad\\{}", host(n))).collect::<Vec<_>>().join("\n");
    let path = setup.write("feed.gz", gzip(&format!("n,domain\n{content}\n1,example.com\n")));
    let rejects = setup.path("rejects.ndjson");
    check_counts(&setup.push(&[&path, "--rejects", rejects.to_str().unwrap()], 1), 501, 1, 500);
    let lines = fs::read_to_string(&rejects).unwrap();
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 500);
    let last = json!({"indicator": "bad\\host499.example.com", "context": {"n": "499"}});
    assert_eq!((&rows[499]["line"], &rows[499]["row"]), (&json!(501), &last));
}

#[test]
fn tags_that_there_are_not_are_created_if_that_is_asked_for() {
    let setup = Setup::start();
    let path = setup.write("feed.ndjson", "{\"indicator\":\"example.com\",\"tags\":[\"C2\"]}\n");
    check_counts(&setup.push(&[&path], 1), 1, 0, 1);
    check_counts(&setup.push(&[&path, "--create-tags"], 0), 1, 1, 0);
    assert!(setup.run(&["tags", "list", "-o", "ndjson"], 0).contains("\"C2\""));
}

#[test]
fn standard_input_is_read_once() {
    let setup = Setup::start();
    let (_, stderr) = said(setup.sluice(&["push", "--supplier", SUPPLIER, "-", "-"]), b"", 2);
    assert!(stderr.contains("standard input can be read once only"), "{stderr}");
}

#[test]
fn attributes_of_misp_are_taken_as_is_asked_for() {
    let setup = Setup::start();
    let path = setup.write(
        "event.json",
        r#"{"Event":{"Attribute":[{"type":"domain|ip","value":"a.example.com|192.0.2.7","to_ids":true},{"type":"domain","value":"b.example.com","to_ids":false}]}}"#,
    );
    check_counts(&setup.push(&[&path], 1), 2, 1, 1);
    check_counts(&setup.push(&[&path, "--only-to-ids", "true"], 1), 2, 1, 1);
    let found = |value: &str| setup.detected(iter::once(value.to_owned()));
    assert_eq!(["a.example.com", "192.0.2.7", "b.example.com"].map(found), [1, 0, 0]);
    check_counts(&setup.push(&[&path, "--domain-ips"], 1), 3, 2, 1);
    assert_eq!(["192.0.2.7", "b.example.com"].map(found), [1, 0]);
    check_counts(&setup.push(&[&path, "--only-to-ids", "false"], 0), 2, 2, 0);
    assert_eq!(found("b.example.com"), 1);
}

#[test]
fn a_replacement_is_planned_guarded_and_done() {
    let setup = Setup::start();
    let old = setup.write("old.ndjson", hosts(0..10));
    let new = setup.write("new.txt", (7..12).map(|n| host(n) + "\n").collect::<String>());
    let changes = |end: &Value| ["added", "changed", "unchanged", "removed"].map(|name| end[name].as_u64());
    // Pieces would each replace those before.
    let first = setup.push(&["--replace", "--piece-size", "50", &old], 0);
    assert_eq!(changes(&first), [10, 0, 0, 0].map(Some));
    assert_eq!(setup.detected((0..10).map(host)), 10);
    let plan = setup.push(&["--replace", "--plan", &new], 0);
    assert_eq!(changes(&plan), [2, 3, 0, 7].map(Some));
    let push = ["push", "--supplier", SUPPLIER, "--replace", &new];
    let (_, stderr) = said(setup.sluice(&push), b"", 5);
    assert!(stderr.contains("7 of 10 indicators") && stderr.contains("--max-shrink PERCENT"), "{stderr}");
    assert_eq!(setup.detected((0..12).map(host)), 10);
    let said = setup.run(&[&push[..], &["--max-shrink", "70"]].concat(), 0);
    let wanted = "5 rows: 5 stored, 0 refused; 2 added, 3 changed, 0 unchanged, 7 removed; ";
    assert!(said.starts_with(wanted), "{said}");
    assert_eq!(setup.detected((0..12).map(host)), 5);
    setup.run(&["push", "--supplier", SUPPLIER, "--replace", &old, &new], 2);
    let said = setup.run(&["push", "--supplier", SUPPLIER, "--plan", &old], 0);
    assert!(said.starts_with("10 rows: 10 would be stored, 0 refused; 7 added, "), "{said}");
    assert_eq!(setup.detected((0..12).map(host)), 5);
}

#[test]
fn a_refused_value_of_a_list_is_a_row_as_well() {
    let setup = Setup::start();
    let path = setup.write("list.txt", "example.com\nbad\\name\n");
    let rejects = setup.path("rejects.ndjson");
    setup.push(&[&path, "--format", "lines", "--rejects", rejects.to_str().unwrap()], 1);
    let refused: Value = serde_json::from_str(&fs::read_to_string(&rejects).unwrap()).unwrap();
    assert_eq!(refused["row"], json!({"indicator": "bad\\name"}));
    assert_eq!((&refused["line"], &refused["byte"]), (&json!(2), &json!(12)));
}

#[test]
fn a_file_of_rejects_is_not_written_over_what_is_pushed() {
    let setup = Setup::start();
    let path = setup.write("feed.ndjson", hosts(0..3));
    setup.run(&["push", "--supplier", SUPPLIER, "--create-supplier", &path, "--rejects", &path], 2);
    assert_eq!(fs::read_to_string(&path).unwrap(), hosts(0..3));
}

#[test]
fn people_are_told_what_came_of_it_and_some_refused_rows() {
    let setup = Setup::start();
    let path = setup.write("list.txt", "example.com\nbad\\name\n");
    let arguments = ["push", "--supplier", SUPPLIER, "--create-supplier", &path];
    let (stdout, stderr) = said(setup.sluice(&arguments), b"", 1);
    assert!(stdout.starts_with("2 rows: 1 stored, 1 refused; 21 B in "), "{stdout}");
    let refused = format!("sluice: {path}:2: invalid-indicator \"bad\\\\name\" (Invalid indicator format)\n");
    assert_eq!(stderr, refused);
}

#[test]
fn columns_defanged_values_and_deletion() {
    let setup = Setup::start();
    let path = setup.write("feed.csv", "1;evil[.]example[.]com\n2;example[.]org\n");
    check_counts(&setup.push(&[&path, "--column", "indicator=2", "--format", "csv", "--refang"], 0), 2, 2, 0);
    assert_eq!(setup.detected(["evil.example.com", "example.org"].map(str::to_owned).into_iter()), 2);
    let gone = setup.write("gone.txt", "evil.example.com\n");
    let said = setup.run(&["delete", "--supplier", SUPPLIER, &gone], 0);
    assert!(said.starts_with("1 row: 1 deleted, 0 refused; "), "{said}");
    assert_eq!(setup.detected(["evil.example.com", "example.org"].map(str::to_owned).into_iter()), 1);
}

#[test]
fn a_file_that_is_refused_costs_no_other() {
    let setup = Setup::start();
    let (bad, good) = (setup.write("bad.json", "[{\"indicator\""), setup.write("good.ndjson", hosts(0..10)));
    let arguments = ["push", "--supplier", SUPPLIER, "--create-supplier", &bad, &good];
    let (stdout, stderr) = said(setup.sluice(&arguments), b"", 5);
    assert!(stdout.starts_with("10 rows of 2 files: 10 stored, 0 refused; "), "{stdout}");
    assert!(stderr.contains(&format!("{bad}: ")), "{stderr}");
    assert_eq!(setup.detected((0..10).map(host)), 10);
}

#[test]
fn what_is_stored_before_a_fault_is_told_with_what_was_refused() {
    let setup = Setup::start();
    let path = setup.write("feed.txt", "bad\\name\nbad\\other\n");
    let rejects = setup.path("rejects.ndjson");
    // Not one row can be read.
    let path_of_words = setup.write("words.json", "[1,2,3]");
    for (path, refused, code) in [(path, 2, 1), (path_of_words, 3, 5)] {
        let push = ["push", "--supplier", SUPPLIER, "--create-supplier", &path];
        setup.run(&[&push[..], &["--rejects", rejects.to_str().unwrap()]].concat(), code);
        assert_eq!(fs::read_to_string(&rejects).unwrap().lines().count(), refused);
    }
}

#[test]
fn a_push_goes_without_a_journal_where_there_can_be_none() {
    let setup = Setup::start();
    let path = setup.write("feed.ndjson", hosts(0..3));
    let mut command = setup.sluice(&["push", "--supplier", SUPPLIER, "--create-supplier", &path]);
    command.env("XDG_STATE_HOME", "/proc/nothing");
    let (stdout, stderr) = said(command, b"", 0);
    assert!(stdout.starts_with("3 rows: 3 stored"), "{stdout}");
    assert!(stderr.contains("no journal, cannot create"), "{stderr}");
}

#[test]
fn exit_codes_tell_what_is_wrong() {
    let setup = Setup::start();
    let path = setup.write("feed.ndjson", hosts(0..3));
    let push = ["push", "--supplier", SUPPLIER, &path];
    let (_, stderr) = said(setup.sluice(&push), b"", 5);
    assert_eq!(
        stderr,
        format!("sluice: {path}: Supplier doesn't exist; --create-supplier creates it (404)\n")
    );
    setup.run(&["push", "--supplier", SUPPLIER, "no-such-file"], 6);
    setup.run(&["push", "--supplier", SUPPLIER, &path, "--no-such-flag"], 2);
    setup.run(&["push", "--supplier", SUPPLIER, &path, "--column", "indicator=0", "--create-supplier"], 5);
    let empty = setup.write("empty", "");
    setup.run(&["push", "--supplier", SUPPLIER, &empty], 5);
    let mut stranger = setup.sluice(&push);
    stranger.env("SLUICE_CLIENT_PASSWORD", "wrong");
    let (_, stderr) = said(stranger, b"", 4);
    // Of the pushes before it has begun something, and cannot ask what came of that.
    let (remark, failure) = stderr.split_once('\n').unwrap();
    let wanted = "sluice: may not ask whether what was stored before is still there, and goes on all the same: \
                  Valid credentials are required (401)";
    assert_eq!((remark, failure), (wanted, "sluice: Valid credentials are required (401)\n"));
    let mut nobody = setup.sluice(&push);
    nobody.env_remove("SLUICE_CLIENT_USER");
    said(nobody, b"", 2);
    let mut nowhere = setup.sluice(&["--url", "http://127.0.0.1:1", "--retry-for", "1ms"]);
    nowhere.args(push);
    said(nowhere, b"", 2);
    let nowhere =
        setup.sluice(&[&["--url", "http://127.0.0.1:1"], &push[..], &["--retry-for", "1ms"]].concat());
    said(nowhere, b"", 3);
}
