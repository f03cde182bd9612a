//! Each change is told once, over restarts, and what is not known is said.

use std::fs;

use super::ToldChanges;
use crate::{
    auth::{
        Auth,
        accounts::{Accounts, AccountsFile, Token},
        scope::Scope,
    },
    logging::line::tests::written,
};

/// What a daemon that starts now tells of the accounts.
fn told_at_start(dir: &tempfile::TempDir, accounts: &Accounts) -> String {
    written(false, true, || ToldChanges::read(dir.path()).tell(accounts))
}

/// Makes a token and revokes it, so many times.
fn change(accounts: &mut Accounts, times: usize) {
    for _ in 0..times {
        let (_, token) = Token::make("feed".to_owned(), Scope::Read, vec![], 1).unwrap();
        accounts.add_token(token).unwrap();
        accounts.revoke_token("feed").unwrap();
    }
}

#[test]
fn what_was_changed_without_the_daemon_is_told_at_its_start_and_once() {
    let (dir, mut accounts) = (tempfile::tempdir().unwrap(), Accounts::default());
    change(&mut accounts, 1);
    let told = told_at_start(&dir, &accounts);
    assert!(told.contains("number=1 ") && told.contains("number=2 ") && told.lines().count() == 2, "{told}");
    assert_eq!(told_at_start(&dir, &accounts), "");
    change(&mut accounts, 1);
    let told = told_at_start(&dir, &accounts);
    assert!(told.contains("number=3 ") && told.contains("number=4 ") && told.lines().count() == 2, "{told}");
    assert_eq!(told_at_start(&dir, &accounts), "");
}

#[test]
fn what_was_changed_is_told_before_anybody_is_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let (_, token) = Token::make("feed".to_owned(), Scope::Read, vec![], 1).unwrap();
    AccountsFile::new(dir.path()).change_as(None, |accounts| accounts.add_token(token)).unwrap();
    let told = written(false, true, || drop(Auth::start(dir.path()).unwrap()));
    assert!(told.contains("number=1 "), "{told}");
}

#[test]
fn changes_that_are_no_more_remembered_are_counted() {
    let (dir, mut accounts) = (tempfile::tempdir().unwrap(), Accounts::default());
    change(&mut accounts, 1);
    told_at_start(&dir, &accounts);
    change(&mut accounts, 50);
    assert_eq!(told_at_start(&dir, &accounts).lines().count(), 100);
    change(&mut accounts, 53);
    let told = told_at_start(&dir, &accounts);
    assert!(told.contains("missing=6") && told.lines().count() == 101, "{told}");
    assert!(!told.contains("not by a command"), "{told}");
}

#[test]
fn what_no_command_has_done_is_told_as_such() {
    const BY_HAND: &str = "accounts.json was changed, and not by a command";
    let (dir, mut accounts) = (tempfile::tempdir().unwrap(), Accounts::default());
    change(&mut accounts, 2);
    told_at_start(&dir, &accounts);
    let mut edited = accounts.clone();
    edited.users.clear();
    edited.changes[3].change = "something else".to_owned();
    let told = told_at_start(&dir, &edited);
    assert!(told.contains(BY_HAND) && told.contains("something else"), "{told}");
    // The file of before, with a change since.
    change(&mut accounts, 1);
    let told = told_at_start(&dir, &accounts);
    assert!(told.contains(BY_HAND) && told.contains("number=6 "), "{told}");
    let mut edited = accounts.clone();
    let (_, token) = Token::make("by hand".to_owned(), Scope::Admin, vec![], 1).unwrap();
    edited.tokens.push(token);
    let told = told_at_start(&dir, &edited);
    assert!(told.contains(BY_HAND) && told.lines().count() == 1, "{told}");
    edited.changes.clear();
    assert!(told_at_start(&dir, &edited).contains(BY_HAND));
    assert_eq!(told_at_start(&dir, &edited), "");
}

#[test]
fn what_cannot_be_read_was_not_told() {
    let (dir, mut accounts) = (tempfile::tempdir().unwrap(), Accounts::default());
    change(&mut accounts, 1);
    told_at_start(&dir, &accounts);
    fs::write(dir.path().join("accounts-told"), "{").unwrap();
    assert_eq!(told_at_start(&dir, &accounts).lines().count(), 2);
}
