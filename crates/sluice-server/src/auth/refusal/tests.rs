//! The list of reasons and their words.

use std::collections::BTreeSet;

use super::RefusalReason;

#[test]
fn every_reason_is_listed_in_its_place_with_words_of_its_own() {
    for (place, reason) in RefusalReason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, place, "{reason:?}");
    }
    assert_eq!(RefusalReason::ALL.len(), RefusalReason::CertificateNameless as usize + 1);
    let told: BTreeSet<_> = RefusalReason::ALL.map(RefusalReason::told).into();
    let labels: BTreeSet<_> = RefusalReason::ALL.map(RefusalReason::label).into();
    assert_eq!((told.len(), labels.len()), (RefusalReason::ALL.len(), RefusalReason::ALL.len()));
}
