//! One `check` folds a history of rows both ways; the laws say that every way gives the same.

use proptest::prelude::*;

use super::{
    HoldingChange, Row, SingleRow, TagsChange, drop_dead, encode, keep_tags, merge, outline, replace_contexts,
};
use crate::{SupplierId, TagId};

/// A change as a test writes it down.
#[derive(Clone, Debug)]
enum Step {
    Hold(u32, u32, Option<&'static str>, Option<Vec<u32>>),
    /// Without tags, and with a spelling.
    Spell(u32, u32, Option<&'static str>, &'static str),
    Release(u32),
}

fn row_of(step: &Step) -> Vec<u8> {
    let mut row = Vec::new();
    match step {
        Step::Hold(supplier, updated, context, tags) => {
            let tags: Option<Vec<TagId>> =
                tags.as_ref().map(|tags| tags.iter().copied().map(TagId).collect());
            let holding =
                HoldingChange::Hold { updated: *updated, context: context.map(str::as_bytes), spelling: &[] };
            let tags = tags.as_deref().map_or(TagsChange::Keep, TagsChange::Replace);
            encode(SupplierId(*supplier), holding, tags, &mut row);
        }
        Step::Spell(supplier, updated, context, spelling) => {
            let (updated, context, spelling) = (*updated, context.map(str::as_bytes), spelling.as_bytes());
            let holding = HoldingChange::Hold { updated, context, spelling };
            encode(SupplierId(*supplier), holding, TagsChange::Keep, &mut row);
        }
        Step::Release(supplier) => {
            encode(SupplierId(*supplier), HoldingChange::Release, TagsChange::Keep, &mut row);
        }
    }
    row
}

fn merged(newer: &[u8], older: &[u8]) -> Vec<u8> {
    let mut row = Vec::new();
    merge(newer, older, &mut row);
    row
}

fn shown(row: &[u8]) -> String {
    let row = Row::decode(row).unwrap();
    let tags: Vec<u32> = row.tags().map(|tag| tag.0).collect();
    let holdings: Vec<String> = row
        .holdings()
        .map(|holding| {
            let (supplier, context) = (holding.supplier.0, String::from_utf8_lossy(holding.context));
            if holding.is_released() {
                format!("{supplier} released")
            } else {
                let spelling = String::from_utf8_lossy(holding.spelling);
                let spelled = if spelling.is_empty() { String::new() } else { format!(" as {spelling}") };
                format!("{supplier} at {} {context}{spelled}", holding.updated)
            }
        })
        .collect();
    format!("{} {tags:?} [{}]", if row.sets_tags() { "sets" } else { "keeps" }, holdings.join(", "))
}

#[track_caller]
fn check(history: &[Step], want: &str) {
    let folded = history.iter().map(row_of).reduce(|older, newer| merged(&newer, &older)).unwrap();
    assert_eq!(shown(&folded), want);
}

#[test]
fn a_given_context_replaces_and_an_absent_one_stays() {
    let (one, two) = (Step::Hold(1, 10, Some("{a}"), None), Step::Hold(1, 20, None, None));
    check(&[one.clone(), two], "keeps [] [1 at 20 {a}]");
    check(&[one, Step::Hold(1, 20, Some("{b}"), None)], "keeps [] [1 at 20 {b}]");
}

#[test]
fn the_later_update_counts_even_when_its_clock_is_behind() {
    check(&[Step::Hold(1, 20, None, None), Step::Hold(1, 10, None, None)], "keeps [] [1 at 10 ]");
}

#[test]
fn tags_are_kept_replaced_and_cleared() {
    let tagged = Step::Hold(1, 10, None, Some(vec![7, 8]));
    check(&[tagged.clone(), Step::Hold(2, 11, None, None)], "sets [7, 8] [1 at 10 , 2 at 11 ]");
    check(&[tagged.clone(), Step::Hold(2, 11, None, Some(vec![9]))], "sets [9] [1 at 10 , 2 at 11 ]");
    check(&[tagged, Step::Hold(2, 11, None, Some(vec![]))], "sets [] [1 at 10 , 2 at 11 ]");
}

#[test]
fn a_context_does_not_come_back_after_a_release() {
    let history = [Step::Hold(1, 10, Some("{a}"), None), Step::Release(1), Step::Hold(1, 30, None, None)];
    check(&history, "keeps [] [1 at 30 ]");
    let [first, second, third] = history.map(|step| row_of(&step));
    assert_eq!(shown(&merged(&merged(&third, &second), &first)), "keeps [] [1 at 30 ]");
}

#[test]
fn a_spelling_is_that_of_the_last_update() {
    let (spelled, plain) = (Step::Spell(1, 10, Some("{a}"), "U"), Step::Hold(1, 20, None, None));
    check(&[spelled.clone(), plain.clone()], "keeps [] [1 at 20 {a}]");
    check(&[plain.clone(), spelled.clone()], "keeps [] [1 at 10 {a} as U]");
    check(&[spelled.clone(), Step::Spell(1, 30, None, "V")], "keeps [] [1 at 30 {a} as V]");
    check(&[spelled.clone(), Step::Spell(2, 30, None, "V")], "keeps [] [1 at 10 {a} as U, 2 at 30  as V]");
    check(&[spelled, Step::Release(1), Step::Spell(1, 30, None, "V")], "keeps [] [1 at 30  as V]");
}

#[test]
fn a_row_is_taken_apart_and_put_together() {
    for step in [
        Step::Hold(1, 10, None, Some(vec![7])),
        Step::Hold(1, 10, Some("{a}"), None),
        Step::Spell(300, 10, None, "U"),
        Step::Spell(1, 10, Some("{a}"), "U"),
    ] {
        let row = row_of(&step);
        let single = SingleRow::split(&row).unwrap();
        assert_eq!(SingleRow::has_context(single.head), single.context.is_some(), "{step:?}");
        assert_eq!(SingleRow::has_spelling(single.head), single.spelling.is_some(), "{step:?}");
        assert_eq!(single.spelling, matches!(step, Step::Spell(..)).then_some(&b"U"[..]), "{step:?}");
        let mut joined = Vec::new();
        single.join(&mut joined);
        assert_eq!(joined, row, "{step:?}");
        let mut replaced = Vec::new();
        replace_contexts(&row, |context| Ok::<_, ()>([context, b"!"].concat()), &mut replaced).unwrap();
        assert_eq!(shown(&replaced), shown(&row).replace("{a}", "{a}!"), "{step:?}");
    }
}

#[test]
fn what_does_not_count_is_dropped() {
    let row =
        [Step::Hold(1, 10, Some("{a}"), Some(vec![7, 8])), Step::Hold(2, 20, None, None), Step::Release(3)];
    let row = row.iter().map(row_of).reduce(|older, newer| merged(&newer, &older)).unwrap();
    let mut live = Vec::new();
    assert!(drop_dead(&row, |supplier, _| supplier.0 == 1, |tag| tag.0 == 8, &mut live));
    assert_eq!(shown(&live), "sets [8] [1 at 10 {a}]");
    live.clear();
    assert!(drop_dead(&row_of(&Step::Spell(1, 10, None, "U")), |_, _| true, |_| true, &mut live));
    assert_eq!(shown(&live), "keeps [] [1 at 10  as U]");
    live.clear();
    assert!(drop_dead(&row, |_, updated| updated == 20, |_| false, &mut live));
    assert_eq!(shown(&live), "keeps [] [2 at 20 ]");
    live.clear();
    assert!(!drop_dead(&row, |_, _| false, |_| true, &mut live));
    assert!(live.is_empty());
}

#[test]
fn tags_can_be_kept_alone() {
    let row = row_of(&Step::Hold(1, 10, Some("{a}"), Some(vec![7, 8])));
    let mut live = Vec::new();
    assert!(keep_tags(&row, |tag| tag.0 == 8, &mut live));
    assert_eq!(shown(&live), "sets [8] []");
    live.clear();
    assert!(!keep_tags(&row, |_| false, &mut live));
    assert!(!keep_tags(&row_of(&Step::Hold(1, 10, None, None)), |_| true, &mut live));
    assert!(live.is_empty());
}

#[test]
fn an_outline_has_holders_and_whether_tags_are_set() {
    let outlined = |row: &[u8]| {
        let mut outlined = Vec::new();
        outline(row, &mut outlined);
        outlined
    };
    assert_eq!(
        outlined(&row_of(&Step::Hold(7, 1_000, Some("{}"), Some(vec![3, 300])))),
        [1, 7, 0, 0, 0, 0, 0]
    );
    assert_eq!(outlined(&row_of(&Step::Release(7))), [0, 7, 1]);
    let both = merged(&row_of(&Step::Release(9)), &row_of(&Step::Spell(7, 5, None, "U")));
    assert_eq!(outlined(&both), [0, 7, 0, 0, 0, 0, 0, 9, 1]);
}

fn step() -> impl Strategy<Value = Step> {
    let context = prop_oneof![Just(None), Just(Some("{a}")), Just(Some("{b}"))];
    let tags = proptest::option::of(proptest::collection::vec(0_u32..300, 0..3));
    prop_oneof![
        3 => (0_u32..4, any::<u32>(), context.clone(), tags).prop_map(|(s, u, c, t)| Step::Hold(s, u, c, t)),
        2 => (0_u32..4, any::<u32>(), context, prop_oneof![Just("U"), Just("V")])
            .prop_map(|(supplier, updated, context, spelling)| Step::Spell(supplier, updated, context, spelling)),
        1 => (0_u32..4).prop_map(Step::Release),
    ]
}

proptest! {
    #[test]
    fn merging_is_associative(history in proptest::collection::vec(step(), 3..8), cut in 1_usize..7) {
        let rows: Vec<Vec<u8>> = history.iter().map(row_of).collect();
        let fold = |rows: &[Vec<u8>]| rows.iter().cloned().reduce(|older, newer| merged(&newer, &older)).unwrap();
        let cut = cut.min(rows.len() - 1);
        prop_assert_eq!(fold(&rows), merged(&fold(&rows[cut..]), &fold(&rows[..cut])));
    }

    #[test]
    fn dropping_twice_is_dropping_once(history in proptest::collection::vec(step(), 1..8)) {
        let row = history.iter().map(row_of).reduce(|older, newer| merged(&newer, &older)).unwrap();
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        let is_left = drop_dead(&row, |_, _| true, |_| true, &mut once);
        prop_assert_eq!(is_left && drop_dead(&once, |_, _| true, |_| true, &mut twice), is_left);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn any_bytes_are_a_row_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Some(row) = Row::decode(&bytes) {
            prop_assert!(row.holdings().count() <= bytes.len() && row.tags().count() <= bytes.len());
        }
    }
}
