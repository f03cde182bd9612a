//! A feed of our own making: the shape of real ones, the values of documentation ranges.
//!
//! In: a number of rows. Out: the objects of a `PUT indicators` body, one a line, always the same ones, and the
//! tags that they carry. A third are domains, a quarter each addresses and URLs, a ninth SHA-256 digests, the rest
//! other digests and IPv6; contexts have about 110 bytes, and one row in fourteen has no tags.

use std::fmt::Write as _;

/// Tags that generated rows carry.
pub const TAGS: [&str; 6] = ["MALWARE", "PHISHING", "BOTNET-C2", "SCAM", "SPAM-LIST", "EXPLOIT-KIT"];

const WORDS: [&str; 8] = ["login", "update", "cdn7", "secure-mail", "a", "static", "x4kq9vwz", "shop"];
const SOURCES: [&str; 4] =
    ["example/malware-list", "example/domains", "example.net/feeds", "example/phishing-daily"];

/// Numbers that look random and are the same each time (xorshift).
#[derive(Clone, Debug)]
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.below(of.len() as u64)).unwrap_or_default();
        of.get(index).copied().unwrap_or_default()
    }
}

/// Writes `rows_count` objects, one a line.
pub fn feed(rows_count: usize) -> String {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut feed = String::new();
    for _ in 0..rows_count {
        let (indicator, kind) = indicator(&mut numbers);
        let row = write!(feed, "{{\"indicator\":\"{indicator}\",\"context\":{}", context(kind, &mut numbers))
            .and_then(|()| write_tags(&mut feed, &mut numbers));
        if row.is_err() {
            break;
        }
        feed.push_str("}\n");
    }
    feed
}

fn write_tags(feed: &mut String, numbers: &mut Numbers) -> std::fmt::Result {
    match numbers.below(14) {
        0 => Ok(()),
        1..9 => write!(feed, ",\"tags\":[\"{}\"]", numbers.pick(&TAGS)),
        _ => write!(feed, ",\"tags\":[\"{}\",\"{}\"]", numbers.pick(&TAGS), numbers.pick(&TAGS)),
    }
}

fn context(kind: &str, numbers: &mut Numbers) -> String {
    let source = numbers.pick(&SOURCES);
    match numbers.below(3) {
        0 => format!(
            "{{\"source\":\"{source}\",\"list\":\"{kind}-{}d\",\"blacklists\":{},\"last_update\":\"2026-08-22\"}}",
            numbers.below(90),
            numbers.below(9)
        ),
        1 => format!(
            "{{\"source\":\"{source}\",\"threat\":\"{}\",\"category\":\"malware\",\"reference\":\"https://www.example.org/gui/{kind}/{:x}/relations\"}}",
            numbers.pick(&WORDS),
            numbers.next()
        ),
        _ => format!(
            "{{\"source\":\"{source}\",\"first_seen\":\"2026-08-{:02} 04:40:00\",\"reporter\":\"reporter-{:08x}\",\"ioc_type\":\"{kind}\"}}",
            numbers.below(28) + 1,
            numbers.below(1 << 32)
        ),
    }
}

fn host(numbers: &mut Numbers) -> String {
    let domain = numbers.pick(&["example.com", "example.org", "example.net", "example", "test"]);
    match numbers.below(3) {
        0 => format!("{}{}.{domain}", numbers.pick(&WORDS), numbers.below(100_000)),
        1 => format!("{}.{:x}.{domain}", numbers.pick(&WORDS), numbers.below(1 << 40)),
        _ => format!("{:x}.{domain}", numbers.below(1 << 32)),
    }
}

fn digits(count: usize, numbers: &mut Numbers) -> String {
    let mut digits = String::new();
    while digits.len() < count {
        if write!(digits, "{:016x}", numbers.next()).is_err() {
            break;
        }
    }
    digits.truncate(count);
    digits
}

/// Makes one indicator and names its kind.
fn indicator(numbers: &mut Numbers) -> (String, &'static str) {
    let kind = match numbers.below(100) {
        0..33 => "domain",
        33..59 => "ipv4",
        59..85 => "url",
        85..96 => "sha256",
        96..98 => "md5",
        98 => "sha1",
        _ => "ipv6",
    };
    (of_kind(kind, numbers), kind)
}

fn of_kind(kind: &str, numbers: &mut Numbers) -> String {
    match kind {
        "domain" => host(numbers),
        "ipv4" => {
            let net = numbers.pick(&["192.0.2", "198.51.100", "203.0.113", "198.18.77"]);
            format!("{net}.{}", numbers.below(256))
        }
        "ipv6" => format!("2001:db8:{:x}::{:x}", numbers.below(1 << 16), numbers.below(1 << 16)),
        "sha256" => digits(64, numbers),
        "sha1" => digits(40, numbers),
        "md5" => digits(32, numbers),
        _ => {
            let scheme = numbers.pick(&["http", "https"]);
            match numbers.below(4) {
                0 => format!("{scheme}://{}/{}", host(numbers), numbers.pick(&WORDS)),
                1 => format!("{scheme}://192.0.2.{}:{}/i", numbers.below(256), numbers.below(60_000)),
                2 => format!("{scheme}://{}", host(numbers)),
                _ => format!(
                    "{scheme}://{}/a/{:x}.php?id={}",
                    host(numbers),
                    numbers.next(),
                    numbers.below(999)
                ),
            }
        }
    }
}
