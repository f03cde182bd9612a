//! What survives: a close, damage, a directory that cannot be written.

use std::{fs, net::IpAddr, os::unix::fs::PermissionsExt as _, sync::mpsc};

use super::{Keeper, Standing, TEXT_BYTES_MAX};

const ANN: [u8; 32] = [0xa; 32];

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

#[test]
fn logins_survive_and_are_private() {
    let dir = tempfile::tempdir().unwrap();
    // More than one, so that the later ones come between two writes.
    for last in 0..10 {
        let keeper = Keeper::start(dir.path()).unwrap();
        keeper.note(address(last), ANN);
        keeper.note(address(100 + last), ANN);
        keeper.close();
    }
    let keeper = Keeper::start(dir.path()).unwrap();
    for last in 0..10 {
        assert_eq!(keeper.standing(address(last), Some(&ANN)), Standing::KnownPair, "{last}");
        assert_eq!(keeper.standing(address(100 + last), None), Standing::KnownAddress, "{last}");
    }
    assert_eq!(keeper.standing(address(50), Some(&ANN)), Standing::Stranger);
    let mode = fs::metadata(dir.path().join("known-logins")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_login_is_written_although_nobody_closes() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = Keeper::start(dir.path()).unwrap();
    keeper.note(address(1), ANN);
    while !dir.path().join("known-logins").exists() {
        std::thread::yield_now();
    }
}

#[test]
fn a_damaged_file_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known-logins");
    for damaged in [vec![0xff; 10], vec![b'x'; TEXT_BYTES_MAX + 10], b"192.0.2.1 0a".to_vec()] {
        fs::write(&path, damaged).unwrap();
        let keeper = Keeper::start(dir.path()).unwrap();
        assert_eq!(keeper.standing(address(1), Some(&ANN)), Standing::Stranger);
        keeper.note(address(1), ANN);
        keeper.close();
        let keeper = Keeper::start(dir.path()).unwrap();
        assert_eq!(keeper.standing(address(1), Some(&ANN)), Standing::KnownPair);
    }
}

#[test]
fn a_file_that_cannot_be_read_or_written_costs_no_login() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("known-logins")).unwrap();
    let keeper = Keeper::start(dir.path()).unwrap();
    keeper.note(address(1), ANN);
    assert_eq!(keeper.standing(address(1), Some(&ANN)), Standing::KnownPair);
    keeper.close();
}

#[test]
fn a_disk_that_never_answers_does_not_hold_up_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = Keeper::start(dir.path()).unwrap();
    let (_never_ends, ended) = mpsc::channel();
    *keeper.ended.lock() = Some(ended);
    keeper.close();
}
