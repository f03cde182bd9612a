//! Who tells of an indicator: contexts, and the tags that come with them.
//!
//! In: a source. Out: the JSON text of a context, and tags. Most contexts say where from, since when, what and by whom.
//! How often one comes again differs most between sources: a list has the same for thousands of rows, a report about a
//! single event is in one row or two.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    indicators::Kind,
    words::{pick, write_hex, write_letters, write_syllables, write_word},
};
use crate::dice::Dice;

/// Where rows come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// People who report what they see, one event at a time.
    Reports,
    /// A collection of trails, each with a reference.
    Trails,
    /// Hosts that hand out malware.
    Payloads,
    /// Hosts that command it.
    Controls,
    /// Lists that are made anew each day.
    DailyLists,
    /// Digests from analyses of malware.
    Analyses,
    /// Lists without any detail.
    PlainLists,
    /// Lists of names by purpose.
    NameLists,
    /// Addresses that several blacklists have.
    Blacklists,
    /// Relays of an anonymous network.
    Relays,
}

/// Kinds of threat that trails name.
const THREATS: u64 = 2_050;
/// Kinds of malware that analyses name.
const FAMILIES: u64 = 270;
/// Events that reports may be about.
const EVENTS: u64 = 800_000;
/// Those of them that are in many.
const BURSTS: u64 = 4_000;
const REPORTERS: u64 = 1_574;
/// References that trails share, and those of one row or two.
const SHARED_REFERENCES: u64 = 12_000;
const REFERENCES: u64 = 120_000;
/// Moments at which lists of payloads were updated.
const UPDATES: u64 = 833;
const FINGERPRINTS: u64 = 14_000;

const REPORT_TAGS: [&str; 4] = ["PHISHING", "SCAM", "MALWARE", "C2"];
const CATEGORIES: [&str; 3] = ["malware", "malicious", "suspicious"];
/// The others of the tags that have no number.
const OTHER_TAGS: [&str; 9] = [
    "PAYLOAD",
    "CONTROL",
    "DAILY-ADDRESS",
    "DAILY-NAME",
    "PLAIN-LIST",
    "NAME-LIST",
    "SPAM",
    "BLACKLISTED",
    "RELAY",
];

/// What is written into with chance: streams of their own, so that a thing is the same in all rows that have it.
fn thing(stream: u64, number: u64) -> Dice {
    Dice::new(&[1_000 + stream, number])
}

impl Source {
    /// Whether its URLs have no scheme.
    pub(super) fn has_bare_urls(self) -> bool {
        matches!(self, Self::Payloads | Self::PlainLists)
    }

    /// Appends a context and returns the tags that go with it.
    pub(super) fn write_context(self, kind: Kind, dice: &mut Dice, out: &mut String) -> Vec<String> {
        match self {
            Self::Reports => write_report(kind, dice, out),
            Self::Trails => write_trail(dice, out),
            Self::Payloads => {
                write_update("feeds/payload-hosts", "malware_download", ["PAYLOAD", "MALWARE"], dice, out)
            }
            Self::Controls => write_update("feeds/control-servers", "C2", ["CONTROL", "C2"], dice, out),
            Self::DailyLists => write_daily(kind, dice, out),
            Self::Analyses => write_analysis(dice, out),
            Self::PlainLists => write_plain(dice, out),
            Self::NameLists => write_names(dice, out),
            Self::Blacklists => write_blacklisted(dice, out),
            Self::Relays => write_relay(dice, out),
        }
    }
}

/// All tags.
pub(super) fn tags() -> BTreeSet<String> {
    let threats = (0..THREATS).map(threat).chain((0..FAMILIES).map(family));
    let raised = threats.map(|name| name.to_ascii_uppercase());
    let categories = CATEGORIES.map(str::to_ascii_uppercase);
    let fixed = REPORT_TAGS.iter().chain(&OTHER_TAGS).map(|tag| (*tag).to_owned());
    raised.chain(categories).chain(fixed).collect()
}

