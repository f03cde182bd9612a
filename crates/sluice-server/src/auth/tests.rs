//! Credentials, right and wrong, and accounts that change under the daemon.

use std::{fmt::Write as _, fs, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use expect_test::expect;
use futures_util::{FutureExt as _, future::join_all};

use super::{
    Auth,
    accounts::{AccountsFile, Token, User},
    fingerprint,
    known::Standing,
    network,
    password::hash_password,
    role::Role,
    scope::Scope,
    token,
};
use crate::{http::problem::Cause, logging::line::tests::written};

struct Fixture {
    dir: tempfile::TempDir,
    file: AccountsFile,
    auth: Auth,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let file = AccountsFile::new(dir.path());
    file.change(|accounts| {
        accounts.add_user(User {
            name: "ann".to_owned(),
            password_hash: hash_password(b"secret").unwrap(),
            role: Role::Analyst,
            tenants: vec![],
        })?;
        for (name, expires_at_seconds) in [("good", u64::MAX), ("old", 1)] {
            accounts.add_token(Token {
                name: name.to_owned(),
                digest: token::digest(name),
                scope: Scope::Write,
                tenants: vec!["acme".to_owned()],
                expires_at_seconds,
            })?;
        }
        Ok(())
    })
    .unwrap();
    let auth = Auth::start(dir.path()).unwrap();
    Fixture { dir, file, auth }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

async fn identify(auth: &Auth, headers: &[&str], address: &str) -> Result<Role, Cause> {
    let address: IpAddr = address.parse().unwrap();
    let found = auth.identify(headers.iter().map(|header| header.as_bytes()), None, address).await;
    found.map(|(_, identity)| identity.role).map_err(|refused| refused.cause)
}

async fn identify_owned(auth: &Auth, header: &str) -> Result<Role, Cause> {
    identify(auth, &[header], "192.0.2.1").await
}

#[tokio::test(flavor = "current_thread")]
async fn right_and_wrong_credentials() {
    let fixture = fixture();
    let auth = &fixture.auth;
    let (good, wrong, nobody) = (basic("ann:secret"), basic("ann:Secret"), basic("bob:secret"));
    assert_eq!(identify(auth, &[&good], "192.0.2.1").await, Ok(Role::Analyst));
    assert_eq!(identify(auth, &["Bearer good"], "192.0.2.1").await, Ok(Role::TenantManager));
    for headers in [
        &[][..],
        &[wrong.as_str()],
        &[nobody.as_str()],
        &["Basic !"],
        &["Bearer old"],
        &["Bearer x"],
        &[good.as_str(), good.as_str()],
    ] {
        assert_eq!(identify(auth, headers, "192.0.2.1").await, Err(Cause::Unauthorized), "{headers:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_log_is_told_who_was_let_in_and_why_others_were_not() {
    let fixture = fixture();
    let address = "192.0.2.1".parse().unwrap();
    let token_as_user = basic("sluice_c2VjcmV0c2VjcmV0:x");
    let mut told = String::new();
    for headers in [
        &["Bearer good"][..],
        &[&basic("ann:secret")],
        &[],
        &[&basic("ann:wrong")],
        &[&basic("bob:secret")],
        &[&token_as_user],
        &["Basic !"],
        &[&basic("ann:secret"), &basic("ann:secret")],
        &["Bearer old"],
        &["Bearer secret"],
    ] {
        match fixture.auth.identify(headers.iter().map(|header| header.as_bytes()), None, address).await {
            Ok((user, _)) => writeln!(told, "{user} is let in").unwrap(),
            Err(refused) => writeln!(told, "{} is refused: {}", refused.user, refused.reason.told()).unwrap(),
        }
    }
    expect![[r#"
        token:good is let in
        ann is let in
        - is refused: no credentials
        ann is refused: wrong password
        bob is refused: unknown user
        (a token) is refused: unknown user
        - is refused: malformed credentials
        - is refused: malformed credentials
        token:old is refused: expired token
        token: is refused: unknown token
    "#]]
    .assert_eq(&told);
}

#[tokio::test(flavor = "current_thread")]
async fn the_eleventh_failure_is_not_checked_but_elsewhere_is() {
    let fixture = fixture();
    let auth = &fixture.auth;
    let (good, wrong) = (basic("ann:secret"), basic("ann:wrong"));
    for _ in 0..10 {
        assert_eq!(identify(auth, &[&wrong], "192.0.2.1").await, Err(Cause::Unauthorized));
    }
    let refused = identify(auth, &[&wrong], "192.0.2.1").await;
    assert!(matches!(refused, Err(Cause::TooManyAttempts { .. })), "{refused:?}");
    assert!(matches!(identify(auth, &[&good], "192.0.2.1").await, Err(Cause::TooManyAttempts { .. })));
    assert_eq!(identify(auth, &[&good], "192.0.2.2").await, Ok(Role::Analyst));
    // Remembered now, so the pair needs no check and passes from the address under suspicion too.
    assert_eq!(identify(auth, &[&good], "192.0.2.1").await, Ok(Role::Analyst));
}

#[tokio::test(flavor = "current_thread")]
async fn a_changed_password_ends_the_old_one() {
    let fixture = fixture();
    let good = basic("ann:secret");
    assert_eq!(identify(&fixture.auth, &[&good], "192.0.2.1").await, Ok(Role::Analyst));
    let hash = hash_password(b"other").unwrap();
    fixture.file.change(|accounts| accounts.set_password("ann", hash)).unwrap();
    fixture.auth.reread();
    assert_eq!(identify(&fixture.auth, &[&good], "192.0.2.1").await, Err(Cause::Unauthorized));
    assert_eq!(identify(&fixture.auth, &[&basic("ann:other")], "192.0.2.1").await, Ok(Role::Analyst));
}

#[tokio::test(flavor = "current_thread")]
async fn a_login_is_known_until_the_password_changes_or_the_user_goes() {
    let fixture = fixture();
    let auth = &fixture.auth;
    let standing = || {
        let accounts = auth.accounts();
        let account = accounts.user("ann").map(|ann| fingerprint::of_account("ann", &ann.password_hash));
        auth.known.standing("192.0.2.1".parse().unwrap(), account.as_ref())
    };
    assert_eq!(identify(auth, &[&basic("ann:wrong")], "192.0.2.1").await, Err(Cause::Unauthorized));
    assert_eq!(standing(), Standing::Stranger);
    assert_eq!(identify(auth, &[&basic("ann:secret")], "192.0.2.2").await, Ok(Role::Analyst));
    assert_eq!(standing(), Standing::Stranger);
    // Remembered from elsewhere, but right.
    assert_eq!(identify(auth, &[&basic("ann:secret")], "192.0.2.1").await, Ok(Role::Analyst));
    assert_eq!(standing(), Standing::KnownPair);
    let hash = hash_password(b"other").unwrap();
    fixture.file.change(|accounts| accounts.set_password("ann", hash)).unwrap();
    auth.reread();
    assert_eq!(standing(), Standing::KnownAddress);
    assert_eq!(identify(auth, &[&basic("ann:other")], "192.0.2.1").await, Ok(Role::Analyst));
    assert_eq!(standing(), Standing::KnownPair);
    fixture.file.change(|accounts| accounts.remove_user("ann")).unwrap();
    auth.reread();
    assert_eq!(standing(), Standing::KnownAddress);
}

#[tokio::test(flavor = "current_thread")]
async fn an_ipv6_network_is_known_as_a_whole() {
    let fixture = fixture();
    let auth = &fixture.auth;
    assert_eq!(identify(auth, &[&basic("ann:secret")], "2001:db8::1").await, Ok(Role::Analyst));
    let network = network::of_client("2001:db8::2".parse().unwrap());
    assert_eq!(auth.known.standing(network, None), Standing::KnownAddress);
}

#[tokio::test(flavor = "current_thread")]
async fn a_removed_user_is_gone_although_remembered() {
    let fixture = fixture();
    let good = basic("ann:secret");
    assert_eq!(identify(&fixture.auth, &[&good], "192.0.2.1").await, Ok(Role::Analyst));
    fixture.file.change(|accounts| accounts.remove_user("ann")).unwrap();
    fixture.auth.reread();
    assert_eq!(identify(&fixture.auth, &[&good], "192.0.2.1").await, Err(Cause::Unauthorized));
}

#[tokio::test(flavor = "current_thread")]
async fn the_right_password_is_never_refused_for_being_sent_often_at_once() {
    let fixture = fixture();
    let good = basic("ann:secret");
    let asked: Vec<_> = (0..200).map(|_| identify_owned(&fixture.auth, &good)).collect();
    for found in join_all(asked).await {
        assert_eq!(found, Ok(Role::Analyst));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_same_wrong_pair_at_once_is_one_failure_and_others_are_checked_ten_times() {
    let fixture = fixture();
    let wrong = basic("ann:wrong");
    let asked: Vec<_> = (0..50).map(|_| identify_owned(&fixture.auth, &wrong)).collect();
    for found in join_all(asked).await {
        assert_eq!(found, Err(Cause::Unauthorized));
    }
    let others: Vec<String> = (0..50).map(|n| basic(&format!("ann:wrong{n}"))).collect();
    let found = join_all(others.iter().map(|pair| identify_owned(&fixture.auth, pair))).await;
    assert_eq!(found.iter().filter(|found| **found == Err(Cause::Unauthorized)).count(), 9, "{found:?}");
    let refused = identify(&fixture.auth, &[&basic("ann:secret")], "192.0.2.1").await;
    assert!(matches!(refused, Err(Cause::TooManyAttempts { .. })), "{refused:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_that_is_given_up_ties_up_nothing() {
    let fixture = fixture();
    let others: Vec<String> = (0..10).map(|n| basic(&format!("ann:wrong{n}"))).collect();
    for pair in &others {
        // Asked once, which queues the check, and dropped.
        assert!(identify_owned(&fixture.auth, pair).now_or_never().is_none());
    }
    // Queued behind them, and counted as what they were: failures.
    let nobody = identify(&fixture.auth, &[&basic("bob:x")], "192.0.2.1").await;
    assert_eq!(nobody, Err(Cause::Unauthorized));
    let refused = identify(&fixture.auth, &[&basic("ann:secret")], "192.0.2.1").await;
    assert!(matches!(refused, Err(Cause::TooManyAttempts { .. })), "{refused:?}");
    assert_eq!(identify(&fixture.auth, &[&basic("ann:secret")], "192.0.2.2").await, Ok(Role::Analyst));
}

#[tokio::test(flavor = "current_thread")]
async fn a_check_that_outlives_a_change_leaves_nothing_behind() {
    let fixture = fixture();
    let auth = &fixture.auth;
    let before = auth.accounts();
    let hash = hash_password(b"other").unwrap();
    fixture.file.change(|accounts| accounts.set_password("ann", hash)).unwrap();
    auth.reread();
    assert_ne!(*auth.accounts(), *before);
    let password = b"secret".to_vec().into();
    // It began before the change, so it is judged by what held then.
    let found = auth.by_password(&before, "ann", password, "192.0.2.1".parse().unwrap()).await;
    assert_eq!(found.map(|identity| identity.role), Ok(Role::Analyst));
    let refused = identify(auth, &[&basic("ann:secret")], "192.0.2.1").await;
    assert_eq!(refused, Err(Cause::Unauthorized));
}

/// Whoever replaces the file by hand may move it away first, or write it bit by bit.
#[tokio::test(flavor = "current_thread")]
async fn accounts_that_cannot_be_read_leave_the_earlier_ones_in_force_and_are_told_once() {
    let fixture = fixture();
    let path = fixture.dir.path().join("accounts.json");
    let text = fs::read_to_string(&path).unwrap();
    let ask = || {
        fixture.auth.reread();
        identify(&fixture.auth, &["Bearer good"], "192.0.2.1").now_or_never().unwrap()
    };
    for bad in [None, Some(""), Some(&text[..text.len() / 2])] {
        match bad {
            Some(bad) => fs::write(&path, bad).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let told = written(false, false, || {
            for _ in 0..3 {
                assert_eq!(ask(), Ok(Role::TenantManager), "{bad:?}");
            }
        });
        assert_eq!(told.matches("the accounts cannot be read again").count(), 1, "{told}");
        assert!(fixture.auth.read_accounts().is_err());
        fs::write(&path, &text).unwrap();
        assert_eq!(ask(), Ok(Role::TenantManager));
    }
    // Nobody is left, and that is meant.
    fs::write(&path, r#"{"users":[],"tokens":[]}"#).unwrap();
    let told = written(false, false, || assert_eq!(ask(), Err(Cause::Unauthorized)));
    assert!(told.contains("audit: accounts.json was changed, and not by a command"), "{told}");
}

#[test]
fn accounts_that_were_read_before_others_came_into_force_do_not_replace_them() {
    let fixture = fixture();
    let earlier = fixture.auth.read_accounts().unwrap();
    fixture.file.change(|accounts| accounts.revoke_token("good")).unwrap();
    fixture.auth.reread();
    assert_eq!(fixture.auth.accounts().tokens.len(), 1);
    let told = written(false, false, || fixture.auth.replace(earlier));
    assert_eq!(told, "");
    assert_eq!(fixture.auth.accounts().tokens.len(), 1);
}

/// Of a token that was taken back, it is said that it counts no more.
#[test]
fn the_newest_accounts_are_in_force_though_older_ones_came_into_force_after_they_were_read() {
    let fixture = fixture();
    fixture.file.change(|accounts| accounts.revoke_token("old")).unwrap();
    let older = fixture.auth.read_accounts().unwrap();
    fixture.file.change(|accounts| accounts.revoke_token("good")).unwrap();
    let newest = fixture.auth.read_accounts().unwrap();
    fixture.auth.replace(older);
    fixture.auth.replace(newest);
    assert_eq!(fixture.auth.accounts().tokens, []);
}
