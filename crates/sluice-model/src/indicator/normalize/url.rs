//! URLs: scheme, user-info, port and fragment are cut off; host and rest are left to [`host`] and [`path`].
//!
//! Slashes around the scheme are forgiven: one or more of either kind begin the host behind a scheme, two or more
//! without one, and then a `\` ends it as `/` does.
//!
//! Where the contract is silent: any scheme of the URL syntax is cut but a defanged one, which refuses the text, and one
//! with a dot that `//` does not follow, which is a host; the fragment begins at the first `#`; the authority ends at the
//! first `/` or `?`, without a scheme it may have no `\`, and its user-info goes up to the last `@`; a port is up to 65535
//! or empty; a missing host refuses the text; a name behind user-info without scheme, port and path is an e-mail address.

use crate::limits;

use super::{
    super::{
        ends, key,
        kind::{IndicatorKind, NotAnIndicator, Recognized},
    },
    host::{self, Host},
    ip::Notation,
    path, refang,
};

/// Slashes as they stand around a scheme.
pub(super) const SLASHES: [char; 2] = ['/', '\\'];

/// The scheme of e-mail addresses, which nothing like a URL follows.
const MAIL_SCHEME: &str = "mailto:";

/// The parts of a URL. Of those that the normal form has, `host` and `rest` alone are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Url<'t> {
    /// The scheme and the slashes around it.
    pub(super) scheme: &'t str,
    pub(super) host: &'t str,
    /// Empty if there is none.
    pub(super) port: &'t str,
    pub(super) rest: &'t str,
    /// The rest and the fragment.
    pub(super) tail: &'t str,
    notation: Notation,
    /// Whether it is an e-mail address if the host is a name.
    is_mail_of_name: bool,
}

impl<'t> Url<'t> {
    /// Splits a text without blank characters around it.
    ///
    /// # Errors
    ///
    /// It is not a URL.
    pub(super) fn split(text: &'t str) -> Result<Self, NotAnIndicator> {
        let mail_scheme = text.get(..MAIL_SCHEME.len());
        if mail_scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(MAIL_SCHEME)) {
            return Err(NotAnIndicator::EmailAddress);
        }
        let (scheme, text, has_scheme) = match without_scheme(text)? {
            Some(after) => (text.strip_suffix(after).unwrap_or(""), after, true),
            None => ("", text, false),
        };
        let authority_bytes = text.find(|end| matches!(end, '/' | '?' | '#') || has_scheme && end == '\\');
        let (authority, tail) = text.split_at(authority_bytes.unwrap_or(text.len()));
        let (rest, _fragment) = tail.split_once('#').unwrap_or((tail, ""));
        if authority.contains('\\') {
            return Err(NotAnIndicator::Format);
        }
        let (user_info, host_and_port) = match authority.rsplit_once('@') {
            Some((user_info, host_and_port)) => (Some(user_info), host_and_port),
            None => (None, authority),
        };
        let (host, port) = split_port(host_and_port)?;
        let is_address_expected = has_scheme || user_info.is_some();
        let notation = if is_address_expected { Notation::Any } else { Notation::Decimal };
        let is_url = has_scheme || !port.is_empty() || rest.starts_with('/');
        let is_mail_of_name = user_info.is_some() && !is_url;
        Ok(Self { scheme, host, port, rest, tail, notation, is_mail_of_name })
    }

    /// Returns true if a part has a blank character inside.
    pub(super) fn has_blank(self) -> bool {
        ends::has_blank(self.host) || ends::has_blank(self.rest)
    }

    /// Appends the key of the URL, or of the address that it comes to; leaves bytes behind on failure.
    ///
    /// # Errors
    ///
    /// The text is not a URL, or its normal form is over [`limits::INDICATOR_BYTES_MAX`].
    pub(super) fn append(self, key: &mut Vec<u8>) -> Result<Recognized, NotAnIndicator> {
        let start = key.len();
        key.push(key::URL);
        let host = host::append(self.host, self.notation, key)?;
        let host_end = key.len();
        if self.is_mail_of_name && matches!(host, Host::Name { .. }) {
            return Err(NotAnIndicator::EmailAddress);
        }
        path::append(self.rest, key);
        finish_prefix_mask(host_end, key)?;
        let www_labels = match host {
            Host::Address(address) if key.len() == host_end => {
                key.truncate(start);
                key::append_address(address, key);
                return Ok(IndicatorKind::Ip.into());
            }
            Host::Address(_) => 0,
            Host::Name { www_labels } => www_labels,
        };
        if limits::INDICATOR_BYTES_MAX + key::URL_KEY_OVERHEAD_BYTES < key.len() - start {
            return Err(NotAnIndicator::Format);
        }
        Ok(Recognized { kind: IndicatorKind::Url, www_labels })
    }
}

