//! An import that is open when its supplier is replaced is slowed, and not refused.

use std::{sync::mpsc, thread};

use sluice_store::WriteError;

use super::{Fixture, block_on};
use crate::{Announced, IngestError};

#[test]
fn a_step_that_has_begun_is_committed_after_a_replacement_of_its_supplier() {
    let fixture = Fixture::new();
    fixture.create_supplier("Other", 50);
    fixture.import("before.example.com\n");
    let supplier = fixture.import_rules(Announced::Nothing).upload.supplier;
    let (held_out, held) = mpsc::channel();
    let (go_out, go) = mpsc::channel::<()>();
    let store = &fixture.store;
    let replace = move || {
        let feed = store.begin_feed().unwrap();
        let is_wanted = || {
            held_out.send(()).unwrap();
            // Until the test lets go.
            go.recv().unwrap_err();
            true
        };
        store.replace(supplier, feed, 100, &is_wanted).unwrap()
    };
    thread::scope(|scope| {
        let replacing = block_on(async {
            let mut begun = fixture.begin(fixture.import_rules(Announced::Nothing));
            begun.feed(b"begun.example.com\n").await.unwrap();
            let replacing = scope.spawn(replace);
            held.recv().unwrap();
            let finishing = tokio::spawn(async move { begun.finish().await });
            // Who comes now is refused, and others are not.
            let mut late = fixture.begin(fixture.import_rules(Announced::Nothing));
            let refusal = late.feed(b"late.example.com\n").await.unwrap_err();
            assert!(matches!(refusal, IngestError::Write(WriteError::Busy { .. })), "{refusal:?}");
            let mut other = fixture.begin(fixture.import_rules_of("Other"));
            other.feed(b"other.example.com\n").await.unwrap();
            assert_eq!(other.finish().await.unwrap().accepted_count, 1);
            assert!(!finishing.is_finished());
            assert_eq!(store.snapshot().keys_of_supplier(supplier).unwrap().len(), 1);
            drop(go_out);
            assert_eq!(finishing.await.unwrap().unwrap().accepted_count, 1);
            replacing
        });
        assert_eq!(replacing.join().unwrap().removed, 1);
    });
    assert!(fixture.holds("begun.example.com") && fixture.holds("other.example.com"));
    assert!(!fixture.holds("before.example.com"));
}
