//! The reasons, exact to the byte.

use crate::NotAnIndicator;

use std::collections::BTreeSet;

use super::{Flaw, Property, Rejection};

#[track_caller]
fn check(rejection: &Rejection, want: &str) {
    assert_eq!(rejection.to_string(), want);
}

#[test]
fn reasons_are_worded_as_the_contract_has_them() {
    check(&NotAnIndicator::Format.into(), "Invalid indicator format");
    check(&Rejection::unknown_tag("Win-Trojan"), "Unknown tag: Win-Trojan");
    check(&Rejection::ContextNotAllowed, "Context is not allowed for the FalsePositive supplier");
    check(&Rejection::IndicatorMissing, "Property 'indicator' is missing");
}

#[test]
fn what_could_be_read_as_another_value_has_a_reason_of_its_own() {
    let reasons = [
        (NotAnIndicator::LeadingZero, "an IPv4 address has no leading zeros"),
        (NotAnIndicator::BareNumber, "a bare number is no IP address"),
        (NotAnIndicator::AddressRange, "ranges and wildcards of IP addresses are not taken"),
        (NotAnIndicator::EmailAddress, "an e-mail address is no URL"),
        (NotAnIndicator::WideMask, "a mask of a public suffix is too wide"),
        (NotAnIndicator::WideNetwork, "a network is too wide"),
        (NotAnIndicator::DeepMask, "a path before /* has at most 32 segments"),
    ];
    for (reason, want) in reasons {
        check(&reason.into(), &format!("Invalid indicator format: {want}"));
    }
}

#[test]
fn an_invalid_type_names_its_property() {
    for (property, name) in [
        (Property::Indicator, "indicator"),
        (Property::Context, "context"),
        (Property::Tags, "tags"),
        (Property::MarkDetections, "mark_detections"),
        (Property::UnmarkDetections, "unmark_detections"),
    ] {
        check(&Rejection::InvalidType(property), &format!("Property '{name}' has an invalid type"));
    }
}

#[test]
fn what_cannot_be_read_names_its_property_and_why() {
    check(
        &Rejection::Unreadable(Property::Indicator, Flaw::Unicode),
        "Property 'indicator' is not valid Unicode",
    );
    check(
        &Rejection::Unreadable(Property::Context, Flaw::NumberRange),
        "Property 'context' has a number out of range",
    );
}

#[test]
fn every_reason_has_a_word_of_its_own() {
    let others = [
        (Rejection::unknown_tag("X"), "unknown_tag"),
        (Rejection::ContextNotAllowed, "context_not_allowed"),
        (Rejection::IndicatorMissing, "indicator_missing"),
        (Rejection::InvalidType(Property::Tags), "invalid_type"),
        (Rejection::Unreadable(Property::Context, Flaw::Unicode), "unreadable"),
    ];
    let mut numbers: BTreeSet<usize> =
        NotAnIndicator::ALL.map(|reason| Rejection::from(reason).reason_number()).into();
    for (rejection, word) in others {
        assert_eq!(Rejection::REASONS[rejection.reason_number()], word);
        numbers.insert(rejection.reason_number());
    }
    assert_eq!(numbers, (0..Rejection::REASONS.len()).collect());
    let deep = Rejection::from(NotAnIndicator::DeepMask);
    assert_eq!(Rejection::REASONS[deep.reason_number()], "deep_mask");
}

#[test]
fn an_unknown_tag_is_told_whole_unless_it_could_be_none_and_escaped() {
    check(&Rejection::unknown_tag("a\u{1b}[1mb"), "Unknown tag: a\\u{1b}[1mb");
    for letter in ["t", "я"] {
        let longest = letter.repeat(128);
        check(&Rejection::unknown_tag(&longest), &format!("Unknown tag: {longest}"));
        check(&Rejection::unknown_tag(&longest.repeat(2)), &format!("Unknown tag: {longest}..."));
    }
}
