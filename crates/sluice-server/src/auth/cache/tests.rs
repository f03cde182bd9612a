//! What is remembered, for how long, and how much of it.

use std::time::{Duration, Instant};

use super::{Cache, ENTRIES_MAX};

#[test]
fn only_the_same_pair_is_known() {
    let (mut cache, now) = (Cache::new(&[7; 32]), Instant::now());
    cache.remember("admin", b"secret", now);
    assert!(cache.knows("admin", b"secret", now));
    assert!(!cache.knows("admin", b"secret2", now));
    assert!(!cache.knows("admi", b"nsecret", now));
}

#[test]
fn a_success_is_remembered_for_five_minutes() {
    let (mut cache, now) = (Cache::new(&[7; 32]), Instant::now());
    cache.remember("admin", b"secret", now);
    assert!(cache.knows("admin", b"secret", now + Duration::from_secs(299)));
    assert!(!cache.knows("admin", b"secret", now + Duration::from_mins(5)));
}

#[test]
fn a_pair_remembered_again_outlives_its_first_entry() {
    let (mut cache, now) = (Cache::new(&[7; 32]), Instant::now());
    let (later, last) = (now + Duration::from_secs(200), now + Duration::from_secs(400));
    cache.remember("admin", b"secret", now);
    cache.remember("admin", b"secret", later);
    cache.remember("other", b"secret", last);
    assert!(cache.knows("admin", b"secret", last));
}

#[test]
fn it_is_bounded_and_can_be_emptied() {
    let (mut cache, now) = (Cache::new(&[7; 32]), Instant::now());
    for n in 0..ENTRIES_MAX + 10 {
        cache.remember(&format!("user{n}"), b"secret", now);
    }
    assert_eq!(cache.entries.len(), ENTRIES_MAX);
    assert!(!cache.knows("user0", b"secret", now));
    cache.clear();
    assert_eq!((cache.entries.len(), cache.by_age.len()), (0, 0));
}
