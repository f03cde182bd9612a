//! Bodies of lookups and the text of their answers. What matches is tested with `detect`.

use std::sync::Arc;

use expect_test::{Expect, expect};
use parking_lot::Mutex;

use super::{
    answer::{LookupWork, wanted_bytes},
    body::LookupSlice,
    detect::Detector,
    gather::Gathered,
    suppliers::SuppliersCache,
};
use crate::{
    IngestError,
    body::{
        pipeline::SliceWork as _,
        split::{BodySlice, Splitter},
    },
    fixture::{EveryField, Fixture, block_on, lookup_rules},
    memory::{CancelGuard, RequestMemory},
};

#[track_caller]
fn check(body: &str, want: &Expect) {
    let fixture = Fixture::new();
    fixture.put("Feed", r#"[{"indicator":"a.example","context":{"level":1}}]"#).unwrap();
    let seen = match fixture.lookup_with(lookup_rules(), body) {
        Ok(answer) => answer,
        Err(IngestError::Body(error)) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    };
    want.assert_eq(&seen);
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
}

#[test]
fn results_are_in_order_and_objects_as_sent() {
    check(
        r#"[ {"object" : "HTTP:\/\/\u0061.example" , "x":1},{"object":"nonsense \" "},{"object":"5","object":""}, {"object":"a.example"}]"#,
        &expect![[
            r#"[{"object":"HTTP:\/\/\u0061.example","matches":[{"supplier":"Feed","confidence":50,"kind":"Url","by":"exact","indicator":"a.example","level":0,"tags":[],"ages":[0, 3600],"context":{"level":1}}],"others":[]},{"object":"nonsense \" ","matches":[],"others":[]},{"object":"","matches":[],"others":[]},{"object":"a.example","matches":[{"supplier":"Feed","confidence":50,"kind":"Url","by":"exact","indicator":"a.example","level":0,"tags":[],"ages":[0, 3600],"context":{"level":1}}],"others":[]}]"#
        ]],
    );
}

#[test]
fn there_is_no_partial_answer() {
    check("[]", &expect!["expected at least one object at byte 1"]);
    check(" [ ] ", &expect!["expected at least one object at byte 4"]);
    check(
        r#"[{"object":"a"}, {"Object":"a"}]"#,
        &expect!["property 'object' of element 1 is missing, element at byte 17"],
    );
    check(
        r#"[{"object":"a"} , {"object":"a"}, {"object":5}]"#,
        &expect!["property 'object' of element 2 has an invalid type, element at byte 34"],
    );
    check(
        r#"[{"object":null}]"#,
        &expect!["property 'object' of element 0 has an invalid type, element at byte 1"],
    );
    check(r#"[{"object":"a"},"a"]"#, &expect!["expected an object as element of the array at byte 16"]);
    check(r#"[{"object":"a"}"#, &expect!["the body ends early at byte 15"]);
    check(r#"[{"object":5},{"object":01}]"#, &expect!["invalid number at byte 25"]);
}

fn is_detected(result: &serde_json::Value) -> bool {
    !result["matches"].as_array().unwrap().is_empty()
}

#[test]
fn many_objects_are_answered_in_order() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["h7.example.com"]);
    let objects: Vec<_> = (0..60_000)
        .map(|number| format!("{{\"object\":\"h{number}.example.com/{}\"}}", "y".repeat(40)))
        .collect();
    let answer = fixture.lookup_with(lookup_rules(), &format!("[{}]", objects.join(","))).unwrap();
    let answer: Vec<serde_json::Value> = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer.len(), objects.len());
    for (number, result) in answer.iter().enumerate() {
        assert_eq!(result["object"], format!("h{number}.example.com/{}", "y".repeat(40)));
        assert_eq!(is_detected(result), number == 7);
    }
}

#[test]
fn an_answer_too_long_is_refused() {
    let fixture = Fixture::new();
    let context = "x".repeat(1 << 20);
    let body = format!("[{{\"indicator\":\"a.example\",\"context\":{{\"a\":\"{context}\"}}}}]");
    fixture.put("Feed", &body).unwrap();
    let objects = vec!["{\"object\":\"a.example\"}"; 300].join(",");
    let outcome = fixture.lookup_with(lookup_rules(), &format!("[{objects}]"));
    assert!(matches!(outcome, Err(IngestError::TooManyAnswerBytes)));
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
}

/// Many long contexts of different values: more than is held in one piece, and all of them in the answer.
#[test]
fn long_contexts_are_found_in_parts() {
    let fixture = Fixture::new();
    let context = "x".repeat(1 << 20);
    for number in 0..30 {
        let body = format!("[{{\"indicator\":\"h{number}.example\",\"context\":{{\"a\":\"{context}\"}}}}]");
        fixture.put("Feed", &body).unwrap();
    }
    let objects: Vec<_> =
        (0..40).map(|number| format!("{{\"object\":\"h{}.example\"}}", number % 31)).collect();
    let answer = fixture.lookup_with(lookup_rules(), &format!("[{}]", objects.join(","))).unwrap();
    let answer: Vec<serde_json::Value> = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer.len(), 40);
    for (number, result) in answer.iter().enumerate() {
        let matches = result["matches"].as_array().unwrap();
        assert_eq!(matches.len(), usize::from(number % 31 != 30));
        assert!(matches.iter().all(|one| one["context"]["a"].as_str().unwrap().len() == 1 << 20));
    }
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
}

