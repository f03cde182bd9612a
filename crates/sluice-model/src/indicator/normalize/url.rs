//! URLs: scheme, user-info, port and fragment are cut off; host and rest are left to [`host`] and [`path`].
//!
//! Where the contract is silent: any scheme of the URL syntax is cut but a defanged one, which refuses the text; the
//! fragment begins at the first `#`; the authority ends at the first `/` or `?`, may have no `\`, and its user-info
//! goes up to the last `@` (so an e-mail address is its domain); a port is up to 65535 or empty; a missing host
//! refuses the text.

use crate::limits;

use super::{
    super::{
        key,
        kind::{IndicatorKind, NotAnIndicator},
    },
    host, path, refang,
};

/// Appends the key of a URL, or of the address that it comes to; leaves bytes behind on failure.
///
/// # Errors
///
/// The text is not a URL, or its normal form is over [`limits::INDICATOR_BYTES_MAX`].
pub(super) fn append(text: &str, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    let text = without_scheme(text)?;
    let (text, _fragment) = text.split_once('#').unwrap_or((text, ""));
    let (authority, rest) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
    if authority.contains('\\') {
        return Err(NotAnIndicator::Format);
    }
    let (_user_info, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));

    let start = key.len();
    key.push(key::URL);
    let address = host::append(without_port(host_and_port)?, key)?;
    let host_end = key.len();
    path::append(rest, key);
    if let Some(address) = address
        && key.len() == host_end
    {
        key.truncate(start);
        key::append_address(address, key);
        return Ok(IndicatorKind::Ip);
    }
    if limits::INDICATOR_BYTES_MAX + key::URL_KEY_OVERHEAD_BYTES < key.len() - start {
        return Err(NotAnIndicator::Format);
    }
    Ok(IndicatorKind::Url)
}

fn without_scheme(text: &str) -> Result<&str, NotAnIndicator> {
    let is_in_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let scheme_bytes = text.bytes().take_while(is_in_scheme).count();
    let (scheme, after) = text.split_at(scheme_bytes);
    match after.strip_prefix("://") {
        Some(_) if refang::real_scheme(scheme).is_some() => Err(NotAnIndicator::Format),
        Some(remainder) if scheme.starts_with(|first: char| first.is_ascii_alphabetic()) => Ok(remainder),
        _ => Ok(text),
    }
}

/// The short way of [`without_scheme`], for the schemes that nearly all URLs have.
pub(super) fn without_plain_scheme(text: &[u8]) -> &[u8] {
    let Some(after) = text.strip_prefix(b"http") else { return text };
    let after = after.strip_prefix(b"s").unwrap_or(after);
    after.strip_prefix(b"://").unwrap_or(text)
}

fn without_port(host_and_port: &str) -> Result<&str, NotAnIndicator> {
    let host_bytes = if host_and_port.starts_with('[') {
        host_and_port.find(']').ok_or(NotAnIndicator::Format)? + 1
    } else {
        host_and_port.find(':').unwrap_or(host_and_port.len())
    };
    let (host, after) = host_and_port.split_at(host_bytes);
    match after.strip_prefix(':') {
        None if after.is_empty() => Ok(host),
        Some(port) if is_port(port) => Ok(host),
        _ => Err(NotAnIndicator::Format),
    }
}

fn is_port(text: &str) -> bool {
    // `parse` would take a sign.
    text.is_empty() || text.as_bytes().iter().all(u8::is_ascii_digit) && text.parse::<u16>().is_ok()
}

/// The short way of [`without_port`]: takes the port, if there is one of 1 to 5 digits, off what follows a host.
///
/// What remains is nothing, or begins with `/` or `?`; `None` when it is anything else.
pub(super) fn without_plain_port(after: &[u8]) -> Option<&[u8]> {
    let rest = match after.strip_prefix(b":") {
        Some(port_and_rest) => {
            let digits = port_and_rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (port, rest) = port_and_rest.split_at_checked(digits)?;
            // Below 10,000 it is a port for certain.
            let is_port = (1..=4).contains(&digits) || digits == 5 && port <= b"65535".as_slice();
            if is_port { rest } else { return None }
        }
        None => after,
    };
    if matches!(rest, [] | [b'/' | b'?', ..]) { Some(rest) } else { None }
}
