//! Values drawn from a universe so small that lookups hit: a few sites, labels, paths and addresses, in many spellings.
//!
//! In: dice. Out: texts, of all kinds, some of which are to be refused. What a text is worth is not known here.

use std::fmt::Write as _;

use crate::dice::Dice;

/// Registrable domains, suffixes of both sections, a name of no listed suffix, and names that are not ASCII.
const SITES: [&str; 14] = [
    "example.com",
    "example.com",
    "example.org",
    "example.co.uk",
    "co.uk",
    "com",
    "duckdns.org",
    "evil.duckdns.org",
    "s3.amazonaws.com",
    "test.example",
    "city.kawasaki.jp",
    "example.kawasaki.jp",
    "\u{442}\u{435}\u{441}\u{442}.example",
    "B\u{fc}cher.example.net",
];
const LABELS: [&str; 10] = ["a", "b", "evil", "mail", "a-1", "x_2", "deep", "www", "hxxp", "%65vil"];
const SEGMENTS: [&str; 30] = [
    "dir", "dir", "dir", "dir", "a", "a", "a", "a", "b", "b", "x.exe", "%41", "a%20b", "{at}", "a[.]b",
    "%c3%a9", "%2541", "%2e%2e", "a%2fb", "%23x", "%0a", "a%3Fb", "a%20", "*", "%2a", "%C3%89", ".%%32%65",
    "%2%35", "%f0%%39f", "%%32",
];
const QUERIES: [&str; 8] =
    ["", "q=1", "q=1", "Q=2&b=1", "q=hello%20world", "u=http://example.org/a", "a/../b", "?"];
const SCHEMES: [&str; 14] = [
    "",
    "",
    "",
    "",
    "http://",
    "https://",
    "HTTP://",
    "ftp://",
    "http:/",
    "http:///",
    "//",
    "http:\\\\",
    "https:/\\",
    "tcp://",
];
const USERS: [&str; 4] = ["user@", "user:pw@", "a%40b:c@", "github.com@"];
const PORTS: [&str; 4] = [":80", ":443", ":8080", ":"];
const FRAGMENTS: [&str; 4] = ["#", "#f", "#/a?b", "#a b"];
const BLANKS: [&str; 8] = [" ", "\t", "\r\n", "\u{a0}", "\u{feff}", "\u{200b}", "\u{ad}", "\u{2060}"];
const HASHES: [&str; 3] = [
    "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "ffeeddccbbaa99887766554433221100",
    "00112233445566778899aabbccddeeff",
];
const V4_BLOCKS: [[u8; 3]; 4] = [[192, 0, 2], [192, 0, 2], [198, 51, 100], [10, 1, 0]];
const V6_BLOCKS: [&str; 3] = ["2001:db8::", "2001:db8:0:1::", "2001:db8:ffff::"];
const V4_BITS: [u64; 13] = [24, 24, 28, 29, 30, 31, 23, 16, 8, 32, 7, 25, 33];
const V4_RANGES: [&str; 6] =
    ["192.0.2.*", "192.0.2.x", "192.0.2.1-9", "192.0.*.*", "10.x.x.x", "192.0.2.1-192.0.2.9"];
const V6_RANGES: [&str; 4] = ["2001:db8::*", "2001:db8::x", "2001:db8::1-2001:db8::9", "2001:db8::1-9"];
const V6_BITS: [u64; 10] = [32, 48, 64, 64, 112, 120, 126, 127, 128, 15];

fn pick<'a>(dice: &mut Dice, from: &[&'a str]) -> &'a str {
    from[dice.index(from.len())]
}

/// Any value, as a feed may send it.
pub(crate) fn value(dice: &mut Dice) -> String {
    let mut text = match dice.below(100) {
        0..8 => hash(dice),
        8..24 => address(dice),
        24..36 => network(dice),
        36..94 => url(dice),
        _ => refused(dice),
    };
    if dice.chance(5) {
        text = defanged(dice, &text);
    }
    if dice.chance(1) {
        insert(dice, &mut text);
    }
    noisy(dice, text)
}