/// Short bodies go other ways than long ones, to the same answers.
#[test]
fn bodies_of_every_length_are_answered_alike() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["hit.example.com"]);
    for count in [1, 2, 50, 300, 2_000, 30_000] {
        for hits in [false, true] {
            let object = |number: usize| {
                let is_hit = hits && number.is_multiple_of(7);
                if is_hit { "hit.example.com".to_owned() } else { format!("miss{number}.example.org") }
            };
            let objects: Vec<_> =
                (0..count).map(|number| format!("{{\"object\":\"{}\"}}", object(number))).collect();
            let answer = fixture.lookup_with(lookup_rules(), &format!("[{}]", objects.join(","))).unwrap();
            let answer: Vec<serde_json::Value> = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer.len(), count);
            for (number, result) in answer.iter().enumerate() {
                assert_eq!(result["object"], object(number));
                let is_hit = result["object"] == "hit.example.com";
                assert_eq!(is_detected(result), is_hit);
            }
            assert_eq!(fixture.ingestor.reserved_bytes(), 0);
        }
    }
}

const LONG_CONTEXT_BYTES: usize = 3 << 20;

/// So many suppliers hold `a.example`, each with a long context of its own.
fn with_long_contexts(suppliers: usize) -> Fixture {
    let fixture = Fixture::new();
    let context = "x".repeat(LONG_CONTEXT_BYTES);
    for number in 0..suppliers {
        let supplier = format!("S{number}");
        fixture.create_supplier(&supplier, 50);
        let element =
            serde_json::json!([{"indicator": "a.example", "context": {"c": context, "of": number}}]);
        fixture.put(&supplier, &element.to_string()).unwrap();
    }
    fixture
}

/// Reads have a plan for many values; a single one that has more than that was once refused as too long an answer.
#[test]
fn a_single_value_is_answered_whatever_it_has() {
    let fixture = with_long_contexts(7);
    const { assert!(sluice_model::limits::LIGHT_READ_BYTES_MAX < 7 * LONG_CONTEXT_BYTES) };
    for body in [r#"[{"object":"a.example"}]"#, r#"[{"object":"b.example"},{"object":"http://a.example/"}]"#]
    {
        let answer = fixture.lookup_with(lookup_rules(), body).unwrap();
        let answer: Vec<serde_json::Value> = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer.last().unwrap()["matches"].as_array().unwrap().len(), 7);
    }
    assert_eq!(fixture.ingestor.reserved_bytes(), 0);
}