fn write_report(kind: Kind, dice: &mut Dice, out: &mut String) -> Vec<String> {
    // Some events are in hundreds of rows, most in one or two.
    let event = if dice.chance(9) { dice.skewed(BURSTS) } else { dice.below(EVENTS) };
    let mut event = thing(0, event);
    let reporter = hex(8, &mut thing(1, event.skewed(REPORTERS)));
    let time = moment(&mut event);
    let kind = match kind {
        Kind::Url => "url",
        Kind::Domain => "domain",
        Kind::Ipv4 | Kind::Ipv6 => "ip",
        Kind::Md5 => "md5",
        Kind::Sha1 | Kind::Sha256 => "sha256",
    };
    let status = status(&mut event);
    write!(
        out,
        "{{\"source\":\"example/reported-today\",\"first_seen\":\"{} {}\",\"reporter\":\"reporter-{reporter}\",\
         \"ioc_type\":\"{kind}\",\"reference\":\"https://social.example/reporter-{reporter}/status/{status}\"}}",
        &time[..10],
        &time[11..],
    )
    .unwrap();
    let mut tags = match event.below(100) {
        0..13 => Vec::new(),
        13..71 => vec!["PHISHING".to_owned()],
        71..80 => vec!["MALWARE".to_owned()],
        80..88 => vec!["PHISHING".to_owned(), "SCAM".to_owned()],
        _ => vec![threat(event.skewed(THREATS)).to_ascii_uppercase()],
    };
    if tags.len() == 1 && event.chance(11) {
        tags.push("C2".to_owned());
    }
    tags
}

fn write_trail(dice: &mut Dice, out: &mut String) -> Vec<String> {
    let is_shared = dice.chance(82);
    let number =
        if is_shared { dice.skewed(SHARED_REFERENCES) } else { SHARED_REFERENCES + dice.below(REFERENCES) };
    let mut reference = thing(2, number);
    let threat = threat(reference.skewed(THREATS));
    let category = CATEGORIES[match reference.below(100) {
        0..82 => 0,
        82..96 => 1,
        _ => 2,
    }];
    write!(
        out,
        "{{\"source\":\"example/trails\",\"threat\":\"{threat}\",\"category\":\"{category}\",\"reference\":\""
    )
    .unwrap();
    // A reference of its own mostly is the report about one file.
    if reference.chance(if is_shared { 35 } else { 80 }) {
        let digest = hex(64, &mut reference);
        write!(out, "https://www.reports.example/gui/file/{digest}/detection").unwrap();
    } else {
        write_text_reference(&mut reference, out);
    }
    out.push_str("\"}");
    vec![category.to_ascii_uppercase(), threat.to_ascii_uppercase()]
}

/// What people wrote.
fn write_text_reference(dice: &mut Dice, out: &mut String) {
    let name = word(dice);
    if dice.chance(40) {
        let status = status(dice);
        return write!(out, "https://social.example/{name}/status/{status}").unwrap();
    }
    let (second, third) = (word(dice), word(dice));
    let (year, month) = (2_015 + dice.below(11), 1 + dice.below(12));
    write!(out, "https://blog.{name}.example/{year}/{month:02}/{second}-{third}-analysis.html").unwrap();
}

/// The number of something that was posted.
fn status(dice: &mut Dice) -> u64 {
    1_100_000_000_000_000_000 + dice.below(1_000_000_000_000_000_000)
}

fn write_update(
    source: &str,
    threat: &str,
    tags: [&str; 2],
    dice: &mut Dice,
    out: &mut String,
) -> Vec<String> {
    let time = moment(&mut thing(3, dice.skewed(UPDATES)));
    let feed = &tags[0];
    write!(
        out,
        "{{\"source\":\"{source}\",\"first_seen\":\"{time}\",\"threat\":\"{threat}\",\"feed\":\"{feed}\"}}"
    )
    .unwrap();
    tags.map(str::to_owned).to_vec()
}

fn write_daily(kind: Kind, dice: &mut Dice, out: &mut String) -> Vec<String> {
    let list = list(4, dice.skewed(39));
    let (word, tag) = match kind {
        Kind::Ipv4 | Kind::Ipv6 => ("addresses", "DAILY-ADDRESS"),
        _ => ("names", "DAILY-NAME"),
    };
    write!(
        out,
        "{{\"source\":\"example/malicious-{word}\",\"list\":\"{list}\",\"last_update\":\"2026-08-22\"}}"
    )
    .unwrap();
    vec![tag.to_owned()]
}

