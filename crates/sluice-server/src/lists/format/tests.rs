//! The table of formats.

use std::collections::BTreeSet;

use sluice_model::KIND_WORDS;

use super::{ListFormat, ROWS};

#[test]
fn each_format_has_one_row_an_extension_and_kinds_that_there_are() {
    let formats: BTreeSet<ListFormat> = ListFormat::all().collect();
    let extensions: BTreeSet<&str> = ListFormat::all().map(ListFormat::extension).collect();
    assert_eq!((formats.len(), extensions.len()), (ROWS.len(), ROWS.len()));
    for row in &ROWS {
        assert_eq!(ListFormat::of_extension(row.extension), Some(row.format));
        assert!(row.kinds.iter().all(|kind| KIND_WORDS.contains(kind)), "{}", row.extension);
        assert_eq!(serde_json::to_value(row.format).unwrap(), row.extension);
    }
    assert_eq!(ListFormat::of_extension("exe"), None);
}

#[test]
fn a_format_is_refused_that_says_nothing_of_a_list_or_would_mix_it_up() {
    let is_refused = |format: ListFormat, kinds: &[&str]| format.refusal(kinds).is_some();
    assert!(
        is_refused(ListFormat::Hosts, &["ipv4", "url"])
            && !is_refused(ListFormat::Hosts, &["ipv4", "domain"])
    );
    assert!(!is_refused(ListFormat::Rpz, &["cidr"]) && is_refused(ListFormat::Rpz, &["url"]));
    assert!(
        !is_refused(ListFormat::Pan, &["ipv4", "cidr"]) && is_refused(ListFormat::Pan, &["ipv4", "domain"])
    );
    assert!(
        is_refused(ListFormat::HaproxyAcl, &["ipv6", "domain"]) && !is_refused(ListFormat::Txt, &KIND_WORDS)
    );
}
