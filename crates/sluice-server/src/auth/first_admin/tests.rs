//! The first administrator, with a given password and with a made-up one.

use std::{fs, os::unix::fs::PermissionsExt as _, thread};

use super::{AuthError, FirstAdministrator, ensure_administrator, password_file, read_password_file};
use crate::{
    auth::{accounts::AccountsFile, password::verify_password},
    config::{Config, Flags, load},
};

fn config(dir: &tempfile::TempDir) -> Config {
    let flags = Flags { data_dir: Some(dir.path().join("data")), ..Flags::default() };
    load(None, std::iter::empty(), flags).unwrap()
}

fn fits(config: &Config, password: &[u8]) -> bool {
    let accounts = AccountsFile::new(&config.data_dir).read().unwrap();
    verify_password(password, accounts.user("admin").map(|user| user.password_hash.as_str())).unwrap()
}

#[test]
fn a_made_up_password_is_kept_privately_and_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&dir);
    let FirstAdministrator::MadeUp(made) = ensure_administrator(&config).unwrap() else {
        panic!("none made")
    };
    let path = password_file(&config);
    assert_eq!(fs::read_to_string(&path).unwrap().trim_end(), made.as_str());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fits(&config, made.as_bytes()));
    assert!(matches!(ensure_administrator(&config).unwrap(), FirstAdministrator::Known));
}

#[test]
fn the_data_directory_is_private_at_every_start() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&dir);
    for _ in 0..2 {
        ensure_administrator(&config).unwrap();
        assert_eq!(fs::metadata(&config.data_dir).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&config.data_dir, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_given_password_is_taken_without_its_line_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    fs::write(&path, "secret word\r\n").unwrap();
    let config = Config { admin_password_file: Some(path.clone()), ..config(&dir) };
    assert!(matches!(ensure_administrator(&config).unwrap(), FirstAdministrator::Given));
    assert!(fits(&config, b"secret word"));
    fs::write(&path, "\n").unwrap();
    assert!(matches!(read_password_file(&path), Err(AuthError::BadPassword { .. })));
}

#[test]
fn of_several_first_starts_at_once_the_password_of_one_counts_and_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&dir);
    let made: Vec<_> = thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| ensure_administrator(&config).unwrap())).collect();
        let ended = starts.into_iter().map(|start| start.join().unwrap());
        ended
            .filter_map(|found| match found {
                FirstAdministrator::MadeUp(password) => Some(password),
                FirstAdministrator::Known | FirstAdministrator::Given => None,
            })
            .collect()
    });
    assert_eq!(made.len(), 1);
    assert_eq!(fs::read_to_string(password_file(&config)).unwrap().trim_end(), made[0].as_str());
    assert!(fits(&config, made[0].as_bytes()));
}
