//! Bodies that mean harm: each is an answer of the contract, and whole bodies leave nothing.

use std::fmt::Write as _;

use expect_test::expect;
use sluice_model::limits::ELEMENT_BYTES_MAX;

use crate::daemon::{Running, as_user, shared};

/// What cannot follow two properties of good elements.
const BROKEN_AFTER_TWO: [(&str, &[u8]); 25] = [
    ("surrogate cut off", br#","x":"\ud83d\u00"}]"#),
    ("unknown escape", br#","x":"\x41"}]"#),
    ("bad UTF-8", b",\"x\":\"\xff\"}]"),
    ("overlong UTF-8", b",\"x\":\"\xc0\xaf\"}]"),
    ("surrogate in UTF-8", b",\"x\":\"\xed\xa0\x80\"}]"),
    ("cut UTF-8", b",\"x\":\"\xe2\x82\"}]"),
    ("NUL in a string", b",\"x\":\"a\0b\"}]"),
    ("line feed in a string", b",\"x\":\"a\nb\"}]"),
    ("NUL between elements", b"},\0{}]"),
    ("leading zero", br#","x":01}]"#),
    ("bare minus", br#","x":-}]"#),
    ("NaN", br#","x":NaN}]"#),
    ("single quotes", br#","x":'a'}]"#),
    ("comment", br"/* x */}]"),
    ("trailing comma in the object", br",}]"),
    ("trailing comma in the array", br"},]"),
    ("no colon", br#","x" 1}]"#),
    ("wrong bracket", br#","x":[1}]}]"#),
    ("two arrays", br"}][]"),
    ("end missing", br"}"),
    ("element cut off", b""),
    ("string cut off", br#","x":"a"#),
    ("element is an array", br"},[]]"),
    ("element is a text", br#"},"x"]"#),
    ("BOM in the middle", b"},\xef\xbb\xbf{}]"),
];

/// What is not a body at all.
const BROKEN_FROM_THE_START: [(&str, &[u8]); 6] = [
    ("BOM twice", b"\xef\xbb\xbf\xef\xbb\xbf[]"),
    ("half a BOM", b"\xef\xbb[]"),
    ("UTF-16", b"\xff\xfe[\0]\0"),
    ("only a BOM", b"\xef\xbb\xbf"),
    ("only white space", b" \t\r\n"),
    ("only NULs", b"\0\0\0\0"),
];

/// Sends bytes as `PUT indicators` and gives status and body.
fn put(daemon: &Running, supplier: &str, body: &[u8]) -> String {
    let path = format!("/api/1.3/suppliers/{supplier}/indicators");
    let answer = daemon.ask_with("PUT", &path, &as_user("admin"), body);
    format!("{} {}", answer.status, answer.body)
}

#[test]
fn what_is_no_json_is_refused_as_a_whole() {
    let daemon = shared();
    daemon.add_suppliers(&["NoJson"], 1);
    let good = r#"[{"indicator":"no-json.example.com"},{"indicator":"no-json.example.net""#;
    let mut seen = String::new();
    for (name, rest) in BROKEN_AFTER_TWO {
        writeln!(seen, "{name}: {}", put(&daemon, "NoJson", &[good.as_bytes(), rest].concat())).unwrap();
    }
    for (name, body) in BROKEN_FROM_THE_START {
        writeln!(seen, "{name}: {}", put(&daemon, "NoJson", body)).unwrap();
    }
    let seen = seen.replace(
        r#"400 [{"status":"An error occurred while adding indicators to the database","reason":"#,
        "",
    );
    expect![[r#"
        surrogate cut off: "invalid escape sequence at byte 83"
        unknown escape: "invalid escape sequence at byte 77"
        bad UTF-8: "invalid UTF-8 at byte 77"
        overlong UTF-8: "invalid UTF-8 at byte 77"
        surrogate in UTF-8: "invalid UTF-8 at byte 77"
        cut UTF-8: "invalid UTF-8 at byte 77"
        NUL in a string: "unescaped control character at byte 78"
        line feed in a string: "unescaped control character at byte 78"
        NUL between elements: "expected an object as element of the array at byte 73"
        leading zero: "invalid number at byte 77"
        bare minus: "invalid number at byte 77"
        NaN: "invalid JSON at byte 76"
        single quotes: "invalid JSON at byte 76"
        comment: "invalid JSON at byte 71"
        trailing comma in the object: "invalid JSON at byte 72"
        trailing comma in the array: "expected an object as element of the array at byte 73"
        no colon: "invalid JSON at byte 76"
        wrong bracket: "invalid JSON at byte 78"
        two arrays: "unexpected text after the array at byte 73"
        end missing: "the body ends early at byte 72"
        element cut off: "the body ends early at byte 71"
        string cut off: "the body ends early at byte 78"
        element is an array: "expected an object as element of the array at byte 73"
        element is a text: "expected an object as element of the array at byte 73"
        BOM in the middle: "expected an object as element of the array at byte 73"
        BOM twice: "expected a JSON array at byte 3"
        half a BOM: "expected a JSON array at byte 2"
        UTF-16: "expected a JSON array at byte 0"
        only a BOM: "the body ends early at byte 3"
        only white space: "the body ends early at byte 4"
        only NULs: "expected a JSON array at byte 0"
    "#]]
    .assert_eq(&seen.replace(r#""}]"#, "\""));
    assert_eq!(daemon.detections("", &["no-json.example.com", "no-json.example.net"]), ["", ""]);
}

#[test]
fn nesting_has_a_limit_of_32_levels() {
    let daemon = shared();
    daemon.add_suppliers(&["Nesting"], 1);
    // The array, its element and the context are three.
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 3), "]".repeat(levels - 3));
        format!(r#"[{{"indicator":"nesting.example.com","context":{{"deep":{open}{levels}{close}}}}}]"#)
    };
    let bottomless = format!(r#"[{{"x":{}"#, r#"[{"a":"#.repeat(200_000));
    assert_eq!(put(&daemon, "Nesting", nested(33).as_bytes()).split_off(4), expected_too_deep(83));
    assert_eq!(daemon.detections("", &["nesting.example.com"]), [""]);
    assert!(put(&daemon, "Nesting", bottomless.as_bytes()).starts_with("400 "));
    assert!(put(&daemon, "Nesting", "[".repeat(1_000_000).as_bytes()).starts_with("400 "));
    assert!(put(&daemon, "Nesting", nested(32).as_bytes()).starts_with("201 "));
    for path in ["1.0/suppliers", "1.1/tags"] {
        let answer = daemon.ask("POST", path, &bottomless);
        assert_eq!((answer.status, answer.reason().as_str()), (400, "The body nests deeper than 32 levels"));
    }
    assert_eq!(daemon.ask("POST", "1.0/lookup", &bottomless).status, 400);
}

fn expected_too_deep(byte: usize) -> String {
    format!(
        r#"[{{"status":"An error occurred while adding indicators to the database","reason":"nesting deeper than 32 levels at byte {byte}"}}]"#
    )
}

#[test]
fn control_characters_are_an_error_of_their_indicator_only() {
    let daemon = shared();
    daemon.add_suppliers(&["Controls"], 1);
    let controls: Vec<String> = (0..0x20).chain([0x7f, 0x85]).map(|code| format!("\\u{code:04x}")).collect();
    let elements = controls.iter().map(|control| format!(r#"{{"indicator":"a{control}.example.com"}}"#));
    let body =
        format!(r#"[{},{{"indicator":"controls.example.com"}}]"#, elements.collect::<Vec<_>>().join(","));
    let listed = controls.iter().map(|control| {
        format!(r#"{{"indicator":"a{control}.example.com","reason":"Invalid indicator format"}}"#)
    });
    assert_eq!(
        put(&daemon, "Controls", body.as_bytes()),
        format!(
            r#"202 [{{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{}]}}]"#,
            listed.collect::<Vec<_>>().join(",")
        )
    );
    assert_eq!(daemon.detections("", &["controls.example.com"]), ["Controls_URL controls.example.com {}"]);
}

#[test]
fn the_last_duplicate_counts() {
    let daemon = shared();
    daemon.add_suppliers(&["LastDuplicate"], 1);
    let body = r#"[{"indicator":"bad name","context":5,"indicator":"duplicate.example.com","context":{"a":1}},
        {"indicator":"duplicate.example.net","\u0069ndicator":"bad name"}]"#;
    assert_eq!(
        put(&daemon, "LastDuplicate", body.as_bytes()),
        r#"202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"bad name","reason":"Invalid indicator format"}]}]"#
    );
    assert_eq!(
        daemon.detections("", &["duplicate.example.com", "duplicate.example.net"]),
        [r#"LastDuplicate_URL duplicate.example.com {"a":1}"#, ""]
    );
}

#[test]
fn long_values_are_refused_one_by_one_and_told_in_full() {
    let daemon = shared();
    daemon.add_suppliers(&["LongValues"], 1);
    let long = format!("long.example.com/{}", "a".repeat(65_536));
    let longest = format!("long.example.com/{}", "b".repeat(8_192 - 17));
    let over = format!("long.example.com/{}", "c".repeat(8_192 - 16));
    let label = format!("{}.example.com", "d".repeat(64));
    let body = serde_json::json!([
        {"indicator": long}, {"indicator": longest}, {"indicator": over}, {"indicator": label},
        {"indicator": "long.example.com", "context": {"k".repeat(65_536): "v".repeat(65_536)}},
    ]);
    let reason = "Invalid indicator format";
    let listed =
        [&long, &over, &label].map(|value| format!(r#"{{"indicator":"{value}","reason":"{reason}"}}"#));
    assert_eq!(
        put(&daemon, "LongValues", body.to_string().as_bytes()),
        format!(
            r#"202 [{{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{}]}}]"#,
            listed.join(",")
        )
    );
    let found = daemon.detections("", &[&longest, "long.example.com"]);
    assert!(
        found[0].starts_with("LongValues_URL long.example.com/bbb") && found[1].len() > 131_072,
        "{}",
        found[0].len()
    );
}

#[test]
fn an_element_has_a_limit_of_its_own() {
    let daemon = shared();
    daemon.add_suppliers(&["LongElement"], 1);
    let element = |bytes: usize| {
        let (start, end) = (r#"{"indicator":"element.example.com","x":""#, r#""}"#);
        format!(
            r#"[{{"indicator":"element.example.net"}},{start}{}{end}]"#,
            "x".repeat(bytes - start.len() - end.len())
        )
    };
    let refused = put(&daemon, "LongElement", element(ELEMENT_BYTES_MAX + 1).as_bytes());
    assert!(
        refused.starts_with("400 ") && refused.contains("an element longer than 4194304 bytes at byte "),
        "{refused}"
    );
    assert_eq!(daemon.detections("", &["element.example.com", "element.example.net"]), ["", ""]);
    assert!(put(&daemon, "LongElement", element(ELEMENT_BYTES_MAX).as_bytes()).starts_with("201 "));
}

#[test]
fn a_body_broken_at_its_end_leaves_nothing_of_its_many_slices() {
    let daemon = shared();
    daemon.add_suppliers(&["BrokenEnd"], 1);
    let elements: Vec<String> =
        (0..200_000).map(|number| format!(r#"{{"indicator":"n{number}.broken-end.example.com"}}"#)).collect();
    let body = format!("[{}", elements.join(","));
    assert!(body.len() > 8 << 20);
    for end in ["", ",", ",{\"indicator\":\"x.example.com\",}]", "}]", ",{\"x\":\"\\ud80\"}]"] {
        let answer = put(&daemon, "BrokenEnd", format!("{body}{end}").as_bytes());
        assert!(answer.starts_with("400 "), "{end}: {answer}");
    }
    let objects =
        ["n0.broken-end.example.com", "n100000.broken-end.example.com", "n199999.broken-end.example.com"];
    assert_eq!(daemon.detections("", &objects), ["", "", ""]);
}

#[test]
fn a_million_errors_are_listed_in_order() {
    let daemon = shared();
    daemon.add_suppliers(&["Million"], 1);
    let (mut body, mut want) = (String::from("["), String::new());
    want += r#"202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":["#;
    for number in 0..1_000_000 {
        let comma = if number == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"indicator":"bad {number}"}}"#).unwrap();
        write!(want, r#"{comma}{{"indicator":"bad {number}","reason":"Invalid indicator format"}}"#).unwrap();
    }
    body += "]";
    want += "]}]";
    // Not `assert_eq`: nobody wants to read either.
    assert!(put(&daemon, "Million", body.as_bytes()) == want);
}

#[test]
fn elements_of_nothing_are_listed_each() {
    let daemon = shared();
    daemon.add_suppliers(&["Nothings"], 1);
    let count = 300_000;
    let body = format!("[{}]", vec!["{}"; count].join(","));
    let one = r#"{"indicator":"","reason":"Property 'indicator' is missing"}"#;
    let answer = put(&daemon, "Nothings", body.as_bytes());
    assert_eq!(answer.matches(one).count(), count);
    assert!(
        put(&daemon, "Nothings", format!("[{}]", vec!["1"; count].join(",")).as_bytes()).starts_with("400 ")
    );
}
