//! A list that cannot be built keeps its last good bytes, and files outlive the daemon, whole or not at all.

use std::fs;

use crate::{
    daemon::{Running, as_user, wait_until},
    importing::{ask, told},
    lists::{define, fetch, fetch_with},
};

fn with_zone() -> Running {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Feed", "Other"], 60);
    daemon.put("suppliers/Feed", r#"[{"indicator":"evil.example.com"}]"#);
    let definition = r#"{"suppliers":["Feed"],"kinds":["domain"],"refresh_seconds":1}"#;
    assert_eq!(define(&daemon, "lists/edge", definition).status, 201);
    daemon
}

fn serial(zone: &str) -> u64 {
    let soa = zone.lines().find(|line| line.contains(" SOA ")).unwrap();
    soa.split(' ').nth(4).unwrap().parse().unwrap()
}

#[test]
fn a_renamed_supplier_opens_nothing() {
    let daemon = with_zone();
    let before = fetch(&daemon, "edge.rpz");
    assert_eq!(daemon.ask("PUT", "1.3/suppliers/Feed", r#"[{"name":"Renamed"}]"#).status, 200);
    wait_until("the list is stale", || {
        fetch_with(&daemon, "edge.rpz", "").header("sluice-list-stale") == Some("1")
    });
    assert_eq!(fetch(&daemon, "edge.rpz"), before);
    let shown = ask(&daemon, "GET", "/v1/lists/edge", &as_user("ann"), b"").body;
    assert!(shown.contains("there is no supplier Feed"), "{shown}");
    let metrics = ask(&daemon, "GET", "/metrics", &as_user("admin"), b"").body;
    assert!(metrics.contains("sluice_lists_stale 1\n"), "{metrics}");
    // A format that was never built has nothing to keep.
    let none = fetch_with(&daemon, "edge.hosts", "");
    assert!(told(&none).starts_with("503 ") && none.header("retry-after").is_some(), "{none:?}");
    assert!(
        none.body.contains("list-not-built") && none.body.contains("there is no supplier Feed"),
        "{none:?}"
    );
    let mended = r#"{"suppliers":["Renamed"],"kinds":["domain"],"refresh_seconds":1}"#;
    assert_eq!(define(&daemon, "lists/edge", mended).status, 200);
    wait_until("the list is good again", || {
        fetch_with(&daemon, "edge.rpz", "").header("sluice-list-stale").is_none()
    });
    // Nothing of it has changed, so neither has its serial.
    assert_eq!(fetch(&daemon, "edge.rpz"), before);
}

#[test]
fn files_and_serials_outlive_the_daemon() {
    let daemon = with_zone();
    let first = fetch_with(&daemon, "edge.rpz", "");
    let daemon = daemon.restart(&[]);
    let second = fetch_with(&daemon, "edge.rpz", "");
    assert_eq!(
        (second.header("etag"), second.header("last-modified")),
        (first.header("etag"), first.header("last-modified"))
    );
    assert_eq!(second.body, first.body);
    daemon.put("suppliers/Feed", r#"[{"indicator":"new.example.com"}]"#);
    wait_until("it is built", || fetch(&daemon, "edge.rpz").contains("new.example.com"));
    assert_eq!(serial(&fetch(&daemon, "edge.rpz")), serial(&first.body) + 1);
    // What the list does not have changes nothing of it.
    let (third, built) = (fetch_with(&daemon, "edge.rpz", ""), |answer: &crate::client::Answer| {
        answer.header("sluice-list-built").unwrap().to_owned()
    });
    daemon.put("suppliers/Other", r#"[{"indicator":"other.example.com"}]"#);
    wait_until("it is looked at again", || built(&fetch_with(&daemon, "edge.rpz", "")) != built(&third));
    assert_eq!(fetch_with(&daemon, "edge.rpz", "").header("last-modified"), third.header("last-modified"));
}

#[test]
fn a_damaged_file_is_set_aside_and_built_again() {
    let daemon = with_zone();
    let before = fetch(&daemon, "edge.hosts");
    let dir = daemon.stop();
    let path = dir.path().join("lists/General/edge.hosts");
    let mut bytes = fs::read(&path).unwrap();
    bytes[3] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let daemon = Running::open(dir, &[]);
    daemon.wait_for(sluice_server::Phase::Ready);
    assert_eq!(fetch(&daemon, "edge.hosts"), before);
    assert_eq!(fs::read(path.with_added_extension("damaged")).unwrap(), bytes);
    // Removed is removed.
    assert_eq!(ask(&daemon, "DELETE", "/v1/lists/edge", &as_user("admin"), b"").status, 204);
    assert!(!path.exists());
}

#[test]
fn definitions_that_make_no_sense_keep_the_daemon_from_starting() {
    let daemon = with_zone();
    let dir = daemon.stop();
    fs::write(dir.path().join("lists/lists.json"), b"[{").unwrap();
    let Err(error) = Running::open_on(vec![], dir, &[]) else { panic!("it starts") };
    assert_eq!(error.to_string(), "the definitions of lists cannot be read");
}
