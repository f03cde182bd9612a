//! Text to key: what makes spellings that reach the same thing one indicator.
//!
//! In: one value as a client sent it. Out: its key appended to a buffer, or [`NotAnIndicator`] and the buffer as it
//! was. What is blank around the value is cut off; a bare hash, address or network is tried first, everything else is a
//! URL. Laws: the printed form of a key is taken by [`recognize_into`] as the same key, and by [`normalize_into`] too when
//! it has nothing blank in it.
//!
//! Where the contract is silent: a control character anywhere inside the text refuses it, a blank one in a part that is
//! kept; a normal form longer than [`limits::INDICATOR_BYTES_MAX`] is refused as a text of that length is; a URL that is
//! nothing but an address is that address.
//!
//! Costs a fraction of a microsecond for ordinary values, and allocates for escapes and international names alone.

mod escape;
mod hash;
mod host;
mod ip;
mod network;
mod path;
mod plain;
mod range;
mod refang;
mod spelling;
mod url;

use std::borrow::Cow;

use crate::limits;

use self::url::Url;
pub use self::{refang::refang, spelling::write_sent};
pub use super::kind::Recognized;
use super::{
    ends, key,
    kind::{IndicatorKind, NotAnIndicator},
    network::Network,
};

/// Appends the key of `text` to `key` and returns its kind.
///
/// # Errors
///
/// [`NotAnIndicator`]; `key` is as before then.
pub fn normalize_into(text: &str, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    normalize(text, key).map(|(recognized, _is_enough)| recognized.kind)
}

/// Appends the key of `text` to `key`, and to `spelling` how it was spelled, if the key does not say enough of that; returns
/// its kind. `normal` is a buffer.
///
/// # Errors
///
/// [`NotAnIndicator`]; `key` and `spelling` are as before then.
pub fn normalize_spelled(
    text: &str,
    key: &mut Vec<u8>,
    normal: &mut String,
    spelling: &mut Vec<u8>,
) -> Result<IndicatorKind, NotAnIndicator> {
    let start = key.len();
    let (recognized, is_enough) = normalize(text, key)?;
    if !is_enough {
        spelling::append(text, key.get(start..).unwrap_or_default(), normal, spelling);
    }
    Ok(recognized.kind)
}

/// Appends the key of `text`, which may also be a normal form that was printed by us, and returns its kind.
///
/// A normal form has its escapes decoded, so blank characters may stand in its path or query. Such a text is taken only
/// when it is, to the byte, what its key prints.
///
/// # Errors
///
/// [`NotAnIndicator`]; `key` is as before then.
pub fn recognize_into(text: &str, key: &mut Vec<u8>) -> Result<IndicatorKind, NotAnIndicator> {
    recognize(text, key).map(|recognized| recognized.kind)
}

/// Appends the key of a looked-up `text`: what is not recognized as it stands is tried again refanged.
///
/// # Errors
///
/// [`NotAnIndicator`]; `key` is as before then.
pub fn recognize_object(text: &str, key: &mut Vec<u8>) -> Result<Recognized, NotAnIndicator> {
    recognize(text, key).or_else(|reason| match refang(text) {
        Cow::Owned(refanged) => recognize(&refanged, key),
        Cow::Borrowed(_) => Err(reason),
    })
}

/// Appends the key, and tells whether it says enough of how the text is spelled; false if that is not certain.
fn normalize(text: &str, key: &mut Vec<u8>) -> Result<(Recognized, bool), NotAnIndicator> {
    if let Some(kind) = hash::append(text, key) {
        return Ok((kind.into(), true));
    }
    match plain::append(text, key) {
        Some(normalized) => Ok(normalized),
        None => normalize_the_long_way(text, key),
    }
}

/// Goes the long way, which takes every text.
fn normalize_the_long_way(text: &str, key: &mut Vec<u8>) -> Result<(Recognized, bool), NotAnIndicator> {
    let (start, text) = (key.len(), ends::cut(text));
    let recognized =
        if is_out_of_the_question(text) { Err(NotAnIndicator::Format) } else { append(text, key) };
    recognized.map_err(|reason| {
        key.truncate(start);
        match reason {
            NotAnIndicator::Format if range::is_address_range(text) => NotAnIndicator::AddressRange,
            reason => reason,
        }
    })
}

fn recognize(text: &str, key: &mut Vec<u8>) -> Result<Recognized, NotAnIndicator> {
    let reason = match normalize(text, key) {
        Ok((recognized, _is_enough)) => return Ok(recognized),
        Err(reason) => reason,
    };
    let (start, text) = (key.len(), ends::cut(text));
    if !is_out_of_the_question(text)
        && let Ok(url) = Url::split(text)
        && url.has_blank()
        && let Ok(recognized) = url.append(key)
    {
        let (_before, appended) = key.split_at(start);
        let mut printed = String::with_capacity(text.len());
        key::write_normal_form(appended, &mut printed);
        if printed == text {
            return Ok(recognized);
        }
    }
    key.truncate(start);
    Err(reason)
}

/// Appends the key of a text that was screened; leaves bytes behind on failure.
fn append(text: &str, key: &mut Vec<u8>) -> Result<(Recognized, bool), NotAnIndicator> {
    if let Some(kind) = hash::append(text, key) {
        return Ok((kind.into(), true));
    }
    if let Some(address) = ip::parse_bare(text) {
        key::append_address(address, key);
        return Ok((IndicatorKind::Ip.into(), true));
    }
    if let Some(network) = network::parse(text) {
        return append_network(network, key).map(|recognized| (recognized, true));
    }
    if network::has_dotted_mask(text) {
        return Err(NotAnIndicator::AddressRange);
    }
    let url = Url::split(text)?;
    if url.has_blank() {
        return Err(NotAnIndicator::Format);
    }
    url.append(key).map(|recognized| (recognized, false))
}

/// Appends the key of a network, or of the address that is all of it.
///
/// # Errors
///
/// The network is too wide to be stored.
fn append_network(network: Network, key: &mut Vec<u8>) -> Result<Recognized, NotAnIndicator> {
    if network.is_address() {
        key::append_address(network.address(), key);
        return Ok(IndicatorKind::Ip.into());
    }
    if !network.is_storable() {
        return Err(NotAnIndicator::WideNetwork);
    }
    key::append_network(network, key);
    Ok(IndicatorKind::Network.into())
}

/// Returns true if no kind has such a text: it is too long, or there is a control character in it.
fn is_out_of_the_question(text: &str) -> bool {
    // Without branches, so that many bytes are looked at in one instruction.
    let mut found = 0_u8;
    for byte in text.bytes() {
        found |= u8::from(byte < b' ') | u8::from(byte == 0x7f);
    }
    found != 0
        || limits::INDICATOR_BYTES_MAX < text.len()
        || !text.is_ascii() && text.contains(char::is_control)
}

#[cfg(test)]
mod tests;
