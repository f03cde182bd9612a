//! What a request is told of a change.

use std::{fs, path::Path};

use zeroize::Zeroizing;

use super::{AccountsChange, Auth};
use crate::{
    auth::{accounts::AccountsFile, first_admin, password::verify_password, role::Role},
    config::{Flags, load},
    logging::line::tests::written,
};

/// A daemon with its first administrator, whose file with the first password cannot be removed.
fn with_a_first_password_that_stays(dir: &Path) -> Auth {
    let flags = Flags { data_dir: Some(dir.to_owned()), ..Flags::default() };
    let config = load(None, std::iter::empty(), flags).unwrap();
    first_admin::ensure_administrator(&config).unwrap();
    let auth = Auth::start(dir).unwrap();
    // What is no file cannot be removed as one.
    let kept = first_admin::password_file(&config);
    fs::remove_file(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    auth
}

/// The change is on the disk by then: its client must not be told otherwise, nor be let in by the old one.
#[test]
fn a_first_password_that_cannot_be_removed_fails_no_change() {
    let dir = tempfile::tempdir().unwrap();
    let auth = with_a_first_password_that_stays(dir.path());
    let password = Zeroizing::new(b"another".to_vec());
    let change = AccountsChange::SetPassword { name: "admin".to_owned(), password };
    let mut outcome = None;
    let told = written(false, false, || outcome = Some(auth.change(change, "admin".to_owned())));
    assert!(matches!(outcome, Some(Ok(None))), "{outcome:?}");
    assert!(
        told.contains("the file with the first password, which counts no more, cannot be removed"),
        "{told}"
    );
    let (in_force, on_disk) = (auth.accounts(), AccountsFile::new(dir.path()).read().unwrap());
    assert_eq!(*in_force, on_disk);
    let hash = in_force.user("admin").map(|user| user.password_hash.as_str());
    assert!(verify_password(b"another", hash).unwrap());
}

/// The same of a user who is removed: somebody else manages the users by then.
#[test]
fn a_first_password_that_cannot_be_removed_keeps_no_user() {
    let dir = tempfile::tempdir().unwrap();
    let auth = with_a_first_password_that_stays(dir.path());
    let password = Zeroizing::new(b"another".to_vec());
    let (name, role, tenants) = ("other".to_owned(), Role::Administrator, vec![]);
    auth.change(AccountsChange::AddUser { name, password, role, tenants }, "admin".to_owned()).unwrap();
    let change = AccountsChange::RemoveUser { name: "admin".to_owned() };
    let outcome = auth.change(change, "other".to_owned());
    assert!(matches!(outcome, Ok(None)), "{outcome:?}");
    assert!(auth.accounts().user("admin").is_none() && auth.accounts().user("other").is_some());
}
