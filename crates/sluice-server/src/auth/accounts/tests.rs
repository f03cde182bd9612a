//! The file: its mode, its wholeness, its rules.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{Accounts, AccountsFile, AuthError, CHANGES_MAX, Role, Token, User};
use crate::auth::scope::Scope;

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        password_hash: "hash".to_owned(),
        role: Role::TenantManager,
        tenants: vec!["acme".to_owned()],
    }
}

fn token(name: &str) -> Token {
    Token {
        name: name.to_owned(),
        digest: "00".to_owned(),
        scope: Scope::Write,
        tenants: vec![],
        expires_at_seconds: 1,
    }
}

#[test]
fn a_change_is_read_back_and_private() {
    let dir = tempfile::tempdir().unwrap();
    let file = AccountsFile::new(dir.path());
    assert_eq!(file.read().unwrap(), Accounts::default());
    assert_eq!(file.stamp(), None);
    file.change(|accounts| accounts.add_user(user("one"))).unwrap();
    let first = file.stamp();
    file.change(|accounts| accounts.add_token(token("feed"))).unwrap();
    assert_ne!(file.stamp(), first);
    let accounts = file.read().unwrap();
    assert_eq!(accounts.user("one"), Some(&user("one")));
    assert_eq!(accounts.tokens, [token("feed")]);
    let mode = fs::metadata(dir.path().join("accounts.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_refused_change_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = AccountsFile::new(dir.path());
    file.change(|accounts| accounts.add_user(user("one"))).unwrap();
    let before = file.read().unwrap();
    let twice = file.change(|accounts| accounts.add_user(user("one")));
    assert!(matches!(twice, Err(AuthError::AlreadyExists(_))));
    for name in ["", "a:b", "a\nb", &"x".repeat(129)] {
        assert!(matches!(
            file.change(|accounts| accounts.add_user(user(name))),
            Err(AuthError::BadName { .. })
        ));
    }
    let gone = file.change(|accounts| accounts.remove_user("two"));
    assert!(matches!(gone, Err(AuthError::NotFound(_))));
    assert!(matches!(file.change(|a| a.revoke_token("two")), Err(AuthError::NotFound(_))));
    assert!(matches!(file.change(|a| a.set_password("two", String::new())), Err(AuthError::NotFound(_))));
    assert_eq!(file.read().unwrap(), before);
}

#[test]
fn writers_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let file = AccountsFile::new(dir.path());
            scope.spawn(move || {
                for n in 0..5 {
                    file.change(|accounts| accounts.add_user(user(&format!("user-{writer}-{n}")))).unwrap();
                }
            });
        }
    });
    assert_eq!(AccountsFile::new(dir.path()).read().unwrap().users.len(), 20);
}

#[test]
fn a_leftover_of_a_kill_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("accounts.json.new"), "half of it").unwrap();
    let file = AccountsFile::new(dir.path());
    file.change(|accounts| accounts.add_user(user("one"))).unwrap();
    file.change(|accounts| accounts.set_password("one", "other".to_owned())).unwrap();
    assert_eq!(file.read().unwrap().user("one").unwrap().password_hash, "other");
    file.change(|accounts| accounts.remove_user("one")).unwrap();
    let accounts = file.read().unwrap();
    assert!(accounts.users.is_empty() && accounts.tokens.is_empty(), "{accounts:?}");
}

#[test]
fn a_damaged_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("accounts.json"), "{\"users\":[").unwrap();
    assert!(matches!(AccountsFile::new(dir.path()).read(), Err(AuthError::Malformed { .. })));
}

#[test]
fn a_directory_without_accounts_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let refused = AccountsFile::existing(dir.path());
    assert!(matches!(refused, Err(AuthError::Missing { .. })), "{refused:?}");
    AccountsFile::new(dir.path()).change(|accounts| accounts.add_user(user("one"))).unwrap();
    assert_eq!(AccountsFile::existing(dir.path()).unwrap().read().unwrap().users.len(), 1);
}

#[test]
fn every_change_has_a_number_and_the_last_ones_are_kept() {
    let mut accounts = Accounts::default();
    for round in 0..CHANGES_MAX {
        accounts.add_user(user("one")).unwrap();
        accounts.remove_user("one").unwrap();
        // What is refused is no change.
        assert!(accounts.remove_user("one").is_err());
        assert_eq!(accounts.last_change(), 2 * (round as u64 + 1));
    }
    let numbers: Vec<u64> = accounts.changes.iter().map(|change| change.number).collect();
    assert_eq!(numbers, (101..=200).collect::<Vec<u64>>());
}
