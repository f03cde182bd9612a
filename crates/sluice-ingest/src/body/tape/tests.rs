//! Compact text and repeated keys, against `serde_json`.

use expect_test::{Expect, expect};

use super::{FlawedKeys, append_compact, append_last_wins, repeats_keys, skip_value};

/// Shows a value compact, and with the last of its repeated keys only if there are any.
#[track_caller]
fn check(text: &str, want: &Expect) {
    let mut compact = Vec::new();
    append_compact(text.as_bytes(), &mut compact);
    assert_eq!(text[skip_value(text.as_bytes(), text.len() - text.trim_start().len())..].trim(), "");
    let mut bytes = text.as_bytes().to_vec();
    let tape = simd_json::to_tape(&mut bytes).unwrap();
    let nodes = &tape.0;
    let mut kept = Vec::new();
    assert_eq!(append_last_wins(nodes, &compact, 0, FlawedKeys::default(), &mut kept), compact.len());
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&kept).unwrap(), value);
    assert_eq!(repeats_keys(nodes), kept != compact);
    want.assert_eq(&String::from_utf8(kept).unwrap());
}

#[test]
fn spelling_is_kept_and_space_is_not() {
    check(" { \"b\" : 1 , \"a\" :[ ] }", &expect![[r#"{"b":1,"a":[]}"#]]);
    check(
        "{\"x\": 123456789012345678901234567890, \"y\":1.50, \"z\":-0}",
        &expect!["{\"x\":123456789012345678901234567890,\"y\":1.50,\"z\":-0}"],
    );
    check(
        "[ \"a b\", \"\\u00e9\\/\\\" ,\" , {} , [[ ] , 1 ] ]",
        &expect![[r#"["a b","\u00e9\/\" ,",{},[[],1]]"#]],
    );
    check(" true ", &expect!["true"]);
    check("\"x\\\\\"", &expect![[r#""x\\""#]]);
}

#[test]
fn the_last_of_equal_keys_stays_at_any_depth() {
    check(r#"{"a":1,"b":2,"a":3}"#, &expect![[r#"{"b":2,"a":3}"#]]);
    check(r#"{"a":{"x":[1,2]},"a":{}}"#, &expect![[r#"{"a":{}}"#]]);
    check(
        r#"[{"a":{"k":1,"\u006b":2}},{"a":1,"a":[{"b":1,"b":null}]}]"#,
        &expect![[r#"[{"a":{"\u006b":2}},{"a":[{"b":null}]}]"#]],
    );
}

#[test]
fn many_keys_are_compared_too() {
    let members = |last: &str| {
        let members: Vec<_> = (0..1_000).map(|number| format!("\"k{number}\":{number}")).collect();
        format!("{{{},\"{last}\":1}}", members.join(","))
    };
    for (last, repeats) in [("k0", true), ("k1000", false)] {
        let mut bytes = members(last).into_bytes();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        assert_eq!(repeats_keys(&tape.0), repeats);
    }
}
