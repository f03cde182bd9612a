//! Elements and the spelling of their values. Acceptance is tested with the pipeline.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use sluice_model::limits::{PARSED_BYTES_IN_FLIGHT_MAX, PARSERS_KEPT_MAX, SLICE_BYTES};

use super::{with_elements, with_object};
use crate::body::split::{BodySlice, Splitter};

fn slice(body: &str) -> BodySlice {
    let mut splitter = Splitter::new();
    let mut chunk = body.as_bytes();
    let full = splitter.next_slice(&mut chunk).unwrap();
    full.or_else(|| splitter.finish().unwrap()).unwrap()
}

/// The value of the last `v` of each element, as sent.
fn values(body: &str) -> Vec<String> {
    let slice = slice(body);
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
fn few_and_only_ordinary_buffers_are_kept() {
    let barrier = std::sync::Barrier::new(2 * PARSERS_KEPT_MAX);
    std::thread::scope(|scope| {
        for _ in 0..2 * PARSERS_KEPT_MAX {
            scope.spawn(|| {
                let slice = slice("[{\"v\":1}]");
                with_elements(&slice, |_elements| barrier.wait().is_leader()).unwrap();
            });
        }
    });
    let numbers = vec!["1"; 1 << 20].join(",");
    assert_eq!(values(&format!("[{{\"v\":[{numbers}]}}]")), [format!("[{numbers}]")]);
    let long = "x".repeat(2 * SLICE_BYTES);
    assert_eq!(values(&format!("[{{\"v\":\"{long}\"}}]")), [format!("\"{long}\"")]);
    let parsers = super::PARSERS.lock();
    assert!(parsers.kept.len() <= PARSERS_KEPT_MAX);
    for scratch in &parsers.kept {
        let nodes = scratch.tape.as_ref().map_or(0, |tape| tape.0.capacity());
        assert!(
            nodes <= super::TAPE_NODES_KEPT_MAX && scratch.bytes.capacity() <= 2 * super::TEXT_BYTES_KEPT_MAX
        );
    }
    drop(parsers);
    assert_eq!(values("[{\"v\":1}]"), ["1"]);
}

/// What parsing costs is planned for a single long element, however many threads have one.
#[test]
fn long_elements_are_parsed_one_at_a_time() {
    let text = format!("{{\"v\":\"{}\"}}", "x".repeat(PARSED_BYTES_IN_FLIGHT_MAX / 2 + 1));
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let parse = || {
        let seen = with_object(text.as_bytes(), |_element| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            running.fetch_sub(1, Ordering::SeqCst);
        });
        assert!(seen.is_some());
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(parse);
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 1);
    // Whatever is longer than the plan is parsed alone.
    let longest = format!("{{\"v\":\"{}\"}}", "x".repeat(2 * PARSED_BYTES_IN_FLIGHT_MAX));
    assert!(with_object(longest.as_bytes(), |_element| ()).is_some());
}
