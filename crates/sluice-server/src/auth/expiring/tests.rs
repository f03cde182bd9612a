//! What is remembered, for how long, and how much of it.

use std::time::{Duration, Instant};

use super::Expiring;

const LIFETIME: Duration = Duration::from_mins(5);

fn knows(map: &mut Expiring<u32, ()>, key: u32, now: Instant) -> bool {
    map.get_mut(&key, now).is_some()
}

#[test]
fn a_value_is_remembered_for_its_lifetime() {
    let (mut map, now) = (Expiring::new(LIFETIME, 10), Instant::now());
    map.insert(1, (), now);
    assert!(knows(&mut map, 1, now.checked_sub(Duration::from_secs(5)).unwrap()));
    assert!(knows(&mut map, 1, now + Duration::from_secs(299)));
    assert!(!knows(&mut map, 1, now + LIFETIME));
}

#[test]
fn a_value_inserted_again_outlives_its_first_entry() {
    let (mut map, now) = (Expiring::new(LIFETIME, 10), Instant::now());
    let (later, last) = (now + Duration::from_secs(200), now + Duration::from_secs(400));
    map.insert(1, (), now);
    map.insert(1, (), later);
    map.insert(2, (), last);
    assert!(knows(&mut map, 1, last));
    assert_eq!(map.lens(), (2, 2));
}

#[test]
fn it_is_bounded() {
    let (mut map, now) = (Expiring::new(LIFETIME, 4_096), Instant::now());
    for n in 0..4_106 {
        map.insert(n, (), now);
    }
    assert_eq!(map.lens(), (4_096, 4_096));
    assert!(!knows(&mut map, 9, now));
    assert!(knows(&mut map, 10, now));
}
