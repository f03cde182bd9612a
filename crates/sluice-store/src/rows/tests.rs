//! What two keys share is what they have in common byte by byte.

use proptest::prelude::*;

use super::shared_bytes;

proptest! {
    #[test]
    fn keys_share_their_longest_common_beginning(
        common in proptest::collection::vec(any::<u8>(), 0..40),
        one in proptest::collection::vec(any::<u8>(), 0..20),
        other in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let (one, other) = ([common.clone(), one].concat(), [common, other].concat());
        let by_bytes = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
        prop_assert_eq!(shared_bytes(&one, &other), by_bytes);
    }
}
