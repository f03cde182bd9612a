//! From little memory to much.

use proptest::prelude::*;

use super::{FULL, LEAST, MemoryPlan, RESIDENT_BYTES_MAX, RESIDENT_BYTES_MIN};
use crate::limits;

#[test]
fn two_gibibytes_and_more_are_shared_out_as_the_bounds_allow() {
    for bytes in [RESIDENT_BYTES_MAX, RESIDENT_BYTES_MAX + 1, usize::MAX] {
        let plan = MemoryPlan::of(bytes);
        assert_eq!(MemoryPlan { block_cache_bytes: FULL.block_cache_bytes, ..plan }, FULL);
        assert_eq!(plan.slice_bytes_in_flight(), limits::SLICE_BYTES_IN_FLIGHT_MAX);
        assert_eq!(plan.flush_bytes(), 128 * limits::MIB);
        assert_eq!(plan.part_bytes(), 64 * limits::MIB);
    }
    for bytes in [0, RESIDENT_BYTES_MIN] {
        assert_eq!(MemoryPlan::of(bytes), LEAST);
    }
    assert_eq!(MemoryPlan::of(1_152 * limits::MIB).body_bytes, 542 * limits::MIB);
}

#[test]
fn an_eighth_of_what_is_above_two_gibibytes_is_for_blocks_until_there_are_four() {
    for (bytes_mib, cache_mib) in [(2_048, 40), (3_072, 168), (4_096, 296), (65_536, 296)] {
        let plan = MemoryPlan::of(bytes_mib * limits::MIB);
        assert_eq!(plan.block_cache_bytes, cache_mib * limits::MIB, "of {bytes_mib} MiB");
        assert!(plan.sum() <= bytes_mib * limits::MIB);
    }
}

proptest! {
    #[test]
    fn no_plan_takes_more_than_there_is(bytes in RESIDENT_BYTES_MIN..=RESIDENT_BYTES_MAX) {
        let plan = MemoryPlan::of(bytes);
        prop_assert!(plan.sum() <= bytes, "{} of {bytes}", plan.sum());
        // And leaves little unused.
        prop_assert!(bytes < plan.sum() + 3 * limits::MIB, "{} of {bytes}", plan.sum());
    }
}
