//! Standings, what is forgotten first, and the text.

use std::net::IpAddr;

use expect_test::expect;
use proptest::{collection::vec, prelude::*};

use super::{AccountDigest, KnownLogins, LOGINS_MAX, LOGINS_PER_ACCOUNT_MAX, Standing, TEXT_BYTES_MAX};

const ANN: AccountDigest = [0xa; 32];
const BOB: AccountDigest = [0xb; 32];

fn address(number: u32) -> IpAddr {
    IpAddr::V4(number.into())
}

fn account(number: u32) -> AccountDigest {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    digest
}

#[test]
fn pairs_addresses_and_strangers() {
    let mut logins = KnownLogins::default();
    assert!(logins.note(address(1), ANN));
    assert_eq!(logins.standing(address(1), Some(&ANN)), Standing::KnownPair);
    assert_eq!(logins.standing(address(1), Some(&BOB)), Standing::KnownAddress);
    assert_eq!(logins.standing(address(1), None), Standing::KnownAddress);
    assert_eq!(logins.standing(address(2), Some(&ANN)), Standing::Stranger);
    assert_eq!(logins.standing(address(0), None), Standing::Stranger);
}

#[test]
fn the_text_is_lines_and_damage_costs_only_its_lines() {
    let mut logins = KnownLogins::default();
    logins.note("192.0.2.1".parse().unwrap(), ANN);
    logins.note("2001:db8:0:1::".parse().unwrap(), BOB);
    let text = logins.to_text();
    expect![[r#"
        192.0.2.1 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a
        2001:db8:0:1:: 0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b
    "#]]
    .assert_eq(&text);
    for noise in ["", "\n", "192.0.2.1\n", "192.0.2.1 0a\n", "x 0a0a\n", "192.0.2 \u{0}\n"] {
        assert_eq!(KnownLogins::of_text(&format!("{noise}{text}{noise}")).to_text(), text, "{noise:?}");
    }
}

#[test]
fn a_login_that_is_seen_again_changes_the_text_only_when_it_is_old() {
    let mut logins = KnownLogins::default();
    assert!(logins.note(address(1), ANN));
    for number in 0..u32::try_from(LOGINS_MAX / 2).unwrap() {
        assert!(!logins.note(address(1), ANN));
        logins.note(address(2), account(number));
    }
    assert!(logins.note(address(1), ANN));
    assert!(!logins.note(address(1), ANN));
    assert!(logins.to_text().lines().last().unwrap().ends_with("0a0a"));
}

#[test]
fn one_account_from_everywhere_is_forgotten_before_the_others() {
    let mut logins = KnownLogins::default();
    logins.note(address(0), BOB);
    for number in 1..=u32::try_from(LOGINS_MAX + 10).unwrap() {
        logins.note(address(number), ANN);
    }
    assert_eq!(logins.standing(address(0), Some(&BOB)), Standing::KnownPair);
    assert_eq!(logins.ages.len(), LOGINS_PER_ACCOUNT_MAX + 1);
    assert_eq!(logins.standing(address(1), Some(&ANN)), Standing::Stranger);
}

#[test]
fn the_oldest_is_forgotten_first_and_the_longest_text_fits() {
    let mut logins = KnownLogins::default();
    let longest =
        |number: u32| IpAddr::V6((0xffff_ffff_ffff_ffff_ffff_ffff_0000_0000 | u128::from(number)).into());
    let count = u32::try_from(LOGINS_MAX).unwrap() + 10;
    let first = 0x8000_0000;
    for number in first..first + count {
        logins.note(longest(number), account(number));
    }
    assert_eq!((logins.ages.len(), logins.by_account.len()), (LOGINS_MAX, LOGINS_MAX));
    for number in first..first + count {
        let known = logins.standing(longest(number), Some(&account(number)));
        assert_eq!(known == Standing::Stranger, number < first + 10, "{number}");
    }
    let text = logins.to_text();
    assert!(text.len() <= TEXT_BYTES_MAX);
    assert_eq!(KnownLogins::of_text(&text).to_text(), text);
}

proptest! {
    #[test]
    fn whoever_logged_in_is_known_also_after_the_text_was_read(
        seen in vec((0_u32..20, 0_u32..20), 0..100),
        asked in vec((0_u32..20, 0_u32..20), 0..100),
    ) {
        let mut logins = KnownLogins::default();
        for (from, who) in &seen {
            logins.note(address(*from), account(*who));
        }
        let again = KnownLogins::of_text(&logins.to_text());
        for (from, who) in asked.iter().chain(&seen) {
            let want = if seen.contains(&(*from, *who)) {
                Standing::KnownPair
            } else if seen.iter().any(|(address, _)| address == from) {
                Standing::KnownAddress
            } else {
                Standing::Stranger
            };
            prop_assert_eq!(logins.standing(address(*from), Some(&account(*who))), want);
            prop_assert_eq!(again.standing(address(*from), Some(&account(*who))), want);
        }
    }
}