/// A value that a supplier with `refang` may send.
pub(crate) fn defanged_value(dice: &mut Dice) -> String {
    let text = value(dice);
    defanged(dice, &text)
}

/// An object that a stored value may be meant to name, or not.
pub(crate) fn relative_of(dice: &mut Dice, stored: &str) -> String {
    let mut text = if dice.chance(70) { stored.replace(' ', "%20") } else { stored.to_owned() };
    if let Some(rest) = text.strip_prefix("*.") {
        text = format!("{}.{rest}", pick(dice, &LABELS));
    } else if dice.chance(20)
        && !text.starts_with(|first: char| first.is_ascii_digit() || first == '[')
        && !text.contains("://")
    {
        text = format!("{}.{text}", pick(dice, &["a", "www", "www.www", "b.a"]));
    }
    if let Some(rest) = text.strip_suffix("/*") {
        text = format!("{rest}{}", pick(dice, &["", "/", "/a", "/a/b?q=1", "?q=1", "x"]));
    } else if dice.chance(30) {
        text.push_str(pick(dice, &["/", "/a", "/dir/a", "?q=1", "/a?q=2", "#f", ":80"]));
    }
    if let Some((first, bits)) = stored.split_once('/')
        && let Ok(first) = first.parse::<std::net::IpAddr>()
        && let Ok(bits) = bits.parse::<u32>()
    {
        text = inside(dice, first, bits);
    }
    if dice.chance(30) && !text.contains("://") {
        let is_v6 = text.parse::<std::net::Ipv6Addr>().is_ok();
        let scheme = pick(dice, &SCHEMES[4..]);
        text = if is_v6 { format!("{scheme}[{text}]") } else { format!("{scheme}{text}") };
    }
    if dice.chance(5) {
        text = defanged(dice, &text);
    }
    noisy(dice, text)
}

/// An address at, in or just outside of a network.
fn inside(dice: &mut Dice, first: std::net::IpAddr, bits: u32) -> String {
    let offset = match dice.below(4) {
        0 => 0,
        1 => u128::MAX,
        _ => u128::from(dice.next()) << 64 | u128::from(dice.next()),
    };
    match first {
        std::net::IpAddr::V4(first) => {
            let span = u32::MAX.checked_shr(bits).unwrap_or(0);
            let address = u32::from(first) | (u32::try_from(offset & u128::from(span)).unwrap());
            let address =
                if dice.chance(15) { u32::from(first).wrapping_add(span).wrapping_add(1) } else { address };
            std::net::Ipv4Addr::from(address).to_string()
        }
        std::net::IpAddr::V6(first) => {
            let span = u128::MAX.checked_shr(bits).unwrap_or(0);
            let address = u128::from(first) | (offset & span);
            let address = if dice.chance(15) { u128::from(first).wrapping_sub(1) } else { address };
            std::net::Ipv6Addr::from(address).to_string()
        }
    }
}

fn hash(dice: &mut Dice) -> String {
    let half = pick(dice, &HASHES);
    let text = match dice.below(3) {
        0 => half.to_owned(),
        1 => format!("{half}{}", &half[..8]),
        _ => format!("{half}{half}"),
    };
    in_any_case(dice, text)
}

fn v4(dice: &mut Dice) -> [u8; 4] {
    let [first, second, third] = V4_BLOCKS[dice.index(V4_BLOCKS.len())];
    [first, second, third, u8::try_from(dice.skewed(256)).unwrap()]
}

fn v4_text(dice: &mut Dice) -> String {
    std::net::Ipv4Addr::from(v4(dice)).to_string()
}

fn v6_text(dice: &mut Dice) -> String {
    let text = format!("{}{:x}", pick(dice, &V6_BLOCKS), dice.skewed(64));
    match dice.below(5) {
        0 => text.to_uppercase(),
        1 => {
            let address: std::net::Ipv6Addr = text.parse().unwrap();
            address.segments().map(|segment| format!("{segment:04x}")).join(":")
        }
        2 => format!("::ffff:{}", v4_text(dice)),
        _ => text,
    }
}

