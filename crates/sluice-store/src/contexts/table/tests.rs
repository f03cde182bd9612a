//! Contexts are kept once and come back by their numbers.

use super::{ContextTable, ContextTableBuilder};

#[test]
fn each_context_is_kept_once_and_found_by_its_number() {
    let mut builder = ContextTableBuilder::default();
    let numbers: Vec<u32> =
        [&b"a"[..], b"bb", b"a", b"", b"bb", b""].map(|context| builder.intern(context).unwrap()).into();
    assert_eq!(numbers, [0, 1, 0, 2, 1, 2]);
    let contexts = builder.finish();
    assert_eq!(contexts.iter().collect::<Vec<_>>(), [&b"a"[..], b"bb", b""]);
    assert_eq!(contexts.get(3), None);
    let mut bytes = Vec::new();
    contexts.write(&mut bytes);
    assert_eq!(ContextTable::take(&mut bytes.as_slice()), Some(contexts));
    for length in 0..bytes.len() {
        assert_eq!(ContextTable::take(&mut &bytes[..length]), None, "length {length}");
    }
}
