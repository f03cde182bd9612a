//! URLs: scheme, user-info, port and fragment are cut off; host and rest are left to [`host`] and [`path`].
//!
//! Where the contract is silent: any scheme of the URL syntax is cut but a defanged one, which refuses the text; the
//! fragment begins at the first `#`; the authority ends at the first `/` or `?`, may have no `\`, and its user-info
//! goes up to the last `@` (so an e-mail address is its domain); a port is up to 65535 or empty; a missing host
//! refuses the text.

use crate::{indicator::IndicatorKind, key, limits};

use super::{NotAnIndicator, host, path, refang};

/// Appends the key of a URL, or of the address that it comes to; leaves bytes behind on failure.
///
/// # Errors
///
/// The text is no URL, or its normal form is over [`limits::INDICATOR_BYTES_MAX`].
pub(super) fn append(text: &str, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    let text = without_scheme(text)?;
    let text = text.split_once('#').map_or(text, |(before, _fragment)| before);
    let (authority, rest) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
    if authority.contains('\\') {
        return Err(NotAnIndicator);
    }
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_user_info, after)| after);

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
        return Err(NotAnIndicator);
    }
    Ok(IndicatorKind::Url)
}

fn without_scheme(text: &str) -> Result<&str, NotAnIndicator> {
    let end = text
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))
        .unwrap_or(text.len());
    let (scheme, after) = text.split_at(end);
    match after.strip_prefix("://") {
        Some(_) if refang::real_scheme(scheme).is_some() => Err(NotAnIndicator),
        Some(remainder) if scheme.starts_with(|first: char| first.is_ascii_alphabetic()) => Ok(remainder),
        _ => Ok(text),
    }
}

fn without_port(host_and_port: &str) -> Result<&str, NotAnIndicator> {
    let host_end = if host_and_port.starts_with('[') {
        host_and_port.find(']').map_or(host_and_port.len(), |bracket| bracket + 1)
    } else {
        host_and_port.find(':').unwrap_or(host_and_port.len())
    };
    let (host, after) = host_and_port.split_at(host_end);
    match after.strip_prefix(':') {
        None if after.is_empty() => Ok(host),
        Some(port) if is_port(port) => Ok(host),
        _ => Err(NotAnIndicator),
    }
}

fn is_port(text: &str) -> bool {
    // `parse` would take a sign.
    text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}
