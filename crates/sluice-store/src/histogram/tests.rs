//! Which bound a value counts under, and that nothing is lost between threads.

use std::{thread, time::Duration};

use super::{Histogram, HistogramReading};

const BOUNDS: &[u64] = &[10, 100];

#[test]
fn a_value_counts_under_the_least_bound_that_holds_it() {
    let histogram = Histogram::new(BOUNDS);
    for value in [0, 10, 11, 100, 101, 5_000] {
        histogram.note(value);
    }
    let want = HistogramReading { bounds: BOUNDS, counts: vec![2, 2, 2], sum: 5_222 };
    assert_eq!(histogram.read(), want);
}

#[test]
fn times_count_in_microseconds() {
    let histogram = Histogram::new(BOUNDS);
    histogram.note_time(Duration::from_nanos(10_999));
    assert_eq!(histogram.read(), HistogramReading { bounds: BOUNDS, counts: vec![1, 0, 0], sum: 10 });
}

#[test]
fn nothing_is_lost_between_threads() {
    let histogram = Histogram::new(BOUNDS);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| histogram.note(50)));
        }
    });
    assert_eq!(histogram.read().counts, [0, 4_000, 0]);
    assert_eq!(histogram.read().sum, 200_000);
}
