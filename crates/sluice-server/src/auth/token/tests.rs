//! Shape of a token and of its digest.

use super::{digest, print, same_digest};

#[test]
fn a_token_is_found_by_its_digest_only() {
    let (one, other) = (print(&[1; 32]), print(&[2; 32]));
    assert!(one.starts_with("sluice_") && one.len() == 50);
    assert_eq!(digest(&one).len(), 64);
    assert!(same_digest(&digest(&one), &digest(&one)));
    assert!(!same_digest(&digest(&one), &digest(&other)));
    assert!(!same_digest(&digest(&one), ""));
}
