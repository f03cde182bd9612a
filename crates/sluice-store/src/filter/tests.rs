//! No added key is denied, and few strangers pass.

use super::{BITS_PER_KEY, BITS_PER_KEY_OF_SLICES, Filter, Hashes, hash, hash_mark};

pub(super) fn hashes(range: std::ops::Range<u32>) -> Vec<u64> {
    range.map(|number| hash(&number.to_be_bytes())).collect()
}

#[test]
fn no_added_key_is_denied_also_after_storage() {
    let added = hashes(0..10_000);
    let filter = Filter::build(&added, BITS_PER_KEY);
    let stored = Filter::from_bytes(&filter.to_bytes()).unwrap();
    assert_eq!(stored, filter);
    assert!(added.iter().all(|hash| stored.may_contain(*hash)));
}

#[test]
fn few_strangers_pass() {
    for (bits, passed_max) in [(BITS_PER_KEY, 2_000), (BITS_PER_KEY_OF_SLICES, 200)] {
        let filter = Filter::build(&hashes(0..10_000), bits);
        let passed = hashes(10_000..110_000).iter().filter(|hash| filter.may_contain(**hash)).count();
        assert!(passed < passed_max, "{passed} of 100,000 at {bits} bits");
    }
}

#[test]
fn an_empty_filter_denies_and_a_cut_one_is_refused() {
    let filter = Filter::build(&[], BITS_PER_KEY);
    assert!(!filter.may_contain(hash(b"x")));
    assert!(Filter::from_bytes(&filter.to_bytes()[1..]).is_none());
    assert!(Filter::from_bytes(&[]).is_none());
}

/// Readers try the paths of looked-up URLs only where a mark says that there are prefix masks.
#[test]
fn the_marks_of_prefix_masks_are_there_beside_their_groups() {
    let mut hashes = Hashes::default();
    for key in [&b"\x06com.example./x"[..], b"\x06com.example.a./x/*", b"\x06org.example./?x/*"] {
        hashes.push(key);
    }
    let filter = Filter::from_bytes(&hashes.build().to_bytes()).unwrap();
    for (beginning, is_marked) in [
        (&b"\x06com.example."[..], true),
        (b"\x06com.example.a.", true),
        (b"\x06com.example.a.*.", false),
        (b"\x06org.example.", false),
    ] {
        assert_eq!(filter.may_contain(hash_mark(beginning)), is_marked);
    }
    assert!(filter.may_contain(hash(b"\x06com.example.")) && filter.may_contain(hash(b"\x06org.example.")));
}
