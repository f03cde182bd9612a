//! What a definition wants is on its list, and nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    daemon::{Running, wait_until},
    disk,
    lists::{define, fetch, fetch_with},
};

/// A daemon with three feeds, of which one is disabled, and with tags.
fn with_feeds() -> Running {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["High"], 90);
    daemon.add_suppliers(&["Low", "Off", "Nets"], 10);
    daemon.add_tags(&["C2", "SPAM"]);
    daemon.put("suppliers/High", r#"[{"indicator":"high.example","tags":["C2"]},{"indicator":"both.example"},{"indicator":"198.51.100.7"}]"#);
    daemon.put("suppliers/Low", r#"[{"indicator":"low.example","tags":["SPAM"]},{"indicator":"both.example"},{"indicator":"192.0.2.0/24"}]"#);
    daemon.put("suppliers/Off", r#"[{"indicator":"off.example"}]"#);
    daemon.put("suppliers/Nets", r#"[{"indicator":"192.0.2.128/25"},{"indicator":"low.example"}]"#);
    assert_eq!(daemon.ask("PUT", "1.3/suppliers/Off", r#"[{"status":"disabled"}]"#).status, 200);
    daemon
}

#[track_caller]
fn check(daemon: &Running, name: &str, definition: &str, file: &str, want: &str) {
    assert_eq!(define(daemon, &format!("lists/{name}"), definition).status, 201);
    assert_eq!(fetch(daemon, &format!("{name}.{file}")), want, "{definition}");
}

#[test]
fn suppliers_tags_kinds_and_confidence_select() {
    let daemon = with_feeds();
    let all = "192.0.2.0/24\n198.51.100.7\nboth.example\nhigh.example\nlow.example\n";
    check(&daemon, "all", "{}", "txt", all);
    check(&daemon, "sure", r#"{"min_confidence":90}"#, "txt", "198.51.100.7\nboth.example\nhigh.example\n");
    check(&daemon, "surer", r#"{"min_confidence":91}"#, "txt", "");
    check(&daemon, "tagged", r#"{"tags":["C2"]}"#, "txt", "high.example\n");
    check(&daemon, "either", r#"{"tags":["C2","SPAM"]}"#, "txt", "high.example\nlow.example\n");
    check(
        &daemon,
        "one",
        r#"{"suppliers":["Low"],"kinds":["domain"]}"#,
        "txt",
        "both.example\nlow.example\n",
    );
    check(&daemon, "off", r#"{"suppliers":["Off"]}"#, "txt", "");
    // Whoever else allows: networks are cut, names are out, and a list of all does not have what it holds.
    check(
        &daemon,
        "allow",
        r#"{"allow":["Nets"]}"#,
        "txt",
        "192.0.2.0/25\n198.51.100.7\nboth.example\nhigh.example\n",
    );
    check(
        &daemon,
        "csv",
        r#"{"kinds":["domain"]}"#,
        "csv",
        "indicator,kind,confidence\nboth.example,domain,90\nhigh.example,domain,90\nlow.example,domain,10\n",
    );
    check(&daemon, "cut", r#"{"kinds":["domain"],"max_entries":2}"#, "txt", "both.example\nhigh.example\n");
    // A /24 that is not trusted is not trusted for what it holds.
    daemon.put("suppliers/High", r#"[{"indicator":"192.0.2.9"}]"#);
    check(
        &daemon,
        "rep",
        r#"{"kinds":["ipv4","cidr"]}"#,
        "suricata.iprep",
        "192.0.2.0/24,1,10\n198.51.100.7,1,90\n",
    );
}

/// Without a commit: time alone takes it off. What is on the list at first depends on how long the daemon takes, what is on it in the end
/// does not.
#[test]
fn what_expires_leaves_the_list() {
    let daemon = Running::start(&[]);
    let hour = r#"[{"name":"Hour","confidence":40,"retention":60}]"#;
    assert_eq!(daemon.ask("POST", "1.0/suppliers", hour).status, 201);
    assert_eq!(define(&daemon, "lists/edge", r#"{"refresh_seconds":1}"#).status, 201);
    let dir = daemon.stop();
    let now = u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let indicators =
        [("soon.example", now - 3_600 + 8), ("old.example", now - 3_601), ("young.example", now - 1_800)];
    disk::add_updated_at(dir.path(), "Hour", &indicators);
    let daemon = Running::open(dir, &[]);
    daemon.wait_for(sluice_server::Phase::Ready);
    let first = fetch(&daemon, "edge.txt");
    assert!(first.ends_with("young.example\n") && !first.contains("old"), "{first}");
    wait_until("it has expired", || fetch(&daemon, "edge.txt") == "young.example\n");
}

/// The reserve is for the store.
#[test]
fn nothing_is_built_where_the_disk_is_short() {
    let daemon = with_feeds();
    assert_eq!(define(&daemon, "lists/edge", r#"{"refresh_seconds":1}"#).status, 201);
    let before = fetch(&daemon, "edge.txt");
    let daemon = daemon.restart(&[("SLUICE_DISK_RESERVE_BYTES", "1000000000000000")]);
    wait_until("it is stale", || {
        fetch_with(&daemon, "edge.txt", "").header("sluice-list-stale") == Some("1")
    });
    assert_eq!(fetch(&daemon, "edge.txt"), before);
    assert_eq!(fetch_with(&daemon, "edge.hosts", "").status, 503);
    assert!(!daemon.path().join("lists/General/edge.hosts.new").exists());
}
