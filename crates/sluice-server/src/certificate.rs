//! What a certificate says: whom it names, and from when until when it counts.
//!
//! In: a certificate as bytes. Out: names, times in seconds since 1970, and its fingerprint. Whether it is to be trusted is
//! for those who are shown it.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::clock::{DAY_SECONDS, date};

#[cfg(test)]
pub(crate) mod tests;

/// Seconds before the end of a certificate from which on that is warned of.
pub(crate) const ENDING_SECONDS: u64 = 30 * DAY_SECONDS;

/// Seconds since 1970 between which a certificate counts, both included; times before that are 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Validity {
    /// The first.
    pub(crate) begins_at_seconds: u64,
    /// The last.
    pub(crate) ends_at_seconds: u64,
}

/// How a certificate stands at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CertificateStanding {
    /// It counts, and does for a while.
    Good,
    /// It counts, but not for long; the words say how long.
    Ending(String),
    /// It does not count; the words say why.
    Refused(String),
}

/// The names and addresses in a certificate; none of what is no certificate.
pub(crate) fn names(certificate: &[u8]) -> Vec<String> {
    let Ok((_rest, certificate)) = X509Certificate::from_der(certificate) else { return vec![] };
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return vec![] };
    let mut names = Vec::new();
    for name in &alternatives.value.general_names {
        match name {
            GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let sixteen = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
                names.extend(four.or(sixteen).ok().map(|address| address.to_string()));
            }
            _ => {}
        }
    }
    names
}

/// The common name of the subject, if there is exactly one.
pub(crate) fn common_name(certificate: &[u8]) -> Option<String> {
    let (_rest, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut names = certificate.subject().iter_common_name();
    match (names.next(), names.next()) {
        (Some(only), None) => only.as_str().ok().map(str::to_owned),
        _ => None,
    }
}

/// SHA-256 of a certificate, as browsers and `openssl x509 -fingerprint -sha256` print it.
pub(crate) fn fingerprint(certificate: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

impl Validity {
    /// Reads it; `None` for what is no certificate.
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        let (_rest, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        let seconds = |timestamp: i64| u64::try_from(timestamp).unwrap_or(0);
        Some(Self {
            begins_at_seconds: seconds(validity.not_before.timestamp()),
            ends_at_seconds: seconds(validity.not_after.timestamp()),
        })
    }

    /// How the certificate stands at a moment.
    pub(crate) fn standing(self, now_seconds: u64) -> CertificateStanding {
        let (begins, ends) = (date(self.begins_at_seconds), date(self.ends_at_seconds));
        if self.ends_at_seconds < now_seconds {
            return CertificateStanding::Refused(format!(
                "the certificate ended at {ends}; clients refuse it"
            ));
        }
        if now_seconds < self.begins_at_seconds {
            return CertificateStanding::Refused(format!(
                "the certificate counts from {begins} on; clients refuse it"
            ));
        }
        let left_seconds = self.ends_at_seconds - now_seconds;
        if ENDING_SECONDS <= left_seconds {
            return CertificateStanding::Good;
        }
        CertificateStanding::Ending(format!(
            "the certificate ends at {ends}, in {} days",
            left_seconds / DAY_SECONDS
        ))
    }
}