/// While an answer is being sent, nothing is held for having made it.
#[test]
fn a_whole_answer_holds_no_more_than_itself() {
    let fixture = with_long_contexts(7);
    for (object, spare_bytes) in [("a.example", 1 << 20), ("b.example", 1 << 10)] {
        let answer = block_on(async {
            let permit = fixture.ingestor.reserve(None, 1 << 20).unwrap();
            let mut query = fixture.ingestor.lookup(permit, lookup_rules(), EveryField);
            query.feed(format!("[{{\"object\":\"{object}\"}}]").as_bytes()).await.unwrap();
            query.finish().await.unwrap()
        });
        let text_bytes = usize::try_from(answer.text_bytes()).unwrap();
        assert!(fixture.ingestor.reserved_bytes() < text_bytes + spare_bytes, "{text_bytes}");
        assert_eq!(answer.into_chunks().map(|chunk| chunk.len()).sum::<usize>(), text_bytes);
        assert_eq!(fixture.ingestor.reserved_bytes(), 0);
    }
}

fn work_on(fixture: &Fixture) -> LookupWork<EveryField> {
    work_within(fixture, usize::MAX)
}

/// Work for a request whose permit can come to so many bytes.
fn work_within(fixture: &Fixture, permit_bytes_max: usize) -> LookupWork<EveryField> {
    let permit = fixture.ingestor.reserve(None, 1 << 20).unwrap();
    let memory = RequestMemory::within(permit, permit_bytes_max);
    let detector = Detector::new(fixture.store.snapshot(), lookup_rules(), SuppliersCache::default());
    LookupWork { detector, memory, render: EveryField, short_read_bytes: 1 << 20, unread: Mutex::default() }
}

/// The only slice of a body.
fn slice_of(body: &str) -> LookupSlice {
    LookupSlice::Elements(elements_of(body))
}

fn elements_of(body: &str) -> BodySlice {
    let (mut splitter, mut body) = (Splitter::new(), body.as_bytes());
    assert!(splitter.next_slice(&mut body).unwrap().is_none());
    splitter.finish().unwrap().unwrap()
}

/// Gathers slices of which each has something to be read.
fn unread_of(work: &LookupWork<EveryField>, slices: impl IntoIterator<Item = LookupSlice>) -> Vec<Gathered> {
    for slice in slices {
        assert!(work.work(&slice).unwrap().is_none());
    }
    std::mem::take(&mut *work.unread.lock())
}

