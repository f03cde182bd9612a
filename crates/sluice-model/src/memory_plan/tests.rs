//! From little memory to much.

use proptest::prelude::*;

use super::{BODY_BYTES_MIN, FULL, LEAST, MemoryPlan, RESIDENT_BYTES_MAX, RESIDENT_BYTES_MIN};
use crate::limits::{self, MIB};

#[test]
fn two_gibibytes_and_more_are_shared_out_as_the_bounds_allow() {
    for bytes in [RESIDENT_BYTES_MAX, RESIDENT_BYTES_MAX + 1, usize::MAX] {
        let plan = MemoryPlan::of(bytes);
        let full = MemoryPlan { stored_bytes: plan.stored_bytes, ..FULL };
        assert_eq!(MemoryPlan { block_cache_bytes: FULL.block_cache_bytes, ..plan }, full);
        assert_eq!(plan.slice_bytes_in_flight(), limits::SLICE_BYTES_IN_FLIGHT_MAX);
        assert_eq!(plan.flush_bytes(), 128 * MIB);
        assert_eq!(plan.part_bytes(), 64 * MIB);
    }
    for bytes in [0, RESIDENT_BYTES_MIN] {
        assert_eq!(MemoryPlan::of(bytes), MemoryPlan { stored_bytes: 32 * MIB, ..LEAST });
    }
    assert_eq!(MemoryPlan::of(1_152 * MIB).body_bytes, 542 * MIB);
}

#[test]
fn an_eighth_of_what_is_above_two_gibibytes_is_for_blocks_until_there_are_four() {
    for (bytes_mib, cache_mib) in [(2_048, 40), (3_072, 168), (4_096, 296), (65_536, 296)] {
        let plan = MemoryPlan::of(bytes_mib * MIB);
        assert_eq!(plan.block_cache_bytes, cache_mib * MIB, "of {bytes_mib} MiB");
        assert!(plan.sum() <= bytes_mib * MIB);
    }
}

#[test]
fn bodies_give_way_to_what_is_stored_down_to_what_an_export_takes() {
    let plan = MemoryPlan::of(RESIDENT_BYTES_MIN);
    for (stored_mib, body_mib) in [(0, 60), (32, 60), (33, 59), (56, 36), (68, 24), (69, 24), (4_096, 24)] {
        assert_eq!(plan.body_bytes_beside(stored_mib * MIB), body_mib * MIB, "beside {stored_mib} MiB");
    }
    assert_eq!(plan.stored_bytes_max(), 68 * MIB);
    // What is above the plan comes first.
    let plan = MemoryPlan::of(4_096 * MIB);
    assert_eq!(plan.stored_bytes, 4_096 * MIB - plan.sum() + plan.sum() / 8);
    assert_eq!(plan.body_bytes_beside(plan.stored_bytes), limits::BODY_BYTES_BUDGET);
    assert_eq!(plan.body_bytes_beside(plan.stored_bytes + MIB), limits::BODY_BYTES_BUDGET - MIB);
    // Whoever wants more for bodies has that much less beside them.
    let wanted = MemoryPlan::with_body_bytes(4_096 * MIB, limits::BODY_BYTES_BUDGET + 512 * MIB);
    assert!(wanted.stored_bytes < plan.stored_bytes - 256 * MIB);
}

proptest! {
    #[test]
    fn what_is_stored_and_the_shares_beside_it_fit(
        bytes in RESIDENT_BYTES_MIN..=3 * RESIDENT_BYTES_MAX,
        stored_thousandths in 0..=1_000_usize,
    ) {
        let plan = MemoryPlan::of(bytes);
        let stored_bytes = plan.stored_bytes_max() / 1_000 * stored_thousandths;
        let beside = MemoryPlan { body_bytes: plan.body_bytes_beside(stored_bytes), ..plan };
        prop_assert!(BODY_BYTES_MIN <= beside.body_bytes);
        prop_assert!(stored_bytes + beside.sum() <= bytes + plan.sum() / 8);
    }

    #[test]
    fn no_plan_takes_more_than_there_is(bytes in RESIDENT_BYTES_MIN..=RESIDENT_BYTES_MAX) {
        let plan = MemoryPlan::of(bytes);
        prop_assert!(plan.sum() <= bytes, "{} of {bytes}", plan.sum());
        // And leaves little unused.
        prop_assert!(bytes < plan.sum() + 3 * MIB, "{} of {bytes}", plan.sum());
    }
}