fn write_analysis(dice: &mut Dice, out: &mut String) -> Vec<String> {
    let number = dice.skewed(700);
    let list = list(5, number);
    let family = family(thing(6, number).skewed(FAMILIES));
    write!(
        out,
        "{{\"source\":\"example/indicators\",\"threat\":\"{family}\",\"list\":\"{family}/{list}.csv\"}}"
    )
    .unwrap();
    vec![family.to_ascii_uppercase()]
}

fn write_plain(dice: &mut Dice, out: &mut String) -> Vec<String> {
    let number = dice.skewed(43);
    let list = list(7, number);
    write!(out, "{{\"source\":\"example/public-intelligence\",\"list\":\"{list}/all-domains.txt\"}}")
        .unwrap();
    if number.is_multiple_of(3) { vec!["PLAIN-LIST".to_owned()] } else { Vec::new() }
}

fn write_names(dice: &mut Dice, out: &mut String) -> Vec<String> {
    let (list, threat, tag) = match dice.below(100) {
        0..75 => ("alternative/phishing.txt", "phishing/ransomware/scam", "NAME-LIST"),
        75..80 => ("alternative/scam.txt", "phishing/ransomware/scam", "NAME-LIST"),
        _ => ("spam-domains.txt", "spam", "SPAM"),
    };
    write!(out, "{{\"source\":\"example/name-lists\",\"list\":\"{list}\",\"threat\":\"{threat}\"}}").unwrap();
    vec![tag.to_owned()]
}

fn write_blacklisted(dice: &mut Dice, out: &mut String) -> Vec<String> {
    let lists = 1 + dice.skewed(8);
    write!(
        out,
        "{{\"source\":\"example/sum\",\"threat\":\"suspicious ip\",\"blacklists\":{lists},\
         \"last_update\":\"2026-08-22\"}}"
    )
    .unwrap();
    vec!["BLACKLISTED".to_owned()]
}

fn write_relay(dice: &mut Dice, out: &mut String) -> Vec<String> {
    let mut relay = thing(8, dice.below(FINGERPRINTS));
    let fingerprint = hex(40, &mut relay).to_ascii_uppercase();
    let time = moment(&mut thing(9, relay.skewed(300)));
    let port = match relay.below(10) {
        0..5 => 9_001,
        5..7 => 443,
        _ => 1_024 + relay.below(10_000),
    };
    write!(
        out,
        "{{\"source\":\"example/relay-nodes\",\"first_seen\":\"{time}\",\"threat\":\"RELAY\",\
         \"fingerprint\":\"{fingerprint}\",\"port\":{port}}}"
    )
    .unwrap();
    vec!["RELAY".to_owned()]
}

/// The name of a threat, in lower case.
fn threat(number: u64) -> String {
    let mut dice = thing(10, number);
    let mut name = pick(&["", "", "", "", "apt_", "android_", "osx_"], &mut dice).to_owned();
    let syllables = 3 + dice.below(2);
    write_syllables(syllables, &mut dice, &mut name);
    name
}

/// The name of a kind of malware, in lower case.
fn family(number: u64) -> String {
    let mut dice = thing(11, number);
    let mut name = String::new();
    write_syllables(4, &mut dice, &mut name);
    name.push_str(pick(&["", "-malware", "-results"], &mut dice));
    name
}

/// The name of a list.
fn list(stream: u64, number: u64) -> String {
    let mut dice = thing(stream, number);
    let mut name = word(&mut dice);
    name.push('-');
    write_word(&mut dice, &mut name);
    name.push('-');
    write_letters(4, &mut dice, &mut name);
    name
}

fn word(dice: &mut Dice) -> String {
    let mut word = String::new();
    let syllables = 2 + dice.below(3);
    write_syllables(syllables, dice, &mut word);
    word
}

fn hex(count: usize, dice: &mut Dice) -> String {
    let mut digits = String::new();
    write_hex(count, dice, &mut digits);
    digits
}

/// A second of the years 2020 to 2026.
fn moment(dice: &mut Dice) -> String {
    let (year, month, day) = (2_020 + dice.below(7), 1 + dice.below(12), 1 + dice.below(28));
    let (hour, minute, second) = (dice.below(24), dice.below(60), dice.below(60));
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}
