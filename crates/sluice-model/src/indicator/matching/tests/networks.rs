//! The networks that an address is tried by.

use std::convert::Infallible;

use crate::{
    Indicator,
    matching::{CandidateKey, MatchedBy, address_or_network, network_keys},
};

use super::CandidateKeys;

/// Lists the networks that would be probed for `text` after itself, if there are some of all lengths.
fn networks_around(text: &str) -> Vec<String> {
    let mut candidates = CandidateKeys::default();
    let value = Indicator::recognize(text).unwrap();
    if let Some(held) = address_or_network(value.key()) {
        let visit = |candidate: CandidateKey<'_>| {
            candidates.push(candidate);
            Ok::<_, Infallible>(())
        };
        let Ok(()) = network_keys(held, u128::MAX, &mut b"before".to_vec(), visit);
        assert!(candidates.keys.iter().all(|(_, by)| *by == MatchedBy::Cidr));
    }
    candidates.iter().map(|key| Indicator::from_key(key).unwrap().to_string()).collect()
}

#[test]
fn an_address_is_tried_by_the_networks_that_hold_it() {
    let networks = networks_around("192.0.2.77");
    assert_eq!(networks.len(), 24);
    assert_eq!(
        (&*networks[0], &*networks[7], &*networks[23]),
        ("192.0.2.76/31", "192.0.2.0/24", "192.0.0.0/8")
    );
    assert_eq!(networks_around("http://192.0.2.77:80/a?b"), networks);
    assert_eq!(networks_around("::ffff:192.0.2.77"), networks);
    let networks = networks_around("2001:db8::1");
    assert_eq!(networks.len(), 112);
    assert_eq!((&*networks[0], &*networks[111]), ("2001:db8::/127", "2001::/16"));
    assert_eq!(networks_around("https://[2001:db8::1]/a"), networks);
    assert_eq!(networks_around("192.0.2.0/9"), ["192.0.0.0/8"]);
    for none in ["example.com/24", "1.2.3.4.example.com", &"0a".repeat(16)] {
        assert!(networks_around(none).is_empty(), "{none}");
    }
}
