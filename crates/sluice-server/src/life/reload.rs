//! What a configuration that is read anew changes while the daemon runs, and what waits for a restart.
//!
//! In: the configuration in force and the new one. Out: the configuration that is in force from then on, and the keys in
//! which the new one differs from it, for the log too. Whoever calls reads files and puts everything into force.

use crate::{
    config::{Config, ElasticsearchSettings, HttpSettings, differences},
    logging::AUDIT,
};

#[cfg(test)]
pub(crate) mod tests;

/// The new configuration as far as it can be in force without a restart; the rest is as before.
pub(crate) fn take_over(now: &Config, new: &Config) -> Config {
    let http = HttpSettings {
        body_stall: new.http.body_stall,
        body_rate_min: new.http.body_rate_min,
        body_deadline: new.http.body_deadline,
        import_stall: new.http.import_stall,
        ..now.http
    };
    // Whether a port speaks TLS is settled when it is opened; under which certificate is not.
    let tls = if now.tls.is_off() == new.tls.is_off() { &new.tls } else { &now.tls };
    Config {
        tenants: new.tenants.clone(),
        trusted_proxies: new.trusted_proxies.clone(),
        match_scope: new.match_scope,
        disk_reserve: new.disk_reserve,
        tls: tls.clone(),
        http,
        log: new.log.clone(),
        elasticsearch: ElasticsearchSettings {
            indices: new.elasticsearch.indices.clone(),
            ..now.elasticsearch.clone()
        },
        ..now.clone()
    }
}

/// The keys in which the new configuration differs from the one in force: they wait for a restart.
pub(crate) fn waiting(in_force: &Config, new: &Config) -> Vec<String> {
    differences(in_force, new).into_iter().map(|(key, ..)| key).collect()
}

/// Tells which keys have changed, and from what to what. No value is a secret: secrets are named by their files.
pub(crate) fn tell_changes(before: &Config, after: &Config) {
    for (key, before, after) in differences(before, after) {
        let (before, after) = (before.to_string(), after.to_string());
        tracing::info!(target: AUDIT, key, before, after, "changed in the configuration");
    }
}