/// The client has gone: nothing is read for it any more.
#[test]
fn an_abandoned_lookup_is_not_answered() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["a.example"]);
    let work = work_on(&fixture);
    let unread = || unread_of(&work, [slice_of(r#"[{"object":"a.example"}]"#)]);
    assert_eq!(work.answer_all(Vec::new(), unread(), 1 << 20).unwrap().len(), 1);
    drop(CancelGuard(Arc::clone(&work.memory)));
    assert!(matches!(work.answer_all(Vec::new(), unread(), 1 << 20), Err(IngestError::Internal)));
}

/// Texts were once counted by what had been written to them, while each stood twice whenever it grew.
#[test]
fn an_answer_is_on_the_permit_before_it_is_written() {
    let fixture = Fixture::new();
    let context = "x".repeat(3 << 10);
    fixture.put("Feed", &format!(r#"[{{"indicator":"a.example","context":{{"c":"{context}"}}}}]"#)).unwrap();
    let work = work_on(&fixture);
    // The context is read once, so far less text is expected than there is.
    let body = format!("[{}]", vec![r#"{"object":"a.example"}"#; 5_000].join(","));
    let unread = unread_of(&work, [slice_of(&body)]);
    let texts = work.answer_all(Vec::new(), unread, 16 << 20).unwrap();
    let chunks: Vec<&Vec<u8>> = texts.iter().flat_map(|text| &text.chunks).collect();
    let (longest, all) = (
        chunks.iter().map(|chunk| chunk.capacity()).max(),
        chunks.iter().map(|chunk| chunk.capacity()).sum(),
    );
    assert_eq!(longest, Some(256 << 10));
    assert!(5_000 * context.len() < all && all <= work.memory.permit_bytes());
    assert!(chunks.iter().map(|chunk| chunk.len()).sum::<usize>() > all * 9 / 10);
    work.memory.release_all_but(all);
    assert_eq!(work.memory.permit_bytes(), all);
}

/// What can never be held is refused for good; what others hold at present is another matter.
#[test]
fn a_value_that_has_more_than_a_permit_can_cover_is_refused() {
    let fixture = with_long_contexts(4);
    let answer = |permit_bytes_max: usize| {
        let work = work_within(&fixture, permit_bytes_max);
        let unread = unread_of(&work, [slice_of(r#"[{"object":"a.example"}]"#)]);
        let answered = work.answer_all(Vec::new(), unread, 2 << 20).map(|texts| texts.len());
        (answered, work.memory.permit_bytes())
    };
    // The first is not read, the second is, and then finds no room for its text.
    for permit_bytes_max in [10 << 20, 20 << 20] {
        let (refused, permit_bytes) = answer(permit_bytes_max);
        assert!(matches!(refused, Err(IngestError::TooManyAnswerBytes)) && permit_bytes <= permit_bytes_max);
    }
    assert_eq!(answer(40 << 20).0.unwrap(), 1);
}

/// A short body for which the fast lane has too little memory is not read once more with as little.
#[test]
fn what_was_tried_in_vain_is_not_tried_again() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["a.example"]);
    let work = work_on(&fixture);
    let mut unread = unread_of(&work, [slice_of(r#"[{"object":"a.example"}]"#)]);
    assert!(work.answer_short(&mut unread[0], 10).unwrap().is_none(), "ten bytes are enough");
    assert_eq!(unread[0].tried_bytes, 10);
    unread[0].tried_bytes = 16 << 20;
    assert_eq!(wanted_bytes(&unread), 32 << 20);
}

/// The thread of a connection answers from memory alone: the memtable, and what an earlier lookup has read.
#[test]
fn a_tiny_lookup_is_answered_in_place_once_what_it_needs_is_at_hand() {
    let fixture = Fixture::new();
    fixture
        .put("Feed", r#"[{"indicator":"a.example","context":{"c":1}},{"indicator":"b.example"}]"#)
        .unwrap();
    let body = slice_of(r#"[{"object":"a.example"},{"object":"b.example"},{"object":"c.example"}]"#);
    let answer = |work: &LookupWork<EveryField>| {
        let text = work.work_tiny(&body)?.unwrap().unwrap();
        Some(text.chunks.concat())
    };
    let of_memtable = answer(&work_on(&fixture)).unwrap();
    assert!(fixture.store.compact());
    assert_eq!(answer(&work_on(&fixture)), None);
    let read = work_on(&fixture).work_short(&body).unwrap().unwrap().chunks.concat();
    assert_eq!(answer(&work_on(&fixture)), Some(read.clone()));
    assert_eq!(of_memtable, read);
}

/// What is too much for one read is read in batches, and in halves where that is still too much, to the same answer.
#[test]
fn little_room_changes_no_answer() {
    let fixture = Fixture::new();
    let names: Vec<String> = (0..300).map(|number| format!("h{number}.example.com")).collect();
    fixture.hold("Feed", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let work = work_on(&fixture);
    let unread = || {
        let body = |names: &[String]| {
            let objects: Vec<_> = names.iter().map(|name| format!("{{\"object\":\"{name}\"}}")).collect();
            format!("[{}]", objects.join(","))
        };
        let slices = names.chunks(70).enumerate().map(|(index, names)| {
            let mut slice = elements_of(&body(names));
            slice.first_element = index as u64 * 70;
            LookupSlice::Elements(slice)
        });
        unread_of(&work, slices)
    };
    let answer = |bytes_max| {
        let texts = work.answer_all(Vec::new(), unread(), bytes_max).unwrap();
        (texts.len(), texts.iter().flat_map(|text| text.chunks.concat()).collect::<Vec<_>>())
    };
    let (whole_count, whole) = answer(1 << 20);
    assert_eq!((whole_count, whole.first()), (5, Some(&b'[')));
    let answers: Vec<serde_json::Value> = serde_json::from_slice(&[whole.as_slice(), b"]"].concat()).unwrap();
    assert!(answers.len() == 300 && answers.iter().all(is_detected));
    for bytes_max in [400 << 10, 50 << 10, 10 << 10, 1 << 10, 200] {
        let (count, text) = answer(bytes_max);
        assert!(text == whole, "{bytes_max}");
        assert!(count == 5 || bytes_max < 50 << 10, "{count} texts in {bytes_max} bytes");
        assert!(5 < count || 10 << 10 < bytes_max, "{count} texts in {bytes_max} bytes");
    }
}