fn address(dice: &mut Dice) -> String {
    if dice.chance(65) { v4_text(dice) } else { v6_text(dice) }
}

fn network(dice: &mut Dice) -> String {
    if dice.chance(60) {
        let bits = V4_BITS[dice.index(V4_BITS.len())];
        if dice.chance(8) {
            return format!("::ffff:{}/{}", v4_text(dice), 96 + bits);
        }
        // Behind a scheme it is a URL.
        let scheme = if dice.chance(8) { pick(dice, &SCHEMES) } else { "" };
        format!("{scheme}{}/{bits}", v4_text(dice))
    } else {
        let first = format!("{}{:x}", pick(dice, &V6_BLOCKS), dice.skewed(64));
        format!("{first}/{}", V6_BITS[dice.index(V6_BITS.len())])
    }
}

/// An address in a notation that is read behind a scheme or a user alone.
fn odd_v4(dice: &mut Dice) -> String {
    let [a, b, c, d] = v4(dice);
    let whole = u32::from_be_bytes([a, b, c, d]);
    match dice.below(7) {
        0 => whole.to_string(),
        1 => format!("0x{whole:x}"),
        2 => format!("{a:#o}.{b}.{c}.{d}").replace("0o", "0"),
        3 => format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        4 => format!("{a}.{}", whole & 0xff_ffff),
        5 => format!("{a}.{b}.{}", whole & 0xffff),
        _ => format!("{a:03}.{b:03}.{c:03}.{d:03}"),
    }
}

fn url(dice: &mut Dice) -> String {
    let mut text = pick(dice, &SCHEMES).to_owned();
    if dice.chance(8) {
        text.push_str(pick(dice, &USERS));
    }
    let host = match dice.below(100) {
        0..8 => v4_text(dice),
        8..12 => format!("[{}]", v6_text(dice)),
        12..15 => odd_v4(dice),
        _ => name(dice),
    };
    text.push_str(&host);
    if dice.chance(10) {
        text.push_str(pick(dice, &PORTS));
    }
    let path = path(dice);
    text.push_str(&path);
    if dice.chance(25) {
        write!(text, "?{}", pick(dice, &QUERIES)).unwrap();
    }
    if dice.chance(8) {
        text.push_str(pick(dice, &FRAGMENTS));
    }
    text
}

fn name(dice: &mut Dice) -> String {
    let mut text = String::new();
    text.push_str(match dice.below(100) {
        0..15 => "*.",
        15..28 => pick(dice, &["www.", "WWW.", "www.www.", "www..", "."]),
        _ => "",
    });
    for _ in 0..dice.skewed(5) {
        text.push_str(pick(dice, &LABELS));
        text.push_str(if dice.chance(2) { ".." } else { "." });
    }
    text.push_str(pick(dice, &SITES));
    if dice.chance(3) {
        text.push('.');
    }
    if dice.chance(10) { in_any_case(dice, text) } else { text }
}

fn path(dice: &mut Dice) -> String {
    let mut text = String::new();
    let segments = dice.skewed(5);
    for _ in 0..segments {
        text.push_str(if dice.chance(90) { "/" } else { pick(dice, &["//", "/./", "/x/../", "\\", "/../"]) });
        let segment = pick(dice, &SEGMENTS).to_owned();
        text.push_str(&if dice.chance(10) { in_any_case(dice, segment) } else { segment });
    }
    if text.starts_with('\\') {
        // A backslash after a host is another rule, and has draws of its own.
        text.replace_range(..1, "/");
    }
    match dice.below(100) {
        0..12 => text.push('/'),
        12..22 => text.push_str("/*"),
        _ => {}
    }
    text
}

