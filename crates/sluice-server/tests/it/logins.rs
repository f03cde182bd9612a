//! Many logins at once: a right password is right however often it comes, and whoever guesses locks nobody out.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::{Arc, Barrier},
    thread,
};

use sluice_server::{
    Phase,
    auth::{
        accounts::{AccountsFile, User},
        password::hash_password,
        role::Role,
    },
};

use crate::daemon::{Running, as_user, request, wait_until, with_password};

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

/// Users whose password is `secret`.
fn add_users(accounts: &AccountsFile, count: usize) -> Vec<String> {
    let hash = hash_password(b"secret").unwrap();
    let names: Vec<String> = (0..count).map(|n| format!("user{n}")).collect();
    let added = accounts.change(|accounts| {
        names.iter().try_for_each(|name| {
            let (name, password_hash) = (name.clone(), hash.clone());
            accounts.add_user(User { name, password_hash, role: Role::Analyst, tenants: vec![] })
        })
    });
    added.unwrap();
    names
}

/// Sends wrong passwords, each from an address of its own, until some are refused unchecked.
fn guess_from_everywhere(daemon: &Running) -> Vec<TcpStream> {
    let guess = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let mut stream = daemon.connect_from([127, 2 + high, low, 1]);
        let headers = with_password("user0", &format!("wrong{number}"));
        stream.write_all(&request("GET", "/api/1.0/suppliers", &headers, b"")).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    };
    let guesses: Vec<TcpStream> = (0..700).map(guess).collect();
    wait_until("some guesses are refused", || {
        let mut status = [0; 12];
        guesses.iter().any(|stream| stream.peek(&mut status).is_ok() && status == *b"HTTP/1.1 429")
    });
    guesses
}

#[test]
fn guessing_from_everywhere_locks_nobody_out_who_has_logged_in_before_a_restart() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let names = add_users(&AccountsFile::new(dir.path()), 15);
    let daemon = Running::open(dir, &[]);
    daemon.wait_for(Phase::Ready);
    let login = |daemon: &Running, name: &str, host: u8| {
        assert_eq!(daemon.ask_from([127, 1, 0, host], &as_user(name)).status, 200, "{name} from {host}");
    };
    // Many, since a stranger may be lucky, and is known from then on.
    for (name, host) in names.iter().zip(1..=10) {
        login(&daemon, name, host);
    }
    let daemon = daemon.restart(&[]);
    let guesses = guess_from_everywhere(&daemon);
    // From where others have logged in, and from where they have themselves.
    // All at once, before the guesses have waited for too long.
    thread::scope(|scope| {
        for (name, host) in names[10..].iter().zip(6..=10).chain(names[..5].iter().zip(1..=5)) {
            let (daemon, login) = (&daemon, &login);
            scope.spawn(move || login(daemon, name, host));
        }
    });
    drop(guesses);
}
