//! Names up to a bound, and nothing lost beyond it.

use std::{collections::BTreeSet, thread};

use sluice_model::SupplierId;

use super::{OTHER, PLACES, SUPPLIERS_TOLD_MAX, SupplierMetrics};

fn is_other(metrics: &SupplierMetrics, number: u32) -> bool {
    std::ptr::eq(metrics.counts(SupplierId(number)), &raw const metrics.others)
}

#[test]
fn as_many_suppliers_as_are_told_have_counts_of_their_own() {
    let metrics = SupplierMetrics::default();
    // Numbers that meet in one place, and the largest there is.
    let numbers: Vec<u32> = (0..u32::try_from(SUPPLIERS_TOLD_MAX).unwrap() - 1)
        .map(|number| number * u32::try_from(PLACES).unwrap())
        .chain([u32::MAX])
        .collect();
    let places = |metrics: &SupplierMetrics| -> BTreeSet<usize> {
        numbers.iter().map(|number| (&raw const *metrics.counts(SupplierId(*number))).addr()).collect()
    };
    let first = places(&metrics);
    assert_eq!(first.len(), SUPPLIERS_TOLD_MAX);
    assert!(numbers.iter().all(|number| !is_other(&metrics, *number)));
    for number in 1..5_000 {
        assert!(number % 256 == 0 || is_other(&metrics, number), "{number}");
    }
    // Those who came first keep what they have.
    assert_eq!(places(&metrics), first);
}

#[test]
fn threads_that_come_at_once_agree() {
    for _ in 0..50 {
        let metrics = SupplierMetrics::default();
        let place = || (&raw const *metrics.counts(SupplierId(7))).addr();
        let places: BTreeSet<usize> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(place)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(places.len(), 1);
        assert!(!is_other(&metrics, 7), "{OTHER}");
    }
}