/// Cuts the `/*` off a bare host, of which it says nothing more, and checks that a prefix mask can be looked up.
fn finish_prefix_mask(host_end: usize, key: &mut Vec<u8>) -> Result<(), NotAnIndicator> {
    let rest = key.get(host_end..).unwrap_or_default();
    if !path::is_prefix_mask(rest) {
        return Ok(());
    }
    // One piece is before the first slash, and one behind the last.
    let segments = rest.split(|byte| *byte == b'/').count().saturating_sub(2);
    if limits::PREFIX_MASK_SEGMENTS_MAX < segments {
        return Err(NotAnIndicator::DeepMask);
    }
    if segments == 0 {
        key.truncate(host_end);
    }
    Ok(())
}

/// What follows the scheme and the slashes around it; `None` when the text has neither.
fn without_scheme(text: &str) -> Result<Option<&str>, NotAnIndicator> {
    let after_slashes = text.trim_start_matches(SLASHES);
    if 2 <= text.len() - after_slashes.len() {
        return Ok(Some(after_slashes));
    }
    let is_in_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let scheme_bytes = text.bytes().take_while(is_in_scheme).count();
    let (scheme, after) = text.split_at(scheme_bytes);
    let Some(after) = after.strip_prefix(':') else { return Ok(None) };
    let host = after.trim_start_matches(SLASHES);
    if host.len() == after.len() {
        return Ok(None);
    }
    if refang::real_scheme(scheme).is_some() {
        return Err(NotAnIndicator::Format);
    }
    // `example.com:/a` is a host with a port that is left out.
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && (after.starts_with("//") || !scheme.contains('.'));
    Ok(if is_scheme { Some(host) } else { None })
}

/// The short way of [`without_scheme`], for the schemes that nearly all URLs have.
pub(super) fn without_plain_scheme(text: &[u8]) -> &[u8] {
    let Some(after) = text.strip_prefix(b"http") else { return text };
    let after = after.strip_prefix(b"s").unwrap_or(after);
    after.strip_prefix(b"://").unwrap_or(text)
}

/// Splits a host and its port, which is empty if there is none.
fn split_port(host_and_port: &str) -> Result<(&str, &str), NotAnIndicator> {
    let host_bytes = if host_and_port.starts_with('[') {
        host_and_port.find(']').ok_or(NotAnIndicator::Format)? + 1
    } else {
        host_and_port.find(':').unwrap_or(host_and_port.len())
    };
    let (host, after) = host_and_port.split_at(host_bytes);
    match after.strip_prefix(':') {
        None if after.is_empty() => Ok((host, "")),
        Some(port) if is_port(port) => Ok((host, port)),
        _ => Err(NotAnIndicator::Format),
    }
}

fn is_port(text: &str) -> bool {
    // `parse` would take a sign.
    text.is_empty() || text.as_bytes().iter().all(u8::is_ascii_digit) && text.parse::<u16>().is_ok()
}

/// The short way of [`split_port`]: takes the port, if there is one of 1 to 5 digits, off what follows a host.
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
