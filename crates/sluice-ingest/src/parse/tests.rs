//! Elements and the spelling of their values. Acceptance is tested with the pipeline.

use super::with_elements;
use crate::split::Splitter;

/// The value of the last `v` of each element, as sent.
fn values(body: &str) -> Vec<String> {
    let mut splitter = Splitter::new();
    let mut chunk = body.as_bytes();
    let full = splitter.next_slice(&mut chunk).unwrap();
    let slice = full.or_else(|| splitter.finish().unwrap()).unwrap();
    with_elements(&slice, |elements| {
        let value = |element: super::Element<'_, '_>| {
            let mut text = Vec::new();
            let member = element.members().filter(|member| member.key == "v").last().unwrap();
            element.source.append_value(&member, &mut text);
            String::from_utf8(text).unwrap()
        };
        elements.map(value).collect()
    })
    .unwrap()
}

#[test]
fn a_value_is_found_in_its_own_spelling() {
    assert_eq!(values(r#"[{"v":"\u0041\/"},{"v" : [ 1.0 ]}]"#), [r#""\u0041\/""#, "[1.0]"]);
    assert_eq!(values(r#"[{"w":"\"v\":1","v":2,"x":3}]"#), ["2"]);
    assert_eq!(values(r#"[{"\u0076" :"","":"","v":""}]"#), ["\"\""]);
}

/// A long string before the value, escapes within it, so that unescaping moves more than a register.
#[test]
fn unescaping_moves_nothing_else() {
    let long = "\\n\\u00e9x".repeat(1_000);
    assert_eq!(values(&format!(r#"[{{"{long}":"{long}","v":"{long}"}}]"#)), [format!("\"{long}\"")]);
}

#[test]
fn large_tapes_are_not_kept() {
    let numbers = vec!["1"; 1 << 20].join(",");
    assert_eq!(values(&format!("[{{\"v\":[{numbers}]}}]")), [format!("[{numbers}]")]);
    super::SCRATCH.with_borrow(|scratch| assert!(scratch.tape.is_none() && scratch.bytes.capacity() == 0));
    assert_eq!(values("[{\"v\":1}]"), ["1"]);
}
