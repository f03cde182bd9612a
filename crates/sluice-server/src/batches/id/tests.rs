//! Ids as text, and that they differ.

use std::collections::BTreeSet;

use super::BatchId;

#[test]
fn made_ids_are_of_version_7_and_differ() {
    let ids: BTreeSet<BatchId> = (0..10_000).map(|_| BatchId::make(0x0192_0000_0001)).collect();
    assert_eq!(ids.len(), 10_000);
    for id in ids {
        let text = id.to_string();
        assert!(text.starts_with("01920000-0001-7"), "{text}");
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{text}");
        assert_eq!(BatchId::parse(&text), Some(id));
    }
}

#[test]
fn any_uuid_is_read_and_nothing_else() {
    let text = "f81D4fae-7dec-11d0-a765-00a0c91e6bf6";
    assert_eq!(BatchId::parse(text).unwrap().to_string(), text.to_lowercase());
    for none in [
        "",
        "f81d4fae7dec11d0a76500a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf61",
        "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "+81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765_00a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bé",
    ] {
        assert_eq!(BatchId::parse(none), None, "{none}");
    }
}
