//! How values go together.
//!
//! In: a configuration, each of whose values is within its bounds. Out: the keys at fault, and the rules that they break.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use sluice_model::{limits, memory_plan::RESIDENT_BYTES_MIN};

use super::Config;

/// Returns true if other machines would be served without TLS on an address, and the configuration does not want that.
pub(crate) fn is_plain_to_others(config: &Config, address: IpAddr) -> bool {
    config.tls.is_off() && !address.is_loopback() && !config.allow_plain_http
}

/// Returns true if a socket on one address leaves no room for one on the other. A port of 0 is any that is free.
fn do_collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    let is_same = ip == other_ip
        // One of IPv6 for all addresses takes connections of IPv4, too.
        || [(ip, other_ip), (other_ip, ip)]
            .iter()
            .any(|(all, single)| all.is_unspecified() && (all.is_ipv6() || single.is_ipv4()));
    one.port() != 0 && one.port() == other.port() && is_same
}

/// Checks how values go together; gives the keys at fault and the rules.
pub(super) fn check(config: &Config) -> Vec<(&'static str, Cow<'static, str>)> {
    let mut broken: Vec<(_, Cow<'static, str>)> = Vec::new();
    let tls = &config.tls;
    match (&tls.certificate, &tls.key, tls.self_signed) {
        (None, None, _) | (Some(_), Some(_), false) => {}
        (Some(_), None, _) => broken.push(("tls.certificate", "needs tls.key beside it".into())),
        (None, Some(_), _) => broken.push(("tls.key", "needs tls.certificate beside it".into())),
        (Some(_), Some(_), true) => {
            broken.push(("tls.self_signed", "excludes tls.certificate and tls.key".into()));
        }
    }
    if !tls.names.is_empty() && !tls.self_signed {
        broken.push((
            "tls.names",
            "they stand in a self-signed certificate only: needs tls.self_signed = true".into(),
        ));
    }
    if tls.is_off() && tls.client_ca.is_some() {
        let rule = "client certificates need TLS: tls.certificate and tls.key, or tls.self_signed = true";
        broken.push(("tls.client_ca", rule.into()));
    }
    let body_budget = config.ingest.body_budget.count();
    if body_budget != 0 && body_budget < limits::BODY_BYTES_MAX {
        broken.push((
            "ingest.body_budget",
            "it must hold one body of 128MiB; 0 is what the memory allows".into(),
        ));
    }
    let (planned, memory) = (config.memory_plan().sum(), config.memory.count());
    if body_budget != 0 && memory < planned {
        let rule = format!(
            "with what all else needs it comes to {}MiB, and memory is {}MiB; 0 is what the memory allows",
            planned.div_ceil(limits::MIB),
            memory / limits::MIB
        );
        broken.push(("ingest.body_budget", rule.into()));
    }
    if config.memory.count() < RESIDENT_BYTES_MIN {
        broken.push(("memory", "256MiB is the least that works".into()));
    }
    if config.metrics_listen.is_some_and(|metrics| do_collide(metrics, config.listen)) {
        broken.push(("metrics_listen", "it is the address of listen; metrics need one of their own".into()));
    }
    if let Some(address) = config.elasticsearch.listen {
        let key = "elasticsearch.listen";
        let others = [Some(config.listen), config.metrics_listen];
        if others.into_iter().flatten().any(|other| do_collide(address, other)) {
            broken.push((key, "another key has this address; it needs one of its own".into()));
        }
        if is_plain_to_others(config, address.ip()) {
            broken.push((key, "anything but loopback needs TLS, or allow_plain_http = true".into()));
        }
    }
    if is_plain_to_others(config, config.listen.ip()) {
        broken.push(("listen", "anything but loopback needs TLS, or allow_plain_http = true".into()));
    }
    broken
}
