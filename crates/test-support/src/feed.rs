//! A feed made up from a seed, in the likeness of a real one: the same mix of kinds, lengths, repeats, contexts and
//! tags.
//!
//! In: a seed and the number of a row. Out: the object of a `PUT indicators` body, the same for ever, whatever rows
//! were asked for before. The real one is a million rows drawn at random from public lists; `SHARES` has how many of
//! them each kind of source has. As there, about one row in fifty repeats an indicator, perhaps in another spelling, a
//! third of the rows have a context of their own, and a few names, contexts and tags are in very many rows.
//!
//! The rows are not about anything that exists: names are below `.test`, `.example` and `.invalid`, which are reserved,
//! IPv6 addresses are those for documentation, and what else there is is drawn at random.

mod indicators;
mod sources;
mod words;

use std::collections::BTreeSet;

use self::{indicators::Kind, sources::Source};
use crate::dice::Dice;

/// Rows of the real feed, and of one that is made up unless told otherwise.
pub const ROWS: usize = 1_000_000;

/// How many rows of a million are of which source and kind.
const SHARES: [(Source, Kind, u64); 26] = [
    (Source::Reports, Kind::Url, 185_778),
    (Source::Trails, Kind::Domain, 181_414),
    (Source::Payloads, Kind::Ipv4, 100_577),
    (Source::DailyLists, Kind::Ipv4, 74_406),
    (Source::Analyses, Kind::Sha256, 63_648),
    (Source::NameLists, Kind::Domain, 40_006),
    (Source::Payloads, Kind::Url, 33_476),
    (Source::PlainLists, Kind::Domain, 33_330),
    (Source::Trails, Kind::Url, 33_097),
    (Source::DailyLists, Kind::Domain, 31_527),
    (Source::Reports, Kind::Sha256, 23_956),
    (Source::Trails, Kind::Sha256, 23_939),
    (Source::Reports, Kind::Domain, 23_440),
    (Source::Controls, Kind::Ipv4, 22_940),
    (Source::PlainLists, Kind::Ipv4, 21_014),
    (Source::Blacklists, Kind::Ipv4, 18_215),
    (Source::Payloads, Kind::Domain, 18_005),
    (Source::Reports, Kind::Ipv4, 15_572),
    (Source::Analyses, Kind::Sha1, 11_794),
    (Source::Analyses, Kind::Md5, 10_591),
    (Source::Relays, Kind::Ipv6, 9_106),
    (Source::Relays, Kind::Ipv4, 8_883),
    (Source::Reports, Kind::Md5, 8_091),
    (Source::PlainLists, Kind::Url, 5_001),
    (Source::DailyLists, Kind::Ipv6, 1_253),
    (Source::Trails, Kind::Ipv4, 941),
];

/// Appends the object of a row.
pub fn write_row(seed: u64, number: u64, row: &mut String) {
    let mut dice = Dice::new(&[seed, number]);
    let (source, kind) = draw_share(&mut dice);
    row.push_str("{\"indicator\":\"");
    indicators::write(kind, source.has_bare_urls(), &mut dice, row);
    row.push_str("\",\"context\":");
    let tags = source.write_context(kind, &mut dice, row);
    for (index, tag) in tags.iter().enumerate() {
        row.push_str(if index == 0 { ",\"tags\":[\"" } else { "\",\"" });
        row.push_str(tag);
    }
    row.push_str(if tags.is_empty() { "}" } else { "\"]}" });
}

/// All tags that rows may have, in order.
pub fn tags() -> BTreeSet<String> {
    sources::tags()
}

fn draw_share(dice: &mut Dice) -> (Source, Kind) {
    let mut left = dice.below(SHARES.iter().map(|(_, _, rows)| rows).sum());
    for (source, kind, rows) in SHARES {
        if left < rows {
            return (source, kind);
        }
        left -= rows;
    }
    unreachable!("the shares add up to the bound")
}

#[cfg(test)]
mod tests;
