//! Indicators: made-up digests, addresses and names, as long as real ones and repeated as often.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::words::{pick, write_hex, write_letters, write_syllables, write_word};
use crate::dice::Dice;

/// What a row indicates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Domain,
    Url,
    Ipv4,
    Ipv6,
    Md5,
    Sha1,
    Sha256,
}

/// Names that may be registered for one host: so many that of a million rows one in fifty repeats another.
const NAMES: u64 = 3_500_000;
/// Names with many hosts below them.
const SHARED_NAMES: u64 = 9_000;
/// Hosts with many files.
const FILE_HOSTS: u64 = 4_000;
/// Networks with at most 256 addresses, of which most have a single row, and the larger networks that they lie in.
const NETWORKS: u64 = 200_000;
const LARGE_NETWORKS: u64 = 24_000;
/// Networks of IPv6 addresses.
const IPV6_NETWORKS: u64 = 3_000;

const TOP_LEVELS: [&str; 8] = ["test", "test", "test", "test", "test", "example", "example", "invalid"];
const PATHS: [&str; 24] = [
    "/login.php",
    "/jp",
    "/login",
    "/index.html",
    "/jp.php",
    "/xmlrpc.php",
    "/index.php",
    "/connect/",
    "/login/",
    "/client/index.php",
    "/visit.js",
    "/dpixel",
    "/mobile/index.php",
    "/page1.php",
    "/wp-content/",
    "/images/logo.gif",
    "/pixel",
    "/a/b.exe",
    "/download",
    "/update/",
    "/submit.php",
    "/ca",
    "/ptj",
    "/load",
];
const ENDINGS: [&str; 8] = [".php", ".html", ".exe", ".zip", ".js", "/", "", ""];

/// Streams of chance of their own: what is drawn from one must not depend on the row that asks.
#[derive(Clone, Copy)]
enum Stream {
    Name = 1,
    SharedName,
    FileHost,
    Network,
    LargeNetwork,
    Ipv6Network,
}

impl Stream {
    /// One of `count` things, each as likely as any other: two rows with the same one draw the same from it.
    fn even(self, count: u64, dice: &mut Dice) -> Dice {
        Dice::new(&[self as u64, dice.below(count)])
    }

    /// One of `count` things, of which the first are in very many rows.
    fn skewed(self, count: u64, dice: &mut Dice) -> Dice {
        Dice::new(&[self as u64, dice.skewed(count)])
    }
}

/// Appends an indicator of a kind; a bare URL has no scheme.
pub(super) fn write(kind: Kind, is_bare: bool, dice: &mut Dice, out: &mut String) {
    match kind {
        Kind::Domain => write_domain(dice, out),
        Kind::Url => write_url(is_bare, dice, out),
        Kind::Ipv4 => write!(out, "{}", ipv4(dice)).unwrap(),
        Kind::Ipv6 => write!(out, "{}", ipv6(dice)).unwrap(),
        Kind::Md5 => write_hex(32, dice, out),
        Kind::Sha1 => write_hex(40, dice, out),
        Kind::Sha256 => write_hex(64, dice, out),
    }
}

/// Two labels for two thirds of the domains, three for most others.
fn write_domain(dice: &mut Dice, out: &mut String) {
    match dice.below(100) {
        0..66 => write_name(&mut Stream::Name.even(NAMES, dice), out),
        66..79 => {
            write_label(dice, out);
            out.push('.');
            write_name(&mut Stream::Name.even(NAMES, dice), out);
        }
        drawn => {
            let letters = 4 + dice.below(6);
            if dice.chance(50) {
                write_syllables(3, dice, out);
            } else {
                write_letters(letters, dice, out);
            }
            if 95 <= drawn {
                out.push('.');
                write_label(dice, out);
            }
            out.push('.');
            // The first eight are about as frequent as each other.
            let number = dice.skewed(SHARED_NAMES) + dice.below(8);
            write_name(&mut Dice::new(&[Stream::SharedName as u64, number]), out);
        }
    }
}

