//! Names of keys: `http.workers` is `workers` in the table `http`.
//!
//! In: a key as somebody typed it. Out: its present name, whether there is such a key, and which one was meant if not.

use super::settings::Config;

/// Names of earlier builds, which are still taken, and what they have become.
const OLD_NAMES: [(&str, &str); 11] = [
    ("disk_reserve_bytes", "disk_reserve"),
    ("log_bytes_max", "log_size_max"),
    ("http.head_timeout_seconds", "http.head_timeout"),
    ("http.keep_alive_seconds", "http.keep_alive"),
    ("http.body_stall_seconds", "http.body_stall"),
    ("http.body_bytes_per_second_min", "http.body_rate_min"),
    ("http.body_deadline_seconds", "http.body_deadline"),
    ("http.write_timeout_seconds", "http.write_timeout"),
    ("http.tls_handshake_timeout_seconds", "http.tls_handshake_timeout"),
    ("http.stop_timeout_seconds", "http.stop_timeout"),
    ("ingest.body_bytes_budget", "ingest.body_budget"),
];

/// How much alike two names must be for one to stand for the other, of 1.
const LIKENESS_MIN: f64 = 0.8;

/// All keys, in the order in which they are shown.
pub(super) fn all() -> Vec<String> {
    // Cannot fail: the defaults are plain values.
    let shown = toml::to_string(&Config::default()).unwrap_or_default();
    let (mut keys, mut table) = (Vec::new(), String::new());
    for line in shown.lines() {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            if header.contains('.') {
                // A key whose value is a table.
                keys.push(header.to_owned());
            } else {
                table = format!("{header}.");
            }
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.push(format!("{table}{key}"));
        }
    }
    keys
}

/// The name that a key has now.
pub(super) fn present(key: &str) -> &str {
    match OLD_NAMES.iter().find(|(old, _)| *old == key) {
        Some((_, new)) => new,
        None => key,
    }
}

/// What to say of a key that does not exist.
pub(super) fn unknown(key: &str, all: &[String]) -> String {
    let mut best = (LIKENESS_MIN, None);
    for known in all {
        // Many a key stands in the wrong table, or in none.
        let likeness = strsim::jaro_winkler(key, known).max(strsim::jaro_winkler(last(key), last(known)));
        if best.0 < likeness {
            best = (likeness, Some(known));
        }
    }
    match best {
        (_, Some(meant)) => format!("there is no such key; did you mean {meant}?"),
        (_, None) => "there is no such key; `sluiced check-config` shows them all".to_owned(),
    }
}

fn last(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(_, last)| last)
}
