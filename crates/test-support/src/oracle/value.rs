//! What section 10 knows: a hash, an address, a network or a URL, and why a text is none of them.
//!
//! In: parts that [`super::reading`] has found in a text. Out: the text that the contract stores and prints.

use std::{fmt, net::IpAddr};

/// A value in normal form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Value {
    /// Lower-case digits.
    Hash(String),
    Address(IpAddr),
    /// Its first address, and the bits that its addresses have in common.
    Network(IpAddr, u32),
    Url(Url),
}

/// A URL, a domain or a mask.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Url {
    /// Whether it begins with `*.`: it is about what is below the host.
    pub(crate) is_below_host: bool,
    pub(crate) host: Host,
    /// Empty, or `/` and segments; a `/` at its end only before a query.
    pub(crate) path: String,
    /// Whether it ended with `/*`: it is about the path and what is below it.
    pub(crate) has_paths_below: bool,
    pub(crate) query: Option<String>,
}

impl Url {
    /// Whether there is nothing behind the host.
    pub(crate) fn is_host_alone(&self) -> bool {
        self.path.is_empty() && self.query.is_none()
    }
}

/// Whom a URL names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// Why a text is no indicator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    Format,
    LeadingZero,
    BareNumber,
    AddressRange,
    EmailAddress,
    WideMask,
    DeepMask,
    WideNetwork,
}

impl Refusal {
    /// The reason that is told.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Format => "Invalid indicator format",
            Self::LeadingZero => "Invalid indicator format: an IPv4 address has no leading zeros",
            Self::BareNumber => "Invalid indicator format: a bare number is no IP address",
            Self::AddressRange => {
                "Invalid indicator format: ranges and wildcards of IP addresses are not taken"
            }
            Self::EmailAddress => "Invalid indicator format: an e-mail address is no URL",
            Self::WideMask => "Invalid indicator format: a mask of a public suffix is too wide",
            Self::DeepMask => "Invalid indicator format: a path before /* has at most 32 segments",
            Self::WideNetwork => "Invalid indicator format: a network is too wide",
        }
    }
}

impl Value {
    /// The word for its kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Hash(digits) if digits.len() == 32 => "md5",
            Self::Hash(digits) if digits.len() == 40 => "sha1",
            Self::Hash(_) => "sha256",
            Self::Address(IpAddr::V4(_)) => "ipv4",
            Self::Address(IpAddr::V6(_)) => "ipv6",
            Self::Network(..) => "cidr",
            Self::Url(url) if url.is_host_alone() => "domain",
            Self::Url(_) => "url",
        }
    }

    /// What follows the supplier's name in a category.
    pub(crate) fn category(&self) -> &'static str {
        match self {
            Self::Hash(digits) if digits.len() == 32 => "Hash_MD5",
            Self::Hash(digits) if digits.len() == 40 => "Hash_SHA1",
            Self::Hash(_) => "Hash_SHA256",
            Self::Address(_) | Self::Network(..) => "IP",
            Self::Url(_) => "URL",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(digits) => f.write_str(digits),
            Self::Address(address) => write!(f, "{address}"),
            Self::Network(address, bits) => write!(f, "{address}/{bits}"),
            Self::Url(url) => write!(f, "{url}"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_below_host { "*." } else { "" })?;
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::Address(address @ IpAddr::V4(_)) => write!(f, "{address}")?,
            Host::Address(address @ IpAddr::V6(_)) => write!(f, "[{address}]")?,
        }
        match &self.query {
            Some(query) => write!(f, "{}?{}", self.path, with_escaped_end(query)),
            None if self.has_paths_below => write!(f, "{}/*", with_escaped_end(&self.path)),
            None => f.write_str(&with_escaped_end(&self.path)),
        }
    }
}

/// A blank character at the end would be cut off when the text is read again, so it is an escape.
fn with_escaped_end(text: &str) -> String {
    let Some(last) = text.chars().next_back().filter(|last| is_blank(*last)) else { return text.to_owned() };
    let start = text[..text.len() - last.len_utf8()].to_owned();
    last.to_string().bytes().fold(start, |escaped, byte| format!("{escaped}%{byte:02x}"))
}

/// A character that is cut off both ends of a text, and refused inside.
pub(crate) fn is_blank(character: char) -> bool {
    matches!(
        character,
        ' ' | '\t' | '\r' | '\n' | '\u{a0}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{ad}' | '\u{2060}'
    )
}
