//! Text to key: what makes spellings that reach the same thing one indicator.
//!
//! In: one value as a client sent it. Out: its key appended to a buffer, or [`NotAnIndicator`] and the buffer as it
//! was. A bare hash, address or network is tried first, everything else is a URL. Laws: the printed form of a key is taken
//! by [`recognize_into`] as the same key, and by [`normalize_into`] too when it has no white space.
//!
//! Where the contract is silent: a control character or white space anywhere in the text refuses it, surrounding
//! white space included; a normal form longer than [`limits::INDICATOR_BYTES_MAX`] is refused as a text of that
//! length is; a URL that is nothing but an address is that address.
//!
//! Costs a fraction of a microsecond for ordinary values, and allocates for escapes and international names alone.

mod escape;
mod hash;
mod host;
mod ip;
mod network;
mod path;
mod plain;
mod refang;
mod url;

pub use self::refang::refang;

use crate::limits;

use super::{
    key,
    kind::{IndicatorKind, NotAnIndicator},
    network::Network,
};

/// Appends the key of `text` to `key` and returns its kind.
///
/// # Errors
///
/// [`NotAnIndicator`]; `key` is as before then.
pub fn normalize_into(text: &str, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    if let Some(kind) = hash::append(text, key).or_else(|| plain::append(text, key)) {
        return Ok(kind);
    }
    normalize_the_long_way(text, key)
}

/// Goes the long way, which takes every text.
fn normalize_the_long_way(text: &str, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    let start = key.len();
    let kind = if limits::INDICATOR_BYTES_MAX < text.len() || has_space_or_control(text) {
        Err(NotAnIndicator::Format)
    } else {
        append(text, key)
    };
    if kind.is_err() {
        key.truncate(start);
    }
    kind
}

/// Appends the key of `text`, which may also be a normal form that was printed by us, and returns its kind.
///
/// A normal form has its escapes decoded, so white space may stand in its path or query. Such a text is taken only
/// when it is, to the byte, what its key prints.
///
/// # Errors
///
/// [`NotAnIndicator`]; `key` is as before then.
pub fn recognize_into(text: &str, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    let reason = match normalize_into(text, key) {
        Ok(kind) => return Ok(kind),
        Err(reason) => reason,
    };
    if limits::INDICATOR_BYTES_MAX < text.len() || text.contains(char::is_control) {
        return Err(reason);
    }
    let start = key.len();
    if let Ok(kind) = append(text, key) {
        let (_before, appended) = key.split_at(start);
        let mut printed = String::with_capacity(text.len());
        key::write_normal_form(appended, &mut printed);
        if printed == text {
            return Ok(kind);
        }
    }
    key.truncate(start);
    Err(reason)
}

/// Appends the key of a text that was screened; leaves bytes behind on failure.
fn append(text: &str, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    if let Some(kind) = hash::append(text, key) {
        return Ok(kind);
    }
    if let Some(address) = ip::parse_bare(text) {
        key::append_address(address, key);
        return Ok(IndicatorKind::Ip);
    }
    if let Some(network) = network::parse(text) {
        return append_network(network, key);
    }
    url::append(text, key)
}

/// Appends the key of a network, or of the address that is all of it.
///
/// # Errors
///
/// The network is too wide to be stored.
fn append_network(network: Network, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    if network.is_address() {
        key::append_address(network.address(), key);
        return Ok(IndicatorKind::Ip);
    }
    if !network.is_storable() {
        return Err(NotAnIndicator::WideNetwork);
    }
    key::append_network(network, key);
    Ok(IndicatorKind::Network)
}

/// Returns true if there is a character that no client's text may have.
fn has_space_or_control(text: &str) -> bool {
    // Without branches, so that many bytes are looked at in one instruction.
    let mut found = 0_u8;
    for byte in text.bytes() {
        found |= u8::from(byte <= b' ') | u8::from(byte == 0x7f);
    }
    found != 0 || !text.is_ascii() && text.contains(|c: char| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests;