/// What is meant to be refused, or nearly.
fn refused(dice: &mut Dice) -> String {
    match dice.below(15) {
        0 => String::new(),
        1 => odd_v4(dice),
        2 => range(dice),
        3 => format!("mailto:{}@example.com", pick(dice, &LABELS)),
        4 => format!("{}@{}", pick(dice, &LABELS), name(dice).trim_start_matches("*.")),
        5 => format!("*.{}", pick(dice, &["com", "co.uk", "kawasaki.jp", "foo.kawasaki.jp", "org/a"])),
        6 => format!("{}\\.example.com", pick(dice, &LABELS)),
        7 => format!("{}.example.com", "l".repeat(62 + dice.index(4))),
        8 => format!("{}example.com", "abcdefgh.".repeat(25 + dice.index(5))),
        9 => format!("example.com/{}", "x".repeat(8_170 + dice.index(30))),
        10 => format!("example.com{}/*", "/a".repeat(30 + dice.index(5))),
        11 => pick(
            dice,
            &["localhost", "example", "*", "*.*.example.com", "a.*.example.com", "*example.com", "http://"],
        )
        .to_owned(),
        12 => format!("{}.999", pick(dice, &["a.b", "192.0.2", "1.2.3.4"])),
        13 => pick(
            dice,
            &["ex!ample.com", "example.com:x", "[2001:db8::1", "a b.example.com", "exa\u{200b}mple.com"],
        )
        .to_owned(),
        _ => hash(dice).split_off(1),
    }
}

/// A range of addresses, alone or as the host of a URL.
fn range(dice: &mut Dice) -> String {
    let is_v6 = dice.chance(30);
    let range = pick(dice, if is_v6 { &V6_RANGES } else { &V4_RANGES }).to_owned();
    if dice.chance(40) {
        return range;
    }
    let host = if is_v6 { format!("[{range}]") } else { range };
    let user = if dice.chance(20) { pick(dice, &USERS) } else { "" };
    let end = pick(dice, &["", "", "/", "/a", "/24", ":80", ":80/x?q=1", "#f", "/*"]);
    format!("{}{user}{host}{end}", pick(dice, &SCHEMES))
}

fn defanged(dice: &mut Dice, text: &str) -> String {
    let mut text = text.to_owned();
    if ["[.]", "(.)", "[:]"].iter().any(|form| text.contains(form)) {
        return text;
    }
    if let Some(rest) = text.strip_prefix("http") {
        text = format!("hxxp{rest}");
    }
    let start = text.find("//").map_or(0, |slashes| slashes + 2);
    let end = text[start..].find(['/', '?', '#', '\\']).map_or(text.len(), |end| start + end);
    let host = &text[start..end];
    let host = match dice.below(4) {
        0 => host.to_owned(),
        1 => host.replace('.', "(.)"),
        2 => host.replacen('.', "[.]", 1),
        _ => host.replace('.', "[.]").replace(':', "[:]"),
    };
    format!("{}{host}{}", &text[..start], &text[end..])
}

/// Puts a character where none may be, or may be in what is dropped.
fn insert(dice: &mut Dice, text: &mut String) {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    if !places.is_empty() {
        let at = places[dice.index(places.len())];
        text.insert_str(at, pick(dice, &[" ", "\t", "\u{200b}", "\u{a0}", "\u{1}", "\u{7f}"]));
    }
}

fn noisy(dice: &mut Dice, text: String) -> String {
    if !dice.chance(12) {
        return text;
    }
    let (front, back) = (pick(dice, &BLANKS), pick(dice, &BLANKS));
    match dice.below(4) {
        0 => format!("{front}{text}"),
        1 => format!("{text}{back}"),
        2 => format!("{front}{back}{text}{back}{front}"),
        _ => format!("{front}{text}{back}"),
    }
}

fn in_any_case(dice: &mut Dice, text: String) -> String {
    match dice.below(3) {
        0 => text,
        1 => text.to_ascii_uppercase(),
        _ => text.chars().map(|one| if dice.chance(50) { one.to_ascii_uppercase() } else { one }).collect(),
    }
}
