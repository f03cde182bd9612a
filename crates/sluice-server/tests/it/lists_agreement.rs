//! What a list blocks is what a lookup detects, of random feeds with masks, networks and allow lists.
//!
//! The readings of the formats here are written apart from what writes them: a zone is read as DNS has it, the others by their longest match. There
//! is one difference on purpose: an allowed name covers what is below it on lists, while a lookup detects that by itself.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde_json::Value;
use test_support::dice::Dice;

use crate::{
    daemon::{Running, as_user},
    importing::ask,
    lists::{define, fetch},
};

const LABELS: [&str; 4] = ["a", "b", "c-d", "e"];

/// Where others register names: a top-level domain, a suffix of a company, and a name below which every one is a suffix.
const BASES: [&str; 3] = ["example", "duckdns.org", "kawasaki.jp"];

/// A name of two to five labels; few of them, so that they are often above each other. Some are public suffixes.
fn name(dice: &mut Dice) -> String {
    let base = BASES[[0, 0, 0, 1, 2][dice.index(5)]];
    let mut name = format!("{}.{base}", LABELS[dice.index(LABELS.len())]);
    for _ in 0..dice.index(4) {
        name = format!("{}.{name}", LABELS[dice.index(LABELS.len())]);
    }
    name
}

/// Whether anybody can register names below a name, or below each name below it.
fn is_suffix(name: &str) -> bool {
    let is_below = name.strip_suffix(".kawasaki.jp").is_some_and(|label| !label.contains('.'));
    BASES.contains(&name) || is_below
}

fn network(dice: &mut Dice) -> String {
    let length = 24 + dice.below(9);
    match dice.below(2) {
        0 => format!("192.0.2.{}/{length}", dice.below(256)),
        _ => format!("2001:db8::{:x}/{}", dice.below(256), 96 + length),
    }
}

fn indicator(dice: &mut Dice) -> String {
    let (kind, name) = (dice.below(5), name(dice));
    match kind {
        0 => network(dice),
        // Masks of what registries hand out are refused.
        1 if !is_suffix(&name) => format!("*.{name}"),
        _ => name,
    }
}

fn body(indicators: &BTreeSet<String>) -> String {
    let rows = indicators.iter().map(|indicator| serde_json::json!({ "indicator": indicator }));
    serde_json::to_string(&rows.collect::<Vec<_>>()).unwrap()
}

/// The names above a name, itself first, down to what somebody has registered.
fn with_parents(name: &str) -> Vec<&str> {
    let mut all = vec![name];
    let mut rest = name;
    while let Some((_, above)) = rest.split_once('.').filter(|(_, above)| !is_suffix(above)) {
        all.push(above);
        rest = above;
    }
    all
}

fn holds(network: &str, value: &str) -> bool {
    let (Ok(network), Ok(address)) = (network.parse::<IpNet>(), value.parse::<std::net::IpAddr>()) else {
        return false;
    };
    network.trunc().contains(&address)
}

/// Whether a value is on no list because too many have names below it.
fn is_everybodys(value: &str) -> bool {
    let plain = value.strip_prefix("www.").unwrap_or(value);
    is_suffix(plain)
}

/// Whether lists take a value as allowed.
fn is_allowed(allowed: &BTreeSet<String>, value: &str) -> bool {
    let plain = value.strip_prefix("www.").unwrap_or(value);
    with_parents(plain).iter().any(|name| allowed.contains(*name))
        // Also of a suffix of a company, and with `www.` a name is below itself.
        || allowed.iter().filter_map(|name| name.strip_prefix("*.")).any(|masked| value.ends_with(&format!(".{masked}")))
        || allowed.iter().any(|network| holds(network, value))
}

/// A zone as a resolver reads it: the name itself, or the wildcard next to the closest name that is there.
fn zone_blocks(zone: &str, value: &str) -> bool {
    let records: BTreeMap<&str, &str> = zone.lines().filter_map(|line| line.split_once(" CNAME ")).collect();
    assert_eq!(records.len(), zone.lines().filter(|line| line.contains(" CNAME ")).count(), "no name twice");
    if value.parse::<std::net::IpAddr>().is_ok() {
        return records.keys().filter_map(|owner| network_of(owner)).any(|network| holds(&network, value));
    }
    let is_there = |name: &str| {
        let below = format!(".{name}");
        records.keys().any(|owner| *owner == name || owner.ends_with(&below))
    };
    let target = records.get(value).or_else(|| {
        // The name itself may be there because of others below it: then no wildcard is asked.
        let above = value.match_indices('.').map(|(dot, _)| &value[dot + 1..]);
        let closest = std::iter::once(value).chain(above).find(|name| is_there(name))?;
        if closest == value { None } else { records.get(format!("*.{closest}").as_str()) }
    });
    target.is_some_and(|target| *target != "rpz-passthru.")
}

