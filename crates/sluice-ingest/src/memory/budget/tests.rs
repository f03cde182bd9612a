//! Permits come back, wait for one another, and know the memtable.

use std::{sync::Arc, time::Duration};

use sluice_model::{
    limits::{BODY_BYTES_MAX, MEMTABLE_BYTES_MAX, MIB, SMALL_BODY_BYTES_MAX, SMALL_BYTES_BUDGET},
    memory_plan::{BODY_BYTES_MIN, MemoryPlan},
};

use super::{Budget, Busy};
use crate::fixture::block_on;

const MINUTE: Duration = Duration::from_mins(1);

fn budget(
    body_bytes: usize,
    small_bytes: usize,
    quiet_wait_max: Duration,
    wait_max: Duration,
) -> Arc<Budget> {
    let plan = MemoryPlan { body_bytes, small_bytes, ..MemoryPlan::of(usize::MAX) };
    Budget::with(&plan, quiet_wait_max, wait_max)
}

#[test]
fn bytes_come_back_with_the_permit() {
    let budget = budget(2 * MIB, 100, MINUTE, MINUTE);
    let small = budget.take(100, None).unwrap();
    let first = budget.take(MIB, None).unwrap();
    assert_eq!(budget.held_bytes(), MIB + 100);
    assert_eq!(first.cover(2 * MIB + 1), Err(Busy { retry_after_seconds: 1 }));
    assert_eq!(first.bytes(), MIB);
    first.cover(MIB + 1).unwrap();
    assert_eq!(first.bytes(), 2 * MIB);
    assert!(budget.take(1, None).is_err());
    drop(first);
    assert_eq!(budget.held_bytes(), 100);
    assert!(budget.take(2 * MIB, None).is_ok());
    drop(small);
    assert_eq!(budget.held_bytes(), 0);
}

#[test]
fn what_a_permit_leaves_goes_to_those_that_wait() {
    let budget = budget(4 * MIB, SMALL_BYTES_BUDGET, MINUTE, MINUTE);
    block_on(async {
        let (first, second) = (budget.take(1, None).unwrap(), budget.take(1, None).unwrap());
        first.grow(3 * MIB).await.unwrap();
        let settling = async { first.release_all_but(MIB) };
        let (grown, ()) = tokio::join!(second.grow(3 * MIB), settling);
        grown.unwrap();
        assert_eq!((first.bytes(), budget.held_bytes()), (MIB, 4 * MIB));
    });
    assert_eq!(budget.held_bytes(), 0);
}

#[test]
fn who_holds_and_who_waits_is_told() {
    let budget = budget(4 * MIB, SMALL_BYTES_BUDGET, MINUTE, MINUTE);
    block_on(async {
        let (first, second) = (budget.take(1, None).unwrap(), budget.take(1, None).unwrap());
        first.grow(3 * MIB).await.unwrap();
        let looking = async {
            let measures = budget.measures();
            assert_eq!((measures.permit_bytes, measures.permits_waiting), (3 * MIB + 1, 1));
            assert_eq!(measures.permit_bytes_max, 4 * MIB + SMALL_BYTES_BUDGET);
            assert_eq!(measures.permit_waits.counts.iter().sum::<u64>(), 1);
            drop(first);
        };
        let (grown, ()) = tokio::join!(second.grow(3 * MIB), looking);
        grown.unwrap();
        let measures = budget.measures();
        assert_eq!((measures.permits_waiting, measures.permit_waits.counts.iter().sum::<u64>()), (0, 2));
    });
}

#[test]
fn what_can_never_fit_or_not_begin_is_refused_early() {
    let budget = budget(4 * MIB, SMALL_BYTES_BUDGET, MINUTE, MINUTE);
    assert!(budget.take(1, Some(4 * MIB + 1)).is_err());
    let holder = budget.take(1, Some(4 * MIB)).unwrap();
    holder.cover(4 * MIB).unwrap();
    assert!(budget.take(1, Some(SMALL_BODY_BYTES_MAX + 1)).is_err());
    assert!(budget.take(1, Some(SMALL_BODY_BYTES_MAX)).is_ok());
}

/// Of 60 MiB for bodies, as 256 have; what is stored takes of it what is above 32.
#[test]
fn bodies_give_way_to_what_is_stored_and_small_ones_do_not() {
    let plan = MemoryPlan::of(256 * MIB);
    let budget = Budget::with(&plan, MINUTE, MINUTE);
    let body = budget.take(1, Some(56 * MIB)).unwrap();
    body.cover(40 * MIB).unwrap();
    budget.make_way(62 * MIB);
    assert_eq!(budget.large_bytes_max(), 30 * MIB);
    assert_eq!(budget.measures().permit_bytes_max, 30 * MIB + plan.small_bytes);
    // What it has it keeps, but it gets no more, and nobody else gets any.
    assert_eq!(body.bytes(), 40 * MIB);
    assert!(body.cover(40 * MIB + 1).is_err());
    assert!(budget.take(1, Some(2 * MIB)).is_err());
    let smalls: Vec<_> = (0..plan.small_bytes / SMALL_BODY_BYTES_MAX)
        .map(|_| budget.take(1, None).map(|small| small.cover(SMALL_BODY_BYTES_MAX).map(|()| small)))
        .collect();
    assert!(smalls.iter().all(|small| matches!(small, Ok(Ok(_)))));
    drop((body, smalls));
    assert!(budget.take(1, Some(31 * MIB)).is_err());
    let body = budget.take(1, Some(30 * MIB)).unwrap();
    body.cover(30 * MIB).unwrap();
    drop(body);
    // However much is stored.
    budget.make_way(usize::MAX);
    assert_eq!(budget.large_bytes_max(), BODY_BYTES_MIN);
    budget.take(1, None).unwrap().cover(BODY_BYTES_MIN).unwrap();
    budget.make_way(0);
    assert_eq!(budget.large_bytes_max(), plan.body_bytes);
}

