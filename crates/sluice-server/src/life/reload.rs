//! What a configuration that is read anew changes while the daemon runs, and what waits for a restart.
//!
//! In: the configuration in force and the new one. Out: the configuration that is in force from then on, and the keys in
//! which the new one differs from it, for the log too. Whoever calls reads files and puts everything into force.

use toml::{Table, Value};

use crate::{
    config::{Config, HttpSettings},
    logging::AUDIT,
};

#[cfg(test)]
mod tests;

/// The new configuration as far as it can be in force without a restart; the rest is as before.
pub(crate) fn take_over(now: &Config, new: &Config) -> Config {
    let http = HttpSettings {
        body_stall: new.http.body_stall,
        body_rate_min: new.http.body_rate_min,
        body_deadline: new.http.body_deadline,
        ..now.http
    };
    // Whether a port speaks TLS is settled when it is opened; under which certificate is not.
    let tls = if now.tls.is_off() == new.tls.is_off() { &new.tls } else { &now.tls };
    Config {
        admin_password_file: new.admin_password_file.clone(),
        tenants: new.tenants.clone(),
        trusted_proxies: new.trusted_proxies.clone(),
        match_scope: new.match_scope,
        disk_reserve: new.disk_reserve,
        allow_plain_http: new.allow_plain_http,
        tls: tls.clone(),
        http,
        log: new.log.clone(),
        ..now.clone()
    }
}

/// The keys in which the new configuration differs from the one in force: they wait for a restart.
pub(crate) fn waiting(in_force: &Config, new: &Config) -> Vec<String> {
    match (Table::try_from(in_force), Table::try_from(new)) {
        (Ok(in_force), Ok(new)) => differing("", &in_force, &new),
        // Never: `check-config` shows any configuration as TOML.
        _ => Vec::new(),
    }
}

/// Tells which keys have changed, and from what to what. No value is a secret: secrets are named by their files.
pub(crate) fn tell_changes(before: &Config, after: &Config) {
    for key in waiting(before, after) {
        let (before, after) = (shown(before, &key), shown(after, &key));
        tracing::info!(target: AUDIT, key, before, after, "changed in the configuration");
    }
}

/// The value of a key such as `tls.key`, as text.
fn shown(config: &Config, dotted: &str) -> String {
    let table = Table::try_from(config).ok();
    let (first, rest) = dotted.split_once('.').unwrap_or((dotted, ""));
    let value = table.as_ref().and_then(|table| table.get(first));
    let value = if rest.is_empty() { value } else { value.and_then(|table| table.get(rest)) };
    value.map_or_else(String::new, Value::to_string)
}

fn differing(prefix: &str, some: &Table, other: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in some {
        match (value, other.get(key)) {
            (Value::Table(some), Some(Value::Table(other))) => {
                keys.append(&mut differing(&format!("{prefix}{key}."), some, other));
            }
            (value, Some(present)) if value == present => {}
            _ => keys.push(format!("{prefix}{key}")),
        }
    }
    keys
}
