//! Bodies of one object, against `serde_json` and in pieces.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{ObjectReader, ObjectValue};
use crate::{
    body::{
        generate::body,
        reference::{Loose, LooseKind},
    },
    error::{BodyError, Fault},
};

const NAMES: [&str; 3] = ["indicator", "tags", "object"];

fn read(body: &[u8], piece_bytes: usize) -> Result<BTreeMap<&'static str, ObjectValue>, BodyError> {
    let mut reader = ObjectReader::default();
    for piece in body.chunks(piece_bytes) {
        reader.push(piece)?;
    }
    reader.read(&NAMES)
}

/// What `serde_json` makes of it; `None` unless it is an array of one object.
fn reference(body: &[u8]) -> Option<BTreeMap<&'static str, ObjectValue>> {
    let LooseKind::Array(elements) = Loose::read(body)?.kind else { return None };
    let [Loose { kind: LooseKind::Object(members), .. }] = elements.as_slice() else { return None };
    let mut values = BTreeMap::new();
    for member in members {
        let Some(name) = NAMES.iter().find(|name| name.as_bytes() == member.key) else { continue };
        let value = match (member.value.flaw(), &member.value.kind) {
            (Some(flaw), _) => ObjectValue::Unreadable(flaw),
            (None, LooseKind::Text(text)) => ObjectValue::Text(String::from_utf8(text.clone()).unwrap()),
            (None, LooseKind::Number) => {
                member.value.sent.parse().map_or(ObjectValue::Other, ObjectValue::Integer)
            }
            (None, LooseKind::Word) if member.value.sent != "null" => {
                ObjectValue::Boolean(member.value.sent == "true")
            }
            (None, _) => ObjectValue::Other,
        };
        values.insert(*name, value);
    }
    Some(values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn one_object_is_read_as_serde_json_reads_it(body in body(), piece_bytes in 1..40_usize) {
        let seen = read(body.as_bytes(), piece_bytes);
        prop_assert_eq!(&seen, &read(body.as_bytes(), body.len()));
        prop_assert_eq!(seen.ok(), reference(body.as_bytes()), "{}", body);
    }
}

#[test]
fn the_first_fault_is_told_with_its_place() {
    for (body, fault, byte) in [
        ("", Fault::Unfinished, 0),
        ("[]", Fault::NotOneObject, 0),
        (" [{},", Fault::Unfinished, 5),
        ("[{}, {}]", Fault::NotOneObject, 0),
        ("[{},{},]", Fault::NotOneObject, 0),
        ("[ {\"a\":01}]", Fault::Number, 8),
        ("[{\"a\":\"\u{1}\"}]", Fault::ControlCharacter, 7),
    ] {
        assert_eq!(read(body.as_bytes(), 100), Err(BodyError::Syntax { fault, byte }), "{body}");
    }
    let utf8 = read(b"[{\"a\":\"\xff\"}]", 100);
    assert_eq!(utf8, Err(BodyError::Syntax { fault: Fault::Utf8, byte: 7 }));
}

#[test]
fn a_second_object_is_refused_as_it_begins() {
    let mut reader = ObjectReader::default();
    reader.push(b"[{\"a\":1}").unwrap();
    assert!(reader.push(b", {\"b").is_err());
}
