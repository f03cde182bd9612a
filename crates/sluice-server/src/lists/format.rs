//! The formats of lists: their extensions, media types, and what each can say.
//!
//! In: an extension. Out: a format. How lines are written stands in [`render`](super::render).

use serde::{Deserialize, Serialize};
use sluice_model::KIND_WORDS;

use super::keys::Covering;

/// A format, named after its extension.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum ListFormat {
    Txt,
    Csv,
    Ndjson,
    Pan,
    Forti,
    Cisco,
    Ipset,
    Nft,
    Rpz,
    Unbound,
    Dnsmasq,
    Hosts,
    NginxGeo,
    NginxMap,
    HaproxyAcl,
    HaproxyMap,
    SquidDomains,
    SquidIps,
    SquidUrls,
    PostfixCidr,
    PostfixAccess,
    Rsc,
    Zeek,
    Snort,
    SuricataIprep,
    SuricataNdjson,
}

/// What is known of a format beside how it is written.
struct FormatRow {
    format: ListFormat,
    extension: &'static str,
    media_type: &'static str,
    kinds: &'static [&'static str],
    /// Whether a device reads one class of indicators from a list, and anything else wrongly.
    is_of_one_class: bool,
}

const TEXT: &str = "text/plain; charset=utf-8";
const ADDRESSES: &[&str] = &["ipv4", "ipv6", "cidr"];
const NAMES: &[&str] = &["domain"];
const NAMES_AND_ADDRESSES: &[&str] = &["ipv4", "ipv6", "cidr", "domain"];
const URLS: &[&str] = &["url"];
const NO_HASHES: &[&str] = &["ipv4", "ipv6", "cidr", "domain", "url"];
const SETS: &[&str] = &["ipv4", "ipv6", "domain", "md5", "sha256"];

/// What devices take as of one sort.
const CLASSES: [&[&str]; 4] = [ADDRESSES, NAMES, URLS, &["md5", "sha1", "sha256"]];

#[rustfmt::skip]
static ROWS: [FormatRow; 26] = {
    const fn row(format: ListFormat, extension: &'static str, media_type: &'static str, kinds: &'static [&'static str]) -> FormatRow {
        FormatRow { format, extension, media_type, kinds, is_of_one_class: false }
    }
    const fn of_one_class(format: ListFormat, extension: &'static str, media_type: &'static str, kinds: &'static [&'static str]) -> FormatRow {
        FormatRow { is_of_one_class: true, ..row(format, extension, media_type, kinds) }
    }
    [
        row(ListFormat::Txt, "txt", TEXT, &KIND_WORDS),
        row(ListFormat::Csv, "csv", "text/csv; charset=utf-8", &KIND_WORDS),
        row(ListFormat::Ndjson, "ndjson", "application/x-ndjson", &KIND_WORDS),
        of_one_class(ListFormat::Pan, "pan", TEXT, NO_HASHES),
        of_one_class(ListFormat::Forti, "forti", TEXT, &KIND_WORDS),
        of_one_class(ListFormat::Cisco, "cisco", TEXT, NO_HASHES),
        row(ListFormat::Ipset, "ipset", TEXT, ADDRESSES),
        row(ListFormat::Nft, "nft", TEXT, ADDRESSES),
        row(ListFormat::Rpz, "rpz", TEXT, NAMES_AND_ADDRESSES),
        row(ListFormat::Unbound, "unbound", TEXT, NAMES),
        row(ListFormat::Dnsmasq, "dnsmasq", TEXT, NAMES),
        row(ListFormat::Hosts, "hosts", TEXT, NAMES),
        row(ListFormat::NginxGeo, "nginx.geo", TEXT, ADDRESSES),
        row(ListFormat::NginxMap, "nginx.map", TEXT, NAMES),
        of_one_class(ListFormat::HaproxyAcl, "haproxy.acl", TEXT, NAMES_AND_ADDRESSES),
        of_one_class(ListFormat::HaproxyMap, "haproxy.map", TEXT, NAMES_AND_ADDRESSES),
        row(ListFormat::SquidDomains, "squid.domains", TEXT, NAMES),
        row(ListFormat::SquidIps, "squid.ips", TEXT, ADDRESSES),
        row(ListFormat::SquidUrls, "squid.urls", TEXT, URLS),
        row(ListFormat::PostfixCidr, "postfix.cidr", TEXT, ADDRESSES),
        row(ListFormat::PostfixAccess, "postfix.access", TEXT, NAMES),
        row(ListFormat::Rsc, "rsc", TEXT, ADDRESSES),
        row(ListFormat::Zeek, "zeek", TEXT, &KIND_WORDS),
        row(ListFormat::Snort, "snort", TEXT, ADDRESSES),
        row(ListFormat::SuricataIprep, "suricata.iprep", TEXT, ADDRESSES),
        of_one_class(ListFormat::SuricataNdjson, "suricata.ndjson", "application/x-ndjson", SETS),
    ]
};

impl ListFormat {
    /// The format with this extension.
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.extension == extension).map(|row| row.format)
    }

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.format)
    }

    /// Its extension.
    pub(crate) fn extension(self) -> &'static str {
        self.row().extension
    }

    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        self.row().media_type
    }

    /// Whether it can say an indicator of this kind.
    pub(crate) fn has(self, kind: &str) -> bool {
        self.row().kinds.contains(&kind)
    }

    /// By which names other names are said in it; `None` if each is said for itself.
    pub(super) fn covering(self) -> Option<Covering> {
        match self {
            Self::Rpz | Self::Dnsmasq | Self::NginxMap => Some(Covering::All),
            Self::Unbound | Self::PostfixAccess => Some(Covering::Names),
            Self::SquidDomains | Self::Cisco => Some(Covering::Clean),
            _ => None,
        }
    }

    /// Why a list of these kinds has no such format.
    pub(crate) fn refusal(self, kinds: &[&str]) -> Option<&'static str> {
        if !kinds.iter().any(|kind| self.has(kind)) {
            return Some("The format can say none of the kinds of the list");
        }
        let classes = CLASSES.iter().filter(|class| kinds.iter().any(|kind| class.contains(kind)));
        // A set has hashes of one length.
        let is_mixed = self == Self::SuricataNdjson && kinds.contains(&"md5") && kinds.contains(&"sha256");
        if is_mixed || self.row().is_of_one_class && 1 < classes.count() {
            return Some(
                "Of a list in this format, devices read addresses, names, URLs or hashes; give the list kinds of one of these",
            );
        }
        None
    }

    fn row(self) -> &'static FormatRow {
        // Each has one, as a test holds.
        let [first, ..] = &ROWS;
        ROWS.iter().find(|row| row.format == self).unwrap_or(first)
    }
}

impl TryFrom<String> for ListFormat {
    type Error = &'static str;

    fn try_from(extension: String) -> Result<Self, &'static str> {
        Self::of_extension(&extension).ok_or("no format of a list")
    }
}

impl From<ListFormat> for String {
    fn from(format: ListFormat) -> Self {
        format.extension().to_owned()
    }
}

#[cfg(test)]
mod tests;
