//! The bytes of items.

use expect_test::expect;
use sluice_model::{NotAnIndicator, Rejection};

use super::{BulkItems, Refusal, SliceItems};
use crate::{
    bulk::{
        action::Operation,
        document::{CommonField, DocumentFault},
    },
    fixture::request_memory,
    memory::HeldBytes,
};

fn told(slices: Vec<SliceItems>) -> String {
    let memory = request_memory();
    let items = BulkItems::new(slices.into_iter().map(|slice| (slice, HeldBytes::new(&memory))).collect());
    let length = items.json_bytes();
    let text = String::from_utf8(items.into_json_chunks().collect::<Vec<_>>().concat()).unwrap();
    assert_eq!(text.len() as u64, length);
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    text
}

#[test]
fn items_say_their_status_and_why_not() {
    let (mut one, mut other) = (SliceItems::default(), SliceItems::default());
    for operation in Operation::ALL {
        one.push(operation, None);
    }
    let rejection = Rejection::InvalidFormat(NotAnIndicator::ALL[0]);
    for refusal in [
        Refusal::Value(None, rejection.clone()),
        Refusal::Value(Some(CommonField::Ip), rejection),
        Refusal::Value(None, Rejection::unknown_tag("a\"b\u{1b}")),
        Refusal::Document(DocumentFault::NotJson),
        Refusal::no_index("a\"b"),
        Refusal::no_index(""),
        Refusal::ambiguous_index("feed"),
        Refusal::forbidden("feed"),
    ] {
        other.push(Operation::Index, Some(refusal));
    }
    expect![[r#"
        [{"index":{"status":201}},{"create":{"status":201}},{"update":{"status":200}},{"delete":{"status":200}},
        {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"Invalid indicator format"}}},
        {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"threat.indicator.ip: Invalid indicator format"}}},
        {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"Unknown tag: a\"b\\u{1b}"}}},
        {"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"The document is not valid JSON"}}},
        {"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [a\"b]: there is no supplier of this name"}}},
        {"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"neither the action nor the path names an index"}}},
        {"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [feed]: there are several suppliers of this name, which differ in case"}}},
        {"index":{"status":403,"error":{"type":"security_exception","reason":"the user has no right to change the supplier of index [feed]"}}}]"#]]
    .assert_eq(&told(vec![one, SliceItems::default(), other]).replace(",{\"index\":{\"status\":4", ",\n{\"index\":{\"status\":4"));
    assert_eq!(told(vec![]), "[]");
}

#[test]
fn ten_thousand_items_are_250_kb_and_come_in_chunks() {
    let mut slice = SliceItems::default();
    for _ in 0..10_000 {
        slice.push(Operation::Index, None);
    }
    let memory = request_memory();
    let items = BulkItems::new(vec![(slice, HeldBytes::new(&memory))]);
    assert!(!items.have_errors());
    assert_eq!((items.count(), items.json_bytes()), (10_000, 250_001));
    let chunks: Vec<_> = items.into_json_chunks().collect();
    assert!(chunks.len() == 4 && chunks.iter().all(|chunk| chunk.len() < 70_000));
}
