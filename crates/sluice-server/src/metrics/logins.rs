//! Credentials that were refused, by reason.
//!
//! In: the reason as the log tells it. Out: counts. Reasons are sentences in the log and words here.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    declared::LOGINS_REFUSED,
    exposition::{Exposition, Value},
};

#[cfg(test)]
mod tests;

/// What the log says, or a part of it, and the label that stands for it; the first that fits.
const REASONS: [[&str; 2]; 9] = [
    ["client certificate", "client_certificate"],
    ["no credentials", "no_credentials"],
    ["malformed credentials", "malformed"],
    ["unknown user", "unknown_user"],
    ["wrong password", "wrong_password"],
    ["unknown token", "unknown_token"],
    ["expired token", "expired_token"],
    ["too many attempts", "throttled"],
    ["it could not be checked", "not_checked"],
];

/// The label of any other reason.
const OTHER: &str = "other";

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LoginMetrics {
    refused: [AtomicU64; REASONS.len()],
    refused_otherwise: AtomicU64,
}

impl LoginMetrics {
    /// Counts a refusal.
    pub(crate) fn refused(&self, reason: &str) {
        let place = REASONS.iter().position(|[told, _]| reason.contains(told));
        let count = place.and_then(|place| self.refused.get(place)).unwrap_or(&self.refused_otherwise);
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells the counts.
    pub(crate) fn tell(&self, to: &mut Exposition) {
        let labels = REASONS.iter().map(|[_, label]| *label).chain([OTHER]);
        let counts = self.refused.iter().chain([&self.refused_otherwise]);
        let samples = labels.zip(counts).map(|(label, count)| {
            (vec![("reason", label.into())], Value::Whole(count.load(Ordering::Relaxed)))
        });
        to.add(LOGINS_REFUSED, samples);
    }
}