/// The network of an owner of a zone.
fn network_of(owner: &str) -> Option<String> {
    let mut labels: Vec<&str> = owner.strip_suffix(".rpz-ip")?.split('.').collect();
    let length = labels.remove(0);
    labels.reverse();
    if labels.len() == 4 && labels.iter().all(|label| label.parse::<u8>().is_ok()) {
        return Some(format!("{}/{length}", labels.join(".")));
    }
    let text = labels.join(":").replace(":zz:", "::").replace(":zz", "::").replace("zz:", "::");
    Some(format!("{text}/{length}"))
}

/// Lines of names, of which the longest counts: what each is about, and whether it blocks.
fn longest_blocks(lines: &[(String, bool)], value: &str) -> bool {
    let matching =
        lines.iter().filter(|(pattern, _)| match (pattern.strip_prefix("*."), pattern.strip_prefix('=')) {
            (Some(masked), _) => value.ends_with(&format!(".{masked}")),
            (_, Some(exact)) => value == exact,
            _ => value == pattern || value.ends_with(&format!(".{pattern}")),
        });
    matching
        .max_by_key(|(pattern, _)| pattern.trim_start_matches(['*', '.', '=']).len())
        .is_some_and(|(_, blocks)| *blocks)
}

fn patterns(text: &str, read: impl Fn(&str) -> Option<(String, bool)>) -> Vec<(String, bool)> {
    text.lines().filter_map(read).collect()
}

fn dnsmasq(line: &str) -> Option<(String, bool)> {
    let (kind, rest) = line.split_once("=/")?;
    Some((rest.split_once('/')?.0.to_owned(), kind == "local"))
}

fn nginx(line: &str) -> Option<(String, bool)> {
    let (name, blocks) = line.strip_suffix(';')?.split_once(' ').filter(|(name, _)| *name != "#")?;
    let pattern = match name.strip_prefix('.') {
        Some(covered) => covered.to_owned(),
        None if name.starts_with('*') => name.to_owned(),
        None => format!("={name}"),
    };
    Some((pattern, blocks == "1"))
}

fn unbound(line: &str) -> Option<(String, bool)> {
    let (name, kind) = line.strip_prefix("local-zone: \"")?.split_once("\" ")?;
    Some((name.to_owned(), kind == "always_nxdomain"))
}

fn postfix(line: &str) -> Option<(String, bool)> {
    let (name, action) = line.split_once(' ')?;
    Some((name.to_owned(), action == "REJECT"))
}

fn squid(line: &str) -> Option<(String, bool)> {
    let covered = line.strip_prefix('.').map_or_else(|| format!("={line}"), str::to_owned);
    (!line.is_empty()).then_some((covered, true))
}

