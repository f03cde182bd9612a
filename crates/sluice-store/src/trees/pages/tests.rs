//! Pages that were not used lately are used more often, the others once.

use super::{PILED_UP_MAX, Pages, RECENT_PAGES, USES_UNTIL_LOOK};

#[test]
fn a_page_is_used_more_often_when_it_is_come_to_and_the_more_the_fewer_may_pile_up() {
    let pages = Pages::new();
    assert_eq!([1, 1, 2, 1, 2].map(|page| pages.use_page(page)), [7, 0, 7, 0, 0]);
    assert_eq!(USES_UNTIL_LOOK / PILED_UP_MAX, 8);
    for (piled_up_max, uses) in [(0, 63), (1, 63), (2, 31), (4, 15), (32, 1), (33, 0), (64, 0), (u32::MAX, 0)]
    {
        pages.let_pile_up(piled_up_max);
        assert_eq!(pages.use_page(u64::from(piled_up_max) + 3), uses, "of {piled_up_max}");
    }
}

#[test]
fn what_was_used_before_many_others_is_come_to_again() {
    let pages = Pages::new();
    assert_eq!(pages.use_page(5), 7);
    assert_eq!(pages.use_page(5 + RECENT_PAGES as u64), 7);
    assert_eq!(pages.use_page(5), 7);
}
