//! Section 10, read slowly: from a text to a value or to the reason why it is none.
//!
//! In: a text as a client sends it. Out: the value. Nothing here is taken from the product: where the two differ, one
//! of them is wrong, and the contract says which.

use std::net::{IpAddr, Ipv6Addr};

use super::{
    addresses, names, paths,
    value::{Host, Refusal, Url, Value, is_blank},
};

/// Longest value, once its ends are cut.
const VALUE_BYTES_MAX: usize = 8_192;
/// Most segments of a path before `/*`; a choice of ours.
const MASK_SEGMENTS_MAX: usize = 32;
/// Schemes of which one slash is enough.
const SCHEMES: [&str; 3] = ["http", "https", "ftp"];

/// What may be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spelling {
    /// As a feed sends it.
    AsSent,
    /// Also what was printed: the white space of `%20` is plain there.
    OrPrinted,
}

/// A value, and the name of its host with each leading `www.` or with `*.`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reading {
    pub(crate) value: Value,
    pub(crate) full_name: Option<String>,
}

/// Reads a text.
pub(crate) fn read(text: &str, spelling: Spelling) -> Result<Reading, Refusal> {
    let text = text.trim_matches(is_blank);
    if text.is_empty() || VALUE_BYTES_MAX < text.len() || text.contains(char::is_control) {
        return Err(Refusal::Format);
    }
    let only = |value| Ok(Reading { value, full_name: None });
    if matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return only(Value::Hash(text.to_ascii_lowercase()));
    }
    if let Some(address) = addresses::plain(text) {
        return only(Value::Address(address));
    }
    if let Some(network) = addresses::network(text) {
        return network.and_then(only);
    }
    if addresses::is_range(text) {
        return Err(Refusal::AddressRange);
    }
    read_url(text, spelling)
}

/// A text that names a value: what is printed, but for a URL that would be a network without a scheme.
pub(crate) fn text_of(value: &Value) -> String {
    let printed = value.to_string();
    let looks_like_network = matches!(value, Value::Url(_)) && addresses::network(&printed).is_some();
    if looks_like_network { format!("http://{printed}") } else { printed }
}

fn read_url(text: &str, spelling: Spelling) -> Result<Reading, Refusal> {
    if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:")) {
        return Err(Refusal::EmailAddress);
    }
    let (has_scheme, rest) = without_scheme(text)?;
    // Without a scheme a backslash is no slash yet.
    let ends_host = |character| matches!(character, '/' | '?' | '#') || has_scheme && character == '\\';
    let (authority, rest) = rest.split_at(rest.find(ends_host).unwrap_or(rest.len()));
    if authority.contains('\\') {
        return Err(Refusal::Format);
    }
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let (host, port) = without_port(host)?;
    let says_address = has_scheme || user.is_some();
    let (is_below_host, host, full_name) = read_host(host, says_address)?;
    let is_name = full_name.is_some();
    let has_port = port.is_some_and(|port| !port.is_empty());
    if user.is_some() && is_name && !has_scheme && !has_port && !rest.starts_with('/') {
        return Err(Refusal::EmailAddress);
    }
    let rest = rest.split('#').next().unwrap();
    let (path, has_paths_below, query) = paths::read(rest);
    if has_paths_below && MASK_SEGMENTS_MAX < path.split('/').count() - 1 {
        return Err(Refusal::DeepMask);
    }
    let value = match host {
        Host::Address(address) if path.is_empty() && query.is_none() => Value::Address(address),
        host => Value::Url(Url { is_below_host, host, path, has_paths_below, query }),
    };
    // What was printed is its own normal form, and has no other spelling.
    let is_printed = spelling == Spelling::OrPrinted && value.to_string() == text;
    if rest.contains(is_blank) && !is_printed {
        return Err(Refusal::Format);
    }
    Ok(Reading { value, full_name })
}

/// Whether there is a scheme, and what follows it.
fn without_scheme(text: &str) -> Result<(bool, &str), Refusal> {
    let is_slash = |character| matches!(character, '/' | '\\');
    if text.starts_with("//") {
        return Ok((true, text.trim_start_matches(is_slash)));
    }
    let Some((scheme, rest)) = text.split_once(':') else { return Ok((false, text)) };
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '+' | '-' | '.'));
    let is_known = SCHEMES.contains(&scheme.as_str());
    if !is_scheme || !(rest.starts_with("//") || is_known && rest.starts_with(is_slash)) {
        return Ok((false, text));
    }
    if scheme.starts_with("hxxp") {
        return Err(Refusal::Format);
    }
    Ok((true, rest.trim_start_matches(is_slash)))
}

/// A host, and its port.
fn without_port(host: &str) -> Result<(&str, Option<&str>), Refusal> {
    let end = if host.starts_with('[') { host.find(']').ok_or(Refusal::Format)? } else { 0 };
    let Some(colon) = host[end..].find(':') else { return Ok((host, None)) };
    let (host, port) = host.split_at(end + colon);
    let port = &port[1..];
    if port.bytes().all(|byte| byte.is_ascii_digit()) { Ok((host, Some(port))) } else { Err(Refusal::Format) }
}

/// Whether it is a mask, the host, and its full name when it has one.
fn read_host(host: &str, says_address: bool) -> Result<(bool, Host, Option<String>), Refusal> {
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']').ok_or(Refusal::Format)?;
        let reason = if addresses::is_range(inside) { Refusal::AddressRange } else { Refusal::Format };
        let address: Ipv6Addr = inside.parse().or(Err(reason))?;
        return Ok((false, Host::Address(addresses::canonical(address)), None));
    }
    let name = names::without_extra_dots(&paths::decoded(host));
    if addresses::is_range(&name) {
        return Err(Refusal::AddressRange);
    }
    let (is_below_host, name) = name.strip_prefix("*.").map_or((false, name.as_str()), |name| (true, name));
    if let Some(address) = addresses::four_parts(name) {
        let host = Host::Address(IpAddr::V4(address));
        return if is_below_host { Err(Refusal::AddressRange) } else { Ok((false, host, None)) };
    }
    if addresses::ends_with_number(name) {
        let address = addresses::in_any_notation(name).map(|address| Host::Address(IpAddr::V4(address)));
        let parts: Vec<_> = name.split('.').collect();
        let is_decimal = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        return match address {
            _ if is_below_host => Err(Refusal::AddressRange),
            _ if !says_address && is_decimal && parts.len() == 4 && addresses::has_leading_zero(&parts) => {
                Err(Refusal::LeadingZero)
            }
            _ if !says_address && parts.len() == 1 => Err(Refusal::BareNumber),
            Some(host) if says_address => Ok((false, host, None)),
            Some(_) => Err(Refusal::BareNumber),
            None => Err(Refusal::Format),
        };
    }
    let full_name = names::in_ascii(name)?;
    if is_below_host {
        names::check_mask(&full_name)?;
        return Ok((true, Host::Name(full_name.clone()), Some(format!("*.{full_name}"))));
    }
    Ok((false, Host::Name(names::without_www(&full_name)?), Some(full_name)))
}
