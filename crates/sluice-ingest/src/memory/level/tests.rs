//! The example of the documentation, number by number.

use super::MemoryLevel;

/// In MiB.
const PLANNED: usize = 1_472;

#[test]
fn a_look_at_the_memtable_is_good_until_what_was_free_is_granted() {
    let level = MemoryLevel::of_permits(200, 1_000).with_memtable(300);
    assert_eq!(level.excess(1_500, PLANNED), 0);
    assert_eq!(level.excess(1_500, 1_000), 0);
    assert_eq!(level.excess(2_000, PLANNED), 28);
    let level = MemoryLevel::of_permits(150, 2_000).with_memtable(250);
    assert_eq!(level.excess(2_000 + 1_072, PLANNED), 0);
    assert_eq!(level.excess(2_000 + 1_073, PLANNED), 1);
    let level = MemoryLevel::of_permits(150, 2_000).with_memtable(1_350);
    assert_eq!(level.excess(2_000, PLANNED), 28);
}
