//! The words for why a row was refused are a closed set.

use std::collections::BTreeSet;

use sluice_model::{
    Indicator, Rejection,
    rejection::{Flaw, Property},
};

use super::{REFUSED_FOR, Unread, Unsupported, word};

/// One of each variant; a new one does not compile until it stands here.
fn rejections() -> Vec<Rejection> {
    let no_indicator = Indicator::parse("bad\\").unwrap_err();
    let mut all = vec![
        Rejection::InvalidFormat(no_indicator),
        Rejection::unknown_tag("NONE"),
        Rejection::ContextNotAllowed,
        Rejection::IndicatorMissing,
    ];
    for property in Property::ALL {
        all.push(Rejection::InvalidType(property));
        all.push(Rejection::Unreadable(property, Flaw::Unicode));
    }
    for rejection in &all {
        match rejection {
            Rejection::InvalidFormat(_)
            | Rejection::UnknownTag(_)
            | Rejection::ContextNotAllowed
            | Rejection::IndicatorMissing
            | Rejection::InvalidType(_)
            | Rejection::Unreadable(..) => {}
        }
    }
    all
}

fn unread() -> Vec<Unread> {
    let all = vec![
        Unread::TooLong,
        Unread::NotUtf8,
        Unread::NotJson,
        Unread::NotAnObject,
        Unread::TooDeep,
        Unread::Trailing,
        Unread::Quotes,
        Unread::HostsLine,
    ];
    for why in &all {
        match why {
            Unread::TooLong
            | Unread::NotUtf8
            | Unread::NotJson
            | Unread::NotAnObject
            | Unread::TooDeep
            | Unread::Trailing
            | Unread::Quotes
            | Unread::HostsLine => {}
        }
    }
    all
}

fn unsupported() -> Vec<Unsupported> {
    let all = vec![
        Unsupported::of_type("x"),
        Unsupported::Pattern("x"),
        Unsupported::NotToIds,
        Unsupported::AllowListed,
    ];
    for why in &all {
        match why {
            Unsupported::Type(_)
            | Unsupported::Pattern(_)
            | Unsupported::NotToIds
            | Unsupported::AllowListed => {}
        }
    }
    all
}

#[test]
fn every_word_for_a_refusal_is_listed_and_every_listed_one_is_used() {
    let mut used: BTreeSet<&str> = rejections().iter().map(word).collect();
    used.extend(unread().into_iter().map(|why| why.told().0));
    used.extend(unsupported().iter().map(Unsupported::word));
    assert_eq!(used, BTreeSet::from(REFUSED_FOR));
}
