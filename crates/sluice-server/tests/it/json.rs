//! Section 3, body rules: one idea of JSON, whatever the request and however its body is read.
//!
//! A corpus of bodies is made from parts and sent with every request that takes a body; all must be of one mind. What
//! concerns one property is that element's error, and nobody's where the property is ignored.

use std::collections::BTreeSet;

use crate::daemon::{Running, as_user};

/// A request with a body: its method, its path, and the members that make an object of it a good one. `#` stands for a
/// number that no other request has.
struct Sender {
    method: &'static str,
    path: &'static str,
    members: &'static str,
}

const SENDERS: [Sender; 8] = [
    Sender {
        method: "PUT",
        path: "1.3/suppliers/Json/indicators",
        members: r#""indicator":"n#.json.example.com""#,
    },
    Sender {
        method: "PUT",
        path: "1.0/suppliers/Json/indicators",
        members: r#""indicator":"example.com\/#","tags":1e400,"mark_detections":"\ud800""#,
    },
    Sender {
        method: "DELETE",
        path: "1.3/suppliers/Json/indicators",
        members: r#""indicator":"n#.json.example.com""#,
    },
    Sender { method: "POST", path: "1.3/lookup", members: r#""object":"n#.json.example.com""# },
    Sender {
        method: "POST",
        path: "1.3/suppliers",
        members: r#""name":"J#","confidence":1,"retention":5256000"#,
    },
    Sender { method: "PUT", path: "1.3/suppliers/Json", members: r#""confidence":5"# },
    Sender { method: "POST", path: "1.3/tags", members: r#""name":"J#","weight":5"# },
    Sender { method: "PUT", path: "1.3/tags/JSON", members: r#""weight":5"# },
];

/// Values that are JSON by its grammar.
const VALUES: [&str; 40] = [
    "null",
    "true",
    "false",
    "{}",
    "[]",
    "[ ]",
    "[[],{}]",
    "0",
    "-0",
    "0.0",
    "-0.0e-0",
    "1E+5",
    "1e5",
    "1.5e-5",
    "1e400",
    "-1e400",
    "1E+99999999999999999999",
    "1e-400",
    "1e-99999999999999999999",
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "1.7976931348623159e308",
    "\"\"",
    r#""\ud800""#,
    r#""\udc00""#,
    r#""\uDBFFx""#,
    r#""\ud83d\ud83d\ude00""#,
    r#""\ud83d\u0041""#,
    r#""\ud83d\n""#,
    r#""\ud83d\ude00""#,
    r#""\u0000\u001f\u007f""#,
    r#""\"\\\/\b\f\n\r\t\u00e9""#,
    "\"\u{7f}\u{80}\u{9f}\"",
    "\"\u{feff}\"",
    "\"\u{fffe}\u{ffff}\u{10ffff}\"",
    r#"{"\ud800":1,"\ud800":2}"#,
    r#"{"a":1,"a":{"a":1e400}}"#,
    r#""[{\"]}""#,
    r#"{"":[1e400,"\ud800"]}"#,
];

/// What no grammar of JSON has for a value.
const NO_VALUES: [&str; 46] = [
    "",
    "01",
    "-01",
    "00",
    "-",
    "+1",
    ".5",
    "5.",
    "1.e5",
    "1e",
    "1e+",
    "1e5.5",
    "0x10",
    "1_000",
    "--1",
    "1f",
    "NaN",
    "nan",
    "-NaN",
    "Infinity",
    "-Infinity",
    "True",
    "nul",
    "nulL",
    "nullx",
    "undefined",
    "'a'",
    "\"",
    "\"a",
    "a",
    r#""\""#,
    r#""\x41""#,
    r#""\a""#,
    r#""\'""#,
    r#""\u12""#,
    r#""\u12g4""#,
    r#""\ud83d\u""#,
    r#""\ud83d\x""#,
    r#""\U0041""#,
    "[1,]",
    "[,1]",
    "[1 2]",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{a:1}",
];

/// Bytes that are no UTF-8 inside a string.
const NO_UTF8: [&[u8]; 8] = [
    b"\xff",
    b"\x80",
    b"\xc0\xaf",
    b"\xc3",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
];

/// The corpus: bodies with `@` where the members of a good object stand, each with whether it is one.
fn corpus() -> Vec<(Vec<u8>, bool)> {
    let mut corpus = Vec::new();
    let mut add = |body: &[u8], is_good: bool| corpus.push((body.to_vec(), is_good));
    for (values, is_good) in [(&VALUES[..], true), (&NO_VALUES[..], false)] {
        for value in values {
            add(format!(r#"[{{@,"x":{value}}}]"#).as_bytes(), is_good);
            add(format!(r#" [ {{ "x" : {value} , @, "x":{value},"x":1 }} ] "#).as_bytes(), is_good);
            add(format!(r#"[{{"x":{{"y":[1,{{"z":{value},"z":1}}]}},@}}]"#).as_bytes(), is_good);
            // Of the corpus, strings alone are keys.
            let is_key = is_good && value.starts_with('"');
            add(format!(r#"[{{{value}:1,@}}]"#).as_bytes(), is_key);
        }
    }
    for bytes in NO_UTF8 {
        add(&[b"[{@,\"x\":\"", bytes, b"\"}]"].concat(), false);
        add(&[b"[{@,\"", bytes, b"\":1}]"].concat(), false);
    }
    for byte in 0..=b' ' {
        let is_space = b" \t\r\n".contains(&byte);
        add(&[b"[{@,\"x\":\"a", &[byte][..], b"b\"}]"].concat(), byte == b' ');
        add(&[&[byte][..], b"[{@}]"].concat(), is_space);
        add(&[b"[{@,", &[byte][..], b"\"x\":1}]"].concat(), is_space);
        add(&[b"[{@}]", &[byte][..]].concat(), is_space);
    }
    for (open, inner, close) in [("[", "", "]"), ("{\"a\":", "1", "}"), ("[{\"a\":", "[]", "}]")] {
        let levels_each = open.len() - open.replace(['[', '{'], "").len();
        let levels_inner = inner.len() / 2;
        for levels in [31, 32, 33, 34, 64, 1_000] {
            let times = (levels - 2 - levels_inner) / levels_each;
            let is_good = 2 + levels_inner + times * levels_each <= 32;
            let value = open.repeat(times) + inner + &close.repeat(times);
            add(format!("[{{@,\"x\":{value}}}]").as_bytes(), is_good);
        }
    }
    add(format!("[{{@,\"x\":\"{}\"}}]", "[{".repeat(100)).as_bytes(), true);
    add_shapes(&mut add);
    corpus
}

/// Bodies around the object: whole, cut, wrapped, followed by something.
fn add_shapes(add: &mut impl FnMut(&[u8], bool)) {
    for (body, is_good) in [
        ("\u{feff}[{@}]", true),
        ("\u{feff} [{@}]", true),
        ("\u{feff}\u{feff}[{@}]", false),
        (" \u{feff}[{@}]", false),
        ("[\u{feff}{@}]", false),
        ("[{@}]\u{feff}", false),
        ("", false),
        ("\u{feff}", false),
        (" ", false),
        ("{@}", false),
        ("[{@}", false),
        ("[{@", false),
        ("{@}]", false),
        ("[{@}]]", false),
        ("[{@}]}", false),
        ("[{@}],", false),
        ("[{@},]", false),
        ("[{@,}]", false),
        ("[,{@}]", false),
        ("[{,@}]", false),
        ("[{@};]", false),
        ("[{@}]x", false),
        ("[{@}][{@}]", false),
        ("[[{@}]]", false),
        ("[null]", false),
        ("null", false),
        ("1", false),
        ("\"[{@}]\"", false),
        ("[1,{@}]", false),
        ("[{@},1]", false),
        ("[{@}/**/]", false),
        ("[{/**/@}]", false),
        ("[{@}//\n]", false),
        ("#\n[{@}]", false),
        ("[{@]}", false),
        ("[{@,\"x\":[1}]}]", false),
        ("[{@,\"x\" 1}]", false),
        ("[{@ \"x\":1}]", false),
        ("[{@,\"x\":1 2}]", false),
        ("[{@,\"x\"::1}]", false),
        ("[{@,1:1}]", false),
        ("[{@,null:1}]", false),
    ] {
        add(body.as_bytes(), is_good);
    }
    // Cut anywhere, it is none.
    let whole = "\u{feff}[{@,\"\u{e9}\":[\"\\ud83d\\ude00\",-1.5e+5,true],\"z\":{}}]".as_bytes();
    for end in 0..whole.len() {
        add(&whole[..end], false);
    }
}

#[test]
fn one_corpus_has_one_verdict_with_every_request() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Json"], 1);
    daemon.add_tags(&["JSON"]);
    let (mut number, mut wrong) = (0, BTreeSet::new());
    for (template, is_good) in corpus() {
        for Sender { method, path, members } in &SENDERS {
            number += 1;
            let members = members.replace('#', &number.to_string());
            let body: Vec<u8> = template
                .iter()
                .flat_map(|byte| if *byte == b'@' { members.as_bytes() } else { std::slice::from_ref(byte) })
                .copied()
                .collect();
            let answer = daemon.ask_with(method, &format!("/api/{path}"), &as_user("admin"), &body);
            let is_taken = matches!(answer.status, 200 | 201);
            if is_taken != is_good || (!is_good && answer.status != 400) {
                let body = String::from_utf8_lossy(&body).into_owned();
                wrong.insert(format!("{method} {path} {body}: {} {}", answer.status, answer.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {number}: {wrong:#?}", wrong.len());
}

/// Values that cannot be read, wherever they lie, and what is said of the property that holds them.
const UNREADABLE: [(&str, &str); 8] = [
    (r#""\ud800a.example.com""#, "is not valid Unicode"),
    (r#""a\udfff""#, "is not valid Unicode"),
    (r#"["\ud83d\ud83d\ude00"]"#, "is not valid Unicode"),
    (r#"{"a":{"\udc00":1}}"#, "is not valid Unicode"),
    ("1e400", "has a number out of range"),
    ("-1E+309", "has a number out of range"),
    (r#"[{"a":[1e999]}]"#, "has a number out of range"),
    (r#"{"a":1,"b":1e309}"#, "has a number out of range"),
];

#[test]
fn what_one_element_has_wrong_costs_no_other_element() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Unreadable"], 1);
    for (method, properties) in [
        ("PUT", &["indicator", "context", "tags", "mark_detections"][..]),
        ("DELETE", &["indicator", "unmark_detections"]),
    ] {
        for property in properties {
            for (value, wrong) in UNREADABLE {
                let rest = if *property == "indicator" { "" } else { r#""indicator":"bad.example.com","# };
                let body = format!(
                    r#"[{{"indicator":"first.example.com"}},{{{rest}"{property}":{value}}},{{"indicator":"ok.example.com"}}]"#
                );
                let answer = daemon.ask(method, "1.3/suppliers/Unreadable/indicators", &body);
                let told = match value.as_bytes()[0] {
                    _ if !rest.is_empty() => r#""bad.example.com""#.to_owned(),
                    b'"' => value.to_owned(),
                    _ => serde_json::Value::from(value).to_string(),
                };
                let errors = format!(
                    r#","error_indicators":[{{"indicator":{told},"reason":"Property '{property}' {wrong}"}}]}}]"#
                );
                assert!(
                    answer.status == 202 && answer.body.ends_with(&errors),
                    "{method} {body}: {answer:?}"
                );
                let is_held = if method == "PUT" { "Unreadable_URL ok.example.com {}" } else { "" };
                assert_eq!(
                    daemon.detections("", &["ok.example.com", "bad.example.com"]),
                    [is_held, ""],
                    "{body}"
                );
            }
        }
    }
}

#[test]
fn requests_with_one_object_have_the_same_reasons() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Unreadable"], 1);
    daemon.add_tags(&["UNREADABLE"]);
    let of_supplier = ["name", "confidence", "retention", "vendor", "status", "refang"];
    for (request, properties) in [
        (("POST", "1.3/suppliers"), &of_supplier[..]),
        (("PUT", "1.3/suppliers/Unreadable"), &of_supplier[..]),
        (("POST", "1.3/tags"), &["name", "weight"][..]),
        (("PUT", "1.3/tags/unreadable"), &["name", "weight"][..]),
    ] {
        let (method, path) = request;
        for property in properties {
            for (value, wrong) in UNREADABLE {
                let body = format!(
                    r#"[{{"name":"New","confidence":1,"retention":1,"weight":1,"{property}":{value}}}]"#
                );
                let answer = daemon.ask(method, path, &body);
                assert_eq!(
                    (answer.status, answer.reason()),
                    (400, format!("Property '{property}' {wrong}")),
                    "{method} {path} {body}"
                );
            }
        }
    }
    // What the other kind of object has is ignored.
    let body = r#"[{"name":"W1","weight":5,"x":1e400,"vendor":"\ud800","retention":1e400}]"#;
    assert_eq!(daemon.ask("POST", "1.3/tags", body).status, 201);
    let body = r#"[{"name":"W1","confidence":5,"retention":1,"weight":1e400,"x":"\ud800"}]"#;
    assert_eq!(daemon.ask("POST", "1.3/suppliers", body).status, 201);
}

/// A lookup lists no errors: a string that is no Unicode is a value of no known kind.
#[test]
fn an_object_that_is_no_unicode_is_not_detected_and_costs_no_other() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Json"], 1);
    daemon.put("suppliers/Json", r#"[{"indicator":"ok.example.com"}]"#);
    let body = r#"[{"object":"http://ok.example.com/\ud800"},{"object":"ok.example.com","x":1e400},{"object":"\udc00"}]"#;
    let answer = daemon.ask("POST", "1.3/lookup", body);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        r#"[{"object":"http://ok.example.com/\ud800","result":"not detected","categories":[]},{"object":"ok.example.com","result":"detected","categories":[{"category":"Json_URL","detected_indicator":"ok.example.com","context":{}}]},{"object":"\udc00","result":"not detected","categories":[]}]"#
    );
    for value in ["1e400", r#"["\ud800"]"#, "1"] {
        let answer = daemon.ask(
            "POST",
            "1.3/lookup",
            &format!(r#"[{{"object":"ok.example.com"}},{{"object":{value}}}]"#),
        );
        assert_eq!(answer.status, 400, "{value}: {answer:?}");
    }
}

/// Many elements, some of them wrong in each way, over several slices: exactly those are refused.
#[test]
fn of_a_long_body_only_the_wrong_elements_are_refused() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Json"], 1);
    let (mut elements, mut errors) = (Vec::new(), Vec::new());
    for number in 0..60_000 {
        let refused = match number % 1_000 {
            7 => Some((format!(r#""\udc00{number}""#), "is not valid Unicode")),
            8 => Some((format!("{number}e400"), "has a number out of range")),
            _ => None,
        };
        let Some((value, wrong)) = refused else {
            elements.push(format!(r#"{{"indicator":"n{number}.json.example.com","x":{number}e400}}"#));
            continue;
        };
        elements.push(format!(r#"{{"indicator":{value}}}"#));
        let told = if value.starts_with('"') { value } else { format!("\"{value}\"") };
        errors.push(format!(r#"{{"indicator":{told},"reason":"Property 'indicator' {wrong}"}}"#));
    }
    let answer = daemon.ask("PUT", "1.3/suppliers/Json/indicators", &format!("[{}]", elements.join(",")));
    assert_eq!(answer.status, 202);
    assert!(answer.body.ends_with(&format!(r#""error_indicators":[{}]}}]"#, errors.join(","))), "{answer:?}");
    assert_eq!(
        daemon.detections("", &["n0.json.example.com", "n59999.json.example.com"]),
        ["Json_URL n0.json.example.com {}", "Json_URL n59999.json.example.com {}"]
    );
}
