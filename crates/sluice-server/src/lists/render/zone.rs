//! A response policy zone, in the form that BIND, Unbound and `PowerDNS` read alike.
//!
//! A wildcard of DNS covers nothing below a name that the zone has, and a zone has each name above one of its own. So with an exception
//! deep below a name that is on the list, what lies between them is told as well.

use std::{collections::BTreeSet, net::Ipv6Addr};

use ipnet::IpNet;
use sluice_model::limits;

use super::{
    super::definition::{ZoneAction, ZoneSettings},
    lines::{Fit, append},
    names::{Exception, Reach},
};

/// What a resolver answers for what is allowed: what there is.
const PASSTHRU: &str = "rpz-passthru.";

/// Appends what a zone begins with.
pub(super) fn append_preamble(origin: &str, serial: u32, text: &mut String) {
    append(
        text,
        format_args!(
            "$ORIGIN {origin}\n$TTL 300\n@ SOA localhost. hostmaster.{origin} {serial} 300 60 604800 300\n@ NS localhost.\n"
        ),
    );
}

/// Appends what is answered for a network that an answer has an address of.
pub(super) fn append_network(network: IpNet, action: ZoneAction, text: &mut String) {
    match network {
        IpNet::V4(network) => {
            let [a, b, c, d] = network.addr().octets();
            append(text, format_args!("{}.{d}.{c}.{b}.{a}", network.prefix_len()));
        }
        IpNet::V6(network) => {
            append(text, format_args!("{}.{}", network.prefix_len(), reversed(network.addr())));
        }
    }
    append(text, format_args!(".rpz-ip CNAME {}\n", target(action)));
}

/// The groups of an address in reverse, the longest run of zeros as `zz`, as `::` has it.
fn reversed(address: Ipv6Addr) -> String {
    let groups = address.segments();
    let mut longest = 0..0;
    let mut first = 0;
    for (place, group) in groups.iter().enumerate() {
        if *group != 0 {
            first = place + 1;
        } else if longest.len() < place + 1 - first && first < place {
            longest = first..place + 1;
        }
    }
    let mut labels = Vec::new();
    for (place, group) in groups.iter().enumerate().rev() {
        if !longest.contains(&place) {
            labels.push(format!("{group:x}"));
        } else if place == longest.start {
            labels.push("zz".to_owned());
        }
    }
    labels.join(".")
}

/// Appends what is answered for a name or mask, and for what is allowed below it. Where an exception has no place in the zone, nothing
/// below the name is answered.
pub(super) fn append_name(
    zone: &ZoneSettings,
    (name, reach): (&str, Reach),
    exceptions: &[Exception],
    text: &mut String,
) -> Fit {
    // With the origin.
    let bytes_max = limits::HOST_BYTES_MAX.saturating_sub(zone.origin.len() + "*.".len());
    let mut has_place = true;
    for exception in exceptions {
        has_place &= exception.name.len() <= bytes_max;
    }
    if bytes_max < name.len() || !has_place && reach == Reach::Below {
        return Fit::Dropped;
    }
    let target = target(zone.action);
    if reach != Reach::Below {
        append_record("", name, target, text);
    }
    if !has_place {
        return Fit::Written;
    }
    if !exceptions.iter().any(|one| one.reach == Reach::Below && one.name == name) {
        append_record("*.", name, target, text);
    }
    let mut between = BTreeSet::new();
    for exception in exceptions.iter().filter(|one| one.is_told_here) {
        let own = exception.name.as_str();
        let mut above = if exception.reach == Reach::Below { Some(own) } else { parent(own) };
        while let Some(one) = above.filter(|one| name.len() < one.len()) {
            between.insert(one);
            above = parent(one);
        }
    }
    // A name may be allowed, and lie above another one that is.
    let mut told = BTreeSet::new();
    for Exception { name, reach, .. } in exceptions.iter().filter(|one| one.is_told_here) {
        if *reach != Reach::Below && told.insert(("", name.as_str())) {
            append_record("", name, PASSTHRU, text);
        }
        if *reach != Reach::Name && told.insert(("*.", name.as_str())) {
            append_record("*.", name, PASSTHRU, text);
        }
    }
    for one in between {
        for star in ["", "*."] {
            if told.insert((star, one)) {
                append_record(star, one, target, text);
            }
        }
    }
    Fit::Written
}

fn append_record(star: &str, name: &str, target: &str, text: &mut String) {
    append(text, format_args!("{star}{name} CNAME {target}\n"));
}

/// The name above a name.
fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, above)| above)
}

fn target(action: ZoneAction) -> &'static str {
    match action {
        ZoneAction::Nxdomain => ".",
        ZoneAction::Nodata => "*.",
        ZoneAction::Drop => "rpz-drop.",
    }
}
