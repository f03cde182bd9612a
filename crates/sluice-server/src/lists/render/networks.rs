//! Addresses and networks as lines.

use std::{
    fmt::Arguments,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

use super::{
    super::{addresses::Family, format::ListFormat},
    lines::{Fit, append, append_member},
};

/// Addresses that a network is told as where only addresses can be.
const ADDRESSES_TOLD_MAX: u64 = 65_536;

/// Addresses of a set of Suricata's: its tables have no more places.
pub(super) const SET_MEMBERS_MAX: u64 = 262_144;

/// Entries for which a set of ipset's has room at least: as many as if nothing is said.
const IPSET_ROOM_MIN: u64 = 65_536;

/// How long a router of `MikroTik` keeps an entry: in memory, since without a time it would be written to its flash.
const RSC_TIMEOUT: &str = "1d";

/// The word for what a network is.
pub(super) fn kind_word(network: IpNet) -> &'static str {
    match network {
        _ if network.prefix_len() < network.max_prefix_len() => "cidr",
        IpNet::V4(_) => "ipv4",
        IpNet::V6(_) => "ipv6",
    }
}

/// A network as a text; one that is an address as that.
pub(super) fn shown(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

/// Appends the line of a network in the formats that have no more than lines.
pub(super) fn append_line(format: ListFormat, list: &str, network: IpNet, confidence: u8, text: &mut String) {
    let (shown, family) = (shown(network), family(network));
    let mut write = |line: Arguments<'_>| append(text, line);
    match format {
        ListFormat::Ipset => write(format_args!("add {list}-{family}-new {shown}\n")),
        ListFormat::NginxGeo => write(format_args!("{shown} 1;\n")),
        ListFormat::HaproxyMap => write(format_args!("{shown} 1\n")),
        ListFormat::PostfixCidr => write(format_args!("{shown} REJECT\n")),
        ListFormat::SuricataIprep => write(format_args!("{shown},1,{}\n", confidence.max(1))),
        ListFormat::Rsc => {
            let tree = if network.addr().is_ipv4() { "ip" } else { "ipv6" };
            write(format_args!(
                ":do {{ /{tree}/firewall/address-list/add list={list} address={shown} timeout={RSC_TIMEOUT} }} on-error={{}}\n"
            ));
        }
        ListFormat::Zeek => {
            let kind = if kind_word(network) == "cidr" { "Intel::SUBNET" } else { "Intel::ADDR" };
            write(format_args!("{shown}\t{kind}\tsluice:{list}\t-\t-\n"));
        }
        _ => write(format_args!("{shown}\n")),
    }
}

/// Appends what takes away what a router of `MikroTik` has of the list.
pub(super) fn append_rsc_removal(list: &str, text: &mut String) {
    for tree in ["ip", "ipv6"] {
        append(text, format_args!("/{tree}/firewall/address-list/remove [find list={list}]\n"));
    }
}

/// Appends the sets of nftables, and that they are empty.
pub(super) fn append_nft_sets(list: &str, text: &mut String) {
    text.push_str("table inet sluice {\n");
    for family in ["v4", "v6"] {
        let kind = if family == "v4" { "ipv4_addr" } else { "ipv6_addr" };
        append(
            text,
            format_args!(
                "\tset {list}_{family} {{\n\t\ttype {kind}\n\t\tflags interval\n\t\tauto-merge\n\t}}\n"
            ),
        );
    }
    text.push_str("}\n");
    for family in ["v4", "v6"] {
        append(text, format_args!("flush set inet sluice {list}_{family}\n"));
    }
}

/// Appends an element of a set of nftables.
pub(super) fn append_nft(list: &str, network: IpNet, is_first: bool, text: &mut String) {
    if is_first {
        append(text, format_args!("add element inet sluice {list}_{} {{\n", family(network)));
    } else {
        text.push_str(",\n");
    }
    text.push_str(&shown(network));
}

/// Appends what makes a new set of ipset's, in which there is room for `count` entries. One that is left of a restore that failed is taken, as
/// long as it has the same room: so that hardly ever changes.
pub(super) fn append_ipset_begin(list: &str, family: Family, count: u64, text: &mut String) {
    let (short, long) = match family {
        Family::V4 => ("v4", "inet"),
        Family::V6 => ("v6", "inet6"),
    };
    append(
        text,
        format_args!(
            "create {list}-{short}-new hash:net family {long} maxelem {}\nflush {list}-{short}-new\n",
            count.next_power_of_two().max(IPSET_ROOM_MIN)
        ),
    );
}

/// Appends what puts the new set in the place of the live one.
pub(super) fn append_ipset_end(list: &str, family: Family, text: &mut String) {
    let short = match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    };
    append(text, format_args!("swap {list}-{short} {list}-{short}-new\ndestroy {list}-{short}-new\n"));
}

/// Appends the addresses of a network that is not too large, and for which there is still room, to a set of Suricata's, IPv4 as it is mapped into IPv6: version 8 takes no other in a
/// set of both.
pub(super) fn append_set_members(network: IpNet, room: &mut u64, text: &mut String) -> Fit {
    let bits = network.max_prefix_len() - network.prefix_len();
    let count = 1_u64.checked_shl(bits.into()).unwrap_or(u64::MAX);
    let Some(rest) = room.checked_sub(count).filter(|_rest| count <= ADDRESSES_TOLD_MAX) else {
        return Fit::Dropped;
    };
    *room = rest;
    match (network.network(), network.broadcast()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            for bits in first.to_bits()..=last.to_bits() {
                append_member(&Ipv4Addr::from_bits(bits).to_ipv6_mapped().to_string(), text);
            }
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            for bits in first.to_bits()..=last.to_bits() {
                append_member(&Ipv6Addr::from_bits(bits).to_string(), text);
            }
        }
        _ => return Fit::Dropped,
    }
    Fit::Written
}

fn family(network: IpNet) -> &'static str {
    match network {
        IpNet::V4(_) => "v4",
        IpNet::V6(_) => "v6",
    }
}
