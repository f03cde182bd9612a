//! `missing_tags` of `/v1` imports: tags that there are not are refused, left out or made.

use serde_json::{Value, json};

use crate::{
    daemon::{Running, as_token, as_user, request, shared},
    importing::ask,
    process::{Process, as_administrator},
};

#[track_caller]
fn import(daemon: &Running, headers: &str, path: &str, body: &str) -> (u16, Value) {
    let answer = ask(daemon, "POST", path, headers, body.as_bytes());
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

/// The weight of a tag, if there is one.
fn weight(daemon: &Running, tag: &str) -> Option<u64> {
    let answer = daemon.ask("GET", &format!("1.1/tags/{tag}"), "");
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    told[0]["weight"].as_u64()
}

#[test]
fn rows_are_taken_without_the_tags_that_there_are_not() {
    let daemon = shared();
    daemon.add_suppliers(&["Dropping"], 50);
    daemon.add_tags(&["DROPPING"]);
    let path = "/v1/suppliers/Dropping/indicators?missing_tags=drop";
    let body = concat!(
        r#"{"indicator":"a.dropping.example.com","tags":["DROPPING","DROPPING-NOT"]}"#,
        "\n",
        r#"{"indicator":"b.dropping.example.com","tags":["dropping"]}"#,
        "\n",
        r#"{"indicator":"c.dropping.example.com","tags":["DROPPING-NOT"]}"#,
        "\n",
        r#"{"indicator":"d.dropping.example.com","tags":[7]}"#,
    );
    let key = "Idempotency-Key: 01890a5d-ac96-774b-bcce-b302099a8059\r\n";
    let headers = format!("{}{key}", as_user("admin"));
    let (status, told) = import(&daemon, &headers, path, body);
    assert_eq!((status, &told["accepted"], &told["refused"]), (200, &json!(3), &json!(1)), "{told}");
    assert_eq!((&told["short_of_tags"], &told["rejects"][0]["reason"]), (&json!(2), &json!("unknown-tag")));
    assert_eq!(weight(&daemon, "DROPPING-NOT"), None);
    let found = daemon.detections("", &["a.dropping.example.com", "c.dropping.example.com"]);
    assert_eq!(found, ["a", "c"].map(|name| format!("Dropping_URL {name}.dropping.example.com {{}}")));
    // Told again, and with the batch.
    assert_eq!(import(&daemon, &headers, path, body), (200, told.clone()));
    let batch =
        ask(&daemon, "GET", &format!("/v1/batches/{}", told["batch"].as_str().unwrap()), &headers, b"");
    assert_eq!(serde_json::from_str::<Value>(&batch.body).unwrap()["short_of_tags"], 2);
    // Anybody who may import may ask for that, and nobody is told of what there is none.
    let of_acme = "/v1/tenants/acme/suppliers/Dropping/indicators?missing_tags=drop";
    let (status, told) = import(&daemon, &as_user("tom"), of_acme, "a.dropping.example.com");
    assert_eq!((status, told.get("short_of_tags")), (200, None));
}

#[test]
fn who_may_make_tags_may_have_them_made() {
    let daemon = shared();
    daemon.add_suppliers(&["Creating"], 50);
    let path = "/v1/suppliers/Creating/indicators?missing_tags=create";
    let of_acme = "/v1/tenants/acme/suppliers/Creating/indicators?missing_tags=create";
    let row = |number: usize, tag: &str| {
        format!("{{\"indicator\":\"r{number}.creating.example.com\",\"tags\":[\"{tag}\"]}}\n")
    };
    let body = row(0, "creating-no");
    for headers in [as_user("tom"), as_token("writer")] {
        let (status, told) = import(&daemon, &headers, of_acme, &body);
        assert_eq!((status, &told["type"]), (403, &json!("/problems/forbidden")));
    }
    assert_eq!(weight(&daemon, "CREATING-NO"), None);
    // Each of a few tags in many rows, over many slices that are judged side by side.
    let pad = "x".repeat(2_000);
    let padded = |number: usize| {
        let tag = format!("creating-{}", number % 7);
        row(number, &tag).replace("\"tags\"", &format!("\"context\":{{\"pad\":\"{pad}\"}},\"tags\""))
    };
    let body: String = (0..2_000).map(padded).collect();
    let (status, told) = import(&daemon, &as_user("admin"), path, &body);
    assert_eq!((status, &told["accepted"], told.get("short_of_tags")), (200, &json!(2_000), None), "{told}");
    assert!((0..7).all(|number| weight(&daemon, &format!("CREATING-{number}")) == Some(1)));
    // They are tags like any other.
    daemon.put("suppliers/Creating", r#"[{"indicator":"other.creating.example.com","tags":["CREATING-3"]}]"#);
    // What can be no tag is refused.
    let (status, told) = import(&daemon, &as_user("admin"), path, &row(0, "not a tag"));
    assert_eq!((status, &told["rejects"][0]["hint"]), (200, &json!("Unknown tag: not a tag")), "{told}");
}

#[test]
fn a_tag_that_an_import_makes_is_told_once() {
    let process = Process::after("export SLUICE_LOG__LEVEL=error");
    let body = "{\"indicator\":\"a.example.com\",\"tags\":[\"made\"]}\n{\"indicator\":\"b.example.com\",\"tags\":[\"Made\"]}\n";
    let mut connection = process.connect();
    let path = "/v1/suppliers/InternalTI/indicators?missing_tags=create";
    assert!(connection.send(&request("POST", path, &as_administrator(), body.as_bytes())));
    assert_eq!(connection.receive_text().unwrap().status, 200);
    let said = process.said();
    let told: Vec<&str> =
        said.lines().filter_map(|line| Some(line.split_once(" address=127.0.0.1 ")?.1)).collect();
    let want =
        r#"user="admin" path="/v1/suppliers/InternalTI/indicators" change="tag MADE created, weight=1""#;
    assert_eq!(told, [want]);
}
