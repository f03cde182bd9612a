//! What is remembered, for how long, and how much of it.

use std::time::{Duration, Instant};

use super::{Cache, ENTRIES_MAX, Tag, Tagger};

fn tag(user: &str, hash: Option<&str>, password: &[u8]) -> Tag {
    Tagger::new(&[7; 32]).tag(user, hash, password)
}

#[test]
fn only_the_same_credentials_have_the_same_tag() {
    let first = tag("admin", Some("hash"), b"secret");
    assert_eq!(first, tag("admin", Some("hash"), b"secret"));
    assert_ne!(first, Tagger::new(&[8; 32]).tag("admin", Some("hash"), b"secret"));
    for (user, hash, password) in [
        ("admin", Some("hash"), b"Secret".as_slice()),
        ("admi", Some("nhash"), b"secret"),
        ("admin", Some("hashs"), b"ecret"),
        ("admin", Some(""), b"secret"),
        ("admin", None, b"secret"),
    ] {
        assert_ne!(first, tag(user, hash, password), "{user} {hash:?}");
    }
    assert_ne!(tag("admin", Some(""), b""), tag("admin", None, b""));
}

#[test]
fn a_changed_hash_ends_what_was_remembered() {
    let (mut cache, now) = (Cache::default(), Instant::now());
    cache.remember(tag("admin", Some("old"), b"secret"), now);
    assert!(cache.knows(&tag("admin", Some("old"), b"secret"), now));
    assert!(!cache.knows(&tag("admin", Some("new"), b"secret"), now));
}

#[test]
fn a_success_is_remembered_for_five_minutes() {
    let (mut cache, now) = (Cache::default(), Instant::now());
    cache.remember([1; 32], now);
    assert!(cache.knows(&[1; 32], now + Duration::from_secs(299)));
    assert!(!cache.knows(&[1; 32], now + Duration::from_mins(5)));
}

#[test]
fn a_tag_remembered_again_outlives_its_first_entry() {
    let (mut cache, now) = (Cache::default(), Instant::now());
    let (later, last) = (now + Duration::from_secs(200), now + Duration::from_secs(400));
    cache.remember([1; 32], now);
    cache.remember([1; 32], later);
    cache.remember([2; 32], last);
    assert!(cache.knows(&[1; 32], last));
}

#[test]
fn it_is_bounded() {
    let (mut cache, now) = (Cache::default(), Instant::now());
    for n in 0..ENTRIES_MAX + 10 {
        cache.remember(tag(&format!("user{n}"), None, b"secret"), now);
    }
    assert_eq!((cache.entries.len(), cache.by_age.len()), (ENTRIES_MAX, ENTRIES_MAX));
    assert!(!cache.knows(&tag("user0", None, b"secret"), now));
}
