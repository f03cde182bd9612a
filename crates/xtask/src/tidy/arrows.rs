//! Arrows between crates, and which crate alone may name which engine.
//!
//! In: what cargo knows of the packages. Out: every dependency that the tables do not have.

use serde_json::Value;

/// Who may depend on which crates of ours. `test-support` is for tests and tools alone.
const ARROWS: [(&str, &[&str]); 10] = [
    ("sluice-model", &[]),
    ("sluice-manual", &[]),
    ("sluice-sync", &[]),
    ("sluice-store", &["sluice-sync", "sluice-model"]),
    ("sluice-ingest", &["sluice-store", "sluice-model"]),
    ("sluice-server", &["sluice-ingest", "sluice-store", "sluice-model", "sluice-manual"]),
    ("sluice-cli", &["sluice-model", "sluice-manual"]),
    ("sluice-benches", &["sluice-ingest", "sluice-store", "sluice-model", "test-support"]),
    ("test-support", &["sluice-store", "sluice-model"]),
    ("xtask", &["test-support", "sluice-model"]),
];

/// Crates of others that only some of ours may name, by how their names begin.
const OWNED: [(&str, &[&str]); 7] = [
    // The benches insert the same records into plain sled, for comparison.
    ("sled", &["sluice-store", "sluice-benches"]),
    ("simd-json", &["sluice-ingest"]),
    ("rayon", &["sluice-ingest"]),
    ("actix", &["sluice-server"]),
    ("tokio", &["sluice-server", "sluice-ingest", "sluice-cli"]),
    ("rustls", &["sluice-server", "sluice-cli"]),
    ("object_store", &["sluice-server"]),
];

const DEV: &str = "dev";

/// Lists the dependencies outside the tables.
pub(super) fn check(metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for package in array(metadata, "packages") {
        let name = text(package, "name");
        let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| *crate_name == name) else {
            findings.push(format!("{name} has no line in the table of arrows"));
            continue;
        };
        for dependency in array(package, "dependencies") {
            let (on, kind) = (text(dependency, "name"), text(dependency, "kind"));
            let is_ours = ARROWS.iter().any(|(crate_name, _)| *crate_name == on);
            let is_for_tests = kind == DEV && on == "test-support";
            if is_ours && !allowed.contains(&on) && !is_for_tests {
                findings.push(format!("{name} must not depend on {on}"));
            }
            let owners = OWNED.iter().find(|(begin, _)| on.starts_with(begin));
            if owners.is_some_and(|(_, owners)| !owners.contains(&name)) && kind != DEV {
                findings.push(format!("{name} must not name {on}"));
            }
        }
    }
    findings
}

pub(super) fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