/// What a lookup says of each value.
fn verdicts(daemon: &Running, values: &[String]) -> Vec<bool> {
    let headers = format!("{}Content-Type: text/plain\r\n", as_user("ann"));
    let answer = ask(daemon, "POST", "/v1/lookup", &headers, values.join("\n").as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let lines = answer.body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told: Vec<Value> = lines.collect();
    assert_eq!(told.len(), values.len());
    told.iter().map(|line| line["verdict"] == "listed").collect()
}

#[expect(clippy::print_stdout, reason = "the seed of a failed run is what repeats it")]
#[test]
fn what_a_list_blocks_is_what_a_lookup_detects() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["FeedA", "FeedB"], 60);
    let seed = std::env::var("SLUICE_LISTS_SEED").map_or(134, |seed| seed.parse().unwrap());
    println!("SLUICE_LISTS_SEED={seed}");
    let mut dice = Dice::new(&[seed]);
    for round in 0..8 {
        // Each round adds to what is there.
        let mut draw =
            |count: u64| (0..dice.below(count)).map(|_| indicator(&mut dice)).collect::<BTreeSet<_>>();
        let (one, other, allow) = (draw(12), draw(12), draw(if round % 3 == 0 { 1 } else { 5 }));
        for (supplier, rows) in [("FeedA", &one), ("FeedB", &other), ("FalsePositive", &allow)] {
            if !rows.is_empty() {
                daemon.put(&format!("suppliers/{supplier}"), &body(rows));
            }
        }
        let exported =
            ask(&daemon, "GET", "/v1/suppliers/FalsePositive/indicators", &as_user("ann"), b"").body;
        let allowed: BTreeSet<String> = exported
            .lines()
            .filter_map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["indicator"].as_str().map(str::to_owned)
            })
            .collect();
        let aggregate = round % 2 == 0;
        let definition = format!(r#"{{"kinds":["domain","ipv4","ipv6","cidr"],"aggregate":{aggregate}}}"#);
        let list = format!("list-{round}");
        assert_eq!(define(&daemon, &format!("lists/{list}"), &definition).status, 201);
        let file = |extension: &str| fetch(&daemon, &format!("{list}.{extension}"));
        let (zone, hosts, nets) = (file("rpz"), file("hosts"), file("snort"));
        let hosts: BTreeSet<&str> = hosts.lines().filter_map(|line| line.strip_prefix("0.0.0.0 ")).collect();
        let covering = [
            ("dnsmasq", patterns(&file("dnsmasq"), dnsmasq), true),
            ("nginx.map", patterns(&file("nginx.map"), nginx), true),
            ("unbound", patterns(&file("unbound"), unbound), false),
            ("postfix.access", patterns(&file("postfix.access"), postfix), false),
            ("squid.domains", patterns(&file("squid.domains"), squid), false),
        ];
        let mut values: Vec<String> = (0..150).map(|_| name(&mut dice)).collect();
        values.extend(values.clone().iter().map(|value| format!("www.{value}")));
        values.extend((0..=255).map(|last| format!("192.0.2.{last}")));
        values.extend((0..=255).map(|last| format!("2001:db8::{last:x}")));
        for (value, is_detected) in values.iter().zip(verdicts(&daemon, &values)) {
            let is_wanted = is_detected && !is_allowed(&allowed, value) && !is_everybodys(value);
            assert_eq!(zone_blocks(&zone, value), is_wanted, "{value} in {zone}, allowed {allowed:?}");
            if value.parse::<std::net::IpAddr>().is_ok() {
                let is_on = nets.lines().any(|line| holds(line, value) || line == value);
                assert_eq!(is_on, is_wanted, "{value} in {nets}");
                continue;
            }
            assert!(!hosts.contains(value.as_str()) || is_wanted, "{value} in {hosts:?}");
            for (format, lines, is_complete) in &covering {
                let blocks = longest_blocks(lines, value);
                assert!(!blocks || is_wanted, "{format} blocks {value}: {lines:?}");
                assert!(blocks || !is_wanted || !is_complete, "{format} misses {value}: {lines:?}");
            }
        }
    }
}

/// A lookup knows it, but it is everybody's, or a device would read something else.
#[test]
fn public_suffixes_and_wide_networks_are_on_no_list() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Feed"], 60);
    daemon.put(
        "suppliers/Feed",
        r#"[{"indicator":"duckdns.org"},{"indicator":"x.duckdns.org"},{"indicator":"http://192.0.2.1/24"},
            {"indicator":"http://192.0.2.1/255.255.255.0"},{"indicator":"8.0.0.0.10.rpz-client-ip"},{"indicator":"*.32.1.2.0.192.rpz-ip"},
            {"indicator":"evil.example/dir/*"},{"indicator":"evil.example/other/*"},{"indicator":"*.mask.example/p"}]"#,
    );
    daemon.put(
        "suppliers/FalsePositive",
        r#"[{"indicator":"evil.example/dir/ok"},{"indicator":"good.mask.example"}]"#,
    );
    assert_eq!(define(&daemon, "lists/edge", "{}").status, 201);
    assert_eq!(fetch(&daemon, "edge.txt"), "evil.example/other/*\nx.duckdns.org\n");
    let answer = crate::lists::fetch_with(&daemon, "edge.txt", "");
    assert_eq!(answer.header("sluice-list-dropped"), Some("7"));
}
