//! Which stored values are drawn, and how often.

use std::collections::HashMap;

use test_support::dice::Dice;

use super::{Acknowledged, Distribution, scattered, zipf_rank};

#[test]
fn the_nth_rank_is_drawn_about_an_nth_as_often_as_the_first() {
    let (mut dice, mut counts) = (Dice::new(&[7]), HashMap::<u64, u32>::new());
    for _ in 0..1_000_000 {
        *counts.entry(zipf_rank(1_000_000, &mut dice)).or_default() += 1;
    }
    let between = |ranks: std::ops::Range<u64>| -> u32 {
        ranks.map(|rank| counts.get(&rank).copied().unwrap_or(0)).sum()
    };
    // ln(1,000,001) is 13.8: each tenfold of ranks has a sixth of all.
    for start in [1, 10, 100, 1_000, 10_000, 100_000] {
        let share = between(start - 1..10 * start - 1);
        assert!((156_000..178_000).contains(&share), "ranks from {start}: {share}");
    }
    assert!(counts.keys().all(|rank| *rank < 1_000_000));
}

#[test]
fn ranks_that_are_neighbors_lie_apart_and_within() {
    for count in [1, 2, 3, 1_000, 20_000_000] {
        let places: Vec<_> = (0..1_000.min(count)).map(|rank| scattered(rank, count).unwrap()).collect();
        assert!(places.iter().all(|place| (*place as u64) < count), "of {count}");
        if count == 20_000_000 {
            let closest = places.windows(2).map(|pair| pair[0].abs_diff(pair[1])).min().unwrap();
            assert!(1_000_000 < closest, "{closest}");
        }
    }
    assert_eq!(scattered(0, 0), None);
}

#[test]
fn a_draw_is_an_index_that_was_acknowledged() {
    let mut dice = Dice::new(&[8]);
    for distribution in [Distribution::Uniform, Distribution::Zipf] {
        assert_eq!(Acknowledged::default().draw(distribution, &mut dice), None);
        let acknowledged = Acknowledged { ranges: vec![5..8, 100..102], ..Acknowledged::default() };
        let mut drawn: Vec<_> =
            (0..1_000).filter_map(|_| acknowledged.draw(distribution, &mut dice)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [5, 6, 7, 100, 101], "{distribution:?}");
    }
}
