//! Credentials, right and wrong, and accounts that change under the daemon.

use std::{net::IpAddr, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Auth, LOOK_INTERVAL,
    accounts::{AccountsFile, Scope, Token, User},
    password::hash_password,
    role::Role,
    token,
};
use crate::problem::Cause;

struct Fixture {
    _dir: tempfile::TempDir,
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
    let auth = Auth::start(file.clone()).unwrap();
    Fixture { _dir: dir, file, auth }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

async fn identify(auth: &Auth, headers: &[&str], address: &str) -> Result<Role, Cause> {
    let address: IpAddr = address.parse().unwrap();
    let found = auth.identify(headers.iter().map(|header| header.as_bytes()), address).await;
    found.map(|identity| identity.role)
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
    fixture.auth.known.lock().looked = Instant::now().checked_sub(LOOK_INTERVAL).unwrap();
    assert_eq!(identify(&fixture.auth, &[&good], "192.0.2.1").await, Err(Cause::Unauthorized));
    assert_eq!(identify(&fixture.auth, &[&basic("ann:other")], "192.0.2.1").await, Ok(Role::Analyst));
}

#[tokio::test(flavor = "current_thread")]
async fn a_removed_user_is_gone_although_remembered() {
    let fixture = fixture();
    let good = basic("ann:secret");
    assert_eq!(identify(&fixture.auth, &[&good], "192.0.2.1").await, Ok(Role::Analyst));
    fixture.file.change(|accounts| accounts.remove_user("ann")).unwrap();
    fixture.auth.known.lock().looked = Instant::now().checked_sub(LOOK_INTERVAL).unwrap();
    assert_eq!(identify(&fixture.auth, &[&good], "192.0.2.1").await, Err(Cause::Unauthorized));
}