#[test]
fn a_body_that_waits_goes_on_when_less_is_stored() {
    let budget = Budget::with(&MemoryPlan::of(256 * MIB), MINUTE, MINUTE);
    block_on(async {
        let (answering, other) = (budget.take(1, None).unwrap(), budget.take(1, None).unwrap());
        answering.grow(24 * MIB).await.unwrap();
        answering.release_all_but(24 * MIB);
        budget.make_way(68 * MIB);
        let shrinking = async {
            assert_eq!(budget.measures().permits_waiting, 1);
            budget.make_way(16 * MIB);
        };
        let (grown, ()) = tokio::join!(other.grow(24 * MIB), shrinking);
        grown.unwrap();
    });
}

#[test]
fn a_body_waits_until_another_is_done() {
    let budget = budget(BODY_BYTES_MAX, SMALL_BYTES_BUDGET, MINUTE, MINUTE);
    block_on(async {
        let (oldest, other) = (budget.take(1, None).unwrap(), Arc::new(budget.take(1, None).unwrap()));
        oldest.grow(2 * MIB).await.unwrap();
        let waiting = other.grow(2 * MIB);
        let finishing = async {
            oldest.grow(BODY_BYTES_MAX).await.unwrap();
            drop(oldest);
        };
        // The first is asked first, and must wait for the second.
        let (grown, ()) = tokio::join!(waiting, finishing);
        grown.unwrap();
        assert_eq!(budget.held_bytes(), 2 * MIB);
    });
}

/// Without a quiet wait the youngest is refused; what it held lets the other go on.
#[test]
fn of_those_that_wait_in_vain_the_youngest_is_refused() {
    let budget = budget(BODY_BYTES_MAX + 4 * MIB, SMALL_BYTES_BUDGET, Duration::ZERO, MINUTE);
    block_on(async {
        let [oldest, middle, youngest] = [(); 3].map(|()| budget.take(1, None).unwrap());
        for permit in [&oldest, &middle, &youngest] {
            permit.grow(2 * MIB).await.unwrap();
        }
        let second = async {
            let grown = middle.grow(4 * MIB).await;
            (middle, grown)
        };
        let third = async move {
            let refused = youngest.grow(4 * MIB).await;
            drop(youngest);
            refused
        };
        let ((middle, grown), refused) = tokio::join!(biased_last(second), third);
        assert!(refused.is_err());
        grown.unwrap();
        oldest.grow(BODY_BYTES_MAX).await.unwrap();
        drop((oldest, middle));
    });
    assert_eq!(budget.held_bytes(), 0);
}

/// Lets others run before `future` begins.
async fn biased_last<T>(future: impl Future<Output = T>) -> T {
    tokio::task::yield_now().await;
    future.await
}

#[test]
fn a_permit_that_stops_waiting_blocks_no_other() {
    let budget = budget(BODY_BYTES_MAX + 2 * MIB, SMALL_BYTES_BUDGET, MINUTE, MINUTE);
    block_on(async {
        let [oldest, first, second] = [(); 3].map(|()| budget.take(1, None).unwrap());
        oldest.grow(2 * MIB).await.unwrap();
        let waited = tokio::time::timeout(Duration::ZERO, first.grow(8 * MIB)).await;
        assert!(waited.is_err());
        second.grow(2 * MIB).await.unwrap();
        assert_eq!(first.bytes(), 1);
    });
    assert_eq!(budget.held_bytes(), 0);
}

/// A hundred large bodies at once: those that waited for room woke one another, and themselves, without a pause. The
/// threads of all connections were held by that until the time to wait was over.
#[test]
fn whoever_is_woken_in_vain_goes_back_to_sleep() {
    let budget = budget(BODY_BYTES_MAX + 4 * MIB, SMALL_BYTES_BUDGET, MINUTE, MINUTE);
    block_on(async {
        let [oldest, passing, first, second] = [(); 4].map(|()| budget.take(1, None).unwrap());
        oldest.grow(2 * MIB).await.unwrap();
        passing.grow(2 * MIB).await.unwrap();
        let waiting = async { tokio::join!(first.grow(8 * MIB), second.grow(8 * MIB)) };
        let leaving = async {
            // Both wait by now.
            drop(passing);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            outcome = waiting => panic!("nobody should get anything: {outcome:?}"),
            () = leaving => {}
        }
        assert_eq!((first.bytes(), second.bytes()), (1, 1));
    });
    assert_eq!(budget.held_bytes(), 0);
}

#[test]
fn permits_and_memtable_stay_within_what_is_planned_for_both() {
    let budget = budget(BODY_BYTES_MAX, 0, MINUTE, MINUTE);
    // Nothing is known at first.
    let level = budget.unsure().unwrap();
    budget.set_level(level.with_memtable(MEMTABLE_BYTES_MAX - MIB)).unwrap();
    assert!(budget.unsure().is_none());
    drop(budget.take(BODY_BYTES_MAX, None).unwrap());
    assert!(budget.unsure().is_none());
    // The body may be in the memtable now, so what comes next must ask.
    let next = budget.take(2 * MIB, None).unwrap();
    let level = budget.unsure().unwrap();
    assert!(budget.set_level(level.with_memtable(MEMTABLE_BYTES_MAX + BODY_BYTES_MAX)).is_err());
    assert!(budget.unsure().is_some());
    budget.set_level(level.with_memtable(MEMTABLE_BYTES_MAX)).unwrap();
    assert!(budget.unsure().is_none());
    drop(next);
}
