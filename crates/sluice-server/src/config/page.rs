//! The page of the book that lists every key, `docs/src/configuration.md`.
//!
//! In: `deploy/sluiced.toml`, whose comments tell what a key means, and the settings themselves, which are asked what they
//! take, which flag sets them, and whether a reload changes them. Out: the page, which must be the one that is committed;
//! `UPDATE_EXPECT=1` in the environment of the test writes it anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    mem,
};

use expect_test::expect_file;
use serde::Deserialize as _;
use toml::Value;

use super::{Config, Flags, Layers, LogFormat, Origin, differences, names, one_key, read_layers};
use crate::life::reload::{
    take_over,
    tests::{CHANGES, config_with},
    waiting,
};

const SHIPPED: &str = include_str!("../../../../deploy/sluiced.toml");

/// What stands above all that is generated.
const INTRODUCTION: &str = "\
# Configuration keys

All keys of the configuration file, which the shipped unit expects at `/etc/sluice/sluiced.toml`. A file without any is a good
one: each key has a default.
";

/// A key as the shipped file shows it.
pub(crate) struct ShippedKey {
    /// Dotted.
    pub(crate) name: String,
    default: &'static str,
    /// The comment above it.
    meaning: Vec<&'static str>,
}

/// All keys of the shipped file, in its order.
pub(crate) fn shipped_keys() -> Vec<ShippedKey> {
    let (mut keys, mut table, mut comment) = (Vec::new(), String::new(), Vec::new());
    for line in SHIPPED.lines() {
        match line.strip_prefix('#') {
            Some(prose) if prose.starts_with(' ') => comment.push(prose.trim_start()),
            Some(header) if header.starts_with('[') => {
                table = format!("{}.", header.trim_matches(['[', ']']));
                comment.clear();
            }
            Some(setting) if !setting.is_empty() => {
                let (key, default) = setting.split_once(" = ").unwrap();
                let meaning = mem::take(&mut comment);
                keys.push(ShippedKey { name: format!("{table}{key}"), default, meaning });
            }
            _ => comment.clear(),
        }
    }
    keys
}

/// What the shipped file says before its first key, as paragraphs, but for what it says of itself.
fn general_remarks() -> String {
    let (head, _keys) = SHIPPED.split_once("\n\n").unwrap();
    let (_of_itself, rest) = head.split_once("\n#\n").unwrap();
    let lines: Vec<&str> = rest.lines().map(|line| line.trim_start_matches('#').trim_start()).collect();
    lines.join("\n")
}

/// Why a value is refused for a key, if it is.
fn refusal(key: &str, value: Value) -> Option<String> {
    Some(Config::deserialize(one_key(key, value)).err()?.message().to_owned())
}

/// What a key takes, in words.
fn taken(key: &str) -> String {
    let Some(no_truth) = refusal(key, Value::Boolean(true)) else { return "`true` or `false`".to_owned() };
    if refusal(key, Value::Array(vec![])).is_none() {
        return "a list of texts".to_owned();
    }
    if let Some(wanted) = no_truth.strip_prefix("true is not ") {
        let no_number = refusal(key, Value::Integer(-1)).unwrap();
        let bounds = no_number.strip_prefix("-1 is not ").unwrap();
        let largest = format!(" to {}B", i64::MAX);
        let bounds = bounds.strip_suffix(&largest).map_or(bounds.to_owned(), |least| format!("{least} on"));
        return format!("{wanted}, {bounds}");
    }
    match refusal(key, Value::String("?".to_owned())) {
        Some(refusal) if refusal.contains("socket address") => "an address with its port".to_owned(),
        Some(refusal) => refusal.split_once("expected ").map_or("a text", |(_, names)| names).to_owned(),
        None => "a text".to_owned(),
    }
}

/// For each key that differs between two configurations: whether it then waits for a restart. Both may be so.
fn outcomes() -> BTreeMap<String, BTreeSet<bool>> {
    let configs = CHANGES.map(config_with);
    let mut outcomes: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for now in &configs {
        for new in &configs {
            let waiting = waiting(&take_over(now, new), new);
            for (key, ..) in differences(now, new) {
                let waits = waiting.contains(&key);
                outcomes.entry(key).or_default().insert(waits);
            }
        }
    }
    outcomes
}

/// When a change of a key counts.
fn counts_at(key: &str, outcomes: &BTreeMap<String, BTreeSet<bool>>) -> &'static str {
    match outcomes[key].iter().collect::<Vec<_>>()[..] {
        [false] => "at a reload",
        [true] => "at a restart",
        [false, true] if key.starts_with("tls.") => "at a reload; at a restart if it turns TLS on or off",
        ref other => panic!("{key}: {other:?}"),
    }
}

/// The flag of each key that has one.
fn flags() -> Vec<(String, &'static str)> {
    let flags = Flags {
        listen: Some("127.0.0.1:1".parse().unwrap()),
        data_dir: Some("a".into()),
        admin_password_file: Some("a".into()),
        log_format: Some(LogFormat::Json),
    };
    let origins = read_layers(Layers { flags, ..Layers::default() }).origins;
    let of_flag = |(key, origin)| match origin {
        Origin::Flag(flag) => Some((key, flag)),
        _ => None,
    };
    origins.into_iter().filter_map(of_flag).collect()
}

fn page() -> String {
    let (keys, flags) = (shipped_keys(), flags());
    let mut page = format!(
        "<!-- Written by the test of config/page.rs: see there. -->\n\n{INTRODUCTION}\n{}\n\n\
         | key | default | a change counts |\n|---|---|---|\n",
        general_remarks()
    );
    let outcomes = outcomes();
    for ShippedKey { name, default, .. } in &keys {
        let (anchor, at) = (name.replace('.', ""), counts_at(name, &outcomes));
        writeln!(page, "| [`{name}`](#{anchor}) | `{default}` | {at} |").unwrap();
    }
    let mut section = "";
    for ShippedKey { name, default, meaning } in &keys {
        let table = name.split_once('.').map_or("", |(table, _)| table);
        if table != section {
            write!(page, "\n## `[{table}]`\n").unwrap();
            section = table;
        }
        let variable = name.to_ascii_uppercase().replace('.', "__");
        let flag = flags.iter().find(|(key, _)| key == name);
        let flag = flag.map_or(String::new(), |(_, flag)| format!(", flag `{flag}`"));
        write!(
            page,
            "\n### `{name}`\n\n{}\n\n* {}; by default `{default}`\n* variable `SLUICE_{variable}`{flag}\n\
             * a change counts {}\n",
            meaning.join("\n"),
            taken(name),
            counts_at(name, &outcomes),
        )
        .unwrap();
    }
    page
}

#[test]
fn the_page_of_all_keys_is_the_one_that_is_committed() {
    expect_file!["../../../../docs/src/configuration.md"].assert_eq(&page());
}

#[test]
fn the_shipped_file_tells_the_meaning_of_each_key() {
    let keys = shipped_keys();
    let shipped: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(shipped, names::all());
    for key in &keys {
        let is_prose = key.meaning.last().is_some_and(|last| last.ends_with('.'));
        assert!(is_prose, "{} has no comment of its own: {:?}", key.name, key.meaning);
    }
}
