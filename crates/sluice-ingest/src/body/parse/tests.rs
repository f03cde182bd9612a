//! What is kept for the next time, and who parses when. What is JSON is tested with the pipeline and with `elements`.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use sluice_model::limits::{PARSED_BYTES_IN_FLIGHT_MAX, PARSERS_KEPT_MAX, SLICE_BYTES};

use super::with_tape;

/// The number of nodes of an object.
fn nodes_count(text: &str) -> usize {
    with_tape(text.as_bytes(), |nodes, _address| nodes.len()).unwrap()
}

#[test]
fn few_and_only_ordinary_buffers_are_kept() {
    let barrier = std::sync::Barrier::new(2 * PARSERS_KEPT_MAX);
    std::thread::scope(|scope| {
        for _ in 0..2 * PARSERS_KEPT_MAX {
            scope.spawn(|| {
                with_tape(b"{\"v\":1}", |_nodes, _address| barrier.wait().is_leader()).unwrap();
            });
        }
    });
    let numbers = vec!["1"; 1 << 20].join(",");
    assert_eq!(nodes_count(&format!("{{\"v\":[{numbers}]}}")), (1 << 20) + 3);
    let long = "x".repeat(2 * SLICE_BYTES);
    assert_eq!(nodes_count(&format!("{{\"v\":\"{long}\"}}")), 3);
    let kept = super::KEPT.lock();
    assert!(kept.len() <= PARSERS_KEPT_MAX);
    for buffers in &*kept {
        let nodes = buffers.tape.as_ref().map_or(0, |tape| tape.0.capacity());
        assert!(
            nodes <= super::TAPE_NODES_KEPT_MAX && buffers.text.capacity() <= 2 * super::TEXT_BYTES_KEPT_MAX
        );
    }
    drop(kept);
    assert_eq!(nodes_count("{\"v\":1}"), 3);
}

/// What parsing costs is planned for a single long element, however many threads have one.
#[test]
fn long_elements_are_parsed_one_at_a_time() {
    let text = format!("{{\"v\":\"{}\"}}", "x".repeat(PARSED_BYTES_IN_FLIGHT_MAX / 2 + 1));
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let parse = || {
        let seen = with_tape(text.as_bytes(), |_nodes, _address| {
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
    assert!(with_tape(longest.as_bytes(), |_nodes, _address| ()).is_some());
}
