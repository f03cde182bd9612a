//! An import that is open when its supplier is replaced is slowed, and not refused.

use std::{sync::mpsc, thread, time::Duration};

use sluice_model::limits;
use sluice_store::WriteError;

use super::{Fixture, block_on};
use crate::{Announced, ImportRules, IngestError};

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
            // Unless there is time to wait, with next to nothing in hand.
            let before_bytes = fixture.ingestor.reserved_bytes();
            let patient = ImportRules {
                room_wait_max: Duration::from_hours(1),
                ..fixture.import_rules(Announced::Nothing)
            };
            let mut patient = fixture.begin(patient);
            let waiting = tokio::spawn(async move {
                patient.feed(b"patient.example.com\n").await?;
                patient.finish().await
            });
            let mut other = fixture.begin(fixture.import_rules_of("Other"));
            other.feed(b"other.example.com\n").await.unwrap();
            assert_eq!(other.finish().await.unwrap().accepted_count, 1);
            assert!(!finishing.is_finished() && !waiting.is_finished());
            assert!(fixture.ingestor.reserved_bytes() <= before_bytes + limits::HEAD_PERMIT_BYTES);
            assert_eq!(store.snapshot().keys_of_supplier(supplier).unwrap().len(), 1);
            drop(go_out);
            assert_eq!(finishing.await.unwrap().unwrap().accepted_count, 1);
            assert_eq!(waiting.await.unwrap().unwrap().accepted_count, 1);
            replacing
        });
        assert_eq!(replacing.join().unwrap().removed, 1);
    });
    for stored in ["begun.example.com", "other.example.com", "patient.example.com"] {
        assert!(fixture.holds(stored), "{stored}");
    }
    assert!(!fixture.holds("before.example.com"));
}