/// A name that is registered.
fn write_name(dice: &mut Dice, out: &mut String) {
    match dice.below(100) {
        0..22 => {
            write_word(dice, out);
            out.push_str(pick(&["", "", "-"], dice));
            let syllables = 1 + dice.below(2);
            write_syllables(syllables, dice, out);
        }
        22..66 => {
            let syllables = 3 + dice.below(2);
            write_syllables(syllables, dice, out);
        }
        _ => {
            let letters = 6 + dice.below(10);
            write_letters(letters, dice, out);
        }
    }
    out.push('.');
    out.push_str(pick(&TOP_LEVELS, dice));
}

/// A label below a name.
fn write_label(dice: &mut Dice, out: &mut String) {
    match dice.below(10) {
        0..4 => write_word(dice, out),
        4..7 => write_syllables(2, dice, out),
        7..9 => write_letters(5, dice, out),
        _ => out.push_str("www"),
    }
}

fn write_url(is_bare: bool, dice: &mut Dice, out: &mut String) {
    if is_bare {
        // One of few hosts with many files each.
        write_domain(&mut Stream::FileHost.skewed(FILE_HOSTS, dice), out);
        return write_long_path(dice, out);
    }
    out.push_str(if dice.chance(55) { "https://" } else { "http://" });
    if dice.chance(20) {
        write!(out, "{}", ipv4(dice)).unwrap();
        if dice.chance(25) {
            write!(out, ":{}", 1 + dice.below(65_535)).unwrap();
        }
    } else {
        write_domain(dice, out);
    }
    match dice.below(100) {
        0..58 => {}
        58..75 => out.push('/'),
        75..84 => out.push_str(pick(&PATHS, dice)),
        84..96 => write_path(dice, out),
        _ => write_long_path(dice, out),
    }
}

/// Up to three segments, the last of them often a file.
fn write_path(dice: &mut Dice, out: &mut String) {
    for _ in 0..=dice.below(3) {
        out.push('/');
        let letters = 3 + dice.below(8);
        if dice.chance(50) { write_word(dice, out) } else { write_letters(letters, dice, out) }
    }
    out.push_str(pick(&ENDINGS, dice));
}

/// A path with what only the server understands, perhaps escaped.
fn write_long_path(dice: &mut Dice, out: &mut String) {
    out.push_str(pick(
        &["/s/", "/download?id=", "/attachments/", "/u/0/uc?export=download&id=", "/view.aspx?cid="],
        dice,
    ));
    let letters = 8 + dice.below(24);
    write_letters(letters, dice, out);
    if dice.chance(30) {
        out.push_str("%20");
        write_word(dice, out);
        let letters = dice.below(60);
        write_letters(letters, dice, out);
    }
    out.push_str(pick(&ENDINGS, dice));
}

/// An address in one of many networks; neighbors are as near as in life.
fn ipv4(dice: &mut Dice) -> Ipv4Addr {
    let mut network = Stream::Network.even(NETWORKS, dice);
    let [_, _, third, _] = network.octets();
    let [mut first, second, ..] = Stream::LargeNetwork.even(LARGE_NETWORKS, &mut network).octets();
    // Neither zero, nor loopback, nor beyond what is a single host's.
    first = 1 + first % 223;
    let [.., fourth] = dice.octets();
    Ipv4Addr::new(if first == 127 { 128 } else { first }, second, third, fourth)
}

/// An address in `2001:db8::/32`, with few or many digits.
fn ipv6(dice: &mut Dice) -> Ipv6Addr {
    let mut network = Stream::Ipv6Network.even(IPV6_NETWORKS, dice);
    let subnet = network.next() & 0xffff_ffff;
    let host = match dice.below(3) {
        0 => dice.below(1 << 16),
        1 => dice.below(1 << 32),
        _ => dice.next(),
    };
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(subnet) << 64 | u128::from(host))
}
