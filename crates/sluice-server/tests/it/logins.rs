//! Many logins at once: a right password is right however often it comes.

use std::{sync::Barrier, thread};

use sluice_server::auth::{accounts::AccountsFile, password::hash_password};

use crate::daemon::{Running, as_user, with_password};

/// Requests that set out together.
const AT_ONCE: usize = 32;

/// The statuses of requests that set out together, each on a connection of its own.
fn statuses(daemon: &Running, headers: &str) -> Vec<u16> {
    let barrier = Barrier::new(AT_ONCE);
    let ask = || {
        barrier.wait();
        daemon.ask_with("GET", "/api/1.0/suppliers", headers, b"").status
    };
    thread::scope(|scope| {
        let asking: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

#[test]
fn a_right_password_is_let_in_at_once_also_after_a_change_of_the_accounts() {
    let daemon = Running::start(&[]);
    assert_eq!(statuses(&daemon, &as_user("admin")), [200; AT_ONCE]);
    let changed = hash_password(b"changed").unwrap();
    let accounts = AccountsFile::new(daemon.path());
    accounts.change(|accounts| accounts.set_password("admin", changed)).unwrap();
    // The one that is still let in has found the accounts as they were.
    while daemon.ask_with("GET", "/api/1.0/suppliers", &as_user("admin"), b"").status == 200 {}
    assert_eq!(statuses(&daemon, &with_password("admin", "changed")), [200; AT_ONCE]);
}
